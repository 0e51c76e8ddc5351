//! Helpers for all tests: a venue with a virtual clock, and the book of a client.
#![allow(dead_code, unreachable_pub, reason = "not every test uses all of it")]

pub mod archived;
pub mod quoting;
pub mod rest;
#[cfg(feature = "server")]
pub mod serving;
pub mod signing;
pub mod trading;

use std::collections::BTreeMap;
use std::time::Duration;

use gemini_ws::{Decimal, Depth, Frame, Instant, Level, Symbol};
use gemini_ws_simulator::{Config, Exchange, Output, SessionId, TrueBook};

pub const CLIENT: SessionId = SessionId(1);

pub fn symbol(name: &str) -> Symbol {
    name.parse().unwrap()
}

pub fn market(names: &[&str]) -> Config {
    Config::market(names.iter().map(|name| symbol(name)))
}

pub struct Venue {
    pub exchange: Exchange,
    pub now: Instant,
}

impl Venue {
    pub fn new(config: Config, seed: u64) -> Venue {
        Venue { exchange: Exchange::new(config, seed), now: Instant::ZERO }
    }

    pub fn connect(&mut self, query: &str) {
        self.exchange.handle_connected(CLIENT, self.now, query);
    }

    pub fn send(&mut self, text: &str) -> Vec<String> {
        self.exchange.handle_frame(CLIENT, self.now, Frame::Text(text));
        self.texts()
    }

    pub fn request(&mut self, verb: &str, names: &[&str]) -> Vec<String> {
        self.send(&request(verb, names))
    }

    /// Lets time pass, from deadline to deadline. Returns the text frames that the exchange sends.
    pub fn run(&mut self, duration: Duration) -> Vec<String> {
        let outputs = self.run_outputs(duration);
        outputs.into_iter().filter_map(text_of).collect()
    }

    pub fn run_outputs(&mut self, duration: Duration) -> Vec<Output> {
        let end = self.now + duration;
        let mut outputs = Vec::new();
        loop {
            outputs.extend(self.outputs());
            let Some(now) = self.exchange.deadline().filter(|now| *now <= end) else { break };
            self.exchange.handle_timeout(now);
            assert!(self.exchange.deadline().is_none_or(|next| next > now), "a task is still due");
        }
        self.now = end;
        outputs
    }

    pub fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.exchange.poll_output()).collect()
    }

    pub fn texts(&mut self) -> Vec<String> {
        self.outputs().into_iter().filter_map(text_of).collect()
    }
}

pub fn request(verb: &str, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!(r#"{{"id":1,"method":"{verb}","params":[{}]}}"#, names.join(","))
}

fn text_of(output: Output) -> Option<String> {
    match output {
        Output::Send { text, .. } => Some(text),
        _ => None,
    }
}

/// A book as a client maintains it. An update that begins after the last applied id counts as a gap, even if it
/// begins at the next id.
#[derive(Clone, Debug, Default)]
pub struct ClientBook {
    pub bids: BTreeMap<Decimal, Decimal>,
    pub asks: BTreeMap<Decimal, Decimal>,
    pub last: Option<u64>,
    pub stale: u32,
    pub gaps: u32,
    /// The number of changes that begin before the last applied id.
    pub overlaps: u32,
    pub unknown_removals: u32,
    pub updates: u32,
    pub snapshots: u32,
}

impl ClientBook {
    /// Applies a frame. Returns whether the frame changed the book.
    pub fn apply(&mut self, depth: &Depth<'_>) -> bool {
        let [first, last_of_depth] = [depth.first_update_id, depth.last_update_id].map(Option::unwrap);
        match self.last {
            None => {
                assert_eq!(first, last_of_depth, "the first frame is a snapshot");
                self.snapshots += 1;
                assert!(depth.bids.is_sorted_by(|a, b| a.price > b.price));
                assert!(depth.asks.is_sorted_by(|a, b| a.price < b.price));
            }
            Some(last) if last_of_depth <= last => {
                self.stale += 1;
                // A stale frame only repeats levels that the book already has.
                for (side, levels) in [(&self.bids, depth.bids), (&self.asks, depth.asks)] {
                    for level in levels {
                        let known = side.get(&level.price).copied().unwrap_or(Decimal::ZERO);
                        assert_eq!(known, level.quantity);
                    }
                }
                return false;
            }
            Some(last) if first > last => {
                self.gaps += 1;
                return false;
            }
            Some(last) => {
                assert!(first < last_of_depth);
                self.overlaps += u32::from(first < last);
                self.updates += 1;
            }
        }
        for (side, levels) in [(&mut self.bids, depth.bids), (&mut self.asks, depth.asks)] {
            for level in levels {
                if !level.quantity.is_zero() {
                    side.insert(level.price, level.quantity);
                } else if side.remove(&level.price).is_none() {
                    self.unknown_removals += 1;
                }
            }
        }
        self.last = Some(last_of_depth);
        if let (Some(bid), Some(ask)) = (self.bids.last_key_value(), self.asks.first_key_value()) {
            assert!(bid.0 < ask.0, "crossed");
        }
        true
    }

    pub fn best(&self) -> [Option<Level>; 2] {
        let level = |(price, quantity): (&Decimal, &Decimal)| Level { price: *price, quantity: *quantity };
        [self.bids.last_key_value().map(level), self.asks.first_key_value().map(level)]
    }

    pub fn as_true_book(&self) -> TrueBook {
        let level = |(price, quantity): (&Decimal, &Decimal)| Level { price: *price, quantity: *quantity };
        TrueBook {
            bids: self.bids.iter().rev().map(level).collect(),
            asks: self.asks.iter().map(level).collect(),
            last_update_id: self.last.unwrap_or(0),
        }
    }
}
