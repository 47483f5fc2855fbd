import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { costsQuery, usageStatusQuery } from "@/api/chat-costs";
import { thresholdsQuery, useSaveSetting, useSetThreshold, userPromptQuery } from "@/api/chat-settings";
import { modelConfigsQuery } from "@/api/models";
import { dollars, tokens } from "@/chats/words";
import { RulesForm } from "@/settings/rules-form";
import { Setting } from "@/settings/chat-settings-page";
import { Button } from "@/ui/button";
import { Field, Input, Textarea } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Card, CardHeader, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Until } from "@/ui/time";
import { OwnKeys } from "./own-keys";

/** What one decides about one's own chats. */
export function ChatsPage() {
  useTitle("Your chats");
  return (
    <>
      <Instructions />
      <RulesForm path="user-tool-approvals" title="Your approval rules" description="Before your tools run. The rules of the deployment hold as well, and win where they are stricter." />
      <OwnKeys />
      <Thresholds />
      <Spending />
    </>
  );
}

function Instructions() {
  const prompt = useQuery(userPromptQuery);
  if (prompt.error) return <LoadFailed error={prompt.error} retry={() => void prompt.refetch()} />;
  if (!prompt.data) return <Loading what="your instructions" />;
  return <InstructionsForm held={prompt.data.custom_prompt} />;
}

function InstructionsForm({ held }: { held: string }) {
  const save = useSaveSetting<{ custom_prompt: string }>("user-prompt");
  const [text, setText] = useState(held);
  return (
    <Setting testId="user-prompt" title="Your instructions" description="What every model is told about how you want to work." error={save.error} busy={save.isPending} saved={save.isSuccess} onSubmit={() => save.mutate({ custom_prompt: text })}>
      <Field label="Instructions">{(props) => <Textarea {...props} className="min-h-28" placeholder="Answer briefly. Run the tests before you say that something is done." value={text} onChange={(e) => setText(e.target.value)} data-testid="user-prompt-text" />}</Field>
    </Setting>
  );
}

function Thresholds() {
  const models = useQuery(modelConfigsQuery);
  const thresholds = useQuery(thresholdsQuery);
  const set = useSetThreshold();
  const usable = models.data?.filter((model) => model.enabled) ?? [];
  if (!thresholds.data || usable.length === 0) return null;
  const own = new Map(thresholds.data.thresholds.map((one) => [one.model_config_id, one.threshold_percent]));
  return (
    <Card data-testid="thresholds">
      <CardHeader title="When chats are condensed" description="How full a model’s context gets before its history is summed up. 100 never condenses." />
      <ErrorNotice error={set.error} className="m-4" />
      <ul className="divide-y divide-border">
        {usable.map((model) => (
          <li key={model.id} className="flex items-center gap-3 px-5 py-2.5 text-sm">
            <span className="min-w-0 flex-1 truncate">{model.display_name || model.model}</span>
            <Percent name={model.display_name || model.model} held={own.get(model.id)} fallback={model.compression_threshold} onSet={(percent) => set.mutate({ model: model.id, percent })} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Percent({ name, held, fallback, onSet }: { name: string; held: number | undefined; fallback: number; onSet: (percent: number | null) => void }) {
  const [text, setText] = useState(held === undefined ? "" : String(held));
  const value = text.trim() === "" ? null : Number(text);
  const isChanged = value !== (held ?? null);
  return (
    <form
      className="flex items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        onSet(value);
      }}
    >
      <Input aria-label={`Percent for ${name}`} type="number" min={0} max={100} className="w-20" placeholder={String(fallback)} value={text} onChange={(e) => setText(e.target.value)} />
      <span className="text-muted-foreground">%</span>
      <Button type="submit" size="sm" disabled={!isChanged}>
        Set
      </Button>
    </form>
  );
}

function Spending() {
  const costs = useQuery(costsQuery);
  const { data: status } = useQuery(usageStatusQuery);
  if (!costs.data) return null;
  const { data } = costs;
  return (
    <Card data-testid="spending">
      <CardHeader
        title="What your chats cost"
        description={
          status?.is_limited && status.spend_limit_micros != null
            ? `${dollars(status.current_spend)} of ${dollars(status.spend_limit_micros)} are spent this ${status.period ?? "period"}.`
            : `${dollars(data.total_cost_micros)} since ${new Date(data.start_date).toLocaleDateString()}. There is no limit.`
        }
        actions={status?.period_end && status.is_limited ? <span className="text-[0.8125rem] text-muted-foreground">begins anew <Until time={status.period_end} /></span> : null}
      />
      <ul className="divide-y divide-border">
        {data.by_model.map((model) => (
          <li key={model.model_config_id ?? model.model} className="flex items-baseline gap-3 px-5 py-2.5 text-sm">
            <span className="min-w-0 flex-1 truncate">{model.display_name || model.model}</span>
            <span className="text-xs text-muted-foreground tabular-nums max-sm:hidden">{tokens(model.total_input_tokens + model.total_cache_read_tokens)} read · {tokens(model.total_output_tokens)} written</span>
            <span className="w-16 text-right tabular-nums">{dollars(model.total_cost_micros)}</span>
          </li>
        ))}
      </ul>
      {data.unpriced_message_count > 0 ? <p className="border-t border-border px-5 py-2.5 text-xs text-muted-foreground">{data.unpriced_message_count} messages came from models without prices and are not counted.</p> : null}
      {data.estimated_cost_micros ? <p className="border-t border-border px-5 py-2.5 text-xs text-muted-foreground" data-testid="estimated">{dollars(data.estimated_cost_micros)} of it are estimated: answers that were stopped or broke off before their provider said what they used.</p> : null}
    </Card>
  );
}
