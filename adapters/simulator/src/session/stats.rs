//! [`Stats`]: the counters of an exchange.

/// Counters since the start of an [`Exchange`](crate::Exchange).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// The number of sessions that were opened.
    pub connections: u64,
    /// The number of requests over WebSocket that were read, including those that were refused.
    pub requests: u64,
    /// The number of requests over WebSocket that were refused.
    pub refused: u64,
    /// The number of text frames that were queued for sending.
    pub frames: u64,
    /// The number of events that changed a book of the generated market.
    pub market_events: u64,
    /// The number of trades of the generated market.
    pub trades: u64,
    /// The number of recorded frames that were played.
    pub played: u64,
    /// The number of ignored frames from clients: binary frames, frames of unknown sessions, and texts on market data
    /// v1 and order events v1, which take no requests.
    pub ignored: u64,
    /// The number of sessions that were cut because too many outputs waited for them
    /// ([`OUTPUTS_MAX`](crate::OUTPUTS_MAX)).
    pub overrun: u64,
}
