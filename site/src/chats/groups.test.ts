// @vitest-environment node
import { expect, it } from "vitest";
import type { Chat } from "@/api/types";
import { groupChats } from "./groups";

const now = new Date(2026, 6, 15, 12).getTime();
const chat = (id: string, daysAgo: number, fields: Partial<Chat> = {}) => ({ id, pin_order: 0, status: "waiting", updated_at: new Date(now - daysAgo * 86_400_000).toISOString(), ...fields }) as Chat;
const shown = (chats: Chat[]) => groupChats(chats, now).map((group) => `${group.name}: ${group.chats.map((c) => c.id).join(" ")}`);

it("groups by day, with pinned chats and those that need somebody first", () => {
  const chats = [chat("a", 0), chat("b", 1), chat("c", 3), chat("d", 30), chat("e", 30, { pin_order: 1 }), chat("f", 2, { status: "requires_action" })];
  expect(shown(chats)).toEqual(["Pinned: e", "Needs you: f", "Today: a", "Yesterday: b", "Previous 7 days: c", "Older: d"]);
});

it("has no empty groups", () => {
  expect(shown([])).toEqual([]);
});
