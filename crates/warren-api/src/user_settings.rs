//! What an account chooses for itself: looks, preferences, quiet hours, its Git key.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warren_vocab::{
    AgentDisplayMode, ChatSendShortcut, TerminalFont, ThemeMode, ThinkingDisplayMode, UserId,
};

/// How the dashboard looks. An empty text means that the account chose nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserAppearanceSettings {
    pub theme_preference: String,
    pub theme_mode: ThemeMode,
    pub theme_light: String,
    pub theme_dark: String,
    pub terminal_font: TerminalFont,
}

/// `PUT /api/v2/users/{user}/appearance`. What is left out stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UpdateUserAppearanceSettingsRequest {
    pub theme_preference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme_mode: Option<ThemeMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme_light: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme_dark: Option<String>,
    pub terminal_font: TerminalFont,
}

/// Preferences of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserPreferenceSettings {
    pub task_notification_alert_dismissed: bool,
    pub thinking_display_mode: ThinkingDisplayMode,
    pub shell_tool_display_mode: AgentDisplayMode,
    pub code_diff_display_mode: AgentDisplayMode,
    pub agent_chat_send_shortcut: ChatSendShortcut,
}

/// `PUT /api/v2/users/{user}/preferences`. What is left out stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct UpdateUserPreferenceSettingsRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_notification_alert_dismissed: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_display_mode: Option<ThinkingDisplayMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell_tool_display_mode: Option<AgentDisplayMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_diff_display_mode: Option<AgentDisplayMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_chat_send_shortcut: Option<ChatSendShortcut>,
}

/// When an account's workspaces may be restarted for maintenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserQuietHoursScheduleResponse {
    /// `CRON_TZ=<zone> <minute> <hour> * * *`.
    pub raw_schedule: String,
    /// Whether the account chose it.
    pub user_set: bool,
    /// Whether the account may choose it.
    pub user_can_set: bool,
    /// The time of day as `15:04`.
    pub time: String,
    pub timezone: String,
    pub next: DateTime<Utc>,
}

/// `PUT /api/v2/users/{user}/quiet-hours`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UpdateUserQuietHoursScheduleRequest {
    /// `CRON_TZ=<zone> <minute> <hour> * * *`; empty for the deployment's.
    pub schedule: String,
}

/// The public half of an account's key for Git over SSH.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GitSshKey {
    pub user_id: UserId,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub public_key: String,
}

/// A parameter value that an account used last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserParameter {
    pub name: String,
    pub value: String,
}
