//! A client of one endpoint, and the one link of it.

use gemini_ws::lifecycle::State;
use gemini_ws::{Client, CommandError, Config, Instant, LinkId, Output};

/// The link of the present or the last attempt; before there is one, the link that will be dialled first.
pub(crate) fn link(client: &Client) -> LinkId {
    client.links().next().map_or_else(first_link, |link| link.0)
}

/// The link that a client dials first.
pub(crate) fn first_link() -> LinkId {
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    client.open(Instant::ZERO).expect("a client that is open");
    match client.poll_output() {
        Some(Output::Connect(link)) => link,
        other => panic!("{other:?} before a dial"),
    }
}

/// Where the link is in its life. A client that was closed has forgotten it.
pub(crate) fn state(client: &Client) -> State {
    match client.links().next() {
        Some((_, _, state)) => state,
        None if client.clone().open(Instant::ZERO) == Err(CommandError::Closed) => State::Closed,
        None => State::Idle,
    }
}
