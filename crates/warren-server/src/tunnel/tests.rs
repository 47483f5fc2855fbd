//! The tunnel through the server's sockets, and who is let through.

use axum::http::{HeaderMap, HeaderValue};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;
use warren_app::{Origin, now};
use warren_db::{DbError, Tx, entity::users};
use warren_tunnel::{ConnectError, PORT_SSH};
use warren_vocab::UserStatus;

use super::*;
use crate::{
    auth::SESSION_HEADER,
    routes::agents::fixture::{EMAIL, Fixture, PASSWORD},
};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_owner_reaches_the_agent_through_both_sockets() {
    let fixture = Fixture::new().await;
    let agent = AgentId::from_uuid(fixture.agent);
    let path = "api/v2/workspaceagents/me/tunnel";
    let accepting = node(&fixture, Identity::Agent(agent), path, &fixture.token.to_string());
    fixture.tasks.spawn("echo", async move {
        while let Some(mut incoming) = accepting.accept().await {
            let byte = incoming.stream.read_u8().await?;
            incoming.stream.write_u8(byte + 1).await?;
        }
        Ok::<(), std::io::Error>(())
    });
    let client = node(&fixture, Identity::Client, "api/v2/tunnel", &fixture.session);
    let connection = client.connect(agent, PATIENCE).await.unwrap();
    let mut stream = connection.open_stream(PORT_SSH).await.unwrap();
    stream.write_u8(41).await.unwrap();
    let answer = tokio::time::timeout(PATIENCE, stream.read_u8()).await;
    assert_eq!(answer.unwrap().unwrap(), 42);
    fixture.tasks.stop(PATIENCE).await;
}

#[tokio::test]
async fn forged_tokens_are_refused_at_both_sockets() {
    let fixture = Fixture::new().await;
    let agent = AgentId::from_uuid(fixture.agent);
    let forged = Uuid::new_v4().to_string();
    let rows = [
        (
            "api/v2/workspaceagents/me/tunnel",
            "The agent token is not valid. Rebuild the workspace to get a new one.",
        ),
        ("api/v2/tunnel", "The session token is not valid. Log in again."),
    ];
    for (path, message) in rows {
        let client = node(&fixture, Identity::Client, path, &forged);
        let error = client.connect(agent, PATIENCE).await.unwrap_err();
        assert!(matches!(error, ConnectError::ServerRefused(_)), "{path}: {error:?}");
        assert_eq!(error.to_string(), format!("the server refused the tunnel with status 401: {message}"));
    }
    fixture.tasks.stop(PATIENCE).await;
}

#[tokio::test]
async fn only_accounts_with_a_right_to_the_workspace_are_let_through() {
    let fixture = Fixture::new().await;
    let agent = AgentId::from_uuid(fixture.agent);
    let owner = rights(&fixture, &fixture.session).await;
    assert_eq!(owner.authorize(agent).await, Ok(AllowedPorts::Any));
    let nobody = "there is no such workspace agent, or you may not see it";
    assert_eq!(owner.authorize(AgentId::new()).await, Err(nobody.into()));
    let stranger = add_stranger(&fixture, &owner.session.actor.user).await;
    assert_eq!(rights(&fixture, &stranger).await.authorize(agent).await, Err(nobody.into()));
}

#[tokio::test]
async fn sessions_that_end_and_suspended_accounts_lose_their_tunnels() {
    let fixture = Fixture::new().await;
    let agent = AgentId::from_uuid(fixture.agent);
    let refusal = async |rights: &UserRights| rights.authorize(agent).await.unwrap_err();
    let kept = rights(&fixture, &fixture.session).await;
    let left = rights(&fixture, &sign_in(&fixture, EMAIL).await).await;
    assert_eq!(left.authorize(agent).await, Ok(AllowedPorts::Any));
    fixture.app.logout(&left.session).await.unwrap();
    assert!(refusal(&left).await.contains("Log in again"));
    assert_eq!(kept.authorize(agent).await, Ok(AllowedPorts::Any));

    let mut suspended = kept.session.actor.user.clone().into_active_model();
    suspended.status = Set(UserStatus::Suspended.as_str().to_owned());
    fixture.app.db().write(async |tx| Ok::<_, DbError>(suspended.clone().update(tx).await?)).await.unwrap();
    assert!(refusal(&kept).await.contains("suspended"));
}

fn node(fixture: &Fixture, identity: Identity, path: &str, token: &str) -> TunnelNode {
    let mut url = fixture.url.join(path).unwrap();
    url.set_scheme("ws").unwrap();
    let headers =
        HeaderMap::from_iter([(SESSION_HEADER.parse().unwrap(), HeaderValue::from_str(token).unwrap())]);
    let dialer = link::websocket(url, headers, &fixture.tasks);
    TunnelNode::start(NodeConfig { identity }, Arc::new(dialer), &fixture.tasks).unwrap()
}

async fn rights(fixture: &Fixture, token: &str) -> UserRights {
    let session = fixture.app.authenticate(token).await.unwrap();
    UserRights { app: fixture.app.clone(), session }
}

async fn sign_in(fixture: &Fixture, email: &str) -> String {
    fixture.app.login(&Origin::system("test"), email, PASSWORD.into()).await.unwrap().token.into_exposed()
}

/// Adds an account without rights that has the same password, and signs it in.
async fn add_stranger(fixture: &Fixture, like: &users::Model) -> String {
    let email = "bob@example.com";
    let row = users::Model {
        id: Uuid::new_v4(),
        email: email.into(),
        username: "bob".into(),
        roles: serde_json::json!([]),
        created_at: now(),
        ..like.clone()
    };
    let insert = async |tx: &Tx| {
        users::Entity::insert(row.clone().into_active_model()).exec(tx).await?;
        Ok::<_, DbError>(())
    };
    fixture.app.db().write(insert).await.unwrap();
    sign_in(fixture, email).await
}
