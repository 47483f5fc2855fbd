//! Chats, model providers and model configurations.

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use warren_api::{
    ai::{AiProvider, ChatModelConfig, CreateAiProviderRequest, CreateChatModelConfigRequest},
    chats::{
        Chat, ChatApprovalsResponse, ChatMessagesResponse, ChatPromptsResponse, CreateChatMessageRequest,
        CreateChatMessageResponse, CreateChatRequest, DecideChatApprovalsRequest, EditChatMessageRequest,
        EditChatMessageResponse, PromoteChatQueuedMessageResponse, SubmitToolResultsRequest,
        UpdateChatRequest,
        usage::{ChatCostSummary, ChatUsageLimitStatus},
    },
};
use warren_vocab::{ChatId, MessageId, QueuedMessageId, UserId};

use crate::{
    client::{Client, segment},
    error::SdkError,
    socket::{JsonFrames, SocketRequest},
};

/// Which of the caller's chats a list holds.
#[derive(Debug, Clone, Default)]
pub struct ChatsQuery {
    /// Terms such as `title:words`, `archived:true` and `has_unread:true`.
    pub q: String,
    /// Pairs `key:value`, all of which a chat must have.
    pub labels: Vec<String>,
    /// The last chat of the page before.
    pub after: Option<ChatId>,
    /// Chats on the page, 200 at most; 0 leaves it to the server.
    pub limit: u64,
}

/// A page of a chat's history, newest first, each message just as the server gave it: this program may be older than it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RawChatMessages {
    pub messages: Vec<Value>,
    pub queued_messages: Vec<Value>,
    pub has_more: bool,
}

/// Where a viewer of a chat's stream is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChatPlace {
    /// The last message that is known; counts while there is no cursor.
    pub after: Option<MessageId>,
    /// The newest cursor that the stream gave.
    pub cursor: Option<String>,
}

impl Client {
    /// Lists the caller's chats.
    pub async fn chats(&self) -> Result<Vec<Chat>, SdkError> {
        self.get("/api/experimental/chats").await
    }

    /// Returns a page of the caller's chats.
    pub async fn chats_page(&self, query: &ChatsQuery) -> Result<Vec<Chat>, SdkError> {
        let mut fields = Vec::new();
        fields.extend((!query.q.is_empty()).then(|| format!("q={}", segment(&query.q))));
        fields.extend(query.labels.iter().map(|label| format!("label={}", segment(label))));
        fields.extend(query.after.map(|id| format!("after_id={id}")));
        fields.extend((query.limit > 0).then(|| format!("limit={}", query.limit)));
        self.get(&format!("/api/experimental/chats?{}", fields.join("&"))).await
    }

    /// Returns a chat just as the server gives it.
    pub async fn raw_chat(&self, id: ChatId) -> Result<Value, SdkError> {
        self.get(&format!("/api/experimental/chats/{id}")).await
    }

    /// Returns a chat.
    pub async fn chat(&self, id: ChatId) -> Result<Chat, SdkError> {
        self.get(&format!("/api/experimental/chats/{id}")).await
    }

    /// Creates a chat with its first message.
    pub async fn create_chat(&self, request: &CreateChatRequest) -> Result<Chat, SdkError> {
        self.send(Method::POST, "/api/experimental/chats", request).await
    }

    /// Changes a chat's title, workspace or other settings.
    pub async fn update_chat(&self, id: ChatId, request: &UpdateChatRequest) -> Result<(), SdkError> {
        self.command(Method::PATCH, &format!("/api/experimental/chats/{id}"), Some(request)).await
    }

    /// Sends a message, or queues it while the chat is busy.
    pub async fn send_chat_message(
        &self,
        id: ChatId,
        request: &CreateChatMessageRequest,
    ) -> Result<CreateChatMessageResponse, SdkError> {
        self.send(Method::POST, &format!("/api/experimental/chats/{id}/messages"), request).await
    }

    /// Returns the newest messages, newest first, and the queue.
    pub async fn chat_messages(&self, id: ChatId) -> Result<ChatMessagesResponse, SdkError> {
        self.get(&format!("/api/experimental/chats/{id}/messages?limit=200")).await
    }

    /// Returns up to 200 messages before one, newest first: the earlier part of a long history.
    pub async fn chat_messages_before(
        &self,
        id: ChatId,
        before: MessageId,
    ) -> Result<ChatMessagesResponse, SdkError> {
        self.get(&format!("/api/experimental/chats/{id}/messages?limit=200&before_id={before}")).await
    }

    /// Returns up to 200 messages before one, or the newest and the queue.
    pub async fn raw_chat_messages(
        &self,
        id: ChatId,
        before: Option<MessageId>,
    ) -> Result<RawChatMessages, SdkError> {
        let before = before.map(|before| format!("&before_id={before}")).unwrap_or_default();
        self.get(&format!("/api/experimental/chats/{id}/messages?limit=200{before}")).await
    }

    /// Returns what the chats of an account have cost since a time.
    pub async fn chat_costs(&self, user: UserId, since: DateTime<Utc>) -> Result<ChatCostSummary, SdkError> {
        let since = segment(&since.to_rfc3339_opts(SecondsFormat::Millis, true));
        self.get(&format!("/api/experimental/chats/cost/{user}/summary?start_date={since}")).await
    }

    /// Returns what users wrote in a chat, newest first.
    pub async fn chat_prompts(&self, id: ChatId) -> Result<ChatPromptsResponse, SdkError> {
        self.get(&format!("/api/experimental/chats/{id}/prompts")).await
    }

    /// Replaces a message of the user and takes away what came after it.
    pub async fn edit_chat_message(
        &self,
        id: ChatId,
        message: MessageId,
        request: &EditChatMessageRequest,
    ) -> Result<EditChatMessageResponse, SdkError> {
        self.send(Method::PATCH, &format!("/api/experimental/chats/{id}/messages/{message}"), request).await
    }

    /// Takes a message out of the queue.
    pub async fn delete_queued_chat_message(
        &self,
        id: ChatId,
        message: QueuedMessageId,
    ) -> Result<(), SdkError> {
        let path = format!("/api/experimental/chats/{id}/queue/{message}");
        self.command(Method::DELETE, &path, None::<&()>).await
    }

    /// Makes a queued message the next.
    pub async fn promote_queued_chat_message(
        &self,
        id: ChatId,
        message: QueuedMessageId,
    ) -> Result<PromoteChatQueuedMessageResponse, SdkError> {
        let path = format!("/api/experimental/chats/{id}/queue/{message}/promote");
        self.send(Method::POST, &path, &serde_json::json!({})).await
    }

    /// Returns the tool calls that wait for approval.
    pub async fn chat_approvals(&self, id: ChatId) -> Result<ChatApprovalsResponse, SdkError> {
        self.get(&format!("/api/experimental/chats/{id}/approvals")).await
    }

    /// Answers tool calls that wait for approval.
    pub async fn decide_chat_approvals(
        &self,
        id: ChatId,
        request: &DecideChatApprovalsRequest,
    ) -> Result<(), SdkError> {
        self.command(Method::POST, &format!("/api/experimental/chats/{id}/approvals"), Some(request)).await
    }

    /// Gives the results of the client's own tools.
    pub async fn submit_chat_tool_results(
        &self,
        id: ChatId,
        request: &SubmitToolResultsRequest,
    ) -> Result<(), SdkError> {
        self.command(Method::POST, &format!("/api/experimental/chats/{id}/tool-results"), Some(request)).await
    }

    /// Returns what the caller has spent on chats, and of which limit.
    pub async fn chat_usage_limit_status(&self) -> Result<ChatUsageLimitStatus, SdkError> {
        self.get("/api/experimental/chats/usage-limits/status").await
    }

    /// Stops the answer that is being written; what was written so far is kept.
    pub async fn interrupt_chat(&self, id: ChatId) -> Result<Chat, SdkError> {
        self.send(Method::POST, &format!("/api/experimental/chats/{id}/interrupt"), &serde_json::json!({}))
            .await
    }

    /// Follows a chat's events from a place on; each frame is a batch of events, just as the server gives them.
    pub async fn follow_chat(
        &self,
        id: ChatId,
        place: &ChatPlace,
    ) -> Result<JsonFrames<Vec<Value>>, SdkError> {
        let query = match (&place.cursor, place.after) {
            (Some(cursor), _) => format!("?cursor={}", segment(cursor)),
            (None, Some(after)) => format!("?after_id={after}"),
            (None, None) => String::new(),
        };
        self.socket(SocketRequest::new(&format!("/api/experimental/chats/{id}/stream{query}"))).await
    }

    /// Lists the model providers.
    pub async fn ai_providers(&self) -> Result<Vec<AiProvider>, SdkError> {
        self.get("/api/v2/ai/providers").await
    }

    /// Adds a model provider.
    pub async fn create_ai_provider(
        &self,
        request: &CreateAiProviderRequest,
    ) -> Result<AiProvider, SdkError> {
        self.send(Method::POST, "/api/v2/ai/providers", request).await
    }

    /// Lists the models that chats may use.
    pub async fn chat_model_configs(&self) -> Result<Vec<ChatModelConfig>, SdkError> {
        self.get("/api/experimental/chats/model-configs").await
    }

    /// Adds a model that chats may use.
    pub async fn create_chat_model_config(
        &self,
        request: &CreateChatModelConfigRequest,
    ) -> Result<ChatModelConfig, SdkError> {
        self.send(Method::POST, "/api/experimental/chats/model-configs", request).await
    }
}
