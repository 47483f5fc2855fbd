//! Route families, one file per noun; each gives `router()`.

pub(crate) mod agent_binary;
pub(crate) mod agent_pty;
pub(crate) mod agent_rpc;
pub(crate) mod agents;
pub(crate) mod ai_providers;
pub(crate) mod api_keys;
pub(crate) mod appearance;
pub(crate) mod builds;
pub(crate) mod chat_models;
pub(crate) mod chats;
pub(crate) mod deployment;
pub(crate) mod deployment_config;
pub(crate) mod features;
pub(crate) mod files;
pub(crate) mod job_logs;
pub(crate) mod login;
pub(crate) mod members;
pub(crate) mod openapi;
pub(crate) mod organizations;
pub(crate) mod roles;
pub(crate) mod template_versions;
pub(crate) mod templates;
pub(crate) mod tunnel;
pub(crate) mod user_settings;
pub(crate) mod users;
pub(crate) mod workspaces;
