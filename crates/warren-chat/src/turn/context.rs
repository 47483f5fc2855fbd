//! What a turn needs in every step, made once per turn: the model and the words that precede the conversation.

use warren_chat_proto::{ChatError, Message, compaction};
use warren_db::entity::chats;
use warren_vocab::{MessageId, MessageRole, ModelConfigId, UserId};

use super::{meter::Meter, prompt};
use crate::{
    error::ChatResult,
    models::{self, ReadyModel},
    service::Shared,
    settings,
};

/// The turn that a runner is in. Empty until the first step and after a failure, when everything is looked up again.
#[derive(Default)]
pub(crate) struct Turn {
    current: Option<Current>,
    meter: Meter,
}

struct Current {
    asked: Option<MessageId>,
    /// The error is for the user.
    model: Result<ReadyModel, ChatError>,
    limit: Option<compaction::Limit>,
    system: Vec<String>,
}

impl Turn {
    /// Prepares the turn of the newest message of the user, unless that is done.
    pub(super) async fn enter(
        &mut self,
        shared: &Shared,
        chat: &chats::Model,
        history: &[Message],
    ) -> ChatResult<()> {
        let question = question(history);
        let asked = question.map(|message| message.id);
        if self.current.as_ref().is_some_and(|current| current.asked == asked) {
            return Ok(());
        }
        let config = question.and_then(|message| message.model_config_id);
        let config = config.unwrap_or_else(|| ModelConfigId::from_uuid(chat.last_model_config_id));
        let model = models::resolve(shared, UserId::from_uuid(chat.owner_id), config).await?;
        let limit = match &model {
            Ok(ready) => Some(limit(shared, chat, ready).await?),
            Err(_) => None,
        };
        let system = prompt::standing(shared, chat).await?;
        self.current = Some(Current { asked, model, limit, system });
        Ok(())
    }

    /// Makes the next step look everything up again: somebody may have corrected what failed.
    pub(crate) fn leave(&mut self) {
        self.current = None;
    }

    /// Counts what the turn's calls of models use.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(super) fn limit(&self) -> Option<compaction::Limit> {
        self.current.as_ref().and_then(|current| current.limit)
    }

    /// The model, or what the user has to be told.
    pub(super) fn model(&self) -> Result<&ReadyModel, ChatError> {
        let unprepared =
            || ChatError::generic("The server did not prepare the turn. Send the message again.");
        self.current.as_ref().ok_or_else(unprepared)?.model.as_ref().map_err(Clone::clone)
    }

    pub(super) fn system(&self) -> Vec<String> {
        self.current.as_ref().map(|current| current.system.clone()).unwrap_or_default()
    }
}

/// The newest message that a user wrote.
pub(super) fn question(history: &[Message]) -> Option<&Message> {
    history.iter().rev().find(|message| message.role == MessageRole::User && !message.compressed)
}

async fn limit(shared: &Shared, chat: &chats::Model, ready: &ReadyModel) -> ChatResult<compaction::Limit> {
    let owner = UserId::from_uuid(chat.owner_id);
    let own = settings::thresholds_of(shared.db.reader(), owner).await?.get(&ready.config).copied();
    let of_model = Some(i64::from(ready.compression_threshold));
    Ok(compaction::Limit::new(ready.context_limit, own.map(i64::from), of_model))
}
