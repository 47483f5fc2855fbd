//! One viewer of somebody's list of chats. A hint names a chat to look at; a sweep finds what no hint has named.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::{Interval, MissedTickBehavior};
use warren_authz::{Action, Object, Resource, Subject, check};
use warren_chat_proto::OpenCall;
use warren_db::{Database, Notice, Subscription, channels, entity::chats, query};
use warren_vocab::{ChatId, ChatStatus, OrganizationId, UserId};

use super::action;
use crate::error::ChatResult;

/// How many chats a sweep looks at: the newest.
const SWEPT_MAX: u64 = 200;

/// What has changed in the list.
#[derive(Debug, Clone)]
pub struct ListChange {
    pub kind: ListChangeKind,
    pub chat: chats::Model,
    pub has_unread: bool,
    /// What a client must answer, with [`ListChangeKind::ActionRequired`].
    pub tool_calls: Vec<OpenCall>,
}

/// What has happened to a chat of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListChangeKind {
    /// It is there, for the first time or again.
    Created,
    /// It is gone from the list: deleted or archived.
    Deleted,
    Status,
    Title,
    Summary,
    ActionRequired,
}

impl ListChangeKind {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "created" => Some(Self::Created),
            "deleted" => Some(Self::Deleted),
            "status_change" => Some(Self::Status),
            "title_change" => Some(Self::Title),
            "summary_change" => Some(Self::Summary),
            "action_required" => Some(Self::ActionRequired),
            _ => None,
        }
    }
}

/// What the viewer was told of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    archived: bool,
    status: String,
    title: String,
    summary: Option<String>,
    history_version: i64,
}

impl Known {
    fn of(chat: &chats::Model) -> Self {
        Self {
            archived: chat.archived,
            status: chat.status.clone(),
            title: chat.title.clone(),
            summary: chat.last_turn_summary.clone(),
            history_version: chat.history_version,
        }
    }

    fn waits(&self) -> bool {
        self.status == ChatStatus::RequiresAction.as_str()
    }
}

/// Where to look next.
#[derive(Debug, Clone, Copy)]
enum Due {
    One { chat: ChatId, kind: Option<ListChangeKind> },
    All,
}

/// Somebody who watches a list of chats. Dropping it leaves.
pub struct ListViewer {
    db: Database,
    owner: UserId,
    /// The rights of the viewer as they were looked up last.
    subject: Subject,
    hints: Subscription,
    sweep: Interval,
    /// Kept until the look has worked, so that a dropped wait loses nothing.
    due: Option<Due>,
    known: Option<HashMap<ChatId, Known>>,
    changes: VecDeque<ListChange>,
}

impl ListViewer {
    pub(crate) fn new(db: Database, subject: &Subject, sweep: Duration) -> Self {
        let owner = subject.user;
        let mut sweep = tokio::time::interval(sweep);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let hints = db.subscribe(&channels::chats_of(owner));
        Self {
            db,
            owner,
            subject: subject.clone(),
            hints,
            sweep,
            due: Some(Due::All),
            known: None,
            changes: VecDeque::new(),
        }
    }

    /// Goes on with the rights as they are now. What they do not let the viewer see is not there for it.
    pub fn set_subject(&mut self, subject: &Subject) {
        self.subject = subject.clone();
    }

    /// Waits for the next change. `None` means that the server stops. Cancel-safe.
    pub async fn next(&mut self) -> Option<ListChange> {
        loop {
            if let Some(change) = self.changes.pop_front() {
                return Some(change);
            }
            if let Some(due) = self.due {
                match self.look(due).await {
                    Ok(changes) => self.changes.extend(changes),
                    // The next sweep finds what has changed.
                    Err(error) => tracing::warn!(%error, "a list of chats could not be read for its viewer"),
                }
                self.due = None;
                continue;
            }
            tokio::select! {
                notice = self.hints.next() => self.due = Some(due(&notice?)),
                _ = self.sweep.tick() => self.due = Some(Due::All),
            }
        }
    }

    /// Gives a change if there is one already.
    pub fn next_waiting(&mut self) -> Option<ListChange> {
        self.changes.pop_front()
    }

    async fn look(&mut self, due: Due) -> ChatResult<Vec<ListChange>> {
        let (rows, hinted): (Vec<_>, _) = match due {
            Due::One { chat, kind } => {
                let row = query::chats::by_id(self.db.reader(), chat).await?;
                (row.into_iter().collect(), kind)
            }
            Due::All => (query::chats::newest_of(self.db.reader(), self.owner, SWEPT_MAX).await?, None),
        };
        if self.known.is_none() {
            // What was there before is no news.
            self.known = Some(rows.iter().map(|row| (ChatId::from_uuid(row.id), Known::of(row))).collect());
            return Ok(Vec::new());
        }
        let mut changes = Vec::new();
        for row in rows {
            if !self.may_see(&row) {
                continue;
            }
            changes.extend(self.changes_of(&row, hinted).await?);
            if let Some(known) = &mut self.known {
                known.insert(ChatId::from_uuid(row.id), Known::of(&row));
            }
        }
        Ok(changes)
    }

    fn may_see(&self, row: &chats::Model) -> bool {
        let organization = OrganizationId::from_uuid(row.organization_id);
        let object =
            Object::owned_in(Resource::Chat, UserId::from_uuid(row.owner_id), organization).with_id(row.id);
        row.owner_id == self.owner.as_uuid() && check(&self.subject, Action::Read, &object).is_ok()
    }

    async fn changes_of(
        &self,
        row: &chats::Model,
        hinted: Option<ListChangeKind>,
    ) -> ChatResult<Vec<ListChange>> {
        let kinds = self.kinds(row, hinted);
        let mut changes = Vec::new();
        for kind in kinds {
            let tool_calls = match kind {
                ListChangeKind::ActionRequired => {
                    let required = action::required(self.db.reader(), row).await?;
                    required.map(|required| required.tool_calls.clone()).unwrap_or_default()
                }
                ListChangeKind::Created
                | ListChangeKind::Deleted
                | ListChangeKind::Status
                | ListChangeKind::Title
                | ListChangeKind::Summary => Vec::new(),
            };
            let newest =
                query::chat_messages::newest_ids(self.db.reader(), &[ChatId::from_uuid(row.id)]).await?;
            let has_unread = newest.first().is_some_and(|(_, id)| id.get() > row.last_read_message_id);
            changes.push(ListChange { kind, chat: row.clone(), has_unread, tool_calls });
        }
        Ok(changes)
    }

    /// What a row says that the viewer does not know. A hint may know better than a comparison.
    fn kinds(&self, row: &chats::Model, hinted: Option<ListChangeKind>) -> Vec<ListChangeKind> {
        let now = Known::of(row);
        let known = self.known.as_ref().and_then(|known| known.get(&ChatId::from_uuid(row.id)));
        let mut kinds: Vec<_> = hinted.into_iter().collect();
        let mut add = |is_news: bool, kind: ListChangeKind| {
            if is_news && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        };
        match known {
            Some(known) => {
                add(now.archived && !known.archived, ListChangeKind::Deleted);
                add(!now.archived && known.archived, ListChangeKind::Created);
                add(now.title != known.title, ListChangeKind::Title);
                add(now.summary != known.summary, ListChangeKind::Summary);
                add(now.status != known.status, ListChangeKind::Status);
                let is_new = !known.waits() || now.history_version != known.history_version;
                add(now.waits() && is_new, ListChangeKind::ActionRequired);
            }
            None => {
                let is_new = self.known.is_some() && hinted.is_none() && !now.archived;
                add(is_new, ListChangeKind::Created);
                add(hinted.is_some() && now.waits(), ListChangeKind::ActionRequired);
            }
        }
        kinds
    }
}

fn due(notice: &Notice) -> Due {
    let Notice::Hint(hint) = notice else { return Due::All };
    let kind = hint["kind"].as_str().and_then(ListChangeKind::parse);
    match serde_json::from_value(hint["chat_id"].clone()) {
        Ok(chat) => Due::One { chat, kind },
        Err(_) => Due::All,
    }
}
