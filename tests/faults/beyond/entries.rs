//! Faults of frames of market data v1: which entries decide whether the client uses the frame, ignores it, or
//! replaces the link.

use gemini_ws::{Config, Event, IgnoredReason, Lost};

use super::super::line::Line;

const CHANGE: &str =
    r#"{"type":"change","side":"bid","price":"9","remaining":"1","delta":"1","reason":"initial"}"#;

/// A frame has a change of a symbol that the address does not name, and a second entry. The client ignores the frame.
/// It also replaces the link if the second entry is certainly about the symbol of the address: the entry names that
/// symbol, or can be decoded and names none.
#[test]
fn an_entry_without_a_known_symbol_decides_nothing() {
    let foreign = CHANGE.replace(r#""side""#, r#""symbol":"ETHUSD","side""#);
    let own = CHANGE.replace(r#""side""#, r#""symbol":"BTCUSD","side""#);
    for (other, is_lost) in [
        (r#"{"type":"trade","symbol":"ETHUSD","tid":1,"price":"9","amount":"2"}"#, false),
        (r#"{"type":"trade","symbol":"ETHUSD","tid":1,"price":"nine","amount":"2"}"#, false),
        (r#"{"type":"trade","tid":1,"price":"nine","amount":"2"}"#, false),
        (r#"{"type":"auction_open","symbol":"ETHUSD","auction_open_ms":"x"}"#, false),
        (r#"{"type":"block_trade","symbol":7,"tid":1,"price":"9","amount":"2"}"#, false),
        (r#"{"type":"of a new kind","symbol":"ETHUSD"}"#, false),
        (r#"{"type":"trade","symbol":"BTCUSD","tid":1,"price":"9","amount":"2"}"#, true),
        (r#"{"type":"trade","tid":1,"price":"9","amount":"2"}"#, true),
        (r#"{"type":"trade","symbol":"BTCUSD","tid":"x","price":"9","amount":"2"}"#, true),
        (r#"{"tid":1,"price":"nine","symbol":"BTCUSD","amount":"2","type":"trade"}"#, true),
        (r#"{"type":"of a new kind","symbol":"BTCUSD"}"#, true),
        (&own, true),
        (CHANGE, true),
    ] {
        for entries in [format!("{foreign},{other}"), format!("{other},{foreign}")] {
            let update = |number: u64, entries: &str| {
                // A book begins only once.
                let entries = entries.replace("initial", if number == 0 { "initial" } else { "place" });
                format!(
                    r#"{{"type":"update","eventId":{number},"socket_sequence":{number},"events":[{entries}]}}"#
                )
            };
            let mut line = Line::open(Config::new("ws://v/v1/marketdata/btcusd"), []);
            line.hear(1, &update(0, CHANGE)).unwrap();
            let mut event = line.hear(2, &update(1, &entries)).unwrap();
            let Event::Ignored(ignored, _) = event.as_event() else { panic!("{entries}: {event:?}") };
            assert_eq!(ignored.reason, IgnoredReason::NotSubscribed, "{entries}");
            let lost = if is_lost { vec![Lost::SequenceGap] } else { Vec::new() };
            assert_eq!(line.losses, lost, "{entries}");
            // The next link opens when it is due.
            let before = line.link;
            if is_lost {
                line.wait(10_000);
            }
            assert_eq!(line.link != before, is_lost, "{entries}");
            if !is_lost {
                let mut event = line.hear(3, &update(2, CHANGE)).unwrap();
                assert!(matches!(event.as_event(), Event::Batch(..)), "{event:?}");
            }
        }
    }
}
