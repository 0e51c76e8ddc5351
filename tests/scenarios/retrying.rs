//! Tests attempts to connect: the delay before the next one, how often they happen, and how they are spread.

use std::time::Duration;

use gemini_ws::lifecycle::State;
use gemini_ws::{Client, Config, ConnectFailure, Event, Frame, Instant, Lost, Scratch};

use testkit::single;

use super::reach::{at, dials, drain, events};

/// The shortest delay of the default backoff. The delay after the n-th failed attempt in a row is at least `BASE` and
/// at most `ceiling(n)`, which is never more than `CAP`.
const BASE: Duration = Duration::from_millis(500);
const CAP: Duration = Duration::from_secs(30);
const SLOWLY: Duration = Duration::from_secs(30);

fn ceiling(attempt: u32) -> Duration {
    (BASE * 2_u32.pow(attempt.min(10))).min(CAP)
}

fn dialling(seed: u64) -> Client {
    let mut client = Client::single(Config::new("ws://venue").seed(seed));
    client.open(at(0)).unwrap();
    client
}

/// Returns the reported delay until the next attempt, and makes that attempt. Returns `None` if no attempt follows.
fn delay(client: &mut Client, now: &mut Instant) -> Option<Duration> {
    let outputs = drain(client);
    let told = events(&outputs).find_map(|event| match event {
        Event::ConnectFailed { retry, .. } | Event::Disconnected { retry, .. } => Some(*retry),
        _ => None,
    });
    let retry = told.expect("an end is told")?;
    assert_eq!(client.deadline().map(|deadline| deadline.at), Some(retry));
    let delay = retry.since(*now);
    *now = retry;
    client.handle_timeout(retry);
    assert_eq!(single::state(client), State::Connecting);
    Some(delay)
}

fn fail(client: &mut Client, now: &mut Instant, why: ConnectFailure) -> Option<Duration> {
    client.handle_connect_failed(single::link(client), *now, why);
    delay(client, now)
}

/// L-017 and L-079: ten thousand attempts fail, and no memory grows.
#[test]
fn ten_thousand_failed_attempts() {
    let mut client = dialling(1);
    let mut now = at(0);
    let mut attempts = |times: u32| {
        for _ in 0..times {
            fail(&mut client, &mut now, ConnectFailure::NameLookup).expect("it goes on");
        }
    };
    attempts(100);
    let left = allocation_counter::measure(|| attempts(10_000));
    assert_eq!((left.count_current, left.bytes_current), (0, 0));
    assert_eq!(client.stats().connect_failures, 10_100);
    client.handle_connected(single::link(&client), now);
    assert_eq!(single::state(&client), State::Live);
}

/// L-028: a refusal of the upgrade is final, asks for a delay, or leads to the usual delay, depending on its status.
#[test]
fn refusals_of_the_upgrade() {
    let minute = Some(Duration::from_secs(60));
    let usual = Some(BASE..=ceiling(1));
    let from = |least: Duration| Some(least + BASE..=least + ceiling(1));
    for (status, retry_after, expected) in [
        (301, None, usual.clone()),
        (400, None, usual.clone()),
        (401, None, None),
        // Without a signature the refusal is about the address, and is not final.
        (403, None, from(SLOWLY)),
        (404, None, from(SLOWLY)),
        (403, minute, from(Duration::from_secs(60))),
        (410, minute, from(Duration::from_secs(60))),
        (410, None, None),
        (426, None, None),
        (429, None, from(SLOWLY)),
        (429, minute, from(Duration::from_secs(60))),
        (500, None, usual.clone()),
        (502, None, usual),
        (503, None, from(SLOWLY)),
        (503, minute, from(Duration::from_secs(60))),
        (503, Some(Duration::from_secs(31_536_000)), from(Duration::from_secs(3_600))),
    ] {
        let (mut client, mut now) = (dialling(1), at(0));
        let got = fail(&mut client, &mut now, ConnectFailure::Status { status, retry_after, reason: None });
        match (got, expected) {
            (Some(got), Some(expected)) => assert!(expected.contains(&got), "{status}: {got:?}"),
            (got, expected) => {
                assert_eq!((got, single::state(&client)), (expected.map(|_| CAP), State::Closed))
            }
        }
    }
}

/// L-029 and L-072: each of twenty links lasts for a second. The delay still grows. The first link that lasts long
/// enough resets it.
#[test]
fn a_link_must_last_to_count() {
    let (mut client, mut now) = (dialling(3), at(0));
    let live_for = |client: &mut Client, now: &mut Instant, seconds: u64| {
        client.handle_connected(single::link(client), *now);
        drain(client);
        *now = *now + Duration::from_secs(seconds);
        while client.deadline().is_some_and(|deadline| deadline.at <= *now) {
            client.handle_timeout(*now);
        }
        client.handle_lost(single::link(client), *now, Lost::End);
        delay(client, now).unwrap()
    };
    for attempt in 1..=20 {
        let delay = live_for(&mut client, &mut now, 1);
        assert!(delay >= BASE && delay <= ceiling(attempt), "{attempt}: {delay:?}");
    }
    let mut last = Vec::new();
    for _ in 0..10 {
        last.push(live_for(&mut client, &mut now, 1));
    }
    assert!(last.iter().any(|delay| *delay > CAP / 2), "it has grown: {last:?}");
    let delay = live_for(&mut client, &mut now, 31);
    assert!(delay <= ceiling(1), "{delay:?}");
}

/// L-034: the timers of earlier failed attempts do not end the link that the last attempt has opened.
#[test]
fn attempts_leave_no_watchers() {
    let (mut client, mut now) = (dialling(1), at(0));
    for _ in 0..5 {
        fail(&mut client, &mut now, ConnectFailure::Refused);
    }
    client.handle_connected(single::link(&client), now);
    let link = single::link(&client);
    // A frame comes each 0.3 of the allowed silence, in all for ten times the allowed silence.
    for _ in 0..34 {
        now = now + Duration::from_millis(13_500);
        while client.deadline().is_some_and(|deadline| deadline.at <= now) {
            client.handle_timeout(now);
        }
        let mut scratch = Scratch::new();
        client.handle_frame(link, now, Frame::Ping(b""), &mut scratch);
    }
    assert_eq!((single::state(&client), single::link(&client)), (State::Live, link));
}

/// L-048 and L-049: the code of a peer's Close frame decides whether the client dials again, and after which delay.
#[test]
fn codes_of_the_peer() {
    let usual = [None, Some(1000), Some(1001), Some(1002), Some(1003), Some(1005), Some(1006), Some(1007)];
    let usual = usual.into_iter().chain([1009, 1011, 1012, 1014, 1015, 3000, 4000, 4999, 0, 999].map(Some));
    let slowly = [1008, 1013].map(Some);
    let never = [1010, 4001, 4003, 4401, 4403].map(Some);
    let closed = |code| {
        let (mut client, mut now) = (dialling(1), at(0));
        client.handle_connected(single::link(&client), now);
        drain(&mut client);
        let (link, mut scratch) = (single::link(&client), Scratch::new());
        client.handle_frame(link, now, Frame::Close { code, reason: "" }, &mut scratch);
        delay(&mut client, &mut now)
    };
    for code in usual {
        let delay = closed(code);
        assert!(delay.is_some_and(|delay| delay <= ceiling(1)), "{code:?}: {delay:?}");
    }
    for code in slowly {
        let delay = closed(code).expect("it goes on");
        assert!((SLOWLY + BASE..=SLOWLY + ceiling(1)).contains(&delay), "{code:?}: {delay:?}");
    }
    never.into_iter().for_each(|code| assert_eq!(closed(code), None, "{code:?}"));
}

/// L-049: the peer closes five times with the code of a policy violation. Each time, the client waits for the slow
/// delay and then for the delay of the backoff, and the maximum of the latter doubles. After a fatal code the client
/// does not dial again.
#[test]
fn policy_closes_five_times() {
    let peer_closes = |client: &mut Client, now: Instant, code| {
        let (link, mut scratch) = (single::link(client), Scratch::new());
        client.handle_connected(link, now);
        drain(client);
        client.handle_frame(link, now, Frame::Close { code: Some(code), reason: "" }, &mut scratch);
        client.handle_lost(link, now, Lost::Closed { code: Some(code) });
    };
    let mut longest = [Duration::ZERO; 5];
    for seed in 0..20 {
        let (mut client, mut now) = (dialling(seed), at(0));
        for (attempt, longest) in (1..).zip(&mut longest) {
            peer_closes(&mut client, now, 1008);
            let mut early = client.clone();
            early.handle_timeout(now + SLOWLY + (BASE - Duration::from_nanos(1)));
            assert_eq!((dials(&drain(&mut early)), single::state(&early)), (0, State::Backoff));
            let delay = delay(&mut client, &mut now).expect("it goes on");
            let expected = SLOWLY + BASE..=SLOWLY + ceiling(attempt);
            assert!(expected.contains(&delay), "seed {seed}, attempt {attempt}: {delay:?}");
            assert_eq!(dials(&drain(&mut client)), 1, "seed {seed}, attempt {attempt}");
            *longest = delay.max(*longest);
        }
        peer_closes(&mut client, now, 4401);
        assert_eq!(delay(&mut client, &mut now), None);
        assert_eq!((single::state(&client), client.deadline()), (State::Closed, None));
    }
    for (attempt, longest) in (1..).zip(longest).skip(1) {
        assert!(longest > SLOWLY + ceiling(attempt - 1), "attempt {attempt}: never more than {longest:?}");
    }
}

/// L-071: a hundred clients lose their links at the same moment, and do not return at the same moment.
#[test]
fn a_hundred_clients_come_back() {
    let mut clients: Vec<_> = (0..100).map(|seed| (dialling(seed), at(0))).collect();
    for attempt in 1..=10 {
        let mut delays: Vec<Duration> = clients
            .iter_mut()
            .map(|(client, now)| fail(client, now, ConnectFailure::Refused).unwrap())
            .collect();
        delays.sort_unstable();
        let (width, last) = (ceiling(attempt) - BASE, delays.len() - 1);
        assert!(delays[0] >= BASE && delays[last] <= BASE + width, "{attempt}: {delays:?}");
        // No tenth of the range is empty, and none contains a third of them.
        for tenth in 0..10 {
            let (from, to) = (BASE + width * tenth / 10, BASE + width * (tenth + 1) / 10);
            let inside = delays.iter().filter(|delay| (from..=to).contains(delay)).count();
            assert!((1..=33).contains(&inside), "attempt {attempt}, tenth {tenth}: {inside}");
        }
    }
}

/// L-073: the delays after twenty failed attempts are as documented, each in the range of its number.
#[test]
fn twenty_failed_attempts() {
    for seed in 0..50 {
        let (mut client, mut now) = (dialling(seed), at(0));
        for attempt in 1..=20 {
            let delay = fail(&mut client, &mut now, ConnectFailure::Refused).unwrap();
            assert!(delay >= BASE && delay <= ceiling(attempt), "{attempt}: {delay:?}");
        }
    }
}

/// L-079: name look-ups fail for an hour. Each attempt looks up the name again, and then one succeeds.
#[test]
fn an_hour_without_names() {
    let (mut client, mut now) = (dialling(1), at(0));
    let mut attempts = 0;
    while now < at(3_600_000) {
        let request = client.connect_request(single::link(&client)).expect("an address with its name");
        assert_eq!(request.url, "ws://venue/?snapshot=-1");
        fail(&mut client, &mut now, ConnectFailure::NameLookup).expect("it goes on");
        attempts += 1;
    }
    assert!((120..=400).contains(&attempts), "{attempts} attempts in an hour");
    client.handle_connected(single::link(&client), now);
    assert_eq!(single::state(&client), State::Live);
}

/// L-084: four hours of maintenance. The client dials at most twice a minute, spread over half a minute; no memory
/// grows, and the client notices the end.
#[test]
fn four_hours_of_maintenance() {
    let mut client = dialling(1);
    client.subscribe(at(0), "btcusd@trade".parse().unwrap()).unwrap();
    let mut now = at(0);
    let why = ConnectFailure::Status { status: 503, retry_after: None, reason: None };
    fail(&mut client, &mut now, why).unwrap();
    let mut attempts = 0;
    let left = allocation_counter::measure(|| {
        while now < at(4 * 3_600_000) {
            let delay = fail(&mut client, &mut now, why).expect("it goes on");
            assert!(delay >= SLOWLY + BASE && delay <= SLOWLY + CAP, "{delay:?}");
            attempts += 1;
        }
    });
    assert_eq!((left.count_current, left.bytes_current), (0, 0));
    assert!((4 * 60..=4 * 120).contains(&attempts), "{attempts} attempts");
    client.handle_connected(single::link(&client), now);
    assert_eq!(single::state(&client), State::Subscribing);
}

/// L-142: two clients use one key, for which the venue allows one session. The venue closes the older session, here
/// with code 1008. In an hour the clients together open no more than two sessions a minute.
#[test]
fn two_clients_of_one_key() {
    let mut clients = [dialling(1), dialling(2)];
    let (mut now, mut opened) = (at(0), 0);
    while now < at(3_600_000) {
        for which in [0, 1] {
            if single::state(&clients[which]) == State::Connecting {
                let link = single::link(&clients[which]);
                clients[which].handle_connected(link, now);
                opened += 1;
                let other = &mut clients[1 - which];
                other.handle_lost(single::link(other), now, Lost::Closed { code: Some(1008) });
            }
        }
        let next = clients.iter().filter_map(|client| Some(client.deadline()?.at)).min();
        now = next.unwrap().max(now);
        clients.iter_mut().for_each(|client| client.handle_timeout(now));
        clients.iter_mut().for_each(|client| drop(drain(client)));
    }
    assert!((60..=121).contains(&opened), "{opened} sessions in an hour");
}
