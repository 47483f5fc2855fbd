//! Histories and what follows from them.

use serde_json::json;

use super::*;

#[derive(Default)]
struct History(Vec<(MessageRole, Vec<Part>, bool, Option<Usage>)>);

impl History {
    fn user(mut self, text: &str) -> Self {
        self.0.push((MessageRole::User, vec![Part::text(text)], false, None));
        self
    }

    fn assistant(mut self, parts: Vec<Part>) -> Self {
        self.0.push((MessageRole::Assistant, parts, false, None));
        self
    }

    fn tool(mut self, id: &str, name: &str, is_error: bool) -> Self {
        let part = Part::tool_result(id, name, json!({}), is_error);
        self.0.push((MessageRole::Tool, vec![part], false, None));
        self
    }

    /// Says what the last message used.
    fn used(mut self, tokens: i64) -> Self {
        let usage = Usage { input_tokens: Some(tokens), ..Usage::default() };
        self.0.last_mut().unwrap().3 = Some(usage);
        self
    }

    fn summary(mut self) -> Self {
        let shown = Part::tool_call("s", compaction::TOOL_NAME, json!({}));
        self.0.push((MessageRole::User, vec![Part::text("summary")], true, None));
        self.0.push((MessageRole::Assistant, vec![shown], true, None));
        let result = Part::tool_result("s", compaction::TOOL_NAME, json!({}), false);
        self.0.push((MessageRole::Tool, vec![result], true, None));
        self
    }

    fn entries(&self) -> Vec<Entry<'_>> {
        let mut entries = Vec::new();
        for ((role, parts, compressed, usage), revision) in self.0.iter().zip(1..) {
            let usage = usage.as_ref();
            entries.push(Entry { role: *role, parts, revision, compressed: *compressed, usage });
        }
        entries
    }

    fn next(&self) -> Next {
        let kind = |call: &OpenCall| kind_of(&call.tool_name);
        let exclusive = |name: &str| name == "advisor";
        let stop_after = |name: &str| name == "ask_user_question";
        let compaction = Some(compaction::Limit { context: 1000, percent: 70 });
        let rules = Rules { exclusive: &exclusive, stop_after: &stop_after, compaction, ..Rules::new(&kind) };
        next(self.entries(), &rules)
    }
}

fn kind_of(name: &str) -> CallKind {
    match name {
        "client" => CallKind::Dynamic,
        "asked" => CallKind::Asked,
        _ => CallKind::Local,
    }
}

fn call(id: &str, name: &str) -> Part {
    Part::tool_call(id, name, json!({}))
}

fn of_provider(id: &str) -> Part {
    match call(id, "web_search") {
        Part::ToolCall { tool_call_id, tool_name, args, .. } => Part::ToolCall {
            tool_call_id,
            tool_name,
            args,
            args_delta: None,
            provider_executed: true,
            provider_metadata: None,
            created_at: None,
        },
        other => other,
    }
}

fn ids(calls: &[OpenCall]) -> Vec<&str> {
    calls.iter().map(|call| call.call_id.as_str()).collect()
}

#[test]
fn a_turn_goes_from_the_question_over_tools_to_the_answer() {
    let history = History::default().user("list files");
    assert_eq!(history.next(), Next::Generate);
    let history =
        history.assistant(vec![Part::text("I look."), call("a", "execute"), call("b", "read_file")]);
    let Next::RunTools(open) = history.next() else { panic!("tools are open") };
    assert_eq!(ids(&open), ["a", "b"]);
    assert!(open.iter().all(|call| call.committed_at == 2), "the revision of their message");
    let history = history.tool("a", "execute", false);
    let Next::RunTools(open) = history.next() else { panic!("one tool is open") };
    assert_eq!(ids(&open), ["b"]);
    let history = history.tool("b", "read_file", true);
    assert_eq!(history.next(), Next::Generate);
    let history = history.assistant(vec![Part::text("Two files.")]);
    assert_eq!(history.next(), Next::Finish(Ending::Answered));
    assert_eq!(history.user("thanks").next(), Next::Generate);
}

#[test]
fn a_model_that_never_stops_asking_is_stopped() {
    let mut history = History::default().user("loop");
    for step in 0..STEPS_MAX {
        assert_eq!(history.next(), Next::Generate);
        let id = step.to_string();
        history = history.assistant(vec![call(&id, "execute")]).tool(&id, "execute", false);
    }
    assert_eq!(history.next(), Next::Finish(Ending::StepLimit));
}

#[test]
fn what_the_server_can_run_runs_before_anybody_is_asked() {
    let calls = vec![call("a", "asked"), call("b", "execute"), call("c", "client"), of_provider("d")];
    let history = History::default().user("go").assistant(calls);
    let Next::RunTools(open) = history.next() else { panic!("a tool can run") };
    assert_eq!(ids(&open), ["b"]);
    let history = history.tool("b", "execute", false);
    let Next::EnterRequiresAction { dynamic, asked } = history.next() else { panic!("others must answer") };
    assert_eq!((ids(&dynamic), ids(&asked)), (vec!["c"], vec!["a"]));
    let history = history.tool("c", "client", false).tool("a", "asked", true);
    assert_eq!(history.next(), Next::Generate);
}

#[test]
fn calls_of_the_provider_are_never_open() {
    let history = History::default().user("search").assistant(vec![of_provider("a"), Part::text("Found.")]);
    assert_eq!(history.next(), Next::Finish(Ending::Answered));
    assert_eq!(open_calls(history.entries()), []);
}

#[test]
fn a_tool_that_ends_the_turn_does_so_only_when_it_succeeds() {
    let asked = History::default().user("go").assistant(vec![call("a", "ask_user_question")]);
    assert!(matches!(asked.next(), Next::RunTools(_)));
    assert_eq!(asked.tool("a", "ask_user_question", false).next(), Next::Finish(Ending::StoppedByTool));
    let failed = History::default().user("go").assistant(vec![call("a", "ask_user_question")]);
    assert_eq!(failed.tool("a", "ask_user_question", true).next(), Next::Generate);
}

#[test]
fn a_tool_that_must_be_alone_runs_only_alone() {
    for other in ["execute", "client"] {
        let mixed = History::default().user("go").assistant(vec![call("a", "advisor"), call("b", other)]);
        let Next::Refuse(calls) = mixed.next() else { panic!("it is not alone") };
        assert_eq!(ids(&calls), ["a", "b"]);
        let refused = refusals(&calls);
        let mut history = mixed;
        history.0.push((MessageRole::Tool, refused, false, None));
        assert_eq!(history.next(), Next::Generate);
    }
    let alone = History::default().user("go").assistant(vec![call("a", "advisor"), of_provider("b")]);
    assert!(matches!(alone.next(), Next::RunTools(_)), "what the provider runs does not count");
}

#[test]
fn a_long_conversation_is_summarised_between_steps_and_goes_on() {
    let step = |history: History, id: &str, tokens| {
        history.assistant(vec![call(id, "execute")]).used(tokens).tool(id, "execute", false)
    };
    let history = step(History::default().user("go"), "a", 699);
    assert_eq!(history.next(), Next::Generate);
    let history = step(history, "b", 700);
    assert_eq!(history.next(), Next::Compact);
    let history = history.summary();
    assert_eq!(history.next(), Next::Generate, "the summary is not a new question and not an answer");
    let history = step(history, "c", 100);
    assert_eq!(history.next(), Next::Generate);
    assert_eq!(step(history, "d", 900).next(), Next::Compact, "it has grown again");
}

#[test]
fn a_summary_that_does_not_help_ends_the_turn() {
    let history = History::default().user("go").assistant(vec![call("a", "execute")]).used(900);
    let history = history.tool("a", "execute", false).summary();
    let history = history.assistant(vec![call("b", "execute")]).used(800).tool("b", "execute", false);
    assert_eq!(history.next(), Next::TooLong);
    assert_eq!(history.user("shorter, please").next(), Next::Compact, "a new turn tries again");
}

#[test]
fn a_long_last_answer_is_summarised_only_before_the_next_question() {
    let history = History::default().user("go").assistant(vec![Part::text("done")]).used(900);
    assert_eq!(history.next(), Next::Finish(Ending::Answered));
    let history = history.user("and now?");
    assert_eq!(history.next(), Next::Compact);
    assert_eq!(history.summary().next(), Next::Generate);
}

#[test]
fn steps_do_not_count_summaries() {
    let kind = |_: &OpenCall| CallKind::Local;
    let history = History::default().user("go").assistant(vec![call("a", "x")]).tool("a", "x", false);
    let history = history.summary();
    let at_most = |steps_max| next(history.entries(), &Rules { steps_max, ..Rules::new(&kind) });
    assert_eq!(at_most(1), Next::Finish(Ending::StepLimit));
    assert_eq!(at_most(2), Next::Generate);
}
