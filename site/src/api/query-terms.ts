/** The search grammar of lists: bare words, and `key:value` terms whose value may stand in quotes. Pure. */

const TERM = /(?:[^\s"]|"[^"]*")+/g;

/** The terms of a search, quotes kept. */
export function terms(q: string): string[] {
  return q.match(TERM) ?? [];
}

/** The value of the first `key:value` term, without its quotes. */
export function term(q: string, key: string): string {
  const found = terms(q).find((t) => t.toLowerCase().startsWith(`${key}:`));
  return found ? found.slice(key.length + 1).replaceAll('"', "") : "";
}

/** The search with its `key` set to a value, or without it for an empty one. Bare words stay first. */
export function withTerm(q: string, key: string, value: string): string {
  const rest = terms(q).filter((t) => !t.toLowerCase().startsWith(`${key}:`));
  if (value !== "") rest.push(`${key}:${/\s/.test(value) ? `"${value}"` : value}`);
  return rest.join(" ");
}
