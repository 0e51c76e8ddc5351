//! [`Output`]: what the driver has to do, and the queue of outputs.

use alloc::collections::VecDeque;
use alloc::string::String;

use crate::event::Event;
use crate::value::id::LinkId;

/// How many outputs may wait before the client refuses the commands that return a `Result`.
pub const OUTPUT_MAX: usize = 16_384;

/// An action that the driver has to perform.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant, reason = "outputs are few: frames of data cause none")]
pub enum Output {
    /// Dial the address that `connect_request` returns for this link, then call `handle_connected` or
    /// `handle_connect_failed`. If the dial must wait for something on this machine, call `handle_dial_started` when
    /// the dial begins.
    Connect(LinkId),
    /// Send a text message.
    Send {
        /// The link.
        link: LinkId,
        /// The message, to be moved into the WebSocket frame.
        text: String,
    },
    /// Send a Close frame, keep reading until the transport ends, then call `handle_lost`.
    Close {
        /// The link.
        link: LinkId,
        /// The status code of the Close frame.
        code: u16,
        /// The reason that the Close frame states as text; may be empty.
        reason: &'static str,
    },
    /// Drop the transport, or the attempt to make one, immediately and without a closing handshake.
    Abort(LinkId),
    /// Pass an event to the application. All events come this way, except those that `handle_frame` returns.
    Event(Event<'static>),
}

/// The queue of outputs, oldest first. The number of an output is how many outputs were queued before it.
#[derive(Clone, Debug)]
pub(crate) struct Outputs {
    /// `None` stands for an output that was withdrawn.
    queue: VecDeque<Option<Output>>,
    /// How many outputs have left the queue. This is also the number of the first output in it.
    left: u64,
}

impl Outputs {
    pub(crate) const fn new() -> Outputs {
        Outputs { queue: VecDeque::new(), left: 0 }
    }

    pub(crate) fn push(&mut self, output: Output) -> u64 {
        let number = self.left.saturating_add(self.queue.len() as u64);
        self.queue.push_back(Some(output));
        number
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        loop {
            let output = self.queue.pop_front()?;
            self.left = self.left.saturating_add(1);
            if output.is_some() {
                return output;
            }
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.queue.len() >= OUTPUT_MAX
    }

    pub(crate) const fn was_handed_out(&self, number: u64) -> bool {
        number < self.left
    }

    pub(crate) fn withdraw(&mut self, number: u64) {
        let place = number.checked_sub(self.left).and_then(|place| usize::try_from(place).ok());
        if let Some(entry) = place.and_then(|place| self.queue.get_mut(place)) {
            *entry = None;
        }
    }
}
