use super::*;

fn logging(human: &str, filter: &str) -> Logging {
    Logging { human: human.to_owned(), json: String::new(), filter: filter.to_owned() }
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let error = |logging: &Logging| {
        Observability::install(logging, &Trace::default()).expect_err("refused").to_string()
    };
    assert!(error(&logging("/nowhere/at/all.log", "info")).contains("/nowhere/at/all.log"));
    assert!(error(&logging("/dev/stderr", "warren=loud")).contains("\"warren=loud\" in --log-filter"));
}
