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

/// The length of the header of a client's short frame: two bytes, and four for its mask.
pub(super) const FRAME_HEADER_BYTES: usize = 6;

/// The maximum number of clients that are upgraded at a time. Further clients get the status 503 with `Retry-After`.
pub const CONNECTIONS_MAX: usize = 256;

/// The maximum number of sockets that are not upgraded yet. When a further client connects, the server closes the
/// oldest of these sockets. If the operating system refuses a further socket, the server closes the older half of
/// them. A closed socket first gets the status 503, unless another response has begun there.
pub const UPGRADING_MAX: usize = 256;

/// How long a client may take from the connection to the end of its upgrade, or of its HTTP request. A client whose
/// request is incomplete after this time gets the status 408.
pub const UPGRADE_TIMEOUT: Duration = Duration::from_secs(3);

/// The maximum length of the head of a request, in bytes. A request with a longer head gets the status 431.
pub const HEAD_BYTES_MAX: usize = 16 << 10;

/// The maximum length of the body of a request, in bytes. A request with a longer body gets the status 413.
pub const BODY_BYTES_MAX: usize = 16 << 10;

/// The maximum number of bytes of a client's message, including the headers of its frames. After a longer message,
/// the server closes the connection with the code 1009. The longest request fits, even if the client divides it into
/// 65,536 equal fragments.
pub const MESSAGE_BYTES_MAX: usize = REQUEST_BYTES_MAX + 65_536 * FRAME_HEADER_BYTES;

/// The maximum number of bytes that the server keeps for a client: unsent bytes, and bytes of an incomplete message.
/// If there are more, the server cuts the client without a Close frame.
pub const WAITING_BYTES_MAX: usize = 16 << 20;

/// The maximum number of bytes that the server keeps for all clients together. If there are more, the server
/// disconnects the client with the most bytes, and repeats that until the rest fits.
pub const WAITING_BYTES_TOTAL_MAX: usize = 64 << 20;

/// The maximum number of bytes that the server reads from a client in a turn. A turn is one poll of the server's
/// future.
pub const READ_BYTES_PER_TURN_MAX: usize = 16 << 10;

/// The maximum number of bytes that the server writes to a client in a turn.
pub const WRITTEN_BYTES_PER_TURN_MAX: usize = 128 << 10;

/// The maximum number of reads from a client in a turn, and also of writes to it. A read or write may move a single
/// byte, so the limits of bytes do not suffice.
pub const CALLS_PER_TURN_MAX: usize = 16;

/// The longest time that a turn spends reading, and also the longest time that it spends writing. The remaining
/// clients have to wait for the next turn.
pub const STEP_MAX: Duration = Duration::from_millis(5);
