//! The search language of the workspace list: blank-separated terms, `key:value` or a part of the name.

use warren_app::workspaces::WorkspaceSearch;
use warren_vocab::WorkspaceId;

use crate::error::{ApiError, ApiResult};

/// Reads a search.
///
/// # Errors
/// A bad request that names the term.
pub(crate) fn parse(text: &str) -> ApiResult<WorkspaceSearch> {
    let mut search = WorkspaceSearch::default();
    for term in terms(text) {
        match term.split_once(':') {
            None => bare(&mut search, &term),
            Some((key, value)) if !key.is_empty() && !value.is_empty() && !value.contains(':') => {
                keyed(&mut search, key, value)?;
            }
            Some(_) => return Err(invalid("q", format!("{term:?} must be key:value with one colon"))),
        }
    }
    Ok(search)
}

fn bare(search: &mut WorkspaceSearch, term: &str) {
    match term.split_once('/') {
        Some((owner, name)) => {
            search.owner = Some(owner.to_owned());
            search.name_part = Some(name.to_owned());
        }
        None => {
            search.name_part =
                Some(search.name_part.take().map_or_else(|| term.to_owned(), |part| part + term))
        }
    }
}

fn keyed(search: &mut WorkspaceSearch, key: &str, value: &str) -> ApiResult<()> {
    let text = Some(value.to_owned());
    match key {
        "owner" => search.owner = text,
        "template" => search.template = text,
        "organization" => search.organization = text,
        "name" => search.name_part = text,
        "exact_name" => search.name = text,
        "id" => {
            let ids: Result<Vec<WorkspaceId>, _> = value.split(',').map(str::parse).collect();
            search.ids = Some(ids.map_err(|_| invalid("id", format!("{value:?} is not a list of ids")))?);
        }
        "deleted" => {
            search.deleted =
                value.parse().map_err(|_| invalid("deleted", String::from("must be true or false")))?;
        }
        _ => return Err(invalid(key, format!("{key:?} is not a valid query param"))),
    }
    Ok(())
}

/// Splits at blanks outside double quotes and lowers the case.
fn terms(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut quoted = false;
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            '"' => quoted = !quoted,
            blank if blank.is_whitespace() && !quoted => terms.push(String::new()),
            other => terms.last_mut().expect("the list begins with one term").push(other),
        }
    }
    terms.retain(|term| !term.is_empty());
    terms
}

fn invalid(field: &str, detail: String) -> ApiError {
    ApiError::bad_request("Invalid workspace search query.").field(field, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_bare_words_are_understood() {
        let search = parse("owner:Me template:\"Go dev\" deleted:true web").unwrap();
        assert_eq!(search.owner.as_deref(), Some("me"));
        assert_eq!(search.template.as_deref(), Some("go dev"));
        assert_eq!(search.name_part.as_deref(), Some("web"));
        assert!(search.deleted);
        let search = parse("ada/dev").unwrap();
        assert_eq!((search.owner.as_deref(), search.name_part.as_deref()), (Some("ada"), Some("dev")));
    }

    #[test]
    fn unknown_keys_and_bad_terms_are_refused() {
        for bad in ["colour:red", "owner:", ":me", "a:b:c", "id:x", "deleted:maybe"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
