//! Timestamps: UTC, RFC 3339 on the wire.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// A moment in UTC.
pub type Timestamp = DateTime<Utc>;

/// The wire's "no time": year 1, which clients written in Go read as an unset time.
pub fn zero() -> Timestamp {
    NaiveDate::from_ymd_opt(1, 1, 1)
        .expect("the first day of year 1 exists")
        .and_time(NaiveTime::MIN)
        .and_utc()
}

/// Reports whether a moment is the wire's "no time".
pub fn is_zero(time: &Timestamp) -> bool {
    *time == zero()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zero_time_has_the_text_that_clients_compare_with() {
        assert_eq!(serde_json::to_value(zero()).unwrap(), serde_json::json!("0001-01-01T00:00:00Z"));
        assert!(is_zero(&zero()));
    }
}
