//! What an account chooses for itself: looks and preferences, one stored row per setting.

use std::{collections::BTreeMap, str::FromStr};

use warren_authz::{Action, Object};
use warren_db::{
    entity::users,
    query::{self, autofill},
};
use warren_vocab::{
    AgentDisplayMode, ChatSendShortcut, TemplateId, TerminalFont, ThemeMode, ThinkingDisplayMode, UserId,
};

use crate::{
    App,
    actor::Actor,
    audit::{self, Entry},
    error::{AppResult, Explanation},
};

/// The longest name of a theme, in bytes.
const THEME_BYTES_MAX: usize = 64;
/// Themes of the light and of the dark mode.
const THEMES: &[&str] =
    &["light", "light-protan-deuter", "light-tritan", "dark", "dark-protan-deuter", "dark-tritan"];

/// How the dashboard looks. Empty texts stand for what the account did not choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appearance {
    pub theme_preference: String,
    pub theme_mode: ThemeMode,
    pub theme_light: String,
    pub theme_dark: String,
    pub terminal_font: TerminalFont,
}

/// Changes of the looks; `None` keeps what there is.
#[derive(Debug, Clone)]
pub struct NewAppearance {
    pub theme_preference: String,
    pub theme_mode: Option<ThemeMode>,
    pub theme_light: Option<String>,
    pub theme_dark: Option<String>,
    pub terminal_font: TerminalFont,
}

/// Preferences of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    pub task_notification_alert_dismissed: bool,
    pub thinking_display_mode: ThinkingDisplayMode,
    pub shell_tool_display_mode: AgentDisplayMode,
    pub code_diff_display_mode: AgentDisplayMode,
    pub agent_chat_send_shortcut: ChatSendShortcut,
}

/// Changes of preferences; `None` keeps what there is.
#[derive(Debug, Clone, Default)]
pub struct NewPreferences {
    pub task_notification_alert_dismissed: Option<bool>,
    pub thinking_display_mode: Option<ThinkingDisplayMode>,
    pub shell_tool_display_mode: Option<AgentDisplayMode>,
    pub code_diff_display_mode: Option<AgentDisplayMode>,
    pub agent_chat_send_shortcut: Option<ChatSendShortcut>,
}

impl App {
    /// How the dashboard looks for an account.
    pub async fn appearance(&self, actor: &Actor, user: &users::Model) -> AppResult<Appearance> {
        let settings = self.settings(actor, user).await?;
        let text = |key: &str| settings.get(key).cloned().unwrap_or_default();
        Ok(Appearance {
            theme_preference: text("theme_preference"),
            theme_mode: word(&settings, "theme_mode", ThemeMode::Unset),
            theme_light: text("theme_light"),
            theme_dark: text("theme_dark"),
            terminal_font: word(&settings, "terminal_font", TerminalFont::Unset),
        })
    }

    /// Changes how the dashboard looks for an account.
    ///
    /// # Errors
    /// Invalid for a theme that there is not.
    pub async fn set_appearance(
        &self,
        actor: &Actor,
        user: &users::Model,
        new: NewAppearance,
    ) -> AppResult<Appearance> {
        check(&new)?;
        let mut changes = vec![
            ("theme_preference", new.theme_preference),
            ("terminal_font", new.terminal_font.to_string()),
        ];
        changes.extend(new.theme_mode.map(|mode| ("theme_mode", mode.to_string())));
        changes.extend(new.theme_light.map(|theme| ("theme_light", theme)));
        changes.extend(new.theme_dark.map(|theme| ("theme_dark", theme)));
        self.set_settings(actor, user, changes).await?;
        self.appearance(actor, user).await
    }

    /// The preferences of an account.
    pub async fn preferences(&self, actor: &Actor, user: &users::Model) -> AppResult<Preferences> {
        let settings = self.settings(actor, user).await?;
        let auto = AgentDisplayMode::Auto;
        Ok(Preferences {
            task_notification_alert_dismissed: word(&settings, "task_notification_alert_dismissed", false),
            thinking_display_mode: word(&settings, "thinking_display_mode", ThinkingDisplayMode::Auto),
            shell_tool_display_mode: word(&settings, "shell_tool_display_mode", auto),
            code_diff_display_mode: word(&settings, "code_diff_display_mode", auto),
            agent_chat_send_shortcut: word(&settings, "agent_chat_send_shortcut", ChatSendShortcut::Enter),
        })
    }

    /// Changes the preferences of an account.
    pub async fn set_preferences(
        &self,
        actor: &Actor,
        user: &users::Model,
        new: NewPreferences,
    ) -> AppResult<Preferences> {
        let text = |key, value: Option<String>| value.map(|value| (key, value));
        let changes = [
            text(
                "task_notification_alert_dismissed",
                new.task_notification_alert_dismissed.map(|flag| flag.to_string()),
            ),
            text("thinking_display_mode", new.thinking_display_mode.map(|one| one.to_string())),
            text("shell_tool_display_mode", new.shell_tool_display_mode.map(|one| one.to_string())),
            text("code_diff_display_mode", new.code_diff_display_mode.map(|one| one.to_string())),
            text("agent_chat_send_shortcut", new.agent_chat_send_shortcut.map(|one| one.to_string())),
        ];
        self.set_settings(actor, user, changes.into_iter().flatten().collect()).await?;
        self.preferences(actor, user).await
    }

    /// The values that an account last gave to the parameters of a template.
    pub async fn autofill_parameters(
        &self,
        actor: &Actor,
        user: &users::Model,
        template: TemplateId,
    ) -> AppResult<Vec<(String, String)>> {
        let id = UserId::from_uuid(user.id);
        actor.check(Action::ReadPersonal, &Object::user(id))?;
        Ok(autofill::last_values(self.db().reader(), id, template).await?)
    }

    async fn settings(&self, actor: &Actor, user: &users::Model) -> AppResult<BTreeMap<String, String>> {
        let id = UserId::from_uuid(user.id);
        actor.check(Action::ReadPersonal, &Object::user(id))?;
        Ok(query::user_settings::of_user(self.db().reader(), id).await?)
    }

    async fn set_settings(
        &self,
        actor: &Actor,
        user: &users::Model,
        changes: Vec<(&'static str, String)>,
    ) -> AppResult<()> {
        let id = UserId::from_uuid(user.id);
        actor.check(Action::UpdatePersonal, &Object::user(id))?;
        super::check_may_change(actor, user)?;
        let names: Vec<_> = changes.iter().map(|(key, _)| *key).collect();
        self.db()
            .write(async |tx| {
                query::user_settings::set(tx, id, changes).await?;
                let entry = Entry::write(user, user).field("settings", names);
                Ok(audit::record(tx, actor, entry).await?)
            })
            .await
    }
}

fn check(new: &NewAppearance) -> AppResult<()> {
    let mut wrong = Explanation::new("Validation failed.");
    if new.theme_preference.is_empty() || new.theme_preference.len() > THEME_BYTES_MAX {
        wrong = wrong.field("theme_preference", "must be the name of a theme");
    }
    for (field, theme) in [("theme_light", &new.theme_light), ("theme_dark", &new.theme_dark)] {
        if theme.as_ref().is_some_and(|theme| !THEMES.contains(&theme.as_str())) {
            wrong = wrong.field(field, format!("must be one of {}", THEMES.join(", ")));
        }
    }
    wrong.refuse_if_any()
}

/// A stored word; one of a later version counts as not chosen.
fn word<T: FromStr>(settings: &BTreeMap<String, String>, key: &str, default: T) -> T {
    settings.get(key).and_then(|text| text.parse().ok()).unwrap_or(default)
}
