//! The plain lines of `watch`, for pipes, files and simple terminals.

use std::fmt::Display;
use std::time::Duration;

use gemini_ws::{Book, ConnectFailure, Event, Instant, Level, StaleReason, Stream, Trade};

use super::format::{self, Spread};
use super::session::{Link, Market, Session};
use crate::json::without_keys;
use crate::shown::Shown;

/// The time between two prints of the state of each market.
pub(crate) const STATUS_EVERY: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Notice {
    /// Normal information, for standard output.
    Normal(Shown),
    /// A problem, for standard error.
    Trouble(Shown),
}

impl Notice {
    fn normal(text: impl Display) -> Notice {
        Notice::Normal(Shown::of(text))
    }

    fn trouble(text: impl Display) -> Notice {
        Notice::Trouble(Shown::of(text))
    }
}

/// Returns the line for an event that the session has applied; `None` for events without a line, such as book
/// updates.
pub(crate) fn event(now: Instant, event: &Event<'_>, session: &Session) -> Option<Notice> {
    let retry = |retry: &Option<Instant>| match retry {
        Some(retry) => format!("; next attempt in {}", format::delay(retry.since(now))),
        None => String::new(),
    };
    Some(match event {
        Event::Trade(trade, _) => {
            let Trade { symbol, taker, quantity, price, .. } = trade;
            Notice::normal(format_args!("trade {symbol} {taker} {quantity} @ {price}"))
        }
        Event::Opened { .. } => Notice::normal(format_args!("connected to {}", session.route)),
        Event::Live { .. } => Notice::normal("live: every subscription is confirmed or refused"),
        Event::Synced { symbol, .. } => Notice::normal(format_args!("{symbol}: the book is current")),
        Event::Gap { symbol, expected, got, .. } => {
            let until =
                got.map_or_else(|| "a frame that cannot be decoded".to_owned(), |got| got.to_string());
            Notice::trouble(format_args!(
                "{symbol}: an update is missing between {expected} and {until}; requesting a new snapshot"
            ))
        }
        Event::Rejected { stream, error, .. } => Notice::trouble(format_args!(
            "{stream} refused: {} ({}){}",
            without_keys(error.message),
            error.code,
            advice(stream)
        )),
        Event::Unserved { stream, reason: why, retry: at, .. } => {
            Notice::trouble(format_args!("{stream} is not served: {why}{}", retry(&Some(*at))))
        }
        Event::Silent { stream, since, .. } => Notice::trouble(format_args!(
            "{stream}: nothing came for {}; subscribing again",
            format::delay(now.since(*since))
        )),
        // The client cancels an attempt only because `watch` ends.
        Event::ConnectFailed { reason: ConnectFailure::Cancelled, .. } => return None,
        Event::ConnectFailed { reason: why, retry: at, .. } => {
            let advice = match why {
                ConnectFailure::Certificate => {
                    "; choose the trusted authorities with --ca FILE or --platform-roots"
                }
                _ => "",
            };
            Notice::trouble(format_args!("cannot connect to {}: {why}{advice}{}", session.route, retry(at)))
        }
        // While the link closes, the peer's Close frame answers ours.
        Event::PeerClosing { code, reason, .. } if !matches!(session.link, Link::Closing) => {
            let code = code.map_or_else(|| "without a code".to_owned(), |code| format!("code {code}"));
            let reason = without_keys(reason);
            let separator = if reason.is_empty() { "" } else { ": " };
            Notice::trouble(format_args!("the venue closes the connection, {code}{separator}{reason}"))
        }
        // Without `retry`, the user has requested the end, or `Event::Closed` reports the reason.
        Event::Disconnected { reason: why, retry: at @ Some(_), .. } => {
            Notice::trouble(format_args!("disconnected: {why}{}", retry(at)))
        }
        Event::Malformed(malformed, _) => {
            Notice::trouble(format_args!("malformed frame: {}", malformed.error))
        }
        _ => return None,
    })
}

/// Returns a hint for the user about a refused stream; empty if the stream has no symbol.
fn advice(stream: &Stream) -> String {
    let symbol = stream.symbol();
    symbol.map_or_else(String::new, |symbol| format!("; is there a market {symbol:?}?"))
}

pub(crate) fn status(now: Instant, session: &Session) -> Vec<Shown> {
    let mut lines = vec![link_line(now, session)];
    // Markets without a book have no line.
    let known = session.markets.iter().filter(|market| session.book(market.symbol).is_some());
    lines.extend(known.map(|market| market_line(now, session, market)));
    lines
}

pub(crate) fn link_line(now: Instant, session: &Session) -> Shown {
    Shown::of(format_args!(
        "{} {} frames/s={} events/s={}",
        format::running(now.since(session.started)),
        link(now, session),
        format::tenths(session.frame_rate.tenths_per_second(now)),
        format::tenths(session.event_rate.tenths_per_second(now)),
    ))
}

pub(crate) fn replay_ended(lines: u64) -> String {
    format!("the recording ended after {lines} lines")
}

fn market_line(now: Instant, session: &Session, market: &Market) -> Shown {
    let book = session.book(market.symbol);
    let side = |name: &str, level: Option<&Level>| match level {
        Some(level) => format!(" {name}={} x {}", level.price, level.quantity),
        None => format!(" {name}=none"),
    };
    let mut line = market.symbol.to_string();
    if let Some(book) = book.map(Book::last) {
        let (bid, ask) = (book.bids().best(), book.asks().best());
        line += &side("bid", bid);
        line += &side("ask", ask);
        if let Some(spread) = Spread::between(bid, ask) {
            line += &format!(" spread={} mid={}", spread.width, spread.mid);
        }
    }
    if let Some(trade) = market.trades.back() {
        line += &format!(" last={}", trade.price);
    }
    let updates = format::tenths(market.updates.tenths_per_second(now));
    let state = book_state(session, market);
    Shown::of(format_args!("{line} trades={} updates/s={updates} {state}", market.trade_count))
}

pub(crate) fn book_state(session: &Session, market: &Market) -> &'static str {
    match session.book(market.symbol) {
        _ if market.is_refused() => "refused",
        None => "waiting",
        Some(Book::Stale { reason: StaleReason::Crossed, .. }) => "crossed",
        Some(Book::Live(book)) if book.is_crossed() => "crossed",
        Some(Book::Live(_)) => "live",
        Some(Book::Stale { reason: StaleReason::Gap, .. }) => "stale: gap",
        Some(Book::Stale { reason: StaleReason::Disconnected, .. }) => "stale: link lost",
        Some(Book::Stale { reason: StaleReason::Overflow, .. }) => "stale: overflow",
        Some(Book::Stale { reason: StaleReason::Silent, .. }) => "stale: silent",
        Some(Book::Stale { reason: StaleReason::Malformed, .. }) => "stale: malformed frame",
        Some(Book::Stale { .. }) => "stale",
    }
}

pub(crate) fn link(now: Instant, session: &Session) -> Shown {
    match &session.link {
        Link::Connecting => Shown::of("connecting"),
        Link::Subscribing => Shown::of("subscribing"),
        Link::Live => Shown::of("live"),
        Link::Waiting { why, retry } if now < *retry => {
            let delay = format::delay(retry.since(now));
            Shown::of(format_args!("not connected: {why}; next attempt in {delay}"))
        }
        Link::Waiting { why, .. } => Shown::of(format_args!("reconnecting after: {why}")),
        Link::Closing => Shown::of("closing"),
        Link::Closed(reason) => Shown::of(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fed;
    use super::*;
    use gemini_ws::{Frame, Scratch, Unserved};

    #[test]
    fn status_of_a_market() {
        let mut fed = Fed::new(&["btcusd", "ethusd"]);
        let status =
            |fed: &Fed| status(fed.now, &fed.session).iter().map(Shown::to_string).collect::<Vec<_>>();
        assert_eq!(status(&fed), ["0:00 connecting frames/s=0.0 events/s=0.0"]);
        fed.connect();
        fed.fill("btcusd", 3);
        let expected = "btcusd bid=83399.50 x 1.0 ask=83401.50 x 1.0 spread=2.00 mid=83400.5 last=83400.25 trades=1 updates/s=0.0 live";
        assert_eq!(status(&fed)[1..], [expected]);
        fed.frame(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":9,"u":10,"b":[],"a":[]}"#);
        assert!(status(&fed)[1].ends_with("stale: gap"));
    }

    #[test]
    fn what_is_said_at_once() {
        let mut fed = Fed::new(&["btcusd"]);
        let link = fed.link();
        let retry = Some(Instant::from_millis(1_200));
        let failed = Event::ConnectFailed { link, reason: ConnectFailure::Refused, retry };
        let told = |fed: &Fed, it: &Event<'_>| match event(fed.now, it, &fed.session) {
            Some(Notice::Normal(text)) => text.to_string(),
            Some(Notice::Trouble(text)) => format!("! {text}"),
            None => String::new(),
        };
        let expected =
            "! cannot connect to ws://venue: connection refused: nobody listens there; next attempt in 1.2 s";
        assert_eq!(told(&fed, &failed), expected);
        let cancelled = Event::ConnectFailed { link, reason: ConnectFailure::Cancelled, retry: None };
        assert_eq!(told(&fed, &cancelled), "");
        let (id, stream, _) = fed.client.streams().next().unwrap();
        let (reason, retry) = (Unserved::NoSnapshot, Instant::from_millis(2_000));
        let unserved = Event::Unserved { link, id, stream, reason, attempts: 1, retry };
        let expected = format!(
            "! {stream} is not served: confirmed, but the book did not come in time; next attempt in 2.0 s"
        );
        assert_eq!(told(&fed, &unserved), expected);
        fed.connect();
        let (mut client, mut scratch) = (fed.client.clone(), Scratch::new());
        let close = Frame::Close { code: Some(1001), reason: "bye" };
        let closing = client.handle_frame(link, fed.now, close, &mut scratch).unwrap();
        assert_eq!(told(&fed, &closing), "! the venue closes the connection, code 1001: bye");
        fed.session.close();
        assert_eq!(told(&fed, &closing), "", "it answers us");
    }
}
