use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestServer, answer};

/// A tar archive with one file, `main.tf`: a 512-byte header, the padded content and the end mark.
pub(crate) fn archive_of(content: &str) -> Vec<u8> {
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

fn archive() -> Vec<u8> {
    archive_of("")
}

fn upload(server: &TestServer, content_type: &str, body: Vec<u8>) -> RequestBuilder {
    server.request(Method::POST, "/api/v2/files").header("content-type", content_type).body(body)
}

async fn file(server: &TestServer, archive: Vec<u8>) -> Value {
    let (status, body) = answer(upload(server, "application/x-tar", archive).send().await.unwrap()).await;
    assert!(status.is_success(), "{body}");
    body["hash"].clone()
}

/// Uploads the archive and makes a version of it.
pub(crate) async fn create_version(server: &TestServer, archive: Vec<u8>) -> Value {
    let file = file(server, archive).await;
    let body = json!({"storage_method": "file", "file_id": file, "provisioner": "terraform", "tags": null});
    let (status, body) = server.post("/api/v2/organizations/default/templateversions", body).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    body
}

#[tokio::test]
async fn an_upload_is_answered_201_and_its_repetition_200() {
    let server = TestServer::with_owner().await;
    let first = upload(&server, "application/x-tar", archive()).send().await.unwrap();
    assert_eq!(first.status(), StatusCode::CREATED);
    let again = upload(&server, "application/x-tar", archive()).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    let id = file(&server, archive()).await;
    let path = format!("/api/v2/files/{}", id.as_str().unwrap());
    let stored = server.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(stored.headers()["content-type"], "application/x-tar");
    assert_eq!(stored.bytes().await.unwrap(), archive());
    let text = upload(&server, "text/plain", archive()).send().await.unwrap();
    assert_eq!(text.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_version_becomes_a_template_that_is_found_by_name() {
    let server = TestServer::with_owner().await;
    let version = create_version(&server, archive()).await;
    assert_eq!(version["job"]["type"], "template_version_import");
    assert_eq!(version["job"]["input"], json!({"template_version_id": version["id"]}));
    let body = json!({"name": "process", "template_version_id": version["id"], "description": "d"});
    let (status, template) = server.post("/api/v2/organizations/default/templates", body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{template}");
    assert_eq!(template["active_version_id"], version["id"]);
    assert_eq!(template["build_time_stats"]["start"], json!({"P50": null, "P95": null}));
    let (_, found) = server.get("/api/v2/organizations/coder/templates/Process").await;
    assert_eq!(found["id"], template["id"]);
    let path = format!("/api/v2/templates/{}", template["id"].as_str().unwrap());
    let (_, versions) = server.get(&format!("{path}/versions")).await;
    assert_eq!(versions[0]["template_id"], template["id"]);
    let name = version["name"].as_str().unwrap();
    assert_eq!(server.get(&format!("{path}/versions/{name}")).await.1["id"], version["id"]);
    let previous = format!("/api/v2/organizations/default/templates/process/versions/{name}/previous");
    assert_eq!(server.get(&previous).await.0, StatusCode::NO_CONTENT);

    let (status, refused) = server.post("/api/v2/organizations/default/templates", body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "the version belongs to a template: {refused}");
    let fresh = create_version(&server, archive()).await;
    let body = json!({"name": "process", "template_version_id": fresh["id"]});
    let (status, refused) = server.post("/api/v2/organizations/default/templates", body).await;
    assert_eq!((status, &refused["validations"][0]["field"]), (StatusCode::CONFLICT, &json!("name")));

    let (status, changed) = server.send(Method::PATCH, &path, json!({"display_name": "Process"})).await;
    assert_eq!((status, &changed["display_name"]), (StatusCode::OK, &json!("Process")));
    assert_eq!(server.send(Method::DELETE, &path, json!({})).await.0, StatusCode::OK);
    assert_eq!(server.get(&path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn malformed_ids_and_requests_say_what_is_wrong() {
    let server = TestServer::with_owner().await;
    let (status, body) = server.get("/api/v2/templates/not-an-id").await;
    assert_eq!(
        (status, &body["validations"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("template")),
        "{body}"
    );
    let body = json!({"storage_method": "file", "provisioner": "terraform"});
    let (status, body) = server.post("/api/v2/organizations/default/templateversions", body).await;
    assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("file_id")));
    let (status, body) = server.post("/api/v2/users/me/workspaces", json!({"name": "dev"})).await;
    assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("template_id")));
    let (status, body) = server.get("/api/v2/workspaces?q=colour:red").await;
    assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("colour")));
    assert_eq!(server.get("/api/v2/workspaces?limit=-1").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(server.get("/api/v2/workspaces").await.1, json!({"workspaces": [], "count": 0}));
}
