//! The name under which the program is started, shell completion, and versions that differ.

use std::{os::unix::fs::symlink, process::Command};

use axum::{Router, http::HeaderMap, routing::get};
use serde_json::json;
use tokio::net::TcpListener;
use warren_rt::Tasks;
use warren_testkit::{User, finish};

use crate::{DEADLINE, warren};

#[tokio::test]
async fn under_the_compatible_name_hints_use_that_name() {
    let user = User::new().unwrap();
    let program = user.home().join("coder");
    symlink(env!("CARGO_BIN_EXE_warren"), &program).unwrap();
    let run = async |arguments: &[&str]| {
        let mut command: Command = user.command(&program);
        command.args(arguments);
        finish(command, DEADLINE).await.unwrap()
    };
    let done = run(&["list"]).await;
    assert_eq!(done.stderr, "error: You are not signed in. Sign in with `coder login <url>`.\n");
    let help = run(&["users", "create", "--help"]).await;
    assert!(help.stdout.contains("Usage: coder users create"), "{}", help.stdout);
    let script = run(&["completion", "bash"]).await;
    assert!(
        script.stdout.contains("coder__subcmd__users") || script.stdout.contains("_coder"),
        "{}",
        script.stdout
    );
}

#[tokio::test]
async fn every_shell_gets_its_completion() {
    for (shell, text) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef warren"),
        ("fish", "complete -c warren"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let done = warren(&["completion", shell], &[]).await;
        assert!(done.stdout.contains(text), "{shell}: {}", done.stdout);
        let by_flag = warren(&["completion", "--shell", shell, "--print"], &[]).await;
        assert_eq!(by_flag.stdout, done.stdout);
        let own = warren(&["completion"], &[("SHELL", &format!("/usr/bin/{shell}"))]).await;
        assert_eq!(own.stdout, done.stdout);
    }
    let unknown = warren(&["completion"], &[("SHELL", "/bin/tcsh")]).await;
    assert_eq!(unknown.code(), Some(1));
    assert!(unknown.stderr.contains("name it: bash, zsh, fish or powershell"), "{}", unknown.stderr);
}

/// Answers `GET users/me` as a server of another version, and only to those with a certain header.
async fn other_version(tasks: &Tasks) -> String {
    let me = async |headers: HeaderMap| {
        let known = headers.get("x-gate").is_some_and(|value| value == "open");
        let body = if known {
            json!({
                "id": "6b0e6a39-3d8e-4a53-b1f2-6c0f5f8d2f10", "username": "ada", "email": "ada@example.com",
                "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
                "last_seen_at": "2026-01-01T00:00:00Z", "status": "active", "login_type": "password",
                "organization_ids": [], "roles": [], "has_ai_seat": false,
            })
        } else {
            json!({ "message": "The gate is closed." })
        };
        ([("X-Coder-Build-Version", "v9.8.7")], axum::Json(body))
    };
    let router = Router::new().route("/api/v2/users/me", get(me));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tasks.spawn("server of another version", async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn a_server_of_another_version_is_warned_of_and_headers_reach_it() {
    let tasks = Tasks::new();
    let url = other_version(&tasks).await;
    let arguments = ["--url", &url, "--token", "x", "--header", "X-Gate=open", "whoami"];
    let done = warren(&arguments, &[]).await;
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    let client = concat!("v", env!("CARGO_PKG_VERSION"));
    assert!(
        done.stderr.contains(&format!("version mismatch: client {client}, server v9.8.7")),
        "{}",
        done.stderr
    );
    assert!(done.stderr.contains(&format!("curl -fsSL {url}/install.sh | sh")), "{}", done.stderr);
    let quiet = warren(&arguments, &[("CODER_NO_VERSION_WARNING", "true")]).await;
    assert_eq!((quiet.stderr.as_str(), quiet.stdout), ("", done.stdout));
}

#[tokio::test]
async fn headers_of_a_command_reach_the_server() {
    let tasks = Tasks::new();
    let url = other_version(&tasks).await;
    let env = [("WARREN_HEADER_COMMAND", "echo X-Gate=open"), ("CODER_NO_VERSION_WARNING", "1")];
    let done = warren(&["--url", &url, "--token", "x", "whoami"], &env).await;
    assert_eq!((done.code(), done.stderr.as_str()), (Some(0), ""));
    let without = warren(&["--url", &url, "--token", "x", "whoami"], &env[1..]).await;
    assert_eq!(without.code(), Some(1));
}
