use axum::http::Request;

use super::*;

fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn tokens_are_looked_for_in_the_documented_order() {
    let everywhere = [
        ("cookie", "coder_session_token=cookie"),
        ("coder-session-token", "header"),
        ("authorization", "Bearer bearer"),
    ];
    let uri = "/x?coder_session_token=query&access_token=late";
    let token = |uri: &str, headers: &[(&str, &str)]| {
        find_token(&parts("GET", uri, headers)).map(|found| found.token)
    };
    assert_eq!(token(uri, &everywhere).as_deref(), Some("cookie"));
    assert_eq!(token(uri, &everywhere[1..]).as_deref(), Some("query"));
    assert_eq!(token("/x?access_token=late", &everywhere[1..]).as_deref(), Some("header"));
    assert_eq!(token("/x?access_token=late", &everywhere[2..]).as_deref(), Some("bearer"));
    assert_eq!(token("/x?access_token=late", &[]).as_deref(), Some("late"));
    assert_eq!(token("/x", &[]), None);
}

#[test]
fn only_pages_of_this_server_may_change_things_with_the_cookie() {
    let access_url = Url::parse("https://warren.example").unwrap();
    let refused = |method: &str, headers: &[(&str, &str)]| {
        refuse_cross_origin(&parts(method, "/x", headers), "token", &access_url).is_err()
    };
    assert!(refused("POST", &[("origin", "https://evil.example"), ("host", "warren.example")]));
    assert!(refused("POST", &[("sec-fetch-site", "cross-site")]));
    assert!(refused("GET", &[("origin", "https://evil.example"), ("upgrade", "websocket")]));
    assert!(refused("POST", &[("origin", "null"), ("host", "warren.example")]));
    assert!(!refused("GET", &[("origin", "https://evil.example")]));
    assert!(!refused("POST", &[("origin", "https://warren.example")]));
    assert!(!refused("POST", &[("origin", "http://localhost:3000"), ("host", "localhost:3000")]));
    assert!(!refused("POST", &[("sec-fetch-site", "same-origin")]));
    assert!(!refused("POST", &[]));
    let evil = ("origin", "https://evil.example");
    assert!(!refused("POST", &[evil, ("coder-session-token", "token")]));
    assert!(refused("POST", &[evil, ("coder-session-token", "another")]));
    assert!(!refused("POST", &[evil, ("authorization", "Bearer any")]));
    assert!(refused("POST", &[evil, ("authorization", "Basic any")]));
    let in_query = |token: &str| {
        let uri = format!("/x?coder_session_token={token}");
        refuse_cross_origin(&parts("POST", &uri, &[evil]), "token", &access_url).is_err()
    };
    assert!(!in_query("token") && in_query("another"));
}
