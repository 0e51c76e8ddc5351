//! Formats events and outputs as words, one line each.

use gemini_ws::{Abandoned, Event, Instant, LinkId, Output, RequestOutcome};

pub fn seconds(at: Instant) -> String {
    let millis = at.as_nanos() / 1_000_000;
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}

pub fn describe(event: &Event<'_>) -> String {
    Teller { places: false }.event(event)
}

#[derive(Clone, Copy, Debug)]
pub struct Teller {
    pub places: bool,
}

impl Teller {
    pub fn link(self, link: LinkId) -> String {
        if self.places { format!("{}.{}", link.slot(), link.epoch()) } else { link.epoch().to_string() }
    }

    pub fn before(self, link: LinkId) -> String {
        if self.places { format!("{} ", self.link(link)) } else { String::new() }
    }

    pub fn output(self, output: &Output) -> String {
        match output {
            Output::Connect(link) => format!("> connect {}", self.link(*link)),
            Output::Send { link, text } => format!("> {}{text}", self.before(*link)),
            Output::Close { link, code, .. } => format!("> {}close {code}", self.before(*link)),
            Output::Abort(link) if self.places => format!("> {}abort", self.before(*link)),
            Output::Abort(link) => format!("> abort {}", link.epoch()),
            Output::Event(event) => format!("! {}", self.event(event)),
            other => format!("> {other:?}"),
        }
    }

    pub fn event(self, event: &Event<'_>) -> String {
        let name = |link: &LinkId| self.link(*link);
        let retry = |retry: &Option<Instant>| match retry {
            Some(at) => format!("retry at {}", seconds(*at)),
            None => "no retry".to_owned(),
        };
        match event {
            Event::BookTicker(it, _) => format!("ticker {} {}", it.symbol, it.update_id),
            Event::DepthSnapshot(it, _) => {
                format!("snapshot {} {}", it.symbol, it.last_update_id.unwrap_or(0))
            }
            Event::DepthUpdate(it, _) => format!("update {} {}", it.symbol, it.last_update_id.unwrap_or(0)),
            Event::Trade(it, _) => format!("trade {} {}", it.symbol, it.trade_id),
            Event::Order(it, _) => format!("order {} {:?}", it.order_id, it.status),
            Event::Requested { request, .. } => format!("requested {}", request.get()),
            Event::Reply { request, outcome: RequestOutcome::Answered(it), .. } => {
                format!("reply {} status {}", request.get(), it.status.unwrap_or(0))
            }
            Event::Reply { request, outcome, .. } => format!("reply {} {outcome:?}", request.get()),
            Event::Subscribed { stream, .. } => format!("subscribed {stream}"),
            Event::Unsubscribed { stream, last: true, .. } => format!("unsubscribed {stream}"),
            Event::Unsubscribed { stream, .. } => format!("unsubscribed {stream}, which another still wants"),
            Event::Rejected { stream, error, .. } => {
                format!("rejected {stream}: {} {}", error.code, error.message)
            }
            Event::Gap { symbol, expected, got: Some(got), .. } => {
                format!("gap {symbol} expected {expected} got {got}")
            }
            Event::Gap { symbol, expected, got: None, .. } => format!("gap {symbol} after {expected}"),
            Event::SequenceGap { expected, got, .. } => format!("sequence gap expected {expected} got {got}"),
            Event::Synced { symbol, .. } => format!("synced {symbol}"),
            Event::Unserved { stream, reason, attempts, retry, .. } => {
                format!("unserved {stream}: {reason}; attempt {attempts}, again at {}", seconds(*retry))
            }
            Event::Silent { stream, since, .. } => format!("quiet {stream} since {}", seconds(*since)),
            Event::Opened { link, missing_since: None } => format!("opened {}", name(link)),
            Event::Opened { link, missing_since: Some(at) } => {
                format!("opened {}; events since {} may be missing", name(link), seconds(*at))
            }
            Event::Live { link } => format!("live {}", name(link)),
            Event::ConnectFailed { link, reason: why, retry: at } => {
                format!("connect failed {}: {why}; {}", name(link), retry(at))
            }
            Event::PeerClosing { link, code, .. } => format!("peer closing {} with {code:?}", name(link)),
            Event::Disconnected { link, reason: why, retry: at } => {
                format!("disconnected {}: {why}; {}", name(link), retry(at))
            }
            Event::LinkClosed { link, reason } => format!("link closed {}: {reason}", name(link)),
            Event::HeartbeatDue { link, since } => {
                format!("heartbeat due {} since {}", name(link), seconds(*since))
            }
            Event::ShuttingDown { step } => format!("shutting down: {step:?}"),
            Event::Closed { reason, abandoned } if *abandoned == Abandoned::default() => {
                format!("closed: {reason}")
            }
            Event::Closed { reason, abandoned } => {
                let Abandoned { requests, links, sessions } = abandoned;
                let orders =
                    if *sessions > 0 { format!(", orders of {sessions} sessions") } else { String::new() };
                format!("closed: {reason}; abandoned {requests} requests, {links} links{orders}")
            }
            Event::Heartbeat(..) => "heartbeat".to_owned(),
            Event::Ignored(it, _) => format!("ignored: {:?}", it.reason),
            Event::Unrecognized(..) => "unrecognized".to_owned(),
            Event::Malformed(it, _) => format!("malformed: {}", it.error),
            Event::Batch(..) => {
                let parts: Vec<String> = event.parts().map(|part| self.event(&part)).collect();
                format!("batch of {}", parts.join(", "))
            }
            other => format!("{other:?}"),
        }
    }
}
