//! `warren chat stop`.

use std::time::{Duration, Instant};

use warren_api::chats::Chat;
use warren_rt::Backoff;
use warren_sdk::{Client, SdkError};
use warren_vocab::{ChatId, ChatStatus};

use super::find;
use crate::{args::StopChatArgs, output, printable};

/// How long tools have to end; the server itself gives them less.
const STOP_MAX: Duration = Duration::from_secs(60);

pub(super) async fn run(client: &Client, args: &StopChatArgs) -> anyhow::Result<()> {
    let id = find::id(client, &args.chat).await?;
    let has_queue = !client.raw_chat_messages(id, None).await?.queued_messages.is_empty();
    let before = client.chat(id).await?;
    if !interrupt(client, id).await? {
        let chat = client.chat(id).await?;
        if chat.status != ChatStatus::Interrupting {
            output::line(&idle(&chat));
            return Ok(());
        }
    }
    if before.status == ChatStatus::RequiresAction {
        // That was taken for an answer, with which the model goes on: it is stopped, too.
        interrupt(client, id).await?;
    }
    if args.no_wait {
        output::line("The answer is being stopped.");
        return Ok(());
    }
    let (started, mut backoff) =
        (Instant::now(), Backoff::new(Duration::from_millis(50), Duration::from_secs(1)));
    let mut chat = client.chat(id).await?;
    while chat.status == ChatStatus::Interrupting && started.elapsed() < STOP_MAX {
        backoff.wait().await;
        chat = client.chat(id).await?;
    }
    output::line(&told(before.status, &chat, has_queue));
    Ok(())
}

/// Stops what runs. `false` means that nothing did.
async fn interrupt(client: &Client, id: ChatId) -> Result<bool, SdkError> {
    match client.interrupt_chat(id).await {
        Ok(_) => Ok(true),
        Err(error) if error.status() == Some(409) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Why there was nothing to stop.
fn idle(chat: &Chat) -> String {
    let why = match chat.status {
        _ if chat.archived => "the chat is archived".to_owned(),
        ChatStatus::Error => {
            let error = chat
                .last_error
                .as_ref()
                .map(|error| error.message.as_str())
                .unwrap_or("it is not known which");
            format!("the chat has stopped by itself with an error: {}", printable::one_line(error, 500))
        }
        ChatStatus::Waiting | ChatStatus::Completed | ChatStatus::Paused => {
            "the chat waits for your next message".into()
        }
        ChatStatus::Running | ChatStatus::Pending | ChatStatus::RequiresAction | ChatStatus::Interrupting => {
            format!("the chat changed in this moment and is {} now; try again", chat.status)
        }
    };
    format!("Nothing was stopped: {why}.")
}

/// What stopping has led to.
fn told(before: ChatStatus, chat: &Chat, has_queue: bool) -> String {
    match chat.status {
        ChatStatus::Interrupting => "The answer is being stopped, but what runs has not ended yet.".into(),
        ChatStatus::Running | ChatStatus::Pending if has_queue => {
            "Stopped. The chat goes on with the next message of its queue.".into()
        }
        ChatStatus::Running | ChatStatus::Pending => {
            "Stopped. The chat has a new message since and goes on.".into()
        }
        ChatStatus::Error => "Stopped, but the chat has met an error since.".into(),
        ChatStatus::Waiting | ChatStatus::Completed | ChatStatus::Paused | ChatStatus::RequiresAction => {
            if before == ChatStatus::RequiresAction {
                "Stopped. What waited for an answer was not run.".into()
            } else {
                "Stopped. What was written so far is kept.".into()
            }
        }
    }
}
