import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { LayoutTemplate } from "lucide-react";
import { type FormEvent, useState } from "react";
import { fieldError } from "@/api/client";
import { parametersQuery, templatesQuery } from "@/api/templates";
import type { Template } from "@/api/types";
import { useCreateWorkspace } from "@/api/workspaces";
import { PushHelp } from "@/templates/push-help";
import { Button } from "@/ui/button";
import { Field, Input } from "@/ui/field";
import { ErrorNotice } from "@/ui/notice";
import { Card, EmptyState, LoadFailed, Loading, Page, PageHeader, Skeleton, useTitle } from "@/ui/page";
import { TemplatePicker } from "./template-picker";
import { ParameterField } from "./parameter-field";
import { type ParameterValues, initialValue, problem, toBuildParameters } from "./parameters";

export function CreatePage() {
  useTitle("New workspace");
  const templates = useQuery(templatesQuery);
  return (
    <Page className="max-w-2xl">
      <PageHeader title="New workspace" description="Pick a template, give the workspace a name, and it starts." />
      {templates.isPending ? (
        <Loading what="templates" />
      ) : templates.data ? (
        templates.data.length > 0 ? (
          <CreateForm templates={templates.data} />
        ) : (
          <EmptyState icon={<LayoutTemplate aria-hidden />} title="There is no template to start from">
            <p>Push one from a terminal, then come back here.</p>
            <div className="mt-5 text-left">
              <PushHelp />
            </div>
          </EmptyState>
        )
      ) : (
        <LoadFailed error={templates.error} retry={() => void templates.refetch()} />
      )}
    </Page>
  );
}

function CreateForm({ templates }: { templates: Template[] }) {
  const search = useSearch({ from: "/signed-in/framed/workspaces/new" });
  const navigate = useNavigate();
  const asked = templates.find((t) => t.name === search.template);
  const [templateId, setTemplateId] = useState(asked?.id ?? (templates.length === 1 ? templates[0]?.id : undefined));
  const template = templates.find((t) => t.id === templateId);
  const [name, setName] = useState("");
  const [values, setValues] = useState<ParameterValues>({});
  const [checked, setChecked] = useState(false);
  const parameters = useQuery(parametersQuery(template?.active_version_id ?? ""));
  const create = useCreateWorkspace();
  const shown = (parameters.data ?? []).filter((p) => !p.ephemeral);

  const pick = (id: string) => {
    setTemplateId(id);
    setValues({});
    setChecked(false);
    create.reset();
  };

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (!template || !parameters.data) return;
    if (shown.some((p) => problem(p, values[p.name] ?? initialValue(p)))) return;
    create.mutate(
      { templateId: template.id, name: name.trim(), parameters: toBuildParameters(shown, values) },
      {
        onSuccess: (workspace) =>
          void navigate({ to: "/@{$owner}/$name", params: { owner: workspace.owner_name, name: workspace.name } }),
      },
    );
  };

  return (
    <form onSubmit={submit} className="space-y-6">
      <TemplatePicker templates={templates} value={templateId} onChange={pick} />
      {template ? (
        <Card className="space-y-5 p-5">
          <ErrorNotice error={create.error} shownFields={["name", ...shown.map((p) => p.name)]} />
          <Field label="Name" hint="Letters, digits and single hyphens, at most 32 characters." error={fieldError(create.error, "name")}>
            {(props) => (
              <Input
                {...props}
                autoFocus
                required
                maxLength={32}
                pattern="[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*"
                title="Letters, digits and single hyphens between them"
                placeholder={`my-${template.name}`.slice(0, 32)}
                autoCapitalize="none"
                autoComplete="off"
                spellCheck={false}
                value={name}
                onChange={(e) => setName(e.target.value)}
                data-testid="workspace-name"
              />
            )}
          </Field>
          {parameters.isPending ? <Skeleton className="h-9" /> : null}
          {parameters.error ? <LoadFailed error={parameters.error} retry={() => void parameters.refetch()} /> : null}
          {shown.map((parameter) => {
            const value = values[parameter.name] ?? initialValue(parameter);
            return (
              <ParameterField
                key={parameter.name}
                parameter={parameter}
                value={value}
                error={fieldError(create.error, parameter.name) ?? (checked ? problem(parameter, value) : null)}
                onChange={(next) => setValues((held) => ({ ...held, [parameter.name]: next }))}
              />
            );
          })}
        </Card>
      ) : null}
      <div className="flex justify-end gap-2">
        <Button asChild variant="ghost">
          <Link to="/workspaces">Cancel</Link>
        </Button>
        <Button type="submit" variant="primary" busy={create.isPending} disabled={!template || !parameters.data} data-testid="workspace-create">
          Create workspace
        </Button>
      </div>
    </form>
  );
}
