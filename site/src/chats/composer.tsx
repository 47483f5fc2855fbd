import { ArrowUp, Square } from "lucide-react";
import { type KeyboardEvent, type ReactNode, type RefObject, useEffect, useRef, useState } from "react";
import { Button } from "@/ui/button";
import { cn } from "@/ui/cn";

interface ComposerProps {
  value: string;
  onChange: (text: string) => void;
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
  /** Says above the box what its text will do, when that is not simply to be sent. */
  banner?: ReactNode;
  /** Earlier messages, the newest first: the arrow keys bring them back. */
  history?: string[];
  box?: RefObject<HTMLTextAreaElement | null>;
}

/** The box to write in. Enter sends, Shift+Enter makes a new line. */
export function Composer({ value, onChange, placeholder, sendLabel, onSend, onStop, stopping, disabled, autoFocus, tall, tools, banner, history = [], box: outer }: ComposerProps) {
  const [sending, setSending] = useState(false);
  const own = useRef<HTMLTextAreaElement>(null);
  const box = outer ?? own;
  const recall = useRecall(history, value, onChange);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(element.scrollHeight, 260)}px`;
  }, [box, value]);

  const send = async () => {
    if (value.trim() === "" || sending || disabled) return;
    setSending(true);
    try {
      await onSend(value.trim());
      onChange("");
    } catch {
      // The caller shows the refusal; the text stays to be sent again.
    } finally {
      setSending(false);
      box.current?.focus();
    }
  };

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (recall(event)) return;
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
      className={cn("overflow-hidden rounded-xl border border-input bg-card shadow-sm transition-colors focus-within:border-ring", disabled && "opacity-60")}
    >
      {banner}
      <textarea
        ref={box}
        rows={tall ? 4 : 1}
        aria-label={placeholder}
        placeholder={placeholder}
        autoFocus={autoFocus}
        disabled={disabled}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
        data-testid="composer"
        className={cn("block w-full resize-none bg-transparent px-4 pt-3 pb-1 text-[0.9375rem] leading-6 outline-none placeholder:text-muted-foreground", tall && "min-h-28")}
      />
      <div className="flex items-center gap-1 px-2 pb-2">
        <div className="flex min-w-0 flex-1 flex-wrap items-center gap-1">{tools}</div>
        {onStop ? (
          <Button size="icon" variant="secondary" aria-label="Stop" title="Stop the answer (Esc)" busy={stopping} onClick={onStop} data-testid="stop">
            {stopping ? null : <Square aria-hidden className="fill-current" />}
          </Button>
        ) : null}
        <Button type="submit" size="icon" variant="primary" aria-label={sendLabel} title={sendLabel} busy={sending} disabled={disabled || value.trim() === ""} data-testid="send">
          {sending ? null : <ArrowUp aria-hidden />}
        </Button>
      </div>
    </form>
  );
}

/** Arrow up in an empty box brings the last message, again the one before; arrow down goes back. */
function useRecall(history: string[], value: string, onChange: (text: string) => void) {
  const at = useRef(-1);
  return (event: KeyboardEvent<HTMLTextAreaElement>): boolean => {
    const isRecalled = at.current >= 0 && history[at.current] === value;
    if (!isRecalled) at.current = -1;
    const step = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
    if (step === 0 || event.shiftKey || (value !== "" && !isRecalled)) return false;
    const next = at.current + step;
    if (next < -1 || next >= history.length || (next === -1 && step === 1)) return false;
    event.preventDefault();
    at.current = next;
    onChange(history[next] ?? "");
    return true;
  };
}
