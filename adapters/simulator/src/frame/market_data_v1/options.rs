//! [`Options`]: the options of a market data v1 session, which its URL sets.

use crate::frame::upgrade::{UpgradeRefusal, parameters, refusal};
use crate::model::engine::Side;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Options {
    heartbeat: bool,
    top_of_book: bool,
    bids: bool,
    offers: bool,
    trades: bool,
    auctions: bool,
}

impl Options {
    /// Reads the options from the query, and ignores unknown names. If the query sets none of `bids`, `offers`,
    /// `trades` and `auctions`, the session gets all four kinds of entries. Otherwise it gets only the kinds that are
    /// set to `true`.
    pub(crate) fn of_query(query: &str, is_multi: bool) -> Result<Options, UpgradeRefusal> {
        let [mut heartbeat, mut top_of_book] = [false; 2];
        let mut kinds = [None; 4];
        for (name, value) in parameters(query) {
            let value = || match &*value {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(refusal(400, "InvalidParameter")),
            };
            match &*name {
                "heartbeat" => heartbeat = value()?,
                "top_of_book" => top_of_book = value()?,
                "bids" => kinds[0] = Some(value()?),
                "offers" => kinds[1] = Some(value()?),
                "trades" => kinds[2] = Some(value()?),
                "auctions" if !is_multi => kinds[3] = Some(value()?),
                _ => {}
            }
        }
        let default = kinds.iter().all(Option::is_none);
        let [bids, offers, trades, auctions] = kinds.map(|kind| kind.unwrap_or(default));
        Ok(Options { heartbeat, top_of_book, bids, offers, trades, auctions: auctions && !is_multi })
    }

    pub(crate) const fn wants_heartbeats(&self) -> bool {
        self.heartbeat
    }

    pub(crate) const fn wants_best_levels(&self) -> bool {
        self.top_of_book
    }

    pub(crate) const fn wants_side(&self, side: Side) -> bool {
        match side {
            Side::Bid => self.bids,
            Side::Ask => self.offers,
        }
    }

    pub(crate) const fn wants_trades(&self) -> bool {
        self.trades
    }

    pub(crate) const fn wants_auctions(&self) -> bool {
        self.auctions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_rule() {
        // The queries, and the flags (bids, offers, trades, auctions) that they set on the endpoints for one symbol
        // and for several symbols.
        for (query, single, multi) in [
            ("", [true; 4], [true, true, true, false]),
            ("heartbeat=true&top_of_book=true", [true; 4], [true, true, true, false]),
            ("trades=true", [false, false, true, false], [false, false, true, false]),
            ("trades=false", [false; 4], [false; 4]),
            ("bids=true&offers=false", [true, false, false, false], [true, false, false, false]),
            ("auctions=true", [false, false, false, true], [true, true, true, false]),
        ] {
            for (is_multi, expected) in [(false, single), (true, multi)] {
                let options = Options::of_query(query, is_multi).unwrap();
                let Options { bids, offers, trades, auctions, .. } = options;
                assert_eq!([bids, offers, trades, auctions], expected, "{query} {is_multi}");
            }
        }
        assert_eq!(Options::of_query("trades=yes", false).unwrap_err().status, 400);
    }
}
