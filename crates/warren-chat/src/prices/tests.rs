use proptest::prelude::*;
use serde_json::json;

use super::*;

fn usage(input: i64, output: i64, read: i64, write: i64) -> Usage {
    Usage {
        input_tokens: Some(input),
        output_tokens: Some(output),
        cache_read_tokens: Some(read),
        cache_creation_tokens: Some(write),
        ..Usage::default()
    }
}

fn own(cost: Value) -> Option<Prices> {
    Prices::of(AiProviderType::OpenaiCompat, "local", &json!({ "cost": cost }))
}

#[test]
fn a_fraction_of_a_micro_dollar_is_rounded_up_once_for_the_whole_message() {
    let prices = own(json!({
        "input_price_per_million_tokens": "0.4", "output_price_per_million_tokens": 0.4,
        "cache_read_price_per_million_tokens": "0.04", "cache_write_price_per_million_tokens": "0.5",
    }));
    let prices = prices.unwrap();
    assert_eq!(prices.cost_micros(&usage(1, 1, 0, 0)), Some(1));
    assert_eq!(prices.cost_micros(&usage(2, 1, 0, 0)), Some(2));
    assert_eq!(prices.cost_micros(&usage(1_000_000, 0, 1_000_000, 1_000_000)), Some(940_000));
    assert_eq!(prices.cost_micros(&usage(0, 0, 0, 0)), Some(0));
}

#[test]
fn tokens_of_a_partly_priced_model_cost_what_is_known() {
    assert_eq!(own(json!({})), None);
    let half = own(json!({"input_price_per_million_tokens": "1"})).unwrap();
    assert_eq!(half.cost_micros(&usage(5, 0, 3, 2)), Some(10));
    assert_eq!(half.cost_micros(&usage(5, 1, 0, 0)), Some(5), "the limit must not see it as free");
    assert_eq!(half.cost_micros(&Usage::default()), None);
    assert_eq!(half.most_micros(5, 1000), 5);
}

#[test]
fn the_most_that_a_call_costs_counts_the_prompt_as_if_all_of_it_were_written_to_the_cache() {
    let sonnet = Prices::of(AiProviderType::Anthropic, "claude-sonnet-4", &json!({})).unwrap();
    assert_eq!(sonnet.most_micros(1000, 100), 3750 + 1500);
    assert!(sonnet.most_micros(usize::MAX, u64::MAX) > 0);
    let absurd = usage(i64::MAX, i64::MAX, i64::MAX, i64::MAX);
    assert!(sonnet.cost_micros(&absurd).unwrap().checked_mul(1000).is_some(), "sums stay numbers");
}

#[test]
fn reasoning_is_part_of_the_output_and_not_counted_twice() {
    let prices =
        own(json!({"input_price_per_million_tokens": 1, "output_price_per_million_tokens": 2})).unwrap();
    let usage = Usage { reasoning_tokens: Some(900), ..usage(10, 1000, 0, 0) };
    assert_eq!(prices.cost_micros(&usage), Some(2010));
}

#[test]
fn published_prices_hold_for_versions_but_not_for_other_models_of_similar_names() {
    let of = |kind, model: &str| Prices::of(kind, model, &json!({}));
    let sonnet = of(AiProviderType::Anthropic, "claude-sonnet-4-5-20250929").unwrap();
    assert_eq!(sonnet.cost_micros(&usage(1000, 100, 1000, 1000)), Some(3000 + 1500 + 300 + 3750));
    assert_ne!(of(AiProviderType::Openai, "gpt-5-mini"), of(AiProviderType::Openai, "gpt-5"));
    assert_eq!(of(AiProviderType::Openai, "gpt-5-codex-max"), None);
    assert_eq!(of(AiProviderType::OpenaiCompat, "gpt-5"), None);
}

#[test]
fn amounts_that_are_none_are_refused() {
    for text in ["", ".", "-1", "1e3", "1,5", "NaN", "0x1", "1.2.3", "9999999999999"] {
        assert_eq!(amount(&json!(text)), None, "{text}");
    }
    assert_eq!(amount(&json!("0.0000001")), Some(1));
    assert_eq!(amount(&json!(-0.5)), None);
}

proptest! {
    #[test]
    fn cost_is_the_exact_sum_rounded_up(
        tokens in prop::array::uniform4(0_i64..1_000_000_000),
        prices in prop::array::uniform4(0_u64..100_000_000_000),
    ) {
        let [input, output, cache_read, cache_write] = prices.map(|price| Some(i128::from(price)));
        let prices = Prices { input, output, cache_read, cache_write };
        let [i, o, r, w] = tokens;
        let exact: i128 = [(i, input), (o, output), (r, cache_read), (w, cache_write)]
            .iter()
            .map(|(tokens, price)| i128::from(*tokens) * price.unwrap())
            .sum();
        let cost = i128::from(prices.cost_micros(&usage(i, o, r, w)).unwrap());
        prop_assert!(cost * SCALE >= exact && (cost - 1) * SCALE < exact);
    }
}
