//! The requests of every protocol as they go over the wire.

use serde_json::json;
use warren_rt::Secret;
use warren_vocab::AiProviderType;

use super::*;
use crate::{
    AssistantBlock, Deadlines, Message, Reasoning, ToolCall, ToolResult, ToolSpec,
    client::{Protocol, protocol_of},
};

fn call(provider: AiProviderType, base_url: &str, model: &str, options: Value) -> Call {
    call_with(provider, base_url, model, options, &conversation())
}

fn call_with(
    provider: AiProviderType,
    base_url: &str,
    model: &str,
    options: Value,
    request: &ModelRequest,
) -> Call {
    let config = ModelConfig {
        provider,
        base_url: base_url.into(),
        api_key: Some(Secret::new("key".into())),
        model: model.into(),
        settings: Value::Null,
        options,
        deadlines: Deadlines::default(),
    };
    let options = Options::new(provider, &config.options);
    let context = Context { config: &config, base_url, options: &options, request };
    match protocol_of(&config, base_url) {
        Protocol::Chat => chat::call(&context),
        Protocol::Responses => responses::call(&context),
        Protocol::Anthropic => anthropic::call(&context),
        Protocol::Google => google::call(&context),
    }
}

fn conversation() -> ModelRequest {
    let reasoning = |kind: &str, extra: Value| {
        AssistantBlock::Reasoning(Reasoning {
            text: "Hm.".into(),
            signature: Some("seal".into()),
            metadata: Some(json!({ kind: extra })),
        })
    };
    let item = json!({"item": {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "seal"}});
    let call = ToolCall {
        call_id: "c1".into(),
        name: "execute".into(),
        args: json!({"command": "ls"}),
        provider_executed: false,
        metadata: Some(json!({"google": {"thought_signature": "call seal"}})),
    };
    let result =
        ToolResult { call_id: "c1".into(), name: "execute".into(), content: "no".into(), is_error: true };
    ModelRequest {
        system: vec!["Be brief.".into(), "You work for Ann.".into()],
        messages: vec![
            Message::User(vec!["Look.".into(), "  ".into()]),
            Message::Assistant(vec![
                reasoning("anthropic", json!({})),
                reasoning("anthropic", json!({"redacted_data": "hidden"})),
                reasoning("openai_responses", item),
                reasoning("openai_compat", json!({"field": "reasoning_content"})),
                AssistantBlock::Text("I look.".into()),
                AssistantBlock::ToolCall(call),
            ]),
            Message::Tool(vec![result]),
            Message::User(vec!["And?".into()]),
        ],
        tools: vec![ToolSpec {
            name: "execute".into(),
            description: "Runs.".into(),
            schema: json!({"type": "object"}),
        }],
        ..ModelRequest::default()
    }
}

#[test]
fn anthropic_gets_its_thoughts_back_and_marks_for_its_cache() {
    let options = json!({"max_output_tokens": 1000, "temperature": 0.5, "provider_options": {"anthropic": {
        "thinking": {"budget_tokens": 2000}, "web_search_enabled": true, "blocked_domains": ["b.example"]}}});
    let call = call(AiProviderType::Anthropic, "https://api.anthropic.com", "claude-sonnet-4-5", options);
    assert_eq!(call.url, "https://api.anthropic.com/v1/messages");
    insta::assert_json_snapshot!(call.body);
}

#[test]
fn bedrock_names_the_model_in_the_address() {
    let base = "https://bedrock-runtime.eu-west-1.amazonaws.com";
    let call = call(AiProviderType::Bedrock, base, "anthropic.claude-sonnet-4-5-v1:0", Value::Null);
    assert_eq!(
        call.url,
        format!("{base}/model/anthropic.claude-sonnet-4-5-v1%3A0/invoke-with-response-stream")
    );
    assert!(call.is_binary && call.body["model"].is_null() && call.body["stream"].is_null());
    assert_eq!(call.key_header, ("authorization", "Bearer "));
    assert_eq!(call.body["anthropic_version"], "bedrock-2023-05-31");
}

#[test]
fn responses_keep_nothing_at_the_provider() {
    let options = json!({"temperature": 0.5, "provider_options": {"openai": {
        "reasoning_effort": "high", "reasoning_summary": "auto", "text_verbosity": "low"}}});
    let call = call(AiProviderType::Openai, "https://api.openai.com/v1", "gpt-5", options);
    assert_eq!(call.url, "https://api.openai.com/v1/responses");
    insta::assert_json_snapshot!(call.body);
}

#[test]
fn compatible_providers_get_what_all_understand() {
    let options = json!({"top_k": 5, "provider_options": {"openaicompat": {"reasoning_effort": "low"}}});
    let call = call(AiProviderType::OpenaiCompat, "http://m/v1/", "vendor/model", options);
    assert_eq!(call.url, "http://m/v1/chat/completions");
    insta::assert_json_snapshot!(call.body);
}

#[test]
fn gemini_gets_its_seals_back() {
    let options = json!({"top_p": 0.9, "provider_options": {"google": {
        "thinking_config": {"thinking_budget": 100, "include_thoughts": true}, "web_search_enabled": true}}});
    let base = "https://generativelanguage.googleapis.com";
    let call = call(AiProviderType::Google, base, "gemini-2.5-pro", options);
    assert_eq!(call.url, format!("{base}/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"));
    insta::assert_json_snapshot!(call.body);
}

#[test]
fn azure_is_addressed_in_both_of_its_ways() {
    let url = |base: &str, options: Value| call(AiProviderType::Azure, base, "gpt-4o", options).url;
    let base = "https://r.openai.azure.com";
    let deployment = "/openai/deployments/gpt-4o/chat/completions?api-version=";
    assert_eq!(url(base, Value::Null), format!("{base}{deployment}2024-10-21"));
    assert_eq!(
        url(&format!("{base}?api-version=2025-01-01"), Value::Null),
        format!("{base}{deployment}2025-01-01")
    );
    assert_eq!(url(&format!("{base}/openai/v1"), Value::Null), format!("{base}/openai/v1/responses"));
    let chat = json!({"provider_options": {"openai": {"api": "chat_completions"}}});
    assert_eq!(url(&format!("{base}/openai/v1"), chat), format!("{base}/openai/v1/chat/completions"));
    let call = call(AiProviderType::Azure, base, "gpt-4o", Value::Null);
    assert_eq!(call.key_header, ("api-key", ""));
}

#[test]
fn gateways_get_their_own_options() {
    let router =
        json!({"provider_options": {"openrouter": {"provider": {"order": ["a"]}, "extra_body": {"x": 1}}}});
    let call_ = call(AiProviderType::Openrouter, "https://openrouter.ai/api/v1", "a/b", router);
    assert_eq!((&call_.body["provider"]["order"][0], &call_.body["x"]), (&json!("a"), &json!(1)));
    let vercel = json!({"provider_options": {"vercel": {"providerOptions": {"order": ["b"]}}}});
    let call_ = call(AiProviderType::Vercel, "https://ai-gateway.vercel.sh/v1", "a/b", vercel);
    assert_eq!(call_.body["providerOptions"]["gateway"]["order"][0], "b");
}

#[test]
fn the_usage_at_the_end_of_an_anthropic_answer_wins() {
    let mut answer = anthropic::Answer::default();
    let mut out = Vec::new();
    for frame in [
        json!({"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": 9, "output_tokens": 40, "cache_read_input_tokens": 3}}),
    ] {
        answer.frame(&frame, &mut out).unwrap();
    }
    answer.end(&mut out);
    let usage = Usage {
        input_tokens: Some(9),
        output_tokens: Some(40),
        total_tokens: Some(52),
        cache_read_tokens: Some(3),
        ..Usage::default()
    };
    assert_eq!(out, [ModelEvent::End { reason: FinishReason::Stop, usage }]);
}

#[test]
fn redacted_thoughts_and_the_providers_own_tools_come_back_as_they_were() {
    let mut answer = anthropic::Answer::default();
    let mut out = Vec::new();
    let result = json!({"type": "web_search_tool_result", "tool_use_id": "s1",
        "content": [{"type": "web_search_result", "url": "http://u", "title": "T", "encrypted_content": "e"}]});
    for block in [
        json!({"type": "redacted_thinking", "data": "hidden"}),
        json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}}),
        result.clone(),
    ] {
        answer
            .frame(&json!({"type": "content_block_start", "index": 0, "content_block": block}), &mut out)
            .unwrap();
    }
    let redacted = json!({"anthropic": {"redacted_data": "hidden"}});
    assert_eq!(out[0], ModelEvent::ReasoningSignature { signature: None, metadata: Some(redacted) });
    assert!(
        matches!(&out[1], ModelEvent::ToolCall { provider_executed: true, args_delta, .. } if args_delta.contains("\"q\""))
    );
    assert!(matches!(&out[3], ModelEvent::Source { url, .. } if url == "http://u"));
    assert!(
        matches!(&out[4], ModelEvent::ProviderResult { result: kept, .. } if kept["anthropic"] == result)
    );
}

#[test]
fn pieces_of_reasoning_details_are_put_together_for_openrouter() {
    let mut answer = chat::Answer::default();
    let mut out = Vec::new();
    let piece = |text: &str, signature: Value| {
        json!({"choices": [{"delta": {"reasoning": text, "reasoning_details": [
            {"type": "reasoning.text", "index": 0, "text": text, "signature": signature}]}}]})
    };
    for frame in [piece("a", Value::Null), piece("b", json!("seal"))] {
        answer.frame(&frame, &mut out).unwrap();
    }
    answer.end(&mut out);
    let Some(ModelEvent::ReasoningSignature { metadata: Some(metadata), .. }) = out.get(2) else {
        panic!("{out:?}");
    };
    let details = json!([{"type": "reasoning.text", "index": 0, "text": "ab", "signature": "seal"}]);
    assert_eq!(metadata["openai_compat"]["reasoning_details"], details);
}

#[test]
fn neighbouring_messages_of_the_user_become_one_where_templates_want_turns() {
    let mut request = conversation();
    request.messages =
        vec![Message::User(vec!["One.".into()]), Message::User(vec!["Two.".into(), "Three.".into()])];
    let call = call_with(AiProviderType::OpenaiCompat, "http://m/v1", "m", Value::Null, &request);
    let said: Vec<_> =
        call.body["messages"].as_array().unwrap().iter().filter(|one| one["role"] == "user").collect();
    assert_eq!(said, [&json!({"role": "user", "content": "One.\n\nTwo.\n\nThree."})]);
}

#[test]
fn whether_a_model_thinks_is_told_by_its_name_unless_an_option_says_so() {
    let sealed = |model: &str, options: Value| {
        let call = call(AiProviderType::Openai, "https://api.openai.com/v1", model, options);
        call.body["include"].to_string().contains("encrypted_content")
    };
    assert!(sealed("gpt-5-mini", Value::Null) && sealed("o3", Value::Null));
    assert!(!sealed("gpt-4o", Value::Null) && !sealed("gpt-5-chat-latest", Value::Null));
    let option = |thinks: bool| json!({"provider_options": {"openai": {"reasoning_model": thinks}}});
    assert!(sealed("prod-chat", option(true)) && !sealed("gpt-5", option(false)));
}

#[test]
fn the_bound_of_an_answer_is_the_one_that_is_sent() {
    use AiProviderType::{Anthropic, Google, Openai, OpenaiCompat, Openrouter};
    let bound =
        |provider, options: Value| output_bound(&call(provider, "https://x.test/v1", "m", options).body);
    for provider in [Anthropic, Google, Openai, OpenaiCompat] {
        assert_eq!(bound(provider, json!({})), MAX_OUTPUT_TOKENS, "{provider:?}");
        assert_eq!(bound(provider, json!({ "max_output_tokens": 900 })), 900, "{provider:?}");
    }
    let thinking = json!({ "max_output_tokens": 1000, "provider_options": {"anthropic": {
        "thinking": { "budget_tokens": 5000 } } } });
    assert_eq!(bound(Anthropic, thinking), 6000);
    let extra = json!({ "provider_options": {"openrouter": { "extra_body": { "max_tokens": 99_000 } } } });
    assert_eq!(bound(Openrouter, extra), 99_000);
}
