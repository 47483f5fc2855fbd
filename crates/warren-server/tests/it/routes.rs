use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use warren_server::{PERMISSIONS, Who};

use crate::support::{TestServer, answer};

/// Method and path of every documented route.
fn documented() -> BTreeSet<(String, String)> {
    let document: Value = serde_json::from_str(&warren_server::openapi().to_json().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations = |(path, item): (&String, &Value)| {
        let methods: Vec<_> = item.as_object().unwrap().keys().cloned().collect();
        let path = path.clone();
        methods.into_iter().filter_map(move |method| {
            let known = ["get", "post", "put", "patch", "delete", "options"].contains(&method.as_str());
            known.then(|| (method.to_uppercase(), path.clone()))
        })
    };
    paths.iter().flat_map(operations).collect()
}

#[test]
fn the_permission_table_lists_exactly_the_routes() {
    let table: BTreeSet<_> =
        PERMISSIONS.iter().map(|row| (row.method.to_owned(), row.path.to_owned())).collect();
    assert_eq!(table.len(), PERMISSIONS.len(), "a route is listed twice");
    let routes = documented();
    let missing: Vec<_> = routes.difference(&table).collect();
    let stale: Vec<_> = table.difference(&routes).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "without a row: {missing:?}; rows without a route: {stale:?}"
    );
}

#[tokio::test]
async fn routes_refuse_requests_without_credentials() {
    let server = TestServer::empty().await;
    for row in PERMISSIONS.iter().filter(|row| row.who != Who::Anyone) {
        let path = fill(row.path);
        let method: Method = row.method.parse().unwrap();
        let response = server.request(method, &path).body("{}").send().await.unwrap();
        let (status, body) = answer(response).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{} {path}: {body}", row.method);
        assert!(body["message"].is_string(), "{} {path}", row.method);
    }
}

#[tokio::test]
async fn unknown_paths_are_json_under_the_api_and_the_dashboard_elsewhere() {
    let server = TestServer::empty().await;
    for path in ["/api/v2/nothing", "/api/nothing", "/api"] {
        let (status, body) = server.get(path).await;
        assert_eq!((status, body), (StatusCode::NOT_FOUND, json!({"message": "Route not found."})), "{path}");
    }
    let response = server.request(Method::GET, "/workspaces/ada/dev").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
    assert_eq!(server.get("/assets/missing.js").await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        server.send(Method::DELETE, "/api/v2/buildinfo", json!({})).await.0,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn every_response_carries_the_version_that_buildinfo_gives() {
    let server = TestServer::empty().await;
    let (status, info) = server.get("/api/v2/buildinfo/").await;
    assert_eq!(status, StatusCode::OK, "a trailing slash means the same route");
    for path in ["/healthz", "/api/v2/nothing", "/", "/api/v2/users/me"] {
        let response = server.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.headers()["x-coder-build-version"], info["version"].as_str().unwrap(), "{path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
    assert_eq!(server.get("/healthz").await.1, json!("OK"));
}

#[tokio::test]
async fn bad_bodies_say_what_is_wrong() {
    let server = TestServer::empty().await;
    let response = server.request(Method::POST, "/api/v2/users/login").body("{").send().await.unwrap();
    let (status, body) = answer(response).await;
    assert_eq!(
        (status, &body["message"]),
        (StatusCode::BAD_REQUEST, &json!("Request body must be valid JSON."))
    );
    let huge = "x".repeat(5 * 1024 * 1024);
    let response = server.request(Method::POST, "/api/v2/users/login").body(huge).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

/// Puts a value in place of each path parameter.
fn fill(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{os}" => "linux",
        "{arch}" => "amd64",
        "{user}" | "{organization}" => "x",
        segment if segment.starts_with('{') => "3f2a7bd0-0000-4000-8000-000000000001",
        segment => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}
