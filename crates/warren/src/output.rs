//! What a command prints: data on standard output, everything else on standard error.

use std::io::Write;

use serde::Serialize;

/// The two forms in which lists and objects are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Table,
    Json,
}

/// Prints a line of data.
pub fn line(text: &str) {
    text_out(&format!("{text}\n"));
}

/// Prints data as it is and flushes, for text that grows.
pub fn text_out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // When the reader has left (`warren list | head -1`), there is nobody to tell.
        if error.kind() != std::io::ErrorKind::BrokenPipe {
            note(&format!("error: standard output cannot be written: {error}"));
        }
        std::process::exit(1);
    }
}

/// Prints a line for the person at the terminal.
pub fn note(text: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints an object the way scripts read it.
///
/// # Errors
/// When the object has no JSON form.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Writes out what is buffered.
pub fn flush() {
    // The process is about to end either way.
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
}
