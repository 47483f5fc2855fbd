/** What a chat remembers of its user's decisions. */
import { useQuery } from "@tanstack/react-query";
import { approvalRulesQuery, useForgetRules } from "@/api/chat-actions";
import type { ChatApprovalRule } from "@/api/types";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/notice";
import { LoadFailed, Loading } from "@/ui/page";
import { Reveal } from "./reveal";

/** Lists what was answered with “Always in this chat”, and forgets it. */
export function Remembered({ chatId }: { chatId: string }) {
  const rules = useQuery(approvalRulesQuery(chatId));
  const forget = useForgetRules(chatId);
  if (rules.error) return <LoadFailed error={rules.error} retry={() => void rules.refetch()} />;
  if (!rules.data) return <Loading what="what this chat remembers" />;
  if (rules.data.rules.length === 0) {
    return (
      <p className="text-sm text-muted-foreground" data-testid="remembered-none">
        Nothing. When you are asked about a tool call and tick “Always in this chat”, your answer is listed here.
      </p>
    );
  }
  return (
    <div className="space-y-4">
      <ErrorNotice error={forget.error} />
      <ul className="space-y-2.5">
        {rules.data.rules.map((rule, i) => (
          <Line key={i} rule={rule} />
        ))}
      </ul>
      <div className="flex items-center justify-between gap-3">
        <p className="text-[0.8125rem] text-muted-foreground">Afterwards you are asked again.</p>
        <Button variant="danger" busy={forget.isPending} onClick={() => forget.mutate()} data-testid="remembered-forget">
          Forget all
        </Button>
      </div>
    </div>
  );
}

function Line({ rule }: { rule: ChatApprovalRule }) {
  const { what, where } = ruleWords(rule);
  return (
    <li className="rounded-lg border border-border px-3 py-2 text-[0.8125rem]" data-testid="remembered-rule" data-action={rule.action}>
      <p className={rule.action === "allow" ? "text-success-text" : "text-danger-text"}>{rule.action === "allow" ? "Runs without asking" : "Is refused"}</p>
      <p className="font-mono text-xs break-words whitespace-pre-wrap">
        <Reveal text={what} />
      </p>
      {where ? (
        <p className="text-xs break-words text-muted-foreground">
          <Reveal text={where} />
        </p>
      ) : null}
    </li>
  );
}

/** What a rule is about. Its patterns fit one text each, with a backslash before what a pattern would read otherwise. */
export function ruleWords({ tool, command, path, workdir, args, action }: ChatApprovalRule): { what: string; where: string } {
  const plain = (pattern: string) => pattern.replace(/\\(.)/gs, "$1");
  const name = plain(tool);
  if (command != null) return { what: plain(command), where: action === "allow" ? (workdir ? `in ${workdir}` : "in the home directory") : "in every directory" };
  if (path != null) return { what: `${name} ${plain(path)}`, where: "whatever else the call says" };
  if (args != null) return { what: `${name} ${JSON.stringify(args)}`, where: "with these very arguments" };
  return { what: name, where: "every call" };
}
