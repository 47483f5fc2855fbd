//! Imports and builds over HTTP, with the real Terraform.

use std::{path::PathBuf, time::Duration};

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use crate::support::{TestServer, answer};

const TEMPLATE: &str = r#"
terraform {
  required_providers {
    coder = {
      source = "coder/coder"
    }
  }
}
data "coder_workspace" "me" {}
resource "coder_agent" "main" {
  os   = "linux"
  arch = "amd64"
}
resource "terraform_data" "disk" {}
resource "terraform_data" "machine" {
  count      = data.coder_workspace.me.start_count
  depends_on = [coder_agent.main, terraform_data.disk]
  provisioner "local-exec" {
    command = "echo building ${data.coder_workspace.me.name}; SLOW"
  }
}
"#;

fn template(slow: bool) -> String {
    TEMPLATE.replace("SLOW", if slow { "exec sleep 600" } else { "true" })
}

/// A tar archive with one file.
fn archive(content: &str) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..7].copy_from_slice(b"main.tf");
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[156] = b'0';
    header[257..263].copy_from_slice(b"ustar\0");
    header[263..265].copy_from_slice(b"00");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let padding = vec![0; content.len().next_multiple_of(512) - content.len()];
    [&header[..], content.as_bytes(), &padding, &[0; 1024]].concat()
}

fn path(kind: &str, of: &Value, rest: &str) -> String {
    format!("/api/v2/{kind}/{}{rest}", of["id"].as_str().unwrap())
}

impl TestServer {
    async fn push(&self, content: &str) -> Value {
        let upload = self.request(Method::POST, "/api/v2/files").header("content-type", "application/x-tar");
        let (_, file) = answer(upload.body(archive(content)).send().await.unwrap()).await;
        let body = json!({"storage_method": "file", "file_id": file["hash"], "provisioner": "terraform", "tags": null});
        let (status, version) = self.post("/api/v2/organizations/default/templateversions", body).await;
        assert_eq!(status, StatusCode::CREATED, "{version}");
        version
    }

    async fn workspace(&self, content: &str) -> Value {
        let version = self.push(content).await;
        let imported = self.ended(&path("templateversions", &version, "")).await;
        assert_eq!(imported["job"]["status"], "succeeded", "{imported}");
        let body = json!({"name": "t", "template_version_id": version["id"]});
        let (status, template) = self.post("/api/v2/organizations/default/templates", body).await;
        assert_eq!(status, StatusCode::CREATED, "{template}");
        let body = json!({"name": "dev", "template_id": template["id"]});
        let (status, workspace) = self.post("/api/v2/users/me/workspaces", body).await;
        assert_eq!(status, StatusCode::CREATED, "{workspace}");
        workspace
    }

    async fn build(&self, workspace: &Value, transition: &str) -> Value {
        let body = json!({"transition": transition});
        let (status, build) = self.post(&path("workspaces", workspace, "/builds"), body).await;
        assert_eq!(status, StatusCode::CREATED, "{build}");
        self.ended(&path("workspacebuilds", &build, "")).await
    }

    /// Follows a log to its end and says whether the server closed it properly.
    async fn follow(&self, url: &str) -> (Vec<Value>, bool) {
        let url = format!("ws://{}{url}?follow&after=0", self.server.address());
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("Coder-Session-Token", self.token.parse().unwrap());
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut lines = vec![];
        loop {
            let message = tokio::time::timeout(Duration::from_secs(60), socket.next()).await.unwrap();
            match message {
                Some(Ok(Message::Text(text))) => lines.push(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    return (lines, frame.is_some_and(|frame| frame.code == 1000.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (lines, false),
            }
        }
    }
}

#[tokio::test]
async fn an_import_is_followed_live_and_read_again_later() {
    let server = TestServer::with_owner().await;
    let version = server.push(&template(false)).await;
    let url = path("templateversions", &version, "/logs");
    let (followed, closed) = server.follow(&url).await;
    assert!(closed, "the server says that the log has ended");
    assert_eq!(server.ended(&path("templateversions", &version, "")).await["job"]["status"], "succeeded");
    let (_, read) = server.get(&url).await;
    assert_eq!(read, Value::Array(followed.clone()));
    let ids: Vec<_> = followed.iter().map(|line| line["id"].as_i64().unwrap()).collect();
    assert!(ids.is_sorted() && !ids.is_empty());
    let stages: Vec<_> = followed.iter().map(|line| line["stage"].as_str().unwrap()).collect();
    assert!(stages.contains(&"Detecting persistent resources"), "{stages:?}");
    let (_, rest) = server.get(&format!("{url}?after={}", ids[ids.len() - 2])).await;
    assert_eq!(rest.as_array().unwrap().len(), 1);
    let (_, resources) = server.get(&path("templateversions", &version, "/resources")).await;
    let machine = resources.as_array().unwrap().iter().find(|one| one["name"] == "machine").unwrap();
    assert_eq!(machine["agents"][0]["name"], "main");
}

#[tokio::test]
async fn a_broken_template_fails_with_file_and_line() {
    let server = TestServer::with_owner().await;
    let version = server.push("resource \"terraform_data\" \"a\" {\n  input = local.nope\n}\n").await;
    let failed = server.ended(&path("templateversions", &version, "")).await;
    assert_eq!(failed["job"]["status"], "failed");
    assert!(failed["job"]["error"].as_str().unwrap().contains("main.tf line 2"), "{failed}");
}

#[tokio::test]
async fn without_terraform_the_server_starts_and_an_import_says_what_is_missing() {
    let server =
        TestServer::owned(|config| config.provisioner.terraform = Some(PathBuf::from("/nowhere/terraform")))
            .await;
    let version = server.push("").await;
    let failed = server.ended(&path("templateversions", &version, "")).await;
    let error = failed["job"]["error"].as_str().unwrap();
    assert!(error.starts_with("Terraform was not found at /nowhere/terraform"), "{error}");
}

#[tokio::test]
async fn a_workspace_is_built_stopped_and_deleted() {
    let server = TestServer::with_owner().await;
    let workspace = server.workspace(&template(false)).await;
    let url = path("workspaces", &workspace, "");
    let running = server.until(&url, |w| w["latest_build"]["status"] == "running").await;
    let build = &running["latest_build"];
    let machine = build["resources"].as_array().unwrap().iter().find(|one| one["name"] == "machine").unwrap();
    assert_eq!(machine["agents"][0]["status"], "connecting");
    let (_, resources) = server.get(&path("workspacebuilds", build, "/resources")).await;
    assert_eq!(resources.as_array().unwrap().len(), 2);
    let (lines, closed) = server.follow(&path("workspacebuilds", build, "/logs")).await;
    assert!(closed && lines.iter().any(|line| line["output"].as_str().unwrap().contains("building dev")));

    let stopped = server.build(&workspace, "stop").await;
    assert_eq!(
        (stopped["status"].as_str(), stopped["job"]["status"].as_str()),
        (Some("stopped"), Some("succeeded"))
    );
    let names: Vec<_> = stopped["resources"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["disk"]);
    let deleted = server.build(&workspace, "delete").await;
    assert_eq!(deleted["status"], "deleted", "{deleted}");
    let (_, list) = server.get("/api/v2/workspaces").await;
    assert_eq!(list["count"], 0);
}

#[tokio::test]
async fn a_running_build_is_canceled() {
    let server = TestServer::with_owner().await;
    let workspace = server.workspace(&template(true)).await;
    let build = &workspace["latest_build"];
    let logs = path("workspacebuilds", build, "/logs");
    server.until(&logs, |lines| lines.to_string().contains("building dev")).await;
    let cancel = path("workspacebuilds", build, "/cancel");
    let (status, body) = server.send(Method::PATCH, &cancel, Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let ended = server.ended(&path("workspacebuilds", build, "")).await;
    // Something had been made, so this is no clean end.
    assert_eq!(ended["job"]["status"], "failed", "{ended}");
    assert!(ended["job"]["error"].as_str().unwrap().contains("canceled"), "{ended}");
    let deleted = server.build(&workspace, "delete").await;
    assert_eq!(deleted["job"]["status"], "succeeded", "{deleted}");
}

#[tokio::test]
async fn a_build_of_a_server_that_is_gone_ends_truthfully_and_the_workspace_can_be_deleted() {
    let mut server = TestServer::with_owner().await;
    let workspace = server.workspace(&template(true)).await;
    let build = workspace["latest_build"].clone();
    let logs = path("workspacebuilds", &build, "/logs");
    server.until(&logs, |lines| lines.to_string().contains("building dev")).await;
    // No time to end anything: what runs is dropped where it stands.
    server = server.crashed().await;
    let ended = server.ended(&path("workspacebuilds", &build, "")).await;
    assert_eq!(ended["job"]["status"], "failed");
    assert!(ended["job"]["error"].as_str().unwrap().starts_with("The server "), "{ended}");
    let deleted = server.build(&workspace, "delete").await;
    assert_eq!(deleted["status"], "deleted", "{deleted}");
    let (lines, _) = server.follow(&path("workspacebuilds", &deleted, "/logs")).await;
    // The disk had been made before the end, and was known to the delete.
    assert!(lines.iter().any(|line| line["output"].as_str().unwrap().contains("terraform_data.disk: Destr")));
}

#[tokio::test]
async fn logs_of_what_is_not_there_are_not_found() {
    let server = TestServer::with_owner().await;
    let nothing = json!({"id": "00000000-0000-4000-8000-000000000000"});
    for kind in ["templateversions", "workspacebuilds"] {
        let (status, body) = server.get(&path(kind, &nothing, "/logs")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
    }
}
