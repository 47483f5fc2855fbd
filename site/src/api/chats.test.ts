// @vitest-environment node
import { expect, it } from "vitest";
import { applyWatch } from "./chats";
import type { Chat } from "./types";

const chat = (id: string, updated_at: string, fields: Partial<Chat> = {}) => ({ id, updated_at, archived: false, ...fields }) as Chat;
const list = [chat("b", "2026-07-01T10:00:02Z"), chat("a", "2026-07-01T10:00:01Z")];
const ids = (chats: Chat[]) => chats.map((one) => one.id).join("");

it("puts a chat that changed first, once, and a new one into the list", () => {
  expect(ids(applyWatch(list, chat("a", "2026-07-01T10:00:03Z"), false))).toBe("ab");
  expect(ids(applyWatch(list, chat("c", "2026-07-01T10:00:03Z"), false))).toBe("cba");
});

it("takes out a chat that is gone or archived", () => {
  expect(ids(applyWatch(list, chat("a", "2026-07-01T10:00:03Z"), true))).toBe("b");
  expect(ids(applyWatch(list, chat("b", "2026-07-01T10:00:03Z", { archived: true }), false))).toBe("a");
});
