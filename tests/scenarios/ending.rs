//! Ends: of a link by any cause, of a connection in any state.

use std::time::Duration;

use gemini_ws::lifecycle::{STATES, State, StreamState};
use gemini_ws::{
    CommandError, Config, ConnectFailure, Connection, Event, Frame, Lost, Output, Request, RequestOutcome,
    Scratch,
};

use super::reach::{at, dials, drain, events, reach, text, wait};

/// L-008: the end is wanted while the first event is held, as a handler does.
#[test]
fn an_end_from_inside_a_handler() {
    let mut connection = reach(State::Live);
    let (link, mut scratch) = (connection.link(), Scratch::new());
    let frame = Frame::Text(r#"{"E":4,"s":"btcusd","t":77,"p":"101.00","q":"1","m":false}"#);
    let event = connection.handle_frame(link, at(1), frame, &mut scratch);
    connection.close(at(1));
    assert!(matches!(event, Some(Event::Trade(trade, _)) if trade.trade_id == 77), "{event:?}");
    assert_eq!(connection.state(), State::Closing);
    let ends = wait(&mut connection);
    assert_eq!(events(&ends).filter(|event| matches!(event, Event::Closed { .. })).count(), 1);
}

/// L-012: whoever wants the end once more, and when, changes nothing.
#[test]
fn an_end_wanted_again_and_again() {
    for state in STATES {
        let mut once = reach(state);
        once.close(at(5));
        let expected = wait(&mut once);
        for more in 1..=4 {
            let mut connection = reach(state);
            connection.close(at(5));
            let mut outputs = Vec::new();
            for again in 0..more {
                connection.close(at(6 + again));
                outputs.extend(drain(&mut connection));
            }
            outputs.extend(wait(&mut connection));
            connection.close(at(86_400_000));
            outputs.extend(wait(&mut connection));
            assert_eq!(outputs, expected, "{state:?}, {more} more");
            assert_eq!(connection.stats(), once.stats(), "{state:?}, {more} more");
        }
    }
}

/// L-014, L-074 and L-086: after the end is wanted nothing is dialled, whatever the state was; a wish to open
/// meanwhile or afterwards is refused, at once and in clear words.
#[test]
fn no_dial_after_the_end() {
    for state in STATES {
        let mut connection = reach(state);
        connection.close(at(5));
        assert_eq!(connection.open(at(5)), Err(CommandError::Closed), "{state:?}");
        let mut outputs = drain(&mut connection);
        while let Some(deadline) = connection.deadline() {
            connection.handle_timeout(deadline.at);
            assert_eq!(connection.open(deadline.at), Err(CommandError::Closed), "{state:?}");
            outputs.extend(drain(&mut connection));
        }
        connection.handle_timeout(at(86_400_000));
        outputs.extend(drain(&mut connection));
        assert_eq!((dials(&outputs), connection.state()), (0, State::Closed), "{state:?}");
    }
}

/// What is left of a link: where the connection stands, what it waits for, its streams.
fn rest(connection: &Connection) -> (State, Option<gemini_ws::Timer>, Vec<StreamState>) {
    let streams = connection.streams().map(|stream| stream.2).collect();
    (connection.state(), connection.deadline().map(|deadline| deadline.cause), streams)
}

type End = Box<dyn Fn(&mut Connection)>;

/// The ways in which a link can end, and be tried again.
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
        let lose = move |connection: &mut Connection| connection.handle_lost(connection.link(), at(1), why);
        ends.push((format!("{why:?}"), Box::new(lose)));
    }
    for code in [None, Some(1000), Some(1001), Some(1006), Some(1011), Some(1012), Some(1013), Some(5000)] {
        let close = move |connection: &mut Connection| {
            let (link, mut scratch) = (connection.link(), Scratch::new());
            let event = connection.handle_frame(link, at(1), Frame::Close { code, reason: "" }, &mut scratch);
            assert!(matches!(event, Some(Event::PeerClosing { .. })));
        };
        ends.push((format!("a Close frame with {code:?}"), Box::new(close)));
    }
    let nonsense = |connection: &mut Connection| {
        (0..16).for_each(|_| drop(text(connection, at(1), "nonsense")));
    };
    ends.push(("nonsense".to_owned(), Box::new(nonsense)));
    let silence = |connection: &mut Connection| {
        while matches!(connection.state(), State::Subscribing | State::Live) {
            connection.handle_timeout(connection.deadline().unwrap().at);
        }
    };
    ends.push(("silence".to_owned(), Box::new(silence)));
    ends
}

/// L-015: the same is left after every end of a link, and its request has been answered.
#[test]
fn every_end_of_a_link_leaves_the_same() {
    for state in [State::Subscribing, State::Live] {
        for (name, end) in ends() {
            let mut connection = reach(state);
            end(&mut connection);
            let outputs = drain(&mut connection);
            let expected = (State::Backoff, Some(gemini_ws::Timer::Retry), vec![StreamState::Wanted]);
            assert_eq!(rest(&connection), expected, "{state:?}, {name}");
            let replies = events(&outputs).filter(|event| matches!(event, Event::Reply { .. })).count();
            let ends = events(&outputs).filter(|event| matches!(event, Event::Disconnected { .. })).count();
            assert_eq!((replies, ends), (1, 1), "{state:?}, {name}");
            connection.close(at(86_000_000));
            drain(&mut connection);
            assert_eq!(rest(&connection).0, State::Closed, "{state:?}, {name}");
            assert_eq!(connection.deadline(), None, "{state:?}, {name}");
        }
    }
}

/// L-020: a connection can be dropped in every state, and nothing of it is left.
#[test]
fn dropped_in_every_state() {
    for state in STATES {
        let left = allocation_counter::measure(|| drop(reach(state)));
        assert_eq!((left.count_current, left.bytes_current), (0, 0), "{state:?}");
    }
}

/// L-047: whatever ends a link, and in whichever state the end is wanted, the only code that is written is a
/// legal one.
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
        let mut connection = reach(state);
        connection.close(at(1));
        closes += legal(wait(&mut connection), &format!("{state:?}"));
        for (name, end) in ends() {
            if matches!(state, State::Subscribing | State::Live) {
                let mut connection = reach(state);
                end(&mut connection);
                connection.close(at(86_000_000));
                closes += legal(wait(&mut connection), &name);
            }
        }
    }
    assert_eq!(closes, 2, "of an open link only");
}

/// L-056: five lives of a link are five beginnings and five ends, in turn.
#[test]
fn five_cycles() {
    let mut connection = Connection::new(Config::new("ws://venue"), 1);
    connection.open(at(0)).unwrap();
    let mut told = Vec::new();
    let mut now = at(0);
    for why in [Lost::End, Lost::Reset, Lost::Protocol, Lost::Transport, Lost::Closed { code: Some(1001) }] {
        while connection.state() != State::Connecting {
            now = connection.deadline().unwrap().at;
            connection.handle_timeout(now);
        }
        connection.handle_connected(connection.link(), now);
        connection.handle_lost(connection.link(), now, why);
        let outputs = drain(&mut connection);
        told.extend(events(&outputs).filter_map(|event| match event {
            Event::Opened { link, .. } => Some(("opened", link.epoch())),
            Event::Disconnected { link, .. } => Some(("ended", link.epoch())),
            _ => None,
        }));
    }
    let expected: Vec<_> = (1..=5).flat_map(|epoch| [("opened", epoch), ("ended", epoch)]).collect();
    assert_eq!(told, expected);
}

/// How often the venue pings (section 13).
const PING_PERIOD: Duration = Duration::from_secs(20);

/// L-066: whoever takes none of the outputs holds up nothing: the link is probed, stays alive and ends on time.
#[test]
fn nobody_takes_anything() {
    let mut connection = reach(State::Live);
    let end = at(450_000);
    let mut now = at(0);
    while now < end {
        now = connection.deadline().map_or(end, |deadline| deadline.at.min(now + PING_PERIOD));
        connection.handle_timeout(now);
        let (link, mut scratch) = (connection.link(), Scratch::new());
        assert_eq!(connection.handle_frame(link, now, Frame::Ping(b""), &mut scratch), None);
    }
    assert_eq!((connection.state(), connection.stats().connects), (State::Live, 1));
    connection.close(end);
    let by = connection.deadline().unwrap().at;
    assert_eq!(by, end + Duration::from_secs(3));
    connection.handle_timeout(by);
    assert_eq!(connection.state(), State::Closed);
}

/// L-068: the core is told no time of day. Dials that are signed by a clock that jumps by days come at the
/// same instants as others, and only what is signed differs.
#[test]
fn wall_clocks_that_jump() {
    use gemini_ws::{Credentials, Endpoint, Signer, UnixTime};
    const DAY: u64 = 86_400;
    let life = |clock: &[u64]| {
        let mut signer = Signer::new(Credentials::hmac("key", "secret").unwrap());
        let mut connection = reach(State::Idle);
        connection.open(at(0)).unwrap();
        let (mut told, mut nonces, mut now) = (Vec::new(), Vec::new(), at(0));
        for wall in clock {
            while connection.state() != State::Connecting {
                now = connection.deadline().unwrap().at;
                connection.handle_timeout(now);
            }
            let headers = signer.headers(Endpoint::Streams, UnixTime::from_secs(*wall));
            nonces.push(headers.get("X-GEMINI-NONCE").unwrap().parse::<u64>().unwrap());
            connection.handle_connected(connection.link(), now);
            told.extend(drain(&mut connection));
            // Silence ends each of them.
            while connection.state() != State::Backoff {
                now = connection.deadline().unwrap().at;
                connection.handle_timeout(now);
            }
            told.extend(drain(&mut connection));
        }
        assert!(nonces.is_sorted_by(|before, after| before < after), "{nonces:?}");
        (told, now)
    };
    let now = 20_000 * DAY;
    let steady = life(&[now, now + 60, now + 120, now + 180]);
    assert!(dials(&steady.0) == 4 && steady == life(&[now, now - DAY, now + DAY, now - 9 * DAY]));
}

/// L-101: the answer comes before the request was even taken to be sent; it finds who waits for it.
#[test]
fn an_answer_in_the_step_of_its_request() {
    let mut connection = reach(State::Live);
    let request = connection.request(at(1), &Request::ConnectionInfo).unwrap();
    let answer = format!(r#"{{"id":{},"status":200}}"#, request.get());
    let expected = format!("reply {} status 200", request.get());
    assert_eq!(text(&mut connection, at(1), &answer), Some(expected));
    assert_eq!(drain(&mut connection).len(), 1, "it is sent all the same, and there is no other answer");
}

/// L-105: what is not sent on does not pile up: requests and commands are refused at their limits, in clear
/// words, and taken again when there is room.
#[test]
fn limits_of_what_waits() {
    use gemini_ws::{Limit, OUTPUT_MAX, REQUESTS_IN_FLIGHT_MAX};
    let mut connection = reach(State::Live);
    let mut sent = 1;
    while connection.request(at(1), &Request::Time).is_ok() {
        sent += 1;
    }
    assert_eq!(sent, REQUESTS_IN_FLIGHT_MAX);
    let full = CommandError::TooMany(Limit::RequestsInFlight);
    assert_eq!(connection.request(at(1), &Request::Time), Err(full));
    text(&mut connection, at(1), r#"{"id":2,"status":200}"#);
    connection.request(at(1), &Request::Time).unwrap();
    assert_eq!(connection.request(at(1), &Request::Time), Err(full));

    let error = loop {
        let id = match connection.subscribe(at(2), "ethusd@trade".parse().unwrap()) {
            Ok(id) => id,
            Err(error) => break error,
        };
        if let Err(error) = connection.unsubscribe(at(2), id) {
            break error;
        }
    };
    assert_eq!(error, CommandError::TooMany(Limit::Outputs));
    let waiting = drain(&mut connection).len();
    assert!((OUTPUT_MAX..OUTPUT_MAX + 10).contains(&waiting), "{waiting} outputs");
    connection.subscribe(at(2), "solusd@trade".parse().unwrap()).unwrap();
    let lost = |event: &&Event<'_>| matches!(event, Event::Reply { outcome: RequestOutcome::Lost, .. });
    connection.handle_lost(connection.link(), at(3), Lost::Reset);
    assert_eq!(events(&drain(&mut connection)).filter(lost).count(), REQUESTS_IN_FLIGHT_MAX);
}

/// L-025: a failed attempt has one end, with its cause, however it failed, and no link was opened.
#[test]
fn one_end_of_a_failed_attempt() {
    use ConnectFailure::{
        Certificate, Handshake, InvalidUrl, NameLookup, Proxy, Refused, Status, TimedOut, Tls, Transport,
        Unreachable,
    };
    let status = |status| Status { status, retry_after: None };
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
        let mut connection = reach(State::Connecting);
        let link = connection.link();
        connection.handle_connect_failed(link, at(1), why);
        connection.handle_connect_failed(link, at(1), why);
        connection.handle_lost(link, at(1), Lost::End);
        let outputs = drain(&mut connection);
        let told: Vec<_> = events(&outputs).collect();
        assert!(matches!(told[0], Event::ConnectFailed { reason: told, .. } if *told == why), "{told:?}");
        if why.is_fatal() {
            assert!(matches!(told[1..], [Event::Closed { .. }]), "{told:?}");
        } else {
            assert!(told.len() == 1 && connection.state() == State::Backoff, "{told:?}");
        }
        assert_eq!(connection.stats().stale_inputs, 2, "{why}");
    }
}
