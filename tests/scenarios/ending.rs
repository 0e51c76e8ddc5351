//! Tests the end of a link for any reason, and of a client in any state.

use std::time::Duration;

use gemini_ws::lifecycle::{STATES, State, StreamState};
use gemini_ws::{
    Client, CommandError, Config, ConnectFailure, Event, Frame, Lost, Output, Request, RequestOutcome,
    Scratch,
};

use testkit::single;

use super::reach::{at, dials, drain, events, reach, text, wait};

/// L-008: the application closes the client while it holds the first event, as a handler does. The client ends as
/// usual.
#[test]
fn an_end_from_inside_a_handler() {
    let mut client = reach(State::Live);
    let (link, mut scratch) = (single::link(&client), Scratch::new());
    let frame = Frame::Text(r#"{"E":4,"s":"btcusd","t":77,"p":"101.00","q":"1","m":false}"#);
    let event = client.handle_frame(link, at(1), frame, &mut scratch);
    client.close(at(1));
    assert!(matches!(event, Some(Event::Trade(trade, _)) if trade.trade_id == 77), "{event:?}");
    assert_eq!(single::state(&client), State::Closing);
    let ends = wait(&mut client);
    assert_eq!(events(&ends).filter(|event| matches!(event, Event::Closed { .. })).count(), 1);
}

/// L-012: the application closes the client again, at any time, which changes nothing.
#[test]
fn an_end_wanted_again_and_again() {
    for state in STATES {
        let mut once = reach(state);
        once.close(at(5));
        let expected = wait(&mut once);
        for more in 1..=4 {
            let mut client = reach(state);
            client.close(at(5));
            let mut outputs = Vec::new();
            for again in 0..more {
                client.close(at(6 + again));
                outputs.extend(drain(&mut client));
            }
            outputs.extend(wait(&mut client));
            client.close(at(86_400_000));
            outputs.extend(wait(&mut client));
            assert_eq!(outputs, expected, "{state:?}, {more} more");
            assert_eq!(client.stats(), once.stats(), "{state:?}, {more} more");
        }
    }
}

/// L-014, L-074 and L-086: after the application has closed the client nothing is dialled, whatever the state was.
/// `open` is refused at once, with a clear error, during the end and after it.
#[test]
fn no_dial_after_the_end() {
    for state in STATES {
        let mut client = reach(state);
        client.close(at(5));
        assert_eq!(client.open(at(5)), Err(CommandError::Closed), "{state:?}");
        let mut outputs = drain(&mut client);
        while let Some(deadline) = client.deadline() {
            client.handle_timeout(deadline.at);
            assert_eq!(client.open(deadline.at), Err(CommandError::Closed), "{state:?}");
            outputs.extend(drain(&mut client));
        }
        client.handle_timeout(at(86_400_000));
        outputs.extend(drain(&mut client));
        assert_eq!((dials(&outputs), single::state(&client)), (0, State::Closed), "{state:?}");
    }
}

/// Returns what remains of a link: its state, the timer that it waits for, and the states of its streams.
fn rest(client: &Client) -> (State, Option<gemini_ws::Timer>, Vec<StreamState>) {
    let streams = client.streams().map(|stream| stream.2).collect();
    (single::state(client), client.deadline().map(|deadline| deadline.cause), streams)
}

type End = Box<dyn Fn(&mut Client)>;

/// Returns the ways in which a link can end and be dialled again, each with its name.
fn ends() -> Vec<(String, End)> {
    let mut ends: Vec<(String, End)> = Vec::new();
    for why in [
        Lost::End,
        Lost::Reset,
        Lost::Protocol,
        Lost::Transport,
        Lost::Silent,
        Lost::Malformed,
        Lost::SequenceGap,
        Lost::Unresponsive,
        Lost::CloseTimedOut,
        Lost::Closed { code: None },
        Lost::Closed { code: Some(1008) },
    ] {
        let lose = move |client: &mut Client| client.handle_lost(single::link(client), at(1), why);
        ends.push((format!("{why:?}"), Box::new(lose)));
    }
    for code in [None, Some(1000), Some(1001), Some(1006), Some(1011), Some(1012), Some(1013), Some(5000)] {
        let close = move |client: &mut Client| {
            let (link, mut scratch) = (single::link(client), Scratch::new());
            let event = client.handle_frame(link, at(1), Frame::Close { code, reason: "" }, &mut scratch);
            assert!(matches!(event, Some(Event::PeerClosing { .. })));
        };
        ends.push((format!("a Close frame with {code:?}"), Box::new(close)));
    }
    let nonsense = |client: &mut Client| {
        (0..16).for_each(|_| drop(text(client, at(1), "nonsense")));
    };
    ends.push(("nonsense".to_owned(), Box::new(nonsense)));
    let silence = |client: &mut Client| {
        while matches!(single::state(client), State::Subscribing | State::Live) {
            client.handle_timeout(client.deadline().unwrap().at);
        }
    };
    ends.push(("silence".to_owned(), Box::new(silence)));
    ends
}

/// L-015: every end of a link leads to the same state, and the client has reported a reply to the open request.
#[test]
fn every_end_of_a_link_leaves_the_same() {
    for state in [State::Subscribing, State::Live] {
        for (name, end) in ends() {
            let mut client = reach(state);
            end(&mut client);
            let outputs = drain(&mut client);
            let expected = (State::Backoff, Some(gemini_ws::Timer::Retry), vec![StreamState::Wanted]);
            assert_eq!(rest(&client), expected, "{state:?}, {name}");
            let replies = events(&outputs).filter(|event| matches!(event, Event::Reply { .. })).count();
            let ends = events(&outputs).filter(|event| matches!(event, Event::Disconnected { .. })).count();
            assert_eq!((replies, ends), (1, 1), "{state:?}, {name}");
            client.close(at(86_000_000));
            drain(&mut client);
            assert_eq!(rest(&client).0, State::Closed, "{state:?}, {name}");
            assert_eq!(client.deadline(), None, "{state:?}, {name}");
        }
    }
}

/// L-020: a client can be dropped in every state, and frees all its memory.
#[test]
fn dropped_in_every_state() {
    for state in STATES {
        let left = allocation_counter::measure(|| drop(reach(state)));
        assert_eq!((left.count_current, left.bytes_current), (0, 0), "{state:?}");
    }
}

/// L-047: whatever ends a link, and in whichever state the client is closed, the client sends only legal close codes.
#[test]
fn codes_of_our_own_close() {
    let legal = |outputs: Vec<Output>, name: &str| {
        let mut closes = 0;
        for output in outputs {
            if let Output::Close { code, .. } = output {
                assert!(matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999), "{name}: {code}");
                closes += 1;
            }
        }
        closes
    };
    let mut closes = 0;
    for state in STATES {
        let mut client = reach(state);
        client.close(at(1));
        closes += legal(wait(&mut client), &format!("{state:?}"));
        for (name, end) in ends() {
            if matches!(state, State::Subscribing | State::Live) {
                let mut client = reach(state);
                end(&mut client);
                client.close(at(86_000_000));
                closes += legal(wait(&mut client), &name);
            }
        }
    }
    assert_eq!(closes, 2, "of an open link only");
}

/// L-056: a client opens five links, one after the other, and reports five beginnings and five ends, alternately.
#[test]
fn five_cycles() {
    let mut client = Client::single(Config::new("ws://venue").seed(1));
    client.open(at(0)).unwrap();
    let mut told = Vec::new();
    let mut now = at(0);
    for why in [Lost::End, Lost::Reset, Lost::Protocol, Lost::Transport, Lost::Closed { code: Some(1001) }] {
        while single::state(&client) != State::Connecting {
            now = client.deadline().unwrap().at;
            client.handle_timeout(now);
        }
        client.handle_connected(single::link(&client), now);
        client.handle_lost(single::link(&client), now, why);
        let outputs = drain(&mut client);
        told.extend(events(&outputs).filter_map(|event| match event {
            Event::Opened { link, .. } => Some(("opened", link.epoch())),
            Event::Disconnected { link, .. } => Some(("ended", link.epoch())),
            _ => None,
        }));
    }
    let expected: Vec<_> = (1..=5).flat_map(|epoch| [("opened", epoch), ("ended", epoch)]).collect();
    assert_eq!(told, expected);
}

const PING_PERIOD: Duration = Duration::from_secs(20);

/// L-066: no output is polled, and that delays nothing: the link is probed, stays open and ends on time.
#[test]
fn nobody_takes_anything() {
    let mut client = reach(State::Live);
    let end = at(450_000);
    let mut now = at(0);
    while now < end {
        now = client.deadline().map_or(end, |deadline| deadline.at.min(now + PING_PERIOD));
        client.handle_timeout(now);
        let (link, mut scratch) = (single::link(&client), Scratch::new());
        assert_eq!(client.handle_frame(link, now, Frame::Ping(b""), &mut scratch), None);
    }
    assert_eq!((single::state(&client), client.stats().connects), (State::Live, 1));
    client.close(end);
    let by = client.deadline().unwrap().at;
    assert_eq!(by, end + Duration::from_secs(3));
    client.handle_timeout(by);
    assert_eq!(single::state(&client), State::Closed);
}

/// L-068: the core gets no time of day. A clock that jumps by days changes signatures, but the dials come at the
/// same instants.
#[test]
fn wall_clocks_that_jump() {
    use gemini_ws::{Credentials, Endpoint, Signer, UnixTime};
    const DAY: u64 = 86_400;
    let life = |clock: &[u64]| {
        let mut signer = Signer::new(Credentials::hmac("key", "secret").unwrap());
        let mut client = reach(State::Idle);
        client.open(at(0)).unwrap();
        let (mut told, mut nonces, mut now) = (Vec::new(), Vec::new(), at(0));
        for wall in clock {
            while single::state(&client) != State::Connecting {
                now = client.deadline().unwrap().at;
                client.handle_timeout(now);
            }
            let headers = signer.headers(Endpoint::Streams, UnixTime::from_secs(*wall));
            nonces.push(headers.get("X-GEMINI-NONCE").unwrap().parse::<u64>().unwrap());
            client.handle_connected(single::link(&client), now);
            told.extend(drain(&mut client));
            // Silence ends each link.
            while single::state(&client) != State::Backoff {
                now = client.deadline().unwrap().at;
                client.handle_timeout(now);
            }
            told.extend(drain(&mut client));
        }
        assert!(nonces.is_sorted_by(|before, after| before < after), "{nonces:?}");
        (told, now)
    };
    let now = 20_000 * DAY;
    let steady = life(&[now, now + 60, now + 120, now + 180]);
    assert!(dials(&steady.0) == 4 && steady == life(&[now, now - DAY, now + DAY, now - 9 * DAY]));
}

/// L-101: the reply comes before the driver has polled the request. The client still reports it as the reply to that
/// request.
#[test]
fn an_answer_in_the_step_of_its_request() {
    let mut client = reach(State::Live);
    let request = client.request(at(1), &Request::ConnectionInfo).unwrap();
    let answer = format!(r#"{{"id":{},"status":200}}"#, request.get());
    let expected = format!("reply {} status 200", request.get());
    assert_eq!(text(&mut client, at(1), &answer), Some(expected));
    let outputs = drain(&mut client);
    assert!(
        matches!(outputs[..], [Output::Event(Event::Requested { .. }), Output::Send { .. }]),
        "{outputs:?}"
    );
}

/// L-105: requests and commands that are not sent do not pile up. They are refused at their limits, with a clear
/// error, and accepted again when there is room.
#[test]
fn limits_of_what_waits() {
    use gemini_ws::{Limit, OUTPUT_MAX, REQUESTS_IN_FLIGHT_MAX};
    let mut client = reach(State::Live);
    let mut sent = 1;
    while client.request(at(1), &Request::Time).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, REQUESTS_IN_FLIGHT_MAX);
    let full = CommandError::TooMany(Limit::RequestsInFlight);
    assert_eq!(client.request(at(1), &Request::Time), Err(full));
    text(&mut client, at(1), r#"{"id":2,"status":200}"#);
    client.request(at(1), &Request::Time).unwrap();
    assert_eq!(client.request(at(1), &Request::Time), Err(full));

    let error = loop {
        let id = match client.subscribe(at(2), "ethusd@trade".parse().unwrap()) {
            Ok(id) => id,
            Err(error) => break error,
        };
        if let Err(error) = client.unsubscribe(at(2), id) {
            break error;
        }
    };
    assert_eq!(error, CommandError::TooMany(Limit::Outputs));
    let waiting = drain(&mut client).len();
    assert!((OUTPUT_MAX..OUTPUT_MAX + 10).contains(&waiting), "{waiting} outputs");
    client.subscribe(at(2), "solusd@trade".parse().unwrap()).unwrap();
    let lost = |event: &&Event<'_>| matches!(event, Event::Reply { outcome: RequestOutcome::Lost, .. });
    client.handle_lost(single::link(&client), at(3), Lost::Reset);
    assert_eq!(events(&drain(&mut client)).filter(lost).count(), REQUESTS_IN_FLIGHT_MAX);
}

/// L-025: a failed attempt ends once, with its reason, however it failed, and no link was opened.
#[test]
fn one_end_of_a_failed_attempt() {
    use ConnectFailure::{
        Certificate, Handshake, InvalidUrl, NameLookup, Proxy, Refused, Status, TimedOut, Tls, Transport,
        Unreachable,
    };
    let status = |status| Status { status, retry_after: None, reason: None };
    for why in [
        Certificate,
        Handshake,
        InvalidUrl,
        NameLookup,
        Proxy,
        Refused,
        TimedOut,
        Tls,
        Transport,
        Unreachable,
        status(400),
        status(401),
        status(503),
    ] {
        let mut client = reach(State::Connecting);
        let link = single::link(&client);
        client.handle_connect_failed(link, at(1), why);
        client.handle_connect_failed(link, at(1), why);
        client.handle_lost(link, at(1), Lost::End);
        let outputs = drain(&mut client);
        let told: Vec<_> = events(&outputs).collect();
        assert!(matches!(told[0], Event::ConnectFailed { reason: told, .. } if *told == why), "{told:?}");
        if matches!(why, Certificate | InvalidUrl | Status { status: 401, .. }) {
            assert!(matches!(told[1..], [Event::LinkClosed { .. }, Event::Closed { .. }]), "{told:?}");
        } else {
            assert!(told.len() == 1 && single::state(&client) == State::Backoff, "{told:?}");
        }
        assert_eq!(client.stats().stale_inputs, 2, "{why}");
    }
}
