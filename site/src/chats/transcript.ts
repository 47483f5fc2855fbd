/** Turns the view of a chat into the blocks that the page draws. Pure. */
import type { ChatMessage, ChatStatus } from "@/api/types";
import { partialObject } from "./partial-json";
import { type ChatView, type LiveResult, type PreviewPart, isBusy } from "./reducer";

/** `unknown`: the server stopped while the tool ran, and whether it took effect is not known. */
export type ToolState = "running" | "done" | "failed" | "unknown" | "stopped";

export interface ToolUse {
  callId: string;
  name: string;
  args: Record<string, unknown>;
  /** The complete result, or undefined while there is none. */
  result: unknown;
  /** Output so far of a tool that runs. */
  output: string;
  state: ToolState;
}

export type ViewPart =
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string }
  | { kind: "tool"; tool: ToolUse }
  | { kind: "source"; url: string; title: string }
  | { kind: "file"; name: string };

export interface Block {
  key: string;
  role: "user" | "assistant";
  parts: ViewPart[];
  /** The answer is being written. */
  live: boolean;
  createdAt: string | null;
}

interface Committed {
  result: unknown;
  isError: boolean;
}

export function buildTranscript(view: ChatView): Block[] {
  const committed = committedResults(view.messages);
  const blocks: Block[] = [];
  const tool = (callId: string, name: string, args: Record<string, unknown>) =>
    toolUse({ callId, name, args, committed: committed.get(callId), live: view.results[callId], status: view.status });

  for (const message of view.messages) {
    if (message.role !== "user" && message.role !== "assistant") continue;
    const parts = (message.content ?? []).flatMap((part): ViewPart[] => {
      switch (part.type) {
        case "text":
          return part.text ? [{ kind: "text", text: part.text }] : [];
        case "reasoning":
          return part.text ? [{ kind: "reasoning", text: part.text }] : [];
        case "tool-call":
          return [{ kind: "tool", tool: tool(part.tool_call_id, part.tool_name, asObject(part.args)) }];
        case "source":
          return [{ kind: "source", url: part.url, title: part.title || part.url }];
        case "file":
          return [{ kind: "file", name: part.name || part.media_type }];
        case "file-reference":
          return [{ kind: "file", name: part.file_name }];
        default:
          return [];
      }
    });
    if (parts.length > 0) {
      blocks.push({ key: `m${message.id}`, role: message.role, parts, live: false, createdAt: message.created_at });
    }
  }

  const written = view.preview.length > 0 ? view.preview : view.ghost;
  const preview = written.map((part): ViewPart => (part.kind === "tool" ? { kind: "tool", tool: tool(part.callId, part.name, previewArgs(part)) } : part));
  if (preview.length > 0) {
    blocks.push({ key: "preview", role: "assistant", parts: preview, live: isBusy(view.status), createdAt: null });
  }
  return blocks;
}

function previewArgs(part: Extract<PreviewPart, { kind: "tool" }>): Record<string, unknown> {
  return part.args === undefined || part.args === null ? partialObject(part.argsText) : asObject(part.args);
}

function committedResults(messages: ChatMessage[]): Map<string, Committed> {
  const results = new Map<string, Committed>();
  for (const message of messages) {
    for (const part of message.content ?? []) {
      if (part.type === "tool-result") {
        results.set(part.tool_call_id, { result: part.result ?? null, isError: part.is_error ?? false });
      }
    }
  }
  return results;
}

interface ToolInput {
  callId: string;
  name: string;
  args: Record<string, unknown>;
  committed: Committed | undefined;
  live: LiveResult | undefined;
  status: ChatStatus | null;
}

function toolUse({ callId, name, args, committed, live, status }: ToolInput): ToolUse {
  const result = committed ? committed.result : live?.result;
  const output = live?.text ?? "";
  if (result === undefined) {
    return { callId, name, args, result, output, state: isBusy(status) ? "running" : "stopped" };
  }
  return { callId, name, args, result, output, state: resultState(result, committed?.isError ?? live?.isError ?? false) };
}

/** Reads from a tool's result whether it worked. */
export function resultState(result: unknown, isError: boolean): ToolState {
  const fields = asObject(result);
  const text = typeof result === "string" ? result : String(fields["error"] ?? fields["message"] ?? "");
  if (fields["outcome"] === "unknown" || (isError && /outcome (is )?unknown/i.test(text))) return "unknown";
  if (isError || fields["success"] === false || (typeof fields["exit_code"] === "number" && fields["exit_code"] !== 0)) {
    return "failed";
  }
  return "done";
}

export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
