//! All tests of the core in one program, which builds faster than one program for each file. Each file is also a
//! program of its own: `cargo test --test decode` builds only that file.

mod allocation;
mod archived;
mod authentication;
mod books;
#[path = "client/main.rs"]
mod client;
mod decode;
mod decode_archived;
mod decode_examples;
mod decode_orders;
mod decode_private;
mod descriptions;
mod differential;
mod display;
#[path = "event_queue/main.rs"]
mod event_queue;
mod events;
mod examples;
mod exhaustive;
#[path = "faults/main.rs"]
mod faults;
mod fuzzing;
mod late_polling;
mod layout;
mod lives;
mod market_data;
mod mutants;
mod observer;
mod orders;
mod private_events;
mod protocol;
mod recordings;
mod rest;
mod scenarios;
mod simulation;
mod sources;
mod stories;
mod tables;
mod transcripts;
mod variables;
