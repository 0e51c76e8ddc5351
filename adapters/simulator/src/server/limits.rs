//! The limits of a server, for each client and for all of them together.
//!
//! ```
//! use gemini_ws_simulator::server::limits::{CONNECTIONS_MAX, WAITING_BYTES_MAX, WAITING_BYTES_TOTAL_MAX};
//!
//! // Memory does not grow with the number of clients.
//! assert!(WAITING_BYTES_TOTAL_MAX < CONNECTIONS_MAX * WAITING_BYTES_MAX);
//! ```

use std::time::Duration;

use crate::frame::request::REQUEST_BYTES_MAX;

/// The bytes of the header of a short frame of a client: two, and its mask.
pub(super) const FRAME_HEADER_BYTES: usize = 6;

/// The most clients that are upgraded at a time. More are answered with the status 503 and `Retry-After`.
pub const CONNECTIONS_MAX: usize = 256;

/// The most sockets that have not been upgraded yet. When one more connects, the oldest of them gives its place up
/// and is answered with the status 503. Half of them do when no socket can be accepted, for example because there
/// are no more file descriptors.
pub const UPGRADING_MAX: usize = 256;

/// How long a client may take from the connection to the end of its upgrade, or of its request. Afterwards it is answered with the
/// status 408.
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest request for an upgrade, in bytes. A longer one is answered with the status 431.
pub const HEAD_BYTES_MAX: usize = 16 << 10;

/// The longest body of a request, in bytes. A longer one is answered with the status 413.
pub const BODY_BYTES_MAX: usize = 16 << 10;

/// The most bytes that a message of a client may take on the wire, headers included. They are enough for the longest
/// request in 65,536 fragments. A longer message ends the connection with the code 1009.
pub const MESSAGE_BYTES_MAX: usize = REQUEST_BYTES_MAX + 65_536 * FRAME_HEADER_BYTES;

/// The most bytes that the server keeps for a client: those that wait to be written to it, and those of a message that
/// is not whole yet. The server cuts a client with more.
pub const WAITING_BYTES_MAX: usize = 16 << 20;

/// The most bytes that the server keeps for all clients together. While there are more, it cuts the client with the
/// most.
pub const WAITING_BYTES_TOTAL_MAX: usize = 64 << 20;

/// The most bytes that are read from a client in a turn of the server.
pub const READ_BYTES_PER_TURN_MAX: usize = 16 << 10;

/// The most bytes that are written to a client in a turn of the server.
pub const WRITTEN_BYTES_PER_TURN_MAX: usize = 128 << 10;

/// The most reads from a client in a turn of the server, and the most writes; each may move a single byte.
pub const CALLS_PER_TURN_MAX: usize = 16;

/// How long a turn reads, and how long it writes, before it leaves the other clients to the next turn.
pub const STEP_MAX: Duration = Duration::from_millis(5);
