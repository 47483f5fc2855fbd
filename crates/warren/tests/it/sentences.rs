//! Wrong input gives one clear sentence and the right status.

use crate::{fake::Fake, warren};

#[tokio::test]
async fn without_a_session_a_command_says_how_to_sign_in() {
    let done = warren(&["list"], &[]).await;
    assert_eq!(done.code(), Some(1));
    assert_eq!(done.stderr, "error: You are not signed in. Sign in with `warren login <url>`.\n");
    assert_eq!(done.stdout, "");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let env = [("CODER_URL", "http://127.0.0.1:1"), ("CODER_SESSION_TOKEN", "secret")];
    let done = warren(&["list"], &env).await;
    assert_eq!(done.code(), Some(1));
    assert!(done.stderr.contains("cannot reach the server at http://127.0.0.1:1/"), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1);
}

#[tokio::test]
async fn a_session_token_in_the_environment_would_hide_a_login() {
    let done = warren(&["login", "http://127.0.0.1:1"], &[("CODER_SESSION_TOKEN", "secret")]).await;
    assert_eq!(done.code(), Some(1));
    assert!(done.stderr.contains("CODER_SESSION_TOKEN is set"), "{}", done.stderr);
}

#[tokio::test]
async fn an_unknown_command_fails_and_help_does_not() {
    assert_eq!(warren(&["frobnicate"], &[]).await.code(), Some(1));
    let help = warren(&["--help"], &[]).await;
    assert_eq!(help.code(), Some(0));
    assert!(help.stdout.contains("config-ssh"));
}

#[tokio::test]
async fn a_directory_without_terraform_is_no_template() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let done = warren(&["templates", "push", "empty", "-d", path, "-y"], &[]).await;
    assert_eq!(done.code(), Some(1));
    assert!(done.stderr.contains("it has no .tf or .tf.json file"), "{}", done.stderr);
}

#[tokio::test]
async fn a_port_in_use_is_said_to_be_in_use() {
    let taken = Fake::start(Vec::new()).await;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let address = taken.url.trim_start_matches("http://");
    let done = warren(&["server", "--data-dir", data, "--http-address", address], &[]).await;
    assert_eq!(done.code(), Some(1));
    assert!(done.stderr.contains(&format!("the address {address} is in use")), "{}", done.stderr);
}

#[tokio::test]
async fn an_agent_without_a_token_says_which_variable_is_missing() {
    let done = warren(&["agent"], &[("CODER_AGENT_URL", "http://127.0.0.1:1")]).await;
    assert_eq!(done.code(), Some(1));
    assert!(done.stderr.contains("CODER_AGENT_TOKEN"), "{}", done.stderr);
}
