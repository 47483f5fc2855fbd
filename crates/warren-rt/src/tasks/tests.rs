use std::time::Duration;

use super::*;

#[tokio::test]
async fn stop_cancels_waiting_tasks_and_joins_them() {
    let tasks = Tasks::new();
    for n in 0..3 {
        tasks.spawn(format!("sleeper {n}"), std::future::pending::<()>());
    }
    assert_eq!(tasks.len(), 3);
    assert!(tasks.stop(Duration::from_secs(5)).await.is_empty());
    assert!(tasks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn stop_names_the_task_that_holds_it_up() {
    let tasks = Tasks::new();
    tasks.spawn_graceful("stubborn", std::future::pending::<()>());
    assert_eq!(tasks.stop(Duration::from_secs(1)).await, vec![String::from("stubborn")]);
}

#[tokio::test]
async fn a_panic_ends_only_its_own_task() {
    let tasks = Tasks::new();
    let (tx, rx) = tokio::sync::oneshot::channel();
    tasks.spawn("bad", async { assert_eq!(1, 2, "on purpose") });
    tasks.spawn("good", async move {
        let _ = tx.send(7);
    });
    assert_eq!(rx.await.unwrap(), 7);
    assert!(tasks.stop(Duration::from_secs(5)).await.is_empty());
}

#[tokio::test]
async fn dropping_the_last_owner_cancels() {
    let tasks = Tasks::new();
    let token = tasks.token();
    let clone = tasks.clone();
    drop(tasks);
    assert!(!token.is_cancelled());
    drop(clone);
    assert!(token.is_cancelled());
}

#[tokio::test]
async fn an_abort_lets_no_task_do_anything_more() {
    let tasks = Tasks::new();
    let (token, n_ended) = (tasks.token(), Arc::new(AtomicU64::new(0)));
    let counting = n_ended.clone();
    tasks.spawn_graceful("last will", async move {
        token.cancelled().await;
        counting.fetch_add(1, Ordering::Relaxed);
    });
    tasks.spawn("sleeper", std::future::pending::<()>());
    tasks.abort().await;
    assert!(tasks.is_empty());
    assert_eq!(n_ended.load(Ordering::Relaxed), 0);
    assert!(tasks.token().is_cancelled());
}

#[test]
fn a_task_that_is_spawned_while_the_runtime_shuts_down_is_dropped() {
    struct Spawns(Tasks);
    impl Drop for Spawns {
        fn drop(&mut self) {
            self.0.spawn("too late", std::future::pending::<()>());
        }
    }
    let tasks = Tasks::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let spawns = Spawns(tasks.clone());
    runtime.block_on(async {
        tokio::spawn(async move {
            let _spawns = spawns;
            std::future::pending::<()>().await;
        });
        tokio::task::yield_now().await;
    });
    drop(runtime);
    assert!(tasks.is_empty());
}
