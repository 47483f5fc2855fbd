//! Paths as rules see them: absolute, without `.`, `..` and links.

use std::collections::BTreeMap;

use serde_json::Value;

/// Lists what is directly in a directory.
const LISTING: &str = "list_files";
/// Reads everything below a directory.
const SEARCHING: &str = "search_files";
/// The home directory while nobody has said where it is.
pub const HOME: &str = "~";

/// Where paths lead in a workspace, as its agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The home directory of the workspace's user.
    pub home: String,
    /// Paths as calls and rules name them, with where they really lead. None where the agent cannot say.
    pub real: BTreeMap<String, Option<String>>,
}

impl Default for Places {
    /// Nothing is known but what the paths themselves say.
    fn default() -> Self {
        Self { home: HOME.into(), real: BTreeMap::new() }
    }
}

/// A path of a call.
pub(super) struct Place {
    /// As the call names it, but absolute; none when nobody can say where it leads.
    pub(super) told: Option<String>,
    /// Where it really leads.
    pub(super) real: Option<String>,
    /// Whether the call sees everything below the path, not what it names alone.
    is_tree: bool,
}

impl Places {
    /// The paths of a call.
    pub(super) fn of(&self, tool_name: &str, args: &Value) -> Vec<Place> {
        let is_tree = tool_name == SEARCHING;
        let place = |path: String| {
            let told = absolute(&path, &self.home);
            let real = self.real.get(&path).cloned().unwrap_or_else(|| told.clone());
            Place { told, real, is_tree }
        };
        named(tool_name, args).into_iter().map(place).collect()
    }

    /// A pattern as it fits absolute paths.
    pub(super) fn pattern(&self, pattern: &str) -> String {
        let rooted = rooted(pattern);
        match rooted.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", literal(&self.home))
            }
            Some(_) | None => rooted,
        }
    }

    /// The same pattern by where its fixed beginning really is, if that is another place.
    pub(super) fn real_pattern(&self, pattern: &str) -> Option<String> {
        let (fixed, rest) = split(&rooted(pattern));
        let real = self.real.get(&fixed)?.as_ref()?;
        let moved = [literal(real).trim_end_matches('/'), &rest].concat();
        (moved != self.pattern(pattern)).then_some(moved)
    }
}

impl Place {
    /// Whether what the call sees may be in what an absolute pattern names, beside the path itself: the directory whose
    /// entries the pattern names, or a tree that has some of them.
    pub(super) fn reaches_into(&self, pattern: &str) -> bool {
        let (fixed, rest) = split(pattern);
        let within = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let reaches = |path: &String| {
            let (is_above, is_below) = (within(&fixed, path), within(path, &fixed));
            if self.is_tree {
                is_above || (is_below && goes_below(pattern, &rest, path))
            } else {
                is_above && is_below
            }
        };
        self.told.iter().chain(&self.real).any(reaches)
    }
}

/// Whether a pattern may name something below a directory that is below the pattern's fixed beginning.
fn goes_below(pattern: &str, rest: &str, path: &str) -> bool {
    rest.contains("**") || rest.contains('{') || pattern.matches('/').count() > path.matches('/').count()
}

/// The paths that a call names, as it names them. The tools for directories begin at home when they are told nothing.
pub fn named(tool_name: &str, args: &Value) -> Vec<String> {
    let files = args["files"].as_array().into_iter().flatten();
    let named = args["path"].as_str().into_iter().chain(files.filter_map(|file| file["path"].as_str()));
    let named: Vec<_> = named.map(str::to_owned).collect();
    if named.is_empty() && [LISTING, SEARCHING].contains(&tool_name) { vec![String::new()] } else { named }
}

/// A pattern that begins at the root, at home or anywhere.
pub(super) fn rooted(pattern: &str) -> String {
    let is_rooted = pattern == "~" || ["/", "**", "{", "~/"].iter().any(|start| pattern.starts_with(start));
    if is_rooted { pattern.to_owned() } else { format!("~/{pattern}") }
}

/// The fixed beginning of a pattern, whole parts of a path, and the rest.
pub(super) fn split(pattern: &str) -> (String, String) {
    let parts: Vec<_> = pattern.split('/').collect();
    let n_fixed = parts.iter().take_while(|part| !part.contains(SPECIAL)).count();
    let fixed = parts[..n_fixed].join("/");
    let fixed = if fixed.is_empty() { String::from("/") } else { fixed };
    let rest = parts[n_fixed..].join("/");
    (fixed, if rest.is_empty() { rest } else { format!("/{rest}") })
}

/// An absolute path without `.` and `..`; none for one that goes above where it begins.
pub fn absolute(path: &str, home: &str) -> Option<String> {
    let rooted = match path {
        "" | "~" => home.to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("{home}/{}", path.strip_prefix("~/").unwrap_or(path)),
    };
    // Where home is not known, nobody knows what is above it.
    let is_known = rooted.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in rooted.split('/') {
        match part {
            "" | "." => {}
            ".." if is_known => drop(parts.pop()),
            ".." if parts.len() > 1 => drop(parts.pop()),
            ".." => return None,
            part => parts.push(part),
        }
    }
    Some(format!("{}{}", if is_known { "/" } else { "" }, parts.join("/")))
}

const SPECIAL: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// A pattern that fits this text and no other.
pub fn literal(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if SPECIAL.contains(&c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}
