import { CornerDownRight, X } from "lucide-react";
import { useQueueActions } from "@/api/chats";
import type { ChatQueuedMessage } from "@/api/types";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/notice";

/** Messages that wait until the running answer is finished. */
export function Queue({ chatId, queue }: { chatId: string; queue: ChatQueuedMessage[] }) {
  const { remove, promote } = useQueueActions(chatId);
  if (queue.length === 0) return null;
  return (
    <div className="rounded-xl border border-border bg-muted/50" data-testid="chat-queue">
      <ErrorNotice error={remove.error ?? promote.error} className="m-2" />
      <ul className="divide-y divide-border">
        {queue.map((message) => (
          <li key={message.id} className="flex items-center gap-2.5 py-1.5 pr-1.5 pl-3 text-[0.8125rem]" data-testid="queued-message">
            <CornerDownRight aria-hidden className="size-3.5 shrink-0 text-muted-foreground" />
            <span className="min-w-0 flex-1 truncate">{queuedText(message)}</span>
            <Button variant="ghost" size="sm" onClick={() => promote.mutate(message.id)} busy={promote.isPending && promote.variables === message.id}>
              Send now
            </Button>
            <Button variant="ghost" size="iconSm" aria-label="Take out of the queue" onClick={() => remove.mutate(message.id)}>
              <X aria-hidden />
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function queuedText(message: ChatQueuedMessage): string {
  return message.content.map((part) => (part.type === "text" ? (part.text ?? "") : "")).join(" ");
}
