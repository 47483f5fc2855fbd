//! Chats that no worker runs, written straight into the database, and the people who look at them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use warren_db::{
    DbError, Tx,
    entity::{chat_messages, chats},
    query,
};

use super::{CHATS, organization};
use crate::support::TestServer;

/// The first organization with a model that nothing answers for.
pub(super) struct Home {
    pub(super) server: TestServer,
    pub(super) organization: Uuid,
    pub(super) owner: Uuid,
    pub(super) model: Uuid,
}

impl Home {
    pub(super) async fn new() -> Self {
        let server = TestServer::owned(|config| config.rate_limit.disable_all = true).await;
        let provider =
            json!({ "type": "openai-compat", "name": "nobody", "base_url": "http://127.0.0.1:9/v1" });
        let (_, provider) = server.post("/api/v2/ai/providers", provider).await;
        let config = json!({ "ai_provider_id": provider["id"], "model": "none" });
        let (status, model) = server.post(&format!("{CHATS}/model-configs"), config).await;
        assert_eq!(status, StatusCode::CREATED, "{model}");
        let organization = id(&organization(&server).await);
        let (_, me) = server.get("/api/v2/users/me").await;
        Self { organization, owner: id(&me["id"]), model: id(&model["id"]), server }
    }

    /// A row of an idle chat of the owner.
    pub(super) fn idle(&self, title: &str) -> chats::Model {
        chats::Model {
            title: title.to_owned(),
            snapshot_version: 1,
            history_version: 1,
            queue_version: 1,
            ..chats::Model::idle(self.owner, self.organization, self.model, warren_app::now())
        }
    }

    /// Stores a chat with a message of its owner. Gives the path of the chat.
    pub(super) async fn add(&self, chat: chats::Model) -> String {
        let message = chat_messages::Model {
            created_by: Some(chat.owner_id),
            model_config_id: Some(self.model),
            ..chat_messages::Model::new(chat.id, "user", super::text("hello"), 1, chat.created_at)
        };
        let path = format!("{CHATS}/{}", chat.id);
        let write = async |tx: &Tx| {
            query::chats::insert(tx, chat).await?;
            query::chat_messages::insert(tx, message).await?;
            Ok::<_, DbError>(())
        };
        self.server.server.database().write(write).await.unwrap();
        path
    }

    /// Stores an idle chat of the owner.
    pub(super) async fn chat(&self, title: &str) -> String {
        self.add(self.idle(title)).await
    }

    /// Stores an idle chat of a member, who has a token.
    pub(super) async fn chat_of(&self, token: &str, title: &str) -> String {
        let (_, me) = self.ask(token, Method::GET, "/api/v2/users/me", json!({})).await;
        let mut row = self.idle(title);
        row.owner_id = id(&me["id"]);
        self.add(row).await
    }

    /// Stores a message.
    pub(super) async fn say(&self, path: &str, role: &str, message: &str) -> i64 {
        let chat = id(&json!(path.rsplit('/').next().unwrap()));
        let row = chat_messages::Model::new(chat, role, super::text(message), 1, warren_app::now());
        let write = async |tx: &Tx| query::chat_messages::insert(tx, row).await;
        self.server.server.database().write(write).await.unwrap().id
    }

    /// A member of the organization who may use chats. Gives the token.
    pub(super) async fn member(&self, name: &str) -> String {
        let (organization, password) = (self.organization, "SomeSecurePassword!");
        let email = format!("{name}@example.com");
        let body = json!({
            "email": email, "username": name, "password": password, "organization_ids": [organization],
        });
        let (status, user) = self.server.post("/api/v2/users", body).await;
        assert_eq!(status, StatusCode::CREATED, "{user}");
        let roles = json!({ "roles": ["organization-workspace-access", "agents-access"] });
        let path = format!("/api/v2/organizations/{organization}/members/{name}/roles");
        let (status, answer) = self.server.send(Method::PUT, &path, roles).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let login = json!({ "email": email, "password": password });
        let (status, session) = self.server.post("/api/v2/users/login", login).await;
        assert_eq!(status, StatusCode::CREATED, "{session}");
        session["session_token"].as_str().unwrap().to_owned()
    }

    /// Asks as somebody else.
    pub(super) async fn ask(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.server.server.address());
        let request = self.server.client.request(method, url).header("coder-session-token", token);
        let response = request.json(&body).send().await.unwrap();
        crate::support::answer(response).await
    }

    /// Waits until somebody else sees what fits.
    pub(super) async fn until_as(&self, token: &str, path: &str, fits: impl Fn(&Value) -> bool) {
        let waiting = async {
            while !fits(&self.ask(token, Method::GET, path, json!({})).await.1) {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(super::DEADLINE, waiting).await;
        assert!(waited.is_ok(), "{path} did not get there");
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.server.send(Method::PATCH, path, body).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.server.send(Method::PUT, path, body).await
    }

    pub(super) async fn titles(&self, query: &str) -> Vec<String> {
        let (status, list) = self.server.get(&format!("{CHATS}{query}")).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        list.as_array().unwrap().iter().map(|chat| chat["title"].as_str().unwrap().to_owned()).collect()
    }
}

pub(super) fn id(value: &Value) -> Uuid {
    value.as_str().unwrap().parse().unwrap()
}
