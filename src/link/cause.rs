//! [`Cause`]: the reason for which a link takes a step.

use crate::event::reason::{ConnectFailure, Lost};
use crate::value::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    None,
    Failure(ConnectFailure),
    Loss(Lost),
    /// The limit on attempts to connect, or a delay, allows no attempt before this instant.
    Held(Instant),
}
