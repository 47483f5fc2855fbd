//! The search of the list of chats.

use std::collections::BTreeMap;

use warren_chat::ChatSearch;

use crate::error::{ApiError, ApiResult};

const PULL_REQUEST_STATES: [&str; 4] = ["draft", "open", "merged", "closed"];

/// What was searched for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) search: ChatSearch,
    /// The search asks for what no chat has so far: a pull request, or somebody else who shared it.
    pub(super) is_empty: bool,
}

/// Reads `key:value` terms separated by blanks; double quotes keep a value with blanks together.
pub(super) fn parse(text: &str) -> ApiResult<Found> {
    let mut found = Found::default();
    for term in terms(text)? {
        let Some((key, value)) =
            term.split_once(':').filter(|(key, value)| !key.is_empty() && !value.is_empty())
        else {
            return Err(invalid(
                "q",
                format!("{term:?} is not a search such as title:words or archived:true"),
            ));
        };
        match key {
            "title" => found.search.title = Some(value.to_owned()),
            "archived" => found.search.archived = flag(key, value)?,
            "has_unread" => found.search.has_unread = Some(flag(key, value)?),
            "source" => match value {
                "created_by_me" => {}
                "shared_with_me" => found.is_empty = true,
                other => {
                    let detail = format!("{other:?} is neither created_by_me nor shared_with_me");
                    return Err(invalid("source", detail));
                }
            },
            "pr_status" => {
                if let Some(other) = value.split(',').find(|state| !PULL_REQUEST_STATES.contains(state)) {
                    return Err(invalid(
                        "pr_status",
                        format!("{other:?} is not one of {PULL_REQUEST_STATES:?}"),
                    ));
                }
                found.is_empty = true;
            }
            "pr" => {
                value.parse::<u32>().map_err(|_| invalid("pr", format!("{value:?} is not a number")))?;
                found.is_empty = true;
            }
            "diff_url" | "repo" | "pr_title" => found.is_empty = true,
            other => return Err(invalid("q", format!("{other:?} is not a valid query param"))),
        }
    }
    Ok(found)
}

/// Reads all `label=key:value` of a query.
pub(super) fn labels(query: &str) -> ApiResult<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    for (name, label) in url::form_urlencoded::parse(query.as_bytes()) {
        if name != "label" || label.is_empty() {
            continue;
        }
        match label.split_once(':') {
            Some((key, value)) if !key.is_empty() && !label.contains('\0') => {
                labels.insert(key.to_owned(), value.to_owned());
            }
            _ => return Err(invalid("label", format!("{label:?} is not of the form key:value"))),
        }
    }
    Ok(labels)
}

fn terms(text: &str) -> ApiResult<Vec<String>> {
    let mut terms = Vec::new();
    let (mut term, mut is_quoted) = (String::new(), false);
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => {
                terms.extend((!term.is_empty()).then(|| std::mem::take(&mut term)));
            }
            c => term.push(c),
        }
    }
    if is_quoted {
        return Err(invalid("q", String::from("a double quote is not closed")));
    }
    terms.extend((!term.is_empty()).then_some(term));
    Ok(terms)
}

fn flag(key: &str, value: &str) -> ApiResult<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(invalid(key, format!("{value:?} is neither true nor false"))),
    }
}

fn invalid(field: &str, detail: String) -> ApiError {
    ApiError::bad_request("Query parameters have invalid values.").field(field, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_joined_and_quotes_keep_blanks() {
        let found =
            parse("title:\"two words\"  archived:true has_unread:false source:created_by_me").unwrap();
        let search = ChatSearch {
            title: Some("two words".into()),
            archived: true,
            has_unread: Some(false),
            ..ChatSearch::default()
        };
        assert_eq!(found, Found { search, is_empty: false });
        assert!(parse("title:a:b").is_ok_and(|found| found.search.title.as_deref() == Some("a:b")));
        for nothing in ["source:shared_with_me", "pr:7", "repo:x", "pr_status:open,draft"] {
            assert!(parse(nothing).unwrap().is_empty, "{nothing}");
        }
    }

    #[test]
    fn bare_words_and_unknown_keys_are_refused() {
        for wrong in [
            "words",
            "title:",
            ":x",
            "colour:red",
            "archived:maybe",
            "pr:x",
            "pr_status:odd",
            "source:x",
            "title:\"x",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn labels_are_pairs() {
        let found = labels("q=&label=team%3Acore&label=a:b:c").unwrap();
        assert_eq!(found["team"], "core");
        assert_eq!(found["a"], "b:c");
        assert!(labels("label=team").is_err());
        assert!(labels("label=%3Ax").is_err());
    }
}
