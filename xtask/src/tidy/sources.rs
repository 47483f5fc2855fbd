//! Source files: their size, their names and the calls that have one place only.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The longest source file, in lines; tests and generated code apart.
const LINES_MAX: usize = 500;
/// Names that say nothing about what a file owns.
const VAGUE_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc"];
const ROOTS: &[&str] = &["crates", "e2e", "xtask", "site/src", "site/e2e"];
const SKIPPED_FOLDERS: &[&str] = &["node_modules", "target", "dist"];

/// Checks every source file.
pub fn check() -> Result<Vec<String>> {
    let mut files = Vec::new();
    for root in ROOTS {
        collect(Path::new(root), &mut files)?;
    }
    let mut findings = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        name(file, &mut findings);
        size(file, &text, &mut findings);
        calls(file, &text, &mut findings);
    }
    Ok(findings)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(path).with_context(|| format!("{} cannot be read", path.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !SKIPPED_FOLDERS.contains(&name.as_str()) {
            collect(&path, files)?;
        } else if ["rs", "ts", "tsx", "mjs"].iter().any(|ending| name.ends_with(&format!(".{ending}"))) {
            files.push(path);
        }
    }
    Ok(())
}

fn name(file: &Path, findings: &mut Vec<String>) {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folders = file.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    for part in folders.chain([stem.clone()]) {
        if VAGUE_NAMES.contains(&part.as_str()) {
            findings.push(format!("{}: `{part}` does not say what it owns", file.display()));
        }
    }
    if stem == "mod" {
        findings.push(format!("{}: use `name.rs` beside `name/`", file.display()));
    }
}

fn size(file: &Path, text: &str, findings: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > LINES_MAX && !is_test(file) && !is_generated(file) {
        findings.push(format!("{}: {lines} lines, at most {LINES_MAX}", file.display()));
    }
}

fn calls(file: &Path, text: &str, findings: &mut Vec<String>) {
    let path = file.to_string_lossy();
    let is_rust = path.ends_with(".rs");
    // Spelled in two pieces, so that this file does not find itself.
    let spawn = concat!("tokio::", "spawn(");
    let sleep = concat!("thread::", "sleep(");
    let paths = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/home/", "runner")];
    for (index, line) in text.lines().enumerate().filter(|_| is_rust) {
        let at = || format!("{path}:{}", index + 1);
        if line.contains(spawn) && !path.starts_with("crates/warren-rt/") && !is_test(file) {
            findings.push(format!("{}: tasks are started through `warren_rt::Tasks`", at()));
        }
        if is_test(file) && line.contains(sleep) {
            findings.push(format!("{}: tests wait for a condition, they do not sleep", at()));
        }
        for machine in paths.iter().filter(|machine| line.contains(**machine)) {
            findings.push(format!("{}: `{machine}` exists on one machine only", at()));
        }
    }
}

fn is_test(file: &Path) -> bool {
    let path = file.to_string_lossy();
    path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
        || path.contains(".test.")
}

fn is_generated(file: &Path) -> bool {
    let path = file.to_string_lossy();
    path.contains(".gen.") || path.contains("/generated/")
}
