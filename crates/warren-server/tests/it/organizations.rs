//! Organizations, members and roles over HTTP.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;
use warren_db::{DbError, query};

use crate::{
    access::{callers::add_member, objects},
    support::{TestServer, answer},
};

const ORGANIZATIONS: &str = "/api/v2/organizations";
const DEFAULT: &str = "/api/v2/organizations/default";

/// An account with a token.
struct Person {
    id: Uuid,
    token: String,
}

/// Makes an account in the default organization.
async fn person(server: &TestServer, name: &str, site: &[&str], inside: &[&str]) -> Person {
    let db = server.server.database();
    let organization = query::organizations::default(db.reader()).await.unwrap().unwrap().id;
    let user = warren_db::entity::users::Model { roles: json!(site), ..objects::user(name) };
    let id = user.id;
    let (token, key) = objects::key(id, "coder:all", false);
    let made = db.write(async |tx| {
        add_member(tx, user, organization, json!(inside)).await?;
        query::api_keys::insert(tx, key).await?;
        Ok::<_, DbError>(())
    });
    made.await.unwrap();
    Person { id, token }
}

/// Sends a request with somebody's token.
async fn as_person(
    server: &TestServer,
    person: &Person,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let url = format!("http://{}{path}", server.server.address());
    let request = server.client.request(method, url).header("coder-session-token", &person.token);
    answer(request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap())
        .await
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_organization_is_made_changed_and_deleted() {
    let server = TestServer::with_owner().await;
    let body = json!({"name": "lab", "description": "Rabbits", "icon": "/emojis/1f407.png"});
    let (status, made) = server.post(ORGANIZATIONS, body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!((&made["display_name"], &made["is_default"]), (&json!("lab"), &json!(false)));
    assert_eq!(made["default_org_member_roles"], json!(["organization-workspace-access"]));
    assert_eq!(server.post(ORGANIZATIONS, body).await.0, StatusCode::CONFLICT);
    for bad in ["", "a b", "default", "Default", "3f2a7bd000004000800000000000000a", &"x".repeat(33)] {
        let (status, answer) = server.post(ORGANIZATIONS, json!({"name": bad})).await;
        assert_eq!((status, &answer["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("name")));
    }
    assert_eq!(names(&server.get(ORGANIZATIONS).await.1), ["coder", "lab"]);
    assert_eq!(names(&server.get("/api/v2/users/me/organizations").await.1), ["coder", "lab"]);

    let lab = format!("{ORGANIZATIONS}/lab");
    let (status, changed) = server.send(Method::PATCH, &lab, json!({"display_name": "The Lab"})).await;
    assert_eq!((status, &changed["display_name"]), (StatusCode::OK, &json!("The Lab")));
    assert_eq!(changed["description"], "Rabbits");
    assert_eq!(server.send(Method::PATCH, &lab, json!({"name": "coder"})).await.0, StatusCode::CONFLICT);
    assert_eq!(server.send(Method::PATCH, &lab, json!({"name": "default"})).await.0, StatusCode::BAD_REQUEST);

    let (status, body) = server.send(Method::DELETE, &lab, json!({})).await;
    assert_eq!((status, &body["message"]), (StatusCode::OK, &json!("Organization has been deleted.")));
    assert_eq!(server.get(&lab).await.0, StatusCode::NOT_FOUND);
    assert_eq!(server.send(Method::DELETE, DEFAULT, json!({})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(server.post(ORGANIZATIONS, json!({"name": "lab"})).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn members_are_added_found_and_removed() {
    let server = TestServer::with_owner().await;
    let bob = person(&server, "bob", &[], &[]).await;
    assert_eq!(server.post(ORGANIZATIONS, json!({"name": "lab"})).await.0, StatusCode::CREATED);
    let path = format!("{ORGANIZATIONS}/lab/members/bob");
    assert_eq!(server.get(&path).await.0, StatusCode::NOT_FOUND);
    let (status, added) = server.post(&path, json!({})).await;
    assert_eq!((status, &added["roles"]), (StatusCode::OK, &json!([])));
    assert_eq!(added["user_id"], bob.id.to_string());
    assert_eq!(server.post(&path, json!({})).await.0, StatusCode::CONFLICT);

    let (_, one) = server.get(&path).await;
    assert_eq!((&one["username"], &one["email"]), (&json!("bob"), &json!("bob@example.com")));
    assert_eq!((&one["global_roles"], &one["status"]), (&json!([]), &json!("active")));
    let (_, all) = server.get(&format!("{ORGANIZATIONS}/lab/members")).await;
    let usernames: Vec<_> = all.as_array().unwrap().iter().map(|one| one["username"].clone()).collect();
    assert_eq!(usernames, ["ada", "bob"]);
    // A member sees itself only.
    let (_, seen) =
        as_person(&server, &bob, Method::GET, &format!("{ORGANIZATIONS}/lab/members"), json!({})).await;
    assert_eq!((seen.as_array().unwrap().len(), &seen[0]["username"]), (1, &json!("bob")));

    let search = async |query: &str| {
        let (status, page) = server.get(&format!("{ORGANIZATIONS}/lab/paginated-members?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let members: Vec<_> = page["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["username"].as_str().unwrap().to_owned())
            .collect();
        (members.join(" "), page["count"].as_i64().unwrap())
    };
    assert_eq!(search("limit=1").await, (String::from("ada"), 2));
    assert_eq!(search("limit=1&offset=1").await, (String::from("bob"), 2));
    assert_eq!(search("q=BO").await, (String::from("bob"), 1));
    assert_eq!(search(&format!("q=user_id:{}", bob.id)).await, (String::from("bob"), 1));
    let bad = server.get(&format!("{ORGANIZATIONS}/lab/paginated-members?q=colour:red")).await;
    assert_eq!((bad.0, &bad.1["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("colour")));

    assert_eq!(server.send(Method::DELETE, &path, json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.send(Method::DELETE, &path, json!({})).await.0, StatusCode::NOT_FOUND);
    let own = format!("{ORGANIZATIONS}/lab/members/me");
    assert_eq!(server.send(Method::DELETE, &own, json!({})).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nobody_hands_out_roles_that_their_own_do_not_cover() {
    let server = TestServer::with_owner().await;
    let bob = person(&server, "bob", &[], &[]).await;
    let user_admin = person(&server, "uma", &[], &["organization-user-admin"]).await;
    let admin = person(&server, "oda", &[], &["organization-admin"]).await;
    let site_user_admin = person(&server, "sue", &["user-admin"], &[]).await;
    let path = format!("{DEFAULT}/members/{}/roles", bob.id);
    let set = async |who: &Person, roles: Value| {
        as_person(&server, who, Method::PUT, &path, json!({ "roles": roles })).await
    };
    assert_eq!(set(&user_admin, json!(["organization-auditor"])).await.0, StatusCode::FORBIDDEN);
    let (status, body) = set(&user_admin, json!(["agents-access", "organization-member"])).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let organization = &body["organization_id"];
    let role =
        json!({"name": "agents-access", "display_name": "Agents User", "organization_id": organization});
    assert_eq!(body["roles"], json!([role]));
    assert_eq!(set(&admin, json!(["organization-auditor"])).await.0, StatusCode::OK);
    // Taking a role away needs the same right as giving it, also by removing its holder.
    assert_eq!(set(&user_admin, json!([])).await.0, StatusCode::FORBIDDEN);
    let member = format!("{DEFAULT}/members/{}", bob.id);
    let removed = as_person(&server, &user_admin, Method::DELETE, &member, json!({})).await;
    assert_eq!(removed.0, StatusCode::FORBIDDEN);
    assert_eq!(set(&admin, json!(["organization-king"])).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(set(&bob, json!(["organization-admin"])).await.0, StatusCode::FORBIDDEN);
    let own = format!("{DEFAULT}/members/me/roles");
    let own = as_person(&server, &admin, Method::PUT, &own, json!({"roles": []})).await;
    assert_eq!(own.0, StatusCode::BAD_REQUEST);

    let path = format!("/api/v2/users/{}/roles", bob.id);
    let body = json!({"roles": ["auditor", "member", "auditor"]});
    for person in [&site_user_admin, &admin] {
        let refused = as_person(&server, person, Method::PUT, &path, body.clone()).await;
        assert_eq!(refused.0, StatusCode::FORBIDDEN, "{}", refused.1);
    }
    let (status, user) = server.send(Method::PUT, &path, body).await;
    let auditor = json!([{"name": "auditor", "display_name": "Auditor"}]);
    assert_eq!((status, &user["roles"]), (StatusCode::OK, &auditor));
    let (_, held) = server.get(&path).await;
    assert_eq!(held["roles"], json!(["auditor"]));
    assert_eq!(held["organization_roles"][organization.as_str().unwrap()], json!(["organization-auditor"]));
    let unknown = server.send(Method::PUT, &path, json!({"roles": ["king"]})).await;
    assert_eq!(unknown.0, StatusCode::BAD_REQUEST);
    let own = server.send(Method::PUT, "/api/v2/users/me/roles", json!({"roles": []})).await;
    assert_eq!(own.0, StatusCode::BAD_REQUEST);
    // The audit log is open now.
    let check = json!({"checks": {"log": {"action": "read", "object": {"resource_type": "audit_log"}}}});
    let (_, answer) = as_person(&server, &bob, Method::POST, "/api/v2/authcheck", check).await;
    assert_eq!(answer, json!({"log": true}));
}

#[tokio::test]
async fn a_custom_role_gives_what_it_says_until_it_is_deleted() {
    let server = TestServer::with_owner().await;
    let bob = person(&server, "bob", &[], &[]).await;
    let admin = person(&server, "oda", &[], &["organization-admin"]).await;
    let path = format!("{DEFAULT}/members/roles");
    let permission = |resource: &str, action: &str| json!({"resource_type": resource, "action": action});
    let role = |permissions: Value| {
        json!({"name": "Curator", "display_name": "Curator of templates",
        "organization_permissions": permissions})
    };
    let draft = role(json!([permission("template", "update")]));
    assert_eq!(as_person(&server, &bob, Method::POST, &path, draft.clone()).await.0, StatusCode::FORBIDDEN);
    let (status, made) = as_person(&server, &admin, Method::POST, &path, draft.clone()).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    assert_eq!(
        made["organization_permissions"],
        json!([{"negate": false, "resource_type": "template", "action": "update"}])
    );
    assert_eq!(as_person(&server, &admin, Method::POST, &path, draft).await.0, StatusCode::CONFLICT);
    // No permission that its maker does not have, no wildcards, no negative ones, nothing unknown.
    for (permissions, status) in [
        (json!([permission("workspace", "ssh")]), StatusCode::FORBIDDEN),
        (json!([permission("template", "*")]), StatusCode::BAD_REQUEST),
        (json!([permission("*", "read")]), StatusCode::BAD_REQUEST),
        (json!([permission("template", "ssh")]), StatusCode::BAD_REQUEST),
        (json!([{"negate": true, "resource_type": "template", "action": "read"}]), StatusCode::BAD_REQUEST),
    ] {
        let (actual, body) = as_person(&server, &admin, Method::PUT, &path, role(permissions)).await;
        assert_eq!(actual, status, "{body}");
    }
    for name in ["organization-admin", "organization-x", "owner", "a b"] {
        let (status, _) = server.post(&path, json!({ "name": name })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name}");
    }
    let site = json!({"name": "king", "site_permissions": [permission("user", "read")]});
    assert_eq!(server.post(&path, site).await.0, StatusCode::BAD_REQUEST);

    let (_, roles) = server.get(&path).await;
    let own = roles.as_array().unwrap().iter().find(|one| one["name"] == "Curator").unwrap();
    assert_eq!((&own["assignable"], &own["built_in"]), (&json!(true), &json!(false)));
    let (_, roles) = as_person(&server, &bob, Method::GET, &path, json!({})).await;
    assert!(roles.as_array().unwrap().iter().all(|one| one["assignable"] == json!(false)));

    let organization = server.get(DEFAULT).await.1["id"].clone();
    let question = json!({"checks": {"edit": {"action": "update",
        "object": {"resource_type": "template", "organization_id": organization}}}});
    let may_edit = async || {
        let (_, answer) = as_person(&server, &bob, Method::POST, "/api/v2/authcheck", question.clone()).await;
        answer["edit"].as_bool().unwrap()
    };
    assert!(!may_edit().await);
    let holder = format!("{DEFAULT}/members/{}/roles", bob.id);
    let (status, member) = server.send(Method::PUT, &holder, json!({"roles": ["Curator"]})).await;
    assert_eq!(
        (status, &member["roles"][0]["display_name"]),
        (StatusCode::OK, &json!("Curator of templates"))
    );
    assert!(may_edit().await);
    let gone = format!("{path}/curator");
    assert_eq!(server.send(Method::DELETE, &gone, json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(server.send(Method::DELETE, &gone, json!({})).await.0, StatusCode::NOT_FOUND);
    assert!(!may_edit().await);
    // A new role of the same name does not come to those who held the old one.
    let again = role(json!([permission("template", "update")]));
    assert_eq!(server.post(&path, again).await.0, StatusCode::OK);
    assert!(!may_edit().await);
}

#[tokio::test]
async fn default_roles_reach_every_member_and_only_those_may_set_them_who_may_give_them() {
    let server = TestServer::with_owner().await;
    let bob = person(&server, "bob", &[], &[]).await;
    let question = json!({"checks": {
        "workspace": {"action": "create", "object": {"resource_type": "workspace", "owner_id": "me", "any_org": true}},
        "chat": {"action": "create", "object": {"resource_type": "chat", "owner_id": "me", "any_org": true}},
    }});
    let answers =
        async || as_person(&server, &bob, Method::POST, "/api/v2/authcheck", question.clone()).await.1;
    assert_eq!(answers().await, json!({"workspace": true, "chat": false}));
    let set = async |roles: Value| {
        server.send(Method::PATCH, DEFAULT, json!({ "default_org_member_roles": roles })).await
    };
    let (status, body) = set(json!(["agents-access"])).await;
    assert_eq!((status, &body["default_org_member_roles"]), (StatusCode::OK, &json!(["agents-access"])));
    assert_eq!(answers().await, json!({"workspace": false, "chat": true}));
    assert_eq!(set(json!(["king"])).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn sharing_settings_are_read_and_changed() {
    let server = TestServer::with_owner().await;
    let bob = person(&server, "bob", &[], &[]).await;
    let path = format!("{DEFAULT}/settings/workspace-sharing");
    let everyone = json!({"sharing_globally_disabled": false, "sharing_disabled": false,
        "shareable_workspace_owners": "everyone"});
    assert_eq!(server.get(&path).await, (StatusCode::OK, everyone.clone()));
    let (_, off) = server.send(Method::PATCH, &path, json!({"sharing_disabled": true})).await;
    assert_eq!(
        (&off["sharing_disabled"], &off["shareable_workspace_owners"]),
        (&json!(true), &json!("none"))
    );
    let services = json!({"shareable_workspace_owners": "service_accounts"});
    let (_, body) = server.send(Method::PATCH, &path, services).await;
    assert_eq!(body["sharing_disabled"], false);
    let bad = server.send(Method::PATCH, &path, json!({"shareable_workspace_owners": "me"})).await;
    assert_eq!(bad.0, StatusCode::BAD_REQUEST);
    let refused = as_person(&server, &bob, Method::PATCH, &path, json!({"sharing_disabled": true})).await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn questions_about_rights_look_objects_up_and_reveal_nothing() {
    let server = TestServer::with_owner().await;
    let bob = person(&server, "bob", &[], &[]).await;
    let me = server.get("/api/v2/users/me").await.1["id"].clone();
    let ask = async |who: Option<&Person>, action: &str, object: Value| {
        let body = json!({"checks": {"x": {"action": action, "object": object}}});
        match who {
            Some(person) => as_person(&server, person, Method::POST, "/api/v2/authcheck", body).await,
            None => server.post("/api/v2/authcheck", body).await,
        }
    };
    let ada = json!({"resource_type": "user", "resource_id": me});
    assert_eq!(ask(None, "read", ada.clone()).await, (StatusCode::OK, json!({"x": true})));
    assert_eq!(ask(Some(&bob), "read", ada).await, (StatusCode::OK, json!({"x": false})));
    // What the question claims about an existing object does not count.
    let claimed = json!({"resource_type": "user", "resource_id": me, "owner_id": "me"});
    assert_eq!(ask(Some(&bob), "update_personal", claimed).await.1, json!({"x": false}));
    let nobody = json!({"resource_type": "user", "resource_id": Uuid::new_v4()});
    assert_eq!(ask(None, "read", nobody).await.1, json!({"x": false}));
    for object in [
        json!({}),
        json!({"resource_type": "rocket"}),
        json!({"resource_type": "user", "owner_id": "bob"}),
        json!({"resource_type": "user", "resource_id": "1"}),
    ] {
        let (status, body) = ask(None, "read", object).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
    let scopes = server.client.get(format!("http://{}/api/v2/auth/scopes", server.server.address()));
    let (status, body) = answer(scopes.send().await.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body["external"].as_array().unwrap().contains(&json!("coder:workspaces.access")));
}

#[tokio::test]
async fn owners_of_new_workspaces_are_shown_to_those_who_may_choose_them() {
    let server = TestServer::with_owner().await;
    let bob = person(&server, "bob", &[], &[]).await;
    let path = format!("{DEFAULT}/members/me/workspaces/available-users");
    let (status, users) = server.get(&format!("{path}?q=bo")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(users, json!([{"id": bob.id, "username": "bob"}]));
    assert_eq!(server.get(&format!("{path}?limit=1")).await.1.as_array().unwrap().len(), 1);
    assert_eq!(as_person(&server, &bob, Method::GET, &path, json!({})).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_with_a_narrow_scope_reaches_nothing_else() {
    let server = TestServer::with_owner().await;
    let me = server.get("/api/v2/users/me").await.1["id"].as_str().unwrap().parse().unwrap();
    let (token, key) = objects::key(me, "user:read", false);
    let db = server.server.database();
    db.write(async |tx| query::api_keys::insert(tx, key).await).await.unwrap();
    let narrow = Person { id: me, token };
    let get = async |path: &str| as_person(&server, &narrow, Method::GET, path, json!({})).await;
    assert_eq!(get(&format!("/api/v2/users/{}", narrow.id)).await.0, StatusCode::OK);
    assert_eq!(get(DEFAULT).await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(ORGANIZATIONS).await, (StatusCode::OK, json!([])));
    let made = as_person(&server, &narrow, Method::POST, ORGANIZATIONS, json!({"name": "lab"})).await;
    assert_eq!(made.0, StatusCode::FORBIDDEN);
}
