import { ArrowUp, Square } from "lucide-react";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "@/ui/button";
import { cn } from "@/ui/cn";

interface ComposerProps {
  placeholder: string;
  sendLabel: string;
  /** Resolves when the server has the message; a refusal keeps the text. */
  onSend: (text: string) => Promise<unknown>;
  onStop?: () => void;
  stopping?: boolean;
  disabled?: boolean;
  autoFocus?: boolean;
  tall?: boolean;
  tools?: ReactNode;
  /** Where an unsent text is kept while the page is away. */
  draftKey?: string;
}

/** The box to write in. Enter sends, Shift+Enter makes a new line. */
export function Composer({ placeholder, sendLabel, onSend, onStop, stopping, disabled, autoFocus, tall, tools, draftKey = "new" }: ComposerProps) {
  const key = `warren.draft.${draftKey}`;
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? "");
  const [sending, setSending] = useState(false);
  const box = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, 260)}px`;
  }, [text]);

  const change = (next: string) => {
    setText(next);
    if (next) sessionStorage.setItem(key, next);
    else sessionStorage.removeItem(key);
  };

  const send = async () => {
    if (text.trim() === "" || sending || disabled) return;
    setSending(true);
    try {
      await onSend(text.trim());
      change("");
    } catch {
      // The caller shows the refusal; the text stays to be sent again.
    } finally {
      setSending(false);
      box.current?.focus();
    }
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    void send();
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
      className="rounded-xl border border-input bg-card shadow-sm transition-colors focus-within:border-ring"
    >
      <textarea
        ref={box}
        rows={tall ? 4 : 1}
        aria-label={placeholder}
        placeholder={placeholder}
        autoFocus={autoFocus}
        value={text}
        onChange={(event) => change(event.target.value)}
        onKeyDown={onKeyDown}
        data-testid="composer"
        className={cn("block w-full resize-none bg-transparent px-4 pt-3 pb-1 text-[0.9375rem] leading-6 outline-none placeholder:text-muted-foreground/80", tall && "min-h-28")}
      />
      <div className="flex items-center gap-1 px-2 pb-2">
        <div className="flex min-w-0 flex-1 flex-wrap items-center gap-1">{tools}</div>
        {onStop ? (
          <Button size="icon" variant="secondary" aria-label="Stop" title="Stop the answer" busy={stopping} onClick={onStop} data-testid="stop">
            {stopping ? null : <Square aria-hidden className="fill-current" />}
          </Button>
        ) : null}
        <Button type="submit" size="icon" variant="primary" aria-label={sendLabel} title={sendLabel} busy={sending} disabled={disabled || text.trim() === ""} data-testid="send">
          {sending ? null : <ArrowUp aria-hidden />}
        </Button>
      </div>
    </form>
  );
}
