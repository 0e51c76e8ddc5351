//! Tests `Shutdown`, `Events` and `BookReader` of the driver in every order in which threads can use them. A test
//! with a preemption bound tries only the orders in which threads interrupt each other at most that often.
#![cfg(loom)]
#![cfg(test)]

/// Replaces the driver's module `sync`: the types of the standard library that loom simulates.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;
}

#[path = "../../../adapters/driver/src/board.rs"]
#[allow(dead_code, reason = "the driver uses all of it")]
mod board;

#[path = "../../../adapters/driver/src/delivery.rs"]
#[allow(dead_code, reason = "the driver uses all of it")]
mod delivery;

#[path = "../../../adapters/driver/src/no_book.rs"]
#[allow(dead_code, reason = "the driver uses all of it")]
mod no_book;

#[path = "../../../adapters/driver/src/shutdown.rs"]
#[allow(dead_code, reason = "the driver uses all of it")]
mod shutdown;

use std::future::poll_fn;
use std::task::Poll;

use board::{Board, BookReader};
use delivery::{Channel, Delivery};
use gemini_ws::{Books, Client, Config, Endpoint, Event, EventQueue, Instant, Overflow, Replay, Scratch};
use loom::future::block_on;
use loom::thread;
use no_book::NoBook;
use shutdown::Shutdown;

/// Stands in for the driver's `Handle`, with the methods that `BookReader` calls. The driver's own `nudge` wakes the
/// driver, which then looks for dropped readers; here it does nothing.
#[derive(Debug)]
struct Handle;

impl Handle {
    const fn nudge(&self) {}

    const fn now_for_ages(&self) -> Option<Instant> {
        None
    }
}

fn channel() -> (delivery::Events, Channel) {
    Channel::new(EventQueue::new(Overflow::Block).events_max(1))
}

fn deliver(channel: &mut Channel, client: &mut Client) {
    let event = Event::HeartbeatDue { link: link(client), since: Instant::ZERO };
    channel.deliver(client, Instant::ZERO, &event);
}

fn link(client: &Client) -> gemini_ws::LinkId {
    client.links().next().expect("a single client has one").0
}

fn client() -> Client {
    let mut client = Client::single(Config::new("ws://v").seed(1));
    client.open(Instant::ZERO).expect("it was not closed");
    client
}

/// The consumer gets each event and then the end, whenever the driver is dropped.
#[test]
fn the_driver_goes() {
    loom::model(|| {
        let (mut events, mut channel) = channel();
        let driver = thread::spawn(move || {
            deliver(&mut channel, &mut client());
            drop(channel);
        });
        assert!(block_on(events.next()).is_some());
        assert!(block_on(events.next()).is_none());
        driver.join().unwrap();
    });
}

/// The driver waits for the consumer, and notices when the consumer is dropped.
#[test]
fn the_consumer_goes() {
    loom::model(|| {
        let (events, mut channel) = channel();
        let consumer = thread::spawn(move || drop(events));
        let mut client = client();
        deliver(&mut channel, &mut client);
        block_on(poll_fn(|context| channel.poll_taken(context)));
        let gone = poll_fn(|context| match channel.poll_consumer(&mut client, Instant::ZERO, context) {
            Err(()) => Poll::Ready(()),
            Ok(()) => Poll::Pending,
        });
        block_on(gone);
        consumer.join().unwrap();
    });
}

/// No task misses a trigger, whenever it begins to wait.
#[test]
fn never_missed() {
    loom::model(|| {
        let shutdown = Shutdown::new();
        let trigger = thread::spawn({
            let shutdown = shutdown.clone();
            move || shutdown.trigger()
        });
        block_on(shutdown.wait());
        assert!(shutdown.is_triggered());
        assert!(trigger.join().unwrap());
        // A later call returns at once.
        block_on(shutdown.wait());
    });
}

/// If two threads trigger a `Shutdown`, exactly one of the calls returns that it was the first.
#[test]
fn triggered_once() {
    loom::model(|| {
        let shutdown = Shutdown::new();
        let other = thread::spawn({
            let shutdown = shutdown.clone();
            move || shutdown.trigger()
        });
        let first = shutdown.trigger();
        assert_ne!(first, other.join().unwrap());
    });
}

/// A trigger wakes every waiting task.
#[test]
fn two_who_wait() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let shutdown = Shutdown::new();
        let waiting = thread::spawn({
            let shutdown = shutdown.clone();
            move || block_on(shutdown.wait())
        });
        let trigger = thread::spawn({
            let shutdown = shutdown.clone();
            move || shutdown.trigger()
        });
        block_on(shutdown.wait());
        waiting.join().unwrap();
        assert!(trigger.join().unwrap());
    });
}

/// Returns the book of one symbol after snapshots with the update ids 1 to `to`.
fn books(to: u64) -> Books {
    let (mut books, mut replay, mut scratch) = (Books::new(), Replay::new(Endpoint::Streams), Scratch::new());
    for id in 1..=to {
        let frame = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{id},"u":{id},"b":[["{id}","1"]],"a":[["9","1"]]}}"#
        );
        if let Some(event) = replay.event(&frame, &mut scratch).expect("an update") {
            books.apply(&event);
        }
    }
    books
}

/// Publishes books as the driver does: it tries again until no reader holds a lock.
fn publish(board: &mut Board, books: &Books) {
    board.touch_all();
    while !board.publish(books) {
        thread::yield_now();
    }
}

fn last_id(reader: &mut BookReader) -> Option<u64> {
    reader.get("btcusd").expect("it reads the symbol").last().last_update_id()
}

/// A reader gets the newest book and then the end, whenever the driver publishes and is dropped. No copy is older
/// than the one before.
#[test]
fn a_reader_misses_nothing() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let mut board = Board::default();
        let symbol = "btcusd".parse().expect("a symbol");
        let group = board.open(&[symbol], Vec::new());
        let mut reader = BookReader::new(group, Handle);
        let driver = thread::spawn(move || {
            publish(&mut board, &books(1));
            publish(&mut board, &books(2));
        });
        let mut seen = None;
        while block_on(reader.changed()).is_some() {
            let last = last_id(&mut reader);
            assert!(last >= seen, "{last:?} after {seen:?}");
            seen = last;
        }
        assert_eq!(seen, Some(2));
        assert!(reader.live("btcusd").is_none(), "the driver has gone");
        driver.join().unwrap();
    });
}

/// The driver notices a reader that was dropped, and reports its subscription once.
#[test]
fn a_reader_goes() {
    loom::model(|| {
        let mut board = Board::default();
        let symbol = "btcusd".parse().expect("a symbol");
        let id = {
            let mut client = client();
            client.subscribe(Instant::ZERO, "btcusd@depth@100ms".parse().expect("a stream")).expect("room")
        };
        let reader = BookReader::new(board.open(&[symbol], vec![id]), Handle);
        let other = reader.clone();
        let dropped = thread::spawn(move || drop(other));
        publish(&mut board, &books(1));
        assert!(board.take_left().is_empty(), "one reader is left");
        let last = thread::spawn(move || drop(reader));
        let early = board.take_left();
        last.join().unwrap();
        dropped.join().unwrap();
        assert_eq!(early.len() + board.take_left().len(), 1);
        assert!(board.take_left().is_empty());
    });
}
