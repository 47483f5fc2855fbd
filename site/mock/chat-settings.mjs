// Settings of chats in the stand-in server: kept as they are sent.
import { now, state } from "./state.mjs";

const ROOT = "/api/experimental/chats";
const KEYS = "/api/experimental/users/me/ai-provider-keys";

const settings = {
  "system-prompt": { system_prompt: "Answer in the house style.", include_default_system_prompt: true, default_system_prompt: "You work in a workspace of the user.\n\nDo exactly what was asked." },
  "user-prompt": { custom_prompt: "" },
  "retention-days": { retention_days: 30 },
  "auto-archive-days": { auto_archive_days: 0 },
  "workspace-ttl": { workspace_ttl_ms: 0 },
  "template-allowlist": { template_ids: [] },
  "tool-approvals": { rules: [{ tool: "execute", command: "git push*", action: "ask" }, { tool: "write_file", path: "/etc/**", action: "deny" }] },
  "user-tool-approvals": { rules: [] },
};
let thresholds = [];
let limits = { spend_limit_micros: 20_000_000, period: "month", updated_at: now(), unpriced_model_count: 1, overrides: [], group_overrides: [] };
const ownKeys = new Map();
const override = { context: "title_generation", model_config_id: "", is_malformed: false };

const summary = () => ({
  start_date: now(), end_date: now(), total_cost_micros: 1_240_000, priced_message_count: 31, unpriced_message_count: 2, total_input_tokens: 812_000, total_output_tokens: 41_000, total_cache_read_tokens: 604_000, total_cache_creation_tokens: 0, total_runtime_ms: 412_000,
  by_model: state.models.map((m, i) => ({ model_config_id: m.id, display_name: m.display_name, provider: "local", model: m.model, total_cost_micros: i === 0 ? 1_240_000 : 0, message_count: 20, total_input_tokens: 400_000, total_output_tokens: 20_000, total_cache_read_tokens: 300_000, total_cache_creation_tokens: 0, total_runtime_ms: 200_000 })),
  by_chat: [...state.chats.values()].map((c) => ({ root_chat_id: c.id, chat_title: c.title, total_cost_micros: 184_000, message_count: 9, total_input_tokens: 81_000, total_output_tokens: 4_100, total_cache_read_tokens: 60_000, total_cache_creation_tokens: 0, total_runtime_ms: 41_000 })),
});

export const chatSettingRoutes = [
  ...Object.keys(settings).flatMap((name) => [
    ["GET", `${ROOT}/config/${name}`, () => [200, settings[name]]],
    ["PUT", `${ROOT}/config/${name}`, (_, body) => (Object.assign(settings[name], body), name === "user-prompt" ? [200, settings[name]] : [204])],
  ]),
  ["GET", `${ROOT}/config/model-override/title_generation`, () => [200, override]],
  ["PUT", `${ROOT}/config/model-override/title_generation`, (_, body) => (Object.assign(override, body), [204])],
  ["GET", `${ROOT}/config/user-compaction-thresholds`, () => [200, { thresholds }]],
  ["PUT", `${ROOT}/config/user-compaction-thresholds/:model`, ({ model }, { threshold_percent }) => ((thresholds = [...thresholds.filter((t) => t.model_config_id !== model), { model_config_id: model, threshold_percent }]), [200, { model_config_id: model, threshold_percent }])],
  ["DELETE", `${ROOT}/config/user-compaction-thresholds/:model`, ({ model }) => ((thresholds = thresholds.filter((t) => t.model_config_id !== model)), [204])],
  ["GET", `${ROOT}/usage-limits`, () => [200, limits]],
  ["PUT", `${ROOT}/usage-limits`, (_, body) => ((limits = { ...limits, ...body }), [200, limits])],
  ["GET", `${ROOT}/usage-limits/status`, () => [200, { is_limited: limits.spend_limit_micros !== null, period: limits.period, spend_limit_micros: limits.spend_limit_micros, current_spend: 1_240_000, period_start: now(), period_end: new Date(Date.now() + 6 * 86_400_000).toISOString() }]],
  ["PUT", `${ROOT}/usage-limits/overrides/:user`, ({ user }, { spend_limit_micros }) => {
    const held = state.users.find((one) => one.id === user || one.username === user);
    if (!held) return [404, { message: "Resource not found or you do not have access to this resource" }];
    const entry = { user_id: held.id, username: held.username, name: held.name, avatar_url: "", spend_limit_micros };
    limits.overrides = [...limits.overrides.filter((o) => o.user_id !== held.id), entry];
    return [200, entry];
  }],
  ["DELETE", `${ROOT}/usage-limits/overrides/:user`, ({ user }) => ((limits.overrides = limits.overrides.filter((o) => o.user_id !== user)), [204])],
  ["GET", `${ROOT}/cost/me/summary`, () => [200, summary()]],
  ["GET", `${KEYS}`, () => [200, state.providers.map((p) => ({ ai_provider_id: p.id, type: p.type, name: p.name, display_name: p.display_name, has_user_api_key: ownKeys.has(p.id), masked: ownKeys.get(p.id) ?? null }))]],
  ["PUT", `${KEYS}/:provider`, ({ provider }, { api_key }) => (ownKeys.set(provider, `…${api_key.slice(-4)}`), [200, {}])],
  ["DELETE", `${KEYS}/:provider`, ({ provider }) => (ownKeys.delete(provider), [204])],
];
