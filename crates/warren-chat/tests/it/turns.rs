//! Turns that go well: tools, interruptions, the queue, edits.

use serde_json::json;
use warren_chat::{Sent, proto::Part};
use warren_db::ConnectionTrait;
use warren_vocab::{BusyBehavior, ChatStatus, MessageRole};

use warren_chat::Start;

use crate::support::{DEADLINE, Stage, text};

#[tokio::test]
async fn a_turn_with_tools_goes_from_the_task_to_the_answer() {
    let stage = Stage::new().await;
    let model = stage.with_script(&json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [
            { "text": "I look. " }, { "tool_call": { "name": "list_templates", "args": {} } } ] },
        { "when": { "tool_results": 1 }, "steps": [
            { "tool_call": { "name": "create_workspace", "args": { "template_id": "$result:/templates/0/id" } } } ] },
        { "when": { "tool_results": 2 }, "steps": [
            { "tool_call": { "name": "execute", "args": { "command": "ls" } } },
            { "tool_call": { "name": "nonsense", "args": {} } } ] },
        { "steps": [{ "text": "All done." }] },
    ] })).await;
    let chat = stage.create("make a thing").await;
    let mut view = stage.view(chat).await;
    view.until("streamed output", |view| {
        view.shown.iter().any(|part| matches!(part, Part::ToolResult { result_delta: Some(text), .. } if text.contains("line 1")))
    }).await;
    view.until_waiting().await;

    assert_eq!(stage.tools.calls(), ["list_templates", "create_workspace", "execute ls"]);
    let story = view.story();
    assert_eq!(story.first().unwrap(), &(MessageRole::User, "make a thing".into()));
    assert_eq!(story.last().unwrap(), &(MessageRole::Assistant, "All done.".into()));
    let results = view.results();
    assert_eq!(results[2].0["exit_code"], 0);
    assert!(results[3].1 && results[3].0["error"].as_str().unwrap().contains("nonsense"));
    assert!(view.preview.is_empty(), "the answer is a message now");
    let usage = view.messages.last().unwrap().usage.unwrap();
    assert!(usage.output_tokens.unwrap() > 0);

    let requests = model.requests();
    assert_eq!(requests.len(), 4);
    let roles: Vec<_> =
        requests[3]["messages"].as_array().unwrap().iter().map(|one| one["role"].as_str().unwrap()).collect();
    assert_eq!(
        roles,
        ["system", "user", "assistant", "tool", "assistant", "tool", "assistant", "tool", "tool"]
    );
}

#[tokio::test]
async fn an_interruption_keeps_what_was_said() {
    let stage = Stage::new().await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "user": "long" }, "steps": [{ "text": "One two three " }, { "stall": null }] },
        { "steps": [{ "text": "Short." }] },
    ] }))
        .await;
    let chat = stage.create("a long story").await;
    let mut view = stage.view(chat).await;
    view.until("the first words", |view| view.preview_text() == "One two three ").await;
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    view.until_waiting().await;
    assert_eq!(
        view.story(),
        [(MessageRole::User, "a long story".into()), (MessageRole::Assistant, "One two three ".into()),]
    );
    let again = stage.chat.interrupt(&stage.subject, chat).await.unwrap_err();
    assert!(again.to_string().contains("not running"), "{again}");

    let sent = stage.chat.send(&stage.subject, chat, Stage::message("short", BusyBehavior::Queue)).await;
    assert!(matches!(sent.unwrap(), Sent::InHistory(_)));
    view.until("the next answer", |view| view.story().len() == 4).await;
    assert_eq!(view.story()[3].1, "Short.");
}

#[tokio::test]
async fn a_tool_that_is_interrupted_gets_a_result_that_says_so() {
    let stage = Stage::new().await;
    let _model = stage.with_script(&json!({ "turns": [
        { "when": { "tool_results": 0 }, "steps": [{ "tool_call": {
            "name": "create_workspace", "args": { "template_id": "00000000-0000-4000-8000-000000000000" } } }] },
        { "when": { "tool_results": 1 }, "steps": [{ "tool_call": { "name": "execute", "args": { "command": "hang" } } }] },
    ] })).await;
    let chat = stage.create("hang").await;
    let mut view = stage.view(chat).await;
    tokio::time::timeout(DEADLINE, stage.tools.hanging.notified()).await.unwrap();
    stage.chat.interrupt(&stage.subject, chat).await.unwrap();
    view.until_waiting().await;
    let (result, is_error) = view.results().pop().unwrap();
    assert!(is_error, "{result}");
    assert_eq!(result, json!({ "error": "killed", "interrupted": true, "output": "line 1\n" }));
    assert_eq!(stage.tools.calls().last().unwrap(), "end execute", "what runs in the workspace is ended");
}

#[tokio::test]
async fn messages_sent_meanwhile_wait_in_the_queue_and_are_answered_in_order() {
    let stage = Stage::new().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "user": "first" }, "steps": [{ "text": "A" }, { "barrier": "gate" }, { "text": "1" }] },
        { "when": { "user": "second" }, "steps": [{ "text": "A2" }] },
        { "when": { "user": "third" }, "steps": [{ "text": "A3" }] },
    ] }))
        .await;
    let chat = stage.create("first").await;
    let mut view = stage.view(chat).await;
    view.until("the first letter", |view| view.preview_text() == "A").await;
    for (n, message) in ["second", "third"].into_iter().enumerate() {
        let sent = stage.chat.send(&stage.subject, chat, Stage::message(message, BusyBehavior::Queue)).await;
        assert!(matches!(sent.unwrap(), Sent::InQueue(_)));
        view.until("the queue", |view| view.n_queued == n + 1).await;
    }
    model.release("gate");
    view.until("all answers", |view| view.story().len() == 6).await;
    let said: Vec<_> = view.story().into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["first", "A1", "second", "A2", "third", "A3"]);
    view.until_waiting().await;
    assert_eq!(view.n_queued, 0);
}

#[tokio::test]
async fn a_message_may_interrupt_the_answer() {
    let stage = Stage::new().await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "user": "slow" }, "steps": [{ "text": "Slow…" }, { "stall": null }] },
        { "steps": [{ "text": "Quick." }] },
    ] }))
        .await;
    let chat = stage.create("slow").await;
    let mut view = stage.view(chat).await;
    view.until("the first word", |view| view.preview_text() == "Slow…").await;
    stage.chat.send(&stage.subject, chat, Stage::message("quick", BusyBehavior::Interrupt)).await.unwrap();
    view.until("the next answer", |view| view.story().len() == 4).await;
    let said: Vec<_> = view.story().into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["slow", "Slow…", "quick", "Quick."]);
}

#[tokio::test]
async fn an_edit_takes_back_what_came_after_it() {
    let stage = Stage::new().await;
    let _model = stage
        .with_script(&json!({ "turns": [
        { "when": { "user": "red" }, "steps": [{ "text": "Red it is." }] },
        { "when": { "user": "blue" }, "steps": [{ "text": "Blue it is." }] },
    ] }))
        .await;
    let chat = stage.create("red").await;
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    let (first, old_last) = (view.messages[0].id, view.last_id());
    let edited =
        stage.chat.edit(&stage.subject, chat, first, Stage::message("blue", BusyBehavior::Queue)).await;
    assert_eq!(text(&edited.unwrap().content), "blue");
    view.until("the new answer", |view| {
        view.story().iter().map(|(_, text)| text.as_str()).eq(["blue", "Blue it is."])
    })
    .await;
    view.until("the end", |view| view.status == Some(ChatStatus::Waiting)).await;

    let mut late = crate::support::View::new(
        stage.chat.watch(&stage.subject, chat, Start::after(old_last)).await.unwrap(),
    );
    late.until("the whole story", |view| view.story().len() == 2).await;
    assert_eq!(late.story(), view.story());
}

#[tokio::test]
async fn chats_of_others_do_not_exist() {
    let stage = Stage::new().await;
    let _model = stage.with_script(&json!({ "turns": [{ "steps": [{ "text": "Hi." }] }] })).await;
    let chat = stage.create("hello").await;
    let mut stranger = stage.subject.clone();
    stranger.user = warren_vocab::UserId::new();
    stranger.roles.clear();
    let found = stage.chat.get(&stranger, chat).await.unwrap_err();
    assert!(matches!(found, warren_chat::ChatServiceError::NotFound));
    assert!(stage.chat.watch(&stranger, chat, Start::default()).await.is_err());
    assert_eq!(stage.chat.stream_figures().chats, 0, "nothing begins for a stranger");
    let sent = stage.chat.send(&stranger, chat, Stage::message("x", BusyBehavior::Queue)).await.unwrap_err();
    assert!(matches!(sent, warren_chat::ChatServiceError::NotFound));
    assert!(stage.chat.providers(&stranger).await.is_err());
}

#[tokio::test]
async fn what_precedes_the_conversation_is_looked_up_once_for_each_turn() {
    let stage = Stage::new().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "user": "first", "tool_results": 0 }, "steps": [
            { "barrier": "gate" }, { "tool_call": { "name": "list_templates", "args": {} } } ] },
        { "steps": [{ "text": "Done." }] },
    ] }))
        .await;
    let tell = async |text: &str| stage.chat.set_system_prompt(stage.caller(), text, None).await.unwrap();
    tell("Speak like a sailor.").await;
    let chat = stage.create("first").await;
    assert!(model.reached("gate", DEADLINE).await);
    tell("Speak like a king.").await;
    model.release("gate");
    let mut view = stage.view(chat).await;
    view.until_waiting().await;
    stage.chat.send(&stage.subject, chat, Stage::message("second", BusyBehavior::Queue)).await.unwrap();
    view.until("the second answer", |view| view.messages.len() == 6).await;
    let is_told = |text: &str| -> Vec<bool> {
        model.requests().iter().map(|request| request.to_string().contains(text)).collect()
    };
    assert_eq!(is_told("like a sailor"), [true, true, false], "a turn keeps what it began with");
    assert_eq!(is_told("like a king"), [false, false, true]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_stored_ends_the_turn_with_an_error_and_no_further_step() {
    let stage = Stage::new().await;
    let model = stage
        .with_script(&json!({ "turns": [
        { "when": { "user": "good" }, "steps": [{ "text": "Fine." }] },
        { "steps": [{ "text": "poison " }, { "tool_call": { "name": "list_templates", "args": {} } }] },
    ] }))
        .await;
    refuse_poison(&stage).await;
    let chat = stage.create("bad").await;
    let mut view = stage.view(chat).await;
    view.until("the error", |view| view.error.is_some() && view.status == Some(ChatStatus::Error)).await;
    let error = view.error.clone().unwrap().message;
    assert!(error.contains("could not store the answer"), "{error}");
    assert_eq!(model.requests().len(), 1, "nobody pays for it again");
    assert_eq!(stage.tools.calls(), [""; 0], "no tool has run");
    stage.chat.send(&stage.subject, chat, Stage::message("good", BusyBehavior::Queue)).await.unwrap();
    view.until_waiting().await;
    assert_eq!(view.story().last().unwrap().1, "Fine.");
}

/// Makes the database refuse every answer that has the word in it.
async fn refuse_poison(stage: &Stage) {
    let statements: &[&str] = if warren_db_testkit::is_postgres() {
        &[
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$",
            "CREATE TRIGGER refuse BEFORE INSERT ON chat_messages FOR EACH ROW \
             WHEN (NEW.role = 'assistant' AND NEW.content::text LIKE '%poison%') EXECUTE FUNCTION refuse()",
        ]
    } else {
        &["CREATE TRIGGER refuse BEFORE INSERT ON chat_messages \
           WHEN NEW.role = 'assistant' AND CAST(NEW.content AS TEXT) LIKE '%poison%' BEGIN SELECT RAISE(ABORT, 'refused'); END"]
    };
    for statement in statements {
        let run = async |tx: &warren_db::Tx| {
            tx.execute_unprepared(statement).await?;
            Ok::<_, warren_db::DbError>(())
        };
        stage.db.write(run).await.unwrap();
    }
}
