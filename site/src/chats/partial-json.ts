/** Reads the JSON object that is still being written: complete members, and the string or number being typed. */
export function partialObject(text: string): Record<string, unknown> {
  for (const candidate of [text, close(text)]) {
    try {
      const value: unknown = JSON.parse(candidate);
      if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    } catch {
      // Not complete at this point.
    }
  }
  return {};
}

/** Ends open strings, arrays and objects; drops a member that has no value yet. */
function close(text: string): string {
  const open: string[] = [];
  let inString = false;
  let escaped = false;
  for (const char of text) {
    if (escaped) escaped = false;
    else if (inString && char === "\\") escaped = true;
    else if (char === '"') inString = !inString;
    else if (!inString && (char === "{" || char === "[")) open.push(char === "{" ? "}" : "]");
    else if (!inString && (char === "}" || char === "]")) open.pop();
  }
  let body = escaped ? text.slice(0, -1) : text;
  if (inString) body = `${body.replace(/\\u[0-9a-fA-F]{0,3}$/, "")}"`;
  body = body.replace(/,\s*$/, "").replace(/(,|\{)\s*"(?:[^"\\]|\\.)*"\s*:?\s*$/, (match, lead: string) => {
    // A lone string inside an array is a value, inside an object it is a key without a value.
    return open.at(-1) === "}" ? (lead === "{" ? "{" : "") : match;
  });
  return body + open.reverse().join("");
}
