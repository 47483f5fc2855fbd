//! Durations the way people and configuration files write them: `1h30m`, `250ms`, `7d`.

use std::time::Duration;

/// Nanoseconds of each unit, longest spelling first where one begins with another.
const UNITS: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Reads a duration; `0` needs no unit.
///
/// # Errors
/// When the text is not a list of numbers with units, is negative, or is longer than 292 years: clients of the API
/// count nanoseconds in 64 bits.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration such as 90s, 1h30m or 7d".to_owned();
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut nanoseconds = 0u128;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let part = scale(number, *size).ok_or_else(wrong)?;
        nanoseconds = nanoseconds.checked_add(part).ok_or_else(wrong)?;
        rest = tail;
    }
    let nanoseconds = i64::try_from(nanoseconds).map_err(|_| "a duration of at most 292 years".to_owned())?;
    Ok(Duration::from_nanos(nanoseconds.unsigned_abs()))
}

/// Writes a duration in hours, minutes and seconds: `24h0m0s`, `1m0s`, `15ms`.
pub fn format_duration(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return match (duration.as_nanos(), duration.as_micros(), duration.as_millis()) {
            (0, _, _) => "0s".into(),
            (nanoseconds, 0, _) => format!("{nanoseconds}ns"),
            (_, microseconds, 0) => format!("{microseconds}µs"),
            (_, _, milliseconds) => format!("{milliseconds}ms"),
        };
    }
    let seconds = duration.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds % 3600 / 60, seconds % 60);
    let fraction = match duration.subsec_millis() {
        0 => String::new(),
        milliseconds => format!(".{milliseconds:03}").trim_end_matches('0').to_owned(),
    };
    match (hours, minutes) {
        (0, 0) => format!("{rest}{fraction}s"),
        (0, minutes) => format!("{minutes}m{rest}{fraction}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}{fraction}s"),
    }
}

/// A decimal number times a unit, in nanoseconds.
fn scale(number: &str, size: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u128>().ok()? };
    if fraction.is_empty() {
        return if number.is_empty() || number == "." { None } else { whole.checked_mul(size) };
    }
    let digits = fraction.get(..fraction.len().min(9))?;
    let part =
        digits.parse::<u128>().ok()?.checked_mul(size)? / 10u128.pow(u32::try_from(digits.len()).ok()?);
    whole.checked_mul(size)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_unit() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("250ms", 250),
            ("1.5s", 1500),
            ("1h30m", 5_400_000),
            ("24h0m0s", 86_400_000),
            ("7d", 604_800_000),
            ("1d12h", 129_600_000),
            ("876600h", 3_155_760_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "5", "h", "1x", "-1s", "1h30", "1..5s", ".s", "99999999999h", "1 h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for text in ["0s", "15ms", "1s", "1.5s", "1m0s", "24h0m0s", "876600h0m0s"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }
}
