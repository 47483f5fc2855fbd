// Chats in the stand-in server: each user message is answered by a fixed script with a tool and Markdown, streamed in parts.
import { createWorkspace } from "./workspaces.mjs";
import { now, state, uuid } from "./state.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ROOT = "/api/experimental/chats";
let nextId = 1;

function makeChat(body) {
  const text = body.content.map((p) => p.text).join(" ");
  const chat = {
    id: uuid(), title: text.slice(0, 60), status: "waiting", organization_id: body.organization_id, owner_id: state.user.id, workspace_id: body.workspace_id, last_model_config_id: body.model_config_id ?? state.models.find((m) => m.is_default)?.id,
    created_at: now(), updated_at: now(), archived: false, has_unread: false, labels: {}, children: [], mcp_server_ids: [], client_type: "ui", last_turn_summary: null, shared: false, pin_order: 0,
    log: [], approvals: [], calls: [], decide: null,
    messages: [], queue: [], listeners: new Set(), history: 0, attempt: 0, parts: [], stop: false,
  };
  state.chats.set(chat.id, chat);
  void turn(chat, body.content);
  return chat;
}

/** Every event has a place in the chat's log; the last one of a frame says how far the viewer is. */
const emit = (chat, ...events) => {
  chat.log.push(...events.map((e) => ({ chat_id: chat.id, ...e })));
  const frame = chat.log.slice(-events.length).with(-1, { ...chat.log.at(-1), cursor: `m.${chat.log.length}` });
  for (const listener of chat.listeners) listener.send(`${JSON.stringify(frame)}\n`);
};

function commit(chat, role, content) {
  const usage = role === "assistant" ? { input_tokens: 2100 + 900 * chat.messages.length, cache_read_tokens: 14000, output_tokens: 310, context_limit: 128000 } : undefined;
  const message = { id: nextId++, chat_id: chat.id, created_at: now(), role, content, ...(usage ? { usage } : {}) };
  chat.messages.push(message);
  chat.history += 1;
  chat.attempt = 0;
  chat.parts = [];
  chat.updated_at = now();
  emit(chat, { type: "message", message }, { type: "preview_reset" });
  return message;
}

function tell(chat, kind) {
  for (const watcher of watchers) watcher.send(JSON.stringify({ type: "data", data: { kind, chat: shown(chat) } }));
}

/** The list that a search asks for: the few words of it that the pages use. */
function listed(search) {
  const q = search.get("q") ?? "";
  const title = /title:"([^"]*)"/.exec(q)?.[1].toLowerCase() ?? "";
  const found = [...state.chats.values()].filter((chat) => chat.archived === q.includes("archived:true") && chat.title.toLowerCase().includes(title) && (chat.has_unread || !q.includes("has_unread:true")));
  return found.sort((a, b) => (b.pin_order > 0) - (a.pin_order > 0) || b.updated_at.localeCompare(a.updated_at)).slice(0, Number(search.get("limit") ?? 50)).map(shown);
}

/** Cuts the history at a message of the user and answers anew. */
function edit(chat, id, content) {
  chat.stop = true;
  chat.decide?.({ approve: false });
  const kept = chat.messages.filter((m) => m.id < id);
  const next = { ...chat, messages: kept, queue: [], parts: [], stop: false, retry: null, error: null, decide: null, approvals: [], calls: [] };
  // The turn that runs keeps the old object and is heard no more.
  chat.listeners = new Set();
  state.chats.set(chat.id, next);
  emit(next, { type: "history_reset" }, ...kept.map((message) => ({ type: "message", message })), { type: "queue_update", queued_messages: [] });
  void turn(next, content);
  return next.messages.at(-1);
}

function setStatus(chat, status) {
  chat.status = status;
  if (status === "waiting" && chat.listeners.size === 0) chat.has_unread = true;
  if (status === "waiting") chat.last_turn_summary = "Greeting written, tests pass";
  tell(chat, "status_change");
  emit(chat, { type: "status", status: { status } });
}

function part(chat, role, body) {
  const item = { role, part: body, history_version: chat.history, generation_attempt: 1, seq: chat.parts.length + 1 };
  chat.parts.push(item);
  emit(chat, { type: "message_part", message_part: item });
}

async function say(chat, text, more = []) {
  for (const piece of text.match(/\S+\s*|\s+/g) ?? []) {
    if (chat.stop) break;
    part(chat, "assistant", { type: "text", text: piece });
    await pause(22);
  }
  const said = chat.parts.map((p) => p.part).filter((p) => p.type === "text").map((p) => p.text).join("");
  commit(chat, "assistant", [...(said ? [{ type: "text", text: said }] : []), ...(chat.stop ? [] : more)]);
}

async function useTool(chat, name, args, steps, result, is_error = false) {
  const call = { type: "tool-call", tool_call_id: `call_${nextId}`, tool_name: name };
  const text = JSON.stringify(args);
  for (let at = 0; at < text.length && !chat.stop; at += 12) {
    part(chat, "assistant", { ...call, args_delta: text.slice(at, at + 12) });
    await pause(15);
  }
  commit(chat, "assistant", [{ ...call, args }]);
  for (const step of steps) {
    if (chat.stop) break;
    part(chat, "tool", { type: "tool-result", tool_call_id: call.tool_call_id, tool_name: name, result_delta: step });
    await pause(220);
  }
  const end = chat.stop ? { result: { error: "The chat was stopped." }, is_error: true } : { result, is_error };
  commit(chat, "tool", [{ type: "tool-result", tool_call_id: call.tool_call_id, tool_name: name, ...end }]);
}

async function turn(chat, content) {
  chat.stop = false;
  commit(chat, "user", content);
  setStatus(chat, "running");
  const prompt = content.map((p) => p.text).join(" ");
  await pause(300);
  if (/fail/.test(prompt)) return fail(chat);
  if (/think/.test(prompt)) await think(chat);
  if (/compact/.test(prompt)) await useTool(chat, "chat_summarized", {}, [], { summary: "The user wants a greeting.\n\n- `hello.txt` is written\n- the tests pass", source: "automatic", threshold_percent: 70, usage_percent: 72, context_tokens: 92160, context_limit_tokens: 128000 });
  if (/question/.test(prompt)) return question(chat);
  if (/bulk (\d+)/.test(prompt)) return bulk(chat, Number(/bulk (\d+)/.exec(prompt)[1]));
  if (/long/.test(prompt)) return long(chat, 500);
  if (/endless/.test(prompt)) return long(chat, 100_000);
  if (/approve/.test(prompt)) await approve(chat, "rule", "A rule of this deployment asks before “git push*” runs.");
  if (/lost/.test(prompt)) await approve(chat, "outcome_unknown", "The server stopped while this ran, and the workspace does not know it any more. It may or may not have taken effect.");
  if (/dynamic/.test(prompt)) await elsewhere(chat);
  if (/approve|lost|dynamic/.test(prompt)) {
    if (!chat.stop) await say(chat, "That is settled; nothing else is to be done.");
    return finish(chat);
  }
  await say(chat, "I will look at the project first, then write the file.\n");
  if (!chat.stop && !chat.workspace_id) await makeWorkspace(chat);
  if (!chat.stop) await useTool(chat, "execute", { command: "ls -la && cargo test --quiet" }, ["total 24\n", "-rw-r--r-- Cargo.toml\n", "-rw-r--r-- README.md\n", "\nrunning 12 tests\n", "............\n"], { success: true, exit_code: 0, wall_duration_ms: 1480, output: "total 24\n-rw-r--r-- Cargo.toml\n-rw-r--r-- README.md\n\nrunning 12 tests\n............\ntest result: ok. 12 passed; 0 failed\n" });
  if (!chat.stop) await useTool(chat, "write_file", { path: "/home/ada/work/hello.txt", content: "hello from warren\n" }, [], { ok: true });
  if (!chat.stop) await useTool(chat, "edit_files", { files: [{ path: "/home/ada/work/src/main.rs", edits: [{ old_text: 'println!("hi");', new_text: 'println!("hello, {name}");' }] }] }, [], { ok: true, files: [] });
  if (!chat.stop && /unknown/.test(prompt)) await useTool(chat, "execute", { command: "./deploy.sh" }, ["deploying…\n"], { error: "The outcome is unknown: the server stopped while this ran." }, true);
  if (!chat.stop) await useTool(chat, "execute", { command: "grep -rn TODO src" }, [], { success: false, exit_code: 1, wall_duration_ms: 12, output: "" });
  if (!chat.stop) await say(chat, ANSWER);
  finish(chat);
}

async function think(chat) {
  const created_at = now();
  let text = "";
  for (const piece of "The user wants a greeting. First I should see what is there, then change as little as possible, and run the tests at the end. ".match(/\S+\s*/g)) {
    if (chat.stop) break;
    text += piece;
    part(chat, "assistant", { type: "reasoning", text: piece, created_at });
    await pause(60);
  }
  commit(chat, "assistant", [{ type: "reasoning", text, created_at, completed_at: now() }]);
}

async function question(chat) {
  const questions = [
    { header: "Database", question: "Which database should the service use?", options: [{ label: "SQLite", description: "One file, nothing to run" }, { label: "PostgreSQL", description: "For more than one server" }] },
    { header: "Tests", question: "Should the tests run against it?", options: [{ label: "Yes", description: "" }, { label: "No", description: "Only the fast ones" }] },
  ];
  await useTool(chat, "ask_user_question", { questions }, [], { questions });
  finish(chat);
}

/** A history of many turns, for measuring. */
function bulk(chat, turns) {
  for (let i = 0; i < turns; i++) {
    commit(chat, "user", [{ type: "text", text: `Question ${i}` }]);
    commit(chat, "assistant", [{ type: "text", text: ANSWER }]);
  }
  finish(chat);
}

/** An answer that takes its time, for lost connections; an endless one goes on until it is stopped. */
async function long(chat, words) {
  await say(chat, Array.from({ length: words }, (_, i) => `word${i} `).join(""));
  finish(chat);
}

async function approve(chat, reason, message) {
  const call = { type: "tool-call", tool_call_id: `call_${nextId}`, tool_name: "execute", args: { command: "git push origin main --force-with-lease", workdir: "/home/ada/work" } };
  commit(chat, "assistant", [{ type: "text", text: "The branch is ready to be pushed." }, call]);
  chat.approvals = [{ tool_call_id: call.tool_call_id, tool_name: call.tool_name, args: JSON.stringify(call.args), reason, message, requested_at: now(), expires_at: new Date(Date.now() + 24 * 3600_000 - 1000).toISOString() }];
  const answer = await waitForSomebody(chat);
  const refused = reason === "rule" ? { error: "The user did not allow this tool call.", error_code: "denied_by_user", note: answer.note } : { error: "The outcome of this tool call is unknown.", error_code: "not_repeated", outcome: "unknown", note: answer.note };
  const result = answer.approve ? { success: true, exit_code: 0, output: "To github.com:ada/work.git\n + 4f1c2d3...9ab8e7f main -> main (forced update)\n", wall_duration_ms: 2210 } : refused;
  commit(chat, "tool", [{ type: "tool-result", tool_call_id: call.tool_call_id, tool_name: call.tool_name, result, is_error: !answer.approve }]);
}

async function elsewhere(chat) {
  const call = { type: "tool-call", tool_call_id: `call_${nextId}`, tool_name: "open_ticket", args: { title: "Greeting is missing" } };
  commit(chat, "assistant", [call]);
  chat.calls = [{ tool_call_id: call.tool_call_id, tool_name: call.tool_name, args: JSON.stringify(call.args) }];
  await waitForSomebody(chat);
  commit(chat, "tool", [{ type: "tool-result", tool_call_id: call.tool_call_id, tool_name: call.tool_name, result: { ticket: 42 } }]);
}

async function waitForSomebody(chat) {
  setStatus(chat, "requires_action");
  emit(chat, { type: "action_required", action_required: { tool_calls: chat.calls, approvals: chat.approvals } });
  const answer = await new Promise((resolve) => (chat.decide = resolve));
  chat.approvals = [];
  chat.calls = [];
  chat.decide = null;
  if (!chat.stop) setStatus(chat, "running");
  return answer;
}

async function makeWorkspace(chat) {
  const workspace = createWorkspace(`chat-${chat.id.slice(0, 4)}`, state.templates[0].id);
  await useTool(chat, "create_workspace", { template_id: state.templates[0].id }, ["Planning Infrastructure\n", "Starting workspace\n"], { created: true, workspace_name: workspace.name, agent_status: "ready" });
  chat.workspace_id = workspace.id;
}

const ANSWER = `Done. The file \`hello.txt\` is in place and **all 12 tests pass**.

| Check | Result |
|---|---|
| Build | passes |
| Tests | 12 of 12 |

What I changed:

1. Wrote \`hello.txt\`.
2. Made the greeting use the caller's name:

\`\`\`rust
fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    println!("hello, {name}");
}
\`\`\`

There is one thing left to decide: whether an empty name should be an error.
`;

async function fail(chat) {
  chat.retry = { attempt: 1, delay_ms: 2500, error: "Local models is rate limiting requests.", kind: "rate_limit", provider: "local", retrying_at: new Date(Date.now() + 2500).toISOString() };
  emit(chat, { type: "retry", retry: chat.retry });
  await pause(2500);
  chat.retry = null;
  chat.error = { message: "Local models refused the key.", kind: "auth", provider: "local", retryable: false, status_code: 401 };
  setStatus(chat, "error");
  emit(chat, { type: "error", error: chat.error });
}

function finish(chat) {
  const next = chat.queue.shift();
  emit(chat, { type: "queue_update", queued_messages: chat.queue });
  if (next) return void turn(chat, next.content);
  setStatus(chat, "waiting");
}

export function attachChat(ws, id, query) {
  const chat = state.chats.get(id);
  if (!chat) return ws.close(1011);
  const after = Number(query.get("after_id") ?? 0);
  chat.listeners.add(ws);
  live(ws, "[]");
  chat.has_unread = false;
  ws.on("close", () => chat.listeners.delete(ws));
  const place = Number(/^m\.(\d+)$/.exec(query.get("cursor") ?? "")?.[1] ?? Number.NaN);
  // A viewer that says where it was gets what it missed, and nothing when that is nothing.
  if (place <= chat.log.length) {
    const missed = chat.log.slice(place);
    if (missed.length > 0) ws.send(JSON.stringify(missed.with(-1, { ...missed.at(-1), cursor: `m.${chat.log.length}` })));
    else ws.send(JSON.stringify([{ chat_id: id, type: "status", status: { status: chat.status }, cursor: `m.${place}` }]));
    return;
  }
  const sync = [
    ...chat.messages.filter((m) => m.id > after).map((message) => ({ type: "message", message })),
    { type: "queue_update", queued_messages: chat.queue },
    { type: "status", status: { status: chat.status } },
    ...(chat.status === "requires_action" ? [{ type: "action_required", action_required: { tool_calls: chat.calls, approvals: chat.approvals } }] : []),
    ...(chat.retry ? [{ type: "retry", retry: chat.retry }] : []),
    ...(chat.status === "error" ? [{ type: "error", error: chat.error }] : []),
    { type: "preview_reset" },
    ...chat.parts.map((message_part) => ({ type: "message_part", message_part })),
  ];
  const frame = sync.map((e) => ({ chat_id: id, ...e }));
  ws.send(JSON.stringify(frame.with(-1, { ...frame.at(-1), cursor: `m.${chat.log.length}` })));
}

const watchers = new Set();

/** Says now and then that the connection lives. */
function live(ws, sign) {
  const timer = setInterval(() => ws.send(sign), 15_000);
  ws.on("close", () => clearInterval(timer));
}

export function attachWatch(ws) {
  watchers.add(ws);
  live(ws, '{"type":"ping"}');
  ws.on("close", () => watchers.delete(ws));
}

const shown = ({ messages: _m, queue: _q, listeners: _l, parts: _p, log: _g, decide: _d, approvals: _a, calls: _c, rules: _r, ...chat }) => chat;
const find = (id) => state.chats.get(id);
const missing = [404, { message: "Resource not found or you do not have access to this resource" }];

export const chatRoutes = [
  ["GET", ROOT, (_, __, search) => [200, listed(search)]],
  ["GET", `${ROOT}/models`, () => [200, { providers: state.providers.map((p) => ({ provider: p.type, available: p.enabled, models: state.models.filter((m) => m.ai_provider_id === p.id).map((m) => ({ id: m.id, provider: p.type, model: m.model, display_name: m.display_name })) })), unsupported_providers: [] }]],
  ["POST", ROOT, (_, body) => [201, shown(makeChat(body))]],
  ["GET", `${ROOT}/:id`, ({ id }) => (find(id) ? [200, shown(find(id))] : missing)],
  ["POST", `${ROOT}/:id/interrupt`, ({ id }) => {
    const chat = find(id);
    if (!["running", "requires_action"].includes(chat.status)) return [409, { message: "This chat is not running." }];
    chat.stop = true;
    setStatus(chat, "interrupting");
    chat.decide?.({ approve: false, note: "The chat was stopped." });
    return [200, shown(chat)];
  }],
  ["POST", `${ROOT}/:id/messages`, ({ id }, body) => {
    const chat = find(id);
    if (["waiting", "error"].includes(chat.status)) {
      void turn(chat, body.content);
      return [200, { message: chat.messages.at(-1), queued: false }];
    }
    const queued = { id: nextId++, chat_id: id, content: body.content, created_at: now() };
    chat.queue.push(queued);
    emit(chat, { type: "queue_update", queued_messages: chat.queue });
    return [200, { queued_message: queued, queued: true }];
  }],
  ["PATCH", `${ROOT}/:id`, ({ id }, body) => (Object.assign(find(id), body, body.archived ? { pin_order: 0 } : {}), tell(find(id), "title_change"), [204])],
  ["PATCH", `${ROOT}/:id/messages/:message`, ({ id, message }, body) => [200, { message: edit(find(id), Number(message), body.content) }]],
  ["GET", `${ROOT}/:id/prompts`, ({ id }) => [200, { prompts: find(id).messages.filter((m) => m.role === "user").map((m) => ({ id: m.id, text: m.content[0].text })).reverse() }]],
  ["GET", `${ROOT}/:id/approvals`, ({ id }) => [200, { approvals: find(id).approvals }]],
  ["POST", `${ROOT}/:id/approvals`, ({ id }, { decisions: [decision] }) => {
    const chat = find(id);
    if (chat.status !== "requires_action") return [409, { message: "This chat waits for no approval." }];
    if (!chat.approvals.some((a) => a.tool_call_id === decision.tool_call_id)) return [400, { message: "This call waits for no approval." }];
    if (decision.remember) chat.rules = [{ tool: "execute", command: JSON.parse(chat.approvals[0].args).command, workdir: JSON.parse(chat.approvals[0].args).workdir, action: decision.approve ? "allow" : "deny" }, ...(chat.rules ?? [])];
    chat.decide(decision);
    return [204];
  }],
  ["GET", `${ROOT}/:id/approval-rules`, ({ id }) => [200, { rules: find(id).rules ?? [] }]],
  ["DELETE", `${ROOT}/:id/approval-rules`, ({ id }) => ((find(id).rules = []), [204])],
  ["POST", `${ROOT}/:id/tool-results`, ({ id }) => (find(id).decide?.({ approve: true }), [204])],
  ["POST", `${ROOT}/:id/title/propose`, () => [200, { title: "A greeting that knows its caller" }]],
  ["POST", `${ROOT}/:id/queue/:item/promote`, ({ id, item }) => {
    const chat = find(id);
    const at = chat.queue.findIndex((q) => q.id === Number(item));
    if (at < 0) return [404, { message: "There is no such queued message." }];
    chat.queue.unshift(...chat.queue.splice(at, 1));
    chat.stop = true;
    setStatus(chat, "interrupting");
    chat.decide?.({ approve: false, note: "The chat was stopped." });
    return [202, {}];
  }],
  ["DELETE", `${ROOT}/:id/queue/:item`, ({ id, item }) => {
    const chat = find(id);
    chat.queue = chat.queue.filter((q) => q.id !== Number(item));
    emit(chat, { type: "queue_update", queued_messages: chat.queue });
    return [204];
  }],
];
