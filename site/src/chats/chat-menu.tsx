import { useNavigate } from "@tanstack/react-router";
import { Archive, ArchiveRestore, Ellipsis, Hand, Pencil, Pin, PinOff, Plus, Sparkles, Tag, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useProposeTitle, useUpdateChat } from "@/api/chat-actions";
import { fieldError } from "@/api/client";
import type { Chat } from "@/api/types";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { Menu, MenuItem } from "@/ui/menu";
import { ErrorNotice } from "@/ui/notice";
import { Remembered } from "./remembered";

type Question = "rename" | "archive" | "labels" | "remembered";

/** What can be done with a chat as a whole. A chat at work cannot be archived. */
export function ChatMenu({ chat, busy, compact }: { chat: Chat; busy: boolean; compact?: boolean }) {
  const navigate = useNavigate();
  const [asking, setAsking] = useState<Question | null>(null);
  const update = useUpdateChat(chat.id);
  const ask = (question: Question) => {
    update.reset();
    setAsking(question);
  };
  const close = () => setAsking(null);
  const archive = () =>
    update.mutate(
      { archived: true },
      {
        onSuccess: () => {
          close();
          if (!compact) void navigate({ to: "/chats", search: {} });
        },
      },
    );
  const isPinned = chat.pin_order > 0;
  const dialog = (question: Question) => ({ open: asking === question, onOpenChange: (next: boolean) => (next ? undefined : close()) });
  return (
    <>
      <Menu
        trigger={
          <Button variant="ghost" size="iconSm" aria-label={compact ? `Actions of ${chat.title}` : "Chat actions"} data-testid={compact ? "row-menu" : "chat-menu"}>
            <Ellipsis aria-hidden />
          </Button>
        }
      >
        {chat.archived ? null : (
          <MenuItem onSelect={() => update.mutate({ pin_order: isPinned ? 0 : 1 })} data-testid="pin">
            {isPinned ? <PinOff aria-hidden /> : <Pin aria-hidden />}
            {isPinned ? "Unpin" : "Pin to the top"}
          </MenuItem>
        )}
        <MenuItem onSelect={() => ask("rename")} data-testid="rename">
          <Pencil aria-hidden />
          Rename…
        </MenuItem>
        <MenuItem onSelect={() => ask("labels")} data-testid="labels">
          <Tag aria-hidden />
          Labels…
        </MenuItem>
        <MenuItem onSelect={() => ask("remembered")} data-testid="remembered">
          <Hand aria-hidden />
          Remembered approvals…
        </MenuItem>
        {chat.archived ? (
          <MenuItem onSelect={() => update.mutate({ archived: false })}>
            <ArchiveRestore aria-hidden />
            Take out of the archive
          </MenuItem>
        ) : (
          <MenuItem disabled={busy} onSelect={() => ask("archive")} data-testid="archive">
            <Archive aria-hidden />
            Archive…
          </MenuItem>
        )}
      </Menu>
      <Dialog {...dialog("rename")} title="Rename this chat">
        <RenameForm chat={chat} error={update.error} busy={update.isPending} onSubmit={(title) => update.mutate({ title }, { onSuccess: close })} />
      </Dialog>
      <Dialog {...dialog("labels")} title="Labels" description="Words of your own to sort chats by, such as team: platform.">
        <LabelsForm chat={chat} error={update.error} busy={update.isPending} onSubmit={(labels) => update.mutate({ labels }, { onSuccess: close })} />
      </Dialog>
      <Dialog {...dialog("remembered")} title="Remembered approvals" description="Tool calls that you have answered once and for all in this chat.">
        {asking === "remembered" ? <Remembered chatId={chat.id} /> : null}
      </Dialog>
      <Dialog
        {...dialog("archive")}
        title="Archive this chat?"
        description="It leaves the list and takes no more messages until you take it back. Its workspace stays."
        footer={
          <>
            <Button onClick={close}>Cancel</Button>
            <Button variant="primary" busy={update.isPending} onClick={archive} data-testid="archive-confirm">
              Archive
            </Button>
          </>
        }
      >
        <ErrorNotice error={update.error} />
      </Dialog>
    </>
  );
}

interface FormProps<Value> {
  chat: Chat;
  error: unknown;
  busy: boolean;
  onSubmit: (value: Value) => void;
}

function RenameForm({ chat, error, busy, onSubmit }: FormProps<string>) {
  const [text, setText] = useState(chat.title);
  const propose = useProposeTitle(chat.id);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "") onSubmit(text.trim());
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={error ?? propose.error} shownFields={["title"]} />
      <Field label="Title" error={fieldError(error, "title")}>
        {(props) => <Input {...props} autoFocus required maxLength={200} value={text} onChange={(e) => setText(e.target.value)} data-testid="title-input" />}
      </Field>
      <div className="flex flex-wrap justify-between gap-2">
        <Button busy={propose.isPending} onClick={() => propose.mutate(undefined, { onSuccess: ({ title }) => setText(title) })} data-testid="title-propose">
          <Sparkles aria-hidden />
          Propose one
        </Button>
        <Button type="submit" variant="primary" busy={busy} data-testid="title-submit">
          Rename
        </Button>
      </div>
    </form>
  );
}

function LabelsForm({ chat, error, busy, onSubmit }: FormProps<Record<string, string>>) {
  const [rows, setRows] = useState(() => [...Object.entries(chat.labels), ["", ""] as [string, string]]);
  const change = (at: number, column: 0 | 1, value: string) => setRows((held) => held.map((row, i) => (i === at ? (column === 0 ? [value, row[1]] : [row[0], value]) : row)));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit(Object.fromEntries(rows.map(([name, value]) => [name.trim(), value.trim()] as const).filter(([name]) => name !== "")));
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={error} />
      <ul className="space-y-2">
        {rows.map(([name, value], i) => (
          <li key={i} className="flex items-center gap-2">
            <Input aria-label={`Name of label ${i + 1}`} placeholder="team" maxLength={64} value={name} onChange={(e) => change(i, 0, e.target.value)} data-testid="label-name" />
            <Input aria-label={`Value of label ${i + 1}`} placeholder="platform" maxLength={256} value={value} onChange={(e) => change(i, 1, e.target.value)} data-testid="label-value" />
            <Button variant="ghost" size="iconSm" aria-label={`Remove label ${i + 1}`} onClick={() => setRows((held) => held.filter((_, at) => at !== i))}>
              <X aria-hidden />
            </Button>
          </li>
        ))}
      </ul>
      <div className="flex justify-between gap-2">
        <Button disabled={rows.length >= 50} onClick={() => setRows((held) => [...held, ["", ""]])}>
          <Plus aria-hidden />
          Add
        </Button>
        <Button type="submit" variant="primary" busy={busy} data-testid="labels-submit">
          Save
        </Button>
      </div>
    </form>
  );
}
