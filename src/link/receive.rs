//! Frames: what each is for the connection, and the event that it makes.

use crate::connection::{Batch, Cause, Connection, Pending};
use crate::event::reason::Lost;
use crate::event::replay::event_of;
use crate::event::source::Source;
use crate::event::{Event, Ignored, IgnoredReason, Malformed, RequestOutcome};
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::link::frame::Frame;
use crate::link::lifecycle::{Cell, Input, State, StreamInput, StreamState, link_step};
use crate::link::subscriptions::Subscription;
use crate::message::{ApiError, Depth, Message, Response, ResponseId, Text, Trade};
use crate::request::stream::{Stream, Topic};
use crate::value::endpoint::Endpoint;
use crate::value::id::{LinkId, RequestId, StreamId};
use crate::value::sequence::DepthRole;
use crate::value::time::Instant;
use crate::wire::{Scratch, decode};

impl Connection {
    /// A frame came over this link. The event, if the frame makes one, borrows from the frame and the
    /// scratch only: commands may be issued while it is held.
    ///
    /// `None` for pings, pongs and for replies to the connection's own requests, whose consequences are
    /// among the outputs.
    pub fn handle_frame<'f>(
        &mut self,
        link: LinkId,
        now: Instant,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        self.advance(now);
        let deliver = self.hear(link);
        match frame {
            Frame::Text(text) => {
                self.count_frame(text.len());
                if deliver { self.text(text, scratch) } else { self.ignored(text, IgnoredReason::EndedLink) }
            }
            Frame::Binary(bytes) => {
                self.count_frame(bytes.len());
                if deliver {
                    self.malformed("", DecodeError::new(DecodeErrorKind::Binary, 0))
                } else {
                    self.ignored("", IgnoredReason::EndedLink)
                }
            }
            Frame::Ping(_) | Frame::Pong(_) => {
                self.count_control_frame();
                None
            }
            Frame::Close { code, reason } => {
                self.count_control_frame();
                // The answer to our own Close is no news.
                let news = deliver && self.state != State::Closing;
                if deliver {
                    self.lose(Lost::Closed { code });
                }
                news.then_some(Event::PeerClosing { link, code, reason: Text(reason) })
            }
        }
    }

    /// [`handle_frame`](Connection::handle_frame) for a ping or a pong: a sign of life, and nothing else.
    #[inline]
    pub(crate) fn handle_sign_of_life(&mut self, link: LinkId, now: Instant) {
        self.advance(now);
        self.hear(link);
        self.count_control_frame();
    }

    /// Something has come; whether it is of this link and may still be delivered.
    #[inline]
    fn hear(&mut self, link: LinkId) -> bool {
        let deliver = self.is_current(link) && matches!(link_step(self.state, Input::Frame), Cell::Stay(_));
        if deliver && !mutant!(HearNothing) {
            (self.heard, self.probed) = (self.now, None);
        }
        deliver
    }

    fn count_control_frame(&mut self) {
        self.stats.control_frames = self.stats.control_frames.saturating_add(1);
    }

    fn count_frame(&mut self, bytes: usize) {
        self.stats.frames = self.stats.frames.saturating_add(if mutant!(CountTwice) { 2 } else { 1 });
        self.stats.bytes = self.stats.bytes.saturating_add(bytes as u64);
    }

    #[inline]
    fn text<'f>(&mut self, text: &'f str, scratch: &'f mut Scratch) -> Option<Event<'f>> {
        if self.config.api != Endpoint::Streams {
            return self.archived(text, scratch);
        }
        let message = match decode(text, scratch) {
            Ok(message) => message,
            Err(error) => {
                self.suspect(text, "\"s\":\"", "\"depthUpdate\"");
                return self.malformed(text, error);
            }
        };
        if !mutant!(CountAllMalformed) {
            self.malformed_run = 0;
        }
        match message {
            Message::BookTicker(payload) => {
                let Some(id) = self.hear_stream(Topic::BookTicker, payload.symbol) else {
                    return self.ignored(text, IgnoredReason::NotSubscribed);
                };
                self.data(Event::BookTicker(payload, self.source(text).of_stream(Some(id))))
            }
            Message::Depth(depth) => self.depth(text, depth),
            Message::Trade(trade) => self.trade(text, Topic::Trade, trade),
            Message::Response(response) => self.response(text, response),
            message => self.other(text, &message),
        }
    }

    /// The source of a frame that this link has received.
    #[inline]
    pub(crate) const fn source<'f>(&self, frame: &'f str) -> Source<'f> {
        let config = &self.config;
        let levels = config.snapshot.levels(config.api);
        Source::live(self.link, config.api, frame).checked_by(config.gap_rule, levels)
    }

    /// Notes that data of a stream has come; the subscription that it belongs to.
    #[inline]
    fn hear_stream(&mut self, topic: Topic, symbol: &str) -> Option<StreamId> {
        let subscription = self.subscriptions.routed(topic, symbol)?;
        subscription.heard = self.now;
        Some(subscription.public_id())
    }

    /// A trade, of its own stream or of that of a book.
    #[inline]
    pub(crate) fn trade<'f>(&mut self, text: &'f str, topic: Topic, trade: Trade<'f>) -> Option<Event<'f>> {
        let Some(subscription) = self.subscriptions.routed(topic, trade.symbol) else {
            return self.ignored(text, IgnoredReason::NotSubscribed);
        };
        subscription.heard = self.now;
        let (trade, id) = (subscription.told.tell(trade), subscription.public_id());
        self.data(Event::Trade(trade, self.source(text).of_stream(Some(id))))
    }

    /// Frames that are not as many as the others.
    fn other<'f>(&mut self, text: &'f str, message: &Message<'f>) -> Option<Event<'f>> {
        let source = self.source(text);
        let (topic, symbol) = match message {
            Message::PartialDepth(payload) => match payload.symbol {
                Some(symbol) => (Topic::PartialDepth, symbol),
                None => return self.unattributed(text, message),
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
                self.stats.unrecognized = self.stats.unrecognized.saturating_add(1);
                return event_of(message, source);
            }
        };
        let Some(id) = self.hear_stream(topic, symbol) else {
            return self.ignored(text, IgnoredReason::NotSubscribed);
        };
        self.data(event_of(message, source.of_stream(Some(id)))?)
    }

    #[inline]
    pub(crate) fn data<'f>(&mut self, event: Event<'f>) -> Option<Event<'f>> {
        self.stats.data = self.stats.data.saturating_add(1);
        Some(event)
    }

    pub(crate) fn ignored<'f>(&mut self, frame: &'f str, reason: IgnoredReason) -> Option<Event<'f>> {
        self.stats.count_ignored(reason);
        Some(Event::Ignored(Ignored { reason }, self.source(frame)))
    }

    pub(crate) fn malformed<'f>(&mut self, frame: &'f str, error: DecodeError) -> Option<Event<'f>> {
        self.stats.malformed = self.stats.malformed.saturating_add(1);
        self.malformed_run = self.malformed_run.saturating_add(1);
        if self.malformed_run >= self.config.malformed_run_max {
            self.malformed_run = 0;
            self.input(Input::Unusable, Cause::Loss(Lost::Malformed));
        }
        Some(Event::Malformed(Malformed { frame, error }, self.source(frame)))
    }

    /// A frame that cannot be decoded may have been the change of a book. If it names one that is live,
    /// that book may have lost an update: it is stale from now on, and asked for anew.
    #[cold]
    pub(crate) fn suspect(&mut self, text: &str, before_symbol: &str, kind: &str) {
        let Some(symbol) = text.split_once(before_symbol).and_then(|(_, rest)| rest.split('"').next()) else {
            return;
        };
        let Some(subscription) = self.subscriptions.routed(Topic::Depth, symbol) else { return };
        if !text.contains(kind) || subscription.state != StreamState::Synced {
            return;
        }
        let id = subscription.id;
        self.distrust(id);
    }

    /// A book that follows the venue does so no more: it is stale, and asked for anew.
    pub(crate) fn distrust(&mut self, id: StreamId) {
        let Some(subscription) = self.subscriptions.get(id) else { return };
        let synced = subscription.state == StreamState::Synced;
        let Some(symbol) = subscription.stream.symbol().filter(|_| synced) else { return };
        // Market data v2 has no ids.
        let expected = subscription.position.last().unwrap_or(0);
        let (link, public) = (Some(self.link), Some(subscription.public_id()));
        if !mutant!(HideTheGap) {
            self.report(Event::Gap { link, id: public, symbol, expected, got: None });
        }
        self.lose_update(id);
    }

    /// The book of a stream has lost an update: its next snapshot repairs something.
    fn lose_update(&mut self, id: StreamId) {
        if let Some(subscription) = self.subscriptions.get_mut(id) {
            subscription.resyncing = true;
        }
        self.stream_step(id, StreamInput::Gap);
        self.settle();
    }

    /// A partial depth without a symbol, as the documents show it: it belongs to whichever partial
    /// depth is subscribed (quirk Q-B9).
    fn unattributed<'f>(&mut self, text: &'f str, message: &Message<'f>) -> Option<Event<'f>> {
        let subscribed = |state| !matches!(state, StreamState::Leaving | StreamState::Gone);
        let partial = |stream: &Stream| stream.topic() == Topic::PartialDepth;
        let mut possible = self.subscriptions.iter().filter(|it| partial(&it.stream) && subscribed(it.state));
        let first = possible.next().map(Subscription::public_id);
        let Some(first) = first else {
            drop(possible);
            return self.ignored(text, IgnoredReason::NotSubscribed);
        };
        let only = Some(first).filter(|_| possible.next().is_none());
        drop(possible);
        self.data(event_of(message, self.source(text).of_stream(only))?)
    }

    #[inline]
    fn depth<'f>(&mut self, text: &'f str, depth: Depth<'f>) -> Option<Event<'f>> {
        let rule = self.config.gap_rule;
        // The decoder takes no depth without.
        let (first, last) = depth.first_update_id.zip(depth.last_update_id)?;
        let Some(subscription) = self.subscriptions.routed(Topic::Depth, depth.symbol) else {
            return self.ignored(text, IgnoredReason::NotSubscribed);
        };
        let listening = match subscription.state {
            StreamState::Active | StreamState::Synced => true,
            // Nobody has asked while the request waits to be sent.
            StreamState::Requested => subscription.is_asked_for(),
            // What comes before the confirmation of having left belongs to the old subscription.
            StreamState::Wanted | StreamState::Resyncing | StreamState::Leaving | StreamState::Gone => false,
        };
        if !listening {
            return self.ignored(text, IgnoredReason::BeforeSnapshot);
        }
        subscription.heard = self.now;
        let role = subscription.position.advance(first, last, rule);
        let (id, public) = (subscription.id, subscription.public_id());
        let source = self.source(text).of_stream(Some(public));
        match role {
            DepthRole::Update => self.data(Event::DepthUpdate(depth, source)),
            DepthRole::Stale if mutant!(DeliverAgain) => self.data(Event::DepthUpdate(depth, source)),
            DepthRole::Stale => self.ignored(text, IgnoredReason::StaleUpdate),
            DepthRole::BeforeSnapshot if mutant!(DeliverTooEarly) => {
                self.data(Event::DepthUpdate(depth, source))
            }
            DepthRole::BeforeSnapshot => self.ignored(text, IgnoredReason::BeforeSnapshot),
            DepthRole::Snapshot => {
                let subscription = self.subscriptions.get_mut(id)?;
                let resync = core::mem::take(&mut subscription.resyncing);
                self.stats.resyncs = self.stats.resyncs.saturating_add(u64::from(resync));
                self.stream_step(id, StreamInput::Snapshot);
                self.settle();
                self.data(Event::DepthSnapshot(depth, source))
            }
            DepthRole::Gap { expected } => {
                let symbol = self.subscriptions.get(id)?.stream.symbol()?;
                self.stats.gaps = self.stats.gaps.saturating_add(1);
                if !mutant!(GoOnAfterAGap) {
                    self.lose_update(id);
                }
                Some(Event::Gap { link: source.link(), id: Some(public), symbol, expected, got: Some(first) })
            }
        }
    }

    fn response<'f>(&mut self, text: &'f str, response: Response<'f>) -> Option<Event<'f>> {
        let found = match response.id {
            ResponseId::Number(id) => self.in_flight.take(id).map(|pending| (id, pending)),
            ResponseId::Text(_) => None,
        };
        let Some((id, pending)) = found else {
            return self.ignored(text, IgnoredReason::UnknownResponse);
        };
        self.stats.control = self.stats.control.saturating_add(1);
        self.rearm_requests();
        if let Pending::Limits(_) = pending {
            self.limits.tighten(&response, self.now);
        }
        match pending {
            Pending::Application(about) | Pending::Limits(about) => {
                let (link, request) = (self.link, RequestId(id));
                if mutant!(AnswerTwice) {
                    self.report(Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
                }
                Some(Event::Reply { link, request, about, outcome: RequestOutcome::Answered(response) })
            }
            Pending::Probe => None,
            Pending::Batch(batch) => {
                let mut event = None;
                if response.is_ok() {
                    self.each_of(&batch, id, StreamInput::Accepted);
                } else if !is_permanent(&response) {
                    self.each_of(&batch, id, StreamInput::Unanswered);
                } else if batch.streams.len() > 1 && !mutant!(BlameTheFirst) {
                    // One bad name refuses them all (quirk Q-E3).
                    self.bisect(batch, id);
                } else {
                    event = self.refuse(&batch, id, response.error);
                }
                self.settle();
                event
            }
        }
    }
}

impl Connection {
    /// The venue refuses a request for one stream. Each wish for it is told; the first with the frame's event,
    /// which has the venue's words.
    fn refuse<'f>(&mut self, batch: &Batch, request: u64, error: Option<ApiError<'f>>) -> Option<Event<'f>> {
        let subscription = batch.streams.first().and_then(|id| self.subscriptions.get(*id));
        let subscription = subscription.filter(|subscription| subscription.request == request)?;
        let (id, stream, wishes) = (subscription.id, subscription.stream, subscription.wishes.clone());
        if !self.stream_step(id, StreamInput::Refused) {
            return None;
        }
        let error = error.unwrap_or(ApiError { code: 0, message: Text("") });
        let (first, others) = wishes.split_first()?;
        for id in others {
            let error = ApiError { code: error.code, message: Text("") };
            self.report(Event::Rejected { link: self.link, id: *id, stream, error });
        }
        Some(Event::Rejected { link: self.link, id: *first, stream, error })
    }
}

/// Whether asking again is useless: the classification of section 5.
fn is_permanent(response: &Response<'_>) -> bool {
    mutant!(TakeBusyForNever) || !matches!(response.status, Some(429 | 500..))
}
