//! [`Source`]: what the exchange needs from a generated market or a recording.

use gemini_ws::{Level, Stream, Symbol};

use crate::context::Context;
use crate::context::schedule::Task;
use crate::frame::upgrade::{Endpoint, UpgradeRefusal, UpgradeRequest, refusal};
use crate::rfq::Quotes;
use crate::value::id::SessionId;

/// The true book of a symbol, as the exchange keeps it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrueBook {
    /// The bids, the best first.
    pub bids: Vec<Level>,
    /// The asks, the best first.
    pub asks: Vec<Level>,
    /// The update id of the last change. In a generated market, a depth stream reports this change after at most its
    /// interval of 100 ms or 1 s.
    pub last_update_id: u64,
}

/// A source of books: a generated market or a recording.
pub(crate) trait Source {
    /// Returns the symbols, in the order of the configuration or of
    /// [`Recording::symbols`](crate::Recording::symbols).
    fn symbols(&self) -> Box<dyn Iterator<Item = Symbol> + '_>;

    fn has(&self, stream: &Stream) -> bool;

    /// Returns whether the book of a stream is small, so that its snapshot may come before the acknowledgement.
    fn is_small(&self, stream: &Stream) -> bool;

    /// Subscribes a session to a stream that it is not subscribed to yet.
    fn subscribe(&mut self, cx: &mut Context<'_>, session: SessionId, stream: &Stream);

    fn unsubscribe(&mut self, cx: &mut Context<'_>, session: SessionId, stream: &Stream);

    /// Sends a snapshot of the present book to a session, if it is subscribed to the depth of the symbol.
    fn repeat_snapshot(&mut self, cx: &mut Context<'_>, session: SessionId, symbol: Symbol);

    /// Returns the result of the `depth` method as JSON; `None` for an unknown symbol.
    fn depth_result(&self, symbol: Symbol, limit: usize) -> Option<String>;

    fn book(&self, symbol: Symbol) -> Option<TrueBook>;

    /// Opens a session of an archived market data endpoint. If the venue would refuse the upgrade, no session begins,
    /// and the error is the HTTP response to send.
    fn open_market_data(
        &mut self,
        _cx: &mut Context<'_>,
        _session: SessionId,
        _endpoint: &Endpoint,
        _request: &UpgradeRequest<'_>,
    ) -> Result<(), UpgradeRefusal> {
        Err(refusal(404, "EndpointNotFound"))
    }

    fn is_market_data(&self, _session: SessionId) -> bool {
        false
    }

    fn handle_market_data_request(&mut self, _cx: &mut Context<'_>, _session: SessionId, _text: &str) {}

    fn leave_market_data(&mut self, _cx: &mut Context<'_>, _session: SessionId) {}

    /// Returns the requests for quotes; `None` if the source makes none.
    fn quotes(&self) -> Option<&Quotes> {
        None
    }

    fn quotes_mut(&mut self) -> Option<&mut Quotes> {
        None
    }

    fn run(&mut self, cx: &mut Context<'_>, task: Task);
}
