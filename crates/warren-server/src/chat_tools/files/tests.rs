use super::*;
use crate::agent_client::tests::Fixture;

fn write_to(path: &std::path::Path, content: &str) -> WriteFile {
    WriteFile { path: path.to_str().unwrap().to_owned(), content: content.into() }
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_found_by_its_key() {
    let fixture = Fixture::new();
    let path = fixture.dir.path().join("file");
    let lost = write(&fixture.deaf(), "k", write_to(&path, "one")).await;
    assert!(matches!(lost, ToolOutcome::Unknown(_)), "{lost:?}");
    let found = find(&fixture.client, "k").await;
    let ToolOutcome::Result(Ok(found)) = found else { panic!("{found:?}") };
    assert_eq!(found["bytes"], 3);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one");
    let ended = end(&fixture.client, "k").await;
    assert_eq!(ended["change"]["bytes"], 3, "{ended}");
}

#[tokio::test]
async fn a_change_that_is_interrupted_is_not_made_afterwards() {
    let fixture = Fixture::new();
    let path = fixture.dir.path().join("file");
    let ended = end(&fixture.client, "k").await;
    assert_eq!((&ended["interrupted"], &ended["outcome"]), (&json!(true), &json!("unknown")));
    let late = write(&fixture.client, "k", write_to(&path, "late")).await;
    let ToolOutcome::Result(Err(late)) = late else { panic!("{late:?}") };
    assert!(late.message.contains("called off"), "{late}");
    assert!(!path.exists());
    let again = find(&fixture.client, "k").await;
    assert!(matches!(again, ToolOutcome::Result(Err(_))), "{again:?}");
}
