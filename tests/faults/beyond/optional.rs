//! Members that the venue may leave out. A zero or an empty text may stand for a missing member.

use gemini_ws::{Client, ClientConfig, Config, Message, OrderState, Scratch, decode};

use super::fed::{Fed, d, id_of, pair, s, t, update};

#[test]
fn a_zero_quantity_of_an_order_counts_as_none() {
    use OrderState::{Canceled, Filled, Open};
    for (status, rest, state) in [
        ("OPEN", "", Open),
        ("CANCELED", r#","Z":"0""#, Canceled),
        ("FILLED", r#","Z":"1","L":"5","t":9"#, Filled),
    ] {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &update("NEW", r#","p":"100""#));
        fed.feed(3, &update(status, rest).replace(r#""q":"1""#, r#""q":"0""#));
        let order = fed.order();
        assert_eq!((order.state, order.doubt(), order.quantity), (state, None, Some(d("1"))), "{status}");
    }
    // The venue does not report the quantity of a market order to buy.
    let mut fed = Fed::private(&["orders@account"]);
    for (status, rest) in [("NEW", ""), ("PARTIALLY_FILLED", r#","Z":"0.4","L":"5","t":9"#)] {
        fed.feed(2, &update(status, rest).replace(r#""q":"1""#, r#""q":"0""#));
    }
    let order = fed.order();
    assert_eq!((order.state, order.doubt(), order.quantity), (OrderState::PartiallyFilled, None, None));
}

/// A market order to buy in order events v1 has neither an ordered nor a remaining quantity. Zeros in their place
/// mean the same.
#[test]
fn a_fill_of_an_order_without_a_quantity_does_not_end_it() {
    for amounts in ["", r#""original_amount":"0","remaining_amount":"0","#, r#""original_amount":"0","#] {
        for is_live in [true, false] {
            let mut client = Client::new(ClientConfig::new(), 1);
            client.add(t(0), Config::new("ws://v/v1/order/events").authenticated(true)).unwrap();
            let mut fed = Fed::of(client);
            fed.feed(1, r#"{"type":"subscription_ack","accountId":1,"subscriptionId":"a-b","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#);
            let event = |kind: &str, sequence: u32, rest: &str| {
                format!(
                    r#"[{{"type":"{kind}","order_id":"77","event_id":"{sequence}","symbol":"btcusd","side":"buy","order_type":"market buy","timestamp":"1","timestampms":1000,"is_live":{is_live},"is_cancelled":false,"is_hidden":false,{amounts}{rest}"total_spend":"100","socket_sequence":{sequence}}}]"#
                )
            };
            fed.feed(2, &event("accepted", 0, ""));
            fed.feed(3, &event("fill", 1, r#""executed_amount":"0.1","fill":{"trade_id":"5","liquidity":"Taker","price":"500","amount":"0.1","fee":"0","fee_currency":"USD"},"#));
            let order = fed.order();
            let shown = (order.state, order.quantity, order.executed(), order.doubt());
            let expected = (OrderState::PartiallyFilled, None, d("0.1"), None);
            assert_eq!(shown, expected, "{amounts} {is_live}");
        }
    }
}

/// An empty text stands for a missing symbol where a frame may lack the symbol.
#[test]
fn an_empty_symbol_does_not_make_a_frame_malformed() {
    let mut scratch = Scratch::new();
    for (symbol, leg) in [(r#","s":"""#, ""), ("", r#","s":"""#), (r#","s":"GEMI-A""#, r#","s":"GEMI-B""#)] {
        let frame = format!(
            r#"{{"e":"requestForQuote","E":1,"r":"r"{symbol},"l":[{{"c":"1","o":"YES"{leg}}}],"q":"1","S":"OPEN"}}"#
        );
        let Ok(Message::RequestForQuote(request)) = decode(&frame, &mut scratch) else { panic!("{frame}") };
        let is_named = symbol.contains("GEMI-A");
        assert_eq!(request.symbol.map(|symbol| symbol.to_string()), is_named.then(|| "GEMI-A".to_owned()));
        let leg = request.legs.iter().next().unwrap();
        assert_eq!(leg.symbol.map(|symbol| symbol.to_string()), is_named.then(|| "GEMI-B".to_owned()));
    }
}

/// Two links report one account, and an older report of the slower link comes last. It changes nothing, also if it
/// has no event time: then its update time shows its age.
#[test]
fn a_report_without_an_event_time_has_an_update_time() {
    for stream in ["balances@account", "positions@account"] {
        for (event_times, newest) in [(["", ""], "80"), ([r#""E":2000000000,"#, r#""E":1000000000,"#], "80")]
        {
            let (mut fed, links) = pair(["ws://v", "ws://w"]);
            let endpoints: Vec<_> = fed.client.endpoints().collect();
            for (endpoint, link) in endpoints.into_iter().zip(links) {
                fed.client.subscribe_at(t(1), endpoint, s(stream), None).unwrap();
                fed.poll();
                let id = id_of(&fed.sent.pop().unwrap());
                fed.feed_over(link, 2, &format!("{{\"id\":{id},\"status\":200}}"));
            }
            let report = |time: &str, update_time: u64, value: u32| {
                if stream.starts_with("balances") {
                    format!(
                        r#"{{"e":"balanceUpdate",{time}"u":{update_time},"B":[{{"a":"USD","f":"{value}","c":"{value}"}}]}}"#
                    )
                } else {
                    format!(
                        r#"{{"e":"positionReport",{time}"u":{update_time},"A":1,"P":[{{"t":"ec","s":"GEMI-A","a":[{{"t":"position","v":"{value}"}}]}}]}}"#
                    )
                }
            };
            for link in links {
                fed.feed_over(link, 3, &report(r#""E":900000000,"#, 900_000_000, 100));
            }
            fed.feed_over(links[0], 4, &report(event_times[0], 2_000_000_000, 80));
            fed.feed_over(links[1], 5, &report(event_times[1], 1_000_000_000, 90));
            let balance = fed.balances.get("USD").map(|balance| balance.total().to_string());
            let held = fed.positions.get("GEMI-A".parse().unwrap()).map(|held| held[0].value.to_string());
            assert_eq!(balance.or(held).as_deref(), Some(newest), "{stream} {event_times:?}");
        }
    }
}
