//! Rates: no window of a limit holds more than it allows, whichever link is used.

use std::collections::VecDeque;
use std::time::Duration;

use gemini_ws::{Instant, LinkId, RateLimiter};

use super::super::machine::Settings;
use super::shadow::Shadow;

/// What the limits of an endpoint have counted, on its host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    dials: VecDeque<Instant>,
    requests: VecDeque<Instant>,
    orders: VecDeque<Instant>,
}

/// A host, by which the venue counts.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    name: String,
    pub(crate) dials: RateLimiter,
    /// No dial before this instant, as the venue has asked for it.
    pub(crate) held_until: Instant,
    /// The venue may have said that its limits are stricter: when there is room is not known any more.
    pub(crate) is_tightened: bool,
}

impl Host {
    pub(crate) fn of_all(settings: &[Settings]) -> Vec<Host> {
        let mut hosts: Vec<Host> = Vec::new();
        for settings in settings {
            let (limit, window) = settings.dial_limit;
            let dials = RateLimiter::per_window(limit, window);
            match hosts.iter_mut().find(|host| host.name == settings.host()) {
                Some(host) => host.dials = host.dials.tightened(limit, window, 0, Instant::ZERO),
                None => {
                    let name = settings.host().to_owned();
                    hosts.push(Host { name, dials, held_until: Instant::ZERO, is_tightened: false });
                }
            }
        }
        hosts
    }

    /// Whether the limit on dials may leave no room now.
    pub(crate) fn may_be_full(&self, now: Instant) -> bool {
        self.is_tightened || self.dials.free_at() > now
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Counted {
    Dial,
    Request,
    Order,
}

impl Shadow {
    pub(crate) fn host_of(&mut self, slot: usize) -> &mut Host {
        let name = self.settings_of(slot).host();
        let position = self.hosts.iter().position(|host| host.name == name).unwrap_or(0);
        &mut self.hosts[position]
    }

    /// The venue wants no dials for so long.
    pub(crate) fn hold(&mut self, slot: usize, delay: Duration) {
        let until = self.now + delay;
        let host = self.host_of(slot);
        host.dials = host.dials.hold_until(until);
        host.held_until = host.held_until.max(until);
    }

    pub(crate) fn count(&mut self, link: LinkId, what: Counted) {
        let now = self.now;
        if what == Counted::Dial {
            let host = self.host_of(link.slot());
            host.dials = host.dials.take(now).unwrap_or(host.dials);
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
