import { Ban, Check, ChevronRight, CircleHelp, CircleSlash, FilePen, FilePlus, FileSearch, FileText, FolderTree, Hand, LayoutTemplate, ListTree, Radio, Server, SquareTerminal, Wrench, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { cn } from "@/ui/cn";
import { Spinner } from "@/ui/spinner";
import { QuestionCard } from "./question-card";
import { ToolBody } from "./tool-body";
import { toolTitle } from "./tool-title";
import type { ToolState, ToolUse } from "./transcript";

export const toolIcons: Record<string, ReactNode> = {
  execute: <SquareTerminal aria-hidden />,
  process_output: <SquareTerminal aria-hidden />,
  process_list: <ListTree aria-hidden />,
  process_signal: <Ban aria-hidden />,
  list_files: <FolderTree aria-hidden />,
  search_files: <FileSearch aria-hidden />,
  list_templates: <LayoutTemplate aria-hidden />,
  read_template: <LayoutTemplate aria-hidden />,
  stop_workspace: <Server aria-hidden />,
  workspace_status: <Server aria-hidden />,
  read_file: <FileText aria-hidden />,
  write_file: <FilePlus aria-hidden />,
  edit_files: <FilePen aria-hidden />,
  create_workspace: <Server aria-hidden />,
  start_workspace: <Server aria-hidden />,
};

const states: Record<ToolState, { label: string; icon: ReactNode; className: string }> = {
  running: { label: "running", icon: <Spinner className="size-3.5" />, className: "text-info-text" },
  done: { label: "done", icon: <Check aria-hidden className="size-3.5" />, className: "text-success-text" },
  failed: { label: "failed", icon: <X aria-hidden className="size-3.5" />, className: "text-danger-text" },
  unknown: { label: "outcome unknown", icon: <CircleHelp aria-hidden className="size-3.5" />, className: "text-warning-text" },
  asked: { label: "waits for your approval", icon: <Hand aria-hidden className="size-3.5" />, className: "text-warning-text" },
  denied: { label: "not allowed", icon: <Ban aria-hidden className="size-3.5" />, className: "text-muted-foreground" },
  elsewhere: { label: "waits for another program", icon: <Radio aria-hidden className="size-3.5" />, className: "text-warning-text" },
  stopped: { label: "stopped", icon: <CircleSlash aria-hidden className="size-3.5" />, className: "text-muted-foreground" },
};

/** One use of a tool: what was asked in the title, what came of it inside. One that was seen running stays open. */
export function ToolCard({ tool }: { tool: ToolUse }) {
  return tool.name === "ask_user_question" ? <QuestionCard tool={tool} /> : <FoldedTool tool={tool} />;
}

function FoldedTool({ tool }: { tool: ToolUse }) {
  const [chosen, setChosen] = useState<boolean | null>(null);
  const [wasRunning] = useState(tool.state === "running");
  const open = chosen ?? (wasRunning || tool.state === "running" || tool.state === "unknown");
  const look = states[tool.state];
  const title = toolTitle(tool);
  return (
    <section className="overflow-hidden rounded-lg border border-border bg-card" data-testid="tool" data-tool={tool.name} data-state={tool.state}>
      <button type="button" aria-expanded={open} onClick={() => setChosen(!open)} className="flex w-full items-center gap-2.5 px-3 py-2 text-left text-[0.8125rem] hover:bg-muted/60">
        <span className="text-muted-foreground [&_svg]:size-4">{toolIcons[tool.name] ?? <Wrench aria-hidden />}</span>
        <span className="shrink-0 font-medium">{title.verb}</span>
        <span className="min-w-0 flex-1 truncate font-mono text-xs text-muted-foreground" title={title.object}>
          {title.object}
        </span>
        <span className={cn("flex max-w-[50%] shrink-0 items-center gap-1.5 text-xs font-medium [&_svg]:shrink-0", look.className)}>
          {look.icon}
          <span className="truncate">{title.outcome ?? look.label}</span>
        </span>
        <ChevronRight aria-hidden className={cn("size-3.5 shrink-0 text-muted-foreground transition-transform", open && "rotate-90")} />
      </button>
      {open ? (
        <div className="border-t border-border">
          {tool.state === "unknown" && tool.result !== undefined ? (
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
