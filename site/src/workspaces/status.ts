/** What a workspace's and an agent's state mean to a person: a word, a tone, and what it waits for. Pure. */
import type { Workspace, WorkspaceAgent, WorkspaceStatus } from "@/api/types";
import type { StatusTone } from "@/ui/status";

export const statusWords: Record<WorkspaceStatus, { label: string; tone: StatusTone }> = {
  pending: { label: "Waiting", tone: "busy" },
  starting: { label: "Starting", tone: "busy" },
  running: { label: "Running", tone: "good" },
  stopping: { label: "Stopping", tone: "busy" },
  stopped: { label: "Stopped", tone: "quiet" },
  failed: { label: "Failed", tone: "bad" },
  canceling: { label: "Cancelling", tone: "busy" },
  canceled: { label: "Cancelled", tone: "quiet" },
  deleting: { label: "Deleting", tone: "busy" },
  deleted: { label: "Deleted", tone: "quiet" },
};

export function agentsOf(workspace: Workspace): WorkspaceAgent[] {
  return workspace.latest_build.resources.flatMap((resource) => resource.agents ?? []);
}

export function agentWords(agent: WorkspaceAgent): { label: string; tone: StatusTone; explains: string } {
  if (agent.status === "connecting") {
    return { label: "Connecting", tone: "busy", explains: "Waiting for the agent inside the workspace to call home." };
  }
  if (agent.status === "timeout") {
    return {
      label: "Not connected",
      tone: "bad",
      explains: "The agent has not called home in time. Check that the workspace can reach this server’s access URL; restarting it is safe.",
    };
  }
  if (agent.status === "disconnected") {
    return { label: "Disconnected", tone: "warn", explains: "The agent was connected and is gone. It reconnects by itself when its machine is back." };
  }
  switch (agent.lifecycle_state) {
    case "created":
    case "starting":
      return { label: "Starting", tone: "busy", explains: "The agent is connected and its start scripts are running. You can connect now." };
    case "start_timeout":
      return { label: "Slow start", tone: "warn", explains: "A start script takes longer than it should. You can connect and look." };
    case "start_error":
      return { label: "Start failed", tone: "warn", explains: "A start script ended with an error. You can connect; its log says what happened." };
    case "shutting_down":
    case "shutdown_timeout":
    case "shutdown_error":
    case "off":
      return { label: "Shutting down", tone: "quiet", explains: "The agent is stopping." };
    case "ready":
      return { label: "Ready", tone: "good", explains: "Connected; all start scripts have run." };
  }
}

/** One sentence on why the workspace is in its state and what comes next. */
export function explain(workspace: Workspace): string {
  const { status, job } = workspace.latest_build;
  switch (status) {
    case "pending":
      return job.queue_position > 0
        ? `Waiting for a free provisioner: number ${job.queue_position} of ${job.queue_size} in the queue.`
        : "Waiting for a provisioner to take the build.";
    case "starting":
      return "Terraform is creating the workspace.";
    case "stopping":
      return "Terraform is stopping the workspace.";
    case "deleting":
      return "Terraform is removing the workspace and all it holds.";
    case "canceling":
      return "The build is being cancelled; Terraform ends its current step first.";
    case "canceled":
      return "The last build was cancelled. Start the workspace to try again.";
    case "failed":
      return "The last build failed. Its log says why; fix the cause and try again.";
    case "stopped":
      return "Nothing runs. Start it to work in it; what its template keeps is still there.";
    case "deleted":
      return "This workspace is gone.";
    case "running":
      return explainAgents(agentsOf(workspace));
  }
}

function explainAgents(agents: WorkspaceAgent[]): string {
  const first = agents[0];
  if (!first) return "Running. Its template has no agent, so there is nothing to connect to.";
  const worst = agents.map(agentWords).find((words) => words.tone !== "good");
  return worst?.explains ?? "Running and ready to connect.";
}

/** The short state for lists: the build's, or the agent's when the build is done and the agent is not well. */
export function shortState(workspace: Workspace): { label: string; tone: StatusTone } {
  const { status } = workspace.latest_build;
  if (status !== "running") return statusWords[status];
  const trouble = agentsOf(workspace).map(agentWords).find((words) => words.tone !== "good");
  return trouble ? { label: trouble.label, tone: trouble.tone } : statusWords.running;
}

export function canConnect(agent: WorkspaceAgent): boolean {
  return agent.status === "connected";
}
