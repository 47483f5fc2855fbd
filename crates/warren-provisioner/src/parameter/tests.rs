use super::*;

struct Case {
    parameter: Value,
}

fn parameter(kind: &str) -> Case {
    Case { parameter: Value::object([("name", "p".into()), ("type", kind.into())]) }
}

impl Case {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.parameter.set(name, value);
        self
    }

    fn options(self, values: &[&str]) -> Self {
        let option = |value: &&str| Value::object([("name", (*value).into()), ("value", (*value).into())]);
        let options = values.iter().map(option).collect();
        self.with("option", Value::List(options))
    }

    fn rule<const N: usize>(self, rule: [(&str, Value); N]) -> Self {
        self.with("validation", Value::List(vec![Value::object(rule)]))
    }

    fn value(&self, given: Option<&str>) -> String {
        resolve(&self.parameter, given, None).unwrap().value
    }

    fn form(&self) -> String {
        resolve(&self.parameter, None, None).unwrap().form_type
    }

    fn error(&self, given: Option<&str>) -> String {
        self.error_after(given, None)
    }

    fn error_after(&self, given: Option<&str>, previous: Option<&str>) -> String {
        let finding = resolve(&self.parameter, given, previous).unwrap_err();
        if finding.detail.is_empty() {
            finding.summary
        } else {
            format!("{}: {}", finding.summary, finding.detail)
        }
    }
}

#[test]
fn the_given_value_beats_the_default_even_when_empty() {
    let case = parameter("string").with("default", "d");
    assert_eq!(case.value(None), "d");
    assert_eq!(case.value(Some("v")), "v");
    assert_eq!(case.value(Some("")), "");
    assert_eq!(parameter("number").options(&["1"]).value(None), "");
}

#[test]
fn ephemeral_parameters_are_mutable_and_have_a_default() {
    let case = parameter("string").with("ephemeral", true);
    assert_eq!(case.error(None), "parameter can't be immutable and ephemeral");
    let case = case.with("mutable", true);
    assert_eq!(case.error(None), "ephemeral parameter requires the default property");
}

#[test]
fn the_form_control_follows_from_type_and_options() {
    for (kind, without, with) in [
        ("string", "input", "radio"),
        ("number", "input", "radio"),
        ("bool", "checkbox", "radio"),
        ("list(string)", "tag-select", "radio"),
    ] {
        assert_eq!(parameter(kind).form(), without);
        let option = if kind == "list(string)" { "[]" } else { "1" };
        assert_eq!(parameter(kind).options(&[option]).form(), with);
    }
    assert_eq!(parameter("string").with("form_type", "textarea").form(), "textarea");
    assert_eq!(
        parameter("string").with("form_type", "dropdown").error(None),
        r#""form_type" attribute="dropdown" is not supported for "type"="string" when options do not exist, choose one of ["input", "textarea"]"#
    );
    assert_eq!(
        parameter("bool").with("form_type", "slider").error(None),
        r#""form_type" attribute="slider" is not supported for "type"="bool", choose one of ["checkbox", "switch"]"#
    );
}

#[test]
fn options_are_unique_and_of_the_right_type() {
    assert!(parameter("string").options(&["a", "a"]).error(None).starts_with("Option names must be unique."));
    assert_eq!(
        parameter("number").options(&["1", "x"]).error(None),
        r#"Option "x" with value="x" is not of type "number""#
    );
}

#[test]
fn a_value_is_one_of_the_options() {
    let case = parameter("string").options(&["a", "b"]).with("default", "c");
    assert!(case.error(Some("d")).starts_with("Value must be a valid option: "));
    assert!(case.error(None).starts_with("Default value must be a valid option: "));
    assert!(case.error(Some("")).starts_with("Value must be a valid option. The value is empty"));
    assert_eq!(case.value(Some("b")), "b");
    let many = parameter("list(string)").options(&["a", "b"]).with("form_type", "multi-select");
    assert_eq!(many.value(Some(r#"["b"]"#)), r#"["b"]"#);
    assert!(many.error(Some(r#"["b","x"]"#)).starts_with("Values must be a valid option: "));
    assert!(many.error(Some("b")).contains("json encoded list of strings"));
}

#[test]
fn numbers_keep_their_range_and_direction() {
    let case = parameter("number").rule([("min", 10.into()), ("max", 20.into())]);
    assert!(case.error(Some("5")).ends_with("value 5 is less than the minimum 10"));
    assert!(case.error(Some("50")).ends_with("value 50 is more than the maximum 20"));
    assert!(case.error(Some("x")).ends_with(r#"value "x" is not a number"#));
    assert!(case.error(Some("12.5")).ends_with(r#"value "12.5" is not a number"#));
    // Without a value the empty text is judged.
    assert!(case.error(None).ends_with(r#"value "" is not a number"#));
    assert_eq!(case.value(Some("15")), "15");
    let up = parameter("number").rule([("monotonic", "increasing".into())]);
    assert!(
        up.error_after(Some("3"), Some("4"))
            .ends_with("parameter value '3' must be equal or greater than previous value: 4")
    );
    assert!(resolve(&up.parameter, Some("4"), Some("4")).is_ok());
    let custom = parameter("number").rule([("min", 10.into()), ("error", "too small".into())]);
    assert!(custom.error(Some("5")).ends_with(": too small"));
}

#[test]
fn texts_match_their_pattern() {
    let case = parameter("string").rule([("regex", "^a+$".into()), ("error", "only a".into())]);
    assert!(case.error(Some("b")).ends_with(r#"only a (value "b" does not match "^a+$")"#));
    assert_eq!(case.value(Some("aa")), "aa");
    let silent = parameter("string").rule([("regex", "^a+$".into())]);
    assert!(silent.error(Some("b")).ends_with("an error must be specified with a regex validation"));
    let min = parameter("string").rule([("min", 1.into())]);
    assert!(min.error(Some("b")).ends_with("a min cannot be specified for a string type"));
    let regex = parameter("number").rule([("regex", "1".into()), ("error", "e".into())]);
    assert!(regex.error(Some("1")).ends_with("a regex cannot be specified for a number type"));
}

#[test]
fn types_are_read_loosely_without_rules_and_strictly_with_them() {
    assert_eq!(parameter("number").value(Some("1.5")), "1.5");
    assert_eq!(parameter("bool").value(Some("T")), "T");
    assert!(parameter("bool").error(Some("yes")).starts_with(r#"Parameter value is not of type "bool""#));
    assert!(
        parameter("number").with("default", "x").error(None).starts_with("Parameter default value is not")
    );
    let strict = parameter("bool").rule([]);
    assert!(strict.error(Some("T")).ends_with(r#"boolean value can be either "true" or "false""#));
    assert!(parameter("list(string)").error(Some("a")).contains("list(string)"));
}
