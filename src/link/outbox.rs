//! [`Outbox`]: what waits to be sent, and what waits for an answer.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Config;
use crate::error::{CommandError, Limit};
use crate::link::context::Context;
use crate::link::in_flight::InFlight;
use crate::request::Subject;
use crate::value::id::{LinkId, StreamId};
use crate::value::time::Instant;

/// A `subscribe` or `unsubscribe`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct StreamRequest {
    is_subscribe: bool,
    streams: Vec<StreamId>,
}

impl StreamRequest {
    pub(crate) const fn is_subscribe(&self) -> bool {
        self.is_subscribe
    }

    pub(crate) fn streams(&self) -> &[StreamId] {
        &self.streams
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&StreamId) -> bool) {
        self.streams.retain(keep);
    }
}

/// Why a request was made.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    Streams(StreamRequest),
    Probe,
    Application(Subject),
    /// The application asked for the limits of the venue.
    Limits(Subject),
}

/// Stream requests wait here for room in the limits of the host and among the requests in flight; so do a
/// probe and the cancellation of the session's orders. Requests of the application never wait: they are sent
/// at once or refused.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    requests: VecDeque<StreamRequest>,
    in_flight: InFlight<Purpose>,
    cancel_waits: bool,
    probe_waits: bool,
    /// When the limit on requests has room for what waits.
    room_at: Option<Instant>,
    /// When the link last had its turn with a limit that it shares with others.
    served: Option<Instant>,
    request_timeout: Duration,
    streams_per_request_max: usize,
}

impl Outbox {
    pub(super) fn new(config: &Config) -> Outbox {
        Outbox {
            requests: VecDeque::new(),
            in_flight: InFlight::new(),
            cancel_waits: false,
            probe_waits: false,
            room_at: None,
            served: None,
            request_timeout: config.request_timeout,
            streams_per_request_max: config.streams_per_request_max,
        }
    }

    // ---- what waits ------------------------------------------------------------------------

    /// Queues the subscription, or its end, behind the others; with them in one request where that fits.
    pub(super) fn enqueue(&mut self, id: StreamId, is_subscribe: bool) {
        let most = self.streams_per_request_max;
        match self.requests.back_mut() {
            Some(last) if last.is_subscribe == is_subscribe && last.streams.len() < most => {
                last.streams.push(id);
            }
            _ => self.requests.push_back(StreamRequest { is_subscribe, streams: alloc::vec![id] }),
        }
    }

    /// Queues each half of a refused request by itself, so that a bad name costs only itself.
    pub(super) fn split(&mut self, mut request: StreamRequest) {
        let second = request.streams.split_off(request.streams.len() / 2);
        self.requests.push_back(StreamRequest { is_subscribe: request.is_subscribe, streams: second });
        self.requests.push_front(request);
    }

    /// Takes the next stream request, if there is a place in flight for it.
    pub(super) fn next(&mut self) -> Option<StreamRequest> {
        if self.in_flight.is_full() { None } else { self.requests.pop_front() }
    }

    pub(super) fn put_back(&mut self, request: StreamRequest) {
        self.requests.push_front(request);
    }

    /// Drops the stream requests that wait: there is no open link for them.
    pub(super) fn drop_requests(&mut self) {
        self.requests.clear();
        self.room_at = None;
    }

    pub(super) const fn want_cancel(&mut self) {
        self.cancel_waits = true;
    }

    /// Whether the cancellation of the session's orders waits and may be sent now; it counts as sent then. No limit
    /// holds it back but one that the venue has named.
    pub(super) fn take_cancel(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.cancel_waits || self.in_flight.is_full() {
            return false;
        }
        let now = cx.now();
        self.room_at = cx.limits().take_urgent(now).err();
        self.cancel_waits = self.room_at.is_some();
        if !self.cancel_waits {
            self.served = Some(now);
        }
        !self.cancel_waits
    }

    pub(super) const fn want_probe(&mut self, wants: bool) {
        self.probe_waits = wants;
    }

    pub(super) const fn probe_waits(&self) -> bool {
        self.probe_waits
    }

    /// Whether a probe waits and may be sent now.
    pub(super) fn may_probe(&mut self, cx: &mut Context<'_>) -> bool {
        self.probe_waits && !self.in_flight.is_full() && self.take_room(cx)
    }

    /// Something whose answer shows that the peer lives was sent: no probe needs to be. Returns whether one
    /// was to be.
    pub(super) const fn end_probe(&mut self) -> bool {
        core::mem::replace(&mut self.probe_waits, false)
    }

    // ---- the limits ------------------------------------------------------------------------

    /// Begins to go through what waits: nothing waits for a limit until one refuses.
    pub(super) const fn begin(&mut self) {
        self.room_at = None;
    }

    /// Takes room from the limit on requests. If there is none, notes when there is.
    pub(super) fn take_room(&mut self, cx: &mut Context<'_>) -> bool {
        let now = cx.now();
        let room = cx.limits().take_request(false, now);
        self.room_at = match room {
            Err(CommandError::RateLimited { retry, .. }) => Some(retry),
            _ => None,
        };
        if room.is_ok() {
            self.served = Some(now);
        }
        room.is_ok()
    }

    /// Takes room for a request of the application.
    pub(super) fn take_room_for(&self, is_order: bool, cx: &mut Context<'_>) -> Result<(), CommandError> {
        if self.in_flight.is_full() {
            return Err(CommandError::TooMany(Limit::RequestsInFlight));
        }
        let now = cx.now();
        cx.limits().take_request(is_order, now)
    }

    pub(super) const fn note_turn(&mut self, now: Instant) {
        self.served = Some(now);
    }

    pub(crate) const fn served(&self) -> Option<Instant> {
        self.served
    }

    /// When the limits have room for what waits.
    pub(super) const fn room_at(&self) -> Option<Instant> {
        self.room_at
    }

    // ---- what was sent -------------------------------------------------------------------------

    /// Sends a text under the next number, and waits for its answer if there is to be one.
    pub(super) fn send(
        &mut self,
        cx: &mut Context<'_>,
        link: LinkId,
        purpose: Option<Purpose>,
        text: impl FnOnce(u64) -> String,
    ) -> u64 {
        let id = cx.numbers().next_request();
        let output = cx.send(link, text(id));
        if let Some(purpose) = purpose {
            self.in_flight.insert(id, cx.now() + self.request_timeout, output, purpose);
        }
        id
    }

    /// Takes the request that an answer is for.
    pub(crate) fn answered(&mut self, id: u64) -> Option<Purpose> {
        self.in_flight.take(id)
    }

    /// When the oldest request has waited too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.in_flight.deadline()
    }

    /// Takes the oldest request that has waited too long.
    pub(super) fn take_expired(&mut self, now: Instant) -> Option<(u64, Purpose)> {
        self.in_flight.take_expired(now)
    }

    /// The link has ended: nothing waits any more. Takes the oldest request without an answer, and the number
    /// of the output that carries it.
    pub(super) fn take_lost(&mut self) -> Option<(u64, u64, Purpose)> {
        self.cancel_waits = false;
        self.drop_requests();
        self.in_flight.take_oldest()
    }

    /// Whether a request of the application has no answer yet, or waits to be sent.
    pub(crate) fn awaits_replies(&self) -> bool {
        let by_application =
            |purpose: &Purpose| matches!(purpose, Purpose::Application(_) | Purpose::Limits(_));
        self.cancel_waits || self.in_flight.iter().any(by_application)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::link::context::Numbers;
    use crate::link::limits::Limits;
    use crate::link::output::Outputs;
    use std::string::ToString;

    const LINK: LinkId = LinkId::new(0, 1);

    fn id(place: usize) -> StreamId {
        StreamId::new(1, 0, place)
    }

    struct Bench {
        outbox: Outbox,
        outputs: Outputs,
        limits: Limits,
        numbers: Numbers,
    }

    fn bench(requests: u32) -> Bench {
        let config = Config::new("wss://venue").request_limit(requests, Duration::from_secs(10));
        let config = config.streams_per_request_max(2);
        let (outbox, limits) = (Outbox::new(&config), Limits::new(&config));
        Bench { outbox, outputs: Outputs::new(), limits, numbers: Numbers::new() }
    }

    impl Bench {
        fn at<T>(&mut self, second: u64, work: impl FnOnce(&mut Outbox, &mut Context<'_>) -> T) -> T {
            let now = Instant::from_secs(second);
            let mut cx = Context::new(now, &mut self.outputs, &mut self.limits, &mut self.numbers);
            work(&mut self.outbox, &mut cx)
        }
    }

    #[test]
    fn neighbours_of_a_kind_share_a_request() {
        let mut outbox = bench(100).outbox;
        for (place, is_subscribe) in [(0, true), (1, true), (2, true), (3, false), (4, true)] {
            outbox.enqueue(id(place), is_subscribe);
        }
        let expected: &[(bool, &[usize])] = &[(true, &[0, 1]), (true, &[2]), (false, &[3]), (true, &[4])];
        for (is_subscribe, places) in expected {
            let next = outbox.next().unwrap();
            let streams: Vec<StreamId> = places.iter().map(|place| id(*place)).collect();
            assert_eq!((next.is_subscribe(), next.streams()), (*is_subscribe, &streams[..]));
        }
        assert_eq!(outbox.next(), None);
    }

    #[test]
    fn a_refused_request_is_split_in_halves() {
        let mut outbox = bench(100).outbox;
        outbox.enqueue(id(9), false);
        outbox.split(StreamRequest { is_subscribe: true, streams: (0..5).map(id).collect() });
        let sizes: Vec<usize> = core::iter::from_fn(|| outbox.next()).map(|it| it.streams.len()).collect();
        assert_eq!(sizes, [2, 1, 3], "the first half at once, the second behind what waits");
    }

    #[test]
    fn what_waits_for_the_limit_knows_until_when() {
        let mut bench = bench(2);
        assert!(bench.at(1, |outbox, cx| outbox.take_room(cx)));
        assert_eq!(bench.outbox.room_at(), None);
        assert!(!bench.at(2, |outbox, cx| outbox.take_room(cx)));
        let at = bench.outbox.room_at().unwrap();
        assert!(at > Instant::from_secs(2) && at <= Instant::from_secs(12));
        assert_eq!(bench.outbox.served(), Some(Instant::from_secs(1)));
    }

    #[test]
    fn a_request_is_answered_once() {
        let mut bench = bench(100);
        let sent = bench.at(1, |outbox, cx| {
            outbox.send(cx, LINK, Some(Purpose::Application(Subject::Other)), |id| id.to_string())
        });
        assert!(bench.outbox.awaits_replies());
        assert_eq!(bench.outbox.deadline(), Some(Instant::from_secs(6)));
        assert!(bench.outbox.take_expired(Instant::from_secs(5)).is_none());
        assert!(bench.outbox.answered(sent).is_some());
        assert!(bench.outbox.answered(sent).is_none());
        assert!(!bench.outbox.awaits_replies());
    }

    #[test]
    fn a_full_house_lets_nothing_out() {
        let mut bench = bench(1_000);
        for _ in 0..crate::link::in_flight::REQUESTS_IN_FLIGHT_MAX {
            bench.at(1, |outbox, cx| outbox.send(cx, LINK, Some(Purpose::Probe), |id| id.to_string()));
        }
        bench.outbox.enqueue(id(0), true);
        assert_eq!(bench.outbox.next(), None);
        let refused = bench.at(1, |outbox, cx| outbox.take_room_for(false, cx));
        assert_eq!(refused, Err(CommandError::TooMany(Limit::RequestsInFlight)));
        assert!(bench.outbox.answered(1).is_some());
        assert!(bench.outbox.next().is_some());
    }
}
