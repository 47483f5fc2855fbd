import { Ellipsis, Play, Square, Trash2, X } from "lucide-react";
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

/** Start, stop, cancel and delete. Stop and delete ask first. */
export function WorkspaceActions({ workspace }: { workspace: Workspace }) {
  const [asking, setAsking] = useState<"stop" | "delete" | null>(null);
  const build = useBuild(workspace.id);
  const cancel = useCancelBuild();
  const { status } = workspace.latest_build;
  const start = startable.has(status);

  const ask = (transition: "stop" | "delete") => {
    build.reset();
    setAsking(transition);
  };

  return (
    <>
      {start ? (
        <Button variant="primary" busy={build.isPending && asking === null} onClick={() => build.mutate("start")} data-testid="start">
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
        <MenuItem danger disabled={!deletable.has(status)} onSelect={() => ask("delete")} data-testid="delete">
          <Trash2 aria-hidden />
          Delete…
        </MenuItem>
      </Menu>
      <Confirm
        key={asking}
        workspace={workspace}
        transition={asking}
        busy={build.isPending}
        error={build.error}
        onClose={() => setAsking(null)}
        onConfirm={(transition) => build.mutate(transition, { onSuccess: () => setAsking(null) })}
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
  transition: "stop" | "delete" | null;
  busy: boolean;
  error: unknown;
  onClose: () => void;
  onConfirm: (transition: WorkspaceTransition) => void;
}

function Confirm({ workspace, transition, busy, error, onClose, onConfirm }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const deleting = transition === "delete";
  return (
    <Dialog
      open={transition !== null}
      onOpenChange={(open) => (open ? undefined : onClose())}
      title={deleting ? `Delete ${workspace.name}?` : `Stop ${workspace.name}?`}
      description={
        deleting
          ? "The workspace and all files in it are removed. This cannot be undone."
          : "Everything that runs in it ends: terminals, servers, chats’ commands. What its template keeps stays for the next start."
      }
      footer={
        <>
          <Button onClick={onClose}>Keep it</Button>
          <Button
            variant={deleting ? "danger" : "primary"}
            busy={busy}
            disabled={deleting && typed !== workspace.name}
            onClick={() => (transition ? onConfirm(transition) : undefined)}
            data-testid="confirm"
          >
            {deleting ? "Delete" : "Stop"}
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
