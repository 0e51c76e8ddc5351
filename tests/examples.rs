//! The examples of the protocol's reference: what every member of every frame is called here, and that
//! every request is made as it stands there.
//!
//! The frames are kept beside the repository, in `../shared/protocol/examples`; `tests/examples/` has, frame
//! by frame, the field that carries each member and the value that it has there.

#[path = "examples/events.rs"]
mod events;
#[path = "examples/fields.rs"]
mod fields;
#[path = "examples/reference.rs"]
mod reference;
#[path = "examples/requests.rs"]
mod requests;
