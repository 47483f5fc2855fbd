import { useEffect, useRef } from "react";
import { cn } from "@/ui/cn";

export interface LogLine {
  id: number;
  text: string;
  level: string;
  time: string;
}

const levels: Record<string, string> = {
  error: "text-danger-text",
  warn: "text-warning-text",
  debug: "text-muted-foreground",
  trace: "text-muted-foreground",
};

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, "g");

export function LogLines({ lines, start }: { lines: LogLine[]; start: number }) {
  return (
    <ol className="font-mono text-xs leading-5">
      {lines.map((line, index) => (
        <li key={`${line.id}-${index}`} className="flex gap-3 px-5 hover:bg-muted/60">
          <time dateTime={line.time} title={new Date(line.time).toLocaleString()} className="w-12 shrink-0 text-right text-muted-foreground tabular-nums select-none">
            {((Date.parse(line.time) - start) / 1000).toFixed(1)}s
          </time>
          <span className={cn("min-w-0 flex-1 break-words whitespace-pre-wrap", levels[line.level])}>
            {line.text.replace(ESCAPES, "") || " "}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** Keeps a growing box scrolled to its end, unless the reader has scrolled up. */
export function useStickToEnd(dependency: unknown) {
  const box = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  useEffect(() => {
    const element = box.current;
    if (element && stuck.current) element.scrollTop = element.scrollHeight;
  }, [dependency]);
  const onScroll = () => {
    const element = box.current;
    if (element) stuck.current = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
  };
  return { ref: box, onScroll };
}
