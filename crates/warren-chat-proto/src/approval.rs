//! Approval rules: which tool calls run, which are asked about and which are refused.
//!
//! Rules are looked at in order and the first that fits decides. A call that names several files fits a rule that allows
//! only when all of them do, and one that asks or denies when any of them does. Paths are compared as absolute ones, where
//! they really lead for rules that allow, and both ways for those that ask or deny. Commands are treated alike: a shell runs
//! several in one text, so a pattern that allows covers no more commands than it spells out, and one that asks or denies is
//! looked for in each. This stops slips, not a program that hides what it does.

mod command;
mod place;

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::place::Place;
pub use self::place::{HOME, Places, absolute, literal, named};

/// What happens to a call, from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It runs.
    Allow,
    /// Somebody is asked first.
    Ask,
    /// It is refused.
    Deny,
}

/// One rule. What it does not name fits everything; a call without a path or command fits no rule that names one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// A glob over the tool's name.
    pub tool: String,
    /// A glob over the files that the call names. `*` stays within a directory, `**` does not. One that does not begin with
    /// `/` or `**` begins at the home directory, as `~/` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A glob over the whole command; where it asks or denies, also over each command in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The directory that the call names for its command, word for word; empty where it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workdir: Option<String>,
    /// All arguments of the call, but for the note about what it is meant for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Value>,
    pub action: Verdict,
}

/// The rule is not usable. The text says why, as a clause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern {pattern:?} is not valid: {why}")]
pub struct RuleError {
    pub pattern: String,
    pub why: String,
}

/// The rules of everybody who has a say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// What the chat's owner has asked to be remembered in this chat.
    pub chat: Vec<Rule>,
    pub user: Vec<Rule>,
    pub deployment: Vec<Rule>,
}

impl Rule {
    /// A rule for all calls of the tools that a pattern names.
    pub fn of(tool: impl Into<String>, action: Verdict) -> Self {
        Self { tool: tool.into(), path: None, command: None, workdir: None, args: None, action }
    }

    /// Checks the patterns.
    ///
    /// # Errors
    /// Names the first that is not a valid glob.
    pub fn check(&self) -> Result<(), RuleError> {
        glob(&self.tool, false)?;
        if let Some(path) = &self.path {
            glob(path, true)?;
        }
        if let Some(command) = &self.command {
            glob(command, false)?;
        }
        Ok(())
    }

    fn fits(&self, tool_name: &str, args: &Value, places: &Places) -> bool {
        self.fits_text(&self.tool, false, tool_name)
            && self.command.as_ref().is_none_or(|pattern| self.fits_command(pattern, args))
            && self
                .workdir
                .as_ref()
                .is_none_or(|wanted| args["workdir"].as_str().unwrap_or_default() == wanted)
            && self.args.as_ref().is_none_or(|wanted| *wanted == compared(args))
            && self.path.as_ref().is_none_or(|pattern| self.fits_paths(pattern, tool_name, args, places))
    }

    fn fits_text(&self, pattern: &str, is_path: bool, text: &str) -> bool {
        // A rule that cannot be read must not let anything through, and must not lose what it was to hold back.
        glob(pattern, is_path).map_or_else(|_| self.action != Verdict::Allow, |glob| glob.is_match(text))
    }

    fn fits_command(&self, pattern: &str, args: &Value) -> bool {
        let Some(text) = args["command"].as_str().map(str::trim) else { return false };
        match self.action {
            Verdict::Allow => {
                command::n_joints(text) == command::n_joints(pattern) && self.fits_text(pattern, false, text)
            }
            Verdict::Ask | Verdict::Deny => {
                let even = command::with_single_blanks(pattern);
                let fits =
                    |one: &String| self.fits_text(pattern, false, one) || self.fits_text(&even, false, one);
                command::readings(text).iter().any(fits)
            }
        }
    }

    fn fits_paths(&self, pattern: &str, tool_name: &str, args: &Value, places: &Places) -> bool {
        let named = places.of(tool_name, args);
        let here = places.pattern(pattern);
        match self.action {
            Verdict::Allow => {
                let is_allowed = |place: &Place| {
                    place.told.is_some()
                        && place.real.as_ref().is_some_and(|real| self.fits_text(&here, true, real))
                };
                !named.is_empty() && named.iter().all(is_allowed)
            }
            Verdict::Ask | Verdict::Deny => {
                let patterns: Vec<_> = places.real_pattern(pattern).into_iter().chain([here]).collect();
                named.iter().any(|place| self.holds_back(&patterns, place))
            }
        }
    }

    /// Whether a place is one of those that the patterns name. Where nobody knows where a path leads, it may be.
    fn holds_back(&self, patterns: &[String], place: &Place) -> bool {
        let is_placed = place.told.is_some() && place.real.is_some();
        let fits = |pattern: &String| {
            let mut paths = place.told.iter().chain(&place.real);
            paths.any(|path| self.fits_text(pattern, true, path)) || place.reaches_into(pattern)
        };
        !is_placed || patterns.iter().any(fits)
    }
}

impl Rules {
    /// Decides about a call. A user may be stricter than the deployment, never milder where it asks or denies; what was
    /// remembered in the chat answers what the user is asked about, and does not undo what the user has forbidden.
    pub fn decide(&self, tool_name: &str, args: &Value, places: &Places) -> Verdict {
        let first = |rules: &[Rule]| first(rules, tool_name, args, places);
        let own = match (first(&self.chat), first(&self.user)) {
            (Some(chat), Some(Verdict::Ask) | None) => Some(chat),
            (Some(chat), Some(user @ (Verdict::Allow | Verdict::Deny))) => Some(chat.max(user)),
            (None, user) => user,
        };
        match (own, first(&self.deployment)) {
            (None, deployment) => deployment.unwrap_or(Verdict::Allow),
            (Some(own), Some(Verdict::Allow) | None) => own,
            (Some(own), Some(deployment @ (Verdict::Ask | Verdict::Deny))) => own.max(deployment),
        }
    }

    /// The paths whose real places the decision about a call depends on; nothing when it depends on none.
    pub fn paths(&self, tool_name: &str, args: &Value) -> BTreeSet<String> {
        let all = [&self.chat, &self.user, &self.deployment].into_iter().flatten();
        let fits = |rule: &&Rule| rule.fits_text(&rule.tool, false, tool_name);
        let patterns: Vec<_> =
            all.filter(fits).filter_map(|rule| Some((rule.path.as_ref()?, rule.action))).collect();
        let named = place::named(tool_name, args);
        if patterns.is_empty() || named.is_empty() {
            return BTreeSet::new();
        }
        let held_back = patterns.iter().filter(|(_, action)| *action != Verdict::Allow);
        held_back.map(|(pattern, _)| place::split(&place::rooted(pattern)).0).chain(named).collect()
    }
}

/// The arguments of a call as rules compare them.
pub fn compared(args: &Value) -> Value {
    const NOTE: &str = "model_intent";
    let mut args = args.clone();
    if let Some(fields) = args.as_object_mut() {
        fields.remove(NOTE);
    }
    args
}

fn first(rules: &[Rule], tool_name: &str, args: &Value, places: &Places) -> Option<Verdict> {
    rules.iter().find(|rule| rule.fits(tool_name, args, places)).map(|rule| rule.action)
}

fn glob(pattern: &str, is_path: bool) -> Result<GlobMatcher, RuleError> {
    let glob = GlobBuilder::new(pattern).literal_separator(is_path).build();
    let glob = glob.map_err(|error| RuleError { pattern: pattern.into(), why: error.kind().to_string() })?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests;
