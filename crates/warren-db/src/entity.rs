//! One file per table, columns as stored: ids are plain uuids and enums plain text here; queries take the typed ids.
//!
//! Every column type also exists on PostgreSQL.

pub mod ai_provider_keys;
pub mod ai_providers;
pub mod api_keys;
pub mod audit_logs;
pub mod chat_messages;
pub mod chat_model_configs;
pub mod chat_parts;
pub mod chat_queued_messages;
pub mod chat_requests;
pub mod chat_reservations;
pub mod chat_tool_calls;
pub mod chats;
pub mod custom_roles;
pub mod deployment_settings;
pub mod files;
pub mod git_ssh_keys;
pub mod organization_members;
pub mod organizations;
pub mod provisioner_job_logs;
pub mod provisioner_jobs;
pub mod sealing_keys;
pub mod template_version_parameters;
pub mod template_version_variables;
pub mod template_versions;
pub mod templates;
pub mod user_ai_provider_keys;
pub mod user_chat_spend_limits;
pub mod user_links;
pub mod user_settings;
pub mod users;
pub mod workspace_agent_boots;
pub mod workspace_agent_log_sources;
pub mod workspace_agent_logs;
pub mod workspace_agent_metadata;
pub mod workspace_agent_scripts;
pub mod workspace_agents;
pub mod workspace_apps;
pub mod workspace_build_parameters;
pub mod workspace_build_states;
pub mod workspace_builds;
pub mod workspace_host_keys;
pub mod workspace_resource_metadata;
pub mod workspace_resources;
pub mod workspaces;
