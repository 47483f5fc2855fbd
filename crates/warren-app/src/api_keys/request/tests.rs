use super::*;
use crate::error::AppError;

const WEEK: Duration = Duration::from_secs(168 * 3600);

fn asked(new: NewToken) -> Asked {
    check(new, WEEK, TimeDelta::hours(876_600)).unwrap()
}

fn refused(new: NewToken) -> Vec<String> {
    let Err(AppError::Invalid(why)) = check(new, WEEK, TimeDelta::hours(24)) else {
        panic!("it was accepted");
    };
    why.validations.into_iter().map(|one| one.field).collect()
}

#[test]
fn what_is_left_out_is_filled_in() {
    let token = asked(NewToken::default());
    assert_eq!(token.lifetime, TimeDelta::hours(168));
    assert_eq!(token.name.len(), RANDOM_NAME_LEN);
    assert_eq!((token.scopes, token.allow_list), (vec!["coder:all".into()], vec!["*:*".into()]));
    let capped = check(NewToken::default(), WEEK, TimeDelta::hours(1)).unwrap();
    assert_eq!(capped.lifetime, TimeDelta::hours(1), "the default is not longer than the longest life");
}

#[test]
fn older_names_of_scopes_mean_the_same() {
    let token = asked(NewToken { scope: Some("application_connect".into()), ..Default::default() });
    assert_eq!(token.scopes, ["coder:application_connect"]);
    let scopes = vec!["all".into(), "workspace:read".into(), "coder:all".into()];
    assert_eq!(asked(NewToken { scopes, ..Default::default() }).scopes, ["coder:all", "workspace:read"]);
}

#[test]
fn what_is_not_allowed_is_named() {
    assert_eq!(refused(NewToken { lifetime: TimeDelta::hours(25), ..Default::default() }), ["lifetime"]);
    assert_eq!(refused(NewToken { lifetime: -TimeDelta::hours(1), ..Default::default() }), ["lifetime"]);
    assert_eq!(refused(NewToken { lifetime: TimeDelta::nanoseconds(1), ..Default::default() }), ["lifetime"]);
    let scopes = vec!["user:delete".into(), "nonsense".into(), "workspace:read".into()];
    assert_eq!(refused(NewToken { scopes, ..Default::default() }), ["scopes", "scopes"]);
    let allow_list = vec!["workspace:*".into(), "workspace".into(), "tree:*".into()];
    assert_eq!(refused(NewToken { allow_list, ..Default::default() }), ["allow_list", "allow_list"]);
    let allow_list = vec!["workspace:*".into(); 129];
    assert_eq!(refused(NewToken { allow_list, ..Default::default() }), ["allow_list"]);
    for name in [&"x".repeat(65), "a/b", " a", "a\n", "tokenconfig"] {
        assert_eq!(refused(NewToken { name: name.into(), ..Default::default() }), ["token_name"], "{name:?}");
    }
}
