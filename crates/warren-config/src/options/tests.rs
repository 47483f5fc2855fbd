use std::collections::BTreeSet;

use super::*;

#[test]
fn no_two_options_share_a_name() {
    for key in [
        |option: &Opt| option.flag,
        |option: &Opt| option.env,
        |option: &Opt| option.yaml,
        |option: &Opt| option.wire,
        |option: &Opt| option.name,
    ] {
        let mut seen = BTreeSet::new();
        for option in options().filter(|option| !key(option).is_empty()) {
            assert!(seen.insert(key(option)), "{} is there twice", key(option));
        }
    }
}

#[test]
fn every_option_can_be_set_and_secrets_have_no_file_key() {
    for option in options() {
        assert!(
            !option.flag.is_empty() && !option.env.is_empty() && !option.about.is_empty(),
            "{}",
            option.name
        );
        assert_eq!(option.is_secret(), option.yaml.is_empty(), "{}", option.name);
        assert!(Group::ALL.contains(&option.group), "{}", option.name);
    }
}

#[test]
fn every_default_can_be_given_back() {
    for option in options() {
        let (mut config, default) =
            (ServerConfig::default(), (option.field.get)(&ServerConfig::default()).text());
        let before = (option.field.get)(&config).json();
        (option.field.get_mut)(&mut config).set_texts(&[default]).unwrap();
        assert_eq!((option.field.get)(&config).json(), before, "{}", option.flag);
    }
}

#[test]
fn no_file_key_is_a_group_and_a_value() {
    for option in options().filter(|option| !option.yaml.is_empty()) {
        let group = format!("{}.", option.yaml);
        assert!(!options().any(|other| other.yaml.starts_with(&group)), "{}", option.yaml);
    }
}
