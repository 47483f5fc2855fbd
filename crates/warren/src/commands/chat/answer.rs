//! `warren chat answer`.

use std::{io::Read as _, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use warren_api::chats::{
    ChatInputPart, ChatStreamActionRequired, ChatStreamToolCall, ChatToolResult, CreateChatMessageRequest,
    SubmitToolResultsRequest,
};
use warren_sdk::{ChatPlace, Client};
use warren_vocab::{ChatId, ChatStatus};

use super::find;
use crate::{
    args::AnswerArgs,
    chat_view::{self, Look, Question, Waiting},
    chat_wire,
    output::{self, Format},
    printable, program,
};

/// The first frames of a stream come at once.
const STREAM_MAX: Duration = Duration::from_secs(15);

pub(super) async fn run(client: &Client, args: AnswerArgs) -> anyhow::Result<()> {
    let chat = find::id(client, &args.chat).await?;
    let (status, waiting) = asked(client, chat).await?;
    let gives_results = !args.result.is_empty() || !args.error.is_empty() || args.results_file.is_some();
    if gives_results {
        let results = match &args.results_file {
            Some(path) => read_results(path)?,
            None => results(&waiting.calls, &args.result, &args.error)?,
        };
        return submit(client, chat, results).await;
    }
    if args.answer.is_empty() {
        return show(chat, status, &waiting, args.output);
    }
    if waiting.questions.is_empty() {
        bail!("{}", nothing_asked(chat, status, &waiting));
    }
    let choices = choices(&waiting.questions, &args.answer)?;
    let text = chat_view::answer_text(&waiting.questions, &choices);
    client
        .send_chat_message(chat, &CreateChatMessageRequest::new(vec![ChatInputPart::text(text.clone())]))
        .await?;
    output::line(&format!("Answered: {}", printable::reveal(&text)));
    output::note(&format!("Follow what comes with `{} chat follow {chat}`.", program::name()));
    Ok(())
}

/// Reads what a chat waits for: calls and approvals from its stream, questions from its newest messages.
async fn asked(client: &Client, chat: ChatId) -> anyhow::Result<(Option<ChatStatus>, Waiting)> {
    let newest = client.chat_messages(chat).await?;
    let mut waiting = Waiting::default();
    for message in newest.messages.iter().rev() {
        waiting.heard(message);
    }
    let place = ChatPlace { after: newest.messages.first().map(|message| message.id), cursor: None };
    let mut frames = client.follow_chat(chat, &place).await?;
    let (mut status, mut action) = (None, None);
    let read = async {
        while let Some(frame) = frames.next().await {
            for event in chat_wire::events(frame?).0 {
                status = event.status.map(|status| status.status).or(status);
                action = event.action_required.or(action.take());
            }
            match status {
                Some(ChatStatus::RequiresAction) if action.is_none() => {}
                Some(_) => break,
                None => {}
            }
        }
        Ok::<_, warren_sdk::SdkError>(())
    };
    tokio::time::timeout(STREAM_MAX, read)
        .await
        .context("the server does not say what the chat waits for")??;
    frames.close().await;
    let ChatStreamActionRequired { tool_calls, approvals } = action.unwrap_or_default();
    (waiting.calls, waiting.approvals) = (tool_calls, approvals);
    if status != Some(ChatStatus::Waiting) || !newest.queued_messages.is_empty() {
        waiting.questions.clear();
    }
    Ok((status, waiting))
}

fn show(chat: ChatId, status: Option<ChatStatus>, waiting: &Waiting, format: Format) -> anyhow::Result<()> {
    if format == Format::Json {
        let question = |question: &Question| {
            let options = question
                .options
                .iter()
                .map(|(label, meaning)| json!({ "label": label, "description": meaning }));
            json!({ "header": question.header, "question": question.question, "options": options.collect::<Vec<_>>() })
        };
        let questions: Vec<Value> = waiting.questions.iter().map(question).collect();
        return output::json(&json!({ "questions": questions, "tool_calls": waiting.calls }));
    }
    let look = Look { colors: false, columns: 80, full: true, reasoning: false, asks: false, stays: false };
    if waiting.questions.is_empty() && waiting.calls.is_empty() {
        output::note(&nothing_asked(chat, status, waiting));
        return Ok(());
    }
    for question in &waiting.questions {
        output::text_out(&question.text(&look));
    }
    for call in &waiting.calls {
        output::text_out(&chat_view::call_text(call, chat, &look));
    }
    if !waiting.questions.is_empty() {
        output::text_out(&waiting.how_to_answer(chat, &look));
    }
    Ok(())
}

fn nothing_asked(chat: ChatId, status: Option<ChatStatus>, waiting: &Waiting) -> String {
    let program = program::name();
    if !waiting.approvals.is_empty() {
        return format!("The chat asks for an approval, not for an answer: `{program} chat approve {chat}`.");
    }
    if !waiting.calls.is_empty() {
        return format!(
            "The chat waits for results of tools: give them with --result (`{program} chat answer {chat}` lists them)."
        );
    }
    match status {
        Some(ChatStatus::Running | ChatStatus::Interrupting | ChatStatus::Pending) => {
            "The chat asks nothing; it is at work.".into()
        }
        _ => format!("The chat asks nothing; say something with `{program} chat send {chat} <message>`."),
    }
}

/// One argument for each question; for a single one all words together.
fn choices(questions: &[Question], words: &[String]) -> anyhow::Result<Vec<String>> {
    let joined = [words.join(" ")];
    let said = if questions.len() == 1 { &joined[..] } else { words };
    if said.len() != questions.len() {
        let asked = questions.iter().map(|question| printable::one_line(&question.question, 100));
        bail!(
            "there are {} questions, so give {} arguments, each in quotes: {}",
            questions.len(),
            questions.len(),
            asked.collect::<Vec<_>>().join(" | ")
        );
    }
    let choose = |(question, said): (&Question, &String)| {
        let header = printable::one_line(&question.question, 100);
        chat_view::choose(question, said).map_err(|why| anyhow::anyhow!("{header}: {why}"))
    };
    questions.iter().zip(said).map(choose).collect()
}

/// Reads `CALL=JSON`, where the call may be left out when only one waits. All that wait must have a result.
fn results(
    waiting: &[ChatStreamToolCall],
    good: &[String],
    bad: &[String],
) -> anyhow::Result<Vec<ChatToolResult>> {
    if waiting.is_empty() {
        bail!("the chat waits for no result of a tool");
    }
    let mut results: Vec<ChatToolResult> = Vec::new();
    for (text, is_error) in good.iter().map(|text| (text, false)).chain(bad.iter().map(|text| (text, true))) {
        let named =
            text.split_once('=').filter(|(id, _)| waiting.iter().any(|call| call.tool_call_id == *id));
        let (id, json) = match (named, waiting) {
            (Some(named), _) => named,
            (None, [only]) => (only.tool_call_id.as_str(), text.as_str()),
            (None, _) => bail!("{text:?} does not begin with one of the calls that wait: {}", ids(waiting)),
        };
        let output = serde_json::from_str(json).with_context(|| {
            format!(
                "the result of {id} is not JSON; a text needs double quotes around it, like '{id}=\"text\"'"
            )
        })?;
        if results.iter().any(|result| result.tool_call_id == id) {
            bail!("the call {id} has two results");
        }
        results.push(ChatToolResult { tool_call_id: id.to_owned(), output, is_error });
    }
    let missing: Vec<_> = waiting
        .iter()
        .filter(|call| results.iter().all(|result| result.tool_call_id != call.tool_call_id))
        .cloned()
        .collect();
    if !missing.is_empty() {
        bail!("all calls that wait are answered together; these have no result yet: {}", ids(&missing));
    }
    Ok(results)
}

fn ids(calls: &[ChatStreamToolCall]) -> String {
    let id = |call: &ChatStreamToolCall| format!("{} ({})", call.tool_call_id, call.tool_name);
    printable::one_line(&calls.iter().map(id).collect::<Vec<_>>().join(", "), 2000)
}

fn read_results(path: &Path) -> anyhow::Result<Vec<ChatToolResult>> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the results from standard input")?;
        text
    } else {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    serde_json::from_str(&text).with_context(|| {
        format!("{} is not a list of {{\"tool_call_id\", \"output\", \"is_error\"}} in JSON", path.display())
    })
}

async fn submit(client: &Client, chat: ChatId, results: Vec<ChatToolResult>) -> anyhow::Result<()> {
    let n_results = results.len();
    client.submit_chat_tool_results(chat, &SubmitToolResultsRequest { results }).await?;
    let what = if n_results == 1 { "The result was" } else { "The results were" };
    output::line(&format!("{what} given; the chat goes on."));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> ChatStreamToolCall {
        ChatStreamToolCall { tool_call_id: id.into(), tool_name: "weather".into(), args: "{}".into() }
    }

    fn question(text: &str) -> Question {
        let options = vec![("SQLite".to_owned(), String::new()), ("PostgreSQL".to_owned(), String::new())];
        Question { header: text.into(), question: format!("{text}?"), options }
    }

    #[test]
    fn results_are_named_unless_only_one_call_waits() {
        let of = |text: &str| vec![text.to_owned()];
        let single = results(&[call("a")], &of("{\"b\": \"=\"}"), &[]).unwrap();
        assert_eq!((single[0].tool_call_id.as_str(), &single[0].output), ("a", &json!({ "b": "=" })));
        let two = results(&[call("a"), call("b=")], &of("a=1"), &of("b==\"no\""));
        assert!(two.is_err(), "the first = ends the id");
        let two = results(&[call("a"), call("b")], &of("a=1"), &of("b=\"no\"")).unwrap();
        assert_eq!(two[1], ChatToolResult { tool_call_id: "b".into(), output: json!("no"), is_error: true });
        for (good, said) in [
            (vec!["1"], "does not begin with one of the calls that wait: a (weather), b (weather)"),
            (vec!["a=text"], "the result of a is not JSON"),
            (vec!["a=1"], "these have no result yet: b (weather)"),
            (vec!["a=1", "a=2"], "has two results"),
        ] {
            let good: Vec<_> = good.into_iter().map(str::to_owned).collect();
            let error = results(&[call("a"), call("b")], &good, &[]).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(results(&[], &of("1"), &[]).is_err());
    }

    #[test]
    fn a_single_question_takes_all_words_and_several_take_one_argument_each() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let one = [question("Database")];
        assert_eq!(choices(&one, &words(&["2"])).unwrap(), ["PostgreSQL"]);
        assert_eq!(choices(&one, &words(&["neither", "of", "them"])).unwrap(), ["neither of them"]);
        let two = [question("Database"), question("Cache")];
        assert_eq!(choices(&two, &words(&["sqlite", "none at all"])).unwrap(), ["SQLite", "none at all"]);
        let error = choices(&two, &words(&["1"])).unwrap_err().to_string();
        assert!(error.contains("there are 2 questions"), "{error}");
        let error = choices(&one, &words(&["3"])).unwrap_err().to_string();
        assert_eq!(error, "Database?: there is no option 3, only 1 to 2");
    }
}
