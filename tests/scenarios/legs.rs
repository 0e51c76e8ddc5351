//! Tests clients of several links: when the client reports its end, and that an input about one link has no effect on
//! the others.

use std::collections::BTreeSet;
use std::time::Duration;

use gemini_ws::lifecycle::{State, StreamState};
use gemini_ws::{
    Abandoned, Client, ClientConfig, CloseReason, Config, ConnectFailure, Event, Frame, Instant, LinkId,
    Lost, Output, Request, Scratch,
};

use super::reach::{STREAM, at, events};

fn drain(client: &mut Client) -> Vec<Output> {
    std::iter::from_fn(|| client.poll_output()).collect()
}

fn answer(client: &mut Client, link: LinkId, now: Instant, text: &str) {
    let mut scratch = Scratch::new();
    client.handle_frame(link, now, Frame::Text(text), &mut scratch);
}

fn links(client: &Client) -> Vec<LinkId> {
    client.links().map(|(link, ..)| link).collect()
}

fn two_legs() -> (Client, [LinkId; 2]) {
    let mut client = Client::new(ClientConfig::new(), 1);
    let now = at(0);
    client.add(now, Config::new("ws://venue")).unwrap();
    client.add(now, Config::new("ws://venue").authenticated(true)).unwrap();
    client.subscribe(now, STREAM.parse().unwrap()).unwrap();
    client.open(now).unwrap();
    let legs = [links(&client)[0], links(&client)[1]];
    legs.iter().for_each(|leg| client.handle_connected(*leg, now));
    answer(&mut client, legs[0], now, r#"{"id":1,"status":200}"#);
    drain(&mut client);
    (client, legs)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    CloseFrame,
    CloseFrameAndEnd,
    End,
    Reset,
    /// It does not end, and the time for the handshake runs out.
    Never,
}

const ENDINGS: [Ending; 5] =
    [Ending::CloseFrame, Ending::CloseFrameAndEnd, Ending::End, Ending::Reset, Ending::Never];

fn end(client: &mut Client, link: LinkId, ending: Ending) {
    let (now, mut scratch) = (at(1_000), Scratch::new());
    match ending {
        Ending::CloseFrame | Ending::CloseFrameAndEnd => {
            let close = Frame::Close { code: Some(1000), reason: "" };
            client.handle_frame(link, now, close, &mut scratch);
            if ending == Ending::CloseFrameAndEnd {
                client.handle_lost(link, now, Lost::End);
            }
        }
        Ending::End => client.handle_lost(link, now, Lost::End),
        Ending::Reset => client.handle_lost(link, now, Lost::Reset),
        Ending::Never => {}
    }
}

/// L-001 and L-002: two links end in either order and in every way. The client ends once, after both links, and its
/// last event states whether a link did not end in time.
#[test]
fn two_legs_end_in_every_order() {
    for first in [0, 1] {
        for one in ENDINGS {
            for other in ENDINGS {
                let (mut client, legs) = two_legs();
                client.close(at(500));
                end(&mut client, legs[first], one);
                let mut outputs = drain(&mut client);
                let told = |outputs: &[Output]| events(outputs).any(|it| matches!(it, Event::Closed { .. }));
                assert!(!told(&outputs), "{one:?}: too early");
                end(&mut client, legs[1 - first], other);
                // Further inputs about the first link come too late.
                client.handle_lost(legs[first], at(1_000), Lost::Reset);
                outputs.extend(drain(&mut client));
                let late = one == Ending::Never || other == Ending::Never;
                if one != Ending::Never {
                    assert_eq!(told(&outputs), other != Ending::Never, "{one:?}, {other:?}");
                }
                client.handle_timeout(at(3_500));
                outputs.extend(drain(&mut client));
                let ends: Vec<_> = events(&outputs)
                    .filter_map(|event| match event {
                        Event::Disconnected { link, .. } => Some(link.slot()),
                        Event::Closed { .. } => Some(usize::MAX),
                        _ => None,
                    })
                    .collect();
                let name = format!("{first} first, {one:?}, {other:?}");
                assert!(ends.len() == 3 && ends[2] == usize::MAX && ends[0] != ends[1], "{name}: {ends:?}");
                // The first link has ended: in its own way, or by the late input above.
                let abandoned =
                    Abandoned { requests: 0, links: usize::from(other == Ending::Never), sessions: 0 };
                let reason = match abandoned.links {
                    0 => CloseReason::Requested,
                    _ => CloseReason::RequestedUnclean,
                };
                let Some(Output::Event(Event::Closed { reason: told, abandoned: given })) = outputs.last()
                else {
                    panic!("{name}: {outputs:?}");
                };
                assert_eq!((*told, *given), (reason, abandoned), "{name}, late: {late}");
                assert_eq!((client.deadline(), client.links().count()), (None, 0), "{name}");
            }
        }
    }
}

/// L-033 and L-085: an input about one link causes no output about another. The outputs of the other links are the
/// same as without the input.
#[test]
fn one_leg_moves_alone() {
    let life = |fault: bool| {
        let mut client = Client::new(ClientConfig::new(), 1);
        for symbol in ["btcusd", "ethusd", "solusd"] {
            client.add(at(0), Config::new(format!("ws://venue/v1/marketdata/{symbol}"))).unwrap();
        }
        client.open(at(0)).unwrap();
        let legs = links(&client);
        client.handle_connected(legs[0], at(10));
        if fault {
            client.handle_lost(legs[0], at(20), Lost::Reset);
        }
        client.handle_connected(legs[1], at(30));
        client.handle_connected(legs[2], at(40));
        if fault {
            client.handle_connect_failed(legs[0], at(50), ConnectFailure::Transport);
            while let Some(deadline) = client.deadline().filter(|deadline| deadline.at < at(5_000)) {
                client.handle_timeout(deadline.at);
            }
        }
        client.handle_lost(legs[2], at(6_000), Lost::End);
        let of = |output: &Output| match output {
            Output::Connect(link) | Output::Abort(link) => link.slot(),
            Output::Send { link, .. } | Output::Close { link, .. } => link.slot(),
            Output::Event(Event::Opened { link, .. } | Event::Live { link }) => link.slot(),
            Output::Event(Event::Disconnected { link, .. } | Event::ConnectFailed { link, .. }) => {
                link.slot()
            }
            other => panic!("{other:?}"),
        };
        drain(&mut client).into_iter().partition::<Vec<Output>, _>(|output| of(output) == 0)
    };
    let ((faulty, others), (_, undisturbed)) = (life(true), life(false));
    assert_eq!(others, undisturbed);
    assert!(faulty.len() >= 4, "{faulty:?}");
}

/// L-092: a client of two links subscribes to two hundred streams, and may send five requests in any second. The
/// limit holds for both links together, although the first one is lost in the middle of its requests. In the end all
/// streams are active.
#[test]
fn two_hundred_streams_at_five_a_second() {
    let second = Duration::from_secs(1);
    let config = Config::new("ws://venue").request_limit(5, second).streams_per_request_max(1);
    let mut client = Client::new(ClientConfig::new(), 1);
    client.add(at(0), config).unwrap();
    for number in 0..200 {
        client.subscribe(at(0), format!("sym{number}usd@trade").parse().unwrap()).unwrap();
    }
    client.open(at(0)).unwrap();
    let (mut now, mut sent, mut lost) = (at(0), Vec::new(), false);
    client.handle_connected(links(&client)[0], now);
    while client.streams().any(|stream| stream.2 != StreamState::Active) {
        for output in drain(&mut client) {
            match output {
                Output::Send { link, text } => {
                    sent.push(now);
                    let id = text.split([':', ',']).nth(1).unwrap().to_owned();
                    answer(&mut client, link, now, &format!(r#"{{"id":{id},"status":200}}"#));
                }
                Output::Connect(link) => client.handle_connected(link, now),
                _ => {}
            }
        }
        if sent.len() == 100 && !lost {
            lost = true;
            client.handle_lost(links(&client)[0], now, Lost::Reset);
        }
        if let Some(deadline) = client.deadline() {
            now = deadline.at.max(now);
            client.handle_timeout(now);
        }
        assert!(now < at(200_000), "{} sent", sent.len());
    }
    assert_eq!(sent.len(), 300);
    for (first, start) in sent.iter().enumerate() {
        let within = sent[first..].iter().take_while(|sent| sent.since(*start) <= second).count();
        assert!(within <= 5, "{within} in the second from {start:?}");
    }
}

/// The maximum number of dials, by all forty links together, in any window of this length. `REQUESTS` limits their
/// requests in the same way.
const DIALS: (u32, Duration) = (10, Duration::from_secs(60));
const REQUESTS: (u32, Duration) = (5, Duration::from_secs(1));

/// Creates a client of forty links to one host, each with a stream of its own.
fn forty_links(dials: (u32, Duration)) -> Client {
    let mut client = Client::new(ClientConfig::new(), 1);
    for number in 0..40 {
        let config =
            Config::new("ws://venue").dial_limit(dials.0, dials.1).request_limit(REQUESTS.0, REQUESTS.1);
        let endpoint = client.add(at(0), config).unwrap();
        let stream = format!("sym{number}usd@trade").parse().unwrap();
        client.subscribe_at(at(0), endpoint, stream, None).unwrap();
    }
    client.open(at(0)).unwrap();
    client
}

/// Lets time pass until all streams are active. Returns when and in which slot the client dialled, and when it sent
/// requests.
fn restore(client: &mut Client, now: &mut Instant) -> (Vec<(Instant, usize)>, Vec<Instant>) {
    let (mut dialled, mut sent) = (Vec::new(), Vec::new());
    let last = *now + Duration::from_secs(3_600);
    while client.streams().any(|stream| stream.2 != StreamState::Active) {
        for output in drain(client) {
            match output {
                Output::Connect(link) => {
                    dialled.push((*now, link.slot()));
                    client.handle_connected(link, *now);
                }
                Output::Send { link, text } => {
                    sent.push(*now);
                    let id = text.split([':', ',']).nth(1).unwrap().to_owned();
                    answer(client, link, *now, &format!(r#"{{"id":{id},"status":200}}"#));
                }
                _ => {}
            }
        }
        // Frames keep all links alive.
        for link in links(client) {
            client.handle_frame(link, *now, Frame::Ping(b""), &mut Scratch::new());
        }
        if let Some(deadline) = client.deadline() {
            *now = deadline.at.max(*now);
            client.handle_timeout(*now);
        }
        assert!(*now < last, "dialled: {dialled:?}, sent: {sent:?}");
    }
    assert!(client.links().all(|(.., state)| state == State::Live), "{:?}", links(client));
    (dialled, sent)
}

/// Ends all links of `client` at once, and lets time pass until all streams are active again. Returns what
/// [`restore`] returns, and the instant of the end.
fn end_all(client: &mut Client, now: &mut Instant) -> (Vec<(Instant, usize)>, Vec<Instant>, Instant) {
    let ended = *now;
    for link in links(client) {
        client.handle_lost(link, ended, Lost::Closed { code: Some(1001) });
    }
    assert!(client.links().all(|(.., state)| state == State::Backoff));
    let (dialled, sent) = restore(client, now);
    let mut slots: Vec<_> = dialled.iter().map(|dial| dial.1).collect();
    slots.sort_unstable();
    assert_eq!(slots, (0..40).collect::<Vec<_>>(), "each link is dialled once");
    assert_eq!(sent.len(), 40, "each stream is requested once");
    (dialled, sent, ended)
}

fn in_no_window(instants: &[Instant], (limit, window): (u32, Duration)) {
    for (first, start) in instants.iter().enumerate() {
        let within = instants[first..].iter().take_while(|at| at.since(*start) <= window).count();
        assert!(within <= limit as usize, "{within} in the window from {start:?}");
    }
}

/// L-083: the venue ends forty links at one moment. No window contains more dials or requests than the limits allow.
/// The client dials each link once, as soon as the limit allows, and all streams become active again.
#[test]
fn forty_links_end_at_once() {
    let (mut client, mut now) = (forty_links(DIALS), at(0));
    let (before, mut sent) = restore(&mut client, &mut now);
    let (dialled, requested, ended) = end_all(&mut client, &mut now);
    let both: Vec<_> = before.iter().chain(&dialled).map(|dial| dial.0).collect();
    assert_eq!(both.len(), 80);
    in_no_window(&both, DIALS);
    sent.extend(requested);
    in_no_window(&sent, REQUESTS);
    // After a burst of half of the limit, the rest of the limit is spread over the window.
    let interval = DIALS.1 / (DIALS.0 / 2);
    assert!(now.since(ended) <= interval * 40 + Duration::from_secs(1), "{:?}", now.since(ended));
}

/// L-083: the venue ends forty links at one moment, and no limit of dials holds them back. Only the backoff spreads
/// the dials. Each dial has an instant of its own. Each quarter of the range of the first delay has some dials, and
/// none has half of them.
#[test]
fn forty_links_come_back_spread_over_the_first_delay() {
    let (mut client, mut now) = (forty_links((1_000, DIALS.1)), at(0));
    restore(&mut client, &mut now);
    let (dialled, _, ended) = end_all(&mut client, &mut now);
    let delays: BTreeSet<Duration> = dialled.iter().map(|dial| dial.0.since(ended)).collect();
    assert_eq!(delays.len(), 40, "{delays:?}");
    let (least, width) = (Duration::from_millis(500), Duration::from_millis(500));
    assert!(delays.iter().all(|delay| (least..=least + width).contains(delay)), "{delays:?}");
    for quarter in 0..4 {
        let (from, to) = (least + width * quarter / 4, least + width * (quarter + 1) / 4);
        let inside = delays.range(from..to).count();
        assert!((3..20).contains(&inside), "quarter {quarter}: {inside} of {delays:?}");
    }
}

/// L-060: frames on the public link at each millisecond do not keep a silent private link open.
#[test]
fn a_busy_leg_vouches_for_no_other() {
    let (mut client, [public, private]) = two_legs();
    let mut ended = None;
    for millis in 1..46_000 {
        client.handle_frame(public, at(millis), Frame::Ping(b""), &mut Scratch::new());
        client.handle_timeout(at(millis));
        for output in drain(&mut client) {
            if let Output::Event(Event::Disconnected { link, reason: why, .. }) = output {
                assert_eq!((link, why, ended), (private, Lost::Silent, None));
                ended = Some(millis);
            }
        }
    }
    assert_eq!((ended, client.state(public)), (Some(45_000), Some(State::Live)));
}

/// L-102 and L-103: a request that the driver has not polled when the link ends was not sent, and is not sent later.
/// The outcome of the requests that the driver has polled is unknown.
#[test]
fn what_was_not_handed_out_was_not_sent() {
    use gemini_ws::RequestOutcome;
    let (mut client, [_, private]) = two_legs();
    let ids: Vec<_> = (0..10).map(|_| client.request(at(1), &Request::Time).unwrap()).collect();
    // Each request has two outputs: the event `Requested`, and the text.
    (0..8).for_each(|_| drop(client.poll_output()));
    client.handle_lost(private, at(2), Lost::Reset);
    let outputs = drain(&mut client);
    let outcome = |event: &Event<'_>| match event {
        Event::Reply { request, outcome, .. } => Some((*request, *outcome == RequestOutcome::NotSent)),
        _ => None,
    };
    let replies: Vec<_> = events(&outputs).filter_map(outcome).collect();
    let expected: Vec<_> = ids.into_iter().enumerate().map(|(at, id)| (id, at >= 4)).collect();
    assert_eq!(replies, expected);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Send { .. })), "{outputs:?}");
    client.handle_timeout(at(2_000));
    client.handle_connected(links(&client)[1], at(2_000));
    let after = drain(&mut client);
    assert!(!after.iter().any(|output| matches!(output, Output::Send { .. })), "{after:?}");
}

/// L-008 and L-009: a handler of the first event closes the client and then subscribes, while it holds the event.
/// The end is accepted at once, the subscription is refused, and the last event comes later.
#[test]
fn a_handler_ends_the_client() {
    let (mut client, [public, private]) = two_legs();
    let mut scratch = Scratch::new();
    let frame = Frame::Text(r#"{"E":4,"s":"btcusd","t":77,"p":"101.00","q":"1","m":false}"#);
    let event = client.handle_frame(public, at(1), frame, &mut scratch);
    client.close_by(at(1), at(2_000));
    let refused = client.subscribe(at(1), "ethusd@trade".parse().unwrap());
    assert_eq!(refused, Err(gemini_ws::CommandError::Closed));
    assert!(matches!(event, Some(Event::Trade(trade, _)) if trade.trade_id == 77), "{event:?}");
    let closes = drain(&mut client);
    assert!(matches!(closes[..], [Output::Close { .. }, Output::Close { .. }]), "{closes:?}");
    client.handle_lost(private, at(10), Lost::End);
    client.handle_timeout(at(2_000));
    let last = drain(&mut client).pop();
    assert!(matches!(last, Some(Output::Event(Event::Closed { .. }))), "{last:?}");
}
