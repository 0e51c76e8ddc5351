//! Faults of balances and positions that two links report.

use std::time::Duration;

use gemini_ws::{HeldAmount, LinkId, Lost, StaleReason};

use super::super::line::ack;
use super::fed::{Fed, pair, s, t};

/// The total of USD, the reason why it is stale, and whether the list of balances is stale.
type Seen = (&'static str, Option<StaleReason>, bool);

/// What happens over a link. The first number is the index of the link; the time of a report is in seconds.
enum Step {
    Confirmed(usize),
    Report(usize, u64, &'static [(&'static str, &'static str)]),
    Malformed(usize),
    Removed(usize),
}
use Step::{Confirmed, Malformed, Removed, Report};

/// Subscribes at two endpoints. Also returns the confirmation of each link.
fn shared(stream: &str) -> (Fed, Vec<(LinkId, String)>) {
    let (mut fed, links) = pair(["ws://v", "ws://w"]);
    let ids: Vec<_> = fed.client.endpoints().collect();
    let mut acks = Vec::new();
    for (id, link) in ids.into_iter().zip(links) {
        fed.client.subscribe_at(t(1), id, s(stream), None).unwrap();
        fed.poll();
        acks.push((link, ack(&fed.sent.pop().unwrap())));
    }
    (fed, acks)
}

fn balances(time: u64, rows: &[(&str, &str)]) -> String {
    let rows: Vec<String> =
        rows.iter().map(|(asset, n)| format!(r#"{{"a":"{asset}","f":"{n}","c":"{n}"}}"#)).collect();
    format!(r#"{{"e":"balanceUpdate","E":{time}000000001,"u":1,"B":[{}]}}"#, rows.join(","))
}

fn position(time: u64, symbol: &str, amount: &str) -> String {
    format!(
        r#"{{"e":"positionReport","E":{time}000000001,"u":1,"A":8,"P":[{{"t":"ec","s":"{symbol}","a":[{{"t":"position","v":"{amount}"}}]}}]}}"#
    )
}

/// The first report of each link lists all balances. The list of balances is stale only if neither link has delivered
/// all reports since its first one. An older balance does not replace a newer one.
#[test]
fn balances_of_two_links_are_as_new_as_the_newer_link() {
    const BOTH: &[(&str, &str)] = &[("BTC", "1"), ("USD", "1")];
    const NEWER: &[(&str, &str)] = &[("USD", "2")];
    let gone = Some(StaleReason::NotSubscribed);
    // The amount of USD, whether it is stale, and whether the list is stale.
    let cases: [(&str, &[Step], Seen); 7] = [
        (
            "the lists come before the confirmations",
            &[Report(0, 1, BOTH), Report(1, 1, BOTH), Confirmed(0), Confirmed(1)],
            ("1", None, false),
        ),
        (
            "one confirmation is late",
            &[Confirmed(0), Report(0, 1, BOTH), Report(1, 2, BOTH), Report(0, 3, NEWER), Confirmed(1)],
            ("2", None, false),
        ),
        (
            "the list of the slower link is older than a change",
            &[Confirmed(0), Report(0, 1, BOTH), Report(0, 3, NEWER), Confirmed(1), Report(1, 2, BOTH)],
            ("2", None, false),
        ),
        (
            "the list of the slower link is older than a link that has ended",
            &[Report(0, 1, BOTH), Report(0, 3, NEWER), Removed(0), Report(1, 2, BOTH)],
            ("2", None, false),
        ),
        (
            "one link ends",
            &[Confirmed(0), Report(0, 1, BOTH), Confirmed(1), Report(1, 1, BOTH), Removed(1)],
            ("1", None, false),
        ),
        (
            "one link loses a report, and the other link ends later",
            &[Report(0, 1, BOTH), Report(1, 1, BOTH), Malformed(1), Report(0, 3, NEWER), Removed(0)],
            ("2", gone, true),
        ),
        (
            "one link loses a report, and its next report is newer than one of the other link",
            &[
                Report(0, 1, BOTH),
                Report(1, 1, BOTH),
                Malformed(1),
                Report(1, 4, &[("BTC", "9")]),
                Report(0, 3, NEWER),
            ],
            ("2", None, false),
        ),
    ];
    for (name, steps, expected) in cases {
        let (mut fed, acks) = shared("balances@account");
        let ids: Vec<_> = fed.client.endpoints().collect();
        for (at, step) in (2..).zip(steps) {
            match *step {
                Confirmed(link) => fed.feed_over(acks[link].0, at, &acks[link].1),
                Report(link, time, rows) => fed.feed_over(acks[link].0, at, &balances(time, rows)),
                Malformed(link) => fed.feed_over(acks[link].0, at, r#"{"e":"balanceUpdate","E":2,"B":7}"#),
                Removed(link) => {
                    fed.client.remove(t(at), ids[link]).unwrap();
                    fed.client.handle_lost(acks[link].0, t(at), Lost::End);
                    fed.poll();
                }
            }
        }
        let usd = fed.balances.get("USD").unwrap().total().as_str();
        assert_eq!((usd, fed.balances.stale_reason("USD"), fed.balances.is_stale()), expected, "{name}");
    }
}

/// The first report of the second link may be older than that of the first link, or may list only changes. It
/// replaces no newer position, and newer reports of the first link still apply.
#[test]
fn positions_of_two_links_are_as_new_as_the_newer_link() {
    let held = |fed: &Fed, symbol: &str| {
        let symbol = symbol.parse().unwrap();
        (fed.positions.get(symbol).unwrap()[0].value.to_string(), fed.positions.stale_reason(symbol))
    };
    let (mut fed, acks) = shared("positions@account@1s");
    fed.feed_over(acks[0].0, 2, &acks[0].1);
    fed.feed_over(acks[0].0, 3, &position(3, "GEMI-A", "2"));
    fed.feed_over(acks[1].0, 4, &acks[1].1);
    fed.feed_over(acks[1].0, 5, &position(2, "GEMI-A", "1"));
    assert_eq!(held(&fed, "GEMI-A"), ("2".into(), None));

    let (mut fed, acks) = shared("positions@account");
    fed.feed_over(acks[0].0, 2, &acks[0].1);
    let asked = fed.positions.moment();
    assert!(
        fed.positions.reconcile([("GEMI-A".parse().unwrap(), vec![HeldAmount::new("position", "1")])], asked)
    );
    fed.feed_over(acks[1].0, 3, &acks[1].1);
    fed.feed_over(acks[1].0, 4, &position(4, "GEMI-B", "7"));
    fed.feed_over(acks[0].0, 5, &position(3, "GEMI-A", "2"));
    assert_eq!((held(&fed, "GEMI-A"), fed.positions.is_stale()), (("2".into(), None), false));
    // The second link may not have reported earlier changes.
    fed.client.handle_lost(acks[0].0, t(6), Lost::Reset);
    fed.poll();
    assert_eq!(held(&fed, "GEMI-A").1, Some(StaleReason::Disconnected));
}

/// What happens after a question to REST.
#[derive(Clone, Copy, Debug)]
enum After {
    /// The link whose stream has ended delivers an old report.
    Late(&'static str, &'static str),
    /// The other link reports another amount of GEMI-A.
    Change(&'static str),
    /// REST answers that the amount of GEMI-A is 50.
    Answer,
}

/// Two links report the positions. The first link stalls, so its stream counts as silent.
fn stalled() -> (Fed, Vec<LinkId>) {
    let (mut fed, links) = pair(["ws://v", "ws://w"]);
    let ids: Vec<_> = fed.client.endpoints().collect();
    for ((id, link), silence) in ids.into_iter().zip(links).zip([Some(Duration::from_secs(10)), None]) {
        fed.client.subscribe_at(t(1), id, s("positions@account"), silence).unwrap();
        fed.poll();
        let text = fed.sent.pop().unwrap();
        fed.feed_over(link, 1, &ack(&text));
    }
    fed.feed_over(links[0], 2, &position(1, "GEMI-A", "100"));
    while let Some(deadline) = fed.client.deadline().filter(|deadline| deadline.at <= t(12_000)) {
        fed.client.handle_timeout(deadline.at);
        fed.poll();
    }
    assert!(fed.log.iter().any(|event| event.starts_with("Silent")), "{:?}", fed.log);
    (fed, links.to_vec())
}

/// A report comes after the end of its stream, so it may be older than the answer of REST and than the report of the
/// other link. In the end the position is that of the other link's report or, without such a report, that of the
/// answer.
#[test]
fn a_late_report_hides_neither_an_answer_nor_a_report_of_another_link() {
    use After::{Answer, Change, Late};
    const LATE: After = Late("GEMI-A", "90");
    let cases: [(&[After], &str); 6] = [
        (&[LATE, Answer], "50"),
        (&[Answer, LATE], "50"),
        (&[Change("60"), LATE, Answer], "60"),
        (&[Change("60"), Answer, LATE], "60"),
        (&[LATE, Change("60"), Answer], "60"),
        (&[Late("GEMI-B", "7"), Answer], "50"),
    ];
    for (steps, expected) in cases {
        let (mut fed, links) = stalled();
        let asked = fed.positions.moment();
        for step in steps {
            match *step {
                Late(symbol, amount) => fed.feed_over(links[0], 12_001, &position(5, symbol, amount)),
                Change(amount) => fed.feed_over(links[1], 12_001, &position(5, "GEMI-A", amount)),
                Answer => {
                    let held = ("GEMI-A".parse().unwrap(), vec![HeldAmount::new("position", "50")]);
                    assert!(fed.positions.reconcile([held], asked), "{steps:?}");
                }
            }
        }
        let shown: Vec<_> = fed
            .positions
            .iter()
            .map(|(symbol, amounts)| (symbol.to_string(), amounts[0].value.to_string()))
            .collect();
        assert_eq!(shown, [("GEMI-A".to_owned(), expected.to_owned())], "{steps:?}");
        let reasons = ["GEMI-A", "GEMI-B"].map(|symbol| fed.positions.stale_reason(symbol.parse().unwrap()));
        assert_eq!(reasons, [None; 2], "{steps:?}");
    }
}
