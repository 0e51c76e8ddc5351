//! Values that all other folders of the crate use: decimals, symbols, times, ids.

pub(crate) mod address;
pub(crate) mod decimal;
pub(crate) mod digits;
pub(crate) mod endpoint;
pub(crate) mod id;
pub(crate) mod inline;
pub(crate) mod print;
pub(crate) mod sequence;
#[cfg(feature = "serde")]
pub(crate) mod serde_text;
pub(crate) mod side;
pub(crate) mod snapshot;
pub(crate) mod symbol;
pub(crate) mod symbol_map;
pub(crate) mod time;
