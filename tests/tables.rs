//! Tests every cell of the two lifecycle tables through the public interface, and compares the tables in
//! `tests/LIFECYCLE.md` with the data.
//!
//! `UPDATE_TABLES=1 cargo test --test tables` writes the tables.

use std::fmt::Debug;
use std::time::Duration;

use gemini_ws::lifecycle::{
    Cell, Effect, Input, LINK, Refusal, STATES, STREAM, STREAM_STATES, State, StreamEffect, StreamInput,
    StreamState,
};
use gemini_ws::{
    Client, ClientConfig, CommandError, Config, ConnectFailure, Event, Frame, Instant, Lost, Output, Request,
    Scratch, Stream, StreamId, Timer,
};
use testkit::documents::has_table;
use testkit::single;

const BOOK: &str = "btcusd@depth@100ms";

/// The allowed silence of a stream. It is longer than the time for a snapshot, and shorter than the time before a
/// probe.
const SILENCE_MAX: Duration = Duration::from_secs(20);

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn book() -> Stream {
    BOOK.parse().unwrap()
}

/// Passes a text to the client. Returns whether the client reported it as a refusal of a subscription.
fn text(client: &mut Client, text: &str) -> bool {
    let (link, mut scratch) = (single::link(client), Scratch::new());
    let event = client.handle_frame(link, at(0), Frame::Text(text), &mut scratch);
    matches!(event, Some(Event::Rejected { .. }))
}

fn depth(first: u64, last: u64) -> String {
    format!(r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[["1","1"]],"a":[]}}"#)
}

fn drain(client: &mut Client) -> Vec<Output> {
    std::iter::from_fn(|| client.poll_output()).collect()
}

// ---- links ---------------------------------------------------------------------------------

/// Returns a client whose link is in the state `state`, reached in as few steps as possible.
fn in_state(state: State) -> Client {
    // The time limit of requests is long, so that the client closes the link for its silence first.
    let config = Config::new("ws://venue").request_timeout(Duration::from_secs(1_000));
    let mut client = Client::single(config.seed(1));
    let now = at(0);
    if state == State::Subscribing {
        client.subscribe(now, book()).unwrap();
    }
    if !matches!(state, State::Idle | State::Closed) {
        client.open(now).unwrap();
    }
    let link = single::link(&client);
    match state {
        State::Idle | State::Connecting => {}
        State::Subscribing | State::Live => client.handle_connected(link, now),
        State::Closing => {
            client.handle_connected(link, now);
            client.close(now);
        }
        State::Backoff => client.handle_connect_failed(link, now, ConnectFailure::Refused),
        State::Closed => client.close(now),
    }
    assert_eq!(single::state(&client), state);
    drain(&mut client);
    client
}

/// Makes an input of the table of links. Returns the result; `None` if the input cannot occur in this state.
fn give(client: &mut Client, input: Input) -> Option<Result<(), CommandError>> {
    let (now, link) = (at(0), single::link(client));
    let timer = |client: &mut Client, cause: Timer| {
        let deadline = client.deadline().filter(|deadline| deadline.cause == cause)?;
        client.handle_timeout(deadline.at);
        Some(Ok(()))
    };
    match input {
        Input::Open => return Some(client.open(now)),
        // `open_later` and `exhausted` test these inputs with another client.
        Input::OpenLater | Input::Exhausted => return None,
        Input::Connected => client.handle_connected(link, now),
        Input::ConnectFailed => client.handle_connect_failed(link, now, ConnectFailure::Refused),
        Input::ConnectRefused => {
            let why = ConnectFailure::Status { status: 401, retry_after: None, reason: None };
            client.handle_connect_failed(link, now, why);
        }
        Input::Frame => {
            text(client, r#"{"E":1,"s":"btcusd","t":1,"p":"1","q":"1","m":true}"#);
        }
        Input::Settled if single::state(client) == State::Subscribing => {
            text(client, r#"{"id":1,"status":200}"#);
        }
        Input::Settled => return None,
        Input::Unusable => (0..16).for_each(|_| {
            text(client, "nonsense");
        }),
        Input::Lost => client.handle_lost(link, now, Lost::End),
        Input::LostForGood => client.handle_lost(link, now, Lost::Closed { code: Some(4401) }),
        Input::Close => client.close(now),
        Input::ConnectTimeout => return timer(client, Timer::Connect),
        Input::RetryDue => return timer(client, Timer::Retry),
        Input::Silence => {
            // When this timer expires first, the client sends the probe.
            timer(client, Timer::Alive)?.ok();
            drain(client);
            while client.deadline().is_some_and(|deadline| deadline.cause == Timer::Stable) {
                let deadline = client.deadline().unwrap();
                client.handle_timeout(deadline.at);
            }
            return timer(client, Timer::Alive);
        }
        Input::CloseTimeout => return timer(client, Timer::Close),
        Input::Subscribe => {
            return Some(client.subscribe(now, "ethusd@trade".parse().unwrap()).map(|_| ()));
        }
        Input::Request => return Some(client.request(now, &Request::Time).map(|_| ())),
    }
    Some(Ok(()))
}

fn effect(output: &Output) -> Option<Effect> {
    Some(match output {
        Output::Connect(_) => Effect::Dial,
        Output::Abort(_) => Effect::Abort,
        Output::Close { .. } => Effect::SendClose,
        Output::Event(Event::ConnectFailed { .. }) => Effect::ReportFailure,
        Output::Event(Event::Opened { .. }) => Effect::ReportOpened,
        Output::Event(Event::Live { .. }) => Effect::ReportLive,
        Output::Event(Event::Disconnected { .. }) => Effect::ReportLost,
        Output::Event(Event::Closed { .. }) => Effect::ReportClosed,
        _ => return None,
    })
}

#[test]
fn every_cell_of_the_link_table() {
    let mut walked = 0;
    for (input, row) in LINK {
        for (state, cell) in STATES.into_iter().zip(row) {
            let mut client = in_state(state);
            let name = format!("{state:?} / {input:?}");
            let Some(result) = give(&mut client, input) else {
                match (state, input) {
                    (State::Idle, Input::OpenLater) => open_later(),
                    (State::Backoff, Input::Exhausted) => exhausted(),
                    _ => {
                        let possible = matches!(cell, Cell::Go(..));
                        assert!(!possible, "{name}: the table has a step that cannot be reached");
                    }
                }
                continue;
            };
            walked += 1;
            let got: Vec<Effect> = drain(&mut client).iter().filter_map(effect).collect();
            let (next, expected, refusal) = match cell {
                Cell::Go(next, effects) => (next, effects, None),
                Cell::Stay(effects) => (state, effects, None),
                Cell::Ignore => (state, &[] as &[Effect], None),
                Cell::Refuse(refusal) => (state, &[] as &[Effect], Some(refusal)),
            };
            let refused = result.err().map(|error| match error {
                CommandError::NotConnected => Refusal::NotConnected,
                CommandError::Closed => Refusal::Closed,
                other => panic!("{name}: {other}"),
            });
            assert_eq!(refused, refusal, "{name}");
            let shown = |effect: &&Effect| {
                !matches!(
                    effect,
                    Effect::Restore | Effect::FailAll | Effect::Deliver | Effect::Record | Effect::Send
                )
            };
            let mut expected: Vec<Effect> = expected.iter().filter(shown).copied().collect();
            let mut next = next;
            if next == State::Subscribing && state == State::Connecting {
                // This client has no subscription, so the link is live at once.
                next = State::Live;
                expected.push(Effect::ReportLive);
            }
            if input == Input::Connected && state != State::Connecting {
                // The client drops a transport that connected too late.
                expected = if matches!(state, State::Idle | State::Backoff | State::Closed) {
                    vec![Effect::Abort]
                } else {
                    vec![]
                };
            }
            assert_eq!(single::state(&client), next, "{name}");
            assert_eq!(got, expected, "{name}");
        }
    }
    // All cells but 43, whose inputs `give` cannot make: each of the four timers is armed in one or two states only,
    // a link can become live in one state only, and two inputs are not calls.
    assert_eq!(walked, 18 * 7 - 43, "cells walked");
}

/// Checks that one of two links to a host waits if the limit on dials allows only one.
fn open_later() {
    let mut client = Client::new(ClientConfig::new(), 1);
    for path in ["", "/v1/marketdata/btcusd"] {
        let config = Config::new(format!("ws://venue{path}")).stay_open(true);
        client.add(at(0), config.dial_limit(1, Duration::from_secs(60))).unwrap();
    }
    client.open(at(0)).unwrap();
    let states: Vec<State> = client.links().map(|(_, _, state)| state).collect();
    assert_eq!(states, [State::Connecting, State::Backoff]);
    let outputs: Vec<Output> = std::iter::from_fn(|| client.poll_output()).collect();
    assert!(matches!(outputs[..], [Output::Connect(_)]), "{outputs:?}");
}

/// Checks that a client closes when its limit on attempts in a row is reached, and that it then has no deadline.
fn exhausted() {
    let config = Config::new("ws://venue").attempts_max(1);
    let mut client = Client::single(config.seed(1));
    client.open(at(0)).unwrap();
    client.handle_connect_failed(single::link(&client), at(0), ConnectFailure::Refused);
    assert_eq!((single::state(&client), client.deadline()), (State::Closed, None));
    let effects: Vec<Effect> = drain(&mut client).iter().filter_map(effect).collect();
    assert_eq!(effects, [Effect::Dial, Effect::ReportFailure, Effect::ReportClosed]);
}

// ---- streams -------------------------------------------------------------------------------

/// Returns a client whose only stream is in a state, and the id of its newest request.
fn with_stream(state: StreamState) -> (Client, StreamId, u64) {
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    let id = client.subscribe_unless_silent(at(0), book(), SILENCE_MAX).unwrap();
    client.open(at(0)).unwrap();
    client.handle_connected(single::link(&client), at(0));
    let mut request = 1;
    let mut id = id;
    match state {
        // The subscription waits until the venue has confirmed the end of the earlier one, whose request has the id
        // 2.
        StreamState::Wanted => {
            client.unsubscribe(at(0), id).unwrap();
            id = client.subscribe_unless_silent(at(0), book(), SILENCE_MAX).unwrap();
            request = 99;
        }
        StreamState::Requested => {}
        StreamState::Active => drop(text(&mut client, r#"{"id":1,"status":200}"#)),
        StreamState::Synced => drop(text(&mut client, &depth(5, 5))),
        StreamState::Resyncing => {
            text(&mut client, &depth(5, 5));
            text(&mut client, &depth(8, 9));
            request = 2;
        }
        StreamState::Leaving => {
            client.unsubscribe(at(0), id).unwrap();
            request = 2;
        }
        StreamState::Gone => {
            client.unsubscribe(at(0), id).unwrap();
            text(&mut client, r#"{"id":2,"status":200}"#);
        }
    }
    drain(&mut client);
    assert_eq!(stream_state(&client, id), state);
    (client, id, request)
}

fn stream_state(client: &Client, id: StreamId) -> StreamState {
    client.streams().find(|stream| stream.0 == id).map_or(StreamState::Gone, |stream| stream.2)
}

fn give_stream(
    client: &mut Client,
    id: StreamId,
    request: u64,
    input: StreamInput,
) -> Option<Vec<StreamEffect>> {
    let state = stream_state(client, id);
    let reply =
        |status: u16| format!(r#"{{"id":{request},"status":{status},"error":{{"code":-1,"msg":""}}}}"#);
    let mut returned = Vec::new();
    match input {
        StreamInput::LinkUp if state == StreamState::Wanted => {
            text(client, r#"{"id":2,"status":200}"#);
        }
        StreamInput::LinkUp => return None,
        StreamInput::Overdue => {
            match state {
                StreamState::Requested => drop(text(client, &reply(429))),
                StreamState::Active => {
                    let deadline = client.deadline().filter(|deadline| deadline.cause == Timer::Resync)?;
                    client.handle_timeout(deadline.at);
                }
                StreamState::Resyncing | StreamState::Leaving => drop(text(client, &reply(429))),
                _ => return None,
            }
            drain(client);
            let deadline = client.deadline().filter(|deadline| deadline.cause == Timer::Resync)?;
            client.handle_timeout(deadline.at);
        }
        StreamInput::LinkDown => client.handle_lost(single::link(client), at(0), Lost::End),
        StreamInput::Accepted => drop(text(client, &format!(r#"{{"id":{request},"status":200}}"#))),
        StreamInput::Refused => {
            if text(client, &reply(400)) {
                returned.push(StreamEffect::ReportRejected);
            }
        }
        // The first request times out, and its late refusal comes after the client has repeated it.
        StreamInput::RefusedOnce if state == StreamState::Requested => {
            for cause in [Timer::Request, Timer::Resync] {
                let deadline = client.deadline().filter(|deadline| deadline.cause == cause)?;
                client.handle_timeout(deadline.at);
            }
            drain(client);
            if text(client, &reply(400)) {
                returned.push(StreamEffect::ReportRejected);
            }
        }
        StreamInput::RefusedOnce => return None,
        StreamInput::Unanswered if state == StreamState::Active => {
            let deadline = client.deadline().filter(|deadline| deadline.cause == Timer::Resync)?;
            client.handle_timeout(deadline.at);
        }
        // A book has had data only in the state `Synced`.
        StreamInput::RefusedAfterData if state == StreamState::Synced => drop(text(client, &reply(500))),
        StreamInput::RefusedForNow if state != StreamState::Synced => drop(text(client, &reply(500))),
        StreamInput::RefusedForNow | StreamInput::RefusedAfterData => return None,
        // The client has sent no request for the stream, so none can time out.
        StreamInput::Unanswered if state == StreamState::Wanted => return None,
        StreamInput::Unanswered => {
            let deadline = client.deadline().filter(|deadline| deadline.cause == Timer::Request)?;
            client.handle_timeout(deadline.at);
        }
        // A new subscription waits for the end of this one.
        StreamInput::Superseded if state == StreamState::Leaving => {
            text(client, &reply(500));
            drain(client);
            client.subscribe(at(0), book()).unwrap();
            drain(client);
        }
        StreamInput::Superseded => return None,
        StreamInput::Snapshot => drop(text(client, &depth(5, 5))),
        // The snapshot is malformed and the venue refuses the request for now, so the client has to repeat the
        // request.
        StreamInput::Gap if state == StreamState::Requested => {
            text(client, &depth(5, 5).replace("[]", "[0]"));
            text(client, &reply(429));
            drain(client);
            let deadline = client.deadline().filter(|deadline| deadline.cause == Timer::Resync)?;
            client.handle_timeout(deadline.at);
        }
        StreamInput::Gap => drop(text(client, &depth(20, 21))),
        // This book replaces a book that was lost.
        StreamInput::GapAgain if state == StreamState::Synced => {
            for frame in [&depth(20, 21), r#"{"id":2,"status":200}"#, &depth(30, 30)] {
                text(client, frame);
            }
            drain(client);
            text(client, &depth(40, 41));
        }
        StreamInput::GapAgain => return None,
        // An active book waits for its snapshot, and the limit on that wait ends before `SILENCE_MAX`.
        StreamInput::Silence if state == StreamState::Active => {
            assert!(client.deadline().is_some_and(|it| it.at < at(0) + SILENCE_MAX));
            return None;
        }
        StreamInput::Silence => {
            if state == StreamState::Synced {
                text(client, &format!(r#"{{"id":{request},"status":200}}"#));
                drain(client);
            }
            while stream_state(client, id) == StreamState::Synced {
                let deadline = client.deadline().filter(|it| it.at <= at(0) + SILENCE_MAX)?;
                client.handle_timeout(deadline.at);
            }
            if state != StreamState::Synced {
                return None;
            }
        }
        StreamInput::Unsubscribe => drop(client.unsubscribe(at(0), id)),
    }
    let shown = |output: Output| match output {
        Output::Send { text, .. } if text.contains("unsubscribe") => Some(StreamEffect::Leave),
        Output::Send { .. } => Some(StreamEffect::Join),
        Output::Event(Event::Subscribed { .. }) => Some(StreamEffect::ReportSubscribed),
        Output::Event(Event::Synced { .. }) => Some(StreamEffect::ReportSynced),
        Output::Event(Event::Silent { .. }) => Some(StreamEffect::ReportQuiet),
        Output::Event(Event::Unserved { .. }) => Some(StreamEffect::ReportUnserved),
        Output::Event(Event::Unsubscribed { id: of, .. }) if of == id => {
            Some(StreamEffect::ReportUnsubscribed)
        }
        _ => None,
    };
    returned.extend(drain(client).into_iter().filter_map(shown));
    Some(returned)
}

#[test]
fn every_cell_of_the_stream_table() {
    let mut walked = 0;
    for (input, row) in STREAM {
        for (state, cell) in STREAM_STATES.into_iter().zip(row) {
            let name = format!("{state:?} / {input:?}");
            let (mut client, id, request) = with_stream(state);
            let Some(mut got) = give_stream(&mut client, id, request, input) else {
                match (state, input) {
                    (StreamState::Active, StreamInput::Silence) => silent_trades(),
                    (StreamState::Requested, StreamInput::RefusedAfterData) => refused_balances(),
                    (StreamState::Synced, StreamInput::RefusedOnce) => refused_after_snapshot(),
                    _ => {
                        assert_eq!(cell, Cell::Ignore, "{name}: the table has a step that cannot be reached")
                    }
                }
                continue;
            };
            walked += 1;
            let (next, effects): (StreamState, &[StreamEffect]) = match cell {
                Cell::Go(next, effects) => (next, effects),
                Cell::Stay(effects) => (state, effects),
                Cell::Ignore | Cell::Refuse(_) => (state, &[]),
            };
            let order = |effect: &StreamEffect| format!("{effect:?}");
            let mut expected: Vec<StreamEffect> =
                effects.iter().filter(|effect| **effect != StreamEffect::Delay).copied().collect();
            expected.sort_by_key(order);
            got.sort_by_key(order);
            assert_eq!(stream_state(&client, id), next, "{name}");
            assert_eq!(got, expected, "{name}");
        }
    }
    // The other 41 cells cannot occur with a book: only an armed timer expires, only a book that was current can be
    // lost again or refused after data, only a requested stream is refused while another request has no reply, and
    // only after the end of a subscription can another one follow.
    assert_eq!(walked, 15 * 7 - 41, "cells walked");
}

/// Checks that the silence of a stream without a book begins with the confirmation of the stream.
fn silent_trades() {
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    let trades = "btcusd@trade".parse().unwrap();
    let id = client.subscribe_unless_silent(at(0), trades, SILENCE_MAX).unwrap();
    client.open(at(0)).unwrap();
    client.handle_connected(single::link(&client), at(0));
    text(&mut client, r#"{"id":1,"status":200}"#);
    drain(&mut client);
    client.handle_timeout(at(0) + SILENCE_MAX);
    assert_eq!(stream_state(&client, id), StreamState::Resyncing);
    let outputs = drain(&mut client);
    let [Output::Event(Event::Silent { since, .. }), Output::Send { text, .. }] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    assert!(*since == at(0) && text.contains("unsubscribe"), "{text}");
}

/// Checks that balances become stale if the venue refuses their subscription after balances have come, and that the
/// client unsubscribes later.
fn refused_balances() {
    let mut client = Client::single(Config::new("ws://venue").authenticated(true).seed(1));
    let id = client.subscribe(at(0), "balances@account".parse().unwrap()).unwrap();
    client.open(at(0)).unwrap();
    client.handle_connected(single::link(&client), at(0));
    text(&mut client, r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"1","c":"1"}]}"#);
    drain(&mut client);
    text(&mut client, r#"{"id":1,"status":429,"error":{"code":-1,"msg":""}}"#);
    assert_eq!(stream_state(&client, id), StreamState::Resyncing);
    let outputs = drain(&mut client);
    let is_told = |it: &Output| matches!(it, Output::Event(Event::Unserved { .. }));
    assert!(outputs.iter().any(is_told), "{outputs:?}");
    assert!(!outputs.iter().any(|it| matches!(it, Output::Send { .. })), "{outputs:?}");
    let deadline = client.deadline().filter(|deadline| deadline.cause == Timer::Resync).unwrap();
    client.handle_timeout(deadline.at);
    let outputs = drain(&mut client);
    let [Output::Send { text, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert!(text.contains("unsubscribe"), "{text}");
}

/// Checks that the client unsubscribes a book if the snapshot came for the first request, which got no reply, and the
/// venue refuses the second one.
fn refused_after_snapshot() {
    let (mut client, id, _) = with_stream(StreamState::Requested);
    for cause in [Timer::Request, Timer::Resync] {
        let deadline = client.deadline().filter(|deadline| deadline.cause == cause).unwrap();
        client.handle_timeout(deadline.at);
    }
    text(&mut client, &depth(5, 5));
    drain(&mut client);
    assert_eq!(stream_state(&client, id), StreamState::Synced);
    assert!(text(&mut client, r#"{"id":2,"status":400,"error":{"code":-1,"msg":""}}"#));
    assert_eq!(stream_state(&client, id), StreamState::Leaving);
    let outputs = drain(&mut client);
    let [Output::Send { text, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert!(text.contains("unsubscribe"), "{text}");
}

// ---- documentation -------------------------------------------------------------------------

fn render<I: Debug, S: Debug, E: Debug, const STATES: usize>(
    states: &[S],
    rows: &[(I, [Cell<S, E>; STATES])],
) -> String {
    let mut text = String::from("| input |");
    states.iter().for_each(|state| text += &format!(" {state:?} |"));
    text += "\n|---|";
    states.iter().for_each(|_| text += "---|");
    text += "\n";
    let list =
        |effects: &[E]| effects.iter().map(|effect| format!("{effect:?}")).collect::<Vec<_>>().join(", ");
    for (input, cells) in rows {
        text += &format!("| `{input:?}` |");
        for cell in cells {
            text += &match cell {
                Cell::Go(next, []) => format!(" **{next:?}** |"),
                Cell::Go(next, effects) => format!(" **{next:?}**: {} |", list(effects)),
                Cell::Stay([]) => " – |".to_owned(),
                Cell::Stay(effects) => format!(" {} |", list(effects)),
                Cell::Ignore => " · |".to_owned(),
                Cell::Refuse(refusal) => format!(" *refused: {refusal:?}* |"),
            };
        }
        text += "\n";
    }
    text
}

#[test]
fn tables_in_the_documentation() {
    has_table("link", &render(&STATES, &LINK));
    has_table("stream", &render(&STREAM_STATES, &STREAM));
}

/// After a call of `handle_timeout` at a deadline or later, the next deadline is in the future, in every state.
#[test]
fn no_deadline_stays_due() {
    for state in STATES {
        for late in [0, 1, 60_000, 86_400_000] {
            let mut client = in_state(state);
            for _ in 0..20 {
                let Some(deadline) = client.deadline() else { break };
                let now = deadline.at + Duration::from_millis(late);
                let early = deadline.at.as_nanos().checked_sub(1).map(Instant::from_nanos).unwrap();
                let before = client.deadline();
                client.handle_timeout(early);
                assert_eq!(client.deadline(), before, "an early call has no effect");
                client.handle_timeout(now);
                assert!(
                    client.deadline().is_none_or(|deadline| deadline.at > now),
                    "{state:?}, {late} ms late"
                );
            }
        }
    }
}
