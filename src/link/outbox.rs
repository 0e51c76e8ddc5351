//! What is sent, in which order and when: subscriptions wait for the limits of the venue, and each request
//! for its answer.

use alloc::string::String;
use alloc::vec::Vec;

use crate::connection::{Batch, Connection, Pending};
use crate::event::{Event, RequestOutcome};
use crate::link::lifecycle::{State, StreamInput, StreamState};
use crate::link::output::Output;
use crate::link::timer::Timer;
use crate::request::stream::Stream;
use crate::request::{MarketDataRequest, Request};
use crate::value::endpoint::Endpoint;
use crate::value::id::{RequestId, StreamId};
use crate::value::time::Instant;

impl Connection {
    pub(crate) fn send_request(&mut self, pending: Pending, request: &Request) -> u64 {
        self.send(Some(pending), |id| request.encode(id))
    }

    /// Sends a text under the next number; waits for its answer if there is to be one.
    fn send(&mut self, pending: Option<Pending>, text: impl FnOnce(u64) -> String) -> u64 {
        let id = self.shared.next_request;
        if !mutant!(ReuseTheNumber) {
            self.shared.next_request = id.wrapping_add(1);
        }
        self.sent = self.now;
        let output = self.shared.outputs.push(Output::Send { link: self.link, text: text(id) });
        if let Some(pending) = pending {
            self.in_flight.insert(id, self.now + self.config.request_timeout, output, pending);
            self.rearm_requests();
        }
        id
    }

    pub(crate) fn enqueue(&mut self, id: StreamId, join: bool) {
        let most = self.config.streams_per_request_max;
        match self.batches.back_mut() {
            Some(batch) if batch.join == join && batch.streams.len() < most => batch.streams.push(id),
            _ => self.batches.push_back(Batch { join, streams: alloc::vec![id] }),
        }
    }

    /// Asks for each half of a refused batch by itself, so that a bad name costs only itself. Streams that
    /// were asked for again, or left, since then are not concerned.
    pub(crate) fn bisect(&mut self, mut batch: Batch, request: u64) {
        let is_concerned =
            |id: &StreamId| self.subscriptions.get(*id).is_some_and(|it| it.request == request);
        batch.streams.retain(is_concerned);
        let second = batch.streams.split_off(batch.streams.len() / 2);
        if !mutant!(ForgetHalf) {
            self.batches.push_back(Batch { join: batch.join, streams: second });
        }
        self.batches.push_front(batch);
    }

    /// Sends what waits, as far as the limits on requests and on those in flight leave room.
    pub(crate) fn send_waiting(&mut self) {
        let is_open = matches!(self.state, State::Subscribing | State::Live);
        if !(is_open || self.state == State::Closing && mutant!(SendBehindTheClose)) {
            self.batches.clear();
            return;
        }
        if self.cancel_waits && !self.in_flight.is_full() && self.may_send() {
            self.cancel_waits = false;
            let request = Request::CancelSessionOrders;
            self.send_request(Pending::Application(request.subject()), &request);
        }
        while !self.in_flight.is_full()
            && let Some(mut batch) = self.batches.pop_front()
        {
            self.drop_outdated(&mut batch);
            if batch.streams.is_empty() {
                continue;
            }
            if !self.may_send() {
                self.batches.push_front(batch);
                return;
            }
            self.send_batch(&batch);
            // Its answer shows as well that somebody is there.
            self.probe_is_out();
        }
        if self.probe_waits && !mutant!(NeverProbe) && !self.in_flight.is_full() && self.may_send() {
            self.send_request(Pending::Probe, &Request::Ping);
            self.probe_is_out();
        }
    }

    /// Takes room from the limit on requests; otherwise the timer `Quota` says when there is some.
    fn may_send(&mut self) -> bool {
        let room = self.limits.take_request(false, self.now);
        if !mutant!(WaitWithoutADeadline) {
            self.timers.set(Timer::Quota, room.err());
        }
        if room.is_ok() {
            self.served = Some(self.now);
        }
        room.is_ok() || mutant!(SendBeyondTheLimit)
    }

    /// While a batch waited, streams may have been unsubscribed or refused: those are neither asked for, nor
    /// left if nobody has asked for them.
    fn drop_outdated(&mut self, batch: &mut Batch) {
        let mut never_joined = Vec::new();
        batch.streams.retain(|id| {
            let Some(subscription) = self.subscriptions.get(*id) else { return false };
            if batch.join {
                return subscription.state == StreamState::Requested || mutant!(AskForWhatIsNotWanted);
            }
            if !subscription.is_left() {
                return false;
            }
            let is_joined = subscription.request != 0;
            if !is_joined {
                never_joined.push(*id);
            }
            is_joined
        });
        for id in never_joined {
            self.stream_step(id, StreamInput::Accepted);
        }
    }

    fn send_batch(&mut self, batch: &Batch) {
        let known = batch.streams.iter().filter_map(|id| self.subscriptions.get(*id));
        let streams: Vec<Stream> = known.map(|subscription| subscription.stream).collect();
        let confirmed = self.config.api != Endpoint::MarketDataV2;
        let waits = (confirmed || batch.join).then(|| Pending::Batch(batch.clone()));
        let id = self.send(waits, |id| match (confirmed, batch.join) {
            (true, true) => Request::Subscribe(streams).encode(id),
            (true, false) => Request::Unsubscribe(streams).encode(id),
            (false, true) => MarketDataRequest::Subscribe(streams).encode(),
            (false, false) => MarketDataRequest::Unsubscribe(streams).encode(),
        });
        for stream in &batch.streams {
            if let Some(subscription) = self.subscriptions.get_mut(*stream) {
                subscription.request = id;
                subscription.unanswered = false;
            }
        }
        // Where nothing is confirmed, having said so is having left.
        if !confirmed && !batch.join {
            self.each_of(batch, id, StreamInput::Accepted);
        }
    }

    pub(crate) fn rearm_requests(&mut self) {
        self.timers.set(Timer::Request, self.in_flight.deadline().filter(|_| !mutant!(WaitForEver)));
    }

    pub(crate) fn expire_requests(&mut self) {
        while let Some((id, pending)) = self.in_flight.take_expired(self.now) {
            match pending {
                Pending::Application(about) | Pending::Limits(about) => {
                    let (link, request) = (self.link, RequestId(id));
                    let outcome = RequestOutcome::TimedOut;
                    self.report(Event::Reply { link, request, about, outcome });
                }
                Pending::Batch(batch) if self.config.api == Endpoint::MarketDataV2 => {
                    self.unconfirmed(&batch, id);
                }
                Pending::Batch(batch) => self.each_of(&batch, id, StreamInput::Unanswered),
                // Only silence decides on the link's life.
                Pending::Probe => {}
            }
        }
        self.rearm_requests();
        self.settle();
    }

    /// Whether a request of the application has no answer yet, or waits to be sent.
    pub(crate) fn awaits_replies(&self) -> bool {
        let by_application =
            |pending: &Pending| matches!(pending, Pending::Application(_) | Pending::Limits(_));
        self.cancel_waits || self.in_flight.iter().any(by_application)
    }

    /// Cancels the orders that were placed over this link, as soon as the limit on requests allows.
    pub(crate) fn cancel_session_orders(&mut self, now: Instant) {
        self.advance(now);
        let is_open = matches!(self.state, State::Subscribing | State::Live);
        if is_open && self.config.api == Endpoint::Streams && self.config.authenticated {
            self.cancel_waits = true;
            self.settle();
        }
    }
}
