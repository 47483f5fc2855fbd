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

/// Resident memory of a process, in bytes; `None` when there is no such process.
pub fn resident_bytes(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn command_lines() -> impl Iterator<Item = String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| {
        let is_process =
            entry.file_name().to_str().is_some_and(|name| name.bytes().all(|b| b.is_ascii_digit()));
        let bytes = is_process.then(|| fs::read(entry.path().join("cmdline")).ok()).flatten()?;
        Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
    })
}
