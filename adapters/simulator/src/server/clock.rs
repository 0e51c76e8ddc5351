//! [`ServerClock`]: a clock that does not stop while the machine sleeps.

use std::time::Duration;

use gemini_ws::{Clock, Instant, UnixTime};

/// The machine has slept if the time of day has advanced at least this much more than the monotonic clock.
const SLEPT_MIN: Duration = Duration::from_secs(3);

/// The clock of a server. On Linux and macOS, the monotonic clock stops while the machine sleeps. The venue's time
/// must not stop, because clients take their nonces from the time of day.
///
/// If the time of day is set forward, this clock advances as after a sleep. If the time of day is set back, this
/// clock does not change, because the venue's time never goes back.
#[derive(Debug)]
pub(super) struct ServerClock {
    clock: Clock,
    /// The time of day at [`Instant::ZERO`].
    begin: UnixTime,
    slept: Duration,
}

impl ServerClock {
    pub(super) fn new() -> ServerClock {
        ServerClock { clock: Clock::new(), begin: UnixTime::now(), slept: Duration::ZERO }
    }

    /// Adds the time for which the machine has slept. `time` is the time of day.
    pub(super) fn catch_up(&mut self, time: UnixTime) {
        let passed = Duration::from_millis(time.as_millis().saturating_sub(self.begin.as_millis()));
        let slept = passed.saturating_sub(self.clock.now().since(Instant::ZERO));
        if slept >= self.slept.saturating_add(SLEPT_MIN) {
            self.slept = slept;
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now() + self.slept
    }

    /// Returns when the monotonic clock reaches an instant of this clock.
    pub(super) fn to_std(&self, instant: Instant) -> std::time::Instant {
        self.clock.to_std(Instant::ZERO + instant.since(Instant::ZERO).saturating_sub(self.slept))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;
    use std::task::Waker;

    use super::super::Server;
    use super::*;
    use crate::config::Config;
    use crate::exchange::Exchange;

    #[test]
    fn sleeps_add_up() {
        let mut clock = ServerClock::new();
        let begin = clock.begin.as_millis();
        // The time of day in ms after the start, and the whole seconds of the clock then. The monotonic clock has
        // hardly advanced.
        for (of_day, seconds) in
            [(0, 0), (2_500, 0), (60_000, 60), (62_000, 60), (10_000, 60), (59_000, 60), (3_600_000, 3_600)]
        {
            clock.catch_up(UnixTime::from_millis(begin + of_day));
            assert_eq!(clock.now().as_nanos() / 1_000_000_000, seconds, "{of_day}");
            let at = clock.now() + Duration::from_secs(5);
            let wait = clock.to_std(at).saturating_duration_since(std::time::Instant::now());
            assert!(wait > Duration::from_secs(4) && wait <= Duration::from_secs(5), "{of_day}: {wait:?}");
        }
        clock.catch_up(UnixTime::from_millis(0));
        assert_eq!(clock.now().as_nanos() / 1_000_000_000, 3_600, "it never goes back");
    }

    /// After a sleep, the venue's time follows the time of day again, so that the venue accepts nonces.
    #[test]
    fn the_venue_does_not_sleep() {
        let exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]), 7);
        let mut server = Server::bind(([127, 0, 0, 1], 0).into(), exchange).unwrap();
        let hour = Duration::from_secs(3_600);
        server.clock.begin = UnixTime::from_millis(server.clock.begin.as_millis() - 3_600_000);
        assert!(server.poll_turn(&mut Context::from_waker(Waker::noop())).is_pending());
        let next = server.exchange.deadline().unwrap();
        assert!(next >= Instant::ZERO + hour && next < Instant::ZERO + hour * 2, "{next:?}");
    }
}
