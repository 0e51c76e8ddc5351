//! [`Fold`] computes the hash of a transcript. The hash is the same on every platform and with every compiler.

use std::fmt;

use gemini_ws::{Event, Instant, LinkId, Output};

/// FNV-1a over words of 64 bits. `word` also mixes the upper half of each result into the lower half, because FNV-1a
/// alone never carries high bits into low bits.
#[derive(Clone, Copy, Debug)]
pub struct Fold(u64);

impl Fold {
    pub const fn new() -> Fold {
        Fold(0xcbf2_9ce4_8422_2325)
    }

    pub const fn value(self) -> u64 {
        self.0
    }

    pub const fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        self.0 = mixed ^ (mixed >> 32);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.word(u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        let mut rest = [0; 8];
        rest[..words.remainder().len()].copy_from_slice(words.remainder());
        self.word(u64::from_le_bytes(rest));
        self.word(bytes.len() as u64);
    }

    pub fn link(&mut self, link: LinkId) {
        self.word((link.slot() as u64) << 32 | u64::from(link.epoch()));
    }

    pub fn now(&mut self, now: Instant) {
        self.word(now.as_nanos());
    }

    pub fn output(&mut self, output: &Output) {
        match output {
            Output::Connect(link) => {
                self.word(1);
                self.link(*link);
            }
            Output::Send { link, text } => {
                self.word(2);
                self.link(*link);
                self.bytes(text.as_bytes());
            }
            Output::Close { link, code, reason } => {
                self.word(3 << 16 | u64::from(*code));
                self.link(*link);
                self.bytes(reason.as_bytes());
            }
            Output::Abort(link) => {
                self.word(4);
                self.link(*link);
            }
            Output::Event(event) => {
                self.word(5);
                self.event(event);
            }
            other => self.text(other),
        }
    }

    /// Adds an event to the hash. For an event of data, the caller adds the bytes of the frame instead.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Opened { link, missing_since } => {
                self.word(6);
                self.link(*link);
                self.word(missing_since.map_or(0, Instant::as_nanos));
            }
            Event::Live { link } => {
                self.word(7);
                self.link(*link);
            }
            event if is_data(event) => self.word(8),
            other => self.text(other),
        }
    }

    fn text(&mut self, what: &impl fmt::Debug) {
        let _ = fmt::write(self, format_args!("{what:?}"));
    }
}

impl fmt::Write for Fold {
    /// Adds single bytes, so that the hash does not depend on how the formatter splits the text.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Ok(())
    }
}

pub const fn is_data(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::BookTicker(..)
            | Event::DepthSnapshot(..)
            | Event::DepthUpdate(..)
            | Event::PartialDepth(..)
            | Event::Trade(..)
            | Event::ContractStatus(..)
            | Event::MarkPrice(..)
            | Event::FundingAmount(..)
            | Event::TopOfBook(..)
            | Event::AuctionOpen(..)
            | Event::Auction(..)
            | Event::Candles(..)
            | Event::RequestForQuote(..)
            | Event::Order(..)
            | Event::Balances(..)
            | Event::Positions(..)
            | Event::Quote(..)
            | Event::Settlements(..)
            | Event::Heartbeat(..)
            | Event::Batch(..)
    )
}
