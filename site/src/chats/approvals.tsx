import { CircleHelp, Hand } from "lucide-react";
import { useState } from "react";
import { useDecide } from "@/api/chat-actions";
import type { ChatApproval } from "@/api/types";
import { Button } from "@/ui/button";
import { Checkbox } from "@/ui/checkbox";
import { Field, Textarea } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { useNow } from "@/ui/time";
import { Reveal } from "./reveal";
import { editedPaths, text, toolTitle } from "./tool-title";
import { asObject } from "./transcript";

/** Calls that wait for a person's word, the first of them open. */
export function Approvals({ chatId, approvals }: { chatId: string; approvals: ChatApproval[] }) {
  if (approvals.length === 0) return null;
  return (
    <section aria-label="Waiting for you" className="max-h-[55dvh] space-y-2.5 overflow-y-auto" data-testid="approvals">
      {approvals.map((approval) => (
        <ApprovalCard key={approval.tool_call_id} chatId={chatId} approval={approval} />
      ))}
    </section>
  );
}

/** What the buttons do, by why it is asked. */
const words = {
  rule: { heading: "May this run?", yes: "Approve", no: "Deny…", send: "Deny", noteLabel: "Tell the model why", noteHint: "It reads this with the refusal." },
  outcome_unknown: { heading: "What happened to this is not known", yes: "Run it again", no: "Tell the model…", send: "Tell the model", noteLabel: "What you know about it", noteHint: "The model is told that the outcome is unknown, and this." },
} as const;

function ApprovalCard({ chatId, approval }: { chatId: string; approval: ChatApproval }) {
  const decide = useDecide(chatId);
  const [denying, setDenying] = useState(false);
  const [note, setNote] = useState("");
  const [remember, setRemember] = useState(false);
  const isUnknown = approval.reason === "outcome_unknown";
  const say = words[approval.reason];
  const args = readArguments(approval.args);
  const title = toolTitle({ callId: approval.tool_call_id, name: approval.tool_name, args, result: undefined, output: "", state: "asked" });
  const tell = (approve: boolean) =>
    decide.mutate({
      tool_call_id: approval.tool_call_id,
      approve,
      ...(remember && !isUnknown ? { remember: true } : {}),
      ...(!approve && note.trim() ? { note: note.trim() } : {}),
    });
  return (
    <article className="rounded-xl border border-warning/45 bg-card shadow-sm" data-testid="approval" data-reason={approval.reason} data-tool={approval.tool_name}>
      <header className="flex items-start gap-2.5 rounded-t-xl bg-warning-soft px-3.5 py-2.5 text-warning-text">
        {isUnknown ? <CircleHelp aria-hidden className="mt-0.5 size-4 shrink-0" /> : <Hand aria-hidden className="mt-0.5 size-4 shrink-0" />}
        <div className="min-w-0 flex-1">
          <h3 className="text-sm font-medium">{say.heading}</h3>
          <p className="text-[0.8125rem] break-words">
            <Reveal text={approval.message} />
          </p>
        </div>
        <Expiry at={approval.expires_at} />
      </header>
      <div className="space-y-3 px-3.5 py-3">
        <Arguments verb={title.verb} args={args} raw={approval.args} />
        <ErrorNotice error={decide.error} />
        {denying && !decide.isSuccess ? (
          <Field label={say.noteLabel} optional hint={say.noteHint}>
            {(props) => <Textarea {...props} autoFocus className="min-h-14" maxLength={2000} value={note} onChange={(e) => setNote(e.target.value)} data-testid="approval-note" />}
          </Field>
        ) : null}
        {decide.isSuccess ? (
          <p role="status" className="text-[0.8125rem] text-muted-foreground" data-testid="approval-told">
            {decide.variables.approve ? "Approved." : "Refused."} It goes on when nothing else waits for you.
          </p>
        ) : (
          <div className="flex flex-wrap items-center justify-end gap-2">
            {isUnknown ? <span className="flex-1" /> : <Checkbox className="min-w-0 grow basis-full sm:basis-0" checked={remember} onChange={setRemember} label="Always in this chat" hint={<Reveal text={coverage(approval.tool_name, args)} />} data-testid="approval-remember" />}
            {denying ? (
              <>
                <Button size="sm" variant="ghost" onClick={() => setDenying(false)}>
                  Back
                </Button>
                <Button size="sm" variant={isUnknown ? "primary" : "danger"} busy={decide.isPending} onClick={() => tell(false)} data-testid="approval-deny-send">
                  {say.send}
                </Button>
              </>
            ) : (
              <>
                <Button size="sm" onClick={() => setDenying(true)} disabled={decide.isPending} data-testid="approval-deny">
                  {say.no}
                </Button>
                <Button size="sm" variant={isUnknown ? "secondary" : "primary"} busy={decide.isPending} onClick={() => tell(true)} data-testid="approval-approve">
                  {say.yes}
                </Button>
              </>
            )}
          </div>
        )}
      </div>
    </article>
  );
}

/** The command as one would type it, else every argument by its name: nothing of what would run is hidden. */
function Arguments({ verb, args, raw }: { verb: string; args: Record<string, unknown>; raw: string }) {
  const command = text(args["command"]);
  const rest = Object.entries(args).filter(([name]) => !(command && name === "command"));
  return (
    <div className="space-y-2">
      {command ? (
        <pre tabIndex={0} role="group" aria-label="Command" className="max-h-40 overflow-auto rounded-lg bg-terminal px-3 py-2 font-mono text-xs leading-5 break-words whitespace-pre-wrap text-[#e7e6df]">
          <span className="text-[#8fd3b1] select-none">$ </span>
          <Reveal text={command} />
        </pre>
      ) : (
        <p className="text-[0.8125rem] font-medium">
          <Reveal text={verb} />
        </p>
      )}
      {rest.length > 0 ? (
        <div tabIndex={0} role="group" aria-label="Arguments" className="max-h-40 overflow-y-auto">
          <dl className="space-y-1 text-xs">
            {rest.map(([name, value]) => (
              <div key={name} className="flex gap-4">
                <dt className="w-20 shrink-0 font-mono break-words text-muted-foreground">
                  <Reveal text={name} />
                </dt>
                <dd className="min-w-0 flex-1 font-mono break-words whitespace-pre-wrap">
                  <Reveal text={typeof value === "string" ? value : JSON.stringify(value, null, 1)} />
                </dd>
              </div>
            ))}
          </dl>
        </div>
      ) : null}
      {!command && rest.length === 0 && raw !== "{}" ? <pre className="font-mono text-xs break-words whitespace-pre-wrap"><Reveal text={raw} /></pre> : null}
    </div>
  );
}

/** Which later calls are answered alike when the answer is remembered. */
export function coverage(tool: string, args: Record<string, unknown>): string {
  if (text(args["command"])) {
    const where = text(args["workdir"]);
    return `Approved: this very command, ${where ? `in ${where}` : "in the home directory"} only. Refused: this command in every directory.`;
  }
  const paths = [text(args["path"]), ...editedPaths(args)].filter(Boolean);
  if (paths.length > 0) return `Every later ${tool} of ${paths.join(", ")}, whatever else it says.`;
  if (tool === "list_files" || tool === "search_files") return `Every later ${tool} of the home directory, whatever it looks for.`;
  return `Every later ${tool} with these very arguments.`;
}

/** The arguments by name; nothing for what is no object, whose text is shown as it is. */
export function readArguments(raw: string): Record<string, unknown> {
  try {
    return asObject(JSON.parse(raw));
  } catch {
    return {};
  }
}

function Expiry({ at }: { at: string }) {
  const now = useNow(1000);
  const left = expiryWords(Date.parse(at) - now);
  return (
    <span className="shrink-0 text-xs tabular-nums" title={`Refused by itself at ${new Date(at).toLocaleString()}`} data-testid="approval-expiry">
      {left}
    </span>
  );
}

/** Time until the call is refused by itself. */
export function expiryWords(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (!Number.isFinite(seconds) || seconds <= 0) return "time is up";
  if (seconds < 120) return `${seconds} s left`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? `${minutes} min left` : `${Math.floor(minutes / 60)} h left`;
}
