import { Check, Copy } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button } from "./button";

interface SecretOnceProps {
  secret: string;
  label: string;
  children?: ReactNode;
  "data-testid"?: string;
}

/** A secret that is shown this one time: all of it, selectable, with a button that copies it. */
export function SecretOnce({ secret, label, children, ...rest }: SecretOnceProps) {
  const [copied, setCopied] = useState<"yes" | "refused" | null>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      setCopied("yes");
    } catch {
      // Browsers refuse the clipboard on plain-HTTP pages.
      setCopied("refused");
    }
  };
  return (
    <div className="space-y-2.5">
      <code aria-label={label} tabIndex={0} className="block rounded-lg border border-border bg-muted/60 px-3 py-2.5 font-mono text-[0.8125rem] break-all select-all" {...rest}>
        {secret}
      </code>
      <Button variant="primary" className="w-full" onClick={copy} data-testid="copy-secret">
        {copied === "yes" ? <Check aria-hidden /> : <Copy aria-hidden />}
        {copied === "yes" ? "Copied" : "Copy"}
      </Button>
      <p role="status" className="text-[0.8125rem] text-muted-foreground">
        {copied === "refused" ? "The browser refused to copy: select the text above and copy it by hand." : children}
      </p>
    </div>
  );
}
