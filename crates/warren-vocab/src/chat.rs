//! Words of chats and of the models behind them.

use crate::{id::RunnerId, word::words};

/// One holding of a chat by a worker. Whatever the holder writes carries it.
///
/// A database that loses its last commits gives a number out a second time; the runner's id is random and given out once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseId {
    /// Counts the leases of the chat.
    pub epoch: i64,
    pub runner: RunnerId,
}

words! {
    /// The status of a chat. `pending`, `paused` and `completed` are read for old clients and never written.
    ChatStatus, "chat status" {
        Waiting = "waiting",
        Running = "running",
        Interrupting = "interrupting",
        RequiresAction = "requires_action",
        Error = "error",
        Pending = "pending",
        Paused = "paused",
        Completed = "completed",
    }
}

words! {
    /// Who wrote a message.
    MessageRole, "message role" {
        System = "system",
        User = "user",
        Assistant = "assistant",
        Tool = "tool",
    }
}

words! {
    /// Who sees a message: the people, the model, or both.
    MessageVisibility, "message visibility" {
        User = "user",
        Model = "model",
        Both = "both",
    }
}

words! {
    /// What kind of failure a chat met.
    ChatErrorKind, "chat error kind" {
        Generic = "generic",
        Overloaded = "overloaded",
        RateLimit = "rate_limit",
        Timeout = "timeout",
        StreamSilenceTimeout = "stream_silence_timeout",
        Auth = "auth",
        Config = "config",
        UsageLimit = "usage_limit",
        MissingKey = "missing_key",
        ProviderDisabled = "provider_disabled",
    }
}

words! {
    /// The protocol and vendor of a model provider.
    AiProviderType, "provider type" {
        Anthropic = "anthropic",
        Azure = "azure",
        Bedrock = "bedrock",
        Copilot = "copilot",
        Google = "google",
        Openai = "openai",
        OpenaiCompat = "openai-compat",
        Openrouter = "openrouter",
        Vercel = "vercel",
    }
}

words! {
    /// What happens to a message that is sent while the chat is busy.
    BusyBehavior, "busy behavior" {
        Queue = "queue",
        Interrupt = "interrupt",
    }
}

words! {
    /// What kind of client made a chat.
    ClientType, "client type" {
        Ui = "ui",
        Api = "api",
    }
}
