//! Signing in and accounts, against the real server.

use serde_json::Value;
use warren_testkit::{Finished, User};

use crate::{DEADLINE, server::Running};

pub(crate) const PASSWORD: &str = "SomeSecurePassword!";

/// Somebody at a terminal of their own.
pub(crate) struct Person(User);

impl Person {
    pub(crate) fn new() -> Self {
        Self(User::new().unwrap())
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with(arguments, &[]).await
    }

    pub(crate) async fn run_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> Finished {
        let mut command = self.0.command(env!("CARGO_BIN_EXE_warren"));
        command.args(arguments).envs(env.iter().copied());
        warren_testkit::finish(command, DEADLINE).await.unwrap()
    }

    pub(crate) async fn succeed(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments).await;
        assert_eq!(done.code(), Some(0), "{arguments:?}: {}{}", done.stdout, done.stderr);
        done.stdout
    }

    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = arguments.iter().chain(&["-o", "json"]).copied().collect();
        serde_json::from_str(&self.succeed(&all).await).unwrap()
    }
}

/// The first user of a fresh deployment, signed in.
pub(crate) async fn first_user(server: &Running) -> Person {
    let person = Person::new();
    let env = [
        ("CODER_FIRST_USER_EMAIL", "ada@example.com"),
        ("WARREN_FIRST_USER_USERNAME", "ada"),
        ("CODER_FIRST_USER_PASSWORD", PASSWORD),
        ("CODER_FIRST_USER_TRIAL", "false"),
    ];
    let done = person.run_with(&["login", &server.url], &env).await;
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("Welcome to Warren, ada!"), "{}", done.stdout);
    person
}

#[tokio::test]
async fn a_session_can_be_handed_over_and_ended() {
    let server = Running::start(&[]).await;
    let ada = first_user(&server).await;
    let token = ada.succeed(&["login", "token"]).await;
    let other = Person::new();
    let words = ["login", &server.url, "--use-token-as-session", "--token", token.trim()];
    other.succeed(&words).await;
    assert_eq!(other.succeed(&["login", "token"]).await, token);
    let who = other.json(&["whoami"]).await;
    assert_eq!(who[0]["username"], "ada");
    assert_eq!(who[0]["roles"][0]["name"], "owner");
    assert_eq!(other.run(&["login", "token", "--url", "http://elsewhere:1"]).await.code(), Some(1));
    assert!(other.succeed(&["logout", "-y"]).await.contains("logged out"));
    let done = other.run(&["whoami"]).await;
    assert!(done.stderr.contains("You are not signed in"), "{}", done.stderr);
    // The session was the same one.
    let done = ada.run(&["whoami"]).await;
    assert_eq!(done.code(), Some(1));
    assert!(done.stderr.contains("sign in with `warren login <url>`"), "{}", done.stderr);
}

#[tokio::test]
async fn without_a_terminal_login_names_the_page_that_shows_a_token() {
    let server = Running::start(&[]).await;
    first_user(&server).await;
    let done = Person::new().run(&["login", &server.url]).await;
    assert_eq!(done.code(), Some(1));
    assert!(done.stderr.contains(&format!("{}/cli-auth", server.url)), "{}", done.stderr);
    assert!(done.stderr.contains("--token"), "{}", done.stderr);
}

#[tokio::test]
async fn a_token_that_the_server_does_not_know_is_refused() {
    let server = Running::start(&[]).await;
    first_user(&server).await;
    for extra in [&[][..], &["--use-token-as-session"]] {
        let words = ["login", &server.url, "--token", "abcdefghij-0123456789012345678901"];
        let done = Person::new().run(&words.iter().chain(extra).copied().collect::<Vec<_>>()).await;
        assert_eq!(done.code(), Some(1));
        assert!(done.stderr.contains("the server does not take this token"), "{}", done.stderr);
    }
}
