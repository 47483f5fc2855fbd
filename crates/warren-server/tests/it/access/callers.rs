//! Who calls, and the accounts and organizations behind them.

use std::net::SocketAddr;

use sea_orm::{EntityTrait, IntoActiveModel};
use serde_json::{Value, json};
use uuid::Uuid;
use warren_app::now;
use warren_db::{
    Database, DbError, Tx,
    entity::{ai_providers, chat_model_configs, organization_members, organizations, users},
    query,
};
use warren_server::Permission;
use warren_vocab::LoginType;

use super::{
    Whose,
    objects::{self, Home, Values},
};

/// What a caller brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Credentials {
    Nothing,
    Expired,
    Session,
    /// A token with this scope only.
    Scoped(&'static str),
    Agent,
}

/// A column of the table.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) credentials: Credentials,
    site: &'static [&'static str],
    /// Roles in organization A; `None` for members of B.
    inside: Option<&'static [&'static str]>,
    status: &'static str,
}

const fn session(
    name: &'static str,
    site: &'static [&'static str],
    inside: Option<&'static [&'static str]>,
) -> Caller {
    Caller { name, credentials: Credentials::Session, site, inside, status: "active" }
}

const fn with(mut caller: Caller, credentials: Credentials) -> Caller {
    caller.credentials = credentials;
    caller
}

const fn suspended(mut caller: Caller) -> Caller {
    caller.status = "suspended";
    caller
}

/// The columns.
pub(super) const CALLERS: &[Caller] = &[
    with(session("anon", &[], None), Credentials::Nothing),
    with(session("expired", &["owner"], None), Credentials::Expired),
    suspended(session("suspended", &["owner"], None)),
    with(session("agent", &[], Some(&[])), Credentials::Agent),
    session("stranger", &[], None),
    session("member", &[], Some(&[])),
    session("o-admin", &[], Some(&["organization-admin"])),
    session("o-template", &[], Some(&["organization-template-admin"])),
    session("o-user", &[], Some(&["organization-user-admin"])),
    session("o-audit", &[], Some(&["organization-auditor"])),
    session("t-admin", &["template-admin"], None),
    session("u-admin", &["user-admin"], None),
    session("auditor", &["auditor"], None),
    session("owner", &["owner"], None),
    with(session("scope", &["owner"], None), Credentials::Scoped("workspace:read")),
];

impl Caller {
    /// Whether the server knows nobody by what the caller brings along.
    pub(super) fn is_nobody(&self) -> bool {
        matches!(self.credentials, Credentials::Nothing | Credentials::Expired) || self.status == "suspended"
    }
}

/// A running server with one account per caller.
pub(super) struct World {
    pub(super) address: SocketAddr,
    pub(super) client: reqwest::Client,
    db: Database,
    homes: Vec<Home>,
    /// Somebody else, in organization A.
    other: Home,
    agent_token: String,
}

impl World {
    pub(super) async fn new(db: Database, address: SocketAddr) -> Self {
        let default = query::organizations::default(db.reader()).await.unwrap().unwrap().id;
        let elsewhere = organization("elsewhere");
        let accounts: Vec<_> = CALLERS.iter().map(account).collect();
        let other_user = objects::user("other");
        let model = Uuid::new_v4();
        let home = |(caller, user): (&Caller, &users::Model)| Home {
            user: user.id,
            organization: if caller.inside.is_some() { default } else { elsewhere.id },
            model,
        };
        let homes: Vec<_> = CALLERS.iter().zip(&accounts).map(home).collect();
        let other = Home { user: other_user.id, organization: default, model };
        let agent_token = Uuid::new_v4();
        db.write(async |tx| {
            query::organizations::insert(tx, elsewhere).await?;
            add_member(tx, other_user, default, json!(["agents-access"])).await?;
            for ((caller, user), home) in CALLERS.iter().zip(accounts).zip(&homes) {
                let roles: Vec<_> = caller.inside.unwrap_or(&[]).iter().chain(&["agents-access"]).collect();
                add_member(tx, user, home.organization, json!(roles)).await?;
            }
            add_model(tx, model).await?;
            objects::add_agent(tx, other, agent_token).await
        })
        .await
        .unwrap();
        let agent_token = agent_token.to_string();
        Self { address, client: reqwest::Client::new(), db, homes, other, agent_token }
    }

    /// Makes the objects that the route's path and body name, anew for each caller, so that no answer depends on what
    /// another caller did before.
    pub(super) async fn prepare(&self, row: &Permission, whose: Whose) -> Vec<Values> {
        let needs = objects::needs(row.method, row.path);
        let made = self.db.write(async |tx| {
            let mut list = Vec::new();
            for (caller, home) in CALLERS.iter().zip(&self.homes) {
                let owner = if whose == Whose::Own { *home } else { self.other };
                let mut values = objects::make(tx, &needs, owner, whose).await?;
                values.token = self.token(tx, caller, *home).await?;
                list.push(values);
            }
            Ok::<_, DbError>(list)
        });
        made.await.unwrap()
    }

    async fn token(&self, tx: &Tx, caller: &Caller, home: Home) -> Result<Option<String>, DbError> {
        let (scope, is_expired) = match caller.credentials {
            Credentials::Nothing => return Ok(None),
            Credentials::Agent => return Ok(Some(self.agent_token.clone())),
            Credentials::Expired => ("coder:all", true),
            Credentials::Session => ("coder:all", false),
            Credentials::Scoped(scope) => (scope, false),
        };
        let (token, key) = objects::key(home.user, scope, is_expired);
        query::api_keys::insert(tx, key).await?;
        Ok(Some(token))
    }
}

fn account(caller: &Caller) -> users::Model {
    let at = now();
    users::Model {
        roles: json!(caller.site),
        status: caller.status.to_owned(),
        ..users::Model::new(format!("{}@example.com", caller.name), caller.name, LoginType::Password, at)
    }
}

fn organization(name: &str) -> organizations::Model {
    let at = now();
    organizations::Model {
        id: Uuid::new_v4(),
        name: name.to_owned(),
        display_name: name.to_owned(),
        description: String::new(),
        icon: String::new(),
        is_default: false,
        created_at: at,
        updated_at: at,
        deleted: false,
        default_org_member_roles: json!(["organization-workspace-access"]),
        shareable_workspace_owners: String::from("everyone"),
    }
}

pub(crate) async fn add_member(
    tx: &Tx,
    user: users::Model,
    organization: Uuid,
    roles: Value,
) -> Result<(), DbError> {
    let at = now();
    let member = organization_members::Model {
        organization_id: organization,
        user_id: user.id,
        roles,
        created_at: at,
        updated_at: at,
    };
    query::users::insert(tx, user).await?;
    query::organizations::insert_member(tx, member).await
}

/// A provider that nobody answers for.
async fn add_model(tx: &Tx, id: Uuid) -> Result<(), DbError> {
    let provider = objects::provider("somewhere");
    let model = objects::model(id, provider.id);
    ai_providers::Entity::insert(provider.into_active_model()).exec_without_returning(tx).await?;
    let model = chat_model_configs::Model { is_default: true, ..model };
    chat_model_configs::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}
