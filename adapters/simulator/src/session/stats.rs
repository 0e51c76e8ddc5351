//! [`Stats`]: what an exchange has done so far.

/// Counters since the start of an [`Exchange`](crate::Exchange).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Sessions that were opened.
    pub connections: u64,
    /// Requests that were read, refused ones included.
    pub requests: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Text frames queued for sending.
    pub frames: u64,
    /// Events that changed a book of the generated market.
    pub market_events: u64,
    /// Trades of the generated market.
    pub trades: u64,
    /// Recorded frames that were played.
    pub played: u64,
    /// Client frames that were ignored: of unknown sessions, or binary.
    pub ignored: u64,
    /// Sessions cut because too much waited for them ([`OUTPUTS_MAX`](crate::OUTPUTS_MAX)).
    pub overrun: u64,
}
