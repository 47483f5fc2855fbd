import { CircleAlert } from "lucide-react";
import { cn } from "./cn";

/** A longer error, line breaks kept: Terraform's diagnostics, say. */
export function ErrorText({ title, text, className }: { title: string; text: string; className?: string }) {
  return (
    <div role="alert" className={cn("rounded-lg border border-danger/30 bg-danger-soft px-3.5 py-3 text-danger-text", className)}>
      <p className="flex items-center gap-2 text-sm font-medium">
        <CircleAlert aria-hidden className="size-4" />
        {title}
      </p>
      <pre className="mt-1.5 max-h-72 overflow-auto font-mono text-xs leading-5 break-words whitespace-pre-wrap">{text.trim()}</pre>
    </div>
  );
}
