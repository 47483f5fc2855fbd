//! The file that workspaces download to become agents: this program itself.
//!
//! Owns its name, its bytes and its fingerprint. Must not know HTTP.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use ring::digest;
use tokio::{fs::File, io::AsyncReadExt, sync::OnceCell};

/// Stays readable even when the program on disk was replaced.
const OWN_PROGRAM: &str = "/proc/self/exe";
const READ_BYTES: usize = 256 << 10;

/// The executable; clones share the fingerprint.
#[derive(Clone)]
pub(crate) struct AgentExecutable {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    fingerprint: OnceCell<String>,
}

impl AgentExecutable {
    /// The running program.
    pub(crate) fn own() -> Self {
        Self::at(Path::new(OWN_PROGRAM))
    }

    /// Another file, for tests.
    pub(crate) fn at(path: &Path) -> Self {
        Self { shared: Arc::new(Shared { path: path.to_owned(), fingerprint: OnceCell::new() }) }
    }

    /// The download's name, such as `coder-linux-amd64`.
    pub(crate) fn name() -> String {
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "arm" => "armv7",
            other => other,
        };
        let os = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
        format!("coder-{os}-{arch}")
    }

    /// Opens the file.
    pub(crate) async fn open(&self) -> io::Result<File> {
        File::open(&self.shared.path).await
    }

    /// Hexadecimal SHA-1, which clients of the compatible API compare with their copy; it is no security measure. The
    /// first call reads the whole file, and the file cannot change while this process runs.
    pub(crate) async fn fingerprint(&self) -> io::Result<&str> {
        self.shared.fingerprint.get_or_try_init(|| hash(&self.shared.path)).await.map(String::as_str)
    }

    /// The fingerprint if it is known already.
    pub(crate) fn known_fingerprint(&self) -> Option<&str> {
        self.shared.fingerprint.get().map(String::as_str)
    }
}

async fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path).await?;
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let n = file.read(&mut buffer).await?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
    }
    Ok(hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}
