import { CornerDownRight, Pencil, X } from "lucide-react";
import { useQueueActions } from "@/api/chat-actions";
import type { ChatQueuedMessage } from "@/api/types";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/notice";

interface QueueProps {
  chatId: string;
  queue: ChatQueuedMessage[];
  /** What the message waits for, as "when …". */
  waitsFor: string;
  /** Takes the text of a message that was taken out of the queue to be changed. */
  onEdit: (text: string) => void;
}

/** Messages that wait until the running answer is finished. */
export function Queue({ chatId, queue, waitsFor, onEdit }: QueueProps) {
  const { remove, promote } = useQueueActions(chatId);
  if (queue.length === 0) return null;
  // Only a message that is surely out of the queue goes into the box: it could be sent twice otherwise.
  const edit = (message: ChatQueuedMessage) => remove.mutate(message.id, { onSuccess: () => onEdit(queuedText(message)) });
  const isGoing = (id: number) => (remove.isPending && remove.variables === id) || (promote.isPending && promote.variables === id);
  return (
    <section aria-label="Queued messages" className="rounded-xl border border-border bg-muted/50" data-testid="chat-queue">
      <h3 className="px-3 pt-2 text-xs text-muted-foreground">
        {queue.length === 1 ? "1 message is" : `${queue.length} messages are`} sent {waitsFor}
      </h3>
      <ErrorNotice error={remove.error ?? promote.error} className="m-2" />
      <ul className="divide-y divide-border">
        {queue.map((message) => (
          <li key={message.id} className="flex items-center gap-1 py-1.5 pr-1.5 pl-3 text-[0.8125rem]" data-testid="queued-message">
            <CornerDownRight aria-hidden className="mr-1.5 size-3.5 shrink-0 text-muted-foreground" />
            <span className="min-w-0 flex-1 truncate" title={queuedText(message)}>
              {queuedText(message)}
            </span>
            <Button variant="ghost" size="sm" title="Stops the present answer and sends this one first" onClick={() => promote.mutate(message.id)} disabled={isGoing(message.id)} data-testid="queue-promote">
              Send now
            </Button>
            <Button variant="ghost" size="iconSm" aria-label="Edit" title="Back into the box" onClick={() => edit(message)} disabled={isGoing(message.id)} data-testid="queue-edit">
              <Pencil aria-hidden />
            </Button>
            <Button variant="ghost" size="iconSm" aria-label="Take out of the queue" title="Delete" onClick={() => remove.mutate(message.id)} disabled={isGoing(message.id)} data-testid="queue-delete">
              <X aria-hidden />
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function queuedText(message: ChatQueuedMessage): string {
  return message.content.map((part) => (part.type === "text" ? (part.text ?? "") : "")).join(" ");
}
