use std::collections::BTreeMap;
use std::time::Instant;

use warren_vocab::ScriptId;

use super::*;
use crate::testing::workplace;

#[tokio::test]
async fn output_and_exit_code_are_reported() {
    let outcome = run_one(script("echo out; echo err >&2; exit 3")).await;
    assert_eq!(outcome.phase, PhaseOutcome::Failed);
    assert_eq!(outcome.completed.exit_code, 3);
    assert_eq!(outcome.completed.status, ScriptStatus::ExitFailure);
    assert_eq!(outcome.lines[&LogLevel::Info], ["out"]);
    assert_eq!(outcome.lines[&LogLevel::Error], ["err"]);
}

#[tokio::test]
async fn a_script_sees_the_environment_and_its_directories() {
    let outcome = run_one(script(
        r#"echo "$CODER_WORKSPACE_NAME"; test -d "$CODER_SCRIPT_DATA_DIR" && test -d "$CODER_SCRIPT_BIN_DIR" && echo dirs"#,
    ))
    .await;
    assert_eq!(outcome.phase, PhaseOutcome::Ok);
    assert_eq!(outcome.lines[&LogLevel::Info], ["lab", "dirs"]);
}

#[tokio::test]
async fn a_script_that_runs_too_long_is_stopped_with_its_children() {
    let started = Instant::now();
    let outcome = run_one(Script { timeout_seconds: 1, ..script("sleep 300 & sleep 300") }).await;
    assert_eq!(outcome.phase, PhaseOutcome::TimedOut);
    assert_eq!(outcome.completed.status, ScriptStatus::TimedOut);
    assert!(started.elapsed() < GRACE, "the children were not stopped");
}

#[tokio::test]
async fn an_interpreter_that_is_missing_is_told_in_the_log() {
    let outcome = run_one(script("#!/does/not/exist\nhi")).await;
    assert_eq!(outcome.completed.exit_code, EXIT_CODE_UNKNOWN);
    assert!(outcome.lines[&LogLevel::Error][0].contains("cannot start"), "{:?}", outcome.lines);
}

struct Outcome {
    phase: PhaseOutcome,
    completed: ScriptCompleted,
    lines: BTreeMap<LogLevel, Vec<String>>,
}

fn script(text: &str) -> Script {
    Script {
        id: ScriptId::new(),
        log_source_id: LogSourceId::new(),
        log_path: String::new(),
        script: text.to_owned(),
        cron: String::new(),
        run_on_start: true,
        run_on_stop: false,
        start_blocks_login: false,
        timeout_seconds: 0,
        display_name: "test".to_owned(),
    }
}

async fn run_one(script: Script) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let workplace = Arc::new(workplace(dir.path()));
    let mut manifest = (*workplace.manifest()).clone();
    manifest.scripts = vec![script];
    workplace.set_manifest(manifest);
    let outbox = Arc::new(Outbox::default());
    let runner = ScriptRunner { workplace, outbox: outbox.clone() };
    let phase = runner.run_stage(ScriptStage::Start, &CancellationToken::new()).await;
    let mut lines: BTreeMap<LogLevel, Vec<String>> = BTreeMap::new();
    let mut completed = None;
    while let Some(report) = outbox.next() {
        outbox.acknowledge(report.sequence);
        match report.body {
            ReportBody::Logs(batch) => {
                for line in batch.lines {
                    lines.entry(line.level).or_default().push(line.output);
                }
            }
            ReportBody::ScriptCompleted(body) => completed = Some(body),
            other => panic!("unexpected report {other:?}"),
        }
    }
    Outcome { phase, completed: completed.expect("a completion was reported"), lines }
}
