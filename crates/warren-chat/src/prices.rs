//! What tokens cost. Pure; amounts are exact.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use warren_llm::Usage;
use warren_vocab::AiProviderType;

/// Parts of a micro-dollar, so that prices of fractions of a cent for a million tokens stay exact.
const SCALE: i128 = 1_000_000;

/// Dollars for a million tokens, which is micro-dollars for one, times [`SCALE`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    input: Option<i128>,
    output: Option<i128>,
    cache_read: Option<i128>,
    cache_write: Option<i128>,
}

/// Prices that providers publish, for models that have none of their own: type, start of the model's name, and dollars for
/// a million tokens of input, output, cache reads and cache writes. The longest name that fits decides.
const PUBLISHED: &[(AiProviderType, &str, [&str; 4])] = &[
    (AiProviderType::Anthropic, "claude-3-5-haiku", ["0.8", "4", "0.08", "1"]),
    (AiProviderType::Anthropic, "claude-haiku-4-5", ["1", "5", "0.1", "1.25"]),
    (AiProviderType::Anthropic, "claude-opus-4", ["15", "75", "1.5", "18.75"]),
    (AiProviderType::Anthropic, "claude-opus-4-5", ["5", "25", "0.5", "6.25"]),
    (AiProviderType::Anthropic, "claude-sonnet-4", ["3", "15", "0.3", "3.75"]),
    (AiProviderType::Openai, "gpt-4.1", ["2", "8", "0.5", "2"]),
    (AiProviderType::Openai, "gpt-4.1-mini", ["0.4", "1.6", "0.1", "0.4"]),
    (AiProviderType::Openai, "gpt-4.1-nano", ["0.1", "0.4", "0.025", "0.1"]),
    (AiProviderType::Openai, "gpt-4o", ["2.5", "10", "1.25", "2.5"]),
    (AiProviderType::Openai, "gpt-4o-mini", ["0.15", "0.6", "0.075", "0.15"]),
    (AiProviderType::Openai, "gpt-5", ["1.25", "10", "0.125", "1.25"]),
    (AiProviderType::Openai, "gpt-5-mini", ["0.25", "2", "0.025", "0.25"]),
    (AiProviderType::Openai, "gpt-5-nano", ["0.05", "0.4", "0.005", "0.05"]),
    (AiProviderType::Openai, "o3", ["2", "8", "0.5", "2"]),
    (AiProviderType::Openai, "o4-mini", ["1.1", "4.4", "0.275", "1.1"]),
];

impl Prices {
    /// The prices of a model: its own, else those that its provider publishes. `None` when nothing is known.
    pub fn of(provider: AiProviderType, model: &str, options: &Value) -> Option<Self> {
        let own = |name: &str| amount(&options["cost"][format!("{name}_price_per_million_tokens")]);
        let prices = Self {
            input: own("input"),
            output: own("output"),
            cache_read: own("cache_read"),
            cache_write: own("cache_write"),
        };
        if prices != Self::default() { Some(prices) } else { published(provider, model) }
    }

    /// What the tokens cost in micro-dollars, rounded up. Tokens of the cache without a price of their own cost as much as
    /// input; tokens whose price nobody has told cost nothing beside those with a price. `None` when nothing was used.
    pub fn cost_micros(&self, usage: &Usage) -> Option<i64> {
        let items = [
            (usage.input_tokens, self.input),
            (usage.output_tokens, self.output),
            (usage.cache_read_tokens, self.cache_read.or(self.input)),
            (usage.cache_creation_tokens, self.cache_write.or(self.input)),
        ];
        if items.iter().all(|(tokens, _)| tokens.is_none()) {
            return None;
        }
        let mut sum = 0_i128;
        for (tokens, price) in items {
            let tokens = i128::from(tokens.unwrap_or(0).max(0));
            sum = sum.saturating_add(tokens.saturating_mul(price.unwrap_or(0)));
        }
        Some(rounded_up(sum))
    }

    /// The most that so many tokens can cost: nobody knows before how many of the prompt are written to the cache.
    pub(crate) fn most_micros(&self, n_input: usize, n_output: u64) -> i64 {
        let input = self.input.max(self.cache_write).unwrap_or(0);
        let input = i128::try_from(n_input).unwrap_or(i128::MAX).saturating_mul(input);
        let output = i128::from(n_output).saturating_mul(self.output.unwrap_or(0));
        rounded_up(input.saturating_add(output))
    }
}

/// Amounts that no sum of a deployment's life comes near are cut there, so that sums stay numbers.
fn rounded_up(sum: i128) -> i64 {
    const MICROS_MAX: i128 = 1_000_000_000_000_000;
    let micros = sum.saturating_add(SCALE - 1) / SCALE;
    i64::try_from(micros.min(MICROS_MAX)).unwrap_or(0)
}

/// Reads an amount of money from a number or a text. `None` for what is no amount.
pub(crate) fn amount(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => decimal(text.trim()),
        Value::Number(number) => {
            decimal(&number.to_string()).or_else(|| decimal(&format!("{:.6}", number.as_f64()?)))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Digits beyond the sixth after the point count as one more in the sixth: never too cheap.
fn decimal(text: &str) -> Option<i128> {
    const PLACES: usize = 6;
    const WHOLE_MAX: usize = 12;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole)
        || !is_number(fraction)
        || whole.len() > WHOLE_MAX
        || whole.len() + fraction.len() == 0
    {
        return None;
    }
    let kept = &fraction[..fraction.len().min(PLACES)];
    let rest = fraction[kept.len()..].bytes().any(|digit| digit != b'0');
    let digits = format!("{whole}{kept:0<PLACES$}");
    Some(digits.parse::<i128>().ok()? + i128::from(rest))
}

fn published(provider: AiProviderType, model: &str) -> Option<Prices> {
    let fits = |row: &&(AiProviderType, &str, [&str; 4])| {
        row.0 == provider
            && model
                .strip_prefix(row.1)
                // A version or date may follow, but not the name of a smaller sister.
                .is_some_and(|rest| rest.strip_prefix('-').map_or(rest.is_empty(), starts_with_digit))
    };
    let row = PUBLISHED.iter().filter(fits).max_by_key(|row| row.1.len())?;
    let [input, output, cache_read, cache_write] = row.2.map(decimal);
    Some(Prices { input, output, cache_read, cache_write })
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

#[cfg(test)]
mod tests;
