use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn noon() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn seconds(n: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(n)
}

#[test]
fn the_time_goes_on_from_the_middle_of_the_first_question() {
    let begin = Instant::now();
    let clock = RemoteClock::new(begin, noon(), begin + 2 * SECOND);
    assert_eq!(clock.at(begin + SECOND), noon());
    assert_eq!(clock.at(begin + 61 * SECOND), seconds(60));
}

#[test]
fn a_clock_that_was_set_is_followed_and_a_slow_answer_is_not() {
    let begin = Instant::now();
    let clock = RemoteClock::new(begin, noon(), begin);
    // Said at some time in ten seconds: the sixth would fit as well.
    clock.hear(begin + 10 * SECOND, seconds(16), begin + 20 * SECOND);
    assert_eq!(clock.at(begin + 20 * SECOND), seconds(20));
    clock.hear(begin + 30 * SECOND, seconds(330), begin + 30 * SECOND);
    assert_eq!(clock.at(begin + 40 * SECOND), seconds(340));
    clock.hear(begin + 50 * SECOND, seconds(20), begin + 51 * SECOND);
    assert_eq!(clock.at(begin + 51 * SECOND), seconds(21));
}
