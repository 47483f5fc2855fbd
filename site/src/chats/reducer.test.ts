// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { ChatMessage, ChatMessagePart, ChatStatus, ChatStreamEvent } from "@/api/types";
import { type ChatView, applyFrame, applyMessage, emptyView, isBusy, reconnected, resumeQuery } from "./reducer";

const chat_id = "11111111-1111-4111-8111-111111111111";

type Payload = Omit<Partial<ChatStreamEvent>, "type" | "chat_id">;
const event = (type: ChatStreamEvent["type"], payload: Payload = {}): ChatStreamEvent => ({ type, chat_id, ...payload });
const status = (s: ChatStatus) => event("status", { status: { status: s } });

const message = (id: number, role: ChatMessage["role"], ...content: ChatMessagePart[]): ChatMessage => ({
  id,
  chat_id,
  created_at: "2026-07-01T10:00:00Z",
  role,
  content,
});
const committed = (id: number, role: ChatMessage["role"], ...content: ChatMessagePart[]) =>
  event("message", { message: message(id, role, ...content) });

const text = (t: string): ChatMessagePart => ({ type: "text", text: t });
const call = (id: string, fields: { args?: Record<string, never>; args_delta?: string } = {}): ChatMessagePart => ({
  type: "tool-call",
  tool_call_id: id,
  tool_name: "execute",
  ...fields,
});
const result = (id: string, fields: object): ChatMessagePart => ({ type: "tool-result", tool_call_id: id, tool_name: "execute", ...fields }) as ChatMessagePart;

/** A part at (history, attempt, seq). */
const part = (history: number, attempt: number, seq: number, p: ChatMessagePart, role: ChatMessage["role"] = "assistant") =>
  event("message_part", { message_part: { role, part: p, history_version: history, generation_attempt: attempt, seq } });

const run = (...frames: ChatStreamEvent[][]): ChatView => frames.reduce(applyFrame, emptyView);
const shown = (view: ChatView) =>
  view.messages
    .flatMap((m) => m.content ?? [])
    .concat(view.preview.map((p) => text(p.kind === "tool" ? `<${p.name} ${p.argsText}>` : p.text)))
    .map((p) => (p.type === "text" ? p.text : `<${p.type}>`))
    .join("|");

describe("the preview", () => {
  it("grows by the parts and joins text of one kind", () => {
    const view = run([status("running"), part(4, 1, 1, text("Hel"))], [part(4, 1, 2, text("lo")), part(4, 1, 3, { type: "reasoning", text: "hm" })]);
    expect(view.preview).toEqual([
      { kind: "text", text: "Hello" },
      { kind: "reasoning", text: "hm" },
    ]);
    expect(view.synced).toBe(true);
  });

  it("is replaced by the committed message, not shown beside it", () => {
    const view = run([part(4, 1, 1, text("Hel"))], [committed(42, "assistant", text("Hello"))]);
    expect(shown(view)).toBe("Hello");
    expect(view.preview).toEqual([]);
  });

  it("knows how long a thought took when the server says so", () => {
    const thought = (fields: object): ChatMessagePart => ({ type: "reasoning", text: "", ...fields });
    const view = run([part(4, 1, 1, thought({ text: "hm", created_at: "2026-07-01T10:00:00Z" })), part(4, 1, 2, thought({ text: "m" })), part(4, 1, 3, thought({ completed_at: "2026-07-01T10:00:04Z" }))]);
    expect(view.preview).toEqual([{ kind: "reasoning", text: "hmm", startedAt: "2026-07-01T10:00:00Z", endedAt: "2026-07-01T10:00:04Z" }]);
  });

  it("takes the same call id of an earlier turn for another call", () => {
    const view = run([committed(1, "user", text("q")), committed(2, "assistant", call("c1")), committed(3, "user", text("again"))], [part(9, 1, 1, call("c1", { args_delta: "{}" }))]);
    expect(view.preview).toHaveLength(1);
  });

  it("stays when a user's message is committed", () => {
    const view = run([part(4, 1, 1, text("Hel"))], [committed(42, "user", text("next"))]);
    expect(view.preview).toHaveLength(1);
  });

  it("builds a tool call from its argument deltas and takes the final arguments", () => {
    const view = run([
      part(4, 1, 1, call("c1", { args_delta: '{"comm' })),
      part(4, 1, 2, call("c1", { args_delta: 'and":"ls"}' })),
      part(4, 1, 3, call("c1", { args: { command: "ls" } as unknown as Record<string, never> })),
    ]);
    expect(view.preview).toEqual([{ kind: "tool", callId: "c1", name: "execute", argsText: '{"command":"ls"}', args: { command: "ls" } }]);
  });

  it("keeps the order of text and tool calls", () => {
    const view = run([part(4, 1, 1, text("a")), part(4, 1, 2, call("c1")), part(4, 1, 3, text("b")), part(4, 1, 4, call("c2")), part(4, 1, 5, call("c1", { args_delta: "{}" }))]);
    expect(view.preview.map((p) => (p.kind === "tool" ? p.callId : p.text))).toEqual(["a", "c1", "b", "c2"]);
  });

  it("is dropped by preview_reset, after which parts start at 1 again", () => {
    const view = run([part(4, 1, 1, text("old"))], [event("preview_reset"), part(4, 1, 1, text("new"))]);
    expect(shown(view)).toBe("new");
  });

  it("is kept when the turn ends before its message arrives", () => {
    const view = run([status("running"), part(4, 1, 1, text("all of it"))], [status("waiting")]);
    expect(shown(view)).toBe("all of it");
    expect(isBusy(view.status)).toBe(false);
  });
});

describe("the ghost of a preview", () => {
  const busy = [status("running"), part(4, 1, 1, text("half"))];

  it("stands in after a reset, until the answer goes on", () => {
    const reset = run(busy, [event("preview_reset")]);
    expect([reset.preview, reset.ghost]).toEqual([[], [{ kind: "text", text: "half" }]]);
    const going = applyFrame(reset, [part(4, 2, 1, text("ha"))]);
    expect([shown(going), going.ghost]).toEqual(["ha", []]);
  });

  it.each([
    ["the message is committed", committed(9, "assistant", text("half and more"))],
    ["the turn is over", status("error")],
    ["a retry declares it void", event("retry", { retry: { attempt: 1, delay_ms: 1, error: "x", retrying_at: "2026-07-01T10:00:00Z" } })],
    ["the history is cut", event("history_reset")],
  ])("goes when %s", (_, end) => {
    expect(run(busy, [event("preview_reset"), end]).ghost).toEqual([]);
  });

  it("is not made of an answer that was committed", () => {
    expect(run(busy, [committed(9, "assistant", text("half")), event("preview_reset")]).ghost).toEqual([]);
  });
});

describe("places", () => {
  it("ignores a part that was already applied", () => {
    const view = run([part(4, 1, 1, text("a")), part(4, 1, 2, text("b"))], [part(4, 1, 1, text("a")), part(4, 1, 2, text("b")), part(4, 1, 3, text("c"))]);
    expect(shown(view)).toBe("abc");
    expect(view.gap).toBe(false);
  });

  it("ignores parts of an older attempt or an older history", () => {
    const view = run([part(5, 2, 1, text("now"))], [part(5, 1, 9, text("late")), part(4, 7, 3, text("older"))]);
    expect(shown(view)).toBe("now");
    expect(view.gap).toBe(false);
  });

  it("starts over when a newer attempt or a newer history begins", () => {
    expect(shown(run([part(4, 1, 1, text("first"))], [part(4, 2, 1, text("second"))]))).toBe("second");
    expect(shown(run([part(4, 3, 1, text("first"))], [part(5, 1, 1, text("second"))]))).toBe("second");
  });

  it("reports a gap instead of joining text over it", () => {
    const view = run([part(4, 1, 1, text("a"))], [part(4, 1, 3, text("c")), part(4, 1, 4, text("d"))]);
    expect(view.gap).toBe(true);
    expect(shown(view)).toBe("a");
  });

  it("reports a gap when the first part of an episode is missing", () => {
    expect(run([part(4, 1, 2, text("b"))]).gap).toBe(true);
  });

  it("still takes committed messages while there is a gap", () => {
    const view = run([part(4, 1, 1, text("a")), part(4, 1, 3, text("c")), committed(9, "assistant", text("abc"))]);
    expect(shown(view)).toBe("abc");
  });

  it("takes parts without a place as they come", () => {
    const bare = (t: string) => event("message_part", { message_part: { role: "assistant", part: text(t) } });
    expect(shown(run([bare("a"), bare("b")]))).toBe("ab");
  });
});

describe("reconnecting", () => {
  it("asks for what comes after the last committed message", () => {
    const view = run([committed(41, "user", text("q")), committed(42, "assistant", text("a"))]);
    expect(view.streamed).toBe(42);
    expect(resumeQuery(emptyView)).toBe("after_id=0");
  });

  it("neither doubles nor loses text when the episode is sent again from 1 without a reset", () => {
    const before = run([part(4, 1, 1, text("a")), part(4, 1, 2, text("b"))]);
    const after = applyFrame(reconnected(before), [status("running"), part(4, 1, 1, text("a")), part(4, 1, 2, text("b")), part(4, 1, 3, text("c"))]);
    expect(shown(after)).toBe("abc");
  });

  it("neither doubles nor loses text when a reset precedes the repeat", () => {
    const before = run([part(4, 1, 1, text("a")), part(4, 1, 2, text("b"))]);
    const after = applyFrame(reconnected(before), [event("preview_reset"), part(4, 1, 1, text("a")), part(4, 1, 2, text("b")), part(4, 1, 3, text("c"))]);
    expect(shown(after)).toBe("abc");
  });

  it("recovers from a gap", () => {
    const before = run([part(4, 1, 1, text("a")), part(4, 1, 3, text("c"))]);
    const after = applyFrame(reconnected(before), [part(4, 1, 1, text("a")), part(4, 1, 2, text("b")), part(4, 1, 3, text("c"))]);
    expect(after.gap).toBe(false);
    expect(shown(after)).toBe("abc");
  });

  it("shows a message once when the answer to the request and the stream both bring it", () => {
    const view = run([committed(7, "user", text("q"))], [committed(7, "user", text("q"))]);
    expect(view.messages).toHaveLength(1);
  });

  it("reads the same whatever the cut: every split of the stream, with the tail sent again, gives the same text", () => {
    const stream = [
      committed(1, "user", text("q")),
      status("running"),
      part(4, 1, 1, text("one ")),
      part(4, 1, 2, text("two ")),
      part(4, 1, 3, call("c1", { args_delta: "{}" })),
      committed(2, "assistant", text("one two "), call("c1")),
      part(5, 1, 1, result("c1", { result_delta: "out" }), "tool"),
      committed(3, "tool", result("c1", { result: { output: "out" } })),
      part(6, 1, 1, text("three")),
      committed(4, "assistant", text("three")),
      status("waiting"),
    ];
    const whole = run(stream);
    for (let cut = 0; cut <= stream.length; cut++) {
      const before = run(stream.slice(0, cut));
      const after = before.streamed;
      const rest = stream.filter((e, i) => i >= cut || !e.message || e.message.id > after);
      const resumed = applyFrame(reconnected(before), [event("preview_reset"), ...replayFrom(rest, after)]);
      expect(shown(resumed), `cut at ${cut}`).toBe(shown(whole));
      expect(resumed.status).toBe("waiting");
    }
  });
});

/** What a server sends to a viewer that has all messages up to `after`: later messages, and the parts of open episodes. */
function replayFrom(events: ChatStreamEvent[], after: number): ChatStreamEvent[] {
  const closed = after >= 4 ? 6 : after >= 3 ? 5 : after >= 2 ? 4 : 0;
  return events.filter((e) => (e.message ? e.message.id > after : (e.message_part?.history_version ?? 99) > closed));
}

describe("the place to resume from", () => {
  const at = (cursor: string, e: ChatStreamEvent): ChatStreamEvent => ({ ...e, cursor });

  it("is the cursor of the newest frame, and the newest streamed message for servers that do not know it", () => {
    const view = run([committed(7, "user", text("q")), at("v1 3", status("running"))], [at("v1 4/x", part(4, 1, 1, text("a")))]);
    expect(resumeQuery(view)).toBe("after_id=7&cursor=v1%204%2Fx");
  });

  it("stays when a frame carries none", () => {
    expect(run([at("c1", status("running"))], [part(4, 1, 1, text("a"))]).cursor).toBe("c1");
  });

  it("is given up when parts were lost, so that they are sent again", () => {
    const view = run([at("c1", part(4, 1, 1, text("a")))], [at("c2", part(4, 1, 3, text("c")))]);
    expect(view.cursor).toBeNull();
    expect(resumeQuery(reconnected(view))).toBe("after_id=0");
  });

  it("does not count a message that another answer carried, before which others may be missing", () => {
    const view = applyMessage(run([committed(1, "user", text("q"))]), message(5, "user", text("next")));
    expect(view.messages.map((m) => m.id)).toEqual([1, 5]);
    expect(resumeQuery(view)).toBe("after_id=1");
  });

  it("begins at nothing again after a history_reset", () => {
    expect(run([committed(9, "user", text("q"))], [event("history_reset")]).streamed).toBe(0);
  });

  it("shows no part twice when the connection goes on at the cursor in the middle of an answer", () => {
    const before = run([at("c", part(4, 1, 1, text("a")))], [at("c", part(4, 1, 2, text("b")))]);
    const after = applyFrame(reconnected(before), [at("c", part(4, 1, 3, text("c")))]);
    expect(after.preview).toEqual([{ kind: "text", text: "abc" }]);
  });
});

describe("an answer that begins anew", () => {
  const started = [status("running"), part(4, 1, 1, text("half"))];

  it("is told as a restart when no retry was announced", () => {
    expect(run(started, [event("preview_reset"), part(4, 2, 1, text("ha"))]).restart).toEqual({ history: 4, attempt: 2 });
    expect(run(started, [part(4, 2, 1, text("ha"))]).restart).toEqual({ history: 4, attempt: 2 });
  });

  it("is no restart after a retry, nor when the next step begins", () => {
    const retry = event("retry", { retry: { attempt: 1, delay_ms: 1, error: "busy", retrying_at: "2026-07-01T10:00:02Z" } });
    expect(run(started, [retry, part(4, 2, 1, text("ha"))]).restart).toBeNull();
    expect(run(started, [committed(5, "assistant", text("half")), part(5, 1, 1, text("ha"))]).restart).toBeNull();
  });

  it("is forgotten when its message is committed or the turn ends", () => {
    const anew = run(started, [part(4, 2, 1, text("ha"))]);
    expect(applyFrame(anew, [part(4, 2, 2, text("lf"))]).restart).not.toBeNull();
    expect(applyFrame(anew, [committed(5, "assistant", text("half"))]).restart).toBeNull();
    expect(applyFrame(anew, [status("waiting")]).restart).toBeNull();
  });
});

describe("approvals", () => {
  const approval = { tool_call_id: "c1", tool_name: "execute", args: "{}", reason: "rule" as const, message: "Asks.", requested_at: "2026-07-01T10:00:00Z", expires_at: "2026-07-02T10:00:00Z" };
  const asks = event("action_required", { action_required: { tool_calls: [], approvals: [approval] } });

  it("are held until the chat goes on, is stopped or has ended", () => {
    const view = run([status("requires_action"), asks]);
    expect(view.approvals).toEqual([approval]);
    for (const next of ["running", "interrupting", "waiting", "error"] as const) expect(applyFrame(view, [status(next)]).approvals).toEqual([]);
  });

  it("are replaced by each action_required", () => {
    expect(run([asks], [event("action_required", { action_required: { tool_calls: [] } })]).approvals).toEqual([]);
  });
});

describe("history", () => {
  it("keeps messages in the order of their ids, whatever order they arrive in", () => {
    const view = run([committed(3, "assistant", text("c")), committed(1, "user", text("a")), committed(2, "assistant", text("b"))]);
    expect(view.messages.map((m) => m.id)).toEqual([1, 2, 3]);
  });

  it("replaces a message that is sent again with other content", () => {
    const view = run([committed(1, "user", text("a")), committed(2, "assistant", text("part"))], [committed(2, "assistant", text("whole"))]);
    expect(shown(view)).toBe("a|whole");
  });

  it("history_reset drops all messages and the preview", () => {
    const view = run([committed(1, "user", text("a")), part(4, 1, 1, text("x"))], [event("history_reset"), committed(5, "user", text("edited"))]);
    expect(shown(view)).toBe("edited");
  });
});

describe("tools", () => {
  it("shows output as it comes, and drops it when the result is committed", () => {
    const running = run(
      [committed(2, "assistant", call("c1"))],
      [part(5, 1, 1, result("c1", { result_delta: "line 1\n" }), "tool"), part(5, 1, 2, result("c1", { result_delta: "line 2\n" }), "tool")],
    );
    expect(running.results["c1"]).toMatchObject({ text: "line 1\nline 2\n", result: undefined });
    expect(applyFrame(running, [committed(3, "tool", result("c1", { result: { output: "all" } }))]).results).toEqual({});
  });

  it("result_reset throws away the output so far", () => {
    const view = run([part(5, 1, 1, result("c1", { result_delta: "wrong" }), "tool"), part(5, 1, 2, result("c1", { result_reset: true, result_delta: "right" }), "tool")]);
    expect(view.results["c1"]?.text).toBe("right");
  });

  it("a committed assistant message leaves other tools' output alone", () => {
    const view = run([part(5, 1, 1, result("c1", { result_delta: "out" }), "tool"), committed(3, "assistant", text("x"))]);
    expect(view.results["c1"]?.text).toBe("out");
  });

  it("does not show a call twice when its message is committed already", () => {
    const view = run([committed(2, "assistant", call("c1"))], [part(5, 1, 1, call("c1", { args_delta: "{}" }))]);
    expect(view.preview).toEqual([]);
  });
});

describe("status, errors, retries and the queue", () => {
  const retry = event("retry", { retry: { attempt: 2, delay_ms: 2000, error: "busy", retrying_at: "2026-07-01T10:00:02Z" } });
  const failure = event("error", { error: { message: "no", retryable: false } });

  it("a retry drops the failed attempt's text and ends with the next part", () => {
    const waiting = run([status("running"), part(4, 1, 1, text("half")), retry]);
    expect(waiting.preview).toEqual([]);
    expect(waiting.retry?.attempt).toBe(2);
    const going = applyFrame(waiting, [part(4, 2, 1, text("again"))]);
    expect(going.retry).toBeNull();
    expect(shown(going)).toBe("again");
  });

  it("an error ends a retry and is forgotten when the chat runs again", () => {
    const failed = run([status("running"), retry], [status("error"), failure]);
    expect(failed.retry).toBeNull();
    expect(failed.error?.message).toBe("no");
    expect(applyFrame(failed, [status("running")]).error).toBeNull();
  });

  it("an error survives the status event of its own sync", () => {
    expect(run([status("error"), failure]).error?.message).toBe("no");
    expect(run([failure, status("error")]).error?.message).toBe("no");
  });

  it("queue_update replaces the queue; without a list it is empty", () => {
    const queued = { id: 7, chat_id, content: [text("next")], created_at: "2026-07-01T10:00:00Z" };
    const view = run([event("queue_update", { queued_messages: [queued] })]);
    expect(view.queue.map((q) => q.id)).toEqual([7]);
    expect(applyFrame(view, [event("queue_update")]).queue).toEqual([]);
  });

  it("action_required lists the calls until the chat goes on", () => {
    const view = run([status("requires_action"), event("action_required", { action_required: { tool_calls: [{ tool_call_id: "d1", tool_name: "t", args: "{}" }] } })]);
    expect(view.actionRequired).toHaveLength(1);
    expect(applyFrame(view, [status("running")]).actionRequired).toEqual([]);
  });

  it("keeps what it has when an unknown kind of event comes", () => {
    const view = run([committed(1, "user", text("a"))]);
    expect(applyFrame(view, [{ type: "something_new", chat_id } as unknown as ChatStreamEvent])).toEqual(view);
  });

  it("knows which states are busy", () => {
    expect((["running", "pending", "interrupting", "requires_action"] as const).every(isBusy)).toBe(true);
    expect((["waiting", "error", "completed", "paused"] as const).some(isBusy)).toBe(false);
  });
});
