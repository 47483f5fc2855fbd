use warren_vocab::UserId;

use super::*;
use crate::now;
use crate::{
    Origin,
    identity::token::{NewKey, issue},
};

fn key(login_type: LoginType, age: TimeDelta) -> api_keys::Model {
    let made = now() - age;
    let origin = Origin::system("test");
    let new = NewKey::session(UserId::new(), login_type, TimeDelta::hours(24), made, &origin);
    issue(NewKey { last_used_at: Some(made), ..new }).1
}

fn noted(key: &api_keys::Model, config: &ServerConfig) -> Option<Use> {
    let uses = Uses::default();
    uses.note(key, config, now());
    let mut receiver = uses.receiver.lock().unwrap().take().unwrap();
    receiver.try_recv().ok()
}

#[test]
fn a_session_lives_on_after_an_hour_of_use_and_not_before() {
    let config = ServerConfig::default();
    assert!(noted(&key(LoginType::Password, TimeDelta::minutes(59)), &config).is_none());
    let old = key(LoginType::Password, TimeDelta::minutes(61));
    let note = noted(&old, &config).unwrap();
    assert!(note.expires_at >= old.expires_at + TimeDelta::minutes(61));
}

#[test]
fn a_token_and_a_session_that_may_not_be_refreshed_end_when_they_were_made_to_end() {
    let mut config = ServerConfig::default();
    let token = key(LoginType::Token, TimeDelta::hours(3));
    assert_eq!(noted(&token, &config).unwrap().expires_at, token.expires_at);
    config.session.disable_expiry_refresh = true;
    let session = key(LoginType::Password, TimeDelta::hours(3));
    assert_eq!(noted(&session, &config).unwrap().expires_at, session.expires_at);
}

#[test]
fn a_full_queue_makes_nobody_wait() {
    let uses = Uses::default();
    let old = key(LoginType::Password, TimeDelta::hours(2));
    for _ in 0..WAITING_MAX * 2 {
        uses.note(&old, &ServerConfig::default(), now());
    }
}
