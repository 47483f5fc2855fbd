//! The name that this program was started under: `warren`, or `coder` for tools that expect that.

use std::{path::Path, sync::LazyLock};

static NAME: LazyLock<String> = LazyLock::new(|| {
    let started = std::env::args_os().next().unwrap_or_default();
    name_of(Path::new(&started)).to_owned()
});

/// Returns the name to use in hints.
pub fn name() -> &'static str {
    &NAME
}

/// Tells what to do without a session.
pub fn not_signed_in() -> String {
    format!("You are not signed in. Sign in with `{} login <url>`.", name())
}

/// Any other name, such as that of a test, is of no use in a hint.
fn name_of(started: &Path) -> &'static str {
    match started.file_stem().and_then(|name| name.to_str()) {
        Some("coder") => "coder",
        Some(_) | None => "warren",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_compatible_name_is_taken_over() {
        for (started, name) in [
            ("/usr/bin/coder", "coder"),
            ("coder.exe", "coder"),
            ("./warren", "warren"),
            ("/tmp/warren-1a2b", "warren"),
        ] {
            assert_eq!(name_of(Path::new(started)), name);
        }
    }
}
