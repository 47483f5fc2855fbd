/**
 * What a viewer of a chat sees, as a pure function of the stream's events.
 *
 * Committed messages come from `message` events and are kept by id. The answer being written is a preview made of
 * `message_part` events; a part's place is (history version, generation attempt, seq), seq counting from 1 without
 * gaps. A part at or before the place reached is a repeat and changes nothing; a part beyond the next place means
 * that something was lost, which `gap` reports so that the owner of the connection asks again. `cursor` is the server's own
 * name for the place reached: a connection that goes on from it brings exactly what is missing here.
 */
import type {
  ChatApproval,
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
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string; startedAt?: string; endedAt?: string }
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
  /** Where the next connection goes on; null when it must begin with the messages after `streamed`. */
  cursor: string | null;
  /** The newest message that the stream itself brought: those of other answers may have gaps before them. */
  streamed: number;
  messages: ChatMessage[];
  preview: PreviewPart[];
  /** The preview that a reset took away, shown until the answer goes on: a viewer's text does not vanish in between. */
  ghost: PreviewPart[];
  results: Record<string, LiveResult>;
  place: Place | null;
  /** The newest episode ever seen, kept over resets. */
  reached: Place | null;
  /** The answer was begun anew although no retry was announced: another server, or a restarted one, took the chat over. */
  restart: { history: number; attempt: number } | null;
  /** Parts were lost on the way: connect again. */
  gap: boolean;
  queue: ChatQueuedMessage[];
  status: ChatStatus | null;
  error: ChatError | null;
  retry: ChatStreamRetry | null;
  /** Calls that another program answers. */
  actionRequired: ChatStreamToolCall[];
  /** Calls that a person must decide about. */
  approvals: ChatApproval[];
}

export const emptyView: ChatView = {
  synced: false,
  cursor: null,
  streamed: 0,
  messages: [],
  preview: [],
  ghost: [],
  results: {},
  place: null,
  reached: null,
  restart: null,
  gap: false,
  queue: [],
  status: null,
  error: null,
  retry: null,
  actionRequired: [],
  approvals: [],
};

/** The model or a tool is at work, or the server is stopping it. */
export function isBusy(status: ChatStatus | null): boolean {
  return status === "running" || status === "pending" || status === "interrupting" || status === "requires_action";
}

/** The query of the next connection. */
export function resumeQuery(view: ChatView): string {
  const after = `after_id=${view.streamed}`;
  return view.cursor === null ? after : `${after}&cursor=${encodeURIComponent(view.cursor)}`;
}

/** A new connection was opened: what was lost before is asked for again. */
export function reconnected(view: ChatView): ChatView {
  return view.gap ? resetPreview(view) : view;
}

export function applyFrame(view: ChatView, events: ChatStreamEvent[]): ChatView {
  const next = events.reduce(applyEvent, view.synced ? view : { ...view, synced: true });
  // A place beyond what was lost would lose it for good.
  const cursor = next.gap ? null : (events.findLast((event) => event.cursor)?.cursor ?? view.cursor);
  return cursor === next.cursor ? next : { ...next, cursor };
}

export function applyEvent(view: ChatView, event: ChatStreamEvent): ChatView {
  switch (event.type) {
    case "message":
      return event.message ? streamedMessage(view, event.message) : view;
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
      return { ...view, actionRequired: event.action_required?.tool_calls ?? [], approvals: event.action_required?.approvals ?? [] };
    case "preview_reset":
      return resetPreview(view);
    case "history_reset":
      return { ...resetPreview(view), messages: [], streamed: 0, ghost: [] };
    default:
      // A newer server may send kinds that this page does not know.
      return view;
  }
}

function streamedMessage(view: ChatView, message: ChatMessage): ChatView {
  return { ...applyMessage(view, message), streamed: Math.max(view.streamed, message.id) };
}

/** A message that the answer to a request carried, which the stream may repeat. */
export function applyMessage(view: ChatView, message: ChatMessage): ChatView {
  const messages = upsert(view.messages, message);
  if (message.role === "assistant") return { ...view, messages, preview: [], ghost: [], retry: null, restart: null };
  if (message.role === "tool") return { ...view, messages, results: without(view.results, message) };
  return { ...view, messages };
}

function resetPreview(view: ChatView): ChatView {
  const ghost = isBusy(view.status) && view.preview.length > 0 ? view.preview : view.ghost;
  return { ...view, preview: [], ghost, results: {}, place: null, gap: false, cursor: view.gap ? null : view.cursor };
}

function applyStatus(view: ChatView, status: ChatStatus): ChatView {
  if (status === "running" || status === "pending") return { ...view, status, error: null, actionRequired: [], approvals: [] };
  if (status === "interrupting") return { ...view, status, retry: null, actionRequired: [], approvals: [] };
  if (status === "requires_action") return { ...view, status, retry: null, error: null };
  return { ...view, status, retry: null, actionRequired: [], approvals: [], ghost: [], restart: null };
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
    if (order > 0) base = { ...base, reached: next, restart: restartOf(view, next) };
  }
  if (base.retry) base = { ...base, retry: null };
  return role === "tool" || part.type === "tool-result" ? addResult(base, part) : addPreview(base, part);
}

function restartOf(view: ChatView, next: Place): ChatView["restart"] {
  const again = view.reached !== null && view.reached.history === next.history && view.reached.attempt < next.attempt;
  if (again && view.retry === null) return { history: next.history, attempt: next.attempt };
  return again || view.restart?.history === next.history ? view.restart : null;
}

/** Orders episodes (not seqs). */
function comparePlace(a: Place, b: Place): number {
  return a.history - b.history || a.attempt - b.attempt;
}

function addPreview(view: ChatView, part: ChatMessagePart): ChatView {
  const last = view.preview.at(-1);
  view = view.ghost.length > 0 ? { ...view, ghost: [] } : view;
  if (part.type === "text" || part.type === "reasoning") {
    const times = part.type === "reasoning" ? reasoningTimes(part) : {};
    if (!part.text && !("endedAt" in times)) return view;
    if (last?.kind === part.type) {
      return { ...view, preview: [...view.preview.slice(0, -1), { ...times, ...last, ...("endedAt" in times ? { endedAt: times.endedAt } : {}), text: last.text + (part.text ?? "") }] };
    }
    return part.text ? { ...view, preview: [...view.preview, { kind: part.type, text: part.text, ...times }] } : view;
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

function reasoningTimes(part: Extract<ChatMessagePart, { type: "reasoning" }>): { startedAt?: string; endedAt?: string } {
  return { ...(part.created_at ? { startedAt: part.created_at } : {}), ...(part.completed_at ? { endedAt: part.completed_at } : {}) };
}

/** Ids of calls may come again in a later turn, so only the present one counts. */
function isCommittedCall(view: ChatView, callId: string): boolean {
  for (let i = view.messages.length - 1; i >= 0; i--) {
    const message = view.messages[i];
    if (message?.role === "user") return false;
    if (message?.content?.some((p) => p.type === "tool-call" && p.tool_call_id === callId)) return true;
  }
  return false;
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
