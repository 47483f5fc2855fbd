//! How a model is called: the options of a model's configuration, checked and translated for each protocol.
//!
//! One table says for each provider which options there are, of what form they are and what the wire calls them.

use serde_json::{Map, Value};
use thiserror::Error;
use warren_vocab::AiProviderType;

/// An option that cannot be used. The text names it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{option}` {problem}")]
pub struct OptionError {
    pub option: String,
    pub problem: String,
}

/// The form of an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Word(&'static [&'static str]),
    Bool,
    /// A whole number, not negative.
    Count,
    Number,
    Texts,
    Object,
    Objects,
}

/// An option: its name, and its name on the wire; an empty one is translated by hand.
type Row = (&'static str, &'static str, Form);

const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh"];

const GENERAL: &[Row] = &[
    ("max_output_tokens", "", Form::Count),
    ("temperature", "temperature", Form::Number),
    ("top_p", "top_p", Form::Number),
    ("top_k", "top_k", Form::Count),
    ("presence_penalty", "presence_penalty", Form::Number),
    ("frequency_penalty", "frequency_penalty", Form::Number),
    ("cost", "", Form::Object),
    ("provider_options", "", Form::Object),
];

const COST: &[&str] = &["input", "output", "cache_read", "cache_write"];

const OPENAI: &[Row] = &[
    ("api", "", Form::Word(&["chat_completions", "responses"])),
    ("include", "", Form::Texts),
    ("instructions", "", Form::Text),
    ("logit_bias", "logit_bias", Form::Object),
    ("log_probs", "logprobs", Form::Bool),
    ("top_log_probs", "top_logprobs", Form::Count),
    ("max_tool_calls", "", Form::Count),
    ("parallel_tool_calls", "parallel_tool_calls", Form::Bool),
    ("user", "user", Form::Text),
    ("reasoning_effort", "", Form::Text),
    ("reasoning_summary", "", Form::Text),
    ("max_completion_tokens", "max_completion_tokens", Form::Count),
    ("text_verbosity", "", Form::Text),
    ("prediction", "prediction", Form::Object),
    ("store", "store", Form::Bool),
    ("metadata", "metadata", Form::Object),
    ("prompt_cache_key", "prompt_cache_key", Form::Text),
    ("safety_identifier", "safety_identifier", Form::Text),
    ("service_tier", "service_tier", Form::Text),
    ("reasoning_model", "", Form::Bool),
    ("structured_outputs", "", Form::Bool),
    ("strict_json_schema", "", Form::Bool),
    ("web_search_enabled", "", Form::Bool),
    ("search_context_size", "", Form::Word(&["low", "medium", "high"])),
    ("allowed_domains", "", Form::Texts),
];

const ANTHROPIC: &[Row] = &[
    ("send_reasoning", "", Form::Bool),
    ("thinking", "", Form::Object),
    ("effort", "", Form::Word(&["low", "medium", "high", "xhigh", "max"])),
    ("disable_parallel_tool_use", "", Form::Bool),
    ("thinking_display", "", Form::Word(&["summarized", "omitted"])),
    ("web_search_enabled", "", Form::Bool),
    ("allowed_domains", "", Form::Texts),
    ("blocked_domains", "", Form::Texts),
];

const GOOGLE: &[Row] = &[
    ("thinking_config", "", Form::Object),
    ("cached_content", "cachedContent", Form::Text),
    ("safety_settings", "safetySettings", Form::Objects),
    ("threshold", "", Form::Text),
    ("web_search_enabled", "", Form::Bool),
];

const COMPATIBLE: &[Row] =
    &[("user", "user", Form::Text), ("reasoning_effort", "reasoning_effort", Form::Word(EFFORTS))];

const OPENROUTER: &[Row] = &[
    ("reasoning", "reasoning", Form::Object),
    ("extra_body", "", Form::Object),
    ("include_usage", "", Form::Bool),
    ("logit_bias", "logit_bias", Form::Object),
    ("log_probs", "logprobs", Form::Bool),
    ("parallel_tool_calls", "parallel_tool_calls", Form::Bool),
    ("user", "user", Form::Text),
    ("provider", "provider", Form::Object),
];

const VERCEL: &[Row] = &[
    ("reasoning", "reasoning", Form::Object),
    ("providerOptions", "", Form::Object),
    ("user", "user", Form::Text),
    ("logit_bias", "logit_bias", Form::Object),
    ("logprobs", "logprobs", Form::Bool),
    ("top_logprobs", "top_logprobs", Form::Count),
    ("parallel_tool_calls", "parallel_tool_calls", Form::Bool),
    ("extra_body", "", Form::Object),
];

const NAMESPACES: &[(&str, &[Row])] = &[
    ("openai", OPENAI),
    ("anthropic", ANTHROPIC),
    ("google", GOOGLE),
    ("openaicompat", COMPATIBLE),
    ("openrouter", OPENROUTER),
    ("vercel", VERCEL),
];

/// Checks the options of a model: `{max_output_tokens, temperature, …, cost, provider_options: {openai: {…}, …}}`.
///
/// # Errors
/// Names the option that does not exist, has another form or is out of range.
pub fn check_options(options: &Value) -> Result<(), OptionError> {
    check_table(GENERAL, options, "")?;
    let within = |name: &str, least: f64, most: f64| {
        let fits = options[name].as_f64().is_none_or(|value| (least..=most).contains(&value));
        fits.then_some(()).ok_or_else(|| wrong(name, format!("must be between {least} and {most}")))
    };
    within("max_output_tokens", 1.0, 10_000_000.0)?;
    within("temperature", 0.0, 2.0)?;
    within("top_p", 0.0, 1.0)?;
    within("presence_penalty", -2.0, 2.0)?;
    within("frequency_penalty", -2.0, 2.0)?;
    check_cost(&options["cost"])?;
    for (name, given) in options["provider_options"].as_object().into_iter().flatten() {
        let option = format!("provider_options.{name}");
        let found = NAMESPACES.iter().find(|(namespace, _)| namespace == name);
        let (_, table) = found.ok_or_else(|| wrong(&option, "is no provider's name".into()))?;
        check_table(table, given, &format!("{option}."))?;
    }
    Ok(())
}

fn check_cost(cost: &Value) -> Result<(), OptionError> {
    for (name, price) in cost.as_object().into_iter().flatten() {
        let option = format!("cost.{name}");
        if !COST.iter().any(|kind| *name == format!("{kind}_price_per_million_tokens")) {
            return Err(wrong(&option, "is not a known price".into()));
        }
        let amount = match price {
            Value::Null => Some(0.0),
            Value::String(text) => text.trim().parse().ok(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => price.as_f64(),
        };
        if !amount.is_some_and(|amount: f64| (0.0..1e9).contains(&amount)) {
            return Err(wrong(&option, "must be an amount of dollars, not negative".into()));
        }
    }
    Ok(())
}

fn check_table(table: &[Row], given: &Value, prefix: &str) -> Result<(), OptionError> {
    let given = match given {
        Value::Null => return Ok(()),
        Value::Object(fields) => fields,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(wrong(prefix.trim_end_matches('.'), "must be an object".into()));
        }
    };
    for (name, value) in given {
        let option = format!("{prefix}{name}");
        let row = table.iter().find(|(known, _, _)| known == name);
        let (_, _, form) = row.ok_or_else(|| wrong(&option, "is not a known option".into()))?;
        if !value.is_null() && !form.fits(value) {
            return Err(wrong(&option, form.demand()));
        }
    }
    Ok(())
}

fn wrong(option: &str, problem: String) -> OptionError {
    OptionError { option: option.to_owned(), problem }
}

impl Form {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Bool => value.is_boolean(),
            Self::Count => value.is_u64(),
            Self::Number => value.is_number(),
            Self::Texts => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            Self::Object => value.is_object(),
            Self::Objects => value.as_array().is_some_and(|items| items.iter().all(Value::is_object)),
        }
    }

    fn demand(self) -> String {
        match self {
            Self::Text => "must be a text".into(),
            Self::Word(words) => format!("must be one of {}", words.join(", ")),
            Self::Bool => "must be true or false".into(),
            Self::Count => "must be a whole number, not negative".into(),
            Self::Number => "must be a number".into(),
            Self::Texts => "must be a list of texts".into(),
            Self::Object => "must be an object".into(),
            Self::Objects => "must be a list of objects".into(),
        }
    }
}

/// The options of one model as its protocol reads them.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    all: Value,
    table: &'static [Row],
    namespace: &'static str,
}

impl Options {
    pub(crate) fn new(provider: AiProviderType, all: &Value) -> Self {
        let (namespace, table) = match provider {
            AiProviderType::Openai | AiProviderType::Azure => ("openai", OPENAI),
            AiProviderType::Anthropic | AiProviderType::Bedrock => ("anthropic", ANTHROPIC),
            AiProviderType::Google => ("google", GOOGLE),
            AiProviderType::Openrouter => ("openrouter", OPENROUTER),
            AiProviderType::Vercel => ("vercel", VERCEL),
            AiProviderType::OpenaiCompat | AiProviderType::Copilot => ("openaicompat", COMPATIBLE),
        };
        Self { all: all.clone(), table, namespace }
    }

    /// An option that holds for every provider.
    pub(crate) fn general(&self, name: &str) -> &Value {
        &self.all[name]
    }

    /// An option of the provider; null when it is not set.
    pub(crate) fn own(&self, name: &str) -> &Value {
        &self.all["provider_options"][self.namespace][name]
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.own(name).as_bool().unwrap_or(false)
    }

    /// How hard the model should think; words that the protocol does not know are dropped.
    pub(crate) fn effort(&self) -> Option<&str> {
        self.own("reasoning_effort").as_str().filter(|word| EFFORTS.contains(word))
    }

    /// Puts the options that go through as they are into the body of a request.
    pub(crate) fn pass(&self, body: &mut Map<String, Value>) {
        for (name, wire, form) in self.table {
            let value = self.own(name);
            if !wire.is_empty() && form.fits(value) {
                body.insert((*wire).to_owned(), value.clone());
            }
        }
        for (name, value) in self.own("extra_body").as_object().into_iter().flatten() {
            body.insert(name.clone(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests;
