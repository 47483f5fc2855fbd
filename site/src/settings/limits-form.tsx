import { useQuery } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { usageLimitsQuery, useRemoveOverride, useSetLimit, useSetOverride } from "@/api/chat-costs";
import type { ChatUsageLimits } from "@/api/types";
import { dollars } from "@/chats/words";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { ErrorNotice, Notice } from "@/ui/notice";
import { Card, CardHeader, LoadFailed, Loading } from "@/ui/page";
import { Saved } from "@/ui/saved";
import { Select } from "@/ui/select";

const periods: { value: ChatUsageLimits["period"]; label: string }[] = [
  { value: "day", label: "a day" },
  { value: "week", label: "a week" },
  { value: "month", label: "a month" },
];

/** Dollars as typed to millionths; null for an empty field. */
export function toMicros(text: string): number | null {
  return text.trim() === "" ? null : Math.round(Number(text) * 1_000_000);
}

/** What chats may cost: everybody, and single accounts. */
export function LimitsForm() {
  const limits = useQuery(usageLimitsQuery);
  return (
    <Card data-testid="usage-limits">
      <CardHeader title="Spending" description="A message that could go over the limit is not sent, and an answer stops at it." />
      {limits.data ? (
        <div className="space-y-5 p-5">
          <Default key={limits.data.updated_at} limits={limits.data} />
          <Overrides limits={limits.data} />
        </div>
      ) : (
        <div className="p-5">{limits.error ? <LoadFailed error={limits.error} retry={() => void limits.refetch()} /> : <Loading what="the limits" />}</div>
      )}
    </Card>
  );
}

function Default({ limits }: { limits: ChatUsageLimits }) {
  const save = useSetLimit();
  const [amount, setAmount] = useState(limits.spend_limit_micros == null ? "" : String(limits.spend_limit_micros / 1_000_000));
  const [period, setPeriod] = useState(limits.period);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ spend_limit_micros: toMicros(amount), period });
  };
  return (
    <form onSubmit={submit} className="space-y-3">
      <ErrorNotice error={save.error} />
      {limits.unpriced_model_count > 0 ? (
        <Notice tone="warning" title={limits.unpriced_model_count === 1 ? "One model has no prices." : `${limits.unpriced_model_count} models have no prices.`}>
          What they are used for counts against no limit. Give them prices under Models.
        </Notice>
      ) : null}
      <div className="flex flex-wrap items-end gap-3">
        <Field label="Everybody may spend, in dollars" hint="Empty: no limit." className="min-w-40 grow">
          {(props) => <Input {...props} type="number" min={0} step="any" placeholder="no limit" value={amount} onChange={(e) => setAmount(e.target.value)} data-testid="limit-amount" />}
        </Field>
        <Select label="Period" className="mb-[1.625rem] w-32" value={period} onChange={(next) => setPeriod(next as ChatUsageLimits["period"])} options={periods} />
        <span className="mb-[1.625rem] flex items-center gap-3">
          <Button type="submit" variant="primary" busy={save.isPending} data-testid="limit-submit">
            Save
          </Button>
          <Saved when={save.isSuccess} />
        </span>
      </div>
    </form>
  );
}

function Overrides({ limits }: { limits: ChatUsageLimits }) {
  const add = useSetOverride();
  const remove = useRemoveOverride();
  const [user, setUser] = useState("");
  const [amount, setAmount] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate(
      { user: user.trim(), micros: toMicros(amount) ?? 0 },
      {
        onSuccess: () => {
          setUser("");
          setAmount("");
        },
      },
    );
  };
  return (
    <section aria-labelledby="overrides" className="space-y-3 border-t border-border pt-4">
      <h3 id="overrides" className="text-[0.8125rem] font-medium">
        Single accounts
      </h3>
      <ErrorNotice error={add.error ?? remove.error} />
      <ul className="divide-y divide-border">
        {limits.overrides.map((one) => (
          <li key={one.user_id} className="flex items-center gap-3 py-1.5 text-sm" data-testid="limit-override">
            <span className="min-w-0 flex-1 truncate">{one.name || one.username}</span>
            <span className="tabular-nums">{one.spend_limit_micros == null ? "no limit" : dollars(one.spend_limit_micros)}</span>
            <Button variant="ghost" size="iconSm" aria-label={`Remove the limit of ${one.username}`} onClick={() => remove.mutate(one.user_id)}>
              <Trash2 aria-hidden />
            </Button>
          </li>
        ))}
      </ul>
      <form onSubmit={submit} className="flex flex-wrap items-end gap-3">
        <Field label="Username" className="min-w-32 grow">
          {(props) => <Input {...props} required autoCapitalize="none" spellCheck={false} value={user} onChange={(e) => setUser(e.target.value)} data-testid="override-user" />}
        </Field>
        <Field label="Dollars" className="w-28">
          {(props) => <Input {...props} type="number" required min={0.000001} step="any" value={amount} onChange={(e) => setAmount(e.target.value)} data-testid="override-amount" />}
        </Field>
        <Button type="submit" busy={add.isPending} data-testid="override-submit">
          Set
        </Button>
      </form>
    </section>
  );
}
