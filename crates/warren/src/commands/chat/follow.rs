//! Shows a chat as it grows: reconnects where it was, asks the person at the terminal what the chat waits for, and leaves the
//! chat alone when the person leaves.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use warren_api::chats::{ChatInputPart, CreateChatMessageRequest, DecideChatApprovalsRequest};
use warren_rt::Backoff;
use warren_sdk::{ChatPlace, Client, JsonFrames, SdkError};
use warren_vocab::{ChatId, MessageId};

use super::{
    asker::{Asker, Reply},
    screen::{self, Screen},
};
use crate::{
    args::ViewArgs,
    chat_tool,
    chat_view::{ChatView, Question},
    chat_wire,
    failure::Exit,
    output, printable, program,
};

/// How long a server may stay away before following is given up; the chat itself goes on.
const SERVER_AWAY_MAX: Duration = Duration::from_secs(120);
/// A connection that is back sooner is not worth a word.
const SHORT_LOSS: Duration = Duration::from_millis(700);
const TICK: Duration = Duration::from_secs(1);
/// The chat waits for an answer.
const WAITS: Exit = Exit(2);
/// Left with Ctrl-C.
const LEFT: Exit = Exit(130);

/// What is shown of the chat.
pub(super) struct Options {
    /// The last message that the person knows.
    pub(super) after: Option<MessageId>,
    /// The view stays open when the turn has ended.
    pub(super) forever: bool,
    pub(super) view: ViewArgs,
}

/// Shows a chat until its turn has ended, or until the person leaves.
///
/// # Errors
/// When the chat stops with an error, or the server stays away.
pub(super) async fn run(client: &Client, chat: ChatId, options: Options) -> anyhow::Result<Exit> {
    let look = screen::look(options.view, options.forever);
    let mut follower = Follower {
        client,
        chat,
        forever: options.forever,
        asks: look.asks,
        view: ChatView::new(look, chat, options.after),
        cursor: None,
        lost: None,
        unknown: HashSet::new(),
        answered: HashSet::new(),
        said: Vec::new(),
        asker: None,
        typed: Typed { lines: None, is_reading: false },
        screen: Screen::new(),
    };
    let outcome = tokio::select! {
        outcome = follower.follow() => Some(outcome),
        _ = tokio::signal::ctrl_c() => None,
    };
    follower.screen.clear();
    outcome.unwrap_or_else(|| Ok(follower.leave()))
}

struct Follower<'a> {
    client: &'a Client,
    chat: ChatId,
    forever: bool,
    /// Somebody is there to answer.
    asks: bool,
    view: ChatView,
    cursor: Option<String>,
    lost: Option<Loss>,
    /// Kinds of events and parts that were told to be unknown.
    unknown: HashSet<String>,
    /// Calls that the person has decided about.
    answered: HashSet<String>,
    /// Questions that the person has answered.
    said: Vec<Question>,
    asker: Option<Asker>,
    typed: Typed,
    screen: Screen,
}

/// The connection is lost.
struct Loss {
    since: Instant,
    is_told: bool,
}

/// What the person types.
struct Typed {
    lines: Option<Lines<BufReader<Stdin>>>,
    /// A read has begun, which takes the next line whoever it is for.
    is_reading: bool,
}

impl Follower<'_> {
    async fn follow(&mut self) -> anyhow::Result<Exit> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            let mut has_heard = false;
            let failure = match self.connection(&mut has_heard).await {
                Ok(true) => return self.end(),
                Ok(false) => None,
                Err(error) if error.is_transient() => Some(error),
                Err(error) => return Err(error.into()),
            };
            if has_heard {
                backoff.reset();
            }
            self.lose(failure)?;
            backoff.wait().await;
        }
    }

    /// Follows one connection. `true` means that there is nothing left to wait for.
    async fn connection(&mut self, has_heard: &mut bool) -> Result<bool, SdkError> {
        let place = ChatPlace { after: self.view.last_message(), cursor: self.cursor.clone() };
        let mut frames = self.client.follow_chat(self.chat, &place).await?;
        self.resume();
        while !self.is_done() {
            if !self.step(&mut frames, has_heard).await? {
                return Ok(false);
            }
        }
        frames.close().await;
        Ok(true)
    }

    /// Waits for one thing to happen. `false` means that the server has ended the stream.
    async fn step(
        &mut self,
        frames: &mut JsonFrames<Vec<Value>>,
        has_heard: &mut bool,
    ) -> Result<bool, SdkError> {
        let listens = self.asker.is_some() || self.typed.is_reading;
        tokio::select! {
            frame = frames.next() => match frame {
                Some(frame) => {
                    *has_heard = true;
                    self.frame(frame?);
                }
                None => return Ok(false),
            },
            line = self.typed.next(), if listens => self.line(line).await,
            () = tokio::time::sleep(TICK), if self.screen.can_redraw() => self.footer(),
        }
        Ok(true)
    }

    fn frame(&mut self, frame: Vec<Value>) {
        if let Some(cursor) = frame.iter().rev().find_map(|event| event["cursor"].as_str()) {
            self.cursor = Some(cursor.to_owned());
        }
        let (events, unknown) = chat_wire::events(frame);
        let mut text = self.view.frame(&events, Instant::now());
        for kind in unknown {
            if self.unknown.insert(kind.clone()) {
                let kind = printable::one_line(&kind, 80);
                text += &self
                    .view
                    .note(&format!("the chat has something that this program does not know: {kind}"));
            }
        }
        self.print(&text);
    }

    fn print(&mut self, text: &str) {
        self.screen.print(text);
        self.ask(!text.is_empty());
        self.footer();
    }

    fn footer(&mut self) {
        let has_place = self.asker.is_none() && self.view.is_at_line_start();
        let line = self.view.footer(Instant::now()).filter(|_| has_place);
        self.screen.footer(line.as_deref());
    }

    /// Asks what there is to ask, again if the text has grown since.
    fn ask(&mut self, has_grown: bool) {
        let Some(waiting) = self.view.waits_for().filter(|_| self.asks) else {
            self.asker = None;
            return;
        };
        let is_open = self.asker.as_ref().is_some_and(|asker| asker.is_open(waiting));
        if is_open && !has_grown {
            return;
        }
        if !is_open {
            self.asker = Asker::of(waiting, |id| self.answered.contains(id), &self.said);
        }
        if let Some(asker) = &self.asker {
            self.screen.print(&asker.prompt());
            self.view.cursor_moved(false);
        }
    }

    /// Takes a line that was typed; `None` is the end of all.
    async fn line(&mut self, line: Option<String>) {
        self.view.cursor_moved(true);
        let Some(line) = line else {
            self.asks = false;
            self.asker = None;
            let (program, chat) = (program::name(), self.chat);
            let text = self.view.note(&format!(
                "left for later: `{program} chat approve {chat}` and `{program} chat answer {chat}` show what is asked"
            ));
            return self.print(&text);
        };
        let Some(asker) = &mut self.asker else {
            if !line.trim().is_empty() {
                let send = format!("{} chat send {} <message>", program::name(), self.chat);
                let text = self
                    .view
                    .note(&format!("nothing was asked, so that line went nowhere; to say something: {send}"));
                self.print(&text);
            }
            return;
        };
        match asker.read(&line) {
            Reply::Again(why) => {
                let text = if why.is_empty() { why } else { self.view.note(&why) };
                self.screen.print(&text);
                self.ask(true);
            }
            Reply::Decide(decision) => {
                self.asker = None;
                self.answered.insert(decision.tool_call_id.clone());
                let request = DecideChatApprovalsRequest { decisions: vec![decision] };
                let told = self.client.decide_chat_approvals(self.chat, &request).await;
                self.told(told.err());
            }
            Reply::Say(text) => {
                if let Some(Asker::Questions { questions, .. }) = self.asker.take() {
                    self.said = questions;
                }
                let request = CreateChatMessageRequest::new(vec![ChatInputPart::text(text)]);
                let told = self.client.send_chat_message(self.chat, &request).await;
                self.told(told.err());
            }
        }
    }

    /// The answer is at the server, or it is not.
    fn told(&mut self, failure: Option<SdkError>) {
        let text = match failure {
            None => String::new(),
            Some(error) => {
                if error.is_transient() {
                    self.answered.clear();
                    self.said.clear();
                }
                self.view
                    .note(&format!("the answer was not taken: {}", printable::reveal(&error.to_string())))
            }
        };
        self.print(&text);
    }

    /// Whether nothing more is to come, or to be answered here.
    fn is_done(&self) -> bool {
        if self.forever || !self.view.has_ended() || self.asker.is_some() {
            return false;
        }
        // What was answered here is on its way.
        let is_on_its_way = self.view.waits_for().is_some_and(|waiting| {
            let has_decided =
                waiting.approvals.iter().any(|approval| self.answered.contains(&approval.tool_call_id));
            has_decided || (!waiting.questions.is_empty() && waiting.questions == self.said)
        });
        !is_on_its_way || !self.asks
    }

    fn end(&self) -> anyhow::Result<Exit> {
        if let Some(error) = self.view.error() {
            bail!("the chat stopped: {error}");
        }
        Ok(match self.view.waits_for() {
            Some(_) => {
                output::note("The chat waits for an answer.");
                WAITS
            }
            None => Exit::OK,
        })
    }

    fn lose(&mut self, failure: Option<SdkError>) -> anyhow::Result<()> {
        let loss = self.lost.get_or_insert_with(|| Loss { since: Instant::now(), is_told: false });
        let away = loss.since.elapsed();
        if away > SERVER_AWAY_MAX && !self.forever {
            let error = failure.map_or_else(|| anyhow::anyhow!("it ends every stream early"), Into::into);
            let follow = format!("{} chat follow {}", program::name(), self.chat);
            return Err(error)
                .context(format!("the server did not come back within 120 s; continue with `{follow}`"));
        }
        if away > SHORT_LOSS && !std::mem::replace(&mut loss.is_told, true) {
            self.aside("the server cannot be reached; the chat itself does not depend on this connection");
        }
        Ok(())
    }

    fn resume(&mut self) {
        if let Some(Loss { since, is_told: true }) = self.lost.take() {
            let away = chat_tool::duration(since.elapsed().as_millis() as f64);
            self.aside(&format!("resumed after {away}"));
        }
    }

    /// Says something about the connection. Where the text goes into a file, that is no part of it.
    fn aside(&mut self, text: &str) {
        if self.screen.can_redraw() {
            let text = self.view.note(text);
            self.print(&text);
        } else {
            output::note(&format!("[{text}]"));
        }
    }

    fn leave(&mut self) -> Exit {
        let (program, chat) = (program::name(), self.chat);
        let state = if self.view.has_ended() {
            format!("You have left the view. See the chat again with `{program} chat follow {chat}`.")
        } else {
            format!(
                "You have left the view; the chat goes on. See it with `{program} chat follow {chat}`, stop it with `{program} chat stop {chat}`."
            )
        };
        output::note(&format!("\n{state}"));
        LEFT
    }
}

impl Typed {
    /// Waits for the next line; `None` after the last. Cancel-safe: a read that was begun is taken up again.
    async fn next(&mut self) -> Option<String> {
        self.is_reading = true;
        let lines = self.lines.get_or_insert_with(|| BufReader::new(tokio::io::stdin()).lines());
        let line = lines.next_line().await;
        self.is_reading = false;
        // A terminal that cannot be read has nobody who answers.
        line.unwrap_or_default()
    }
}
