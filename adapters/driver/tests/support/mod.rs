//! Runs a driver on streams that misbehave, in virtual time. Bytes decide what happens. Whatever they decide, each
//! poll of the driver does a bounded amount of work, the driver ends in time, no task waits for ever, and every
//! stream and timer is dropped.

#![allow(dead_code, unused_imports, reason = "each test program uses a part")]

mod bytes;
mod life;
mod peer;
mod world;

pub(crate) use life::{after_sleep, live};
