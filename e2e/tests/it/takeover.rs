//! A chat whose server dies, stands still, loses its database or is told to stop goes on elsewhere, and everybody who looks
//! at it sees one truth. The times are printed (`--no-capture`).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use warren_db::{Database, Location, query};
use warren_dev_model::{Script, ScriptedModel};
use warren_sdk::Client;
use warren_testkit::{Cluster, ClusterOptions, Weather, cluster::Somebody, eventually};
use warren_vocab::ChatId;

use crate::chat_crash::view::View;

const SOON: Duration = Duration::from_secs(60);
const CHATS: &str = "/api/experimental/chats";
const REPLICAS: &str = "/api/v2/replicas";
/// What is promised on a machine that has time for it, and what a busy one may take.
const TAKEOVER: Duration = Duration::from_secs(5);
const TAKEOVER_BUSY: Duration = Duration::from_secs(12);
const HANDOVER_BUSY: Duration = Duration::from_secs(3);
const N_ROUNDS: usize = 4;

struct Scene {
    cluster: Cluster,
    ada: Somebody,
    model: ScriptedModel,
    db: Database,
}

/// In each round the first answer stops half-way until its gate opens, and the second one is whole.
fn script() -> Value {
    let round = |n: usize| {
        let user = format!("round {n}");
        let half = json!([{ "text": "Half of " }, { "barrier": format!("gate {n}") }, { "text": "it." }]);
        [
            json!({ "when": { "user": user, "nth": 1 }, "steps": half }),
            json!({ "when": { "user": user }, "steps": [{ "text": "The whole." }] }),
        ]
    };
    json!({ "turns": (0..N_ROUNDS).flat_map(round).collect::<Vec<_>>() })
}

impl Scene {
    async fn begin() -> Result<Self> {
        let cluster = Cluster::start(ClusterOptions { n_servers: 2, ..ClusterOptions::default() }).await?;
        let ada = cluster.sign_up().await?;
        let model = Script::parse(&script().to_string())?;
        let model = ScriptedModel::start(model, ([127, 0, 0, 1], 0).into()).await?;
        let db = Database::open(&Location::postgres(cluster.postgres.url())).await?;
        let scene = Self { cluster, ada, model, db };
        let provider =
            json!({ "type": "openai-compat", "name": "local", "base_url": scene.model.base_url() });
        let provider = scene.ask(0, Method::POST, "/api/v2/ai/providers", Some(provider)).await?;
        let config = json!({ "ai_provider_id": provider["id"], "model": "scripted" });
        scene.ask(0, Method::POST, &format!("{CHATS}/model-configs"), Some(config)).await?;
        scene.healthy().await?;
        Ok(scene)
    }

    async fn ask(&self, server: usize, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let address = self.cluster.members[server].server.address();
        self.ada.ask(address, method, path, body.as_ref()).await
    }

    /// Waits until all servers know each other.
    async fn healthy(&self) -> Result<()> {
        for server in 0..self.cluster.members.len() {
            eventually("all servers are well", SOON, || async {
                let seen = self.ask(server, Method::GET, REPLICAS, None).await.ok()?;
                let well = seen.as_array()?.iter().filter(|one| one["error"] == "").count();
                (well == self.cluster.members.len()).then_some(())
            })
            .await?;
        }
        Ok(())
    }

    /// Starts a chat and waits until half of its answer is there. Gives the server that runs it and another one.
    async fn half(&self, round: usize) -> Result<(ChatId, usize, usize)> {
        let content = json!([{ "type": "text", "text": format!("round {round}") }]);
        let request = json!({ "organization_id": self.ada.organization, "content": content });
        let chat = self.ask(round % 2, Method::POST, CHATS, Some(request)).await?;
        let chat: ChatId = chat["id"].as_str().context("it has an id")?.parse()?;
        ensure!(self.model.reached(&format!("gate {round}"), SOON).await, "the model was not asked");
        let row = query::chats::by_id(self.db.reader(), chat).await?.context("the chat is there")?;
        let replicas = query::replicas::list(self.db.reader()).await?;
        let worker = replicas.iter().find(|one| Some(one.id) == row.worker_id).context("it is run")?;
        let relay = |member: &warren_testkit::cluster::Member| format!("http://{}/", member.mesh.address());
        let owner = self.cluster.members.iter().position(|member| relay(member) == worker.relay_address);
        let owner = owner.context("one of the servers runs it")?;
        Ok((chat, owner, 1 - owner))
    }

    fn client(&self, server: usize) -> Client {
        Client::new(self.cluster.members[server].url()).with_token(&self.ada.token)
    }

    async fn viewer(&self, server: usize, chat: ChatId) -> Result<View> {
        let mut view = View::new(chat);
        view.until(&self.client(server), SOON, |view| view.preview == "Half of ").await?;
        Ok(view)
    }

    async fn sees_the_whole(&self, view: &mut View, server: usize) -> Result<()> {
        let is_over = |view: &View| view.status == "waiting" && view.answers() == ["The whole."];
        view.until(&self.client(server), SOON, is_over).await?;
        view.agrees_with_history(&self.client(server)).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_of_a_killed_server_goes_on_elsewhere_within_seconds() -> Result<()> {
    let mut scene = Scene::begin().await?;
    let mut times = Vec::new();
    for round in 0..N_ROUNDS {
        let (chat, owner, other) = scene.half(round).await?;
        let mut view = scene.viewer(other, chat).await?;
        scene.cluster.members[owner].server.kill()?;
        let killed = Instant::now();
        scene.sees_the_whole(&mut view, other).await?;
        times.push(killed.elapsed());
        let ids = async |db: &Database| -> Result<Vec<_>> {
            Ok(query::replicas::list(db.reader()).await?.into_iter().map(|one| one.id).collect())
        };
        let known = ids(&scene.db).await?;
        scene.cluster.members[owner].server.restart().await?;
        // It has another id; that of before is known until it is certain that it is dead.
        eventually("the server is back", SOON, || async {
            ids(&scene.db).await.ok()?.iter().any(|id| !known.contains(id)).then_some(())
        })
        .await?;
    }
    println!("from kill -9 to the whole answer elsewhere: {times:?}");
    let best = times.iter().min().context("there are rounds")?;
    ensure!(*best < TAKEOVER && times.iter().all(|time| *time < TAKEOVER_BUSY), "{times:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_hands_its_chats_over_at_once() -> Result<()> {
    let mut scene = Scene::begin().await?;
    let mut times = Vec::new();
    for round in 0..N_ROUNDS {
        let (chat, owner, other) = scene.half(round).await?;
        let mut view = scene.viewer(other, chat).await?;
        let asked = scene.model.requests().len();
        let told = Instant::now();
        let [stopping, stays] = match scene.cluster.members.as_mut_slice() {
            [a, b] if owner == 0 => [a, b],
            [a, b] => [b, a],
            _ => anyhow::bail!("there are two servers"),
        };
        let address = stays.server.address();
        let handed_over = eventually("the model is asked again", SOON, || async {
            (scene.model.requests().len() > asked).then(|| told.elapsed())
        });
        let (stopped, handed_over) = tokio::join!(stopping.server.stop(), handed_over);
        stopped?;
        times.push(handed_over?);
        ensure!(address == scene.cluster.members[other].server.address(), "the other one stays");
        scene.sees_the_whole(&mut view, other).await?;
        scene.cluster.members[owner].server.restart().await?;
        scene.healthy().await?;
    }
    println!("from SIGTERM to the model's next request elsewhere: {times:?}");
    ensure!(times.iter().all(|time| *time < HANDOVER_BUSY), "{times:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stood_still_changes_nothing_and_shows_what_the_others_show() -> Result<()> {
    let scene = Scene::begin().await?;
    let (chat, owner, other) = scene.half(0).await?;
    let (mut there, mut here) = (scene.viewer(owner, chat).await?, scene.viewer(other, chat).await?);
    scene.cluster.members[owner].server.pause()?;
    scene.sees_the_whole(&mut here, other).await?;
    let before = query::chats::by_id(scene.db.reader(), chat).await?;
    // The old answer ends in front of a server that does not move.
    scene.model.release("gate 0");
    scene.cluster.members[owner].server.resume()?;
    scene.sees_the_whole(&mut there, owner).await?;
    ensure!(!there.shown.contains("it."), "{:?}", there.shown);
    scene.healthy().await?;
    ensure!(scene.model.until_open(0, SOON).await, "the old answer is let go");
    let after = query::chats::by_id(scene.db.reader(), chat).await?;
    ensure!(before == after, "{before:?} became {after:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_database_shows_nothing_that_is_not_stored() -> Result<()> {
    let scene = Scene::begin().await?;
    for (round, weather) in [(0, Weather::Held), (1, Weather::Refusing)] {
        let (chat, owner, other) = scene.half(round).await?;
        let (mut there, mut here) = (scene.viewer(owner, chat).await?, scene.viewer(other, chat).await?);
        let line = &scene.cluster.members[owner].database;
        line.set_weather(weather);
        if weather == Weather::Refusing {
            line.cut_all();
        }
        // The model ends its answer, which nobody can keep.
        scene.model.release(&format!("gate {round}"));
        scene.sees_the_whole(&mut here, other).await?;
        line.set_weather(Weather::Clear);
        let healed = Instant::now();
        scene.sees_the_whole(&mut there, owner).await?;
        println!("{weather:?}: one truth on both servers {:?} after the database was back", healed.elapsed());
        ensure!(!there.shown.contains("it."), "{:?}", there.shown);
        scene.healthy().await?;
    }
    Ok(())
}
