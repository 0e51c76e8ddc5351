//! JSON text, read in place: the cursor, strings, numbers, and the errors.

pub(crate) mod cursor;
pub(crate) mod error;
