import { type FormEvent, type ReactNode, useState } from "react";
import { Button } from "./button";
import { Dialog } from "./dialog";
import { Field, Input } from "./field";
import { ErrorNotice } from "./notice";

interface ConfirmProps {
  open: boolean;
  onClose: () => void;
  onConfirm: () => void;
  title: string;
  children: ReactNode;
  verb: string;
  danger?: boolean;
  busy: boolean;
  error: unknown;
  /** What must be typed first, for steps that cannot be undone. */
  typed?: string;
}

/** Asks before a step with consequences. The dialog stays open while the step runs and shows why it failed. */
export function Confirm({ open, onClose, title, children, ...rest }: ConfirmProps) {
  return (
    <Dialog open={open} onOpenChange={(next) => (next ? undefined : onClose())} title={title} description={children}>
      <Question onClose={onClose} {...rest} />
    </Dialog>
  );
}

function Question({ onClose, onConfirm, verb, danger, busy, error, typed }: Omit<ConfirmProps, "open" | "title" | "children">) {
  const [text, setText] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (typed === undefined || text === typed) onConfirm();
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={error} />
      {typed === undefined ? null : (
        <Field label={<span>Type <span className="font-mono">{typed}</span> to confirm</span>}>
          {(props) => <Input {...props} autoFocus autoComplete="off" autoCapitalize="none" spellCheck={false} value={text} onChange={(e) => setText(e.target.value)} data-testid="confirm-name" />}
        </Field>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant={danger ? "danger" : "primary"} busy={busy} disabled={typed !== undefined && text !== typed} data-testid="confirm">
          {verb}
        </Button>
      </div>
    </form>
  );
}
