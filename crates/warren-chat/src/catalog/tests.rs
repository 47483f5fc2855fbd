use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use super::*;

fn counted(reads: &AtomicUsize) -> std::future::Ready<Result<usize, Infallible>> {
    std::future::ready(Ok(reads.fetch_add(1, Ordering::SeqCst) + 1))
}

#[tokio::test(start_paused = true)]
async fn a_value_is_read_again_only_after_its_time() {
    let (kept, reads) = (Kept::new(), AtomicUsize::new(0));
    assert_eq!(*kept.get(|| counted(&reads)).await.unwrap(), 1);
    tokio::time::advance(KEPT - Duration::from_millis(1)).await;
    assert_eq!(*kept.get(|| counted(&reads)).await.unwrap(), 1);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(*kept.get(|| counted(&reads)).await.unwrap(), 2);
}

#[tokio::test]
async fn many_that_ask_at_once_cause_one_read() {
    let (kept, reads) = (Kept::new(), AtomicUsize::new(0));
    let read = || async {
        tokio::task::yield_now().await;
        counted(&reads).await
    };
    let all = futures::future::join_all((0..50).map(|_| kept.get(read))).await;
    assert!(all.into_iter().all(|value| *value.unwrap() == 1));
}

#[tokio::test]
async fn what_was_read_before_a_change_is_not_kept_after_it() {
    let (kept, reads, go) = (Kept::new(), AtomicUsize::new(0), Notify::new());
    let slow = kept.get(|| async {
        let value = counted(&reads).await;
        go.notified().await;
        value
    });
    let change = async {
        kept.invalidate();
        go.notify_one();
    };
    let (stale, ()) = futures::join!(slow, change);
    assert_eq!(*stale.unwrap(), 1);
    assert_eq!(*kept.get(|| counted(&reads)).await.unwrap(), 2);
}

#[tokio::test]
async fn whoever_gives_up_leaves_the_read_to_the_next() {
    let (kept, reads) = (Kept::new(), AtomicUsize::new(0));
    let never = kept.get(|| async {
        std::future::pending::<()>().await;
        counted(&reads).await
    });
    assert!(futures::FutureExt::now_or_never(never).is_none());
    assert_eq!(*kept.get(|| counted(&reads)).await.unwrap(), 1);
}

#[tokio::test]
async fn an_error_is_not_kept() {
    let kept = Kept::<usize>::new();
    assert_eq!(kept.get(|| async { Err::<usize, _>("no") }).await, Err("no"));
    assert_eq!(kept.get(|| async { Ok::<_, &str>(7) }).await.map(|value| *value), Ok(7));
}
