/** The line that names a use of a tool. Pure. */
import { duration } from "@/ui/time";
import { type ToolUse, asObject } from "./transcript";

export interface ToolTitle {
  verb: string;
  object: string;
  /** Replaces the state's word when there is something better to say. */
  outcome?: string;
}

export function toolTitle(tool: ToolUse): ToolTitle {
  const { args } = tool;
  const result = asObject(tool.result);
  switch (tool.name) {
    case "execute":
      return { verb: "Run", object: firstLine(text(args["command"])), outcome: executeOutcome(tool, result) };
    case "read_file":
      return { verb: "Read", object: text(args["path"]), outcome: lines(tool, result["lines_read"]) };
    case "write_file":
      return { verb: "Write", object: text(args["path"]) };
    case "edit_files":
      return { verb: "Edit", object: editedPaths(args).join(", ") };
    case "list_files":
      return { verb: "List", object: text(args["path"]) || "." };
    case "search_files":
      return { verb: "Search", object: [text(args["content"]) || text(args["name"]), text(args["path"])].filter(Boolean).join(" in "), outcome: matches(tool, result) };
    case "process_output":
      return { verb: "Output of", object: text(result["command"]) || text(args["process_id"]), outcome: executeOutcome(tool, result) };
    case "process_list":
      return { verb: "List processes", object: "" };
    case "process_signal":
      return { verb: text(args["signal"]) === "kill" ? "Kill" : "End", object: text(args["process_id"]) };
    case "workspace_status":
      return { verb: "Look at workspace", object: text(result["workspace_name"]) };
    case "ask_user_question":
      return { verb: "Question", object: "" };
    case "create_workspace":
      return { verb: "Create workspace", object: text(result["workspace_name"]) || text(args["name"]) };
    case "start_workspace":
      return { verb: "Start workspace", object: text(result["workspace_name"]) };
    case "stop_workspace":
      return { verb: "Stop workspace", object: text(result["workspace_name"]) };
    case "list_templates":
      return { verb: "List templates", object: text(args["query"]) };
    case "read_template":
      return { verb: "Read template", object: text(asObject(result["template"])["name"]) };
    default:
      return { verb: tool.name || "Tool", object: "" };
  }
}

function executeOutcome(tool: ToolUse, result: Record<string, unknown>): string | undefined {
  const took = typeof result["wall_duration_ms"] === "number" ? duration(result["wall_duration_ms"]) : undefined;
  if (text(result["background_process_id"])) return "goes on in the background";
  if (tool.state === "done") return took;
  if (tool.state === "failed" && typeof result["exit_code"] === "number") return `exit ${result["exit_code"]}${took ? ` · ${took}` : ""}`;
  return undefined;
}

function matches(tool: ToolUse, result: Record<string, unknown>): string | undefined {
  const found = ["matches", "results", "files"].map((name) => result[name]).find(Array.isArray);
  return tool.state === "done" && found ? `${found.length} found` : undefined;
}

function lines(tool: ToolUse, count: unknown): string | undefined {
  return tool.state === "done" && typeof count === "number" ? `${count} ${count === 1 ? "line" : "lines"}` : undefined;
}

export function editedPaths(args: Record<string, unknown>): string[] {
  const files = args["files"];
  return Array.isArray(files) ? files.map((file) => text(asObject(file)["path"])).filter(Boolean) : [];
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function firstLine(value: string): string {
  const [line = "", ...rest] = value.split("\n");
  return rest.length > 0 ? `${line} …` : line;
}
