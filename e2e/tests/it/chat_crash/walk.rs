//! A server that is made to die again and again on the same data, and its scripted model.

use anyhow::{Context, Result, ensure};
use e2e::stage::{SOON, Stage};
use serde_json::{Value, json};
use warren_api::chats::{ChatInputPart, CreateChatRequest};
use warren_db::{ConnectionTrait, Database, DbError, Location, query};
use warren_db_testkit::TestPlace;
use warren_dev_model::ScriptedModel;
use warren_sdk::Client;
use warren_testkit::{ServerOptions, eventually};
use warren_vocab::{ChatId, WorkspaceId};

use super::{IN_WORKSPACE, LIFE, Scenes, WITH_SOMEBODY, script::script, view::View};

pub(super) struct Walk {
    pub(super) stage: Stage,
    pub(super) model: ScriptedModel,
    pub(super) workspace: Option<WorkspaceId>,
    /// Dropped after the server is.
    place: TestPlace,
    /// How many requests of the model have been looked at.
    n_seen: usize,
}

impl Walk {
    /// Starts a server with what the scenes need.
    pub(super) async fn begin(place: TestPlace, scenes: Scenes) -> Result<Self> {
        let url = place.postgres_url().map(|url| (String::from("WARREN_PG_CONNECTION_URL"), url.to_owned()));
        let stage = Stage::with(ServerOptions { env: url.into_iter().collect() }).await?;
        let has_scenes = |group: Scenes| scenes.first() == group.first();
        let mut workspace = None;
        if has_scenes(IN_WORKSPACE) || has_scenes(WITH_SOMEBODY) {
            stage.push_process_template().await?;
            stage.create("dev").await?;
            workspace = stage.client().await?.workspaces("").await?.workspaces.pop().map(|found| found.id);
        }
        if has_scenes(WITH_SOMEBODY) {
            asks_about_commands(&stage).await?;
        }
        let model = stage.with_model(&script()).await?;
        Ok(Self { stage, model, workspace, place, n_seen: 0 })
    }

    /// Starts the server anew, so that it dies at the point.
    pub(super) async fn doomed(&mut self, point: &str) -> Result<Client> {
        let client = self.stage.client().await?;
        self.stage.server.stop().await?;
        self.stage.server.restart_with(&[("TEST_CRASH_AT", point)]).await?;
        Ok(client)
    }

    /// Waits until the server has died, and starts it again.
    pub(super) async fn revive(&mut self) -> Result<()> {
        self.stage.server.ended(LIFE).await?;
        if self.place.postgres_url().is_some() {
            // The next life begins when the leases of this one are over.
            let db = Database::open(self.place.location()).await?;
            db.write(async |tx| query::chats::end_all_leases(tx).await).await?;
            db.close().await?;
        }
        self.stage.server.restart().await
    }

    /// Stops the server, changes a row of a chat, and starts a server that dies at the point, which may be before it is ready.
    pub(super) async fn doomed_after(&mut self, point: &str, change: &str, title: &str) -> Result<()> {
        self.stage.server.stop().await?;
        let location = match self.place.postgres_url() {
            Some(_) => self.place.location().clone(),
            None => Location::sqlite(self.stage.server.data_dir()),
        };
        let db = Database::open(&location).await?;
        let sql = format!(
            "UPDATE chats SET {change}, snapshot_version = snapshot_version + 1 WHERE title = '{title}'"
        );
        let changed = db.write(async |tx| Ok::<_, DbError>(tx.execute_unprepared(&sql).await?)).await?;
        db.close().await?;
        ensure!(changed.rows_affected() == 1, "{} chats were changed", changed.rows_affected());
        drop(self.stage.server.restart_with(&[("TEST_CRASH_AT", point)]).await);
        Ok(())
    }

    /// Makes a chat and looks at it until the server has died; then starts the server again. It may die before it answers,
    /// as a worker takes a chat at once; the chat is there all the same.
    pub(super) async fn through_death(
        &mut self,
        client: &Client,
        text: &str,
        workspace: Option<WorkspaceId>,
    ) -> Result<View> {
        let seen = match begin(client, text, workspace).await {
            Ok(chat) => {
                let mut view = View::new(chat);
                view.until_lost(client, LIFE).await?;
                Some(view)
            }
            Err(_) => None,
        };
        self.revive().await?;
        match seen {
            Some(view) => Ok(view),
            None => Ok(View::new(find(client, text).await?.context("the chat was made")?)),
        }
    }

    /// Makes a chat whose server dies at the point, starts the server again and follows the chat to its rest.
    pub(super) async fn follow_to_rest(&mut self, point: &str, text: &str, rest: &str) -> Result<View> {
        let client = self.doomed(point).await?;
        let mut view = self.through_death(&client, text, None).await?;
        view.until(&client, LIFE, |view| view.status == rest).await?;
        view.agrees_with_history(&client).await?;
        Ok(view)
    }

    /// How often the command with this mark has run.
    pub(super) fn n_runs(&self, mark: &str) -> Result<usize> {
        let homes = std::fs::read_dir(self.stage.server.workspaces_dir())?.filter_map(Result::ok);
        let runs =
            homes.map(|home| std::fs::read_to_string(home.path().join("home/runs")).unwrap_or_default());
        Ok(runs.collect::<String>().lines().filter(|line| *line == mark).count())
    }

    /// No request since the last look says a message of the user twice, or has two results of one call.
    pub(super) fn tells_everything_once(&mut self) -> Result<()> {
        let requests = self.model.requests();
        for request in &requests[self.n_seen..] {
            let messages = request["messages"].as_array().context("a prompt has messages")?;
            let of = |role: &'static str| messages.iter().filter(move |message| message["role"] == role);
            let mut said: Vec<_> = of("user").map(|message| message["content"].to_string()).collect();
            let mut results: Vec<_> = of("tool").map(|message| message["tool_call_id"].to_string()).collect();
            let (n_said, n_results) = (said.len(), results.len());
            for list in [&mut said, &mut results] {
                list.sort();
                list.dedup();
            }
            ensure!(
                (said.len(), results.len()) == (n_said, n_results),
                "the model is told twice: {messages:?}"
            );
        }
        self.n_seen = requests.len();
        Ok(())
    }

    /// The newest prompt, as text.
    pub(super) fn last_prompt(&self) -> String {
        self.model.requests().last().map(|request| request["messages"].to_string()).unwrap_or_default()
    }
}

/// The first message of the chat is also its title.
pub(super) async fn find(client: &Client, text: &str) -> Result<Option<ChatId>> {
    let chats = client.chats().await?;
    Ok(chats.iter().find(|chat| chat.title == text).map(|chat| chat.id))
}

pub(super) async fn begin(client: &Client, text: &str, workspace: Option<WorkspaceId>) -> Result<ChatId> {
    begin_with(client, text, workspace, json!([])).await
}

pub(super) async fn begin_with(
    client: &Client,
    text: &str,
    workspace: Option<WorkspaceId>,
    tools: Value,
) -> Result<ChatId> {
    let organization = client.organizations().await?.first().context("there is an organization")?.id;
    let request: CreateChatRequest = serde_json::from_value(json!({
        "organization_id": organization,
        "content": [ChatInputPart::text(text)],
        "workspace_id": workspace,
        "unsafe_dynamic_tools": tools,
    }))?;
    Ok(client.create_chat(&request).await?.id)
}

/// Sends a message. The server may die before it answers.
pub(super) async fn send(client: &Client, chat: ChatId, text: &str) -> Result<()> {
    let message = serde_json::from_value(json!({ "content": [{ "type": "text", "text": text }] }))?;
    client.send_chat_message(chat, &message).await?;
    Ok(())
}

/// Decides about everything that is asked.
pub(super) async fn decide(client: &Client, chat: ChatId, approve: bool) -> Result<()> {
    let asked = client.chat_approvals(chat).await?.approvals;
    let decisions = asked.iter().map(|ask| json!({ "tool_call_id": ask.tool_call_id, "approve": approve }));
    let request = json!({ "decisions": decisions.collect::<Vec<_>>() });
    client.decide_chat_approvals(chat, &serde_json::from_value(request)?).await?;
    Ok(())
}

/// Decides again and again until the turn is over, and says how often it was asked.
pub(super) async fn decide_until_rest(client: &Client, chat: ChatId, approve: bool) -> Result<usize> {
    let n_asked = std::cell::Cell::new(0);
    eventually("the end of the turn", LIFE, || async {
        match client.chat(chat).await.ok()?.status.as_str() {
            "waiting" => Some(()),
            "requires_action" => {
                // Somebody may have been faster.
                let is_taken = decide(client, chat, approve).await.is_ok();
                n_asked.set(n_asked.get() + usize::from(is_taken));
                None
            }
            _ => None,
        }
    })
    .await?;
    Ok(n_asked.get())
}

/// Wants every command to be approved.
async fn asks_about_commands(stage: &Stage) -> Result<()> {
    let url = stage.server.url().join("api/experimental/chats/config/tool-approvals")?;
    let token = stage.warren(&["login", "token"]).await?;
    let rules = json!({ "rules": [{ "tool": "execute", "action": "ask" }] });
    let put = reqwest::Client::new().put(url).header("Coder-Session-Token", token.trim()).json(&rules);
    let answer = put.timeout(SOON).send().await?;
    ensure!(answer.status() == 204, "{}", answer.text().await?);
    Ok(())
}
