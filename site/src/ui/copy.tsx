import { Check, Copy } from "lucide-react";
import { useState } from "react";
import { Button } from "./button";

/** One line of shell that can be copied. */
export function Command({ text, label }: { text: string; label?: string }) {
  return (
    <div className="flex items-center gap-2 rounded-lg border border-border bg-muted/60 py-1 pr-1 pl-3">
      <code tabIndex={0} className="min-w-0 flex-1 overflow-x-auto font-mono text-[0.8125rem] whitespace-nowrap">{text}</code>
      <CopyButton text={text} label={label ?? `Copy “${text}”`} />
    </div>
  );
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      // Browsers refuse the clipboard on plain-HTTP pages; the text stays selectable.
      setCopied(false);
    }
  };
  return (
    <Button variant="ghost" size="iconSm" aria-label={copied ? "Copied" : label} onClick={copy}>
      {copied ? <Check aria-hidden /> : <Copy aria-hidden />}
    </Button>
  );
}
