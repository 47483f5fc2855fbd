// The audit log of the stand-in server.
import { state, uuid } from "./state.mjs";

export function record(action, resource_type, resource_target, diff, extra = {}) {
  state.audit.unshift({
    id: uuid(), request_id: uuid(), time: new Date().toISOString(), ip: "192.0.2.17", user_agent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0", resource_type, resource_id: uuid(), resource_target,
    resource_icon: "", action, diff, status_code: 200, additional_fields: {}, description: "", resource_link: "", is_deleted: false, organization: null, user: state.user, ...extra,
  });
}

function list(_, __, search) {
  const words = (search.get("q") ?? "").match(/\S+/g) ?? [];
  const value = (key) => words.find((w) => w.startsWith(`${key}:`))?.slice(key.length + 1);
  const found = state.audit.filter((entry) => ["action", "resource_type"].every((key) => !value(key) || entry[key] === value(key)));
  const from = Number(search.get("offset") ?? 0);
  return [200, { audit_logs: found.slice(from, from + Number(search.get("limit"))), count: found.length }];
}

export const auditRoutes = [
  ["GET", "/api/v2/audit", list],
  ["GET", "/api/v2/audit/export", () => [200, state.audit]],
];

export function seedAudit() {
  const organization = { id: state.organization.id, name: "coder", display_name: "Warren", icon: "" };
  record("create", "organization", "research", { name: { old: "", new: "research", secret: false }, description: { old: "", new: "", secret: false } }, { organization });
  record("login", "api_key", "ada", {}, { ip: "2001:db8::17" });
  record("login", "api_key", "mallory@example.com", {}, { status_code: 401, user: null, user_agent: "curl/8.5.0" });
  record("write", "template", "process", { active_version_id: { old: uuid(), new: uuid(), secret: false }, description: { old: "A process.", new: "A sandboxed process tree on this server: no containers, starts in a second.", secret: false } }, { organization, resource_link: "/templates", user_agent: "warren/0.1.0 (linux; amd64)" });
  record("delete", "workspace", "old-experiments", { name: { old: "old-experiments", new: "", secret: false }, ttl: { old: 28_800_000, new: null, secret: false } }, { organization, is_deleted: true });
  record("create", "ai_provider_key", "Local models", { api_key: { secret: true } });
}
