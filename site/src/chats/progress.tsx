import { Link } from "@tanstack/react-router";
import type { ChatStatus } from "@/api/types";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { Spinner } from "@/ui/spinner";
import { useNow } from "@/ui/time";
import type { LiveChat } from "./connection";
import { remedy } from "./words";

interface ProgressProps {
  live: LiveChat;
  status: ChatStatus | null;
  /** The conversation itself shows that something is going on. */
  showsWork: boolean;
}

/** The one line that says what the chat is doing, most urgent first: retry, failure, lost connection, work. */
export function Progress({ live, status, showsWork }: ProgressProps) {
  const { view } = live;
  if (view.retry) return <Retrying live={live} />;
  if (status === "error" && view.error) {
    const setup = view.error.kind === "auth" || view.error.kind === "missing_key" || view.error.kind === "config" || view.error.kind === "provider_disabled";
    return (
      <Notice
        tone="danger"
        data-testid="chat-error"
        title={view.error.message}
        action={
          setup ? (
            <Button asChild size="sm">
              <Link to="/deployment/models">Open Models</Link>
            </Button>
          ) : null
        }
      >
        {view.error.detail ? <p className="text-[0.8125rem]">{view.error.detail}</p> : null}
        <p className="text-[0.8125rem]">{remedy(view.error)}</p>
      </Notice>
    );
  }
  if (live.link === "reconnecting") return <Reconnecting retryAt={live.retryAt} />;
  if (status === "interrupting") return <Line text="Stopping: the running command is being ended." />;
  if (status === "requires_action") return <Line text="Waiting for a tool that another program runs." />;
  if ((status === "running" || status === "pending") && !showsWork) return <Line text="Working…" />;
  return null;
}

function Line({ text }: { text: string }) {
  return (
    <p role="status" className="flex items-center gap-2.5 px-1 text-[0.8125rem] text-muted-foreground" data-testid="chat-progress">
      <Spinner className="size-3.5" />
      {text}
    </p>
  );
}

function Retrying({ live }: { live: LiveChat }) {
  const now = useNow(250);
  const { retry } = live.view;
  if (!retry) return null;
  const seconds = Math.max(0, Math.ceil((Date.parse(retry.retrying_at) - now) / 1000));
  return (
    <Notice tone="warning" title={retry.error} data-testid="chat-retry">
      <p className="text-[0.8125rem] tabular-nums">
        {seconds > 0 ? `Attempt ${retry.attempt} failed. Trying again in ${seconds} s; nothing to do for you.` : `Attempt ${retry.attempt} failed. Trying again now.`}
      </p>
    </Notice>
  );
}

function Reconnecting({ retryAt }: { retryAt: number | undefined }) {
  const now = useNow(500);
  const seconds = retryAt ? Math.max(0, Math.ceil((retryAt - now) / 1000)) : 0;
  return <Line text={seconds > 0 ? `Connection lost; the chat goes on on the server. Reconnecting in ${seconds} s…` : "Reconnecting…"} />;
}
