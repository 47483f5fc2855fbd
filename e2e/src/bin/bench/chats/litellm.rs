//! The LiteLLM proxy, where it is installed.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::json;
use tempfile::TempDir;

const START_MAX: Duration = Duration::from_secs(60);
/// It refuses to start without one.
pub const MASTER_KEY: &str = "sk-measured-only-on-this-machine";

/// A proxy that ends with this.
pub struct Proxy {
    child: Child,
    base_url: String,
    _directory: TempDir,
}

impl Proxy {
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a proxy before the model; `None` when there is no such program.
pub async fn start(model: &str) -> Result<Option<Proxy>> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("config.yaml");
    let model = json!({ "model": "openai/scripted", "api_base": model, "api_key": "unused" });
    // JSON is YAML.
    let config = json!({ "model_list": [{ "model_name": "scripted", "litellm_params": model }] });
    std::fs::write(&file, config.to_string())?;
    // The program cannot be told to choose a port and say which.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new("litellm");
    command.arg("--config").arg(&file).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    command.env("LITELLM_MASTER_KEY", MASTER_KEY);
    let child = match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let base_url = format!("http://127.0.0.1:{port}/v1");
    let mut proxy = Proxy { child, base_url, _directory: directory };
    let begin = Instant::now();
    let health = format!("http://127.0.0.1:{port}/health/liveliness");
    loop {
        if reqwest::get(&health).await.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(Some(proxy));
        }
        if let Some(status) = proxy.child.try_wait()? {
            bail!("LiteLLM has ended by itself: {status}");
        }
        if begin.elapsed() > START_MAX {
            bail!("LiteLLM did not start within {} s", START_MAX.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
