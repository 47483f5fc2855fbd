//! The server dies at every step of a chat, right before and right after each commit. After the next start the chat goes on,
//! nothing that a viewer saw is taken back without an event that says so, no command has run twice, no queued message is
//! lost, and the model is told everything once.
//!
//! The points are those of `warren-chat`, which a server that is not built for release stops at when it is told to. The walk
//! on SQLite goes over all of them, the one on PostgreSQL over every fifth, and with `TEST_CRASH_WALK=all` over all.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result};
use warren_chat::CRASH_POINTS;
use warren_db_testkit::{TestPlace, is_postgres};

mod changes;
mod script;
mod turns;
pub(crate) mod view;
mod waits;
mod walk;

use walk::Walk;

/// Time for a life of the server: it dies or the turn ends.
const LIFE: Duration = Duration::from_secs(60);
/// The walk on PostgreSQL takes each n-th point; odd, as points come in pairs.
const STRIDE: usize = 5;

/// What the server is doing when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    /// An answer, a command and another answer.
    Turn,
    /// A call that needs approval, which is given.
    Approve,
    /// One that is refused.
    Deny,
    /// One that nobody decides about in time.
    Overdue,
    /// One that is given up by an interrupt.
    GiveUp,
    /// A tool that the client answers.
    ClientTool,
    /// A question to the user.
    Question,
    Retry,
    Error,
    Interrupt,
    Queue,
    DeleteQueued,
    PromoteQueued,
    Edit,
    Archive,
    Create,
    Name,
    Compaction,
    Repair,
}

/// Scenes with the points where the server dies in them.
type Scenes = &'static [(Scene, &'static [&'static str])];

/// Points of a turn: every commit of it, and the first parts of each stage.
const IN_WORKSPACE: Scenes = &[(
    Scene::Turn,
    &[
        "before:acquire",
        "after:acquire",
        "before:record_attempt",
        "after:record_attempt",
        "before:parts",
        "after:parts",
        "before:parts#2",
        "after:parts#2",
        "before:commit_step",
        "after:commit_step",
        "before:record_attempt#2",
        "after:record_attempt#2",
        "before:tool_start",
        "after:tool_start",
        "during:tool",
        "before:tool_finish",
        "after:tool_finish",
        "before:commit_step#2",
        "after:commit_step#2",
        "before:record_attempt#3",
        "after:record_attempt#3",
        "before:commit_step#3",
        "after:commit_step#3",
        "before:finish_turn",
        "before:abandon",
    ],
)];
const WITH_SOMEBODY: Scenes = &[
    (
        Scene::Approve,
        &[
            "before:enter_requires_action",
            "after:enter_requires_action",
            "before:complete_requires_action",
            "after:complete_requires_action",
            "before:tool_start",
            "after:tool_start",
            "during:tool",
            "before:tool_finish",
            "after:tool_finish",
        ],
    ),
    (
        Scene::Deny,
        &[
            "before:complete_requires_action",
            "after:complete_requires_action",
            "before:commit_step#2",
            "after:commit_step#2",
        ],
    ),
    (Scene::Overdue, &["before:cancel_requires_action", "after:cancel_requires_action"]),
    (Scene::GiveUp, &["before:interrupt", "after:interrupt"]),
    (
        Scene::ClientTool,
        &[
            "before:enter_requires_action",
            "after:enter_requires_action",
            "before:complete_requires_action",
            "after:complete_requires_action",
        ],
    ),
    (
        Scene::Question,
        &["before:tool_finish", "after:tool_finish", "before:finish_turn", "after:finish_turn"],
    ),
];
const ALONE: Scenes = &[
    (Scene::Retry, &["before:record_retry", "after:record_retry"]),
    (Scene::Error, &["before:finish_error", "after:finish_error", "before:abandon", "after:abandon"]),
    (
        Scene::Interrupt,
        &["before:interrupt", "after:interrupt", "before:finish_interruption", "after:finish_interruption"],
    ),
    (Scene::Queue, &["before:send", "after:send"]),
    (Scene::DeleteQueued, &["before:delete_queued", "after:delete_queued"]),
    (Scene::PromoteQueued, &["before:promote_queued", "after:promote_queued"]),
    (Scene::Edit, &["before:edit", "after:edit"]),
    (Scene::Archive, &["before:set_archived", "after:set_archived"]),
    (Scene::Create, &["before:create", "after:create"]),
    (Scene::Name, &["before:title", "after:title", "before:turn_summary", "after:turn_summary"]),
    (Scene::Compaction, &["during:compaction", "before:commit_compaction", "after:commit_compaction"]),
    (Scene::Repair, &["before:reconcile", "after:reconcile"]),
];

#[test]
fn the_walk_goes_over_every_point_of_the_code() {
    let all = [IN_WORKSPACE, WITH_SOMEBODY, ALONE].concat();
    let walked = all.iter().flat_map(|(_, points)| *points);
    let walked: BTreeSet<_> = walked.map(|point| point.split('#').next().unwrap_or(point)).collect();
    assert_eq!(walked, CRASH_POINTS.iter().copied().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_the_server_dies_in_is_finished_and_its_command_runs_once() -> Result<()> {
    walk(TestPlace::sqlite(), IN_WORKSPACE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_for_somebody_outlive_the_server_and_run_once() -> Result<()> {
    walk(TestPlace::sqlite(), WITH_SOMEBODY).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_do_outlives_the_server() -> Result<()> {
    walk(TestPlace::sqlite(), ALONE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_finished_by_another_server_on_postgresql() -> Result<()> {
    on_postgresql(IN_WORKSPACE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_for_somebody_are_taken_over_on_postgresql() -> Result<()> {
    on_postgresql(WITH_SOMEBODY).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_users_do_outlives_the_server_on_postgresql() -> Result<()> {
    on_postgresql(ALONE).await
}

/// Does nothing where there is no PostgreSQL.
async fn on_postgresql(scenes: Scenes) -> Result<()> {
    if is_postgres() { walk(TestPlace::new().await, scenes).await } else { Ok(()) }
}

async fn walk(place: TestPlace, scenes: Scenes) -> Result<()> {
    let goes_over_all =
        place.postgres_url().is_none() || std::env::var("TEST_CRASH_WALK").is_ok_and(|walk| walk == "all");
    let stride = if goes_over_all { 1 } else { STRIDE };
    let mut walk = Walk::begin(place, scenes).await?;
    let all = scenes.iter().flat_map(|(scene, points)| points.iter().map(|point| (*scene, *point)));
    let all: Vec<_> = all.enumerate().filter(|(number, _)| number % stride == 0).collect();
    let outcome = async {
        for (number, (scene, point)) in all {
            play(&mut walk, scene, number, point).await.with_context(|| format!("{scene:?} at {point}"))?;
            walk.tells_everything_once()?;
        }
        Ok(())
    };
    let outcome = outcome.await;
    walk.stage.explain(outcome)
}

async fn play(walk: &mut Walk, scene: Scene, number: usize, point: &str) -> Result<()> {
    match scene {
        Scene::Turn => turns::turn(walk, number, point).await,
        Scene::Retry => turns::retried(walk, point).await,
        Scene::Error => turns::failed(walk, point).await,
        Scene::Name => turns::named(walk, point).await,
        Scene::Compaction => turns::compacted(walk, point).await,
        Scene::Approve => waits::asked(walk, number, point, true).await,
        Scene::Deny => waits::asked(walk, number, point, false).await,
        Scene::Overdue => waits::overdue(walk, number, point).await,
        Scene::GiveUp => waits::given_up(walk, number, point).await,
        Scene::ClientTool => waits::client_tool(walk, number, point).await,
        Scene::Question => waits::question(walk, number, point).await,
        Scene::Interrupt => changes::interrupted(walk, point).await,
        Scene::Queue => changes::queued(walk, point).await,
        Scene::DeleteQueued => changes::unqueued(walk, point).await,
        Scene::PromoteQueued => changes::promoted(walk, point).await,
        Scene::Edit => changes::edited(walk, point).await,
        Scene::Archive => changes::archived(walk, point).await,
        Scene::Create => changes::created(walk, point).await,
        Scene::Repair => changes::repaired(walk, point).await,
    }
}
