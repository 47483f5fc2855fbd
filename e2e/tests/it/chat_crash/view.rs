//! A viewer that keeps to the rules of the stream, comes back with its place after every loss, and notes what should not be.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::time::Instant;
use warren_sdk::{Client, JsonFrames, SocketRequest};
use warren_testkit::eventually;
use warren_vocab::ChatId;

/// What the viewer has seen.
pub(crate) struct View {
    pub(crate) chat: ChatId,
    cursor: Option<String>,
    /// What was seen and is not in the message that was kept: a later attempt has written that one, which is to be said.
    taken_back: Option<String>,
    messages: BTreeMap<i64, Value>,
    /// The text of the answer that is being written.
    pub(crate) preview: String,
    /// All text that was ever shown before it was kept, also what was taken back.
    pub(crate) shown: String,
    pub(crate) status: String,
    pub(crate) error: String,
    stream: Option<JsonFrames<Vec<Value>>>,
}

impl View {
    pub(crate) fn new(chat: ChatId) -> Self {
        let (preview, shown) = <(String, String)>::default();
        let (status, error) = <(String, String)>::default();
        Self {
            chat,
            cursor: None,
            taken_back: None,
            messages: BTreeMap::new(),
            preview,
            shown,
            status,
            error,
            stream: None,
        }
    }

    /// Follows until the connection is lost.
    pub(crate) async fn until_lost(&mut self, client: &Client, deadline: Duration) -> Result<()> {
        let end = Instant::now() + deadline;
        let path = self.path();
        let Ok(mut stream) = client.socket::<Vec<Value>>(SocketRequest::new(&path)).await else {
            return Ok(());
        };
        loop {
            match tokio::time::timeout_at(end, stream.next()).await {
                Err(_) => bail!("the server did not die: {} {:?}", self.status, self.messages.values()),
                Ok(Some(Ok(events))) => self.take(&events)?,
                Ok(Some(Err(_)) | None) => return Ok(()),
            }
        }
    }

    /// Follows, over as many connections as it takes, until the condition holds.
    pub(crate) async fn until(
        &mut self,
        client: &Client,
        deadline: Duration,
        condition: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        let end = Instant::now() + deadline;
        while !condition(self) {
            let mut stream = match self.stream.take() {
                Some(stream) => stream,
                None => {
                    let path = self.path();
                    eventually("a connection", deadline, || async {
                        client.socket::<Vec<Value>>(SocketRequest::new(&path)).await.ok()
                    })
                    .await?
                }
            };
            match tokio::time::timeout_at(end, stream.next()).await {
                Err(_) => bail!("the chat stays {:?}: {:?}", self.status, self.messages.values()),
                Ok(Some(Ok(events))) => {
                    self.take(&events)?;
                    self.stream = Some(stream);
                }
                Ok(Some(Err(_)) | None) => {}
            }
        }
        Ok(())
    }

    /// What the viewer has is what the server keeps.
    pub(crate) async fn agrees_with_history(&self, client: &Client) -> Result<()> {
        ensure!(self.taken_back.is_none(), "taken back without a word: {:?}", self.taken_back);
        let kept = serde_json::to_value(client.chat_messages(self.chat).await?.messages)?;
        let kept: BTreeMap<_, _> = kept
            .as_array()
            .context("messages are a list")?
            .iter()
            .map(|message| (message["id"].as_i64().unwrap_or_default(), text(message)))
            .collect();
        let seen: BTreeMap<_, _> = self.messages.iter().map(|(id, message)| (*id, text(message))).collect();
        ensure!(seen == kept, "the viewer has {seen:?}, the server {kept:?}");
        Ok(())
    }

    /// The texts of the model's messages.
    pub(crate) fn answers(&self) -> Vec<String> {
        let answers = self.messages.values().filter(|message| message["role"] == "assistant");
        answers.map(text).filter(|text| !text.is_empty()).collect()
    }

    /// Results of tools, and whether they are errors.
    pub(crate) fn results(&self) -> Vec<(Value, bool)> {
        let parts = self.messages.values().filter_map(|message| message["content"].as_array()).flatten();
        let results = parts.filter(|part| part["type"] == "tool-result");
        results.map(|part| (part["result"].clone(), part["is_error"] == true)).collect()
    }

    fn path(&self) -> String {
        let cursor = self.cursor.as_ref().map(|cursor| format!("?cursor={cursor}")).unwrap_or_default();
        format!("/api/experimental/chats/{}/stream{cursor}", self.chat)
    }

    fn take(&mut self, events: &[Value]) -> Result<()> {
        for event in events {
            self.apply(event)?;
            if let Some(cursor) = event["cursor"].as_str() {
                self.cursor = Some(cursor.to_owned());
            }
        }
        Ok(())
    }

    fn apply(&mut self, event: &Value) -> Result<()> {
        match event["type"].as_str().unwrap_or_default() {
            "history_reset" => self.messages.clear(),
            "preview_reset" => {
                self.preview.clear();
                self.taken_back = None;
            }
            "status" => self.status = word(&event["status"]["status"]),
            "error" => self.error = word(&event["error"]["message"]),
            "message_part" => {
                ensure!(self.taken_back.is_none(), "taken back without a word: {:?}", self.taken_back);
                let part = &event["message_part"];
                if part["role"] == "assistant" && part["part"]["type"] == "text" {
                    let text = part["part"]["text"].as_str().unwrap_or_default();
                    self.preview.push_str(text);
                    self.shown.push_str(text);
                }
            }
            "message" => {
                let message = &event["message"];
                if message["role"] == "assistant" {
                    let said = text(message);
                    let seen = std::mem::take(&mut self.preview);
                    self.taken_back = (!said.starts_with(&seen)).then_some(seen);
                }
                self.messages.insert(message["id"].as_i64().context("messages have ids")?, message.clone());
            }
            _ => {}
        }
        Ok(())
    }
}

fn text(message: &Value) -> String {
    let parts = message["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    parts.iter().filter(|part| part["type"] == "text").filter_map(|part| part["text"].as_str()).collect()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
