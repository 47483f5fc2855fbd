//! Who gets the writer connection, and when.

use futures::{FutureExt, future::BoxFuture};

use super::*;

/// Starts to wait and is found waiting.
fn waiting(turns: &Turns, goes_first: bool) -> BoxFuture<'_, MutexGuard<'_, ()>> {
    let mut turn = turns.take(goes_first).boxed();
    assert!((&mut turn).now_or_never().is_none(), "it did not have to wait");
    turn
}

#[tokio::test]
async fn who_goes_first_waits_for_two_at_most() {
    let turns = Turns::default();
    let under_way = turns.take(false).await;
    let mut queue: Vec<_> = (0..5).map(|_| waiting(&turns, false)).collect();
    let mut first = waiting(&turns, true);
    drop(under_way);
    let served = queue.remove(0).now_or_never().expect("the oldest is next");
    drop(served);
    drop(first.as_mut().now_or_never().expect("then who goes first"));
    for ordinary in queue {
        drop(ordinary.now_or_never().expect("then the others in order"));
    }
}
