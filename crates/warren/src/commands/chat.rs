//! `warren chat`.

use std::{
    io::Read as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use warren_api::chats::{Chat, ChatInputPart, CreateChatMessageRequest, CreateChatRequest};
use warren_rt::Backoff;
use warren_sdk::{Client, SdkError};
use warren_vocab::{BusyBehavior, ChatId, MessageId, ModelConfigId};

use crate::{
    args::{ChatCommand, NewChatArgs, OutputArgs, SendArgs},
    chat_view::ChatView,
    context::Context,
    output::{self, Format},
    table::{self, Column},
    workspace_name::WorkspaceName,
};

/// How long a server may stay away before following is given up; the chat itself goes on.
const SERVER_AWAY_MAX: Duration = Duration::from_secs(120);

const COLUMNS: &[Column<Chat>] = &[
    Column { name: "id", cell: |chat| chat.id.to_string() },
    Column { name: "title", cell: |chat| chat.title.clone() },
    Column { name: "status", cell: |chat| chat.status.to_string() },
    Column { name: "updated", cell: |chat| chat.updated_at.format("%Y-%m-%d %H:%M").to_string() },
];

pub(super) async fn run(command: ChatCommand, context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    match command {
        ChatCommand::New(args) => new(&client, args).await,
        ChatCommand::Send(args) => send(&client, args).await,
        ChatCommand::Follow(args) => follow(&client, args.chat, None, args.forever).await,
        ChatCommand::Interrupt { chat } => {
            client.interrupt_chat(chat).await?;
            output::line("The answer is being stopped.");
            Ok(())
        }
        ChatCommand::List(args) => list(&client, &args).await,
    }
}

async fn new(client: &Client, args: NewChatArgs) -> anyhow::Result<()> {
    let text = message(&args.message)?;
    let organization = super::organization::pick(client, args.organization.organization.as_deref()).await?;
    let workspace_id = match &args.workspace {
        Some(name) => Some(WorkspaceName::parse(name)?.find(client).await?.id),
        None => None,
    };
    let model_config_id = match &args.model {
        Some(model) => Some(model_config(client, model).await?),
        None => None,
    };
    let request = CreateChatRequest {
        workspace_id,
        model_config_id,
        ..CreateChatRequest::new(organization.id, vec![ChatInputPart::text(text)])
    };
    let chat = client.create_chat(&request).await?;
    if args.no_follow {
        output::line(&chat.id.to_string());
        return Ok(());
    }
    output::note(&format!("Chat {}", chat.id));
    follow(client, chat.id, None, false).await
}

async fn send(client: &Client, args: SendArgs) -> anyhow::Result<()> {
    let text = message(&args.message)?;
    // Read first: what is newer than this is the answer, whether the message is queued or not.
    let known = client.chat_messages(args.chat).await?.messages.iter().map(|message| message.id).max();
    let busy_behavior = if args.interrupt { BusyBehavior::Interrupt } else { BusyBehavior::Queue };
    let request = CreateChatMessageRequest {
        busy_behavior: Some(busy_behavior),
        ..CreateChatMessageRequest::new(vec![ChatInputPart::text(text)])
    };
    let answer = client.send_chat_message(args.chat, &request).await?;
    if answer.queued {
        output::note("The chat is busy; the message waits in its queue.");
    }
    if args.no_follow {
        return Ok(());
    }
    let after = answer.message.map(|message| message.id).or(known);
    follow(client, args.chat, after, false).await
}

fn message(words: &[String]) -> anyhow::Result<String> {
    let text = if words == ["-"] {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the message from standard input")?;
        text
    } else {
        words.join(" ")
    };
    if text.trim().is_empty() {
        bail!("the message is empty");
    }
    Ok(text)
}

async fn model_config(client: &Client, wanted: &str) -> anyhow::Result<ModelConfigId> {
    let configs = client.chat_model_configs().await?;
    let found = configs.iter().find(|config| {
        config.model == wanted || config.display_name == wanted || config.id.to_string() == wanted
    });
    let names = configs.iter().map(|config| config.model.as_str()).collect::<Vec<_>>().join(", ");
    Ok(found.with_context(|| format!("there is no model {wanted:?}, only: {names}"))?.id)
}

/// Prints a chat as it grows until its turn has ended; reconnects where it was after a lost connection.
async fn follow(
    client: &Client,
    chat: ChatId,
    after: Option<MessageId>,
    forever: bool,
) -> anyhow::Result<()> {
    let mut view = ChatView::new(after);
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    let mut away_since: Option<Instant> = None;
    loop {
        let mut heard = false;
        let failure = match attempt(client, chat, &mut view, forever, &mut heard).await {
            Ok(true) => break,
            Ok(false) => None,
            Err(error) if error.is_transient() => Some(error),
            Err(error) => return Err(error.into()),
        };
        if heard {
            away_since = None;
            backoff.reset();
        }
        let since = *away_since.get_or_insert_with(Instant::now);
        if since.elapsed() > SERVER_AWAY_MAX {
            let error = failure.map_or_else(|| anyhow::anyhow!("it ends every stream early"), Into::into);
            return Err(error).with_context(|| {
                format!(
                    "the server did not come back within 120 s; continue with `warren chat follow {chat}`"
                )
            });
        }
        backoff.wait().await;
        view.reconnected();
    }
    match view.error() {
        Some(error) => bail!("the chat stopped: {error}"),
        None => Ok(()),
    }
}

/// Follows one connection. `true` means that the turn has ended.
async fn attempt(
    client: &Client,
    chat: ChatId,
    view: &mut ChatView,
    forever: bool,
    heard: &mut bool,
) -> Result<bool, SdkError> {
    let mut frames = client.follow_chat(chat, view.last_message()).await?;
    while let Some(frame) = frames.next().await {
        let text = view.frame(&frame?);
        *heard = true;
        output::text_out(&text);
        if view.has_ended() && !forever {
            frames.close().await;
            return Ok(true);
        }
    }
    Ok(false)
}

async fn list(client: &Client, args: &OutputArgs) -> anyhow::Result<()> {
    let chats = client.chats().await?;
    match args.output {
        Format::Json => output::json(&chats),
        Format::Table if chats.is_empty() => {
            output::note("There are no chats. Start one with `warren chat new <message>`.");
            Ok(())
        }
        Format::Table => {
            output::line(&table::render(
                &chats,
                COLUMNS,
                &["id", "title", "status", "updated"],
                &args.column,
            )?);
            Ok(())
        }
    }
}
