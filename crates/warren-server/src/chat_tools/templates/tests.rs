use super::*;

#[test]
fn a_query_finds_names_before_descriptions_whatever_the_case_and_separators() {
    let of = |words| tier("go-dev", "Go Development", "For backend services", words);
    assert_eq!(of(""), Some(0));
    assert_eq!(of("GoDev"), Some(4));
    assert_eq!(of("go development"), Some(4));
    assert_eq!(of("GO_"), Some(3));
    assert_eq!(of("dev el"), Some(2));
    assert_eq!(of("Backend"), Some(1));
    assert_eq!(of("python"), None);
}

#[test]
fn own_recent_use_weighs_more_than_the_use_of_others() {
    let fresh = affinity(1, 0, TimeDelta::zero(), 0);
    let old = affinity(1, 0, TimeDelta::days(14), 0);
    assert!((fresh - 10.0).abs() < 1e-9 && (old - 5.0).abs() < 1e-9);
    assert!((affinity(0, 1, TimeDelta::zero(), 0) - 5.0).abs() < 1e-9);
    let of_others = affinity(0, 0, TimeDelta::zero(), 100);
    assert!(of_others > 4.0 && of_others < fresh);
    assert!(affinity(0, 0, TimeDelta::zero(), 0).abs() < 1e-9);
}

#[test]
fn a_template_is_recommended_only_when_it_clearly_wins() {
    assert!(is_clear_winner((0, 0.0), None), "the only one");
    assert!(is_clear_winner((4, 0.0), Some((2, 50.0))), "its name was said");
    assert!(!is_clear_winner((2, 9.0), Some((1, 0.0))), "a part of a name is not enough");
    assert!(is_clear_winner((0, 10.0), Some((0, 4.0))));
    assert!(!is_clear_winner((0, 10.0), Some((0, 6.0))));
    assert!(!is_clear_winner((0, 0.0), Some((0, 0.0))), "nobody uses either");
}

#[test]
fn texts_are_cut_between_characters() {
    assert_eq!(clipped("äöü", 3), "äöü");
    assert_eq!(clipped("äöüß", 3), "äöü…");
}
