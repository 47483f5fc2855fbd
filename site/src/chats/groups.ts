/** The list of chats under headings. Pure. */
import type { Chat } from "@/api/types";

export interface Group {
  name: string;
  chats: Chat[];
}

const DAY = 86_400_000;

/** Pinned chats, then those that wait for the person, then the rest by the day of their last change. */
export function groupChats(chats: Chat[], now: number): Group[] {
  const today = new Date(now).setHours(0, 0, 0, 0);
  const heading = (chat: Chat): string => {
    if (chat.pin_order > 0) return "Pinned";
    if (chat.status === "requires_action") return "Needs you";
    const at = Date.parse(chat.updated_at);
    if (at >= today) return "Today";
    if (at >= today - DAY) return "Yesterday";
    return at >= today - 7 * DAY ? "Previous 7 days" : "Older";
  };
  const order = ["Pinned", "Needs you", "Today", "Yesterday", "Previous 7 days", "Older"];
  const groups = new Map(order.map((name) => [name, [] as Chat[]]));
  for (const chat of chats) groups.get(heading(chat))?.push(chat);
  return order.flatMap((name) => {
    const held = groups.get(name) ?? [];
    return held.length > 0 ? [{ name, chats: held }] : [];
  });
}
