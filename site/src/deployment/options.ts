/** The server's options as a page shows them. Pure. */
import type { DeploymentOption } from "@/api/types";

export interface OptionGroup {
  title: string;
  options: DeploymentOption[];
}

const OTHER = "Other";

/** Options that match the text, by group, groups in the server's order. */
export function optionGroups(options: DeploymentOption[], text: string): OptionGroup[] {
  const wanted = text.trim().toLowerCase();
  const groups = new Map<string, DeploymentOption[]>();
  for (const option of options) {
    if (option.hidden) continue;
    const words = [option.name, option.description, option.flag, option.env, ownVariable(option.env ?? ""), option.yaml].join(" ").toLowerCase();
    if (wanted !== "" && !words.includes(wanted)) continue;
    const name = option.group?.name || OTHER;
    groups.set(name, [...(groups.get(name) ?? []), option]);
  }
  return [...groups].map(([title, held]) => ({ title, options: held }));
}

export function isSecret(option: DeploymentOption): boolean {
  return option.annotations?.["secret"] === "true";
}

/** The server names a variable as clients of the reference know it; its own name is the one to use. */
export function ownVariable(env: string): string {
  return env.replace(/^CODER_/, "WARREN_");
}

const UNITS: [number, string][] = [
  [86_400e9, "d"],
  [3600e9, "h"],
  [60e9, "min"],
  [1e9, "s"],
  [1e6, "ms"],
];

/** Nanoseconds as "24h", the form of a duration on the wire. */
function durationText(nanoseconds: number): string {
  for (const [size, unit] of UNITS) if (nanoseconds % size === 0 && nanoseconds !== 0) return `${nanoseconds / size} ${unit}`;
  return `${nanoseconds} ns`;
}

/** An option's value in one line. Durations are numbers whose default is written with a unit. */
export function valueText(option: DeploymentOption): string {
  // Secrets come without their value; where it was set tells whether there is one.
  if (isSecret(option)) return option.value_source && option.value_source !== "default" ? "set, not shown" : "not set";
  const { value } = option;
  if (value === undefined || value === null || value === "") return "not set";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map((item) => (typeof item === "string" ? item : JSON.stringify(item))).join(", ");
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "number" && /[0-9](ns|us|ms|s|m|h)$/.test(option.default ?? "")) return durationText(value);
  return typeof value === "object" ? (Object.keys(value).length === 0 ? "none" : JSON.stringify(value)) : String(value);
}

const sources: Record<string, string> = { flag: "flag", env: "environment", yaml: "file", default: "default", unknown: "" };

export function sourceText(option: DeploymentOption): string {
  return sources[option.value_source ?? ""] ?? option.value_source ?? "";
}
