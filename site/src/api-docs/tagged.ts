/** Sorts the routes of an OpenAPI document into groups by the noun of their path, where it names none itself. Pure. */

interface Operation {
  tags?: string[];
}

export interface Document {
  info?: { title?: string };
  paths?: Record<string, Record<string, Operation>>;
}

/** "/api/v2/users/{user}" → "users". */
export function noun(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== "api" && part !== "v2" && !part.startsWith("{"));
  return (parts[0] === "experimental" ? parts[1] : parts[0]) ?? "api";
}

export function tagged<D extends Document>(document: D): D {
  const paths = Object.entries(document.paths ?? {}).map(([path, methods]) => {
    const named = Object.entries(methods).map(([method, operation]) => [method, operation.tags?.length ? operation : { ...operation, tags: [noun(path)] }]);
    return [path, Object.fromEntries(named)];
  });
  return { ...document, paths: Object.fromEntries(paths) };
}
