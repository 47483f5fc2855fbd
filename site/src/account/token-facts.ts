/** What tokens mean, in words. Pure. */
import type { ApiKey } from "@/api/types";

const NANOSECONDS_PER_DAY = 86_400 * 1e9;

/** Lifetimes to choose from, in days, up to what the server allows (nanoseconds). The longest allowed one is always there. */
export function lifetimes(maxNanoseconds: number): number[] {
  const max = Math.max(1, Math.floor(maxNanoseconds / NANOSECONDS_PER_DAY));
  const usual = [1, 7, 30, 90, 365].filter((days) => days < max);
  return [...usual, Math.min(max, 3650)];
}

export function daysToNanoseconds(days: number): number {
  return days * NANOSECONDS_PER_DAY;
}

export function daysLabel(days: number): string {
  if (days === 1) return "1 day";
  if (days >= 730 && days % 365 === 0) return `${days / 365} years`;
  return `${days} days`;
}

export function isExpired(key: Pick<ApiKey, "expires_at">, now: number): boolean {
  return Date.parse(key.expires_at) <= now;
}

/** A time of year 1 stands for "never". */
export function wasUsed(key: Pick<ApiKey, "last_used">): boolean {
  return new Date(key.last_used).getUTCFullYear() > 1970;
}

/** "Everything" or the names of the scopes. */
export function scopeSummary({ scopes }: Pick<ApiKey, "scopes">): string {
  if (scopes.length === 0 || scopes.some((s) => s === "all" || s === "coder:all")) return "Everything";
  return scopes.join(", ");
}

/** The objects a token is limited to; empty when it is not limited. */
export function limits(key: Pick<ApiKey, "allow_list">): string[] {
  return key.allow_list.filter((entry) => entry !== "*:*");
}

/** The group of scopes that stand for several others. */
export const BUNDLES = "Bundles";

export const bundleLabels: Record<string, string> = {
  "coder:application_connect": "Open workspace apps",
  "coder:workspaces.create": "Create workspaces",
  "coder:workspaces.operate": "Start and stop workspaces",
  "coder:workspaces.delete": "Delete workspaces",
  "coder:workspaces.access": "Use workspaces: SSH and apps",
  "coder:templates.build": "Build template versions",
  "coder:templates.author": "Write templates",
  "coder:apikeys.manage_self": "Manage own tokens",
};

export interface ScopeGroup {
  title: string;
  scopes: string[];
}

/** Scopes by what they are about, bundles first. `coder:all` is not among them: it is the form's own choice. */
export function scopeGroups(scopes: string[]): ScopeGroup[] {
  const groups = new Map<string, string[]>();
  for (const scope of scopes) {
    if (scope === "all" || scope === "coder:all" || scope === "application_connect") continue;
    const [resource = ""] = scope.split(":");
    const title = resource === "coder" ? BUNDLES : resource.replaceAll("_", " ");
    groups.set(title, [...(groups.get(title) ?? []), scope]);
  }
  const sorted = [...groups].map(([title, held]) => ({ title, scopes: held }));
  return sorted.sort((a, b) => Number(b.title === BUNDLES) - Number(a.title === BUNDLES) || a.title.localeCompare(b.title));
}

const ENTRY = /^[a-z_]+:(?:\*|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$/i;

/** The first line of an allow-list that does not read `type:id`. */
export function badEntry(lines: string[]): string | undefined {
  return lines.find((line) => line !== "*:*" && !ENTRY.test(line));
}
