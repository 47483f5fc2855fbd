import { useNavigate } from "@tanstack/react-router";
import { Archive, Ellipsis, Pencil } from "lucide-react";
import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { useUpdateChat } from "@/api/chats";
import type { Chat } from "@/api/types";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { Menu, MenuItem } from "@/ui/menu";
import { ErrorNotice } from "@/ui/notice";

/** Rename and archive. A chat at work cannot be archived. */
export function ChatMenu({ chat, busy }: { chat: Chat; busy: boolean }) {
  const navigate = useNavigate();
  const [asking, setAsking] = useState<"rename" | "archive" | null>(null);
  const update = useUpdateChat(chat.id);
  const open = (question: "rename" | "archive") => {
    update.reset();
    setAsking(question);
  };
  const close = () => setAsking(null);
  const archive = () => update.mutate({ archived: true }, { onSuccess: () => void navigate({ to: "/chats", search: {} }) });
  return (
    <>
      <Menu
        trigger={
          <Button variant="ghost" size="iconSm" aria-label="Chat actions" data-testid="chat-menu">
            <Ellipsis aria-hidden />
          </Button>
        }
      >
        <MenuItem onSelect={() => open("rename")}>
          <Pencil aria-hidden />
          Rename…
        </MenuItem>
        <MenuItem disabled={busy || chat.archived} onSelect={() => open("archive")}>
          <Archive aria-hidden />
          Archive…
        </MenuItem>
      </Menu>
      <Dialog open={asking === "rename"} onOpenChange={(next) => (next ? undefined : close())} title="Rename this chat">
        <RenameForm
          title={chat.title}
          error={update.error}
          busy={update.isPending}
          onSubmit={(title) => update.mutate({ title }, { onSuccess: close })}
        />
      </Dialog>
      <Dialog
        open={asking === "archive"}
        onOpenChange={(next) => (next ? undefined : close())}
        title="Archive this chat?"
        description="It leaves the list and takes no more messages. Nothing of it is deleted, and its workspace stays."
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

interface RenameFormProps {
  title: string;
  error: unknown;
  busy: boolean;
  onSubmit: (title: string) => void;
}

function RenameForm({ title, error, busy, onSubmit }: RenameFormProps) {
  const [text, setText] = useState(title);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() !== "") onSubmit(text.trim());
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={error} shownFields={["title"]} />
      <Field label="Title" error={fieldError(error, "title")}>
        {(props) => <Input {...props} autoFocus required maxLength={200} value={text} onChange={(e) => setText(e.target.value)} />}
      </Field>
      <div className="flex justify-end">
        <Button type="submit" variant="primary" busy={busy}>
          Rename
        </Button>
      </div>
    </form>
  );
}
