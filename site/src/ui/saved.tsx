import { Check } from "lucide-react";

/** Says that a form was saved, also to screen readers. */
export function Saved({ when, children = "Saved." }: { when: boolean; children?: string }) {
  return (
    <span role="status" className="flex items-center gap-1.5 text-[0.8125rem] text-success-text">
      {when ? (
        <>
          <Check aria-hidden className="size-4" />
          {children}
        </>
      ) : null}
    </span>
  );
}
