//! [`SessionId`]: the id of a connection to the exchange.

/// The id of a connection to the exchange. The caller of the [`Exchange`](crate::Exchange) chooses the id.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(pub u64);
