//! Playing one turn as a stream of server-sent events.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use futures::{Stream, stream};
use serde_json::{Value, json};

use crate::{
    script::{Step, fill},
    server::Shared,
};

/// How a stream ends once its steps are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With a finish reason, the usage and the end mark.
    Complete,
    /// Not at all: the connection breaks off.
    Cut,
}

/// What is left to do, and what is known so far.
struct Player {
    shared: Shared,
    todo: VecDeque<Action>,
    /// Words said, as a stand-in for tokens.
    n_words: usize,
    n_calls: usize,
    end: End,
}

/// A step cut into what is done at once.
enum Action {
    Send(Value),
    Wait(Duration),
    Barrier(String),
    Clock,
    Never,
}

/// Plays the steps. The last tool result of the request fills in arguments.
pub(crate) fn play(
    steps: &[Step],
    result: &Value,
    shared: Shared,
) -> impl Stream<Item = Result<String, Infallible>> + use<> {
    let mut player = Player { shared, todo: VecDeque::new(), n_words: 0, n_calls: 0, end: End::Complete };
    for step in steps {
        player.add(step, result);
    }
    stream::unfold((player, false), |(mut player, is_done)| async move {
        if is_done {
            return None;
        }
        match player.next().await {
            Some(frame) => Some((Ok(frame), (player, false))),
            None if player.end == End::Cut => None,
            None => Some((Ok(player.finish()), (player, true))),
        }
    })
}

impl Player {
    fn add(&mut self, step: &Step, result: &Value) {
        match step {
            Step::Text(text) => self.say("content", text),
            Step::Reasoning(text) => self.say("reasoning_content", text),
            Step::ToolCall { name, args } => self.call(name, &fill(args, result).to_string()),
            Step::DelayMs(ms) => self.todo.push_back(Action::Wait(Duration::from_millis(*ms))),
            Step::Barrier(name) => self.todo.push_back(Action::Barrier(name.clone())),
            Step::Clock { count, interval_ms } => {
                for _ in 0..*count {
                    self.todo.push_back(Action::Wait(Duration::from_millis(*interval_ms)));
                    self.todo.push_back(Action::Clock);
                }
            }
            Step::Cut => self.end = End::Cut,
            Step::Stall => self.todo.push_back(Action::Never),
            // The server answers with the error before a stream begins.
            Step::Fail { .. } => {}
        }
    }

    fn say(&mut self, field: &str, text: &str) {
        for word in text.split_inclusive(' ') {
            self.n_words += 1;
            self.todo.push_back(Action::Send(json!({ field: word })));
        }
    }

    /// Arguments come in two pieces, cut in the middle, as providers cut them where they like.
    fn call(&mut self, name: &str, args: &str) {
        let index = self.n_calls;
        self.n_calls += 1;
        let id = format!("call_{}_{index}", self.shared.next_number());
        let mut middle = args.len() / 2;
        while !args.is_char_boundary(middle) {
            middle -= 1;
        }
        let (head, tail) = args.split_at(middle);
        let first = json!({"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": head}});
        let second = json!({"index": index, "function": {"arguments": tail}});
        for piece in [first, second] {
            self.todo.push_back(Action::Send(json!({ "tool_calls": [piece] })));
        }
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            match self.todo.pop_front()? {
                Action::Send(delta) => return Some(chunk(&delta, None)),
                Action::Wait(time) => tokio::time::sleep(time).await,
                Action::Barrier(name) => self.shared.wait_at(&name).await,
                Action::Clock => {
                    let now = chrono::Utc::now().timestamp_nanos_opt().unwrap_or_default();
                    return Some(chunk(&json!({ "content": format!("{now} ") }), None));
                }
                Action::Never => std::future::pending().await,
            }
        }
    }

    fn finish(&self) -> String {
        let reason = if self.n_calls > 0 { "tool_calls" } else { "stop" };
        let usage = json!({
            "choices": [],
            "usage": {"prompt_tokens": 1, "completion_tokens": self.n_words, "total_tokens": self.n_words + 1},
        });
        format!("{}data: {usage}\n\ndata: [DONE]\n\n", chunk(&json!({}), Some(reason)))
    }
}

fn chunk(delta: &Value, finish_reason: Option<&str>) -> String {
    let body = json!({
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    });
    format!("data: {body}\n\n")
}
