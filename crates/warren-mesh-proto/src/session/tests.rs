//! Two sides and a line between them.
//!
//! Guards that were taken away, and the tests that failed:
//!
//! | guard | test |
//! |---|---|
//! | no stream is opened for another server, either side | `a_request_of_another_server_is_not_passed_on` |
//! | nothing is sent without room | `a_stream_that_nobody_reads_holds_up_no_other_and_takes_no_more_than_its_window` |
//! | whoever sends without room is cut off | `whoever_sends_more_than_there_is_room_for_loses_the_connection` |
//! | frames have a bound | `streams_take_turns` |
//! | numbers of the own side | `numbers_of_the_wrong_side_or_twice_end_the_connection` |
//! | numbers that are taken | `numbers_of_the_wrong_side_or_twice_end_the_connection` |
//! | what waits to be sent has a bound | `whoever_waits_for_room_is_told_of_it` |
//! | messages have a bound | `too_many_streams_too_long_headers_and_messages_are_refused` |
//! | answers to pings have a bound | `a_flood_of_pings_makes_no_heap_of_answers` |
//! | silence ends the connection | `silence_is_asked_about_and_then_given_up` |
//! | long messages give room back | `a_message_longer_than_the_window_gets_through` |
//! | taken messages give room back | `a_stream_that_nobody_reads_holds_up_no_other_and_takes_no_more_than_its_window` |
//! | whoever waits learns of room | `whoever_waits_for_room_is_told_of_it` |

use super::*;

const KIND: StreamKind = StreamKind::CHAT_PARTS;

struct Line {
    near: Session,
    far: Session,
    now: Instant,
    events: Vec<Event>,
}

impl Line {
    fn new() -> Self {
        let now = Instant::now();
        Self { near: Session::new(true, now), far: Session::new(false, now), now, events: Vec::new() }
    }

    /// Carries everything both ways until nothing is left, and gives the events of the far side.
    fn carry(&mut self) -> Vec<Event> {
        loop {
            let mut is_quiet = true;
            while let Some((frame, _)) = self.near.poll_frame() {
                self.events.extend(self.far.handle_frame(frame.into(), self.now).unwrap());
                is_quiet = false;
            }
            while let Some((frame, _)) = self.far.poll_frame() {
                self.near.handle_frame(frame.into(), self.now).unwrap();
                is_quiet = false;
            }
            if is_quiet {
                return std::mem::take(&mut self.events);
            }
        }
    }

    fn open(&mut self) -> StreamId {
        let id = self.near.open(KIND, Hops::NONE, Bytes::from_static(b"head")).unwrap();
        let opened = Event::Opened { stream: id, kind: KIND, header: Bytes::from_static(b"head") };
        assert_eq!(self.carry(), [opened]);
        id
    }

    /// Takes what the far side has.
    fn taken(&mut self, id: StreamId) -> Vec<Bytes> {
        std::iter::from_fn(|| match self.far.take(id) {
            Received::Message(message) => Some(message),
            Received::Ended(_) | Received::Nothing => None,
        })
        .collect()
    }
}

fn message(len: usize, fill: u8) -> Bytes {
    vec![fill; len].into()
}

#[test]
fn messages_arrive_whole_and_in_order_both_ways() {
    let mut line = Line::new();
    let id = line.open();
    let sent: Vec<_> = [0, 1, FRAGMENT_MAX, FRAGMENT_MAX + 1, 100_000].map(|len| message(len, 7)).into();
    for one in &sent {
        line.near.send(id, one.clone()).unwrap();
    }
    line.carry();
    assert_eq!(line.taken(id), sent);
    line.far.send(id, message(3, 1)).unwrap();
    line.carry();
    assert_eq!(line.near.take(id), Received::Message(message(3, 1)));
    assert_eq!(line.near.take(id), Received::Nothing);
}

#[test]
fn a_message_longer_than_the_window_gets_through() {
    let mut line = Line::new();
    let id = line.open();
    let long = message(WINDOW * 9 + 5, 3);
    line.near.send(id, long.clone()).unwrap();
    line.carry();
    assert_eq!(line.taken(id), [long]);
}

#[test]
fn a_stream_that_nobody_reads_holds_up_no_other_and_takes_no_more_than_its_window() {
    let mut line = Line::new();
    let (slow, quick) = (line.open(), line.open());
    let mut n_sent = 0;
    while line.near.send(slow, message(1000, 1)).is_ok() {
        n_sent += 1;
        line.carry();
    }
    assert_eq!(line.near.send(slow, message(1, 1)), Err(SendError::Full));
    let held = line.far.streams[&slow].held;
    assert!(held <= WINDOW && held > WINDOW - FRAGMENT_MAX, "{held}");
    for _ in 0..1000 {
        line.near.send(quick, message(1000, 2)).unwrap();
        line.carry();
        assert_eq!(line.taken(quick), [message(1000, 2)]);
    }
    let mut n_taken = 0;
    while n_taken < n_sent {
        let taken = line.taken(slow).len();
        assert!(taken > 0, "what waited comes when there is room again");
        n_taken += taken;
        line.carry();
    }
}

#[test]
fn streams_take_turns() {
    let mut line = Line::new();
    let (long, short) = (line.open(), line.open());
    line.near.send(long, message(10 * FRAGMENT_MAX, 1)).unwrap();
    line.near.send(short, message(1, 2)).unwrap();
    for _ in 0..2 {
        let (frame, _) = line.near.poll_frame().unwrap();
        line.far.handle_frame(frame.into(), line.now).unwrap();
    }
    assert_eq!(line.taken(short), [message(1, 2)], "after one fragment of the long one");
}

#[test]
fn whoever_waits_for_room_is_told_of_it() {
    let mut line = Line::new();
    let id = line.open();
    line.near.send(id, message(QUEUE_MAX + 1, 1)).unwrap();
    assert_eq!(line.near.send(id, message(1, 1)), Err(SendError::Full));
    let told = std::iter::from_fn(|| line.near.poll_frame()).find_map(|(_, room)| room);
    assert_eq!(told, Some(id));
    line.near.send(id, message(1, 1)).unwrap();
}

#[test]
fn an_end_is_told_after_what_was_said_and_leaves_nothing() {
    let mut line = Line::new();
    let id = line.open();
    line.far.send(id, message(5, 1)).unwrap();
    line.carry();
    line.far.close(id, CloseReason::Failed);
    line.carry();
    assert_eq!(line.near.take(id), Received::Message(message(5, 1)));
    assert_eq!(line.near.take(id), Received::Ended(CloseReason::Failed));
    assert_eq!(line.near.send(id, message(1, 1)), Err(SendError::Closed));
    line.near.close(id, CloseReason::Done);
    line.near.close(id, CloseReason::Done);
    line.carry();
    assert!(line.near.is_empty() && line.far.is_empty());
}

#[test]
fn what_is_on_its_way_to_a_stream_that_has_just_ended_is_no_violation() {
    let mut line = Line::new();
    let id = line.open();
    line.near.send(id, message(5, 1)).unwrap();
    line.far.close(id, CloseReason::Done);
    line.carry();
    assert_eq!(line.near.take(id), Received::Ended(CloseReason::Done));
}

#[test]
fn a_request_of_another_server_is_not_passed_on() {
    let mut line = Line::new();
    assert_eq!(line.near.open(KIND, Hops(1), Bytes::new()), Err(OpenError::Hops));
    let frame = Frame::Open { stream: StreamId(1), hops: Hops(1), kind: KIND, header: Bytes::new() };
    assert_eq!(line.far.handle_frame(frame.encode().into(), line.now), Ok(None));
    let (frame, _) = line.far.poll_frame().unwrap();
    let refused = Frame::Close { stream: StreamId(1), reason: CloseReason::Refused };
    assert_eq!(Frame::decode(frame.into()), Some(Some(refused)), "whoever asks is told so");
    assert!(line.far.is_empty());
}

#[test]
fn numbers_of_the_wrong_side_or_twice_end_the_connection() {
    let mut line = Line::new();
    let open = |n| Frame::Open { stream: StreamId(n), hops: Hops::NONE, kind: KIND, header: Bytes::new() };
    for n in [0, 2] {
        assert_eq!(line.far.handle_frame(open(n).encode().into(), line.now), Err(Violation::BadStream));
    }
    line.far.handle_frame(open(1).encode().into(), line.now).unwrap();
    assert_eq!(line.far.handle_frame(open(1).encode().into(), line.now), Err(Violation::BadStream));
}

#[test]
fn whoever_sends_more_than_there_is_room_for_loses_the_connection() {
    let mut line = Line::new();
    let id = line.open();
    let frame = Frame::Data { stream: id, is_end: true, bytes: message(FRAGMENT_MAX, 1) };
    let mut outcome = Ok(None);
    for _ in 0..=WINDOW / FRAGMENT_MAX {
        outcome = line.far.handle_frame(frame.encode().into(), line.now);
    }
    assert_eq!(outcome, Err(Violation::WindowExceeded));
}

#[test]
fn too_many_streams_too_long_headers_and_messages_are_refused() {
    let mut line = Line::new();
    assert_eq!(line.near.open(KIND, Hops::NONE, message(HEADER_MAX + 1, 1)), Err(OpenError::HeaderTooLong));
    let id = line.open();
    assert_eq!(line.near.send(id, message(MESSAGE_MAX + 1, 1)), Err(SendError::TooLong));
    let piece = Frame::Data { stream: id, is_end: false, bytes: message(FRAGMENT_MAX, 1) };
    let mut outcome = Ok(None);
    for _ in 0..=MESSAGE_MAX / FRAGMENT_MAX {
        outcome = line.far.handle_frame(piece.encode().into(), line.now);
    }
    assert_eq!(outcome, Err(Violation::MessageTooLong));
    let mut line = Line::new();
    for _ in 0..STREAMS_MAX {
        line.near.open(KIND, Hops::NONE, Bytes::new()).unwrap();
    }
    assert_eq!(line.near.open(KIND, Hops::NONE, Bytes::new()), Err(OpenError::TooMany));
}

#[test]
fn silence_is_asked_about_and_then_given_up() {
    let mut line = Line::new();
    let start = line.now;
    assert_eq!(line.near.poll_timeout(), start + PING_AFTER);
    line.near.handle_timeout(start + PING_AFTER - Duration::from_millis(1)).unwrap();
    assert!(line.near.poll_frame().is_none());
    line.near.handle_timeout(start + PING_AFTER).unwrap();
    assert_eq!(line.near.poll_timeout(), start + DEAD_AFTER);
    line.now = start + PING_AFTER + Duration::from_secs(1);
    line.carry();
    assert_eq!(line.near.poll_timeout(), line.now + PING_AFTER, "the answer counts");
    let end = line.now + DEAD_AFTER;
    assert_eq!(line.near.handle_timeout(end), Err(Violation::Silent));
}

#[test]
fn a_flood_of_pings_makes_no_heap_of_answers() {
    let mut line = Line::new();
    for _ in 0..1000 {
        line.far.handle_frame(Frame::Ping.encode().into(), line.now).unwrap();
    }
    assert_eq!(std::iter::from_fn(|| line.far.poll_frame()).count(), PONGS_MAX);
}

#[test]
fn nonsense_ends_the_connection_and_what_a_later_version_says_does_not() {
    let mut line = Line::new();
    for nonsense in [&b""[..], b"\x01", b"\x01\0\0\0\x01", b"\x03\0\0\0\x01\0"] {
        let outcome = line.far.handle_frame(Bytes::from_static(nonsense), line.now);
        assert_eq!(outcome, Err(Violation::Malformed), "{nonsense:?}");
    }
    assert_eq!(line.far.handle_frame(Bytes::from_static(b"\x63\0\0\0\0later"), line.now), Ok(None));
}
