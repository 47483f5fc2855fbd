use std::time::Duration;

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::{
    support::TestServer,
    templates::{archive_of, create_version},
};

pub(crate) const TEMPLATE: &str = r#"
terraform {
  required_providers {
    coder = { source = "coder/coder" }
  }
}
data "coder_workspace" "me" {}
data "coder_parameter" "colour" {
  name    = "colour"
  default = "red"
  mutable = true
}
resource "terraform_data" "thing" {
  count = data.coder_workspace.me.start_count
  input = data.coder_parameter.colour.value
}
"#;

/// Pushes the template and waits for its import.
async fn template(server: &TestServer) -> Value {
    let version = create_version(server, archive_of(TEMPLATE)).await;
    let path = format!("/api/v2/templateversions/{}", version["id"].as_str().unwrap());
    let version = server.ended(&path).await;
    assert_eq!(version["job"]["status"], "succeeded", "{version}");
    let (_, parameters) = server.get(&format!("{path}/rich-parameters")).await;
    assert_eq!((&parameters[0]["name"], &parameters[0]["default_value"]), (&json!("colour"), &json!("red")));
    let body = json!({"name": "thing", "template_version_id": version["id"]});
    let (status, template) = server.post("/api/v2/organizations/default/templates", body).await;
    assert_eq!(status, StatusCode::CREATED, "{template}");
    template
}

/// Reads frames until the workspace in one has the status.
async fn follow(server: &TestServer, workspace: &str, status: &str) {
    let url = format!("ws://{}/api/v2/workspaces/{workspace}/watch-ws", server.server.address());
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("coder-session-token", server.token.parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let reach = async {
        while let Some(frame) = socket.next().await {
            let event: Value = serde_json::from_str(frame.unwrap().to_text().unwrap()).unwrap();
            assert_eq!(event["type"], "data");
            if event["data"]["latest_build"]["status"] == status {
                return;
            }
        }
        panic!("the stream ended before the workspace was {status}");
    };
    tokio::time::timeout(Duration::from_secs(120), reach).await.expect("the status is reached in time");
}

#[tokio::test]
async fn a_workspace_lives_from_creation_to_deletion() {
    let server = TestServer::with_owner().await;
    let template = template(&server).await;
    let body = json!({"name": "dev", "template_id": template["id"],
        "rich_parameter_values": [{"name": "colour", "value": "blue"}]});
    let (status, made) = server.post("/api/v2/users/me/workspaces", body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let id = made["id"].as_str().unwrap();
    follow(&server, id, "running").await;

    let (status, taken) = server.post("/api/v2/users/me/workspaces", body).await;
    assert_eq!((status, &taken["validations"][0]["field"]), (StatusCode::CONFLICT, &json!("name")));
    let (_, running) = server.get("/api/v2/users/me/workspace/dev").await;
    assert_eq!(running["latest_build"]["build_number"], 1);
    assert_eq!(running["latest_build"]["resources"][0]["type"], "terraform_data");
    assert_eq!(running["outdated"], false);
    let build = format!("/api/v2/workspacebuilds/{}", running["latest_build"]["id"].as_str().unwrap());
    let (_, parameters) = server.get(&format!("{build}/parameters")).await;
    assert_eq!(parameters, json!([{"name": "colour", "value": "blue"}]));
    assert_eq!(server.get("/api/v2/workspaces?q=owner:me").await.1["count"], 1);

    let builds = format!("/api/v2/workspaces/{id}/builds");
    let (status, stop) = server.post(&builds, json!({"transition": "stop", "reason": "cli"})).await;
    assert_eq!((status, &stop["reason"]), (StatusCode::CREATED, &json!("cli")), "{stop}");
    let (status, _) = server.post(&builds, json!({"transition": "start"})).await;
    assert_eq!(status, StatusCode::CONFLICT, "a build is active");
    let workspace = format!("/api/v2/workspaces/{id}");
    server.until(&workspace, |now| now["latest_build"]["status"] == "stopped").await;

    let (status, _) = server.post(&builds, json!({"transition": "delete"})).await;
    assert_eq!(status, StatusCode::CREATED);
    let deleted = format!("{workspace}?include_deleted=true");
    server.until(&deleted, |now| now["latest_build"]["status"] == "deleted").await;
    assert_eq!(server.get(&workspace).await.0, StatusCode::GONE);
    assert_eq!(server.get("/api/v2/workspaces").await.1["count"], 0);
    let template = format!("/api/v2/templates/{}", template["id"].as_str().unwrap());
    assert_eq!(server.send(Method::DELETE, &template, json!({})).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_template_that_is_not_terraform_fails_its_import_with_the_place() {
    let server = TestServer::with_owner().await;
    let version = create_version(&server, archive_of("resource \"x\" {")).await;
    let path = format!("/api/v2/templateversions/{}", version["id"].as_str().unwrap());
    let version = server.ended(&path).await;
    assert_eq!(version["job"]["status"], "failed");
    assert!(version["job"]["error"].as_str().unwrap().contains("main.tf"), "{version}");
    let body = json!({"name": "broken", "template_version_id": version["id"]});
    let (_, template) = server.post("/api/v2/organizations/default/templates", body).await;
    let body = json!({"name": "dev", "template_id": template["id"]});
    let (status, body) = server.post("/api/v2/users/me/workspaces", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
}
