//! Text that people write for models.

/// Takes out what nobody sees and what could hide something: zero-width characters, direction marks and other invisible
/// ones, and empty lines beyond one.
pub fn sanitised(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let visible: String = lines.chars().filter(|c| !is_invisible(*c)).collect();
    let mut kept: Vec<&str> = Vec::new();
    for line in visible.trim().split('\n').map(str::trim_end) {
        let is_second_blank = line.is_empty() && kept.last().is_some_and(|last| last.is_empty());
        if !is_second_blank {
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// The same in one line, as titles are.
pub(crate) fn one_line(text: &str) -> String {
    sanitised(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_invisible(c: char) -> bool {
    let is_control = c.is_control() && c != '\n' && c != '\t';
    is_control
        || matches!(
            c,
            '\u{00ad}'
                | '\u{034f}'
                | '\u{061c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_and_runs_of_empty_lines_are_taken_out() {
        assert_eq!(sanitised("a\u{200b}b\u{202e}c\u{feff}"), "abc");
        assert_eq!(sanitised("  one\r\n\r\n\r\n\ntwo \r three\n"), "one\n\ntwo\n three");
        assert_eq!(sanitised("\u{e0041}\u{e007f}"), "");
        assert_eq!(one_line(" a\n\u{1b}[31mred\tb\u{202e} "), "a [31mred b");
        assert_eq!(one_line("\u{200b}\u{feff}"), "");
        assert_eq!(sanitised("tab\there, äöü 漢字 🙂"), "tab\there, äöü 漢字 🙂");
    }
}
