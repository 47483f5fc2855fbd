use super::{super::tests::Seen, *};
use crate::agent_client::tests::Fixture;

fn command(command: &str, timeout: &str) -> Execute {
    Execute {
        command: command.into(),
        timeout: Some(timeout.into()),
        workdir: None,
        run_in_background: false,
    }
}

/// Runs a command whose outcome is known.
async fn execute(
    agent: &AgentClient,
    key: &str,
    arguments: Execute,
    output: &dyn Shown,
) -> Result<Value, ToolError> {
    match super::execute(agent, key, arguments, output).await {
        ToolOutcome::Result(result) => result,
        ToolOutcome::Unknown(why) => panic!("{why}"),
    }
}

#[tokio::test]
async fn a_start_whose_answer_is_lost_is_not_repeated_and_not_told_as_a_failure() {
    let (fixture, seen) = (Fixture::new(), Seen::default());
    let ran = fixture.dir.path().join("ran");
    let call = command(&format!("echo x >> {}", ran.display()), "20s");
    let lost = super::execute(&fixture.deaf(), "k", call.clone(), &seen).await;
    assert!(matches!(lost, ToolOutcome::Unknown(_)), "{lost:?}");
    let found = resume(&fixture.client, "k", call, Duration::ZERO, &seen).await;
    let ToolOutcome::Result(Ok(result)) = found else { panic!("the command is known") };
    assert_eq!(result["exit_code"], 0);
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "x\n");
}

#[tokio::test]
async fn a_command_shows_its_output_and_tells_its_exit_code() {
    let (fixture, seen) = (Fixture::new(), Seen::default());
    let result = execute(&fixture.client, "k", command("echo out; exit 3", "20s"), &seen).await.unwrap();
    assert_eq!((&result["success"], &result["exit_code"]), (&json!(false), &json!(3)));
    assert_eq!(result["output"], "out\n");
    assert!(result["wall_duration_ms"].is_u64() && result.get("background_process_id").is_none());
    assert_eq!(seen.text(), "out\n");
}

#[tokio::test]
async fn output_that_is_no_text_is_shown_as_far_as_it_is() {
    let (fixture, seen) = (Fixture::new(), Seen::default());
    let prints = command("printf 'a\\377\\000b\\303'; printf '\\244c'", "20s");
    let result = execute(&fixture.client, "k", prints, &seen).await.unwrap();
    assert_eq!(result["exit_code"], 0);
    assert!(result["output"].as_str().unwrap().starts_with("a\u{fffd}\0b"), "{result}");
    assert!(result["output"].as_str().unwrap().ends_with("äc"), "{result}");
    assert!(seen.text().starts_with('a') && seen.text().contains('b') && seen.text().ends_with('c'));
}

#[tokio::test]
async fn a_command_that_takes_too_long_goes_on_and_can_be_waited_for() {
    let (fixture, seen) = (Fixture::new(), Seen::default());
    let gate = fixture.dir.path().join("gate");
    let waits = format!("until [ -e {} ]; do sleep 0.05; done; echo done", gate.display());
    let result = execute(&fixture.client, "k", command(&waits, "50ms"), &seen).await.unwrap();
    assert_eq!((&result["success"], &result["background_process_id"]), (&json!(true), &json!("k")));
    assert!(result.get("exit_code").is_none(), "{result}");
    let still = read_output(&fixture.client, "k", Duration::ZERO).await.unwrap();
    assert_eq!(still["note"], "The process is still running.");
    std::fs::write(&gate, "").unwrap();
    let ended = read_output(&fixture.client, "k", OUTPUT_WAIT_MAX).await.unwrap();
    assert_eq!((&ended["exit_code"], &ended["output"]), (&json!(0), &json!("done\n")));
}

#[tokio::test]
async fn a_command_in_the_background_is_told_by_its_id() {
    let (fixture, seen) = (Fixture::new(), Seen::default());
    let result = execute(&fixture.client, "k", command("sleep 300 &", "20s"), &seen).await.unwrap();
    assert_eq!(result["background_process_id"], "k");
    let listed = fixture.client.list_processes().await.unwrap();
    assert_eq!((listed[0].command.as_str(), listed[0].background), ("sleep 300", true));
    let fails = Execute { run_in_background: true, ..command("exit 9", "20s") };
    let result = execute(&fixture.client, "l", fails, &seen).await.unwrap();
    // A machine under load may still be starting it.
    assert!(result["exit_code"] == 9 || result["background_process_id"] == "l", "{result}");
    fixture.client.call_off("k").await.unwrap();
}

#[tokio::test]
async fn a_command_is_found_again_and_never_started_twice() {
    let (fixture, seen) = (Fixture::new(), Seen::default());
    let ran = fixture.dir.path().join("ran");
    let call = command(&format!("echo x >> {}; echo done", ran.display()), "20s");
    let unknown = resume(&fixture.client, "late", call.clone(), Duration::ZERO, &seen).await;
    assert!(matches!(unknown, ToolOutcome::Unknown(_)), "{unknown:?}");
    let late = execute(&fixture.client, "late", call.clone(), &seen).await.unwrap_err();
    assert!(late.message.contains("not started again"), "{late}");
    assert!(!ran.exists(), "finding out starts nothing, now or later");
    execute(&fixture.client, "k", call.clone(), &seen).await.unwrap();
    let ToolOutcome::Result(Ok(result)) = resume(&fixture.client, "k", call, Duration::ZERO, &seen).await
    else {
        panic!("the command is known")
    };
    assert_eq!((&result["output"], &result["exit_code"]), (&json!("done\n"), &json!(0)));
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "x\n");
}

#[tokio::test]
async fn a_command_that_is_taken_up_waits_only_for_what_is_left_of_its_time() {
    let (fixture, seen) = (Fixture::new(), Seen::default());
    let call = command("echo begun; sleep 300", "50ms");
    execute(&fixture.client, "k", call.clone(), &seen).await.unwrap();
    let call = Execute { timeout: Some("10m".into()), ..call };
    let age = Duration::from_secs(3600);
    let resumed = resume(&fixture.client, "k", call, age, &seen).await;
    let ToolOutcome::Result(Ok(result)) = resumed else { panic!("{resumed:?}") };
    assert_eq!(result["background_process_id"], "k");
    fixture.client.call_off("k").await.unwrap();
}

#[tokio::test]
async fn an_interrupt_kills_the_whole_process_group_and_says_so() {
    let (fixture, seen) = (Fixture::new(), Seen::default());
    let pid = fixture.dir.path().join("pid");
    let call = format!("echo begun; sleep 86000 & echo $! > {}; wait", pid.display());
    execute(&fixture.client, "k", command(&call, "50ms"), &seen).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::fs::read_to_string(&pid).unwrap_or_default().is_empty() {
        assert!(Instant::now() < deadline, "the child does not start");
        tokio::task::yield_now().await;
    }
    let ended = end(&fixture.client, "k").await;
    assert_eq!((&ended["interrupted"], &ended["exit_code"]), (&json!(true), &json!(-1)), "{ended}");
    assert!(ended["error"].as_str().unwrap().contains("kill"), "{ended}");
    assert_eq!(ended["output"], "begun\n");
    let child = std::fs::read_to_string(&pid).unwrap();
    let is_gone = || {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        status.map_or(true, |status| status.contains(") Z "))
    };
    while !is_gone() {
        assert!(Instant::now() < deadline, "the child lives on");
        tokio::task::yield_now().await;
    }
    loop {
        let again = end(&fixture.client, "k").await;
        if again["error"].as_str().unwrap().contains("already ended") {
            break;
        }
        assert!(Instant::now() < deadline, "the end is not noticed: {again}");
    }
    let never = end(&fixture.client, "never").await;
    assert_eq!(never["outcome"], "unknown", "{never}");
    let late = execute(&fixture.client, "never", command("true", "1s"), &seen).await.unwrap_err();
    assert!(late.message.contains("not started again"), "{late}");
}

#[tokio::test]
async fn a_process_that_is_not_known_is_a_typed_failure() {
    let fixture = Fixture::new();
    let error = read_output(&fixture.client, "none", Duration::ZERO).await.unwrap_err();
    assert_eq!(error.fields["error_code"], "no_such_process");
}

#[test]
fn a_trailing_ampersand_means_the_background_and_other_operators_do_not() {
    for (given, wanted) in [
        ("server &", Some("server")),
        ("a && b & ", Some("a && b")),
        ("a |&", None),
        ("a &&", None),
        ("a & b", None),
        ("echo \\&", None),
        ("a >&", None),
        (" & ", None),
        ("a", None),
    ] {
        assert_eq!(without_trailing_ampersand(given), wanted, "{given:?}");
    }
}

#[test]
fn printing_one_file_is_recognised() {
    for (command, wanted) in [
        ("cat src/main.rs", true),
        ("head -n 20 a", true),
        ("tail -100 a", true),
        ("cat a b", false),
        ("cat a | grep b", false),
        ("cat > a", false),
        ("tail -f log", false),
        ("ls a", false),
    ] {
        assert_eq!(is_file_dump(command), wanted, "{command:?}");
    }
}
