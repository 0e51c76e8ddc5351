//! Connections in every state, and what comes out of them.

use gemini_ws::lifecycle::State;
use gemini_ws::{Config, ConnectFailure, Connection, Event, Frame, Instant, Output, Scratch};

pub(crate) const STREAM: &str = "btcusd@trade";

pub(crate) fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A connection in a state, at the beginning of time, with one wish and, if it is open, one request.
pub(crate) fn reach(state: State) -> Connection {
    let now = at(0);
    let mut connection = Connection::new(Config::new("ws://venue"), 1);
    if state != State::Closed {
        connection.subscribe(now, STREAM.parse().unwrap()).unwrap();
    }
    if !matches!(state, State::Idle | State::Closed) {
        connection.open(now).unwrap();
    }
    let link = connection.link();
    if matches!(state, State::Subscribing | State::Live | State::Closing) {
        connection.handle_connected(link, now);
        connection.request(now, &gemini_ws::Request::Time).unwrap();
    }
    match state {
        State::Live => drop(text(&mut connection, now, r#"{"id":1,"status":200}"#)),
        State::Closing | State::Closed => connection.close(now),
        State::Backoff => connection.handle_connect_failed(link, now, ConnectFailure::Refused),
        State::Idle | State::Connecting | State::Subscribing => {}
    }
    drain(&mut connection);
    assert_eq!(connection.state(), state);
    connection
}

/// Feeds a text; returns what it was, in words.
pub(crate) fn text(connection: &mut Connection, now: Instant, text: &str) -> Option<String> {
    let (link, mut scratch) = (connection.link(), Scratch::new());
    let event = connection.handle_frame(link, now, Frame::Text(text), &mut scratch);
    event.map(|event| crate::support::told::describe(&event))
}

pub(crate) fn drain(connection: &mut Connection) -> Vec<Output> {
    std::iter::from_fn(|| connection.poll_output()).collect()
}

/// Only time passes, until nothing is due any more or for a day: all that comes out.
pub(crate) fn wait(connection: &mut Connection) -> Vec<Output> {
    let mut outputs = drain(connection);
    while let Some(deadline) = connection.deadline().filter(|deadline| deadline.at < at(86_400_000)) {
        connection.handle_timeout(deadline.at);
        outputs.extend(drain(connection));
    }
    outputs
}

pub(crate) fn dials(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Connect(_))).count()
}

pub(crate) fn events(outputs: &[Output]) -> impl Iterator<Item = &Event<'static>> {
    outputs.iter().filter_map(|output| if let Output::Event(event) = output { Some(event) } else { None })
}
