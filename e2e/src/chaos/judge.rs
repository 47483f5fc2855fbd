//! Judges a campaign: each chat at its end, every request to the model, and what shows only when everything is over.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use anyhow::Result;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use warren_dev_model::{Answer, ScriptedModel};
use warren_testkit::PostgresProcess;

use super::{
    checker::{
        Answers, Committed, Said, Violation, Wrong, answers_are_told_once, asks, calls_are_booked_once,
        commands_ran_once, prompt_is_told_once,
    },
    driver::{Lines, ProcessLane},
    effects::{Workspace, ran},
    floors::{Counted, missing},
    observer,
    script::failures_max,
    sender::{Scene, Sender},
    tally::{Tally, add, count},
};

/// What all chats share.
pub struct Stage {
    pub scene: Scene,
    pub seed: u64,
    pub n_messages: usize,
    pub workspace: Option<Workspace>,
    /// The calls whose commands ran, by their results.
    pub ran: Mutex<BTreeSet<String>>,
    pub model: ScriptedModel,
    pub answers: Mutex<Answers>,
    /// The names of chats by their ids.
    pub names: Mutex<BTreeMap<String, String>>,
    /// How often the model was asked for each chat, by name.
    pub asked: Mutex<BTreeMap<String, u64>>,
}

/// What is alive until everything is judged.
pub struct Survivors {
    pub lanes: Vec<ProcessLane>,
    pub postgres: PostgresProcess,
    pub _lines: Arc<Vec<Lines>>,
    /// Everybody waits for it as long as somebody may still say so.
    pub _heal: watch::Sender<Option<Instant>>,
}

impl Survivors {
    /// A panic is a defect, even where it harms only the task that it happens in.
    fn panics(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        for lane in &self.lanes {
            let output = lane.server.output();
            let lines = output.lines().filter(|line| line.contains("panicked"));
            let name = format!("server {}", lane.number);
            found.extend(lines.map(|line| Violation::new(Wrong::Server, name.clone(), line)));
        }
        found
    }
}

/// Judges what can be judged only when everything is over.
pub fn judge_all(stage: &Stage, survivors: &Survivors, lasted: Duration) -> Result<()> {
    let tally = &stage.scene.tally;
    if let Some(workspace) = &stage.workspace {
        let marks = workspace.marks()?;
        add(&tally.n_commands, marks.len() as u64);
        tally.report(commands_ran_once(&marks, &lock(&stage.ran)), Vec::new);
    }
    tally.report(survivors.panics(), Vec::new);
    judge_prompts(stage);
    add(&tally.n_takeovers, observer::takeovers(&survivors.postgres)?);
    judge_model(stage, survivors)?;
    let missing = missing(
        lasted.as_secs(),
        stage.workspace.is_some(),
        |it| counted(tally, it),
        |it| tally.struck_class(it),
    );
    tally.report(missing, Vec::new);
    Ok(())
}

/// Whether the model was paid as often as it was asked, and failed as often as viewers were told.
fn judge_model(stage: &Stage, survivors: &Survivors) -> Result<()> {
    let tally = &stage.scene.tally;
    let names = lock(&stage.names);
    let booked: BTreeMap<_, _> = observer::booked(&survivors.postgres)?
        .into_iter()
        .filter_map(|(chat, count)| Some((names.get(&chat)?.clone(), count)))
        .collect();
    add(&tally.n_booked, booked.values().sum());
    tally.report(calls_are_booked_once(&booked, &lock(&stage.asked)), Vec::new);
    let (told, made) = (tally.n_retries(), failures_max(tally.n_asked.load(Ordering::Relaxed)));
    if told > made {
        let what = format!("viewers were told of {told} failures of the model, which failed {made} times");
        tally.report([Violation::new(Wrong::Failed, "model", what)], Vec::new);
    }
    Ok(())
}

fn counted(tally: &Tally, counted: Counted) -> u64 {
    let counter = match counted {
        Counted::Answers => &tally.n_answers,
        Counted::Commands => &tally.n_commands,
        Counted::Edits => &tally.n_edits,
        Counted::ClientCalls => &tally.n_client_calls,
        Counted::RelayedParts => &tally.n_relayed,
        Counted::Takeovers => &tally.n_takeovers,
        Counted::Resets => &tally.n_resets,
        Counted::Retries => return tally.n_retries(),
    };
    counter.load(Ordering::Relaxed)
}

/// Judges a chat by what is kept of it.
pub async fn judge(stage: &Stage, sender: &mut Sender, committed: &Committed) {
    let tally = &stage.scene.tally;
    let name = format!("chat {} ({})", sender.name, sender.chat);
    tally.report(committed.agrees_with(&name, &sender.told, &sender.tools), Vec::new);
    lock(&stage.ran).extend(ran(committed));
    judge_answers(stage, sender, &name, committed);
    if sender.is_unsure {
        return;
    }
    for server in stage.scene.servers.clone() {
        // One that cannot be asked now is asked about other chats.
        if let Some(other) = sender.committed(Some(server)).await
            && other != *committed
        {
            let what = format!("the server {server} has {other:?}, another one {committed:?}");
            tally.report([Violation::new(Wrong::Different, name.clone(), what)], Vec::new);
        }
    }
}

fn judge_answers(stage: &Stage, sender: &Sender, name: &str, committed: &Committed) {
    let (tally, n_interrupts) = (&stage.scene.tally, sender.n_interrupts);
    tally.report(committed.each_message_has_one_answer(name, &sender.mark(), n_interrupts), Vec::new);
    let said =
        |serial| stage.model.answer(serial).map(|Answer { text, is_complete }| Said { text, is_complete });
    tally.report(lock(&stage.answers).take(name, committed, n_interrupts, said), Vec::new);
    let answers = committed.messages.iter().filter(|kept| kept.role == "assistant").count();
    add(&tally.n_answers, answers as u64);
}

/// Looks at what the model was told, and forgets it.
pub async fn read_prompts(stage: &Stage) -> std::convert::Infallible {
    loop {
        sleep(Duration::from_secs(1)).await;
        judge_prompts(stage);
    }
}

fn judge_prompts(stage: &Stage) {
    let tally = &stage.scene.tally;
    for request in stage.model.take_requests() {
        count(&tally.n_asked);
        if let Some(name) = asks(&request) {
            *lock(&stage.asked).entry(name).or_default() += 1;
        }
        tally.report(prompt_is_told_once(&request), Vec::new);
        tally.report(answers_are_told_once(&request), Vec::new);
    }
}

/// Nobody panics with it; if so, what it holds is still true.
pub fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
