//! [`Dialect`]: which requests an endpoint of one generation of the API accepts, which of them it replies to, and how
//! stream requests are encoded.

use alloc::string::String;
use alloc::vec::Vec;

use crate::request::stream::Stream;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialect {
    /// Whether the endpoint accepts other requests than `subscribe` and `unsubscribe`, and replies to a `ping`.
    pub(crate) takes_requests: bool,
    /// Whether the endpoint replies to each `subscribe` and `unsubscribe`.
    pub(crate) acknowledges: bool,
    pub(crate) encode: fn(is_subscribe: bool, Vec<Stream>, id: u64) -> String,
}
