import { ChevronLeft, ChevronRight } from "lucide-react";
import { Button } from "./button";

interface PagerProps {
  page: number;
  pageSize: number;
  count: number;
  onPage: (page: number) => void;
}

/** "26–50 of 112" with steps back and forth; nothing when everything fits. */
export function Pager({ page, pageSize, count, onPage }: PagerProps) {
  const last = Math.max(1, Math.ceil(count / pageSize));
  if (last === 1 && page === 1) return null;
  const from = (page - 1) * pageSize + 1;
  return (
    <nav aria-label="Pages" className="flex items-center justify-between gap-3 border-t border-border px-4 py-2.5 text-[0.8125rem] text-muted-foreground sm:px-5">
      <span aria-live="polite">
        {from > count ? `Nothing on page ${page}` : `${from}–${Math.min(count, page * pageSize)}`} of {count.toLocaleString("en")}
      </span>
      <span className="flex gap-1">
        <Button variant="ghost" size="iconSm" aria-label="Previous page" disabled={page <= 1} onClick={() => onPage(Math.min(page - 1, last))}>
          <ChevronLeft aria-hidden />
        </Button>
        <Button variant="ghost" size="iconSm" aria-label="Next page" disabled={page >= last} onClick={() => onPage(page + 1)}>
          <ChevronRight aria-hidden />
        </Button>
      </span>
    </nav>
  );
}
