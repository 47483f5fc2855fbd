use serde_json::json;
use uuid::Uuid;

use super::*;

fn parameter(name: &str, kind: &str) -> Parameter {
    Parameter {
        template_version_id: Uuid::nil(),
        name: name.to_owned(),
        display_name: String::new(),
        description: String::new(),
        type_: kind.to_owned(),
        form_type: String::new(),
        mutable: true,
        default_value: String::new(),
        icon: String::new(),
        options: json!([]),
        validation_regex: String::new(),
        validation_error: String::new(),
        validation_min: None,
        validation_max: None,
        validation_monotonic: String::new(),
        required: false,
        ephemeral: false,
        display_order: 0,
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn run(parameter: &Parameter, given: &[(&str, &str)], previous: &[(&str, &str)]) -> Result<String, String> {
    let (given, previous) = (map(given), map(previous));
    let declared = std::slice::from_ref(parameter);
    match resolve(Values { declared, given: &given, previous: &previous }) {
        Ok(values) => Ok(values[&parameter.name].clone()),
        Err(AppError::Invalid(why)) => Err(why.validations[0].detail.clone()),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_value_comes_from_the_request_else_the_last_build_else_the_default() {
    let text = Parameter { default_value: String::from("d"), ..parameter("x", "string") };
    assert_eq!(run(&text, &[("x", "g")], &[("x", "p")]).as_deref(), Ok("g"));
    assert_eq!(run(&text, &[], &[("x", "p")]).as_deref(), Ok("p"));
    assert_eq!(run(&text, &[], &[]).as_deref(), Ok("d"));
    let ephemeral = Parameter { ephemeral: true, ..text };
    assert_eq!(run(&ephemeral, &[], &[("x", "p")]).as_deref(), Ok("d"));
}

#[test]
fn required_and_immutable_values_are_enforced() {
    let required = Parameter { required: true, ..parameter("x", "string") };
    assert!(run(&required, &[], &[]).unwrap_err().contains("required"));
    assert!(run(&required, &[("x", "")], &[]).unwrap_err().contains("empty"));
    let fixed = Parameter { mutable: false, ..parameter("x", "string") };
    assert!(run(&fixed, &[("x", "b")], &[("x", "a")]).unwrap_err().contains("cannot be changed"));
    assert_eq!(run(&fixed, &[("x", "a")], &[("x", "a")]).as_deref(), Ok("a"));
    assert_eq!(run(&fixed, &[("x", "a")], &[]).as_deref(), Ok("a"));
}

#[test]
fn types_ranges_and_options_are_checked() {
    let number = Parameter {
        validation_min: Some(1),
        validation_max: Some(8),
        validation_monotonic: String::from("increasing"),
        ..parameter("x", "number")
    };
    assert!(run(&number, &[("x", "two")], &[]).is_err());
    assert!(run(&number, &[("x", "0")], &[]).is_err());
    assert!(run(&number, &[("x", "9")], &[]).is_err());
    assert!(run(&number, &[("x", "2")], &[("x", "4")]).unwrap_err().contains("lower"));
    assert!(run(&number, &[("x", "4")], &[("x", "2")]).is_ok());
    assert!(run(&parameter("x", "bool"), &[("x", "yes")], &[]).is_err());
    let choice = Parameter { options: json!([{"value": "a"}, {"value": "b"}]), ..parameter("x", "string") };
    assert_eq!(run(&choice, &[("x", "c")], &[]).unwrap_err(), "must be one of a, b");
    assert!(run(&choice, &[("x", "b")], &[]).is_ok());
}
