import { Check, ChevronRight, CircleHelp, CircleSlash, FilePen, FilePlus, FileText, FolderTree, Server, SquareTerminal, Wrench, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { cn } from "@/ui/cn";
import { Spinner } from "@/ui/spinner";
import { ToolBody } from "./tool-body";
import { toolTitle } from "./tool-title";
import type { ToolState, ToolUse } from "./transcript";

const icons: Record<string, ReactNode> = {
  execute: <SquareTerminal aria-hidden />,
  process_output: <SquareTerminal aria-hidden />,
  read_file: <FileText aria-hidden />,
  write_file: <FilePlus aria-hidden />,
  edit_files: <FilePen aria-hidden />,
  list_directory: <FolderTree aria-hidden />,
  create_workspace: <Server aria-hidden />,
  start_workspace: <Server aria-hidden />,
};

const states: Record<ToolState, { label: string; icon: ReactNode; className: string }> = {
  running: { label: "running", icon: <Spinner className="size-3.5" />, className: "text-info-text" },
  done: { label: "done", icon: <Check aria-hidden className="size-3.5" />, className: "text-success-text" },
  failed: { label: "failed", icon: <X aria-hidden className="size-3.5" />, className: "text-danger-text" },
  unknown: { label: "outcome unknown", icon: <CircleHelp aria-hidden className="size-3.5" />, className: "text-warning-text" },
  stopped: { label: "no result", icon: <CircleSlash aria-hidden className="size-3.5" />, className: "text-muted-foreground" },
};

/** One use of a tool: what was asked in the title, what came of it inside. One that was seen running stays open. */
export function ToolCard({ tool }: { tool: ToolUse }) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const [wasRunning] = useState(tool.state === "running");
  const open = chosen ?? (wasRunning || tool.state === "running" || tool.state === "unknown");
  const look = states[tool.state];
  const title = toolTitle(tool);
  return (
    <section className="overflow-hidden rounded-lg border border-border bg-card" data-testid="tool" data-tool={tool.name} data-state={tool.state}>
      <button type="button" aria-expanded={open} onClick={() => setChosen(!open)} className="flex w-full items-center gap-2.5 px-3 py-2 text-left text-[0.8125rem] hover:bg-muted/60">
        <span className="text-muted-foreground [&_svg]:size-4">{icons[tool.name] ?? <Wrench aria-hidden />}</span>
        <span className="shrink-0 font-medium">{title.verb}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-xs text-muted-foreground" title={title.object}>
          {title.object}
        </span>
        <span className={cn("flex shrink-0 items-center gap-1.5 text-xs font-medium", look.className)}>
          {look.icon}
          {title.outcome ?? look.label}
        </span>
        <ChevronRight aria-hidden className={cn("size-3.5 shrink-0 text-muted-foreground transition-transform", open && "rotate-90")} />
      </button>
      {open ? (
        <div className="border-t border-border">
          {tool.state === "unknown" ? (
            <p className="bg-warning-soft px-3 py-2 text-[0.8125rem] text-warning-text">
              The server stopped while this ran, so it may or may not have taken effect. It is not run again by itself: check in the workspace, then tell the chat how to go on.
            </p>
          ) : null}
          <ToolBody tool={tool} />
        </div>
      ) : null}
    </section>
  );
}
