//! The section of an OpenSSH client configuration that belongs to us: written, found, replaced. Pure text.
//!
//! Everything outside the two marker lines is never touched. The markers and the layout are those that other tools look
//! for.

use thiserror::Error;

/// First line of the section.
pub const START: &str = "# ------------START-CODER-----------";
/// Last line of the section.
pub const END: &str = "# ------------END-CODER------------";

/// Why a file cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SectionError {
    #[error(
        "the section of a former config-ssh has no end; remove the line {START:?} and what belongs to it"
    )]
    NoEnd,
    #[error("there is an end of a section without a beginning; remove the line {END:?}")]
    NoStart,
    #[error("there is more than one section of config-ssh; leave one of them")]
    Several,
}

/// What the section says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The executable that OpenSSH calls.
    pub binary: String,
    pub config_dir: String,
    /// For example `coder.`; empty for none.
    pub prefix: String,
    /// For example `coder`; empty for none.
    pub suffix: String,
    /// `KEY=VALUE` of the user, which win.
    pub user_options: Vec<String>,
    /// `(KEY, VALUE)` of the deployment.
    pub deployment_options: Vec<(String, String)>,
    pub choices: Choices,
}

/// The flags that are remembered for the next time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Empty for the default.
    pub wait: String,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
    pub disable_autostart: bool,
    pub ssh_options: Vec<String>,
}

const DEFAULT_OPTIONS: [&str; 4] =
    ["ConnectTimeout=0", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel ERROR"];

impl Section {
    /// Writes the section, with both markers and without a newline at the end.
    pub fn render(&self) -> String {
        let mut lines = vec![
            START.to_owned(),
            "# This section is managed by coder. DO NOT EDIT.".to_owned(),
            "#".to_owned(),
            "# `warren config-ssh` writes it anew each time, so changes made here are lost.".to_owned(),
            "# Options of your own belong outside of it.".to_owned(),
            "#".to_owned(),
        ];
        lines.extend(self.choices.lines());
        let options = self.options();
        if !self.prefix.is_empty() {
            let proxy = format!("{} --ssh-host-prefix {} %h", self.proxy(), self.prefix);
            lines.push(format!("Host {}*", self.prefix));
            lines.extend(options.iter().map(|option| format!("\t{option}")));
            lines.push(format!("\tProxyCommand {proxy}"));
        }
        if !self.suffix.is_empty() {
            lines.push(String::new());
            lines.push(format!("Host *.{}", self.suffix));
            lines.extend(options.iter().map(|option| format!("\t{option}")));
            lines.push(String::new());
            lines.push(format!(
                "Match host *.{} !exec \"{} connect exists %h\"",
                self.suffix,
                escape_match(&quote(&self.binary))
            ));
            lines.push(format!("\tProxyCommand {} --hostname-suffix {} %h", self.proxy(), self.suffix));
        }
        lines.push(END.to_owned());
        lines.join("\n")
    }

    fn proxy(&self) -> String {
        let mut command =
            format!("{} --global-config {} ssh --stdio", quote(&self.binary), quote(&self.config_dir));
        if !self.choices.wait.is_empty() {
            command.push_str(&format!(" --wait={}", self.choices.wait));
        }
        if self.choices.disable_autostart {
            command.push_str(" --disable-autostart=true");
        }
        command
    }

    /// OpenSSH takes the first value of a key, so the order is the precedence. `KEY=` removes a key from what follows.
    fn options(&self) -> Vec<String> {
        let deployment = self.deployment_options.iter().map(|(key, value)| format!("{key} {value}"));
        let all = self.user_options.iter().cloned().chain(deployment);
        let all = all.chain(DEFAULT_OPTIONS.iter().map(|option| (*option).to_owned()));
        let (mut removed, mut options) = (Vec::new(), Vec::new());
        for option in all {
            let (key, value) = option.split_once(['=', ' ']).unwrap_or((&option, ""));
            let key = key.to_ascii_lowercase();
            if removed.contains(&key) {
                continue;
            }
            if value.trim().is_empty() {
                removed.push(key);
            } else {
                options.push(option);
            }
        }
        options
    }
}

impl Choices {
    fn lines(&self) -> Vec<String> {
        let mut stored = Vec::new();
        if !self.wait.is_empty() {
            stored.push(format!("# :wait={}", self.wait));
        }
        if let Some(prefix) = &self.prefix {
            stored.push(format!("# :ssh-host-prefix={prefix}"));
        }
        if let Some(suffix) = &self.suffix {
            stored.push(format!("# :hostname-suffix={suffix}"));
        }
        if self.disable_autostart {
            stored.push("# :disable-autostart=true".to_owned());
        }
        stored.extend(self.ssh_options.iter().map(|option| format!("# :ssh-option={option}")));
        if stored.is_empty() {
            return stored;
        }
        stored.insert(0, "# Last config-ssh options:".to_owned());
        stored.push("#".to_owned());
        stored
    }

    /// Reads the choices that a former run remembered.
    pub fn parse(section: &str) -> Self {
        let mut choices = Self::default();
        for line in section.lines() {
            let Some((key, value)) = line.strip_prefix("# :").and_then(|line| line.split_once('=')) else {
                continue;
            };
            match key {
                "wait" => choices.wait = value.to_owned(),
                "ssh-host-prefix" => choices.prefix = Some(value.to_owned()),
                "hostname-suffix" => choices.suffix = Some(value.to_owned()),
                "disable-autostart" => choices.disable_autostart = value == "true",
                "ssh-option" => choices.ssh_options.push(value.to_owned()),
                // Written by another version; nothing of it can be taken over.
                _ => {}
            }
        }
        choices
    }
}

/// Splits a file into what is before the section, the section, and what is after it.
///
/// # Errors
/// When the markers do not enclose exactly one section.
pub fn split(text: &str) -> Result<(&str, Option<&str>, &str), SectionError> {
    let (starts, ends) = (text.matches(START).count(), text.matches(END).count());
    if starts > 1 || ends > 1 {
        return Err(SectionError::Several);
    }
    match (text.find(START), text.find(END)) {
        (None, None) => Ok((text, None, "")),
        (Some(_), None) => Err(SectionError::NoEnd),
        (None, Some(_)) => Err(SectionError::NoStart),
        (Some(start), Some(end)) if end < start => Err(SectionError::NoStart),
        (Some(start), Some(end)) => {
            let end = end + END.len();
            Ok((&text[..start], Some(&text[start..end]), &text[end..]))
        }
    }
}

/// Puts the section into a file's text: in place of the former one, else at the end.
///
/// # Errors
/// As [`split`].
pub fn replace(text: &str, section: &str) -> Result<String, SectionError> {
    let (before, old, after) = split(text)?;
    if old.is_some() {
        return Ok(format!("{before}{section}{after}"));
    }
    let gap = match before {
        "" => "",
        text if text.ends_with("\n\n") => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    Ok(format!("{before}{gap}{section}\n"))
}

/// Quotes a path for OpenSSH where that is needed.
fn quote(path: &str) -> String {
    let path = path.replace('%', "%%");
    if path.contains([' ', '\t', '"']) { format!("\"{}\"", path.replace('"', "\\\"")) } else { path }
}

/// Inside the quotes of a Match line quotes must be escaped.
fn escape_match(quoted: &str) -> String {
    quoted.replace('"', "\\\"")
}

#[cfg(test)]
mod tests;
