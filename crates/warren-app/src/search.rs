//! The search language of the lists' `q` parameter: `status:active owner:me "two words"`.
//!
//! Terms are separated by blanks and quotation marks group. A term is `key:value` or a bare word; bare words belong to the
//! list's default key. Keys and values are compared in lower case. Pure: what a key means is decided by the list, which
//! takes its keys one after the other and then calls [`Terms::finish`], which refuses the rest.

use std::{collections::BTreeMap, str::FromStr};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::error::{AppError, AppResult, Explanation};

/// Bytes of a query.
const QUERY_BYTES_MAX: usize = 4096;
/// What stands for the caller wherever an account is named.
const ME: &str = "me";

/// The terms of a query that no list has taken yet, and what was wrong with the others.
#[derive(Debug, Clone)]
pub struct Terms {
    list: &'static str,
    values: BTreeMap<String, Vec<String>>,
    why: Explanation,
}

/// Whether the case of values counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Lower,
    Kept,
}

impl Terms {
    /// Splits a query. `list` names in messages what is searched, for example `workspace`; bare words become one value of
    /// `bare`.
    pub fn parse(list: &'static str, query: &str, bare: &str) -> Self {
        Self::parse_with(list, query, Some(bare), Case::Lower)
    }

    /// Splits a query; without `bare`, bare words are refused.
    pub fn parse_with(list: &'static str, query: &str, bare: Option<&str>, case: Case) -> Self {
        let why = Explanation::new(format!("Invalid {list} search query."));
        let mut terms = Self { list, values: BTreeMap::new(), why };
        if query.len() > QUERY_BYTES_MAX {
            terms.refuse("q", format!("must have at most {QUERY_BYTES_MAX} bytes"));
            return terms;
        }
        let mut words: Vec<String> = Vec::new();
        for term in split(query, char::is_whitespace) {
            match key_and_value(&term) {
                Ok(KeyValue::Bare(word)) => words.push(cased(word, case)),
                Ok(KeyValue::Pair(key, value)) => {
                    terms.values.entry(key.to_lowercase()).or_default().push(cased(value, case));
                }
                Err(problem) => terms.refuse("q", format!("Query element {term:?} {problem}")),
            }
        }
        match bare {
            Some(_) if words.is_empty() => {}
            Some(bare) => terms.values.entry(bare.to_owned()).or_default().push(words.join(" ")),
            None => {
                for word in words {
                    terms.refuse("q", format!("Query element {word:?} needs a key; write key:value."));
                }
            }
        }
        terms
    }

    /// Takes a text; an empty one counts as absent.
    pub fn text(&mut self, key: &str) -> Option<String> {
        let values = self.values.remove(key)?;
        match <[String; 1]>::try_from(values) {
            Ok([value]) => Some(value).filter(|value| !value.is_empty()),
            Err(values) => {
                self.refuse(
                    key,
                    format!("Query param {key:?} is given {} times; give it once.", values.len()),
                );
                None
            }
        }
    }

    /// Takes all texts of a key, which may be given several times and with commas in between.
    pub fn texts(&mut self, key: &str) -> Vec<String> {
        let values = self.values.remove(key).unwrap_or_default();
        let parts = values.iter().flat_map(|value| value.split(','));
        parts.map(str::trim).filter(|part| !part.is_empty()).map(String::from).collect()
    }

    /// Takes all texts of a key as they are: commas do not separate.
    pub fn raw(&mut self, key: &str) -> Vec<String> {
        self.values.remove(key).unwrap_or_default()
    }

    /// Takes a value that has a textual form: an id, a word of a closed set, a number.
    pub fn value<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &str) -> Option<T> {
        let text = self.text(key)?;
        self.parsed(key, &text)
    }

    /// Takes values that have a textual form.
    pub fn values<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &str) -> Vec<T> {
        self.texts(key).iter().filter_map(|text| self.parsed(key, text)).collect()
    }

    /// Takes `true` or `false`, also written `1`, `t`, `0` or `f`.
    pub fn flag(&mut self, key: &str) -> Option<bool> {
        let text = self.text(key)?;
        match text.to_lowercase().as_str() {
            "true" | "t" | "1" => Some(true),
            "false" | "f" | "0" => Some(false),
            _ => {
                self.refuse(key, format!("Query param {key:?} must be true or false, not {text:?}."));
                None
            }
        }
    }

    /// Takes a day and gives its beginning.
    pub fn day(&mut self, key: &str) -> Option<DateTime<Utc>> {
        let text = self.text(key)?;
        match NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
            Ok(day) => Some(day.and_time(NaiveTime::MIN).and_utc()),
            Err(_) => {
                self.refuse(key, format!("Query param {key:?} must be a day like 2026-12-31, not {text:?}."));
                None
            }
        }
    }

    /// Takes a moment: RFC 3339, or a day, which stands for its beginning.
    pub fn moment(&mut self, key: &str) -> Option<DateTime<Utc>> {
        let text = self.text(key)?;
        let moment = DateTime::parse_from_rfc3339(&text.to_uppercase()).map(|moment| moment.to_utc());
        let day =
            NaiveDate::parse_from_str(&text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN).and_utc());
        let found = moment.ok().or(day.ok());
        if found.is_none() {
            let example = r#""2026-12-31T23:59:59Z""#;
            self.refuse(key, format!("Query param {key:?} must be a time like {example}, not {text:?}."));
        }
        found
    }

    /// Takes a user name, where `me` stands for the caller's.
    pub fn username(&mut self, key: &str, caller: &str) -> Option<String> {
        self.text(key).map(|name| if name == ME { caller.to_owned() } else { name })
    }

    /// Adds a problem that the list has found in a value.
    pub fn refuse(&mut self, key: &str, problem: impl Into<String>) {
        let why = std::mem::take(&mut self.why);
        self.why = why.field(key, problem);
    }

    /// Refuses what no list has taken, together with the problems so far.
    ///
    /// # Errors
    /// Invalid, with one validation for each problem.
    pub fn finish(mut self) -> AppResult<()> {
        for key in std::mem::take(&mut self.values).into_keys() {
            let problem = format!("{key:?} is not a valid query param for a {} search.", self.list);
            self.refuse(&key, problem);
        }
        if self.why.validations.is_empty() { Ok(()) } else { Err(AppError::Invalid(self.why)) }
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, key: &str, text: &str) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(key, format!("Query param {key:?} has an invalid value: {error}"));
                None
            }
        }
    }
}

enum KeyValue {
    Bare(String),
    Pair(String, String),
}

fn key_and_value(term: &str) -> Result<KeyValue, &'static str> {
    let parts = split(term, |letter| letter == ':');
    let n_colons = parts.len() - 1;
    if n_colons == 0 {
        return Ok(KeyValue::Bare(unquoted(term)));
    }
    if n_colons > 1 {
        return Err("can only contain 1 ':'");
    }
    let [key, value] = [&parts[0], &parts[1]];
    if key.is_empty() || value.is_empty() {
        return Err("cannot start or end with ':'");
    }
    Ok(KeyValue::Pair(unquoted(key), unquoted(value)))
}

/// Splits outside of quotation marks. Blanks next to each other separate once; other separators give empty parts.
fn split(text: &str, is_separator: impl Fn(char) -> bool) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut is_quoted, mut separates_words) = (false, false);
    for letter in text.chars() {
        is_quoted ^= letter == '"';
        if !is_quoted && is_separator(letter) {
            separates_words |= letter.is_whitespace();
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(letter);
        }
    }
    if separates_words || text.trim().is_empty() {
        parts.retain(|part| !part.is_empty());
    }
    parts
}

fn unquoted(text: &str) -> String {
    text.replace('"', "")
}

fn cased(text: String, case: Case) -> String {
    match case {
        Case::Lower => text.to_lowercase(),
        Case::Kept => text,
    }
}

#[cfg(test)]
mod tests;
