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

const visibility = () => document.dispatchEvent(new Event("visibilitychange"));

it("gives up a connection that falls silent, and goes on at once", () => {
  const states: LinkState[] = [];
  const link = follow({ path: () => "/x", hasLifeSigns: true, onMessage: () => {}, onState: (state) => states.push(state) });
  FakeSocket.made[0]?.onopen?.();
  for (let i = 0; i < 6; i++) {
    vi.advanceTimersByTime(30_000);
    FakeSocket.made[0]?.onmessage?.({ data: "[]" });
  }
  expect(FakeSocket.made).toHaveLength(1);
  vi.advanceTimersByTime(39_000);
  expect(FakeSocket.made).toHaveLength(1);
  vi.advanceTimersByTime(6_000);
  expect(FakeSocket.made[0]?.closed).toBe(true);
  expect(FakeSocket.made).toHaveLength(2);
  expect(states.at(-1)).toBe("reconnecting");
  link.stop();
  vi.advanceTimersByTime(120_000);
  expect(FakeSocket.made).toHaveLength(2);
});

it("gives up a connection that never opens", () => {
  const link = follow({ path: () => "/x", hasLifeSigns: true, onMessage: () => {} });
  vi.advanceTimersByTime(45_000);
  expect(FakeSocket.made).toHaveLength(2);
  link.stop();
});

it("looks at once when the page is seen again after a sleep", () => {
  const link = follow({ path: () => "/x", hasLifeSigns: true, onMessage: () => {} });
  FakeSocket.made[0]?.onopen?.();
  visibility();
  expect(FakeSocket.made).toHaveLength(1);
  // No timer runs while the machine sleeps.
  vi.setSystemTime(Date.now() + 3_600_000);
  visibility();
  expect(FakeSocket.made).toHaveLength(2);
  link.stop();
});

it("takes a new network for a new connection even when the old one was not seen to go", () => {
  const link = follow({ path: () => "/x", hasLifeSigns: true, onMessage: () => {} });
  FakeSocket.made[0]?.onopen?.();
  window.dispatchEvent(new Event("online"));
  expect(FakeSocket.made[0]?.closed).toBe(true);
  expect(FakeSocket.made).toHaveLength(2);
  link.stop();
});

it("waits as long as it takes where there are no life signs", () => {
  const link = follow({ path: () => "/x", onMessage: () => {} });
  FakeSocket.made[0]?.onopen?.();
  vi.advanceTimersByTime(600_000);
  window.dispatchEvent(new Event("online"));
  expect(FakeSocket.made).toHaveLength(1);
  link.stop();
});
