//! Reports to `tracing` and `metrics`. Without these features this module does nothing.
//!
//! | `tracing` level | events |
//! |---|---|
//! | `info` | links that open, are live, or end because the client closed them; the end of the client |
//! | `warn` | links that are lost or could not be opened, gaps, silent and refused streams; events that the queue of the application has dropped, once a second |
//! | `debug` | dials; frames that could not be decoded or were not used, with reason and size |
//! | `trace` | frames in and out, with their text |
//!
//! Everything about a link is in a span `link` with its `slot` and `epoch`.

#[cfg(feature = "metrics")]
use gemini_ws::Client;
use gemini_ws::{Event, Frame, Instant, LinkId, Output};

#[cfg(feature = "metrics")]
mod counted;
#[cfg(feature = "tracing")]
mod traced;

/// The telemetry of one driver.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    #[cfg(feature = "metrics")]
    counted: counted::Counted,
    #[cfg(feature = "tracing")]
    traced: traced::Traced,
    /// How many dropped events were recorded.
    dropped: u64,
}

#[allow(unused_variables, reason = "without a feature they are not used")]
impl Telemetry {
    /// Records a frame that came over a link.
    #[inline]
    pub(crate) fn frame(&mut self, link: LinkId, frame: &Frame<'_>) {
        #[cfg(feature = "tracing")]
        self.traced.frame(link, frame);
    }

    /// Records an event. `link` is the link of the frame for which the client returned the event; `None` for an event
    /// from the outputs.
    #[inline]
    pub(crate) fn event(&mut self, link: Option<LinkId>, event: &Event<'_>, now: Instant) {
        #[cfg(feature = "metrics")]
        self.counted.event(event, now);
        #[cfg(feature = "tracing")]
        self.traced.event(link, event);
    }

    /// Records an output of the client.
    #[inline]
    pub(crate) fn output(&mut self, output: &Output, now: Instant) {
        #[cfg(feature = "metrics")]
        self.counted.output(output, now);
        #[cfg(feature = "tracing")]
        self.traced.output(output);
    }

    /// Records how many events the queue of the application has dropped so far.
    #[inline]
    pub(crate) fn dropped(&mut self, dropped: u64, now: Instant) {
        let more = dropped.saturating_sub(std::mem::replace(&mut self.dropped, dropped));
        #[cfg(feature = "metrics")]
        self.counted.dropped(more);
        #[cfg(feature = "tracing")]
        self.traced.dropped(more, now);
    }

    /// Records the end of a turn, and the number of events in the queue of the application.
    #[cfg(feature = "metrics")]
    pub(crate) fn turn(&mut self, client: &Client, waiting: usize) {
        self.counted.turn(client, waiting);
    }
}
