use serde_json::json;

use super::*;

#[test]
fn options_that_exist_are_accepted() {
    let options = json!({
        "max_output_tokens": 4000, "temperature": 0.2, "top_p": 1, "top_k": 3, "presence_penalty": -1,
        "cost": {"input_price_per_million_tokens": "1.25", "output_price_per_million_tokens": 10},
        "provider_options": {
            "openai": {"reasoning_effort": "high", "allowed_domains": ["a.example"], "store": true},
            "anthropic": {"thinking": {"budget_tokens": 2048}, "effort": "low"},
            "google": {"safety_settings": [{"category": "c", "threshold": "t"}]},
            "openrouter": {"provider": {"order": ["a"]}}, "vercel": {"providerOptions": {"order": ["b"]}},
        },
    });
    assert_eq!(check_options(&options), Ok(()));
    assert_eq!(check_options(&Value::Null), Ok(()));
}

#[test]
fn an_option_that_cannot_be_used_is_named() {
    let rows = [
        (json!([]), ""),
        (json!({"sing": 1}), "sing"),
        (json!({"temperature": 3}), "temperature"),
        (json!({"temperature": "warm"}), "temperature"),
        (json!({"max_output_tokens": 0}), "max_output_tokens"),
        (json!({"cost": {"input_price_per_million_tokens": "-1"}}), "cost.input_price_per_million_tokens"),
        (json!({"cost": {"input": 1}}), "cost.input"),
        (json!({"provider_options": {"acme": {}}}), "provider_options.acme"),
        (json!({"provider_options": {"openai": {"api": "soap"}}}), "provider_options.openai.api"),
        (json!({"provider_options": {"anthropic": {"thinking": 5}}}), "provider_options.anthropic.thinking"),
    ];
    for (options, named) in rows {
        assert_eq!(check_options(&options).unwrap_err().option, named, "{options}");
    }
}

#[test]
fn an_unknown_effort_is_dropped() {
    let with = |effort: &str| {
        let all = json!({"provider_options": {"openai": {"reasoning_effort": effort}}});
        Options::new(AiProviderType::Azure, &all).effort().map(str::to_owned)
    };
    assert_eq!(with("high").as_deref(), Some("high"));
    assert_eq!(with("heroic"), None);
}
