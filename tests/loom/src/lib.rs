//! Tests `Shutdown` and `Events` of the driver in every order in which threads can use them.
#![cfg(loom)]
#![cfg(test)]

/// What the driver uses of the standard library.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
    pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;
}

#[path = "../../../adapters/driver/src/delivery.rs"]
#[allow(dead_code, reason = "the driver uses all of it")]
mod delivery;

#[path = "../../../adapters/driver/src/shutdown.rs"]
#[allow(dead_code, reason = "the driver uses all of it")]
mod shutdown;

use std::future::poll_fn;
use std::task::Poll;

use delivery::{Channel, Delivery};
use gemini_ws::{Client, Config, Event, EventQueue, Instant, Overflow};
use loom::future::block_on;
use loom::thread;
use shutdown::Shutdown;

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

/// If two threads trigger it, exactly one was the first.
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
