//! Several signed-in people of one server.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestServer, answer};

/// Somebody who is signed in to a server.
pub(super) struct Person<'a> {
    pub(super) server: &'a TestServer,
    pub(super) id: String,
    pub(super) token: String,
}

impl<'a> Person<'a> {
    /// The owner.
    pub(super) async fn owner(server: &'a TestServer) -> Self {
        let (_, me) = server.get("/api/v2/users/me").await;
        Self { server, id: me["id"].as_str().unwrap().to_owned(), token: server.token.clone() }
    }

    /// A new account of the default organization with site roles, signed in.
    pub(super) async fn new(server: &'a TestServer, name: &str, roles: &[&str]) -> Self {
        let mut body = account(server, name).await;
        body["roles"] = json!(roles);
        let (status, user) = server.post("/api/v2/users", body).await;
        assert_eq!(status, StatusCode::CREATED, "{user}");
        let token = login(server, &format!("{name}@example.com"), PASSWORD).await;
        Self { server, id: user["id"].as_str().unwrap().to_owned(), token }
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        call(self.server, &self.token, method, path, body).await
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::GET, path, Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::POST, path, body).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> (StatusCode, Value) {
        self.call(Method::PUT, path, body).await
    }

    pub(super) async fn delete(&self, path: &str) -> (StatusCode, Value) {
        self.call(Method::DELETE, path, Value::Null).await
    }
}

/// What a request with a token gets; `null` sends no body.
pub(super) async fn call(
    server: &TestServer,
    token: &str,
    method: Method,
    path: &str,
    body: Value,
) -> (StatusCode, Value) {
    let url = format!("http://{}{path}", server.server.address());
    let mut request = server.client.request(method, url).header("Coder-Session-Token", token);
    if !body.is_null() {
        request = request.body(body.to_string());
    }
    answer(request.send().await.unwrap()).await
}

/// The body that makes an account in the default organization.
pub(super) async fn account(server: &TestServer, name: &str) -> Value {
    let (_, organization) = server.get("/api/v2/organizations/default").await;
    json!({
        "email": format!("{name}@example.com"), "username": name, "password": PASSWORD,
        "organization_ids": [organization["id"]],
    })
}

/// Signs in with a password.
pub(super) async fn login(server: &TestServer, email: &str, password: &str) -> String {
    let body = json!({"email": email, "password": password});
    let (status, body) = call(server, "", Method::POST, "/api/v2/users/login", body).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    body["session_token"].as_str().unwrap().to_owned()
}

/// The names of the fields with complaints.
pub(super) fn fields(body: &Value) -> Vec<&str> {
    body["validations"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect()
}

/// The keys of an object, sorted.
pub(super) fn keys_of(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
