import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft, Boxes } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { ApiError } from "@/api/client";
import { chatQuery, chatsQuery, useInterrupt, useSendMessage } from "@/api/chats";
import { modelConfigsQuery } from "@/api/models";
import { workspaceByIdQuery } from "@/api/workspaces";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/notice";
import { EmptyState, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Status } from "@/ui/status";
import { ChatMenu } from "./chat-menu";
import { Composer } from "./composer";
import { useChatConnection } from "./connection";
import { ModelPicker } from "./model-picker";
import { Progress } from "./progress";
import { Queue } from "./queue";
import { isBusy } from "./reducer";
import { type Block, buildTranscript } from "./transcript";
import { Transcript } from "./transcript-view";
import { chatWords } from "./words";

export function ChatPage() {
  const { chatId } = useParams({ from: "/signed-in/framed/chats/$chatId" });
  // A new chat is a new page: no text, scroll place or connection carries over.
  return <Conversation key={chatId} chatId={chatId} />;
}

function Conversation({ chatId }: { chatId: string }) {
  const chat = useQuery({ ...chatQuery(chatId), refetchInterval: 5_000 });
  const models = useQuery(modelConfigsQuery);
  const { live, connection } = useChatConnection(chatId);
  const { view } = live;
  const send = useSendMessage(chatId);
  const interrupt = useInterrupt(chatId);
  const [model, setModel] = useState<string>();
  useTitle(chat.data?.title ?? "Chat");
  const blocks = useMemo(() => buildTranscript(view), [view]);
  const status = view.status ?? chat.data?.status ?? null;
  const busy = isBusy(status);
  const client = useQueryClient();
  // The stream knows first: the list beside it and the title follow.
  useEffect(() => {
    if (view.status === null) return;
    void client.invalidateQueries({ queryKey: chatsQuery.queryKey });
    void client.invalidateQueries({ queryKey: chatQuery(chatId).queryKey });
  }, [client, chatId, view.status]);

  if (chat.error instanceof ApiError && chat.error.status === 404) return <NoChat />;

  const submit = async (text: string) => {
    interrupt.reset();
    const answer = await send.mutateAsync({ text, modelConfigId: model });
    if (answer.message) connection?.accept(answer.message);
  };

  return (
    <div className="flex min-h-0 flex-1 flex-col" data-testid="chat" data-status={status ?? ""} data-link={live.link}>
      <header className="flex min-h-13 shrink-0 items-center gap-3 border-b border-border px-4 py-2.5 sm:px-6">
        <Button asChild variant="ghost" size="iconSm" className="md:hidden">
          <Link to="/chats" search={{}} aria-label="All chats">
            <ArrowLeft aria-hidden />
          </Link>
        </Button>
        <h1 className="min-w-0 flex-1 truncate text-sm font-semibold">{chat.data?.title ?? "Chat"}</h1>
        {chat.data?.workspace_id ? <WorkspaceLink id={chat.data.workspace_id} /> : null}
        {chat.data ? <ChatMenu chat={chat.data} busy={busy} /> : null}
        {status ? <Status tone={chatWords(status).tone}>{chatWords(status).label}</Status> : null}
      </header>
      {view.synced ? (
        <Transcript blocks={blocks} busy={busy} />
      ) : (
        <div className="mx-auto w-full max-w-3xl flex-1 px-6 py-8">
          {chat.error ? <LoadFailed error={chat.error} retry={() => void chat.refetch()} /> : <Loading what="the conversation" />}
        </div>
      )}
      <div className="mx-auto w-full max-w-3xl shrink-0 space-y-2.5 px-4 pb-4 sm:px-6">
        <Progress live={live} status={status} showsWork={showsWork(blocks.at(-1))} />
        <Queue chatId={chatId} queue={view.queue} />
        <ErrorNotice error={send.error ?? interrupt.error} />
        <Composer
          draftKey={chatId}
          autoFocus
          placeholder={busy ? "Send another message; it waits its turn…" : "Reply…"}
          sendLabel={busy ? "Queue message" : "Send message"}
          disabled={chat.data?.archived}
          onSend={submit}
          onStop={busy ? () => interrupt.mutate() : undefined}
          stopping={interrupt.isPending || status === "interrupting"}
          tools={<ModelPicker models={models.data} value={model ?? chat.data?.last_model_config_id} onChange={setModel} />}
        />
      </div>
    </div>
  );
}

/** An answer that grows, or a tool that runs, needs no line that says so. */
function showsWork(last: Block | undefined): boolean {
  return last !== undefined && (last.live || last.parts.some((part) => part.kind === "tool" && part.tool.state === "running"));
}

function WorkspaceLink({ id }: { id: string }) {
  const { data } = useQuery(workspaceByIdQuery(id));
  if (!data) return null;
  return (
    <Button asChild size="sm" variant="ghost">
      <Link to="/@{$owner}/$name" params={{ owner: data.owner_name, name: data.name }}>
        <Boxes aria-hidden />
        {data.name}
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
