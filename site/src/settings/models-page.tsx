import { useQuery } from "@tanstack/react-query";
import { Pencil, Plus, Sparkles, Star, Trash2 } from "lucide-react";
import { useState } from "react";
import { ApiError } from "@/api/client";
import { modelConfigsQuery, providersQuery, useDeleteModelConfig, useDeleteProvider, useUpdateModelConfig } from "@/api/models";
import type { AIProvider, ChatModelConfig } from "@/api/types";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/notice";
import { Card, CardHeader, EmptyState, LoadFailed, Loading, Page, PageHeader, useTitle } from "@/ui/page";
import { Pill } from "@/ui/status";
import { ModelForm } from "./model-form";
import { ProviderForm } from "./provider-form";
import { providerKind } from "./provider-types";

export function ModelsPage() {
  useTitle("Models");
  const providers = useQuery(providersQuery);
  const models = useQuery(modelConfigsQuery);
  const error = providers.error ?? models.error;
  const forbidden = error instanceof ApiError && (error.status === 403 || error.status === 404);
  return (
    <Page className="max-w-3xl">
      <PageHeader title="Models" description="Which language models the chats may use, and where they are asked." />
      {providers.data && models.data ? (
        <Content providers={providers.data} models={models.data} />
      ) : forbidden ? (
        <EmptyState icon={<Sparkles aria-hidden />} title="Your administrator sets up the models">
          Your account may use them in chats, but not change them.
        </EmptyState>
      ) : error ? (
        <LoadFailed
          error={error}
          retry={() => {
            void providers.refetch();
            void models.refetch();
          }}
        />
      ) : (
        <Loading what="models" />
      )}
    </Page>
  );
}

function Content({ providers, models }: { providers: AIProvider[]; models: ChatModelConfig[] }) {
  const [adding, setAdding] = useState<"provider" | "model" | null>(null);
  const [provider, setProvider] = useState<AIProvider>();
  const [model, setModel] = useState<ChatModelConfig>();
  const close = () => {
    setAdding(null);
    setProvider(undefined);
    setModel(undefined);
  };
  return (
    <>
      {providers.length === 0 ? (
        <EmptyState
          icon={<Sparkles aria-hidden />}
          title="No provider yet"
          action={
            <Button variant="primary" onClick={() => setAdding("provider")} data-testid="add-provider">
              <Plus aria-hidden />
              Add a provider
            </Button>
          }
        >
          A provider is where models are asked: a hosted service, a gateway of your own, or a model server on this machine.
        </EmptyState>
      ) : (
        <>
          <Providers providers={providers} models={models} onAdd={() => setAdding("provider")} onChange={setProvider} />
          <Models providers={providers} models={models} onAdd={() => setAdding("model")} onChange={setModel} />
        </>
      )}
      <ProviderForm open={adding === "provider" || provider !== undefined} provider={provider} onClose={close} onCreated={() => (models.length === 0 ? setAdding("model") : close())} />
      <ModelForm open={adding === "model" || model !== undefined} model={model} onClose={close} providers={providers} isFirst={models.length === 0} />
    </>
  );
}

interface ListProps<Item> {
  providers: AIProvider[];
  models: ChatModelConfig[];
  onAdd: () => void;
  onChange: (item: Item) => void;
}

function Providers({ providers, models, onAdd, onChange }: ListProps<AIProvider>) {
  const remove = useDeleteProvider();
  return (
    <Card>
      <CardHeader
        title="Providers"
        actions={
          <Button size="sm" onClick={onAdd} data-testid="add-provider">
            <Plus aria-hidden />
            Add
          </Button>
        }
      />
      <ErrorNotice error={remove.error} className="m-4" />
      <ul className="divide-y divide-border">
        {providers.map((provider) => {
          const used = models.some((model) => model.ai_provider_id === provider.id);
          return (
            <li key={provider.id} className="flex items-center gap-2 px-5 py-3.5" data-testid="provider-row">
              <div className="min-w-0 flex-1">
                <div className="flex items-center gap-2 font-medium">
                  {provider.display_name || provider.name}
                  <Pill>{providerKind(provider.type)?.label ?? provider.type}</Pill>
                  {provider.enabled ? null : <Pill>off</Pill>}
                </div>
                <div className="truncate font-mono text-xs text-muted-foreground">{provider.base_url}</div>
              </div>
              <span className="hidden px-2 font-mono text-xs text-muted-foreground sm:block">{provider.api_keys[0]?.masked ?? "no key"}</span>
              <Button variant="ghost" size="iconSm" aria-label={`Change ${provider.name}`} title="Change" onClick={() => onChange(provider)} data-testid="provider-change">
                <Pencil aria-hidden />
              </Button>
              <Button
                variant="ghost"
                size="iconSm"
                aria-label={`Remove ${provider.name}`}
                title={used ? "Remove its models first" : "Remove"}
                disabled={used}
                busy={remove.isPending && remove.variables === provider.id}
                onClick={() => remove.mutate(provider.id)}
              >
                <Trash2 aria-hidden />
              </Button>
            </li>
          );
        })}
      </ul>
    </Card>
  );
}

function Models({ providers, models, onAdd, onChange }: ListProps<ChatModelConfig>) {
  const update = useUpdateModelConfig();
  const remove = useDeleteModelConfig();
  const providerName = (id: string) => {
    const provider = providers.find((p) => p.id === id);
    return provider ? provider.display_name || provider.name : "";
  };
  return (
    <Card>
      <CardHeader
        title="Models"
        description="The default one is used when a chat names none."
        actions={
          <Button size="sm" onClick={onAdd} data-testid="add-model">
            <Plus aria-hidden />
            Add
          </Button>
        }
      />
      <ErrorNotice error={update.error ?? remove.error} className="m-4" />
      {models.length === 0 ? <p className="px-5 py-6 text-sm text-muted-foreground">No model yet. Add one that this provider offers; then chats can start.</p> : null}
      <ul className="divide-y divide-border">
        {models.map((model) => (
          <li key={model.id} className="flex items-center gap-3 px-5 py-3.5" data-testid="model-row">
            <div className="min-w-0 flex-1">
              <div className="flex items-center gap-2 font-medium">
                {model.display_name || model.model}
                {model.is_default ? <Pill className="bg-accent text-accent-foreground">default</Pill> : null}
                {model.enabled ? null : <Pill>off</Pill>}
              </div>
              <div className="truncate text-xs text-muted-foreground">
                <span className="font-mono">{model.model}</span> · {providerName(model.ai_provider_id)} · {model.context_limit.toLocaleString("en")} tokens
              </div>
            </div>
            {model.is_default ? null : (
              <Button variant="ghost" size="sm" busy={update.isPending && update.variables.id === model.id} onClick={() => update.mutate({ id: model.id, is_default: true })}>
                <Star aria-hidden />
                <span className="max-sm:sr-only">Make default</span>
              </Button>
            )}
            <Button variant="ghost" size="iconSm" aria-label={`Change ${model.display_name || model.model}`} title="Change" onClick={() => onChange(model)} data-testid="model-change">
              <Pencil aria-hidden />
            </Button>
            <Button variant="ghost" size="iconSm" aria-label={`Remove ${model.display_name || model.model}`} busy={remove.isPending && remove.variables === model.id} onClick={() => remove.mutate(model.id)}>
              <Trash2 aria-hidden />
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
