//! What runs on this machine, seen from outside: sandboxes hide their processes from themselves, not from `/proc`.

use std::fs;

/// Counts the processes whose command line contains a text.
pub fn count_with(text: &str) -> usize {
    command_lines().filter(|line| line.contains(text)).count()
}

/// Lists the command lines that contain a text, for messages.
pub fn list_with(text: &str) -> Vec<String> {
    command_lines().filter(|line| line.contains(text)).collect()
}

/// Ends the processes whose command line contains a text, as `kill -9` does. Returns how many it found.
///
/// # Errors
/// Fails when `kill` cannot be run.
pub fn kill_with(text: &str) -> std::io::Result<usize> {
    let ids: Vec<_> =
        with_ids().filter(|(_, line)| line.contains(text)).map(|(id, _)| id.to_string()).collect();
    if !ids.is_empty() {
        // Those that are gone already make it fail, which is as good.
        std::process::Command::new("kill").arg("-9").args(&ids).status()?;
    }
    Ok(ids.len())
}

/// Resident memory of a process, in bytes; `None` when there is no such process.
pub fn resident_bytes(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn command_lines() -> impl Iterator<Item = String> {
    with_ids().map(|(_, line)| line)
}

fn with_ids() -> impl Iterator<Item = (u32, String)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let bytes = fs::read(entry.path().join("cmdline")).ok()?;
        Some((id, String::from_utf8_lossy(&bytes).replace('\0', " ")))
    })
}
