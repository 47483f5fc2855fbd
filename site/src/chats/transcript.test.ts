// @vitest-environment node
import { describe, expect, it } from "vitest";
import type { ChatMessage, ChatMessagePart } from "@/api/types";
import { partialObject } from "./partial-json";
import { type ChatView, emptyView } from "./reducer";
import { toolTitle } from "./tool-title";
import { buildTranscript, resultState } from "./transcript";

const message = (id: number, role: ChatMessage["role"], ...content: unknown[]): ChatMessage => ({
  id,
  chat_id: "c",
  created_at: "2026-07-01T10:00:00Z",
  role,
  content: content as ChatMessagePart[],
});
const call = (id: string, args: object = { command: "ls" }) => ({ type: "tool-call", tool_call_id: id, tool_name: "execute", args });
const result = (id: string, value: unknown, is_error = false) => ({ type: "tool-result", tool_call_id: id, tool_name: "execute", result: value, is_error });
const tools = (view: Partial<ChatView>) =>
  buildTranscript({ ...emptyView, ...view }).flatMap((b) => b.parts.flatMap((p) => (p.kind === "tool" ? [p.tool] : [])));

describe("buildTranscript", () => {
  it("puts a tool's result into the card of its call and hides tool and system messages", () => {
    const blocks = buildTranscript({
      ...emptyView,
      status: "waiting",
      messages: [
        message(1, "system", { type: "text", text: "secret" }),
        message(2, "user", { type: "text", text: "go" }),
        message(3, "assistant", { type: "text", text: "ok" }, call("a")),
        message(4, "tool", result("a", { output: "x", exit_code: 0 })),
      ],
    });
    expect(blocks.map((b) => b.role)).toEqual(["user", "assistant"]);
    expect(blocks[1]?.parts.map((p) => p.kind)).toEqual(["text", "tool"]);
    expect(blocks[1]?.parts[1]).toMatchObject({ tool: { state: "done", result: { output: "x", exit_code: 0 } } });
  });

  it("says running while the chat works, and no result when it has stopped", () => {
    const messages = [message(3, "assistant", call("a"))];
    expect(tools({ status: "running", messages })[0]?.state).toBe("running");
    expect(tools({ status: "waiting", messages })[0]?.state).toBe("stopped");
  });

  it("shows the output of a tool that runs", () => {
    const results = { a: { callId: "a", name: "execute", text: "half", result: undefined, isError: false } };
    expect(tools({ status: "running", messages: [message(3, "assistant", call("a"))], results })[0]).toMatchObject({ state: "running", output: "half" });
  });

  it("reads the arguments that are still being written", () => {
    const preview = [{ kind: "tool" as const, callId: "a", name: "execute", argsText: '{"command":"ls -l', args: undefined }];
    expect(tools({ status: "running", preview })[0]?.args).toEqual({ command: "ls -l" });
  });

  it("marks only the preview as live", () => {
    const blocks = buildTranscript({ ...emptyView, status: "running", messages: [message(1, "assistant", { type: "text", text: "a" })], preview: [{ kind: "text", text: "b" }] });
    expect(blocks.map((b) => b.live)).toEqual([false, true]);
  });
});

describe("calls that wait for somebody", () => {
  const approval = { tool_call_id: "a", tool_name: "execute", args: "{}", reason: "rule" as const, message: "m", requested_at: "2026-07-01T10:00:00Z", expires_at: "2026-07-02T10:00:00Z" };
  const messages = [message(3, "assistant", call("a"))];

  it("are asked about, of unknown outcome, or answered elsewhere", () => {
    expect(tools({ status: "requires_action", messages, approvals: [approval] })[0]?.state).toBe("asked");
    expect(tools({ status: "requires_action", messages, approvals: [{ ...approval, reason: "outcome_unknown" }] })[0]?.state).toBe("unknown");
    expect(tools({ status: "requires_action", messages, actionRequired: [{ tool_call_id: "a", tool_name: "execute", args: "{}" }] })[0]?.state).toBe("elsewhere");
  });

  it("can be answered when they are questions and nothing was said after them", () => {
    const question = { type: "tool-call", tool_call_id: "q", tool_name: "ask_user_question", args: { questions: [] } };
    const asked = [message(1, "assistant", question), message(2, "tool", result("q", { questions: [] }))];
    expect(tools({ status: "waiting", messages: asked })[0]?.answerable).toBe(true);
    expect(tools({ status: "running", messages: asked })[0]?.answerable).toBeUndefined();
    expect(tools({ status: "waiting", messages: [...asked, message(3, "user", { type: "text", text: "yes" })] })[0]?.answerable).toBeUndefined();
  });
});

describe("a compaction", () => {
  const summarized = { type: "tool-call", tool_call_id: "s", tool_name: "chat_summarized", args: {} };
  const parts = (messages: ChatMessage[]) => buildTranscript({ ...emptyView, messages }).flatMap((b) => b.parts);

  it("is a part of its own, with its summary and how full the context was", () => {
    const done = [message(1, "assistant", summarized), message(2, "tool", { ...result("s", { summary: "We did x.", usage_percent: 72, context_tokens: 92000 }), tool_name: "chat_summarized" })];
    expect(parts(done)).toEqual([{ kind: "compaction", callId: "s", compaction: { summary: "We did x.", usedPercent: 72, contextTokens: 92000 } }]);
  });

  it("says that it goes on while there is no summary", () => {
    expect(parts([message(1, "assistant", summarized)])).toEqual([{ kind: "compaction", callId: "s", compaction: null }]);
  });
});

it("says how long a thought took", () => {
  const thought = { type: "reasoning", text: "hm", created_at: "2026-07-01T10:00:00Z", completed_at: "2026-07-01T10:00:03Z" };
  expect(buildTranscript({ ...emptyView, messages: [message(1, "assistant", thought)] })[0]?.parts).toEqual([{ kind: "reasoning", text: "hm", ms: 3000 }]);
});

describe("resultState", () => {
  it.each([
    [{ success: true, exit_code: 0 }, false, "done"],
    [{ success: false, exit_code: 0 }, false, "failed"],
    [{ exit_code: 2 }, false, "failed"],
    ["no such file", true, "failed"],
    [{ outcome: "unknown" }, true, "unknown"],
    [{ error: "It was not run again.", error_code: "not_repeated", outcome: "unknown" }, true, "unknown"],
    ["outcome unknown", true, "failed"],
    [{ error: "A rule refuses it.", error_code: "denied_by_rule" }, true, "denied"],
    [{ error: "No.", error_code: "denied_by_user", note: "not on a Friday" }, true, "denied"],
    [{ error: "The user did not allow this tool call." }, true, "failed"],
    [{ error: "Stopped.", interrupted: true }, true, "stopped"],
    [null, false, "done"],
  ])("%j with error %s is %s", (value, isError, state) => {
    expect(resultState(value, isError)).toBe(state);
  });
});

describe("partialObject", () => {
  it.each([
    ["", {}],
    ["{", {}],
    ['{"comm', {}],
    ['{"command"', {}],
    ['{"command":', {}],
    ['{"command":"', { command: "" }],
    ['{"command":"a\\', { command: "a" }],
    ['{"command":"a\\n\\u00', { command: "a\n" }],
    ['{"command":"a","time', { command: "a" }],
    ['{"path":"p","n":12', { path: "p", n: 12 }],
    ['{"files":[{"path":"p","edits":[{"old_text":"x', { files: [{ path: "p", edits: [{ old_text: "x" }] }] }],
    ['{"list":["a","b', { list: ["a", "b"] }],
    ["[1,2]", {}],
    ["nonsense", {}],
  ])("%s", (text, value) => {
    expect(partialObject(text)).toEqual(value);
  });
});

describe("toolTitle", () => {
  const use = (name: string, args: object, result: unknown, state: "done" | "failed" | "running") =>
    toolTitle({ callId: "a", name, args: args as Record<string, unknown>, result, output: "", state });

  it("names the command, its exit code and its time", () => {
    expect(use("execute", { command: "make\nmake install" }, { exit_code: 2, wall_duration_ms: 1234 }, "failed")).toEqual({ verb: "Run", object: "make …", outcome: "exit 2 · 1.2 s" });
  });

  it("names all edited files", () => {
    expect(use("edit_files", { files: [{ path: "/a" }, { path: "/b" }] }, undefined, "running").object).toBe("/a, /b");
  });

  it("does not break on arguments of the wrong kind", () => {
    expect(use("edit_files", { files: "x" }, 3, "done").object).toBe("");
    expect(use("execute", { command: 7 }, [], "done").object).toBe("");
    expect(use("unheard_of", {}, null, "done").verb).toBe("unheard_of");
  });
});
