//! The script that turns a fresh machine into an agent: downloads the server's own executable and becomes it.

use std::collections::BTreeMap;

/// Platforms that templates may name.
pub const PLATFORMS: &[(&str, &str)] = &[
    ("linux", "amd64"),
    ("linux", "arm64"),
    ("linux", "armv7"),
    ("darwin", "amd64"),
    ("darwin", "arm64"),
    ("windows", "amd64"),
    ("windows", "arm64"),
];

/// Where to put the access URL, which ends with a slash, and how the agent authenticates.
const ACCESS_URL: &str = "${ACCESS_URL}";
const AUTH_TYPE: &str = "${AUTH_TYPE}";
const PLATFORM: &str = "${PLATFORM}";

/// Plain POSIX shell; retries for ever what may get better, and says what will not.
const UNIX: &str = include_str!("init_script.sh");
const WINDOWS: &str =
    "Write-Error 'This Warren server has no agent for Windows yet. Use a Linux image.'\r\nexit 1\r\n";

/// The script of a platform with its placeholders, as provisioner jobs carry it; `None` for an unknown platform.
pub fn agent_script(os: &str, arch: &str) -> Option<String> {
    if !PLATFORMS.contains(&(os, arch)) {
        return None;
    }
    let text = if os == "windows" { WINDOWS } else { UNIX };
    Some(text.replace(PLATFORM, &format!("{os}-{arch}")))
}

/// The scripts of all platforms with their placeholders.
pub fn agent_scripts() -> BTreeMap<(String, String), String> {
    let script =
        |(os, arch): &(&str, &str)| Some((((*os).to_owned(), (*arch).to_owned()), agent_script(os, arch)?));
    PLATFORMS.iter().filter_map(script).collect()
}

/// A script that is ready to run.
pub fn render(script: &str, access_url: &url::Url, auth: &str) -> String {
    let url = access_url.as_str();
    let url = if url.ends_with('/') { url.to_owned() } else { format!("{url}/") };
    script.replace(ACCESS_URL, &url).replace(AUTH_TYPE, auth)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        process::Command,
    };

    use super::*;

    /// Answers one request with an agent that prints what it was started with, after refusing `n_failures`.
    fn serve(listener: TcpListener, n_failures: usize, status: &str) {
        for attempt in 0..=n_failures {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 2048];
            let n = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..n]).into_owned();
            assert!(request.starts_with("GET /bin/coder-linux-amd64 "), "{request}");
            let body = "#!/bin/sh\necho \"$1 $CODER_AGENT_URL $CODER_AGENT_TOKEN $(basename \"$0\")\"\n";
            let (status, body) = if attempt == n_failures { (status, body) } else { ("503 Busy", "") };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .unwrap();
        }
    }

    fn run(
        status: &'static str,
        n_failures: usize,
        path: Option<&std::path::Path>,
    ) -> (std::process::Output, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || serve(listener, n_failures, status));
        let script = render(&agent_script("linux", "amd64").unwrap(), &url.parse().unwrap(), "token");
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script).env("CODER_AGENT_TOKEN", "t0ken").env("WARREN_RETRY_SECONDS", "0");
        if let Some(path) = path {
            command.env("PATH", path);
        }
        let output = command.output().unwrap();
        server.join().unwrap();
        (output, url)
    }

    #[test]
    fn the_agent_is_downloaded_and_started_with_url_and_token() {
        let (output, url) = run("200 OK", 0, None);
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("agent {url} t0ken coder\n"),
            "{output:?}"
        );
    }

    #[test]
    fn a_busy_server_is_asked_again() {
        let (output, _) = run("200 OK", 2, None);
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("agent "), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("trying again"), "{output:?}");
    }

    #[test]
    fn a_platform_without_an_agent_ends_with_a_sentence() {
        let (output, _) = run("404 Not Found", 0, None);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("has no agent for linux-amd64"),
            "{output:?}"
        );
    }

    #[test]
    fn wget_is_enough() {
        if !std::path::Path::new("/usr/bin/wget").exists() {
            return;
        }
        let tools = tempfile::tempdir().unwrap();
        for tool in ["wget", "mktemp", "chmod", "ln", "sleep", "basename", "rm", "sh"] {
            let found = ["/usr/bin", "/bin"].map(|dir| format!("{dir}/{tool}"));
            let found = found.iter().find(|path| std::path::Path::new(path).exists()).unwrap();
            std::os::unix::fs::symlink(found, tools.path().join(tool)).unwrap();
        }
        let (output, _) = run("200 OK", 1, Some(tools.path()));
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("agent "), "{output:?}");
    }

    #[test]
    fn every_platform_has_a_script() {
        assert_eq!(agent_scripts().len(), PLATFORMS.len());
        assert_eq!(agent_script("plan9", "amd64"), None);
    }
}
