//! Checks time: a machine that waits for the venue or the transport has a deadline, and the delays before attempts
//! are within their range.

use std::time::Duration;

use gemini_ws::Instant;
use gemini_ws::lifecycle::State;

use super::super::machine::Machine;
use super::call::Act;
use super::shadow::{Phase, Shadow, Step};

/// The natural logarithm of 1 in 10¹². If a series of short delays is less probable, the delays cannot be random.
const NOT_CHANCE: f64 = -27.6;

impl Shadow {
    pub fn check_delay(&mut self, slot: usize, at: Instant, asked_for: Option<Duration>) {
        let now = self.now;
        let settings = self.settings_of(slot);
        let (base, cap) = (settings.backoff_base, settings.backoff_cap.max(settings.backoff_base * 2));
        let inherited = self.inherited.get(self.legs[slot].endpoint).copied().unwrap_or(0);
        let leg = self.leg_mut(slot);
        let ceiling_of = |attempt: u32| {
            let factor = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
            base.saturating_mul(factor).min(cap).max(base)
        };
        let (first, ceiling) = (ceiling_of(1), ceiling_of(leg.attempts));
        let least = asked_for.unwrap_or(Duration::ZERO);
        let not_before = now + least;
        // The random delay is added to the venue's delay, so that not all clients return at the same time.
        let delay = at.since(not_before);
        if delay > first && leg.likelihood.is_finite() {
            leg.likelihood = 0.0;
        } else if ceiling > first {
            let part = first.saturating_sub(base).as_secs_f64() / ceiling.saturating_sub(base).as_secs_f64();
            leg.likelihood += part.ln();
        }
        let (attempts, likelihood) = (leg.attempts, leg.likelihood);
        leg.retry = Some((at, not_before));
        let ceiling = ceiling.max(ceiling_of(attempts.saturating_add(inherited)));
        let host = self.host_of(slot);
        // The limit on dials to the host may allow no earlier attempt.
        let is_limited = host.is_tightened || at == host.free_at();
        if at < not_before {
            self.fail("I-58", format!("the next attempt is at {at:?}, not after {asked_for:?}"));
        } else if delay < base || (delay > ceiling && !is_limited) {
            self.fail("I-56", format!("attempt {attempts} after {delay:?}, not {base:?} to {ceiling:?}"));
        } else if likelihood < NOT_CHANCE {
            self.fail("I-56", format!("attempt {attempts} after {delay:?}, as if it were always the first"));
        }
    }

    pub fn check_time<M: Machine>(&mut self, machine: &M, step: &Step<'_>) {
        let deadline = self.deadline;
        let mut waits = None;
        let mut is_over = true;
        machine.each_link(|link, _, state| {
            if !matches!(state, State::Idle | State::Closed) {
                waits = Some((link, state));
            }
            is_over &= state == State::Closed;
        });
        if let (Some((link, state)), None) = (waits, deadline) {
            self.fail("I-13", format!("{link} is {state:?}, and no deadline is armed"));
        }
        if (self.terminated && !is_over) || (waits.is_none() && deadline.is_some()) {
            self.fail("I-17", format!("every link is at its end or has not begun: {deadline:?}"));
        }
        if matches!(step.act, Act::Timeout) {
            self.check_tick();
        }
        // The client must end by the instant that it has promised, however late the timer is.
        if let (Some(by), Some(deadline)) = (self.closing, deadline)
            && deadline.at > by
            && self.now > by
        {
            self.fail("I-12", format!("the end is due at {by:?}, the next deadline is {deadline:?}"));
        }
    }

    fn check_tick(&mut self) {
        let (now, deadline) = (self.now, self.deadline);
        if deadline.is_some_and(|deadline| deadline.at <= now) {
            self.fail("I-14", format!("at {now:?} the deadline is {deadline:?}"));
        }
        for slot in 0..self.legs.len() {
            let settings = self.settings_of(slot);
            let (connect_timeout, stable_after) = (settings.connect_timeout, settings.stable_after);
            let may_be_full = self.host_of(slot).may_be_full(now);
            let leg = &mut self.legs[slot];
            let link = leg.link;
            match leg.phase {
                Phase::Dialled if now >= leg.dialled + connect_timeout => {
                    self.fail("I-13", format!("{link:?} is still being dialled at {now:?}"));
                }
                Phase::Open if leg.closing.is_some_and(|by| now >= by) => {
                    self.fail("I-16", format!("{link:?} is still closing at {now:?}"));
                }
                Phase::Open if leg.is_stable(now, stable_after) => {
                    leg.note_stable();
                    let endpoint = leg.endpoint;
                    self.experience[endpoint].1 = true;
                }
                Phase::Ended
                    if self.closing.is_none()
                        && !may_be_full
                        && leg.retry.is_some_and(|(at, _)| now >= at) =>
                {
                    self.fail("I-57", format!("{link:?} was to be dialled anew by {now:?}"));
                }
                _ => {}
            }
        }
    }
}
