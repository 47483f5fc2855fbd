//! What only some types of providers need to be told. Pure.

use serde_json::{Map, Value};
use warren_vocab::AiProviderType;

use crate::error::{ChatResult, ChatServiceError};

/// Ways to sign in to AWS that are not spoken here.
const AWS_CREDENTIALS: &[&str] = &["access_key", "access_key_secret", "role_arn", "external_id"];
const USER_KEYS: &[&str] = &["off", "allowed", "required"];

/// Puts given settings over those before, a null takes one away.
pub(super) fn checked(provider: AiProviderType, before: &Value, given: &Value) -> ChatResult<Value> {
    let mut settings = before.as_object().cloned().unwrap_or_default();
    let given = match given {
        Value::Null => return Ok(Value::Object(settings)),
        Value::Object(given) => given,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(invalid("The settings must be an object.".into()));
        }
    };
    for (name, value) in given {
        if let Some(value) = accepted(provider, name, value)? {
            put(&mut settings, name, value);
        }
    }
    Ok(Value::Object(settings))
}

/// The value to be stored, if any; null to take it away.
fn accepted(provider: AiProviderType, name: &str, value: &Value) -> ChatResult<Option<Value>> {
    let text = value.as_str().map(str::trim);
    let is_bedrock = provider == AiProviderType::Bedrock;
    match (name, text) {
        // Says which type the settings are of, which the provider says itself.
        ("_type" | "_version", _) => Ok(None),
        (_, None) if value.is_null() => Ok(Some(Value::Null)),
        ("user_keys", Some(word)) if USER_KEYS.contains(&word) => Ok(Some(Value::from(word))),
        ("user_keys", _) => Err(invalid(format!("`user_keys` must be one of {}.", USER_KEYS.join(", ")))),
        ("region", Some(region)) if is_bedrock => {
            let is_word = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if !is_word {
                return Err(invalid("`region` must be a region's name such as us-east-1.".into()));
            }
            Ok(Some(if region.is_empty() { Value::Null } else { Value::from(region) }))
        }
        ("model" | "small_fast_model", Some(text)) if is_bedrock => Ok(Some(Value::from(text))),
        (name, Some("")) if is_bedrock && AWS_CREDENTIALS.contains(&name) => Ok(None),
        (name, _) if is_bedrock && AWS_CREDENTIALS.contains(&name) => Err(invalid(
            "AWS credentials and roles are not supported. Make an API key for Amazon Bedrock and store it as the \
             provider's key."
                .into(),
        )),
        _ => Err(invalid(format!("`{name}` is not a setting of this type of provider."))),
    }
}

fn put(settings: &mut Map<String, Value>, name: &str, value: Value) {
    if value.is_null() {
        settings.remove(name);
    } else {
        settings.insert(name.to_owned(), value);
    }
}

fn invalid(message: String) -> ChatServiceError {
    ChatServiceError::invalid("settings", message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_put_over_those_before() {
        let before = json!({"region": "eu-west-1", "user_keys": "off"});
        let given = json!({"_type": "bedrock", "region": "us-east-1", "user_keys": null, "access_key": ""});
        let found = checked(AiProviderType::Bedrock, &before, &given).unwrap();
        assert_eq!(found, json!({"region": "us-east-1"}));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_what_to_do() {
        let refused =
            |given: Value| checked(AiProviderType::Bedrock, &Value::Null, &given).unwrap_err().to_string();
        assert!(refused(json!({"access_key": "AKIA"})).contains("API key"));
        assert!(refused(json!({"user_keys": "maybe"})).contains("allowed"));
        assert!(refused(json!({"region": "evil.example/"})).contains("region"));
        let other = checked(AiProviderType::Openai, &Value::Null, &json!({"region": "x"}));
        assert!(other.unwrap_err().to_string().contains("region"));
    }
}
