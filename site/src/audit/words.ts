/** Audit entries in words. Pure. */
import type { AuditDiffField, AuditLog } from "@/api/types";

const verbs: Record<string, string> = {
  create: "created",
  write: "changed",
  delete: "deleted",
  start: "started",
  stop: "stopped",
  login: "signed in",
  logout: "signed out",
  register: "registered",
  request_password_reset: "asked for a new password of",
  connect: "connected to",
  disconnect: "disconnected from",
  open: "opened",
  close: "closed",
};

export const actions = ["create", "write", "delete", "start", "stop", "login", "logout", "register"];

export const resourceTypes = [
  "user", "api_key", "git_ssh_key", "convert_login", "organization", "organization_member", "custom_role",
  "template", "template_version", "workspace", "workspace_build", "chat", "ai_provider", "ai_provider_key",
];

export function resourceLabel(type: string): string {
  return type.replaceAll("_", " ").replace(/\b(ai|api|ssh|oauth2)\b/g, (word) => word.toUpperCase()).replace("OAUTH2", "OAuth2");
}

export interface Sentence {
  actor: string;
  verb: string;
  object: string;
  target: string;
}

/** Who did what to what. A login has no object beside the person. */
export function sentence(entry: AuditLog): Sentence {
  const actor = entry.user ? entry.user.username : "Somebody unknown";
  const verb = verbs[entry.action] ?? entry.action.replaceAll("_", " ");
  const failed = entry.status_code >= 400;
  if (entry.action === "login" || entry.action === "logout") {
    const tried = entry.action === "login" ? "sign in" : "sign out";
    return { actor, verb: failed ? `failed to ${tried}` : verb, object: "", target: entry.user ? "" : entry.resource_target };
  }
  return { actor, verb: failed ? `was refused: ${entry.action.replaceAll("_", " ")}` : verb, object: resourceLabel(entry.resource_type), target: entry.resource_target };
}

/** One side of a changed field, as one line. */
export function shown(value: unknown): string {
  if (value === undefined || value === null || value === "") return "—";
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function diffRows(diff: Record<string, AuditDiffField> | null): [string, AuditDiffField][] {
  return Object.entries(diff ?? {}).sort(([a], [b]) => a.localeCompare(b));
}

/** A browser or program from its user agent, without the version zoo. */
export function program(userAgent: string): string {
  if (userAgent === "") return "";
  if (/warren|coder/i.test(userAgent)) return userAgent.split(" ")[0] ?? userAgent;
  if (/firefox/i.test(userAgent)) return "Firefox";
  if (/edg\//i.test(userAgent)) return "Edge";
  if (/chrom(e|ium)|headlesschrome/i.test(userAgent)) return "Chrome";
  if (/safari/i.test(userAgent)) return "Safari";
  return userAgent.split(" ")[0] ?? userAgent;
}
