//! [`Source`]: what the exchange asks of a market, be it generated or recorded.

use gemini_ws::{Level, Stream, Symbol};

use crate::context::Context;
use crate::context::schedule::Task;
use crate::frame::upgrade::{Endpoint, UpgradeRefusal, UpgradeRequest, refusal};
use crate::rfq::Quotes;
use crate::value::id::SessionId;

/// The true book of a symbol, as the exchange has it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrueBook {
    /// Best first.
    pub bids: Vec<Level>,
    /// Best first.
    pub asks: Vec<Level>,
    /// The update id of the last change; depth streams reach it within their cadence.
    pub last_update_id: u64,
}

/// Where books come from.
pub(crate) trait Source {
    /// The symbols, in the order of the configuration or of their appearance.
    fn symbols(&self) -> Box<dyn Iterator<Item = Symbol> + '_>;

    /// Whether there is such a stream.
    fn has(&self, stream: &Stream) -> bool;

    /// Whether the book behind a stream is small: its snapshot may come before the acknowledgement.
    fn is_small(&self, stream: &Stream) -> bool;

    /// Starts a stream; the session is not subscribed to it yet.
    fn subscribe(&mut self, cx: &mut Context<'_>, session: SessionId, stream: &Stream);

    /// Ends a stream.
    fn unsubscribe(&mut self, cx: &mut Context<'_>, session: SessionId, stream: &Stream);

    /// Sends a snapshot of the present book to a subscriber.
    fn repeat_snapshot(&mut self, cx: &mut Context<'_>, session: SessionId, symbol: Symbol);

    /// The result of the `depth` method as JSON; `None` for an unknown symbol.
    fn depth_result(&self, symbol: Symbol, limit: usize) -> Option<String>;

    /// The present book; `None` for an unknown symbol.
    fn book(&self, symbol: Symbol) -> Option<TrueBook>;

    /// Opens a session of an archived endpoint. If there is no such endpoint or symbol, no session begins and
    /// the venue's answer is returned.
    fn open_market_data(
        &mut self,
        _cx: &mut Context<'_>,
        _session: SessionId,
        _endpoint: &Endpoint,
        _request: &UpgradeRequest<'_>,
    ) -> Result<(), UpgradeRefusal> {
        Err(refusal(404, "EndpointNotFound"))
    }

    /// Whether a session is one of an archived endpoint.
    fn is_market_data(&self, _session: SessionId) -> bool {
        false
    }

    /// Handles a text from a session of an archived endpoint.
    fn handle_market_data_request(&mut self, _cx: &mut Context<'_>, _session: SessionId, _text: &str) {}

    /// Ends a session if it is one of an archived endpoint.
    fn leave_market_data(&mut self, _cx: &mut Context<'_>, _session: SessionId) {}

    /// The requests for quotes, which are a stream of their own; `None` if there are none.
    fn quotes(&self) -> Option<&Quotes> {
        None
    }

    /// The same, to be changed.
    fn quotes_mut(&mut self) -> Option<&mut Quotes> {
        None
    }

    /// Does a task that this source put on the schedule.
    fn run(&mut self, cx: &mut Context<'_>, task: Task);
}
