//! `Shutdown` of the driver, in every order in which threads can meet in it.
#![cfg(loom)]
#![cfg(test)]

/// What the driver takes from the standard library.
mod sync {
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
}

#[path = "../../../adapters/driver/src/shutdown.rs"]
#[allow(dead_code, reason = "the driver uses all of it")]
mod shutdown;

use loom::future::block_on;
use loom::thread;
use shutdown::Shutdown;

/// A trigger is never missed, whenever somebody begins to wait.
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
        // Whoever comes later returns at once.
        block_on(shutdown.wait());
    });
}

/// Of two who trigger it one was the first.
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

/// Everybody who waits is woken.
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
