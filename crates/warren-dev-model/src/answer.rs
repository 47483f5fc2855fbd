//! Playing one turn as a stream of server-sent events.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use futures::{Stream, stream};
use serde_json::Value;

use crate::{
    script::{Counts, Step, fill},
    server::Shared,
    wire::{Piece, Protocol, Wire},
};

/// What is left to do, and what is known so far.
struct Player {
    shared: Shared,
    wire: Wire,
    todo: VecDeque<Action>,
    n_calls: usize,
    /// Words said, as a stand-in for tokens.
    n_words: u64,
    counts: Option<Counts>,
    /// The number of the answer, once it is said.
    serial: Option<u64>,
    /// Whether the answer ends with what its protocol ends with; else the connection just ends.
    is_complete: bool,
}

/// A step cut into what is done at once.
enum Action {
    Say(Piece),
    Raw(Vec<u8>),
    Wait(Duration),
    Barrier(String),
    Clock,
    Serial,
    Never,
}

/// Plays the steps. The last tool result of the request fills in arguments.
pub(crate) fn play(
    steps: &[Step],
    result: &Value,
    protocol: Protocol,
    shared: Shared,
) -> impl Stream<Item = Result<Vec<u8>, Infallible>> + use<> {
    let mut player = Player {
        shared,
        wire: Wire::new(protocol),
        todo: VecDeque::new(),
        n_calls: 0,
        n_words: 0,
        counts: None,
        serial: None,
        is_complete: true,
    };
    for step in steps {
        player.add(step, result);
    }
    let begin = player.wire.begin(&player.counts()).into_bytes();
    player.todo.push_front(Action::Raw(begin));
    stream::unfold((player, false), |(mut player, is_done)| async move {
        if is_done {
            return None;
        }
        match player.next().await {
            Some(bytes) => Some((Ok(bytes), (player, false))),
            None if player.is_complete => Some((Ok(player.finish()), (player, true))),
            None => None,
        }
    })
}

impl Player {
    fn add(&mut self, step: &Step, result: &Value) {
        match step {
            Step::Text(text) => self.say(text, Piece::Text),
            Step::Reasoning(text) => self.say(text, Piece::Reasoning),
            Step::Signature(seal) => self.todo.push_back(Action::Say(Piece::Signature(seal.clone()))),
            Step::ToolCall { name, args, id, raw_args, cuts } => {
                let text = raw_args.clone().unwrap_or_else(|| fill(args, result).to_string());
                self.call(name, &text, id.as_deref(), cuts);
            }
            Step::Usage(counts) => self.counts = Some(*counts),
            Step::DelayMs(ms) => self.todo.push_back(Action::Wait(Duration::from_millis(*ms))),
            Step::Barrier(name) => self.todo.push_back(Action::Barrier(name.clone())),
            Step::Clock { count, interval_ms } => {
                for _ in 0..*count {
                    self.todo.push_back(Action::Wait(Duration::from_millis(*interval_ms)));
                    self.todo.push_back(Action::Clock);
                }
            }
            Step::Serial => self.todo.push_back(Action::Serial),
            Step::Raw(text) => self.todo.push_back(Action::Raw(text.clone().into_bytes())),
            Step::RawBytes(bytes) => self.todo.push_back(Action::Raw(bytes.clone())),
            Step::Error { kind, message } => {
                let frame = self.wire.error(kind, message);
                self.todo.push_back(Action::Raw(frame.into_bytes()));
                self.is_complete = false;
            }
            Step::Cut => self.is_complete = false,
            Step::Stall => self.todo.push_back(Action::Never),
            // The server answers with the error before a stream begins.
            Step::Fail { .. } => {}
        }
    }

    fn say(&mut self, text: &str, piece: fn(String) -> Piece) {
        for word in text.split_inclusive(' ') {
            self.n_words += 1;
            self.todo.push_back(Action::Say(piece(word.to_owned())));
        }
    }

    /// Without cuts, arguments come in two pieces, cut in the middle, as providers cut them where they like.
    fn call(&mut self, name: &str, args: &str, id: Option<&str>, cuts: &[usize]) {
        let index = self.n_calls;
        self.n_calls += 1;
        let id = id.map_or_else(|| format!("call_{}_{index}", self.shared.next_number()), str::to_owned);
        let args = &args.replace("$call", &id);
        self.todo.push_back(Action::Say(Piece::CallBegin { index, id, name: name.to_owned() }));
        let middle = [args.len() / 2];
        let mut begin = 0;
        for cut in if cuts.is_empty() { &middle } else { cuts } {
            let cut = (begin..=(*cut).min(args.len())).rev().find(|at| args.is_char_boundary(*at));
            let end = cut.unwrap_or(begin);
            self.piece_of_call(index, &args[begin..end]);
            begin = end;
        }
        self.piece_of_call(index, &args[begin..]);
        self.todo.push_back(Action::Say(Piece::CallEnd { index }));
    }

    fn piece_of_call(&mut self, index: usize, text: &str) {
        if !text.is_empty() {
            self.todo.push_back(Action::Say(Piece::CallArgs { index, text: text.to_owned() }));
        }
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let bytes = match self.todo.pop_front()? {
                Action::Say(Piece::Text(text)) => self.say_text(text),
                Action::Say(piece) => self.wire.piece(&piece).into_bytes(),
                Action::Raw(bytes) => bytes,
                Action::Wait(time) => {
                    tokio::time::sleep(time).await;
                    continue;
                }
                Action::Barrier(name) => {
                    self.shared.wait_at(&name).await;
                    continue;
                }
                Action::Clock => {
                    let now = chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default();
                    self.say_text(format!("{now} "))
                }
                Action::Serial => {
                    let serial = self.shared.next_answer();
                    self.serial = Some(serial);
                    self.say_text(format!("#{serial} "))
                }
                Action::Never => std::future::pending().await,
            };
            if !bytes.is_empty() {
                return Some(bytes);
            }
        }
    }

    fn say_text(&mut self, text: String) -> Vec<u8> {
        if let Some(serial) = self.serial {
            self.shared.change_answer(serial, |answer| answer.text.push_str(&text));
        }
        self.wire.piece(&Piece::Text(text)).into_bytes()
    }

    fn counts(&self) -> Counts {
        self.counts.unwrap_or(Counts { input: 1, output: self.n_words, ..Counts::default() })
    }

    fn finish(&mut self) -> Vec<u8> {
        if let Some(serial) = self.serial {
            self.shared.change_answer(serial, |answer| answer.is_complete = true);
        }
        let counts = self.counts();
        self.wire.finish(self.n_calls > 0, &counts).into_bytes()
    }
}
