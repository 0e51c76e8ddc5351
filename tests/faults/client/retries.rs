//! Faults of attempts to connect: how many the client makes, when, and after which failures.

use std::collections::BTreeSet;
use std::time::Duration;

use gemini_ws::{
    AttemptFailure, Client, ClientConfig, CloseReason, Config, ConnectFailure, Event, Frame, Instant, LinkId,
    Lost, Output, Scratch, VenueReason,
};

use super::harness::{Harness, SECOND, after, because, private, s, status, t};

/// Returns the failure of a dial whose proxy answers with this status and requests a delay of this number of seconds.
fn proxy(status: u16, retry_after: Option<u64>) -> ConnectFailure {
    ConnectFailure::ProxyStatus { status, retry_after: retry_after.map(Duration::from_secs) }
}

// ---- B12: delays, and their ceilings --------------------------------------------------------------

#[test]
pub(crate) fn b12_clients_do_not_come_back_in_the_same_instant() {
    type End = fn(&mut Client, LinkId);
    let ends: [(&str, End); 7] = [
        ("503", |client, link| client.handle_connect_failed(link, t(0), status(503))),
        ("429", |client, link| client.handle_connect_failed(link, t(0), status(429))),
        ("429 with a delay", |client, link| client.handle_connect_failed(link, t(0), after(429, 60))),
        ("a delay beyond the ceiling", |client, link| {
            client.handle_connect_failed(link, t(0), after(503, 1_000_000));
        }),
        ("404", |client, link| client.handle_connect_failed(link, t(0), status(404))),
        ("1013", |client, link| closed(client, link, 1013)),
        ("1008", |client, link| closed(client, link, 1008)),
    ];
    fn closed(client: &mut Client, link: LinkId, code: u16) {
        client.handle_connected(link, t(0));
        client.handle_lost(link, t(0), Lost::Closed { code: Some(code) });
    }
    for backoff in [None, Some(Duration::from_secs(30))] {
        for (what, end) in ends {
            let mut times = BTreeSet::new();
            for seed in 0..100 {
                let config = Config::new("ws://v").seed(seed);
                // A least delay that is also the greatest.
                let config = backoff.map_or(config.clone(), |delay| config.backoff(delay, delay));
                let mut client = Client::single(config);
                client.open(t(0)).unwrap();
                let link = client.links().next().unwrap().0;
                end(&mut client, link);
                times.insert(client.deadline().unwrap().at);
            }
            assert!(times.len() > 50, "{what}: {} times of return of a hundred clients", times.len());
        }
    }
}

#[test]
pub(crate) fn also_retry_after_has_a_ceiling() {
    for (named, max, most) in
        [(31_536_000, None, 3_602), (u64::MAX, None, 3_602), (600, Some(60), 62), (60, None, 62)]
    {
        let config = Config::new("ws://v").stay_open(true);
        let config = max.map_or(config.clone(), |max| config.retry_after_max(Duration::from_secs(max)));
        let mut harness = Harness::new(config.clone());
        let why = after(503, named);
        harness.client.handle_connect_failed(harness.link(), t(0), why);
        let told = harness.drain();
        let Some(Event::ConnectFailed { reason, retry: Some(retry), .. }) = told.first() else {
            panic!("{told:?}")
        };
        assert_eq!(*reason, why, "what was asked for is in the event");
        assert!(
            *retry <= Instant::from_secs(most) && *retry >= Instant::from_secs(named.min(most - 2)),
            "{retry:?}"
        );
        // The client holds back other links to the host for as long.
        harness.client.add(t(0), config).unwrap();
        harness.drain();
        assert_eq!(harness.dials(), 1);
        harness.pass_to(Instant::from_secs(most + 2));
        assert!(harness.dials() >= 2);
    }
}

// ---- BR-07, BR-08: failures are final only if time cannot cure them -------------------------------

#[test]
pub(crate) fn br08_what_is_final_and_what_is_not() {
    use ConnectFailure::{Certificate, CertificateTime, InvalidUrl};
    // The least delay in seconds on an endpoint that has not worked before, and on one that has; `None` if no attempt
    // follows.
    let table: &[(ConnectFailure, bool, Option<u64>, Option<u64>)] = &[
        (InvalidUrl, false, None, None),
        (ConnectFailure::NoCredentials, true, None, None),
        (ConnectFailure::NotSecure, true, None, None),
        (proxy(407, None), false, Some(0), Some(0)),
        (proxy(429, None), false, Some(30), Some(30)),
        (proxy(429, Some(60)), false, Some(60), Some(60)),
        (proxy(503, Some(60)), false, Some(60), Some(60)),
        // The proxy cannot reach the venue.
        (proxy(503, None), false, Some(0), Some(0)),
        (because(403, "InvalidApiKey"), false, None, Some(30)),
        (Certificate, false, None, Some(30)),
        (CertificateTime, false, Some(30), Some(30)),
        (status(400), true, Some(0), Some(0)),
        (because(400, "InvalidNonce"), true, Some(0), Some(0)),
        (because(400, "InvalidSignature"), true, None, Some(30)),
        (because(400, "MissingApikeyHeader"), true, None, Some(30)),
        (because(403, "InvalidApiKey"), true, None, Some(30)),
        (status(401), true, None, Some(30)),
        (status(401), false, None, Some(30)),
        (status(403), true, None, Some(30)),
        (status(403), false, Some(30), Some(30)),
        (status(404), true, None, Some(30)),
        (status(404), false, Some(30), Some(30)),
        (status(410), false, None, Some(30)),
        (status(426), false, None, Some(30)),
        (after(403, 60), true, Some(60), Some(60)),
        (after(404, 60), false, Some(60), Some(60)),
        (after(410, 60), true, Some(60), Some(60)),
        (after(401, 60), true, Some(60), Some(60)),
        (status(502), false, Some(0), Some(0)),
    ];
    for (why, is_signed, at_first, later) in table {
        for has_worked in [false, true] {
            let mut harness = Harness::new(Config::new("ws://v").authenticated(*is_signed).stay_open(true));
            if has_worked {
                harness.connect();
                let at = harness.lose(Lost::Reset).unwrap();
                harness.pass_to(at);
            }
            let (now, retry) = (harness.now, harness.fail(*why));
            let expected = if has_worked { later } else { at_first };
            let least = retry.map(|at| at.since(now).as_secs() / 30 * 30);
            assert_eq!(
                least,
                expected.map(Duration::from_secs).map(|it| it.as_secs()),
                "{why:?}, {is_signed}, {has_worked}"
            );
        }
    }
}

#[test]
pub(crate) fn br08_another_link_of_the_endpoint_has_shown_that_it_works() {
    let mut harness = Harness::new(private().streams_max(1));
    harness.client.subscribe(t(0), s("btcusd@trade")).unwrap();
    harness.client.subscribe(t(0), s("ethusd@trade")).unwrap();
    let links: Vec<LinkId> = harness.client.links().map(|link| link.0).collect();
    harness.client.handle_connected(links[0], t(0));
    harness.client.handle_connect_failed(links[1], t(1), status(403));
    assert!(harness.next_attempt().is_some(), "the credentials have been accepted over the other link");
}

#[test]
pub(crate) fn br08_a_code_of_the_peer_is_final_unless_the_link_had_lasted() {
    for code in [1010, 4001, 4003, 4401, 4403] {
        for lasts in [1, 31] {
            let mut harness = Harness::live(private());
            for second in 1..=lasts {
                harness.now = Instant::from_secs(second);
                harness.client.handle_frame(
                    harness.link(),
                    harness.now,
                    Frame::Ping(b""),
                    &mut Scratch::new(),
                );
            }
            let retry = harness.lose(Lost::Closed { code: Some(code) });
            assert_eq!(
                retry.is_some_and(|at| at >= harness.now + SECOND * 30),
                lasts > 30,
                "{code} after {lasts} s"
            );
        }
    }
}

#[test]
pub(crate) fn br09_a_reason_is_a_word_and_nothing_else() {
    let body = r#"{"result":"error","reason":"InvalidSignature","message":"no"}"#;
    assert_eq!(VenueReason::of_body(body.as_bytes()).unwrap().to_string(), "InvalidSignature");
    for body in
        ["", "<html>", "{}", r#"{"result":"error","reason":"clear \u001b[2J","message":"x"}"#, "\u{ff}"]
    {
        assert_eq!(VenueReason::of_body(body.as_bytes()), None, "{body}");
    }
    assert_eq!(VenueReason::new(&"x".repeat(200)).unwrap().as_str().len(), VenueReason::LENGTH_MAX);
    let told = because(400, "InvalidSignature").to_string();
    assert_eq!(told, "upgrade answered with HTTP status 400, InvalidSignature");
    let reason: &dyn std::error::Error = &CloseReason::ConnectRefused(ConnectFailure::Tls);
    assert_eq!(reason.to_string(), "cannot connect: TLS handshake failed");
}

// ---- C10, C11, C19: what is counted and kept ----------------------------------------------------

#[test]
pub(crate) fn c10_a_stable_link_starts_the_count_of_attempts_again() {
    let mut harness = Harness::live(private().attempts_max(1));
    for second in 0..3_600 {
        harness.now = Instant::from_secs(second);
        harness.client.handle_frame(harness.link(), harness.now, Frame::Ping(b""), &mut Scratch::new());
    }
    assert!(harness.lose(Lost::Reset).is_some(), "live for an hour, lost once, and no attempt has failed");
}

#[test]
pub(crate) fn c10_attempts_that_fail_are_counted_and_nothing_else() {
    use AttemptFailure::{Connect, Lost as WasLost};
    // Whether a link is live for a moment before it is lost.
    type Attempt = (Option<bool>, ConnectFailure, Lost);
    let refused: Attempt = (None, ConnectFailure::Refused, Lost::End);
    let lived: Attempt = (Some(true), ConnectFailure::Refused, Lost::Reset);
    let unanswered: Attempt = (Some(false), ConnectFailure::Refused, Lost::Protocol);
    let table: [(&[Attempt], Option<AttemptFailure>); 4] = [
        (&[refused, refused, refused], Some(Connect(ConnectFailure::Refused))),
        (&[lived; 20], None),
        (&[refused, lived, unanswered, lived, unanswered], Some(WasLost(Lost::Protocol))),
        (&[unanswered, unanswered], None),
    ];
    for (attempts, expected) in table {
        let mut harness = Harness::new(Config::new("ws://v").attempts_max(3));
        harness.client.subscribe(t(0), s("btcusd@trade")).unwrap();
        for (is_live, failure, loss) in attempts {
            let next = match is_live {
                None => harness.fail(*failure),
                Some(is_live) => {
                    harness.connect();
                    if *is_live {
                        harness.answer(200);
                    }
                    harness.lose(*loss)
                }
            };
            next.into_iter().for_each(|at| harness.pass_to(at));
        }
        let exhausted = expected.map(|last| CloseReason::AttemptsExhausted { attempts: 3, last });
        assert_eq!(harness.end().map(|end| end.0), exhausted, "{attempts:?}");
    }
}

#[test]
pub(crate) fn c11_one_stream_can_take_the_place_of_another_on_the_only_link() {
    let mut harness = Harness::many(ClientConfig::new().links_max(1), [Config::new("ws://v")]);
    let mut id = harness.client.subscribe(t(0), s("btcusd@trade")).unwrap();
    harness.connect();
    harness.answer(200);
    for round in 1..=3 {
        harness.now = t(round * 4_000);
        harness.client.unsubscribe(harness.now, id).unwrap();
        harness.answer(200);
        let stream = s(if round % 2 == 0 { "btcusd@trade" } else { "ethusd@trade" });
        id = harness.client.subscribe(harness.now, stream).unwrap();
        harness.answer(200);
        harness.pass_to(t(round * 4_000 + 3_900));
    }
    assert_eq!((harness.dials(), harness.client.links().count()), (1, 1));
    // In the end no stream needs it.
    harness.client.unsubscribe(harness.now, id).unwrap();
    harness.answer(200);
    let left = harness.now;
    harness.pass_to(left + Duration::from_millis(4_999));
    assert_eq!(harness.client.links().count(), 1);
    harness.pass_to(left + SECOND * 5);
    assert_eq!(harness.client.links().count(), 0);
}

#[test]
pub(crate) fn c19_open_in_a_loop_does_not_hammer() {
    let mut harness = Harness::many(ClientConfig::new(), [private(), Config::new("ws://public")]);
    let mut dials = 0;
    while harness.now < t(5_000) {
        for output in harness.new_outputs() {
            match output {
                Output::Connect(link) => {
                    dials += 1;
                    harness.client.handle_connect_failed(link, harness.now, status(401));
                }
                Output::Event(Event::LinkClosed { .. }) => harness.client.open(harness.now).unwrap(),
                _ => {}
            }
        }
        harness.now = harness.now + Duration::from_millis(1);
        harness.client.handle_timeout(harness.now);
    }
    assert!(dials <= 10, "{dials} dials in five seconds, each refused with 401");
}

/// An application subscribes again after each failed dial, which creates a link each time. The client dials no faster
/// for that.
#[test]
pub(crate) fn c19_subscribing_in_a_loop_does_not_hammer() {
    for why in [ConnectFailure::Refused, status(401), ConnectFailure::Certificate] {
        let mut harness = Harness::new(Config::new("ws://v").linger(Duration::ZERO));
        // Another link, which works, keeps the client running.
        harness.client.add(t(0), Config::new("ws://w").stay_open(true)).unwrap();
        let other = harness.link();
        harness.client.handle_connected(other, t(0));
        harness.drain();
        while harness.now < t(5_000) {
            let id = harness.client.subscribe(harness.now, s("btcusd@trade"));
            for output in harness.new_outputs() {
                if let Output::Connect(link) = output {
                    harness.client.handle_connect_failed(link, harness.now, why);
                }
            }
            id.into_iter().for_each(|id| harness.client.unsubscribe(harness.now, id).unwrap());
            harness.drain();
            harness.now = harness.now + Duration::from_millis(10);
            harness.client.handle_timeout(harness.now);
        }
        assert!(harness.dials() <= 10, "{why:?}: {} dials in five seconds", harness.dials());
    }
}
