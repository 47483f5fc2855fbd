import type { ValidationError } from "./types";

/** A refusal or failure of the API, in the words the server chose. `status` 0 means that no answer came. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly detail: string | undefined;
  readonly validations: ValidationError[];
  /** The whole answer: some refusals say more than a sentence, in fields of their own. */
  readonly body: Record<string, unknown>;

  constructor(status: number, message: string, detail?: string, validations: ValidationError[] = [], body: Record<string, unknown> = {}) {
    super(message);
    this.status = status;
    this.detail = detail || undefined;
    this.validations = validations;
    this.body = body;
  }

  /** The complaint about one request field, if there is one. */
  field(name: string): string | undefined {
    return this.validations.find((v) => v.field === name)?.detail;
  }
}

/** The complaint of `error` about field `name`, for use beside the field. */
export function fieldError(error: unknown, name: string): string | undefined {
  return error instanceof ApiError ? error.field(name) : undefined;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

const TIMEOUT_MS = 30_000;

/** Calls the API with the session cookie and returns the JSON body (undefined for an empty one). */
export async function api<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: headers(method, body),
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      credentials: "same-origin",
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    if (timeout.aborted) {
      throw new ApiError(0, "The Warren server did not answer within 30 seconds.", "Check the server's log, then try again.");
    }
    throw new ApiError(0, "The Warren server cannot be reached.", "Check that it is running and that this machine has a connection to it.");
  }
  const text = await response.text();
  if (!response.ok) throw toError(response.status, text);
  return parse<T>(response.status, text);
}

function headers(method: Method, body: unknown): Record<string, string> {
  const result: Record<string, string> = { Accept: "application/json" };
  if (body !== undefined) result["Content-Type"] = "application/json";
  const csrf = document.querySelector<HTMLMetaElement>('meta[property="csrf-token"]')?.content;
  if (csrf && method !== "GET") result["X-CSRF-TOKEN"] = csrf;
  return result;
}

function parse<T>(status: number, text: string): T {
  if (text === "") return undefined as T;
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError(status, "The server's answer could not be read.", text.slice(0, 200));
  }
}

/** Turns an error answer into an `ApiError`, whatever its body is. */
export function toError(status: number, text: string): ApiError {
  try {
    const body = JSON.parse(text) as { message?: unknown; detail?: unknown; validations?: unknown };
    if (typeof body.message === "string" && body.message !== "") {
      return new ApiError(
        status,
        body.message,
        typeof body.detail === "string" ? body.detail : undefined,
        Array.isArray(body.validations) ? (body.validations as ValidationError[]) : [],
        body,
      );
    }
  } catch {
    // Not JSON: a proxy in front of the server answered.
  }
  const what = status >= 500 ? "The server failed to answer this request." : "The server refused this request.";
  return new ApiError(status, `${what} (HTTP ${status})`, text.slice(0, 200));
}
