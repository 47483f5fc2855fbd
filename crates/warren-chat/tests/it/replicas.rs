//! Several servers, or several lives of one: who has a chat when somebody stops, stands still, or has a wrong clock.

use std::{sync::mpsc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::sync::{mpsc as orders, oneshot};
use warren_chat::{ClientResult, DynamicTool, Start, WorkerConfig};
use warren_db::{
    ConnectionTrait, Database, DbError, Location, OpenOptions, Tx, channels,
    entity::{chats, replicas},
    query,
};
use warren_vocab::{BusyBehavior, ChatStatus, MessageRole, ReplicaId};

use crate::{
    rows::{change, now, row, sql, until, until_row},
    support::{DEADLINE, Stage, View},
};

const NEVER: Duration = Duration::from_secs(3600);

/// Looks for chats when somebody says that there are some, and never else.
fn trusting() -> WorkerConfig {
    WorkerConfig { sweep: NEVER, sync: NEVER, lease: NEVER, ..WorkerConfig::default() }
}

fn quick() -> WorkerConfig {
    let (lease, sweep) = (Duration::from_secs(3), Duration::from_millis(100));
    WorkerConfig { lease, sweep, ..WorkerConfig::default() }
}

fn idle() -> WorkerConfig {
    WorkerConfig { is_enabled: false, ..WorkerConfig::default() }
}

fn hangs_once() -> Value {
    json!({ "turns": [
        { "when": { "user": "client", "tool_results": 0 }, "steps": [
            { "tool_call": { "name": "my_tool", "args": {} } } ] },
        { "when": { "nth": 1 }, "steps": [{ "text": "Half of " }, { "barrier": "gate" }, { "text": "it." }] },
        { "steps": [{ "text": "The whole." }] },
    ] })
}

fn asks_the_client() -> Value {
    json!({ "turns": [
        { "when": { "user": "client", "tool_results": 0 }, "steps": [
            { "tool_call": { "name": "my_tool", "args": {} } } ] },
        { "steps": [{ "text": "Fine." }] },
    ] })
}

fn my_tool() -> Vec<DynamicTool> {
    vec![DynamicTool { name: "my_tool".into(), description: String::new(), input_schema: Value::Null }]
}

fn a_server(id: ReplicaId, heard_at: DateTime<Utc>) -> replicas::Model {
    replicas::Model {
        id: id.as_uuid(),
        hostname: String::new(),
        relay_address: String::new(),
        version: String::new(),
        region_id: 0,
        error: String::new(),
        database_latency: 0,
        started_at: heard_at,
        heard_at,
        steady_since: None,
    }
}

fn is_waiting(row: &chats::Model) -> bool {
    row.status == ChatStatus::Waiting.as_str()
}

fn asks(row: &chats::Model) -> bool {
    row.status == ChatStatus::RequiresAction.as_str()
}

#[tokio::test]
async fn one_look_takes_up_everything_that_waits() {
    let stage = Stage::with_config(idle()).await;
    let model = stage
        .with_script(&json!({ "turns": [{ "steps": [{ "barrier": "gate" }, { "text": "Hi." }] }] }))
        .await;
    // More than one batch. None ends, so that nothing makes the worker look again.
    for n in 0..70 {
        stage.create(&format!("question {n}")).await;
    }
    let (_chat, tasks) = stage.another_worker(trusting());
    until("every chat's request", || model.requests().len() == 70).await;
    tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn a_hint_is_enough_to_take_a_chat_up() {
    let stage = Stage::with_config(trusting()).await;
    let model = stage.with_script(&asks_the_client()).await;
    for n in 1..=3 {
        let chat = stage.create(&format!("question {n}")).await;
        until_row(&stage, chat, "the answer", is_waiting).await;
        until_row(&stage, chat, "the end", |row| row.worker_id.is_none()).await;
    }
    assert_eq!(model.requests().len(), 3);
}

#[tokio::test]
async fn a_chat_that_waits_for_its_client_is_handed_over_at_once() {
    let stage = Stage::with_config(trusting()).await;
    let _model = stage.with_script(&asks_the_client()).await;
    let chat = stage.create_with_tools("client", my_tool()).await;
    let first = until_row(&stage, chat, "the question", asks).await;
    let Some((other, other_tasks)) = stage.second_server(trusting()).await else { return };
    stage.stop().await;
    let is_taken = |row: &chats::Model| row.worker_id.is_some() && row.worker_id != first.worker_id;
    let second = until_row(&stage, chat, "another worker", is_taken).await;
    assert!(asks(&second), "it waits on");
    let call = query::chat_tool_calls::pending(stage.db.reader(), chat).await.unwrap().remove(0);
    let result = ClientResult { call_id: call.call_id, output: json!("done"), is_error: false };
    other.take_results(&stage.subject, chat, vec![result]).await.unwrap();
    until_row(&stage, chat, "the answer", is_waiting).await;
    other_tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn a_worker_that_stops_gives_back_also_what_it_never_learned_that_it_has() {
    let stage = Stage::with_config(trusting()).await;
    let model = stage.with_script(&hangs_once()).await;
    let known = stage.create("question").await;
    assert!(model.reached("gate", DEADLINE).await);
    let unknown = stage.create("another question").await;
    until_row(&stage, unknown, "the answer", is_waiting).await;
    until_row(&stage, unknown, "the end", |row| row.worker_id.is_none()).await;
    // As if the answer to a commit had been lost.
    let lose = "UPDATE chats SET (worker_id, lease_expires_at) = \
        (SELECT worker_id, lease_expires_at FROM chats WHERE worker_id IS NOT NULL) WHERE worker_id IS NULL";
    sql(&stage.db, &[lose.into()]).await;
    assert!(row(&stage, unknown).await.worker_id.is_some());
    stage.stop().await;
    for chat in [known, unknown] {
        assert_eq!(row(&stage, chat).await.worker_id, None);
    }
}

#[tokio::test]
async fn a_server_that_still_has_chats_is_not_forgotten_when_it_stops() {
    let stage = Stage::with_config(trusting()).await;
    let model = stage.with_script(&hangs_once()).await;
    let chat = stage.create("question").await;
    assert!(model.reached("gate", DEADLINE).await);
    let id = row(&stage, chat).await.worker_id.unwrap();
    let leaves = async || {
        let write = async |tx: &Tx| {
            let server = a_server(ReplicaId::from_uuid(id), query::clock::now(tx).await?);
            query::replicas::beat(tx, server).await?;
            query::replicas::remove(tx, ReplicaId::from_uuid(id)).await
        };
        stage.db.write(write).await.unwrap();
        query::replicas::list(stage.db.reader()).await.unwrap().len()
    };
    assert_eq!(leaves().await, 1, "the others would wait for its leases");
    stage.stop().await;
    assert_eq!(leaves().await, 0);
}

#[tokio::test]
async fn a_chat_that_waits_for_its_client_runs_out_of_time_after_a_crash_too() {
    let stage = Stage::new().await;
    let _model = stage.with_script(&asks_the_client()).await;
    let chat = stage.create_with_tools("client", my_tool()).await;
    let first = until_row(&stage, chat, "the question", asks).await;
    let stage = stage.crash().await;
    let is_taken = |row: &chats::Model| row.worker_id.is_some() && row.lease_epoch > first.lease_epoch;
    let second = until_row(&stage, chat, "another runner", is_taken).await;
    assert!(asks(&second), "there is time left");
    assert_eq!(second.requires_action_deadline_at, first.requires_action_deadline_at, "no more than before");

    // As time goes by.
    let past = (Utc::now() - TimeDelta::minutes(1)).format("%Y-%m-%dT%H:%M:%S+00:00");
    change(&stage, chat, &format!("requires_action_deadline_at = '{past}'")).await;
    stage.db.publish(&channels::chat(chat), json!({ "snapshot_version": second.snapshot_version + 1 }));
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let (result, is_error) = view.results().pop().unwrap();
    assert!(is_error && result["error"].as_str().unwrap().starts_with("Nobody answered in time"), "{result}");
    assert_eq!(view.story().last().unwrap().1, "Fine.");
}

#[tokio::test]
async fn a_chat_that_waits_for_a_user_makes_room_for_another_at_once() {
    let stage = Stage::with_config(WorkerConfig { chats_max: 1, ..trusting() }).await;
    let _model = stage.with_script(&asks_the_client()).await;
    let first = stage.create_with_tools("client", my_tool()).await;
    let second = stage.create("question").await;
    until_row(&stage, second, "the answer", is_waiting).await;
    until_row(&stage, first, "the question", asks).await;
}

#[tokio::test]
async fn a_lease_is_kept_as_long_as_the_work_lasts_and_nobody_else_gets_the_chat() {
    let stage = Stage::with_config(quick()).await;
    let model = stage.with_script(&json!({ "turns": [{ "steps": [{ "stall": null }] }] })).await;
    let chats = [stage.create("one").await, stage.create("two").await];
    until("both requests", || model.requests().len() == 2).await;
    let other = stage.second_server(quick()).await;
    let mut before = Vec::new();
    for chat in chats {
        before.push(row(&stage, chat).await);
    }
    for (chat, before) in chats.into_iter().zip(before) {
        let over = before.lease_expires_at.unwrap() + TimeDelta::seconds(3);
        let is_renewed = |row: &chats::Model| row.lease_expires_at.is_some_and(|until| until > over);
        let after = until_row(&stage, chat, "several renewals", is_renewed).await;
        assert_eq!((after.worker_id, after.lease_epoch), (before.worker_id, before.lease_epoch));
    }
    assert_eq!(model.requests().len(), 2);
    if let Some((_, tasks)) = other {
        tasks.stop(DEADLINE).await;
    }
}

#[tokio::test]
async fn a_server_that_stops_waits_for_no_database_and_may_be_told_twice() {
    let stage = Stage::with_config(WorkerConfig { drain: Duration::from_millis(200), ..trusting() }).await;
    let model = stage.with_script(&hangs_once()).await;
    let chat = stage.create("question").await;
    assert!(model.reached("gate", DEADLINE).await);
    let (is_held, held) = oneshot::channel();
    let (let_go, is_let_go) = oneshot::channel::<()>();
    let db = stage.db.clone();
    let blocks = async move {
        let write = async |tx: &Tx| {
            if !db.is_exclusive() {
                // PostgreSQL ends a transaction that rests for long.
                tx.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
            }
            is_held.send(()).unwrap();
            drop(is_let_go.await);
            Ok::<_, DbError>(())
        };
        db.write(write).await.unwrap();
    };
    let stops = async {
        held.await.unwrap();
        stage.stop().await;
        stage.stop().await;
        assert!(row(&stage, chat).await.worker_id.is_some(), "it could not be given back");
        let_go.send(()).unwrap();
    };
    tokio::join!(blocks, stops);
}

/// A server in a thread of its own that can be stopped where it stands, as a machine that is put to sleep.
struct Paused {
    orders: orders::Sender<mpsc::Receiver<()>>,
    thread: std::thread::JoinHandle<()>,
}

impl Paused {
    fn start(location: Location, config: WorkerConfig) -> Self {
        let (orders, received) = orders::channel(1);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(location, config, received));
        });
        Self { orders, thread }
    }

    /// Stops everything until the answer is dropped.
    fn pause(&self) -> mpsc::Sender<()> {
        let (resume, resumed) = mpsc::channel();
        self.orders.try_send(resumed).unwrap();
        resume
    }

    /// Ends the server in good order.
    async fn stop(self) {
        let Self { orders, thread } = self;
        drop(orders);
        tokio::task::spawn_blocking(move || thread.join()).await.unwrap().unwrap();
    }
}

async fn serve(location: Location, config: WorkerConfig, mut orders: orders::Receiver<mpsc::Receiver<()>>) {
    let db = Database::open(&location).await.unwrap();
    let (_chat, tasks) = Stage::start(db, config);
    while let Some(resumed) = orders.recv().await {
        // Nothing of this server moves until somebody says so.
        let _ = resumed.recv();
    }
    tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn a_server_that_stood_still_longer_than_its_lease_writes_nothing_and_lets_the_model_go() {
    let stage = Stage::with_config(idle()).await;
    if stage.db.is_exclusive() {
        // Nobody else can take a chat over where one server has the database.
        return;
    }
    let model = stage.with_script(&hangs_once()).await;
    let sleeper = Paused::start(stage.location().clone(), quick());
    let chat = stage.create("question").await;
    assert!(model.reached("gate", DEADLINE).await);
    let held = row(&stage, chat).await;
    let resume = sleeper.pause();
    let (_other, tasks) = stage.second_server(quick()).await.unwrap();
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let rests = until_row(&stage, chat, "the end", |row| row.worker_id.is_none()).await;
    assert!(rests.lease_epoch > held.lease_epoch);
    assert!(model.until_open(1, DEADLINE).await, "the old answer waits for the one who sleeps");
    drop(resume);
    assert!(model.until_open(0, DEADLINE).await, "who lets it go first of all");
    model.release("gate");
    sleeper.stop().await;
    let after = row(&stage, chat).await;
    assert_eq!(after.snapshot_version, rests.snapshot_version, "nothing was written");
    let story = [(MessageRole::User, "question".into()), (MessageRole::Assistant, "The whole.".into())];
    assert_eq!(view.story(), story);
    tasks.stop(DEADLINE).await;
}

/// Gives all connections that are made from now on a clock that is off.
async fn skew(db: &Database, minutes: i64) {
    let statements = [
        "CREATE SCHEMA skewed".to_owned(),
        format!(
            "CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE \
             AS $$ SELECT pg_catalog.clock_timestamp() + interval '{minutes} minutes' $$"
        ),
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, skewed, pg_catalog', \
         current_database()); END $$"
            .to_owned(),
    ];
    sql(db, &statements).await;
}

/// The clock of the database and those of the servers disagree: leases and deadlines are the database's business alone.
async fn with_clocks_that_disagree(minutes: i64) {
    let stage = Stage::with_config(idle()).await;
    if stage.db.is_exclusive() {
        // One server and one clock.
        return;
    }
    let model = stage.with_script(&hangs_once()).await;
    skew(&stage.db, minutes).await;
    let db = Database::open(stage.location()).await.unwrap();
    let difference = now(&db).await - Utc::now() - TimeDelta::minutes(minutes);
    assert!(difference.abs() < TimeDelta::minutes(1), "the clock of the database is off by {difference}");
    let (_first, first_tasks) = Stage::start(db, quick());
    let chat = stage.create("question").await;
    assert!(model.reached("gate", DEADLINE).await);
    let held = row(&stage, chat).await;
    let db = Database::open(stage.location()).await.unwrap();
    let (_second, second_tasks) = Stage::start(db.clone(), quick());
    let over = held.lease_expires_at.unwrap() + TimeDelta::seconds(3);
    let is_renewed = |row: &chats::Model| row.lease_expires_at.is_some_and(|until| until > over);
    let after = until_row(&stage, chat, "several renewals", is_renewed).await;
    assert_eq!(after.lease_epoch, held.lease_epoch, "who works on it keeps it");

    first_tasks.stop(Duration::ZERO).await;
    until_row(&stage, chat, "the answer", is_waiting).await;
    let waiting = stage.create_with_tools("client", my_tool()).await;
    let asked = until_row(&stage, waiting, "the question", asks).await;
    let left = asked.requires_action_deadline_at.unwrap() - now(&db).await;
    assert!(left > TimeDelta::minutes(4) && left <= TimeDelta::minutes(5), "{left}");
    second_tasks.stop(DEADLINE).await;
}

#[tokio::test]
async fn servers_whose_clocks_are_late_keep_and_lose_chats_like_others() {
    with_clocks_that_disagree(5).await;
}

#[tokio::test]
async fn servers_whose_clocks_are_early_keep_and_lose_chats_like_others() {
    with_clocks_that_disagree(-5).await;
}

/// Lets no hint of connections that are made from now on reach anybody.
async fn mute(db: &Database) {
    let statements = [
        "CREATE SCHEMA muted".to_owned(),
        "CREATE FUNCTION muted.pg_notify(text, text) RETURNS void LANGUAGE sql AS $$ SELECT $$".to_owned(),
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, muted, pg_catalog', \
         current_database()); END $$"
            .to_owned(),
    ];
    sql(db, &statements).await;
}

/// One server works on a chat and another one shows it; each of them may do without LISTEN and NOTIFY.
async fn a_chat_that_two_servers_follow(working: OpenOptions, viewing: OpenOptions) {
    let stage = Stage::with_config(idle()).await;
    let model = stage
        .with_script(&json!({ "turns": [
            { "when": { "user": "again" }, "steps": [{ "text": "Welcome back." }] },
            { "steps": [{ "text": "Hi." }] },
        ] }))
        .await;
    let Some(working) = stage.another_database(working).await else { return };
    let viewing = stage.another_database(viewing).await.unwrap();
    let (_working, working_tasks) = Stage::start(working, WorkerConfig::default());
    let (viewing, viewing_tasks) = Stage::start(viewing, idle());
    let chat = stage.create("question").await;
    let mut view = View::new(viewing.watch(&stage.subject, chat, Start::default()).await.unwrap());
    view.until("the answer", |view| view.story().len() == 2 && view.status == Some(ChatStatus::Waiting))
        .await;
    let again = Stage::message("again", BusyBehavior::Queue);
    viewing.send(&stage.subject, chat, again).await.unwrap();
    view.until("the second answer", |view| {
        view.story().len() == 4 && view.status == Some(ChatStatus::Waiting)
    })
    .await;
    assert_eq!(view.story().last().unwrap().1, "Welcome back.");
    assert_eq!(model.requests().len(), 2);
    working_tasks.stop(DEADLINE).await;
    viewing_tasks.stop(DEADLINE).await;
}

fn without_notify() -> OpenOptions {
    OpenOptions { notifies: false, ..OpenOptions::default() }
}

#[tokio::test]
async fn a_server_without_notify_shows_chats_of_one_that_has_it() {
    a_chat_that_two_servers_follow(OpenOptions::default(), without_notify()).await;
}

#[tokio::test]
async fn a_server_shows_chats_of_one_without_notify() {
    a_chat_that_two_servers_follow(without_notify(), OpenOptions::default()).await;
}

#[tokio::test]
async fn chats_are_taken_up_and_followed_on_several_servers_although_no_hint_arrives() {
    let stage = Stage::with_config(idle()).await;
    if stage.db.is_exclusive() {
        // Its hints do not leave the process.
        return;
    }
    let model = stage
        .with_script(&json!({ "turns": [
            { "when": { "user": "again" }, "steps": [{ "text": "Welcome back." }] },
            { "steps": [{ "text": "Hi." }] },
        ] }))
        .await;
    mute(&stage.db).await;
    let (viewing, viewing_tasks) = stage.second_server(idle()).await.unwrap();
    let (_working, working_tasks) = stage.second_server(WorkerConfig::default()).await.unwrap();
    let begun = tokio::time::Instant::now();
    let chat = stage.create("question").await;
    let mut view = View::new(viewing.watch(&stage.subject, chat, Start::default()).await.unwrap());
    view.until("the answer", |view| view.story().len() == 2 && view.status == Some(ChatStatus::Waiting))
        .await;
    let first = begun.elapsed();
    let again = Stage::message("again", BusyBehavior::Queue);
    viewing.send(&stage.subject, chat, again).await.unwrap();
    view.until("the second answer", |view| {
        view.story().len() == 4 && view.status == Some(ChatStatus::Waiting)
    })
    .await;
    println!(
        "without hints: an answer on another server after {first:?}, the next after {:?}",
        begun.elapsed() - first
    );
    assert_eq!(view.story().last().unwrap().1, "Welcome back.");
    assert_eq!(model.requests().len(), 2);
    working_tasks.stop(DEADLINE).await;
    viewing_tasks.stop(DEADLINE).await;
}
