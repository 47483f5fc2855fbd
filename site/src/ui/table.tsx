import type { ComponentProps, ReactNode } from "react";
import { cn } from "./cn";

interface TableProps {
  /** Says what the table lists, for screen readers. */
  label: string;
  head: ReactNode;
  children: ReactNode;
  "data-testid"?: string;
}

/** A table that scrolls inside itself when it must; columns that a phone has no room for hide with `wide`. */
export function Table({ label, head, children, ...rest }: TableProps) {
  return (
    <div className="overflow-x-auto">
      <table aria-label={label} className="w-full text-left text-sm" {...rest}>
        <thead className="border-b border-border text-xs text-muted-foreground">
          <tr>{head}</tr>
        </thead>
        <tbody className="divide-y divide-border">{children}</tbody>
      </table>
    </div>
  );
}

const edge = "px-3 first:pl-4 last:pr-4 sm:first:pl-5 sm:last:pr-5";

export function Th({ className, wide, ...props }: ComponentProps<"th"> & { wide?: boolean }) {
  return <th scope="col" className={cn(edge, "py-2.5 font-medium whitespace-nowrap", wide && "hidden md:table-cell", className)} {...props} />;
}

export function Td({ className, wide, ...props }: ComponentProps<"td"> & { wide?: boolean }) {
  return <td className={cn(edge, "py-3 align-middle", wide && "hidden md:table-cell", className)} {...props} />;
}
