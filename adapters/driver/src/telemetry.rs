//! Reports to `tracing` and `metrics`. Without these features this module does nothing. The documentation of the
//! crate says what is reported.

#[cfg(feature = "metrics")]
use gemini_ws::Client;
use gemini_ws::{Event, Frame, Instant, LinkId, Output};

#[cfg(feature = "metrics")]
mod counted;
#[cfg(feature = "tracing")]
mod traced;

#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    #[cfg(feature = "metrics")]
    counted: counted::Counted,
    #[cfg(feature = "tracing")]
    traced: traced::Traced,
    dropped: u64,
}

#[allow(unused_variables, reason = "without a feature they are not used")]
impl Telemetry {
    #[inline]
    pub(crate) fn frame(&mut self, link: LinkId, frame: &Frame<'_>) {
        #[cfg(feature = "tracing")]
        self.traced.frame(link, frame);
    }

    /// Records an event. `link` is the link whose frame caused the event; `None` for an event without a frame.
    #[inline]
    pub(crate) fn event(&mut self, link: Option<LinkId>, event: &Event<'_>, now: Instant) {
        #[cfg(feature = "metrics")]
        self.counted.event(event, now);
        #[cfg(feature = "tracing")]
        self.traced.event(link, event);
    }

    #[inline]
    pub(crate) fn output(&mut self, output: &Output, now: Instant) {
        #[cfg(feature = "metrics")]
        self.counted.output(output, now);
        #[cfg(feature = "tracing")]
        self.traced.output(output);
    }

    #[inline]
    pub(crate) fn dropped(&mut self, dropped: u64, now: Instant) {
        let more = dropped.saturating_sub(std::mem::replace(&mut self.dropped, dropped));
        #[cfg(feature = "metrics")]
        self.counted.dropped(more);
        #[cfg(feature = "tracing")]
        self.traced.dropped(more, now);
    }

    /// Records the end of a turn. `waiting` is the number of events in the application's queue.
    #[cfg(feature = "metrics")]
    pub(crate) fn turn(&mut self, client: &Client, waiting: usize) {
        self.counted.turn(client, waiting);
    }
}
