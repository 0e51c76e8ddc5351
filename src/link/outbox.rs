//! [`Outbox`]: requests that wait to be sent, and requests that wait for a reply.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Config;
use crate::error::{CommandError, Limit};
use crate::event::Event;
use crate::link::context::Context;
use crate::link::in_flight::InFlight;
use crate::link::urgency::Urgency;
use crate::message::Response;
use crate::request::{Request, Subject};
use crate::value::id::{LinkId, RequestId, StreamId};
use crate::value::time::Instant;

/// The delay before the client repeats the cancellation of a session's orders, after the venue has refused the
/// cancellation for now. Each further refusal doubles the delay, up to half of the time that remains until the
/// deadline of the cancellation.
const CANCEL_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How many stream requests `Outbox` keeps after they got no reply in time.
const LATE_MAX: usize = 64;

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StreamRequest {
    is_subscribe: bool,
    streams: Vec<StreamId>,
    most: usize,
    /// Whether the request is about streams whose last request the venue refused or left without a reply.
    is_again: bool,
}

impl StreamRequest {
    pub(crate) const fn is_subscribe(&self) -> bool {
        self.is_subscribe
    }

    pub(crate) fn streams(&self) -> &[StreamId] {
        &self.streams
    }

    pub(crate) fn retain(&mut self, keep: impl FnMut(&StreamId) -> bool) {
        self.streams.retain(keep);
    }

    fn split_off(&mut self, at: usize) -> StreamRequest {
        let streams = self.streams.split_off(at.min(self.streams.len()));
        StreamRequest { streams, ..*self }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    Streams(StreamRequest),
    Probe,
    Application(Subject),
    /// The application has sent [`Request::ConnectionInfo`]. The reply names the venue's rate limits, which the
    /// client then follows.
    Limits(Subject),
}

/// The state of the `order.cancel_session` request of a link.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cancellation {
    /// Waits for an open link, for room in a limit, or until the delay after a refusal is over.
    Waiting,
    Sent(u64),
    /// Accepted by the venue.
    Kept,
    /// Refused by the venue for good.
    Refused,
    /// No reply came in time, or the link ended before the reply or before the request was sent.
    Failed,
}

impl Cancellation {
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Cancellation::Waiting | Cancellation::Sent(_))
    }
}

/// The requests of a link. Stream requests, a probe and the cancellation of the session's orders wait here until the
/// limits of the host and the limit on requests in flight have room. Requests of the application never wait: they are
/// sent immediately or refused.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    requests: VecDeque<StreamRequest>,
    /// The `subscribe` requests for books that the client does not send yet, because `Config::snapshots_max` other
    /// books wait for their snapshots.
    books: VecDeque<StreamRequest>,
    /// The subscriptions that a `subscribe` in `requests` or `books` names.
    joining: BTreeSet<StreamId>,
    in_flight: InFlight<Purpose>,
    /// The newest stream requests that got no reply in time. Their replies may still come.
    late: VecDeque<(u64, StreamRequest)>,
    /// When the client sent the newest stream request of a kind that the venue does not confirm. The venue may still
    /// refuse this request.
    unconfirmed_at: Option<Instant>,
    cancellation: Option<Cancellation>,
    /// After the venue has refused the cancellation for now, the client repeats it no earlier than at this instant.
    cancel_at: Instant,
    cancel_delay: Duration,
    cancel_by: Instant,
    probe_waits: bool,
    /// Whether a stream request is sent only while no other one is in flight, so that an error without an id can be
    /// assigned to its request.
    one_at_a_time: bool,
    /// The numbers of the outputs that send a text. The driver may have polled some of them.
    sends: VecDeque<u64>,
    /// When the next request that waits may be sent: when the limit on requests has room, or when the delay of the
    /// cancellation is over.
    room_at: Option<Instant>,
    /// When the link last took room from a limit of its host, for an attempt to connect or for a request that waited
    /// here. Requests of the application do not change this time.
    served: Option<Instant>,
    request_timeout: Duration,
    streams_per_request_max: usize,
}

impl Outbox {
    pub(super) fn new(config: &Config) -> Outbox {
        Outbox {
            requests: VecDeque::new(),
            books: VecDeque::new(),
            joining: BTreeSet::new(),
            in_flight: InFlight::new(config.requests_in_flight_max),
            late: VecDeque::new(),
            unconfirmed_at: None,
            cancellation: None,
            cancel_at: Instant::ZERO,
            cancel_delay: CANCEL_AGAIN_AFTER,
            cancel_by: Instant::ZERO,
            probe_waits: false,
            one_at_a_time: false,
            sends: VecDeque::new(),
            room_at: None,
            served: None,
            request_timeout: config.request_timeout,
            streams_per_request_max: config.streams_per_request_max,
        }
    }

    // ---- waiting requests ------------------------------------------------------------------

    pub(super) fn leave(&mut self, id: StreamId) {
        self.queue(id, false, usize::MAX);
    }

    /// Queues a `subscribe` for a subscription, unless a queued `subscribe` names the subscription already: a late
    /// reply may have confirmed the stream before its repeated request was sent.
    pub(super) fn join(&mut self, id: StreamId, batch_max: usize) {
        if self.joining.insert(id) {
            self.queue(id, true, batch_max);
        }
    }

    /// Queues a request about a subscription. With `one_at_a_time`, requests with `is_again` come after the other
    /// requests, because the reply to each may be missing for the whole `Config::request_timeout`.
    fn queue(&mut self, id: StreamId, is_subscribe: bool, batch_max: usize) {
        let is_again = batch_max < usize::MAX;
        let passed = if self.one_at_a_time && !is_again {
            self.requests.iter().position(|it| it.is_again)
        } else {
            None
        };
        let mut behind = self.requests.split_off(passed.unwrap_or(self.requests.len()));
        let most = self.streams_per_request_max.min(batch_max);
        let kind = StreamRequest { is_subscribe, streams: Vec::new(), most, is_again };
        enqueue(&mut self.requests, id, &kind);
        self.requests.append(&mut behind);
    }

    /// Queues both halves of a refused request. Repeated halving separates an invalid name from the other streams.
    pub(super) fn split(&mut self, mut request: StreamRequest) {
        self.note_joining(&request);
        let second = request.split_off(request.streams.len() / 2);
        self.requests.push_back(second);
        self.requests.push_front(request);
    }

    /// Takes the next stream request, if the limit on requests in flight and `one_at_a_time` allow it. The request
    /// subscribes to at most `room` books; further books wait.
    pub(super) fn next(&mut self, room: usize, is_book: impl Fn(StreamId) -> bool) -> Option<StreamRequest> {
        let next = self.take_next(room, is_book)?;
        if next.is_subscribe {
            for id in &next.streams {
                self.joining.remove(id);
            }
        }
        Some(next)
    }

    fn take_next(&mut self, room: usize, is_book: impl Fn(StreamId) -> bool) -> Option<StreamRequest> {
        let is_held = self.one_at_a_time && self.in_flight.of(Urgency::Stream) > 0;
        if is_held || !self.in_flight.has_place(Urgency::Stream) {
            return None;
        }
        if room > 0
            && let Some(mut request) = self.books.pop_front()
        {
            let rest = request.split_off(room);
            if !rest.streams.is_empty() {
                self.books.push_front(rest);
            }
            return Some(request);
        }
        while let Some(mut request) = self.requests.pop_front() {
            let mut left = room;
            let (books, kind) = (&mut self.books, StreamRequest { streams: Vec::new(), ..request });
            let is_subscribe = kind.is_subscribe;
            request.retain(|id| {
                let has_room = !is_subscribe || !is_book(*id) || left > 0;
                if !has_room {
                    enqueue(books, *id, &kind);
                }
                left = left.saturating_sub(usize::from(is_subscribe && is_book(*id)));
                has_room
            });
            if !request.streams.is_empty() {
                return Some(request);
            }
        }
        None
    }

    pub(super) fn has_stream_requests(&self) -> bool {
        !self.requests.is_empty() || !self.books.is_empty()
    }

    pub(super) fn put_back(&mut self, request: StreamRequest) {
        self.note_joining(&request);
        self.requests.push_front(request);
    }

    fn note_joining(&mut self, request: &StreamRequest) {
        self.joining.extend(request.streams.iter().filter(|_| request.is_subscribe));
    }

    pub(super) fn drop_requests(&mut self) {
        self.requests.clear();
        self.joining.clear();
        self.books.clear();
        self.late.clear();
        self.unconfirmed_at = None;
        self.room_at = None;
    }

    pub(crate) const fn send_one_at_a_time(&mut self, is_so: bool) {
        self.one_at_a_time = is_so;
    }

    pub(super) fn want_cancel(&mut self, by: Instant) {
        if !self.cancellation.is_some_and(Cancellation::is_open) {
            self.cancellation = Some(Cancellation::Waiting);
            (self.cancel_delay, self.cancel_by) = (CANCEL_AGAIN_AFTER, by);
        }
    }

    #[cfg(test)]
    pub(crate) const fn cancellation(&self) -> Option<Cancellation> {
        self.cancellation
    }

    /// Sends the cancellation of the session's orders if it waits. Rate limits that the venue has named delay the
    /// cancellation; those of the configuration do not. Returns whether the cancellation was sent.
    pub(super) fn send_cancel(&mut self, cx: &mut Context<'_>, link: LinkId) -> bool {
        if self.cancellation != Some(Cancellation::Waiting) || !self.in_flight.has_place(Urgency::Cancel) {
            return false;
        }
        let now = cx.now();
        if self.cancel_at > now {
            self.note_room_at(self.cancel_at);
            return false;
        }
        if let Err(at) = cx.limits().take_urgent(now) {
            self.note_room_at(at);
            return false;
        }
        self.served = Some(now);
        let id = self.send_request(cx, link, &Request::CancelSessionOrders);
        self.cancellation = Some(Cancellation::Sent(id));
        true
    }

    /// Call this when no reply to a cancellation can come any more.
    pub(super) fn fail_cancel(&mut self) {
        self.cancellation = self.cancellation.map(|it| if it.is_open() { Cancellation::Failed } else { it });
    }

    pub(super) fn answer_cancel(&mut self, id: u64, response: &Response<'_>, now: Instant) {
        let is_for_now = !response.is_ok() && !response.is_final_refusal();
        if is_for_now && self.cancellation == Some(Cancellation::Sent(id)) {
            let half = self.cancel_by.since(now).checked_div(2).unwrap_or_default();
            self.cancel_at = now + self.cancel_delay.min(half).max(CANCEL_AGAIN_AFTER);
            self.cancel_delay = self.cancel_delay.saturating_mul(2);
        }
        self.end_cancel(
            id,
            match (response.is_ok(), is_for_now) {
                (true, _) => Cancellation::Kept,
                (_, true) => Cancellation::Waiting,
                _ => Cancellation::Refused,
            },
        );
    }

    pub(super) fn end_cancel(&mut self, id: u64, outcome: Cancellation) {
        if self.cancellation == Some(Cancellation::Sent(id)) {
            self.cancellation = Some(outcome);
        }
    }

    /// Sets whether a probe waits to be sent. After any other request no probe is needed, because the reply to that
    /// request also shows that the link is alive.
    pub(super) const fn want_probe(&mut self, wants: bool) {
        self.probe_waits = wants;
    }

    /// Returns whether a probe waits and may be sent now. If so, takes room for the probe.
    pub(super) fn may_probe(&mut self, cx: &mut Context<'_>) -> bool {
        self.probe_waits && self.in_flight.has_place(Urgency::Probe) && self.take_room(cx, Urgency::Probe)
    }

    // ---- limits ----------------------------------------------------------------------------

    pub(super) const fn begin(&mut self) {
        self.room_at = None;
    }

    fn note_room_at(&mut self, at: Instant) {
        self.room_at = Some(self.room_at.map_or(at, |earlier| earlier.min(at)));
    }

    pub(super) fn take_room(&mut self, cx: &mut Context<'_>, urgency: Urgency) -> bool {
        let now = cx.now();
        let room = cx.limits().take_request(urgency, false, now);
        if let Err(CommandError::RateLimited { retry, .. }) = room {
            self.note_room_at(retry);
        } else {
            self.served = Some(now);
        }
        room.is_ok()
    }

    pub(super) fn take_room_for(&self, request: &Request, cx: &mut Context<'_>) -> Result<(), CommandError> {
        let urgency = Urgency::of(request);
        if !self.in_flight.has_place(urgency) {
            return Err(CommandError::TooMany(Limit::RequestsInFlight));
        }
        let (now, is_order) = (cx.now(), request.method() == "order.place");
        cx.limits().take_request(urgency, is_order, now)
    }

    pub(super) const fn note_turn(&mut self, now: Instant) {
        self.served = Some(now);
    }

    pub(crate) const fn served(&self) -> Option<Instant> {
        self.served
    }

    pub(super) const fn room_at(&self) -> Option<Instant> {
        self.room_at
    }

    // ---- sent requests -------------------------------------------------------------------------

    pub(super) fn send_request(&mut self, cx: &mut Context<'_>, link: LinkId, request: &Request) -> u64 {
        let about = request.subject();
        let purpose = match request {
            Request::ConnectionInfo => Purpose::Limits(about),
            _ => Purpose::Application(about),
        };
        let id = cx.next_request_id();
        if matches!(purpose, Purpose::Limits(_)) {
            cx.limits().note_question(id);
        }
        cx.report(Event::Requested { link, request: RequestId::new(id), about });
        self.send(cx, link, Some((Urgency::of(request), purpose)), |id| request.encode(id))
    }

    /// Sends a text with the next request id, and returns the id. Without a `purpose`, no reply is expected.
    pub(super) fn send(
        &mut self,
        cx: &mut Context<'_>,
        link: LinkId,
        purpose: Option<(Urgency, Purpose)>,
        text: impl FnOnce(u64) -> String,
    ) -> u64 {
        let id = cx.numbers().next_request();
        let output = cx.send(link, text(id));
        while self.sends.front().is_some_and(|output| cx.was_handed_out(*output)) {
            self.sends.pop_front();
        }
        self.sends.push_back(output);
        if let Some((urgency, purpose)) = purpose {
            self.in_flight.insert(id, cx.now() + self.request_timeout, output, urgency, purpose);
        }
        id
    }

    pub(super) const fn note_unconfirmed(&mut self, now: Instant) {
        self.unconfirmed_at = Some(now);
    }

    pub(crate) fn answered(&mut self, id: u64) -> Option<Purpose> {
        self.in_flight.take(id)
    }

    pub(super) fn keep_late(&mut self, id: u64, request: StreamRequest) {
        if self.late.len() >= LATE_MAX {
            self.late.pop_front();
        }
        self.late.push_back((id, request));
    }

    pub(super) fn answered_late(&mut self, id: u64) -> Option<StreamRequest> {
        let place = self.late.iter().position(|(of, _)| *of == id)?;
        self.late.remove(place).map(|(_, request)| request)
    }

    pub(super) fn awaits_reply_to_subscribe(&self, stream: StreamId) -> bool {
        let late = self.late.iter().map(|(_, request)| request);
        let mut requests = self.streams_in_flight().map(|(_, request)| request).chain(late);
        requests.any(|request| request.is_subscribe && request.streams.contains(&stream))
    }

    fn streams_in_flight(&self) -> impl Iterator<Item = (u64, &StreamRequest)> {
        self.in_flight.iter().filter_map(|(id, purpose)| match purpose {
            Purpose::Streams(request) => Some((id, request)),
            _ => None,
        })
    }

    /// Frees the place of a request that is in flight. Call this if data shows that the venue has carried the request
    /// out, although no reply has come.
    pub(crate) fn release(&mut self, id: u64) {
        self.in_flight.release(id);
    }

    /// Returns the stream request that waits for a reply or, on market data v2, for data; `None` if there are several
    /// or none. Also returns `None` while the venue may still refuse a request that it does not confirm: until
    /// `Config::request_timeout` after the client sent that request.
    pub(crate) fn only_stream_request(&self, now: Instant) -> Option<(u64, &StreamRequest)> {
        let mut requests = self.streams_in_flight();
        let is_refused_by_now = |at: Instant| at + self.request_timeout <= now;
        let first = requests.next().filter(|_| self.unconfirmed_at.is_none_or(is_refused_by_now));
        first.filter(|_| requests.next().is_none())
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.in_flight.deadline()
    }

    pub(super) fn take_expired(&mut self, now: Instant) -> Option<(u64, Purpose, bool)> {
        self.in_flight.take_expired(now)
    }

    /// Takes the oldest request without a reply, after the link has ended. Returns the id of the request, the number
    /// of the output that carries it, and its purpose.
    pub(super) fn take_lost(&mut self) -> Option<(u64, u64, Purpose)> {
        self.fail_cancel();
        self.drop_requests();
        self.in_flight.take_oldest()
    }

    pub(super) fn withdraw_sends(&mut self, cx: &mut Context<'_>) {
        self.sends.drain(..).for_each(|output| cx.withdraw(output));
    }

    /// Returns whether a request of the application has no reply yet, or the cancellation of the session's orders has
    /// no reply or waits to be sent.
    pub(crate) fn awaits_replies(&self) -> bool {
        // Stream requests and probes are the only requests that are not from the application.
        let by_application =
            self.in_flight.of(Urgency::Usual).saturating_add(self.in_flight.of(Urgency::Cancel));
        self.cancellation.is_some_and(Cancellation::is_open) || by_application > 0
    }
}

fn enqueue(queue: &mut VecDeque<StreamRequest>, id: StreamId, kind: &StreamRequest) {
    match queue.back_mut() {
        Some(last)
            if last.is_subscribe == kind.is_subscribe && last.streams.len() < last.most.min(kind.most) =>
        {
            last.streams.push(id);
            last.most = last.most.min(kind.most);
        }
        _ => queue.push_back(StreamRequest { streams: alloc::vec![id], ..*kind }),
    }
}

#[cfg(test)]
#[path = "../../tests/unit/link_outbox.rs"]
mod tests;
