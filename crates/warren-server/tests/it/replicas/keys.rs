//! The keys by which servers know each other change while they are connected.

use sea_orm::ConnectionTrait;
use warren_db::{DbError, Tx};
use warren_mesh_proto::Key;

use super::{
    REPLICAS, n_healthy, only_viewers,
    puppet::{Manner, app_of},
    relays::Scene,
};

async fn execute(scene: &Scene, statement: &str) {
    let write = async |tx: &Tx| tx.execute_unprepared(statement).await.map_err(DbError::from);
    scene.server.server.database().write(write).await.unwrap();
}

#[tokio::test]
async fn a_connection_outlives_its_key_and_the_next_one_is_made_with_the_new_one() {
    let Some(scene) = Scene::new().await else { return };
    let mut owner = scene.puppet(Manner::Open).await;
    owner.is_connected().await;
    execute(&scene, "UPDATE mesh_keys SET created_at = created_at - interval '7 days 1 hour'").await;
    let keys = app_of(&scene.server).mesh_keys().await.unwrap();
    assert_eq!(keys.len(), 2, "the old one is accepted for a while");

    let mut viewer = scene.viewer().await;
    let episode = scene.runs_on(owner.id).await;
    let (stream, _) = owner.is_asked().await;
    owner.say(stream, episode, [1]).await;
    viewer.sees("1 ").await;

    // The server has seen the old key alone so far.
    let newest = keys.into_iter().next().unwrap();
    owner.know(vec![Key { id: newest.id, secret: newest.secret.into_exposed() }]);
    owner.hang_up().await;
    let (stream, _) = owner.is_asked().await;
    owner.say(stream, episode, [2]).await;
    viewer.sees("1 2 ").await;
}

#[tokio::test]
async fn a_server_that_starts_after_the_old_key_is_gone_is_let_in() {
    let Some(scene) = Scene::new().await else { return };
    let mut puppet = scene.puppet(Manner::Open).await;
    puppet.is_connected().await;
    // The server has the key that is removed here in memory.
    execute(&scene, "DELETE FROM mesh_keys").await;
    let second = scene.server.replica_with(only_viewers).await.unwrap();
    let third = scene.server.replica_with(only_viewers).await.unwrap();
    for server in [&scene.server, &second, &third] {
        let n_seen = |body: &serde_json::Value| {
            // The puppet knows only what it knew, and says so to nobody.
            body.as_array().unwrap().len() == 4 && n_healthy(body) >= 2
        };
        server.until(REPLICAS, n_seen).await;
    }
}

#[tokio::test]
async fn a_connection_ends_when_its_key_is_put_away() {
    let Some(scene) = Scene::new().await else { return };
    let mut stolen = scene.puppet(Manner::Open).await;
    stolen.is_connected().await;
    let n_dials = stolen.n_dials();
    // The statement that the manual gives.
    execute(&scene, "DELETE FROM mesh_keys").await;
    let is_apart = |body: &serde_json::Value| {
        body.as_array()
            .unwrap()
            .iter()
            .any(|one| one["error"].as_str().unwrap().contains(&stolen.id.to_string()))
    };
    scene.server.until(REPLICAS, is_apart).await;
    assert!(stolen.n_dials() > n_dials, "the server has tried to connect with the new key");
    assert_eq!(app_of(&scene.server).mesh_keys().await.unwrap().len(), 1);
}
