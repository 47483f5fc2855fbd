//! Chooses the program that runs a script.

/// A program and its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
}

impl Invocation {
    /// `interpreter arguments -c script` when the script starts with `#!`, else `shell -c script`.
    pub(crate) fn of(script: &str, shell: &str) -> Invocation {
        // A script edited on Windows would otherwise hand the carriage returns to the shell as part of each command.
        let script = script.replace("\r\n", "\n");
        let words = shebang(&script).unwrap_or_default();
        let mut words = words.into_iter();
        let program = words.next().unwrap_or_else(|| shell.to_owned());
        let arguments = words.chain(["-c".to_owned(), script]).collect();
        Invocation { program, arguments }
    }
}

fn shebang(script: &str) -> Option<Vec<String>> {
    let line = script.trim_start().strip_prefix("#!")?.lines().next()?;
    Some(split_words(line)).filter(|words| !words.is_empty())
}

/// Splits at blanks outside of single and double quotes.
fn split_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (Some(_), _) | (None, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_without_shebang_goes_to_the_shell() {
        let invocation = Invocation::of("echo hi\r\n", "/bin/zsh");
        assert_eq!(invocation.program, "/bin/zsh");
        assert_eq!(invocation.arguments, ["-c", "echo hi\n"]);
    }

    #[test]
    fn a_shebang_names_the_interpreter_and_its_arguments() {
        let script = "\n#!/usr/bin/env -S 'python 3' -u\nprint(1)\n";
        let invocation = Invocation::of(script, "/bin/sh");
        assert_eq!(invocation.program, "/usr/bin/env");
        assert_eq!(invocation.arguments, ["-S", "python 3", "-u", "-c", script]);
    }

    #[test]
    fn an_empty_shebang_goes_to_the_shell() {
        assert_eq!(Invocation::of("#!\necho hi", "/bin/sh").program, "/bin/sh");
    }
}
