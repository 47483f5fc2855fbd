import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ChatApproval, ChatQueuedMessage } from "@/api/types";
import { renderWithQueries, stubServer } from "@/test/server";
import { Approvals, expiryWords } from "./approvals";
import { AnswerContext, answerText, readQuestions } from "./question-card";
import { Queue } from "./queue";
import { ToolCard } from "./tool-card";

const ROOT = "/api/experimental/chats/c";

afterEach(() => vi.unstubAllGlobals());

describe("Approvals", () => {
  const approval = (fields: Partial<ChatApproval> = {}): ChatApproval => ({
    tool_call_id: "t1",
    tool_name: "execute",
    args: '{"command":"git push origin main","workdir":"/work"}',
    reason: "rule",
    message: "A rule asks before this runs.",
    requested_at: new Date().toISOString(),
    expires_at: new Date(Date.now() + 90_000).toISOString(),
    ...fields,
  });
  const show = (fields?: Partial<ChatApproval>) => {
    const calls = stubServer({ [`POST ${ROOT}/approvals`]: () => ({ status: 204, body: undefined }) });
    renderWithQueries(<Approvals chatId="c" approvals={[approval(fields)]} />);
    return () => calls.map((call) => call.body);
  };

  it("shows what would run, why it is asked and how long there is time", () => {
    show();
    expect(screen.getByText("git push origin main")).toBeTruthy();
    expect(screen.getByText("/work")).toBeTruthy();
    expect(screen.getByText("A rule asks before this runs.")).toBeTruthy();
    expect(screen.getByTestId("approval-expiry").textContent).toMatch(/^(8\d|90) s left$/);
  });

  it("shows arguments that are no JSON as they are", () => {
    show({ args: '{"command":"rm -rf' });
    expect(screen.getByText('{"command":"rm -rf')).toBeTruthy();
  });

  it("approves, for this once or always in this chat", async () => {
    const sent = show();
    fireEvent.click(screen.getByTestId("approval-remember"));
    await act(async () => void fireEvent.click(screen.getByTestId("approval-approve")));
    await waitFor(() => expect(sent()).toEqual([{ decisions: [{ tool_call_id: "t1", approve: true, remember: true }] }]));
  });

  it("says what was decided while other calls wait, and takes no second decision", async () => {
    show();
    fireEvent.click(screen.getByTestId("approval-approve"));
    expect((await screen.findByTestId("approval-told")).textContent).toContain("Approved.");
    expect(screen.queryByTestId("approval-approve")).toBeNull();
  });

  it("denies with a note for the model", async () => {
    const sent = show();
    fireEvent.click(screen.getByTestId("approval-deny"));
    fireEvent.change(screen.getByTestId("approval-note"), { target: { value: " use a branch " } });
    await act(async () => void fireEvent.click(screen.getByTestId("approval-deny-send")));
    await waitFor(() => expect(sent()).toEqual([{ decisions: [{ tool_call_id: "t1", approve: false, note: "use a branch" }] }]));
  });

  it("asks about an unknown outcome in its own words, and remembers nothing of it", () => {
    show({ reason: "outcome_unknown", message: "The server stopped while this ran." });
    expect(screen.getByText("Run it again")).toBeTruthy();
    expect(screen.getByText("Tell the model…")).toBeTruthy();
    expect(screen.queryByTestId("approval-remember")).toBeNull();
  });

  it("shows why a decision was not taken", async () => {
    stubServer({ [`POST ${ROOT}/approvals`]: () => ({ status: 409, body: { message: "This chat waits for no approval." } }) });
    renderWithQueries(<Approvals chatId="c" approvals={[approval()]} />);
    fireEvent.click(screen.getByTestId("approval-approve"));
    expect(await screen.findByText("This chat waits for no approval.")).toBeTruthy();
  });

  it.each([
    [-1, "time is up"],
    [Number.NaN, "time is up"],
    [30_000, "30 s left"],
    [5 * 60_000, "5 min left"],
    [23.5 * 3_600_000, "23 h left"],
  ])("%d ms before the end it says %s", (ms, words) => expect(expiryWords(ms)).toBe(words));
});

describe("Queue", () => {
  const queued: ChatQueuedMessage = { id: 7, chat_id: "c", content: [{ type: "text", text: "and then this" }], created_at: "2026-07-01T10:00:00Z" };

  it("gives a message back to be edited only when the server has let it go", async () => {
    let status = 404;
    stubServer({ [`DELETE ${ROOT}/queue/7`]: () => ({ status, body: { message: "It was sent already." } }) });
    const onEdit = vi.fn();
    renderWithQueries(<Queue chatId="c" queue={[queued]} waitsFor="later" onEdit={onEdit} />);
    fireEvent.click(screen.getByTestId("queue-edit"));
    expect(await screen.findByText("It was sent already.")).toBeTruthy();
    expect(onEdit).not.toHaveBeenCalled();
    status = 204;
    fireEvent.click(screen.getByTestId("queue-edit"));
    await waitFor(() => expect(onEdit).toHaveBeenCalledExactlyOnceWith("and then this"));
  });

  it("promotes and deletes", async () => {
    const calls = stubServer({ [`POST ${ROOT}/queue/7/promote`]: () => ({ status: 202, body: {} }), [`DELETE ${ROOT}/queue/7`]: () => ({ status: 204, body: undefined }) });
    renderWithQueries(<Queue chatId="c" queue={[queued]} waitsFor="later" onEdit={() => {}} />);
    await act(async () => void fireEvent.click(screen.getByTestId("queue-promote")));
    await waitFor(() => expect(screen.getByTestId<HTMLButtonElement>("queue-delete").disabled).toBe(false));
    await act(async () => void fireEvent.click(screen.getByTestId("queue-delete")));
    await waitFor(() => expect(calls.map((call) => call.method)).toEqual(["POST", "DELETE"]));
  });
});

describe("a question of the model", () => {
  const questions = [
    { header: "Database", question: "Which one?", options: [{ label: "SQLite", description: "small" }, { label: "PostgreSQL", description: "" }] },
    { header: "Tests", question: "Run them?", options: [{ label: "Yes", description: "" }] },
  ];
  const tool = { callId: "q", name: "ask_user_question", args: { questions }, result: { questions }, output: "", state: "done" as const };

  it("is answered by options and own words, as one message", async () => {
    const answer = vi.fn(async () => {});
    renderWithQueries(<AnswerContext value={answer}><ToolCard tool={{ ...tool, answerable: true }} /></AnswerContext>);
    expect(screen.getByTestId<HTMLButtonElement>("question-submit").disabled).toBe(true);
    fireEvent.click(screen.getByLabelText(/SQLite/));
    fireEvent.click(screen.getByLabelText("Yes"));
    fireEvent.change(screen.getByTestId("question-own"), { target: { value: "on disk" } });
    await act(async () => void fireEvent.click(screen.getByTestId("question-submit")));
    expect(answer).toHaveBeenCalledExactlyOnceWith("Database: SQLite\nTests: Yes\non disk");
  });

  it("is only shown when the chat went on", () => {
    renderWithQueries(<ToolCard tool={tool} />);
    expect(screen.queryByTestId("question-submit")).toBeNull();
    expect(screen.getByText("SQLite · PostgreSQL")).toBeTruthy();
  });

  it("sends a single choice as it is", () => {
    expect(answerText(questions.slice(0, 1), ["SQLite"], "")).toBe("SQLite");
    expect(answerText(questions, [], "  ")).toBe("");
  });

  it("survives what is no list of questions", () => {
    expect(readQuestions("x")).toEqual([]);
    expect(readQuestions([{ options: [{ label: 1 }, null] }])).toEqual([{ header: "", question: "", options: [] }]);
  });
});
