//! What an account chooses for itself.

use warren_api::user_settings::{
    GitSshKey, UserAppearanceSettings, UserPreferenceSettings, UserQuietHoursScheduleResponse,
};
use warren_app::users::{
    quiet_hours::QuietHours,
    settings::{Appearance, Preferences},
};
use warren_db::entity::git_ssh_keys;
use warren_vocab::UserId;

/// Shows how the dashboard looks.
pub(crate) fn appearance(appearance: Appearance) -> UserAppearanceSettings {
    let Appearance { theme_preference, theme_mode, theme_light, theme_dark, terminal_font } = appearance;
    UserAppearanceSettings { theme_preference, theme_mode, theme_light, theme_dark, terminal_font }
}

/// Shows preferences.
pub(crate) fn preferences(preferences: Preferences) -> UserPreferenceSettings {
    UserPreferenceSettings {
        task_notification_alert_dismissed: preferences.task_notification_alert_dismissed,
        thinking_display_mode: preferences.thinking_display_mode,
        shell_tool_display_mode: preferences.shell_tool_display_mode,
        code_diff_display_mode: preferences.code_diff_display_mode,
        agent_chat_send_shortcut: preferences.agent_chat_send_shortcut,
    }
}

/// Shows the public half of a key pair.
pub(crate) fn git_ssh_key(key: git_ssh_keys::Model) -> GitSshKey {
    GitSshKey {
        user_id: UserId::from_uuid(key.user_id),
        created_at: key.created_at,
        updated_at: key.updated_at,
        public_key: key.public_key,
    }
}

/// Shows quiet hours.
pub(crate) fn quiet_hours(hours: QuietHours) -> UserQuietHoursScheduleResponse {
    let QuietHours { raw_schedule, is_chosen, time, timezone, next } = hours;
    UserQuietHoursScheduleResponse {
        raw_schedule,
        user_set: is_chosen,
        user_can_set: true,
        time,
        timezone,
        next,
    }
}
