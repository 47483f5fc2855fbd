import { useStickToEnd } from "@/workspaces/log-lines";
import { cn } from "@/ui/cn";
import { text } from "./tool-title";
import { type ToolUse, asObject } from "./transcript";

/** What is inside a tool's card. */
export function ToolBody({ tool }: { tool: ToolUse }) {
  switch (tool.name) {
    case "execute":
    case "process_output":
      return <Execute tool={tool} />;
    case "process_list":
      return <Processes tool={tool} />;
    case "list_files":
    case "search_files":
      return <Found tool={tool} />;
    case "list_templates":
      return <Templates tool={tool} />;
    case "read_file":
      return <Output tool={tool} value={text(asObject(tool.result)["content"])} />;
    case "write_file":
      return <Written tool={tool} />;
    case "edit_files":
      return <Edits tool={tool} />;
    case "create_workspace":
    case "start_workspace":
    case "stop_workspace":
    case "workspace_status":
      return <WorkspaceWork tool={tool} />;
    default:
      return <Generic tool={tool} />;
  }
}

/** What stands where a command's output would. */
const quiet: Record<ToolUse["state"], string> = {
  running: "No output yet.",
  done: "No output.",
  failed: "No output.",
  unknown: "Nobody knows whether it ran.",
  stopped: "It was stopped before it wrote anything.",
  asked: "It has not run: you decide above the message box.",
  denied: "It did not run.",
  elsewhere: "Another program runs it.",
};

function Execute({ tool }: { tool: ToolUse }) {
  const result = asObject(tool.result);
  const output = tool.result === undefined ? tool.output : text(result["output"]) || tool.output;
  const scroll = useStickToEnd(output);
  const note = text(result["note"]);
  return (
    <div className="bg-terminal font-mono text-xs leading-5 text-[#e7e6df]">
      <pre className="border-b border-white/10 px-3 py-2 break-words whitespace-pre-wrap">
        <span className="text-[#8fd3b1] select-none">$ </span>
        {text(tool.args["command"]) || text(result["command"]) || `(process ${text(tool.args["process_id"])})`}
      </pre>
      <div ref={scroll.ref} onScroll={scroll.onScroll} role="group" aria-label="Output" tabIndex={0} className="max-h-80 overflow-y-auto px-3 py-2">
        {output ? (
          <pre data-testid="tool-output" className="break-words whitespace-pre-wrap">
            {output}
          </pre>
        ) : (
          <p className="text-white/60">{quiet[tool.state]}</p>
        )}
        <Problem tool={tool} className="text-[#f2958b]" />
        {text(result["background_process_id"]) ? <p className="mt-1 text-white/60">It goes on in the background as process {text(result["background_process_id"])}.</p> : null}
        {cut(result["truncated"]) ? <p className="mt-1 text-white/60">{cut(result["truncated"])}</p> : null}
        {note ? <p className="mt-1 text-white/60">{note}</p> : null}
      </div>
    </div>
  );
}

/** What was left out of a long output. */
function cut(truncated: unknown): string {
  const omitted = asObject(truncated)["omitted_bytes"];
  return typeof omitted === "number" && omitted > 0 ? `${Math.ceil(omitted / 1024).toLocaleString("en")} KiB in the middle are not shown.` : "";
}

function Processes({ tool }: { tool: ToolUse }) {
  const processes = list(asObject(tool.result)["processes"]).map(asObject);
  return (
    <div className="px-3 py-2 text-xs">
      {tool.state === "done" && processes.length === 0 ? <p className="text-muted-foreground">No processes of this chat.</p> : null}
      <ul className="space-y-1">
        {processes.map((process, i) => (
          <li key={i} className="flex items-baseline gap-3">
            <code className="min-w-0 flex-1 truncate font-mono">{text(process["command"])}</code>
            <span className={process["running"] ? "text-info-text" : "text-muted-foreground"}>{process["running"] ? "running" : `exit ${String(process["exit_code"] ?? "?")}`}</span>
          </li>
        ))}
      </ul>
      <Problem tool={tool} />
    </div>
  );
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Files and matches, one a line. */
function Found({ tool }: { tool: ToolUse }) {
  const result = asObject(tool.result);
  const items = ["matches", "results", "files", "entries"].map((name) => result[name]).find(Array.isArray) ?? [];
  const lines = items.map((item) => {
    const { path, name, line, text: found, content, is_dir } = asObject(item);
    const place = text(path) || text(name) || (typeof item === "string" ? item : "");
    return `${place}${is_dir === true ? "/" : ""}${typeof line === "number" ? `:${line}` : ""}${text(found) || text(content) ? `: ${text(found) || text(content)}` : ""}`;
  });
  if (tool.state === "done" && items.length === 0) return tool.result && Object.keys(result).length > 0 ? <Generic tool={tool} /> : <p className="px-3 py-2 text-xs text-muted-foreground">Nothing was found.</p>;
  return <Output tool={tool} value={lines.join("\n")} />;
}

function Templates({ tool }: { tool: ToolUse }) {
  const result = asObject(tool.result);
  const templates = list(result["templates"]).map(asObject);
  return (
    <div className="space-y-1.5 px-3 py-2 text-[0.8125rem]">
      {templates.map((template, i) => (
        <p key={i}>
          <span className="font-medium">{text(template["display_name"]) || text(template["name"])}</span>
          {template["id"] !== undefined && template["id"] === result["recommended_template_id"] ? <span className="text-success-text"> · recommended</span> : null}
          <span className="text-muted-foreground"> {text(template["description"])}</span>
        </p>
      ))}
      {tool.state === "done" && templates.length === 0 ? <p className="text-muted-foreground">No template fits.</p> : null}
      <Problem tool={tool} />
    </div>
  );
}

function Output({ tool, value }: { tool: ToolUse; value: string }) {
  return (
    <div role="group" aria-label="Result" tabIndex={0} className="max-h-80 overflow-auto px-3 py-2">
      {value ? <pre className="font-mono text-xs leading-5">{value}</pre> : null}
      <Problem tool={tool} />
      {!value && tool.state === "running" ? <p className="text-xs text-muted-foreground">Waiting for the workspace…</p> : null}
    </div>
  );
}

function Written({ tool }: { tool: ToolUse }) {
  return (
    <div role="group" aria-label="Written text" tabIndex={0} className="max-h-80 overflow-auto px-3 py-2">
      <pre className="font-mono text-xs leading-5">{text(tool.args["content"])}</pre>
      <Problem tool={tool} />
    </div>
  );
}

function Edits({ tool }: { tool: ToolUse }) {
  const files = list(tool.args["files"]).map(asObject);
  // The agent's own diff has line numbers and context; until there is one, what was asked for is shown.
  const diffs = new Map(list(asObject(tool.result)["files"]).map(asObject).map((file) => [text(file["path"]), text(file["diff"])]));
  return (
    <div role="group" aria-label="Changes" tabIndex={0} className="max-h-96 overflow-auto font-mono text-xs leading-5">
      {files.map((file, i) => {
        const diff = diffs.get(text(file["path"]));
        return (
          <div key={i} className="border-b border-border last:border-b-0">
            <div className="bg-muted/60 px-3 py-1 text-muted-foreground">{text(file["path"])}</div>
            {diff ? (
              <Diff text={diff} />
            ) : (
              list(file["edits"]).map(asObject).map((edit, j) => (
                <div key={j} className="py-1">
                  <DiffLines sign="-" value={text(edit["old_text"]) || text(edit["search"])} className="bg-danger-soft text-danger-text" />
                  <DiffLines sign="+" value={text(edit["new_text"]) || text(edit["replace"])} className="bg-success-soft text-success-text" />
                </div>
              ))
            )}
          </div>
        );
      })}
      <div className="px-3 py-1 font-sans empty:hidden">
        <Problem tool={tool} />
      </div>
    </div>
  );
}

/** A unified diff without its file headings. */
function Diff({ text: diff }: { text: string }) {
  return (
    <div className="py-1">
      {diff
        .replace(/\n$/, "")
        .split("\n")
        .filter((line) => !/^(---|\+\+\+|diff |index )/.test(line))
        .map((line, i) => (
          <div key={i} className={cn("px-3 break-words whitespace-pre-wrap", line.startsWith("+") && "bg-success-soft text-success-text", line.startsWith("-") && "bg-danger-soft text-danger-text", line.startsWith("@@") && "text-muted-foreground")}>
            {line || " "}
          </div>
        ))}
    </div>
  );
}

function DiffLines({ sign, value, className }: { sign: string; value: string; className: string }) {
  if (value === "") return null;
  return value
    .replace(/\n$/, "")
    .split("\n")
    .map((line, i) => (
      <div key={i} className={cn("flex gap-2 px-3", className)}>
        <span className="select-none">{sign}</span>
        <span className="break-words whitespace-pre-wrap">{line}</span>
      </div>
    ));
}

function WorkspaceWork({ tool }: { tool: ToolUse }) {
  const result = asObject(tool.result);
  const facts: [string, string][] = [
    ["Workspace", text(result["workspace_name"]) || text(tool.args["name"])],
    ["Agent", text(result["agent_status"])],
    ["Status", text(result["status"])],
  ];
  const message = text(result["message"]);
  return (
    <div className="max-h-80 space-y-2 overflow-auto px-3 py-2 text-[0.8125rem]">
      {tool.output ? <pre className="font-mono text-xs leading-5 whitespace-pre-wrap text-muted-foreground">{tool.output}</pre> : null}
      {!tool.output && tool.state === "running" ? <p className="text-muted-foreground">Waiting for the build to finish and its agent to connect…</p> : null}
      <dl className="flex flex-wrap gap-x-8 gap-y-1">
        {facts.map(([label, value]) =>
          value ? (
            <div key={label} className="flex gap-2">
              <dt className="text-muted-foreground">{label}</dt>
              <dd className="font-medium">{value}</dd>
            </div>
          ) : null,
        )}
      </dl>
      {message && tool.state === "done" ? <p>{message}</p> : null}
      <Problem tool={tool} />
    </div>
  );
}

function Generic({ tool }: { tool: ToolUse }) {
  const hasArgs = Object.keys(tool.args).length > 0;
  return (
    <div role="group" aria-label="Asked and answered" tabIndex={0} className="max-h-80 space-y-2 overflow-auto px-3 py-2">
      {hasArgs ? <Json label="Asked" value={tool.args} /> : null}
      {tool.output && tool.result === undefined ? <pre className="font-mono text-xs leading-5 whitespace-pre-wrap">{tool.output}</pre> : null}
      {tool.result === undefined ? null : <Json label="Answer" value={tool.result} />}
    </div>
  );
}

function Json({ label, value }: { label: string; value: unknown }) {
  return (
    <div>
      <div className="text-xs text-muted-foreground">{label}</div>
      <pre className="font-mono text-xs leading-5 break-words whitespace-pre-wrap">{typeof value === "string" ? value : JSON.stringify(value, null, 2)}</pre>
    </div>
  );
}

/** The error that a tool answered with, if any. */
function Problem({ tool, className }: { tool: ToolUse; className?: string }) {
  if (tool.state !== "failed" && tool.state !== "unknown" && tool.state !== "denied" && tool.state !== "stopped") return null;
  const result = asObject(tool.result);
  const message = typeof tool.result === "string" ? tool.result : text(result["error"]) || text(result["message"]);
  // A command's card shows its notes itself.
  const note = tool.name === "execute" || tool.name === "process_output" ? "" : text(result["note"]);
  if (!message && !note) return null;
  return (
    <div className={cn("text-xs break-words whitespace-pre-wrap text-danger-text", className)}>
      {message ? <p>{message}</p> : null}
      {note ? <p className="opacity-80">{note}</p> : null}
    </div>
  );
}
