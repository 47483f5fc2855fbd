import { afterEach, expect, it, vi } from "vitest";
import { stubServer } from "@/test/server";
import { byPlace, listChats, searchText } from "./chats";
import type { Chat } from "./types";

it("asks the server's search for a title, the archive and unread chats", () => {
  expect(searchText({})).toBe("");
  expect(searchText({ title: ' fix "it" ', archived: true, unread: true })).toBe('title:"fix it" archived:true has_unread:true');
});

it("puts pinned chats first in their order, then the newest", () => {
  const chat = (id: string, pin_order: number, hour: number) => ({ id, pin_order, updated_at: `2026-07-01T1${hour}:00:00Z` }) as Chat;
  const chats = [chat("old", 0, 1), chat("second", 2, 0), chat("new", 0, 5), chat("first", 1, 0)];
  expect(chats.sort(byPlace).map((c) => c.id)).toEqual(["first", "second", "new", "old"]);
});

afterEach(() => vi.unstubAllGlobals());

it("lists more than the server gives at once, and stops when there are no more", async () => {
  const stored = Array.from({ length: 230 }, (_, i) => ({ id: String(i) }));
  const calls = stubServer({
    "GET /api/experimental/chats": (call: { path: string }) => {
      const search = new URL(call.path, "http://t").searchParams;
      const offset = Number(search.get("offset"));
      return { status: 200, body: stored.slice(offset, offset + Number(search.get("limit"))) };
    },
  });
  expect(await listChats("", 300)).toHaveLength(230);
  expect(calls).toHaveLength(2);
  expect(await listChats("", 50)).toHaveLength(50);
  expect(calls).toHaveLength(3);
});
