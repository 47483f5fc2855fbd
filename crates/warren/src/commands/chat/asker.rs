//! Asks the person at the terminal what a chat waits for, one line at a time. Pure.

use warren_api::chats::{ChatApproval, ChatApprovalDecision, ChatApprovalReason};

use crate::chat_view::{Question, Waiting, answer_text, choose};

/// What is being asked.
#[derive(Debug, Clone)]
pub(super) enum Asker {
    Approval(ChatApproval),
    Questions { questions: Vec<Question>, choices: Vec<String> },
}

/// What a line means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Something else is to be typed; a hint, or nothing.
    Again(String),
    Decide(ChatApprovalDecision),
    /// The message that answers.
    Say(String),
}

impl Asker {
    /// Takes up the first of what waits, leaving out what was answered.
    pub(super) fn of(
        waiting: &Waiting,
        is_answered: impl Fn(&str) -> bool,
        said: &[Question],
    ) -> Option<Self> {
        if let Some(approval) = waiting.approvals.iter().find(|approval| !is_answered(&approval.tool_call_id))
        {
            return Some(Self::Approval(approval.clone()));
        }
        let is_open = !waiting.questions.is_empty() && waiting.questions != said;
        is_open.then(|| Self::Questions { questions: waiting.questions.clone(), choices: Vec::new() })
    }

    /// Whether this is still what is waited for.
    pub(super) fn is_open(&self, waiting: &Waiting) -> bool {
        match self {
            Self::Approval(asked) => {
                waiting.approvals.iter().any(|approval| approval.tool_call_id == asked.tool_call_id)
            }
            Self::Questions { questions, .. } => waiting.questions == *questions,
        }
    }

    /// What stands before the place where the person types.
    pub(super) fn prompt(&self) -> String {
        match self {
            Self::Approval(ChatApproval { reason: ChatApprovalReason::OutcomeUnknown, .. }) => {
                "Run it again? y = yes, n = no, n <text> = no, and what the model should know: ".into()
            }
            Self::Approval(_) => {
                "Approve? y = yes, a = always in this chat, n = no, n <text> = no, and why: ".into()
            }
            Self::Questions { questions, choices } => {
                let Some(question) = questions.get(choices.len()) else { return String::new() };
                let name = match questions.len() {
                    1 => "Answer".to_owned(),
                    n => format!("Answer {} of {n}", choices.len() + 1),
                };
                match question.options.len() {
                    0 => format!("{name}: "),
                    n => format!("{name} (1 to {n}, or your own words): "),
                }
            }
        }
    }

    /// Reads what was typed.
    pub(super) fn read(&mut self, line: &str) -> Reply {
        match self {
            Self::Approval(approval) => decide(approval, line),
            Self::Questions { questions, choices } => {
                let Some(question) = questions.get(choices.len()) else { return Reply::Again(String::new()) };
                match choose(question, line) {
                    Ok(choice) => choices.push(choice),
                    Err(why) => return Reply::Again(why),
                }
                if choices.len() < questions.len() {
                    return Reply::Again(String::new());
                }
                Reply::Say(answer_text(questions, choices))
            }
        }
    }
}

fn decide(approval: &ChatApproval, line: &str) -> Reply {
    let line = line.trim();
    let (word, note) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let can_remember = approval.reason == ChatApprovalReason::Rule;
    let (approve, remember) = match word.to_lowercase().as_str() {
        "y" | "yes" if note.is_empty() => (true, false),
        "a" | "always" if note.is_empty() && can_remember => (true, true),
        "n" | "no" => (false, false),
        _ if can_remember => return Reply::Again("type y, a or n".into()),
        _ => return Reply::Again("type y or n".into()),
    };
    let note = Some(note.trim().to_owned()).filter(|note| !note.is_empty());
    Reply::Decide(ChatApprovalDecision {
        tool_call_id: approval.tool_call_id.clone(),
        approve,
        note,
        remember,
    })
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    fn approval(id: &str, reason: ChatApprovalReason) -> ChatApproval {
        ChatApproval {
            tool_call_id: id.into(),
            tool_name: "execute".into(),
            args: "{}".into(),
            reason,
            message: "May it run?".into(),
            requested_at: Utc::now(),
            expires_at: Utc::now(),
        }
    }

    fn question(header: &str) -> Question {
        let options = vec![("One".to_owned(), String::new()), ("Two".to_owned(), String::new())];
        Question { header: header.into(), question: format!("{header}?"), options }
    }

    fn decision(approve: bool, remember: bool, note: Option<&str>) -> Reply {
        let note = note.map(str::to_owned);
        Reply::Decide(ChatApprovalDecision { tool_call_id: "c".into(), approve, note, remember })
    }

    #[test]
    fn an_approval_takes_yes_always_and_no_with_a_note_and_nothing_by_mistake() {
        let mut asker = Asker::Approval(approval("c", ChatApprovalReason::Rule));
        for (line, reply) in [
            ("y", decision(true, false, None)),
            (" YES ", decision(true, false, None)),
            ("always", decision(true, true, None)),
            ("n", decision(false, false, None)),
            ("n use  staging", decision(false, false, Some("use  staging"))),
            ("", Reply::Again("type y, a or n".into())),
            ("yo", Reply::Again("type y, a or n".into())),
            ("y but carefully", Reply::Again("type y, a or n".into())),
        ] {
            assert_eq!(asker.read(line), reply, "{line:?}");
        }
        let mut unknown = Asker::Approval(approval("c", ChatApprovalReason::OutcomeUnknown));
        assert_eq!(unknown.read("a"), Reply::Again("type y or n".into()));
        assert_eq!(unknown.read("y"), decision(true, false, None));
    }

    #[test]
    fn questions_are_asked_one_after_the_other() {
        let waiting =
            Waiting { questions: vec![question("First"), question("Second")], ..Waiting::default() };
        let mut asker = Asker::of(&waiting, |_| false, &[]).unwrap();
        assert_eq!(asker.prompt(), "Answer 1 of 2 (1 to 2, or your own words): ");
        assert_eq!(asker.read("9"), Reply::Again("there is no option 9, only 1 to 2".into()));
        assert_eq!(asker.read("2"), Reply::Again(String::new()));
        assert_eq!(asker.prompt(), "Answer 2 of 2 (1 to 2, or your own words): ");
        assert_eq!(asker.read("neither"), Reply::Say("First: Two\nSecond: neither".into()));
        assert!(Asker::of(&waiting, |_| false, &waiting.questions).is_none());
    }

    #[test]
    fn what_was_answered_elsewhere_is_not_asked_any_more() {
        let mut waiting =
            Waiting { approvals: vec![approval("c", ChatApprovalReason::Rule)], ..Waiting::default() };
        let asker = Asker::of(&waiting, |_| false, &[]).unwrap();
        assert!(asker.is_open(&waiting));
        assert!(Asker::of(&waiting, |id| id == "c", &[]).is_none());
        waiting.approvals.clear();
        assert!(!asker.is_open(&waiting));
    }
}
