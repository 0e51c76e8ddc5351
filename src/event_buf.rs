//! [`EventBuf`]: an event that owns what it says, for queues and other threads.

use alloc::string::String;
use alloc::vec::Vec;

use crate::event::{Event, Ignored, Malformed, Outcome};
use crate::message::{
    ApiError, BookTicker, ContractStatus, Depth, FundingAmount, Level, MarkPrice, PartialDepth, RawJson,
    Response, ResponseId, Text, Trade, Unrecognized,
};

/// An [`Event`] that borrows nothing.
///
/// Costs an allocation for the texts of an event and one for its levels, where it has some.
///
/// ```
/// use gemini_ws::{Event, EventBuf, Message, Scratch, decode};
///
/// let owned = {
///     let frame = String::from(r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#);
///     let mut scratch = Scratch::new();
///     let Ok(Message::Trade(trade)) = decode(&frame, &mut scratch) else { panic!() };
///     EventBuf::from(&Event::Trade(trade))
/// };
/// let Event::Trade(trade) = owned.as_event() else { panic!() };
/// assert_eq!((trade.symbol, trade.trade_id), ("btcusd", 7));
/// ```
#[derive(Clone, Debug)]
pub struct EventBuf {
    /// The event with all texts and levels empty.
    event: Event<'static>,
    /// Its texts, one after another, and where each ends.
    texts: String,
    ends: [usize; TEXTS_MAX],
    /// Its levels: first the bids, then the asks.
    levels: Vec<Level>,
    bids: usize,
}

/// The most texts in one event: a contract's status has five, a response with everything four.
const TEXTS_MAX: usize = 5;

impl From<&Event<'_>> for EventBuf {
    fn from(event: &Event<'_>) -> EventBuf {
        let (mut texts, mut ends, mut count) = (String::new(), [0; TEXTS_MAX], 0_usize);
        let (mut levels, mut sides) = (Vec::new(), [0_usize; 2]);
        let mut side = 0_usize;
        let empty = event.relend(
            |text| {
                texts.push_str(text);
                debug_assert!(count < TEXTS_MAX);
                if let Some(end) = ends.get_mut(count) {
                    *end = texts.len();
                }
                count = count.saturating_add(1);
                ""
            },
            |of_side| {
                levels.extend_from_slice(of_side);
                if let Some(length) = sides.get_mut(side) {
                    *length = of_side.len();
                }
                side = side.saturating_add(1);
                &[]
            },
        );
        EventBuf { event: empty, texts, ends, levels, bids: sides.first().copied().unwrap_or(0) }
    }
}

impl EventBuf {
    /// The event, borrowing from this value.
    pub fn as_event(&self) -> Event<'_> {
        let (mut start, mut ends) = (0, self.ends.iter());
        let (bids, asks) = self.levels.split_at_checked(self.bids).unwrap_or((&[], &[]));
        let mut sides = [bids, asks].into_iter();
        self.event.relend(
            |_| {
                let end = ends.next().copied().unwrap_or(start);
                let text = self.texts.get(start..end).unwrap_or_default();
                start = end;
                text
            },
            |_| sides.next().unwrap_or_default(),
        )
    }
}

impl<'a> Event<'a> {
    /// The same event with every borrowed part replaced, in a fixed order.
    fn relend<'b>(
        &self,
        mut text: impl FnMut(&'a str) -> &'b str,
        mut levels: impl FnMut(&'a [Level]) -> &'b [Level],
    ) -> Event<'b> {
        let mut depth = |it: Depth<'a>, text: &mut dyn FnMut(&'a str) -> &'b str| Depth {
            symbol: text(it.symbol),
            event_time: it.event_time,
            first_update_id: it.first_update_id,
            last_update_id: it.last_update_id,
            bids: levels(it.bids),
            asks: levels(it.asks),
        };
        match *self {
            Event::BookTicker(BookTicker { symbol, update_id, event_time, bid, ask, last_trade }) => {
                let symbol = text(symbol);
                Event::BookTicker(BookTicker { symbol, update_id, event_time, bid, ask, last_trade })
            }
            Event::DepthSnapshot(it) => Event::DepthSnapshot(depth(it, &mut text)),
            Event::DepthUpdate(it) => Event::DepthUpdate(depth(it, &mut text)),
            Event::PartialDepth(it) => Event::PartialDepth(PartialDepth {
                symbol: it.symbol.map(&mut text),
                last_update_id: it.last_update_id,
                bids: levels(it.bids),
                asks: levels(it.asks),
            }),
            Event::Trade(Trade { symbol, event_time, trade_id, price, quantity, buyer_is_maker }) => {
                let symbol = text(symbol);
                Event::Trade(Trade { symbol, event_time, trade_id, price, quantity, buyer_is_maker })
            }
            Event::ContractStatus(it) => Event::ContractStatus(ContractStatus {
                symbol: text(it.symbol),
                event_time: it.event_time,
                event_ticker: text(it.event_ticker),
                contract_ticker: text(it.contract_ticker),
                contract_id: it.contract_id,
                strike: it.strike,
                previous_status: Text(text(it.previous_status.raw())),
                status: Text(text(it.status.raw())),
            }),
            Event::MarkPrice(MarkPrice { symbol, event_time, mark_price, scaled_index }) => {
                Event::MarkPrice(MarkPrice { symbol: text(symbol), event_time, mark_price, scaled_index })
            }
            Event::FundingAmount(it) => Event::FundingAmount(FundingAmount {
                symbol: text(it.symbol),
                event_time: it.event_time,
                funding_time: it.funding_time,
                interval_minutes: it.interval_minutes,
                amount: it.amount,
                rate_percent: it.rate_percent,
                mark_price: it.mark_price,
                realized: it.realized,
            }),
            Event::Reply { request, outcome } => Event::Reply {
                request,
                outcome: match outcome {
                    Outcome::TimedOut => Outcome::TimedOut,
                    Outcome::Lost => Outcome::Lost,
                    Outcome::Answered(it) => Outcome::Answered(Response {
                        id: match it.id {
                            ResponseId::Number(number) => ResponseId::Number(number),
                            ResponseId::Text(id) => ResponseId::Text(Text(text(id.raw()))),
                        },
                        status: it.status,
                        result: it.result.map(|result| RawJson(text(result.as_str()))),
                        error: it.error.map(|error| error.relend(&mut text)),
                        rate_limits: it.rate_limits.map(|limits| RawJson(text(limits.as_str()))),
                    }),
                },
            },
            Event::Rejected { id, stream, error } => {
                Event::Rejected { id, stream, error: error.relend(&mut text) }
            }
            Event::PeerClosing { link, code, reason } => {
                Event::PeerClosing { link, code, reason: Text(text(reason.raw())) }
            }
            Event::Ignored(Ignored { frame, why }) => Event::Ignored(Ignored { frame: text(frame), why }),
            Event::Unrecognized(Unrecognized { frame }) => {
                Event::Unrecognized(Unrecognized { frame: RawJson(text(frame.as_str())) })
            }
            Event::Malformed(Malformed { frame, error }) => {
                Event::Malformed(Malformed { frame: text(frame), error })
            }
            Event::Subscribed { id, stream } => Event::Subscribed { id, stream },
            Event::Unsubscribed { id, stream } => Event::Unsubscribed { id, stream },
            Event::Gap { symbol, expected, got } => Event::Gap { symbol, expected, got },
            Event::Synced { symbol } => Event::Synced { symbol },
            Event::Opened { link } => Event::Opened { link },
            Event::Live { link } => Event::Live { link },
            Event::ConnectFailed { link, why, retry } => Event::ConnectFailed { link, why, retry },
            Event::Disconnected { link, why, retry } => Event::Disconnected { link, why, retry },
            Event::Closed { reason } => Event::Closed { reason },
        }
    }
}

impl<'a> ApiError<'a> {
    fn relend<'b>(self, text: &mut impl FnMut(&'a str) -> &'b str) -> ApiError<'b> {
        ApiError { code: self.code, message: Text(text(self.message.raw())) }
    }
}
