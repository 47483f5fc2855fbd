//! Opening an address in the user's browser.

use std::process::{Command, Stdio};

/// Tries to show an address; the caller prints it too, so a failure needs no words.
pub fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let (program, is_chosen) = match std::env::var("BROWSER") {
        Ok(chosen) if !chosen.is_empty() => (chosen, true),
        Ok(_) | Err(_) => (program.to_owned(), false),
    };
    // Without a screen the standard program may start a text browser, which would take the terminal.
    let has_screen = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if !is_chosen && !has_screen && !cfg!(target_os = "macos") {
        return;
    }
    let started = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        tracing::debug!(%error, "no browser could be started");
    }
}
