//! Lists the members of every kind of frame, and puts odd values into each of them.
//!
//! Each member is of one of two kinds: programs calculate with accounted members, and the other members only inform.

use gemini_ws::{Endpoint, Scratch};
use serde_json::Value;

use super::oracle;

#[derive(Debug)]
pub struct Kind {
    pub endpoint: Endpoint,
    pub frame: &'static str,
    /// For each member that only informs: the JSON pointer to the member in the frame, and the pointer to its value
    /// in the serialised message. An odd value of such a member changes nothing else in the message.
    pub informs: &'static [(&'static str, &'static str)],
    /// For each accounted member: the JSON pointer to the member in the frame, and the pointer to its value in the
    /// serialised message. Unless an odd value makes the frame malformed, the message has exactly this value or null.
    pub accounts: &'static [(&'static str, &'static str)],
}

/// Values that no decoder expects, as JSON. The last one stands for a missing member.
pub const VALUES: [Option<&str>; 19] = [
    Some("null"),
    Some(r#""""#),
    Some(r#""soon""#),
    Some("true"),
    Some("-1"),
    Some("1.5"),
    Some("7"),
    Some("1e400"),
    Some(r#""4.3E-7""#),
    Some("1234567890123456789012345678901234567890"),
    Some(r#""0.1234567890123456789012345678901234567890""#),
    Some(r#""half of a pair \ud83d""#),
    Some(r#""no half of a pair \ufffd""#),
    Some(r#""\ude00""#),
    Some(r#""\"quoted\" \u00e9""#),
    Some("[]"),
    Some(r#"[1,{"a":[null]}]"#),
    Some("{}"),
    None,
];

#[rustfmt::skip]
pub const KINDS: &[Kind] = &[
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"e":"orderUpdate","E":1,"s":"BTCUSD","i":77,"h":"al","c":"a1","S":"BUY","o":"LIMIT","X":"PARTIALLY_FILLED","O":"YES","p":"100","P":"99","q":"2","z":"1","Z":"1","L":"100","a":"100","t":5,"n":"0.1","N":"USD","m":true,"f":"GTC","r":"why","T":2}"#,
        informs: &[
            ("/E", "/event_time"), ("/T", "/transaction_time"), ("/h", "/alias"), ("/o", "/order_type"),
            ("/O", "/outcome"), ("/P", "/stop_price"), ("/z", "/remaining_quantity"), ("/a", "/average_price"),
            ("/n", "/fill/fee"), ("/N", "/fill/fee_currency"), ("/m", "/fill/liquidity"), ("/f", "/time_in_force"),
            ("/r", "/reason"), ("/S", "/side"),
        ],
        accounts: &[
            ("/i", "/order_id"), ("/s", "/symbol"), ("/c", "/client_order_id"), ("/X", "/status"), ("/p", "/price"),
            ("/q", "/quantity"), ("/Z", "/fill/quantity"), ("/L", "/fill/price"), ("/t", "/fill/trade_id"),
        ],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"e":"orderSnapshot","orders":[{"E":1,"s":"BTCUSD","i":77,"c":"a1","S":"BUY","o":"LIMIT","X":"OPEN","p":"100","P":"99","q":"2","z":"1","Z":"1","a":"100","r":"why","T":2}]}"#,
        informs: &[
            ("/orders/0/E", "/orders/0/event_time"), ("/orders/0/T", "/orders/0/transaction_time"),
            ("/orders/0/P", "/orders/0/stop_price"), ("/orders/0/z", "/orders/0/remaining_quantity"),
            ("/orders/0/a", "/orders/0/average_price"), ("/orders/0/r", "/orders/0/reason"),
        ],
        accounts: &[
            ("/orders/0/i", "/orders/0/order_id"), ("/orders/0/s", "/orders/0/symbol"),
            ("/orders/0/p", "/orders/0/price"), ("/orders/0/q", "/orders/0/quantity"),
            ("/orders/0/Z", "/orders/0/executed_quantity"),
        ],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"e":"balanceUpdate","E":1,"u":2,"B":[{"a":"USD","f":"100","c":"110"}]}"#,
        informs: &[("/E", "/event_time"), ("/u", "/update_time")],
        accounts: &[
            ("/B/0/a", "/balances/0/asset"), ("/B/0/f", "/balances/0/available"), ("/B/0/c", "/balances/0/total"),
        ],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"e":"positionReport","E":1,"u":2,"A":8,"P":[{"t":"ec","s":"GEMI-A-UP","a":[{"t":"position","v":"100","c":"usd","o":"YES"}]}]}"#,
        informs: &[
            ("/E", "/event_time"), ("/u", "/update_time"), ("/A", "/account_id"), ("/P/0/t", "/positions/0/product"),
            ("/P/0/a/0/c", "/positions/0/amounts/0/asset"), ("/P/0/a/0/o", "/positions/0/amounts/0/outcome"),
        ],
        accounts: &[
            ("/P/0/s", "/positions/0/symbol"), ("/P/0/a/0/t", "/positions/0/amounts/0/label"),
            ("/P/0/a/0/v", "/positions/0/amounts/0/value"),
        ],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"type":"settlements","settlements":[{"symbol":"GEMI-A","position":"5","payout":"4.5","outcome":"YES"}]}"#,
        informs: &[("/settlements/0/payout", "/settlements/0/payout")],
        accounts: &[
            ("/settlements/0/symbol", "/settlements/0/symbol"), ("/settlements/0/position", "/settlements/0/position"),
            ("/settlements/0/outcome", "/settlements/0/outcome"),
        ],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"u":7,"E":1,"s":"btcusd","b":"99","B":"1","a":"101","A":"2","c":"100","C":"3"}"#,
        informs: &[("/E", "/event_time"), ("/c", "/last_trade"), ("/C", "/last_trade")],
        accounts: &[
            ("/u", "/update_id"), ("/s", "/symbol"), ("/b", "/bid/price"), ("/B", "/bid/quantity"),
            ("/a", "/ask/price"), ("/A", "/ask/quantity"),
        ],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"E":1,"s":"btcusd","t":5,"p":"100","q":"2","m":true}"#,
        informs: &[("/E", "/event_time")],
        accounts: &[("/s", "/symbol"), ("/t", "/trade_id"), ("/p", "/price"), ("/q", "/quantity")],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":1,"u":9,"b":[["99","1"]],"a":[["101","2"]]}"#,
        informs: &[("/E", "/event_time")],
        accounts: &[
            ("/s", "/symbol"), ("/U", "/first_update_id"), ("/u", "/last_update_id"), ("/b/0/0", "/bids/0/price"),
            ("/b/0/1", "/bids/0/quantity"), ("/a/0/0", "/asks/0/price"), ("/a/0/1", "/asks/0/quantity"),
        ],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"e":"contractStatus","E":1,"s":"GEMI-T-LO","k":"T","c":"LO","i":1,"p":"12.50","o":"Approved","n":"Active"}"#,
        informs: &[("/E", "/event_time"), ("/p", "/strike"), ("/o", "/previous_status")],
        accounts: &[("/s", "/symbol"), ("/i", "/contract_id"), ("/n", "/status")],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"e":"markPrice","E":1,"s":"btcgusdperp","p":"100","i":"1000"}"#,
        informs: &[("/E", "/event_time"), ("/i", "/scaled_index")],
        accounts: &[("/s", "/symbol"), ("/p", "/mark_price")],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"e":"fundingAmount","E":1,"s":"btcgusdperp","T":2,"i":60,"f":"0.5","r":"0.009","p":"100","R":true}"#,
        informs: &[("/E", "/event_time"), ("/i", "/interval_minutes"), ("/r", "/rate_percent"), ("/p", "/mark_price")],
        accounts: &[("/s", "/symbol"), ("/T", "/funding_time")],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"e":"requestForQuote","E":1,"r":"r1","s":"GEMI-C","l":[],"n":"100","q":"5","f":"4","S":"OPEN","w":1,"x":2,"c":3}"#,
        informs: &[
            ("/E", "/event_time"), ("/n", "/notional"), ("/w", "/submission_ends"), ("/x", "/expires"),
            ("/c", "/confirmation_ends"),
        ],
        accounts: &[("/r", "/rfq_id"), ("/s", "/symbol"), ("/q", "/quantity"), ("/f", "/execution_quantity"), ("/S", "/status")],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"e":"requestForQuote","i":"ev","E":1,"r":"r1","x":"ACCEPTED","S":"OPEN","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE","vu":5}"#,
        informs: &[("/E", "/event_time"), ("/vu", "/valid_until")],
        accounts: &[
            ("/r", "/rfq_id"), ("/x", "/step"), ("/S", "/status"), ("/q", "/quote_id"), ("/p", "/price"),
            ("/sz", "/quantity"), ("/qs", "/quote_status"),
        ],
    },
    Kind {
        endpoint: Endpoint::Streams,
        frame: r#"{"id":1,"status":400,"error":{"code":-1013,"msg":"no"}}"#,
        informs: &[("/error/code", "/error/code"), ("/error/msg", "/error/message"), ("/error", "/error")],
        accounts: &[],
    },
    Kind {
        endpoint: Endpoint::MarketDataV2,
        frame: r#"{"type":"trade","symbol":"BTCUSD","event_id":3,"tid":4,"timestamp":5,"price":"100","quantity":"2","side":"buy"}"#,
        informs: &[("/timestamp", "/event_time"), ("/event_id", "/event_id")],
        accounts: &[("/symbol", "/symbol"),  ("/price", "/price"), ("/quantity", "/quantity"), ("/side", "/taker")],
    },
    Kind {
        endpoint: Endpoint::MarketDataV2,
        frame: r#"{"type":"trade","symbol":"BTCUSD","tid":4,"price":"100","quantity":"2","side":"buy"}"#,
        informs: &[],
        accounts: &[("/tid", "/trade_id")],
    },
    Kind {
        endpoint: Endpoint::MarketDataV2,
        frame: r#"{"type":"candles_1d_updates","symbol":"BTCUSD","changes":[[1790732400000,1,3,0.5,2,1234]]}"#,
        informs: &[("/changes/0/5", "/candles/0/volume")],
        accounts: &[
            ("/symbol", "/symbol"), ("/changes/0/1", "/candles/0/open"), ("/changes/0/2", "/candles/0/high"),
            ("/changes/0/3", "/candles/0/low"), ("/changes/0/4", "/candles/0/close"),
        ],
    },
    Kind {
        endpoint: Endpoint::MarketDataV2,
        frame: r#"{"type":"mark_price_updates","symbol":"BTCGUSDPERP","changes":[{"timestamp":1,"mark_price":"100","spot_index":"101"}]}"#,
        informs: &[("/changes/0/timestamp", "/changes/0/event_time"), ("/changes/0/spot_index", "/changes/0/spot_index")],
        accounts: &[("/symbol", "/symbol"), ("/changes/0/mark_price", "/changes/0/mark_price")],
    },
    Kind {
        endpoint: Endpoint::MarketDataV2,
        frame: r#"{"type":"funding_amount_updates","symbol":"BTCGUSDPERP","changes":[{"timestamp":1,"funding_amount":"0.5","funding_date_time":2,"funding_interval_in_minutes":60,"is_realized":true,"funding_rate":"0.1","mark_price":"100"}]}"#,
        informs: &[
            ("/changes/0/timestamp", "/changes/0/event_time"),
            ("/changes/0/funding_interval_in_minutes", "/changes/0/interval_minutes"),
            ("/changes/0/funding_rate", "/changes/0/rate_percent"), ("/changes/0/mark_price", "/changes/0/mark_price"),
        ],
        accounts: &[("/symbol", "/symbol"), ("/changes/0/funding_date_time", "/changes/0/funding_time")],
    },
    Kind {
        endpoint: Endpoint::MarketDataV2,
        frame: r#"{"type":"auction_result","symbol":"BTCUSD","eid":4,"time_ms":5,"result":"success","highest_bid_price":"1","lowest_ask_price":"2","collar_price":"3","auction_price":"4","auction_quantity":"5"}"#,
        informs: &[
            ("/eid", "/event_id"), ("/time_ms", "/time"), ("/highest_bid_price", "/highest_bid_price"),
            ("/lowest_ask_price", "/lowest_ask_price"), ("/collar_price", "/collar_price"),
        ],
        accounts: &[("/symbol", "/symbol"), ("/auction_price", "/price"), ("/auction_quantity", "/quantity")],
    },
    Kind {
        endpoint: Endpoint::MarketDataV2,
        frame: r#"{"type":"heartbeat","timestamp":1802000000789}"#,
        informs: &[("/timestamp", "/event_time")],
        accounts: &[],
    },
    Kind {
        endpoint: Endpoint::MarketDataV2,
        frame: r#"{"result":"error","reason":"NoValidTradingPairs","message":"no"}"#,
        informs: &[("/reason", "/reason"), ("/message", "/message")],
        accounts: &[],
    },
    Kind {
        endpoint: Endpoint::MarketDataV1,
        frame: r#"{"type":"update","eventId":1,"timestamp":2,"timestampms":2000,"socket_sequence":3,"events":[{"type":"change","symbol":"BTCUSD","side":"bid","price":"99","remaining":"2","delta":"1","reason":"place"}]}"#,
        informs: &[("/timestamp", "/timestamp"), ("/timestampms", "/event_time"), ("/events/0/delta", "/entries/0/delta")],
        accounts: &[
            ("/eventId", "/event_id"), ("/socket_sequence", "/socket_sequence"), ("/events/0/symbol", "/entries/0/symbol"),
            ("/events/0/price", "/entries/0/price"), ("/events/0/remaining", "/entries/0/remaining"),
        ],
    },
    Kind {
        endpoint: Endpoint::MarketDataV1,
        frame: r#"{"type":"update","eventId":1,"socket_sequence":3,"events":[{"type":"trade","symbol":"BTCUSD","tid":7,"price":"99","amount":"2","makerSide":"bid"}]}"#,
        informs: &[],
        accounts: &[
            ("/events/0/tid", "/entries/0/trade_id"), ("/events/0/price", "/entries/0/price"),
            ("/events/0/amount", "/entries/0/quantity"),
        ],
    },
    Kind {
        endpoint: Endpoint::MarketDataV1,
        frame: r#"{"type":"update","eventId":1,"socket_sequence":3,"events":[{"type":"auction_open","auction_open_ms":1,"auction_time_ms":2,"first_indicative_ms":3,"last_cancel_time_ms":4}]}"#,
        informs: &[
            ("/events/0/auction_open_ms", "/entries/0/opened"), ("/events/0/auction_time_ms", "/entries/0/auction_time"),
            ("/events/0/first_indicative_ms", "/entries/0/first_indicative_time"),
            ("/events/0/last_cancel_time_ms", "/entries/0/last_cancel_time"),
        ],
        accounts: &[],
    },
    Kind {
        endpoint: Endpoint::OrderEventsV1,
        frame: r#"[{"type":"fill","order_id":"1","event_id":"77","account_name":"primary","api_session":"UI","client_order_id":"a1","symbol":"btcusd","side":"buy","behavior":"maker-or-cancel","order_type":"exchange limit","timestamp":"1","timestampms":1000,"is_live":true,"is_cancelled":false,"is_hidden":false,"avg_execution_price":"1","total_spend":"1","executed_amount":"1","remaining_amount":"1","original_amount":"2","price":"1","reason":"why","cancel_command_id":"5","fill":{"trade_id":"5","price":"1","amount":"1","fee":"0","fee_currency":"USD","liquidity":"Taker"},"socket_sequence":3}]"#,
        informs: &[
            ("/0/event_id", "/events/0/event/event_id"), ("/0/account_name", "/events/0/event/account_name"),
            ("/0/api_session", "/events/0/event/api_session"), ("/0/side", "/events/0/side"),
            ("/0/behavior", "/events/0/time_in_force"), ("/0/order_type", "/events/0/order_type"),
            ("/0/timestamp", "/events/0/event/timestamp"), ("/0/timestampms", "/events/0/event_time"),
            ("/0/is_live", "/events/0/event/is_live"), ("/0/is_cancelled", "/events/0/event/is_cancelled"),
            ("/0/is_hidden", "/events/0/event/is_hidden"), ("/0/avg_execution_price", "/events/0/average_price"),
            ("/0/total_spend", "/events/0/event/total_spend"), ("/0/reason", "/events/0/reason"),
            ("/0/cancel_command_id", "/events/0/event/cancel_command_id"), ("/0/fill/fee", "/events/0/fill/fee"),
            ("/0/fill/fee_currency", "/events/0/fill/fee_currency"), ("/0/fill/liquidity", "/events/0/fill/liquidity"),
            ("/0/socket_sequence", "/events/0/event/socket_sequence"),
        ],
        accounts: &[
            ("/0/order_id", "/events/0/order_id"), ("/0/client_order_id", "/events/0/client_order_id"),
            ("/0/symbol", "/events/0/symbol"), ("/0/executed_amount", "/events/0/executed_quantity"),
            ("/0/remaining_amount", "/events/0/remaining_quantity"), ("/0/original_amount", "/events/0/quantity"),
            ("/0/price", "/events/0/price"), ("/0/fill/trade_id", "/events/0/fill/trade_id"),
            ("/0/fill/price", "/events/0/fill/price"), ("/0/fill/amount", "/events/0/fill/quantity"),
        ],
    },
    Kind {
        endpoint: Endpoint::OrderEventsV1,
        frame: r#"{"type":"heartbeat","timestampms":1,"sequence":2,"trace_id":"t","socket_sequence":3}"#,
        informs: &[
            ("/timestampms", "/event_time"), ("/sequence", "/sequence"), ("/trace_id", "/trace_id"),
            ("/socket_sequence", "/socket_sequence"),
        ],
        accounts: &[],
    },
    Kind {
        endpoint: Endpoint::OrderEventsV1,
        frame: r#"{"type":"subscription_ack","accountId":1,"subscriptionId":"x","symbolFilter":["btcusd"],"apiSessionFilter":["UI"],"eventTypeFilter":["fill"]}"#,
        informs: &[
            ("/accountId", "/account_id"), ("/subscriptionId", "/subscription_id"), ("/symbolFilter", "/symbol_filter"),
            ("/apiSessionFilter", "/api_session_filter"), ("/eventTypeFilter", "/event_type_filter"),
        ],
        accounts: &[],
    },
];

/// Returns `None` if the frame, or its only element, is malformed.
fn said(endpoint: Endpoint, frame: &str) -> Option<Value> {
    let mut scratch = Scratch::new();
    let said = oracle::said(&endpoint.decode(frame, &mut scratch).ok()?, frame);
    let lost = |list: &str| said[list][0]["kind"] == "malformed";
    if lost("orders") || lost("events") { None } else { Some(said) }
}

/// If `value` is `None`, removes the member.
pub fn with(frame: &str, member: &str, value: Option<&str>) -> String {
    let mut whole: Value = serde_json::from_str(frame).unwrap();
    *whole.pointer_mut(member).unwrap_or_else(|| panic!("{member} of {frame}")) = "<odd>".into();
    match value {
        Some(value) => whole.to_string().replace("\"<odd>\"", value),
        None => {
            let (parent, name) = member.rsplit_once('/').unwrap();
            match whole.pointer_mut(parent).unwrap() {
                Value::Object(members) => drop(members.remove(name)),
                // Set an element of an array to null, so that the others keep their places.
                other => other[name.parse::<usize>().unwrap()] = Value::Null,
            }
            whole.to_string()
        }
    }
}

fn without(mut said: Value, place: &str) -> Value {
    if let Some(value) = said.pointer_mut(place) {
        *value = Value::Null;
    }
    said
}

/// Puts an odd value into a member that only informs. Returns a description if anything else in the message changes.
pub fn lost_by_what_informs(kind: &Kind, (member, place): (&str, &str), odd: Option<&str>) -> Option<String> {
    let frame = with(kind.frame, member, odd);
    let expected = said(kind.endpoint, kind.frame).map(|said| without(said, place));
    let found = said(kind.endpoint, &frame).map(|said| without(said, place));
    (found != expected).then(|| format!("{member} costs more than itself: {frame}\n{found:?}\n{expected:?}"))
}

/// Puts an odd value into an accounted member. Returns a description if the message has a value that is neither null
/// nor the odd one.
pub fn wrong_where_accounted(
    kind: &Kind,
    (member, place): (&str, &str),
    odd: Option<&str>,
) -> Option<String> {
    let frame = with(kind.frame, member, odd);
    let said = said(kind.endpoint, &frame)?;
    let found = match said.pointer(place) {
        _ if said["kind"] == "unrecognized" => return None,
        None | Some(Value::Null) => return None,
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let odd_text = odd.unwrap_or_default();
    let meant = match serde_json::from_str(&super::json::mended(odd_text)) {
        Ok(Value::String(text)) => text,
        // A number keeps its digits as they are written.
        _ => String::from(odd_text),
    };
    // For half a surrogate pair, `meant` contains a placeholder that occurs in no message, so any text that the
    // message has is wrong.
    (found != meant).then(|| format!("{member} is {odd:?} and read as {found}: {frame}"))
}

/// Returns a description of the first member that is read wrongly, of any kind of frame.
pub fn violation() -> Option<String> {
    KINDS.iter().find_map(|kind| {
        VALUES.iter().find_map(|odd| {
            let informs = kind.informs.iter().find_map(|row| lost_by_what_informs(kind, *row, *odd));
            informs.or_else(|| kind.accounts.iter().find_map(|row| wrong_where_accounted(kind, *row, *odd)))
        })
    })
}
