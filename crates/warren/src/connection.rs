//! How the server is spoken to: headers and certificates that flags and environment ask for.

use std::{path::Path, process::Command};

use anyhow::{Context as _, bail};
use warren_sdk::ClientOptions;

/// What flags and environment say about the way to the server.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    pub headers: Vec<(String, String)>,
    pub header_command: Option<String>,
    pub ca_file: Option<String>,
    pub cert_file: Option<String>,
    pub key_file: Option<String>,
}

impl Connection {
    /// Reads the files and runs the command.
    ///
    /// # Errors
    /// When a file cannot be read, or the command fails.
    pub fn options(&self, url: &str) -> anyhow::Result<ClientOptions> {
        let mut headers = self.headers.clone();
        if let Some(command) = &self.header_command {
            headers.extend(run(command, url)?);
        }
        let ca = self.ca_file.as_deref().map(|path| read("--client-tls-ca-file", path)).transpose()?;
        let identity = match (&self.cert_file, &self.key_file) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                let mut pem = read("--client-tls-cert-file", certificate)?;
                pem.push(b'\n');
                pem.extend(read("--client-tls-key-file", key)?);
                Some(pem)
            }
            (Some(_), None) | (None, Some(_)) => {
                bail!("--client-tls-cert-file and --client-tls-key-file are used together only")
            }
        };
        Ok(ClientOptions { headers, ca, identity })
    }
}

/// Reads `NAME=VALUE` lines; empty ones are skipped.
///
/// # Errors
/// When a line has no `=`.
pub fn headers(text: &str) -> anyhow::Result<Vec<(String, String)>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok((name.trim().to_owned(), value.trim().to_owned()))
            }
            // The line may hold a secret, so it is not repeated.
            Some(_) | None => bail!("a header is not written as NAME=VALUE"),
        })
        .collect()
}

fn run(command: &str, url: &str) -> anyhow::Result<Vec<(String, String)>> {
    let (shell, flag) = if cfg!(windows) { ("cmd.exe", "/c") } else { ("sh", "-c") };
    let output = Command::new(shell)
        .args([flag, command])
        .env("CODER_URL", url)
        .env("WARREN_URL", url)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("the command of --header-command cannot be started")?;
    if !output.status.success() {
        bail!("the command of --header-command failed with {}", output.status);
    }
    headers(&String::from_utf8_lossy(&output.stdout)).context("in the output of --header-command")
}

fn read(flag: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    std::fs::read(Path::new(path)).with_context(|| format!("the file of {flag}, {path}, cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_a_command_becomes_headers() {
        let connection = Connection {
            headers: vec![("X-One".into(), "1".into())],
            header_command: Some("printf 'X-Two = 2\\n\\nX-Url=%s' \"$CODER_URL\"".into()),
            ..Connection::default()
        };
        let options = connection.options("http://dev.example.com").unwrap();
        let pairs: Vec<_> = options.headers.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        assert_eq!(pairs, ["X-One:1", "X-Two:2", "X-Url:http://dev.example.com"]);
    }

    #[test]
    fn a_command_that_fails_is_an_error() {
        let connection = Connection { header_command: Some("exit 3".into()), ..Connection::default() };
        let error = connection.options("http://x").unwrap_err().to_string();
        assert!(error.contains("--header-command failed"), "{error}");
        assert!(headers("no equals sign").is_err());
    }

    #[test]
    fn a_certificate_needs_its_key() {
        let connection = Connection { cert_file: Some("/c.pem".into()), ..Connection::default() };
        assert!(connection.options("http://x").unwrap_err().to_string().contains("together"));
    }
}
