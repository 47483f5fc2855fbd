//! Settings of chats: of the deployment, which administrators make, and of single accounts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, de::DeserializeOwned};
use warren_audit::{Entry, record};
use warren_authz::{Action, Object, Resource, Subject, check};
use warren_chat_proto::approval::Rule;
use warren_db::{
    ConnectionTrait, Tx,
    entity::{deployment_settings, users},
    query,
};
use warren_vocab::{AuditAction, ModelConfigId, TemplateId, UserId};

use crate::{
    commands::sanitised,
    error::{ChatResult, ChatServiceError},
    rows,
    service::{Caller, ChatService},
    store::settings::{
        self, AUTO_ARCHIVE_DAYS, INCLUDE_DEFAULT_PROMPT, RETENTION_DAYS, RETENTION_DAYS_DEFAULT,
        SYSTEM_PROMPT, TEMPLATE_ALLOWLIST, TITLE_MODEL, USER_PROMPT, USER_THRESHOLDS, WORKSPACE_TTL,
    },
    tools::approvals::TOOL_APPROVALS,
    turn::INSTRUCTIONS,
};

const PROMPT_BYTES_MAX: usize = 128 * 1024;
const DAYS_MAX: i64 = 3650;
const RULES_MAX: usize = 200;
const PATTERN_BYTES_MAX: usize = 1024;
const MINUTE_MS: i64 = 60 * 1000;
const TTL_MS_MAX: i64 = 30 * 24 * 60 * MINUTE_MS;

/// What every model is told first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemPrompt {
    pub text: String,
    /// Whether the built-in prompt comes before it.
    pub includes_default: bool,
    pub default: &'static str,
}

/// The model that makes titles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TitleModel {
    /// The chat's own when absent.
    pub model: Option<ModelConfigId>,
    /// What is stored cannot be read and counts as absent.
    pub is_malformed: bool,
}

/// The words that every model of the deployment is told before those of the chat.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn deployment_prompt(connection: &impl ConnectionTrait) -> ChatResult<SystemPrompt> {
    let text: Option<String> = settings::get(connection, SYSTEM_PROMPT).await?;
    let includes_default: Option<bool> = settings::get(connection, INCLUDE_DEFAULT_PROMPT).await?;
    Ok(SystemPrompt {
        text: text.unwrap_or_default(),
        includes_default: includes_default.unwrap_or(true),
        default: INSTRUCTIONS,
    })
}

/// What an account wants every model to be told; empty when nothing.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn prompt_of(connection: &impl ConnectionTrait, user: UserId) -> ChatResult<String> {
    Ok(query::user_settings::of_user(connection, user).await?.remove(USER_PROMPT).unwrap_or_default())
}

/// At which percent of each model's context an account wants its chats compacted.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn thresholds_of(
    connection: &impl ConnectionTrait,
    user: UserId,
) -> ChatResult<BTreeMap<ModelConfigId, i32>> {
    let stored = query::user_settings::of_user(connection, user).await?.remove(USER_THRESHOLDS);
    Ok(stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// The model that makes titles.
///
/// # Errors
/// Fails on database errors.
pub(crate) async fn title_model(connection: &impl ConnectionTrait) -> ChatResult<TitleModel> {
    let row = query::deployment_settings::get(connection, TITLE_MODEL).await?;
    let Some(row) = row.filter(|row| !row.value.is_null()) else {
        return Ok(TitleModel { model: None, is_malformed: false });
    };
    let model = serde_json::from_value(row.value).ok();
    Ok(TitleModel { model, is_malformed: model.is_none() })
}

impl ChatService {
    /// The deployment's prompt.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] for those who do not administer the deployment, as for every setting of theirs.
    pub async fn system_prompt(&self, subject: &Subject) -> ChatResult<SystemPrompt> {
        sees_settings(subject)?;
        deployment_prompt(self.db().reader()).await
    }

    /// Changes the deployment's prompt.
    ///
    /// # Errors
    /// Invalid when it is too long.
    pub async fn set_system_prompt(
        &self,
        caller: Caller<'_>,
        text: &str,
        includes_default: Option<bool>,
    ) -> ChatResult<()> {
        makes_settings(caller.subject)?;
        let text = checked_prompt("system_prompt", text)?;
        let written = self.db().write(async |tx: &Tx| {
            if let Some(includes_default) = includes_default {
                settings::put(tx, INCLUDE_DEFAULT_PROMPT, &includes_default).await?;
            }
            put(tx, caller, SYSTEM_PROMPT, &text).await
        });
        written.await
    }

    /// Days that archived chats are kept, for everybody to know.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn retention_days(&self) -> ChatResult<i64> {
        let days: Option<u32> = settings::get(self.db().reader(), RETENTION_DAYS).await?;
        Ok(days.unwrap_or(RETENTION_DAYS_DEFAULT).into())
    }

    /// Changes how long archived chats are kept; 0 for ever.
    ///
    /// # Errors
    /// Invalid for a number out of range.
    pub async fn set_retention_days(&self, caller: Caller<'_>, days: i64) -> ChatResult<()> {
        self.set(caller, RETENTION_DAYS, || checked_days("retention_days", days)).await
    }

    /// Days without use after which chats are archived, for everybody to know.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn auto_archive_days(&self) -> ChatResult<i64> {
        let days: Option<u32> = settings::get(self.db().reader(), AUTO_ARCHIVE_DAYS).await?;
        Ok(days.unwrap_or_default().into())
    }

    /// Changes after how many days chats are archived; 0 never.
    ///
    /// # Errors
    /// Invalid for a number out of range.
    pub async fn set_auto_archive_days(&self, caller: Caller<'_>, days: i64) -> ChatResult<()> {
        self.set(caller, AUTO_ARCHIVE_DAYS, || checked_days("auto_archive_days", days)).await
    }

    /// How long workspaces that chats make run, in milliseconds, for everybody to know; 0 leaves it to their templates.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn workspace_ttl_ms(&self) -> ChatResult<i64> {
        Ok(settings::get(self.db().reader(), WORKSPACE_TTL).await?.unwrap_or_default())
    }

    /// Changes how long workspaces that chats make run.
    ///
    /// # Errors
    /// Invalid for a time out of range.
    pub async fn set_workspace_ttl_ms(&self, caller: Caller<'_>, ms: i64) -> ChatResult<()> {
        let check = || {
            if ms == 0 || (MINUTE_MS..=TTL_MS_MAX).contains(&ms) {
                return Ok(ms);
            }
            let message = "The time must be 0 or between 1 minute and 30 days.";
            Err(ChatServiceError::invalid("workspace_ttl_ms", message))
        };
        self.set(caller, WORKSPACE_TTL, check).await
    }

    /// The templates that chats may use; all when empty.
    ///
    /// # Errors
    /// See [`ChatService::system_prompt`].
    pub async fn template_allowlist(&self, subject: &Subject) -> ChatResult<BTreeSet<TemplateId>> {
        sees_settings(subject)?;
        Ok(settings::get(self.db().reader(), TEMPLATE_ALLOWLIST).await?.unwrap_or_default())
    }

    /// Changes which templates chats may use.
    ///
    /// # Errors
    /// Invalid for templates that do not exist or are deprecated.
    pub async fn set_template_allowlist(
        &self,
        caller: Caller<'_>,
        templates: BTreeSet<TemplateId>,
    ) -> ChatResult<()> {
        makes_settings(caller.subject)?;
        let ids: Vec<_> = templates.iter().map(|id| id.as_uuid()).collect();
        let found = query::templates::by_ids(self.db().reader(), &ids).await?;
        let is_usable = |id: &TemplateId| {
            let row = found.iter().find(|row| row.id == id.as_uuid());
            row.is_some_and(|row| !row.deleted && row.deprecation_message.is_empty())
        };
        if let Some(wrong) = templates.iter().find(|id| !is_usable(id)) {
            let message = format!("The template {wrong} does not exist or is deprecated.");
            return Err(ChatServiceError::invalid("template_ids", message));
        }
        self.set(caller, TEMPLATE_ALLOWLIST, || Ok(templates)).await
    }

    /// The model that makes titles.
    ///
    /// # Errors
    /// See [`ChatService::system_prompt`].
    pub async fn title_model(&self, subject: &Subject) -> ChatResult<TitleModel> {
        sees_settings(subject)?;
        title_model(self.db().reader()).await
    }

    /// Changes which model makes titles.
    ///
    /// # Errors
    /// Invalid for a model that does not exist or is turned off.
    pub async fn set_title_model(&self, caller: Caller<'_>, model: Option<ModelConfigId>) -> ChatResult<()> {
        makes_settings(caller.subject)?;
        if model.is_some() {
            self.model_for(model, None).await?;
        }
        self.set(caller, TITLE_MODEL, || Ok(model)).await
    }

    /// The deployment's approval rules.
    ///
    /// # Errors
    /// See [`ChatService::system_prompt`].
    pub async fn tool_approvals(&self, subject: &Subject) -> ChatResult<Vec<Rule>> {
        sees_settings(subject)?;
        Ok(settings::get(self.db().reader(), TOOL_APPROVALS).await?.unwrap_or_default())
    }

    /// Changes the deployment's approval rules.
    ///
    /// # Errors
    /// Invalid for a pattern that cannot be read.
    pub async fn set_tool_approvals(&self, caller: Caller<'_>, rules: Vec<Rule>) -> ChatResult<()> {
        self.set(caller, TOOL_APPROVALS, || checked_rules(rules)).await
    }

    /// What the caller wants every model to be told.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn user_prompt(&self, subject: &Subject) -> ChatResult<String> {
        check(subject, Action::ReadPersonal, &Object::user(subject.user))?;
        prompt_of(self.db().reader(), subject.user).await
    }

    /// Changes what the caller wants every model to be told. Gives what is kept of it.
    ///
    /// # Errors
    /// Invalid when it is too long.
    pub async fn set_user_prompt(&self, caller: Caller<'_>, text: &str) -> ChatResult<String> {
        let text = checked_prompt("custom_prompt", text)?;
        self.set_own(caller, USER_PROMPT, text.clone()).await?;
        Ok(text)
    }

    /// When the caller wants chats compacted, by model.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn thresholds(&self, subject: &Subject) -> ChatResult<BTreeMap<ModelConfigId, i32>> {
        check(subject, Action::ReadPersonal, &Object::user(subject.user))?;
        thresholds_of(self.db().reader(), subject.user).await
    }

    /// Changes when the caller wants the chats of a model compacted; `None` leaves it to the model.
    ///
    /// # Errors
    /// Invalid for a number out of range or a model that is turned off.
    pub async fn set_threshold(
        &self,
        caller: Caller<'_>,
        model: ModelConfigId,
        percent: Option<i32>,
    ) -> ChatResult<()> {
        let found = query::chat_model_configs::by_id(self.db().reader(), model).await?;
        let found = found.ok_or(ChatServiceError::NotFound)?;
        if let Some(percent) = percent {
            if !(0..=100).contains(&percent) {
                let message = "The threshold must be between 0 and 100 percent.";
                return Err(ChatServiceError::invalid("threshold_percent", message));
            }
            if found.deleted {
                return Err(ChatServiceError::NotFound);
            }
            if !found.enabled {
                return Err(ChatServiceError::invalid("model_config_id", "This model is turned off."));
            }
        }
        let user = caller.subject.user;
        check(caller.subject, Action::UpdatePersonal, &Object::user(user))?;
        let written = self.db().write(async |tx: &Tx| {
            // All models share one setting, so changes of two of them must not overlap.
            let row = query::users::locked(tx, user).await?.ok_or(ChatServiceError::NotFound)?;
            let mut thresholds = thresholds_of(tx, user).await?;
            match percent {
                Some(percent) => thresholds.insert(model, percent),
                None => thresholds.remove(&model),
            };
            put_own(tx, caller, &row, USER_THRESHOLDS, rows::json(&thresholds).to_string()).await
        });
        written.await
    }

    /// The caller's approval rules.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn user_tool_approvals(&self, subject: &Subject) -> ChatResult<Vec<Rule>> {
        check(subject, Action::ReadPersonal, &Object::user(subject.user))?;
        let stored = query::user_settings::of_user(self.db().reader(), subject.user).await?;
        let rules = stored.get(TOOL_APPROVALS).and_then(|text| serde_json::from_str(text).ok());
        Ok(rules.unwrap_or_default())
    }

    /// Changes the caller's approval rules.
    ///
    /// # Errors
    /// Invalid for a pattern that cannot be read.
    pub async fn set_user_tool_approvals(&self, caller: Caller<'_>, rules: Vec<Rule>) -> ChatResult<()> {
        let rules = rows::json(&checked_rules(rules)?).to_string();
        self.set_own(caller, TOOL_APPROVALS, rules).await
    }

    async fn set<T: Serialize + DeserializeOwned>(
        &self,
        caller: Caller<'_>,
        key: &'static str,
        checked: impl FnOnce() -> ChatResult<T>,
    ) -> ChatResult<()> {
        makes_settings(caller.subject)?;
        let value = checked()?;
        self.db().write(async |tx: &Tx| put(tx, caller, key, &value).await).await
    }

    async fn set_own(&self, caller: Caller<'_>, key: &'static str, value: String) -> ChatResult<()> {
        let user = caller.subject.user;
        check(caller.subject, Action::UpdatePersonal, &Object::user(user))?;
        let written = self.db().write(async |tx: &Tx| {
            let row = query::users::by_id(tx, user).await?.ok_or(ChatServiceError::NotFound)?;
            put_own(tx, caller, &row, key, value).await
        });
        written.await
    }
}

async fn put_own(
    tx: &Tx,
    caller: Caller<'_>,
    row: &users::Model,
    key: &'static str,
    value: String,
) -> ChatResult<()> {
    query::user_settings::set(tx, caller.subject.user, vec![(key, value)]).await?;
    Ok(record(tx, caller, Entry::write(row, row).field("settings", vec![key])).await?)
}

async fn put<T: Serialize>(tx: &Tx, caller: Caller<'_>, key: &'static str, value: &T) -> ChatResult<()> {
    let old = query::deployment_settings::get(tx, key).await?;
    settings::put(tx, key, value).await?;
    let updated_at = query::clock::now(tx).await?;
    let new = deployment_settings::Model { key: key.to_owned(), value: rows::json(value), updated_at };
    let entry = match &old {
        Some(old) => Entry::write(old, &new),
        None => Entry::create(&new).action(AuditAction::Write),
    };
    Ok(record(tx, caller, entry).await?)
}

/// Settings of administrators do not exist for others.
fn sees_settings(subject: &Subject) -> ChatResult<()> {
    makes_settings(subject).map_err(|_| ChatServiceError::NotFound)
}

pub(crate) fn makes_settings(subject: &Subject) -> ChatResult<()> {
    Ok(check(subject, Action::Update, &Object::site(Resource::DeploymentConfig))?)
}

fn checked_prompt(field: &'static str, text: &str) -> ChatResult<String> {
    let text = sanitised(text);
    if text.len() <= PROMPT_BYTES_MAX {
        return Ok(text);
    }
    Err(ChatServiceError::invalid(field, "The prompt must have at most 128 KiB."))
}

fn checked_days(field: &'static str, days: i64) -> ChatResult<i64> {
    if (0..=DAYS_MAX).contains(&days) {
        return Ok(days);
    }
    Err(ChatServiceError::invalid(field, format!("The number of days must be between 0 and {DAYS_MAX}.")))
}

fn checked_rules(rules: Vec<Rule>) -> ChatResult<Vec<Rule>> {
    let invalid = |message: String| Err(ChatServiceError::invalid("rules", message));
    if rules.len() > RULES_MAX {
        return invalid(format!("At most {RULES_MAX} rules can be made."));
    }
    for rule in &rules {
        let patterns = [Some(&rule.tool), rule.path.as_ref(), rule.command.as_ref()];
        for pattern in patterns.into_iter().flatten() {
            if pattern.is_empty() || pattern.len() > PATTERN_BYTES_MAX {
                return invalid(format!(
                    "A pattern must have 1 to {PATTERN_BYTES_MAX} bytes; leave out what a rule does not look at."
                ));
            }
        }
        if let Err(error) = rule.check() {
            return invalid(format!("A rule cannot be used: {error}."));
        }
    }
    Ok(rules)
}
