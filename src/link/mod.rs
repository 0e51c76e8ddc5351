//! One connection to the venue: its life, its subscriptions, what it sends and what it hears.

pub(crate) mod backoff;
pub(crate) mod frame;
pub(crate) mod in_flight;
pub mod lifecycle;
pub(crate) mod limits;
pub(crate) mod liveness;
pub(crate) mod outbox;
pub(crate) mod output;
pub(crate) mod rate_limiter;
pub(crate) mod receive;
pub(crate) mod receive_archived;
pub(crate) mod stats;
pub(crate) mod subscription;
pub(crate) mod subscriptions;
pub(crate) mod timer;
pub(crate) mod transition;

use alloc::string::String;

use crate::value::endpoint::Endpoint;

/// What the driver needs to dial.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// The address, with its query.
    pub url: String,
    /// What is there, which decides how the upgrade is signed.
    pub endpoint: Endpoint,
    /// Whether to sign the upgrade: as [`Config::authenticated`] has it.
    pub authenticated: bool,
}
