//! Finds the paths that the table of links allows, and the consequences of each reason for an end.

use std::time::Duration;

use gemini_ws::lifecycle::{Cell, Effect, Input, LINK, State, link_step};
use gemini_ws::{ConnectFailure, Lost};

use super::call::Kind;

/// What the observer knows of the path from one state to another in a step.
pub struct Path {
    pub kind: Kind,
    pub begins_anew: bool,
    pub now: Option<State>,
}

impl Path {
    /// Returns whether at most `rows` rows of the table lead from the state `from` to the state `now`, with exactly
    /// the visible effects `shown`.
    pub fn leads(&self, from: State, shown: &[Effect], rows: usize) -> bool {
        let is_there = match self.now {
            Some(now) => now == from,
            None => matches!(from, State::Idle | State::Closed),
        };
        if shown.is_empty() && is_there {
            return true;
        }
        if rows == 0 {
            return false;
        }
        if from == State::Closed && self.begins_anew && self.leads(State::Idle, shown, rows - 1) {
            return true;
        }
        LINK.iter().any(|(input, _)| {
            let Cell::Go(next, effects) = link_step(from, *input) else { return false };
            let mut visible = effects.iter().filter(|effect| self.is_visible(**effect));
            let count = visible.clone().count();
            count <= shown.len()
                && self.may_cause(*input)
                && shown.iter().zip(&mut visible).all(|(a, b)| a == b)
                && self.leads(next, &shown[count..], rows - 1)
        })
    }

    const fn is_visible(&self, effect: Effect) -> bool {
        match effect {
            Effect::Restore | Effect::FailAll | Effect::Deliver | Effect::Record | Effect::Send => false,
            // A client reports the end of its links with `LinkClosed` instead.
            Effect::ReportClosed => false,
            Effect::Dial
            | Effect::Abort
            | Effect::ReportFailure
            | Effect::ReportOpened
            | Effect::ReportLive
            | Effect::ReportLost
            | Effect::SendClose => true,
        }
    }

    /// Returns whether the act is this input of the table, or can lead to it.
    const fn may_cause(&self, input: Input) -> bool {
        let kind = self.kind;
        match input {
            Input::Open | Input::OpenLater | Input::Close => true,
            Input::Connected => matches!(kind, Kind::Connected),
            Input::ConnectFailed | Input::ConnectRefused => matches!(kind, Kind::ConnectFailed),
            Input::Frame | Input::Request | Input::Subscribe => false,
            Input::Settled | Input::Exhausted => true,
            Input::Unusable => matches!(kind, Kind::Frame | Kind::Timeout),
            Input::Lost | Input::LostForGood => matches!(kind, Kind::Lost | Kind::CloseFrame),
            Input::ConnectTimeout | Input::RetryDue | Input::Silence | Input::CloseTimeout => {
                matches!(kind, Kind::Timeout)
            }
        }
    }
}

/// The attempts that may follow the end of a link, as far as the reason for the end decides this.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Follows {
    Nothing,
    /// No attempt if the endpoint has not worked before; otherwise the same as `Slow`. After a failed attempt, the
    /// endpoint has worked if a link to it was opened. After a loss, it has worked if a link was live for
    /// `stable_after`.
    NothingAtFirst,
    Usual,
    /// An attempt after [`SLOW`] and the usual delay.
    Slow,
    /// An attempt after the delay that the venue requests, and the usual delay.
    After(Duration),
}

/// The default of `Config::slow_retry`, which no settings change.
const SLOW: Duration = Duration::from_secs(30);

/// The default of `Config::retry_after_max`, which no settings change.
const ASKED_FOR_MAX: Duration = Duration::from_secs(3_600);

impl Follows {
    pub fn of_failure(why: ConnectFailure, is_signed: bool) -> Follows {
        match why {
            ConnectFailure::Cancelled
            | ConnectFailure::NoCredentials
            | ConnectFailure::NotSecure
            | ConnectFailure::InvalidUrl => Follows::Nothing,
            ConnectFailure::Status { retry_after: Some(delay), .. } => {
                Follows::After(delay.min(ASKED_FOR_MAX))
            }
            ConnectFailure::Status { reason: Some(reason), .. } if reason.as_str() == "InvalidNonce" => {
                Follows::Usual
            }
            ConnectFailure::Status { status: 429 | 503, .. } | ConnectFailure::CertificateTime => {
                Follows::Slow
            }
            ConnectFailure::Status { status: 403 | 404, reason: None, .. } if !is_signed => Follows::Slow,
            ConnectFailure::Certificate
            | ConnectFailure::Status { status: 401 | 403 | 404 | 410 | 426, .. }
            | ConnectFailure::Status { status: 400, reason: Some(_), .. } => Follows::NothingAtFirst,
            _ => Follows::Usual,
        }
    }

    pub fn of_loss(why: Lost) -> Follows {
        match why {
            Lost::Closed { code: Some(1010 | 4001 | 4003 | 4401 | 4403) } => Follows::NothingAtFirst,
            Lost::Closed { code: Some(1008 | 1013) } => Follows::Slow,
            _ => Follows::Usual,
        }
    }

    pub fn is_final(self, has_worked: bool) -> bool {
        self == Follows::Nothing || (self == Follows::NothingAtFirst && !has_worked)
    }

    pub fn least(self) -> Option<Duration> {
        match self {
            Follows::Nothing | Follows::Usual => None,
            Follows::Slow | Follows::NothingAtFirst => Some(SLOW),
            Follows::After(delay) => Some(delay),
        }
    }
}

/// Returns whether the venue requests fewer attempts to connect to the host. Such a failure applies to all endpoints
/// of the host.
pub const fn is_of_host(why: ConnectFailure) -> bool {
    matches!(
        why,
        ConnectFailure::Status { status: 429, .. } | ConnectFailure::Status { retry_after: Some(_), .. }
    )
}
