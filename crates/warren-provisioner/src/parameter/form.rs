//! Which form control a parameter gets.

use super::Kind;
use crate::schema::Finding;

/// Returns the control for a type, checking the one that a template asks for.
pub(super) fn form_type(kind: Kind, has_options: bool, wanted: Option<&str>) -> Result<&str, Finding> {
    let allowed = allowed(kind, has_options);
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { return Ok(allowed[0]) };
    if allowed.contains(&wanted) {
        return Ok(wanted);
    }
    let hint = match (self::allowed(kind, !has_options).contains(&wanted), has_options) {
        (true, true) => " when options exist",
        (true, false) => " when options do not exist",
        (false, _) => "",
    };
    let summary = format!(
        "\"form_type\" attribute={wanted:?} is not supported for \"type\"={:?}{hint}, choose one of {allowed:?}",
        kind.as_str()
    );
    Err(Finding::error(summary).at("form_type"))
}

/// The controls for a type; the first is the default.
fn allowed(kind: Kind, has_options: bool) -> &'static [&'static str] {
    match (kind, has_options) {
        (Kind::Str, false) => &["input", "textarea"],
        (Kind::Number, false) => &["input", "slider"],
        (Kind::Bool, false) => &["checkbox", "switch"],
        (Kind::List, false) => &["tag-select"],
        (Kind::Str | Kind::Number | Kind::Bool, true) => &["radio", "dropdown"],
        (Kind::List, true) => &["radio", "multi-select"],
    }
}
