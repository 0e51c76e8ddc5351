//! [`Turn`]: what the parts of the exchange may use while they handle something.

pub(crate) mod faults;
pub(crate) mod schedule;

use gemini_ws::{Instant, Level, Symbol};

use crate::context::faults::Faults;
use crate::context::schedule::Schedule;
use crate::frame::upgrade::{Endpoint, UpgradeRefusal, UpgradeRequest, refusal};
use crate::rfq::Quotes;
use crate::session::Sessions;
use crate::value::random::Random;

/// A book as the exchange itself has it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrueBook {
    /// Best first.
    pub bids: Vec<Level>,
    /// Best first.
    pub asks: Vec<Level>,
    /// Of the last change; depth streams get to it within their cadence.
    pub last_update_id: u64,
}

/// The present instant, and everything but the books.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) now: Instant,
    /// The venue's time at the origin of the clock, in ns since 1970.
    pub(crate) epoch: i64,
    pub(crate) sessions: &'a mut Sessions,
    pub(crate) schedule: &'a mut Schedule,
    pub(crate) faults: &'a mut Faults,
    /// Chance in what concerns sessions; the market has its own, so that it does not depend on who
    /// watches.
    pub(crate) random: &'a mut Random,
    pub(crate) stale_percent: u32,
}

impl Turn<'_> {
    /// The venue's time in ns since 1970.
    pub(crate) fn venue_time(&self) -> i64 {
        self.epoch.saturating_add_unsigned(self.now.as_nanos())
    }
}

/// How [`Turn`] and the rest of the exchange see where books come from.
pub(crate) trait Books {
    /// The symbols, in the order of the configuration or of their appearance.
    fn symbols(&self) -> Box<dyn Iterator<Item = Symbol> + '_>;

    /// Whether there is such a stream.
    fn has(&self, stream: &gemini_ws::Stream) -> bool;

    /// Whether the book behind a stream is small: its snapshot may come before the acknowledgement.
    fn is_small(&self, stream: &gemini_ws::Stream) -> bool;

    /// Starts a stream; the session is not subscribed to it yet.
    fn subscribe(&mut self, turn: &mut Turn<'_>, session: crate::SessionId, stream: &gemini_ws::Stream);

    /// Ends a stream.
    fn unsubscribe(&mut self, turn: &mut Turn<'_>, session: crate::SessionId, stream: &gemini_ws::Stream);

    /// Sends a snapshot of the present book to a subscriber.
    fn repeat_snapshot(&mut self, turn: &mut Turn<'_>, session: crate::SessionId, symbol: Symbol);

    /// The result of the `depth` method as JSON; `None` for an unknown symbol.
    fn depth_result(&self, symbol: Symbol, limit: usize) -> Option<String>;

    /// The present book; `None` for an unknown symbol.
    fn book(&self, symbol: Symbol) -> Option<TrueBook>;

    /// Begins a session of an endpoint of the archived generation; the venue's answer if there is no
    /// such endpoint or symbol, and then no session.
    fn open_market_data(
        &mut self,
        _turn: &mut Turn<'_>,
        _session: crate::SessionId,
        _endpoint: &Endpoint,
        _request: &UpgradeRequest<'_>,
    ) -> Result<(), UpgradeRefusal> {
        Err(refusal(404, "EndpointNotFound"))
    }

    /// Whether a session is one of those.
    fn is_market_data(&self, _session: crate::SessionId) -> bool {
        false
    }

    /// A client of such a session sent a text.
    fn handle_market_data_request(&mut self, _turn: &mut Turn<'_>, _session: crate::SessionId, _text: &str) {}

    /// Ends a session if it is one of those.
    fn leave_market_data(&mut self, _turn: &mut Turn<'_>, _session: crate::SessionId) {}

    /// The requests for quotes, which are a stream of their own; `None` if there are none.
    fn quotes(&mut self) -> Option<&mut Quotes> {
        None
    }

    /// Does a task that this put on the schedule.
    fn run(&mut self, turn: &mut Turn<'_>, task: crate::context::schedule::Task);
}
