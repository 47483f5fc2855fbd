//! Drives the server with Debian's OpenSSH client over loopback TCP.

use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::*;
use crate::testing::workplace;

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_command_runs_with_exit_code_and_separate_streams() {
    let host = Host::new().await;
    let output = host.ssh(&["echo out; echo err >&2; echo $CODER_WORKSPACE_NAME; exit 7"]).await;
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(text(&output.stdout), "out\nlab\n");
    assert_eq!(text(&output.stderr), "err\n");
}

#[tokio::test]
async fn a_command_that_a_signal_ends_is_255() {
    let host = Host::new().await;
    assert_eq!(host.ssh(&["kill -9 $$"]).await.status.code(), Some(255));
}

#[tokio::test]
async fn input_reaches_the_command_whole_while_output_flows_back() {
    let host = Host::new().await;
    let input: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
    let output = host.ssh_with_input(&["cat"], &input).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(output.stdout == input, "{} bytes came back of {}", output.stdout.len(), input.len());
}

#[tokio::test]
async fn a_terminal_has_type_and_device_and_the_shell_reads_from_it() {
    let host = Host::new().await;
    let output = host.ssh_with_input(&["-tt", "--", "tty; echo $TERM $SSH_TTY; stty size"], b"").await;
    let text = text(&output.stdout);
    assert!(text.starts_with("/dev/pts/"), "{text:?}");
    assert!(text.contains("24 80"), "a client without a size gets the classic one: {text:?}");
    let shell = host.ssh_with_input(&["-tt"], b"stty -echo\necho sum-$((40+2))\nexit 3\n").await;
    assert_eq!(shell.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&shell.stdout).contains("sum-42"));
}

#[tokio::test]
async fn variables_of_the_client_arrive() {
    let host = Host::new().await;
    let output = host
        .ssh(&[
            "-o",
            "SetEnv=ASKED=yes CODER_WORKSPACE_NAME=other",
            "--",
            "echo $ASKED $CODER_WORKSPACE_NAME",
        ])
        .await;
    assert_eq!(text(&output.stdout), "yes lab\n");
}

#[tokio::test]
async fn an_unknown_subsystem_is_refused() {
    let host = Host::new().await;
    let output = host.ssh(&["-s", "--", "nonsense"]).await;
    assert_ne!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("subsystem request failed"), "{}", text(&output.stderr));
}

#[tokio::test]
async fn sftp_moves_files_both_ways() {
    let host = Host::new().await;
    let local = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 253) as u8).collect();
    std::fs::write(local.path().join("up"), &content).unwrap();
    let batch = format!(
        "mkdir d\nput {0}/up d/remote\nchmod 600 d/remote\nrename d/remote d/moved\nls -l d\nget d/moved {0}/down\nln -s moved d/link\n",
        local.path().display(),
    );
    let output = host.sftp(&batch).await;
    assert_eq!(output.status.code(), Some(0), "{} {}", text(&output.stdout), text(&output.stderr));
    assert!(std::fs::read(local.path().join("down")).unwrap() == content);
    let moved = host.dir.path().join("d/moved");
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&moved).unwrap().permissions()) & 0o777,
        0o600
    );
    assert_eq!(std::fs::read_link(host.dir.path().join("d/link")).unwrap(), Path::new("moved"));
    let missing = host.sftp("get nothing\n").await;
    assert_eq!(missing.status.code(), Some(1));
}

#[tokio::test]
async fn a_port_is_forwarded() {
    let host = Host::new().await;
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = target.local_addr().unwrap().to_string();
    let arguments = ["-W", address.as_str()];
    let answer = async {
        let (mut stream, _) = target.accept().await.unwrap();
        stream.write_all(b"through\n").await.unwrap();
    };
    let (output, ()) = tokio::join!(host.ssh(&arguments), answer);
    assert_eq!(text(&output.stdout), "through\n");
}

#[test]
fn the_host_key_follows_from_the_seed() {
    let key = |seed: &str| host_key(seed).unwrap().public_key().clone();
    assert_eq!(key(&"07".repeat(32)), key(&"07".repeat(32)));
    assert_ne!(key(&"07".repeat(32)), key(&"08".repeat(32)));
    assert_ne!(key(""), key(""), "without a seed the key is random");
}

struct Host {
    dir: tempfile::TempDir,
    port: u16,
    _tasks: Tasks,
}

impl Host {
    async fn new() -> Host {
        let dir = tempfile::tempdir().unwrap();
        let tasks = Tasks::new();
        let server = SshServer::new(Arc::new(workplace(dir.path())), tasks.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = tasks.clone();
        tasks.spawn("test listener", async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                connections.spawn("test connection", async move { server.serve(stream).await });
            }
        });
        Host { dir, port, _tasks: tasks }
    }

    async fn ssh(&self, arguments: &[&str]) -> Output {
        self.ssh_with_input(arguments, b"").await
    }

    async fn ssh_with_input(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new("ssh");
        command.args(self.options()).arg("-p").arg(self.port.to_string());
        // The host comes before a command and after options.
        let at =
            arguments.iter().position(|argument| *argument == "--").unwrap_or_else(|| options_end(arguments));
        command.args(&arguments[..at]).arg("ada@127.0.0.1").args(&arguments[at..]);
        run(command, input).await
    }

    async fn sftp(&self, batch: &str) -> Output {
        let mut command = Command::new("sftp");
        command.args(self.options()).arg("-P").arg(self.port.to_string()).args(["-b", "-", "ada@127.0.0.1"]);
        run(command, batch.as_bytes()).await
    }

    fn options(&self) -> Vec<String> {
        let known_hosts: PathBuf = self.dir.path().join("known_hosts");
        [
            "StrictHostKeyChecking=no",
            "LogLevel=ERROR",
            "BatchMode=yes",
            &format!("UserKnownHostsFile={}", known_hosts.display()),
        ]
        .iter()
        .flat_map(|option| ["-o".to_owned(), (*option).to_owned()])
        .chain(["-F".to_owned(), "/dev/null".to_owned()])
        .collect()
    }
}

/// Number of leading options, with the values of those that have one.
fn options_end(arguments: &[&str]) -> usize {
    let mut at = 0;
    while at < arguments.len() && arguments[at].starts_with('-') {
        at += if ["-o", "-W"].contains(&arguments[at]) { 2 } else { 1 };
    }
    at
}

async fn run(mut command: Command, input: &[u8]) -> Output {
    use std::process::Stdio;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("the OpenSSH client is installed");
    let mut stdin = child.stdin.take().unwrap();
    let feed = async {
        // The command may end without reading everything.
        drop(stdin.write_all(input).await);
        drop(stdin);
    };
    let both = async { tokio::join!(feed, child.wait_with_output()).1.unwrap() };
    tokio::time::timeout(DEADLINE, both).await.expect("the client ends in time")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
