import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FakeSocket } from "@/test/fake-socket";
import { Pty, type PtyState, newId, reconnectId } from "./pty";

let pty: Pty;
let states: PtyState[];
let opens: boolean[];
let output: string;
let size = { cols: 80, rows: 24 };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
  [states, opens, output, size] = [[], [], "", { cols: 80, rows: 24 }];
  pty = new Pty({
    agentId: "agent",
    reconnectId: "11111111-1111-4111-8111-111111111111",
    size: () => size,
    onOutput: (bytes) => (output += new TextDecoder().decode(bytes)),
    onOpen: (again) => opens.push(again),
    onState: (state) => states.push(state),
  });
});

afterEach(() => {
  pty.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const query = () => Object.fromEntries(new URL(FakeSocket.last.url).searchParams);
const sent = () => FakeSocket.last.sent.map((bytes) => JSON.parse(new TextDecoder().decode(bytes as Uint8Array)) as unknown);

it("connects with its size, types as JSON and takes raw bytes", () => {
  FakeSocket.last.open();
  expect(query()).toEqual({ reconnect: "11111111-1111-4111-8111-111111111111", width: "80", height: "24" });
  pty.write("ls\r");
  pty.resize(100, 30);
  expect(sent()).toEqual([{ data: "ls\r" }, { height: 30, width: 100 }]);
  FakeSocket.last.receive(new TextEncoder().encode("höllo").buffer);
  expect(output).toBe("höllo");
});

it("comes back to the same shell with the present size, and says that the screen is sent again", () => {
  FakeSocket.last.open();
  size = { cols: 120, rows: 40 };
  FakeSocket.last.drop();
  expect(states.at(-1)).toMatchObject({ kind: "lost", attempt: 1 });
  vi.advanceTimersByTime(500);
  FakeSocket.last.open();
  expect(query()).toMatchObject({ reconnect: "11111111-1111-4111-8111-111111111111", width: "120", height: "40" });
  expect(opens).toEqual([false, true]);
});

it("tells the size that changed while it connected", () => {
  size = { cols: 90, rows: 20 };
  FakeSocket.last.open();
  expect(sent()).toEqual([{ height: 20, width: 90 }]);
});

it("waits longer for a server that accepts and drops at once", () => {
  const delays: number[] = [];
  for (let i = 0; i < 3; i++) {
    FakeSocket.last.open();
    FakeSocket.last.drop();
    const state = states.at(-1);
    if (state?.kind === "lost") delays.push(state.retryAt - Date.now());
    vi.advanceTimersByTime(10_000);
  }
  expect(delays).toEqual([400, 800, 1600]);
});

it("starts nothing new by itself when the process has ended", () => {
  FakeSocket.last.open();
  FakeSocket.last.drop(1000);
  expect(states.at(-1)).toEqual({ kind: "ended" });
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.all).toHaveLength(1);
  pty.retryNow();
  expect(FakeSocket.all).toHaveLength(2);
});

it("passes on why the server closed the connection", () => {
  FakeSocket.last.open();
  FakeSocket.last.drop(1011, "the agent cannot be reached");
  expect(states.at(-1)).toMatchObject({ kind: "lost", reason: "the agent cannot be reached" });
});

it("drops what is typed without a connection", () => {
  pty.write("lost");
  expect(FakeSocket.last.sent).toEqual([]);
});

it("keeps the shell's id over a reload of the page", () => {
  sessionStorage.clear();
  const id = reconnectId("a");
  expect(reconnectId("a")).toBe(id);
  expect(reconnectId("b")).not.toBe(id);
});

it("makes version 4 UUIDs", () => {
  expect(newId()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
