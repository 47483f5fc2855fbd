//! What somebody asks of a token, checked.

use std::time::Duration;

use chrono::TimeDelta;
use warren_authz::{AllowListEntry, requestable_scopes};

use crate::{
    error::{AppResult, Explanation},
    identity::token::{SCOPE_ALL, SCOPE_APPLICATION_CONNECT, random_text},
};

/// The longest token name, in characters.
const NAME_CHARS_MAX: usize = 64;
/// Letters of a name that nobody chose.
const RANDOM_NAME_LEN: usize = 12;
/// Objects that a token may be limited to.
const ALLOW_LIST_MAX: usize = 128;
/// The last part of the route that shows the longest lifetime, which would hide a token of this name.
const RESERVED: &str = "tokenconfig";

/// A token as somebody asks for it.
#[derive(Debug, Clone, Default)]
pub struct NewToken {
    /// Zero asks for the default.
    pub lifetime: TimeDelta,
    /// Empty asks for a random name.
    pub name: String,
    /// The older single form of `scopes`, used when they are empty.
    pub scope: Option<String>,
    pub scopes: Vec<String>,
    /// `type:id` texts; empty for every object.
    pub allow_list: Vec<String>,
}

/// A token that can be made.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) lifetime: TimeDelta,
    pub(super) name: String,
    pub(super) scopes: Vec<String>,
    pub(super) allow_list: Vec<String>,
}

/// Fills in what was left out and refuses what is not allowed.
pub(super) fn check(new: NewToken, default: Duration, max: TimeDelta) -> AppResult<Asked> {
    let mut wrong = Explanation::new("Validation failed.");
    let default = TimeDelta::from_std(default).unwrap_or(TimeDelta::MAX);
    let lifetime = if new.lifetime.is_zero() { Ord::min(default, max) } else { new.lifetime };
    if lifetime < TimeDelta::seconds(1) {
        wrong = wrong.field("lifetime", "must be at least a second, in nanoseconds");
    } else if lifetime > max {
        let hours = max.num_hours();
        wrong = wrong.field("lifetime", format!("must be at most {hours} hours, in nanoseconds"));
    }
    if let Some(reason) = check_name(&new.name) {
        wrong = wrong.field("token_name", reason);
    }
    let scopes = scopes(new.scope, new.scopes);
    let known = requestable_scopes();
    for scope in scopes.iter().filter(|scope| !known.contains(scope)) {
        let detail =
            format!("{scope:?} is no scope that a token can have; GET /api/v2/auth/scopes lists them");
        wrong = wrong.field("scopes", detail);
    }
    if new.allow_list.len() > ALLOW_LIST_MAX {
        wrong = wrong.field("allow_list", format!("must have at most {ALLOW_LIST_MAX} entries"));
    }
    for entry in &new.allow_list {
        if let Err(error) = AllowListEntry::parse(entry) {
            wrong = wrong.field("allow_list", error.to_string());
        }
    }
    wrong.refuse_if_any()?;
    let name = if new.name.is_empty() { random_text(RANDOM_NAME_LEN) } else { new.name };
    let allow_list = if new.allow_list.is_empty() { vec![String::from("*:*")] } else { new.allow_list };
    Ok(Asked { lifetime, name, scopes, allow_list })
}

/// The scopes under their present names, each once.
fn scopes(single: Option<String>, mut scopes: Vec<String>) -> Vec<String> {
    if scopes.is_empty() {
        scopes.extend(single.filter(|scope| !scope.is_empty()));
    }
    if scopes.is_empty() {
        scopes.push(String::from(SCOPE_ALL));
    }
    for scope in &mut scopes {
        match scope.as_str() {
            "all" => *scope = String::from(SCOPE_ALL),
            "application_connect" => *scope = String::from(SCOPE_APPLICATION_CONNECT),
            _ => {}
        }
    }
    scopes.sort();
    scopes.dedup();
    scopes
}

fn check_name(name: &str) -> Option<String> {
    if name.chars().count() > NAME_CHARS_MAX {
        return Some(format!("must be at most {NAME_CHARS_MAX} characters long"));
    }
    if name.trim() != name || name.chars().any(|letter| letter.is_control() || letter == '/') {
        return Some(String::from("must not contain slashes, control characters or blanks around it"));
    }
    (name == RESERVED).then(|| format!("{RESERVED:?} is reserved"))
}

#[cfg(test)]
mod tests;
