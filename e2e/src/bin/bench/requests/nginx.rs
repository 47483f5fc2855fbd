//! nginx on a free port, which serves files of given sizes: what a server can reach that has nothing to do.

use std::{
    fmt::Write,
    fs,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use warren_testkit::eventually;

const PROGRAM: &str = "/usr/sbin/nginx";

/// A running nginx; ends when dropped.
pub struct Nginx {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

/// The path of a file by its place in the list of sizes.
pub fn path(index: usize) -> String {
    format!("/{index}.json")
}

/// Starts nginx, or returns `None` where it is not installed.
pub async fn start(sizes: &[usize]) -> Result<Option<Nginx>> {
    if !fs::exists(PROGRAM).unwrap_or(false) {
        return Ok(None);
    }
    let directory = tempfile::tempdir()?;
    let root = directory.path();
    for (index, size) in sizes.iter().enumerate() {
        fs::write(root.join(format!("{index}.json")), "x".repeat(*size))?;
    }
    let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    fs::write(root.join("nginx.conf"), config(address, &root.display().to_string()))?;
    let mut command = Command::new(PROGRAM);
    command.arg("-p").arg(root).arg("-c").arg(root.join("nginx.conf")).arg("-e").arg(root.join("error.log"));
    let child =
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("nginx cannot be started")?;
    let nginx = Nginx { child, address, _directory: directory };
    let answers = || async { TcpStream::connect(address).await.ok() };
    eventually("the start of nginx", Duration::from_secs(10), answers).await?;
    Ok(Some(nginx))
}

fn config(address: SocketAddr, root: &str) -> String {
    let mut text = String::from("daemon off;\nmaster_process off;\nworker_processes 1;\n");
    if is_root() {
        text.push_str("user root;\n");
    }
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "pid {root}/nginx.pid;\nevents {{ worker_connections 512; }}\nhttp {{\n  access_log off;\n  \
         keepalive_requests 1000000000;\n  default_type application/json;\n  \
         client_body_temp_path {root}/body;\n  proxy_temp_path {root}/proxy;\n  \
         fastcgi_temp_path {root}/fastcgi;\n  uwsgi_temp_path {root}/uwsgi;\n  scgi_temp_path {root}/scgi;\n  \
         sendfile on;\n  server {{ listen {address}; root {root}; }}\n}}\n"
    );
    text
}

fn is_root() -> bool {
    // A worker of another account could not read the temporary directory.
    fs::metadata("/proc/self").is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}

impl Nginx {
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
