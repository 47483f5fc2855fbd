import { useState } from "react";
import { cn } from "./cn";

/** A picture, or the first letter where there is none or it cannot be shown. */
export function Avatar({ name, url, className }: { name: string; url?: string | null | undefined; className?: string }) {
  const [broken, setBroken] = useState(false);
  const shape = cn("size-7.5 shrink-0 rounded-full", className);
  if (url && !broken) return <img src={url} alt="" className={cn(shape, "object-cover")} onError={() => setBroken(true)} />;
  return (
    <span aria-hidden className={cn(shape, "grid place-items-center bg-accent text-xs font-semibold text-accent-foreground uppercase")}>
      {name.slice(0, 1)}
    </span>
  );
}
