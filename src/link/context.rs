//! [`Context`]: what the client passes to a link for one call.

use alloc::string::String;

use crate::event::Event;
use crate::link::limits::Limits;
use crate::link::output::{Output, Outputs};
use crate::link::placed::Placed;
use crate::value::id::{LinkId, StreamId};
use crate::value::time::Instant;

#[derive(Debug)]
pub(crate) struct Context<'c> {
    now: Instant,
    outputs: &'c mut Outputs,
    limits: &'c mut Limits,
    placed: &'c mut Placed,
    numbers: &'c mut Numbers,
    is_touched: bool,
}

impl<'c> Context<'c> {
    pub(crate) const fn new(
        now: Instant,
        outputs: &'c mut Outputs,
        limits: &'c mut Limits,
        placed: &'c mut Placed,
        numbers: &'c mut Numbers,
    ) -> Context<'c> {
        Context { now, outputs, limits, placed, numbers, is_touched: true }
    }

    #[inline]
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    pub(super) const fn limits(&mut self) -> &mut Limits {
        self.limits
    }

    #[inline]
    pub(super) const fn placed(&mut self) -> &mut Placed {
        self.placed
    }

    pub(super) fn push(&mut self, output: Output) {
        self.outputs.push(output);
    }

    pub(super) fn report(&mut self, event: Event<'static>) {
        self.outputs.push(Output::Event(event));
    }

    pub(super) fn send(&mut self, link: LinkId, text: String) -> u64 {
        self.outputs.push(Output::Send { link, text })
    }

    pub(super) const fn was_handed_out(&self, output: u64) -> bool {
        self.outputs.was_handed_out(output)
    }

    pub(super) fn withdraw(&mut self, output: u64) {
        self.outputs.withdraw(output);
    }

    /// Returns the id of the next request without using it up.
    pub(super) const fn next_request_id(&self) -> u64 {
        self.numbers.peek_request()
    }

    pub(super) const fn numbers(&mut self) -> &mut Numbers {
        self.numbers
    }

    /// Declares that this call leaves nothing for `Client::pump` to do on the link.
    #[inline]
    pub(crate) const fn leave_untouched(&mut self) {
        self.is_touched = false;
    }

    #[inline]
    pub(crate) const fn is_touched(&self) -> bool {
        self.is_touched
    }
}

/// The source of the numbers in the ids of requests and of subscriptions. All links of a client share one source, so
/// no two requests and no two subscriptions have the same number.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    request: u64,
    subscription: u64,
}

impl Numbers {
    pub(crate) const fn new() -> Numbers {
        Numbers { request: 1, subscription: 1 }
    }

    const fn peek_request(&self) -> u64 {
        self.request
    }

    pub(super) const fn next_request(&mut self) -> u64 {
        let number = self.request;
        self.request = number.wrapping_add(1);
        number
    }

    /// Returns the id that the next subscription gets if `Subscriptions` stores it at `place`.
    pub(super) const fn peek_stream(&self, link: LinkId, place: usize) -> StreamId {
        StreamId::new(self.subscription, link.short_slot(), place)
    }

    /// Call this when a subscriber has the id that [`peek_stream`](Numbers::peek_stream) returned.
    pub(super) const fn take_stream(&mut self) {
        self.subscription = self.subscription.wrapping_add(1);
    }
}
