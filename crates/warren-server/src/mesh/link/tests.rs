//! Two ends of a connection inside the process.
//!
//! Guards that were taken away, and a test that failed:
//!
//! | guard | test |
//! |---|---|
//! | who reads a stream is told that there is something | `a_stream_that_nobody_reads_holds_up_no_other` |
//! | the end of a connection ends its streams | `the_end_of_a_connection_ends_what_waits_on_its_streams` |
//! | dropping a stream ends it | `whoever_is_refused_learns_it` |

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

use std::time::Duration;

use futures::channel::mpsc as pipe;
use tokio::sync::mpsc;
use uuid::Uuid;
use warren_mesh_proto::{Accepting, Dialling, Key};
use warren_rt::Tasks;

use super::*;

const DEADLINE: Duration = Duration::from_secs(60);
const KIND: StreamKind = StreamKind::CHAT_PARTS;

struct Ends {
    near: Link,
    far: Link,
    opened: mpsc::Receiver<Incoming>,
    _tasks: Tasks,
}

fn sockets() -> (Socket, Socket) {
    let ((to_far, from_near), (to_near, from_far)) = (pipe::channel(4), pipe::channel(4));
    let socket = |sender: pipe::Sender<Bytes>, receiver: pipe::Receiver<Bytes>| Socket {
        reading: Box::pin(receiver.map(Said::Bytes)),
        writing: Box::pin(sender.sink_map_err(drop)),
    };
    (socket(to_far, from_far), socket(to_near, from_near))
}

fn connected() -> Ends {
    let (me, peer) = (ReplicaId::new(), ReplicaId::new());
    let keys = vec![Key { id: Uuid::nil(), secret: [7; 32] }];
    let dialling = Dialling::new(me, peer, keys.clone(), [1; 32]);
    let (accepting, challenge) = Accepting::new(peer, &dialling.hello(), &keys, [2; 32]).unwrap();
    let (answer, here) = dialling.answer(&challenge).unwrap();
    let there = accepting.finish(&answer).unwrap();
    let (near, far, tasks) = (Link::new(peer, true), Link::new(me, false), Tasks::new());
    let ((near_socket, far_socket), (sender, opened)) = (sockets(), mpsc::channel(64));
    let link = near.clone();
    tasks.spawn("near", async move {
        link.run(near_socket, here.sealing, here.opening, drop).await;
    });
    let link = far.clone();
    tasks.spawn("far", async move {
        link.run(far_socket, there.sealing, there.opening, |incoming| drop(sender.try_send(incoming))).await;
    });
    Ends { near, far, opened, _tasks: tasks }
}

impl Ends {
    async fn open(&mut self) -> (MeshStream, MeshStream) {
        let near = self.near.open(KIND, Bytes::new()).unwrap();
        (near, in_time(self.opened.recv()).await.unwrap().stream)
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it comes in time")
}

fn message(len: usize) -> Bytes {
    vec![1; len].into()
}

/// Sends until there is no more room.
async fn fill(stream: &MeshStream) {
    while stream.link.inner().session.send(stream.id, message(10_000)).is_ok() {
        stream.link.shared.wake.notify_one();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_stream_that_nobody_reads_holds_up_no_other() {
    let mut ends = connected();
    let (slow, unread) = ends.open().await;
    let (quick, read) = ends.open().await;
    fill(&slow).await;
    for _ in 0..100 {
        assert!(in_time(quick.send(message(10_000))).await);
        assert_eq!(in_time(read.receive()).await, Some(message(10_000)));
    }
    drop(unread);
    assert!(!in_time(slow.send(message(1))).await, "whoever waits learns of the end");
}

#[tokio::test]
async fn all_that_wait_for_room_on_a_stream_get_it_or_learn_of_its_end() {
    let mut ends = connected();
    let (sending, reading) = ends.open().await;
    fill(&sending).await;
    let sent =
        async { tokio::join!(sending.send(message(1)), sending.send(message(1)), sending.send(message(1))) };
    let read = async {
        let mut n_small = 0;
        while n_small < 3 {
            n_small += usize::from(reading.receive().await.unwrap().len() == 1);
        }
    };
    assert_eq!(in_time(async { tokio::join!(sent, read).0 }).await, (true, true, true));
    fill(&sending).await;
    let sent = async { tokio::join!(sending.send(message(1)), sending.send(message(1))) };
    let end = async {
        tokio::task::yield_now().await;
        drop(reading);
    };
    assert_eq!(in_time(async { tokio::join!(sent, end).0 }).await, (false, false));
}

#[tokio::test]
async fn whoever_is_refused_learns_it() {
    let mut ends = connected();
    let (asking, refusing) = ends.open().await;
    refusing.refuse();
    assert_eq!(in_time(asking.next()).await, Err(CloseReason::Refused));
    let (asking, leaving) = ends.open().await;
    drop(leaving);
    assert_eq!(in_time(asking.next()).await, Err(CloseReason::Done));
}

#[tokio::test]
async fn the_end_of_a_connection_ends_what_waits_on_its_streams() {
    let mut ends = connected();
    let (reading, other) = ends.open().await;
    let (sending, _unread) = ends.open().await;
    fill(&sending).await;
    let waiting = async { tokio::join!(reading.next(), sending.send(message(1))) };
    let end = async {
        tokio::task::yield_now().await;
        ends.far.close();
    };
    let (read, sent) = in_time(async { tokio::join!(waiting, end).0 }).await;
    assert_eq!((read, sent), (Err(CloseReason::Failed), false));
    assert!(!ends.near.is_open());
    drop(other);
}
