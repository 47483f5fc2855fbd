use proptest::prelude::*;
use uuid::Uuid;
use warren_vocab::UserStatus;

use super::*;

fn problems(terms: Terms) -> Vec<(String, String)> {
    match terms.finish() {
        Ok(()) => Vec::new(),
        Err(AppError::Invalid(why)) => {
            why.validations.into_iter().map(|one| (one.field, one.detail)).collect()
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn values(query: &str) -> Vec<(String, Vec<String>)> {
    Terms::parse("thing", query, "name").values.into_iter().collect()
}

/// A key and its values.
type Pair = (&'static str, &'static [&'static str]);

fn pairs(expected: &[Pair]) -> Vec<(String, Vec<String>)> {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    expected.iter().map(|(key, texts)| ((*key).to_owned(), owned(texts))).collect()
}

#[test]
fn queries_are_split_into_keys_and_values() {
    let table: &[(&str, &[Pair])] = &[
        ("", &[]),
        ("   \t ", &[]),
        ("dev", &[("name", &["dev"])]),
        ("  Dev   box ", &[("name", &["dev box"])]),
        ("owner:Me status:RUNNING", &[("owner", &["me"]), ("status", &["running"])]),
        ("a:1 a:2", &[("a", &["1", "2"])]),
        ("dev owner:me box", &[("name", &["dev box"]), ("owner", &["me"])]),
        ("name:x dev", &[("name", &["x", "dev"])]),
        (r#"name:"two words""#, &[("name", &["two words"])]),
        (r#""two words" more"#, &[("name", &["two words more"])]),
        (r#"at:"2026-01-02T03:04:05Z""#, &[("at", &["2026-01-02t03:04:05z"])]),
        (r#"name:"open end"#, &[("name", &["open end"])]),
        (r#"name:"""#, &[("name", &[""])]),
        ("owner/box", &[("name", &["owner/box"])]),
        ("param:region=eu", &[("param", &["region=eu"])]),
        ("name:Ünïcode", &[("name", &["ünïcode"])]),
    ];
    for (query, expected) in table {
        assert_eq!(values(query), pairs(expected), "{query:?}");
    }
}

#[test]
fn malformed_terms_are_refused_on_q() {
    for query in [":x", "x:", ":", "::", "a:b:c", "ok:fine a:b:c", r#""x":"y":"z""#] {
        let mut terms = Terms::parse("thing", query, "name");
        terms.text("ok");
        let problems = problems(terms);
        assert_eq!(problems.len(), 1, "{query:?} {problems:?}");
        assert_eq!(problems[0].0, "q", "{query:?}");
    }
}

#[test]
fn a_key_that_no_list_takes_is_refused_by_its_name() {
    let terms = Terms::parse("thing", "color:red", "name");
    let expected = r#""color" is not a valid query param for a thing search."#;
    assert_eq!(problems(terms), [("color".to_owned(), expected.to_owned())]);
}

#[test]
fn all_problems_are_told_together() {
    let mut terms =
        Terms::parse("thing", "a:b:c id:x when:yesterday on:maybe status:asleep n:1 n:2 zzz:1", "name");
    assert_eq!(terms.value::<Uuid>("id"), None);
    assert_eq!(terms.moment("when"), None);
    assert_eq!(terms.flag("on"), None);
    assert_eq!(terms.values::<UserStatus>("status"), []);
    assert_eq!(terms.text("n"), None);
    let fields: Vec<_> = problems(terms).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["q", "id", "when", "on", "status", "n", "zzz"]);
}

#[test]
fn values_have_their_types() {
    let id = Uuid::new_v4();
    let query = format!(
        r#"id:{id} status:active,suspended on:T off:0 day:2026-02-28 at:"2026-02-28T01:00:00+01:00" by:me to:bob"#
    );
    let mut terms = Terms::parse("thing", &query, "name");
    assert_eq!(terms.value("id"), Some(id));
    assert_eq!(terms.values::<UserStatus>("status"), [UserStatus::Active, UserStatus::Suspended]);
    assert_eq!((terms.flag("on"), terms.flag("off"), terms.flag("none")), (Some(true), Some(false), None));
    let midnight = "2026-02-28T00:00:00Z".parse().ok();
    assert_eq!(terms.day("day"), midnight);
    assert_eq!(terms.moment("at"), midnight);
    assert_eq!(terms.username("by", "ada").as_deref(), Some("ada"));
    assert_eq!(terms.username("to", "ada").as_deref(), Some("bob"));
    assert_eq!(problems(terms), []);
}

#[test]
fn days_that_do_not_exist_are_refused() {
    for day in ["2026-02-30", "2026-13-01", "26-1-1x", "99999999999-01-01", "today"] {
        let mut terms = Terms::parse("thing", &format!("day:{day}"), "name");
        assert_eq!(terms.day("day"), None, "{day}");
        assert_eq!(problems(terms).len(), 1, "{day}");
    }
}

#[test]
fn case_and_bare_words_are_up_to_the_list() {
    let mut terms = Terms::parse_with("chat", "Title:Hello", None, Case::Kept);
    assert_eq!(terms.text("title").as_deref(), Some("Hello"));
    assert_eq!(problems(terms), []);
    let bare = Terms::parse_with("chat", "hello", None, Case::Kept);
    assert_eq!(problems(bare).len(), 1);
}

#[test]
fn a_query_has_a_greatest_length() {
    let terms = Terms::parse("thing", &"x".repeat(5000), "name");
    assert_eq!(problems(terms).len(), 1);
}

proptest! {
    #[test]
    fn every_text_is_understood_or_refused_without_panic(query in "(?s).{0,60}") {
        let mut terms = Terms::parse("thing", &query, "name");
        let _ = (terms.text("name"), terms.day("day"), terms.moment("at"), terms.value::<Uuid>("id"));
        let _ = terms.finish();
    }

    #[test]
    fn every_quoted_value_comes_back(value in "[^\"]{1,20}") {
        let mut terms = Terms::parse("thing", &format!("key:\"{value}\""), "name");
        prop_assert_eq!(terms.text("key"), Some(value.to_lowercase()));
        prop_assert!(terms.finish().is_ok());
    }

    #[test]
    fn dense_punctuation_does_not_panic(query in "[a:\" ,\\\\=]{0,30}") {
        let _ = Terms::parse("thing", &query, "name").finish();
    }
}
