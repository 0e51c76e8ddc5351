//! Tests the examples of the protocol's reference. Each frame of the venue has the kind that its file name states,
//! and the slow decoder returns the same message as the decoder.

use gemini_ws::{Endpoint, Scratch};
use testkit::{frames, oracle};

/// The beginning of a file name, and the kind of the frame in such a file. If several rows match, the first one
/// applies.
type Kinds = &'static [(&'static str, &'static str)];

const STREAMS: Kinds = &[
    ("book_ticker.", "book_ticker"),
    ("depth_update.", "depth"),
    ("partial_depth.", "partial_depth"),
    ("trade.", "trade"),
    ("contract_status.", "contract_status"),
    ("mark_price.", "mark_price"),
    ("funding_amount.", "funding_amount"),
    ("response.", "response"),
    ("error.", "response"),
    ("order_update.", "order_update"),
    ("order_snapshot.", "order_snapshot"),
    ("balance_update.", "balance_update"),
    ("position_report.", "position_report"),
    ("rfq.private.", "quote_update"),
    ("rfq.public.", "request_for_quote"),
    ("settlements.", "settlements"),
];

const MARKET_V2: Kinds = &[
    ("auction_", "auction"),
    ("candles_", "candles"),
    ("error.", "error"),
    ("funding_amount_updates.", "funding_amounts"),
    ("heartbeat.", "heartbeat"),
    ("l2_updates.", "l2_updates"),
    ("mark_price_updates.", "mark_prices"),
    ("trade.", "trade"),
];

const MARKET_V1: Kinds = &[("heartbeat.", "heartbeat"), ("update.", "market_update")];

const ORDERS_V1: Kinds = &[
    ("error.", "error"),
    ("heartbeat.", "heartbeat"),
    ("subscription_ack.", "subscription_ack"),
    ("", "order_events"),
];

#[test]
fn every_example_is_of_its_kind() {
    let endpoints = [
        (Endpoint::Streams, STREAMS),
        (Endpoint::MarketDataV2, MARKET_V2),
        (Endpoint::MarketDataV1, MARKET_V1),
        (Endpoint::OrderEventsV1, ORDERS_V1),
    ];
    // A schema's description is not a frame.
    let sent = |name: &str| {
        name.ends_with(".json") && !name.starts_with("request.") && !name.ends_with(".asyncapi.json")
    };
    let mut scratch = Scratch::new();
    for (endpoint, kinds) in endpoints {
        let Some(examples) = frames::examples(endpoint, sent) else { return };
        for example in examples {
            let (_, kind) =
                kinds.iter().find(|(name, _)| example.name.starts_with(name)).expect(&example.name);
            let message = endpoint.decode(&example.text, &mut scratch).expect(&example.name);
            let said = oracle::said(&message, &example.text);
            assert_eq!(said["kind"], *kind, "{}", example.name);
            for list in ["events", "orders", "entries"] {
                for part in said[list].as_array().into_iter().flatten() {
                    let kind = &part["kind"];
                    assert!(kind != "unrecognized" && kind != "malformed", "{}: {part}", example.name);
                }
            }
            oracle::check_everywhere(&example.text, &mut scratch);
        }
    }
}
