//! Market data v2: subscriptions, which their first data confirms, and a refusal that names nothing.

use crate::archive::{control, decode, unrecognized};
use crate::event::replay::{event_of, l2};
use crate::event::{Event, IgnoredReason};
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::feed::Feed;
use crate::link::lifecycle::{StreamInput, StreamState};
use crate::link::outbox::StreamRequest;
use crate::link::receive::trade;
use crate::link::session::{Reception, Session};
use crate::message::{ApiError, L2Updates, Message, Text};
use crate::request::MarketDataRequest;
use crate::request::stream::Topic;
use crate::value::id::StreamId;
use crate::wire::Scratch;

/// What the venue says of a subscription that it does not take.
const NO_VALID_TRADING_PAIRS: &str = "NoValidTradingPairs";

static DIALECT: Dialect = Dialect {
    takes_requests: false,
    acknowledges: false,
    encode: |is_subscribe, streams, _| {
        let request = if is_subscribe {
            MarketDataRequest::Subscribe(streams)
        } else {
            MarketDataRequest::Unsubscribe(streams)
        };
        request.encode()
    },
};

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MarketDataV2 {
    /// A request with a number below this may be the one that was refused.
    refused_below: u64,
}

impl Session for MarketDataV2 {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn opened(&mut self) {}

    fn receive<'f>(
        &mut self,
        reception: &mut Reception<'_, '_>,
        text: &'f str,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        let message = match decode(reception, text, scratch) {
            Ok(message) => message,
            Err(error) => return reception.malformed(text, error),
        };
        match &message {
            Message::L2Updates(updates) => l2_updates(reception, text, *updates),
            Message::Trade(it) => trade(reception, text, Topic::Depth, *it),
            Message::Auction(it) => {
                of_stream(reception, text, Topic::Depth, it.symbol.unwrap_or_default(), &message)
            }
            Message::Candles(it) => {
                of_stream(reception, text, Topic::Candles(it.interval), it.symbol, &message)
            }
            Message::MarkPrices(it) => of_stream(reception, text, Topic::MarkPrice, it.symbol, &message),
            Message::FundingAmounts(it) => {
                of_stream(reception, text, Topic::FundingAmount, it.symbol, &message)
            }
            Message::Heartbeat(_) => control(reception, text, &message),
            Message::Error(error) => {
                if error.reason == *NO_VALID_TRADING_PAIRS {
                    self.attribute_refusal(reception);
                }
                control(reception, text, &message)
            }
            _ => unrecognized(reception, text, &message),
        }
    }

    /// The time for the first data of a subscription is over.
    fn expired(&mut self, feed: &mut Feed, cx: &mut Context<'_>, request: &StreamRequest, id: u64) {
        for stream in request.streams() {
            let Some(subscription) = feed.subscriptions().get(*stream) else { continue };
            if subscription.request() != id || subscription.state() != StreamState::Requested {
                continue;
            }
            if !subscription.is_book() {
                // Prices of a quiet perpetual may be silent for long.
                feed.step(cx, *stream, StreamInput::Accepted);
            } else if id < self.refused_below {
                refuse(feed, cx, *stream);
            } else {
                feed.step(cx, *stream, StreamInput::Unanswered);
            }
        }
    }
}

impl MarketDataV2 {
    /// The venue does not say which stream it refuses. Where it can only be one, it is that one; otherwise
    /// those are refused whose book does not come in its time.
    fn attribute_refusal(&mut self, reception: &mut Reception<'_, '_>) {
        let (feed, cx) = reception.parts();
        self.refused_below = cx.next_request_id();
        let waiting = feed.subscriptions().ids(|it| it.state() == StreamState::Requested);
        if let [id] = waiting[..] {
            refuse(feed, cx, id);
        }
    }
}

fn refuse(feed: &mut Feed, cx: &mut Context<'_>, id: StreamId) {
    let error = ApiError { code: 0, message: Text(NO_VALID_TRADING_PAIRS) };
    feed.reject(cx, id, error, true);
}

/// Delivers data of a stream, which its first data confirms.
fn of_stream<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    topic: Topic,
    symbol: &str,
    message: &Message<'f>,
) -> Option<Event<'f>> {
    let now = reception.now();
    let Some(subscription) = reception.routed(topic, symbol) else {
        return reception.ignored(text, IgnoredReason::NotSubscribed);
    };
    subscription.hear(now);
    let (id, public) = (subscription.id(), subscription.public_id());
    // A book is confirmed by its snapshot.
    let is_confirmed_by_it = subscription.is_asked_for() && topic != Topic::Depth;
    let event = event_of(message, reception.source(text).of_stream(Some(public)))?;
    if is_confirmed_by_it {
        reception.step(id, StreamInput::Accepted);
        return reception.moving_data(event);
    }
    reception.data(event)
}

fn l2_updates<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    updates: L2Updates<'f>,
) -> Option<Event<'f>> {
    let (now, source) = (reception.now(), reception.source(text));
    let Some(subscription) = reception.routed(Topic::Depth, updates.symbol) else {
        return reception.ignored(text, IgnoredReason::NotSubscribed);
    };
    let source = source.of_stream(Some(subscription.public_id()));
    subscription.hear(now);
    let id = subscription.id();
    match subscription.state() {
        StreamState::Requested if !subscription.is_asked_for() => {
            reception.ignored(text, IgnoredReason::BeforeSnapshot)
        }
        // The first frame is the book. Behind a resync, changes may still be under way, so only what looks like
        // a first frame is one.
        StreamState::Requested | StreamState::Active
            if !subscription.is_resyncing() || updates.looks_initial() =>
        {
            let event = l2(true, subscription.last_trade(), updates, source);
            if subscription.end_resync() {
                reception.count_resync();
            }
            reception.step(id, StreamInput::Snapshot);
            reception.moving_data(event)
        }
        StreamState::Synced => {
            let event = l2(updates.looks_initial(), subscription.last_trade(), updates, source);
            reception.data(event)
        }
        _ => reception.ignored(text, IgnoredReason::BeforeSnapshot),
    }
}
