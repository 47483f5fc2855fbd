import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactElement } from "react";
import { vi } from "vitest";

export interface Call {
  method: string;
  path: string;
  body: unknown;
}

/** What the stand-in answers: a body for 200, or a status with a body. */
type Answer = { status: number; body: unknown };

/**
 * Replaces `fetch` for a test. `answers` maps "METHOD /path" (without the search) to an answer, or to a function of the call.
 * Returns the calls that were made; one without an answer is a 404.
 */
export function stubServer(answers: Record<string, unknown | ((call: Call) => Answer)>): Call[] {
  const calls: Call[] = [];
  vi.stubGlobal("fetch", async (input: string, init: RequestInit = {}) => {
    const url = new URL(input, "http://warren.test");
    const call: Call = { method: init.method ?? "GET", path: url.pathname + url.search, body: init.body ? JSON.parse(String(init.body)) : undefined };
    calls.push(call);
    const answer = answers[`${call.method} ${url.pathname}`];
    const { status, body } = typeof answer === "function" ? (answer as (call: Call) => Answer)(call) : answer === undefined ? { status: 404, body: { message: "Route not found." } } : { status: 200, body: answer };
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  });
  return calls;
}

/** Renders with a query client of its own that does not ask twice. */
export function renderWithQueries(element: ReactElement) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(<QueryClientProvider client={client}>{element}</QueryClientProvider>);
}
