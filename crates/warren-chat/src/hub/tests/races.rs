//! What holds at whatever moment somebody comes, leaves or fails, and while nothing happens at all.

use std::{future::poll_fn, pin::pin, sync::atomic::AtomicUsize};

use serde_json::json;
use tokio::{
    task::yield_now,
    time::{advance, pause, resume},
};

use super::{relay::Pair, *};

/// Lets the others go on for a while.
async fn turns(n: usize) {
    for _ in 0..n {
        yield_now().await;
    }
}

/// Says so many times what is known already.
fn repeat_old_hints(world: &World, n: usize) {
    for _ in 0..n {
        world.stage.db.publish(&silence(world.chat), json!({ "snapshot_version": 1 }));
    }
}

#[tokio::test]
async fn whoever_comes_while_the_last_viewer_leaves_is_served() {
    let world = World::new(LONG, channels::chat).await;
    for n in 0..200 {
        let leaving = world.watch(Start::default());
        turns(n).await;
        drop(leaving);
        // While the tail looks, it hears neither of the one nor of the other.
        world.stage.db.publish(&channels::chat(world.chat), json!({}));
        turns(n % 5).await;
        let (mut viewer, mut seen) = (world.watch(Start::default()), Seen::default());
        seen.until(&mut viewer, "the question", |seen| seen.messages.len() == 1).await;
    }
}

#[tokio::test]
async fn whoever_comes_after_a_tail_has_broken_off_gets_another() {
    let world = World::new(LONG, channels::chat).await;
    let (inbox, inputs) = mpsc::channel(1);
    world.hub.tails().insert(world.chat, Handle { inbox, has_missed: Arc::default() });
    drop(inputs);
    let (mut viewer, mut seen) = (world.watch(Start::default()), Seen::default());
    seen.until(&mut viewer, "the question", |seen| seen.messages.len() == 1).await;
}

#[tokio::test]
async fn viewers_elsewhere_who_leave_at_any_moment_leave_nothing_behind() {
    let pair = Pair::new().await;
    pair.world.begin_attempt().await;
    let n_tasks = pair.world.tasks.len();
    for n in 0..200 {
        let (mut viewer, mut seen) = pair.watch();
        if n % 2 == 0 {
            let _ = futures::poll!(pin!(viewer.next()));
        } else {
            seen.until(&mut viewer, "the attempt", |seen| seen.n_resets > 0).await;
        }
        turns(n / 2).await;
    }
    let is_quiet = |pair: &Pair| {
        let (owner, other) = (pair.owner.figures(), pair.other.figures());
        (owner.feeds, other.chats, other.viewers, pair.world.tasks.len()) == (0, 0, 0, n_tasks)
    };
    pair.until("the end of everything", is_quiet).await;
    let n_dials = pair.lines.dials();
    assert!(n_dials > 0);
    pause();
    advance(LONG).await;
    turns(100).await;
    assert!(is_quiet(&pair) && pair.lines.dials() == n_dials, "nothing begins by itself");
    resume();
}

#[tokio::test]
async fn a_chat_that_ends_while_a_dial_waits_to_be_repeated_is_not_dialled_again() {
    let pair = Pair::new().await;
    pair.lines.set_down(true);
    pair.world.begin_attempt().await;
    let (mut viewer, mut seen) = pair.watch();
    seen.until(&mut viewer, "the attempt", |seen| seen.n_resets > 0).await;
    pair.until("several dials", |pair| pair.lines.dials() > 1).await;
    pair.world.finish().await;
    seen.until(&mut viewer, "the end", |seen| seen.status == Some(ChatStatus::Waiting)).await;
    pause();
    let n_dials = pair.lines.dials();
    for _ in 0..10 {
        advance(Duration::from_secs(10)).await;
        turns(100).await;
    }
    assert_eq!(pair.lines.dials(), n_dials);
    resume();
}

#[tokio::test]
async fn a_store_that_fails_ends_neither_dials_nor_viewers() {
    let pair = Pair::new().await;
    let episode = pair.world.begin_attempt().await;
    let parts = pair.world.writer(&pair.owner, episode).await;
    let (mut viewer, mut seen) = pair.watch();
    pair.until_connected().await;
    parts.push(MessageRole::Assistant, Part::text("one ")).await;
    parts.flush().await;
    seen.until(&mut viewer, "the first part", |seen| seen.preview == [1]).await;

    for table in ["chat_parts", "chat_messages"] {
        pair.world.rename(table, &format!("{table}_away")).await;
    }
    let (n_dials, n_reads) = (pair.lines.dials(), pair.other.figures().reads);
    pair.lines.cut();
    pair.world.stage.db.publish(&channels::chat(pair.world.chat), json!({}));
    pair.until("a look in vain", |pair| pair.other.figures().reads > n_reads).await;
    pair.until("dials in vain", |pair| pair.lines.dials() > n_dials + 2).await;

    for table in ["chat_messages", "chat_parts"] {
        pair.world.rename(&format!("{table}_away"), table).await;
    }
    pair.until_connected().await;
    parts.push(MessageRole::Assistant, Part::text("two ")).await;
    parts.flush().await;
    seen.until(&mut viewer, "the second part", |seen| seen.preview == [1, 2]).await;
    assert_eq!((seen.n_resets, pair.other.figures().cut_off), (1, 0));
}

/// Starts the tail of a chat and counts its turns.
fn counted_tail(pair: &Pair) -> Arc<AtomicUsize> {
    let (hub, chat, n_turns) = (&pair.other, pair.world.chat, Arc::<AtomicUsize>::default());
    let (inbox, inputs) = mpsc::channel(INPUTS_WAITING_MAX);
    let has_missed = Arc::new(AtomicBool::new(false));
    hub.tails().insert(chat, Handle { inbox, has_missed: has_missed.clone() });
    let mut tail = Box::pin(Tail::new(hub.clone(), chat, has_missed).run(inputs));
    let n = n_turns.clone();
    let counted = poll_fn(move |context| {
        n.fetch_add(1, Ordering::SeqCst);
        tail.as_mut().poll(context)
    });
    pair.world.tasks.spawn("counted tail", counted);
    n_turns
}

/// Lets everything come to rest, and says how many turns the tail then takes while nothing happens.
async fn n_idle_turns(n_turns: &AtomicUsize) -> usize {
    const ROUND: usize = 2000;
    let rest = async {
        loop {
            let before = n_turns.load(Ordering::SeqCst);
            turns(ROUND).await;
            if n_turns.load(Ordering::SeqCst) - before < ROUND / 100 {
                return;
            }
        }
    };
    if tokio::time::timeout(DEADLINE, rest).await.is_err() {
        return usize::MAX;
    }
    pause();
    let before = n_turns.load(Ordering::SeqCst);
    turns(10 * ROUND).await;
    let n = n_turns.load(Ordering::SeqCst) - before;
    resume();
    n
}

#[tokio::test]
async fn a_tail_rests_while_nothing_happens_and_goes_on_when_something_does() {
    let pair = Pair::new().await;
    let n_turns = counted_tail(&pair);
    let (mut viewer, mut seen) = pair.watch();
    let episode = pair.world.begin_attempt().await;
    seen.until(&mut viewer, "the attempt", |seen| seen.n_resets > 0).await;
    pair.until_connected().await;
    let n = n_idle_turns(&n_turns).await;
    assert!(n < 200, "{n} turns while the worker says nothing");
    let parts = pair.world.writer(&pair.owner, episode).await;
    parts.push(MessageRole::Assistant, Part::text("one ")).await;
    parts.flush().await;
    seen.until(&mut viewer, "a part", |seen| seen.preview == [1]).await;

    // The source of parts ends for good; what is committed still comes.
    pair.lines.set_refusing(true);
    pair.lines.cut();
    let n_dials = pair.lines.dials();
    pair.until("a refusal", |pair| pair.lines.dials() > n_dials).await;
    let n = n_idle_turns(&n_turns).await;
    assert!(n < 200, "{n} turns after the relay has ended");
    pair.world.finish().await;
    seen.until(&mut viewer, "the end", |seen| seen.status == Some(ChatStatus::Waiting)).await;
    assert_eq!(seen.messages.len(), 2);
    let n = n_idle_turns(&n_turns).await;
    assert!(n < 200, "{n} turns after the chat has ended");
}

#[tokio::test]
async fn hints_that_were_lost_are_made_good_by_looking_and_old_ones_cost_nothing() {
    let world = World::new(LONG, silence).await;
    let (mut viewer, mut seen) = (world.watch(Start::default()), Seen::default());
    seen.until(&mut viewer, "the question", |seen| seen.messages.len() == 1).await;
    repeat_old_hints(&world, 200);
    turns(20_000).await;
    let n_reads = world.hub.figures().reads;
    assert!(n_reads < 10, "{n_reads} reads for what was known");
    // Nobody says that there is an answer, but the many words do not fit, so that nobody knows what was among them.
    world.commit("answer").await;
    repeat_old_hints(&world, 1000);
    seen.until(&mut viewer, "the answer", |seen| seen.messages.len() == 2).await;
}

#[tokio::test]
async fn what_a_full_inbox_did_not_take_is_read_from_the_store() {
    let world = World::new(LONG, channels::chat).await;
    let (mut viewer, mut seen) = (world.watch(Start::default()), Seen::default());
    let episode = world.begin_attempt().await;
    seen.until(&mut viewer, "the attempt", |seen| seen.n_resets > 0).await;
    turns(1000).await;
    let parts = world.writer(&world.elsewhere(), episode).await;
    parts.push(MessageRole::Assistant, Part::text("one ")).await;
    parts.flush().await;
    // Nobody looks into the inbox meanwhile.
    let other = Episode { history_version: 0, attempt: 1 };
    for _ in 0..=INPUTS_WAITING_MAX {
        world.hub.show(world.chat, vec![part(other, 1)]);
    }
    seen.until(&mut viewer, "what was not taken", |seen| seen.preview == [1]).await;
}

#[tokio::test]
async fn a_viewer_that_takes_nothing_holds_nobody_up_when_hints_are_lost() {
    let world = World::new(LONG, silence).await;
    let episode = world.begin_attempt().await;
    let ready = |seen: &Seen| seen.n_resets > 0;
    let (mut quick, mut quick_seen) = (world.watch(Start::default()), Seen::default());
    let (mut slow, mut slow_seen) = (world.watch(Start::default()), Seen::default());
    quick_seen.until(&mut quick, "the attempt", ready).await;
    slow_seen.until(&mut slow, "the attempt", ready).await;
    for seq in 1..=i64::try_from(ITEMS_WAITING_MAX).unwrap() {
        world.hub.show(world.chat, vec![part(episode, seq)]);
        quick_seen.until(&mut quick, "a part", |seen| seen.preview.last() == Some(&seq)).await;
    }
    world.commit("answer").await;
    repeat_old_hints(&world, 1000);
    quick_seen.until(&mut quick, "the answer", |seen| seen.messages.len() == 2).await;
    assert_eq!(world.hub.figures().cut_off, 1);
}

#[tokio::test]
async fn a_viewer_gets_each_message_after_its_last_one_once_on_whatever_way_they_come() {
    let world = World::new(Duration::from_millis(2), channels::chat).await;
    for text in ["one", "two", "three"] {
        world.commit(text).await;
    }
    let ids: Vec<_> = world.stage.live(world.chat).await.iter().map(|message| message.id).collect();
    let (mut viewer, mut seen) = (world.watch(Start::after(Some(ids[2]))), Seen::default());
    for n in 0..20 {
        world.commit(&format!("more {n}")).await;
        world.begin_attempt().await;
    }
    let last = world.stage.live(world.chat).await.last().unwrap().id.get();
    seen.until(&mut viewer, "the last message", |seen| seen.messages.last() == Some(&last)).await;
    let expected: Vec<_> =
        world.stage.live(world.chat).await.iter().map(|message| message.id.get()).collect();
    assert_eq!(seen.messages, expected[3..]);
    // Looking again and again at the same brings nothing.
    let n_reads = world.hub.figures().reads;
    for _ in 0..5 {
        world.stage.db.publish(&channels::chat(world.chat), json!({}));
    }
    let looks = async {
        while world.hub.figures().reads < n_reads + 5 {
            if let Some(frame) = viewer.next_waiting() {
                seen.apply(&frame);
            }
            yield_now().await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, looks).await.is_ok());
    assert_eq!(seen.messages, expected[3..]);
}
