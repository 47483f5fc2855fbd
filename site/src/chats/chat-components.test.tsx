import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { RouterProvider, createMemoryHistory, createRootRoute, createRouter } from "@tanstack/react-router";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ChatError } from "@/api/types";
import { Composer as Box } from "./composer";
import { useDraft } from "./draft";
import type { LiveChat } from "./connection";
import { Progress } from "./progress";
import { emptyView } from "./reducer";
import { ToolCard } from "./tool-card";
import type { ToolUse } from "./transcript";

const live = (view: Partial<LiveChat["view"]>, rest: Partial<LiveChat> = {}): LiveChat => ({
  view: { ...emptyView, synced: true, ...view },
  link: "open",
  retryAt: undefined,
  resumedAt: undefined,
  restartedAt: undefined,
  ...rest,
});

/** Links need a router around them. */
async function show(node: React.ReactNode) {
  const root = createRootRoute({ component: () => node });
  const router = createRouter({ routeTree: root, history: createMemoryHistory() });
  await act(async () => {
    render(<RouterProvider router={router as never} />);
  });
}

describe("Progress", () => {
  const failure = (fields: Partial<ChatError>) => live({ error: { message: "The provider refused.", retryable: false, ...fields } });

  it("says what failed and what to do, with a way to the models when they are the cause", async () => {
    await show(<Progress live={failure({ kind: "auth", detail: "status 401" })} status="error" showsWork={false} setsUpModels />);
    expect(screen.getByRole("alert").textContent).toContain("The provider refused.");
    expect(screen.getByRole("alert").textContent).toContain("status 401");
    expect(screen.getByText(/Check the provider’s key/)).toBeTruthy();
    expect(screen.getByText("Open Models")).toBeTruthy();
  });

  it("sends who may not set up models to the administrator, and keeps the provider's own words back", async () => {
    await show(<Progress live={failure({ kind: "auth", detail: "status 401" })} status="error" showsWork={false} />);
    expect(screen.getByText(/Tell your administrator/)).toBeTruthy();
    expect(screen.queryByText("Open Models")).toBeNull();
    expect(screen.queryByText(/status 401/)).toBeNull();
  });

  it("offers no way to the models for a passing failure", async () => {
    await show(<Progress live={failure({ kind: "timeout", retryable: true })} status="error" showsWork={false} />);
    expect(screen.queryByText("Open Models")).toBeNull();
    expect(screen.getByText(/did not answer in time/)).toBeTruthy();
  });

  it("counts down to the next attempt", async () => {
    vi.useFakeTimers({ now: Date.parse("2026-07-01T10:00:00Z"), toFake: ["Date", "setInterval", "clearInterval"] });
    const retry = { attempt: 2, delay_ms: 2000, error: "Rate limited.", retrying_at: "2026-07-01T10:00:02Z" };
    render(<Progress live={live({ retry })} status="running" showsWork={false} />);
    expect(screen.getByText(/Attempt 2 failed. Trying again in 2 s/)).toBeTruthy();
    act(() => void vi.advanceTimersByTime(2500));
    expect(screen.getByText(/Trying again now/)).toBeTruthy();
  });

  it("says that the connection is lost, that the chat goes on, and when it is tried again", () => {
    render(<Progress live={live({}, { link: "reconnecting", retryAt: Date.now() + 4000 })} status="running" showsWork={false} />);
    expect(screen.getByRole("status").textContent).toMatch(/goes on on the server. Reconnecting in [34] s/);
  });

  it("says when a lost connection came back, for a while", () => {
    const back = Date.parse("2026-07-01T10:00:00Z");
    vi.useFakeTimers({ now: back, toFake: ["Date", "setInterval", "clearInterval"] });
    const { container } = render(<Progress live={live({}, { resumedAt: back })} status="running" showsWork />);
    expect(container.textContent).toMatch(/^Resumed at \d\d:\d\d:\d\d; nothing was lost\.$/);
    act(() => void vi.advanceTimersByTime(10_000));
    expect(container.textContent).toBe("");
  });

  it("says that the answer is written anew after a restart, as long as it is", () => {
    const { container } = render(<Progress live={live({ restart: { history: 4, attempt: 2 } }, { restartedAt: Date.now() - 60_000 })} status="running" showsWork />);
    expect(container.textContent).toMatch(/Resumed at .* after the server restarted/);
  });

  it("names the tools that another program answers", () => {
    render(<Progress live={live({ actionRequired: [{ tool_call_id: "d", tool_name: "open_ticket", args: "{}" }] })} status="requires_action" showsWork />);
    expect(screen.getByRole("status").textContent).toContain("answer open_ticket");
  });

  it("offers to go on after a failure", async () => {
    const onContinue = vi.fn();
    await show(<Progress live={failure({ kind: "overloaded", provider: "anthropic", status_code: 529 })} status="error" showsWork={false} onContinue={onContinue} />);
    expect(screen.getByText("anthropic · provider overloaded · HTTP 529")).toBeTruthy();
    fireEvent.click(screen.getByTestId("chat-continue"));
    expect(onContinue).toHaveBeenCalledOnce();
  });

  it("is silent when the answer itself shows the work, and when there is none", () => {
    const { container } = render(<Progress live={live({})} status="running" showsWork />);
    expect(container.textContent).toBe("");
    cleanup();
    const idle = render(<Progress live={live({})} status="waiting" showsWork={false} />);
    expect(idle.container.textContent).toBe("");
  });
});

afterEach(() => vi.useRealTimers());

function Composer({ draftKey = "new", ...props }: { draftKey?: string } & Omit<React.ComponentProps<typeof Box>, "value" | "onChange">) {
  const [text, setText] = useDraft(draftKey);
  return <Box {...props} value={text} onChange={setText} />;
}

describe("Composer", () => {
  beforeEach(() => sessionStorage.clear());
  const box = () => screen.getByTestId<HTMLTextAreaElement>("composer");

  it("sends on Enter, not on Shift+Enter, and empties itself when the server has the message", async () => {
    const onSend = vi.fn(async () => {});
    render(<Composer placeholder="Reply" sendLabel="Send" onSend={onSend} />);
    fireEvent.change(box(), { target: { value: " hello " } });
    fireEvent.keyDown(box(), { key: "Enter", shiftKey: true });
    expect(onSend).not.toHaveBeenCalled();
    await act(async () => void fireEvent.keyDown(box(), { key: "Enter" }));
    expect(onSend).toHaveBeenCalledExactlyOnceWith("hello");
    expect(box().value).toBe("");
  });

  it("keeps the text when the server refuses it, and over a reload", async () => {
    const onSend = vi.fn(async () => Promise.reject(new Error("queue full")));
    render(<Composer placeholder="Reply" sendLabel="Send" onSend={onSend} draftKey="c1" />);
    fireEvent.change(box(), { target: { value: "keep me" } });
    await act(async () => void fireEvent.keyDown(box(), { key: "Enter" }));
    expect(box().value).toBe("keep me");
    cleanup();
    render(<Composer placeholder="Reply" sendLabel="Send" onSend={onSend} draftKey="c1" />);
    expect(box().value).toBe("keep me");
  });

  it("brings back earlier messages with the arrow keys, and leaves a text of its own alone", () => {
    render(<Composer placeholder="Reply" sendLabel="Send" onSend={async () => {}} history={["newest", "older"]} />);
    const press = (key: string) => {
      fireEvent.keyDown(box(), { key });
      return box().value;
    };
    expect(["ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown"].map(press)).toEqual(["newest", "older", "older", "newest", ""]);
    fireEvent.change(box(), { target: { value: "mine" } });
    expect(press("ArrowUp")).toBe("mine");
  });

  it("does not send nothing", () => {
    const onSend = vi.fn(async () => {});
    render(<Composer placeholder="Reply" sendLabel="Send" onSend={onSend} />);
    fireEvent.change(box(), { target: { value: "   " } });
    fireEvent.keyDown(box(), { key: "Enter" });
    expect(onSend).not.toHaveBeenCalled();
  });
});

describe("ToolCard", () => {
  const use = (fields: Partial<ToolUse>): ToolUse => ({ callId: "a", name: "execute", args: { command: "./deploy.sh" }, result: undefined, output: "", state: "running", ...fields });

  it("shows the output of a running command", () => {
    render(<ToolCard tool={use({ output: "step 1\n" })} />);
    expect(screen.getByTestId("tool-output").textContent).toBe("step 1\n");
    expect(screen.getByTestId("tool").dataset["state"]).toBe("running");
  });

  it("tells a person what to do when the outcome is unknown", () => {
    render(<ToolCard tool={use({ state: "unknown", result: { error: "the server stopped" } })} />);
    expect(screen.getByText(/may or may not have taken effect/)).toBeTruthy();
    expect(screen.getByText("the server stopped")).toBeTruthy();
  });

  it("is folded when it was finished before, and opens on a click", () => {
    render(<ToolCard tool={use({ state: "failed", result: { exit_code: 2, output: "boom", error: "bad" } })} />);
    expect(screen.queryByText("boom")).toBeNull();
    expect(screen.getByText("exit 2")).toBeTruthy();
    fireEvent.click(screen.getByRole("button"));
    expect(screen.getByText("boom")).toBeTruthy();
    expect(screen.getByText("bad")).toBeTruthy();
  });
});
