//! [`Reply`]: the reply to a request, as an owned value.

use std::fmt;

use gemini_ws::{ApiError, Event, EventBuf, RequestId, RequestOutcome, Response, Scratch};

/// The reply to a request: the venue's response, or the reason why there is none.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Always an [`Event::Reply`].
    event: EventBuf,
    request: RequestId,
}

impl Reply {
    pub(crate) fn of(event: &Event<'_>) -> Option<Reply> {
        match event {
            Event::Reply { request, .. } => Some(Reply { event: EventBuf::from(event), request: *request }),
            _ => None,
        }
    }

    /// Returns the id of the request.
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// Returns the venue's response, or the reason why there is none.
    pub fn outcome(&mut self) -> RequestOutcome<'_> {
        outcome(self.event.as_event())
    }

    /// Returns the venue's response; `None` if the venue has not replied. [`outcome`](Reply::outcome) then returns
    /// the reason.
    pub fn response(&mut self) -> Option<Response<'_>> {
        match self.outcome() {
            RequestOutcome::Answered(response) => Some(response),
            _ => None,
        }
    }

    /// Returns the error with which the venue refused the request. Returns `None` if the venue has not replied, or if
    /// its response contains no error. `None` does not mean that the venue accepted the request: see
    /// [`is_ok`](Reply::is_ok).
    pub fn error(&mut self) -> Option<ApiError<'_>> {
        self.response()?.error
    }

    /// Returns whether the venue has replied and accepted the request.
    pub fn is_ok(&self) -> bool {
        let mut scratch = Scratch::new();
        matches!(outcome(self.event.event_in(&mut scratch)), RequestOutcome::Answered(response) if response.is_ok())
    }
}

fn outcome(event: Event<'_>) -> RequestOutcome<'_> {
    match event {
        Event::Reply { outcome, .. } => outcome,
        // Not reached, because `event` is always a reply.
        _ => RequestOutcome::Lost,
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match outcome(self.event.event_in(&mut Scratch::new())) {
            RequestOutcome::Answered(response) => match (response.is_ok(), response.error, response.status) {
                (true, ..) => f.write_str("accepted"),
                (false, Some(error), _) => write!(f, "refused: {error}"),
                (false, None, Some(status)) => write!(f, "refused with status {status}"),
                (false, None, None) => f.write_str("refused"),
            },
            RequestOutcome::NotSent => f.write_str("not sent: the link ended first"),
            RequestOutcome::TimedOut => f.write_str("no reply in time; the venue may have carried it out"),
            RequestOutcome::Lost => {
                f.write_str("the link ended before a reply; the venue may have carried it out")
            }
        }
    }
}
