use serde_json::json;

use super::*;

fn claims(value: Value) -> Claims {
    let mut claims = json!({"iss": "https://idp.example", "sub": "7"}).as_object().unwrap().clone();
    claims.extend(value.as_object().unwrap().clone());
    claims
}

fn outcome(value: Value, rules: &ClaimRules) -> Result<(String, String), IdentityError> {
    identify(claims(value), rules).map(|identity| (identity.email, identity.username))
}

#[test]
fn claims_say_who_somebody_is() {
    let field = |field: &str| ClaimRules { username_field: field.to_owned(), ..ClaimRules::default() };
    let ok = |email: &str, name: &str| Ok((email.to_owned(), name.to_owned()));
    let rules = ClaimRules::default();
    let unverified = |email: &str| Err(IdentityError::NotVerified { email: email.to_owned() });
    let no_email = Err(IdentityError::NoEmail { field: String::from("email") });
    let table = [
        (
            json!({"email": "a@x.org", "email_verified": true, "preferred_username": "ada"}),
            &rules,
            ok("a@x.org", "ada"),
        ),
        (json!({"email": "a@x.org", "email_verified": "true"}), &rules, ok("a@x.org", "a")),
        (json!({"email": "a@x.org", "email_verified": "TRUE"}), &rules, ok("a@x.org", "a")),
        (json!({"email": "a@x.org", "email_verified": "false"}), &rules, unverified("a@x.org")),
        (json!({"email": "a@x.org", "email_verified": 1}), &rules, unverified("a@x.org")),
        (json!({"email": "a@x.org", "email_verified": null}), &rules, unverified("a@x.org")),
        (json!({"email": "a@x.org"}), &rules, unverified("a@x.org")),
        (json!({"preferred_username": "b@x.org", "email_verified": true}), &rules, ok("b@x.org", "b")),
        (
            json!({"email": "nonsense", "preferred_username": "b@x.org", "email_verified": true}),
            &rules,
            ok("b@x.org", "b"),
        ),
        (json!({"preferred_username": "b", "email_verified": true}), &rules, no_email.clone()),
        (json!({"email": ["a@x.org"], "email_verified": true}), &rules, no_email.clone()),
        (json!({"email": "a b@x.org", "email_verified": true}), &rules, no_email),
        (
            json!({"email": "a@x.org", "email_verified": true, "nick": "Ada L."}),
            &field("nick"),
            ok("a@x.org", "Ada-L"),
        ),
        (
            json!({"email": "a@x.org", "email_verified": true, "preferred_username": "日本"}),
            &rules,
            ok("a@x.org", "a"),
        ),
        (json!({"email": "me@x.org", "email_verified": true}), &rules, ok("me@x.org", "user")),
    ];
    for (given, rules, expected) in table {
        assert_eq!(outcome(given.clone(), rules), expected, "{given}");
    }
}

#[test]
fn verification_can_be_ignored_and_other_fields_named() {
    let rules = ClaimRules {
        email_field: String::from("mail"),
        name_field: String::from("cn"),
        ignore_email_verified: true,
        ..ClaimRules::default()
    };
    let identity = identify(claims(json!({"mail": "a@x.org", "cn": " Ada\u{7} L "})), &rules).unwrap();
    assert_eq!((identity.email.as_str(), identity.name.as_str()), ("a@x.org", "Ada L"));
    assert_eq!(identity.linked_id(), "https://idp.example||7");
}

#[test]
fn only_allowed_domains_sign_in() {
    let domains = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    for (email, allowed, is_allowed) in [
        ("a@x.org", &[][..], true),
        ("a@X.ORG", &["x.org"][..], true),
        ("a@x.org", &["y.org", "X.org"][..], true),
        ("a@x.org", &["@x.org"][..], true),
        ("a@sub.x.org", &["x.org"][..], false),
        ("a@evilx.org", &["x.org"][..], false),
        ("a", &["x.org"][..], false),
    ] {
        assert_eq!(check_domain(email, &domains(allowed)).is_ok(), is_allowed, "{email} {allowed:?}");
    }
}

#[test]
fn lists_come_as_arrays_or_as_one_text() {
    let rules = ClaimRules {
        groups_field: String::from("groups"),
        roles_field: String::from("roles"),
        ignore_email_verified: true,
        ..ClaimRules::default()
    };
    let given =
        claims(json!({"email": "a@x.org", "groups": ["dev", "ops", "dev", 3, " "], "roles": "admin"}));
    let identity = identify(given, &rules).unwrap();
    assert_eq!(
        (identity.groups, identity.roles),
        (vec![String::from("dev"), String::from("ops")], vec![String::from("admin")])
    );
    assert!(identity.organizations.is_empty());
}

#[test]
fn a_group_can_be_required() {
    let rules = ClaimRules {
        groups_field: String::from("groups"),
        allowed_groups: vec![String::from("warren")],
        ignore_email_verified: true,
        ..ClaimRules::default()
    };
    let with = |groups: Value| outcome(json!({"email": "a@x.org", "groups": groups}), &rules);
    assert!(with(json!(["x", "warren"])).is_ok());
    assert_eq!(with(json!(["x"])), Err(IdentityError::Group));
    assert_eq!(with(Value::Null), Err(IdentityError::Group));
}

#[test]
fn user_info_wins_but_does_not_change_the_user() {
    let merged = merge(
        claims(json!({"name": "old", "email": "a@x.org"})),
        json!({"sub": "8", "iss": "https://evil.example", "name": "new"}).as_object().unwrap().clone(),
    );
    assert_eq!((merged["sub"].as_str(), merged["iss"].as_str()), (Some("7"), Some("https://idp.example")));
    assert_eq!((merged["name"].as_str(), merged["email"].as_str()), (Some("new"), Some("a@x.org")));
}

#[test]
fn pictures_are_web_addresses_only() {
    let rules = ClaimRules { ignore_email_verified: true, ..ClaimRules::default() };
    for (given, kept) in [
        ("https://x.org/a.png", "https://x.org/a.png"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
    ] {
        let identity = identify(claims(json!({"email": "a@x.org", "picture": given})), &rules).unwrap();
        assert_eq!(identity.avatar_url, kept);
    }
}

#[test]
fn claims_without_a_subject_are_refused() {
    let bare = json!({"iss": "https://idp.example"}).as_object().unwrap().clone();
    assert_eq!(identify(bare, &ClaimRules::default()), Err(IdentityError::NoSubject { claim: "sub" }));
}
