//! What is left to wait for when nobody says anything any more. Without the wait after the last hint the test fails.

use futures::FutureExt;
use warren_db::{PubSub, pubsub::InProcess};

use super::hint;

#[test]
fn hints_that_have_come_to_an_end_are_waited_for_for_ever() {
    let hints = InProcess::default();
    let mut heard = hints.subscribe("sessions");
    assert_eq!(hint(&mut heard).now_or_never(), None);
    hints.publish("sessions", serde_json::Value::Null);
    assert_eq!(hint(&mut heard).now_or_never(), Some(()));
    drop(hints);
    // Whoever got an answer here would ask again at once, and so on.
    assert_eq!(hint(&mut heard).now_or_never(), None);
}
