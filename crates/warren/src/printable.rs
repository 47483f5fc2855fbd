//! Text from elsewhere, made fit for a terminal: nothing in it moves the cursor, changes colours or turns the direction of
//! writing. Pure.

use std::borrow::Cow;

const ESCAPE: char = '\u{1b}';
const BELL: char = '\u{7}';

/// Makes control characters visible. Line feeds and tabs stay; a carriage return before a line feed goes.
pub fn reveal(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            c if is_control(c) => show(c, &mut out),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Reads the output of a program: takes its escape sequences out, lets a lone carriage return begin the line anew as on a
/// terminal, and makes other control characters visible.
pub fn strip(text: &str) -> String {
    if !text.contains(is_control) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            ESCAPE => match sequence_len(after) {
                Some(len) => &after[len..],
                None => {
                    show(c, &mut out);
                    after
                }
            },
            '\r' => {
                if !after.starts_with(['\n', '\r']) && !after.is_empty() {
                    out.truncate(out.rfind('\n').map_or(0, |end| end + 1));
                }
                after
            }
            c => {
                if is_control(c) {
                    show(c, &mut out)
                } else {
                    out.push(c)
                }
                after
            }
        };
    }
    out
}

/// Brings a text onto one line of at most so many characters.
pub fn one_line(text: &str, n_chars_max: usize) -> String {
    let text = reveal(text.trim());
    let mut line = String::new();
    for (n_chars, c) in text.chars().enumerate() {
        if n_chars == n_chars_max {
            line.push('…');
            break;
        }
        line.push(if c == '\n' {
            '⏎'
        } else if c == '\t' {
            ' '
        } else {
            c
        });
    }
    line
}

/// Everything that a terminal acts on, marks that show a text in another order than programs read it in, and letters that
/// nobody sees.
fn is_control(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{feff}'
        | '\u{2060}'..='\u{2064}'
        | '\u{e0000}'..='\u{e007f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    }
}

fn show(c: char, out: &mut String) {
    let picture = match u32::from(c) {
        code @ 0..0x20 => char::from_u32(0x2400 + code),
        0x7f => Some('␡'),
        _ => None,
    };
    match picture {
        Some(picture) => out.push(picture),
        None => out.push_str(&format!("<U+{:04X}>", u32::from(c))),
    }
}

/// The length of the escape sequence that begins before this text; `None` when it is none, or has no end.
fn sequence_len(text: &str) -> Option<usize> {
    match text.chars().next()? {
        '[' => {
            let end = text[1..].find(|c| !matches!(c, ' '..='?'))? + 1;
            matches!(text[end..].chars().next()?, '@'..='~').then_some(end + 1)
        }
        ']' | 'P' | 'X' | '^' | '_' => {
            let end = text.find(|c| matches!(c, BELL | ESCAPE | '\n'))?;
            match text[end..].chars().next()? {
                BELL => Some(end + 1),
                ESCAPE => text[end + 1..].starts_with('\\').then_some(end + 2),
                _ => None,
            }
        }
        ' '..='/' => {
            let end = text.find(|c| !matches!(c, ' '..='/'))?;
            matches!(text[end..].chars().next()?, '0'..='~').then_some(end + 1)
        }
        '0'..='~' => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(reveal("plain\n\ttext"), "plain\n\ttext");
        assert_eq!(reveal("a\u{1b}[31mb\u{7}\u{0}\r\nc\rd\u{7f}"), "a␛[31mb␇␀\nc␍d␡");
        assert_eq!(reveal("rm \u{202e}fles\u{85}"), "rm <U+202E>fles<U+0085>");
        assert_eq!(reveal("👩‍💻 é"), "👩‍💻 é");
        assert_eq!(reveal("ls\u{200b}\u{feff}\u{e0041}"), "ls<U+200B><U+FEFF><U+E0041>");
    }

    #[test]
    fn the_output_of_a_program_reads_as_its_terminal_would_show_it() {
        for (raw, read) in [
            ("\u{1b}[1;31merror\u{1b}[0m: no", "error: no"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Bplain\u{1b}7", "plain"),
            ("10%\r50%\r100%\ndone\r\n", "100%\ndone\n"),
            ("first\nkept\rnew", "first\nnew"),
            ("\u{1b}[12\u{7}", "␛[12␇"),
            ("\u{1b}]0;no end", "␛]0;no end"),
            ("nul\u{0}bell\u{7}", "nul␀bell␇"),
            ("\u{1b}", "␛"),
            ("\u{1b}é", "␛é"),
            ("\u{9b}31m", "<U+009B>31m"),
        ] {
            assert_eq!(strip(raw), read, "{raw:?}");
        }
    }

    #[test]
    fn no_text_leaves_anything_that_a_terminal_acts_on() {
        let pieces = [
            "\u{1b}", "[", "]", "31", "m", "\r", "\n", "\u{7}", "\u{0}", "\\", "(", "é", "\u{9d}",
            "\u{202e}", "x",
        ];
        for n in 0..pieces.len().pow(3) {
            let digits = [n % 15, n / 15 % 15, n / 225];
            let text: String = digits.iter().map(|digit| pieces[*digit]).collect::<String>().repeat(2);
            for safe in [reveal(&text).into_owned(), strip(&text), one_line(&text, 5)] {
                assert!(!safe.contains(is_control), "{text:?} became {safe:?}");
            }
        }
    }

    #[test]
    fn a_long_text_is_cut_to_one_line() {
        assert_eq!(one_line(" a\nb\tc ", 10), "a⏎b c");
        assert_eq!(one_line("abcdef", 3), "abc…");
    }
}
