//! [`Scratch`]: the working memory of the decoders.

use alloc::vec::Vec;

use crate::message::Level;
use crate::message::change::ChangeNote;
use crate::value::symbol::Symbol;

/// Working memory of [`decode`](crate::decode), for the levels of the current frame. Use the same `Scratch` for all
/// frames of a connection: once it has grown to the largest frame, decoding does not allocate.
#[derive(Clone, Debug)]
pub struct Scratch {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
    /// Notes about changes in a frame of market data v1.
    pub(super) notes: Vec<ChangeNote>,
    pub(super) symbol: Option<Symbol>,
    /// Whether frames without a symbol get the symbol in `symbol`, which `set_symbol` sets. If false, they get the
    /// one in `unnamed`.
    pub(super) takes_set: bool,
    /// The symbol of frames without a symbol, for a [`Client`](crate::Client) or an [`EventBuf`](crate::EventBuf).
    /// `Scratch` stores it because the decoded message borrows it.
    pub(super) unnamed: Option<Symbol>,
}

impl Scratch {
    /// Creates empty working memory.
    pub const fn new() -> Scratch {
        Scratch {
            bids: Vec::new(),
            asks: Vec::new(),
            notes: Vec::new(),
            symbol: None,
            takes_set: true,
            unnamed: None,
        }
    }

    #[inline]
    pub(super) fn unnamed(&self) -> Option<&Symbol> {
        if self.takes_set { self.symbol.as_ref() } else { self.unnamed.as_ref() }
    }

    #[inline]
    pub(super) fn clear_levels(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    #[inline]
    pub(super) fn levels(scratch: Option<&mut Scratch>) -> (&[Level], &[Level]) {
        scratch.map_or((&[], &[]), |scratch| (&scratch.bids, &scratch.asks))
    }

    /// Sets the symbol that [`Endpoint::decode`](crate::Endpoint::decode) and [`Replay`](crate::Replay) add to frames
    /// of market data v1 without a symbol. The frames of `/v1/marketdata/{symbol}` have no symbol, because the
    /// address names it ([addresses](crate::protocol::market_data_v1#addresses)). A [`Client`](crate::Client) and an
    /// [`EventBuf`](crate::EventBuf) neither use nor change this symbol.
    pub const fn set_symbol(&mut self, symbol: Option<Symbol>) {
        self.symbol = symbol;
    }
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch::new()
    }
}
