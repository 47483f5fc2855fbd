import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FakeSocket } from "@/test/fake-socket";
import { ChatConnection } from "./connection";

const chat_id = "c";
const message = (id: number, role: string, text: string) => ({ type: "message", chat_id, message: { id, chat_id, role, created_at: "2026-07-01T10:00:00Z", content: [{ type: "text", text }] } });
const part = (seq: number, text: string) => ({ type: "message_part", chat_id, message_part: { role: "assistant", part: { type: "text", text }, history_version: 4, generation_attempt: 1, seq } });

let connection: ChatConnection;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  vi.stubGlobal("WebSocket", FakeSocket);
  // Frames are drawn by hand, to see what one batch holds.
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => setTimeout(draw, 16));
  FakeSocket.all = [];
  connection = new ChatConnection("c");
  FakeSocket.last.open();
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const send = (...events: object[]) => FakeSocket.last.receive(`${JSON.stringify(events)}\n`);
const draw = () => vi.advanceTimersByTime(20);
const after = () => new URL(FakeSocket.last.url).searchParams.get("after_id");
const text = () => connection.snapshot().view.preview.map((p) => (p.kind === "tool" ? "" : p.text)).join("");

it("starts from the beginning and draws frames in batches", () => {
  expect(after()).toBe("0");
  const draws = vi.fn();
  connection.subscribe(draws);
  send(message(1, "user", "q"));
  send(part(1, "a"));
  send(part(2, "b"));
  expect(draws).not.toHaveBeenCalled();
  draw();
  expect(draws).toHaveBeenCalledOnce();
  expect(text()).toBe("ab");
});

it("comes back with the last message's id, counting what was not drawn yet, and neither loses nor doubles", () => {
  send(message(1, "user", "q"), part(1, "a"));
  draw();
  send(message(2, "assistant", "a"));
  FakeSocket.last.drop();
  expect(connection.snapshot().link).toBe("reconnecting");
  expect(connection.snapshot().retryAt).toBeGreaterThan(Date.now());
  vi.advanceTimersByTime(2000);
  expect(FakeSocket.all).toHaveLength(2);
  expect(after()).toBe("2");
  FakeSocket.last.open();
  expect(connection.snapshot().link).toBe("open");
  send(message(2, "assistant", "a"), message(3, "user", "next"));
  draw();
  expect(connection.snapshot().view.messages.map((m) => m.id)).toEqual([1, 2, 3]);
});

it("keeps the preview on screen while it is away, and continues it", () => {
  send(part(1, "a"), part(2, "b"));
  draw();
  FakeSocket.last.drop();
  expect(text()).toBe("ab");
  vi.advanceTimersByTime(2000);
  FakeSocket.last.open();
  send({ type: "preview_reset", chat_id }, part(1, "a"), part(2, "b"), part(3, "c"));
  draw();
  expect(text()).toBe("abc");
});

it("connects again when parts were lost", () => {
  send(part(1, "a"), part(3, "c"));
  draw();
  vi.advanceTimersByTime(2000);
  expect(FakeSocket.all).toHaveLength(2);
  FakeSocket.last.open();
  send(part(1, "a"), part(2, "b"), part(3, "c"));
  draw();
  expect(text()).toBe("abc");
});

it("goes on at the cursor, says when, and neither loses nor doubles", () => {
  send(message(1, "user", "q"), { ...part(1, "a"), cursor: "v1" });
  send({ ...part(2, "b"), cursor: "v2" });
  draw();
  expect(connection.snapshot().resumedAt).toBeUndefined();
  FakeSocket.last.drop();
  vi.advanceTimersByTime(2000);
  expect(new URL(FakeSocket.last.url).searchParams.get("cursor")).toBe("v2");
  FakeSocket.last.open();
  send({ ...part(3, "c"), cursor: "v3" });
  draw();
  expect(text()).toBe("abc");
  expect(connection.snapshot().resumedAt).toBeGreaterThan(0);
});

it("does without a cursor now and then when no connection comes about, for servers that refuse it", () => {
  send({ ...part(1, "a"), cursor: "v1" });
  draw();
  const cursors = Array.from({ length: 5 }, () => {
    FakeSocket.last.drop();
    vi.advanceTimersByTime(15_000);
    return new URL(FakeSocket.last.url).searchParams.get("cursor");
  });
  expect(cursors).toEqual(["v1", "v1", "v1", null, "v1"]);
});

it("says when another server began the answer anew", () => {
  send(part(1, "a"));
  draw();
  send({ type: "preview_reset", chat_id }, { ...part(1, "b"), message_part: { ...part(1, "b").message_part, generation_attempt: 2 } });
  draw();
  expect(connection.snapshot().restartedAt).toBeGreaterThan(0);
});

it("survives frames that are not what they should be", () => {
  FakeSocket.last.receive("not json");
  FakeSocket.last.receive('{"type":"ping"}');
  send(part(1, "a"));
  draw();
  expect(text()).toBe("a");
});

it("asks more slowly the longer no connection comes about", () => {
  for (let i = 0; i < 3; i++) {
    FakeSocket.last.drop();
    vi.advanceTimersByTime(10_000);
  }
  const before = FakeSocket.all.length;
  FakeSocket.last.drop();
  vi.advanceTimersByTime(1_500);
  expect(FakeSocket.all).toHaveLength(before);
});

it("opens nothing after it was closed", () => {
  connection.close();
  FakeSocket.last.drop();
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.all).toHaveLength(1);
});
