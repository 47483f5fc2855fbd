//! How much of the chats a server takes on.

use super::{Group, Opt, field};

pub(super) const TABLE: &[Opt] = &[
    Opt::new(
        "Chat Worker Enable",
        "chat-worker-enable",
        "CHAT_WORKER_ENABLE",
        "chats.workerEnable",
        field!(chats.worker_enable),
        "Whether this server works on chats. One that does not still shows them.",
    )
    .group(Group::Chats),
    Opt::new(
        "Chat Running Max",
        "chat-running-max",
        "CHAT_RUNNING_MAX",
        "chats.runningMax",
        field!(chats.running_max),
        "The most chats that run at once on this server; others wait for their turn.",
    )
    .group(Group::Chats),
    Opt::new(
        "Chat Running Max Per User",
        "chat-running-max-per-user",
        "CHAT_RUNNING_MAX_PER_USER",
        "chats.runningMaxPerUser",
        field!(chats.running_max_per_user),
        "The most chats of one user that run at once on this server.",
    )
    .group(Group::Chats),
    Opt::new(
        "Chat Steps Max",
        "chat-steps-max",
        "CHAT_STEPS_MAX",
        "chats.stepsMax",
        field!(chats.steps_max),
        "The most answers of a model to one message of a user.",
    )
    .group(Group::Chats),
    Opt::new(
        "Chat First Answer Timeout",
        "chat-first-answer-timeout",
        "CHAT_FIRST_ANSWER_TIMEOUT",
        "chats.firstAnswerTimeout",
        field!(chats.first_answer_timeout),
        "How long a model may take to begin an answer before it is asked again.",
    )
    .group(Group::Chats),
    Opt::new(
        "Chat Silence Timeout",
        "chat-silence-timeout",
        "CHAT_SILENCE_TIMEOUT",
        "chats.silenceTimeout",
        field!(chats.silence_timeout),
        "How long a model may be silent in the middle of an answer before it is asked again.",
    )
    .group(Group::Chats),
];
