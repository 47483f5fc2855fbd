//! What no client should send, to every route of the document: never a fault of the server, always the error body.
//!
//! The requests are made from the OpenAPI document, so a new route is covered by being documented.

use reqwest::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::support::{EMAIL, PASSWORD, TestServer};

mod document;

use document::{Parameter, Route, routes};

/// Longer than any name may be.
const LONG: usize = 10 * 1024;
/// More than any route takes that does not set its own limit.
const OVERSIZED: usize = 5 * 1024 * 1024;

/// A signed-in server that does not count requests.
async fn server() -> TestServer {
    TestServer::owned(|config| config.rate_limit.disable_all = true).await
}

struct Answer {
    status: StatusCode,
    text: String,
}

/// What was answered in another way than it should have been.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    /// A refusal has the error body; nothing is a fault of the server.
    fn check(&mut self, answer: &Answer, what: &str) {
        self.note(!answer.status.is_server_error(), answer, what);
        if answer.status.is_client_error() && answer.status != StatusCode::METHOD_NOT_ALLOWED {
            let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
            // Sign-in providers send people there, who get a page and no JSON.
            let is_page = what.contains("/callback ") && answer.text.starts_with("<!doctype html>");
            self.note(is_page || body["message"].is_string(), answer, &format!("{what}: no error body"));
            self.note(answer.text.len() < 10_000, answer, &format!("{what}: echoes the input"));
        }
    }

    fn refused(&mut self, answer: &Answer, what: &str) {
        self.check(answer, what);
        self.note(!answer.status.is_success(), answer, what);
    }

    fn with_status(&mut self, answer: &Answer, what: &str, status: StatusCode) {
        self.check(answer, what);
        self.note(answer.status == status, answer, &format!("{what}: expected {status}"));
    }

    fn note(&mut self, is_right: bool, answer: &Answer, what: &str) {
        if !is_right {
            let text: String = answer.text.chars().take(300).collect();
            self.0.push(format!("{what}: {} {text}", answer.status));
        }
    }

    fn report(self) {
        let n_all = self.0.len();
        let first: Vec<_> = self.0.into_iter().take(60).collect();
        assert!(first.is_empty(), "{n_all} findings:\n{}", first.join("\n"));
    }
}

async fn send(server: &mut TestServer, method: &Method, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    let answer = send_once(server, method, path, body).await;
    // Some routes end the session when they succeed; what follows is to be asked with a valid one.
    if answer.status.is_success()
        && *method != Method::GET
        && server.get("/api/v2/users/me").await.0 == StatusCode::UNAUTHORIZED
    {
        server.token = String::new();
        let login = json!({ "email": EMAIL, "password": PASSWORD });
        let (status, body) = server.post("/api/v2/users/login", login).await;
        assert_eq!(status, StatusCode::CREATED, "after {method} {path}: {body}");
        server.token = body["session_token"].as_str().unwrap().to_owned();
    }
    answer
}

async fn send_once(server: &TestServer, method: &Method, path: &str, body: impl Into<Vec<u8>>) -> Answer {
    let request = server.request(method.clone(), path).header("content-type", "application/json");
    let response = request.body(body.into()).send().await;
    let response =
        response.unwrap_or_else(|error| panic!("{method} {}: {error:?}", &path[..path.len().min(200)]));
    let status = response.status();
    let bytes = response.bytes().await.unwrap_or_default();
    Answer { status, text: String::from_utf8_lossy(&bytes).into_owned() }
}

#[tokio::test]
async fn bodies_that_are_not_json_objects_are_refused() {
    let mut server = server().await;
    let mut findings = Findings::default();
    let deep = "[".repeat(100_000);
    // By the grammar these are objects, with a field that routes may not know and then skip.
    let deep_object = format!("{}1{}", r#"{"a":"#.repeat(50_000), "}".repeat(50_000));
    let odd: &[(&str, Vec<u8>)] =
        &[("half a surrogate", br#"{"name":"\ud800"}"#.to_vec()), ("deep objects", deep_object.into_bytes())];
    let bodies: &[(&str, Vec<u8>)] = &[
        ("nothing", Vec::new()),
        ("half an object", b"{".to_vec()),
        ("a word", b"hello".to_vec()),
        ("a number", b"1".to_vec()),
        ("a string", b"\"x\"".to_vec()),
        ("null", b"null".to_vec()),
        ("an array", b"[1,2]".to_vec()),
        ("two objects", b"{}{}".to_vec()),
        ("not UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
        ("deep nesting", deep.into_bytes()),
    ];
    for route in routes().into_iter().filter(|route| route.body.is_some()) {
        let path = route.path_for_owner();
        for (name, body) in odd {
            let what = format!("{} {} with {name}", route.method, route.template);
            findings.check(&send(&mut server, &route.method, &path, body.clone()).await, &what);
        }
        for (name, body) in bodies {
            let what = format!("{} {} with {name}", route.method, route.template);
            let answer = send(&mut server, &route.method, &path, body.clone()).await;
            if route.takes_json() {
                findings.with_status(&answer, &what, StatusCode::BAD_REQUEST);
            } else {
                findings.check(&answer, &what);
            }
        }
    }
    findings.report();
}

#[tokio::test]
async fn fields_of_the_wrong_kind_are_never_a_fault() {
    let mut server = server().await;
    let mut findings = Findings::default();
    for route in routes().into_iter().filter(Route::takes_json) {
        let path = route.path_for_owner();
        let sample = route.sample_body();
        let fields: Vec<String> =
            sample.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
        for field in fields {
            for (name, raw) in wrong_values() {
                let body = with_raw_field(&sample, &field, &raw);
                let what = format!("{} {} with {field} = {name}", route.method, route.template);
                findings.check(&send(&mut server, &route.method, &path, body).await, &what);
            }
            if route.requires(&field) {
                let mut without = sample.clone();
                without.as_object_mut().unwrap().remove(&field);
                let what = format!("{} {} without {field}", route.method, route.template);
                let answer = send(&mut server, &route.method, &path, without.to_string()).await;
                findings.refused(&answer, &what);
            }
        }
    }
    findings.report();
}

/// Values that hardly any field accepts, as JSON texts.
fn wrong_values() -> Vec<(&'static str, String)> {
    vec![
        ("null", String::from("null")),
        ("a negative number", String::from("-1")),
        ("the largest number", u64::MAX.to_string()),
        ("the smallest number", i64::MIN.to_string()),
        ("a number without end", String::from("1e400")),
        ("a fraction", String::from("0.5")),
        ("a flag", String::from("true")),
        ("an array", String::from("[]")),
        ("an array of objects", String::from("[{}]")),
        ("an object", String::from("{}")),
        ("an empty text", String::from("\"\"")),
        ("a long text", format!("\"{}\"", "x".repeat(LONG))),
        ("NUL", String::from(r#""a\u0000b""#)),
        ("control characters", String::from(r#""\u001b[31m\r\n\u0007""#)),
        ("a direction mark", String::from(r#""\u202eabc\ufeff""#)),
        ("SQL", String::from(r#""x'; DROP TABLE users; --""#)),
        ("markup", String::from(r#""<script>alert(1)</script>""#)),
        ("a path", String::from(r#""../../etc/passwd""#)),
        ("no id", String::from(r#""00000000-0000-0000-0000-000000000000""#)),
        ("a far time", String::from(r#""+999999-12-31T23:59:59Z""#)),
        ("an object with NUL", String::from(r#"{"a\u0000":"b\u0000"}"#)),
        ("an array with NUL", String::from(r#"["\u0000"]"#)),
        ("deep nesting", format!("{}{}", "[".repeat(100), "]".repeat(100))),
    ]
}

fn with_raw_field(sample: &Value, field: &str, raw: &str) -> String {
    let fields: Map<String, Value> = sample.as_object().cloned().unwrap_or_default();
    let others = fields.iter().filter(|(name, _)| *name != field);
    let mut parts: Vec<String> = others.map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    parts.push(format!("{}:{raw}", json!(field)));
    format!("{{{}}}", parts.join(","))
}

#[tokio::test]
async fn bad_path_parameters_are_refused() {
    let mut server = server().await;
    let mut findings = Findings::default();
    let long = "x".repeat(LONG);
    let values = [
        ("NUL", "a%00b"),
        ("only NUL", "%00"),
        ("not UTF-8", "%ff%fe"),
        ("control characters", "%1b%0d%0a"),
        ("a path", "..%2f..%2fetc%2fpasswd"),
        ("a negative number", "-1"),
        ("a huge number", "99999999999999999999"),
        ("no id", "00000000-0000-0000-0000-000000000000"),
        ("half an id", "3f2a7bd0-0000-4000-8000"),
        ("SQL", "x'%3b%20DROP%20TABLE%20users%3b--"),
        ("a smile", "%F0%9F%98%80"),
        ("a blank", "%20"),
        ("a long text", long.as_str()),
    ];
    for route in routes() {
        for parameter in route.path_parameters() {
            for (name, value) in values {
                let path = route.path_with(parameter, value);
                let what = format!("{} {} with {parameter} = {name}", route.method, route.template);
                let body = route.sample_body().to_string();
                let answer = send(&mut server, &route.method, &path, body).await;
                // This list is the same whoever is named in the path.
                if route.template.ends_with("/workspaces/available-users") && parameter == "user" {
                    findings.check(&answer, &what);
                    continue;
                }
                findings.refused(&answer, &what);
            }
        }
    }
    findings.report();
}

#[tokio::test]
async fn bad_query_values_are_never_a_fault_and_bad_numbers_are_refused() {
    let mut server = server().await;
    let mut findings = Findings::default();
    let long = "x".repeat(LONG);
    let values = [
        ("nothing", ""),
        ("NUL", "a%00b"),
        ("not UTF-8", "%ff%fe"),
        ("a word", "hello"),
        ("a negative number", "-1"),
        ("a number that does not fit", "2147483648"),
        ("a huge number", "99999999999999999999"),
        ("a fraction", "1.5"),
        ("half a pair", "%22a%3Ab%3Ac"),
        ("SQL", "x'%3b%20DROP%20TABLE%20users%3b--"),
        ("wildcards", "%25_%5c"),
        ("a smile", "%F0%9F%98%80"),
        ("a long text", long.as_str()),
    ];
    for route in routes() {
        let path = route.path_for_owner();
        for Parameter { name: parameter, is_number } in route.query_parameters() {
            for (name, value) in values {
                let path = format!("{path}?{parameter}={value}");
                let what = format!("{} {} with ?{parameter} = {name}", route.method, route.template);
                let answer = send(&mut server, &route.method, &path, route.sample_body().to_string()).await;
                findings.check(&answer, &what);
                if is_number && !value.is_empty() {
                    findings.refused(&answer, &what);
                }
            }
        }
        let path = format!("{path}?unknown=1&unknown=2&%00=%ff&=&&&");
        let what = format!("{} {} with an unknown query", route.method, route.template);
        findings
            .check(&send(&mut server, &route.method, &path, route.sample_body().to_string()).await, &what);
    }
    findings.report();
}

#[tokio::test]
async fn forged_tokens_are_refused_everywhere() {
    let mut server = server().await;
    let mut findings = Findings::default();
    let valid = server.token.clone();
    let (id, secret) = valid.split_once('-').unwrap();
    let reversed: String = secret.chars().rev().collect();
    let long = "x".repeat(LONG);
    let forged = [
        ("nothing", String::new()),
        ("a blank", String::from(" ")),
        ("a word", String::from("hello")),
        ("half a token", format!("{id}-")),
        ("another secret", format!("{id}-{reversed}")),
        ("another id", format!("aaaaaaaaaa-{secret}")),
        ("one letter more", format!("{valid}x")),
        ("one letter less", valid[..valid.len() - 1].to_owned()),
        ("other case", valid.to_uppercase()),
        ("a long text", long),
        ("SQL", String::from("' OR 1=1 --")),
        ("letters", String::from("ÄÖÜ")),
        ("no algorithm", String::from("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.")),
    ];
    server.token = String::new();
    for route in routes().into_iter().filter(Route::needs_user) {
        let path = route.path_for_owner();
        for (name, token) in &forged {
            for header in ["Coder-Session-Token", "Authorization", "Cookie"] {
                let value = match header {
                    "Authorization" => format!("Bearer {token}"),
                    "Cookie" => format!("coder_session_token={token}"),
                    _ => token.clone(),
                };
                let request = server.request(route.method.clone(), &path).header(header, value.as_bytes());
                let response = request.body(route.sample_body().to_string()).send().await.unwrap();
                let status = response.status();
                let what = format!("{} {} with {name} in {header}", route.method, route.template);
                let answer = Answer { status, text: response.text().await.unwrap_or_default() };
                // A header that is too long is refused before it is looked at.
                if *name == "a long text" {
                    findings.refused(&answer, &what);
                } else {
                    findings.with_status(&answer, &what, StatusCode::UNAUTHORIZED);
                }
            }
        }
    }
    findings.report();
}

#[tokio::test]
async fn posts_from_other_sites_with_the_cookie_are_refused() {
    let server = server().await;
    let mut findings = Findings::default();
    let strangers: &[&[(&str, &str)]] = &[
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "http://localhost.evil.example"), ("sec-fetch-site", "cross-site")],
    ];
    for route in routes().into_iter().filter(|route| route.needs_user() && route.is_mutating()) {
        for headers in strangers {
            let url = format!("http://{}{}", server.server.address(), route.path_for_owner());
            let mut request = server.client.request(route.method.clone(), url);
            request = request.header("cookie", format!("coder_session_token={}", server.token));
            for (name, value) in *headers {
                request = request.header(*name, *value);
            }
            let response = request.body(route.sample_body().to_string()).send().await.unwrap();
            let what = format!("{} {} from {headers:?}", route.method, route.template);
            let answer =
                Answer { status: response.status(), text: response.text().await.unwrap_or_default() };
            let is_refusal = [StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN].contains(&answer.status);
            findings.check(&answer, &what);
            findings.note(is_refusal && answer.text.contains("another site"), &answer, &what);
        }
    }
    assert_eq!(server.get("/api/v2/users/me").await.0, StatusCode::OK, "nothing ended the session");
    findings.report();
}

#[tokio::test]
async fn oversized_bodies_are_refused() {
    let server = server().await;
    let mut findings = Findings::default();
    let huge = format!("{{\"name\":\"{}\"}}", "x".repeat(OVERSIZED));
    for route in routes().into_iter().filter(Route::takes_json) {
        let path = route.path_for_owner();
        let what = format!("{} {} with {OVERSIZED} bytes", route.method, route.template);
        let answer = send_once(&server, &route.method, &path, huge.clone()).await;
        findings.with_status(&answer, &what, StatusCode::PAYLOAD_TOO_LARGE);
    }
    findings.report();
}
