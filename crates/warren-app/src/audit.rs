//! The audit log: recording comes from `warren-audit`; this adds what users do with the log, and its end of life.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;
use warren_authz::{Action, Object, Resource};
use warren_db::{
    DbError,
    entity::{audit_logs, organizations},
    query::{
        self, Page,
        audit_logs::{Filter, Position},
    },
};
use warren_vocab::{AuditAction, OrganizationId, RequestId, ResourceType};

use crate::{App, actor::Actor, error::AppResult, search::Terms, users::UserDetail};

mod limit;
mod links;

pub(crate) use limit::FailureLimit;

pub use warren_audit::{Auditable, Author, Entry, Origin, Tracked, record};

/// Entries are counted up to this number; a log grows without end and nobody leafs that far.
pub const COUNT_MAX: u64 = 10_000;
/// How long an answer may wait for the entry of its failure.
const FAILURE_TIMEOUT: Duration = Duration::from_secs(2);
/// Entries that an export holds in memory.
const EXPORT_STEP: u64 = 500;
/// Entries that one transaction deletes, so that others get their turn.
const PURGE_STEP: u64 = 1000;

/// An entry with what users see around it.
#[derive(Debug, Clone)]
pub struct AuditDetail {
    pub log: audit_logs::Model,
    /// Absent when nobody was signed in or the account is gone.
    pub user: Option<UserDetail>,
    pub organization: Option<organizations::Model>,
    /// Whether the object does not exist any more.
    pub is_deleted: bool,
    /// The object's page in the dashboard; empty when it has none.
    pub link: String,
}

/// The entries of an export, read step by step.
pub struct AuditExport {
    filter: Filter,
    after: Option<Position>,
    is_over: bool,
}

/// A made-up entry; absent fields are chosen.
#[derive(Debug, Clone, Default)]
pub struct TestEntry {
    pub action: Option<AuditAction>,
    pub resource: Option<ResourceType>,
    pub id: Option<Uuid>,
    pub organization: Option<OrganizationId>,
    pub request: Option<RequestId>,
    pub time: Option<DateTime<Utc>>,
    pub fields: Map<String, Value>,
}

impl App {
    /// Lists the entries that the caller may read and that fit a query, newest first, with their number, which is not
    /// counted further than [`COUNT_MAX`].
    ///
    /// # Errors
    /// Forbidden without the right to read the log anywhere; invalid for a query that is not understood.
    pub async fn list_audit_logs(
        &self,
        actor: &Actor,
        query: &str,
        page: Page,
    ) -> AppResult<(Vec<AuditDetail>, u64)> {
        let filter = self.audit_filter(actor, query).await?;
        let rows = query::audit_logs::list(self.db().reader(), &filter, page).await?;
        let count = query::audit_logs::count(self.db().reader(), &filter, COUNT_MAX).await?;
        Ok((self.audit_details(rows).await?, count))
    }

    /// Begins to read all entries that the caller may read and that fit a query.
    ///
    /// # Errors
    /// As for [`Self::list_audit_logs`].
    pub async fn export_audit_logs(&self, actor: &Actor, query: &str) -> AppResult<AuditExport> {
        let mut filter = self.audit_filter(actor, query).await?;
        // What is written while the export runs must not make it longer.
        let end = self.now() + TimeDelta::microseconds(1);
        filter.before = Some(filter.before.map_or(end, |before| before.min(end)));
        Ok(AuditExport { filter, after: None, is_over: false })
    }

    /// Reads the next entries of an export; none when it is over.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn next_of_export(&self, export: &mut AuditExport) -> AppResult<Vec<AuditDetail>> {
        if export.is_over {
            return Ok(Vec::new());
        }
        let AuditExport { filter, after, is_over } = export;
        let rows = query::audit_logs::list_after(self.db().reader(), filter, *after, EXPORT_STEP).await?;
        *is_over = (rows.len() as u64) < EXPORT_STEP;
        *after = rows.last().map(Position::of);
        self.audit_details(rows).await
    }

    /// Records something that failed, for which there is no transaction. Best effort: a flood of failures is cut off, and
    /// a database that cannot take the entry in time does not make the answer worse.
    pub async fn record_failure(&self, author: impl Into<Author<'_>>, entry: Entry) {
        let author = author.into();
        if !self.failures().allows(author.user, author.origin.ip, Instant::now()) {
            return;
        }
        let written = self.db().write::<_, DbError, _>(async |tx| record(tx, author, entry).await);
        match tokio::time::timeout(FAILURE_TIMEOUT, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a failed attempt could not be recorded"),
            Err(_) => tracing::warn!("a failed attempt could not be recorded in time"),
        }
    }

    /// Makes an entry up, for tests of programs that read the log.
    ///
    /// # Errors
    /// Forbidden without the right to create entries.
    pub async fn create_test_entry(&self, actor: &Actor, test: TestEntry) -> AppResult<()> {
        let object = match test.organization {
            Some(organization) => Object::of_organization(Resource::AuditLog, organization),
            None => Object::site(Resource::AuditLog),
        };
        actor.check(Action::Create, &object)?;
        let action = test.action.unwrap_or(AuditAction::Create);
        let resource = test.resource.unwrap_or(ResourceType::User);
        let id = test.id.unwrap_or(actor.user.id);
        let mut entry = Entry::bare(action, resource, id, "");
        if let Some(organization) = test.organization {
            entry = entry.organization(organization);
        }
        for (name, value) in test.fields {
            entry = entry.field(&name, value);
        }
        let mut row = warren_audit::row(actor, entry, self.now());
        row.time = test.time.unwrap_or(row.time);
        row.request_id = test.request.map_or(row.request_id, RequestId::as_uuid);
        self.db().write(async |tx| query::audit_logs::insert(tx, row).await).await?;
        Ok(())
    }

    /// Deletes entries that are older than `keep` and says how many there were.
    ///
    /// # Errors
    /// Fails on database errors; what was deleted before stays deleted.
    pub async fn purge_audit_logs(&self, keep: Duration) -> AppResult<u64> {
        let Some(end) = TimeDelta::from_std(keep).ok().and_then(|keep| self.now().checked_sub_signed(keep))
        else {
            return Ok(0);
        };
        let mut total = 0;
        loop {
            let step = async |tx: &warren_db::Tx| query::audit_logs::delete_before(tx, end, PURGE_STEP).await;
            let deleted = self.db().write::<_, DbError, _>(step).await?;
            total += deleted;
            if deleted < PURGE_STEP {
                return Ok(total);
            }
        }
    }

    async fn audit_filter(&self, actor: &Actor, query: &str) -> AppResult<Filter> {
        let readable = warren_authz::list_filter(&actor.subject, Resource::AuditLog);
        // Nobody owns an entry, so a right to what is one's own reaches none.
        if !readable.all && readable.organizations.is_empty() {
            actor.check(Action::Read, &Object::site(Resource::AuditLog))?;
        }
        let mut terms = Terms::parse("audit", query, "resource_type");
        let day_after = |day: DateTime<Utc>| day.checked_add_signed(TimeDelta::days(1));
        let mut filter = Filter {
            visible: Some(readable),
            organization: None,
            resource_type: terms.value("resource_type"),
            resource_id: terms.value("resource_id"),
            resource_target: terms.text("resource_target"),
            action: terms.value("action"),
            user: None,
            username: terms.username("username", &actor.user.username),
            email: terms.text("email"),
            from: terms.day("date_from"),
            before: terms.day("date_to").and_then(day_after),
            build_reason: terms.value("build_reason"),
            request: terms.value("request_id"),
        };
        if let Some(organization) = terms.text("organization") {
            match self.find_organization(actor, &organization).await {
                Ok(row) => filter.organization = Some(OrganizationId::from_uuid(row.id)),
                Err(crate::AppError::NotFound) => {
                    let problem =
                        format!("The organization {organization:?} does not exist or you may not see it.");
                    terms.refuse("organization", problem);
                }
                Err(other) => return Err(other),
            }
        }
        terms.finish()?;
        Ok(filter)
    }

    async fn audit_details(&self, rows: Vec<audit_logs::Model>) -> AppResult<Vec<AuditDetail>> {
        let reader = self.db().reader();
        let mut users: Vec<Uuid> = rows.iter().filter_map(|row| row.user_id).collect();
        users.sort_unstable();
        users.dedup();
        let users = query::users::by_ids(reader, &users).await?;
        let users: HashMap<Uuid, UserDetail> =
            self.user_details(users).await?.into_iter().map(|detail| (detail.user.id, detail)).collect();
        let organizations: HashMap<Uuid, organizations::Model> =
            query::organizations::list(reader).await?.into_iter().map(|row| (row.id, row)).collect();
        let objects = links::Objects::load(reader, &rows, &organizations).await?;
        let detail = |log: audit_logs::Model| AuditDetail {
            user: log.user_id.and_then(|id| users.get(&id).cloned()),
            organization: log.organization_id.and_then(|id| organizations.get(&id).cloned()),
            is_deleted: objects.is_deleted(&log),
            link: objects.link(&log),
            log,
        };
        Ok(rows.into_iter().map(detail).collect())
    }
}
