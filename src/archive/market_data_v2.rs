//! Market data v2: the first data of a stream confirms its subscription, and a refusal does not name its request.

use crate::archive::{control, decode, unrecognized};
use crate::event::reason::Unserved;
use crate::event::replay::{event_of, l2};
use crate::event::{Event, IgnoredReason};
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::failure::Failure;
use crate::link::feed::Feed;
use crate::link::lifecycle::{StreamInput, StreamState};
use crate::link::outbox::StreamRequest;
use crate::link::receive::trade;
use crate::link::session::{Reception, Session};
use crate::link::subscription::Subscription;
use crate::message::{ApiError, L2Updates, Message, Text};
use crate::request::MarketDataRequest;
use crate::request::stream::Topic;
use crate::value::id::StreamId;
use crate::value::time::Instant;
use crate::wire::Scratch;

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
    /// When a `subscribe` last timed out before any data for it came. The venue may still refuse it.
    silent_at: Option<Instant>,
}

impl Session for MarketDataV2 {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn opened(&mut self) {
        self.silent_at = None;
    }

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
                    self.refuse(reception);
                }
                control(reception, text, &message)
            }
            _ => unrecognized(reception, text, &message),
        }
    }

    /// Acts on a `subscribe` that has timed out. Each of its streams without data fails, because only data confirms a
    /// stream. If data of its other streams has come, the next `subscribe` for each failed stream names no other
    /// stream.
    fn expired(
        &mut self,
        feed: &mut Feed,
        cx: &mut Context<'_>,
        request: &StreamRequest,
        id: u64,
        is_silent: bool,
    ) {
        let company = if is_silent { request.streams().len() } else { 1 };
        self.silent_at = if is_silent { Some(cx.now()) } else { self.silent_at };
        let mut request = request.clone();
        let waits = |it: &Subscription| it.state() == StreamState::Requested;
        request.retain(|stream| feed.subscriptions().get(*stream).is_some_and(waits));
        let failure = Failure::new(Unserved::Unanswered, company);
        feed.fail_all(cx, &request, id, failure, StreamInput::Unanswered);
    }
}

impl MarketDataV2 {
    /// Acts on a refusal. A refusal says that no stream of a request is valid, but does not name the request:
    ///
    /// - If the refusal can be about only one request, the client rejects the streams of this request.
    /// - If it can be about several, the client rejects no stream. It then sends stream requests one after the other,
    ///   until a refusal can be about only one request, or the link ends.
    fn refuse(&self, reception: &mut Reception<'_, '_>) {
        let (now, patience) = (reception.now(), reception.config().request_timeout);
        let is_late = self.silent_at.is_some_and(|at| now < at + patience);
        let (feed, cx) = reception.parts();
        let Some((id, request)) = feed.outbox().only_stream_request(now).filter(|_| !is_late) else {
            return feed.outbox_mut().send_one_at_a_time(true);
        };
        let streams = request.streams().to_vec();
        feed.outbox_mut().answered(id);
        feed.outbox_mut().send_one_at_a_time(false);
        let error = ApiError { code: 0, message: Text(NO_VALID_TRADING_PAIRS) };
        for stream in streams {
            if feed.subscriptions().get(stream).is_some_and(|it| it.request() == id) {
                feed.reject(cx, stream, StreamInput::Refused, error, true);
            }
        }
    }
}

/// Passes `input` to a stream whose first data has come, and so confirms the stream. Also frees the place that its
/// request holds among the requests in flight.
fn serve(reception: &mut Reception<'_, '_>, id: StreamId, input: StreamInput) {
    let request = reception.feed().subscriptions().get(id).map_or(0, Subscription::request);
    reception.feed_mut().outbox_mut().release(request);
    reception.step(id, input);
}

/// Delivers data of a stream. The first data confirms the stream, except a depth stream: only its snapshot confirms
/// it.
fn of_stream<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    topic: Topic,
    symbol: &str,
    message: &Message<'f>,
) -> Option<Event<'f>> {
    let Some(subscription) = reception.heard(topic, symbol) else {
        return reception.ignored(text, IgnoredReason::NotSubscribed);
    };
    let (id, public) = (subscription.id(), subscription.public_id());
    let is_confirmed_by_it = subscription.is_asked_for() && topic != Topic::Depth;
    let event = event_of(message, reception.source(text).of_stream(Some(public)))?;
    if is_confirmed_by_it {
        serve(reception, id, StreamInput::Accepted);
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
        // The first frame is the book, unless an earlier frame was lost, or old changes may still come because the
        // book was requested before on this connection. In these two cases, only a frame that looks like a first
        // frame is the book.
        StreamState::Requested | StreamState::Active
            if subscription.awaits_book()
                && (updates.looks_initial() || subscription.takes_first_for_book()) =>
        {
            let event = l2(true, subscription.last_trade(), updates, source);
            if subscription.end_resync() {
                reception.count_resync();
            }
            serve(reception, id, StreamInput::Snapshot);
            reception.moving_data(event)
        }
        // The form of the frame does not show whether it has the whole book or only changes.
        StreamState::Synced if updates.looks_initial() => reception.gap(id, 0, None),
        StreamState::Synced => {
            let event = l2(false, subscription.last_trade(), updates, source);
            reception.data(event)
        }
        _ => reception.ignored(text, IgnoredReason::BeforeSnapshot),
    }
}
