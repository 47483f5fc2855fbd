// Workspaces, builds and their logs, in the stand-in server. Builds take about two seconds.
import { now, state, uuid } from "./state.mjs";

const script = {
  start: ["Setting up", "Initializing Terraform Directory", "Planning Infrastructure", "Starting workspace", "Cleaning Up"],
  stop: ["Setting up", "Planning Infrastructure", "Stopping workspace", "Cleaning Up"],
  delete: ["Setting up", "Planning Infrastructure", "Destroying workspace", "Cleaning Up"],
};
const chatter = {
  "Initializing Terraform Directory": ["Initializing the backend...", "Initializing provider plugins...", "- Reusing previous version of coder/coder", "Terraform has been successfully initialized!"],
  "Planning Infrastructure": ["coder_agent.main: Plan to create", "terraform_data.process: Plan to create", "Plan: 2 to add, 0 to change, 0 to destroy."],
  "Starting workspace": ["coder_agent.main: Creating...", "coder_agent.main: Creation complete after 0s", "terraform_data.process: Creating...", "terraform_data.process: Provisioning with 'local-exec'...", "terraform_data.process: Creation complete after 0s"],
};
const verbs = { start: ["starting", "running"], stop: ["stopping", "stopped"], delete: ["deleting", "deleted"] };
let logId = 0;

function makeAgent() {
  return {
    id: uuid(), name: "main", status: "connecting", lifecycle_state: "created", architecture: "amd64", operating_system: "linux", version: "v0.1.0", directory: "/home/ada/work", apps: [], logs_overflowed: false,
    scripts: [{ id: uuid(), display_name: "Startup" }], environment_variables: {}, log: [],
  };
}

export function startBuild(workspace, transition) {
  const agent = transition === "start" ? makeAgent() : null;
  const build = {
    id: uuid(), created_at: now(), updated_at: now(), workspace_id: workspace.id, workspace_name: workspace.name, build_number: (workspace.latest_build?.build_number ?? 0) + 1,
    transition, status: "pending", initiator_name: state.user.username, template_version_name: "brave_hare4", reason: "dashboard",
    job: { id: uuid(), status: "pending", created_at: now(), queue_position: 0, queue_size: 0 },
    resources: agent ? [{ id: uuid(), type: "terraform_data", name: "process", hide: false, icon: "", agents: [agent], metadata: [{ key: "home", value: "/var/lib/warren/workspaces/ada/dev", sensitive: false }, { key: "token", value: "s3cret", sensitive: true }] }] : [],
    logs: [], listeners: new Set(),
  };
  workspace.latest_build = build;
  workspace.all.unshift(build);
  state.builds.set(build.id, build);
  void run(workspace, build, agent);
  return build;
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function run(workspace, build, agent) {
  await pause(250);
  [build.status, build.job.status] = [verbs[build.transition][0], "running"];
  const fail = workspace.name.startsWith("broken");
  for (const stage of script[build.transition]) {
    for (const output of ["", ...(chatter[stage] ?? [])]) {
      write(build, stage, output || `${stage}…`);
      await pause(90);
    }
    if (fail && stage === "Planning Infrastructure" && build.transition === "start") {
      write(build, stage, "Error: Unsupported argument", "error");
      [build.status, build.job.status] = ["failed", "failed"];
      build.job.error = 'terraform plan: exit status 1\n\nError: Unsupported argument\n\n  on main.tf line 12, in resource "coder_agent" "main":\n  12:   arhc = "amd64"\n\nAn argument named "arhc" is not expected here.';
      return finish(build);
    }
  }
  [build.status, build.job.status] = [verbs[build.transition][1], "succeeded"];
  finish(build);
  if (build.transition === "delete") state.workspaces = state.workspaces.filter((w) => w !== workspace);
  if (!agent) return;
  await pause(500);
  [agent.status, agent.lifecycle_state] = ["connected", "starting"];
  for (const output of ["Cloning into 'warren'...", "Installing tools", "\u001b[32mReady.\u001b[0m"]) {
    agent.log.push({ id: ++logId, created_at: now(), level: "info", output });
    await pause(200);
  }
  agent.lifecycle_state = "ready";
}

function write(build, stage, output, log_level = "info") {
  const line = { id: ++logId, created_at: now(), log_source: "provisioner", log_level, stage, output };
  build.logs.push(line);
  for (const listener of build.listeners) listener.send(JSON.stringify(line));
}

function finish(build) {
  for (const listener of build.listeners) listener.close(1000);
}

export function attachBuildLog(ws, id, query) {
  const build = state.builds.get(id);
  const after = Number(query.get("after") ?? -1);
  for (const line of build.logs.filter((l) => l.id > after)) ws.send(JSON.stringify(line));
  if (!["pending", "running"].includes(build.job.status)) return ws.close(1000);
  build.listeners.add(ws);
  ws.on("close", () => build.listeners.delete(ws));
}

export function attachAgentLog(ws, id, query) {
  const agent = [...state.builds.values()].flatMap((b) => b.resources.flatMap((r) => r.agents)).find((a) => a.id === id);
  let after = Number(query.get("after") ?? 0);
  const flush = () => {
    const fresh = agent.log.filter((l) => l.id > after);
    after = fresh.at(-1)?.id ?? after;
    ws.send(JSON.stringify(fresh));
  };
  flush();
  const timer = setInterval(flush, 200);
  ws.on("close", () => clearInterval(timer));
}

const plain = (build) => ({ ...build, logs: undefined, listeners: undefined });
const shown = (workspace) => ({ ...workspace, all: undefined, latest_build: plain(workspace.latest_build) });
const byId = (id) => state.workspaces.find((w) => w.id === id);
const gone = [404, { message: "Resource not found or you do not have access to this resource" }];

export function createWorkspace(name, templateId) {
  const template = state.templates.find((t) => t.id === templateId);
  const workspace = { id: uuid(), name, created_at: now(), updated_at: now(), owner_name: state.user.username, owner_id: state.user.id, template_id: template.id, template_name: template.name, template_display_name: template.display_name, outdated: false, all: [] };
  state.workspaces.push(workspace);
  startBuild(workspace, "start");
  return workspace;
}

export const workspaceRoutes = [
  ["GET", "/api/v2/workspaces", () => [200, { workspaces: state.workspaces.map(shown), count: state.workspaces.length }]],
  ["GET", "/api/v2/workspaces/:id", ({ id }) => (byId(id) ? [200, shown(byId(id))] : gone)],
  ["GET", "/api/v2/workspaces/:id/builds", ({ id }) => (byId(id) ? [200, byId(id).all.map(plain)] : gone)],
  ["GET", "/api/v2/users/:owner/workspace/:name", ({ name }) => {
    const workspace = state.workspaces.find((w) => w.name === name);
    return workspace ? [200, shown(workspace)] : gone;
  }],
  ["POST", "/api/v2/users/me/workspaces", (_, body) => {
    if (state.workspaces.some((w) => w.name === body.name)) {
      return [409, { message: `Workspace "${body.name}" already exists.`, validations: [{ field: "name", detail: "This name is already in use." }] }];
    }
    return [201, shown(createWorkspace(body.name, body.template_id))];
  }],
  ["POST", "/api/v2/workspaces/:id/builds", ({ id }, body) => [201, plain(startBuild(byId(id), body.transition))]],
  ["PATCH", "/api/v2/workspacebuilds/:id/cancel", () => [200, { message: "Job has been marked as canceled." }]],
];
