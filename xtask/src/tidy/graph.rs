//! The crate graph: which of our crates may use which, and that all follow the workspace's settings.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result};
use toml::Value;

/// The allowed edges. A crate that is not listed here may not exist; an edge that is not listed needs a decision
/// record and a line here. Development dependencies may also use the test crates and `warren-dev-model`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("warren-vocab", &[]),
    ("warren-api", &["warren-vocab"]),
    ("warren-wire", &["warren-vocab"]),
    ("warren-authz", &["warren-vocab"]),
    ("warren-chat-proto", &["warren-vocab"]),
    ("warren-build-proto", &["warren-vocab"]),
    ("warren-tunnel-proto", &["warren-vocab", "warren-wire"]),
    ("warren-mesh-proto", &["warren-vocab"]),
    ("warren-rt", &[]),
    ("warren-test-postgres", &[]),
    ("warren-config", &["warren-rt"]),
    ("warren-db", &["warren-vocab", "warren-authz", "warren-rt"]),
    ("warren-sdk", &["warren-vocab", "warren-api", "warren-rt"]),
    ("warren-tunnel", &["warren-vocab", "warren-tunnel-proto", "warren-wire", "warren-rt"]),
    ("warren-llm", &["warren-vocab", "warren-rt"]),
    ("warren-dev-model", &["warren-rt"]),
    ("warren-dev-idp", &["warren-rt"]),
    ("warren-upstream", &["warren-vocab", "warren-rt"]),
    ("warren-audit", &["warren-vocab", "warren-db"]),
    (
        "warren-app",
        &[
            "warren-vocab",
            "warren-config",
            "warren-db",
            "warren-audit",
            "warren-authz",
            "warren-build-proto",
            "warren-upstream",
            "warren-rt",
        ],
    ),
    (
        "warren-chat",
        &[
            "warren-vocab",
            "warren-db",
            "warren-audit",
            "warren-authz",
            "warren-chat-proto",
            "warren-llm",
            "warren-rt",
        ],
    ),
    ("warren-provisioner", &["warren-vocab", "warren-wire", "warren-build-proto", "warren-rt"]),
    ("warren-agent", &["warren-vocab", "warren-wire", "warren-tunnel", "warren-sdk", "warren-rt"]),
    (
        "warren-server",
        &[
            "warren-vocab",
            "warren-app",
            "warren-audit",
            "warren-build-proto",
            "warren-config",
            "warren-db",
            "warren-authz",
            "warren-chat",
            "warren-api",
            "warren-wire",
            "warren-mesh-proto",
            "warren-tunnel",
            "warren-upstream",
            "warren-provisioner",
            "warren-sdk",
            "warren-rt",
        ],
    ),
    (
        "warren",
        &[
            "warren-vocab",
            "warren-api",
            "warren-config",
            "warren-server",
            "warren-agent",
            "warren-provisioner",
            "warren-sdk",
            "warren-tunnel",
            "warren-dev-idp",
            "warren-dev-model",
            "warren-rt",
        ],
    ),
];

/// Crates that tests may use on top. The agent is a peer of the server's own tests.
const TEST_ONLY: &[&str] =
    &["warren-testkit", "warren-db-testkit", "warren-dev-model", "warren-dev-idp", "warren-agent"];

/// Crates that may use any of ours, or none, and are not shipped.
const UNCHECKED: &[&str] = &["warren-testkit", "warren-db-testkit", "e2e"];

/// Checks every member's manifest.
pub fn check() -> Result<Vec<String>> {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let mut findings = Vec::new();
    for entry in fs::read_dir("crates").context("crates/ cannot be read")? {
        let manifest = entry?.path().join("Cargo.toml");
        let name = manifest
            .parent()
            .and_then(|path| path.file_name())
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("{} cannot be read", manifest.display()))?;
        let table: Value =
            toml::from_str(&text).with_context(|| format!("{} is not TOML", manifest.display()))?;
        settings(&name, &table, &mut findings);
        if UNCHECKED.contains(&name.as_str()) {
            continue;
        }
        match allowed.get(name.as_str()) {
            Some(edges) => edges_of(&name, &table, edges, &mut findings),
            None => {
                findings.push(format!("{name} has no place in the crate graph (xtask/src/tidy/graph.rs)"))
            }
        }
    }
    Ok(findings)
}

fn settings(name: &str, table: &Value, findings: &mut Vec<String>) {
    let inherits = |value: Option<&Value>| {
        value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
    };
    if !inherits(table.get("lints")) {
        findings.push(format!("{name} does not follow the workspace's lints"));
    }
    for key in ["edition", "license", "publish"] {
        if !inherits(table.get("package").and_then(|package| package.get(key))) {
            findings.push(format!("{name} sets its own `{key}`"));
        }
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (dependency, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
            if !inherits(Some(value)) {
                findings.push(format!("{name} takes `{dependency}` past the workspace's list"));
            }
        }
    }
}

fn edges_of(name: &str, table: &Value, allowed: &[&str], findings: &mut Vec<String>) {
    for (section, extra) in [("dependencies", &[][..]), ("dev-dependencies", TEST_ONLY)] {
        let dependencies = table.get(section).and_then(Value::as_table);
        for dependency in dependencies.into_iter().flatten().map(|(key, _)| key.as_str()) {
            let is_ours = dependency.starts_with("warren-") || dependency == "warren";
            if is_ours && !allowed.contains(&dependency) && !extra.contains(&dependency) {
                findings.push(format!("{name} may not use {dependency} ({section})"));
            }
        }
    }
}
