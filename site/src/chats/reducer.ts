/**
 * What a viewer of a chat sees, as a pure function of the stream's events.
 *
 * Committed messages come from `message` events and are kept by id. The answer being written is a preview made of
 * `message_part` events; a part's place is (history version, generation attempt, seq), seq counting from 1 without
 * gaps. A part at or before the place reached is a repeat and changes nothing; a part beyond the next place means
 * that something was lost, which `gap` reports so that the owner of the connection asks again.
 */
import type {
  ChatError,
  ChatMessage,
  ChatMessagePart,
  ChatQueuedMessage,
  ChatStatus,
  ChatStreamEvent,
  ChatStreamMessagePart,
  ChatStreamRetry,
  ChatStreamToolCall,
} from "@/api/types";

export type PreviewPart =
  | { kind: "text" | "reasoning"; text: string }
  | { kind: "tool"; callId: string; name: string; argsText: string; args: unknown };

/** Output of a tool that has no committed result yet. `result` is set when the tool has ended. */
export interface LiveResult {
  callId: string;
  name: string;
  text: string;
  result: unknown;
  isError: boolean;
}

interface Place {
  history: number;
  attempt: number;
  seq: number;
}

export interface ChatView {
  /** The first frame has arrived. */
  synced: boolean;
  messages: ChatMessage[];
  preview: PreviewPart[];
  /** The preview that a reset took away, shown until the answer goes on: a viewer's text does not vanish in between. */
  ghost: PreviewPart[];
  results: Record<string, LiveResult>;
  place: Place | null;
  /** Parts were lost on the way: connect again. */
  gap: boolean;
  queue: ChatQueuedMessage[];
  status: ChatStatus | null;
  error: ChatError | null;
  retry: ChatStreamRetry | null;
  actionRequired: ChatStreamToolCall[];
}

export const emptyView: ChatView = {
  synced: false,
  messages: [],
  preview: [],
  ghost: [],
  results: {},
  place: null,
  gap: false,
  queue: [],
  status: null,
  error: null,
  retry: null,
  actionRequired: [],
};

/** The model or a tool is at work, or the server is stopping it. */
export function isBusy(status: ChatStatus | null): boolean {
  return status === "running" || status === "pending" || status === "interrupting" || status === "requires_action";
}

/** The `after_id` of the next connection. */
export function lastMessageId(view: ChatView): number {
  return view.messages.at(-1)?.id ?? 0;
}

/** A new connection was opened: what was lost before is asked for again. */
export function reconnected(view: ChatView): ChatView {
  return view.gap ? resetPreview(view) : view;
}

export function applyFrame(view: ChatView, events: ChatStreamEvent[]): ChatView {
  return events.reduce(applyEvent, view.synced ? view : { ...view, synced: true });
}

export function applyEvent(view: ChatView, event: ChatStreamEvent): ChatView {
  switch (event.type) {
    case "message":
      return event.message ? applyMessage(view, event.message) : view;
    case "message_part":
      return event.message_part ? applyPart(view, event.message_part) : view;
    case "status":
      return event.status ? applyStatus(view, event.status.status) : view;
    case "error":
      return event.error ? { ...view, error: event.error, retry: null } : view;
    case "retry":
      // The failed attempt's text is void; the next attempt starts its own parts at seq 1.
      return event.retry ? { ...view, retry: event.retry, preview: [], ghost: [] } : view;
    case "queue_update":
      return { ...view, queue: event.queued_messages ?? [] };
    case "action_required":
      return { ...view, actionRequired: event.action_required?.tool_calls ?? [] };
    case "preview_reset":
      return resetPreview(view);
    case "history_reset":
      return { ...resetPreview(view), messages: [], ghost: [] };
    default:
      // A newer server may send kinds that this page does not know.
      return view;
  }
}

/** A message that the answer to a request carried, which the stream may repeat. */
export function applyMessage(view: ChatView, message: ChatMessage): ChatView {
  const messages = upsert(view.messages, message);
  if (message.role === "assistant") return { ...view, messages, preview: [], ghost: [], retry: null };
  if (message.role === "tool") return { ...view, messages, results: without(view.results, message) };
  return { ...view, messages };
}

function resetPreview(view: ChatView): ChatView {
  const ghost = isBusy(view.status) && view.preview.length > 0 ? view.preview : view.ghost;
  return { ...view, preview: [], ghost, results: {}, place: null, gap: false };
}

function applyStatus(view: ChatView, status: ChatStatus): ChatView {
  if (status === "running" || status === "pending") return { ...view, status, error: null, actionRequired: [] };
  if (status === "interrupting") return { ...view, status, retry: null };
  if (status === "requires_action") return { ...view, status, retry: null, error: null };
  return { ...view, status, retry: null, actionRequired: [], ghost: [] };
}

function applyPart(view: ChatView, { role, part, history_version, generation_attempt, seq }: ChatStreamMessagePart): ChatView {
  let base = view;
  if (seq != null && history_version != null) {
    const next: Place = { history: history_version, attempt: generation_attempt ?? 0, seq };
    const order = view.place ? comparePlace(next, view.place) : 1;
    if (order < 0 || (order === 0 && seq <= (view.place?.seq ?? 0))) return view;
    if (view.gap) return view;
    const expected = order === 0 ? (view.place?.seq ?? 0) + 1 : 1;
    if (seq !== expected) return { ...view, gap: true };
    // A newer episode never continues an older one's text.
    base = order > 0 && view.place ? { ...view, preview: [], ghost: [], results: {}, place: next } : { ...view, place: next };
  }
  if (base.retry) base = { ...base, retry: null };
  return role === "tool" || part.type === "tool-result" ? addResult(base, part) : addPreview(base, part);
}

/** Orders episodes (not seqs). */
function comparePlace(a: Place, b: Place): number {
  return a.history - b.history || a.attempt - b.attempt;
}

function addPreview(view: ChatView, part: ChatMessagePart): ChatView {
  const last = view.preview.at(-1);
  view = view.ghost.length > 0 ? { ...view, ghost: [] } : view;
  if (part.type === "text" || part.type === "reasoning") {
    if (part.text === "") return view;
    if (last?.kind === part.type) {
      return { ...view, preview: [...view.preview.slice(0, -1), { kind: part.type, text: last.text + part.text }] };
    }
    return { ...view, preview: [...view.preview, { kind: part.type, text: part.text ?? "" }] };
  }
  if (part.type !== "tool-call") return view;
  const callId = part.tool_call_id;
  if (isCommittedCall(view, callId)) return view;
  const at = view.preview.findIndex((p) => p.kind === "tool" && p.callId === callId);
  const held = view.preview[at];
  const before = held?.kind === "tool" ? held : { kind: "tool" as const, callId, name: "", argsText: "", args: undefined };
  const after: PreviewPart = {
    ...before,
    name: part.tool_name || before.name,
    argsText: before.argsText + (part.args_delta ?? ""),
    args: part.args ?? before.args,
  };
  return { ...view, preview: at < 0 ? [...view.preview, after] : view.preview.with(at, after) };
}

function addResult(view: ChatView, part: ChatMessagePart): ChatView {
  if (part.type !== "tool-result") return view;
  const callId = part.tool_call_id;
  const before = view.results[callId] ?? { callId, name: "", text: "", result: undefined, isError: false };
  const after: LiveResult = {
    callId,
    name: part.tool_name || before.name,
    text: (part.result_reset ? "" : before.text) + (part.result_delta ?? ""),
    result: part.result ?? before.result,
    isError: part.is_error ?? before.isError,
  };
  return { ...view, results: { ...view.results, [callId]: after } };
}

function isCommittedCall(view: ChatView, callId: string): boolean {
  return view.messages.some((m) => m.content?.some((p) => p.type === "tool-call" && p.tool_call_id === callId));
}

function upsert(messages: ChatMessage[], message: ChatMessage): ChatMessage[] {
  const last = messages.at(-1);
  if (!last || message.id > last.id) return [...messages, message];
  const at = messages.findIndex((m) => m.id >= message.id);
  return messages[at]?.id === message.id ? messages.with(at, message) : messages.toSpliced(at, 0, message);
}

function without(results: Record<string, LiveResult>, message: ChatMessage): Record<string, LiveResult> {
  const kept = { ...results };
  for (const part of message.content ?? []) {
    if (part.type === "tool-result") delete kept[part.tool_call_id];
  }
  return kept;
}
