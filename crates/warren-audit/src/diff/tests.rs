use super::*;

fn row(name: &str, password: &str) -> Tracked {
    Tracked::new().plain("name", name).plain("roles", json!([])).secret("password", password)
}

#[test]
fn a_new_row_shows_what_it_sets_and_hides_secrets() {
    let expected = json!({
        "name": { "new": "ada", "secret": false },
        "password": { "old": "", "new": "", "secret": true },
    });
    assert_eq!(created(&row("ada", "hunter2")), expected);
}

#[test]
fn a_deleted_row_shows_what_it_had() {
    let expected = json!({ "name": { "old": "ada", "secret": false } });
    assert_eq!(deleted(&row("ada", "")), expected);
}

#[test]
fn a_change_shows_only_the_fields_that_differ() {
    let renamed = json!({ "name": { "old": "ada", "new": "bob", "secret": false } });
    assert_eq!(changed(&row("ada", "same"), &row("bob", "same")), renamed);
    let rekeyed = json!({ "password": { "old": "", "new": "", "secret": true } });
    assert_eq!(changed(&row("ada", "one"), &row("ada", "two")), rekeyed);
    assert_eq!(changed(&row("ada", "one"), &row("ada", "one")), json!({}));
}

#[test]
fn a_secret_is_never_part_of_a_diff() {
    let (old, new) = (row("ada", "hunter2"), row("bob", "hunter3"));
    for diff in [created(&new), deleted(&old), changed(&old, &new)] {
        assert!(!diff.to_string().contains("hunter"), "{diff}");
    }
}

#[test]
fn texts_lose_control_characters_and_end_at_a_letter() {
    assert_eq!(clean_text("a\0b\x1b[31m\n", 100), "a\u{fffd}b\u{fffd}[31m\n");
    assert_eq!(clean_text("aéé", 2), "a… (5 bytes)");
    let long = "x".repeat(5000);
    let diff = created(&Tracked::new().plain("readme", &long));
    assert_eq!(diff["readme"]["new"], format!("{}… (5000 bytes)", "x".repeat(4096)));
}
