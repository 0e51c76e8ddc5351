//! [`OrderFill`]: an execution of an order.

use alloc::boxed::Box;
use alloc::string::ToString;

use crate::message::{Fill, Liquidity};
use crate::value::decimal::Decimal;
use crate::value::time::Timestamp;

/// An execution of an order. [`Order::fills`](crate::Order::fills) contains each execution once.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OrderFill {
    /// The venue's id of the trade.
    pub trade_id: u64,
    /// The price of the execution.
    pub price: Decimal,
    /// The quantity that was executed.
    pub quantity: Decimal,
    /// The fee as the venue wrote it; `None` if the venue wrote no fee, or a number of more than 256 bytes. If
    /// `fee_currency` is `None`, the currency is unknown: the documents of the current API do not name it.
    pub fee: Option<Box<str>>,
    /// The currency of the fee; `None` if the venue does not name it.
    pub fee_currency: Option<Box<str>>,
    /// Whether the order rested in the book; `None` in an auction, or if the venue does not say.
    pub is_maker: Option<bool>,
    /// The venue's time of the event that reported the execution.
    pub event_time: Option<Timestamp>,
}

impl OrderFill {
    pub(super) fn new(
        trade_id: u64,
        price: Decimal,
        quantity: Decimal,
        fill: &Fill<'_>,
        event_time: Option<Timestamp>,
    ) -> OrderFill {
        OrderFill {
            trade_id,
            price,
            quantity,
            fee: fill.fee.filter(|fee| fee.as_str().len() <= TEXT_MAX).map(|fee| fee.as_str().into()),
            fee_currency: fill.fee_currency.map(kept),
            is_maker: match fill.liquidity {
                Some(Liquidity::Maker) => Some(true),
                Some(Liquidity::Taker) => Some(false),
                Some(Liquidity::Auction | Liquidity::Other(_)) | None => None,
            },
            event_time,
        }
    }

    /// Returns whether `event_time` may be the time of the event that reported the execution. If one of the two times
    /// is from order events v1, which give whole milliseconds, only the milliseconds are compared.
    pub(super) fn is_of(&self, event_time: Option<Timestamp>) -> bool {
        let is_near = |one: Timestamp, other: Timestamp| {
            let is_whole = |time: Timestamp| time.as_nanos().wrapping_rem(1_000_000) == 0;
            one.as_millis() == other.as_millis() && (is_whole(one) || is_whole(other))
        };
        let times = self.event_time.zip(event_time);
        self.event_time == event_time || times.is_some_and(|(own, other)| is_near(own, other))
    }
}

/// The maximum number of bytes that are kept of one text of the venue.
pub(super) const TEXT_MAX: usize = 256;

pub(crate) fn kept(text: impl ToString) -> Box<str> {
    let text = text.to_string();
    let end = (0..=TEXT_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default().into()
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Accounted {
    None,
    New,
    Repeated,
    Unaccountable,
}
