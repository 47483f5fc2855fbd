//! The size and the characters of what a tool tells the model.
//!
//! Pure. One result shall not fill the model's context, and shall not contain what some database or provider cannot keep.

use std::borrow::Cow;

use serde_json::{Value, json};

/// Bytes of a result when nobody knows how much the model can hold.
const BYTES_DEFAULT: usize = 64 << 10;
const BYTES_MIN: usize = 16 << 10;
/// A text that is shorter is not worth cutting.
const TEXT_BYTES_MIN: usize = 512;
/// Room for the marker that stands for what was cut.
const MARKER_BYTES: usize = 64;

/// Bytes that one result may have for a model that holds `context_limit` tokens.
pub(crate) fn bytes_max(context_limit: Option<i64>) -> usize {
    let Some(tokens) = context_limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0)
    else {
        return BYTES_DEFAULT;
    };
    (tokens / 3 * 3).max(BYTES_MIN)
}

/// Cuts the longest texts inside a result until it fits. Gives `true` when something was cut.
pub(crate) fn cap(result: &mut Value, bytes_max: usize) -> bool {
    let mut was_cut = false;
    loop {
        let excess = size(result).saturating_sub(bytes_max);
        if excess == 0 {
            return was_cut;
        }
        was_cut = true;
        match longest(result) {
            Some(text) if text.len() > TEXT_BYTES_MIN => {
                // A character may take several bytes in JSON, so this may need more than one round; each makes it shorter.
                let target = text.len().saturating_sub(excess + MARKER_BYTES).max(TEXT_BYTES_MIN / 2);
                *text = head_and_tail(text, target);
            }
            Some(_) | None => {
                let whole = result.to_string();
                let target = (bytes_max / 2).saturating_sub(2 * MARKER_BYTES);
                *result = json!({ "truncated": head_and_tail(&whole, target) });
                return true;
            }
        }
    }
}

/// Replaces characters that not everybody can keep, everywhere in a result.
pub(crate) fn clean_value(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(cleaned) = clean(text) {
                *text = cleaned;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean_value),
        Value::Object(fields) => {
            if fields.keys().any(|name| name.contains('\0')) {
                let renamed = std::mem::take(fields).into_iter();
                *fields = renamed.map(|(name, value)| (clean(&name).into_owned(), value)).collect();
            }
            fields.values_mut().for_each(clean_value);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces U+0000.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// Keeps two thirds of the room for the beginning and one for the end, at boundaries of characters.
fn head_and_tail(text: &str, bytes: usize) -> String {
    let head = text.floor_char_boundary(bytes / 3 * 2);
    let tail = text.ceil_char_boundary(text.len().saturating_sub(bytes - bytes / 3 * 2)).max(head);
    format!("{}\n[{} bytes cut]\n{}", &text[..head], tail - head, &text[tail..])
}

/// Bytes of a result as it is stored.
pub(crate) fn size(value: &Value) -> usize {
    value.to_string().len()
}

fn longest(value: &mut Value) -> Option<&mut String> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(items) => items.iter_mut().filter_map(longest).max_by_key(|text| text.len()),
        Value::Object(fields) => fields.values_mut().filter_map(longest).max_by_key(|text| text.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_gets_room_by_what_the_model_holds() {
        assert_eq!(bytes_max(None), 64 << 10);
        assert_eq!(bytes_max(Some(1000)), 16 << 10);
        assert_eq!(bytes_max(Some(200_000)), 199_998);
    }

    #[test]
    fn a_long_text_keeps_two_thirds_of_its_head_and_one_of_its_tail() {
        let mut result = json!({ "output": format!("begin{}end", "€".repeat(20_000)), "exit_code": 0 });
        assert!(cap(&mut result, 16 << 10));
        assert!(size(&result) <= 16 << 10);
        assert_eq!(result["exit_code"], 0);
        let text = result["output"].as_str().unwrap();
        assert!(text.starts_with("begin€") && text.ends_with("€end"), "{text}");
        let (head, tail) = text.split_once("bytes cut]").unwrap();
        let ratio = head.len() as f64 / tail.len() as f64;
        assert!((1.8..2.2).contains(&ratio), "head and tail are as {ratio} to 1");
    }

    #[test]
    fn what_fits_stays_and_what_has_no_long_text_still_fits() {
        let mut small = json!({ "output": "x".repeat(100) });
        assert!(!cap(&mut small, 16 << 10));
        let mut many =
            json!({ "entries": (0..20_000).map(|n| json!({ "name": n.to_string() })).collect::<Vec<_>>() });
        assert!(cap(&mut many, 16 << 10));
        assert!(size(&many) <= 16 << 10, "{}", size(&many));
        let mut escaped = json!({ "output": "\u{1}".repeat(20_000) });
        assert!(cap(&mut escaped, 16 << 10));
        assert!(size(&escaped) <= 16 << 10);
    }

    #[test]
    fn nul_characters_are_replaced_in_texts_and_names() {
        let mut value = json!({ "a\0": ["x\0y"], "b": 1 });
        clean_value(&mut value);
        assert_eq!(value, json!({ "a\u{fffd}": ["x\u{fffd}y"], "b": 1 }));
    }
}
