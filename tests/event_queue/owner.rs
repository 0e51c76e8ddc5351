//! Tests clients that put their events into a queue, from which an application takes events, or does not take any.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use gemini_ws::lifecycle::State;
use gemini_ws::{
    Book, Books, Client, Config, ConnectFailure, Event, EventBuf, EventQueue, Frame, Instant, Lost, Output,
    Overflow, Scratch, StaleReason, Stream,
};

use super::words::snapshot;
use testkit::single;

type Shared = Rc<RefCell<EventQueue>>;

/// Drives a client as a driver does, and puts its events into a queue.
struct Owner {
    client: Client,
    queue: Shared,
    now: Instant,
    update_id: u64,
    pushed: u64,
    /// How many frames the peer has sent and the owner has not read.
    unread: u64,
}

impl Owner {
    fn new(overflow: Overflow, events_max: usize) -> Owner {
        Owner::of(Rc::new(RefCell::new(EventQueue::new(overflow).events_max(events_max))))
    }

    fn of(queue: Shared) -> Owner {
        let mut client = Client::single(Config::new("ws://venue").seed(1));
        client.subscribe(Instant::ZERO, "a@depth@100ms".parse().unwrap()).unwrap();
        Owner { client, queue, now: Instant::ZERO, update_id: 1, pushed: 0, unread: 0 }
    }

    fn push(&mut self, event: &Event<'_>) {
        self.queue.borrow_mut().push(event);
        self.pushed += 1;
    }

    fn connect(&mut self) {
        self.client.open(self.now).unwrap();
        self.client.handle_connected(single::link(&self.client), self.now);
        self.outputs();
        self.frame(r#"{"id":1,"status":200}"#);
        self.frame(&snapshot("a", self.update_id, 1));
    }

    fn outputs(&mut self) {
        while let Some(output) = self.client.poll_output() {
            if let Output::Event(event) = output {
                self.push(&event);
            }
        }
    }

    /// Receives a frame. Returns whether the owner read it.
    fn frame(&mut self, text: &str) -> bool {
        self.read(Frame::Text(text))
    }

    fn read(&mut self, frame: Frame<'_>) -> bool {
        if !self.queue.borrow().has_room() {
            self.unread += 1;
            return false;
        }
        let (link, mut scratch) = (single::link(&self.client), Scratch::new());
        if let Some(event) = self.client.handle_frame(link, self.now, frame, &mut scratch) {
            self.push(&event);
        }
        self.outputs();
        true
    }

    fn update(&mut self) -> bool {
        let (first, last) = (self.update_id, self.update_id + 1);
        let update = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"a","U":{first},"u":{last},"b":[["1","{last}"]],"a":[]}}"#
        );
        let read = self.frame(&update);
        self.update_id += u64::from(read);
        read
    }

    fn updates(&mut self, count: usize) {
        for _ in 0..count {
            self.update();
        }
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.client.deadline().filter(|deadline| deadline.at <= until) {
            self.now = deadline.at;
            self.client.handle_timeout(self.now);
            self.outputs();
        }
        self.now = until;
    }

    fn take(&mut self) -> Option<EventBuf> {
        self.queue.borrow_mut().take()
    }

    fn taken(&mut self) -> Vec<String> {
        let kinds = std::iter::from_fn(|| self.take()).map(|mut taken| {
            let json = serde_json::to_value(taken.as_event()).unwrap();
            json["kind"].as_str().unwrap().to_owned()
        });
        let mut kinds: Vec<String> = kinds.collect();
        kinds.dedup();
        kinds
    }
}

const POLICIES: [Overflow; 3] = [Overflow::Block, Overflow::DropOldest, Overflow::Latest];

/// L-010: two clients put events into one queue, which is full, and no event is taken. Both clients are closed while
/// frames still arrive, and both end in time.
#[test]
fn l_010_a_full_queue_does_not_hold_up_the_end() {
    for overflow in POLICIES {
        let mut first = Owner::new(overflow, 100);
        let mut second = Owner::of(first.queue.clone());
        for owner in [&mut first, &mut second] {
            owner.connect();
            owner.updates(500);
        }
        for owner in [&mut first, &mut second] {
            owner.client.close(owner.now);
            owner.outputs();
            owner.updates(10);
            owner.pass(Duration::from_secs(3));
            assert_eq!(single::state(&owner.client), State::Closed);
        }
        // Each event is in the queue, or `dropped` has counted it.
        let (waiting, dropped) = (first.queue.borrow().len() as u64, first.queue.borrow().dropped());
        assert_eq!(first.pushed + second.pushed, waiting + dropped, "{overflow:?}");
        assert_eq!(overflow == Overflow::Block, dropped == 0);
        let ends = first.taken().iter().filter(|kind| *kind == "closed").count();
        assert_eq!(ends, 2, "{overflow:?}");
    }
}

/// L-019: the task that takes the events is stopped first. 100,000 frames later the client is closed. The queue has
/// kept to its memory limit, and the client still ends.
#[test]
fn l_019_the_consumer_is_stopped_first() {
    for overflow in POLICIES {
        let mut owner = Owner::new(overflow, 1_000);
        owner.connect();
        let used = allocation_counter::measure(|| {
            owner.updates(100_000);
        });
        assert!(used.bytes_max < 4 << 20, "{overflow:?}: {} bytes", used.bytes_max);
        owner.client.close(owner.now);
        owner.outputs();
        owner.pass(Duration::from_secs(3));
        assert_eq!(single::state(&owner.client), State::Closed);
        let (waiting, dropped) = (owner.queue.borrow().len() as u64, owner.queue.borrow().dropped());
        assert_eq!(owner.pushed, waiting + dropped);
        match overflow {
            // Frames that were not read stay with the peer.
            Overflow::Block => assert!(dropped == 0 && owner.unread > 98_000, "{}", owner.unread),
            _ => assert!(dropped > 98_000 && owner.unread == 0, "{dropped}"),
        }
        let taken = owner.taken();
        assert_eq!(taken.last().unwrap(), "closed");
        assert_eq!(taken.iter().filter(|kind| *kind == "overflow").count(), usize::from(dropped > 0));
    }
}

/// L-118: a queue drops one event, and then the application takes all events. The `Overflow` event comes at the place
/// of the dropped event.
#[test]
fn l_118_a_drop_is_announced_in_its_place() {
    let mut owner = Owner::new(Overflow::DropOldest, 3);
    owner.connect();
    // The queue has room for the snapshot and two others.
    (0..3).for_each(|_| assert!(owner.update()));
    assert_eq!(owner.queue.borrow().dropped(), 1);
    assert_eq!(
        owner.taken(),
        ["opened", "subscribed", "live", "overflow", "synced", "depth_update"],
        "instead of the snapshot"
    );
}

/// L-119: the queue drops events, and then the link ends. The queue keeps the event of this end.
#[test]
fn l_119_an_error_after_an_overflow_is_told() {
    for overflow in POLICIES {
        let mut owner = Owner::new(overflow, 2);
        owner.connect();
        owner.updates(10);
        owner.client.handle_lost(single::link(&owner.client), owner.now, Lost::Reset);
        owner.outputs();
        owner.pass(Duration::from_secs(60));
        let link = single::link(&owner.client);
        owner.client.handle_connect_failed(link, owner.now, ConnectFailure::Refused);
        owner.outputs();
        let taken = owner.taken();
        assert_eq!(taken[taken.len() - 2..], ["disconnected", "connect_failed"], "{overflow:?}");
        assert_eq!(taken.contains(&"overflow".to_owned()), overflow != Overflow::Block);
    }
}

/// L-120: the application takes no event, while the peer sends pings and later closes. If the queue drops events, the
/// owner continues to read. If the queue blocks, the owner pauses, and the client closes the link after the
/// configured silence.
#[test]
fn l_120_a_pause_has_a_limit() {
    for overflow in [Overflow::DropOldest, Overflow::Latest] {
        let mut owner = Owner::new(overflow, 2);
        owner.connect();
        for _ in 0..20 {
            owner.pass(Duration::from_secs(10));
            assert!(owner.update() && owner.read(Frame::Ping(b"")), "{overflow:?}");
        }
        owner.read(Frame::Close { code: Some(1001), reason: "" });
        let taken = owner.taken();
        assert_eq!(taken[taken.len() - 2..], ["peer_closing", "disconnected"], "{overflow:?}");
    }
    let mut owner = Owner::new(Overflow::Block, 2);
    owner.connect();
    while owner.update() {}
    owner.pass(Duration::from_secs(44));
    assert!(!owner.read(Frame::Ping(b"")), "nothing is read");
    assert_eq!(owner.client.stats().connects, 1);
    owner.pass(Duration::from_secs(2));
    let mut why = None;
    while let Some(mut taken) = owner.take() {
        if let Event::Disconnected { reason: lost, .. } = taken.as_event() {
            why = Some(lost);
        }
    }
    assert_eq!(why, Some(Lost::Silent));
    // When the application has taken events, the owner reads again.
    assert!(owner.queue.borrow().has_room());
}

/// L-121: the queue drops an update of a book. From that place on the book is stale, and the application requests it
/// again.
#[test]
fn l_121_a_dropped_change_spoils_the_book() {
    let mut owner = Owner::new(Overflow::DropOldest, 4);
    let mut books = Books::new();
    owner.connect();
    let mut take_all = |owner: &mut Owner| {
        let mut states = Vec::new();
        while let Some(mut taken) = owner.take() {
            books.apply(&taken.as_event());
            states.push(match books.get("a") {
                Some(Book::Live(_)) => "live",
                Some(Book::Stale { reason: StaleReason::Overflow, .. }) => "overflow",
                Some(Book::Stale { reason: StaleReason::Gap, .. }) => "gap",
                Some(other) => panic!("{other:?}"),
                None => "none",
            });
            // This is what an application does upon the event.
            if let Event::Overflow { topic, symbol, .. } = taken.as_event() {
                let streams = owner.client.streams();
                let about = |stream: &Stream| stream.topic() == topic && stream.symbol() == symbol;
                let ids: Vec<_> = streams.filter(|(_, stream, _)| about(stream)).map(|(id, ..)| id).collect();
                ids.into_iter().for_each(|id| owner.client.resync(owner.now, id).unwrap());
            }
        }
        states.dedup();
        states
    };
    assert_eq!(take_all(&mut owner), ["none", "live"]);
    (0..6).for_each(|_| assert!(owner.update()));
    assert_eq!(take_all(&mut owner), ["overflow"], "the changes behind it are of no use");
    owner.outputs();
    owner.frame(r#"{"id":2,"status":200}"#);
    owner.frame(r#"{"id":3,"status":200}"#);
    owner.frame(&snapshot("a", 50, 1));
    assert_eq!(take_all(&mut owner), ["gap", "live"]);
}
