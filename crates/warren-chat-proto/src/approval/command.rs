//! The commands in a text that a shell reads, as far as they can be told apart without being a shell.

use std::collections::BTreeSet;

/// What joins commands, or puts one into another.
const JOINTS: [char; 8] = [';', '&', '|', '\n', '`', '(', '<', '>'];
/// Words of a shell after which a command begins.
const RESERVED: [&str; 11] =
    ["!", "{", "if", "then", "elif", "else", "while", "until", "do", "time", "coproc"];
/// Programs that run another, which follows their options.
const CARRIERS: [&str; 14] = [
    "sudo", "doas", "env", "command", "exec", "builtin", "nohup", "nice", "ionice", "setsid", "stdbuf",
    "timeout", "xargs", "busybox",
];

/// How many times a text joins commands.
pub(super) fn n_joints(text: &str) -> usize {
    text.matches(JOINTS).count()
}

/// The text with one space for every stretch of blanks.
pub(super) fn with_single_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every way to read the commands in a text, from the whole of it to each command without what stands before it: words of
/// the shell, assignments, programs that run another, and the directory of the program.
pub(super) fn readings(text: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([text.trim().to_owned(), with_single_blanks(text)]);
    for one in text.split(JOINTS) {
        let words: Vec<_> = one.split_whitespace().collect();
        for start in starts(&words) {
            let rest = &words[start..];
            all.insert(rest.join(" "));
            let unquoted: String = rest[0].chars().filter(|c| !matches!(c, '\\' | '\'' | '"')).collect();
            let program = unquoted.rsplit('/').next().unwrap_or_default().to_owned();
            all.extend([unquoted, program].map(|first| [&[first.as_str()], &rest[1..]].concat().join(" ")));
        }
    }
    all.remove("");
    all
}

/// The words with which the command may begin.
fn starts(words: &[&str]) -> Vec<usize> {
    let (mut starts, mut carried, mut follows_option) = (Vec::new(), false, false);
    for (place, word) in words.iter().enumerate() {
        starts.push(place);
        let name = word.trim_start_matches('\\').rsplit('/').next().unwrap_or_default();
        if RESERVED.contains(word) || is_assignment(word) {
            follows_option = false;
        } else if CARRIERS.contains(&name) {
            (carried, follows_option) = (true, false);
        } else if carried && word.starts_with('-') {
            follows_option = true;
        } else if carried && (follows_option || word.starts_with(|first: char| first.is_ascii_digit())) {
            // It may be what the option is set to, or how long it may take.
            follows_option = false;
        } else {
            break;
        }
    }
    starts
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}
