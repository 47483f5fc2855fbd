import { useQuery } from "@tanstack/react-query";
import { MessagesSquare } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { allowlistQuery, autoArchiveQuery, retentionQuery, systemPromptQuery, titleModelQuery, useSaveSetting, workspaceTtlQuery } from "@/api/chat-settings";
import { ApiError } from "@/api/client";
import { modelConfigsQuery } from "@/api/models";
import { templatesQuery } from "@/api/templates";
import type { ChatSystemPrompt } from "@/api/types";
import { Button } from "@/ui/button";
import { Checkbox } from "@/ui/checkbox";
import { Field, Input, Textarea } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Card, CardHeader, EmptyState, LoadFailed, Loading, Page, PageHeader, useTitle } from "@/ui/page";
import { Saved } from "@/ui/saved";
import { Select } from "@/ui/select";
import { Switch } from "@/ui/switch";
import { LimitsForm } from "./limits-form";
import { RulesForm } from "./rules-form";

/** What an administrator decides about everybody's chats. */
export function ChatSettingsPage() {
  useTitle("Chat settings");
  const prompt = useQuery(systemPromptQuery);
  const { error } = prompt;
  return (
    <Page className="max-w-3xl">
      <PageHeader title="Chat settings" description="What holds for the chats of everybody here." />
      {prompt.data ? (
        <>
          <RulesForm path="tool-approvals" title="Approval rules" description="The first rule that fits a tool call decides. Nobody can loosen what is asked about or refused here." />
          <LimitsForm />
          <PromptForm held={prompt.data} />
          <Templates />
          <TitleModel />
          <Lifecycle />
        </>
      ) : error instanceof ApiError && (error.status === 403 || error.status === 404) ? (
        <EmptyState icon={<MessagesSquare aria-hidden />} title="Your administrator decides this">
          Your own instructions and rules are under Your account, Chats.
        </EmptyState>
      ) : error ? (
        <LoadFailed error={error} retry={() => void prompt.refetch()} />
      ) : (
        <Loading what="the settings" />
      )}
    </Page>
  );
}

interface SettingProps {
  title: string;
  description: string;
  error: unknown;
  busy: boolean;
  saved: boolean;
  onSubmit: () => void;
  children: ReactNode;
  testId: string;
}

/** A card that is one form. */
export function Setting({ title, description, error, busy, saved, onSubmit, children, testId }: SettingProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <Card data-testid={testId}>
      <CardHeader title={title} description={description} />
      <form onSubmit={submit} className="space-y-4 p-5">
        <ErrorNotice error={error} />
        {children}
        <div className="flex items-center justify-end gap-3">
          <Saved when={saved} />
          <Button type="submit" variant="primary" busy={busy} data-testid={`${testId}-submit`}>
            Save
          </Button>
        </div>
      </form>
    </Card>
  );
}

function PromptForm({ held }: { held: ChatSystemPrompt }) {
  const save = useSaveSetting<Pick<ChatSystemPrompt, "system_prompt" | "include_default_system_prompt">>("system-prompt");
  const [text, setText] = useState(held.system_prompt);
  const [isIncluded, setIncluded] = useState(held.include_default_system_prompt);
  return (
    <Setting testId="system-prompt" title="System prompt" description="What every model is told before a chat begins. Running chats keep theirs." error={save.error} busy={save.isPending} saved={save.isSuccess} onSubmit={() => save.mutate({ system_prompt: text, include_default_system_prompt: isIncluded })}>
      <label className="flex items-center gap-3 text-sm">
        <Switch checked={isIncluded} onChange={setIncluded} label="Begin with the built-in prompt" />
        Begin with the built-in prompt
      </label>
      <details className="rounded-lg border border-border text-[0.8125rem]">
        <summary className="cursor-pointer px-3.5 py-2 font-medium">The built-in prompt</summary>
        <pre tabIndex={0} className="max-h-72 overflow-auto border-t border-border px-3.5 py-2.5 font-mono text-xs leading-5 whitespace-pre-wrap">{held.default_system_prompt}</pre>
      </details>
      <Field label={isIncluded ? "Added to it" : "The whole prompt"}>{(props) => <Textarea {...props} className="min-h-36" value={text} onChange={(e) => setText(e.target.value)} data-testid="system-prompt-text" />}</Field>
    </Setting>
  );
}

function Templates() {
  const templates = useQuery(templatesQuery);
  const allowed = useQuery(allowlistQuery);
  if (!templates.data || !allowed.data) return null;
  return <TemplatesForm key={allowed.dataUpdatedAt} templates={templates.data} held={allowed.data.template_ids} />;
}

function TemplatesForm({ templates, held }: { templates: { id: string; name: string; display_name: string }[]; held: string[] }) {
  const save = useSaveSetting<{ template_ids: string[] }>("template-allowlist");
  const [chosen, setChosen] = useState(held);
  return (
    <Setting testId="allowlist" title="Templates for chats" description="From which templates chats may make workspaces. With none chosen, from all that their owner may use." error={save.error} busy={save.isPending} saved={save.isSuccess} onSubmit={() => save.mutate({ template_ids: chosen })}>
      <div className="space-y-2">
        {templates.length === 0 ? <p className="text-sm text-muted-foreground">There are no templates yet.</p> : null}
        {templates.map((template) => (
          <Checkbox key={template.id} label={template.display_name || template.name} checked={chosen.includes(template.id)} onChange={(on) => setChosen((ids) => (on ? [...ids, template.id] : ids.filter((id) => id !== template.id)))} />
        ))}
      </div>
    </Setting>
  );
}

const OWN = "own";

function TitleModel() {
  const models = useQuery(modelConfigsQuery);
  const override = useQuery(titleModelQuery);
  const save = useSaveSetting<{ model_config_id: string }>("model-override/title_generation");
  if (!models.data || !override.data) return null;
  const choose = (id: string) => save.mutate({ model_config_id: id === OWN ? "" : id });
  return (
    <Card>
      <CardHeader title="Model for titles" description="A small, quick one will do." />
      <div className="space-y-3 p-5">
        <ErrorNotice error={save.error} />
        {override.data.is_malformed ? <p className="text-[0.8125rem] text-warning-text">What was stored cannot be read; chats use their own model until another is chosen.</p> : null}
        <Select
          label="Model for titles"
          value={override.data.model_config_id || OWN}
          onChange={choose}
          options={[{ value: OWN, label: "The chat’s own model" }, ...models.data.map((model) => ({ value: model.id, label: model.display_name || model.model, disabled: !model.enabled }))]}
        />
      </div>
    </Card>
  );
}

const HOUR_MS = 3_600_000;

function Lifecycle() {
  const retention = useQuery(retentionQuery);
  const archive = useQuery(autoArchiveQuery);
  const ttl = useQuery(workspaceTtlQuery);
  const error = retention.error ?? archive.error ?? ttl.error;
  if (error) return <LoadFailed error={error} retry={() => void Promise.all([retention.refetch(), archive.refetch(), ttl.refetch()])} />;
  if (!retention.data || !archive.data || !ttl.data) return <Loading what="the time limits" />;
  return <LifecycleForm days={retention.data.retention_days} archiveDays={archive.data.auto_archive_days} hours={ttl.data.workspace_ttl_ms / HOUR_MS} />;
}

function LifecycleForm(held: { days: number; archiveDays: number; hours: number }) {
  const retention = useSaveSetting<{ retention_days: number }>("retention-days");
  const archive = useSaveSetting<{ auto_archive_days: number }>("auto-archive-days");
  const ttl = useSaveSetting<{ workspace_ttl_ms: number }>("workspace-ttl");
  const saves = [archive, retention, ttl];
  const [days, setDays] = useState(String(held.days));
  const [archiveDays, setArchiveDays] = useState(String(held.archiveDays));
  const [hours, setHours] = useState(String(held.hours));
  const submit = () => {
    archive.mutate({ auto_archive_days: Number(archiveDays) });
    retention.mutate({ retention_days: Number(days) });
    ttl.mutate({ workspace_ttl_ms: Math.round(Number(hours) * HOUR_MS) });
  };
  const number = { type: "number", required: true, min: 0 } as const;
  return (
    <Setting testId="lifecycle" title="How long things stay" description="0 switches each of these off." error={saves.find((save) => save.error)?.error} busy={saves.some((save) => save.isPending)} saved={saves.every((save) => save.isSuccess)} onSubmit={submit}>
      <div className="grid gap-4 sm:grid-cols-3">
        <Field label="Archive after days" hint="without a message">
          {(props) => <Input {...props} {...number} max={3650} value={archiveDays} onChange={(e) => setArchiveDays(e.target.value)} data-testid="auto-archive-days" />}
        </Field>
        <Field label="Delete after days" hint="in the archive">
          {(props) => <Input {...props} {...number} max={3650} value={days} onChange={(e) => setDays(e.target.value)} data-testid="retention-days" />}
        </Field>
        <Field label="Stop workspaces after hours" hint="of those that chats make">
          {(props) => <Input {...props} {...number} max={720} step="any" value={hours} onChange={(e) => setHours(e.target.value)} />}
        </Field>
      </div>
    </Setting>
  );
}
