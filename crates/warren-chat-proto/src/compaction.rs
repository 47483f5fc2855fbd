//! When a conversation is replaced by its summary.

use crate::message::Usage;

/// The share of the context at which a summary is made when nobody has said another.
pub const PERCENT_DEFAULT: i64 = 70;
/// At this share no summary is made.
pub const PERCENT_OFF: i64 = 100;
/// The name of the call that shows users that a summary was made.
pub const TOOL_NAME: &str = "chat_summarized";

/// How much a model holds, and how much of it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Tokens.
    pub context: i64,
    /// 0 to 100.
    pub percent: i64,
}

impl Limit {
    /// Chooses the share: the user's for this model, else the model's, else [`PERCENT_DEFAULT`]. Values out of range do not
    /// count.
    pub fn new(context: i64, of_user: Option<i64>, of_model: Option<i64>) -> Self {
        let in_range = |percent: &i64| (0..=PERCENT_OFF).contains(percent);
        let percent = of_user.filter(in_range).or(of_model.filter(in_range)).unwrap_or(PERCENT_DEFAULT);
        Self { context, percent }
    }

    /// The share of the context that was used, in percent, rounded down. None when it is not known.
    pub fn percent_used(&self, usage: &Usage) -> Option<i64> {
        let tokens = context_tokens(usage)?;
        (self.context > 0).then(|| tokens.saturating_mul(100) / self.context)
    }

    /// Whether so much was used that a summary is due.
    pub fn is_reached(&self, usage: &Usage) -> bool {
        let is_on = self.percent < PERCENT_OFF;
        is_on && self.percent_used(usage).is_some_and(|used| used >= self.percent)
    }
}

/// The tokens that an answer's prompt took, from what the provider says about it.
pub fn context_tokens(usage: &Usage) -> Option<i64> {
    let read = [usage.input_tokens, usage.cache_read_tokens, usage.cache_creation_tokens];
    let of_prompt = read.into_iter().flatten().fold(0_i64, i64::saturating_add);
    if of_prompt > 0 { Some(of_prompt) } else { usage.total_tokens.filter(|total| *total > 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_user_beats_the_model_and_odd_values_do_not_count() {
        let percent = |user, model| Limit::new(1000, user, model).percent;
        assert_eq!(percent(Some(50), Some(80)), 50);
        assert_eq!(percent(None, Some(80)), 80);
        assert_eq!(percent(Some(101), Some(80)), 80);
        assert_eq!(percent(Some(-1), Some(300)), PERCENT_DEFAULT);
        assert_eq!(percent(Some(0), None), 0);
    }

    #[test]
    fn cached_tokens_count_and_the_total_only_stands_in() {
        let usage = Usage {
            input_tokens: Some(100),
            cache_read_tokens: Some(500),
            cache_creation_tokens: Some(100),
            total_tokens: Some(9999),
            ..Usage::default()
        };
        assert_eq!(context_tokens(&usage), Some(700));
        assert_eq!(context_tokens(&Usage { total_tokens: Some(80), ..Usage::default() }), Some(80));
        assert_eq!(context_tokens(&Usage::default()), None);
    }

    #[test]
    fn a_summary_is_due_at_the_share_and_never_at_a_hundred() {
        let used = |tokens| Usage { input_tokens: Some(tokens), ..Usage::default() };
        let limit = Limit::new(1000, None, None);
        assert!(!limit.is_reached(&used(699)));
        assert!(limit.is_reached(&used(700)));
        assert!(!Limit::new(1000, Some(PERCENT_OFF), None).is_reached(&used(5000)));
        assert!(!Limit::new(0, None, None).is_reached(&used(5000)), "a limit that is not known");
        assert!(Limit::new(i64::MAX, None, None).percent_used(&used(i64::MAX)).is_some());
    }
}
