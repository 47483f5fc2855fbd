//! Viewers on a server that does not run the chat. Servers are two hubs on one store; hints and sweeps that would help are
//! kept away, and most parts are not in the store, so that only the relay can have brought them.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use warren_chat_proto::DialError;

use super::*;
use crate::hub::{PartLink, PartRelay};

/// Connections between hubs of this process.
#[derive(Clone, Default)]
pub(super) struct Lines {
    shared: Arc<LinesShared>,
}

#[derive(Default)]
struct LinesShared {
    hubs: Mutex<HashMap<ReplicaId, Hub>>,
    dials: AtomicU64,
    /// Dials fail as long as it is set.
    is_down: AtomicBool,
    /// Dials are refused as long as it is set.
    is_refusing: AtomicBool,
    /// Dials hang as long as it is set.
    is_held: AtomicBool,
    /// Dials that were given up while they hung.
    given_up: AtomicU64,
    /// Ends the open connections.
    cut: Mutex<CancellationToken>,
}

/// A dial that hangs.
struct Hanging<'a>(&'a AtomicU64);

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Line {
    feed: PartFeed,
    /// What the choice gave at once.
    stored: Vec<Arc<StreamPart>>,
    /// The store of the other server failed.
    is_broken: bool,
    cut: CancellationToken,
}

impl Lines {
    fn add(&self, id: ReplicaId, hub: &Hub) {
        self.shared.hubs.lock().unwrap().insert(id, hub.clone());
    }

    fn others(&self, me: ReplicaId) -> Others {
        let relay: Arc<dyn PartRelay> = Arc::new(self.clone());
        Others { me, relay: Some(relay), relayed: Counter::default() }
    }

    pub(super) fn dials(&self) -> u64 {
        self.shared.dials.load(Ordering::SeqCst)
    }

    pub(super) fn cut(&self) {
        std::mem::take(&mut *self.shared.cut.lock().unwrap()).cancel();
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
    }

    pub(super) fn set_refusing(&self, is_refusing: bool) {
        self.shared.is_refusing.store(is_refusing, Ordering::SeqCst);
    }
}

#[async_trait]
impl PartRelay for Lines {
    async fn dial(&self, worker: ReplicaId, chat: ChatId) -> Result<Box<dyn PartLink>, DialError> {
        self.shared.dials.fetch_add(1, Ordering::SeqCst);
        if self.shared.is_held.load(Ordering::SeqCst) {
            let _hanging = Hanging(&self.shared.given_up);
            return std::future::pending().await;
        }
        if self.shared.is_down.load(Ordering::SeqCst) {
            return Err(DialError::Failed);
        }
        if self.shared.is_refusing.load(Ordering::SeqCst) {
            return Err(DialError::Refused);
        }
        let hub = self.shared.hubs.lock().unwrap().get(&worker).cloned().ok_or(DialError::Failed)?;
        let cut = self.shared.cut.lock().unwrap().clone();
        Ok(Box::new(Line { feed: hub.feed(chat), stored: Vec::new(), is_broken: false, cut }))
    }
}

#[async_trait]
impl PartLink for Line {
    async fn select(&mut self, episode: Episode, after_seq: i64) {
        match self.feed.select(episode, after_seq).await {
            Ok(stored) => self.stored = stored,
            Err(_) => self.is_broken = true,
        }
    }

    async fn next(&mut self) -> Result<Vec<Arc<StreamPart>>, DialError> {
        if self.is_broken {
            return Err(DialError::Failed);
        }
        if !self.stored.is_empty() {
            return Ok(std::mem::take(&mut self.stored));
        }
        tokio::select! {
            parts = self.feed.next() => parts.map(Result::unwrap).ok_or(DialError::Failed),
            () = self.cut.cancelled() => Err(DialError::Failed),
        }
    }
}

pub(super) struct Pair {
    pub(super) world: World,
    /// The hub of the server that runs the chat, with nobody to ask.
    pub(super) owner: Hub,
    /// The hub of the server that viewers are on.
    pub(super) other: Hub,
    pub(super) lines: Lines,
}

impl Pair {
    pub(super) async fn new() -> Self {
        let world = World::new(LONG, channels::chat).await;
        let lines = Lines::default();
        let hub = |me: ReplicaId| {
            let others = lines.others(me);
            Hub::with(world.stage.db.clone(), world.tasks.clone(), others, LONG, channels::chat)
        };
        let (owner, other) = (hub(world.stage.worker), hub(ReplicaId::new()));
        lines.add(world.stage.worker, &owner);
        Self { world, owner, other, lines }
    }

    pub(super) fn watch(&self) -> (Viewer, Seen) {
        let organization = OrganizationId::from_uuid(self.world.stage.organization);
        let object = Object::owned_in(Resource::Chat, UserId::new(), organization);
        (self.other.watch(self.world.chat, Start::default(), object), Seen::default())
    }

    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(DEADLINE, wait).await.is_ok(), "waited in vain for {what}");
    }

    pub(super) async fn until_connected(&self) {
        self.until("the relay", |pair| pair.owner.figures().feeds == 1).await;
    }

    pub(super) fn show(&self, parts: Vec<Arc<StreamPart>>) {
        self.owner.show(self.world.chat, parts);
    }
}

#[tokio::test]
async fn viewers_elsewhere_share_one_relay_and_see_parts_as_they_come() {
    let pair = Pair::new().await;
    let mut viewers: Vec<_> = (0..10).map(|_| pair.watch()).collect();
    let episode = pair.world.begin_attempt().await;
    for (viewer, seen) in &mut viewers {
        seen.until(viewer, "the attempt", |seen| seen.n_resets > 0).await;
    }
    pair.until_connected().await;
    // What is shown before the choice of the attempt has arrived is not passed on.
    let mut n = 0;
    while viewers[0].1.preview.is_empty() {
        n += 1;
        pair.show((1..=n).map(|seq| part(episode, seq)).collect());
        let (viewer, seen) = &mut viewers[0];
        if let Ok(frame) = tokio::time::timeout(Duration::from_millis(50), viewer.next()).await {
            seen.apply(&frame.unwrap());
        }
        assert!(n < 1000, "parts come");
    }
    assert_eq!((pair.lines.dials(), pair.owner.figures().feeds), (1, 1));
}

#[tokio::test]
async fn parts_that_come_before_the_hint_of_their_attempt_are_shown_at_once() {
    let pair = Pair::new().await;
    let others = pair.lines.others(ReplicaId::new());
    // Nothing reaches this one by hints.
    let deaf = Hub::with(pair.world.stage.db.clone(), pair.world.tasks.clone(), others, LONG, silence);
    let pair = Pair { other: deaf, ..pair };
    let first = pair.world.begin_attempt().await;
    let (mut viewer, mut seen) = pair.watch();
    seen.until(&mut viewer, "the attempt", |seen| seen.n_resets > 0).await;
    pair.until_connected().await;
    pair.world.commit("step").await;
    let second = pair.world.begin_attempt().await;
    assert!(second > first);
    let show = async {
        loop {
            pair.show(vec![part(second, 1)]);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = seen.until(&mut viewer, "the part", |seen| seen.preview == [1]) => {}
        () = show => {}
    }
    assert_eq!(seen.messages.len(), 2, "and the commit before it");
}

#[tokio::test]
async fn a_relay_that_drops_is_made_again_and_nothing_is_missing_or_twice() {
    let pair = Pair::new().await;
    let episode = pair.world.begin_attempt().await;
    let parts = pair.world.writer(&pair.owner, episode).await;
    let (mut viewer, mut seen) = pair.watch();
    for round in 1..=5_i64 {
        pair.until_connected().await;
        parts.push(MessageRole::Assistant, Part::text("x")).await;
        parts.flush().await;
        seen.until(&mut viewer, "a part", |seen| seen.preview.len() as i64 == round).await;
        let dials = pair.lines.dials();
        pair.lines.cut();
        pair.until("another dial", |pair| pair.lines.dials() > dials).await;
    }
    assert_eq!(seen.preview, [1, 2, 3, 4, 5]);
    assert_eq!(seen.n_resets, 1);
}

#[tokio::test]
async fn without_any_relay_the_store_tells_everything() {
    let pair = Pair::new().await;
    pair.lines.set_down(true);
    let episode = pair.world.begin_attempt().await;
    let parts = pair.world.writer(&pair.owner, episode).await;
    let (mut viewer, mut seen) = pair.watch();
    seen.until(&mut viewer, "the attempt", |seen| seen.n_resets > 0).await;
    for n in 1..=2 {
        parts.push(MessageRole::Assistant, Part::text("x")).await;
        parts.flush().await;
        seen.until(&mut viewer, "a part", |seen| seen.preview.len() == n).await;
    }
    // It comes back, and then it is used.
    pair.lines.set_down(false);
    pair.until_connected().await;
}

#[tokio::test]
async fn a_dial_that_hangs_is_given_up_when_its_viewers_leave_or_the_chat_moves() {
    let pair = Pair::new().await;
    pair.lines.shared.is_held.store(true, Ordering::SeqCst);
    let given_up = |n: u64| move |pair: &Pair| pair.lines.shared.given_up.load(Ordering::SeqCst) == n;
    pair.world.begin_attempt().await;
    let (mut viewer, mut seen) = pair.watch();
    seen.until(&mut viewer, "the attempt", |seen| seen.n_resets > 0).await;
    pair.until("a dial", |pair| pair.lines.dials() == 1).await;
    drop(viewer);
    pair.until("the end of the dial", given_up(1)).await;
    let (mut viewer, mut seen) = pair.watch();
    seen.until(&mut viewer, "the question", |seen| seen.messages.len() == 1).await;
    pair.until("a second dial", |pair| pair.lines.dials() == 2).await;
    pair.world.finish().await;
    seen.until(&mut viewer, "the end", |seen| seen.status == Some(ChatStatus::Waiting)).await;
    pair.until("the end of the second dial", given_up(2)).await;
}

#[tokio::test]
async fn a_relay_ends_with_the_turn_and_with_the_last_viewer() {
    let pair = Pair::new().await;
    pair.world.begin_attempt().await;
    let (mut viewer, mut seen) = pair.watch();
    seen.until(&mut viewer, "the attempt", |seen| seen.n_resets > 0).await;
    pair.until_connected().await;
    drop(viewer);
    pair.until("the end of the relay", |pair| pair.owner.figures().feeds == 0).await;
    let (mut viewer, mut seen) = pair.watch();
    seen.until(&mut viewer, "the question", |seen| seen.messages.len() == 1).await;
    pair.until_connected().await;
    pair.world.finish().await;
    seen.until(&mut viewer, "the end", |seen| seen.status == Some(ChatStatus::Waiting)).await;
    pair.until("the end of the relay", |pair| pair.owner.figures().feeds == 0).await;
}

#[tokio::test]
async fn a_server_that_is_asked_for_a_chat_of_another_asks_nobody() {
    let pair = Pair::new().await;
    let episode = pair.world.begin_attempt().await;
    let mut feed = pair.other.feed(pair.world.chat);
    assert!(feed.select(episode, 0).await.unwrap().is_empty());
    pair.show(vec![part(episode, 1)]);
    let nothing = tokio::time::timeout(Duration::from_millis(200), feed.next()).await;
    assert!(nothing.is_err(), "nothing of the third server comes");
    assert_eq!(pair.lines.dials(), 0);
    drop(feed);
    assert_eq!(pair.other.figures().feeds, 0);
}

#[tokio::test]
async fn what_a_feed_has_no_room_for_is_read_from_the_store() {
    let pair = Pair::new().await;
    let episode = pair.world.begin_attempt().await;
    let parts = pair.world.writer(&pair.owner, episode).await;
    let mut feed = pair.owner.feed(pair.world.chat);
    assert!(feed.select(episode, 0).await.unwrap().is_empty());
    let last = 301;
    for _ in 1..last {
        parts.push(MessageRole::Assistant, Part::text("x")).await;
        parts.flush().await;
    }
    let mut seqs = Vec::new();
    while seqs.last() != Some(&last) {
        if seqs.last() == Some(&(last - 1)) {
            // What it had room for is still there, and was read from the store meanwhile.
            parts.push(MessageRole::Assistant, Part::text("x")).await;
            parts.flush().await;
        }
        let next = tokio::time::timeout(DEADLINE, feed.next()).await.unwrap().unwrap().unwrap();
        seqs.extend(next.iter().map(|part| part.seq));
    }
    assert_eq!(seqs, (1..=last).collect::<Vec<_>>());
}
