//! [`Dialect`]: what a generation of the API accepts and answers, as data.

use alloc::string::String;
use alloc::vec::Vec;

use crate::request::stream::Stream;

/// What a generation of the API accepts and answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Whether it accepts requests other than those for streams, and answers a `ping`.
    pub(crate) takes_requests: bool,
    /// Whether it answers each request for streams.
    pub(crate) acknowledges: bool,
    /// Writes a `subscribe` or `unsubscribe` with this id.
    pub(crate) encode: fn(is_subscribe: bool, Vec<Stream>, id: u64) -> String,
}
