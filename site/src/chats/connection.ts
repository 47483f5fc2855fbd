/** Keeps one chat's view up to date over the stream. Owns the socket and the batching; the rules are in reducer.ts. */
import { useEffect, useState, useSyncExternalStore } from "react";
import { type LinkState, follow } from "@/api/socket";
import type { ChatMessage, ChatStreamEvent } from "@/api/types";
import { type ChatView, applyFrame, applyMessage, emptyView, reconnected, resumeQuery } from "./reducer";

export interface LiveChat {
  view: ChatView;
  link: LinkState;
  /** When the next connection attempt starts, in milliseconds since the epoch. */
  retryAt: number | undefined;
  /** When a lost connection last brought events again. */
  resumedAt: number | undefined;
  /** When the answer was last begun anew by another server, or a restarted one. */
  restartedAt: number | undefined;
}

const idle: LiveChat = { view: emptyView, link: "connecting", retryAt: undefined, resumedAt: undefined, restartedAt: undefined };

export class ChatConnection {
  private state: LiveChat = idle;
  private wasLost = false;
  /** Attempts since the last event. */
  private attempts = 0;
  private readonly listeners = new Set<() => void>();
  private pending: ChatStreamEvent[] = [];
  private scheduled = false;
  private readonly socket: ReturnType<typeof follow>;

  constructor(chatId: string) {
    this.socket = follow({
      path: () => {
        this.flush();
        this.set({ view: reconnected(this.state.view) });
        this.attempts += 1;
        // A server that no longer understands the cursor refuses it, which looks like any lost connection: now and then try without.
        const query = this.attempts % 4 === 0 ? resumeQuery({ ...this.state.view, cursor: null }) : resumeQuery(this.state.view);
        return `/api/experimental/chats/${chatId}/stream?${query}`;
      },
      hasLifeSigns: true,
      onMessage: (data) => this.receive(data),
      onState: (link, retryAt) => {
        if (link === "reconnecting") this.wasLost = true;
        this.set({ link, retryAt });
      },
    });
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  snapshot = (): LiveChat => this.state;

  /** Shows a message that the answer to a request carried, before the stream brings it. */
  accept(message: ChatMessage): void {
    this.flush();
    this.set({ view: applyMessage(this.state.view, message) });
  }

  close(): void {
    this.socket.stop();
    this.listeners.clear();
  }

  private receive(data: string): void {
    let events: unknown;
    try {
      events = JSON.parse(data);
    } catch {
      return;
    }
    if (!Array.isArray(events)) return;
    this.attempts = 0;
    this.pending.push(...(events as ChatStreamEvent[]));
    if (this.scheduled) return;
    this.scheduled = true;
    // A hidden tab gets no animation frames, but must not fall behind.
    if (document.hidden) setTimeout(this.flush, 50);
    else requestAnimationFrame(this.flush);
  }

  private readonly flush = (): void => {
    this.scheduled = false;
    if (this.pending.length === 0) return;
    const events = this.pending;
    this.pending = [];
    const view = applyFrame(this.state.view, events);
    const { restart } = view;
    const isNew = restart !== null && restart !== this.state.view.restart;
    this.set({ view, ...(isNew ? { restartedAt: Date.now() } : {}), ...(this.wasLost ? { resumedAt: Date.now() } : {}) });
    this.wasLost = false;
    if (this.state.view.gap) this.socket.reconnect();
  };

  private set(change: Partial<LiveChat>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

export function useChatConnection(chatId: string): { live: LiveChat; connection: ChatConnection | null } {
  const [connection, setConnection] = useState<ChatConnection | null>(null);
  useEffect(() => {
    const opened = new ChatConnection(chatId);
    setConnection(opened);
    return () => {
      opened.close();
      setConnection(null);
    };
  }, [chatId]);
  const live = useSyncExternalStore(connection?.subscribe ?? noSubscription, connection?.snapshot ?? (() => idle));
  return { live, connection };
}

function noSubscription(): () => void {
  return () => {};
}
