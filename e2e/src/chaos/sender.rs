//! Whoever writes in a chat during faults, and remembers what was acknowledged.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use warren_testkit::cluster::Somebody;

use super::{
    checker::{Acknowledged, ClientTools, Committed, Kept, Violation, Wrong},
    dice::Dice,
    script::{Ask, CLIENT_TOOL},
    tally::{Tally, add, count},
    viewer::{Ends, HEAL_DEADLINE, Watched},
};

const CHATS: &str = "/api/experimental/chats";
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
const REST_MAX: Duration = Duration::from_secs(8);
const PAGE: usize = 200;
/// A chat that gets on has so long at most.
const PROGRESS_MAX: Duration = Duration::from_secs(300);

/// Where to write, and when to stop.
#[derive(Clone)]
pub struct Scene {
    pub ada: Somebody,
    pub servers: Vec<SocketAddr>,
    /// Nothing new is begun once this is set.
    pub is_over: watch::Receiver<bool>,
    /// When everything worked again.
    pub healed: watch::Receiver<Option<Instant>>,
    pub tally: Arc<Tally>,
}

/// The writer of one chat.
pub struct Sender {
    scene: Scene,
    pub name: String,
    dice: Dice,
    pub chat: String,
    has_workspace: bool,
    /// Every other chat is never interrupted, so that each of its messages has an answer.
    is_calm: bool,
    /// Interrupts that were asked for; each may leave one message without an answer, or with a part of one.
    pub n_interrupts: usize,
    pub told: Acknowledged,
    pub tools: ClientTools,
    n_said: usize,
    n_results: usize,
    /// Whether an answer to an edit was lost: what came of it may show late.
    pub is_unsure: bool,
}

/// What came of a request.
enum Answer {
    Yes(Value),
    /// Refused for a reason of its own.
    No(StatusCode, String),
    /// It may have been done or not.
    Unknown,
}

impl Sender {
    /// Makes a chat with its first message, however long that takes. `None` when it is too late for that.
    pub async fn begin(
        scene: Scene,
        name: String,
        mut dice: Dice,
        workspace: Option<&str>,
        first: Ask,
    ) -> Option<Self> {
        let text = format!("{} <{name}m0>", first.word());
        let body = json!({
            "organization_id": scene.ada.organization,
            "content": [{ "type": "text", "text": text }],
            "workspace_id": workspace,
            "unsafe_dynamic_tools": [{ "name": CLIENT_TOOL, "description": "Looks something up." }],
        });
        let key = format!("create-{name}");
        let is_calm = dice.index(2) == 0;
        loop {
            let server = scene.servers[dice.index(scene.servers.len())];
            match request(&scene, server, Method::POST, CHATS, Some(&body), Some(&key)).await {
                Answer::Yes(made) => {
                    let chat = made["id"].as_str()?.to_owned();
                    count(&scene.tally.n_chats);
                    let mut sender = Self {
                        scene,
                        name,
                        dice,
                        chat,
                        has_workspace: workspace.is_some(),
                        is_calm,
                        n_interrupts: 0,
                        told: Acknowledged::default(),
                        tools: ClientTools::default(),
                        n_said: 1,
                        n_results: 0,
                        is_unsure: false,
                    };
                    sender.told.once.insert(text.clone());
                    return Some(sender);
                }
                Answer::No(status, why) => {
                    let what = format!("a chat cannot be made: {status} {why}");
                    scene.tally.report([Violation::new(Wrong::Server, name, what)], Vec::new);
                    return None;
                }
                Answer::Unknown if *scene.is_over.borrow() => return None,
                Answer::Unknown => sleep(dice.millis(50..300)).await,
            }
        }
    }

    /// Writes so many messages, unless there is no time for that.
    pub async fn talk(&mut self, n_messages: usize, edits_first: bool) {
        if edits_first {
            self.edit().await;
        }
        for _ in 0..n_messages {
            if *self.scene.is_over.borrow() || self.is_unsure {
                return;
            }
            match self.dice.weighted(&[(50, 0), (14, 1), (12, 2), (10, 3), (14, 4)]) {
                0 => self.say("queue").await,
                1 | 2 if self.is_calm => self.say("queue").await,
                1 => self.say("interrupt").await,
                2 => self.interrupt().await,
                3 => self.edit().await,
                _ => {
                    self.say("queue").await;
                    self.say("queue").await;
                }
            }
            match self.dice.index(2) {
                0 => sleep(self.dice.millis(10..700)).await,
                _ => self.rest().await,
            }
        }
    }

    /// Asks for one answer after the other, until nothing new is begun.
    pub async fn keep_asking(&mut self, ask: Ask) {
        while !*self.scene.is_over.borrow() {
            self.rest().await;
            if !*self.scene.is_over.borrow() {
                self.send(ask, "queue").await;
            }
        }
    }

    /// Waits until the chat rests and publishes what it has, again and again, until the viewers are done and drop this.
    ///
    /// Says as well until when the viewers shall wait: as long as the chat gets on after everything works again, for more.
    pub async fn come_to_rest(&mut self, Ends { end, late }: &Ends) {
        let mut last = Value::Null;
        loop {
            self.tend().await;
            let healed = *self.scene.healed.borrow();
            if let Some(healed) = healed {
                let chat = self.get(&format!("{CHATS}/{}", self.chat), None).await.unwrap_or_default();
                let is_news = late.borrow().is_none() || (!chat.is_null() && chat["updated_at"] != last);
                if is_news {
                    late.send_replace(Some((Instant::now() + HEAL_DEADLINE).min(healed + PROGRESS_MAX)));
                    last = chat["updated_at"].clone();
                }
            }
            if let Some(committed) = self.committed(None).await
                && ["waiting", "error"].contains(&committed.status.as_str())
                && (committed.queue.is_empty() || committed.status == "error")
            {
                end.send_if_modified(|now| {
                    let is_news = now.as_deref() != Some(&committed);
                    if is_news {
                        *now = Some(Arc::new(committed));
                    }
                    is_news
                });
            }
            sleep(self.dice.millis(300..700)).await;
        }
    }

    /// What the viewers of the chat share, and what tells them of its end.
    pub fn watched(&self) -> (Watched, Ends) {
        let (end, ended) = watch::channel(None);
        let (late, is_late) = watch::channel(None);
        let watched = Watched {
            chat: self.chat.clone(),
            name: self.name.clone(),
            ada: self.scene.ada.clone(),
            parts: Arc::default(),
            end: ended,
            late: is_late,
            tally: self.scene.tally.clone(),
        };
        (watched, Ends { end, late })
    }

    /// Reports that the chat does not come to rest.
    pub async fn report_stuck(&mut self) {
        let found = self.describe().await;
        let what = format!("the chat {} does not come to rest: {found}", self.chat);
        self.scene.tally.report([Violation::new(Wrong::Stuck, self.name.clone(), what)], Vec::new);
    }

    /// The chat as the API gives it, for a message about it.
    async fn describe(&mut self) -> String {
        let chat = self.get(&format!("{CHATS}/{}", self.chat), None).await;
        let waits = self.get(&format!("{CHATS}/{}/approvals", self.chat), None).await;
        format!("{chat:?}, approvals {waits:?}")
    }

    /// Reads the whole history and the queue, from any server or from one.
    pub async fn committed(&mut self, server: Option<SocketAddr>) -> Option<Committed> {
        let chat = self.get(&format!("{CHATS}/{}", self.chat), server).await?;
        let status = chat["status"].as_str()?.to_owned();
        let mut committed = Committed { status, ..Committed::default() };
        let mut before = String::new();
        loop {
            let path = format!("{CHATS}/{}/messages?limit={PAGE}{before}", self.chat);
            let page = self.get(&path, server).await?;
            let messages = page["messages"].as_array()?;
            if before.is_empty() {
                let queue = page["queued_messages"].as_array().map(Vec::as_slice).unwrap_or_default();
                committed.queue = queue.iter().map(|queued| Kept::read(queued).text).collect();
            }
            committed.messages.extend(messages.iter().map(Kept::read));
            match messages.last() {
                Some(last) if page["has_more"] == true => before = format!("&before_id={}", last["id"]),
                Some(_) | None => break,
            }
        }
        committed.messages.reverse();
        // Nothing happened meanwhile, or the next look will tell.
        let again = self.get(&format!("{CHATS}/{}", self.chat), server).await?;
        (again["status"] == chat["status"] && again["updated_at"] == chat["updated_at"]).then_some(committed)
    }

    async fn say(&mut self, busy: &str) {
        let ask = self.ask();
        self.send(ask, busy).await;
    }

    fn ask(&mut self) -> Ask {
        let mut asks = vec![(40, Ask::Short), (25, Ask::Long), (10, Ask::Thoughts), (15, Ask::ClientTool)];
        if self.has_workspace {
            asks.push((150, Ask::Command));
        }
        self.dice.weighted(&asks)
    }

    async fn send(&mut self, ask: Ask, busy: &str) {
        let text = self.next_text(ask);
        self.n_interrupts += usize::from(busy == "interrupt");
        let body = json!({ "content": [{ "type": "text", "text": text }], "busy_behavior": busy });
        let (path, key) = (format!("{CHATS}/{}/messages", self.chat), text.clone());
        loop {
            let server = self.any();
            match request(&self.scene, server, Method::POST, &path, Some(&body), Some(&key)).await {
                Answer::Yes(_) => {
                    count(&self.scene.tally.n_sent);
                    self.told.once.insert(text);
                    return;
                }
                // A full queue, say.
                Answer::No(status, why) => {
                    self.scene.tally.log(format!("{}: {text} was refused: {status} {why}", self.name));
                    self.told.at_most_once.insert(text);
                    return;
                }
                Answer::Unknown if self.is_too_late() => {
                    let what = format!("the message {text} is not acknowledged");
                    self.scene
                        .tally
                        .report([Violation::new(Wrong::Stuck, self.name.clone(), what)], Vec::new);
                    self.told.at_most_once.insert(text);
                    return;
                }
                Answer::Unknown => sleep(self.dice.millis(30..250)).await,
            }
        }
    }

    async fn interrupt(&mut self) {
        count(&self.scene.tally.n_interrupts);
        self.n_interrupts += 1;
        let path = format!("{CHATS}/{}/interrupt", self.chat);
        let server = self.any();
        // Whatever comes of it, the chat must come to rest.
        let _ = request(&self.scene, server, Method::POST, &path, Some(&json!({})), None).await;
    }

    /// Replaces the last message of the user, whatever the chat is doing. Takes away what came after it and what waits.
    async fn edit(&mut self) {
        let Some((last, kept)) = self.last_message().await else { return };
        let ask = self.ask();
        let new = self.next_text(ask);
        let body = json!({ "content": [{ "type": "text", "text": new }] });
        let path = format!("{CHATS}/{}/messages/{}", self.chat, last.id);
        let mut was_lost = false;
        loop {
            let server = self.any();
            match request(&self.scene, server, Method::PATCH, &path, Some(&body), None).await {
                Answer::Yes(_) => return self.was_edited(&kept, new),
                // Nobody but this edit takes the message away, so it was done when its answer was lost.
                Answer::No(StatusCode::NOT_FOUND, _) if was_lost => return self.was_edited(&kept, new),
                Answer::No(..) if !was_lost => return,
                Answer::No(..) => return self.is_unsure(&kept, new),
                Answer::Unknown if self.is_too_late() => return self.is_unsure(&kept, new),
                Answer::Unknown => {
                    was_lost = true;
                    sleep(self.dice.millis(30..250)).await;
                }
            }
        }
    }

    /// The last message of the user in the history, and the texts before it.
    async fn last_message(&mut self) -> Option<(Kept, BTreeSet<String>)> {
        let path = format!("{CHATS}/{}/messages?limit={PAGE}", self.chat);
        let page = loop {
            match self.get(&path, None).await {
                Some(page) => break page,
                None if *self.scene.is_over.borrow() => return None,
                None => sleep(self.dice.millis(30..250)).await,
            }
        };
        let messages: Vec<_> = page["messages"].as_array()?.iter().map(Kept::read).collect();
        let users: Vec<_> = messages.into_iter().filter(|kept| kept.role == "user").collect();
        let last = users.iter().max_by_key(|kept| kept.id)?.clone();
        // One of those whose fate is not known, or more than a page, is left alone.
        if !self.told.once.contains(&last.text) || page["has_more"] == true {
            return None;
        }
        let before = users.into_iter().filter(|kept| kept.id < last.id).map(|kept| kept.text).collect();
        Some((last, before))
    }

    /// Whatever was not kept before the replaced message is gone: it came after it or waited.
    fn was_edited(&mut self, kept: &BTreeSet<String>, new: String) {
        count(&self.scene.tally.n_edits);
        let (once, gone) =
            std::mem::take(&mut self.told.once).into_iter().partition(|text| kept.contains(text));
        self.told.once = once;
        self.told.gone.extend::<BTreeSet<_>>(gone);
        self.told.once.insert(new);
    }

    fn is_unsure(&mut self, kept: &BTreeSet<String>, new: String) {
        self.is_unsure = true;
        let (once, unsure) =
            std::mem::take(&mut self.told.once).into_iter().partition(|text| kept.contains(text));
        self.told.once = once;
        self.told.at_most_once.extend::<BTreeSet<_>>(unsure);
        self.told.at_most_once.insert(new);
    }

    /// Whether a request that was not answered so far should have been, as everything works again.
    fn is_too_late(&self) -> bool {
        self.scene.healed.borrow().is_some_and(|healed| healed.elapsed() > HEAL_DEADLINE)
    }

    /// Waits until the chat rests, and not for ever.
    async fn rest(&mut self) {
        let end = Instant::now() + REST_MAX;
        while Instant::now() < end && !*self.scene.is_over.borrow() {
            if self.tend().await.is_some_and(|status| ["waiting", "error"].contains(&status.as_str())) {
                return;
            }
            sleep(self.dice.millis(100..400)).await;
        }
    }

    /// Looks at the chat and answers its calls of the client's tool: over two servers at once, with different results.
    async fn tend(&mut self) -> Option<String> {
        let chat = self.get(&format!("{CHATS}/{}", self.chat), None).await?;
        let status = chat["status"].as_str()?.to_owned();
        if status != "requires_action" {
            return Some(status);
        }
        let page = self.get(&format!("{CHATS}/{}/messages?limit=20", self.chat), None).await?;
        let messages: Vec<_> = page["messages"].as_array()?.iter().map(Kept::read).collect();
        let results: Vec<_> = messages.iter().flat_map(|kept| &kept.results).map(|(call, ..)| call).collect();
        let calls = messages.iter().flat_map(|kept| &kept.calls);
        let open = calls.filter(|(call, name)| name == CLIENT_TOOL && !results.contains(&call));
        for (call, _) in open {
            self.answer(call).await;
        }
        self.refuse_repetitions().await;
        Some(status)
    }

    /// When nobody knows what became of a command, the user is asked whether it runs again. It shall not: then no effect
    /// may ever be there twice.
    async fn refuse_repetitions(&mut self) {
        let path = format!("{CHATS}/{}/approvals", self.chat);
        let Some(asked) = self.get(&path, None).await else { return };
        let asked = asked["approvals"].as_array().map(Vec::as_slice).unwrap_or_default();
        if asked.is_empty() {
            return;
        }
        let refused =
            asked.iter().map(|ask| json!({ "tool_call_id": ask["tool_call_id"], "approve": false }));
        let body = json!({ "decisions": refused.collect::<Vec<_>>() });
        let server = self.any();
        // An answer that is lost is given again.
        if let Answer::Yes(_) = request(&self.scene, server, Method::POST, &path, Some(&body), None).await {
            add(&self.scene.tally.n_unknown, asked.len() as u64);
        }
    }

    async fn answer(&mut self, call: &str) {
        let path = format!("{CHATS}/{}/tool-results", self.chat);
        let outputs = [1, 2].map(|more| format!("n{}.", self.n_results + more));
        self.n_results += 2;
        let bodies = outputs.each_ref().map(
            |output| json!({ "results": [{ "tool_call_id": call, "output": output, "is_error": false }] }),
        );
        let servers = [self.any(), self.any()];
        let [first, second] = [0, 1].map(|which| {
            request(&self.scene, servers[which], Method::POST, &path, Some(&bodies[which]), None)
        });
        let answers: [Answer; 2] = tokio::join!(first, second).into();
        for (answer, output) in answers.into_iter().zip(outputs) {
            if let Answer::Yes(_) = answer {
                count(&self.scene.tally.n_client_calls);
                self.tools.accepted.entry(call.to_owned()).or_default().push(output);
            }
        }
    }

    async fn get(&mut self, path: &str, server: Option<SocketAddr>) -> Option<Value> {
        let server = server.unwrap_or_else(|| self.any());
        match request(&self.scene, server, Method::GET, path, None, None).await {
            Answer::Yes(value) => Some(value),
            Answer::No(..) | Answer::Unknown => None,
        }
    }

    /// What all messages of the chat have in them.
    pub fn mark(&self) -> String {
        format!("<{}m", self.name)
    }

    fn next_text(&mut self, ask: Ask) -> String {
        let text = format!("{} <{}m{}>", ask.word(), self.name, self.n_said);
        self.n_said += 1;
        text
    }

    fn any(&mut self) -> SocketAddr {
        self.scene.servers[self.dice.index(self.scene.servers.len())]
    }
}

async fn request(
    scene: &Scene,
    server: SocketAddr,
    method: Method,
    path: &str,
    body: Option<&Value>,
    key: Option<&str>,
) -> Answer {
    let mut request = scene.ada.request(server, method, path).timeout(REQUEST_TIMEOUT);
    if let Some(body) = body {
        request = request.json(body);
    }
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key.replace(' ', "-"));
    }
    let Ok(answer) = request.send().await else { return Answer::Unknown };
    let status = answer.status();
    let Ok(text) = answer.text().await else { return Answer::Unknown };
    if status.is_success() {
        return Answer::Yes(serde_json::from_str(&text).unwrap_or(Value::Null));
    }
    let is_passing = status.is_server_error() || status == 429 || status == 408;
    if is_passing { Answer::Unknown } else { Answer::No(status, text) }
}
