//! Accounts that have chats: a server takes only so many of one account at once.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::stage::Stage;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use url::Url;

use super::DEADLINE;

const CHATS: &str = "/api/experimental/chats";
const PASSWORD: &str = "SomeSecurePassword!";
/// Requests at once.
const REQUESTS: usize = 16;

#[derive(Clone)]
pub struct People {
    client: reqwest::Client,
    pub url: Url,
    pub tokens: Vec<String>,
    organization: String,
}

impl People {
    pub async fn new(stage: &Stage, count: usize) -> Result<Self> {
        let token = stage.warren(&["login", "token"]).await?.trim().to_owned();
        let (client, url) = (reqwest::Client::new(), stage.server.url());
        let mut people = Self { client, url, tokens: vec![token], organization: String::new() };
        let organization =
            people.call(0, reqwest::Method::GET, "/api/v2/organizations/default", None).await?;
        people.organization = organization["id"].as_str().context("no organization")?.to_owned();
        let mut tokens = Vec::new();
        for number in 0..count {
            let email = format!("bench{number}@example.com");
            let account = json!({
                "username": format!("bench{number}"), "email": email, "password": PASSWORD, "roles": ["owner"],
                "organization_ids": [people.organization],
            });
            people.call(0, reqwest::Method::POST, "/api/v2/users", Some(account)).await?;
            let login = json!({ "email": email, "password": PASSWORD });
            let session = people.call(0, reqwest::Method::POST, "/api/v2/users/login", Some(login)).await?;
            tokens.push(session["session_token"].as_str().context("no session")?.to_owned());
        }
        people.tokens = tokens;
        Ok(people)
    }

    /// The same people at another server of the deployment.
    pub fn at(&self, url: Url) -> Self {
        Self { url, ..self.clone() }
    }

    pub async fn create(&self, who: usize, text: &str) -> Result<String> {
        let content = json!([{ "type": "text", "text": text }]);
        let request = json!({ "organization_id": self.organization, "content": content });
        let chat = self.call(who, reqwest::Method::POST, CHATS, Some(request)).await?;
        Ok(chat["id"].as_str().context("no chat")?.to_owned())
    }

    /// Makes chats of all accounts in turn, whose messages depend on their numbers; each comes with its owner.
    pub async fn create_many(
        &self,
        count: usize,
        text: impl Fn(usize) -> String,
    ) -> Result<Vec<(usize, String)>> {
        let made = (0..count).map(|number| {
            let text = text(number);
            async move {
                let who = number % self.tokens.len();
                Ok((who, self.create(who, &text).await?))
            }
        });
        stream::iter(made).buffered(REQUESTS).try_collect().await
    }

    pub async fn send(&self, who: usize, chat: &str, text: &str) -> Result<()> {
        let body = json!({ "content": [{ "type": "text", "text": text }] });
        self.call(who, reqwest::Method::POST, &format!("{CHATS}/{chat}/messages"), Some(body)).await?;
        Ok(())
    }

    /// Waits until a chat does nothing.
    pub async fn rests(&self, who: usize, chat: &str) -> Result<()> {
        let path = format!("{CHATS}/{chat}");
        let resting = async {
            while self.call(who, reqwest::Method::GET, &path, None).await?["status"] != "waiting" {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(())
        };
        tokio::time::timeout(DEADLINE, resting).await.context("a chat does not come to rest")?
    }

    pub async fn all_rest(&self, chats: &[(usize, String)]) -> Result<()> {
        let resting = chats.iter().map(|(who, chat)| self.rests(*who, chat));
        stream::iter(resting).buffer_unordered(REQUESTS).try_collect().await
    }

    pub async fn call(
        &self,
        who: usize,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value> {
        let mut request = self.client.request(method, self.url.join(path)?).timeout(DEADLINE);
        request = request.header("Coder-Session-Token", &self.tokens[who]);
        request = request.header("X-Coder-Bypass-Ratelimit", "true");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    }
}
