//! [`Dialect`]: which requests the endpoints of one generation of the API accept, and to which of them they reply.

use alloc::string::String;
use alloc::vec::Vec;

use crate::request::stream::Stream;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Whether the endpoint accepts requests other than stream requests, and replies to a `ping`.
    pub(crate) takes_requests: bool,
    /// Whether the endpoint replies to each stream request.
    pub(crate) acknowledges: bool,
    /// Writes a `subscribe` or `unsubscribe` with this id.
    pub(crate) encode: fn(is_subscribe: bool, Vec<Stream>, id: u64) -> String,
}
