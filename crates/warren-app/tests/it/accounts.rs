use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use chrono::TimeDelta;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use sha2::{Digest, Sha256};
use warren_app::{
    App, AppError, Origin,
    api_keys::{NewToken, TokenSearch},
    identity::PASSCODE_LIFETIME,
    now,
};
use warren_db::{
    DbError,
    entity::{api_keys, users},
    query,
};
use warren_rt::Tasks;
use warren_vocab::{UserId, UserStatus};

use crate::support::Deployment;

const PASSWORD: &str = "SomeSecurePassword!";
const OTHER_PASSWORD: &str = "AnotherGoodPassword?";

/// The stored row of the member, changed.
async fn change(deployment: &Deployment, change: impl AsyncFnOnce(&mut users::ActiveModel)) {
    let id = deployment.member.user.id;
    deployment
        .app
        .db()
        .write(async |tx| {
            let row = users::Entity::find_by_id(id).one(tx).await?.unwrap();
            let mut row = row.into_active_model();
            change(&mut row).await;
            row.update(tx).await?;
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
}

async fn member(deployment: &Deployment) -> users::Model {
    let id = UserId::from_uuid(deployment.member.user.id);
    query::users::by_id(deployment.app.db().reader(), id).await.unwrap().unwrap()
}

async fn login(app: &App, email: &str, password: &str) -> Result<String, AppError> {
    let token = app.login(&Origin::system("test"), email, password.to_owned()).await?;
    Ok(token.token.into_exposed())
}

#[tokio::test]
async fn an_account_that_nobody_uses_becomes_dormant_and_wakes_at_its_login() {
    let deployment = Deployment::new().await;
    let (app, long_ago) = (&deployment.app, now() - TimeDelta::days(91));
    let token = login(app, "bob@example.com", PASSWORD).await.unwrap();
    app.tidy_accounts().await.unwrap();
    assert_eq!(member(&deployment).await.status, "active", "it was just used");
    change(&deployment, async |row| {
        row.last_seen_at = Set(Some(long_ago));
        row.updated_at = Set(long_ago);
    })
    .await;
    app.tidy_accounts().await.unwrap();
    assert_eq!(member(&deployment).await.status, "dormant");
    app.authenticate(&token).await.unwrap();
    assert_eq!(member(&deployment).await.status, "dormant", "a request does not wake it");
    login(app, "bob@example.com", PASSWORD).await.unwrap();
    let woken = member(&deployment).await;
    assert_eq!(woken.status, "active");
    assert!(woken.last_seen_at.unwrap() > long_ago);
}

#[tokio::test]
async fn a_suspended_account_stays_suspended_whatever_happens() {
    let deployment = Deployment::new().await;
    let app = &deployment.app;
    let token = login(app, "bob@example.com", PASSWORD).await.unwrap();
    app.suspend_user(&deployment.owner, &deployment.member.user).await.unwrap();
    assert!(matches!(app.authenticate(&token).await, Err(AppError::Unauthenticated(_))));
    assert!(matches!(login(app, "bob@example.com", PASSWORD).await, Err(AppError::Unauthenticated(_))));
    change(&deployment, async |row| row.last_seen_at = Set(Some(now() - TimeDelta::days(365)))).await;
    app.tidy_accounts().await.unwrap();
    assert_eq!(member(&deployment).await.status, UserStatus::Suspended.as_str());
}

#[tokio::test]
async fn the_use_of_a_session_is_written_down_in_the_background() {
    let deployment = Deployment::new().await;
    let app = &deployment.app;
    let token = login(app, "bob@example.com", PASSWORD).await.unwrap();
    let key = app.authenticate(&token).await.unwrap().key;
    let earlier = now() - TimeDelta::hours(2);
    app.db()
        .write(async |tx| {
            let mut row = key.clone().into_active_model();
            row.last_used_at = Set(Some(earlier));
            row.expires_at = Set(key.expires_at - TimeDelta::hours(2));
            row.update(tx).await?;
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    change(&deployment, async |row| row.last_seen_at = Set(Some(earlier))).await;
    app.authenticate(&token).await.unwrap();
    let tasks = Tasks::new();
    app.start(&tasks);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        let row = query::api_keys::by_id(app.db().reader(), &key.id).await.unwrap().unwrap();
        let seen = member(&deployment).await.last_seen_at;
        if row.last_used_at > Some(earlier) && row.expires_at >= key.expires_at && seen > Some(earlier) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{row:?} {seen:?}");
        tokio::task::yield_now().await;
    }
    tasks.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_session_is_found_while_nothing_can_be_written() {
    let deployment = Deployment::new().await;
    let app = &deployment.app;
    let token = login(app, "bob@example.com", PASSWORD).await.unwrap();
    let key = app.authenticate(&token).await.unwrap().key;
    let old = api_keys::Model { last_used_at: Some(now() - TimeDelta::hours(2)), ..key };
    let update = async |tx: &warren_db::Tx| {
        old.clone().into_active_model().reset_all().update(tx).await?;
        Ok::<_, DbError>(())
    };
    app.db().write(update).await.unwrap();
    let tasks = Tasks::new();
    app.start(&tasks);
    // The one writer is taken for as long as this lasts; whoever waited for it would wait for ever.
    let result: Result<(), AppError> = app
        .db()
        .write(async |_| {
            let found = tokio::time::timeout(Duration::from_secs(10), app.authenticate(&token)).await;
            assert!(found.expect("it does not wait for the writer").is_ok());
            Ok(())
        })
        .await;
    result.unwrap();
    tasks.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn keys_that_ran_out_are_kept_for_a_week() {
    let deployment = Deployment::new().await;
    let (app, member) = (&deployment.app, &deployment.member);
    for (name, age) in [("old", 8), ("recent", 6)] {
        let new = NewToken { name: name.into(), ..NewToken::default() };
        app.create_token(member, &member.user, new).await.unwrap();
        let key = app.find_token(member, &member.user, name).await.unwrap();
        let expire = async |tx: &warren_db::Tx| {
            query::api_keys::expire(tx, &key.id, now() - TimeDelta::days(age)).await
        };
        app.db().write(expire).await.unwrap();
    }
    app.tidy_accounts().await.unwrap();
    let search = TokenSearch { everybody: false, expired: true };
    let left = app.list_tokens(member, &member.user, search).await.unwrap();
    let names: Vec<_> = left.iter().map(|token| token.key.token_name.as_str()).collect();
    assert_eq!(names, ["recent"]);
}

#[tokio::test]
async fn a_passcode_sets_a_password_once_and_for_twenty_minutes() {
    let deployment = Deployment::new().await;
    let app = &deployment.app;
    let origin = Origin::system("test");
    app.request_passcode(&origin, "BOB@example.com").await.unwrap();
    let asked = member(&deployment).await;
    let end = asked.one_time_passcode_expires_at.unwrap();
    assert!(asked.hashed_one_time_passcode.is_some());
    let off = end - (app.now() + PASSCODE_LIFETIME);
    assert!(off.abs() < TimeDelta::minutes(1), "{end}");
    // The passcode itself is nowhere, so the test puts one of its own in its place.
    let known = Sha256::digest(b"passcode").to_vec();
    change(&deployment, async |row| row.hashed_one_time_passcode = Set(Some(known))).await;
    let token = login(app, "bob@example.com", PASSWORD).await.unwrap();
    let set = async |passcode: &str, password: &str| {
        app.change_password_with_passcode(&origin, "bob@example.com", passcode, password.into()).await
    };
    assert!(matches!(set("wrong", OTHER_PASSWORD).await, Err(AppError::Invalid(_))));
    assert!(matches!(set("passcode", "weak").await, Err(AppError::Invalid(_))));
    assert!(matches!(set("passcode", PASSWORD).await, Err(AppError::Invalid(_))), "it is the old one");
    set("passcode", OTHER_PASSWORD).await.unwrap();
    assert!(app.authenticate(&token).await.is_err(), "every session has ended");
    login(app, "bob@example.com", OTHER_PASSWORD).await.unwrap();
    assert!(set("passcode", PASSWORD).await.is_err(), "it worked once");

    app.request_passcode(&origin, "bob@example.com").await.unwrap();
    let known = Sha256::digest(b"passcode").to_vec();
    change(&deployment, async |row| {
        row.hashed_one_time_passcode = Set(Some(known));
        row.one_time_passcode_expires_at = Set(Some(now() - TimeDelta::seconds(1)));
    })
    .await;
    assert!(set("passcode", PASSWORD).await.is_err(), "it is too late");
}

#[tokio::test]
async fn an_older_password_hash_is_replaced_at_the_login() {
    let deployment = Deployment::new().await;
    let mut derived = [0; 64];
    let rounds = std::num::NonZeroU32::new(65_535).unwrap();
    let salt = b"0123456789abcdef";
    ring::pbkdf2::derive(
        ring::pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        salt,
        OTHER_PASSWORD.as_bytes(),
        &mut derived,
    );
    let encode = |bytes: &[u8]| BASE64_STANDARD_NO_PAD.encode(bytes);
    let hash = format!("$pbkdf2-sha256$65535${}${}", encode(salt), encode(&derived));
    change(&deployment, async |row| row.hashed_password = Set(hash)).await;
    assert!(login(&deployment.app, "bob@example.com", PASSWORD).await.is_err());
    assert!(member(&deployment).await.hashed_password.starts_with("$pbkdf2"));
    login(&deployment.app, "bob@example.com", OTHER_PASSWORD).await.unwrap();
    assert!(member(&deployment).await.hashed_password.starts_with("$argon2id$"));
    login(&deployment.app, "bob@example.com", OTHER_PASSWORD).await.unwrap();
}
