import { CircleArrowUp, Ellipsis, Play, Square, Trash2, X } from "lucide-react";
import { useState } from "react";
import type { Workspace, WorkspaceTransition } from "@/api/types";
import { useBuild, useCancelBuild } from "@/api/workspaces";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input } from "@/ui/field";
import { Menu, MenuItem } from "@/ui/menu";
import { ErrorNotice } from "@/ui/notice";

const startable = new Set(["stopped", "failed", "canceled"]);
const stoppable = new Set(["running", "failed", "canceled"]);
const deletable = new Set(["running", "stopped", "failed", "canceled"]);
const cancelable = new Set(["pending", "starting", "stopping"]);

type Question = "stop" | "delete" | "update";

const questions: Record<Question, { title: (name: string) => string; consequence: string; verb: string }> = {
  stop: {
    title: (name) => `Stop ${name}?`,
    consequence: "Everything that runs in it ends: terminals, servers, chats’ commands. What its template keeps stays for the next start.",
    verb: "Stop",
  },
  delete: {
    title: (name) => `Delete ${name}?`,
    consequence: "The workspace and all files in it are removed. This cannot be undone.",
    verb: "Delete",
  },
  update: {
    title: (name) => `Update ${name}?`,
    consequence: "The workspace is started from the newest version of its template. What runs in it now may end; what its template keeps stays.",
    verb: "Update",
  },
};

/** Start, stop, update, cancel and delete. All but start and cancel ask first. */
export function WorkspaceActions({ workspace }: { workspace: Workspace }) {
  const [asking, setAsking] = useState<Question | null>(null);
  const build = useBuild(workspace.id);
  const cancel = useCancelBuild();
  const { status } = workspace.latest_build;
  const start = startable.has(status);

  const ask = (question: Question) => {
    build.reset();
    setAsking(question);
  };

  const go = (question: Question) => {
    const change: { transition: WorkspaceTransition; versionId?: string } =
      question === "update" ? { transition: "start", versionId: workspace.template_active_version_id } : { transition: question };
    build.mutate(change, { onSuccess: () => setAsking(null) });
  };

  return (
    <>
      {start ? (
        <Button variant="primary" busy={build.isPending && asking === null} onClick={() => build.mutate({ transition: "start" })} data-testid="start">
          <Play aria-hidden />
          {status === "stopped" ? "Start" : "Start again"}
        </Button>
      ) : null}
      {stoppable.has(status) && status === "running" ? (
        <Button onClick={() => ask("stop")} data-testid="stop">
          <Square aria-hidden className="size-3! fill-current" />
          Stop
        </Button>
      ) : null}
      {cancelable.has(status) ? (
        <Button busy={cancel.isPending} onClick={() => cancel.mutate(workspace.latest_build.id)} data-testid="cancel">
          <X aria-hidden />
          Cancel
        </Button>
      ) : null}
      <Menu
        trigger={
          <Button size="icon" aria-label="More actions" data-testid="more">
            <Ellipsis aria-hidden />
          </Button>
        }
      >
        {stoppable.has(status) && status !== "running" ? (
          <MenuItem onSelect={() => ask("stop")}>
            <Square aria-hidden />
            Stop…
          </MenuItem>
        ) : null}
        {workspace.outdated && deletable.has(status) ? (
          <MenuItem onSelect={() => ask("update")} data-testid="update">
            <CircleArrowUp aria-hidden />
            Update to the newest version…
          </MenuItem>
        ) : null}
        <MenuItem danger disabled={!deletable.has(status)} onSelect={() => ask("delete")} data-testid="delete">
          <Trash2 aria-hidden />
          Delete…
        </MenuItem>
      </Menu>
      <Confirm
        key={asking}
        workspace={workspace}
        question={asking}
        busy={build.isPending}
        error={build.error}
        onClose={() => setAsking(null)}
        onConfirm={go}
      />
      {asking === null && (build.error ?? cancel.error) ? (
        <div className="w-full">
          <ErrorNotice error={build.error ?? cancel.error} />
        </div>
      ) : null}
    </>
  );
}

interface ConfirmProps {
  workspace: Workspace;
  question: Question | null;
  busy: boolean;
  error: unknown;
  onClose: () => void;
  onConfirm: (question: Question) => void;
}

function Confirm({ workspace, question, busy, error, onClose, onConfirm }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const deleting = question === "delete";
  const words = question ? questions[question] : null;
  return (
    <Dialog
      open={question !== null}
      onOpenChange={(open) => (open ? undefined : onClose())}
      title={words?.title(workspace.name) ?? ""}
      description={words?.consequence}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant={deleting ? "danger" : "primary"}
            busy={busy}
            disabled={deleting && typed !== workspace.name}
            onClick={() => (question ? onConfirm(question) : undefined)}
            data-testid="confirm"
          >
            {words?.verb}
          </Button>
        </>
      }
    >
      <div className="space-y-4">
        <ErrorNotice error={error} />
        {deleting ? (
          <Field label={<>Type <span className="font-mono">{workspace.name}</span> to confirm</>}>
            {(props) => <Input {...props} autoComplete="off" value={typed} onChange={(e) => setTyped(e.target.value)} data-testid="confirm-name" />}
          </Field>
        ) : null}
      </div>
    </Dialog>
  );
}
