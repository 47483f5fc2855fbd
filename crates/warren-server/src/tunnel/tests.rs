//! The tunnel through the server's sockets, and who is let through.

use axum::http::{HeaderMap, HeaderValue};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;
use warren_app::now;
use warren_db::{Database, DbError, entity::users};
use warren_tunnel::{ConnectError, PORT_SSH};

use super::*;
use crate::{auth::SESSION_HEADER, routes::agents::fixture::Fixture};

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
    let owner = fixture.app.authenticate(&fixture.session).await.unwrap().actor.user;
    assert_eq!(rights(&fixture, owner.id).authorize(agent).await, Ok(AllowedPorts::Any));
    let nobody = "there is no such workspace agent, or you may not see it";
    assert_eq!(rights(&fixture, owner.id).authorize(AgentId::new()).await, Err(nobody.into()));
    let stranger = add_stranger(fixture.app.db(), &owner).await;
    assert_eq!(rights(&fixture, stranger).authorize(agent).await, Err(nobody.into()));
}

#[tokio::test]
async fn ended_sessions_and_suspended_accounts_lose_their_tunnels() {
    let fixture = Fixture::new().await;
    let agent = AgentId::from_uuid(fixture.agent);
    let owner = fixture.app.authenticate(&fixture.session).await.unwrap().actor.user;
    let ended: Verdict = Err("Your session has ended. Log in again.".into());
    let expired = UserRights { expires_at: Utc::now(), ..rights(&fixture, owner.id) };
    assert_eq!(expired.authorize(agent).await, ended);
    let (id, mut suspended) = (owner.id, owner.into_active_model());
    suspended.status = Set(UserStatus::Suspended.as_str().to_owned());
    fixture.app.db().write(async |tx| Ok::<_, DbError>(suspended.clone().update(tx).await?)).await.unwrap();
    assert_eq!(rights(&fixture, id).authorize(agent).await, ended);
}

fn node(fixture: &Fixture, identity: Identity, path: &str, token: &str) -> TunnelNode {
    let mut url = fixture.url.join(path).unwrap();
    url.set_scheme("ws").unwrap();
    let headers =
        HeaderMap::from_iter([(SESSION_HEADER.parse().unwrap(), HeaderValue::from_str(token).unwrap())]);
    let dialer = link::websocket(url, headers, &fixture.tasks);
    TunnelNode::start(NodeConfig { identity }, Arc::new(dialer), &fixture.tasks).unwrap()
}

fn rights(fixture: &Fixture, user: Uuid) -> UserRights {
    let expires_at = Utc::now() + Duration::from_secs(60);
    UserRights { app: fixture.app.clone(), user: UserId::from_uuid(user), expires_at }
}

async fn add_stranger(db: &Database, like: &users::Model) -> Uuid {
    let row = users::Model {
        id: Uuid::new_v4(),
        email: "bob@example.com".into(),
        username: "bob".into(),
        roles: serde_json::json!([]),
        created_at: now(),
        ..like.clone()
    };
    let id = row.id;
    db.write(async |tx| {
        users::Entity::insert(row.clone().into_active_model()).exec(tx).await?;
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    id
}
