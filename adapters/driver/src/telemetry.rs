//! What happens, told to `tracing` and counted for `metrics`; without these features there is nothing here.
//!
//! | `tracing` level | events |
//! |---|---|
//! | `info` | links that open, are live, or end at our wish; the end of all |
//! | `warn` | links that are lost or could not be opened, gaps, silent and refused streams, overflows |
//! | `debug` | dials, frames that could not be decoded or were not used, by reason and size |
//! | `trace` | frames in and out, with their text |
//!
//! Everything about a link is within a span `link` with its `slot` and `epoch`.

#[cfg(feature = "metrics")]
use gemini_ws::Client;
use gemini_ws::{Event, Frame, Instant, LinkId, Output};

#[cfg(feature = "metrics")]
mod counted;
#[cfg(feature = "tracing")]
mod traced;

/// All that watches a driver.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    #[cfg(feature = "metrics")]
    counted: counted::Counted,
    #[cfg(feature = "tracing")]
    traced: traced::Traced,
}

#[allow(unused_variables, reason = "without a feature nobody looks")]
impl Telemetry {
    /// A frame came over a link.
    #[inline]
    pub(crate) fn frame(&mut self, link: LinkId, frame: &Frame<'_>) {
        #[cfg(feature = "tracing")]
        self.traced.frame(link, frame);
    }

    /// The client told something, either as the event of a frame or as an output.
    #[inline]
    pub(crate) fn event(&mut self, link: Option<LinkId>, event: &Event<'_>, now: Instant) {
        #[cfg(feature = "metrics")]
        self.counted.event(event, now);
        #[cfg(feature = "tracing")]
        self.traced.event(link, event);
    }

    /// The client wants something done.
    #[inline]
    pub(crate) fn output(&mut self, output: &Output, now: Instant) {
        #[cfg(feature = "metrics")]
        self.counted.output(output, now);
        #[cfg(feature = "tracing")]
        self.traced.output(output);
    }

    /// A turn is over; so many events wait to be taken.
    #[cfg(feature = "metrics")]
    pub(crate) fn turn(&mut self, client: &Client, waiting: usize) {
        self.counted.turn(client, waiting);
    }
}
