//! Approval rules: which tool calls run, which are asked about and which are refused.
//!
//! Rules are looked at in order and the first that fits decides. A call that names several files fits a rule that allows
//! only when all of them do, and one that asks or denies when any of them does. Commands are treated alike: a shell runs
//! several in one text, so a pattern that allows covers no more commands than it spells out, and one that asks or denies is
//! looked for in each. This stops slips, not a program that hides what it does.

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// A glob over the files that the call names. `*` stays within a directory, `**` does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// A glob over the whole command; where it asks or denies, also over each command in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
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

/// What joins commands, or puts one into another.
const JOINTS: [char; 8] = [';', '&', '|', '\n', '`', '(', '<', '>'];

impl Rule {
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

    fn fits(&self, tool_name: &str, args: &Value) -> bool {
        // A rule that cannot be read must not let anything through, and must not lose what it was to hold back.
        let unreadable = |_: RuleError| self.action != Verdict::Allow;
        let fits = |pattern: &str, is_path, text: &str| {
            glob(pattern, is_path).map_or_else(unreadable, |glob| glob.is_match(text))
        };
        if !fits(&self.tool, false, tool_name) {
            return false;
        }
        let command_fits = self.command.as_ref().is_none_or(|pattern| {
            let command = args["command"].as_str().map(str::trim);
            command.is_some_and(|command| match self.action {
                Verdict::Allow => n_joints(command) == n_joints(pattern) && fits(pattern, false, command),
                Verdict::Ask | Verdict::Deny => {
                    let mut each = command.split(JOINTS).map(str::trim).filter(|one| !one.is_empty());
                    fits(pattern, false, command) || each.any(|one| fits(pattern, false, one))
                }
            })
        });
        command_fits
            && self.path.as_ref().is_none_or(|pattern| {
                let paths = paths(args);
                // Nobody knows where a path leads that leaves the directory in which it begins.
                let is_placed = |path: &str| path.split('/').all(|part| part != "..");
                let fits = |path: &String| {
                    if is_placed(path) { fits(pattern, true, path) } else { self.action != Verdict::Allow }
                };
                let mut fitting = paths.iter().map(fits);
                match self.action {
                    Verdict::Allow => !paths.is_empty() && fitting.all(|fits| fits),
                    Verdict::Ask | Verdict::Deny => fitting.any(|fits| fits),
                }
            })
    }
}

impl Rules {
    /// Decides about a call. A user may be stricter than the deployment, never milder where it asks or denies.
    pub fn decide(&self, tool_name: &str, args: &Value) -> Verdict {
        let deployment = first(&self.deployment, tool_name, args);
        let own = first(&self.chat, tool_name, args).or_else(|| first(&self.user, tool_name, args));
        match (own, deployment) {
            (None, deployment) => deployment.unwrap_or(Verdict::Allow),
            (Some(own), Some(Verdict::Allow) | None) => own,
            (Some(own), Some(deployment @ (Verdict::Ask | Verdict::Deny))) => own.max(deployment),
        }
    }
}

/// Decides by one list; what no rule fits is allowed.
pub fn decide(rules: &[Rule], tool_name: &str, args: &Value) -> Verdict {
    first(rules, tool_name, args).unwrap_or(Verdict::Allow)
}

fn first(rules: &[Rule], tool_name: &str, args: &Value) -> Option<Verdict> {
    rules.iter().find(|rule| rule.fits(tool_name, args)).map(|rule| rule.action)
}

fn n_joints(text: &str) -> usize {
    text.matches(JOINTS).count()
}

/// The files that a call names, without `.` and `..`, so that a pattern cannot be walked around.
fn paths(args: &Value) -> Vec<String> {
    let files = args["files"].as_array().into_iter().flatten();
    let named = args["path"].as_str().into_iter().chain(files.filter_map(|file| file["path"].as_str()));
    named.map(plain).collect()
}

fn plain(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&(".." | "~")) => parts.push(".."),
                None if !path.starts_with('/') => parts.push(".."),
                Some(_) | None => drop(parts.pop()),
            },
            part => parts.push(part),
        }
    }
    let root = if path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

fn glob(pattern: &str, is_path: bool) -> Result<GlobMatcher, RuleError> {
    let glob = GlobBuilder::new(pattern).literal_separator(is_path).build();
    let glob = glob.map_err(|error| RuleError { pattern: pattern.into(), why: error.kind().to_string() })?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(tool: &str, path: Option<&str>, command: Option<&str>, action: Verdict) -> Rule {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Rule { tool: tool.into(), path: text(path), command: text(command), action }
    }

    #[test]
    fn the_first_rule_that_fits_decides_and_none_allows() {
        let rules = [
            rule("execute", None, Some("git push*"), Verdict::Ask),
            rule("execute", None, Some("git *"), Verdict::Allow),
            rule("execute", None, None, Verdict::Deny),
        ];
        let of = |command: &str| decide(&rules, "execute", &json!({ "command": command }));
        assert_eq!(of(" git push origin main"), Verdict::Ask);
        assert_eq!(of("git push\n--force"), Verdict::Ask);
        assert_eq!(of("git status"), Verdict::Allow);
        assert_eq!(of("rm -rf /"), Verdict::Deny);
        assert_eq!(decide(&rules, "read_file", &json!({ "path": "/etc" })), Verdict::Allow);
        assert_eq!(
            decide(&[rule("*_file*", None, None, Verdict::Ask)], "edit_files", &json!({})),
            Verdict::Ask
        );
    }

    #[test]
    fn a_pattern_for_paths_cannot_be_walked_around() {
        let deny = [rule("*", Some("/etc/**"), None, Verdict::Deny)];
        for path in ["/etc/passwd", "/etc/ssh/key", "/home/../etc/passwd", "//etc/./passwd"] {
            assert_eq!(decide(&deny, "read_file", &json!({ "path": path })), Verdict::Deny, "{path}");
        }
        assert_eq!(decide(&deny, "read_file", &json!({ "path": "/etcetera/x" })), Verdict::Allow);
        let one_level = [rule("*", Some("/srv/*"), None, Verdict::Ask)];
        assert_eq!(decide(&one_level, "read_file", &json!({ "path": "/srv/a/b" })), Verdict::Allow);
    }

    #[test]
    fn a_path_that_leaves_its_directory_is_never_allowed_by_a_pattern() {
        let rules = |action| [rule("*", Some("/srv/**"), None, action), rule("*", None, None, Verdict::Ask)];
        for path in ["../../etc/passwd", "~/../other/key", "a/../../b", "~/../../srv/x"] {
            let args = json!({ "path": path });
            assert_eq!(decide(&rules(Verdict::Allow), "read_file", &args), Verdict::Ask, "{path}");
            assert_eq!(decide(&rules(Verdict::Deny), "read_file", &args), Verdict::Deny, "{path}");
        }
        let args = json!({ "path": "/../srv/x" });
        assert_eq!(decide(&rules(Verdict::Allow), "read_file", &args), Verdict::Allow, "nothing is above /");
    }

    #[test]
    fn a_pattern_for_commands_allows_no_others_beside_them_and_refuses_them_anywhere() {
        let of = |pattern, action, command: &str| {
            let rules = [rule("execute", None, Some(pattern), action), rule("*", None, None, Verdict::Ask)];
            decide(&rules, "execute", &json!({ "command": command }))
        };
        let sly =
            ["git log; rm -rf /", "git log && rm x", "git log\nrm x", "git log $(rm x)", "git log `rm x`"];
        for command in sly.into_iter().chain(["git log > /etc/passwd", "git log | sh", "git log & rm x"]) {
            assert_eq!(of("git *", Verdict::Allow, command), Verdict::Ask, "{command}");
        }
        assert_eq!(of("git *", Verdict::Allow, "git log --oneline"), Verdict::Allow);
        assert_eq!(of("cd * && git *", Verdict::Allow, "cd /srv && git log"), Verdict::Allow);
        assert_eq!(of("cd * && git *", Verdict::Allow, "cd /srv && git log && rm x"), Verdict::Ask);
        for command in ["rm -rf x", "cd /srv && rm -rf x", "(rm -rf x)", "echo $(rm -rf x)"] {
            assert_eq!(of("rm *", Verdict::Deny, command), Verdict::Deny, "{command}");
        }
        assert_eq!(of("rm *", Verdict::Deny, "echo rm x"), Verdict::Ask);
    }

    #[test]
    fn of_several_files_all_must_be_allowed_and_one_is_enough_to_refuse() {
        let edit = |paths: &[&str]| json!({ "files": paths.iter().map(|path| json!({ "path": path })).collect::<Vec<_>>() });
        let rules =
            [rule("edit_files", Some("/srv/**"), None, Verdict::Allow), rule("*", None, None, Verdict::Ask)];
        assert_eq!(decide(&rules, "edit_files", &edit(&["/srv/a", "/srv/b"])), Verdict::Allow);
        assert_eq!(decide(&rules, "edit_files", &edit(&["/srv/a", "/etc/b"])), Verdict::Ask);
        let deny = [rule("*", Some("/etc/**"), None, Verdict::Deny)];
        assert_eq!(decide(&deny, "edit_files", &edit(&["/srv/a", "/etc/b"])), Verdict::Deny);
        assert_eq!(decide(&rules, "execute", &json!({ "command": "ls" })), Verdict::Ask);
    }

    #[test]
    fn a_user_may_be_stricter_than_the_deployment_but_not_milder() {
        let verdict = |chat, user, deployment| {
            let list = |action: Option<Verdict>| {
                action.map(|action| rule("*", None, None, action)).into_iter().collect()
            };
            Rules { chat: list(chat), user: list(user), deployment: list(deployment) }
                .decide("execute", &json!({}))
        };
        use Verdict::{Allow, Ask, Deny};
        assert_eq!(verdict(None, None, None), Allow);
        assert_eq!(verdict(None, None, Some(Ask)), Ask);
        assert_eq!(verdict(None, Some(Deny), Some(Allow)), Deny);
        assert_eq!(verdict(Some(Allow), Some(Ask), None), Allow, "what was remembered comes first");
        assert_eq!(verdict(Some(Allow), Some(Allow), Some(Ask)), Ask);
        assert_eq!(verdict(Some(Allow), None, Some(Deny)), Deny);
        assert_eq!(verdict(Some(Deny), None, Some(Ask)), Deny);
    }

    #[test]
    fn a_rule_that_cannot_be_read_lets_nothing_through() {
        let broken = |action| rule("execute", None, Some("["), action);
        assert!(broken(Verdict::Deny).check().unwrap_err().to_string().contains("\"[\""));
        let args = json!({ "command": "ls" });
        assert_eq!(decide(&[broken(Verdict::Deny)], "execute", &args), Verdict::Deny);
        let rules = [broken(Verdict::Allow), rule("*", None, None, Verdict::Ask)];
        assert_eq!(decide(&rules, "execute", &args), Verdict::Ask);
        assert!(rule("*", Some("/a/**"), Some("git *"), Verdict::Ask).check().is_ok());
    }
}
