//! [`SessionId`]: the id of a connection to the exchange.

/// The id of a connection to the exchange. The caller chooses it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(pub u64);
