//! Orders that may remain at the venue when the client shuts down, although a reply refused them.

use std::time::Duration;

use gemini_ws::{CloseReason, Lost, Request, ShutdownPlan};

use super::fed::{Fed, new_order, order, t, update};

/// Places an order. A reply and an event come, then the link is lost, and the client shuts down. Returns the reason
/// of the end.
fn shut_down_after(frames: &[String]) -> Option<CloseReason> {
    let mut fed = Fed::private(&["orders@account"]);
    let id = fed.client.request(t(2), &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.poll();
    for frame in frames {
        fed.feed(3, &frame.replace("REQUEST", &id.get().to_string()));
    }
    fed.reconnect(5);
    let now = t(60_000);
    fed.client.shut_down(now, ShutdownPlan::by(now + Duration::from_secs(10)).cancel_orders(true));
    fed.acknowledge(60_001);
    fed.poll();
    fed.client.handle_lost(fed.link, t(60_002), Lost::Closed { code: Some(1000) });
    fed.poll();
    fed.client.close_reason()
}

#[test]
fn an_order_that_only_its_reply_refused_may_remain() {
    let reply = |rest: &str| format!(r#"{{"id":REQUEST,{rest}}}"#);
    let over_limit = || reply(r#""status":429,"error":{"code":-1003,"msg":"x"}"#);
    let refused = || reply(r#""status":400,"error":{"code":-2010,"msg":"x"}"#);
    let listed = || {
        let row = r#"{"E":2000,"s":"BTCUSD","i":77,"c":"a1","S":"BUY","X":"OPEN","q":"1","T":2000}"#;
        format!(r#"{{"e":"orderSnapshot","orders":[{row}]}}"#)
    };
    let (nothing, open) = (CloseReason::Requested, CloseReason::RequestedIncomplete);
    let accepted = || reply(r#""status":200"#);
    let again = |status: &str| order(78, Some("a1"), status, "");
    let cases: [(Vec<String>, CloseReason); 20] = [
        (vec![over_limit()], nothing),
        (vec![refused()], nothing),
        (vec![refused(), update("REJECTED", "")], nothing),
        (vec![refused(), update("OPEN", "").replace("a1", "of another")], nothing),
        (vec![over_limit(), update("OPEN", "")], open),
        (vec![refused(), update("NEW", "")], open),
        (vec![update("OPEN", ""), refused()], open),
        (vec![refused(), listed()], open),
        (vec![reply(r#""status":200,"error":{},"result":{"orderId":"77"}"#)], open),
        (vec![reply(r#""status":400,"result":{"orderId":"77"}"#)], open),
        (vec![reply(r#""status":302"#)], open),
        (vec![accepted()], open),
        (vec![accepted(), update("NEW", ""), update("FILLED", "")], nothing),
        (vec![update("NEW", ""), update("CANCELED", ""), accepted()], nothing),
        (vec![accepted(), update("REJECTED", "")], nothing),
        (vec![accepted(), update("NEW", "")], open),
        (vec![accepted(), update("NEW", ""), update("FILLED", ""), update("OPEN", "")], open),
        // The end may be that of an earlier order with the same client order id.
        (vec![accepted(), update("FILLED", "")], open),
        (vec![accepted(), update("NEW", ""), again("FILLED")], open),
        (vec![accepted(), update("NEW", ""), again("OPEN"), again("FILLED")], open),
    ];
    for (frames, expected) in cases {
        assert_eq!(shut_down_after(&frames), Some(expected), "{frames:?}");
    }
}
