import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError, api, fieldError, toError } from "./client";
import { retryDelay } from "./socket";

afterEach(() => vi.unstubAllGlobals());

const answer = (status: number, body: string) => vi.stubGlobal("fetch", vi.fn(async () => new Response(status === 204 ? null : body, { status })));

describe("api", () => {
  it("gives the JSON body, and nothing for an empty one", async () => {
    answer(200, '{"a":1}');
    expect(await api("GET", "/x")).toEqual({ a: 1 });
    answer(204, "");
    expect(await api("DELETE", "/x")).toBeUndefined();
  });

  it("throws the server's own words", async () => {
    answer(409, JSON.stringify({ message: "The name is taken.", detail: "by you", validations: [{ field: "name", detail: "taken" }] }));
    const error = await api("POST", "/x", {}).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 409, message: "The name is taken.", detail: "by you" });
    expect(fieldError(error, "name")).toBe("taken");
    expect(fieldError(error, "other")).toBeUndefined();
  });

  it("says what to do when no answer comes", async () => {
    vi.stubGlobal("fetch", vi.fn(async () => Promise.reject(new TypeError("Failed to fetch"))));
    const error = (await api("GET", "/x").catch((e: unknown) => e)) as ApiError;
    expect(error.status).toBe(0);
    expect(error.message).toBe("The Warren server cannot be reached.");
  });

  it("reports an answer that is not JSON", async () => {
    answer(200, "<html>");
    await expect(api("GET", "/x")).rejects.toThrow("could not be read");
  });
});

describe("toError", () => {
  it("makes a sentence of an answer that is no error body", () => {
    expect(toError(502, "<html>bad gateway").message).toBe("The server failed to answer this request. (HTTP 502)");
    expect(toError(400, "{}").message).toBe("The server refused this request. (HTTP 400)");
  });
});

it("waits longer after each failed connection, up to a limit", () => {
  expect([1, 2, 3, 4, 5, 6, 20].map(retryDelay)).toEqual([400, 800, 1600, 3200, 6400, 8000, 8000]);
});
