//! Events in words, one line each.

use gemini_ws::{Event, Instant, Outcome};

/// An instant in seconds.
pub(crate) fn seconds(at: Instant) -> String {
    let millis = at.as_nanos() / 1_000_000;
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

/// An event on one line.
pub(crate) fn describe(event: &Event<'_>) -> String {
    let retry = |retry: &Option<Instant>| match retry {
        Some(at) => format!("retry at {}", seconds(*at)),
        None => "no retry".to_owned(),
    };
    match event {
        Event::BookTicker(it) => format!("ticker {} {}", it.symbol, it.update_id),
        Event::DepthSnapshot(it) => format!("snapshot {} {}", it.symbol, it.last_update_id.unwrap_or(0)),
        Event::DepthUpdate(it) => format!("update {} {}", it.symbol, it.last_update_id.unwrap_or(0)),
        Event::Trade(it) => format!("trade {} {}", it.symbol, it.trade_id),
        Event::Reply { request, outcome: Outcome::Answered(it), .. } => {
            format!("reply {} status {}", request.get(), it.status.unwrap_or(0))
        }
        Event::Reply { request, outcome, .. } => format!("reply {} {outcome:?}", request.get()),
        Event::Subscribed { stream, .. } => format!("subscribed {stream}"),
        Event::Unsubscribed { stream, .. } => format!("unsubscribed {stream}"),
        Event::Rejected { stream, error, .. } => {
            format!("rejected {stream}: {} {}", error.code, error.message)
        }
        Event::Gap { symbol, expected, got: Some(got) } => {
            format!("gap {symbol} expected {expected} got {got}")
        }
        Event::Gap { symbol, expected, got: None } => format!("gap {symbol} after {expected}"),
        Event::SequenceGap { expected, got } => format!("sequence gap expected {expected} got {got}"),
        Event::Synced { symbol } => format!("synced {symbol}"),
        Event::Opened { link, .. } => format!("opened {}", link.epoch()),
        Event::Live { link } => format!("live {}", link.epoch()),
        Event::ConnectFailed { link, why, retry: at } => {
            format!("connect failed {}: {why}; {}", link.epoch(), retry(at))
        }
        Event::PeerClosing { link, code, .. } => format!("peer closing {} with {code:?}", link.epoch()),
        Event::Disconnected { link, why, retry: at } => {
            format!("disconnected {}: {why}; {}", link.epoch(), retry(at))
        }
        Event::Closed { reason, .. } => format!("closed: {reason}"),
        Event::Heartbeat(_) => "heartbeat".to_owned(),
        Event::Ignored(it) => format!("ignored: {:?}", it.why),
        Event::Unrecognized(_) => "unrecognized".to_owned(),
        Event::Malformed(it) => format!("malformed: {}", it.error),
        Event::Batch(_) => {
            let parts: Vec<String> = event.parts().map(|part| describe(&part)).collect();
            format!("batch of {}", parts.join(", "))
        }
        Event::Order(it) => {
            format!("order {} {:?}", it.order_id, it.status)
        }
        other => format!("{other:?}"),
    }
}
