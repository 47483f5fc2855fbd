//! As much of a browser as a sign-in needs: cookies by host, redirects, nothing else.

use std::collections::BTreeMap;

use reqwest::{Client, Method, StatusCode, Url, redirect::Policy};
use serde_json::Value;

use crate::support::TestServer;

/// Redirects that are followed.
const REDIRECTS_MAX: usize = 10;

/// Where a browser ended up.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Path and query on the server, or the whole address elsewhere.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The cookies that were set on the way, as they were sent.
    pub(crate) set_cookies: Vec<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }
}

pub(crate) struct Browser {
    client: Client,
    home: Url,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(server: &TestServer) -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        let home = format!("http://{}/", server.server.address()).parse().unwrap();
        Self { client, home, cookies: BTreeMap::new() }
    }

    /// Follows redirects until an answer is none, or a page of the server is reached that is no route of a sign-in.
    pub(crate) async fn go(&mut self, path: &str) -> Answer {
        self.follow(self.home.join(path).unwrap()).await
    }

    /// Follows redirects from an address on.
    pub(crate) async fn follow(&mut self, mut url: Url) -> Answer {
        let mut set_cookies = Vec::new();
        for _ in 0..REDIRECTS_MAX {
            let answer = self.request(Method::GET, url.clone(), None).await;
            set_cookies.extend(answer.set_cookies.clone());
            if !answer.status.is_redirection() {
                return Answer { set_cookies, ..answer };
            }
            url = url.join(answer.headers["location"].to_str().unwrap()).unwrap();
            if self.is_home(&url) && !url.path().starts_with("/api/") {
                return Answer { path: self.shown(&url), set_cookies, ..answer };
            }
        }
        panic!("more than {REDIRECTS_MAX} redirects");
    }

    /// One request, without following.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.request(Method::GET, self.home.join(path).unwrap(), None).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, self.home.join(path).unwrap(), Some(body)).await
    }

    pub(crate) async fn json(&mut self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.json()
    }

    /// Goes to the provider and returns the address that it sends the browser back to, without going there.
    pub(crate) async fn visit_provider(&mut self, path: &str) -> Url {
        let begun = self.get(path).await;
        assert_eq!(begun.status, StatusCode::TEMPORARY_REDIRECT, "{}", begun.text);
        let provider: Url = begun.headers["location"].to_str().unwrap().parse().unwrap();
        let sent = self.request(Method::GET, provider, None).await;
        sent.headers["location"].to_str().unwrap().parse().unwrap()
    }

    async fn request(&mut self, method: Method, url: Url, body: Option<Value>) -> Answer {
        let mut request = self.client.request(method, url.clone());
        if self.is_home(&url) && !self.cookies.is_empty() {
            let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            request = request.header("cookie", pairs.collect::<Vec<_>>().join("; "));
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let headers = response.headers().clone();
        let sent = headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
        let set_cookies: Vec<_> = sent.collect();
        if self.is_home(&url) {
            set_cookies.iter().for_each(|cookie| self.keep(cookie));
        }
        let status = response.status();
        Answer { status, path: self.shown(&url), text: response.text().await.unwrap(), set_cookies, headers }
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let (name, value) = pair.split_once('=').unwrap();
        if attributes.contains("Max-Age=0;") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.home.origin()
    }

    fn shown(&self, url: &Url) -> String {
        if !self.is_home(url) {
            return url.to_string();
        }
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }
}
