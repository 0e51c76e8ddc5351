//! How a link handles frames: [`Link::handle_frame`] for every generation of the API, and [`Current`] for the text
//! frames of the current API.

use crate::event::reason::{Lost, Unserved};
use crate::event::replay::event_of;
use crate::event::source::Source;
use crate::event::{Event, IgnoredReason, RequestOutcome};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::link::Link;
use crate::link::cause::Cause;
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::failure::Failure;
use crate::link::feed::Feed;
use crate::link::frame::Frame;
use crate::link::lifecycle::{Cell, Input, State, StreamInput, link_step};
use crate::link::outbox::{Purpose, StreamRequest};
use crate::link::session::{Reception, Session};
use crate::message::{Depth, Message, Response, ResponseId, Trade};
use crate::request::Request;
use crate::request::stream::Topic;
use crate::value::id::{LinkId, RequestId};
use crate::value::sequence::DepthRole;
use crate::value::time::Instant;
use crate::wire::{Scratch, decode};

impl<S: Session> Link<S> {
    #[inline]
    pub(crate) fn handle_frame<'f>(
        &mut self,
        cx: &mut Context<'_>,
        link: LinkId,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        let deliver = self.hear(link, cx.now());
        if !deliver {
            cx.leave_untouched();
        }
        match frame {
            Frame::Text(text) => {
                self.stats.count_frame(text.len());
                if deliver { self.receive(cx, text, scratch) } else { self.ignore(cx, link, text) }
            }
            Frame::Binary(bytes) => {
                self.stats.count_frame(bytes.len());
                if !deliver {
                    return self.ignore(cx, link, "");
                }
                let error = DecodeError::new(DecodeErrorKind::Binary, 0);
                self.read(cx, self.id, |_, reception| reception.malformed("", error))
            }
            Frame::Ping(_) | Frame::Pong(_) => {
                self.stats.count_control_frame();
                cx.leave_untouched();
                None
            }
            Frame::Close { code, reason } => {
                self.stats.count_control_frame();
                // If the client has sent a Close frame first, this frame only completes the handshake, and no event
                // reports it.
                let news = deliver && self.state != State::Closing;
                if deliver {
                    self.lose(cx, Lost::Closed { code });
                }
                news.then_some(Event::PeerClosing { link, code, reason })
            }
        }
    }

    #[inline]
    pub(crate) fn handle_sign_of_life(&mut self, link: LinkId, now: Instant) {
        self.hear(link, now);
        self.stats.count_control_frame();
    }

    /// Returns whether a frame over `link` belongs to the present connection and can be delivered. If so, stores that
    /// the peer was heard now.
    #[inline]
    fn hear(&mut self, link: LinkId, now: Instant) -> bool {
        if !self.is_current(link) {
            return false;
        }
        let deliver = matches!(link_step(self.state, Input::Frame), Cell::Stay(_));
        if deliver {
            self.liveness.hear(now);
        } else {
            self.stats.count_stale_input();
        }
        deliver
    }

    fn ignore<'f>(&mut self, cx: &mut Context<'_>, link: LinkId, text: &'f str) -> Option<Event<'f>> {
        self.read(cx, link, |_, reception| reception.ignored(text, IgnoredReason::EndedLink))
    }

    #[inline]
    fn receive<'f>(
        &mut self,
        cx: &mut Context<'_>,
        text: &'f str,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        let event = self.read(cx, self.id, |session, reception| session.receive(reception, text, scratch));
        if let Some(event) = &event {
            cx.placed().note_event(self.id, event);
        }
        event
    }

    #[inline]
    fn read<'f>(
        &mut self,
        cx: &mut Context<'_>,
        link: LinkId,
        read: impl FnOnce(&mut S, &mut Reception<'_, '_>) -> Option<Event<'f>>,
    ) -> Option<Event<'f>> {
        let mut reception =
            Reception::new(link, &mut self.feed, cx, &self.config, &mut self.stats, &mut self.malformed_run);
        let event = read(&mut self.session, &mut reception);
        if let Some(why) = reception.unusable() {
            self.input(cx, Input::Unusable, Cause::Loss(why));
        }
        event
    }
}

/// The [`Session`] of the current API, `wss://ws.gemini.com`, where the venue replies to every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current;

static DIALECT: Dialect = Dialect {
    takes_requests: true,
    acknowledges: true,
    encode: |is_subscribe, streams, id| {
        let request = if is_subscribe { Request::Subscribe(streams) } else { Request::Unsubscribe(streams) };
        request.encode(id)
    },
};

impl Session for Current {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn opened(&mut self) {}

    #[inline]
    fn receive<'f>(
        &mut self,
        reception: &mut Reception<'_, '_>,
        text: &'f str,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        let message = match decode(text, scratch) {
            Ok(message) => message,
            Err(error) => return reception.malformed(text, error),
        };
        reception.decoded();
        match message {
            Message::BookTicker(payload) => {
                let source = match heard(reception, text, Topic::BookTicker, payload.symbol) {
                    Some(source) => source,
                    None => return reception.ignored(text, IgnoredReason::NotSubscribed),
                };
                reception.data(Event::BookTicker(payload, source))
            }
            Message::Depth(payload) => depth(reception, text, payload),
            Message::Trade(payload) => trade(reception, text, Topic::Trade, payload),
            Message::Response(payload) => response(reception, text, payload),
            message => other(reception, text, &message),
        }
    }

    fn expired(&mut self, feed: &mut Feed, cx: &mut Context<'_>, request: &StreamRequest, id: u64, _: bool) {
        let failure = Failure::new(Unserved::Unanswered, request.streams().len());
        feed.fail_all(cx, request, id, failure, StreamInput::Unanswered);
    }
}

#[inline]
fn heard<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    topic: Topic,
    symbol: &str,
) -> Option<Source<'f>> {
    let id = reception.heard(topic, symbol)?.public_id();
    Some(reception.source(text).of_stream(Some(id)))
}

/// Delivers a trade from a trade stream, or from a depth stream of market data v2.
#[inline]
pub(crate) fn trade<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    topic: Topic,
    trade: Trade<'f>,
) -> Option<Event<'f>> {
    let Some(subscription) = reception.heard(topic, trade.symbol) else {
        return reception.ignored(text, IgnoredReason::NotSubscribed);
    };
    let (trade, id) = (subscription.deliver_trade(trade), subscription.public_id());
    let source = reception.source(text).of_stream(Some(id));
    reception.data(Event::Trade(trade, source))
}

fn other<'f>(reception: &mut Reception<'_, '_>, text: &'f str, message: &Message<'f>) -> Option<Event<'f>> {
    let (topic, symbol) = match message {
        Message::PartialDepth(payload) => match payload.symbol {
            Some(symbol) => (Topic::PartialDepth, symbol),
            None => return unattributed(reception, text, message),
        },
        Message::MarkPrice(payload) => (Topic::MarkPrice, payload.symbol),
        Message::FundingAmount(payload) => (Topic::FundingAmount, payload.symbol),
        Message::ContractStatus(payload) => (Topic::ContractStatus, payload.symbol),
        Message::RequestForQuote(_) => (Topic::RequestForQuote, ""),
        Message::OrderUpdate(_) | Message::OrderSnapshot(_) => (Topic::Orders, ""),
        Message::BalanceUpdate(_) => (Topic::Balances, ""),
        Message::PositionReport(_) => (Topic::Positions, ""),
        Message::QuoteUpdate(_) => (Topic::Quotes, ""),
        Message::Settlements(_) => (Topic::Settlements, ""),
        _ => {
            reception.count_unrecognized();
            return event_of(message, reception.source(text));
        }
    };
    let Some(source) = heard(reception, text, topic, symbol) else {
        return reception.ignored(text, IgnoredReason::NotSubscribed);
    };
    let subscription = reception.routed(topic, symbol)?;
    let event = match message {
        Message::QuoteUpdate(update) => Event::Quote(subscription.deliver_quote(*update), source),
        message => event_of(message, source.of_all(subscription.takes_all()))?,
    };
    reception.data(event)
}

/// Delivers a partial depth without a symbol. The event names a subscription only if the frame can belong to no
/// other.
fn unattributed<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    message: &Message<'f>,
) -> Option<Event<'f>> {
    let Some((first, is_only)) = reception.feed().subscriptions().partial_depth() else {
        return reception.ignored(text, IgnoredReason::NotSubscribed);
    };
    let only = Some(first.public_id()).filter(|_| is_only);
    let now = reception.now();
    reception.feed_mut().subscriptions_mut().hear_partial_depths(now);
    reception.data(event_of(message, reception.source(text).of_stream(only))?)
}

#[inline]
fn depth<'f>(reception: &mut Reception<'_, '_>, text: &'f str, depth: Depth<'f>) -> Option<Event<'f>> {
    let (rule, now) = (reception.config().gap_rule, reception.now());
    // The decoder accepts no depth without update ids.
    let (first, last) = depth.first_update_id.zip(depth.last_update_id)?;
    let Some(subscription) = reception.routed(Topic::Depth, depth.symbol) else {
        return reception.ignored(text, IgnoredReason::NotSubscribed);
    };
    if !subscription.is_listening() {
        return reception.ignored(text, IgnoredReason::BeforeSnapshot);
    }
    subscription.hear(now);
    let (id, public) = (subscription.id(), subscription.public_id());
    let role = subscription.advance(first, last, rule);
    let source = reception.source(text).of_stream(Some(public));
    match role {
        DepthRole::Update => reception.data(Event::DepthUpdate(depth, source)),
        DepthRole::Stale => reception.ignored(text, IgnoredReason::StaleUpdate),
        DepthRole::BeforeSnapshot => reception.ignored(text, IgnoredReason::BeforeSnapshot),
        DepthRole::Snapshot => {
            if reception.end_resync(id) {
                reception.count_resync();
            }
            reception.step(id, StreamInput::Snapshot);
            reception.moving_data(Event::DepthSnapshot(depth, source))
        }
        DepthRole::Gap { expected } => reception.gap(id, expected, Some(first)),
    }
}

fn response<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    response: Response<'f>,
) -> Option<Event<'f>> {
    let ResponseId::Number(id) = response.id else {
        return reception.ignored(text, IgnoredReason::UnknownResponse);
    };
    let Some(purpose) = reception.feed_mut().outbox_mut().answered(id) else {
        return match reception.feed_mut().outbox_mut().answered_late(id) {
            Some(request) => answered_late(reception, text, request, id, &response),
            None => reception.ignored(text, IgnoredReason::UnknownResponse),
        };
    };
    reception.count_control();
    let now = reception.now();
    reception.feed_mut().outbox_mut().answer_cancel(id, &response, now);
    let link = reception.link();
    let reply = |about| {
        let outcome = RequestOutcome::Answered(response);
        Some(Event::Reply { link, request: RequestId::new(id), about, outcome })
    };
    match purpose {
        Purpose::Application(about) => reply(about),
        Purpose::Limits(about) => {
            reception.note_limits(&response, id);
            reply(about)
        }
        Purpose::Probe => None,
        Purpose::Streams(request) => answered(reception, request, id, &response),
    }
}

/// Acts on the reply to a stream request that had already timed out. An acceptance, and a final refusal of a single
/// stream, have the usual effect. Any other refusal has an effect only on the streams whose data has come: for the
/// other streams, it says no more than the timeout did.
fn answered_late<'f>(
    reception: &mut Reception<'_, '_>,
    text: &'f str,
    mut request: StreamRequest,
    id: u64,
    response: &Response<'f>,
) -> Option<Event<'f>> {
    if response.is_ok() || (response.is_final_refusal() && request.streams().len() == 1) {
        reception.count_control();
        reception.feed_mut().decide_by(&request, id, response.is_ok());
        if response.is_ok() && !request.is_subscribe() {
            reception.feed_mut().subscriptions_mut().note_late_end(id);
        }
        return answered(reception, request, id, response);
    }
    let failure = refusal(&request, response);
    let (feed, cx) = reception.parts();
    if !feed.fail_served(cx, &mut request, id, failure) {
        return reception.ignored(text, IgnoredReason::UnknownResponse);
    }
    reception.count_control();
    None
}

fn answered<'f>(
    reception: &mut Reception<'_, '_>,
    mut request: StreamRequest,
    id: u64,
    response: &Response<'f>,
) -> Option<Event<'f>> {
    let (feed, cx) = reception.parts();
    if response.is_ok() {
        feed.step_all(cx, &request, id, StreamInput::Accepted);
        return None;
    }
    let is_final = response.is_final_refusal();
    if is_final && request.streams().len() == 1 {
        return feed.reject_request(cx, &request, id, response.error);
    }
    let failure = refusal(&request, response);
    feed.fail_served(cx, &mut request, id, failure);
    if is_final {
        // One invalid name makes the venue refuse the whole request, so the client requests each half separately.
        feed.split(request, id);
    } else {
        feed.fail_all(cx, &request, id, failure, StreamInput::RefusedForNow);
    }
    None
}

fn refusal(request: &StreamRequest, response: &Response<'_>) -> Failure {
    let code = response.error.map_or(0, |error| error.code);
    let reason = Unserved::Refused { status: response.status, code };
    Failure::new(reason, request.streams().len())
}
