use serde_json::{Map, json};
use warren_db::entity::audit_logs;
use warren_db_testkit::TestDatabase;
use warren_rt::Sealer;
use warren_vocab::RequestId;

use super::*;
use crate::identity::FirstUser;
use crate::now;

struct Fixture {
    app: App,
    origin: Origin,
    _database: TestDatabase,
}

const PASSWORD: &str = "correct horse battery";

impl Fixture {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let url = "http://127.0.0.1:1/".parse().unwrap();
        let app = App::new(database.database(), Sealer::from_key(&[7; 32]), url);
        let origin = Origin::request(RequestId::new(), "192.0.2.7".parse().ok(), "test", 307);
        let first = FirstUser {
            email: "ada@example.com".into(),
            username: "ada".into(),
            name: "Ada".into(),
            password: PASSWORD.into(),
        };
        app.create_first_user(&origin, first).await.unwrap();
        Self { app, origin, _database: database }
    }

    async fn log(&self) -> Vec<audit_logs::Model> {
        use sea_orm::{EntityTrait, QueryOrder};
        let query = audit_logs::Entity::find().order_by_asc(audit_logs::Column::Id);
        query.all(self.app.db().reader()).await.unwrap()
    }
}

fn arrival(subject: &str, email: &str) -> Arrival {
    Arrival {
        login_type: LoginType::Oidc,
        identity: UpstreamIdentity {
            issuer: String::from("https://idp.example"),
            subject: subject.to_owned(),
            email: email.to_owned(),
            username: String::from("grace"),
            name: String::from("Grace Hopper"),
            avatar_url: String::new(),
            groups: Vec::new(),
            roles: Vec::new(),
            organizations: Vec::new(),
            claims: Map::new(),
        },
        tokens: UpstreamTokens {
            access: String::from("the-access-token").into(),
            refresh: String::from("the-refresh-token").into(),
            lifetime: None,
        },
        ticket: None,
    }
}

fn found<'a>(log: &'a [audit_logs::Model], resource: &str, action: &str) -> Vec<&'a audit_logs::Model> {
    log.iter().filter(|row| row.resource_type == resource && row.action == action).collect()
}

#[tokio::test]
async fn a_first_sign_in_is_logged_as_account_membership_and_login_and_the_next_as_login() {
    let fixture = Fixture::new().await;
    let n_before = fixture.log().await.len();
    let person = arrival("1", "grace@example.com");
    fixture.app.upstream_login(&fixture.origin, &person).await.unwrap();
    let log = fixture.log().await[n_before..].to_vec();
    let (user, member) = (found(&log, "user", "create"), found(&log, "organization_member", "create"));
    let login = found(&log, "api_key", "login");
    assert_eq!((user.len(), member.len(), login.len(), log.len()), (1, 1, 1, 3));
    assert_eq!(user[0].diff["login_type"]["new"], "oidc");
    assert!(log.iter().all(|row| row.user_id == Some(user[0].resource_id)));
    assert!(log.iter().all(|row| row.ip.as_deref() == Some("192.0.2.7")));

    fixture.app.upstream_login(&fixture.origin, &person).await.unwrap();
    let again = fixture.log().await[n_before + 3..].to_vec();
    assert_eq!((again.len(), found(&again, "api_key", "login").len()), (1, 1));
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_status_and_the_account_that_was_aimed_at() {
    let fixture = Fixture::new().await;
    let error =
        fixture.app.upstream_login(&fixture.origin, &arrival("1", "ADA@example.com")).await.unwrap_err();
    assert!(error.to_string().contains("signs in with a password"), "{error}");
    let log = fixture.log().await;
    let refused = log.last().unwrap();
    assert_eq!((refused.resource_type.as_str(), refused.action.as_str()), ("api_key", "login"));
    assert_eq!((refused.status_code, &refused.additional_fields["login_type"]), (403, &json!("oidc")));
    assert!(refused.user_id.is_some());
}

#[tokio::test]
async fn a_change_of_the_way_of_signing_in_is_logged() {
    let fixture = Fixture::new().await;
    let user = query::users::by_username(fixture.app.db().reader(), "ada").await.unwrap().unwrap();
    let actor = fixture.app.actor(UserId::from_uuid(user.id)).await.unwrap();
    // Nothing is offered here, so the ticket is made by hand as the use case makes it.
    let state = "s".repeat(32);
    let text = json!({"purpose": "convert-login", "user": user.id, "to": "oidc", "state": state,
        "expires_at": now() + chrono::TimeDelta::minutes(1)});
    let sealed = base64::Engine::encode(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD,
        fixture.app.sealer().seal(text.to_string().as_bytes()),
    );
    let ticket = fixture.app.read_ticket(&sealed, &state, LoginType::Oidc).unwrap();
    assert!(ticket.is_some());
    assert_eq!(fixture.app.read_ticket(&sealed, &"t".repeat(32), LoginType::Oidc).unwrap(), None);
    assert_eq!(fixture.app.read_ticket(&sealed, &state, LoginType::Github).unwrap(), None);
    assert!(fixture.app.read_ticket("", &state, LoginType::Oidc).is_err());
    let arrival = Arrival { ticket, ..arrival("1", "ada@example.com") };
    fixture.app.upstream_login(&fixture.origin, &arrival).await.unwrap();
    let log = fixture.log().await;
    let converted = found(&log, "convert_login", "create");
    assert_eq!(converted.len(), 1);
    assert_eq!(converted[0].additional_fields, json!({"from": "password", "to": "oidc"}));
    let changed = query::users::by_id(fixture.app.db().reader(), actor.id()).await.unwrap().unwrap();
    assert_eq!((changed.login_type.as_str(), changed.hashed_password.as_str()), ("oidc", ""));
}

#[tokio::test]
async fn an_old_ticket_is_refused() {
    let fixture = Fixture::new().await;
    let state = "s".repeat(32);
    let text = json!({"purpose": "convert-login", "user": uuid::Uuid::new_v4(), "to": "oidc", "state": state,
        "expires_at": now() - chrono::TimeDelta::seconds(1)});
    let seal = |text: &Value| {
        let sealed = fixture.app.sealer().seal(text.to_string().as_bytes());
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, sealed)
    };
    let error = fixture.app.read_ticket(&seal(&text), &state, LoginType::Oidc).unwrap_err();
    assert!(error.to_string().contains("longer than five minutes"), "{error}");
    let mut other = text;
    other["purpose"] = json!("something-else");
    assert!(fixture.app.read_ticket(&seal(&other), &state, LoginType::Oidc).is_err());
}

#[tokio::test]
async fn tokens_are_sealed_in_the_database_and_nowhere_else() {
    let fixture = Fixture::new().await;
    let person = arrival("1", "grace@example.com");
    fixture.app.upstream_login(&fixture.origin, &person).await.unwrap();
    let reader = fixture.app.db().reader();
    let link =
        query::user_links::by_linked_id(reader, LoginType::Oidc, "https://idp.example||1").await.unwrap();
    let link = link.unwrap();
    for (sealed, plain) in
        [(&link.sealed_access_token, "the-access-token"), (&link.sealed_refresh_token, "the-refresh-token")]
    {
        assert!(!sealed.windows(plain.len()).any(|window| window == plain.as_bytes()));
        assert_eq!(fixture.app.sealer().open(sealed).unwrap(), plain.as_bytes());
    }
    let printed = format!("{person:?} {link:?} {:?}", fixture.log().await);
    assert!(!printed.contains("the-access-token") && !printed.contains("the-refresh-token"));
}
