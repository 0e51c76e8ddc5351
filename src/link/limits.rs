//! The venue's limits on rates, as far as a client has used them up.

use core::time::Duration;

use crate::config::Config;
use crate::link::rate_limiter::RateLimiter;
use crate::link::urgency::Urgency;
use crate::message::Response;
use crate::value::time::Instant;

/// Of one host: they outlive links, as the venue counts by address and account.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    dials: RateLimiter,
    requests: RateLimiter,
    orders: RateLimiter,
}

impl Limits {
    pub(crate) fn new(config: &Config) -> Limits {
        let limiter = |(limit, window)| RateLimiter::per_window(limit, window);
        Limits {
            dials: limiter(config.dial_limit),
            requests: limiter(config.request_limit),
            orders: limiter(config.order_limit),
        }
    }

    /// Those of another endpoint of the same host hold as well.
    pub(crate) fn add(&mut self, config: &Config) {
        let of = |limiter: RateLimiter, (limit, window)| limiter.tightened(limit, window, 0, Instant::ZERO);
        self.dials = of(self.dials, config.dial_limit);
        self.requests = of(self.requests, config.request_limit);
        self.orders = of(self.orders, config.order_limit);
    }

    /// Takes one request, which may be a new order; or says when there is room for it. What is less urgent leaves
    /// room to what is more urgent.
    pub(crate) fn take_request(
        &mut self,
        urgency: Urgency,
        is_order: bool,
        now: Instant,
    ) -> Result<(), Instant> {
        let requests = self.requests.take_sparing(|burst| urgency.spares(burst), now);
        if is_order {
            let orders = self.orders.take(now);
            return match (requests, orders) {
                (Ok(requests), Ok(orders)) => {
                    (self.requests, self.orders) = (requests, orders);
                    Ok(())
                }
                (requests, orders) => Err(requests.err().max(orders.err()).unwrap_or(now)),
            };
        }
        self.requests = requests?;
        Ok(())
    }

    /// Checks whether there is room for an attempt to connect, or says when there is.
    pub(super) fn check_dial(&self, now: Instant) -> Result<(), Instant> {
        self.dials.check(now)
    }

    /// When there is room for an attempt to connect; that may have passed.
    pub(super) fn dial_free_at(&self) -> Instant {
        self.dials.free_at()
    }

    /// Lets no attempt to connect happen before an instant, as the host has asked.
    pub(super) fn hold_dials_until(&mut self, at: Instant) {
        self.dials = self.dials.hold_until(at);
    }

    /// Takes an attempt to connect.
    pub(crate) fn take_dial(&mut self, now: Instant) -> Result<(), Instant> {
        self.dials = self.dials.take(now)?;
        Ok(())
    }

    /// What the venue says of its limits and of how much is used up. Kinds that are not known
    /// are for the application.
    pub(crate) fn tighten(&mut self, response: &Response<'_>, now: Instant) {
        let Ok(limits) = response.rate_limits() else { return };
        for limit in limits.iter() {
            let limiter = match limit.kind.raw() {
                "REQUEST_WEIGHT" => &mut self.requests,
                "ORDERS" => &mut self.orders,
                "CONNECTION_ATTEMPTS" => &mut self.dials,
                _ => continue,
            };
            let unit = match limit.interval.raw() {
                "SECOND" => 1,
                "MINUTE" => 60,
                "HOUR" => 3_600,
                "DAY" => 86_400,
                _ => continue,
            };
            let window = Duration::from_secs(limit.interval_count.saturating_mul(unit));
            let most = u32::try_from(limit.limit).unwrap_or(u32::MAX);
            *limiter = limiter.tightened(most, window, limit.count, now);
        }
    }
}
