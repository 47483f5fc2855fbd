//! Says where paths really lead, so that the server can decide about a call before it is made.

use std::path::{Path, PathBuf};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use warren_wire::agent_http::{ResolvePaths, ResolvedPath, ResolvedPaths};

use super::files::expanded;
use super::{Body, HttpError, Shared};

/// The most paths in one request.
const PATHS_MAX: usize = 5000;

pub(super) async fn resolve_paths(
    State(shared): State<Shared>,
    Body(request): Body<ResolvePaths>,
) -> Result<Json<ResolvedPaths>, HttpError> {
    if request.paths.len() > PATHS_MAX {
        return Err(HttpError::bad_request(format!("name at most {PATHS_MAX} paths")));
    }
    let work = move || {
        let place = |path: String| {
            let real = real(&expanded(&shared.workplace, &path));
            ResolvedPath { path, real: real.map(|real| real.to_string_lossy().into_owned()) }
        };
        let home = shared.workplace.home();
        let home = real(home).unwrap_or_else(|| home.to_owned()).to_string_lossy().into_owned();
        ResolvedPaths { home, paths: request.paths.into_iter().map(place).collect() }
    };
    let resolved = tokio::task::spawn_blocking(work).await;
    let failed = |_| HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "the paths could not be looked up");
    Ok(Json(resolved.map_err(failed)?))
}

/// The path without links as far as it exists. None for what cannot be looked up: a link that leads nowhere, a way back out
/// of what does not exist, a directory that may not be entered.
fn real(path: &Path) -> Option<PathBuf> {
    let (mut known, mut missing) = (path, Vec::new());
    loop {
        match std::fs::canonicalize(known) {
            Ok(mut real) => {
                real.extend(missing.into_iter().rev());
                return Some(real);
            }
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound && known.symlink_metadata().is_err() =>
            {
                missing.push(known.file_name()?);
                known = known.parent()?;
            }
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_as_far_as_there_is_something() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("secret/keys")).unwrap();
        std::fs::create_dir(root.join("repo")).unwrap();
        std::os::unix::fs::symlink(root.join("secret"), root.join("repo/link")).unwrap();
        std::os::unix::fs::symlink(root.join("nowhere"), root.join("repo/dangling")).unwrap();
        let of = |path: &str| real(&root.join(path));
        assert_eq!(of("repo/link/keys/new/file"), Some(root.join("secret/keys/new/file")));
        assert_eq!(of("repo/link/../x"), Some(root.join("x")), "as the system goes, not as the text reads");
        assert_eq!(of("repo/./new"), Some(root.join("repo/new")));
        assert_eq!(of("repo/dangling"), None);
        assert_eq!(of("repo/dangling/below"), None);
        assert_eq!(of("repo/missing/../../secret"), None);
    }
}
