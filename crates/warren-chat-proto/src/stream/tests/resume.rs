//! Viewers that are cut off and come back, and what they are told once.

use warren_vocab::QueuedMessageId;

use super::*;
use crate::action::ActionRequired;

/// Polls at most so many events and hangs up.
fn look(
    cursor: Option<StreamCursor>,
    world: &World,
    n_events: usize,
) -> (Vec<StreamEvent>, Option<StreamCursor>) {
    let mut stream = StreamLoop::new(None, cursor);
    while let Some(command) = stream.poll_command() {
        match command {
            StreamCommand::Fetch { .. } => stream.handle_snapshot(world.snapshots.last().unwrap()),
            StreamCommand::Replay { episode, after_seq } => {
                let wanted = |part: &&Arc<StreamPart>| part.seq > after_seq;
                let parts: Vec<_> = world.parts.iter().filter(wanted).cloned().collect();
                stream.handle_replay(episode, &parts);
            }
        }
    }
    let events = std::iter::from_fn(|| stream.poll_event()).take(n_events).collect();
    // What the viewer keeps is text.
    let cursor = stream.cursor().map(|cursor| cursor.to_string().parse().unwrap());
    (events, cursor)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_viewer_that_is_cut_off_anywhere_ends_with_the_same_text(
        acts in prop::collection::vec((acts(), 0..5_usize), 0..60),
    ) {
        let mut world = World::new();
        let (mut client, mut cursor) = (Client::default(), None);
        let mut n_told = 0;
        for (act, n_events) in acts {
            world.act(act);
            let (events, place) = look(cursor, &world, n_events);
            cursor = place;
            for event in events {
                if let StreamEvent::Message(message) = &event {
                    let had = client.messages.iter().any(|(id, _)| *id == message.id);
                    prop_assert!(!had, "told twice");
                    n_told += 1;
                }
                client.apply(event);
            }
        }
        let (events, cursor) = look(cursor, &world, usize::MAX);
        events.into_iter().for_each(|event| client.apply(event));
        prop_assert_eq!(client.text(), world.text());
        prop_assert_eq!(look(cursor, &world, usize::MAX).0, [], "after {} messages", n_told);
    }
}

#[test]
fn a_viewer_in_the_middle_of_an_answer_gets_the_next_part_and_no_reset() {
    let mut world = World::new();
    world.act(Act::Attempt);
    world.act(Act::Write);
    let (_, cursor) = look(None, &world, usize::MAX);
    world.act(Act::Write);
    let (events, cursor) = look(cursor, &world, usize::MAX);
    assert_eq!(events, [StreamEvent::Part(world.parts[1].clone())]);
    world.act(Act::Attempt);
    let (events, _) = look(cursor, &world, usize::MAX);
    assert_eq!(events, [StreamEvent::PreviewReset], "another attempt says it anew");
}

#[test]
fn a_chat_that_was_edited_long_ago_does_not_start_over_at_every_return() {
    let mut world = World::new();
    world.act(Act::Edit);
    let (_, cursor) = look(None, &world, usize::MAX);
    world.act(Act::Commit);
    let (events, _) = look(cursor, &world, usize::MAX);
    assert_eq!(events[0], StreamEvent::Message(world.messages[1].clone()));
    assert!(!events.contains(&StreamEvent::HistoryReset));
    let mut stream = StreamLoop::new(Some(world.messages[0].id), None);
    stream.handle_snapshot(world.snapshots.last().unwrap());
    assert_eq!(stream.poll_event(), Some(StreamEvent::Message(world.messages[1].clone())));
}

#[test]
fn an_edit_of_what_the_viewer_never_had_takes_nothing_from_it() {
    let mut world = World::new();
    let (_, cursor) = look(None, &world, usize::MAX);
    world.act(Act::Commit);
    world.act(Act::Edit);
    let (events, _) = look(cursor, &world, usize::MAX);
    assert_eq!(events[0], StreamEvent::Message(world.messages[1].clone()));
    assert!(!events.contains(&StreamEvent::HistoryReset));
}

#[test]
fn the_place_of_another_chat_starts_over() {
    let mut world = World::new();
    (0..5).for_each(|_| world.act(Act::Commit));
    let (_, cursor) = look(None, &world, usize::MAX);
    let other = World::new();
    let (events, _) = look(cursor, &other, usize::MAX);
    assert_eq!(events[..2], [StreamEvent::HistoryReset, StreamEvent::Message(other.messages[0].clone())]);
}

#[test]
fn a_viewer_that_wants_nothing_old_gets_nothing_old() {
    let world = World::new();
    let mut stream = StreamLoop::new(Some(MessageId(i64::MAX)), None);
    stream.handle_snapshot(world.snapshots.last().unwrap());
    assert_eq!(drained(&mut stream), [StreamEvent::Status(ChatStatus::Running), StreamEvent::PreviewReset]);
}

#[test]
fn a_message_with_a_lower_id_that_comes_later_is_told_once() {
    let mut world = World::new();
    world.next_id = 9;
    world.act(Act::Commit);
    let (_, cursor) = look(None, &world, usize::MAX);
    world.next_id = 5;
    world.act(Act::Commit);
    world.messages.sort_by_key(|message| message.id);
    world.save();
    let (events, cursor) = look(cursor, &world, usize::MAX);
    assert_eq!(events[0], StreamEvent::Message(world.messages[1].clone()));
    assert_eq!(look(cursor, &world, usize::MAX).0, []);
}

#[test]
fn everything_that_happens_between_is_told_once_per_version() {
    let world = World::new();
    let mut snapshot = world.snapshots[0].clone();
    let mut stream = StreamLoop::new(None, None);
    stream.handle_snapshot(&snapshot);
    drained(&mut stream);
    let mut next = |change: &dyn Fn(&mut Snapshot)| {
        snapshot.versions.snapshot += 1;
        change(&mut snapshot);
        stream.handle_snapshot(&snapshot);
        let told = drained(&mut stream);
        let cursor = stream.cursor();
        let mut back = StreamLoop::new(None, cursor);
        back.handle_snapshot(&snapshot);
        assert_eq!(drained(&mut back), [], "it was told before the viewer went away");
        told
    };
    let error = ChatError::generic("broken");
    let failed = next(&|now| (now.status, now.error) = (ChatStatus::Error, Some(error.clone())));
    assert_eq!(failed, [StreamEvent::Status(ChatStatus::Error), StreamEvent::Error(error.clone())]);
    assert_eq!(next(&|_| {}), [], "the same error");
    let action = Arc::new(ActionRequired::default());
    let asked = next(&|now| {
        (now.status, now.error) = (ChatStatus::RequiresAction, None);
        now.action = Some(action.clone());
    });
    let told = StreamEvent::ActionRequired(action.clone());
    assert_eq!(asked, [StreamEvent::Status(ChatStatus::RequiresAction), told.clone()]);
    assert_eq!(next(&|_| {}), [told], "some of it may be answered");
    let queue: Arc<[QueuedMessage]> = Arc::new([QueuedMessage {
        id: QueuedMessageId(1),
        chat_id: ChatId::nil(),
        created_by: warren_vocab::UserId::nil(),
        model_config_id: warren_vocab::ModelConfigId::nil(),
        content: Vec::new(),
        created_at: chrono::DateTime::UNIX_EPOCH,
    }]);
    let queued = next(&|now| {
        (now.status, now.action) = (ChatStatus::Running, None);
        (now.queue, now.versions.queue) = (queue.clone(), now.versions.snapshot);
    });
    assert_eq!(queued, [StreamEvent::Queue(queue.clone()), StreamEvent::Status(ChatStatus::Running)]);
    let retry = RetryState {
        attempt: 1,
        delay_ms: 1000,
        error: String::from("busy"),
        kind: None,
        provider: None,
        status_code: None,
        retrying_at: chrono::DateTime::UNIX_EPOCH,
    };
    let waits = next(&|now| (now.retry, now.versions.retry) = (Some(retry.clone()), now.versions.snapshot));
    assert_eq!(waits, [StreamEvent::Retry(retry.clone())]);
    assert_eq!(next(&|now| (now.retry, now.versions.retry) = (None, now.versions.snapshot)), []);
    let emptied = next(&|now| (now.queue, now.versions.queue) = (Arc::new([]), now.versions.snapshot));
    assert_eq!(emptied, [StreamEvent::Queue(Arc::new([]))]);
}

#[test]
fn a_gap_that_is_not_filled_is_asked_about_again_only_now_and_then() {
    let mut world = World::new();
    world.act(Act::Attempt);
    (0..1000).for_each(|_| world.act(Act::Write));
    let mut stream = StreamLoop::new(None, None);
    stream.handle_snapshot(world.snapshots.last().unwrap());
    while stream.poll_command().is_some() {}
    world.parts.iter().skip(1).for_each(|part| stream.handle_part(part));
    let n_replays = std::iter::from_fn(|| stream.poll_command()).count();
    assert!((1..=6).contains(&n_replays), "{n_replays} replays for 999 parts behind one gap");
}

#[test]
fn parts_that_no_longer_exist_restart_the_preview_with_the_first_that_does() {
    let mut world = World::new();
    world.act(Act::Attempt);
    (0..9).for_each(|_| world.act(Act::Write));
    let (_, cursor) = look(None, &world, 3 + 2);
    let mut stream = StreamLoop::new(None, cursor);
    stream.handle_snapshot(world.snapshots.last().unwrap());
    let episode = world.snapshots.last().unwrap().episode();
    stream.handle_replay(episode, &world.parts[6..]);
    let events = drained(&mut stream);
    assert_eq!(events[0], StreamEvent::PreviewReset);
    assert_eq!(events.len(), 4);
    let mut again = StreamLoop::new(None, stream.cursor());
    again.handle_snapshot(world.snapshots.last().unwrap());
    again.handle_replay(episode, &world.parts[6..]);
    assert_eq!(drained(&mut again), []);
}

#[test]
fn parts_of_a_newer_version_make_it_look_and_are_not_lost() {
    let mut world = World::new();
    let mut stream = StreamLoop::new(None, None);
    let _ = stream.poll_command();
    stream.handle_snapshot(world.snapshots.last().unwrap());
    drained(&mut stream);
    world.act(Act::Attempt);
    world.act(Act::Write);
    stream.handle_part(&world.parts[0]);
    assert_eq!(stream.poll_command(), Some(StreamCommand::Fetch { newer_than: 1 }));
    stream.handle_snapshot(world.snapshots.last().unwrap());
    let episode = world.snapshots.last().unwrap().episode();
    assert_eq!(stream.poll_command(), Some(StreamCommand::Replay { episode, after_seq: 0 }));
    stream.handle_replay(episode, &world.parts);
    let part = StreamEvent::Part(world.parts[0].clone());
    assert_eq!(drained(&mut stream), [StreamEvent::PreviewReset, part]);
}

#[test]
fn a_look_that_failed_is_tried_again_with_the_next_hint() {
    let world = World::new();
    let mut stream = StreamLoop::new(None, None);
    assert_eq!(stream.poll_command(), Some(StreamCommand::Fetch { newer_than: 0 }));
    stream.handle_fetch_failed();
    assert_eq!(stream.poll_command(), None, "it does not spin");
    stream.handle_hint(1);
    assert_eq!(stream.poll_command(), Some(StreamCommand::Fetch { newer_than: 0 }));
    stream.handle_snapshot(world.snapshots.last().unwrap());
    assert!(!drained(&mut stream).is_empty());
}

#[test]
fn what_a_viewer_was_told_is_not_told_again_however_often_it_arrives() {
    let mut world = World::new();
    for act in [Act::Commit, Act::Edit, Act::Attempt, Act::Write, Act::Write] {
        world.act(act);
    }
    let mut stream = StreamLoop::new(None, None);
    stream.handle_snapshot(world.snapshots.last().unwrap());
    world.parts.iter().for_each(|part| stream.handle_part(part));
    let told = drained(&mut stream);
    assert!(told.ends_with(&world.parts.iter().cloned().map(StreamEvent::Part).collect::<Vec<_>>()));
    let cursor = stream.cursor();
    for snapshot in &world.snapshots {
        stream.handle_snapshot(snapshot);
        world.parts.iter().for_each(|part| stream.handle_part(part));
        stream.handle_replay(world.snapshots.last().unwrap().episode(), &world.parts);
    }
    assert_eq!((drained(&mut stream), stream.cursor()), (vec![], cursor));
}
