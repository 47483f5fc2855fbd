//! Looking for processes of a workspace on this machine.

use std::fs;

/// Returns the ids of live processes whose environment holds the text.
pub fn with_environment(text: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("Linux has /proc");
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    // A process may end while it is looked at; then it does not count.
    let has_text = |id: &u32| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == text.as_bytes())
    };
    ids.filter(has_text).collect()
}
