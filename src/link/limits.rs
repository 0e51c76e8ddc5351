//! [`Limits`]: the venue's rate limits, and how much of them a client has used.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Config;
use crate::error::{CommandError, RateKind};
use crate::link::rate_limiter::RateLimiter;
use crate::link::urgency::Urgency;
use crate::message::{Response, Row};
use crate::value::id::LinkId;
use crate::value::time::Instant;

/// The maximum number of window lengths that the venue can add to each of the three [`Windows`].
const NAMED_WINDOWS_MAX: usize = 8;

/// How many requests for the limits `Limits` keeps: the newest ones. When the reply to an older one comes, everything
/// that was sent to the host counts as sent after that request.
const QUESTIONS_MAX: usize = 64;

/// After a stream request has waited for the time in which the limits make room for this many requests, it may take
/// room that is reserved for more urgent requests.
const STREAM_TURN: u64 = 16;

/// The rate limits of one host. They outlive links, because the venue counts requests by IP address and account.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    dials: Windows,
    requests: Windows,
    orders: Windows,
    /// Since when a stream request has waited for room, while no other stream request was sent. `None` if none waits.
    streams_wait_since: Option<Instant>,
    /// The links whose stream requests have had to wait since they last had none to send.
    streams_wait_at: BTreeSet<LinkId>,
    /// The longest wait that a limit of the venue can cause: the lowest `Config::retry_after_max` of the host's
    /// endpoints.
    wait_max: Duration,
    sent: Sent,
    /// The newest requests for the limits, and what was sent to the host up to each of them.
    questions: VecDeque<(u64, Sent)>,
    has_news: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    requests: u64,
    orders: u64,
}

/// The limits on attempts to connect, on requests or on orders, one for each window length. A request takes room in
/// all windows or in none.
#[derive(Clone, Debug)]
struct Windows {
    windows: Vec<Window>,
    /// Nothing may be taken before this instant, because the venue has asked the client to wait.
    held_until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    length: Duration,
    configured: Option<u32>,
    named: Option<u32>,
    /// Limits the client's own requests. Applies the lower one of `configured` and `named`.
    limiter: RateLimiter,
    /// How much of the venue's limit remains; `None` if the venue has reported no use of the limit.
    rest: Option<Rest>,
}

/// What remains of a limit, as the venue's reply to `conninfo` says. `Rest` applies for the length of one window,
/// because after this time the venue no longer counts the earlier requests.
#[derive(Clone, Copy, Debug)]
struct Rest {
    remaining: u64,
    limiter: RateLimiter,
    until: Instant,
}

impl Rest {
    /// Creates a rest that never makes a request wait for longer than `wait_max`.
    fn new(named: &Named, wait_max: Duration, now: Instant) -> Rest {
        let remaining = named.remaining;
        // A window contains both of its ends.
        let until = now + named.length + Duration::from_nanos(1);
        let limiter = RateLimiter::per_window(u32::try_from(remaining).unwrap_or(u32::MAX), named.length);
        let limiter = if remaining == 0 { limiter.hold_until(until) } else { limiter };
        Rest { remaining, limiter: limiter.free_by(now + wait_max, wait_max), until }
    }
}

impl Windows {
    const fn new() -> Windows {
        Windows { windows: Vec::new(), held_until: Instant::ZERO }
    }

    fn find(&mut self, length: Duration) -> Option<&mut Window> {
        self.windows.iter_mut().find(|window| window.length == length)
    }

    fn configure(&mut self, (limit, length): (u32, Duration), now: Instant) {
        let before = self.windows.clone();
        if let Some(window) = self.window(length, limit) {
            window.configured = Some(window.configured.map_or(limit, |it| it.min(limit)));
        }
        self.update(&before, now);
    }

    /// Replaces the limits that the venue named before with `limits`. First drops the windows that have neither a
    /// configured limit nor a limit in `limits`, so that they do not count towards `NAMED_WINDOWS_MAX`.
    fn rename(&mut self, limits: &[Named], wait_max: Duration, now: Instant) {
        let before = self.windows.clone();
        self.windows.iter_mut().for_each(|window| (window.named, window.rest) = (None, None));
        let is_named = |length| limits.iter().any(|named| named.length == length && named.limit > 0);
        self.windows.retain(|window| window.configured.is_some() || is_named(window.length));
        for named in limits {
            if named.limit == 0 {
                self.held_until = self.held_until.max(now + named.length.min(wait_max));
                continue;
            }
            let added = self.windows.iter().filter(|window| window.configured.is_none()).count();
            let has_room = added < NAMED_WINDOWS_MAX || self.find(named.length).is_some();
            if let Some(window) = has_room.then(|| self.window(named.length, named.limit)).flatten() {
                window.named = Some(window.named.map_or(named.limit, |it| it.min(named.limit)));
            }
        }
        self.update(&before, now);
        for named in limits {
            if let Some(window) = self.find(named.length) {
                window.note_rest(named, wait_max, now);
            }
        }
    }

    fn window(&mut self, length: Duration, limit: u32) -> Option<&mut Window> {
        if self.find(length).is_none() {
            let limiter = RateLimiter::per_window(limit, length);
            self.windows.push(Window { length, configured: None, named: None, limiter, rest: None });
        }
        self.find(length)
    }

    fn update(&mut self, before: &[Window], now: Instant) {
        self.windows.retain(|window| window.limit().is_some());
        for window in &mut self.windows {
            let Some(limit) = window.limit() else { continue };
            match before.iter().find(|old| old.length == window.length) {
                Some(old) if old.limit() == Some(limit) => {}
                Some(_) => window.limiter = window.limiter.changed(limit, window.length, now),
                // The window is new. If it has several limits, the lowest applies.
                None => window.limiter = RateLimiter::per_window(limit, window.length),
            }
        }
    }

    /// Returns when every window has room for a request of this urgency, and the length of the window that is the
    /// last to have room. The length is zero if `held_until` is even later.
    fn room(&self, urgency: Urgency) -> (Instant, Duration) {
        self.room_in(urgency, |_| true)
    }

    fn room_in(&self, urgency: Urgency, counts: impl Fn(&Window) -> bool) -> (Instant, Duration) {
        self.last_of(|limiter| limiter.free_at_sparing(|burst| urgency.spares(burst)), counts)
    }

    /// Returns when `free_at` is reached for every window that `counts`.
    fn last_of(
        &self,
        free_at: impl Fn(RateLimiter) -> Instant,
        counts: impl Fn(&Window) -> bool,
    ) -> (Instant, Duration) {
        let rooms = self.windows.iter().map(|window| {
            let own = counts(window).then(|| free_at(window.limiter));
            let rest = window.rest.map(|rest| free_at(rest.limiter).min(rest.until));
            (own.max(rest).unwrap_or(Instant::ZERO), window.length)
        });
        rooms.fold((self.held_until, Duration::ZERO), core::cmp::max)
    }

    fn time_of(&self, units: u64) -> Duration {
        let rests = self.windows.iter().filter_map(|window| window.rest).map(|rest| rest.limiter);
        let limiters = self.windows.iter().map(|window| window.limiter).chain(rests);
        limiters.map(|limiter| limiter.time_of(units)).max().unwrap_or_default()
    }

    fn take(&mut self, now: Instant) {
        for window in &mut self.windows {
            window.limiter = window.limiter.overdraw(now);
            let rest = window.rest.filter(|rest| rest.until > now);
            window.rest = rest.map(|rest| Rest { limiter: rest.limiter.overdraw(now), ..rest });
        }
    }

    /// Allows nothing before `at`, and in the shortest window no burst directly after `at`.
    fn hold_until(&mut self, at: Instant) {
        self.held_until = self.held_until.max(at);
        if let Some(window) = self.windows.iter_mut().min_by_key(|window| window.length) {
            window.limiter = window.limiter.hold_until(at);
        }
    }

    fn is_idle(&self, now: Instant) -> bool {
        let is_idle = |it: &Window| it.limiter.is_idle(now) && it.rest.is_none_or(|rest| rest.until <= now);
        self.held_until <= now && self.windows.iter().all(is_idle)
    }
}

impl Window {
    fn limit(&self) -> Option<u32> {
        [self.configured, self.named].into_iter().flatten().min()
    }

    fn is_named(&self) -> bool {
        self.named.is_some() && self.named == self.limit()
    }

    /// Ensures that no request waits for longer than `wait_max` because of a limit that the venue has named.
    fn note_rest(&mut self, named: &Named, wait_max: Duration, now: Instant) {
        // Of several limits on windows of one length, the one with the smallest rest applies.
        let is_less = |rest: Rest| named.remaining < rest.remaining;
        if named.used > 0 && self.rest.is_none_or(is_less) {
            self.rest = Some(Rest::new(named, wait_max, now));
        }
        if self.named.is_some_and(|named| self.configured.is_none_or(|configured| named < configured)) {
            self.limiter = self.limiter.free_by(now + wait_max, wait_max);
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Named {
    length: Duration,
    /// `u32::MAX` if the limit is larger.
    limit: u32,
    used: u64,
    /// The venue's limit, even if it is above `u32::MAX`, minus the use; zero if more than the limit is used.
    remaining: u64,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Limits {
        let (dials, requests, orders) = (Windows::new(), Windows::new(), Windows::new());
        let wait_max = config.retry_after_max;
        let mut limits = Limits {
            dials,
            requests,
            orders,
            streams_wait_since: None,
            streams_wait_at: BTreeSet::new(),
            wait_max,
            sent: Sent::default(),
            questions: VecDeque::new(),
            has_news: false,
        };
        limits.add(config, Instant::ZERO);
        limits
    }

    /// Adds the limits of another endpoint of the host. They apply until the client forgets the host.
    pub(crate) fn add(&mut self, config: &Config, now: Instant) {
        self.dials.configure(config.dial_limit, now);
        self.requests.configure(config.request_limit, now);
        self.orders.configure(config.order_limit, now);
        self.wait_max = self.wait_max.min(config.retry_after_max);
    }

    /// Takes room for one request. A new order (`is_order`) also takes room from the limit on orders.
    ///
    /// # Errors
    ///
    /// [`CommandError::RateLimited`], with the limit that is the last to have room.
    pub(crate) fn take_request(
        &mut self,
        urgency: Urgency,
        is_order: bool,
        now: Instant,
    ) -> Result<(), CommandError> {
        if urgency == Urgency::Stream {
            // The time at which this request gets its turn depends on when it began to wait.
            self.streams_wait_since.get_or_insert(now);
        }
        let (mut limit, (mut retry, mut window)) = (RateKind::Requests, self.room(urgency, now));
        // An order leaves no room to more urgent requests, because the limit on orders counts none of them.
        let orders = self.orders.room(Urgency::Cancel);
        if is_order && orders.0 > retry {
            (limit, (retry, window)) = (RateKind::Orders, orders);
        }
        if retry > now {
            return Err(CommandError::RateLimited { limit, window, retry });
        }
        self.requests.take(now);
        if is_order {
            self.orders.take(now);
        }
        self.count(is_order);
        if urgency == Urgency::Stream {
            self.streams_wait_since = None;
        }
        Ok(())
    }

    /// Returns whether the venue has named limits since the last call. If so, requests that wait at other links to
    /// the host may have room now.
    pub(crate) const fn take_news(&mut self) -> bool {
        core::mem::replace(&mut self.has_news, false)
    }

    pub(super) fn note_waiting(&mut self, link: LinkId) {
        self.streams_wait_at.insert(link);
    }

    pub(super) fn end_waiting(&mut self, link: LinkId) {
        if self.streams_wait_at.remove(&link) && self.streams_wait_at.is_empty() {
            self.streams_wait_since = None;
        }
    }

    /// Returns when there is room for a request of this urgency, and the length of the window that is the last to
    /// have room. Once a stream request has waited for the time of [`STREAM_TURN`] requests, one stream request may
    /// take room that is reserved for more urgent requests, even for cancellations. Otherwise an application that
    /// sends requests as fast as the limits allow would stop all stream requests. From then on, requests of the
    /// application leave room for one more request: the application may be the first that acts at the instant at which
    /// a limit has room.
    fn room(&self, urgency: Urgency, now: Instant) -> (Instant, Duration) {
        let turn = self.streams_wait_since.map(|since| since + self.requests.time_of(STREAM_TURN));
        match (urgency, turn) {
            (Urgency::Stream, Some(turn)) => {
                let (at, window) = self.requests.room(Urgency::Cancel);
                self.requests.room(urgency).min((at.max(turn), window))
            }
            (Urgency::Usual | Urgency::Cancel, Some(turn)) if turn <= now => self
                .requests
                .last_of(|limiter| limiter.free_at_leaving(|burst| urgency.spares(burst)), |_| true),
            _ => self.requests.room(urgency),
        }
    }

    /// Takes room for an urgent request. Only limits that the venue has named can delay the request; limits of the
    /// configuration cannot. If the venue's limits have no room, returns when they will have room.
    pub(super) fn take_urgent(&mut self, now: Instant) -> Result<(), Instant> {
        let (at, _) = self.requests.room_in(Urgency::Cancel, Window::is_named);
        if at > now {
            return Err(at);
        }
        // If the configured limit has no room, the request does not count towards this limit. If it counted, the
        // requests that already wait for the limit would find no room when their `Quota` timer fires.
        if self.requests.room(Urgency::Cancel).0 <= now {
            self.requests.take(now);
        }
        self.count(false);
        Ok(())
    }

    fn count(&mut self, is_order: bool) {
        self.sent.requests = self.sent.requests.saturating_add(1);
        self.sent.orders = self.sent.orders.saturating_add(u64::from(is_order));
    }

    pub(super) fn note_question(&mut self, request: u64) {
        if self.questions.len() >= QUESTIONS_MAX {
            self.questions.pop_front();
        }
        self.questions.push_back((request, self.sent));
    }

    pub(super) fn check_dial(&self, now: Instant) -> Result<(), Instant> {
        let free_at = self.dial_free_at();
        if free_at > now { Err(free_at) } else { Ok(()) }
    }

    pub(super) fn dial_free_at(&self) -> Instant {
        self.dials.room(Urgency::Cancel).0
    }

    pub(super) fn hold_dials_until(&mut self, at: Instant) {
        self.dials.hold_until(at);
    }

    pub(crate) fn take_dial(&mut self, now: Instant) {
        self.dials.take(now);
    }

    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        [&self.dials, &self.requests, &self.orders].iter().all(|kind| kind.is_idle(now))
    }

    /// Takes over the limits that the venue names, and how much of each is used. They replace the limits that the
    /// venue named before, and apply in addition to the limits of the configuration. A limit of zero allows nothing
    /// for the length of one window. None of these limits causes a wait longer than [`Config::retry_after_max`].
    ///
    /// `request` is the request to which `response` is the reply. The venue's count may lack what was sent to the
    /// host after this request.
    pub(crate) fn note_named(&mut self, response: &Response<'_>, request: u64, now: Instant) {
        let place = self.questions.iter().position(|(question, _)| *question == request);
        let before = place.and_then(|place| self.questions.remove(place));
        let before = before.map(|(_, sent)| sent).unwrap_or_default();
        let limits: Vec<_> = response.rate_limits().into_iter().flatten().filter_map(Row::read).collect();
        if limits.is_empty() {
            return;
        }
        self.has_news = true;
        let wait_max = self.wait_max;
        // The hold on attempts stays, as it may come from the `Retry-After` of an upgrade.
        (self.requests.held_until, self.orders.held_until) = (Instant::ZERO, Instant::ZERO);
        for (kind, name, since) in [
            (&mut self.dials, "CONNECTION_ATTEMPTS", 0),
            (&mut self.requests, "REQUEST_WEIGHT", self.sent.requests.saturating_sub(before.requests)),
            (&mut self.orders, "ORDERS", self.sent.orders.saturating_sub(before.orders)),
        ] {
            let of_kind = limits.iter().filter(|limit| limit.kind.raw() == name);
            let named: Vec<Named> = of_kind
                .filter_map(|limit| {
                    let unit = match limit.interval.raw() {
                        "SECOND" => 1,
                        "MINUTE" => 60,
                        "HOUR" => 3_600,
                        "DAY" => 86_400,
                        _ => return None,
                    };
                    let used = limit.count.saturating_add(since);
                    Some(Named {
                        length: Duration::from_secs(limit.interval_count.saturating_mul(unit)),
                        limit: u32::try_from(limit.limit).unwrap_or(u32::MAX),
                        used,
                        remaining: limit.limit.saturating_sub(used),
                    })
                })
                .collect();
            kind.rename(&named, wait_max, now);
        }
    }
}
