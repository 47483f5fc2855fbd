import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useParams } from "@tanstack/react-router";
import { CircleAlert, Hand, ListFilter, Pin, Plus } from "lucide-react";
import { useState } from "react";
import { CHATS_PAGE, type ChatFilter, chatsQuery, useChatsWatch } from "@/api/chats";
import type { Chat } from "@/api/types";
import { Button } from "@/ui/button";
import { cn } from "@/ui/cn";
import { Skeleton } from "@/ui/page";
import { SearchBox } from "@/ui/search-box";
import { Select } from "@/ui/select";
import { Spinner } from "@/ui/spinner";
import { Ago, useNow } from "@/ui/time";
import { ChatMenu } from "./chat-menu";
import { groupChats } from "./groups";
import { isBusy } from "./reducer";
import { chatWords } from "./words";

/** The list of chats beside the chosen one; on a phone, one of the two. */
export function ChatsLayout() {
  const { chatId } = useParams({ strict: false });
  useChatsWatch();
  return (
    <div className="flex h-full min-h-0 flex-col md:flex-row">
      <aside aria-label="Your chats" className={cn("w-full shrink-0 flex-col border-r border-border md:flex md:w-72", chatId ? "hidden" : "flex max-md:max-h-[45%] max-md:border-r-0 max-md:border-b")}>
        <ChatList activeId={chatId} />
      </aside>
      <section className="flex min-h-0 min-w-0 flex-1 flex-col">
        <Outlet />
      </section>
    </div>
  );
}

type Show = "active" | "unread" | "archived";

const shows: { value: Show; label: string; hint: string }[] = [
  { value: "active", label: "All", hint: "All but archived ones" },
  { value: "unread", label: "Unread", hint: "With something you have not seen" },
  { value: "archived", label: "Archived", hint: "Until they are deleted" },
];

function ChatList({ activeId }: { activeId: string | undefined }) {
  const [show, setShow] = useState<Show>("active");
  const [title, setTitle] = useState("");
  const [limit, setLimit] = useState(CHATS_PAGE);
  const filter: ChatFilter = { title, limit, ...(show === "archived" ? { archived: true } : {}), ...(show === "unread" ? { unread: true } : {}) };
  const chats = useQuery(chatsQuery(filter));
  const isFiltered = title !== "" || show !== "active";
  return (
    <>
      <div className="space-y-2.5 px-4 pt-5 pb-3">
        <div className="flex items-center justify-between">
          <h2 className="text-base font-semibold tracking-tight">Chats</h2>
          <Button asChild size="sm">
            <Link to="/chats" search={{}} data-testid="new-chat">
              <Plus aria-hidden />
              New
            </Link>
          </Button>
        </div>
        <div className="flex items-center gap-1.5">
          <SearchBox label="Search by title" placeholder="Search titles" value={title} onChange={setTitle} />
          <Select
            size="md"
            label="Which chats"
            value={show}
            onChange={(next) => setShow(next as Show)}
            options={shows}
            className="w-auto shrink-0 px-2.5"
            data-testid="chat-filter"
            icon={<ListFilter aria-hidden className="size-4" />}
          />
        </div>
      </div>
      <nav aria-label="Chats by date" className="min-h-0 flex-1 overflow-y-auto px-2 pb-4" data-testid="chat-list">
        {chats.isPending ? (
          <div className="space-y-2 px-2">
            <Skeleton className="h-12" />
            <Skeleton className="h-12 opacity-60" />
          </div>
        ) : chats.data ? (
          <>
            <Groups chats={chats.data} activeId={activeId} />
            {chats.data.length === 0 ? <Empty isFiltered={isFiltered} /> : null}
            {chats.data.length >= limit ? (
              <Button size="sm" variant="ghost" className="w-full" busy={chats.isFetching} onClick={() => setLimit(limit + CHATS_PAGE)}>
                Show more
              </Button>
            ) : null}
          </>
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

function Empty({ isFiltered }: { isFiltered: boolean }) {
  return <p className="px-2 py-2 text-[0.8125rem] text-muted-foreground">{isFiltered ? "No chat fits. Search looks at titles." : "Your chats will be listed here. They go on when you close the page."}</p>;
}

function Groups({ chats, activeId }: { chats: Chat[]; activeId: string | undefined }) {
  const now = useNow(60_000);
  return groupChats(chats, now).map((group) => (
    <section key={group.name} className="mb-2">
      <h3 className="px-2.5 pt-1.5 pb-1 text-xs font-medium text-muted-foreground">{group.name}</h3>
      {group.chats.map((chat) => (
        <ChatRow key={chat.id} chat={chat} active={chat.id === activeId} />
      ))}
    </section>
  ));
}

function ChatRow({ chat, active }: { chat: Chat; active: boolean }) {
  const words = chatWords(chat.status);
  const unread = chat.has_unread && !active;
  const line = isBusy(chat.status) || chat.status === "error" ? words.label : chat.last_turn_summary || words.label;
  return (
    <div className="group relative mb-0.5">
      <Link
        to="/chats/$chatId"
        params={{ chatId: chat.id }}
        aria-current={active ? "page" : undefined}
        data-testid="chat-row"
        data-status={chat.status}
        data-unread={unread}
        className="flex items-start gap-2.5 rounded-lg px-2.5 py-2 pr-8 hover:bg-muted aria-[current=page]:bg-accent"
      >
        <span className="mt-0.5 grid size-4 shrink-0 place-items-center">
          <StateIcon chat={chat} unread={unread} />
        </span>
        <span className="min-w-0 flex-1">
          <span className={cn("flex items-center gap-1.5 text-[0.8125rem]", unread ? "font-semibold" : "font-medium")}>
            <span className="truncate">{chat.title}</span>
            {chat.pin_order > 0 ? <Pin aria-label="pinned" className="size-3 shrink-0 text-muted-foreground" /> : null}
          </span>
          <span className="flex gap-1 text-xs text-muted-foreground">
            <span className="truncate">{line}</span>
            <span className="shrink-0">
              · <Ago time={chat.updated_at} />
            </span>
          </span>
        </span>
      </Link>
      <div className="absolute top-1.5 right-1 opacity-0 group-hover:opacity-100 focus-within:opacity-100 has-[[data-state=open]]:opacity-100 pointer-coarse:opacity-100">
        <ChatMenu chat={chat} busy={isBusy(chat.status)} compact />
      </div>
    </div>
  );
}

function StateIcon({ chat, unread }: { chat: Chat; unread: boolean }) {
  if (chat.status === "requires_action") return <Hand aria-hidden className="size-3.5 text-warning-text" />;
  if (isBusy(chat.status)) return <Spinner className="size-3.5 text-info-text" />;
  if (chat.status === "error") return <CircleAlert aria-hidden className="size-3.5 text-danger-text" />;
  return unread ? <span role="img" aria-label="unread" className="size-2 rounded-full bg-success" data-testid="unread" /> : null;
}
