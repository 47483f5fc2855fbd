import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type LinkState, follow } from "./socket";

class FakeSocket {
  static made: FakeSocket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  closed = false;
  constructor() {
    FakeSocket.made.push(this);
  }
  close() {
    this.closed = true;
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it("takes a network that went away for a lost connection, and tries at once when it is back", () => {
  const states: [LinkState, boolean][] = [];
  const link = follow({ path: () => "/x", onMessage: () => {}, onState: (state, at) => states.push([state, at !== undefined]) });
  FakeSocket.made[0]?.onopen?.();
  window.dispatchEvent(new Event("offline"));
  expect(FakeSocket.made[0]?.closed).toBe(true);
  expect(states.at(-1)).toEqual(["reconnecting", true]);
  window.dispatchEvent(new Event("online"));
  expect(FakeSocket.made).toHaveLength(2);
  FakeSocket.made[1]?.onopen?.();
  expect(states.at(-1)).toEqual(["open", false]);
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.made).toHaveLength(2);
  link.stop();
});

it("leaves the network's events alone once it is stopped", () => {
  const link = follow({ path: () => "/x", onMessage: () => {} });
  link.stop();
  window.dispatchEvent(new Event("offline"));
  window.dispatchEvent(new Event("online"));
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.made).toHaveLength(1);
});
