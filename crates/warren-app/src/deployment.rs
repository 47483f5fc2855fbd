//! The deployment as a whole: what owners set for everybody, and what operators count.

use serde::{Deserialize, Serialize};
use warren_audit::{Entry, record};
use warren_authz::{Action, Object, Resource};
use warren_build_proto::workspace_status;
use warren_db::{DbError, entity::deployment_settings, query};
use warren_vocab::{AuditAction, JobStatus, Transition, WorkspaceStatus};

use crate::{
    App,
    actor::Actor,
    error::{AppError, AppResult, Explanation, Validation},
};

const APPEARANCE: &str = "appearance";
/// Letters of a name or of one banner.
const TEXT_MAX: usize = 2000;
const BANNERS_MAX: usize = 20;

/// What the dashboard of everybody looks like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Appearance {
    pub application_name: String,
    pub logo_url: String,
    pub announcement_banners: Vec<Banner>,
}

/// A line above every page.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Banner {
    pub enabled: bool,
    pub message: String,
    /// `#rrggbb`.
    pub background_color: String,
}

/// How many workspaces are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WorkspaceCounts {
    pub pending: i64,
    pub building: i64,
    pub running: i64,
    pub failed: i64,
    pub stopped: i64,
}

impl App {
    /// What the dashboard looks like; everybody may know.
    ///
    /// # Errors
    /// Fails when the stored value is not what this program wrote, or on a database error.
    pub async fn deployment_appearance(&self) -> AppResult<Appearance> {
        let row = query::deployment_settings::get(self.db().reader(), APPEARANCE).await?;
        let Some(row) = row else { return Ok(Appearance::default()) };
        let corrupt = |_| DbError::Corrupt { what: "the appearance" };
        Ok(serde_json::from_value(row.value).map_err(corrupt)?)
    }

    /// Changes what the dashboard looks like.
    ///
    /// # Errors
    /// [`AppError::Invalid`] names the fields that are not acceptable.
    pub async fn set_deployment_appearance(&self, actor: &Actor, appearance: &Appearance) -> AppResult<()> {
        actor.check(Action::Update, &Object::site(Resource::DeploymentConfig))?;
        validate(appearance)?;
        let value = serde_json::to_value(appearance)
            .map_err(|_| AppError::Internal { message: "the appearance has no JSON form" })?;
        let new = deployment_settings::Model { key: APPEARANCE.into(), value, updated_at: self.now() };
        self.db()
            .write(async |tx| {
                let old = query::deployment_settings::get(tx, APPEARANCE).await?;
                let entry = match &old {
                    Some(old) => Entry::write(old, &new),
                    None => Entry::create(&new).action(AuditAction::Write),
                };
                query::deployment_settings::put(tx, new.clone()).await?;
                Ok(record(tx, actor, entry).await?)
            })
            .await
    }

    /// Counts workspaces by state.
    ///
    /// # Errors
    /// [`AppError::NotFound`] or [`AppError::Forbidden`] for those who may not see it.
    pub async fn count_workspaces(&self, actor: &Actor) -> AppResult<WorkspaceCounts> {
        actor.check(Action::Read, &Object::site(Resource::DeploymentStats))?;
        let mut counts = WorkspaceCounts::default();
        for row in query::census::workspaces(self.db().reader()).await? {
            let corrupt = DbError::Corrupt { what: "the status of a build" };
            let (Ok(transition), Ok(status)) =
                (row.transition.parse::<Transition>(), row.status.parse::<JobStatus>())
            else {
                return Err(corrupt.into());
            };
            if let Some(count) = counts.of(workspace_status(transition, status)) {
                *count += row.number;
            }
        }
        Ok(counts)
    }

    /// Allows to see the settings of the deployment.
    ///
    /// # Errors
    /// [`AppError::NotFound`] or [`AppError::Forbidden`] for those who may not.
    pub fn check_reads_config(&self, actor: &Actor) -> AppResult<()> {
        actor.check(Action::Read, &Object::site(Resource::DeploymentConfig))
    }
}

impl WorkspaceCounts {
    fn of(&mut self, status: WorkspaceStatus) -> Option<&mut i64> {
        match status {
            WorkspaceStatus::Pending => Some(&mut self.pending),
            WorkspaceStatus::Starting
            | WorkspaceStatus::Stopping
            | WorkspaceStatus::Canceling
            | WorkspaceStatus::Deleting => Some(&mut self.building),
            WorkspaceStatus::Running => Some(&mut self.running),
            WorkspaceStatus::Failed => Some(&mut self.failed),
            WorkspaceStatus::Stopped => Some(&mut self.stopped),
            WorkspaceStatus::Canceled | WorkspaceStatus::Deleted => None,
        }
    }
}

fn validate(appearance: &Appearance) -> AppResult<()> {
    let mut validations = Vec::new();
    let mut refuse = |field: &str, detail: &str| {
        validations.push(Validation { field: field.to_owned(), detail: detail.to_owned() });
    };
    if appearance.application_name.chars().count() > TEXT_MAX {
        refuse("application_name", "is too long");
    }
    let is_path = appearance.logo_url.starts_with('/') && !appearance.logo_url.starts_with("//");
    let is_web =
        url::Url::parse(&appearance.logo_url).is_ok_and(|url| ["http", "https"].contains(&url.scheme()));
    if !(appearance.logo_url.is_empty() || is_path || is_web) {
        refuse("logo_url", "must be an http or https URL");
    }
    if appearance.announcement_banners.len() > BANNERS_MAX {
        refuse("announcement_banners", "are too many");
    }
    for banner in &appearance.announcement_banners {
        if banner.message.chars().count() > TEXT_MAX {
            refuse("announcement_banners.message", "is too long");
        }
        if !(is_color(&banner.background_color) || banner.background_color.is_empty()) {
            refuse("announcement_banners.background_color", "must be a color such as #0b5fff");
        }
    }
    if validations.is_empty() {
        return Ok(());
    }
    let message = String::from("Validation failed.");
    Err(AppError::Invalid(Explanation { message, detail: None, validations }))
}

/// `#rrggbb`.
fn is_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or("");
    digits.len() == 6 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
