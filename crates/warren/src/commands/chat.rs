//! `warren chat`.

mod answer;
mod approve;
mod asker;
mod export;
mod find;
mod follow;
mod list;
mod screen;
mod stop;

use std::{collections::BTreeMap, io::Read as _};

use anyhow::{Context as _, bail};
use warren_api::chats::{ChatInputPart, CreateChatMessageRequest, CreateChatRequest};
use warren_sdk::Client;
use warren_vocab::{BusyBehavior, ModelConfigId};

use crate::{
    args::{ChatCommand, FollowArgs, NewChatArgs, SendArgs},
    context::Context,
    failure::Exit,
    output,
    workspace_name::WorkspaceName,
};

pub(super) async fn run(command: ChatCommand, context: &Context) -> anyhow::Result<Exit> {
    let client = context.client()?;
    match command {
        ChatCommand::New(args) => return new(&client, args).await,
        ChatCommand::Send(args) => return send(&client, args).await,
        ChatCommand::Follow(args) => return follow_from(&client, args).await,
        ChatCommand::List(args) => list::run(&client, &args).await?,
        ChatCommand::Stop(args) => stop::run(&client, &args).await?,
        ChatCommand::Approve(args) => approve::run(&client, &args).await?,
        ChatCommand::Answer(args) => answer::run(&client, args).await?,
        ChatCommand::Export(args) => export::run(&client, &args).await?,
    }
    Ok(Exit::OK)
}

async fn new(client: &Client, args: NewChatArgs) -> anyhow::Result<Exit> {
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
    let labels: BTreeMap<_, _> = args.label.into_iter().collect();
    let request = CreateChatRequest {
        workspace_id,
        model_config_id,
        labels: (!labels.is_empty()).then_some(labels),
        ..CreateChatRequest::new(organization.id, vec![ChatInputPart::text(text)])
    };
    let chat = client.create_chat(&request).await?;
    if args.no_follow {
        output::line(&chat.id.to_string());
        return Ok(Exit::OK);
    }
    output::note(&format!("Chat {}", chat.id));
    follow::run(client, chat.id, follow::Options { after: None, forever: false, view: args.view }).await
}

async fn send(client: &Client, args: SendArgs) -> anyhow::Result<Exit> {
    let text = message(&args.message)?;
    let chat = find::id(client, &args.chat).await?;
    // Read first: what is newer than this is the answer, whether the message is queued or not.
    let known = client.chat_messages(chat).await?.messages.iter().map(|message| message.id).max();
    let busy_behavior = if args.interrupt { BusyBehavior::Interrupt } else { BusyBehavior::Queue };
    let request = CreateChatMessageRequest {
        busy_behavior: Some(busy_behavior),
        ..CreateChatMessageRequest::new(vec![ChatInputPart::text(text)])
    };
    let answer = client.send_chat_message(chat, &request).await?;
    if answer.queued && args.interrupt {
        output::note("The answer is being stopped; the message comes next.");
    } else if answer.queued {
        output::note("The chat is busy; the message waits in its queue.");
    }
    if args.no_follow {
        return Ok(Exit::OK);
    }
    let after = answer.message.map(|message| message.id).or(known);
    follow::run(client, chat, follow::Options { after, forever: false, view: args.view }).await
}

async fn follow_from(client: &Client, args: FollowArgs) -> anyhow::Result<Exit> {
    let chat = find::id(client, &args.chat).await?;
    let after = match args.tail {
        Some(n_messages) => {
            let newest = client.chat_messages(chat).await?.messages;
            newest.get(n_messages).map(|message| message.id)
        }
        None => None,
    };
    follow::run(client, chat, follow::Options { after, forever: args.forever, view: args.view }).await
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

#[cfg(test)]
mod tests;
