//! What the account list is asked for.

use warren_db::query::users::Filter;

use crate::{actor::Actor, error::AppResult, search::Terms};

/// Reads a search; bare words are a part of the user name, e-mail address or display name.
///
/// # Errors
/// Invalid, with every key or value that is not understood.
pub(super) fn parse(actor: &Actor, query: &str) -> AppResult<Filter> {
    let mut terms = Terms::parse("user", query, "search");
    let search = terms.username("search", &actor.user.username);
    let filter = Filter {
        search,
        name: terms.text("name"),
        statuses: terms.values("status"),
        roles: terms.texts("role"),
        login_types: terms.values("login_type"),
        is_service_account: terms.flag("service_account"),
        github_com_user_id: terms.value("github_com_user_id"),
        last_seen_before: terms.moment("last_seen_before"),
        last_seen_after: terms.moment("last_seen_after"),
        created_before: terms.moment("created_before"),
        created_after: terms.moment("created_after"),
    };
    terms.finish()?;
    // Everybody has the role `member`.
    let is_everybody = filter.roles.iter().any(|role| role == "member");
    Ok(if is_everybody { Filter { roles: Vec::new(), ..filter } } else { filter })
}
