//! Compares collections that get their events from a queue, which drops facts, with collections that apply every
//! event.

use std::time::Duration;

use gemini_ws::{
    Balances, Client, Config, Decimal, Event, EventQueue, Frame, Instant, Lost, OrderState, Orders, Output,
    Overflow, RESERVED_EVENTS_MAX, Reconciled, Scratch, StreamId,
};
use proptest::prelude::*;

use super::words::push;
use testkit::single;

const ORDER: &str = r#"{"e":"orderUpdate","E":4,"s":"x","i":5,"S":"BUY","X":"NEW","q":"2","T":4}"#;
const BALANCES: &str = r#"{"e":"balanceUpdate","E":1,"B":[{"a":"USD","f":"1","c":"1"}]}"#;

#[derive(Default)]
struct Account {
    orders: Orders,
    balances: Balances,
}

impl Account {
    fn apply(&mut self, event: &Event<'_>) {
        self.orders.apply(event);
        self.balances.apply(event);
    }

    fn is_current(&self) -> [bool; 2] {
        [self.orders.get(5).is_some_and(|order| order.doubt().is_none()), !self.balances.is_stale()]
    }

    /// Reconciles the order and the balances with an answer that the venue gives now.
    fn reconcile(&mut self) {
        let found = Reconciled::new(5, OrderState::Open, Decimal::ZERO);
        self.orders.reconcile(5, Some(found), self.orders.moment());
        self.balances.reconcile([("USD", "1", "1")], self.balances.moment());
    }
}

/// A client, its queue, an account that applies all events, and an account that applies only the events taken from
/// the queue.
struct Pair {
    client: Client,
    now: Instant,
    unanswered: Vec<String>,
    ids: Vec<StreamId>,
    queue: EventQueue,
    all: Account,
    taken: Account,
}

impl Pair {
    fn new() -> Pair {
        let mut client = Client::single(Config::new("ws://venue").authenticated(true).seed(1));
        client.open(Instant::ZERO).unwrap();
        Pair {
            client,
            now: Instant::ZERO,
            unanswered: Vec::new(),
            ids: Vec::new(),
            queue: EventQueue::new(Overflow::Block),
            all: Account::default(),
            taken: Account::default(),
        }
    }

    fn outputs(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Event(event) => {
                    self.all.apply(&event);
                    self.queue.push(&event);
                }
                Output::Send { text, .. } => self.unanswered.push(text),
                _ => {}
            }
        }
    }

    fn receive(&mut self, frame: &str) {
        let (link, mut scratch) = (single::link(&self.client), Scratch::new());
        if let Some(event) = self.client.handle_frame(link, self.now, Frame::Text(frame), &mut scratch) {
            self.all.apply(&event);
            self.queue.push(&event);
        }
        self.outputs();
    }

    fn answer(&mut self, rest: &str) {
        for request in std::mem::take(&mut self.unanswered) {
            let request: serde_json::Value = serde_json::from_str(&request).unwrap();
            self.receive(&format!(r#"{{"id":{},{rest}}}"#, request["id"]));
        }
    }

    fn take(&mut self, events: usize) {
        for mut event in std::iter::from_fn(|| self.queue.take()).take(events) {
            self.taken.apply(&event.as_event());
        }
    }

    fn step(&mut self, step: char) {
        match step {
            'c' => {
                self.now = self.now + Duration::from_secs(60);
                self.client.handle_timeout(self.now);
                self.client.handle_connected(single::link(&self.client), self.now);
            }
            'l' => self.client.handle_lost(single::link(&self.client), self.now, Lost::Reset),
            's' => {
                for stream in ["orders@account", "balances@account"] {
                    self.ids.extend(self.client.subscribe(self.now, stream.parse().unwrap()));
                }
            }
            'u' => {
                if let Some(id) = self.ids.pop() {
                    let _ = self.client.unsubscribe(self.now, id);
                }
            }
            'y' => self.answer(r#""status":200"#),
            'n' => self.answer(r#""status":400,"error":{"code":-1121,"msg":"no such stream"}"#),
            'o' => self.receive(ORDER),
            'b' => self.receive(BALANCES),
            'f' => (0..RESERVED_EVENTS_MAX as u64 / 2).for_each(|it| push(&mut self.queue, ('!', it))),
            '1' => self.take(1),
            _ => self.take(usize::MAX),
        }
        self.outputs();
    }
}

/// Runs a script of steps, lets the client connect and subscribe, and compares the accounts after all events were
/// taken.
fn run(script: &str) -> Result<(), String> {
    let mut pair = Pair::new();
    script.chars().chain("cycycyT".chars()).for_each(|step| pair.step(step));
    let before = pair.taken.is_current();
    pair.all.reconcile();
    pair.taken.reconcile();
    let (all, taken) = (pair.all.is_current(), pair.taken.is_current());
    // An order whose only report was dropped is not known.
    let is_known = [pair.taken.orders.get(5).is_some(), true];
    for kind in 0..2 {
        // If even an answer does not make a collection current, no stream reports it, and it must not have been
        // current before.
        let is_sure_and_wrong = before[kind] && !all[kind];
        if is_sure_and_wrong || (is_known[kind] && taken[kind] != all[kind]) {
            return Err(format!("{script}: {before:?}, after an answer {taken:?}, with all events {all:?}"));
        }
    }
    Ok(())
}

/// In each script, a link or a stream begins or ends. Then so many facts follow that the queue drops the oldest ones.
/// [`RESERVED_EVENTS_MAX`] explains what a fact is.
#[test]
fn the_newest_end_and_beginning_are_kept() {
    for script in [
        // The end of the link is the last fact before others fill the queue.
        "csyobTlff1T",
        "csyoblff",
        "sylffco",
        "csyobTlcyff",
        "csyoblffcybo",
        // The end of a stream, and a report that was on its way.
        "csyobTuuffyob",
        "csyobuuyffob",
        "csffyuuyob",
        "csynobff",
        "csffuuyffob",
    ] {
        run(script).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the queue drops, a collection is current only if a stream reports it. An answer of the venue ends the
    /// same doubts as if all events had been applied.
    #[test]
    fn collections_behind_the_queue_follow_the_same_links(
        steps in prop::collection::vec(prop::sample::select("cclsuyyyynobobfff1T".chars().collect::<Vec<_>>()), 0..40),
    ) {
        let script: String = steps.into_iter().collect();
        prop_assert_eq!(run(&script), Ok(()));
    }
}
