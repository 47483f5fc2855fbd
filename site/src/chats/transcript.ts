/** Turns the view of a chat into the blocks that the page draws. Pure. */
import type { ChatApproval, ChatMessage, ChatStatus } from "@/api/types";
import { partialObject } from "./partial-json";
import { type ChatView, type LiveResult, type PreviewPart, isBusy } from "./reducer";

/**
 * `unknown`: the server stopped while the tool ran, and whether it took effect is not known. `asked`: a person decides whether
 * it runs. `denied`: it was not allowed to. `elsewhere`: another program runs it.
 */
export type ToolState = "running" | "done" | "failed" | "unknown" | "stopped" | "asked" | "denied" | "elsewhere";

export interface ToolUse {
  callId: string;
  name: string;
  args: Record<string, unknown>;
  /** The complete result, or undefined while there is none. */
  result: unknown;
  /** Output so far of a tool that runs. */
  output: string;
  state: ToolState;
  /** It is the last word of the chat, which a person may answer. */
  answerable?: boolean;
}

/** What a long history was condensed to. */
export interface Compaction {
  summary: string;
  usedPercent: number | null;
  contextTokens: number | null;
}

export type ViewPart =
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string; ms?: number }
  | { kind: "tool"; tool: ToolUse }
  | { kind: "compaction"; callId: string; compaction: Compaction | null }
  | { kind: "source"; url: string; title: string }
  | { kind: "file"; name: string };

export interface Block {
  key: string;
  /** The committed message, if it is one. */
  messageId: number | null;
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
  return [...committedBlocks(view), ...previewBlocks(view)];
}

/** The blocks that stay while an answer is being written: worth keeping between its parts. */
export function committedBlocks(view: Settled): Block[] {
  const tool = toolReader(view);
  const blocks: Block[] = [];
  for (const message of view.messages) {
    if (message.role !== "user" && message.role !== "assistant") continue;
    const parts = (message.content ?? []).flatMap((part) => shownPart(part, tool));
    if (parts.length > 0) {
      blocks.push({ key: `m${message.id}`, messageId: message.id, role: message.role, parts, live: false, createdAt: message.created_at });
    }
  }
  return isBusy(view.status) ? blocks : withAnswerable(blocks);
}

/** What of a view the committed blocks depend on. */
export type Settled = Pick<ChatView, "messages" | "results" | "status" | "approvals" | "actionRequired">;

type ToolReader = (callId: string, name: string, args: Record<string, unknown>) => ToolUse;

function toolReader(view: Settled): ToolReader {
  const committed = committedResults(view.messages);
  const asked = new Map(view.approvals.map((approval) => [approval.tool_call_id, approval]));
  const elsewhere = new Set(view.actionRequired.map((call) => call.tool_call_id));
  return (callId, name, args) =>
    toolUse({ callId, name, args, committed: committed.get(callId), live: view.results[callId], status: view.status, asked: asked.get(callId), elsewhere: elsewhere.has(callId) });
}

function shownPart(part: NonNullable<ChatMessage["content"]>[number], tool: ToolReader): ViewPart[] {
  switch (part.type) {
    case "text":
      return part.text ? [{ kind: "text", text: part.text }] : [];
    case "reasoning":
      return part.text ? [{ kind: "reasoning", text: part.text, ...span(part.created_at, part.completed_at) }] : [];
    case "tool-call":
      return [toolPart(tool(part.tool_call_id, part.tool_name, asObject(part.args)))];
    case "source":
      return [{ kind: "source", url: part.url, title: part.title || part.url }];
    case "file":
      return [{ kind: "file", name: part.name || part.media_type }];
    case "file-reference":
      return [{ kind: "file", name: part.file_name }];
    default:
      return [];
  }
}

/** How long a thought took. */
function span(from: string | null | undefined, to: string | null | undefined): { ms?: number } {
  const ms = from && to ? Date.parse(to) - Date.parse(from) : Number.NaN;
  return Number.isFinite(ms) && ms >= 0 ? { ms } : {};
}

function toolPart(tool: ToolUse): ViewPart {
  if (tool.name !== "chat_summarized") return { kind: "tool", tool };
  return { kind: "compaction", callId: tool.callId, compaction: tool.result === undefined ? null : readCompaction(tool.result) };
}

function readCompaction(result: unknown): Compaction {
  const fields = asObject(result);
  const number = (name: string) => (typeof fields[name] === "number" ? fields[name] : null);
  return { summary: typeof fields["summary"] === "string" ? fields["summary"] : "", usedPercent: number("usage_percent"), contextTokens: number("context_tokens") };
}

/** A question can be answered while nothing has been said after it. */
function withAnswerable(blocks: Block[]): Block[] {
  const last = blocks.at(-1);
  if (last?.role !== "assistant") return blocks;
  const parts = last.parts.map((part): ViewPart => (part.kind === "tool" && part.tool.name === "ask_user_question" && part.tool.state !== "failed" ? { kind: "tool", tool: { ...part.tool, answerable: true } } : part));
  return blocks.with(-1, { ...last, parts });
}

/** The answer that is being written, or what a reset took of it until it goes on. */
export function previewBlocks(view: ChatView): Block[] {
  const written = view.preview.length > 0 ? view.preview : view.ghost;
  if (written.length === 0) return [];
  const tool = toolReader(view);
  const parts = written.map((part): ViewPart => {
    if (part.kind === "tool") return toolPart(tool(part.callId, part.name, previewArgs(part)));
    return part.kind === "reasoning" ? { kind: "reasoning", text: part.text, ...span(part.startedAt, part.endedAt) } : part;
  });
  return [{ key: "preview", messageId: null, role: "assistant", parts, live: isBusy(view.status), createdAt: null }];
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
  asked: ChatApproval | undefined;
  elsewhere: boolean;
}

function toolUse({ callId, name, args, committed, live, status, asked, elsewhere }: ToolInput): ToolUse {
  const result = committed ? committed.result : live?.result;
  const output = live?.text ?? "";
  if (result === undefined) {
    return { callId, name, args, result, output, state: openState(status, asked, elsewhere) };
  }
  return { callId, name, args, result, output, state: resultState(result, committed?.isError ?? live?.isError ?? false) };
}

function openState(status: ChatStatus | null, asked: ChatApproval | undefined, elsewhere: boolean): ToolState {
  if (asked) return asked.reason === "outcome_unknown" ? "unknown" : "asked";
  if (elsewhere) return "elsewhere";
  return isBusy(status) ? "running" : "stopped";
}

/** Reads from a tool's result whether it worked. */
export function resultState(result: unknown, isError: boolean): ToolState {
  const fields = asObject(result);
  if (String(fields["error_code"] ?? "").startsWith("denied_")) return "denied";
  if (fields["interrupted"] === true) return "stopped";
  if (fields["outcome"] === "unknown") return "unknown";
  if (isError || fields["success"] === false || (typeof fields["exit_code"] === "number" && fields["exit_code"] !== 0)) {
    return "failed";
  }
  return "done";
}

export function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
