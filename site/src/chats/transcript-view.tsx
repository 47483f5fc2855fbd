import { ArrowDown, ArrowUp, Pencil, Scissors } from "lucide-react";
import { memo, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Button } from "@/ui/button";
import { cn } from "@/ui/cn";
import { CopyButton } from "@/ui/copy";
import { CompactionCard } from "./compaction-card";
import { Markdown } from "./markdown";
import { Reasoning } from "./reasoning";
import { ToolCard } from "./tool-card";
import type { Block, ViewPart } from "./transcript";

interface TranscriptProps {
  /** What is settled, and what is being written. Kept apart: the first is long and changes seldom. */
  settled: Block[];
  written: Block[];
  busy: boolean;
  /** The message that is being edited: what stands after it will be cut. */
  editing: number | null;
  onEdit?: (messageId: number, text: string) => void;
}

/** How many blocks are drawn at first: more than a screen holds, few enough to be there at once. */
const FIRST = 16;
/** How many more each time the reader comes to the top. */
const MORE = 40;

/** The conversation. Follows the end while the reader is there, and stays put when they scroll up. */
export function Transcript({ settled, written, busy, editing, onEdit }: TranscriptProps) {
  const box = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  const heightBefore = useRef<number | null>(null);
  const [away, setAway] = useState(false);
  const [hidden, setHidden] = useState(Math.max(0, settled.length - FIRST));
  const skipped = hidden < settled.length ? hidden : Math.max(0, settled.length - FIRST);

  const toEnd = useCallback(() => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, []);

  useEffect(() => {
    const content = box.current?.firstElementChild;
    if (!content) return;
    const observer = new ResizeObserver(() => {
      if (stuck.current) toEnd();
    });
    observer.observe(content);
    toEnd();
    return () => observer.disconnect();
  }, [toEnd]);

  const earlier = () => {
    heightBefore.current = box.current?.scrollHeight ?? null;
    setHidden(Math.max(0, skipped - MORE));
  };
  // What was in sight stays in sight when more is put above it.
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || heightBefore.current === null) return;
    element.scrollTop += element.scrollHeight - heightBefore.current;
    heightBefore.current = null;
  }, [skipped]);

  // A tall window may hold more than what was drawn first.
  useEffect(() => {
    const element = box.current;
    if (element && skipped > 0 && element.scrollHeight <= element.clientHeight && element.clientHeight > 0) setHidden(Math.max(0, skipped - MORE));
  }, [skipped]);

  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    stuck.current = element.scrollHeight - element.scrollTop - element.clientHeight < 60;
    setAway(!stuck.current);
    if (skipped > 0 && element.scrollTop < 80 && !stuck.current) earlier();
  };

  const cutAt = editing === null ? settled.length : settled.findIndex((block) => block.messageId === editing);
  const shown = [...settled.slice(skipped), ...written];
  return (
    <div className="relative min-h-0 flex-1">
      <div ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-label="Conversation" aria-live="off" className="h-full overflow-y-auto" data-testid="transcript">
        <div className="mx-auto w-full max-w-3xl space-y-6 px-4 py-6 sm:px-6">
          {skipped > 0 ? (
            <div className="text-center">
              <Button size="sm" variant="ghost" onClick={earlier}>
                <ArrowUp aria-hidden />
                {skipped} earlier
              </Button>
            </div>
          ) : null}
          {shown.length === 0 && !busy ? <p className="text-sm text-muted-foreground">This chat has no messages yet.</p> : null}
          {shown.map((block, i) => (
            <div key={block.key} className={cn(skipped + i > cutAt && "border-l-2 border-dashed border-danger/60 pl-4")} data-cut={skipped + i > cutAt || undefined}>
              {skipped + i === cutAt + 1 ? (
                <p className="flex items-center gap-2 pb-4 text-[0.8125rem] font-medium text-danger-text">
                  <Scissors aria-hidden className="size-4" />
                  From here on, this is cut when you send.
                </p>
              ) : null}
              <BlockView block={block} onEdit={onEdit} />
            </div>
          ))}
        </div>
      </div>
      {away ? (
        <Button size="sm" onClick={toEnd} className="absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full shadow-md">
          <ArrowDown aria-hidden />
          Newest
        </Button>
      ) : null}
    </div>
  );
}

interface BlockProps {
  block: Block;
  onEdit: TranscriptProps["onEdit"];
}

const BlockView = memo(function BlockView({ block, onEdit }: BlockProps) {
  if (block.role === "user") return <UserBlock block={block} onEdit={onEdit} />;
  const text = plainText(block);
  return (
    <article className="group relative space-y-3" data-testid="message" data-role="assistant" data-live={block.live} aria-busy={block.live}>
      <h2 className="sr-only">Answer</h2>
      {block.parts.map((part, i) => (
        <AnswerPart key={partKey(part, i)} part={part} live={block.live && i === block.parts.length - 1} />
      ))}
      {text && !block.live ? (
        <div className="absolute top-full left-0 -translate-x-1.5 opacity-0 transition-opacity group-hover:opacity-100 focus-within:opacity-100 pointer-coarse:opacity-100">
          <CopyButton text={text} label="Copy the answer" />
        </div>
      ) : null}
    </article>
  );
}, sameBlock);

function partKey(part: ViewPart, at: number): string | number {
  return part.kind === "tool" ? part.tool.callId : part.kind === "compaction" ? part.callId : at;
}

function plainText(block: Block): string {
  return block.parts.map((part) => (part.kind === "text" ? part.text : "")).filter(Boolean).join("\n\n");
}

function UserBlock({ block, onEdit }: BlockProps) {
  const { messageId } = block;
  const text = plainText(block);
  return (
    <article className="group flex items-end justify-end gap-1" data-testid="message" data-role="user">
      <h2 className="sr-only">You</h2>
      {onEdit && messageId !== null && text ? (
        <Button variant="ghost" size="iconSm" aria-label="Edit this message" title="Edit this message and answer it anew" className="opacity-0 group-hover:opacity-100 focus-visible:opacity-100 pointer-coarse:opacity-100" onClick={() => onEdit(messageId, text)} data-testid="edit-message">
          <Pencil aria-hidden />
        </Button>
      ) : null}
      <div data-testid="user-text" className="max-w-[85%] rounded-2xl rounded-br-md bg-accent px-4 py-2.5 text-[0.9375rem] leading-6 text-accent-foreground" title={block.createdAt ? new Date(block.createdAt).toLocaleString() : undefined}>
        {block.parts.map((part, i) => (
          <UserPart key={i} part={part} />
        ))}
      </div>
    </article>
  );
}

/** Committed blocks change only when one of their tools does; everything else about them is settled. */
function sameBlock({ block: a, onEdit: before }: BlockProps, { block: b, onEdit: after }: BlockProps): boolean {
  if (before !== after) return false;
  if (a === b) return true;
  if (a.key !== b.key || a.live || b.live || a.parts.length !== b.parts.length || a.key === "preview") return false;
  return a.parts.every((part, i) => {
    const other = b.parts[i];
    if (!other || part.kind !== other.kind) return false;
    if (part.kind === "tool" && other.kind === "tool") {
      const { tool } = part;
      return tool.state === other.tool.state && tool.output === other.tool.output && tool.result === other.tool.result && tool.answerable === other.tool.answerable;
    }
    if (part.kind === "compaction" && other.kind === "compaction") return part.compaction?.summary === other.compaction?.summary;
    return part.kind === "text" && other.kind === "text" ? part.text === other.text : true;
  });
}

function UserPart({ part }: { part: ViewPart }) {
  if (part.kind === "text") return <p className="break-words whitespace-pre-wrap">{part.text}</p>;
  if (part.kind === "file") return <p className="font-mono text-xs">{part.name}</p>;
  return null;
}

function AnswerPart({ part, live }: { part: ViewPart; live: boolean }) {
  switch (part.kind) {
    case "text":
      return <Markdown text={part.text} live={live} />;
    case "reasoning":
      return <Reasoning text={part.text} live={live} {...(part.ms === undefined ? {} : { ms: part.ms })} />;
    case "tool":
      return <ToolCard tool={part.tool} />;
    case "compaction":
      return <CompactionCard compaction={part.compaction} />;
    case "source":
      return (
        <a href={part.url} target="_blank" rel="noreferrer noopener" className="block truncate text-[0.8125rem] text-info-text underline underline-offset-2">
          {part.title}
        </a>
      );
    case "file":
      return <p className="font-mono text-xs text-muted-foreground">{part.name}</p>;
  }
}
