//! [`SessionId`]: the name of a connection to the exchange.

/// A connection to the exchange, named by whoever carries it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionId(pub u64);
