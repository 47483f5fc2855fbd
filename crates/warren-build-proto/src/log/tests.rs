use super::*;

fn line(output: impl Into<String>) -> LogLine {
    LogLine {
        created_at: DateTime::UNIX_EPOCH,
        source: LogSource::Provisioner,
        level: LogLevel::Info,
        stage: "Planning Infrastructure".into(),
        output: output.into(),
    }
}

#[test]
fn a_long_line_is_cut_to_1024_characters_and_says_so() {
    let admitted = LogBudget::default().admit(vec![line("ä".repeat(3000))]);
    let output = &admitted.lines[0].output;
    assert_eq!(output.chars().count(), LOG_LINE_CHARS_MAX);
    assert!(output.ends_with("ä …"));
    assert_eq!(admitted.budget.bytes, output.len());
}

#[test]
fn the_log_ends_with_one_notice_at_a_megabyte() {
    let mut budget = LogBudget::default();
    let mut stored = vec![];
    for _ in 0..2000 {
        let admission = budget.admit(vec![line("x".repeat(1000))]);
        budget = admission.budget;
        stored.extend(admission.lines);
    }
    let bytes: usize = stored.iter().map(|line| line.output.len()).sum();
    assert_eq!(bytes, budget.bytes);
    assert!(bytes <= LOG_BYTES_MAX && bytes > LOG_BYTES_MAX - 2000);
    assert_eq!(stored.iter().filter(|line| line.output == NOTICE).count(), 1);
    let last = stored.last().unwrap();
    assert_eq!((last.level, last.output.as_str()), (LogLevel::Warn, NOTICE));
}
