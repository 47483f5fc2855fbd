import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useParams } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { chatsQuery, useChatsWatch } from "@/api/chats";
import type { Chat } from "@/api/types";
import { Button } from "@/ui/button";
import { cn } from "@/ui/cn";
import { Skeleton } from "@/ui/page";
import { Ago } from "@/ui/time";
import { chatWords } from "./words";

/** The list of chats beside the chosen one; on a phone, one of the two. */
export function ChatsLayout() {
  const { chatId } = useParams({ strict: false });
  useChatsWatch();
  return (
    <div className="flex h-full min-h-0 flex-col md:flex-row">
      <aside aria-label="Your chats" className={cn("w-full shrink-0 flex-col border-r border-border md:flex md:w-72", chatId ? "hidden" : "flex max-md:max-h-[38%] max-md:border-r-0 max-md:border-b")}>
        <ChatList activeId={chatId} />
      </aside>
      <section className="flex min-h-0 min-w-0 flex-1 flex-col">
        <Outlet />
      </section>
    </div>
  );
}

function ChatList({ activeId }: { activeId: string | undefined }) {
  const chats = useQuery(chatsQuery);
  return (
    <>
      <div className="flex items-center justify-between px-4 pt-5 pb-3">
        <h2 className="text-base font-semibold tracking-tight">Chats</h2>
        <Button asChild size="sm">
          <Link to="/chats" search={{}} data-testid="new-chat">
            <Plus aria-hidden />
            New
          </Link>
        </Button>
      </div>
      <nav aria-label="Chats by date" className="min-h-0 flex-1 overflow-y-auto px-2 pb-4" data-testid="chat-list">
        {chats.isPending ? (
          <div className="space-y-2 px-2">
            <Skeleton className="h-12" />
            <Skeleton className="h-12 opacity-60" />
          </div>
        ) : chats.data ? (
          chats.data.length > 0 ? (
            chats.data.map((chat) => <ChatRow key={chat.id} chat={chat} active={chat.id === activeId} />)
          ) : (
            <p className="px-2 py-2 text-[0.8125rem] text-muted-foreground">Your chats will be listed here. They go on when you close the page.</p>
          )
        ) : (
          <p className="px-2 py-2 text-[0.8125rem] text-danger-text">
            {chats.error?.message}{" "}
            <button type="button" className="underline" onClick={() => void chats.refetch()}>
              Try again
            </button>
          </p>
        )}
      </nav>
    </>
  );
}

const dots = { good: "bg-success", busy: "bg-info animate-pulse", quiet: "bg-transparent", warn: "bg-warning", bad: "bg-danger" } as const;

function ChatRow({ chat, active }: { chat: Chat; active: boolean }) {
  const words = chatWords(chat.status);
  const unread = chat.has_unread && !active;
  return (
    <Link
      to="/chats/$chatId"
      params={{ chatId: chat.id }}
      aria-current={active ? "page" : undefined}
      data-testid="chat-row"
      data-status={chat.status}
      className="mb-0.5 flex items-start gap-2.5 rounded-lg px-2.5 py-2 hover:bg-muted aria-[current=page]:bg-accent"
    >
      <span aria-hidden className={cn("mt-1.5 size-2 shrink-0 rounded-full", unread && words.tone === "quiet" ? "bg-success" : dots[words.tone])} />
      <span className="min-w-0 flex-1">
        <span className={cn("block truncate text-[0.8125rem]", unread ? "font-semibold" : "font-medium")}>{chat.title}</span>
        <span className="block truncate text-xs text-muted-foreground">
          {words.label} · <Ago time={chat.updated_at} />
        </span>
      </span>
    </Link>
  );
}
