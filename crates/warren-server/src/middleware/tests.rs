use axum::{Router, body::Body, routing::get};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

use super::*;

async fn bad() -> &'static str {
    panic!("a secret")
}

#[tokio::test]
async fn a_panic_ends_its_own_request_only_and_tells_nothing() {
    let router = Router::new()
        .route("/bad", get(bad))
        .route("/good", get(|| async { "good" }))
        .layer(CatchPanicLayer::custom(panicked));
    let ask = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    let (status, body) = ask("/bad").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(body.starts_with("{\"message\":") && !body.contains("secret"), "{body}");
    assert_eq!(ask("/good").await, (StatusCode::OK, String::from("good")));
}

#[test]
fn methods_of_a_clients_making_share_one_name() {
    assert_eq!(method_name(&Method::PATCH), "PATCH");
    assert_eq!(method_name(&Method::from_bytes(b"MINE").unwrap()), "(other)");
}
