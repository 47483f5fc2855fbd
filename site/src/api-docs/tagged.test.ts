import { expect, it } from "vitest";
import { noun, tagged } from "./tagged";

it("finds the noun of a path", () => {
  expect(noun("/api/v2/users/{user}/keys")).toBe("users");
  expect(noun("/api/experimental/chats")).toBe("chats");
  expect(noun("/healthz")).toBe("healthz");
  expect(noun("/api/v2")).toBe("api");
});

it("tags routes that have no tag of their own", () => {
  const document = tagged({ paths: { "/api/v2/users": { get: {}, post: { tags: ["own"] } } } });
  expect(document.paths).toEqual({ "/api/v2/users": { get: { tags: ["users"] }, post: { tags: ["own"] } } });
});
