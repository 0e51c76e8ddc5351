//! [`Task`]: the state of a running driver.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use event_listener::EventListener;
use gemini_ws::{
    Client, CloseReason, CommandError, Event, Frame, Instant, LinkId, Lost, Output, Scratch, ShutdownPlan,
};

use crate::delivery::Delivery;
use crate::dial::DialPolicy;
use crate::dials::{Dials, Progress};
use crate::driver::{Closed, EndedBy};
use crate::glue::frame_of;
use crate::handle::{COMMANDS_MAX, Commands, Ends, Lent, Replies, resolve};
use crate::keeper::Keeper;
use crate::patience::Patience;
use crate::runtime::{Runtime, Timer};
use crate::shutdown::Shutdown;
use crate::sleep::SleepWatch;
use crate::socket::{Socket, end};
use crate::telemetry::Telemetry;

/// The maximum number of frames that the driver reads from a socket in a turn (one poll of its future). After this
/// number, the driver continues with timers, commands and other sockets. `Sockets` has the same limit for each of its
/// turns.
pub const FRAMES_PER_TURN_MAX: usize = 256;

/// The number of bytes after which the driver stops reading from a socket in a turn. The last frame can exceed this
/// number.
pub const BYTES_PER_TURN_MAX: usize = 128 << 10;

/// The maximum number of pings that the driver reads from a socket in a turn. Each ping costs a write, and tokio
/// delays the rest of a task after 128 operations on sockets.
const PINGS_PER_TURN_MAX: usize = 16;

/// The maximum number of commands that the driver carries out in a turn. In the turn in which the driver begins to
/// end, it carries out all commands in the queue.
const COMMANDS_PER_TURN_MAX: usize = 16;

/// The maximum time for which a driver continues after the application has dropped the last handle or
/// [`Events`](crate::Events). For half of it, the driver waits for final replies to cancels.
const CANCELLING_MAX: Duration = Duration::from_secs(10);

/// The maximum time for which the driver, or `Sockets`, reads from a socket after a Close frame. Before it ends, the
/// driver also waits at most this long until the application has taken the last events.
pub(crate) const CLOSING_MAX: Duration = Duration::from_secs(1);

pub(crate) struct Task<'r, R: Runtime, D> {
    runtime: R,
    client: Client,
    policy: DialPolicy,
    takers: Takers<D>,
    /// The switch that closes the driver; `None` once the client was closed.
    shutdown: Option<Shutdown>,
    listener: Option<EventListener>,
    is_open: bool,
    timer: R::Timer,
    timer_at: Option<Instant>,
    sleep: SleepWatch,
    write_timeout: Duration,
    sockets: Vec<Option<Socket<R::Io>>>,
    /// Sockets after a Close frame or a breach, with the time until which the driver reads from them.
    closing: Vec<(Socket<R::Io>, Instant)>,
    dials: Dials<'r, R>,
    scratch: Scratch,
    /// What caused the end. [`EndedBy::Client`] until the application drops all handles or its events.
    ended_by: EndedBy,
    /// After the client has closed: the reason, and the time until which the application can take the last events.
    closed: Option<(CloseReason, Instant)>,
}

/// The receivers of each event, and the queue of commands. Dropping them has this order, so that another thread finds
/// stale books and ended tickets when its call returns or its events end:
///
/// - All books become stale, and all tickets end.
/// - The calls that wait in the queue or for replies return, and [`Events`](crate::Events) ends.
/// - The keeper reports the end of the driver.
struct Takers<D> {
    telemetry: Telemetry,
    commands: Commands,
    replies: Replies,
    delivery: D,
    keeper: Keeper,
}

impl<D> Drop for Takers<D> {
    fn drop(&mut self) {
        self.keeper.end_readers();
    }
}

impl<D: Delivery> Takers<D> {
    #[inline]
    fn take(&mut self, client: &mut Client, link: Option<LinkId>, event: &Event<'_>, now: Instant) {
        self.telemetry.event(link, event, now);
        self.keeper.take(event, now);
        resolve(&mut self.replies, event);
        // Send cancels before the application gets the event, because it may close the client then.
        self.keeper.tickets.send_new_cancels(client, now);
        self.delivery.deliver(client, now, event);
        self.keeper.note_end(client);
    }

    #[allow(unused_variables, reason = "without a feature they are not used")]
    fn report_turn(&mut self, client: &Client, now: Instant) {
        self.telemetry.dropped(self.delivery.dropped(), now);
        #[cfg(feature = "metrics")]
        self.telemetry.turn(client, self.delivery.undelivered());
    }
}

enum Read {
    /// A frame whose message has `bytes` bytes.
    Frame { bytes: usize, is_ping: bool },
    /// Nothing more can be read now.
    Nothing,
}

impl<'r, R: Runtime + 'r, D: Delivery> Task<'r, R, D> {
    pub(crate) fn new(
        runtime: R,
        (client, Ends { commands, close, keeper }): (Client, Ends),
        policy: DialPolicy,
        write_timeout: Duration,
        delivery: D,
    ) -> Task<'r, R, D> {
        let clock = runtime.timer();
        keeper.start(Box::new(move || (clock.now(), clock.time_of_day())));
        Task {
            timer: runtime.timer(),
            dials: Dials::new(runtime.clone()),
            runtime,
            client,
            policy,
            takers: Takers {
                telemetry: Telemetry::default(),
                commands,
                replies: Vec::new(),
                delivery,
                keeper,
            },
            shutdown: Some(close),
            listener: None,
            is_open: false,
            timer_at: None,
            sleep: SleepWatch::default(),
            write_timeout,
            sockets: Vec::new(),
            closing: Vec::new(),
            scratch: Scratch::new(),
            ended_by: EndedBy::Client,
            closed: None,
        }
    }

    /// Takes one turn, which is one poll of the driver's future. Shutdown, timer and commands come first, so that
    /// many frames cannot delay them.
    pub(crate) fn turn(&mut self, context: &mut Context<'_>) -> Poll<Closed> {
        let now = self.timer.now();
        self.open(now, context);
        self.look_for_sleep(now);
        self.poll_shutdown(now, context);
        if self.takers.delivery.poll_consumer(&mut self.client, now, context).is_err() {
            self.close(now, EndedBy::EventsDropped, context);
        }
        if self.client.deadline().is_some_and(|deadline| deadline.at <= now) {
            self.client.handle_timeout(now);
        }
        self.takers.delivery.handle_timeout(&mut self.client, now);
        self.takers.keeper.note_end(&self.client);
        self.take_commands(COMMANDS_PER_TURN_MAX, now, context);
        self.perform(now);
        self.poll_dials(now, context);
        let mut more = self.read(now, context);
        self.perform(now);
        self.takers.keeper.finish_turn(&mut self.client, now);
        self.perform(now);
        more |= self.takers.keeper.publish();
        self.write(now, context);
        self.poll_closing(now, context);
        self.look_for_end(now);
        self.takers.report_turn(&self.client, now);
        if let (Some((reason, until)), true) = (self.closed, self.closing.is_empty()) {
            let taken = self.takers.delivery.poll_taken(context).is_ready();
            if taken || now >= until {
                let undelivered = self.takers.delivery.undelivered();
                let closed = Closed { reason, ended_by: self.ended_by, undelivered };
                self.takers.keeper.end(closed);
                return Poll::Ready(closed);
            }
        }
        if more || self.dials.has_new() {
            context.waker().wake_by_ref();
        }
        self.set_timer(context);
        Poll::Pending
    }

    fn look_for_sleep(&mut self, now: Instant) {
        let has_slept = self.sleep.has_slept(now, || self.timer.time_of_day());
        if has_slept {
            self.client.handle_resumed(now);
        }
        if let Some(look) = self.sleep.look_at(now) {
            self.takers.keeper.note_look(look, has_slept);
        }
    }

    fn open(&mut self, now: Instant, context: &mut Context<'_>) {
        if self.is_open {
            return;
        }
        // The client refuses while too many outputs wait. This turn carries them out, so the next turn tries again.
        // After any other error, the client is already open or closed.
        self.is_open = !matches!(self.client.open(now), Err(CommandError::TooMany(_)));
        if !self.is_open {
            context.waker().wake_by_ref();
        }
    }

    /// If the client has closed and the driver has not seen [`Event::Closed`], begins the end of the driver. This can
    /// happen if the application has taken the event with [`Client::poll_output`].
    fn look_for_end(&mut self, now: Instant) {
        if let (None, Some(reason)) = (self.closed, self.client.close_reason()) {
            self.begin_end(reason, now);
        }
    }

    /// Drops sockets and dials, and lets the application take the last events.
    fn begin_end(&mut self, reason: CloseReason, now: Instant) {
        self.closed = Some((reason, now + CLOSING_MAX));
        self.sockets.clear();
        self.dials.clear();
    }

    fn poll_shutdown(&mut self, now: Instant, context: &mut Context<'_>) {
        while let Some(shutdown) = &self.shutdown {
            if shutdown.is_triggered() {
                self.close(now, EndedBy::Client, context);
                return;
            }
            match &mut self.listener {
                None => self.listener = Some(shutdown.listen()),
                Some(listener) => match Pin::new(listener).poll(context) {
                    Poll::Ready(()) => self.listener = None,
                    Poll::Pending => return,
                },
            }
        }
    }

    /// Returns whether the driver closes, or a shutdown has begun or is postponed.
    fn is_ending(&self) -> bool {
        self.client.is_shutting_down() || self.takers.keeper.is_ending()
    }

    /// Takes all commands in the queue, and then closes the client, unless it is closed already. Of the commands, the
    /// driver accepts cancels of tickets, and refuses new orders and requests. If `by` is not [`EndedBy::Client`], a
    /// shutdown can replace the close:
    ///
    /// - If a shutdown has begun, or is among these commands, the driver completes the shutdown.
    /// - If cancels have no final reply, the driver begins a shutdown that waits for the replies.
    fn close(&mut self, now: Instant, by: EndedBy, context: &mut Context<'_>) {
        // A shutdown has its own deadline. Only the trigger of `Shutdown` ends it earlier.
        if by != EndedBy::Client && self.is_ending() {
            return;
        }
        self.takers.keeper.refuse_commands();
        self.take_commands(COMMANDS_MAX, now, context);
        if by != EndedBy::Client && (self.client.is_shutting_down() || self.takers.keeper.is_postponed()) {
            return;
        }
        if by != EndedBy::Client && self.takers.keeper.tickets.are_cancelling() {
            self.ended_by = by;
            let plan = ShutdownPlan::by(now + CANCELLING_MAX);
            return self.takers.keeper.shut_down(&mut self.client, now, plan);
        }
        if self.shutdown.take().is_some() {
            self.listener = None;
            self.ended_by = by;
            self.client.close(now);
        }
    }

    /// Returns the entry of `sockets` for a link; `None` if the slot is empty or has the socket of another link.
    fn socket_of(&mut self, link: LinkId) -> Option<&mut Option<Socket<R::Io>>> {
        let place = self.sockets.get_mut(link.slot())?;
        place.as_ref().is_some_and(|socket| socket.link == link).then_some(place)
    }

    fn take_commands(&mut self, mut most: usize, now: Instant, context: &mut Context<'_>) {
        while most > 0 {
            match self.takers.commands.poll_next(context) {
                Poll::Ready(Some(command)) => {
                    let Takers { keeper, replies, .. } = &mut self.takers;
                    let was_ending = keeper.is_ending();
                    command.carry_out(Lent { client: &mut self.client, keeper, replies, now });
                    // If this command begins the end, take the whole queue: it may contain cancels that were accepted
                    // before.
                    most = if keeper.is_ending() && !was_ending { COMMANDS_MAX } else { most - 1 };
                    self.perform(now);
                }
                Poll::Ready(None) => {
                    // The last handle was dropped.
                    self.close(now, EndedBy::HandlesDropped, context);
                    return;
                }
                Poll::Pending => return,
            }
        }
        context.waker().wake_by_ref();
    }

    fn poll_dials(&mut self, now: Instant, context: &mut Context<'_>) {
        for (link, progress) in self.dials.poll(context) {
            let ended = match progress {
                Progress::Started => {
                    self.client.handle_dial_started(link, now);
                    continue;
                }
                Progress::Ended(ended) => *ended,
            };
            match ended {
                Ok(stream) => {
                    let places = self.sockets.len().max(link.slot() + 1);
                    self.sockets.resize_with(places, || None);
                    if let Some(place) = self.sockets.get_mut(link.slot()) {
                        *place = Some(Socket::new(link, stream));
                    }
                    self.client.handle_connected(link, now);
                }
                Err(why) => self.client.handle_connect_failed(link, now, why),
            }
        }
        self.perform(now);
    }

    /// Reads frames from each socket, within the limits of a turn. Returns whether a socket may have more frames.
    fn read(&mut self, now: Instant, context: &mut Context<'_>) -> bool {
        let mut more = false;
        for slot in 0..self.sockets.len() {
            if self.sockets.get(slot).is_some_and(Option::is_some) {
                more |= self.read_from(slot, now, context);
            }
        }
        more
    }

    fn read_from(&mut self, slot: usize, now: Instant, context: &mut Context<'_>) -> bool {
        let (mut bytes, mut pings) = (0, 0);
        for _ in 0..FRAMES_PER_TURN_MAX {
            // The steps of a shutdown wait for frames. So during a shutdown, the driver reads even if the queue is
            // full.
            if self.takers.delivery.poll_ready(context).is_pending() && !self.is_ending() {
                return false;
            }
            match self.read_one(slot, now, context) {
                Read::Frame { bytes: length, is_ping } => {
                    bytes += length;
                    pings += usize::from(is_ping);
                }
                Read::Nothing => return false,
            }
            self.perform(now);
            if bytes >= BYTES_PER_TURN_MAX || pings >= PINGS_PER_TURN_MAX {
                break;
            }
        }
        true
    }

    fn read_one(&mut self, slot: usize, now: Instant, context: &mut Context<'_>) -> Read {
        let Some(Some(socket)) = self.sockets.get_mut(slot) else { return Read::Nothing };
        let link = socket.link;
        let message = match socket.poll_message(context) {
            Poll::Pending => return Read::Nothing,
            Poll::Ready(Some(Ok(message))) => message,
            Poll::Ready(none) => {
                let (why, code) = end(none.and_then(Result::err).as_ref());
                if let Some(code) = code
                    && let Some(mut socket) = self.socket_of(link).and_then(Option::take)
                {
                    socket.close_for_breach(code);
                    self.closing.push((socket, now + CLOSING_MAX));
                }
                self.lose(link, now, why);
                return Read::Nothing;
            }
        };
        // `poll_message` returns no raw frame.
        let Some(frame) = frame_of(&message) else { return Read::Frame { bytes: 0, is_ping: false } };
        let bytes = message.len();
        let is_ping = matches!(frame, Frame::Ping(_));
        self.takers.telemetry.frame(link, &frame);
        let event = self.client.handle_frame(link, now, frame, &mut self.scratch);
        if let Some(event) = &event {
            self.takers.take(&mut self.client, Some(link), event, now);
        }
        if let Frame::Close { .. } = frame
            && let Some(socket) = self.socket_of(link).and_then(Option::take)
        {
            self.closing.push((socket, now + CLOSING_MAX));
        }
        // The next read writes the answer to a ping.
        Read::Frame { bytes, is_ping }
    }

    fn lose(&mut self, link: LinkId, now: Instant, why: Lost) {
        if let Some(place) = self.socket_of(link) {
            *place = None;
        }
        self.client.handle_lost(link, now, why);
        self.perform(now);
    }

    fn write(&mut self, now: Instant, context: &mut Context<'_>) {
        for slot in 0..self.sockets.len() {
            let Some(Some(socket)) = self.sockets.get_mut(slot) else { continue };
            if let Err(why) = socket.poll_write(now, self.write_timeout, context) {
                let link = socket.link;
                self.lose(link, now, why);
                // The books were already published in this turn, and the end of the link may change them. So another
                // turn must follow.
                context.waker().wake_by_ref();
            }
        }
    }

    fn poll_closing(&mut self, now: Instant, context: &mut Context<'_>) {
        self.closing.retain_mut(|(socket, until)| socket.poll_end(context).is_pending() && now < *until);
    }

    #[inline]
    fn perform(&mut self, now: Instant) {
        while let Some(output) = self.client.poll_output() {
            self.perform_one(output, now);
        }
    }

    /// Carries out one output. Frames of data cause no outputs, so this function is cold.
    #[cold]
    fn perform_one(&mut self, output: Output, now: Instant) {
        self.takers.telemetry.output(&output, now);
        match output {
            Output::Connect(link) => {
                // An earlier socket of this slot, whose peer has not closed it yet, must not delay the next link.
                self.closing.retain(|(socket, _)| socket.link.slot() != link.slot());
                self.dial(link);
            }
            Output::Send { link, text } => {
                if let Some(Some(socket)) = self.socket_of(link) {
                    socket.send(text);
                }
            }
            Output::Close { link, code, reason } => {
                if let Some(Some(socket)) = self.socket_of(link) {
                    socket.close(code, reason);
                }
            }
            Output::Abort(link) => {
                if let Some(place) = self.socket_of(link) {
                    *place = None;
                }
                self.dials.abort(link);
            }
            Output::Event(event) => {
                if let Event::Closed { reason, .. } = event {
                    self.begin_end(reason, now);
                }
                self.takers.take(&mut self.client, None, &event, now);
            }
            _ => {}
        }
    }

    fn dial(&mut self, link: LinkId) {
        let Some(request) = self.client.connect_request(link) else { return };
        let is_authenticated = self.client.is_authenticated();
        let patience = || Patience::new(self.runtime.timer());
        self.dials.begin(link, self.policy.request(request, is_authenticated, patience));
    }

    /// Sets the timer to the next deadline, and polls it so that it wakes this task.
    fn set_timer(&mut self, context: &mut Context<'_>) {
        let deadline = self.client.deadline().map(|deadline| deadline.at);
        let closing = self.closing.iter().map(|(_, until)| *until).min();
        let closed = self.closed.map(|(_, until)| until);
        let stalled = self.sockets.iter().flatten().filter_map(|socket| socket.stalled_since).min();
        let stalled = stalled.map(|since| since + self.write_timeout);
        let sleep = self.sleep.due().filter(|_| self.sockets.iter().any(Option::is_some));
        let own = [self.takers.keeper.deadline(), self.takers.delivery.deadline()];
        let at = [deadline, closing, closed, stalled, sleep].into_iter().chain(own).flatten().min();
        if at != self.timer_at
            && let Some(at) = at
        {
            self.timer.set(at);
        }
        self.timer_at = at;
        if at.is_some() && self.timer.poll(context).is_ready() {
            // The timer may fire a little before the clock reaches the instant, so set it again in the next turn.
            self.timer_at = None;
            context.waker().wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::{Arc, Mutex};

    use gemini_ws::{Config, NewOrder, OrderRef, Request, RequestId, Side, Stream};

    use super::*;
    use crate::delivery::Callback;
    use crate::ended::tests::Woken;
    use crate::handle::handle;
    use crate::ticket::{Cell, Ticket};

    type Ignore = Callback<fn(&mut Client, Instant, &Event<'_>)>;

    fn drain(takers: &mut Takers<Ignore>, client: &mut Client) {
        while let Some(output) = client.poll_output() {
            if let Output::Event(event) = output {
                takers.take(client, None, &event, Instant::ZERO);
            }
        }
    }

    fn feed(takers: &mut Takers<Ignore>, client: &mut Client, link: LinkId, text: &str) {
        let mut scratch = Scratch::new();
        if let Some(event) = client.handle_frame(link, Instant::ZERO, Frame::Text(text), &mut scratch) {
            takers.take(client, Some(link), &event, Instant::ZERO);
        }
        drain(takers, client);
    }

    #[test]
    fn a_ticket_knows_a_reply_before_the_caller_does() {
        let (now, (handle, ends)) = (Instant::ZERO, handle());
        let mut takers: Takers<Ignore> = Takers {
            telemetry: Telemetry::default(),
            commands: ends.commands,
            replies: Vec::new(),
            delivery: Callback(|_, _, _| {}),
            keeper: ends.keeper,
        };
        let mut client = Client::single(Config::new("ws://v").authenticated(true));
        client.subscribe(now, Stream::orders()).unwrap();
        client.open(now).unwrap();
        let link = client.links().next().unwrap().0;
        client.handle_connected(link, now);
        drain(&mut takers, &mut client);
        feed(&mut takers, &mut client, link, r#"{"id":1,"status":200}"#);
        let order = NewOrder::limit("a", "btcusd", Side::Buy, "1", "1").unwrap();
        let placed = client.request(now, &Request::PlaceOrder(order)).unwrap();
        let cell = Cell::new(Default::default());
        takers.keeper.tickets.open(placed, Arc::clone(&cell));
        drain(&mut takers, &mut client);
        let ticket = Ticket::new(cell, handle);
        let reply = |id: RequestId| format!(r#"{{"id":{},"status":200}}"#, id.get());
        feed(&mut takers, &mut client, link, &reply(placed));
        let open = r#"{"e":"orderUpdate","E":4,"s":"BTCUSD","i":7,"c":"a","X":"OPEN","q":"1","T":4}"#;
        feed(&mut takers, &mut client, link, open);
        assert!(
            takers.keeper.orders().get(OrderRef::OrderId(7)).is_some() && !ticket.order().cancel_accepted
        );

        let cancel = client.request(now, &Request::CancelOrder { order_id: 7 }).unwrap();
        let (answer, answered) = async_channel::bounded(1);
        takers.replies.push((cancel, answer));
        drain(&mut takers, &mut client);
        let seen = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&seen);
        let look = move || *noted.lock().unwrap() = Some(ticket.order().cancel_accepted);
        let mut call = pin!(answered.recv());
        let waker = Arc::new(Woken(look)).into();
        assert!(call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        feed(&mut takers, &mut client, link, &reply(cancel));
        assert_eq!(*seen.lock().unwrap(), Some(true));
    }
}
