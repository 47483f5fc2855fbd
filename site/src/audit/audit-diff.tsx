import { EyeOff } from "lucide-react";
import type { AuditDiffField } from "@/api/types";
import { diffRows, shown } from "./words";

/** The changed fields: before and after. Secrets say only that they changed. */
export function AuditDiff({ diff }: { diff: Record<string, AuditDiffField> | null }) {
  const rows = diffRows(diff);
  if (rows.length === 0) return <p className="text-[0.8125rem] text-muted-foreground">No fields changed.</p>;
  return (
    <div className="overflow-hidden rounded-lg border border-border bg-card">
      <ul aria-label="Changed fields" className="divide-y divide-border text-[0.8125rem]">
        {rows.map(([name, field]) => (
          <li key={name} className="grid gap-x-4 gap-y-1 px-3 py-2 sm:grid-cols-[10rem_1fr]" data-testid="audit-field" data-field={name}>
            <span className="font-mono break-all">{name}</span>
            {field.secret ? (
              <span className="flex items-center gap-1.5 text-muted-foreground">
                <EyeOff aria-hidden className="size-3.5" />
                changed; secrets are not shown
              </span>
            ) : (
              <span className="min-w-0 space-y-0.5 font-mono break-all">
                <del className="block text-danger-text no-underline before:mr-2 before:content-['−']">{shown(field.old)}</del>
                <ins className="block text-success-text no-underline before:mr-2 before:content-['+']">{shown(field.new)}</ins>
              </span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
