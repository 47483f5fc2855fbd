//! `list_templates` and `read_template`: what workspaces of chats can be made from.
//!
//! Owns the order: how well a template fits the words, then how much its use speaks for it.

use std::{cmp::Reverse, collections::BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use warren_app::{AppError, templates::TemplateDetail};
use warren_chat::{ListTemplates, ToolContext, ToolError};
use warren_db::{
    entity::{template_version_parameters, workspaces},
    query::{self, Page},
};
use warren_vocab::{OrganizationId, TemplateId, TemplateVersionId, UserId};

use super::{ChatTools, failed};

const PAGE_LEN: usize = 10;
/// Workspaces that were not used for longer say nothing about what the user wants now.
const AFFINITY_DAYS: i64 = 60;
/// Use is worth half as much after this time.
const HALF_LIFE_DAYS: f64 = 14.0;
/// A winner is at least this many times as good as the next.
const CLEAR_LEAD: f64 = 2.0;
const DESCRIPTION_CHARS_MAX: usize = 300;
const README_CHARS_MAX: usize = 8000;
const README_EXCERPT_CHARS_MAX: usize = 300;
/// The setting with the templates that chats may use; all of them when it is empty or not set.
const ALLOWLIST: &str = "agents_template_allowlist";

/// A template with what its place depends on.
struct Ranked {
    detail: TemplateDetail,
    tier: u8,
    affinity: f64,
    n_own: usize,
    last_used: Option<DateTime<Utc>>,
}

impl ChatTools {
    pub(super) async fn list_templates(
        &self,
        context: &ToolContext,
        arguments: ListTemplates,
    ) -> Result<Value, ToolError> {
        let actor = self.actor(context.owner).await?;
        let found = self.app.list_templates(&actor, Some(context.organization)).await.map_err(failed)?;
        let allowed = self.allowed_templates().await?;
        let own = self.own_workspaces(context.owner, context.organization).await?;
        let words = arguments.query.unwrap_or_default();
        let usable = found.into_iter().filter(|detail| {
            detail.template.deprecation_message.is_empty() && is_allowed(&allowed, detail.template.id)
        });
        let ranked = rank(usable.collect(), &own, &words, self.app.now());
        let page = usize::try_from(arguments.page.unwrap_or(1).max(1)).unwrap_or(usize::MAX);
        let mut shown = Vec::new();
        for ranked in ranked.iter().skip((page - 1).saturating_mul(PAGE_LEN)).take(PAGE_LEN) {
            shown.push(self.shown_template(ranked).await?);
        }
        let n_before = (page - 1).saturating_mul(PAGE_LEN).saturating_add(shown.len());
        let recommended = recommended(&ranked);
        let next_step = next_step(shown.len(), &words, recommended);
        let mut value = json!({ "templates": shown, "page": page, "next_step": next_step });
        if n_before < ranked.len() && page * PAGE_LEN == n_before {
            value["next_page"] = json!(page + 1);
        }
        if let Some(id) = recommended {
            value["recommended_template_id"] = json!(id);
        }
        Ok(value)
    }

    pub(super) async fn read_template(
        &self,
        context: &ToolContext,
        id: TemplateId,
    ) -> Result<Value, ToolError> {
        let detail = self.usable_template(context, id).await?;
        let actor = self.actor(context.owner).await?;
        let version = TemplateVersionId::from_uuid(detail.template.active_version_id);
        let parameters = self.app.version_parameters(&actor, version).await.map_err(failed)?;
        let template = &detail.template;
        let mut value = json!({
            "template": {
                "id": template.id,
                "name": template.name,
                "display_name": template.display_name,
                "description": template.description,
                "active_developers": detail.active_user_count,
                "active_version_id": template.active_version_id,
            },
            "parameters": parameters.iter().map(shown_parameter).collect::<Vec<_>>(),
            "presets": [],
        });
        let readme = self.readme(version).await?;
        if !readme.is_empty() {
            value["readme"] = json!(clipped(&readme, README_CHARS_MAX));
        }
        Ok(value)
    }

    /// Finds a template that the chat may use.
    pub(super) async fn usable_template(
        &self,
        context: &ToolContext,
        id: TemplateId,
    ) -> Result<TemplateDetail, ToolError> {
        let actor = self.actor(context.owner).await?;
        let unknown = || {
            let text = "There is no such template. Use list_templates to find one.";
            ToolError::new(text).code("not_found")
        };
        let detail = self.app.find_template(&actor, id).await.map_err(|error| match error {
            AppError::NotFound => unknown(),
            other => failed(other),
        })?;
        if OrganizationId::from_uuid(detail.template.organization_id) != context.organization {
            let text = "The template belongs to another organization than this chat. Use list_templates.";
            return Err(ToolError::new(text).code("forbidden"));
        }
        if !is_allowed(&self.allowed_templates().await?, detail.template.id) {
            let text = "The administrator does not allow chats to use this template. Use list_templates.";
            return Err(ToolError::new(text).code("template_not_allowed"));
        }
        Ok(detail)
    }

    /// Absent when every template is allowed.
    async fn allowed_templates(&self) -> Result<Option<BTreeSet<TemplateId>>, ToolError> {
        let row = query::deployment_settings::get(self.app.db().reader(), ALLOWLIST).await;
        let row = row.map_err(|error| failed(error.into()))?;
        let Some(value) = row.map(|row| row.value) else { return Ok(None) };
        let list = value.get("template_ids").cloned().unwrap_or(value);
        match serde_json::from_value::<BTreeSet<TemplateId>>(list) {
            Ok(ids) if ids.is_empty() => Ok(None),
            Ok(ids) => Ok(Some(ids)),
            Err(error) => {
                // A list that nobody can read must not open what it was meant to close.
                tracing::error!(%error, "the list of templates for chats cannot be read");
                Ok(Some(BTreeSet::new()))
            }
        }
    }

    async fn own_workspaces(
        &self,
        owner: UserId,
        organization: OrganizationId,
    ) -> Result<Vec<workspaces::Model>, ToolError> {
        let mut own = Vec::new();
        for deleted in [false, true] {
            let filter = query::workspaces::Filter {
                owner: Some(owner),
                organization: Some(organization),
                deleted,
                last_used_after: Some(self.app.now() - TimeDelta::days(AFFINITY_DAYS)),
                ..query::workspaces::Filter::default()
            };
            let page = Page { limit: 500, offset: 0 };
            let found = query::workspaces::list(self.app.db().reader(), &filter, page).await;
            own.extend(found.map_err(|error| failed(error.into()))?);
        }
        Ok(own)
    }

    async fn readme(&self, version: TemplateVersionId) -> Result<String, ToolError> {
        let row = query::template_versions::by_id(self.app.db().reader(), version).await;
        Ok(row.map_err(|error| failed(error.into()))?.map(|row| row.readme).unwrap_or_default())
    }

    async fn shown_template(&self, ranked: &Ranked) -> Result<Value, ToolError> {
        let template = &ranked.detail.template;
        let mut value = json!({
            "id": template.id,
            "name": template.name,
            "active_developers": ranked.detail.active_user_count,
            "your_workspace_count": ranked.n_own,
        });
        if !template.display_name.is_empty() {
            value["display_name"] = json!(template.display_name);
        }
        if template.description.is_empty() {
            let readme = self.readme(TemplateVersionId::from_uuid(template.active_version_id)).await?;
            if !readme.trim().is_empty() {
                value["readme_excerpt"] = json!(clipped(readme.trim(), README_EXCERPT_CHARS_MAX));
            }
        } else {
            value["description"] = json!(clipped(&template.description, DESCRIPTION_CHARS_MAX));
        }
        if let Some(at) = ranked.last_used {
            value["last_used_by_you"] = json!(at);
        }
        Ok(value)
    }
}

fn is_allowed(allowed: &Option<BTreeSet<TemplateId>>, id: uuid::Uuid) -> bool {
    allowed.as_ref().is_none_or(|allowed| allowed.contains(&TemplateId::from_uuid(id)))
}

/// Best first; what does not fit the words at all is left out.
fn rank(
    found: Vec<TemplateDetail>,
    own: &[workspaces::Model],
    words: &str,
    now: DateTime<Utc>,
) -> Vec<Ranked> {
    let ranked = found.into_iter().filter_map(|detail| {
        let template = &detail.template;
        let tier = tier(&template.name, &template.display_name, &template.description, words)?;
        let mine = || own.iter().filter(|workspace| workspace.template_id == template.id);
        let last_used = mine().map(|workspace| workspace.last_used_at).max();
        let n_live = mine().filter(|workspace| !workspace.deleted).count();
        let n_deleted = mine().count() - n_live;
        let age = last_used.map_or(TimeDelta::zero(), |at| (now - at).max(TimeDelta::zero()));
        let affinity = affinity(n_live, n_deleted, age, detail.active_user_count);
        Some(Ranked { detail, tier, affinity, n_own: n_live, last_used })
    });
    let mut ranked: Vec<_> = ranked.collect();
    ranked.sort_by(|a, b| {
        let best = Reverse(a.tier).cmp(&Reverse(b.tier)).then(b.affinity.total_cmp(&a.affinity));
        best.then_with(|| a.detail.template.name.cmp(&b.detail.template.name))
    });
    ranked
}

/// How well a template fits: its whole name, the beginning of it, a part of it, its description.
fn tier(name: &str, display_name: &str, description: &str, words: &str) -> Option<u8> {
    let words = normalized(words);
    if words.is_empty() {
        return Some(0);
    }
    let names = [normalized(name), normalized(display_name)];
    let any = |fits: &dyn Fn(&String) -> bool| names.iter().any(fits);
    if any(&|name| *name == words) {
        Some(4)
    } else if any(&|name| name.starts_with(&words)) {
        Some(3)
    } else if any(&|name| name.contains(&words)) {
        Some(2)
    } else {
        normalized(description).contains(&words).then_some(1)
    }
}

fn normalized(text: &str) -> String {
    let plain = text.chars().filter(|c| !c.is_whitespace() && *c != '-' && *c != '_');
    plain.flat_map(char::to_lowercase).collect()
}

/// The user's own workspaces count most, recent use more than old, and the number of others who use it a little.
fn affinity(n_live: usize, n_deleted: usize, age: TimeDelta, n_developers: i64) -> f64 {
    let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    let days = age.as_seconds_f64() / 86_400.0;
    let own = 10.0 * (count(n_live) + 0.5 * count(n_deleted)) * 0.5_f64.powf(days / HALF_LIFE_DAYS);
    let developers = f64::from(u32::try_from(n_developers.max(0)).unwrap_or(u32::MAX));
    own + developers.ln_1p()
}

/// The first template, if nobody would hesitate between it and the second.
fn recommended(ranked: &[Ranked]) -> Option<TemplateId> {
    let weight = |ranked: &Ranked| (ranked.tier, ranked.affinity);
    let first = ranked.first()?;
    let is_clear = is_clear_winner(weight(first), ranked.get(1).map(weight));
    is_clear.then(|| TemplateId::from_uuid(first.detail.template.id))
}

/// Compares tier and affinity.
fn is_clear_winner(first: (u8, f64), second: Option<(u8, f64)>) -> bool {
    match second {
        None => true,
        Some(second) if second.0 == first.0 => first.1 > 0.0 && first.1 >= CLEAR_LEAD * second.1,
        Some(_) => first.0 >= 3,
    }
}

fn next_step(n_shown: usize, words: &str, recommended: Option<TemplateId>) -> String {
    match (n_shown, recommended) {
        (0, _) if words.trim().is_empty() => {
            "There are no templates that this chat may use. Tell the user that an administrator must push or allow one.".into()
        }
        (0, _) => "Nothing matches. Try again without a query.".into(),
        (_, Some(id)) => format!(
            "Use the template {id}. Look at its parameters with read_template, then use create_workspace."
        ),
        (_, None) => "No template is clearly the right one. If the task does not decide it, ask the user which to use; then use read_template and create_workspace.".into(),
    }
}

fn shown_parameter(row: &template_version_parameters::Model) -> Value {
    let mut value = json!({
        "name": row.name,
        "type": row.type_,
        "required": row.required,
        "default": row.default_value,
        "description": row.description,
        "mutable": row.mutable,
        "options": row.options,
    });
    if !row.validation_regex.is_empty() {
        value["validation"]["regex"] = json!(row.validation_regex);
    }
    for (name, limit) in [("min", row.validation_min), ("max", row.validation_max)] {
        if let Some(limit) = limit {
            value["validation"][name] = json!(limit);
        }
    }
    value
}

fn clipped(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
