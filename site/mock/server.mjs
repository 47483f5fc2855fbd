// A small stand-in for the Warren server, for working on the pages and for the browser drivers' own tests.
// It keeps everything in memory and knows only what the pages ask. Usage: node mock/server.mjs [--port 3311] [--seed]
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { accountRoutes, seedAccounts } from "./accounts.mjs";
import { auditRoutes, record, seedAudit } from "./audit.mjs";
import { attachChat, attachWatch, chatRoutes } from "./chat.mjs";
import { chatSettingRoutes } from "./chat-settings.mjs";
import { deploymentRoutes } from "./deployment.mjs";
import { organizationRoutes, seedOrganizations } from "./organizations.mjs";
import { state, seed, uuid } from "./state.mjs";
import { attachShell } from "./shell.mjs";
import { attachAgentLog, attachBuildLog, workspaceRoutes } from "./workspaces.mjs";

const { values: options } = parseArgs({ options: { port: { type: "string", default: "3311" }, seed: { type: "boolean", default: false } } });
const dist = path.join(import.meta.dirname, "../dist");
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

if (options.seed) {
  seed();
  seedAccounts();
  seedOrganizations();
  seedAudit();
}

const routes = [
  ["GET", "/api/v2/buildinfo", () => [200, { version: "v0.1.0-mock", external_url: "", dashboard_url: "" }]],
  ["GET", "/api/v2/users/first", () => (state.user ? [200, { message: "The initial user has already been created!" }] : [404, { message: "The initial user has not been created!" }])],
  ["POST", "/api/v2/users/first", createFirst],
  ["POST", "/api/v2/users/login", login],
  ["POST", "/api/v2/users/logout", () => ((state.session = null), [200, { message: "Signed out." }, { "Set-Cookie": "coder_session_token=; Path=/; Max-Age=0" }])],
  ["GET", "/api/v2/users/me", () => [200, state.user]],
  ["GET", "/api/v2/templates", () => [200, state.templates]],
  ["GET", "/api/v2/templateversions/:id/rich-parameters", ({ id }) => [200, state.parameters[id] ?? []]],
  ["GET", "/api/v2/ai/providers", () => [200, state.providers]],
  ["POST", "/api/v2/ai/providers", addProvider],
  ["PATCH", "/api/v2/ai/providers/:id", ({ id }, { api_keys, ...change }) => {
    const provider = Object.assign(state.providers.find((p) => p.id === id), change);
    if (api_keys) provider.api_keys = api_keys.map((key) => (key.id ? provider.api_keys.find((held) => held.id === key.id) : { id: uuid(), masked: `…${key.api_key.slice(-4)}`, created_at: new Date().toISOString() }));
    return [200, provider];
  }],
  ["DELETE", "/api/v2/ai/providers/:id", ({ id }) => ((state.providers = state.providers.filter((p) => p.id !== id)), [204])],
  ["GET", "/api/experimental/chats/model-configs", () => [200, state.models]],
  ["POST", "/api/experimental/chats/model-configs", addModel],
  ["PATCH", "/api/experimental/chats/model-configs/:id", ({ id }, body) => [200, setModel(id, body)]],
  ["DELETE", "/api/experimental/chats/model-configs/:id", ({ id }) => ((state.models = state.models.filter((m) => m.id !== id)), [204])],
  ...accountRoutes,
  ...organizationRoutes,
  ...auditRoutes,
  ...deploymentRoutes,
  ...workspaceRoutes,
  ...chatSettingRoutes,
  ...chatRoutes,
].map(([method, pattern, handler]) => ({ method, match: matcher(pattern), handler, open: /users\/(first|login|authmethods|validate-password|oauth2)|buildinfo/.test(pattern) }));

function matcher(pattern) {
  const names = [];
  const source = pattern.replace(/:(\w+)/g, (_, name) => (names.push(name), "([^/]+)"));
  const expression = new RegExp(`^${source}$`);
  return (pathname) => {
    const found = expression.exec(pathname);
    return found && Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(found[i + 1])]));
  };
}

function createFirst(_, body) {
  if (body.password.length < 8) return [400, { message: "Validation failed.", validations: [{ field: "password", detail: "Use at least 8 characters." }] }];
  state.password = body.password;
  state.user = { ...state.blankUser, email: body.email, username: body.username, name: body.name };
  state.users.push(state.user);
  return [201, { user_id: state.user.id, organization_id: state.organization.id }];
}

function login(_, body) {
  const user = state.users.find((held) => held.email === body.email);
  const password = user === state.users[0] ? state.password : state.passwords.get(body.email);
  if (!user || body.password !== password) return [401, { message: "Email or password is wrong." }];
  state.user = user;
  record("login", "api_key", user.username, {});
  state.session = uuid();
  return [201, { session_token: state.session }, { "Set-Cookie": `coder_session_token=${state.session}; Path=/; HttpOnly; SameSite=Lax` }];
}

function addProvider(_, body) {
  if (state.providers.some((p) => p.name === body.name)) return [409, { message: "A provider with this name exists.", validations: [{ field: "name", detail: "This name is taken." }] }];
  const keys = body.api_keys.map((key) => ({ id: uuid(), masked: `…${key.slice(-4)}`, created_at: new Date().toISOString() }));
  const provider = { id: uuid(), icon: "", settings: {}, ...body, api_keys: keys };
  state.providers.push(provider);
  return [201, provider];
}

function addModel(_, body) {
  const model = { id: uuid(), compression_threshold: 70, ...body };
  if (model.is_default) for (const other of state.models) other.is_default = false;
  state.models.push(model);
  return [201, model];
}

function setModel(id, change) {
  if (change.is_default) for (const other of state.models) other.is_default = false;
  return Object.assign(state.models.find((m) => m.id === id), change);
}

const server = http.createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://mock");
  const send = (status, body, headers = {}) => {
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.end(body === undefined ? "" : JSON.stringify(body));
  };
  if (!pathname.startsWith("/api/")) return serveFile(pathname, response);
  for (const route of routes) {
    const params = route.method === request.method && route.match(pathname);
    if (!params) continue;
    if (!route.open && !isSignedIn(request)) return send(401, { message: "You are signed out or your session has expired." });
    const text = await new Promise((resolve) => {
      let held = "";
      request.on("data", (chunk) => (held += chunk)).on("end", () => resolve(held));
    });
    const [status, body, headers] = route.handler(params, text ? JSON.parse(text) : {}, searchParams);
    return send(status, body, headers);
  }
  return send(404, { message: "Route not found." });
});

function isSignedIn(request) {
  return state.session !== null && (request.headers.cookie ?? "").includes(state.session);
}

async function serveFile(pathname, response) {
  const file = path.join(dist, path.normalize(pathname));
  const found = path.extname(pathname) && !pathname.includes("..") ? await readFile(file).catch(() => null) : null;
  const body = found ?? (await readFile(path.join(dist, "index.html")));
  response.writeHead(200, { "Content-Type": found ? (types[path.extname(pathname)] ?? "application/octet-stream") : "text/html" });
  response.end(body);
}

const sockets = new WebSocketServer({ noServer: true });
const streams = [
  [/^\/api\/v2\/workspacebuilds\/([^/]+)\/logs$/, attachBuildLog],
  [/^\/api\/v2\/workspaceagents\/([^/]+)\/logs$/, attachAgentLog],
  [/^\/api\/v2\/workspaceagents\/([^/]+)\/pty$/, attachShell],
  [/^\/api\/experimental\/chats\/([^/]+)\/stream$/, attachChat],
  [/^\/api\/experimental\/chats\/(watch)$/, attachWatch],
];
server.on("upgrade", (request, socket, head) => {
  const url = new URL(request.url, "http://mock");
  const stream = streams.find(([pattern]) => pattern.test(url.pathname));
  if (!stream || !isSignedIn(request)) return socket.destroy();
  const [, id] = stream[0].exec(url.pathname);
  sockets.handleUpgrade(request, socket, head, (ws) => stream[1](ws, id, url.searchParams));
});

server.listen(Number(options.port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
