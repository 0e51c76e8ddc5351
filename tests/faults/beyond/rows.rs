//! Faults of lists of balances and positions: with as many rows as fit or more, and with several rows for one key.

use gemini_ws::{Event, HeldAmount, StaleReason, Topic};

use super::fed::Fed;

const ROWS_MAX: usize = 65_536;

fn balances(from: usize, count: usize) -> String {
    let rows: Vec<String> =
        (from..from + count).map(|n| format!(r#"{{"a":"A{n}","f":"1","c":"1"}}"#)).collect();
    format!(r#"{{"e":"balanceUpdate","E":1,"u":1,"B":[{}]}}"#, rows.join(","))
}

/// `Balances` is full. The next whole list lacks one asset and has another one. `Balances` first removes the missing
/// asset, so the new one fits.
#[test]
fn a_whole_list_makes_room_before_it_is_kept() {
    let mut fed = Fed::private(&["balances@account@1s"]);
    fed.feed(2, &balances(0, ROWS_MAX));
    fed.feed(3, &balances(1, ROWS_MAX));
    assert_eq!((fed.balances.iter().count(), fed.balances.untracked()), (ROWS_MAX, 0));
    assert!(!fed.balances.is_stale() && fed.balances.get("A0").is_none());
    assert!(fed.balances.get("A65536").is_some());

    fed.apply(&Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 1 });
    let asked = fed.balances.moment();
    let names: Vec<String> = (0..ROWS_MAX).map(|n| format!("B{n}")).collect();
    assert!(fed.balances.reconcile(names.iter().map(|name| (name.as_str(), "2", "2")), asked));
    assert_eq!((fed.balances.iter().count(), fed.balances.untracked()), (ROWS_MAX, 0));
    assert!(fed.balances.get("A7").is_none() && fed.balances.get("B7").is_some());
}

/// A list has more assets than `Balances` can keep. An asset that it could not keep is stale.
#[test]
fn a_list_that_lacks_rows_is_stale() {
    let full = Some(StaleReason::NoRoom);
    let mut fed = Fed::private(&["balances@account@1s"]);
    fed.feed(2, &balances(0, ROWS_MAX + 2));
    assert_eq!((fed.balances.iter().count(), fed.balances.untracked()), (ROWS_MAX, 2));
    assert_eq!((fed.balances.stale_reason("A0"), fed.balances.stale_reason("A65536")), (None, full));
    // The answer has too many as well.
    let asked = fed.balances.moment();
    let names: Vec<String> = (0..=ROWS_MAX).map(|n| format!("B{n}")).collect();
    assert!(!fed.balances.reconcile(names.iter().map(|name| (name.as_str(), "2", "2")), asked));
    assert_eq!((fed.balances.stale_reason("B0"), fed.balances.stale_reason("B65536")), (None, full));
    fed.feed(3, &balances(0, 10));
    assert!(!fed.balances.is_stale());

    // A report of a change.
    let mut fed = Fed::private(&["balances@account"]);
    fed.feed(2, &balances(0, ROWS_MAX));
    assert!(!fed.balances.is_stale());
    let asked = fed.balances.moment();
    fed.feed(3, &balances(ROWS_MAX, 1));
    assert_eq!((fed.balances.stale_reason("A0"), fed.balances.stale_reason("A65536")), (None, full));
    assert!(!fed.balances.reconcile([], asked), "the answer is older than the row that was not kept");
    let asked = fed.balances.moment();
    assert!(fed.balances.reconcile([("USD", "1", "1")], asked));
    assert_eq!((fed.balances.stale_reason("A0"), fed.balances.iter().count()), (None, 1));
}

/// `Balances` is full, so the reported list lacks one asset and is stale. An answer of REST says which assets to
/// keep. Those that are current keep the balance that the stream reported, because the answer may be older.
#[test]
fn an_answer_makes_room_and_keeps_what_is_current() {
    let mut fed = Fed::private(&["balances@account"]);
    fed.feed(2, &balances(0, ROWS_MAX));
    fed.feed(3, &balances(ROWS_MAX, 1));
    let asked = fed.balances.moment();
    assert!(fed.balances.reconcile([("A0", "0", "0"), ("USD", "7", "7")], asked));
    let rows: Vec<_> = fed.balances.iter().map(|(asset, it)| (asset, it.total().as_str())).collect();
    assert_eq!((rows, fed.balances.is_stale()), (vec![("A0", "1"), ("USD", "7")], false));
}

fn amounts(fed: &Fed) -> Vec<(String, String)> {
    let held = fed.positions.get("GEMI-A-UP".parse().unwrap()).unwrap_or_default();
    held.iter().map(|amount| (amount.label.to_string(), amount.value.to_string())).collect()
}

#[test]
fn a_position_has_the_amounts_of_all_its_rows() {
    let report = |rows: [&str; 2]| {
        let rows = rows.map(|it| format!(r#"{{"t":"ec","s":"GEMI-A-UP","a":[{it}]}}"#)).join(",");
        format!(r#"{{"e":"positionReport","E":1,"u":1,"A":8,"P":[{rows}]}}"#)
    };
    let position = r#"{"t":"position","v":"-100"}"#;
    let payout = r#"{"t":"settlement_payout","v":"5.00","c":"usd","o":"YES"}"#;
    let both = [("position", "-100"), ("settlement_payout", "5.00")].map(|(a, b)| (a.into(), b.into()));
    for stream in ["positions@account", "positions@account@1s"] {
        let mut fed = Fed::private(&[stream]);
        for _ in 0..2 {
            fed.feed(2, &report([position, payout]));
            assert_eq!(amounts(&fed), both, "{stream}: of one report, not of several");
        }
        fed.apply(&Event::Overflow { topic: Topic::Positions, symbol: None, dropped: 1 });
        let asked = fed.positions.moment();
        let row = |label, value| ("GEMI-A-UP".parse().unwrap(), vec![HeldAmount::new(label, value)]);
        let found = [row("position", "-7"), row("settlement_payout", "3")];
        assert!(fed.positions.reconcile(found.clone(), asked));
        assert_eq!(
            amounts(&fed),
            [("position", "-7"), ("settlement_payout", "3")].map(|(a, b)| (a.into(), b.into()))
        );
        // A report that is newer than the answer.
        fed.apply(&Event::Overflow { topic: Topic::Positions, symbol: None, dropped: 1 });
        let asked = fed.positions.moment();
        fed.feed(3, &report([position, payout]));
        fed.positions.reconcile(found, asked);
        assert_eq!(amounts(&fed), both, "{stream}");
    }
}

/// If two rows name one asset, the last one applies, because two balances cannot be added.
#[test]
fn the_last_row_of_an_asset_counts() {
    let mut fed = Fed::private(&["balances@account"]);
    fed.feed(
        2,
        r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"1","c":"1"},{"a":"USD","f":"2","c":"2"}]}"#,
    );
    assert_eq!(fed.balances.get("USD").unwrap().total().as_str(), "2");
    fed.apply(&Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 1 });
    let asked = fed.balances.moment();
    assert!(fed.balances.reconcile([("USD", "3", "3"), ("USD", "4", "4")], asked));
    assert_eq!(fed.balances.get("USD").unwrap().total().as_str(), "4");
}
