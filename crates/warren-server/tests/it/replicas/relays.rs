//! Viewers of chats that run on servers which come, hang, move and fail, over real sockets. The viewers' server is a real
//! one; the servers that run the chats are puppets, so that each race happens when the test wants it.
//!
//! What is decided is tested with a virtual clock in `warren-chat-proto`; its tests list the guards that were taken away. Of
//! those between here and there, and the tests that failed:
//!
//! | guard | test |
//! |---|---|
//! | a refusal is told as one | `a_refused_dial_is_not_tried_again_until_the_owner_changes` |
//! | keys that do not fit are read again | `keys::a_connection_outlives_its_key_and_the_next_one_is_made_with_the_new_one` |
//! | rights are looked up without hints | `viewers_are_asked_again_and_again_whether_they_may_see_what_is_relayed` |
//! | dropping a stream ends it | `a_chat_that_comes_home_closes_its_relay` |

use std::time::Duration;

use futures::future::join_all;
use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::{Value, json};
use warren_chat::proto::Episode;
use warren_db::{DbError, Tx, channels, entity::chats};
use warren_dev_model::ScriptedModel;
use warren_vocab::{ChatId, ReplicaId};

use super::{
    DEADLINE, REPLICAS, only_viewers,
    puppet::{Heard, Manner, Puppet},
    viewer::Viewer,
};
use crate::{
    chats::{create, with_model},
    support::{EMAIL, PASSWORD, TestServer},
};

/// A chat, and a server that runs none.
pub(super) struct Scene {
    pub(super) server: TestServer,
    chat: Value,
    _model: ScriptedModel,
}

impl Scene {
    /// None on SQLite.
    pub(super) async fn new() -> Option<Self> {
        let server = TestServer::owned(only_viewers).await;
        if server.server.database().is_exclusive() {
            return None;
        }
        let model = with_model(&server, &json!({ "turns": [{ "steps": [{ "text": "Never." }] }] })).await;
        let chat = create(&server, "hello").await;
        Some(Self { server, chat, _model: model })
    }

    pub(super) async fn puppet(&self, manner: Manner) -> Puppet {
        Puppet::join(&self.server, manner).await
    }

    pub(super) async fn viewer(&self) -> Viewer {
        Viewer::open(&self.server, &self.chat).await
    }

    /// The chat begins a new attempt on a server.
    pub(super) async fn runs_on(&self, worker: ReplicaId) -> Episode {
        let change = format!(
            "status = 'running', generation_attempt = generation_attempt + 1, worker_id = '{worker}', \
             runner_id = '{worker}', lease_epoch = lease_epoch + 1, \
             lease_expires_at = now() + interval '1 hour'"
        );
        self.change(&change).await
    }

    /// The chat stops.
    async fn rests(&self) -> Episode {
        let nobody = "status = 'waiting', worker_id = NULL, runner_id = NULL, lease_expires_at = NULL";
        self.change(nobody).await
    }

    /// As another server does it: in the store, with a hint.
    async fn change(&self, change: &str) -> Episode {
        let id: uuid::Uuid = self.chat["id"].as_str().unwrap().parse().unwrap();
        let write = async |tx: &Tx| {
            let statement = format!(
                "UPDATE chats SET snapshot_version = snapshot_version + 1, {change} WHERE id = '{id}'"
            );
            tx.execute_unprepared(&statement).await?;
            let row = chats::Entity::find_by_id(id).one(tx).await?.unwrap();
            let hint = json!({ "snapshot_version": row.snapshot_version });
            tx.notify(channels::chat(ChatId::from_uuid(id)), hint);
            Ok::<_, DbError>(Episode {
                history_version: row.history_version,
                attempt: row.generation_attempt,
            })
        };
        self.server.server.database().write(write).await.unwrap()
    }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "waited in vain for {what}");
}

#[tokio::test]
async fn a_relay_that_drops_is_opened_again_and_its_parts_come() {
    let Some(scene) = Scene::new().await else { return };
    let mut owner = scene.puppet(Manner::Open).await;
    let mut viewer = scene.viewer().await;
    let episode = scene.runs_on(owner.id).await;
    let (first, choice) = owner.is_asked().await;
    assert_eq!(choice["after_seq"], 0);
    owner.say(first, episode, [1]).await;
    viewer.sees("1 ").await;
    owner.end(first).await;
    let (second, choice) = owner.is_asked().await;
    assert_eq!(choice["after_seq"], 1, "it goes on where it was");
    owner.say(second, episode, [1, 2]).await;
    viewer.sees("1 2 ").await;
}

#[tokio::test]
async fn a_dial_that_hangs_does_not_hold_up_what_is_committed() {
    let Some(scene) = Scene::new().await else { return };
    scene.rests().await;
    let owner = scene.puppet(Manner::Held).await;
    let mut viewer = scene.viewer().await;
    viewer.is("waiting").await;
    scene.runs_on(owner.id).await;
    viewer.is("running").await;
    until("a dial", || owner.n_dials() > 0).await;
    scene.rests().await;
    viewer.is("waiting").await;
    assert_eq!(owner.n_opened(), 0);
}

#[tokio::test]
async fn parts_from_before_the_dial_come_first_and_in_order() {
    let Some(scene) = Scene::new().await else { return };
    let mut owner = scene.puppet(Manner::Open).await;
    let episode = scene.runs_on(owner.id).await;
    let mut viewer = scene.viewer().await;
    let (stream, _) = owner.is_asked().await;
    owner.say(stream, episode, [1, 2]).await;
    owner.say(stream, episode, [3]).await;
    viewer.is("running").await;
    viewer.sees("1 2 3 ").await;
    owner.say(stream, episode, [2, 3]).await;
    owner.say(stream, episode, [1, 2, 3, 4]).await;
    viewer.sees("1 2 3 4 ").await;
}

#[tokio::test]
async fn a_dial_for_an_earlier_owner_is_thrown_away() {
    let Some(scene) = Scene::new().await else { return };
    let (mut old, mut new) = (scene.puppet(Manner::Held).await, scene.puppet(Manner::Open).await);
    let mut viewer = scene.viewer().await;
    scene.runs_on(old.id).await;
    viewer.is("running").await;
    until("a dial", || old.n_dials() > 0).await;
    scene.rests().await;
    viewer.is("waiting").await;
    let episode = scene.runs_on(new.id).await;
    let (stream, _) = new.is_asked().await;
    new.say(stream, episode, [1]).await;
    viewer.sees("1 ").await;
    old.set(Manner::Open);
    old.is_connected().await;
    new.say(stream, episode, [2]).await;
    viewer.sees("1 2 ").await;
    let last = scene.runs_on(old.id).await;
    let (stream, choice) = old.is_asked().await;
    assert_eq!(choice["generation_attempt"], last.attempt);
    assert_eq!(old.n_opened(), 1, "the first dial has opened nothing");
    old.say(stream, episode, [3]).await;
    old.say(stream, last, [1]).await;
    viewer.sees("1 ").await;
}

#[tokio::test]
async fn leaving_ends_a_dial_that_is_under_way() {
    let Some(scene) = Scene::new().await else { return };
    let mut owner = scene.puppet(Manner::Held).await;
    let mut viewer = scene.viewer().await;
    scene.runs_on(owner.id).await;
    viewer.is("running").await;
    until("a dial", || owner.n_dials() > 0).await;
    viewer.leaves().await;
    owner.set(Manner::Open);
    owner.is_connected().await;
    let _viewer = scene.viewer().await;
    owner.is_asked().await;
    assert_eq!(owner.n_opened(), 1, "nothing was opened for whoever left");
}

#[tokio::test]
async fn a_chat_that_moves_between_others_is_followed() {
    let Some(scene) = Scene::new().await else { return };
    let (mut first, mut second) = (scene.puppet(Manner::Held).await, scene.puppet(Manner::Open).await);
    let mut viewer = scene.viewer().await;
    scene.runs_on(first.id).await;
    until("a dial", || first.n_dials() > 0).await;
    let episode = scene.runs_on(second.id).await;
    let (stream, _) = second.is_asked().await;
    second.say(stream, episode, [1]).await;
    viewer.sees("1 ").await;
    first.set(Manner::Open);
    first.is_connected().await;
    let episode = scene.runs_on(first.id).await;
    second.is_left(stream).await;
    let (stream, _) = first.is_asked().await;
    first.say(stream, episode, [1, 2]).await;
    viewer.sees("1 2 ").await;
    assert_eq!((first.n_opened(), second.n_opened()), (1, 1));
}

#[tokio::test]
async fn a_dial_that_fails_is_tried_again() {
    let Some(scene) = Scene::new().await else { return };
    let mut owner = scene.puppet(Manner::Closed).await;
    let mut viewer = scene.viewer().await;
    let episode = scene.runs_on(owner.id).await;
    until("two dials", || owner.n_dials() > 1).await;
    owner.set(Manner::Open);
    let (stream, _) = owner.is_asked().await;
    owner.say(stream, episode, [1]).await;
    viewer.sees("1 ").await;
}

#[tokio::test]
async fn a_chat_that_comes_home_closes_its_relay() {
    let Some(scene) = Scene::new().await else { return };
    let home = scene.server.get(REPLICAS).await.1[0]["id"].as_str().unwrap().parse().unwrap();
    let (mut away, mut other) = (scene.puppet(Manner::Open).await, scene.puppet(Manner::Open).await);
    let mut viewer = scene.viewer().await;
    let episode = scene.runs_on(away.id).await;
    let (stream, _) = away.is_asked().await;
    away.say(stream, episode, [1]).await;
    viewer.sees("1 ").await;
    scene.runs_on(ReplicaId::from_uuid(home)).await;
    away.is_left(stream).await;
    away.say(stream, episode, [2]).await;
    let episode = scene.runs_on(other.id).await;
    let (stream, _) = other.is_asked().await;
    other.say(stream, episode, [1]).await;
    viewer.sees("1 ").await;
    assert_eq!(away.n_opened(), 1, "it was not dialled again");
}

#[tokio::test]
async fn three_relays_in_a_row_lose_nothing() {
    let Some(scene) = Scene::new().await else { return };
    let mut owner = scene.puppet(Manner::Open).await;
    let mut viewer = scene.viewer().await;
    let episode = scene.runs_on(owner.id).await;
    for n in 1..=3 {
        let (stream, choice) = owner.is_asked().await;
        assert_eq!(choice["after_seq"], n - 1);
        owner.say(stream, episode, [n]).await;
        viewer.until("a part", |seen| seen.parts.len() as i64 == n).await;
        owner.hang_up().await;
    }
    assert_eq!(viewer.preview, "1 2 3 ");
}

#[tokio::test]
async fn another_episode_is_chosen_on_the_same_connection() {
    let Some(scene) = Scene::new().await else { return };
    let mut owner = scene.puppet(Manner::Open).await;
    let mut viewer = scene.viewer().await;
    let first = scene.runs_on(owner.id).await;
    let (stream, _) = owner.is_asked().await;
    owner.say(stream, first, [1, 2]).await;
    viewer.sees("1 2 ").await;
    let resets = viewer.n_resets;
    let second = scene.runs_on(owner.id).await;
    let (same, choice) = owner.is_asked().await;
    assert_eq!((same, owner.n_opened()), (stream, 1));
    assert_eq!((&choice["generation_attempt"], &choice["after_seq"]), (&json!(second.attempt), &json!(0)));
    owner.say(stream, first, [3]).await;
    owner.say(stream, second, [1]).await;
    viewer.until("the new attempt", |seen| seen.n_resets > resets && seen.preview == "1 ").await;
}

#[tokio::test]
async fn a_refused_dial_is_not_tried_again_until_the_owner_changes() {
    let Some(scene) = Scene::new().await else { return };
    let (mut owner, mut next) = (scene.puppet(Manner::Refusing).await, scene.puppet(Manner::Open).await);
    let mut viewer = scene.viewer().await;
    scene.runs_on(owner.id).await;
    let opened = |heard: &Heard| matches!(heard, Heard::Opened(_)).then_some(());
    owner.until("a stream", opened).await;
    for n in 1..=20 {
        scene.change(&format!("queue_version = snapshot_version + 1, title = 'Change {n}'")).await;
    }
    let episode = scene.runs_on(next.id).await;
    let (stream, _) = next.is_asked().await;
    next.say(stream, episode, [1]).await;
    viewer.sees("1 ").await;
    assert_eq!(owner.n_opened(), 1);
}

#[tokio::test]
async fn a_viewer_with_nothing_but_a_cookie_gets_relayed_parts() {
    let Some(scene) = Scene::new().await else { return };
    let mut owner = scene.puppet(Manner::Open).await;
    let cookie = format!("coder_session_token={}", scene.server.token);
    let mut viewer = Viewer::open_with(&scene.server, &scene.chat, "Cookie", &cookie).await;
    let episode = scene.runs_on(owner.id).await;
    let (stream, choice) = owner.is_asked().await;
    assert!(!choice.to_string().contains(&scene.server.token), "the session stays where it is");
    owner.say(stream, episode, [1]).await;
    viewer.sees("1 ").await;
}

#[tokio::test]
async fn a_request_that_came_by_a_relay_opens_no_other() {
    let Some(scene) = Scene::new().await else { return };
    let (mut owner, mut asking) = (scene.puppet(Manner::Open).await, scene.puppet(Manner::Open).await);
    owner.is_connected().await;
    asking.is_connected().await;
    let episode = scene.runs_on(owner.id).await;
    let choice = json!({
        "history_version": episode.history_version, "generation_attempt": episode.attempt, "after_seq": 0,
    });
    let asked = asking.ask(&scene.chat, choice).await;
    let mut viewer = scene.viewer().await;
    let (stream, _) = owner.is_asked().await;
    owner.say(stream, episode, [1]).await;
    viewer.sees("1 ").await;
    assert_eq!(owner.n_opened(), 1, "for the viewer alone");
    asking.end(asked).await;
    assert_eq!(asking.has_heard(asked), [], "and what came for the viewer is not passed on");
}

#[tokio::test]
async fn a_thousand_viewers_share_one_relay() {
    const N_VIEWERS: usize = 1000;
    let Some(scene) = Scene::new().await else { return };
    let mut owner = scene.puppet(Manner::Open).await;
    let mut viewers = Vec::new();
    while viewers.len() < N_VIEWERS {
        viewers.extend(join_all((0..50).map(|_| scene.viewer())).await);
    }
    let episode = scene.runs_on(owner.id).await;
    let (stream, _) = owner.is_asked().await;
    owner.say(stream, episode, [1, 2]).await;
    owner.say(stream, episode, [3]).await;
    for viewer in &mut viewers {
        viewer.sees("1 2 3 ").await;
    }
    assert_eq!(owner.n_opened(), 1);
    drop(viewers);
    owner.is_left(stream).await;
}

#[tokio::test]
async fn viewers_are_asked_again_and_again_whether_they_may_see_what_is_relayed() {
    let Some(scene) = Scene::new().await else { return };
    let mut owner = scene.puppet(Manner::Open).await;
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let (_, session) = scene.server.post("/api/v2/users/login", login).await;
    let token = session["session_token"].as_str().unwrap();
    let mut viewer = Viewer::open_with(&scene.server, &scene.chat, "Coder-Session-Token", token).await;
    let episode = scene.runs_on(owner.id).await;
    let (stream, _) = owner.is_asked().await;
    owner.say(stream, episode, [1]).await;
    viewer.sees("1 ").await;
    // Nobody says that the session has ended.
    let (id, _) = token.split_once('-').unwrap();
    let remove = format!("DELETE FROM api_keys WHERE id = '{id}'");
    let remove = async |tx: &Tx| tx.execute_unprepared(&remove).await.map_err(DbError::from);
    assert_eq!(scene.server.server.database().write(remove).await.unwrap().rows_affected(), 1);
    viewer.is_sent_away().await;
    owner.is_left(stream).await;
}
