//! Chats, model providers and model configurations.

use reqwest::Method;
use warren_api::{
    ai::{AiProvider, ChatModelConfig, CreateAiProviderRequest, CreateChatModelConfigRequest},
    chats::{
        Chat, ChatMessagesResponse, ChatStreamEvent, CreateChatMessageRequest, CreateChatMessageResponse,
        CreateChatRequest, UpdateChatRequest,
    },
};
use warren_vocab::{ChatId, MessageId};

use crate::{
    client::Client,
    error::SdkError,
    socket::{JsonFrames, SocketRequest},
};

impl Client {
    /// Lists the caller's chats.
    pub async fn chats(&self) -> Result<Vec<Chat>, SdkError> {
        self.get("/api/experimental/chats").await
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

    /// Stops the answer that is being written; what was written so far is kept.
    pub async fn interrupt_chat(&self, id: ChatId) -> Result<Chat, SdkError> {
        self.send(Method::POST, &format!("/api/experimental/chats/{id}/interrupt"), &serde_json::json!({}))
            .await
    }

    /// Follows a chat's events; each frame is a batch. `after` is the last message already known.
    pub async fn follow_chat(
        &self,
        id: ChatId,
        after: Option<MessageId>,
    ) -> Result<JsonFrames<Vec<ChatStreamEvent>>, SdkError> {
        let query = after.map(|id| format!("?after_id={id}")).unwrap_or_default();
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
