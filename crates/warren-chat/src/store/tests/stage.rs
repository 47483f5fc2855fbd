//! A database with an account and a model, and chats in any state.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;
use warren_chat_proto::{ChatError, ChatState, Execution, Fence, Lease, Message, Part};
use warren_db::{
    Database, Guard, Tx,
    entity::{
        ai_providers, chat_messages, chat_model_configs, chat_parts, chat_queued_messages, chat_tool_calls,
        chats, users,
    },
    query::{
        self,
        chat_tool_calls::Key,
        chats::{ForTransition, renew_leases},
    },
};
use warren_db_testkit::TestDatabase;
use warren_vocab::{
    BusyBehavior, ChatId, LeaseId, LoginType, MessageId, MessageRole, ModelConfigId, QueuedMessageId,
    ReplicaId, RunnerId, UserId,
};

use super::super::{Command, NewMessage, Outcome, UserMessage, create, transition};
use crate::{error::ChatResult, rows};

/// The call that chats in A0 and A1 wait for.
pub(crate) const CALL: &str = "call-1";

pub(crate) struct Stage {
    pub(crate) database: TestDatabase,
    pub(crate) db: Database,
    pub(crate) owner: UserId,
    pub(crate) organization: Uuid,
    pub(crate) model: ModelConfigId,
    pub(crate) other_model: ModelConfigId,
    pub(crate) worker: ReplicaId,
}

/// Everything that is stored of a chat.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) chat: chats::Model,
    pub(crate) messages: Vec<chat_messages::Model>,
    pub(crate) queue: Vec<chat_queued_messages::Model>,
    pub(crate) calls: Vec<chat_tool_calls::Model>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::new().await;
        let db = database.database();
        let user = users::Model::new("ada@example.com", "ada", LoginType::Password, Utc::now());
        let owner = UserId::from_uuid(user.id);
        let organization = query::organizations::default(db.reader()).await.unwrap().unwrap().id;
        let (model, other_model) = db
            .write(async |tx| {
                query::users::insert(tx, user).await?;
                let provider = provider();
                let models = [model(&provider, true), model(&provider, false)];
                query::ai_providers::insert(tx, provider).await?;
                let ids = (models[0].id, models[1].id);
                for model in models {
                    query::chat_model_configs::insert(tx, model).await?;
                }
                Ok::<_, warren_db::DbError>(ids)
            })
            .await
            .unwrap();
        let (model, other_model) = (ModelConfigId::from_uuid(model), ModelConfigId::from_uuid(other_model));
        Self { database, db, owner, organization, model, other_model, worker: ReplicaId::new() }
    }

    /// Adds another account.
    pub(crate) async fn user(&self, name: &str) -> UserId {
        let user = users::Model::new(format!("{name}@example.com"), name, LoginType::Password, Utc::now());
        let id = UserId::from_uuid(user.id);
        self.db.write(async |tx| query::users::insert(tx, user).await).await.unwrap();
        id
    }

    pub(crate) fn row(&self) -> chats::Model {
        chats::Model::idle(self.owner.as_uuid(), self.organization, self.model.as_uuid(), Utc::now())
    }

    /// Makes a chat that runs and has one message.
    pub(crate) async fn create(&self, text: &str) -> ChatId {
        self.create_of(self.owner, text).await
    }

    pub(crate) async fn create_of(&self, owner: UserId, text: &str) -> ChatId {
        let row = chats::Model { owner_id: owner.as_uuid(), ..self.row() };
        let message = self.message(text).into();
        let written = self.db.write(async |tx| create(tx, row, vec![message]).await);
        ChatId::from_uuid(written.await.unwrap().chat.id)
    }

    pub(crate) fn message(&self, text: &str) -> UserMessage {
        UserMessage { created_by: self.owner, model_config_id: self.model, content: vec![Part::text(text)] }
    }

    pub(crate) fn send(&self, text: &str, busy: BusyBehavior) -> Command {
        Command::Send { message: self.message(text), busy }
    }

    /// Applies a command without a fence, as users do.
    pub(crate) async fn apply(&self, chat: ChatId, command: Command) -> ChatResult<Outcome> {
        self.apply_under(chat, None, command).await
    }

    pub(crate) async fn apply_under(
        &self,
        chat: ChatId,
        fence: Option<&Fence>,
        command: Command,
    ) -> ChatResult<Outcome> {
        let write = async |tx: &Tx| transition(tx, chat, fence, command).await;
        self.db.write_guarded(Guard::chat(chat), write).await
    }

    /// Puts a chat into a state, with so many messages in the queue. A worker holds its lease.
    pub(crate) async fn chat_in(&self, state: Execution, n_queued: usize) -> ChatId {
        let (status, archived) = words_of(state);
        self.chat_with(status, archived, n_queued).await
    }

    /// The same, whose messages came days ago.
    pub(crate) async fn chat_in_past(&self, state: Execution, n_queued: usize, days: i64) -> ChatId {
        let (status, archived) = words_of(state);
        self.insert(status, archived, n_queued, Utc::now() - TimeDelta::days(days)).await
    }

    pub(crate) async fn chat_with(&self, status: &str, archived: bool, n_queued: usize) -> ChatId {
        self.insert(status, archived, n_queued, Utc::now()).await
    }

    async fn insert(&self, status: &str, archived: bool, n_queued: usize, at: DateTime<Utc>) -> ChatId {
        let waits = status == "requires_action";
        let error = (status == "error").then(|| rows::json(&ChatError::generic("It broke.")));
        let row = chats::Model {
            status: status.to_owned(),
            archived,
            snapshot_version: 1,
            history_version: 1,
            queue_version: 1,
            last_error: error,
            requires_action_deadline_at: waits.then(|| Utc::now() + TimeDelta::minutes(5)),
            worker_id: Some(self.worker.as_uuid()),
            runner_id: Some(Uuid::new_v4()),
            lease_epoch: 1,
            lease_expires_at: Some(Utc::now() + TimeDelta::minutes(5)),
            ..self.row()
        };
        let id = ChatId::from_uuid(row.id);
        let written = self.db.write(async |tx| {
            query::chats::insert(tx, row.clone()).await?;
            let hello = rows::stored(&vec![Part::text("hello")]);
            let hello = chat_messages::Model::new(row.id, "user", hello, 1, at);
            query::chat_messages::insert(tx, hello).await?;
            if waits {
                self.insert_asked_call(tx, row.id).await?;
            }
            for n in 0..n_queued {
                query::chat_queue::append(tx, self.queued(row.id, n)).await?;
            }
            Ok::<_, warren_db::DbError>(())
        });
        written.await.unwrap();
        id
    }

    async fn insert_asked_call(&self, tx: &Tx, chat: Uuid) -> Result<(), warren_db::DbError> {
        let call = Part::tool_call(CALL, "client_tool", json!({}));
        let call = chat_messages::Model::new(chat, "assistant", rows::stored(&vec![call]), 1, Utc::now());
        query::chat_messages::insert(tx, call).await?;
        query::chat_tool_calls::insert(tx, vec![intent(chat, CALL)]).await?;
        let key = Key { chat: ChatId::from_uuid(chat), history_version: 1, call_id: CALL.to_owned() };
        let ask = json!({ "reason": "client" });
        assert!(query::chat_tool_calls::ask(tx, &key, "asked", ask, Utc::now()).await?);
        Ok(())
    }

    fn queued(&self, chat: Uuid, n: usize) -> chat_queued_messages::Model {
        chat_queued_messages::Model {
            id: 0,
            chat_id: chat,
            created_by: self.owner.as_uuid(),
            model_config_id: self.model.as_uuid(),
            content: rows::stored(&vec![Part::text(format!("queued {n}"))]),
            position: 0,
            created_at: Utc::now(),
        }
    }

    /// Starts a call as a worker under a lease does. Says whether it may.
    pub(crate) async fn start_call(&self, key: &Key, lease: LeaseId) -> bool {
        let start = async |tx: &Tx| query::chat_tool_calls::start(tx, key, lease, None, Utc::now()).await;
        self.db.write_guarded(Guard::chat(key.chat), start).await.unwrap()
    }

    /// Ends a call as a worker under a lease does. Says whether it may.
    pub(crate) async fn finish_call(&self, key: &Key, lease: LeaseId) -> bool {
        let finish =
            async |tx: &Tx| query::chat_tool_calls::finish(tx, key, lease, json!(1), false, Utc::now()).await;
        self.db.write_guarded(Guard::chat(key.chat), finish).await.unwrap()
    }

    /// Renews a lease as a worker that believes to have it. Gives the leases that it has.
    pub(crate) async fn renew(
        &self,
        worker: ReplicaId,
        chat: ChatId,
        lease: LeaseId,
    ) -> Vec<(ChatId, LeaseId)> {
        let lasts = TimeDelta::hours(1);
        let write = async |tx: &Tx| renew_leases(tx, worker, &[(chat, lease)], lasts).await;
        self.db.write_guarded(Guard::chat(chat), write).await.unwrap()
    }

    pub(crate) async fn state(&self, chat: ChatId) -> ChatState {
        let read = self.db.write(async |tx| query::chats::for_transition(tx, chat).await).await;
        let ForTransition { chat, queue_len, .. } = read.unwrap().unwrap();
        rows::state(&chat, usize::try_from(queue_len).unwrap()).unwrap()
    }

    pub(crate) async fn stored(&self, chat: ChatId) -> Stored {
        let reader = self.db.reader();
        let messages = query::chat_messages::changed_since(reader, chat, -1).await.unwrap();
        let mut calls = Vec::new();
        for revision in 0..=self.row_of(chat).await.snapshot_version {
            calls.extend(query::chat_tool_calls::list(reader, chat, revision).await.unwrap());
        }
        Stored {
            chat: self.row_of(chat).await,
            messages,
            queue: query::chat_queue::list(reader, chat).await.unwrap(),
            calls,
        }
    }

    pub(crate) async fn stored_if_any(&self, chat: ChatId) -> Option<chats::Model> {
        query::chats::by_id(self.db.reader(), chat).await.unwrap()
    }

    pub(crate) async fn row_of(&self, chat: ChatId) -> chats::Model {
        query::chats::by_id(self.db.reader(), chat).await.unwrap().unwrap()
    }

    /// The messages that are not cut.
    pub(crate) async fn live(&self, chat: ChatId) -> Vec<Message> {
        let live = query::chat_messages::live(self.db.reader(), chat).await.unwrap();
        live.into_iter().map(|row| rows::message(row).unwrap()).collect()
    }

    /// Role and text (or the result of a tool) of each message that is not cut.
    pub(crate) async fn story(&self, chat: ChatId) -> Vec<(MessageRole, String)> {
        self.live(chat).await.iter().map(|message| (message.role, words(&message.content))).collect()
    }

    pub(crate) async fn queue(&self, chat: ChatId) -> Vec<(QueuedMessageId, String)> {
        let queue = query::chat_queue::list(self.db.reader(), chat).await.unwrap();
        let queued = queue.into_iter().map(|row| rows::queued(row).unwrap());
        queued.map(|message| (message.id, words(&message.content))).collect()
    }

    pub(crate) async fn last_user_message(&self, chat: ChatId) -> MessageId {
        let live = self.live(chat).await;
        live.iter().rfind(|message| message.role == MessageRole::User).unwrap().id
    }

    /// Takes the lease as some runner of a worker and gives the fence of the chat as it is.
    pub(crate) async fn take(&self, chat: ChatId) -> Fence {
        let lease = Lease { worker: self.worker, runner: RunnerId::new() };
        self.apply(chat, Command::Acquire { lease, lasts: TimeDelta::seconds(30) }).await.unwrap();
        self.fence(chat).await
    }

    pub(crate) async fn fence(&self, chat: ChatId) -> Fence {
        let state = self.state(chat).await;
        Fence {
            lease: state.lease_id().unwrap(),
            status: state.status,
            history_version: state.versions.history,
            attempt: None,
        }
    }

    /// Commits an answer that calls tools; gives the revision of the answer.
    pub(crate) async fn commit_calls(&self, chat: ChatId, calls: &[&str]) -> i64 {
        let parts = calls.iter().map(|call| Part::tool_call(*call, "tool", json!({}))).collect();
        let step = vec![NewMessage::new(MessageRole::Assistant, parts)];
        self.apply(chat, Command::CommitStep(step)).await.unwrap().state.versions.history
    }

    /// The ledger's states by call.
    pub(crate) async fn ledger(&self, chat: ChatId) -> BTreeMap<String, String> {
        self.stored(chat).await.calls.into_iter().map(|call| (call.call_id, call.state)).collect()
    }

    pub(crate) fn part(
        &self,
        chat: ChatId,
        epoch: i64,
        history_version: i64,
        attempt: i64,
    ) -> chat_parts::Model {
        chat_parts::Model {
            chat_id: chat.as_uuid(),
            history_version,
            generation_attempt: attempt,
            first_seq: 1,
            lease_epoch: epoch,
            parts: json!([]),
        }
    }
}

/// The leases that are easily taken for one: that before it, and another runner's under the same number.
pub(crate) fn others(lease: LeaseId) -> [LeaseId; 2] {
    let LeaseId { epoch, runner } = lease;
    [LeaseId { epoch: epoch - 1, runner }, LeaseId { epoch, runner: RunnerId::new() }]
}

pub(crate) fn answer(text: &str) -> NewMessage {
    NewMessage::new(MessageRole::Assistant, vec![Part::text(text)])
}

pub(crate) fn intent(chat: Uuid, call_id: &str) -> chat_tool_calls::Model {
    chat_tool_calls::Model {
        chat_id: chat,
        history_version: 1,
        call_id: call_id.to_owned(),
        ordinal: 0,
        tool_name: String::from("client_tool"),
        state: String::from("intent"),
        run: 1,
        intent: None,
        ask: None,
        decided_by: None,
        note: None,
        result: None,
        is_error: false,
        created_at: Utc::now(),
        asked_at: None,
        decided_at: None,
        started_at: None,
        finished_at: None,
    }
}

fn words_of(state: Execution) -> (&'static str, bool) {
    match state {
        Execution::W => ("waiting", false),
        Execution::E0 | Execution::E1 => ("error", false),
        Execution::R0 | Execution::R1 => ("running", false),
        Execution::I0 | Execution::I1 => ("interrupting", false),
        Execution::A0 | Execution::A1 => ("requires_action", false),
        Execution::XW => ("waiting", true),
        Execution::XE0 | Execution::XE1 => ("error", true),
        Execution::None | Execution::Invalid => unreachable!("no such row"),
    }
}

/// Texts, calls and results of parts in one line.
fn words(parts: &[Part]) -> String {
    let words = parts.iter().map(|part| match part {
        Part::Text { text } => text.clone(),
        Part::ToolCall { tool_call_id, .. } => format!("call {tool_call_id}"),
        Part::ToolResult { tool_call_id, result, .. } => {
            let result = result.clone().unwrap_or_default();
            let text = result["error"].as_str().map_or_else(|| result.to_string(), str::to_owned);
            format!("{tool_call_id}: {text}")
        }
        Part::Reasoning { .. }
        | Part::Source { .. }
        | Part::File { .. }
        | Part::FileReference { .. }
        | Part::Unknown => String::new(),
    });
    words.collect::<Vec<_>>().join(" | ")
}

fn provider() -> ai_providers::Model {
    let now = Utc::now();
    ai_providers::Model {
        id: Uuid::new_v4(),
        type_: String::from("openai-compat"),
        name: String::from("local"),
        display_name: String::new(),
        icon: String::new(),
        enabled: true,
        deleted: false,
        base_url: String::from("http://127.0.0.1:1"),
        settings: json!({}),
        created_at: now,
        updated_at: now,
    }
}

fn model(provider: &ai_providers::Model, is_default: bool) -> chat_model_configs::Model {
    chat_model_configs::Model {
        id: Uuid::new_v4(),
        ai_provider_id: provider.id,
        model: String::from("scripted"),
        display_name: String::new(),
        enabled: true,
        is_default,
        deleted: false,
        context_limit: 1000,
        compression_threshold: 70,
        options: json!({}),
        created_at: provider.created_at,
        updated_at: provider.created_at,
    }
}
