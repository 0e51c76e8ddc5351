//! Creates clients of one link in every state, and collects their outputs.

use gemini_ws::lifecycle::State;
use gemini_ws::{Client, Config, ConnectFailure, Event, Frame, Instant, Output, Scratch};

use testkit::single;

pub(crate) const STREAM: &str = "btcusd@trade";

pub(crate) fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Creates a client whose link is in `state`, at time zero. The client has subscribed to [`STREAM`], unless `state`
/// is `Closed`. In the states `Subscribing`, `Live` and `Closing`, the client has also made one `Time` request.
pub(crate) fn reach(state: State) -> Client {
    let now = at(0);
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    if state != State::Closed {
        client.subscribe(now, STREAM.parse().unwrap()).unwrap();
    }
    if !matches!(state, State::Idle | State::Closed) {
        client.open(now).unwrap();
    }
    let link = single::link(&client);
    if matches!(state, State::Subscribing | State::Live | State::Closing) {
        client.handle_connected(link, now);
        client.request(now, &gemini_ws::Request::Time).unwrap();
    }
    match state {
        State::Live => drop(text(&mut client, now, r#"{"id":1,"status":200}"#)),
        State::Closing | State::Closed => client.close(now),
        State::Backoff => client.handle_connect_failed(link, now, ConnectFailure::Refused),
        State::Idle | State::Connecting | State::Subscribing => {}
    }
    drain(&mut client);
    assert_eq!(single::state(&client), state);
    client
}

/// Passes a text frame to the client. Returns the event in words.
pub(crate) fn text(client: &mut Client, now: Instant, text: &str) -> Option<String> {
    let (link, mut scratch) = (single::link(client), Scratch::new());
    let event = client.handle_frame(link, now, Frame::Text(text), &mut scratch);
    event.map(|event| testkit::told::describe(&event))
}

pub(crate) fn drain(client: &mut Client) -> Vec<Output> {
    std::iter::from_fn(|| client.poll_output()).collect()
}

/// Lets time pass until nothing is due any more, or for a day. Returns all outputs.
pub(crate) fn wait(client: &mut Client) -> Vec<Output> {
    let mut outputs = drain(client);
    while let Some(deadline) = client.deadline().filter(|deadline| deadline.at < at(86_400_000)) {
        client.handle_timeout(deadline.at);
        outputs.extend(drain(client));
    }
    outputs
}

pub(crate) fn dials(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Connect(_))).count()
}

pub(crate) fn events(outputs: &[Output]) -> impl Iterator<Item = &Event<'static>> {
    outputs.iter().filter_map(|output| if let Output::Event(event) = output { Some(event) } else { None })
}
