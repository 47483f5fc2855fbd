use super::*;

#[tokio::test(start_paused = true)]
async fn connections_that_end_at_once_are_made_ever_more_seldom_and_good_ones_anew_at_once() {
    let mut backoff = Backoff::new(BACKOFF_FIRST, BACKOFF_MAX);
    let begun = Instant::now();
    for _ in 0..20 {
        rest(&mut backoff, Duration::from_millis(50)).await;
    }
    // 12.8 s until the pauses are as long as they get, each cut by up to half.
    assert!(begun.elapsed() > Duration::from_secs(30), "{:?}", begun.elapsed());
    let ended = Instant::now();
    rest(&mut backoff, GOOD).await;
    assert_eq!(ended.elapsed(), Duration::ZERO);
    rest(&mut backoff, Duration::ZERO).await;
    assert!(
        ended.elapsed() <= BACKOFF_FIRST + Duration::from_millis(1),
        "it starts over: {:?}",
        ended.elapsed()
    );
}
