//! Links to the archived endpoints: what their frames are for the connection, and how streams are asked
//! for where nothing is confirmed.
//!
//! Market data v2 answers a subscription with its first data, and a wrong one with an error that names
//! nothing (`marketdata-v2.md`, section 2). The v1 endpoints take no messages at all: the address says
//! what is sent, and a number in each frame, or event, shows what was lost.

use crate::connection::{Batch, Cause, Connection};
use crate::event::reason::Lost;
use crate::event::replay::{event_of, l2, market};
use crate::event::{Event, IgnoredReason};
use crate::link::lifecycle::{Input, StreamInput, StreamState};
use crate::message::{ApiError, L2Updates, Message, OrderEvents, OrderReport, Text};
use crate::request::stream::Topic;
use crate::wire::{Scratch, decode_from};

/// What the venue says of a subscription that it does not take.
const NO_VALID_TRADING_PAIRS: &str = "NoValidTradingPairs";

impl Connection {
    /// A text frame of an archived endpoint.
    pub(crate) fn archived<'f>(&mut self, text: &'f str, scratch: &'f mut Scratch) -> Option<Event<'f>> {
        scratch.set_symbol(self.config.symbol);
        let message = match decode_from(self.config.api, text, scratch) {
            Ok(message) => message,
            Err(error) => {
                self.suspect(text, "\"symbol\":\"", "\"l2_updates\"");
                return self.malformed(text, error);
            }
        };
        self.malformed_run = 0;
        match &message {
            Message::L2Updates(updates) => self.l2_updates(text, *updates),
            Message::Trade(trade) => self.trade(text, Topic::Depth, *trade),
            Message::Auction(auction) => {
                self.of_stream(text, Topic::Depth, auction.symbol.unwrap_or_default(), &message)
            }
            Message::Candles(it) => self.of_stream(text, Topic::Candles(it.interval), it.symbol, &message),
            Message::MarkPrices(it) => self.of_stream(text, Topic::MarkPrice, it.symbol, &message),
            Message::FundingAmounts(it) => self.of_stream(text, Topic::FundingAmount, it.symbol, &message),
            // Nothing of a book that lost an update may be applied.
            Message::MarketUpdate(update) => match self.count_sequence(update.socket_sequence) {
                None => {
                    let source = self.source(text);
                    let event = market(&mut self.told, *update, source);
                    self.data(event)
                }
                Some(gap) => self.lose_sequence(gap),
            },
            Message::OrderEvents(events) => self.order_events(text, *events, &message),
            Message::Heartbeat(beat) => {
                match beat.socket_sequence.and_then(|sequence| self.count_sequence(sequence)) {
                    None => self.control(text, &message),
                    Some(gap) => self.lose_sequence(gap),
                }
            }
            Message::Error(error) => {
                if error.reason == *NO_VALID_TRADING_PAIRS {
                    self.refuse_somebody();
                }
                self.control(text, &message)
            }
            Message::SubscriptionAck(_) => self.control(text, &message),
            _ => {
                self.stats.unrecognized = self.stats.unrecognized.saturating_add(1);
                event_of(&message, self.source(text))
            }
        }
    }

    fn control<'f>(&mut self, text: &'f str, message: &Message<'f>) -> Option<Event<'f>> {
        self.stats.control = self.stats.control.saturating_add(1);
        event_of(message, self.source(text))
    }

    /// Data of a stream, which its first data confirms.
    fn of_stream<'f>(
        &mut self,
        text: &'f str,
        topic: Topic,
        symbol: &str,
        message: &Message<'f>,
    ) -> Option<Event<'f>> {
        let Some(subscription) = self.subscriptions.routed(topic, symbol) else {
            return self.ignored(text, IgnoredReason::NotSubscribed);
        };
        subscription.heard = self.now;
        let public = subscription.public_id();
        // A book is confirmed by its snapshot.
        if subscription.is_asked_for() && topic != Topic::Depth {
            let id = subscription.id;
            self.stream_step(id, StreamInput::Accepted);
            self.settle();
        }
        self.data(event_of(message, self.source(text).of_stream(Some(public)))?)
    }

    fn l2_updates<'f>(&mut self, text: &'f str, updates: L2Updates<'f>) -> Option<Event<'f>> {
        let Some(subscription) = self.subscriptions.routed(Topic::Depth, updates.symbol) else {
            return self.ignored(text, IgnoredReason::NotSubscribed);
        };
        subscription.heard = self.now;
        let id = subscription.id;
        let is_asked_for = subscription.is_asked_for();
        let public = subscription.public_id();
        match subscription.state {
            StreamState::Requested if !is_asked_for => self.ignored(text, IgnoredReason::BeforeSnapshot),
            // The first frame is the book. Asked for anew, changes may still be under way, so only what
            // looks like a first frame is one (quirk Q-V2-1).
            StreamState::Requested | StreamState::Active
                if (!subscription.resyncing && !mutant!(TakeTradesForASnapshot))
                    || updates.looks_initial() =>
            {
                let resync = core::mem::take(&mut subscription.resyncing);
                self.stats.resyncs = self.stats.resyncs.saturating_add(u64::from(resync));
                let mut told = subscription.told;
                let event = l2(true, &mut told, updates, self.source(text).of_stream(Some(public)));
                self.subscriptions.get_mut(id)?.told = told;
                self.stream_step(id, StreamInput::Snapshot);
                self.settle();
                self.data(event)
            }
            StreamState::Synced => {
                let mut told = subscription.told;
                let source = self.source(text).of_stream(Some(public));
                let event = l2(updates.looks_initial(), &mut told, updates, source);
                self.subscriptions.get_mut(id)?.told = told;
                self.data(event)
            }
            _ => self.ignored(text, IgnoredReason::BeforeSnapshot),
        }
    }

    /// Orders are facts whatever was lost before them: they are delivered, then the link is given up, as
    /// the next one begins with all open orders (`order-events-v1.md`, section 5).
    fn order_events<'f>(
        &mut self,
        text: &'f str,
        events: OrderEvents<'f>,
        message: &Message<'f>,
    ) -> Option<Event<'f>> {
        let source = self.source(text);
        let mut lost = None;
        for report in events.events {
            let sequence = match report {
                OrderReport::Update(update) => update.event.and_then(|event| event.socket_sequence),
                OrderReport::Unrecognized(_) | OrderReport::Malformed { .. } => None,
            };
            match sequence {
                Some(sequence) => lost = self.count_sequence(sequence).or(lost),
                // It counts, whether it says so or not.
                None => self.next_sequence = self.next_sequence.saturating_add(1),
            }
        }
        if let Some(gap) = lost {
            self.report(Event::SequenceGap { link: self.link, expected: gap.expected, got: gap.got });
            self.give_up();
        }
        self.data(event_of(message, source)?)
    }

    /// Counts a frame or event; the gap if it is not the next one.
    fn count_sequence(&mut self, got: u64) -> Option<Gap> {
        let expected = core::mem::replace(&mut self.next_sequence, got.saturating_add(1));
        if got == expected { None } else { Some(Gap { expected, got }) }
    }

    /// A frame shows that others were lost, and is not used.
    fn lose_sequence<'f>(&mut self, Gap { expected, got }: Gap) -> Option<Event<'f>> {
        self.stats.gaps = self.stats.gaps.saturating_add(1);
        let link = self.link;
        self.give_up();
        Some(Event::SequenceGap { link, expected, got })
    }

    /// There is no replay: connect again (`marketdata-v1.md`, section 4).
    fn give_up(&mut self) {
        self.input(Input::Unusable, Cause::Loss(Lost::SequenceGap));
    }
}

/// The number that should have come, and the one that came.
#[derive(Clone, Copy)]
struct Gap {
    expected: u64,
    got: u64,
}

impl Connection {
    /// The time for the first data of a subscription is over.
    pub(crate) fn unconfirmed(&mut self, batch: &Batch, request: u64) {
        for id in &batch.streams {
            let Some(subscription) = self.subscriptions.get(*id) else { continue };
            if subscription.request != request || subscription.state != StreamState::Requested {
                continue;
            }
            let input = match subscription.is_book() {
                // Prices of a quiet perpetual may be silent for long (quirk Q-V2-8).
                false => StreamInput::Accepted,
                true if request < self.refused_below => StreamInput::Refused,
                true => StreamInput::Unanswered,
            };
            self.answer_for_venue(*id, input);
        }
    }

    /// The venue does not say whom it refuses: where it can only be one, it is that one. Otherwise those
    /// are whose book has not come in its time.
    fn refuse_somebody(&mut self) {
        self.refused_below = self.shared.next_request;
        let waiting = self.subscriptions.ids(|it| it.state == StreamState::Requested);
        let only = if let [id] = waiting[..] { Some(id) } else { None };
        if let Some(id) = only {
            self.answer_for_venue(id, StreamInput::Refused);
            self.settle();
        }
    }

    fn answer_for_venue(&mut self, id: crate::value::id::StreamId, input: StreamInput) {
        let Some(subscription) = self.subscriptions.get(id) else { return };
        let (stream, wishes) = (subscription.stream, subscription.wishes.clone());
        if self.stream_step(id, input) {
            for id in wishes {
                let error = ApiError { code: 0, message: Text(NO_VALID_TRADING_PAIRS) };
                self.report(Event::Rejected { link: self.link, id, stream, error });
            }
        }
    }
}
