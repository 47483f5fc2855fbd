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
    messages: [], queue: [], listeners: new Set(), history: 0, attempt: 0, parts: [], stop: false,
  };
  state.chats.set(chat.id, chat);
  void turn(chat, body.content);
  return chat;
}

const emit = (chat, ...events) => {
  for (const listener of chat.listeners) listener.send(`${JSON.stringify(events.map((e) => ({ chat_id: chat.id, ...e })))}\n`);
};

function commit(chat, role, content) {
  const message = { id: nextId++, chat_id: chat.id, created_at: now(), role, content };
  chat.messages.push(message);
  chat.history += 1;
  chat.attempt = 0;
  chat.parts = [];
  chat.updated_at = now();
  emit(chat, { type: "message", message }, { type: "preview_reset" });
  return message;
}

function setStatus(chat, status) {
  chat.status = status;
  for (const watcher of watchers) watcher.send(JSON.stringify({ kind: "status_change", chat: shown(chat) }));
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
  ws.on("close", () => chat.listeners.delete(ws));
  const sync = [
    ...chat.messages.filter((m) => m.id > after).map((message) => ({ type: "message", message })),
    { type: "queue_update", queued_messages: chat.queue },
    { type: "status", status: { status: chat.status } },
    ...(chat.retry ? [{ type: "retry", retry: chat.retry }] : []),
    ...(chat.status === "error" ? [{ type: "error", error: chat.error }] : []),
    { type: "preview_reset" },
    ...chat.parts.map((message_part) => ({ type: "message_part", message_part })),
  ];
  ws.send(JSON.stringify(sync.map((e) => ({ chat_id: id, ...e }))));
}

const watchers = new Set();

export function attachWatch(ws) {
  watchers.add(ws);
  ws.on("close", () => watchers.delete(ws));
}

const shown = ({ messages: _m, queue: _q, listeners: _l, parts: _p, ...chat }) => chat;
const find = (id) => state.chats.get(id);
const missing = [404, { message: "Resource not found or you do not have access to this resource" }];

export const chatRoutes = [
  ["GET", ROOT, () => [200, [...state.chats.values()].reverse().map(shown)]],
  ["POST", ROOT, (_, body) => [201, shown(makeChat(body))]],
  ["GET", `${ROOT}/:id`, ({ id }) => (find(id) ? [200, shown(find(id))] : missing)],
  ["POST", `${ROOT}/:id/interrupt`, ({ id }) => {
    const chat = find(id);
    if (chat.status !== "running") return [409, { message: "This chat is not running." }];
    chat.stop = true;
    setStatus(chat, "interrupting");
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
  ["PATCH", `${ROOT}/:id`, ({ id }, body) => (Object.assign(find(id), body), [204])],
  ["DELETE", `${ROOT}/:id/queue/:item`, ({ id, item }) => {
    const chat = find(id);
    chat.queue = chat.queue.filter((q) => q.id !== Number(item));
    emit(chat, { type: "queue_update", queued_messages: chat.queue });
    return [204];
  }],
];
