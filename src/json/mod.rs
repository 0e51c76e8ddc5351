//! JSON text, read in place: the cursor, strings, numbers, and what can be wrong.

pub(crate) mod cursor;
pub(crate) mod error;
