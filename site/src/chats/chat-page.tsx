import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Archive, ArrowLeft, Boxes, Pencil } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { promptsQuery, useEditMessage, useInterrupt, useReconcile, useSendMessage, useUpdateChat } from "@/api/chat-actions";
import { chatQuery, refreshChats } from "@/api/chats";
import { ApiError } from "@/api/client";
import { modelConfigsQuery } from "@/api/models";
import { usePermissions } from "@/api/permissions";
import type { Chat, ChatStatus } from "@/api/types";
import { workspaceByIdQuery } from "@/api/workspaces";
import { Button } from "@/ui/button";
import { ErrorNotice, Notice } from "@/ui/notice";
import { EmptyState, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Pill, Status } from "@/ui/status";
import { Until } from "@/ui/time";
import { Approvals } from "./approvals";
import { ChatMenu } from "./chat-menu";
import { Composer } from "./composer";
import { useChatConnection } from "./connection";
import { addToDraft, useDraft } from "./draft";
import { ModelPicker } from "./model-picker";
import { Progress } from "./progress";
import { AnswerContext } from "./question-card";
import { Queue } from "./queue";
import { type ChatView, isBusy } from "./reducer";
import { type Block, committedBlocks, previewBlocks } from "./transcript";
import { Transcript } from "./transcript-view";
import { contextUse } from "./usage";
import { UsageRing } from "./usage-ring";
import { chatWords, dollars } from "./words";

export function ChatPage() {
  const { chatId } = useParams({ from: "/signed-in/framed/chats/$chatId" });
  // A new chat is a new page: no text, scroll place or connection carries over.
  return <Conversation key={chatId} chatId={chatId} />;
}

function Conversation({ chatId }: { chatId: string }) {
  const chat = useQuery({ ...chatQuery(chatId), refetchInterval: 15_000 });
  const { live, connection } = useChatConnection(chatId);
  const may = usePermissions();
  const { view } = live;
  const status = view.status ?? chat.data?.status ?? null;
  const busy = isBusy(status);
  const { settled, written } = useBlocks(view);
  const [editing, setEditing] = useState<{ id: number; text: string } | null>(null);
  const edit = useCallback((id: number, text: string) => setEditing({ id, text }), []);
  const stopEditing = useCallback(() => setEditing(null), []);
  const send = useSendMessage(chatId);
  useTitle(chat.data?.title ?? "Chat");
  useFollowing(chatId, view.status);

  if (chat.error instanceof ApiError && chat.error.status === 404) return <NoChat />;
  const say = async (text: string, modelConfigId?: string) => {
    const answer = await send.mutateAsync({ text, modelConfigId });
    if (answer.message) connection?.accept(answer.message);
  };
  const isArchived = chat.data?.archived ?? false;
  return (
    <AnswerContext.Provider value={say}>
      <div className="flex min-h-0 flex-1 flex-col" data-testid="chat" data-status={status ?? ""} data-link={live.link} data-cursor={view.cursor ?? ""}>
        <Header chat={chat.data} status={status} busy={busy} waitsElsewhere={view.actionRequired.length > 0 && view.approvals.length === 0} />
        {view.synced ? (
          <Transcript settled={settled} written={written} busy={busy} editing={editing?.id ?? null} {...(isArchived ? {} : { onEdit: edit })} />
        ) : (
          <div className="mx-auto w-full max-w-3xl flex-1 px-6 py-8">
            {chat.error ? <LoadFailed error={chat.error} retry={() => void chat.refetch()} /> : <Loading what="the conversation" />}
          </div>
        )}
        <div className="mx-auto w-full max-w-3xl shrink-0 space-y-2.5 px-4 pb-4 sm:px-6">
          <Progress live={live} status={status} setsUpModels={may.editModels} showsWork={showsWork(written.at(-1) ?? settled.at(-1))} {...(isArchived ? {} : { onContinue: () => void say("Continue.").catch(() => {}) })} />
          <Approvals chatId={chatId} approvals={view.approvals} />
          <Refusal error={send.error} chatId={chatId} />
          {isArchived ? (
            <Archived chatId={chatId} />
          ) : (
            <Writing key={editing?.id ?? "new"} chatId={chatId} chat={chat.data} view={view} status={status} editing={editing} onEdited={stopEditing} onSend={say} />
          )}
        </div>
      </div>
    </AnswerContext.Provider>
  );
}

/** Both parts of the transcript, each made anew only when what it depends on has changed. */
function useBlocks(view: ChatView): { settled: Block[]; written: Block[] } {
  const { messages, results, status, approvals, actionRequired } = view;
  const settled = useMemo(() => committedBlocks({ messages, results, status, approvals, actionRequired }), [messages, results, status, approvals, actionRequired]);
  const written = useMemo(() => previewBlocks(view), [view]);
  return { settled, written };
}

/** The stream knows first: the list beside it, the title and what was sent follow. */
function useFollowing(chatId: string, status: ChatStatus | null): void {
  const client = useQueryClient();
  useEffect(() => {
    if (status === null) return;
    void refreshChats(client);
    for (const query of [chatQuery(chatId), promptsQuery(chatId)]) void client.invalidateQueries({ queryKey: query.queryKey });
  }, [client, chatId, status]);
}

/** An answer that grows, or a tool that runs, needs no line that says so. */
function showsWork(last: Block | undefined): boolean {
  return last !== undefined && (last.live || last.parts.some((part) => (part.kind === "tool" && part.tool.state === "running") || (part.kind === "compaction" && !part.compaction)));
}

interface WritingProps {
  chatId: string;
  chat: Chat | undefined;
  view: ChatView;
  status: ChatStatus | null;
  editing: { id: number; text: string } | null;
  onEdited: () => void;
  onSend: (text: string, modelConfigId?: string) => Promise<void>;
}

/** The queue and the box: for the next message, or for an earlier one that is written anew. */
function Writing({ chatId, chat, view, status, editing, onEdited, onSend }: WritingProps) {
  const models = useQuery(modelConfigsQuery);
  const prompts = useQuery(promptsQuery(chatId));
  const edit = useEditMessage(chatId);
  const interrupt = useInterrupt(chatId);
  const [model, setModel] = useState<string>();
  const [draft, setDraft] = useDraft(editing ? `${chatId}.${editing.id}` : chatId);
  const [text, setText] = useState(editing?.text ?? "");
  const box = useRef<HTMLTextAreaElement>(null);
  const busy = isBusy(status);
  const canStop = busy && status !== "interrupting";
  const stop = () => interrupt.mutate();
  useEscape(editing ? onEdited : canStop ? stop : null);

  const submit = async (written: string) => {
    interrupt.reset();
    if (!editing) return onSend(written, model);
    await edit.mutateAsync({ id: editing.id, text: written, modelConfigId: model });
    onEdited();
  };
  const used = models.data?.find((one) => one.id === chat?.last_model_config_id);
  return (
    <>
      <Queue
        chatId={chatId}
        queue={view.queue}
        waitsFor={status === "error" ? "with your next message" : "when this answer is done"}
        onEdit={(queued) => {
          setDraft(addToDraft(draft, queued));
          box.current?.focus();
        }}
      />
      <ErrorNotice error={edit.error ?? interrupt.error} />
      <Composer
        box={box}
        value={editing ? text : draft}
        onChange={editing ? setText : setDraft}
        autoFocus
        placeholder={editing ? "Write this message anew…" : busy ? "Send another message; it waits its turn…" : "Reply…"}
        sendLabel={editing ? "Cut and answer anew" : busy ? "Queue message" : "Send message"}
        banner={editing ? <EditBanner view={view} id={editing.id} onCancel={onEdited} /> : null}
        history={prompts.data?.prompts.map((prompt) => prompt.text) ?? []}
        onSend={submit}
        {...(busy && !editing ? { onStop: stop } : {})}
        stopping={interrupt.isPending || status === "interrupting"}
        tools={
          <>
            <ModelPicker models={models.data} value={model ?? chat?.last_model_config_id} onChange={setModel} />
            <UsageRing chatId={chatId} use={contextUse(view.messages, used)} />
          </>
        }
      />
    </>
  );
}

function EditBanner({ view, id, onCancel }: { view: ChatView; id: number; onCancel: () => void }) {
  const after = view.messages.filter((message) => message.id > id && message.role !== "tool" && message.role !== "system").length;
  const cut = after === 0 ? "Nothing follows it yet." : `${after === 1 ? "The message" : `The ${after} messages`} after it will be cut from this chat${view.queue.length > 0 ? ", and the queue emptied" : ""}. What was done in the workspace stays done.`;
  return (
    <div className="flex items-start gap-2.5 border-b border-warning/35 bg-warning-soft px-4 py-2 text-[0.8125rem] text-warning-text" data-testid="edit-banner">
      <Pencil aria-hidden className="mt-0.5 size-3.5 shrink-0" />
      <p className="min-w-0 flex-1">
        <span className="font-medium">You are changing an earlier message.</span> {cut}
      </p>
      <button type="button" onClick={onCancel} className="shrink-0 font-medium underline underline-offset-2" data-testid="edit-cancel">
        Cancel
      </button>
    </div>
  );
}

/** Esc does `act`, unless a dialog, menu or list is open, which it closes instead. */
function useEscape(act: (() => void) | null): void {
  const held = useRef(act);
  useEffect(() => {
    held.current = act;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.isComposing || document.querySelector('[role="dialog"], [role="menu"], [role="listbox"]')) return;
      held.current?.();
    };
    // Before the library's own handlers, which would have closed what is open by then.
    document.addEventListener("keydown", onKey, { capture: true });
    return () => document.removeEventListener("keydown", onKey, { capture: true });
  }, []);
}

/** Why a message was not taken, with what helps. */
function Refusal({ error, chatId }: { error: unknown; chatId: string }) {
  const reconcile = useReconcile(chatId);
  if (!(error instanceof ApiError)) return <ErrorNotice error={error} />;
  const { spent_micros: spent, limit_micros: limit, resets_at: resets } = error.body;
  if (typeof spent === "number" && typeof limit === "number") {
    return (
      <Notice tone="warning" title={error.message} data-testid="usage-limit">
        You have spent {dollars(spent)} of {dollars(limit)}.{typeof resets === "string" ? <> It begins anew <Until time={resets} />; an administrator can raise the limit.</> : null}
      </Notice>
    );
  }
  const isInvalid = error.status === 409 && /invalid state/i.test(error.message);
  return (
    <ErrorNotice
      error={reconcile.error ?? error}
      action={
        isInvalid ? (
          <Button size="sm" busy={reconcile.isPending} onClick={() => reconcile.mutate(undefined)}>
            Repair
          </Button>
        ) : undefined
      }
    />
  );
}

function Archived({ chatId }: { chatId: string }) {
  const update = useUpdateChat(chatId);
  return (
    <div className="space-y-2.5">
      <ErrorNotice error={update.error} />
      <div className="flex items-center gap-3 rounded-xl border border-border bg-muted/50 px-4 py-3 text-sm" data-testid="chat-archived">
        <Archive aria-hidden className="size-4 shrink-0 text-muted-foreground" />
        <p className="min-w-0 flex-1">This chat is archived. It can be read, and goes on when you take it back.</p>
        <Button size="sm" busy={update.isPending} onClick={() => update.mutate({ archived: false })} data-testid="unarchive">
          Take it back
        </Button>
      </div>
    </div>
  );
}

function Header({ chat, status, busy, waitsElsewhere }: { chat: Chat | undefined; status: ChatStatus | null; busy: boolean; waitsElsewhere: boolean }) {
  return (
    <header className="flex min-h-13 shrink-0 items-center gap-3 border-b border-border px-4 py-2.5 sm:px-6">
      <Button asChild variant="ghost" size="iconSm" className="md:hidden">
        <Link to="/chats" search={{}} aria-label="All chats">
          <ArrowLeft aria-hidden />
        </Link>
      </Button>
      <div className="flex min-w-0 flex-1 items-center gap-2">
        <h1 className="min-w-0 truncate text-sm font-semibold" title={chat?.title} data-testid="chat-title">
          {chat?.title ?? "Chat"}
        </h1>
        <span className="hidden min-w-0 shrink gap-1 overflow-hidden sm:flex">
          {Object.entries(chat?.labels ?? {}).map(([name, value]) => (
            <Pill key={name}>{value ? `${name}: ${value}` : name}</Pill>
          ))}
        </span>
      </div>
      {chat?.workspace_id ? <WorkspaceLink id={chat.workspace_id} /> : null}
      {status ? <Status tone={chatWords(status).tone}>{status === "requires_action" && waitsElsewhere ? "Waiting" : chatWords(status).label}</Status> : null}
      {chat ? <ChatMenu chat={chat} busy={busy} /> : null}
    </header>
  );
}

function WorkspaceLink({ id }: { id: string }) {
  const { data } = useQuery(workspaceByIdQuery(id));
  if (!data) return null;
  return (
    <Button asChild size="sm" variant="ghost" className="max-w-40">
      <Link to="/@{$owner}/$name" params={{ owner: data.owner_name, name: data.name }} aria-label={`Workspace ${data.name}`}>
        <Boxes aria-hidden />
        <span className="truncate max-sm:sr-only">{data.name}</span>
      </Link>
    </Button>
  );
}

function NoChat() {
  return (
    <div className="grid flex-1 place-items-center p-6">
      <EmptyState
        level="h1"
        title="There is no such chat"
        action={
          <Button asChild variant="primary">
            <Link to="/chats" search={{}}>
              Start a new one
            </Link>
          </Button>
        }
      >
        It may have been deleted, or it is somebody else’s.
      </EmptyState>
    </div>
  );
}
