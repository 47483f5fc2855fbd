import { Link } from "@tanstack/react-router";
import { RotateCcw, Wifi } from "lucide-react";
import type { ReactNode } from "react";
import type { ChatStatus } from "@/api/types";
import { Button } from "@/ui/button";
import { Notice } from "@/ui/notice";
import { Spinner } from "@/ui/spinner";
import { useNow } from "@/ui/time";
import type { LiveChat } from "./connection";
import { failure, remedy, waiting } from "./words";

interface ProgressProps {
  live: LiveChat;
  status: ChatStatus | null;
  /** The conversation itself shows that something is going on. */
  showsWork: boolean;
  /** Goes on after a failure. */
  onContinue?: () => void;
  /** The reader may set up models; others see neither the way there nor what the provider answered word for word. */
  setsUpModels?: boolean;
}

/** How long it is told that a connection came back. */
const RESUMED_MS = 8_000;

/** The one line that says what the chat is doing, most urgent first: retry, failure, lost connection, work. */
export function Progress({ live, status, showsWork, onContinue, setsUpModels = false }: ProgressProps) {
  const { view } = live;
  if (view.retry) return <Retrying live={live} />;
  if (status === "error" && view.error) return <Failed live={live} onContinue={onContinue} setsUpModels={setsUpModels} />;
  if (live.link === "reconnecting") return <Reconnecting retryAt={live.retryAt} />;
  return (
    <>
      <Resumed live={live} />
      <Work live={live} status={status} showsWork={showsWork} />
    </>
  );
}

function Work({ live, status, showsWork }: ProgressProps) {
  if (status === "interrupting") return <Line text="Stopping: the running command is being ended." />;
  if (status === "requires_action") {
    const names = live.view.actionRequired.map((call) => call.tool_name);
    if (names.length > 0) return <Line text={`Waiting for another program to answer ${names.join(", ")}. It has five minutes; then the chat goes on without it.`} />;
    return live.view.approvals.length > 0 ? null : <Line text="Going on…" />;
  }
  if ((status === "running" || status === "pending") && !showsWork) return <Line text="Working…" />;
  return null;
}

function Line({ text, icon }: { text: string; icon?: ReactNode }) {
  return (
    <p role="status" className="flex items-center gap-2.5 px-1 text-[0.8125rem] text-muted-foreground" data-testid="chat-progress">
      {icon ?? <Spinner className="size-3.5 shrink-0" />}
      {text}
    </p>
  );
}

function Failed({ live, onContinue, setsUpModels }: { live: LiveChat; onContinue: (() => void) | undefined; setsUpModels: boolean }) {
  const { error } = live.view;
  if (!error) return null;
  const setup = error.kind === "auth" || error.kind === "missing_key" || error.kind === "config" || error.kind === "provider_disabled";
  const facts = [error.provider, failure(error.kind), error.status_code ? `HTTP ${error.status_code}` : ""].filter(Boolean).join(" · ");
  return (
    <Notice
      tone="danger"
      data-testid="chat-error"
      title={error.message}
      action={
        <div className="flex flex-col gap-1.5">
          {setup && setsUpModels ? (
            <Button asChild size="sm">
              <Link to="/deployment/models">Open Models</Link>
            </Button>
          ) : null}
          {onContinue ? (
            <Button size="sm" onClick={onContinue} data-testid="chat-continue">
              <RotateCcw aria-hidden />
              Continue
            </Button>
          ) : null}
        </div>
      }
    >
      {error.detail && setsUpModels ? <p className="max-h-32 overflow-y-auto text-[0.8125rem] whitespace-pre-wrap">{error.detail}</p> : null}
      <p className="text-[0.8125rem]">{setup && !setsUpModels ? "Tell your administrator, who sets up the models, or choose another model." : remedy(error)}</p>
      {facts ? <p className="pt-1 font-mono text-xs">{facts}</p> : null}
    </Notice>
  );
}

function Retrying({ live }: { live: LiveChat }) {
  const now = useNow(250);
  const { retry } = live.view;
  if (!retry) return null;
  const seconds = Math.max(0, Math.ceil((Date.parse(retry.retrying_at) - now) / 1000));
  const facts = [retry.provider, failure(retry.kind), retry.status_code ? `HTTP ${retry.status_code}` : ""].filter(Boolean).join(" · ");
  return (
    <Notice tone="warning" title={retry.error} data-testid="chat-retry">
      <p className="text-[0.8125rem] tabular-nums">
        {seconds > 0 ? `Attempt ${retry.attempt} failed. Trying again in ${waiting(seconds)}; nothing to do for you.` : `Attempt ${retry.attempt} failed. Trying again now.`}
      </p>
      {facts ? <p className="pt-1 font-mono text-xs">{facts}</p> : null}
    </Notice>
  );
}

function Reconnecting({ retryAt }: { retryAt: number | undefined }) {
  const now = useNow(500);
  const seconds = retryAt ? Math.max(0, Math.ceil((retryAt - now) / 1000)) : 0;
  return <Line text={seconds > 0 ? `Connection lost; the chat goes on on the server. Reconnecting in ${seconds} s…` : "Reconnecting…"} />;
}

function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString("en-GB");
}

/** What a viewer should know after something broke: that it is over, when, and what became of the answer. */
function Resumed({ live }: { live: LiveChat }) {
  const now = useNow(1000);
  const { resumedAt, restartedAt, view } = live;
  if (restartedAt !== undefined && view.restart) {
    return <Line icon={<RotateCcw aria-hidden className="size-3.5 shrink-0" />} text={`Resumed at ${clock(restartedAt)} after the server restarted: this part of the answer is written anew.`} />;
  }
  if (resumedAt !== undefined && now - resumedAt < RESUMED_MS) {
    return <Line icon={<Wifi aria-hidden className="size-3.5 shrink-0" />} text={`Resumed at ${clock(resumedAt)}; nothing was lost.`} />;
  }
  return null;
}
