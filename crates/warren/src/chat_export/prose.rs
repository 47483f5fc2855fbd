//! Keeps Markdown that others wrote from running over its place: open fences are closed, and HTML is shown instead of obeyed.
//! Pure.

use super::fence;

const SPECIAL: [char; 12] = ['\\', '`', '*', '_', '[', ']', '<', '>', '#', '|', '~', '&'];

/// A text as a piece of a line, without any meaning as Markdown.
pub(super) fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        // An underscore within a word means nothing, and names are full of them.
        let is_inner =
            c == '_' && before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        if SPECIAL.contains(&c) && !is_inner {
            out.push('\\');
        }
        out.push(if c == '\n' { ' ' } else { c });
        before = c;
    }
    out
}

/// A text as code within a line.
pub(super) fn code(text: &str) -> String {
    let text = text.replace('\n', " ");
    let mark = "`".repeat(fence::longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{mark}{pad}{text}{pad}{mark}")
}

/// What a person wrote, as a quotation: nothing in it reaches beyond the quotation.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::new();
    for line in own(text).trim_end().lines() {
        out.push_str(if line.is_empty() { ">" } else { "> " });
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// What the model wrote: Markdown, with open fences closed and HTML shown as it was written.
pub(super) fn own(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<(char, usize)> = None;
    for line in text.lines() {
        match (open, fence_of(line)) {
            (None, Some((mark, len, _))) => open = Some((mark, len)),
            (Some((mark, len)), Some((other, n, true))) if mark == other && n >= len => open = None,
            (Some(_), _) => {}
            (None, None) => {
                out.push_str(&without_html(line));
                out.push('\n');
                continue;
            }
        }
        out.push_str(line);
        out.push('\n');
    }
    if let Some((mark, len)) = open {
        out.push_str(&mark.to_string().repeat(len));
        out.push('\n');
    }
    out
}

/// The fence that a line is: its mark, its length, and whether it can close one.
fn fence_of(line: &str) -> Option<(char, usize, bool)> {
    let text = line.trim_start_matches(' ');
    let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let rest = text.trim_start_matches(mark);
    let len = text.len() - rest.len();
    let is_fence = len >= 3 && !(mark == '`' && rest.contains('`'));
    is_fence.then(|| (mark, len, rest.trim().is_empty()))
}

/// Escapes what would begin an element, a comment or a declaration, except in code.
fn without_html(line: &str) -> String {
    if !line.contains('<') {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['`', '<', '\\']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('\\') {
            let end = 1 + rest.chars().nth(1).map_or(0, char::len_utf8);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else if rest.starts_with('`') {
            let n_marks = rest.len() - rest.trim_start_matches('`').len();
            let end = code_end(&rest[n_marks..], n_marks).map_or(n_marks, |end| n_marks + end);
            out.push_str(&rest[..end]);
            rest = &rest[end..];
        } else {
            let after = &rest[1..];
            let is_html =
                after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
            let is_link = ["http://", "https://", "mailto:"].iter().any(|scheme| after.starts_with(scheme));
            out.push_str(if is_html && !is_link { "\\<" } else { "<" });
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Where code that was opened with so many marks ends.
fn code_end(text: &str, n_marks: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        let begin = at + found;
        let len = text[begin..].len() - text[begin..].trim_start_matches('`').len();
        if len == n_marks {
            return Some(begin + len);
        }
        at = begin + len;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_fence_is_closed_with_its_own_mark() {
        assert_eq!(own("a\n```rust\nlet x;"), "a\n```rust\nlet x;\n```\n");
        assert_eq!(own("~~~~\n```\n~~~"), "~~~~\n```\n~~~\n~~~~\n");
        assert_eq!(own("```\nx\n```\ny"), "```\nx\n```\ny\n");
    }

    #[test]
    fn html_is_shown_except_in_code_where_it_is_shown_anyway() {
        for (written, kept) in [
            ("<details>", "\\<details>"),
            ("a <!-- b", "a \\<!-- b"),
            ("`Vec<String>` and Vec<String>", "`Vec<String>` and Vec\\<String>"),
            ("``a`<b`` <b>", "``a`<b`` \\<b>"),
            ("`open <b>", "`open \\<b>"),
            ("1 < 2, <https://x.y>", "1 < 2, <https://x.y>"),
            ("\\<b>", "\\<b>"),
        ] {
            assert_eq!(without_html(written), kept);
        }
        assert_eq!(own("```\n<b>\n```"), "```\n<b>\n```\n");
    }

    #[test]
    fn words_in_a_line_have_no_meaning() {
        assert_eq!(
            inline("a*b* [x](y) <z> snake_case _em_"),
            "a\\*b\\* \\[x\\](y) \\<z\\> snake_case \\_em\\_"
        );
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`a`"), "`` `a` ``");
    }

    #[test]
    fn a_quotation_holds_everything_that_was_said() {
        assert_eq!(quoted("a\n\n```\nb"), "> a\n>\n> ```\n> b\n> ```\n");
    }
}
