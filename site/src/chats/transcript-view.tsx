import { ArrowDown } from "lucide-react";
import { memo, useCallback, useEffect, useRef, useState } from "react";
import { Button } from "@/ui/button";
import { Markdown } from "./markdown";
import { Reasoning } from "./reasoning";
import { ToolCard } from "./tool-card";
import type { Block, ViewPart } from "./transcript";

/** The conversation. Follows the end while the reader is there, and stays put when they scroll up. */
export function Transcript({ blocks, busy }: { blocks: Block[]; busy: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  const [away, setAway] = useState(false);

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

  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    stuck.current = element.scrollHeight - element.scrollTop - element.clientHeight < 60;
    setAway(!stuck.current);
  };

  return (
    <div className="relative min-h-0 flex-1">
      <div ref={box} onScroll={onScroll} className="h-full overflow-y-auto" data-testid="transcript">
        <div className="mx-auto w-full max-w-3xl space-y-6 px-4 py-6 sm:px-6">
          {blocks.length === 0 && !busy ? <p className="text-sm text-muted-foreground">This chat has no messages yet.</p> : null}
          {blocks.map((block) => (
            <BlockView key={block.key} block={block} />
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

const BlockView = memo(function BlockView({ block }: { block: Block }) {
  if (block.role === "user") {
    return (
      <article className="flex justify-end" data-testid="message" data-role="user">
        <h2 className="sr-only">You</h2>
        <div data-testid="user-text" className="max-w-[85%] rounded-2xl rounded-br-md bg-accent px-4 py-2.5 text-[0.9375rem] leading-6 text-accent-foreground" title={block.createdAt ? new Date(block.createdAt).toLocaleString() : undefined}>
          {block.parts.map((part, i) => (
            <UserPart key={i} part={part} />
          ))}
        </div>
      </article>
    );
  }
  return (
    <article className="space-y-3" data-testid="message" data-role="assistant" data-live={block.live} aria-busy={block.live}>
      <h2 className="sr-only">Answer</h2>
      {block.parts.map((part, i) => (
        <AnswerPart key={part.kind === "tool" ? part.tool.callId : i} part={part} live={block.live && i === block.parts.length - 1} />
      ))}
    </article>
  );
}, sameBlock);

/** Committed blocks change only when one of their tools does; everything else about them is settled. */
function sameBlock({ block: a }: { block: Block }, { block: b }: { block: Block }): boolean {
  if (a.key !== b.key || a.live || b.live || a.parts.length !== b.parts.length || a.key === "preview") return false;
  return a.parts.every((part, i) => {
    const other = b.parts[i];
    if (!other || part.kind !== other.kind) return false;
    if (part.kind === "tool" && other.kind === "tool") {
      return part.tool.state === other.tool.state && part.tool.output === other.tool.output && part.tool.result === other.tool.result;
    }
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
      return <Reasoning text={part.text} live={live} />;
    case "tool":
      return <ToolCard tool={part.tool} />;
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
