use serde_json::json;
use warren_vocab::{AiProviderType, LeaseId, ModelConfigId, RunnerId};

use super::*;
use crate::prices::Prices;

/// A meter of a call at one micro-dollar for a token of input and ten for one of output.
fn meter() -> Meter {
    let cost = json!({ "input_price_per_million_tokens": 1, "output_price_per_million_tokens": 10 });
    let call = PricedCall {
        model: ModelConfigId::new(),
        history_version: 1,
        attempt: 1,
        prompt_tokens: 100,
        prices: Prices::of(AiProviderType::OpenaiCompat, "local", &json!({ "cost": cost })),
        used: None,
    };
    let meter = Meter::default();
    meter.begin(ChatId::new(), LeaseId { epoch: 1, runner: RunnerId::new() }, call);
    meter
}

fn used(meter: &Meter) -> (Option<i64>, Option<i64>, Option<i64>, bool) {
    let Used { usage, is_estimated } = meter.reading().as_ref().unwrap().used();
    (usage.input_tokens, usage.output_tokens, usage.total_cost_micros, is_estimated)
}

fn tokens(input: i64, output: i64) -> Tokens {
    Tokens { input_tokens: Some(input), output_tokens: Some(output), ..Tokens::default() }
}

#[test]
fn a_call_that_was_not_made_has_used_nothing() {
    assert_eq!(used(&meter()), (None, None, Some(0), false));
}

#[test]
fn a_request_that_was_refused_has_used_nothing() {
    let meter = meter();
    meter.asks(300);
    meter.is_refused();
    assert_eq!(used(&meter), (None, None, Some(0), false));
}

#[test]
fn an_open_request_has_used_its_prompt_and_what_was_heard() {
    let meter = meter();
    meter.asks(300);
    assert_eq!(used(&meter), (Some(100), None, Some(100), true));
    meter.hears(10);
    meter.hears(20);
    assert_eq!(used(&meter), (Some(100), Some(10), Some(200), true));
}

#[test]
fn what_the_provider_has_said_of_earlier_requests_is_not_guessed() {
    let meter = meter();
    meter.asks(300);
    meter.hears(30);
    meter.is_answered(tokens(7, 3));
    assert_eq!(used(&meter), (Some(7), Some(3), Some(37), false));
    meter.asks(330);
    meter.hears(3);
    assert_eq!(used(&meter), (Some(117), Some(4), Some(157), true));
}

#[test]
fn an_answer_without_usage_is_guessed() {
    let meter = meter();
    meter.asks(300);
    meter.hears(30);
    meter.is_answered(Tokens::default());
    assert_eq!(used(&meter), (Some(100), Some(10), Some(200), true));
}

#[test]
fn what_the_provider_has_said_of_the_prompt_is_not_guessed() {
    let meter = meter();
    meter.asks(300);
    let told = Tokens { cache_read_tokens: Some(50), ..tokens(10, 1) };
    meter.is_told(told);
    assert_eq!(used(&meter), (Some(10), Some(1), Some(70), true));
    meter.hears(60);
    assert_eq!(used(&meter), (Some(10), Some(20), Some(260), true));
    meter.is_told(Tokens { output_tokens: Some(30), ..told });
    assert_eq!(used(&meter), (Some(10), Some(30), Some(360), true));
    meter.is_answered(tokens(10, 31));
    assert_eq!(used(&meter), (Some(10), Some(31), Some(320), false));
}
