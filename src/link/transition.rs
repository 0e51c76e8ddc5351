//! The steps of a link: look up the cell of the table, go to its state, and perform its effects.

use core::time::Duration;

use crate::error::CommandError;
use crate::event::Event;
use crate::event::reason::{Abandoned, AttemptFailure, CloseReason, ConnectFailure, Lost, Retry};
use crate::link::cause::Cause;
use crate::link::context::Context;
use crate::link::lifecycle::{Cell, Effect, Input, Refusal, State, link_step};
use crate::link::output::Output;
use crate::link::session::{MalformedRun, Session};
use crate::link::timer::{Deadline, Timer};
use crate::link::{Linger, Link, LinkEnd};
use crate::value::id::LinkId;
use crate::value::time::Instant;

/// Returns the reason that `Event::Disconnected` reports for the end of an open link.
const fn loss(before: State, cause: Cause) -> Lost {
    match cause {
        // The client had sent a Close frame. The peer has answered it or ended the transport, so the client has
        // closed the link.
        Cause::Loss(Lost::Closed { .. } | Lost::End) if matches!(before, State::Closing) => Lost::Requested,
        Cause::Loss(reason) => reason,
        Cause::None | Cause::Held(_) | Cause::Failure(_) => Lost::Transport,
    }
}

impl<S: Session> Link<S> {
    /// Returns whether an input about `link` concerns the newest attempt to connect, and this attempt or its
    /// connection has not ended. If not, counts the input in `Stats::stale_inputs`.
    pub(super) fn is_current(&mut self, link: LinkId) -> bool {
        let current = link == self.id
            && matches!(self.state, State::Connecting | State::Subscribing | State::Live | State::Closing);
        if !current {
            self.stats.count_stale_input();
        }
        current
    }

    pub(super) fn admits(&mut self, cx: &mut Context<'_>, link: LinkId) -> bool {
        let current = self.is_current(link);
        if !current {
            cx.leave_untouched();
        }
        current
    }

    pub(super) const fn check(&self, input: Input) -> Result<(), CommandError> {
        match link_step(self.state, input) {
            Cell::Stay(_) => Ok(()),
            Cell::Refuse(Refusal::NotConnected) => Err(CommandError::NotConnected),
            Cell::Refuse(Refusal::Closed) | Cell::Ignore | Cell::Go(..) => Err(CommandError::Closed),
        }
    }

    pub(super) fn input(&mut self, cx: &mut Context<'_>, input: Input, cause: Cause) {
        // Cannot fail: only the rows of commands contain `Refuse`.
        let _ = self.step(cx, input, cause);
    }

    pub(super) fn step(
        &mut self,
        cx: &mut Context<'_>,
        input: Input,
        cause: Cause,
    ) -> Result<(), CommandError> {
        match link_step(self.state, input) {
            Cell::Go(next, effects) => {
                self.note_stable(cx.now());
                let before = core::mem::replace(&mut self.state, next);
                if input != Input::Exhausted {
                    self.abandoned = Abandoned::default();
                }
                let retry = self.enter(cx, next, before, cause);
                for effect in effects {
                    self.perform(cx, *effect, before, cause, retry);
                }
                if next == State::Backoff && retry.is_none() {
                    return self.step(cx, Input::Exhausted, Cause::None);
                }
                Ok(())
            }
            Cell::Stay(_) => Ok(()),
            Cell::Ignore => {
                self.stats.count_stale_input();
                Ok(())
            }
            Cell::Refuse(Refusal::Closed) => Err(CommandError::Closed),
            Cell::Refuse(Refusal::NotConnected) => Err(CommandError::NotConnected),
        }
    }

    /// Returns when the client makes the next attempt to connect. Returns `None` if no attempt follows, and for all
    /// states other than `Backoff`.
    fn enter(&mut self, cx: &mut Context<'_>, state: State, before: State, cause: Cause) -> Option<Instant> {
        let now = cx.now();
        if !matches!(state, State::Subscribing | State::Live) {
            self.feed.close();
            self.liveness.end();
        }
        if matches!(state, State::Closing | State::Closed) {
            self.linger = Linger::Over;
        }
        let (cause, at) = match state {
            State::Idle | State::Closed => {
                self.wake = None;
                self.liveness.end_heartbeats();
                if before != State::Closing && matches!(cause, Cause::Failure(_) | Cause::Loss(_)) {
                    // The delay counts if the client opens the link again.
                    self.next_attempt(cx, before, cause);
                }
                return None;
            }
            State::Connecting => {
                self.id = self.id.next();
                self.feed.begin(self.id);
                self.dial_started = false;
                self.wake = Some(self.dial_until(now));
                return None;
            }
            State::Subscribing => {
                self.wake = None;
                self.liveness.begin(now);
                self.experience.was_open = true;
                self.session.opened();
                self.malformed_run = MalformedRun::default();
                return None;
            }
            State::Live => (Timer::Stable, now + self.config.stable_after),
            State::Closing => (Timer::Close, now + self.config.close_timeout),
            State::Backoff => {
                let at = self.next_attempt(cx, before, cause);
                self.wake = at.map(|at| Deadline { at, cause: Timer::Retry });
                return at;
            }
        };
        self.wake = Some(Deadline { at, cause });
        None
    }

    pub(super) fn dial_until(&self, now: Instant) -> Deadline {
        Deadline { at: now + self.config.connect_timeout, cause: Timer::Connect }
    }

    /// Adds one to the failed attempts, unless the link was live, and chooses the delay before the next attempt.
    /// Returns when the client makes the next attempt; `None` if no attempt follows automatically.
    fn next_attempt(&mut self, cx: &mut Context<'_>, before: State, cause: Cause) -> Option<Instant> {
        let now = cx.now();
        let (retry, failure) = match cause {
            Cause::Held(at) => return Some(at),
            Cause::Failure(reason) => {
                (reason.retry(self.config.authenticated), Some(AttemptFailure::Connect(reason)))
            }
            Cause::Loss(reason) => (reason.retry(), Some(AttemptFailure::Lost(reason))),
            Cause::None => (Retry::Usual, None),
        };
        if let Some(failure) = failure.filter(|_| before != State::Live) {
            self.backoff.note_failure(failure);
        }
        let least = match retry {
            // The application may remove the reason for the failure before it opens the link again.
            Retry::NeverAtFirst if self.state == State::Closed => Duration::ZERO,
            Retry::Usual | Retry::Never => Duration::ZERO,
            Retry::Slow | Retry::NeverAtFirst => self.config.slow_retry,
            Retry::After(delay) => delay.min(self.config.retry_after_max),
        };
        let delay = self.backoff.next();
        // The random delay is added, so that clients that lost their links together reconnect at different times.
        let at = now + least + delay;
        if let Cause::Failure(reason) = cause
            && reason.is_of_host()
        {
            cx.limits().hold_dials_until(at);
        }
        self.backoff.hold_until(at);
        if self.is_last || self.is_exhausted() {
            return None;
        }
        Some(at.max(cx.limits().dial_free_at()))
    }

    pub(super) fn note_stable(&mut self, now: Instant) {
        if self.wake.is_some_and(|wake| wake.cause == Timer::Stable && wake.at <= now) {
            self.wake = None;
            self.backoff.reset();
            self.experience.was_stable = true;
        }
    }

    fn is_exhausted(&self) -> bool {
        let failed = self.backoff.failed().map_or(0, |(failed, _)| failed);
        self.config.attempts_max.is_some_and(|most| failed >= most)
    }

    fn perform(
        &mut self,
        cx: &mut Context<'_>,
        effect: Effect,
        before: State,
        cause: Cause,
        retry: Option<Instant>,
    ) {
        let link = self.id;
        match effect {
            Effect::Dial => {
                // `open`, or `fire` for the timer `Retry`, has checked the limit.
                let now = cx.now();
                cx.limits().take_dial(now);
                self.feed.outbox_mut().note_turn(now);
                cx.push(Output::Connect(link));
            }
            Effect::Abort => {
                self.abandoned.links = self.abandoned.links.saturating_add(1);
                cx.push(Output::Abort(link));
            }
            Effect::ReportFailure => {
                let reason = match cause {
                    Cause::Failure(reason) => reason,
                    Cause::Loss(_) => ConnectFailure::Transport,
                    Cause::None | Cause::Held(_) => ConnectFailure::Cancelled,
                };
                self.stats.count_connect_failure();
                cx.report(Event::ConnectFailed { link, reason, retry });
            }
            Effect::ReportOpened => {
                self.stats.count_connect(self.missing_since.is_some());
                cx.report(Event::Opened { link, missing_since: self.missing_since });
            }
            Effect::Restore => self.feed.open(cx),
            Effect::ReportLive => cx.report(Event::Live { link }),
            Effect::FailAll => {
                self.missing_since = Some(self.liveness.heard());
                let abandoned = self.feed.lose(cx);
                self.abandoned.requests = self.abandoned.requests.saturating_add(abandoned);
                cx.placed().end(link, self.config.cancel_on_disconnect);
            }
            Effect::ReportLost => {
                let reason = loss(before, cause);
                cx.report(Event::Disconnected { link, reason, retry });
            }
            Effect::SendClose => cx.push(Output::Close { link, code: 1000, reason: "" }),
            Effect::ReportClosed => {
                let reason = self.close_reason(before, cause);
                self.end = Some(LinkEnd { reason, abandoned: self.abandoned });
                self.feed.outbox_mut().fail_cancel();
            }
            // Only cells that stay in the state have these effects. The method that handles the frame or the command
            // performs them.
            Effect::Deliver | Effect::Record | Effect::Send => {}
        }
    }

    fn close_reason(&self, before: State, cause: Cause) -> CloseReason {
        match (before, cause) {
            (State::Closing, Cause::Loss(Lost::CloseTimedOut)) => CloseReason::RequestedUnclean,
            (State::Closing, _) => CloseReason::Requested,
            (_, Cause::Failure(reason)) => CloseReason::ConnectRefused(reason),
            (_, Cause::Loss(Lost::Closed { code: Some(code) })) => CloseReason::ClosedByPeer { code },
            (State::Backoff, Cause::None) if !self.is_last && self.is_exhausted() => {
                self.backoff.failed().map_or(CloseReason::Requested, |(attempts, last)| {
                    CloseReason::AttemptsExhausted { attempts, last }
                })
            }
            (_, Cause::Loss(_) | Cause::None | Cause::Held(_)) => CloseReason::Requested,
        }
    }

    pub(super) fn lose(&mut self, cx: &mut Context<'_>, reason: Lost) {
        self.note_stable(cx.now());
        let is_final = reason.retry().is_final(self.experience.was_stable);
        let input = if is_final { Input::LostForGood } else { Input::Lost };
        self.input(cx, input, Cause::Loss(reason));
    }
}
