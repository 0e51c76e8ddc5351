//! Tests the examples of the protocol's reference: each member of a frame is in the right field of a message, and
//! each request is encoded as in the reference.
//!
//! The frames are outside the repository, in `../shared/protocol/examples`. The files in `tests/examples/` list, for
//! each frame, the field that contains each member, and its value.

#[path = "examples/events.rs"]
mod events;
#[path = "examples/fields.rs"]
mod fields;
#[path = "examples/reference.rs"]
mod reference;
#[path = "examples/requests.rs"]
mod requests;
