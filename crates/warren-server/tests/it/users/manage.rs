use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::people::{Person, account, call, fields, keys_of, login};
use crate::support::{EMAIL, PASSWORD, TestServer};

const OTHER_PASSWORD: &str = "AnotherGoodPassword?";

#[tokio::test]
async fn a_new_account_has_the_fields_that_clients_read() {
    let server = TestServer::with_owner().await;
    let body = account(&server, "bob").await;
    let (status, user) = server.post("/api/v2/users", body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{user}");
    let expected = json!({
        "id": user["id"], "username": "bob", "name": "", "avatar_url": "", "email": "bob@example.com",
        "created_at": user["created_at"], "updated_at": user["updated_at"],
        "last_seen_at": "0001-01-01T00:00:00Z", "status": "dormant", "login_type": "password",
        "organization_ids": body["organization_ids"], "roles": [], "has_ai_seat": true,
    });
    assert_eq!(user, expected);
    assert_eq!(server.get("/api/v2/users/BOB").await, (StatusCode::OK, expected.clone()));
    let by_id = format!("/api/v2/users/{}", user["id"].as_str().unwrap());
    assert_eq!(server.get(&by_id).await, (StatusCode::OK, expected));

    login(&server, "BOB@EXAMPLE.COM", PASSWORD).await;
    let (_, user) = server.get("/api/v2/users/bob").await;
    assert_eq!(user["status"], "active", "the first login wakes the account");
    assert_ne!(user["last_seen_at"], "0001-01-01T00:00:00Z");
}

#[tokio::test]
async fn names_and_addresses_are_taken_whatever_their_case() {
    let server = TestServer::with_owner().await;
    assert_eq!(server.post("/api/v2/users", account(&server, "bob").await).await.0, StatusCode::CREATED);
    let mut same_name = account(&server, "BOB").await;
    same_name["email"] = json!("other@example.com");
    let (status, body) = server.post("/api/v2/users", same_name).await;
    assert_eq!((status, fields(&body)), (StatusCode::CONFLICT, vec!["username"]), "{body}");
    let mut same_email = account(&server, "carol").await;
    same_email["email"] = json!("Bob@Example.com");
    let (status, body) = server.post("/api/v2/users", same_email).await;
    assert_eq!((status, fields(&body)), (StatusCode::CONFLICT, vec!["email"]), "{body}");
    // Letters beyond ASCII count as well, on both databases.
    let mut unicode = account(&server, "dora").await;
    unicode["email"] = json!("DÖRA@example.com");
    unicode["name"] = json!("  Дора 👩‍💻 ");
    let (status, user) = server.post("/api/v2/users", unicode.clone()).await;
    assert_eq!((status, &user["name"]), (StatusCode::CREATED, &json!("Дора 👩‍💻")), "{user}");
    unicode["username"] = json!("dora2");
    unicode["email"] = json!("döra@EXAMPLE.com");
    assert_eq!(server.post("/api/v2/users", unicode).await.0, StatusCode::CONFLICT);
    login(&server, "Döra@example.com", PASSWORD).await;
}

#[tokio::test]
async fn two_creations_of_one_name_at_the_same_time_make_one_account() {
    let server = TestServer::with_owner().await;
    let body = account(&server, "bob").await;
    let create = || server.post("/api/v2/users", body.clone());
    let (one, two, three) = tokio::join!(create(), create(), create());
    let mut statuses = [one.0, two.0, three.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::CONFLICT, StatusCode::CONFLICT]);
}

#[tokio::test]
async fn two_first_users_at_the_same_time_make_one_owner() {
    let server = TestServer::empty().await;
    let create = |name: &str| {
        let body = json!({"email": format!("{name}@example.com"), "username": name, "password": PASSWORD});
        server.post("/api/v2/users/first", body)
    };
    let (one, two) = tokio::join!(create("ada"), create("bob"));
    let mut statuses = [one.0, two.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::CONFLICT], "{} {}", one.1, two.1);
}

#[tokio::test]
async fn what_does_not_fit_an_account_is_named() {
    let server = TestServer::with_owner().await;
    let good = account(&server, "bob").await;
    let long = "x".repeat(33);
    let long_name = "x".repeat(129);
    let long_email = format!("{}@example.com", "x".repeat(250));
    for (field, value) in [
        ("email", json!("nobody")),
        ("email", json!("")),
        ("email", json!(long_email)),
        ("username", json!("a b")),
        ("username", json!("größe")),
        ("username", json!("me")),
        ("username", json!(long)),
        ("username", json!("")),
        ("name", json!(long_name)),
        ("password", json!("short")),
        ("password", json!("")),
        ("password", json!("x9!Kq2#vT".repeat(8))),
        ("organization_ids", json!([])),
        ("organization_ids", json!(null)),
        ("roles", json!(["king"])),
        ("login_type", json!("token")),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let (status, answer) = server.post("/api/v2/users", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field} {value}: {answer}");
        assert_eq!(fields(&answer), [field], "{value}: {answer}");
    }
    for (field, value) in [
        ("login_type", json!("ldap")),
        ("user_status", json!("gone")),
        ("organization_ids", json!(["x"])),
        ("username", json!(1)),
    ] {
        let mut body = good.clone();
        body[field] = value.clone();
        let (status, answer) = server.post("/api/v2/users", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field} {value}: {answer}");
    }
    let mut elsewhere = good.clone();
    elsewhere["organization_ids"] = json!(["3f2a7bd0-0000-4000-8000-000000000001"]);
    let (status, answer) = server.post("/api/v2/users", elsewhere).await;
    assert!(status == StatusCode::BAD_REQUEST || status == StatusCode::NOT_FOUND, "{status} {answer}");
    assert_eq!(server.get("/api/v2/users").await.1["count"], 1, "nothing was made");
}

#[tokio::test]
async fn accounts_without_password_sign_in_another_way() {
    let server = TestServer::with_owner().await;
    for login_type in ["none", "oidc", "github"] {
        let mut body = account(&server, login_type).await;
        body["login_type"] = json!(login_type);
        let (status, answer) = server.post("/api/v2/users", body.clone()).await;
        assert_eq!((status, fields(&answer)), (StatusCode::BAD_REQUEST, vec!["password"]), "{answer}");
        body["password"] = json!("");
        let (status, user) = server.post("/api/v2/users", body).await;
        assert_eq!((status, &user["login_type"]), (StatusCode::CREATED, &json!(login_type)), "{user}");
        let login = json!({"email": user["email"], "password": ""});
        let (status, answer) = call(&server, "", Method::POST, "/api/v2/users/login", login).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
    }
    // A program's account has no address, and there can be several of them.
    for name in ["robot", "robot2"] {
        let mut body = account(&server, name).await;
        body["service_account"] = json!(true);
        body["email"] = json!("");
        body["password"] = json!("");
        let (status, user) = server.post("/api/v2/users", body).await;
        assert_eq!(status, StatusCode::CREATED, "{user}");
        assert_eq!((&user["is_service_account"], &user["login_type"]), (&json!(true), &json!("none")));
        assert_eq!(user["status"], "active");
    }
}

#[tokio::test]
async fn only_who_manages_users_manages_users() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let manager = Person::new(&server, "mia", &["user-admin"]).await;
    let (status, answer) = bob.post("/api/v2/users", account(&server, "carl").await).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    assert_eq!(bob.get("/api/v2/users/ada").await.0, StatusCode::NOT_FOUND);
    assert_eq!(bob.get("/api/v2/users/bob").await.0, StatusCode::OK);
    for (method, path) in [
        (Method::DELETE, "/api/v2/users/ada"),
        (Method::PUT, "/api/v2/users/ada/status/suspend"),
        (Method::PUT, "/api/v2/users/ada/status/activate"),
    ] {
        let (status, answer) = bob.call(method, path, json!({})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {answer}");
    }
    let (status, user) = manager.post("/api/v2/users", account(&server, "carl").await).await;
    assert_eq!(status, StatusCode::CREATED, "{user}");
    // Who manages users must not become an owner by doing so.
    let mut owner = account(&server, "eve").await;
    owner["roles"] = json!(["owner"]);
    assert_eq!(manager.post("/api/v2/users", owner).await.0, StatusCode::FORBIDDEN);
    let password = json!({"password": OTHER_PASSWORD});
    assert_eq!(manager.put("/api/v2/users/ada/password", password.clone()).await.0, StatusCode::FORBIDDEN);
    let profile = json!({"username": "mallory", "name": ""});
    assert_eq!(manager.put("/api/v2/users/ada/profile", profile).await.0, StatusCode::FORBIDDEN);
    assert_eq!(manager.delete("/api/v2/users/ada").await.0, StatusCode::FORBIDDEN);
    assert_eq!(manager.put("/api/v2/users/bob/password", password).await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_profile_is_changed_by_its_account() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let (status, user) =
        bob.put("/api/v2/users/me/profile", json!({"username": "Rob", "name": " Rob R. "})).await;
    assert_eq!(status, StatusCode::OK, "{user}");
    assert_eq!((&user["username"], &user["name"]), (&json!("Rob"), &json!("Rob R.")));
    let (status, answer) = bob.put("/api/v2/users/me/profile", json!({"username": "ADA", "name": ""})).await;
    assert_eq!((status, fields(&answer)), (StatusCode::CONFLICT, vec!["username"]), "{answer}");
    // Only the case changes: that is the same name and the same account.
    assert_eq!(bob.put("/api/v2/users/me/profile", json!({"username": "ROB"})).await.0, StatusCode::OK);
    for body in [
        json!({"username": "x".repeat(33), "name": ""}),
        json!({"username": "", "name": ""}),
        json!({"username": "rob", "name": "x".repeat(129)}),
        json!({"username": "rob", "name": "a\u{7}"}),
        json!({"name": "Rob"}),
        json!({"username": 7}),
    ] {
        let (status, answer) = bob.put("/api/v2/users/me/profile", body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
    }
}

#[tokio::test]
async fn a_suspended_account_is_out_at_once_and_back_when_activated() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let (status, user) = server.send(Method::PUT, "/api/v2/users/bob/status/suspend", Value::Null).await;
    assert_eq!((status, &user["status"]), (StatusCode::OK, &json!("suspended")), "{user}");
    let (status, answer) = bob.get("/api/v2/users/me").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(answer["message"].as_str().unwrap().contains("suspended"), "{answer}");
    let login = json!({"email": "bob@example.com", "password": PASSWORD});
    let (status, answer) = call(&server, "", Method::POST, "/api/v2/users/login", login).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer["message"], "Your account is suspended. Contact an admin to reactivate your account.");
    let (status, user) = server.send(Method::PUT, "/api/v2/users/bob/status/activate", Value::Null).await;
    assert_eq!((status, &user["status"]), (StatusCode::OK, &json!("active")));
    assert_eq!(bob.get("/api/v2/users/me").await.0, StatusCode::OK);
}

#[tokio::test]
async fn nobody_suspends_themselves_or_an_owner() {
    let server = TestServer::with_owner().await;
    let second = Person::new(&server, "bob", &["owner"]).await;
    let (status, answer) = server.send(Method::PUT, "/api/v2/users/me/status/suspend", Value::Null).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    let (status, answer) = second.put("/api/v2/users/ada/status/suspend", Value::Null).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("owner"), "{answer}");
    let (status, answer) = server.send(Method::DELETE, "/api/v2/users/me", Value::Null).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    let (status, _) = server.send(Method::PUT, "/api/v2/users/nobody/status/suspend", Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_deleted_account_leaves_its_name_and_no_key() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let (status, answer) = server.send(Method::DELETE, "/api/v2/users/bob", Value::Null).await;
    assert_eq!((status, keys_of(&answer)), (StatusCode::OK, vec!["message"]), "{answer}");
    assert_eq!(bob.get("/api/v2/users/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(server.get("/api/v2/users/bob").await.0, StatusCode::NOT_FOUND);
    assert_eq!(server.get("/api/v2/users?q=bob").await.1["count"], 0);
    assert_eq!(server.send(Method::DELETE, "/api/v2/users/bob", Value::Null).await.0, StatusCode::NOT_FOUND);
    let again = Person::new(&server, "bob", &[]).await;
    assert_ne!(again.id, bob.id);
}

#[tokio::test]
async fn two_owners_do_not_delete_each_other() {
    let server = TestServer::with_owner().await;
    let ada = Person::owner(&server).await;
    let bob = Person::new(&server, "bob", &["owner"]).await;
    let (ada_path, bob_path) = (format!("/api/v2/users/{}", ada.id), format!("/api/v2/users/{}", bob.id));
    let (one, two) = tokio::join!(ada.delete(&bob_path), bob.delete(&ada_path));
    let succeeded = [one.0, two.0].iter().filter(|status| **status == StatusCode::OK).count();
    assert_eq!(succeeded, 1, "{one:?} {two:?}");
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_every_key() {
    let server = TestServer::with_owner().await;
    let bob = Person::new(&server, "bob", &[]).await;
    let (_, token) = bob.post("/api/v2/users/me/keys/tokens", json!({})).await;
    let token = token["key"].as_str().unwrap();
    for (body, message) in [
        (json!({"password": OTHER_PASSWORD}), "Old password is incorrect."),
        (json!({"old_password": "x", "password": OTHER_PASSWORD}), "Old password is incorrect."),
        (json!({"old_password": PASSWORD, "password": PASSWORD}), "New password cannot match old password."),
        (json!({"old_password": PASSWORD, "password": "short"}), "Invalid password."),
    ] {
        let (status, answer) = bob.put("/api/v2/users/me/password", body).await;
        assert_eq!((status, &answer["message"]), (StatusCode::BAD_REQUEST, &json!(message)));
    }
    let body = json!({"old_password": PASSWORD, "password": OTHER_PASSWORD});
    assert_eq!(bob.put("/api/v2/users/me/password", body).await.0, StatusCode::NO_CONTENT);
    assert_eq!(bob.get("/api/v2/users/me").await.0, StatusCode::UNAUTHORIZED);
    let (status, _) = call(&server, token, Method::GET, "/api/v2/users/me", Value::Null).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let old = json!({"email": "bob@example.com", "password": PASSWORD});
    let (status, _) = call(&server, "", Method::POST, "/api/v2/users/login", old).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    login(&server, "bob@example.com", OTHER_PASSWORD).await;
    // An owner does not need the old one.
    let body = json!({"password": PASSWORD});
    let (status, answer) = server.send(Method::PUT, "/api/v2/users/bob/password", body).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    let own = json!({"password": OTHER_PASSWORD});
    assert_eq!(server.send(Method::PUT, "/api/v2/users/me/password", own).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_password_is_set_only_by_who_may_do_all_that_its_account_may() {
    let server = TestServer::with_owner().await;
    let manager = Person::new(&server, "manager", &["user-admin"]).await;
    Person::new(&server, "plain", &[]).await;
    Person::new(&server, "builder", &["template-admin"]).await;
    let body = || json!({"password": OTHER_PASSWORD});
    let (status, answer) = manager.put("/api/v2/users/builder/password", body()).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    assert_eq!(manager.put("/api/v2/users/plain/password", body()).await.0, StatusCode::NO_CONTENT);

    let narrow = json!({"token_name": "narrow", "scopes": ["user:read", "user:update_personal"]});
    let (status, made) = server.post("/api/v2/users/me/keys/tokens", narrow).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let token = made["key"].as_str().unwrap();
    let (status, answer) = call(&server, token, Method::PUT, "/api/v2/users/builder/password", body()).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
}

#[tokio::test]
async fn password_strength_is_told_before_it_matters() {
    let server = TestServer::empty().await;
    let (status, answer) =
        server.post("/api/v2/users/validate-password", json!({"password": "password"})).await;
    assert_eq!((status, keys_of(&answer)), (StatusCode::OK, vec!["details", "valid"]));
    assert_eq!(answer["valid"], false);
    assert!(!answer["details"].as_str().unwrap().is_empty());
    let good = server.post("/api/v2/users/validate-password", json!({"password": PASSWORD})).await;
    assert_eq!(good, (StatusCode::OK, json!({"valid": true, "details": ""})));
    assert_eq!(server.post("/api/v2/users/validate-password", json!({})).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_passcode_request_says_nothing_about_accounts() {
    let server = TestServer::with_owner().await;
    for email in [EMAIL, "nobody@example.com", ""] {
        let (status, answer) = server.post("/api/v2/users/otp/request", json!({"email": email})).await;
        assert_eq!((status, answer), (StatusCode::NO_CONTENT, json!("")), "{email:?}");
    }
    for (email, passcode) in [(EMAIL, ""), (EMAIL, "wrong"), ("nobody@example.com", "wrong")] {
        let body = json!({"email": email, "password": OTHER_PASSWORD, "one_time_passcode": passcode});
        let (status, answer) = server.post("/api/v2/users/otp/change-password", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(answer["message"], "Incorrect email or one-time passcode.");
    }
    assert_eq!(server.get("/api/v2/users/me").await.0, StatusCode::OK, "the session lives on");
}
