//! Faults of copies of single rows of a list of orders.

use gemini_ws::{Endpoint, Event, EventBuf, Replay, Scratch};

/// An `EventBuf` of one row of a list of orders decodes only this row, and yields the same event as the row in the
/// list.
#[test]
fn a_copy_of_a_row_is_the_row() {
    let v1 = r#" [ {"type":"initial","order_id":"1","symbol":"btcusd","socket_sequence":1} ,
        {"type":"initial","order_id":"x","symbol":"btcusd","socket_sequence":2},{"type":"strange","order_id":"3"},
        {"type":"fill","order_id":"4","client_order_id":"\u0061\"b","symbol":"btcusd","side":"buy",
        "fill":{"trade_id":"9","price":"1","amount":"2"},"socket_sequence":4}]"#;
    let streams = r#"{"e":"orderSnapshot", "orders" : [ {"E":1,"s":"BTCUSD","i":7,"c":"a1","S":"BUY","X":"OPEN"},
        {"E":1,"s":"BTCUSD","i":"no","X":"OPEN"} ,{"E":1,"s":"BTCUSD","i":8,"X":"NEW"}]}"#;
    for (endpoint, frame, kinds) in
        [(Endpoint::OrderEventsV1, v1, "OMUO"), (Endpoint::Streams, streams, "OMO")]
    {
        let mut scratch = Scratch::new();
        let event = Replay::new(endpoint).event(frame, &mut scratch).unwrap().unwrap();
        let mut seen = String::new();
        for part in event.parts() {
            seen.push(match part {
                Event::Order(..) => 'O',
                Event::Malformed(..) => 'M',
                Event::Unrecognized(..) => 'U',
                _ => '?',
            });
            let mut kept = EventBuf::from(&part);
            assert_eq!(kept.as_event(), part);
            assert_eq!(EventBuf::from(&kept.as_event()).as_event(), part, "a copy of the copy");
        }
        assert_eq!(seen, kinds);
    }
}
