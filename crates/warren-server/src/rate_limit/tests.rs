use super::*;

fn address(last: u8) -> Payer {
    Payer::Address(IpAddr::from([192, 0, 2, last]))
}

fn allowed(limits: &RateLimits, now: Instant, payer: Payer, class: Class, path: &str) -> bool {
    limits.count(now, payer, class, path).is_none_or(|verdict| verdict.is_allowed)
}

#[test]
fn the_request_after_the_last_allowed_one_waits_for_the_minute_to_pass() {
    let begin = Instant::now();
    let limits = RateLimits::new(512, true, begin);
    let login = |now| limits.count(now, address(1), Class::Login, "/api/v2/users/login").unwrap();
    for n in 1..=LOGIN_MAX {
        let verdict = login(begin);
        assert_eq!((verdict.is_allowed, verdict.remaining), (true, LOGIN_MAX - n));
    }
    let refused = login(begin + Duration::from_secs(20));
    let expected =
        Verdict { is_allowed: false, limit: LOGIN_MAX, remaining: 0, reset_in: Duration::from_secs(40) };
    assert_eq!(refused, expected);
    assert!(login(begin + WINDOW + WINDOW / 2).is_allowed, "half of the old requests lie a minute back");
    assert!(login(begin + WINDOW * 10).is_allowed);
}

#[test]
fn a_burst_around_the_end_of_a_window_is_not_twice_as_large() {
    let begin = Instant::now();
    let limits = RateLimits::new(100, true, begin);
    let late = begin + WINDOW - Duration::from_millis(1);
    let n_before = (0..200).filter(|_| allowed(&limits, late, address(1), Class::Api, "/x")).count();
    let early = begin + WINDOW + Duration::from_millis(1);
    let n_after = (0..200).filter(|_| allowed(&limits, early, address(1), Class::Api, "/x")).count();
    assert_eq!((n_before, n_after), (100, 0));
}

#[test]
fn callers_paths_and_classes_are_counted_apart() {
    let now = Instant::now();
    let limits = RateLimits::new(1, true, now);
    let account = Payer::Account(Uuid::from_u128(1));
    for (payer, path) in [(address(1), "/x"), (address(2), "/x"), (address(1), "/y"), (account, "/x")] {
        assert!(allowed(&limits, now, payer, Class::Api, path));
        assert!(!allowed(&limits, now, payer, Class::Api, path));
    }
    assert!(allowed(&limits, now, address(1), Class::Files, "/x"));
}

#[test]
fn limits_can_be_off() {
    let now = Instant::now();
    let off = RateLimits::new(1, false, now);
    let unlimited = RateLimits::new(0, true, now);
    for _ in 0..100 {
        assert_eq!(off.count(now, address(1), Class::Login, "/x"), None);
        assert_eq!(unlimited.count(now, address(1), Class::Api, "/x"), None);
    }
    assert!(unlimited.count(now, address(1), Class::Files, "/x").is_some());
}

#[test]
fn however_many_callers_come_the_counters_are_bounded_and_still_limit() {
    let now = Instant::now();
    let limits = RateLimits::new(2, true, now);
    for n in 0..COUNTERS_MAX as u128 * 2 {
        limits.count(now, Payer::Account(Uuid::from_u128(n)), Class::Api, "/x");
    }
    let n_counters = limits.windows.lock().unwrap().current.len();
    assert!(n_counters <= COUNTERS_MAX + COUNTERS_MAX / 10 + 3, "{n_counters}");
    assert!(!allowed(&limits, now, Payer::Account(Uuid::max()), Class::Api, "/x"));
    assert!(allowed(&limits, now, Payer::Account(Uuid::max()), Class::Files, "/x"), "classes stay apart");
}
