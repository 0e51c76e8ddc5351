//! [`Private`]: the part of a session that only authenticated sessions use.

use std::collections::BTreeSet;

use gemini_ws::Instant;

use super::tally::Tally;
use crate::frame::order_events_v1::OrderEventFeed;
use crate::frame::private::PrivateStream;

#[derive(Clone, Debug, Default)]
pub(crate) struct Private {
    serial: u64,
    cancels_on_disconnect: bool,
    streams: BTreeSet<PrivateStream>,
    /// When the frames of the periodic streams are sent next; `None` if the session has no periodic stream.
    next_report: Option<Instant>,
    feed: Option<OrderEventFeed>,
    /// How many orders the session has placed in the present window of ten seconds, and on the present day.
    orders: [Tally; 2],
}

impl Private {
    pub(crate) fn new(serial: u64, cancels_on_disconnect: bool, feed: Option<OrderEventFeed>) -> Private {
        Private { serial, cancels_on_disconnect, feed, ..Private::default() }
    }

    pub(crate) const fn serial(&self) -> u64 {
        self.serial
    }

    pub(crate) const fn cancels_on_disconnect(&self) -> bool {
        self.cancels_on_disconnect
    }

    pub(crate) fn streams(&self) -> impl Iterator<Item = PrivateStream> + '_ {
        self.streams.iter().copied()
    }

    pub(crate) fn has(&self, stream: PrivateStream) -> bool {
        self.streams.contains(&stream)
    }

    pub(crate) fn join(&mut self, stream: PrivateStream) -> bool {
        self.streams.insert(stream)
    }

    /// Removes a stream. If no periodic stream remains, returns the time of the next report, which the caller removes
    /// from the schedule.
    pub(crate) fn leave(&mut self, stream: PrivateStream) -> Option<Instant> {
        self.streams.remove(&stream);
        if self.streams().any(PrivateStream::is_periodic) { None } else { self.next_report.take() }
    }

    pub(crate) const fn next_report(&self) -> Option<Instant> {
        self.next_report
    }

    pub(crate) const fn plan_report(&mut self, at: Instant) {
        self.next_report = Some(at);
    }

    pub(crate) const fn feed(&self) -> Option<&OrderEventFeed> {
        self.feed.as_ref()
    }

    pub(crate) const fn feed_mut(&mut self) -> Option<&mut OrderEventFeed> {
        self.feed.as_mut()
    }

    pub(crate) const fn orders(&self) -> &[Tally; 2] {
        &self.orders
    }

    pub(crate) const fn orders_mut(&mut self) -> &mut [Tally; 2] {
        &mut self.orders
    }
}
