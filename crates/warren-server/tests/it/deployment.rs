use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use warren_api::entitlements::FEATURES;

use crate::support::TestServer;

#[tokio::test]
async fn every_page_may_measure_the_latency_and_no_other_route_is_open() {
    let server = TestServer::empty().await;
    for (method, status) in [(Method::GET, StatusCode::OK), (Method::OPTIONS, StatusCode::NO_CONTENT)] {
        let request = server.request(method, "/latency-check").header("Origin", "https://other.example");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(response.headers()["timing-allow-origin"], "*");
    }
    let request = server.request(Method::GET, "/api/v2/buildinfo").header("Origin", "https://other.example");
    let response = request.send().await.unwrap();
    assert!(!response.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn everything_is_entitled_and_on_except_what_restricts() {
    let server = TestServer::empty().await;
    let (status, body) = server.get("/api/v2/entitlements").await;
    assert_eq!((status, body["has_license"].as_bool()), (StatusCode::OK, Some(true)));
    let features = body["features"].as_object().unwrap();
    assert_eq!(features.len(), FEATURES.len());
    for (name, feature) in features {
        assert_eq!(feature["entitlement"], "entitled", "{name}");
        assert_eq!(feature["enabled"], json!(name != "browser_only"), "{name}");
    }
    assert_eq!((&body["warnings"], &body["errors"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn the_appearance_is_kept_and_its_old_form_is_understood() {
    let server = TestServer::with_owner().await;
    let (status, body) = server.get("/api/v2/appearance").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&body["application_name"], &body["announcement_banners"]), (&json!(""), &json!([])));
    assert_eq!(body["service_banner"], json!({"enabled": false}));
    let banner = json!({"enabled": true, "message": "Back at noon", "background_color": "#0b5fff"});
    let request = json!({"application_name": "Ours", "logo_url": "", "service_banner": banner,
        "announcement_banners": null});
    assert_eq!(server.send(Method::PUT, "/api/v2/appearance", request).await.0, StatusCode::OK);
    let body = server.get("/api/v2/appearance").await.1;
    assert_eq!((&body["application_name"], &body["service_banner"]), (&json!("Ours"), &banner));
    assert_eq!(body["announcement_banners"], json!([banner]));
    let wrong = json!({"logo_url": "javascript:alert(1)"});
    let (status, body) = server.send(Method::PUT, "/api/v2/appearance", wrong).await;
    assert_eq!((status, &body["validations"][0]["field"]), (StatusCode::BAD_REQUEST, &json!("logo_url")));
}

#[tokio::test]
async fn clients_learn_regions_experiments_and_updates_without_the_internet() {
    let server = TestServer::owned(|config| {
        config.http.wildcard_access_url = String::from("*.apps.example.com");
        config.ssh.config_options = vec![String::from("ServerAliveInterval=30")];
    })
    .await;
    let (status, body) = server.get("/api/v2/regions").await;
    assert_eq!((status, body["regions"].as_array().unwrap().len()), (StatusCode::OK, 1));
    let region = &body["regions"][0];
    assert_eq!((&region["name"], &region["healthy"]), (&json!("primary"), &json!(true)));
    assert_eq!(region["path_app_url"], server.server.url().as_str());
    assert_eq!(region["wildcard_hostname"], "*.apps.example.com");
    assert_eq!(server.get("/api/v2/experiments").await, (StatusCode::OK, json!([])));
    assert_eq!(server.get("/api/v2/experiments/available").await.1, json!({"safe": []}));
    let (status, body) = server.get("/api/v2/updatecheck").await;
    assert_eq!((status, &body["current"]), (StatusCode::OK, &json!(true)));
    assert_eq!(body["version"], server.get("/api/v2/buildinfo").await.1["version"]);
    let ssh = server.get("/api/v2/deployment/ssh").await.1;
    assert_eq!(ssh["ssh_config_options"], json!({"ServerAliveInterval": "30"}));
}

#[tokio::test]
async fn administrators_see_the_settings_without_secrets_and_the_counts() {
    let server = TestServer::owned(|config| {
        config.oidc.client_secret = String::from("hunter2").into();
        config.rate_limit.api_per_minute = 4096;
    })
    .await;
    let (status, body) = server.get("/api/v2/deployment/config").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!body.to_string().contains("hunter2"));
    let options = body["options"].as_array().unwrap();
    let option = |flag: &str| options.iter().find(|option| option["flag"] == flag).unwrap();
    let limit = option("api-rate-limit");
    assert_eq!((&limit["env"], &limit["value"]), (&json!("CODER_API_RATE_LIMIT"), &json!(4096)));
    assert_eq!(option("oidc-client-secret")["annotations"]["secret"], "true");
    assert!(body["config"].is_object());
    let (status, body) = server.get("/api/v2/deployment/stats").await;
    assert_eq!(status, StatusCode::OK);
    let workspaces = &body["workspaces"];
    assert_eq!(
        (&workspaces["running"], &workspaces["connection_latency_ms"]["P50"]),
        (&json!(0), &json!(0.0))
    );
    assert_eq!(body["session_count"]["reconnecting_pty"], 0);
}

#[tokio::test]
async fn the_openapi_document_is_served_under_both_names() {
    let server = TestServer::empty().await;
    let (status, body) = server.get("/api/v2/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    assert!(body["paths"]["/api/v2/users/login"]["post"].is_object());
    assert_eq!(server.get("/swagger/doc.json").await.1, body);
}

#[tokio::test]
async fn reports_of_browsers_are_taken() {
    let server = TestServer::empty().await;
    let report: Value = json!({"csp-report": {"document-uri": "https://w.example/?coder_session_token=x",
        "blocked-uri": "https://evil.example/x.js", "violated-directive": "script-src"}});
    assert_eq!(server.post("/api/v2/csp/reports", report).await.0, StatusCode::OK);
    let request = server.request(Method::POST, "/api/v2/csp/reports").body("{");
    assert_eq!(request.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}
