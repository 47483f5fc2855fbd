// Users, sign-in, tokens and settings of the account, in the stand-in server.
import { record } from "./audit.mjs";
import { state, uuid, now } from "./state.mjs";

const DAY = 86_400_000;
const YEAR_ONE = "0001-01-01T00:00:00Z";
const siteRoles = [
  ["owner", "Owner"],
  ["member", "Member"],
  ["auditor", "Auditor"],
  ["template-admin", "Template Admin"],
  ["user-admin", "User Admin"],
].map(([name, display_name]) => ({ name, display_name, site_permissions: [], user_permissions: [], organization_permissions: [], organization_member_permissions: [], assignable: name !== "member", built_in: true }));

const scopes = [
  "coder:all", "coder:application_connect", "coder:workspaces.create", "coder:workspaces.operate", "coder:workspaces.delete", "coder:workspaces.access", "coder:templates.build",
  "coder:templates.author", "coder:apikeys.manage_self", "workspace:read", "workspace:create", "workspace:update", "workspace:delete", "workspace:ssh", "workspace:*",
  "template:read", "template:use", "template:*", "api_key:read", "api_key:create", "user:read", "organization:read",
];

const blank = { avatar_url: "", created_at: now(), updated_at: now(), last_seen_at: YEAR_ONE, status: "active", login_type: "password", name: "", has_ai_seat: false };

export function addUser(fields) {
  const user = { ...blank, id: uuid(), organization_ids: [state.organization.id], roles: [], ...fields };
  state.users.push(user);
  return user;
}

const find = (id) => (id === "me" ? state.user : state.users.find((user) => user.id === id || user.username === id));
const strong = (password) => password.length >= 12 || /^(?=.*[0-9])(?=.*[^a-zA-Z0-9]).{9,}$/.test(password);
const invalid = (field, detail) => [400, { message: "Validation failed.", validations: [{ field, detail }] }];

function list(_, __, search) {
  const words = (search.get("q") ?? "").match(/\S+/g) ?? [];
  const value = (key) => words.find((w) => w.startsWith(`${key}:`))?.slice(key.length + 1);
  const text = words.filter((w) => !w.includes(":")).join(" ").toLowerCase();
  const found = state.users.filter((user) =>
    (!value("status") || user.status === value("status")) &&
    (!value("role") || user.roles.some((role) => role.name === value("role"))) &&
    `${user.username} ${user.email} ${user.name}`.toLowerCase().includes(text));
  const from = Number(search.get("offset") ?? 0);
  return [200, { users: found.slice(from, from + (Number(search.get("limit")) || found.length)), count: found.length }];
}

function create(_, body) {
  if (state.users.some((user) => user.username === body.username)) return [409, { message: "This user exists already.", validations: [{ field: "username", detail: "This name is taken." }] }];
  if (body.login_type === "password" && !strong(body.password)) return invalid("password", "Use a longer password.");
  const { password, user_status, ...fields } = body;
  const user = addUser({ ...fields, status: user_status ?? "active" });
  state.passwords.set(user.email, password);
  record("create", "user", user.username, { username: { old: "", new: user.username, secret: false }, email: { old: "", new: user.email, secret: false }, hashed_password: { secret: true } });
  return [201, user];
}

function setRoles({ user: id }, { roles }) {
  const user = find(id);
  record("write", "user", user.username, { rbac_roles: { old: user.roles.map((r) => r.name), new: roles, secret: false } });
  user.roles = siteRoles.filter((role) => roles.includes(role.name)).map(({ name, display_name }) => ({ name, display_name }));
  return [200, user];
}

function setStatus({ user: id, verb }) {
  const user = find(id);
  const status = verb === "suspend" ? "suspended" : "active";
  record("write", "user", user.username, { status: { old: user.status, new: status, secret: false } });
  user.status = status;
  return [200, user];
}

function createToken(_, body) {
  if (state.tokens.some((token) => token.token_name === body.token_name)) return [409, { message: "This token exists already.", validations: [{ field: "token_name", detail: "A token of this name exists." }] }];
  const id = uuid().replaceAll("-", "").slice(0, 10);
  state.tokens.push({
    id, user_id: state.user.id, token_name: body.token_name, created_at: now(), updated_at: now(), last_used: YEAR_ONE, login_type: "token", scope: "all", scopes: body.scopes ?? ["coder:all"],
    allow_list: body.allow_list ?? ["*:*"], lifetime_seconds: body.lifetime / 1e9, expires_at: new Date(Date.now() + body.lifetime / 1e6).toISOString(),
  });
  record("create", "api_key", body.token_name, {});
  return [201, { key: `${id}-${uuid().replaceAll("-", "").slice(0, 22)}` }];
}

const methods = () => ({
  password: { enabled: true },
  github: { enabled: process.env.MOCK_GITHUB === "1", default_provider_configured: false },
  oidc: { enabled: process.env.MOCK_OIDC === "1", signInText: "", iconUrl: "" },
});

let polls = 0;

export const accountRoutes = [
  ["GET", "/api/v2/users/authmethods", () => [200, methods()]],
  ["POST", "/api/v2/users/validate-password", (_, { password }) => [200, strong(password) ? { valid: true, details: "" } : { valid: false, details: "Too easy to guess: make it longer, or use more kinds of characters." }]],
  ["GET", "/api/v2/users/oauth2/github/device", () => ((polls = 0), [200, { device_code: uuid(), user_code: "WDJB-MJHT", verification_uri: "https://github.com/login/device", expires_in: 900, interval: 1 }])],
  ["GET", "/api/v2/users/oauth2/github/callback", () => (++polls < 60 ? [400, { message: "Not confirmed yet.", detail: "authorization_pending" }] : [200, { redirect_url: "/workspaces" }])],
  ["GET", "/api/v2/users", list],
  ["POST", "/api/v2/users", create],
  ["GET", "/api/v2/users/roles", () => [200, siteRoles]],
  ["PUT", "/api/v2/users/me/profile", (_, body) => [200, Object.assign(state.user, body)]],
  ["PUT", "/api/v2/users/:user/status/:verb", setStatus],
  ["PUT", "/api/v2/users/:user/roles", setRoles],
  ["PUT", "/api/v2/users/:user/password", (_, body) => (strong(body.password) ? [204] : invalid("password", "Use a longer password."))],
  ["GET", "/api/v2/users/me/appearance", () => [200, state.appearance]],
  ["PUT", "/api/v2/users/me/appearance", (_, body) => [200, Object.assign(state.appearance, body)]],
  ["GET", "/api/v2/users/me/gitsshkey", () => [200, state.sshKey]],
  ["PUT", "/api/v2/users/me/gitsshkey", () => [200, Object.assign(state.sshKey, { updated_at: now(), public_key: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${uuid().replaceAll("-", "")}` })]],
  ["GET", "/api/v2/auth/scopes", () => [200, { external: scopes }]],
  ["POST", "/api/v2/users/me/keys", () => [201, { key: `${uuid().slice(0, 10)}-${uuid().replaceAll("-", "").slice(0, 22)}` }]],
  ["GET", "/api/v2/users/me/keys/tokens", (_, __, search) => [200, state.tokens.filter((token) => search.get("include_expired") === "true" || Date.parse(token.expires_at) > Date.now())]],
  ["POST", "/api/v2/users/me/keys/tokens", createToken],
  ["GET", "/api/v2/users/me/keys/tokens/tokenconfig", () => [200, { max_token_lifetime: 365 * DAY * 1e6 }]],
  ["DELETE", "/api/v2/users/me/keys/:id", ({ id }) => ((state.tokens = state.tokens.filter((token) => token.id !== id)), [204])],
  ["PUT", "/api/v2/users/me/keys/:id/expire", ({ id }) => ((state.tokens.find((token) => token.id === id).expires_at = now()), [204])],
  ["POST", "/api/v2/authcheck", (_, { checks }) => [200, Object.fromEntries(Object.keys(checks).map((name) => [name, process.env.MOCK_MEMBER !== "1"]))]],
  ["DELETE", "/api/v2/users/:user", ({ user: id }) => ((state.users = state.users.filter((user) => user.id !== id)), [200, { message: "Deleted." }])],
];

/** A deployment with people in it. */
export function seedAccounts() {
  const people = ["Grace Hopper", "Alan Turing", "Barbara Liskov", "Edsger Dijkstra", "Katherine Johnson", "Dennis Ritchie", "Margaret Hamilton", "Donald Knuth", "Radia Perlman"];
  for (const [i, name] of people.entries()) {
    const username = name.toLowerCase().replace(" ", "-");
    addUser({
      username, name, email: `${username}@example.com`, status: i === 3 ? "suspended" : i === 5 ? "dormant" : "active", login_type: i % 3 === 1 ? "oidc" : "password",
      roles: i === 0 ? [{ name: "user-admin", display_name: "User Admin" }, { name: "template-admin", display_name: "Template Admin" }] : i === 2 ? [{ name: "auditor", display_name: "Auditor" }] : [],
      last_seen_at: i === 4 ? YEAR_ONE : new Date(Date.now() - i * i * 3_600_000).toISOString(),
    });
  }
  for (let i = 0; i < 24; i++) addUser({ username: `student-${i}`, name: "", email: `student-${i}@a-rather-long-domain-name.example.com` });
  createToken({}, { token_name: "ci", lifetime: 30 * DAY * 1e6, scopes: ["coder:templates.build", "template:read"], allow_list: [`template:${uuid()}`] });
  createToken({}, { token_name: "laptop", lifetime: 7 * DAY * 1e6 });
}
