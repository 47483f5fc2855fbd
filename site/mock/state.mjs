// What the stand-in server knows.
import { randomUUID } from "node:crypto";

export const uuid = randomUUID;
export const now = () => new Date().toISOString();
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

const organization = { id: uuid(), name: "coder", display_name: "Warren", is_default: true, default_org_member_roles: [], icon: "", description: "", created_at: now(), updated_at: now() };

export const state = {
  organization,
  organizations: [organization],
  user: null,
  users: [],
  passwords: new Map(),
  tokens: [],
  audit: [],
  appearance: { theme_preference: "", terminal_font: "" },
  sshKey: { user_id: "", created_at: now(), updated_at: now(), public_key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJm3Y0W1p0b3c3JlZ2FyZGluZ3RoZWtleWl0c2VsZg" },
  password: "",
  session: null,
  blankUser: { id: uuid(), avatar_url: "", last_seen_at: now(), has_ai_seat: false, organization_ids: [organization.id], roles: [{ name: "owner", display_name: "Owner" }], created_at: now(), updated_at: now(), status: "active", login_type: "password" },
  templates: [],
  parameters: {},
  workspaces: [],
  builds: new Map(),
  providers: [],
  models: [],
  chats: new Map(),
};

export function addTemplate(name, display_name, description, parameters = []) {
  const version = uuid();
  state.parameters[version] = parameters;
  const template = { id: uuid(), name, display_name, description, active_version_id: version, organization_id: organization.id, created_by_name: "ada", icon: "", created_at: ago(3000), updated_at: ago(90) };
  state.templates.push(template);
  return template;
}

const parameter = (fields) => ({ description: "", description_plaintext: "", type: "string", form_type: "input", mutable: true, default_value: "", icon: "", options: [], required: false, ephemeral: false, ...fields });

/** A server that has been in use: for pictures of full pages. */
export function seed() {
  state.user = { ...state.blankUser, email: "ada@example.com", username: "ada", name: "Ada Byron" };
  state.users.push(state.user);
  state.password = "correct horse battery";
  addTemplate("process", "Process", "A sandboxed process tree on this server: no containers, starts in a second.");
  addTemplate("kubernetes", "Kubernetes", "A pod with a persistent home, for builds that need more than this machine.", [
    parameter({ name: "cores", display_name: "Cores", description_plaintext: "How many CPU cores the pod may use.", type: "number", default_value: "2", validation_min: 1, validation_max: 8 }),
    parameter({ name: "image", display_name: "Image", default_value: "debian", options: [{ name: "Debian 12", value: "debian", description: "Small and plain", icon: "" }, { name: "Fedora 40", value: "fedora", description: "", icon: "" }] }),
    parameter({ name: "gpu", display_name: "GPU", type: "bool", default_value: "false", description_plaintext: "Attach one." }),
    parameter({ name: "repo", display_name: "Repository", required: true, description_plaintext: "Cloned into the home directory at first start." }),
  ]);
  const provider = { id: uuid(), type: "openai-compat", name: "local", display_name: "Local models", base_url: "http://127.0.0.1:11434/v1", enabled: true, icon: "", settings: {}, api_keys: [{ id: uuid(), masked: "sk-…9f2c", created_at: now() }] };
  state.providers.push(provider);
  const model = (name, is_default) => ({ id: uuid(), ai_provider_id: provider.id, model: name, display_name: name, enabled: true, is_default, context_limit: 128000, compression_threshold: 70 });
  state.models.push(model("qwen3-coder", true), model("smol-135m", false));
}
