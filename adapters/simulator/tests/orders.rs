//! The life of orders, seen by their owners and in the ledger.

mod common;

use common::trading::{FIRST, Floor, SECOND};

/// What one step yields, without the reply's place among the events, which is up to chance.
fn check(steps: &[(u64, &str, &[&str])]) -> Floor {
    let mut floor = Floor::quiet(|config| config);
    for (session, order, expected) in steps {
        let session = if *session == 1 { FIRST } else { SECOND };
        let mut happened = floor.place(session, order);
        let reply = happened.iter().position(|text| text.contains(": 2") || text.contains(": 4"));
        let reply = happened.remove(reply.unwrap());
        happened.insert(0, reply);
        assert_eq!(happened, *expected, "{order}");
    }
    floor
}

#[test]
fn lives() {
    check(&[
        (1, "btcusd BUY LIMIT GTC 1 100.00", &["1: 200", "1: NEW", "1: OPEN"]),
        // A part of it, then the rest, then more than there is.
        (
            2,
            "btcusd SELL LIMIT GTC 0.4 99.00",
            &["2: 200", "2: NEW", "1: PARTIALLY_FILLED 0.4@100 maker", "2: FILLED 0.4@100 taker"],
        ),
        (
            2,
            "btcusd SELL LIMIT GTC 1 100.00",
            &[
                "2: 200",
                "2: NEW",
                "1: FILLED 0.6@100 maker",
                "2: PARTIALLY_FILLED 0.6@100 taker",
                "2: OPEN 0.6",
            ],
        ),
    ]);
}
