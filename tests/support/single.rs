//! Helpers for a client of one endpoint and its only link.

use gemini_ws::lifecycle::State;
use gemini_ws::{Client, CommandError, Config, Instant, LinkId, Output};

/// Returns the link of the present or the last attempt. Before the first attempt it returns the link that the
/// client will dial first.
pub fn link(client: &Client) -> LinkId {
    client.links().next().map_or_else(first_link, |link| link.0)
}

/// Returns the link that a client dials first.
pub fn first_link() -> LinkId {
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    client.open(Instant::ZERO).expect("a client that is open");
    match client.poll_output() {
        Some(Output::Connect(link)) => link,
        other => panic!("{other:?} before a dial"),
    }
}

/// Returns the state of the link. A client without a link has the state `Closed` if it has ended, otherwise `Idle`.
pub fn state(client: &Client) -> State {
    match client.links().next() {
        Some((_, _, state)) => state,
        None if client.clone().open(Instant::ZERO) == Err(CommandError::Closed) => State::Closed,
        None => State::Idle,
    }
}
