//! Inputs: what happened to transports, and the passing of time.

use crate::client::{Client, ClientState};
use crate::event::reason::{ConnectFailure, Lost};
use crate::event::source::Source;
use crate::event::{Event, Ignored, IgnoredReason};
use crate::link::context::Context;
use crate::link::frame::Frame;
use crate::link::output::Output;
use crate::value::id::LinkId;
use crate::value::time::Instant;
use crate::wire::Scratch;

impl Client {
    /// Reports that the dial for this link succeeded. If the client no longer waits for this dial, an
    /// [`Output::Abort`] follows.
    pub fn handle_connected(&mut self, link: LinkId, now: Instant) {
        self.advance(now);
        if self.with_link(link.slot(), |it, cx| it.handle_connected(cx, link)).is_none() {
            self.ended.count_stale_input();
            self.outputs.push(Output::Abort(link));
        }
        self.pump();
    }

    /// Reports that the dial for this link begins only now, because something on this machine delayed it, for example
    /// a signer. [`Config::connect_timeout`](crate::Config::connect_timeout) limits the time before this call, and
    /// starts again with this call. A second call for the same dial has no effect. A driver that dials at once does
    /// not call this method.
    ///
    /// ```
    /// use core::time::Duration;
    /// use gemini_ws::{Client, Config, Instant, Output, PRODUCTION};
    ///
    /// let mut client = Client::single(Config::new(PRODUCTION).connect_timeout(Duration::from_secs(10)));
    /// client.open(Instant::ZERO)?;
    /// let Some(Output::Connect(link)) = client.poll_output() else { panic!() };
    /// client.handle_dial_started(link, Instant::from_secs(4));
    /// assert_eq!(client.deadline().unwrap().at, Instant::from_secs(14));
    /// # Ok::<(), gemini_ws::CommandError>(())
    /// ```
    pub fn handle_dial_started(&mut self, link: LinkId, now: Instant) {
        self.advance(now);
        if self.with_link(link.slot(), |it, cx| it.handle_dial_started(cx, link)).is_none() {
            self.ended.count_stale_input();
        }
        self.pump();
    }

    /// Reports that the dial for this link failed.
    pub fn handle_connect_failed(&mut self, link: LinkId, now: Instant, reason: ConnectFailure) {
        self.advance(now);
        if self.with_link(link.slot(), |it, cx| it.handle_connect_failed(cx, link, reason)).is_none() {
            self.ended.count_stale_input();
        }
        self.pump();
    }

    /// Reports how the dial for this link ended. Calls [`handle_connected`](Client::handle_connected) or
    /// [`handle_connect_failed`](Client::handle_connect_failed), for drivers that have a `Result`.
    ///
    /// ```
    /// use gemini_ws::{Client, Config, ConnectFailure, Event, Instant, Output, PRODUCTION};
    ///
    /// let mut client = Client::single(Config::new(PRODUCTION));
    /// client.open(Instant::ZERO)?;
    /// let Some(Output::Connect(link)) = client.poll_output() else { panic!() };
    /// client.handle_dial(link, Instant::ZERO, Err(ConnectFailure::Refused));
    /// let Some(Output::Event(Event::ConnectFailed { reason, .. })) = client.poll_output() else { panic!() };
    /// assert_eq!(reason, ConnectFailure::Refused);
    /// # Ok::<(), gemini_ws::CommandError>(())
    /// ```
    pub fn handle_dial(&mut self, link: LinkId, now: Instant, result: Result<(), ConnectFailure>) {
        match result {
            Ok(()) => self.handle_connected(link, now),
            Err(reason) => self.handle_connect_failed(link, now, reason),
        }
    }

    /// Takes a frame that came over this link, and returns the event of the frame, if there is one. The event borrows
    /// from the frame and the scratch only, so the application may issue commands while it holds the event. The event
    /// is newer than all outputs that were waiting before this call ([contract](Client#the-contract-of-a-driver)).
    ///
    /// Further events that a frame causes are among the outputs. Returns `None` for
    ///
    /// - a ping or pong,
    /// - a Close frame that answers the client's, or comes over a link that is not open,
    /// - a reply to a probe, a `subscribe` or an `unsubscribe`, unless this reply rejects a stream. If such a reply
    ///   comes after [`Config::request_timeout`](crate::Config::request_timeout) and changes nothing, this method
    ///   returns an [`Event::Ignored`].
    #[inline]
    pub fn handle_frame<'f>(
        &mut self,
        link: LinkId,
        now: Instant,
        frame: Frame<'f>,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        self.advance(now);
        let slot = link.slot();
        // Does what `with_link` does, without copying the event, which is large.
        let Client { slots, endpoints, outputs, placed, numbers, now, .. } = self;
        let Some(entry) = slots.get_mut(slot) else { return self.ignore_frame(link, frame) };
        let host = entry.host();
        let Some(known) = entry.link_mut() else { return self.ignore_frame(link, frame) };
        if let Frame::Ping(_) | Frame::Pong(_) = frame {
            // Takes a short path, because a peer may send a flood of pings and pongs.
            known.handle_sign_of_life(link, *now);
            return None;
        }
        let limits = endpoints.limits(host)?;
        let mut cx = Context::new(*now, outputs, limits, placed, numbers);
        let event = known.handle_frame(&mut cx, link, frame, scratch);
        if cx.is_touched() {
            slots.touch(slot);
            if endpoints.take_news(host) {
                slots.touch_host(host);
            }
            self.pump();
        }
        event
    }

    /// Handles a frame over a link whose slot no longer holds a link.
    #[cold]
    fn ignore_frame<'f>(&mut self, link: LinkId, frame: Frame<'f>) -> Option<Event<'f>> {
        self.ended.count_stale_input();
        let (text, bytes) = match frame {
            Frame::Text(text) => (text, text.len()),
            Frame::Binary(bytes) => ("", bytes.len()),
            Frame::Ping(_) | Frame::Pong(_) | Frame::Close { .. } => {
                self.ended.count_control_frame();
                return None;
            }
        };
        self.ended.count_frame(bytes);
        self.ended.count_ignored(IgnoredReason::EndedLink);
        let endpoint = self.slots.get(link.slot()).and_then(|slot| self.endpoints.get(slot.endpoint()));
        let endpoint = endpoint.map(|endpoint| endpoint.config().endpoint());
        let source = Source::live(link, endpoint.unwrap_or_default(), self.now, text);
        Some(Event::Ignored(Ignored { reason: IgnoredReason::EndedLink }, source))
    }

    /// Reports that the transport of this link ended. If the dial for the link has not ended, the report counts as a
    /// failed dial ([`ConnectFailure::Transport`]). After [`Output::Abort`], or after a Close frame of the peer, the
    /// client ignores the report.
    pub fn handle_lost(&mut self, link: LinkId, now: Instant, reason: Lost) {
        self.advance(now);
        if self.with_link(link.slot(), |it, cx| it.handle_lost(cx, link, reason)).is_none() {
            self.ended.count_stale_input();
        }
        self.pump();
    }

    /// Acts on the time that has passed. Call this method at the [`deadline`](Client::deadline). An earlier call does
    /// nothing. A late call fires each due timer exactly once, however late the call is. The new deadline is later
    /// than `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        if let ClientState::ShuttingDown(shutdown) = &mut self.state {
            shutdown.expire(self.now);
        }
        self.expire_links();
        self.pump();
        self.advance_shutdown();
        // If the last step of a shutdown has just begun, its deadline may already be over.
        self.expire_links();
        self.pump();
    }

    fn expire_links(&mut self) {
        for slot in self.slots.due_by(self.now) {
            self.with_link(slot, |link, cx| link.handle_timeout(cx));
            self.pump_link(slot);
        }
    }

    /// Reports that the machine has slept or that the network has changed. The client probes each open link
    /// immediately. At an archived endpoint, the client sends nothing and only waits for a frame. If no frame comes
    /// within [`silence_max`](crate::Config::silence_max) minus [`probe_after`](crate::Config::probe_after), the
    /// client drops the link. The call has no effect on a link that is not open, or that the client is already
    /// probing: the time for the reply does not begin again.
    pub fn handle_resumed(&mut self, now: Instant) {
        self.advance(now);
        for slot in 0..self.slots.count() {
            self.with_link(slot, |link, cx| link.handle_resumed(cx));
            self.pump_link(slot);
        }
        self.pump();
    }
}
