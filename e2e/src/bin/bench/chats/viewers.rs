//! Viewers over WebSockets that look at nothing but the times in the parts.

use anyhow::{Context, Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, Utf8Bytes, client::IntoClientRequest},
};

use super::{DEADLINE, people::People};

/// Connections that are opened at once.
const HANDSHAKES: usize = 32;

pub struct Reader {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What was said after the last complete time.
    rest: String,
    /// Times that have come of the answer that is being said.
    n_came: usize,
}

impl Reader {
    pub async fn open(people: &People, who: usize, chat: &str) -> Result<Self> {
        let url = format!("ws://{}/api/experimental/chats/{chat}/stream", people.url.authority());
        let mut request = url.into_client_request()?;
        request.headers_mut().insert("Coder-Session-Token", people.tokens[who].parse()?);
        request.headers_mut().insert("X-Coder-Bypass-Ratelimit", "true".parse()?);
        let connecting = timeout(DEADLINE, tokio_tungstenite::connect_async(request));
        let (socket, _) = connecting.await.context("no connection")??;
        Ok(Self { socket, rest: String::new(), n_came: 0 })
    }

    /// Reads up to the status of a chat at rest or under way.
    pub async fn skip_history(&mut self) -> Result<()> {
        while !self.frame().await?.contains(r#""type":"status""#) {}
        Ok(())
    }

    async fn frame(&mut self) -> Result<Utf8Bytes> {
        loop {
            let message = timeout(DEADLINE, self.socket.next()).await.context("nothing more came")?;
            match message.context("the stream has ended")?? {
                Message::Text(text) => return Ok(text),
                Message::Ping(_) | Message::Pong(_) => {}
                other => bail!("unexpected {other:?}"),
            }
        }
    }

    /// Reads at least so many of the model's times; gives them with the time at which each was here.
    pub async fn times(&mut self, count: usize) -> Result<(Vec<i64>, Vec<i64>)> {
        let (mut said, mut heard) = (Vec::new(), Vec::new());
        while said.len() < count {
            let frame = self.frame().await?;
            let now = chrono::Utc::now().timestamp_nanos_opt().context("the clock is beyond its range")?;
            let events: Vec<Value> = serde_json::from_str(&frame)?;
            for event in &events {
                said.extend(self.times_of(event));
            }
            heard.resize(said.len(), now);
        }
        Ok((said, heard))
    }

    /// The times that an event brings. Whatever of an answer has not come in parts comes with its message.
    fn times_of(&mut self, event: &Value) -> Vec<i64> {
        if event["type"] == "message_part" {
            self.rest.push_str(event["message_part"]["part"]["text"].as_str().unwrap_or_default());
            let times = take_times(&mut self.rest);
            self.n_came += times.len();
            times
        } else if event["type"] == "message" && event["message"]["role"] == "assistant" {
            self.rest.clear();
            let parts = event["message"]["content"].as_array().into_iter().flatten();
            let mut text: String = parts.filter_map(|part| part["text"].as_str()).collect();
            text.push(' ');
            take_times(&mut text).into_iter().skip(std::mem::take(&mut self.n_came)).collect()
        } else if event["type"] == "preview_reset" {
            self.rest.clear();
            self.n_came = 0;
            Vec::new()
        } else {
            Vec::new()
        }
    }

    /// Waits for words that the model has said after a moment; gives the time at which they were here. What was
    /// said before and comes later does not count.
    pub async fn said_after(&mut self, moment: i64) -> Result<i64> {
        loop {
            let (said, heard) = self.times(1).await?;
            if let Some(at) = said.iter().position(|said| *said > moment) {
                return Ok(heard[at]);
            }
        }
    }

    /// Counts the model's times without looking at them: each ends with the only kind of blank that a frame has.
    async fn count(mut self, count: usize) -> Result<usize> {
        let mut n_blanks = 0;
        while n_blanks < count {
            let frame = self.frame().await?;
            if frame.contains(r#""type":"message_part""#) {
                n_blanks += frame.bytes().filter(|byte| *byte == b' ').count();
            }
        }
        Ok(n_blanks)
    }
}

/// Takes the times off the front that are certain to be complete: those with a blank after them.
pub fn take_times(text: &mut String) -> Vec<i64> {
    let end = text.rfind(' ').map_or(0, |at| at + 1);
    let head: String = text.drain(..end).collect();
    head.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

pub async fn open_all(people: &People, chats: &[(usize, String)]) -> Result<Vec<Reader>> {
    let opening = chats.iter().map(|(who, chat)| async move {
        let mut reader = Reader::open(people, *who, chat).await?;
        reader.skip_history().await?;
        Ok(reader)
    });
    stream::iter(opening).buffered(HANDSHAKES).try_collect().await
}

/// How long the parts took to come, in milliseconds. Chats that have not begun are left alone.
pub async fn latencies(readers: Vec<Reader>, n_parts: usize, n_live: usize) -> Result<Vec<f64>> {
    let reading = readers.into_iter().map(|mut reader| async move { reader.times(n_parts).await });
    let done: Vec<_> = stream::iter(reading).buffer_unordered(usize::MAX).take(n_live).try_collect().await?;
    let delays = done.iter().flat_map(|(said, heard)| said.iter().zip(heard));
    Ok(delays.map(|(said, heard)| (heard - said) as f64 / 1e6).collect())
}

/// Counts the parts that all readers get.
pub async fn count(readers: Vec<Reader>, n_parts: usize) -> Result<usize> {
    let mut counting: JoinSet<_> = readers.into_iter().map(|reader| reader.count(n_parts)).collect();
    let mut sum = 0;
    while let Some(counted) = counting.join_next().await {
        sum += counted??;
    }
    Ok(sum)
}
