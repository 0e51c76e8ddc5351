//! [`Scratch`]: the working memory of the decoders.

use alloc::vec::Vec;

use crate::message::Level;
use crate::value::symbol::Symbol;

/// Working memory of [`decode`](crate::decode). The caller owns the memory and passes it again with the next frame.
///
/// `Scratch` holds the levels of the current frame. Once it has grown to the largest frame of a connection, decoding
/// does not allocate.
#[derive(Clone, Debug)]
pub struct Scratch {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
    /// The symbol that the caller has set with [`Scratch::set_symbol`].
    pub(super) symbol: Option<Symbol>,
    /// Whether the present frame is about the symbol that the caller has set, if the frame itself names none.
    pub(super) takes_set: bool,
    /// The symbol that a frame without a symbol is about, if `takes_set` is false. Events borrow this symbol.
    pub(super) unnamed: Option<Symbol>,
}

impl Scratch {
    /// Creates empty working memory.
    pub const fn new() -> Scratch {
        Scratch { bids: Vec::new(), asks: Vec::new(), symbol: None, takes_set: true, unnamed: None }
    }

    /// Returns the symbol that the present frame is about if the frame itself names none; `None` if it is unknown.
    #[inline]
    pub(super) fn unnamed(&self) -> Option<&Symbol> {
        if self.takes_set { self.symbol.as_ref() } else { self.unnamed.as_ref() }
    }

    /// Removes the levels of the previous frame.
    #[inline]
    pub(super) fn clear_levels(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// Returns the levels that were read: bids and asks.
    #[inline]
    pub(super) fn levels(scratch: Option<&mut Scratch>) -> (&[Level], &[Level]) {
        scratch.map_or((&[], &[]), |scratch| (&scratch.bids, &scratch.asks))
    }

    /// Sets the symbol of frames without a symbol. The frames of `/v1/marketdata/{symbol}` have no symbol, because
    /// the address names the symbol ([addresses](crate::protocol::market_data_v1#addresses)). A
    /// [`Client`](crate::Client) and an [`EventBuf`](crate::EventBuf) know the symbols of their frames, so they
    /// neither use nor change this one.
    pub const fn set_symbol(&mut self, symbol: Option<Symbol>) {
        self.symbol = symbol;
    }
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch::new()
    }
}
