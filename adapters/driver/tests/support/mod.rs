//! A driver on streams that misbehave, in a time that passes only when nothing else is to be done. Bytes say what
//! happens; whatever they say, each turn is bounded, the end comes in time, nobody waits for ever, and nothing is left.

#![allow(dead_code, reason = "whoever includes it uses a part")]

mod bytes;
mod life;
mod peer;
mod world;

pub(crate) use life::{after_sleep, live};
