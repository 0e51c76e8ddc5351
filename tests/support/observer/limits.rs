//! Checks rate limits: no window of a limit contains more than the limit allows, whichever link is used.

use std::collections::VecDeque;
use std::time::Duration;

use gemini_ws::{Instant, LinkId, RateLimiter};

use super::super::machine::Settings;
use super::shadow::Shadow;

/// The instants of the dials, requests and orders that count for the limits of an endpoint. They include those at
/// other endpoints of the same host.
#[derive(Clone, Debug, Default)]
pub struct Windows {
    dials: VecDeque<Instant>,
    requests: VecDeque<Instant>,
    orders: VecDeque<Instant>,
}

/// A host. The venue counts dials for each host, not for each endpoint.
#[derive(Clone, Debug)]
pub struct Host {
    name: String,
    dials: Vec<((u32, Duration), RateLimiter)>,
    /// The end of the delay that the venue has requested. No dial may start before this instant.
    pub held_until: Instant,
    /// True if the observer cannot know when the limits leave room: the application has requested the connection
    /// info, whose reply may report stricter limits, or the venue has requested a delay whose end no event named.
    pub is_tightened: bool,
}

impl Host {
    pub fn of_all(settings: &[Settings]) -> Vec<Host> {
        let mut hosts: Vec<Host> = Vec::new();
        for settings in settings {
            let (limit, window) = settings.dial_limit;
            let dials = (settings.dial_limit, RateLimiter::per_window(limit, window));
            match hosts.iter_mut().find(|host| host.name == settings.host()) {
                Some(host) if host.dials.iter().any(|known| known.0 == dials.0) => {}
                Some(host) => host.dials.push(dials),
                None => {
                    let (name, dials) = (settings.host().to_owned(), vec![dials]);
                    hosts.push(Host { name, dials, held_until: Instant::ZERO, is_tightened: false });
                }
            }
        }
        hosts
    }

    pub fn may_be_full(&self, now: Instant) -> bool {
        self.is_tightened || self.free_at() > now
    }

    pub fn free_at(&self) -> Instant {
        let limiters = self.dials.iter().map(|(_, limiter)| limiter.free_at());
        limiters.fold(self.held_until, Instant::max)
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Counted {
    Dial,
    Request,
    Order,
}

impl Shadow {
    pub fn host_of(&mut self, slot: usize) -> &mut Host {
        let name = self.settings_of(slot).host();
        let position = self.hosts.iter().position(|host| host.name == name).unwrap_or(0);
        &mut self.hosts[position]
    }

    /// Stores that the venue requests a delay before the next dial to the host of a slot. If an event named the
    /// instant of that dial as `next`, no earlier dial is allowed. Otherwise the observer no longer knows when the
    /// limits leave room.
    pub fn hold(&mut self, slot: usize, delay: Duration, next: Option<Instant>) {
        let least = self.now + delay;
        let host = self.host_of(slot);
        match next {
            Some(at) if at > host.free_at() => {
                let shortest = host.dials.iter_mut().min_by_key(|((_, window), _)| *window);
                shortest.into_iter().for_each(|(_, limiter)| *limiter = limiter.hold_until(at));
                host.held_until = host.held_until.max(at);
            }
            _ => {
                host.is_tightened = true;
                host.held_until = host.held_until.max(least);
            }
        }
    }

    pub fn count(&mut self, link: LinkId, what: Counted) {
        let now = self.now;
        if what == Counted::Dial {
            let host = self.host_of(link.slot());
            for (_, limiter) in &mut host.dials {
                *limiter = limiter.take(now).unwrap_or(*limiter);
            }
        }
        let name = self.settings_of(link.slot()).host().to_owned();
        let mut exceeded = None;
        for (settings, windows) in self.settings.iter().zip(&mut self.windows) {
            if settings.host() != name {
                continue;
            }
            let (taken, (limit, window)) = match what {
                Counted::Dial => (&mut windows.dials, settings.dial_limit),
                Counted::Request => (&mut windows.requests, settings.request_limit),
                Counted::Order => (&mut windows.orders, settings.order_limit),
            };
            taken.push_back(now);
            while taken.front().is_some_and(|first| now.since(*first) > window) {
                taken.pop_front();
            }
            if taken.len() > limit.max(1) as usize {
                exceeded = Some(format!("{what:?}: more than {limit} in {window:?} at {now:?}"));
            }
        }
        if let Some(what) = exceeded {
            self.fail("I-34", what);
        }
    }
}
