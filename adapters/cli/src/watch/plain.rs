//! `watch` as plain lines: for pipes, files and terminals that cannot do more.

use std::time::Duration;

use gemini_ws::{Book, Event, Instant, Level, StaleReason, Stream, Trade};

use super::format::{self, Spread};
use super::session::{Link, Market, Session};

/// How often the state of each market is told.
pub(crate) const STATUS_EVERY: Duration = Duration::from_secs(1);

/// A line, and where it belongs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Told {
    /// How things go.
    Normal(String),
    /// Something is wrong.
    Trouble(String),
}

/// What is to be said about an event at once; `None` for data that the status sums up.
///
/// The session has taken the event already.
pub(crate) fn event(now: Instant, event: &Event<'_>, session: &Session) -> Option<Told> {
    let retry = |retry: &Option<Instant>| match retry {
        Some(retry) => format!("; next attempt in {}", format::delay(retry.since(now))),
        None => String::new(),
    };
    Some(match event {
        Event::Trade(trade, _) => {
            let Trade { symbol, taker, quantity, price, .. } = trade;
            Told::Normal(format!("trade {symbol} {taker} {quantity} @ {price}"))
        }
        Event::Opened { .. } => Told::Normal(format!("connected to {}", session.venue)),
        Event::Live { .. } => Told::Normal("live: every subscription is confirmed or refused".to_owned()),
        Event::Synced { symbol, .. } => Told::Normal(format!("{symbol}: the book follows the venue")),
        Event::Gap { symbol, expected, got, .. } => {
            let until =
                got.map_or_else(|| "a frame that cannot be decoded".to_owned(), |got| got.to_string());
            Told::Trouble(format!(
                "{symbol}: an update is missing between {expected} and {until}; asking for the book anew"
            ))
        }
        Event::Rejected { stream, error, .. } => {
            Told::Trouble(format!("{stream} refused: {} ({}){}", error.message, error.code, advice(stream)))
        }
        Event::ConnectFailed { reason: why, retry: at, .. } => {
            Told::Trouble(format!("cannot connect to {}: {why}{}", session.venue, retry(at)))
        }
        // The answer to our own Close frame is no news.
        Event::PeerClosing { code, reason, .. } if !matches!(session.link, Link::Closing) => {
            let code = code.map_or_else(|| "without a code".to_owned(), |code| format!("code {code}"));
            let reason = reason.to_string();
            let separator = if reason.is_empty() { "" } else { ": " };
            Told::Trouble(format!("the venue closes the connection, {code}{separator}{reason}"))
        }
        // A link that we closed ends too; that is no trouble.
        Event::Disconnected { reason: why, retry: at @ Some(_), .. } => {
            Told::Trouble(format!("disconnected: {why}{}", retry(at)))
        }
        Event::Malformed(malformed, _) => Told::Trouble(format!("malformed frame: {}", malformed.error)),
        _ => return None,
    })
}

/// What to do about a refused stream.
fn advice(stream: &Stream) -> String {
    let symbol = stream.symbol();
    symbol.map_or_else(String::new, |symbol| format!("; is there a market {symbol:?}?"))
}

/// The state of the link and of each market.
pub(crate) fn status(now: Instant, session: &Session) -> Vec<String> {
    let mut lines = vec![link_line(now, session)];
    // Until there is something to tell, the link's line tells all.
    let known = session.markets.iter().filter(|market| session.book(market.symbol).is_some());
    lines.extend(known.map(|market| market_line(now, session, market)));
    lines
}

/// Running time, link and rates.
pub(crate) fn link_line(now: Instant, session: &Session) -> String {
    format!(
        "{} {} frames/s={} events/s={}",
        format::running(now.since(session.started)),
        link(now, session),
        format::tenths(session.frame_rate.tenths_per_second(now)),
        format::tenths(session.event_rate.tenths_per_second(now)),
    )
}

fn market_line(now: Instant, session: &Session, market: &Market) -> String {
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
    line + &format!(" trades={} updates/s={updates} {}", market.trade_count, book_state(session, market))
}

/// A word or two on the book of a market.
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

/// Where the link is, in words.
pub(crate) fn link(now: Instant, session: &Session) -> String {
    match &session.link {
        Link::Connecting => "connecting".to_owned(),
        Link::Subscribing => "subscribing".to_owned(),
        Link::Live => "live".to_owned(),
        Link::Waiting { why, retry } if now < *retry => {
            format!("not connected: {why}; next attempt in {}", format::delay(retry.since(now)))
        }
        Link::Waiting { why, .. } => format!("connecting again after: {why}"),
        Link::Closing => "closing".to_owned(),
        Link::Closed(reason) => reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fed;
    use super::*;
    use gemini_ws::{ConnectFailure, Frame, Scratch};

    #[test]
    fn status_of_a_market() {
        let mut fed = Fed::new(&["btcusd", "ethusd"]);
        assert_eq!(status(fed.now, &fed.session), ["0:00 connecting frames/s=0.0 events/s=0.0"]);
        fed.connect();
        fed.fill("btcusd", 3);
        let expected = "btcusd bid=83399.50 x 1.0 ask=83401.50 x 1.0 spread=2.00 mid=83400.5 last=83400.25 trades=1 updates/s=0.0 live";
        assert_eq!(status(fed.now, &fed.session)[1..], [expected]);
        fed.frame(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":9,"u":10,"b":[],"a":[]}"#);
        assert!(status(fed.now, &fed.session)[1].ends_with("stale: gap"));
    }

    #[test]
    fn what_is_said_at_once() {
        let mut fed = Fed::new(&["btcusd"]);
        let link = fed.link();
        let retry = Some(Instant::from_millis(1_200));
        let failed = Event::ConnectFailed { link, reason: ConnectFailure::Refused, retry };
        let told = |fed: &Fed, it: &Event<'_>| match event(fed.now, it, &fed.session) {
            Some(Told::Normal(text)) => text,
            Some(Told::Trouble(text)) => format!("! {text}"),
            None => String::new(),
        };
        let expected =
            "! cannot connect to ws://venue: connection refused: nobody listens there; next attempt in 1.2 s";
        assert_eq!(told(&fed, &failed), expected);
        fed.connect();
        let (mut client, mut scratch) = (fed.client.clone(), Scratch::new());
        let close = Frame::Close { code: Some(1001), reason: "bye" };
        let closing = client.handle_frame(link, fed.now, close, &mut scratch).unwrap();
        assert_eq!(told(&fed, &closing), "! the venue closes the connection, code 1001: bye");
        fed.session.close();
        assert_eq!(told(&fed, &closing), "", "it answers us");
    }
}
