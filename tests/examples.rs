//! Tests the examples of the protocol's reference: which field of this crate carries each member of each frame, and
//! that each request is encoded as in the reference.
//!
//! The frames are kept beside the repository, in `../shared/protocol/examples`. `tests/examples/` lists for each
//! frame the field that carries each member, and its value.

#[path = "examples/events.rs"]
mod events;
#[path = "examples/fields.rs"]
mod fields;
#[path = "examples/reference.rs"]
mod reference;
#[path = "examples/requests.rs"]
mod requests;
