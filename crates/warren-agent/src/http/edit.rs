//! Search-and-replace edits of a text, as models make them.
//!
//! Owns matching: exact first, then by lines with trailing blanks, indentation and line endings ignored. Pure.

use warren_wire::agent_http::FileEdit;

/// Lines of context in a diff.
const CONTEXT_LINES: usize = 3;
/// Lines that are compared one by one.
const COMPARED_LINES_MAX: usize = 4000;
/// Longest diff.
const DIFF_BYTES_MAX: usize = 16 << 10;
/// Places named in an error.
const HINTS_MAX: usize = 5;

/// An edited text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edited {
    pub(super) text: String,
    pub(super) n_replacements: u64,
}

/// Why an edit cannot be made; the text is meant for a model, which shall be able to correct its next attempt.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EditError {
    #[error("edit {edit}: the search text is empty")]
    EmptySearch { edit: usize },
    #[error("edit {edit}: the search text was not found{hint}")]
    NotFound { edit: usize, hint: String },
    #[error(
        "edit {edit}: the search text occurs {n} times (lines {lines}); add surrounding lines to make it unique or set replace_all"
    )]
    Ambiguous { edit: usize, n: usize, lines: String },
}

/// A place to replace, in bytes, and what comes there.
struct Replacement {
    start: usize,
    end: usize,
    text: String,
}

/// Applies the edits in order, each to the result of the one before.
pub(super) fn apply(text: &str, edits: &[FileEdit]) -> Result<Edited, EditError> {
    let mut edited = Edited { text: text.to_owned(), n_replacements: 0 };
    for (index, edit) in edits.iter().enumerate() {
        let places = find(&edited.text, edit, index + 1)?;
        edited.n_replacements += places.len() as u64;
        for place in places.iter().rev() {
            edited.text.replace_range(place.start..place.end, &place.text);
        }
    }
    Ok(edited)
}

/// A unified diff; empty when nothing differs. Where much differs it has one hunk, as comparing takes time that grows with
/// the product of both sides.
pub(super) fn diff(path: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = |(a, b): &(&&str, &&str)| a == b;
    let n_head = old.iter().zip(&new).take_while(same).count();
    let n_tail = old[n_head..].iter().rev().zip(new[n_head..].iter().rev()).take_while(same).count();
    let diff = if old.len().max(new.len()) - n_head - n_tail > COMPARED_LINES_MAX {
        one_hunk(path, (&old, &new), n_head, n_tail)
    } else {
        let changes = similar::TextDiff::from_lines(before, after);
        changes.unified_diff().context_radius(CONTEXT_LINES).header(path, path).to_string()
    };
    if diff.len() <= DIFF_BYTES_MAX {
        return diff;
    }
    let end = diff.floor_char_boundary(DIFF_BYTES_MAX);
    format!("{}\n[{} bytes of the diff cut]\n", &diff[..end], diff.len() - end)
}

/// One hunk around everything that differs.
fn one_hunk(path: &str, (old, new): (&[&str], &[&str]), n_head: usize, n_tail: usize) -> String {
    let start = n_head.saturating_sub(CONTEXT_LINES);
    let context_after = n_tail.min(CONTEXT_LINES);
    let (old_end, new_end) = (old.len() - n_tail, new.len() - n_tail);
    let (n_old, n_new) = (old_end + context_after - start, new_end + context_after - start);
    let mut out = format!("--- {path}\n+++ {path}\n@@ -{},{n_old} +{},{n_new} @@\n", start + 1, start + 1);
    let mut push = |sign: char, lines: &[&str]| {
        for line in lines {
            out.push(sign);
            out.push_str(line);
            out.push('\n');
        }
    };
    push(' ', &old[start..n_head]);
    push('-', &old[n_head..old_end]);
    push('+', &new[n_head..new_end]);
    push(' ', &old[old_end..old_end + context_after]);
    out
}

fn find(text: &str, edit: &FileEdit, number: usize) -> Result<Vec<Replacement>, EditError> {
    if edit.search.is_empty() {
        return Err(EditError::EmptySearch { edit: number });
    }
    let mut places = find_exact(text, edit);
    if places.is_empty() {
        places = find_by_lines(text, edit, |line| line.trim_end());
    }
    if places.is_empty() {
        places = find_by_lines(text, edit, str::trim);
    }
    match places.len() {
        0 => Err(EditError::NotFound { edit: number, hint: hint(text, &edit.search) }),
        1 => Ok(places),
        _ if edit.replace_all => Ok(places),
        n => {
            let lines: Vec<_> = places
                .iter()
                .take(HINTS_MAX)
                .map(|place| line_number(text, place.start).to_string())
                .collect();
            let more = if n > HINTS_MAX { ", ..." } else { "" };
            Err(EditError::Ambiguous { edit: number, n, lines: lines.join(", ") + more })
        }
    }
}

fn find_exact(text: &str, edit: &FileEdit) -> Vec<Replacement> {
    let place =
        |(start, _)| Replacement { start, end: start + edit.search.len(), text: edit.replace.clone() };
    text.match_indices(&edit.search).map(place).collect()
}

/// Finds runs of whole lines that equal the search's lines after `normalize`; the replacement takes over the file's
/// indentation and line endings.
fn find_by_lines(text: &str, edit: &FileEdit, normalize: fn(&str) -> &str) -> Vec<Replacement> {
    let wanted: Vec<&str> = edit.search.lines().map(normalize).collect();
    if wanted.iter().all(|line| line.trim().is_empty()) {
        return Vec::new();
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let starts: Vec<usize> =
        lines.iter().scan(0, |at, line| Some(std::mem::replace(at, *at + line.len()))).collect();
    let mut places = Vec::new();
    let mut first = 0;
    while first + wanted.len() <= lines.len() {
        let run = &lines[first..first + wanted.len()];
        if !run.iter().zip(&wanted).all(|(line, wanted)| normalize(line) == *wanted) {
            first += 1;
            continue;
        }
        let start = starts[first];
        let whole = run.iter().map(|line| line.len()).sum::<usize>();
        // A search without final line ending leaves the file's in place.
        let ending = if edit.search.ends_with('\n') { 0 } else { line_ending(run[run.len() - 1]).len() };
        let text = adapt(edit, run);
        places.push(Replacement { start, end: start + whole - ending, text });
        first += wanted.len();
    }
    places
}

/// Translates the replacement from the search's indentation and line endings to those of the file.
fn adapt(edit: &FileEdit, run: &[&str]) -> String {
    let told = edit.search.lines().find(|line| !line.trim().is_empty()).map_or("", indentation);
    let found = run.iter().find(|line| !line.trim().is_empty()).map_or("", |line| indentation(line));
    let crlf = run.iter().any(|line| line.ends_with("\r\n"));
    let mut out = String::new();
    for line in edit.replace.split_inclusive('\n') {
        let line = match line.strip_prefix(told) {
            Some(rest) if !line.trim().is_empty() => format!("{found}{rest}"),
            Some(_) | None => line.to_owned(),
        };
        if crlf && line.ends_with('\n') && !line.ends_with("\r\n") {
            out.push_str(line.trim_end_matches('\n'));
            out.push_str("\r\n");
        } else {
            out.push_str(&line);
        }
    }
    out
}

fn hint(text: &str, search: &str) -> String {
    let Some(first) = search.lines().map(str::trim).find(|line| !line.is_empty()) else {
        return String::new();
    };
    let mut numbers =
        (1..).zip(text.lines()).filter(|(_, line)| line.trim() == first).map(|(number, _)| number);
    if let Some(number) = numbers.next() {
        if search.trim().lines().count() == 1 {
            return String::new();
        }
        return format!(
            "; its first line is at line {number}, but the lines after it differ: read the file again"
        );
    }
    let lower = first.to_lowercase();
    let similar = (1..).zip(text.lines()).find(|(_, line)| line.to_lowercase().contains(&lower));
    match similar {
        Some((number, line)) => format!("; line {number} is similar: {:?}", line.trim()),
        None => "; read the file again, it may have changed".to_owned(),
    }
}

fn line_number(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

fn line_ending(line: &str) -> &'static str {
    if line.ends_with("\r\n") {
        "\r\n"
    } else if line.ends_with('\n') {
        "\n"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests;
