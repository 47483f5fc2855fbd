//! The rights of a viewer when nobody looks them up any more. Without the wait after the last look the test fails.

use futures::FutureExt;

use super::*;

#[test]
fn rights_that_nobody_looks_up_any_more_are_waited_for_for_ever() {
    let (sender, mut standing) = watch::channel(Standing::Ended(String::from("The session is over.")));
    assert!(rights(&mut standing).now_or_never().is_none(), "nothing is new");
    sender.send_modify(|_| {});
    let told = rights(&mut standing).now_or_never().expect("it is told");
    assert_eq!(told.err().as_deref(), Some("The session is over."));
    drop(sender);
    // Whoever got an answer here would ask before anything else, and no frame would ever go out.
    assert!(rights(&mut standing).now_or_never().is_none());
}
