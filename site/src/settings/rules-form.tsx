import { useQuery } from "@tanstack/react-query";
import { ArrowDown, ArrowUp, Plus, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { type RulesPath, rulesQuery, useSaveSetting } from "@/api/chat-settings";
import type { ChatApprovalRule } from "@/api/types";
import { Button } from "@/ui/button";
import { Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Card, CardHeader, LoadFailed, Loading } from "@/ui/page";
import { Saved } from "@/ui/saved";
import { Select } from "@/ui/select";

const actions: { value: ChatApprovalRule["action"]; label: string }[] = [
  { value: "allow", label: "Run it" },
  { value: "ask", label: "Ask me" },
  { value: "deny", label: "Refuse" },
];

interface RulesFormProps {
  path: RulesPath;
  title: string;
  description: string;
}

/** Which tool calls run, are asked about, or are refused: the first rule that fits decides. */
export function RulesForm({ path, title, description }: RulesFormProps) {
  const rules = useQuery(rulesQuery(path));
  return (
    <Card data-testid={path}>
      <CardHeader title={title} description={description} />
      <div className="p-5">{rules.data ? <Form key={rules.dataUpdatedAt} path={path} held={rules.data.rules} /> : rules.error ? <LoadFailed error={rules.error} retry={() => void rules.refetch()} /> : <Loading what="the rules" />}</div>
    </Card>
  );
}

function Form({ path, held }: { path: RulesPath; held: ChatApprovalRule[] }) {
  const [rules, setRules] = useState(held);
  const save = useSaveSetting<{ rules: ChatApprovalRule[] }>(path);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ rules: rules.map(tidyRule) });
  };
  const change = (at: number, part: Partial<ChatApprovalRule>) => setRules((before) => before.map((rule, i) => (i === at ? { ...rule, ...part } : rule)));
  return (
    <form onSubmit={submit} className="space-y-4">
      <ErrorNotice error={save.error} />
      {rules.length === 0 ? <p className="text-[0.8125rem] text-muted-foreground">No rules: every tool runs without asking.</p> : null}
      <ol className="space-y-2.5">
        {rules.map((rule, i) => (
          <li key={i} className="flex flex-wrap items-center gap-2 rounded-lg border border-border p-2.5" data-testid="rule">
            <Input aria-label={`Tool of rule ${i + 1}`} placeholder="execute, write_*, *" required className="basis-32 grow font-mono text-xs" value={rule.tool} onChange={(e) => change(i, { tool: e.target.value })} data-testid="rule-tool" />
            <Input aria-label={`Command of rule ${i + 1}`} placeholder="any command" className="basis-36 grow font-mono text-xs" value={rule.command ?? ""} onChange={(e) => change(i, { command: e.target.value })} data-testid="rule-command" />
            <Input aria-label={`Path of rule ${i + 1}`} placeholder="any path" className="basis-32 grow font-mono text-xs" value={rule.path ?? ""} onChange={(e) => change(i, { path: e.target.value })} data-testid="rule-path" />
            <Select size="md" label={`What rule ${i + 1} does`} className="w-28" value={rule.action} onChange={(action) => change(i, { action: action as ChatApprovalRule["action"] })} options={actions} data-testid="rule-action" />
            <span className="ml-auto flex">
              <Button variant="ghost" size="iconSm" aria-label={`Move rule ${i + 1} up`} disabled={i === 0} onClick={() => setRules((before) => swap(before, i, i - 1))}>
                <ArrowUp aria-hidden />
              </Button>
              <Button variant="ghost" size="iconSm" aria-label={`Move rule ${i + 1} down`} disabled={i === rules.length - 1} onClick={() => setRules((before) => swap(before, i, i + 1))}>
                <ArrowDown aria-hidden />
              </Button>
              <Button variant="ghost" size="iconSm" aria-label={`Remove rule ${i + 1}`} onClick={() => setRules((before) => before.filter((_, at) => at !== i))}>
                <X aria-hidden />
              </Button>
            </span>
          </li>
        ))}
      </ol>
      <div className="flex items-center justify-between gap-3">
        <Button onClick={() => setRules((before) => [...before, { tool: "execute", action: "ask" }])} data-testid="rule-add">
          <Plus aria-hidden />
          Add a rule
        </Button>
        <span className="flex items-center gap-3">
          <Saved when={save.isSuccess && rules === held} />
          <Button type="submit" variant="primary" busy={save.isPending} data-testid="rules-submit">
            Save
          </Button>
        </span>
      </div>
    </form>
  );
}

/** An empty pattern fits everything, which is to have none. */
export function tidyRule({ tool, action, path, command, workdir, args }: ChatApprovalRule): ChatApprovalRule {
  return { tool: tool.trim(), action, ...(workdir != null ? { workdir } : {}), ...(args != null ? { args } : {}), ...(path?.trim() ? { path: path.trim() } : {}), ...(command?.trim() ? { command: command.trim() } : {}) };
}

function swap<Item>(items: Item[], a: number, b: number): Item[] {
  const [first, second] = [items[a], items[b]];
  return first === undefined || second === undefined ? items : items.with(a, second).with(b, first);
}
