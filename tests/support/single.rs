//! Helpers for a client of one endpoint and its only link.

use gemini_ws::lifecycle::State;
use gemini_ws::{Client, CommandError, Config, Instant, LinkId, Output};

/// Returns the link of the newest attempt, or before the first attempt, the link that the client will dial first.
pub fn link(client: &Client) -> LinkId {
    client.links().next().map_or_else(first_link, |link| link.0)
}

pub fn first_link() -> LinkId {
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    client.open(Instant::ZERO).expect("a client that is open");
    match client.poll_output() {
        Some(Output::Connect(link)) => link,
        other => panic!("{other:?} before a dial"),
    }
}

/// Returns the state of the link. Without a link, the state is `Closed` if the client has ended, otherwise `Idle`.
pub fn state(client: &Client) -> State {
    match client.links().next() {
        Some((_, _, state)) => state,
        None if client.clone().open(Instant::ZERO) == Err(CommandError::Closed) => State::Closed,
        None => State::Idle,
    }
}
