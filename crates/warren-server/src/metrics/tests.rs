use super::*;

#[test]
fn requests_are_counted_by_route_and_status() {
    let metrics = Metrics::new();
    let under_way = metrics.request();
    metrics.answered("GET", "/api/v2/users/{user}", 200, Duration::from_millis(3));
    metrics.answered("GET", "/api/v2/users/{user}", 404, Duration::from_millis(30));
    let text = metrics.text().unwrap();
    for line in [
        r#"coderd_api_requests_processed_total{code="200",method="GET",path="/api/v2/users/{user}"} 1"#,
        r#"coderd_api_requests_processed_total{code="404",method="GET",path="/api/v2/users/{user}"} 1"#,
        r#"coderd_api_request_latencies_seconds_bucket{le="0.005",method="GET",path="/api/v2/users/{user}"} 1"#,
        r#"coderd_api_request_latencies_seconds_count{method="GET",path="/api/v2/users/{user}"} 2"#,
        "coderd_api_concurrent_requests 1",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    assert!(text.contains(&format!(r#"coderd_build_info{{version="{VERSION}"}} 1"#)), "{text}");
    drop(under_way);
    assert!(metrics.text().unwrap().contains("coderd_api_concurrent_requests 0"));
}

#[test]
fn an_open_websocket_is_counted_until_it_ends() {
    let metrics = Metrics::new();
    let socket = metrics.socket();
    assert!(metrics.text().unwrap().contains("coderd_api_concurrent_websockets 1"));
    drop(socket);
    let text = metrics.text().unwrap();
    assert!(text.contains("coderd_api_concurrent_websockets 0"), "{text}");
    assert!(text.contains("coderd_api_websocket_durations_seconds_count 1"), "{text}");
}
