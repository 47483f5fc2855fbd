//! Viewers on servers that do not run the chat.

use serde_json::{Value, json};
use warren_dev_model::ScriptedModel;

use super::{
    DEADLINE, REPLICAS,
    line::{Line, Mode},
    n_healthy, n_relayed, only_viewers,
    puppet::{Manner, Puppet},
    viewer::Viewer,
};
use crate::{
    chats::{create, with_model},
    support::TestServer,
};

/// An answer of numbered words, each held back until it is let go.
fn counting(n_parts: usize) -> Value {
    let step = |n| [json!({ "text": format!("{n} ") }), json!({ "barrier": format!("gate {n}") })];
    json!({ "turns": [{ "steps": (0..n_parts).flat_map(step).collect::<Vec<_>>() }] })
}

fn counted(n_parts: usize) -> String {
    (0..n_parts).map(|n| format!("{n} ")).collect()
}

/// A server that runs chats and one that has viewers, with lines between them.
struct Two {
    owner: TestServer,
    other: TestServer,
    lines: [Line; 2],
}

impl Two {
    async fn start(mode: Mode) -> Option<Self> {
        let lines = [Line::new().await, Line::new().await];
        lines.iter().for_each(|line| line.set(mode));
        let owner = TestServer::owned(|config| config.http.relay_address = Some(lines[0].url())).await;
        lines[0].aim(owner.server.address());
        let reached = lines[1].url();
        let other = owner.replica_with(|config| {
            only_viewers(config);
            config.http.relay_address = Some(reached);
        });
        let other = other.await?;
        lines[1].aim(other.server.address());
        Some(Self { owner, other, lines })
    }

    async fn watched(&self, script: &Value) -> (ScriptedModel, Viewer) {
        let model = with_model(&self.owner, script).await;
        let chat = create(&self.other, "count").await;
        let viewer = Viewer::open(&self.other, &chat).await;
        (model, viewer)
    }

    async fn connected(&self) {
        self.other.until(REPLICAS, |body| n_healthy(body) == 2).await;
    }
}

#[tokio::test]
async fn viewers_on_other_servers_see_an_answer_as_it_is_written() {
    const N_PARTS: usize = 50;
    let owner = TestServer::with_owner().await;
    let Some(second) = owner.replica_with(only_viewers).await else { return };
    let third = owner.replica_with(only_viewers).await.unwrap();
    owner.until(REPLICAS, |body| n_healthy(body) == 3).await;
    let model = with_model(&owner, &counting(N_PARTS)).await;
    let chat = create(&second, "count").await;
    let mut viewers = Vec::new();
    for server in [&owner, &second, &third] {
        viewers.push(Viewer::open(server, &chat).await);
    }
    let mut resets = Vec::new();
    for n in 0..N_PARTS {
        for viewer in &mut viewers {
            viewer.sees(&counted(n + 1)).await;
        }
        if n == 0 {
            resets.extend(viewers.iter().map(|viewer| viewer.n_resets));
        }
        model.release(&format!("gate {n}"));
    }
    for (viewer, n_resets) in viewers.iter_mut().zip(resets) {
        viewer.until("the end", |seen| seen.status == "waiting").await;
        assert_eq!(viewer.answer.trim_end(), counted(N_PARTS).trim_end());
        assert!(viewer.n_resets <= n_resets + 1, "nothing is taken back before it is said for good");
    }
    // Some of the first ones may have come by the store.
    for server in [&second, &third] {
        let relayed = n_relayed(server).await;
        assert!(relayed > N_PARTS as u64 / 2, "only {relayed} were relayed");
    }
}

#[tokio::test]
async fn connections_that_drop_again_and_again_lose_nothing() {
    const N_PARTS: usize = 40;
    let Some(two) = Two::start(Mode::Open).await else { return };
    let (model, mut viewer) = two.watched(&counting(N_PARTS)).await;
    let mut n = 0;
    for round in 0..3 {
        two.connected().await;
        let before = n_relayed(&two.other).await;
        while n_relayed(&two.other).await <= before {
            n += 1;
            assert!(n < N_PARTS, "parts are relayed again after cut {round}");
            viewer.sees(&counted(n)).await;
            model.release(&format!("gate {}", n - 1));
        }
        two.lines.iter().for_each(Line::cut);
    }
    for n in n..N_PARTS {
        viewer.sees(&counted(n + 1)).await;
        model.release(&format!("gate {n}"));
    }
    viewer.until("the end", |seen| seen.status == "waiting").await;
    assert_eq!(viewer.answer.trim_end(), counted(N_PARTS).trim_end());
}

#[tokio::test]
async fn servers_that_cannot_reach_each_other_show_everything_all_the_same() {
    for mode in [Mode::Silent, Mode::Closed] {
        let Some(two) = Two::start(mode).await else { return };
        let (model, mut viewer) = two.watched(&counting(3)).await;
        for n in 0..3 {
            viewer.sees(&counted(n + 1)).await;
            model.release(&format!("gate {n}"));
        }
        viewer.until("the end", |seen| seen.status == "waiting").await;
        assert_eq!(n_relayed(&two.other).await, 0);
    }
}

#[tokio::test]
async fn a_way_that_opens_in_the_middle_of_an_answer_is_used() {
    const N_PARTS: usize = 60;
    let Some(two) = Two::start(Mode::Closed).await else { return };
    let (model, mut viewer) = two.watched(&counting(N_PARTS)).await;
    viewer.sees(&counted(1)).await;
    assert_eq!(n_relayed(&two.other).await, 0);
    two.lines.iter().for_each(|line| line.set(Mode::Open));
    two.connected().await;
    let mut n = 1;
    while n_relayed(&two.other).await == 0 {
        assert!(n < N_PARTS, "parts are relayed");
        model.release(&format!("gate {}", n - 1));
        n += 1;
        viewer.sees(&counted(n)).await;
    }
}

#[tokio::test]
async fn local_and_relayed_parts_are_the_same() {
    const N_PARTS: usize = 10;
    let Some(two) = Two::start(Mode::Open).await else { return };
    two.connected().await;
    let (model, mut away) = two.watched(&counting(N_PARTS)).await;
    away.sees(&counted(1)).await;
    let mut home = Viewer::open(&two.owner, &away.chat).await;
    for n in 0..N_PARTS {
        for viewer in [&mut home, &mut away] {
            viewer.sees(&counted(n + 1)).await;
        }
        model.release(&format!("gate {n}"));
    }
    assert!(n_relayed(&two.other).await > 0);
    assert_eq!(home.parts, away.parts);
}

#[tokio::test]
async fn an_episode_that_does_not_exist_yet_is_waited_for() {
    let owner = TestServer::with_owner().await;
    if owner.server.database().is_exclusive() {
        return;
    }
    let steps = json!([{ "barrier": "gate" }, { "text": "Late." }]);
    let model = with_model(&owner, &json!({ "turns": [{ "steps": steps }] })).await;
    let mut asking = Puppet::join(&owner, Manner::Open).await;
    asking.is_connected().await;
    let chat = create(&owner, "tell").await;
    assert!(model.reached("gate", DEADLINE).await);
    let choice = json!({ "history_version": 0, "generation_attempt": 1, "after_seq": 0 });
    let stream = asking.ask(&chat, choice).await;
    model.release("gate");
    let parts = asking.is_told(stream).await;
    assert_eq!((&parts[0]["part"]["text"], &parts[0]["seq"]), (&json!("Late."), &json!(1)));
}

/// The first attempt says half of it and hangs, the second one says all of it.
fn interrupted() -> Value {
    json!({ "turns": [
        { "when": { "nth": 1 }, "steps": [{ "text": "Half" }, { "barrier": "never" }] },
        { "steps": [{ "text": "All" }, { "barrier": "gate" }, { "text": " of it." }] },
    ] })
}

#[tokio::test]
async fn a_viewer_elsewhere_follows_a_chat_to_the_server_that_takes_it_over() {
    let first = TestServer::with_owner().await;
    let Some(third) = first.replica_with(only_viewers).await else { return };
    let model = with_model(&first, &interrupted()).await;
    let chat = create(&first, "tell").await;
    let mut viewer = Viewer::open(&third, &chat).await;
    viewer.sees("Half").await;
    let _second = first.replica().await.unwrap();
    let _first = first.stopped().await;
    viewer.sees("All").await;
    model.release("gate");
    viewer.until("the end", |seen| seen.status == "waiting" && !seen.answer.is_empty()).await;
    assert_eq!(viewer.answer, "All of it.");
}

#[tokio::test]
async fn a_chat_that_comes_home_needs_no_other_server() {
    let first = TestServer::with_owner().await;
    let model = with_model(&first, &interrupted()).await;
    let chat = create(&first, "tell").await;
    let mut here = Viewer::open(&first, &chat).await;
    here.sees("Half").await;
    let Some(second) = first.replica().await else { return };
    let mut viewer = Viewer::open(&second, &chat).await;
    viewer.sees("Half").await;
    let _first = first.stopped().await;
    viewer.sees("All").await;
    model.release("gate");
    viewer.until("the end", |seen| seen.status == "waiting" && !seen.answer.is_empty()).await;
    assert_eq!(viewer.answer, "All of it.");
}
