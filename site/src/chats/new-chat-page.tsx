import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Sparkles } from "lucide-react";
import { useState } from "react";
import { useCreateChat } from "@/api/chats";
import { modelConfigsQuery } from "@/api/models";
import { meQuery, organizationsQuery } from "@/api/session";
import { workspacesQuery } from "@/api/workspaces";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/notice";
import { EmptyState, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Select } from "@/ui/select";
import { Composer } from "./composer";
import { useDraft } from "./draft";
import { ModelPicker, pickableModels } from "./model-picker";

const AUTO = "auto";

export function NewChatPage() {
  useTitle("New chat");
  const models = useQuery(modelConfigsQuery);
  const usable = pickableModels(models.data);
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex min-h-full w-full max-w-2xl flex-col justify-center px-4 py-8 sm:px-8">
        {models.isPending ? (
          <Loading what="models" />
        ) : models.error ? (
          <LoadFailed error={models.error} retry={() => void models.refetch()} />
        ) : usable.length === 0 ? (
          <NoModel />
        ) : (
          <Start />
        )}
      </div>
    </div>
  );
}

function NoModel() {
  return (
    <EmptyState
      icon={<Sparkles aria-hidden />}
      level="h1"
      title="Chats need a model first"
      action={
        <Button asChild variant="primary">
          <Link to="/deployment/models" data-testid="set-up-model">
            Set up a model
          </Link>
        </Button>
      }
    >
      Add a provider (a hosted one, or a model on your own machine) and one of its models.
    </EmptyState>
  );
}

function Start() {
  const search = useSearch({ from: "/signed-in/framed/chats/" });
  const navigate = useNavigate();
  const models = useQuery(modelConfigsQuery);
  const workspaces = useQuery(workspacesQuery);
  const organizations = useQuery(organizationsQuery);
  const { data: me } = useQuery(meQuery);
  const create = useCreateChat();
  const [model, setModel] = useState<string>();
  const [text, setText] = useDraft("new");
  const [workspace, setWorkspace] = useState(search.workspace ?? AUTO);
  const organization = organizations.data?.find((o) => o.is_default) ?? organizations.data?.[0];
  const organizationId = organization?.id ?? me?.organization_ids[0];

  const send = async (written: string) => {
    const chat = await create.mutateAsync({
      organizationId: organizationId ?? "",
      text: written,
      modelConfigId: model,
      workspaceId: workspace === AUTO ? undefined : workspace,
    });
    await navigate({ to: "/chats/$chatId", params: { chatId: chat.id } });
  };

  const choices = (workspaces.data ?? []).map((w) => ({ value: w.id, label: w.name, hint: w.template_display_name || w.template_name }));
  return (
    <div className="space-y-5">
      <div className="text-center">
        <h1 className="text-xl font-semibold tracking-tight">What should be done?</h1>
        <p className="mt-1.5 text-sm text-balance text-muted-foreground">Describe a task. The chat works on the server, in a workspace, and goes on when you leave.</p>
      </div>
      <ErrorNotice error={create.error} />
      <Composer
        value={text}
        onChange={setText}
        autoFocus
        tall
        placeholder="Describe a task…"
        sendLabel="Start chat"
        disabled={!organizationId}
        onSend={send}
        tools={
          <>
            <ModelPicker models={models.data} value={model} onChange={setModel} />
            <Select
              size="sm"
              label="Workspace"
              value={workspace}
              onChange={setWorkspace}
              className="max-w-48 border-transparent bg-transparent shadow-none"
              data-testid="workspace-picker"
              options={[{ value: AUTO, label: "Any workspace", hint: "The chat creates one when it needs it" }, ...choices]}
            />
          </>
        }
      />
    </div>
  );
}
