//! [`Dialect`]: what a generation of the API accepts, and whether it replies, as data.

use alloc::string::String;
use alloc::vec::Vec;

use crate::request::stream::Stream;

/// What a generation of the API accepts, and whether it replies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Whether it accepts requests other than those for streams, and replies to a `ping`.
    pub(crate) takes_requests: bool,
    /// Whether it replies to each request for streams.
    pub(crate) acknowledges: bool,
    /// Writes a `subscribe` or `unsubscribe` with this id.
    pub(crate) encode: fn(is_subscribe: bool, Vec<Stream>, id: u64) -> String,
}
