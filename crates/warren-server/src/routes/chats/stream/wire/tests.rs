//! A viewer that reads nothing. Without the limit of time the test fails.

use tokio::time::Instant;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_viewer_that_takes_nothing_is_given_up_in_time() {
    let (mut wire, _unread) = Wire::events(None);
    let begun = Instant::now();
    let block = Bytes::from_static(b"data: {}\n\n");
    let sent = wire.send_all(block.clone(), || Some(block.clone())).await;
    assert_eq!(sent, Err(End::Slow));
    assert!((SEND_TIMEOUT..SEND_TIMEOUT * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
}
