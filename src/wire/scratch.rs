//! [`Scratch`]: the working memory of the decoders.

use alloc::vec::Vec;

use crate::message::Level;
use crate::value::symbol::Symbol;

/// Working memory of [`decode`](crate::decode): owned by the caller, reused from frame to frame.
///
/// Holds the levels of the frame at hand; it grows to the largest frame seen and then allocates no
/// more.
#[derive(Clone, Debug)]
pub struct Scratch {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
    /// Of frames that name none.
    pub(super) symbol: Option<Symbol>,
}

impl Scratch {
    /// Empty working memory.
    pub const fn new() -> Scratch {
        Scratch { bids: Vec::new(), asks: Vec::new(), symbol: None }
    }

    /// Forgets the levels of the frame before.
    #[inline]
    pub(super) fn clear_levels(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// The levels that were read: bids and asks.
    #[inline]
    pub(super) fn levels(scratch: Option<&mut Scratch>) -> (&[Level], &[Level]) {
        scratch.map_or((&[], &[]), |scratch| (&scratch.bids, &scratch.asks))
    }

    /// Names the symbol of frames that name none: those of market data v1, where the address has chosen
    /// it ([addresses](crate::protocol::market_data_v1#addresses)).
    pub const fn set_symbol(&mut self, symbol: Option<Symbol>) {
        self.symbol = symbol;
    }
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch::new()
    }
}
