//! [`Feed`]: the subscriptions of a link, and the `Outbox` that sends requests for them.

use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Config;
use crate::error::CommandError;
use crate::event::reason::Unserved;
use crate::event::{Event, RequestOutcome};
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::failure::Failure;
use crate::link::lifecycle::{StreamEffect, StreamInput, StreamState};
use crate::link::outbox::{Outbox, Purpose, StreamRequest};
use crate::link::subscription::{Effects, Subscription};
use crate::link::subscriptions::Subscriptions;
use crate::link::urgency::Urgency;
use crate::message::{ApiError, Text};
use crate::request::Request;
use crate::request::stream::Stream;
use crate::value::id::{LinkId, RequestId, StreamId};
use crate::value::symbol::Symbol;
use crate::value::time::Instant;

#[derive(Clone, Debug)]
pub(crate) struct Feed {
    link: LinkId,
    subscriptions: Subscriptions,
    outbox: Outbox,
    is_open: bool,
}

impl Feed {
    pub(super) fn new(link: LinkId, config: &Config) -> Feed {
        let (subscriptions, outbox) = (Subscriptions::new(config), Outbox::new(config));
        Feed { link, subscriptions, outbox, is_open: false }
    }

    pub(super) fn renewed(self, config: &Config) -> Feed {
        Feed { outbox: Outbox::new(config), is_open: false, ..self }
    }

    pub(crate) const fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    pub(crate) const fn subscriptions_mut(&mut self) -> &mut Subscriptions {
        &mut self.subscriptions
    }

    pub(crate) const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub(crate) const fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }
}

// ---- commands ------------------------------------------------------------------------------

impl Feed {
    pub(super) fn subscribe(
        &mut self,
        cx: &mut Context<'_>,
        stream: Stream,
        silence_max: Option<Duration>,
    ) -> Result<StreamId, CommandError> {
        let link = self.link;
        let make = |place| cx.numbers().peek_stream(link, place);
        let (id, subscription) = self.subscriptions.subscribe(stream, make)?;
        cx.numbers().take_stream();
        let (of, confirmed) = (subscription.id(), subscription.is_confirmed());
        let synced = subscription.state() == StreamState::Synced;
        if let Some(silence) = silence_max {
            let now = cx.now();
            self.subscriptions.change(of, |subscription| subscription.limit_silence(silence, now));
        }
        let is_first = id == of;
        if confirmed && !is_first {
            cx.report(Event::Subscribed { link, id, stream });
        }
        if let Some(symbol) = stream.symbol().filter(|_| synced) {
            cx.report(Event::Synced { link, id, symbol });
        }
        if is_first {
            self.start_waiting(cx, stream);
        }
        Ok(id)
    }

    pub(super) fn unsubscribe(&mut self, cx: &mut Context<'_>, id: StreamId) -> Result<(), CommandError> {
        let subscription = self.subscriptions.of_subscriber(id).ok_or(CommandError::UnknownStream)?;
        let (of, stream) = (subscription.id(), subscription.stream());
        if self.subscriptions.change(of, |subscription| subscription.remove_subscriber(id)) == Some(true) {
            cx.report(Event::Unsubscribed { link: self.link, id, stream, last: false });
            return Ok(());
        }
        self.subscriptions.unroute(of);
        self.step(cx, of, StreamInput::Unsubscribe);
        Ok(())
    }

    /// Reports the book of a subscriber as stale, and requests a new snapshot. Has no effect if the book is not
    /// current.
    pub(super) fn resync(&mut self, cx: &mut Context<'_>, id: StreamId) -> Result<(), CommandError> {
        let of = self.subscriptions.of_subscriber(id).map(Subscription::id);
        self.mark_stale(cx, of.ok_or(CommandError::UnknownStream)?);
        Ok(())
    }

    pub(crate) fn mark_stale(&mut self, cx: &mut Context<'_>, id: StreamId) {
        if self.report_stale(cx, id) {
            self.lose_update(cx, id);
        }
    }

    /// Reports a current book as stale. Returns whether the book was current.
    fn report_stale(&self, cx: &mut Context<'_>, id: StreamId) -> bool {
        let Some(subscription) = self.subscriptions.get(id).filter(|it| it.state() == StreamState::Synced)
        else {
            return false;
        };
        let Some(symbol) = subscription.stream().symbol() else { return false };
        let expected = subscription.last_update_id();
        let (link, public) = (Some(self.link), Some(subscription.public_id()));
        cx.report(Event::Gap { link, id: public, symbol, expected, got: None });
        true
    }

    /// Handles an undecodable frame that may have contained data of the book of `symbol`, or of any book if `symbol`
    /// is `None`. For each of these books:
    ///
    /// - If the book is current, reports that it is stale, and requests a new snapshot.
    /// - If the book waits for its snapshot, calls `spoil`, because the frame may have been this snapshot. Exception:
    ///   if `symbol` is `None` and `is_told_apart` is true, the book continues to wait.
    ///
    /// `is_told_apart` says whether the client can always tell a change from a snapshot. If it is false, and the
    /// snapshot was lost, the client could take a later change for the snapshot.
    pub(super) fn mark_books_stale(
        &mut self,
        cx: &mut Context<'_>,
        symbol: Option<Symbol>,
        is_told_apart: bool,
    ) {
        let is_concerned = |it: &Subscription| {
            it.is_book() && symbol.is_none_or(|symbol| it.stream().symbol() == Some(symbol))
        };
        for id in self.subscriptions.ids(is_concerned) {
            let is_synced = self.subscriptions.get(id).is_some_and(|it| it.state() == StreamState::Synced);
            if is_synced {
                self.mark_stale(cx, id);
            } else if symbol.is_some() || !is_told_apart {
                self.spoil(cx, id);
            }
        }
    }

    pub(super) fn lose_update(&mut self, cx: &mut Context<'_>, id: StreamId) {
        if let Some(input) = self.subscriptions.lose_update(id, cx.now()) {
            self.step(cx, id, input);
        }
    }
}

// ---- steps of streams ------------------------------------------------------------------------

impl Feed {
    /// Moves a subscription to its next state in the table `STREAM`. Returns whether the venue rejected the stream.
    /// If so, the caller reports the rejection, because it has the venue's message.
    pub(crate) fn step(&mut self, cx: &mut Context<'_>, id: StreamId, input: StreamInput) -> bool {
        let Some(effects) = self.subscriptions.step(id, input, cx.now()) else { return false };
        let mut rejected = false;
        for effect in effects.list {
            match effect {
                StreamEffect::Join => {
                    let batch_max = self.subscriptions.get(id).map_or(1, Subscription::batch_max);
                    self.outbox.join(id, batch_max);
                }
                StreamEffect::Leave => self.outbox.leave(id),
                StreamEffect::ReportRejected => rejected = true,
                report => self.report(cx, id, *report, &effects),
            }
        }
        if let Some(then) = effects.then {
            self.step(cx, id, then);
        }
        if self.subscriptions.get(id).is_some_and(|it| it.state() == StreamState::Gone) {
            self.forget(cx, id);
        }
        rejected
    }

    fn report(&self, cx: &mut Context<'_>, id: StreamId, effect: StreamEffect, effects: &Effects) {
        let Some(subscription) = self.subscriptions.get(id) else { return };
        let (link, stream, since) = (self.link, subscription.stream(), effects.heard);
        let (reason, attempts, retry) = subscription.trouble(cx.now());
        for id in subscription.subscribers().iter().copied() {
            let event = match effect {
                StreamEffect::ReportQuiet => Event::Silent { link, id, stream, since },
                StreamEffect::ReportUnserved => Event::Unserved { link, id, stream, reason, attempts, retry },
                StreamEffect::ReportSubscribed => Event::Subscribed { link, id, stream },
                StreamEffect::ReportUnsubscribed => Event::Unsubscribed { link, id, stream, last: true },
                StreamEffect::ReportSynced => match stream.symbol() {
                    Some(symbol) => Event::Synced { link, id, symbol },
                    None => return,
                },
                StreamEffect::Join
                | StreamEffect::Leave
                | StreamEffect::Delay
                | StreamEffect::ReportRejected => return,
            };
            cx.report(event);
        }
    }

    fn forget(&mut self, cx: &mut Context<'_>, id: StreamId) {
        let Some(stream) = self.subscriptions.get(id).map(Subscription::stream) else { return };
        self.subscriptions.remove(id);
        self.start_waiting(cx, stream);
    }

    /// Finds a subscription that is not requested yet and whose frames look like frames of `alike`. If there is one,
    /// and the link is open:
    ///
    /// - If the client is not unsubscribing an older stream with such frames, requests the new stream.
    /// - If the older stream is the same stream, and its `unsubscribe` failed for now, ends the older subscription at
    ///   once and requests the stream for the new one. A repeated `unsubscribe` would stop both.
    /// - Otherwise, the new stream continues to wait for the end of the older one.
    fn start_waiting(&mut self, cx: &mut Context<'_>, alike: Stream) {
        let waiting = self.subscriptions.alike(&alike).filter(|it| it.state() == StreamState::Wanted);
        let Some((id, stream)) = waiting.map(|it| (it.id(), it.stream())) else { return };
        if !self.is_open {
            return;
        }
        let Some(old) = self.subscriptions.leaving(&stream) else {
            self.step(cx, id, StreamInput::LinkUp);
            return;
        };
        let is_another = old.stream() != stream;
        if !is_another && old.is_left_in_vain() {
            // The end of the older subscription lets the new one start.
            self.step(cx, old.id(), StreamInput::Superseded);
        } else {
            self.subscriptions.change(id, |it| it.note_another(is_another));
        }
    }

    pub(crate) fn step_all(
        &mut self,
        cx: &mut Context<'_>,
        request: &StreamRequest,
        id: u64,
        input: StreamInput,
    ) {
        let is_subscribe = request.is_subscribe();
        for stream in request.streams() {
            if self.is_about(*stream, is_subscribe, id) {
                self.step(cx, *stream, input);
            }
        }
    }

    /// Returns whether the reply to a request is still valid for a stream. If not, the client has sent a newer
    /// request about the stream, or the request is a `subscribe` and the client is unsubscribing the stream.
    fn is_about(&self, stream: StreamId, is_subscribe: bool, request: u64) -> bool {
        let is_left = |it: &Subscription| is_subscribe && it.is_left();
        self.subscriptions.get(stream).is_some_and(|it| it.request() == request && !is_left(it))
    }

    fn step_each(&mut self, cx: &mut Context<'_>, input: StreamInput) {
        for id in self.subscriptions.ids(|_| true) {
            self.step(cx, id, input);
        }
    }

    pub(crate) fn fail_all(
        &mut self,
        cx: &mut Context<'_>,
        request: &StreamRequest,
        id: u64,
        failure: Failure,
        input: StreamInput,
    ) {
        for stream in request.streams() {
            if self.is_about(*stream, request.is_subscribe(), id) {
                self.subscriptions.change(*stream, |it| it.note_failure(failure));
            }
        }
        self.step_all(cx, request, id, input);
        for id in request.streams() {
            if let Some(left) = self.subscriptions.get(*id).filter(|it| it.is_left_in_vain()) {
                self.start_waiting(cx, left.stream());
            }
        }
    }

    /// Handles a refusal that comes after data of some streams of the request. The venue may continue to send these
    /// streams, so the client unsubscribes them before it requests them again. Removes them from `request`, and
    /// returns whether there are any.
    pub(super) fn fail_served(
        &mut self,
        cx: &mut Context<'_>,
        request: &mut StreamRequest,
        id: u64,
        failure: Failure,
    ) -> bool {
        let is_subscribe = request.is_subscribe();
        let is_served = |stream: &StreamId| {
            self.is_about(*stream, is_subscribe, id)
                && self.subscriptions.get(*stream).is_some_and(Subscription::is_served)
        };
        let served: Vec<StreamId> = request.streams().iter().copied().filter(is_served).collect();
        request.retain(|stream| !is_served(stream));
        let now = cx.now();
        for stream in &served {
            self.report_stale(cx, *stream);
            self.subscriptions.refuse_served(*stream, failure, now);
            self.step(cx, *stream, StreamInput::RefusedAfterData);
        }
        !served.is_empty()
    }

    /// Records that the snapshot of a book may have come in a frame that could not be decoded. If the venue has
    /// confirmed the book, and the book still waits for its snapshot, requests the book again.
    fn spoil(&mut self, cx: &mut Context<'_>, id: StreamId) {
        if self.subscriptions.change(id, Subscription::spoil) == Some(true) {
            let failure = Failure::new(Unserved::Undecodable, 1);
            self.subscriptions.change(id, |subscription| subscription.note_failure(failure));
            self.step(cx, id, StreamInput::Unanswered);
        }
    }

    pub(super) fn decide_by(&mut self, request: &StreamRequest, id: u64, is_accepted: bool) {
        let is_subscribe = request.is_subscribe();
        for stream in request.streams() {
            self.subscriptions.change(*stream, |it| it.decide_by(id, is_subscribe, is_accepted));
        }
    }

    /// Ends a stream that the venue rejected, and reports an `Event::Rejected` to each subscriber. If `with_first` is
    /// false, leaves out the first subscriber, whose event the caller returns. Returns the first subscriber and the
    /// stream; `None` if the table `STREAM` reports no rejection of this `input` in the present state.
    pub(crate) fn reject(
        &mut self,
        cx: &mut Context<'_>,
        id: StreamId,
        input: StreamInput,
        error: ApiError<'static>,
        with_first: bool,
    ) -> Option<(StreamId, Stream)> {
        let subscription = self.subscriptions.get(id)?;
        let (stream, subscribers) = (subscription.stream(), subscription.subscribers().to_vec());
        if !self.step(cx, id, input) {
            return None;
        }
        self.subscriptions.unroute(id);
        for id in subscribers.iter().skip(usize::from(!with_first)) {
            cx.report(Event::Rejected { link: self.link, id: *id, stream, error });
        }
        subscribers.first().map(|first| (*first, stream))
    }

    /// Rejects the only stream of a request that the venue refused. Returns the event for the first subscriber, with
    /// the venue's message. The events for other subscribers have an empty message, because they outlive the frame.
    /// If another `subscribe` for the stream has no reply yet, unsubscribes the stream.
    pub(super) fn reject_request<'f>(
        &mut self,
        cx: &mut Context<'_>,
        request: &StreamRequest,
        id: u64,
        error: Option<ApiError<'f>>,
    ) -> Option<Event<'f>> {
        let subscription = request.streams().first().and_then(|id| self.subscriptions.get(*id));
        let of = subscription.filter(|subscription| subscription.request() == id)?.id();
        let error = error.unwrap_or(ApiError { code: 0, message: Text("") });
        let others = ApiError { code: error.code, message: Text("") };
        let is_refused_once = request.is_subscribe() && self.outbox.awaits_reply_to_subscribe(of);
        let input = if is_refused_once { StreamInput::RefusedOnce } else { StreamInput::Refused };
        let (id, stream) = self.reject(cx, of, input, others, false)?;
        Some(Event::Rejected { link: self.link, id, stream, error })
    }

    pub(super) fn split(&mut self, mut request: StreamRequest, id: u64) {
        let is_subscribe = request.is_subscribe();
        request.retain(|stream| self.is_about(*stream, is_subscribe, id));
        for stream in request.streams() {
            self.subscriptions.change(*stream, Subscription::note_split);
        }
        self.outbox.split(request);
    }

    pub(super) fn expire_streams(&mut self, cx: &mut Context<'_>) {
        let now = cx.now();
        for id in self.subscriptions.due_by(now) {
            if let Some(input) = self.subscriptions.expire(id, now) {
                self.step(cx, id, input);
            }
        }
    }
}

// ---- the link ------------------------------------------------------------------------------

impl Feed {
    pub(super) const fn begin(&mut self, link: LinkId) {
        self.link = link;
    }

    pub(super) fn open(&mut self, cx: &mut Context<'_>) {
        self.is_open = true;
        self.outbox.want_probe(false);
        self.outbox.send_one_at_a_time(false);
        self.subscriptions.begin_link();
        self.step_each(cx, StreamInput::LinkUp);
    }

    pub(super) fn close(&mut self) {
        self.is_open = false;
        self.outbox.drop_requests();
    }

    /// Handles the end of the connection. Returns how many requests of the application had no reply.
    pub(super) fn lose(&mut self, cx: &mut Context<'_>) -> usize {
        self.close();
        let link = self.link;
        let mut abandoned: usize = 0;
        while let Some((id, output, purpose)) = self.outbox.take_lost() {
            if let Purpose::Application(about) | Purpose::Limits(about) = purpose {
                abandoned = abandoned.saturating_add(1);
                let was_sent = cx.was_handed_out(output);
                if was_sent {
                    cx.placed().note_unanswered(link, id, &about);
                }
                let outcome = if was_sent { RequestOutcome::Lost } else { RequestOutcome::NotSent };
                cx.report(Event::Reply { link, request: RequestId::new(id), about, outcome });
            }
        }
        self.outbox.withdraw_sends(cx);
        self.step_each(cx, StreamInput::LinkDown);
        abandoned
    }

    /// Sends the queued requests for which the limits have room. Returns whether a request about the account was
    /// sent.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>, dialect: &Dialect) -> bool {
        if !self.is_open {
            self.outbox.drop_requests();
            cx.limits().end_waiting(self.link);
            return false;
        }
        self.outbox.begin();
        let mut is_of_account = self.outbox.send_cancel(cx, self.link);
        while let Some(mut request) = self.next_request() {
            self.drop_outdated(cx, &mut request);
            if request.streams().is_empty() {
                continue;
            }
            if !self.outbox.take_room(cx, Urgency::Stream) {
                self.outbox.put_back(request);
                cx.limits().note_waiting(self.link);
                break;
            }
            is_of_account |= self.send_streams(cx, request, dialect);
            // The reply to this request serves as the reply to the probe.
            self.outbox.want_probe(false);
        }
        if !self.outbox.has_stream_requests() {
            cx.limits().end_waiting(self.link);
        }
        if self.outbox.may_probe(cx) {
            let probe = Some((Urgency::Probe, Purpose::Probe));
            self.outbox.send(cx, self.link, probe, |id| Request::Ping.encode(id));
            self.outbox.want_probe(false);
        }
        is_of_account
    }

    fn next_request(&mut self) -> Option<StreamRequest> {
        let subscriptions = &self.subscriptions;
        let is_book = |id| subscriptions.get(id).is_some_and(Subscription::is_book);
        self.outbox.next(subscriptions.books_left(), is_book)
    }

    /// Sends a request of the application. Its reply also shows that the link is alive, so no probe is needed.
    pub(super) fn send_request(&mut self, cx: &mut Context<'_>, request: &Request) -> u64 {
        self.outbox.want_probe(false);
        self.outbox.send_request(cx, self.link, request)
    }

    /// Removes from a queued request each stream for which the request is no longer needed. If such a request is an
    /// `unsubscribe` of a stream whose `subscribe` was never sent, the stream counts as unsubscribed at once.
    fn drop_outdated(&mut self, cx: &mut Context<'_>, request: &mut StreamRequest) {
        let mut never_joined = Vec::new();
        let is_subscribe = request.is_subscribe();
        request.retain(|id| {
            let Some(subscription) = self.subscriptions.get(*id) else { return false };
            if is_subscribe {
                return subscription.state() == StreamState::Requested;
            }
            if !subscription.is_left() {
                return false;
            }
            let is_joined = subscription.request() != 0;
            if !is_joined {
                never_joined.push(*id);
            }
            is_joined
        });
        for id in never_joined {
            self.step(cx, id, StreamInput::Accepted);
        }
    }

    /// Returns whether the request names a stream of an account.
    fn send_streams(&mut self, cx: &mut Context<'_>, request: StreamRequest, dialect: &Dialect) -> bool {
        let known = request.streams().iter().filter_map(|id| self.subscriptions.get(*id));
        let streams: Vec<Stream> = known.map(Subscription::stream).collect();
        let is_of_account = streams.iter().any(Stream::is_private);
        let (is_subscribe, encode) = (request.is_subscribe(), dialect.encode);
        let waits = dialect.acknowledges || is_subscribe;
        let purpose = waits.then(|| (Urgency::Stream, Purpose::Streams(request.clone())));
        let id = self.outbox.send(cx, self.link, purpose, |id| encode(is_subscribe, streams, id));
        for stream in request.streams() {
            self.subscriptions.note_request(*stream, id, is_subscribe);
        }
        if !waits {
            self.outbox.note_unconfirmed(cx.now());
            // This API confirms no `unsubscribe`, so the stream counts as unsubscribed once the request was sent.
            self.step_all(cx, &request, id, StreamInput::Accepted);
        }
        is_of_account
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.subscriptions.due().filter(|_| self.is_open)
    }
}
