import { useQueryClient } from "@tanstack/react-query";
import { WifiOff } from "lucide-react";
import { useEffect, useState } from "react";
import { ApiError } from "@/api/client";

/** Says so when the server does not answer, so that old data on a page is not taken for new. */
export function OfflineBar() {
  const client = useQueryClient();
  const [unreachable, setUnreachable] = useState(false);
  useEffect(() => {
    return client.getQueryCache().subscribe((event) => {
      if (event.type !== "updated") return;
      if (event.action.type === "success") setUnreachable(false);
      if (event.action.type === "failed" || event.action.type === "error") {
        const { error } = event.action;
        if (error instanceof ApiError && error.status === 0) setUnreachable(true);
      }
    });
  }, [client]);
  if (!unreachable) return null;
  return (
    <div role="status" className="flex items-center gap-2 border-b border-warning/35 bg-warning-soft px-4 py-2 text-[0.8125rem] text-warning-text">
      <WifiOff aria-hidden className="size-4 shrink-0" />
      The server does not answer. What you see may be old; this page keeps trying.
    </div>
  );
}
