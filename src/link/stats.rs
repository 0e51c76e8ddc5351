//! [`Stats`]: the counters of a client.

use crate::event::{Event, IgnoredReason};

/// The counters of a client. Every text or binary frame counts in `frames`. Each of these frames also counts in
/// exactly one of `data`, `control`, `gaps`, `malformed`, `unrecognized` and the `ignored_*` counters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stats {
    /// The number of text and binary frames.
    pub frames: u64,
    /// The bytes of all text and binary frames.
    pub bytes: u64,
    /// Frames whose data was delivered.
    pub data: u64,
    /// Responses to requests; on archived endpoints also heartbeats, confirmations and errors.
    pub control: u64,
    /// Frames that showed a missing update. There are two exceptions. A list of events of order events v1 counts in
    /// `data`, even if it shows a missing event. A malformed frame counts in `malformed`.
    pub gaps: u64,
    /// Frames that could not be decoded.
    pub malformed: u64,
    /// List elements that could not be decoded, in frames that count in `data`. Each of these elements comes as an
    /// [`Event::Malformed`] among the [parts](Event::parts) of an [`Event::Batch`].
    pub malformed_elements: u64,
    /// Frames of an unknown kind.
    pub unrecognized: u64,
    /// Updates whose changes the book already has.
    pub ignored_stale: u64,
    /// Updates of a book that waits for a snapshot; on market data v1 also data after a lost frame.
    pub ignored_before_snapshot: u64,
    /// Data of streams that are not subscribed.
    pub ignored_not_subscribed: u64,
    /// Responses whose id belongs to no waiting request, and late refusals of stream requests that change nothing.
    pub ignored_unknown_response: u64,
    /// Frames of links that have ended or are not open yet.
    pub ignored_ended_link: u64,
    /// Pings, pongs and Close frames.
    pub control_frames: u64,
    /// How often a book that had been current became current again with a new snapshot over the same link.
    pub resyncs: u64,
    /// How often a link opened.
    pub connects: u64,
    /// How often a link opened in place of an earlier link that had been open.
    pub reconnects: u64,
    /// Attempts to connect that failed, or that the client abandoned to close the link.
    pub connect_failures: u64,
    /// Inputs about links that have ended, and inputs that the present state of the link ignores.
    pub stale_inputs: u64,
}

impl Stats {
    pub(crate) fn add(&mut self, other: &Stats) {
        let Stats {
            frames,
            bytes,
            data,
            control,
            gaps,
            malformed,
            malformed_elements,
            unrecognized,
            ignored_stale,
            ignored_before_snapshot,
            ignored_not_subscribed,
            ignored_unknown_response,
            ignored_ended_link,
            control_frames,
            resyncs,
            connects,
            reconnects,
            connect_failures,
            stale_inputs,
        } = other;
        for (counter, more) in [
            (&mut self.frames, frames),
            (&mut self.bytes, bytes),
            (&mut self.data, data),
            (&mut self.control, control),
            (&mut self.gaps, gaps),
            (&mut self.malformed, malformed),
            (&mut self.malformed_elements, malformed_elements),
            (&mut self.unrecognized, unrecognized),
            (&mut self.ignored_stale, ignored_stale),
            (&mut self.ignored_before_snapshot, ignored_before_snapshot),
            (&mut self.ignored_not_subscribed, ignored_not_subscribed),
            (&mut self.ignored_unknown_response, ignored_unknown_response),
            (&mut self.ignored_ended_link, ignored_ended_link),
            (&mut self.control_frames, control_frames),
            (&mut self.resyncs, resyncs),
            (&mut self.connects, connects),
            (&mut self.reconnects, reconnects),
            (&mut self.connect_failures, connect_failures),
            (&mut self.stale_inputs, stale_inputs),
        ] {
            *counter = counter.saturating_add(*more);
        }
    }

    #[inline]
    pub(crate) const fn count_frame(&mut self, bytes: usize) {
        self.frames = self.frames.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    #[inline]
    pub(crate) const fn count_control_frame(&mut self) {
        self.control_frames = self.control_frames.saturating_add(1);
    }

    pub(crate) const fn count_stale_input(&mut self) {
        self.stale_inputs = self.stale_inputs.saturating_add(1);
    }

    pub(super) fn count_connect(&mut self, again: bool) {
        self.connects = self.connects.saturating_add(1);
        self.reconnects = self.reconnects.saturating_add(u64::from(again));
    }

    pub(super) const fn count_connect_failure(&mut self) {
        self.connect_failures = self.connect_failures.saturating_add(1);
    }

    #[cold]
    #[inline(never)]
    pub(super) fn count_malformed_elements(&mut self, event: &Event<'_>) {
        let malformed = event.parts().filter(|part| matches!(part, Event::Malformed(..))).count();
        self.malformed_elements = self.malformed_elements.saturating_add(malformed as u64);
    }

    #[inline]
    pub(crate) const fn count_ignored(&mut self, why: IgnoredReason) {
        let counter = match why {
            IgnoredReason::StaleUpdate => &mut self.ignored_stale,
            IgnoredReason::BeforeSnapshot => &mut self.ignored_before_snapshot,
            IgnoredReason::NotSubscribed => &mut self.ignored_not_subscribed,
            IgnoredReason::UnknownResponse => &mut self.ignored_unknown_response,
            IgnoredReason::EndedLink => &mut self.ignored_ended_link,
        };
        *counter = counter.saturating_add(1);
    }
}
