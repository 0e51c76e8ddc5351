//! [`Handle`]: sends commands to a driver.

use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_lite::Stream as _;
use gemini_ws::{
    Client, CommandError, ConnectFailure, Event, Instant, InvalidSymbol, OrderRef, Request, RequestId,
    ShutdownPlan, Stream, StreamId, Symbol, UnixTime,
};

use crate::board::BookReader;
use crate::driver::Driver;
use crate::ended::{Ended, Ending};
use crate::keeper::{self, Keeper};
use crate::reply::Reply;
use crate::shutdown::Shutdown;
use crate::sleep::has_slept;
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The maximum number of commands that wait for the driver. While so many wait, [`Handle::place`], [`Handle::submit`]
/// and [`Ticket::cancel`](crate::Ticket::cancel) fail with [`PlaceError::Busy`](crate::PlaceError::Busy). The other
/// asynchronous methods of a [`Handle`] wait for room, except [`Handle::ended`]. [`Handle::close`], [`Handle::now`]
/// and `ended` use no command.
pub const COMMANDS_MAX: usize = 64;

/// Returns a handle of a client, and the driver that runs the client.
///
/// ```
/// use gemini_ws_driver::client;
/// use gemini_ws_driver::gemini_ws::{Client, Config};
///
/// let (_handle, _driver) = client(Client::single(Config::production()));
/// ```
pub fn client(client: Client) -> (Handle, Driver) {
    let (handle, ends) = handle();
    (handle, Driver::new(client, ends))
}

pub(crate) fn handle() -> (Handle, Ends) {
    let (commands, receiver) = async_channel::bounded(COMMANDS_MAX);
    let (close, ending, clock) = (Shutdown::new(), Arc::new(Ending::default()), SharedClock::default());
    let ends = Ends {
        commands: Commands(Box::pin(receiver)),
        close: close.clone(),
        keeper: Keeper::new(Arc::clone(&ending), clock.clone()),
    };
    (Handle { commands, close, ending, clock }, ends)
}

/// The parts of a driver that its [`Handle`] needs: the receiver of commands, the switch that closes the driver, and
/// the keeper.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) commands: Commands,
    pub(crate) close: Shutdown,
    pub(crate) keeper: Keeper,
}

/// The driver's clocks; `None` while the driver does not run.
#[derive(Clone, Default)]
pub(crate) struct SharedClock(Arc<Mutex<Option<Clocks>>>);

struct Clocks {
    now: Now,
    /// The times of both clocks when the driver last checked whether the machine has slept.
    looked: Option<(Instant, UnixTime)>,
}

/// Reads the driver's clock and the time of day.
pub(crate) type Now = Box<dyn Fn() -> (Instant, UnixTime) + Send>;

impl SharedClock {
    pub(crate) fn set(&self, now: Option<Now>) {
        *self.lock() = now.map(|now| Clocks { now, looked: None });
    }

    pub(crate) fn note_look(&self, look: (Instant, UnixTime)) {
        if let Some(clocks) = self.lock().as_mut() {
            clocks.looked = Some(look);
        }
    }

    pub(crate) fn now(&self) -> Option<Instant> {
        self.lock().as_ref().map(|clocks| (clocks.now)().0)
    }

    /// Returns the present time of the driver's clock, from which the ages of books are computed. Returns `None` if
    /// the driver does not run. Also returns `None` if the machine has slept and the driver has not noticed it yet:
    /// the clock stops during a sleep, so the ages would be too small.
    pub(crate) fn now_for_ages(&self) -> Option<Instant> {
        let clocks = self.lock();
        let Clocks { now, looked } = clocks.as_ref()?;
        let now = now();
        if looked.is_some_and(|looked| has_slept(looked, now)) { None } else { Some(now.0) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Clocks>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedClock")
    }
}

/// Sends commands to a driver, from any task or thread. Clone it freely. When all handles,
/// [tickets](crate::Ticket) and [readers of books](crate::BookReader) are dropped, the driver closes; see
/// [`EndedBy::HandlesDropped`](crate::EndedBy::HandlesDropped). If a shutdown has begun, the driver completes the
/// shutdown instead.
///
/// You may drop the future of a call:
///
/// - The driver completes a command that it has begun.
/// - The driver skips a command that still waits in the queue, unless the command places an order or shuts down.
/// - A command that waits for room in the queue is never carried out, also if it shuts down.
#[derive(Clone, Debug)]
#[must_use = "the driver closes when its last handle is dropped"]
pub struct Handle {
    commands: Sender<Command>,
    close: Shutdown,
    ending: Arc<Ending>,
    clock: SharedClock,
}

pub(crate) struct Lent<'a> {
    pub(crate) client: &'a mut Client,
    pub(crate) keeper: &'a mut Keeper,
    pub(crate) replies: &'a mut Replies,
    pub(crate) now: Instant,
}

pub(crate) struct Command(Box<dyn FnOnce(Lent<'_>) + Send>);

impl Command {
    pub(crate) fn carry_out(self, lent: Lent<'_>) {
        (self.0)(lent);
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Command")
    }
}

/// The calls that wait for a reply, each with its request. A request has at most one such call.
pub(crate) type Replies = Vec<(RequestId, Sender<Result<Reply, RequestError>>)>;

/// Passes a reply to the call that waits for it. The keeper must have applied the reply before, because the caller
/// may look at the ticket of an order in another thread as soon as the call returns.
pub(crate) fn resolve(replies: &mut Replies, event: &Event<'_>) {
    if let Event::Reply { request, .. } = event
        && let Some(position) = replies.iter().position(|(waiting, _)| waiting == request)
    {
        let (_, answer) = replies.swap_remove(position);
        // The caller may have stopped waiting.
        let _ = answer.try_send(Reply::of(event).ok_or(RequestError::Closed));
    }
}

/// The receiving end of the channel of commands. Dropping it drops the commands in the channel, so that all calls
/// that wait for a result return.
#[derive(Debug)]
pub(crate) struct Commands(Pin<Box<Receiver<Command>>>);

impl Commands {
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Command>> {
        self.0.as_mut().poll_next(context)
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        // `close` makes the channel refuse new commands. Dropping a command drops the sender of its result, so the
        // caller returns.
        self.0.close();
        while self.0.try_recv().is_ok() {}
    }
}

/// The reason why a request has no reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RequestError {
    /// The client refused the request, or the driver was already shutting down or closing
    /// ([`CommandError::Closed`]). The request was not sent.
    Refused(CommandError),
    /// The driver ended before a reply arrived. If the request was sent, its outcome is not known.
    Closed,
    /// The driver does not know the venue's id of the order, because the order is unknown or has no such id yet. The
    /// request was not sent. A [cancel](Handle::cancel) that names the order by the venue's id never fails with this
    /// error.
    NotYet,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Refused(error) => write!(f, "not sent: {error}"),
            RequestError::Closed => f.write_str("the driver has ended"),
            RequestError::NotYet => {
                f.write_str("not sent: the driver does not know the venue's id of the order")
            }
        }
    }
}

impl std::error::Error for RequestError {}

/// The reason why books cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BooksError {
    /// A text is not a symbol.
    Symbol(InvalidSymbol),
    /// The client refused a subscription, or the driver has ended ([`CommandError::Closed`]). The driver ends the
    /// subscriptions that the failed call has already made.
    Refused(CommandError),
}

impl fmt::Display for BooksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BooksError::Symbol(error) => error.fmt(f),
            BooksError::Refused(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BooksError {}

impl From<InvalidSymbol> for BooksError {
    fn from(error: InvalidSymbol) -> BooksError {
        BooksError::Symbol(error)
    }
}

impl From<Infallible> for BooksError {
    fn from(never: Infallible) -> BooksError {
        match never {}
    }
}

// ---- streams and books ---------------------------------------------------------------------------

impl Handle {
    /// Subscribes to a stream: [`Client::subscribe`].
    ///
    /// # Errors
    ///
    /// The error of [`Client::subscribe`], or [`CommandError::Closed`] if the driver has ended.
    pub async fn subscribe(&self, stream: Stream) -> Result<StreamId, CommandError> {
        self.with(move |client, _, now| client.subscribe(now, stream)).await?
    }

    /// Subscribes to a stream. If no frame of the stream arrives for `silence_max`, the client reports the stream as
    /// silent and subscribes again: [`Client::subscribe_unless_silent`]. The book of a silent depth stream becomes
    /// stale.
    ///
    /// # Errors
    ///
    /// The error of [`Client::subscribe_unless_silent`], or [`CommandError::Closed`] if the driver has ended.
    pub async fn subscribe_unless_silent(
        &self,
        stream: Stream,
        silence_max: Duration,
    ) -> Result<StreamId, CommandError> {
        self.with(move |client, _, now| client.subscribe_unless_silent(now, stream, silence_max)).await?
    }

    /// Ends a subscription: [`Client::unsubscribe`].
    ///
    /// # Errors
    ///
    /// The error of [`Client::unsubscribe`], or [`CommandError::Closed`] if the driver has ended.
    pub async fn unsubscribe(&self, id: StreamId) -> Result<(), CommandError> {
        self.with(move |client, _, now| client.unsubscribe(now, id)).await?
    }

    /// Requests a new snapshot of each of these books, and returns how many of the symbols have a book that the
    /// client can request; zero once the client shuts down or closes. See [`Client::resync_books`]. Books of the
    /// [`Keeper`] do not need this call.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn resync_books(&self, symbols: Vec<Symbol>) -> Result<usize, CommandError> {
        self.with(move |client, _, now| client.resync_books(now, symbols)).await
    }

    /// Subscribes to the books of these symbols and returns a reader of these books. Does not wait until the books
    /// arrive. A symbol that occurs again is ignored.
    ///
    /// If the client already subscribes to a depth stream of a symbol, the reader uses that stream. Otherwise the
    /// client subscribes to `{symbol}@depth@100ms`. At market data v2, this is the `l2` feed of the symbol. To make a
    /// book stale when its updates stop, first call [`subscribe_unless_silent`](Handle::subscribe_unless_silent) with
    /// a depth stream of the symbol.
    ///
    /// Market data v1 sends the books that its address names without a subscription
    /// ([`Client::named_books`]). If no other endpoint has depth streams, the reader uses such a book.
    ///
    /// # Errors
    ///
    /// - [`BooksError::Symbol`] if a text is not a symbol.
    /// - [`BooksError::Refused`] if the client refuses a subscription. For example, no endpoint has depth streams, and
    ///   no address of market data v1 names the symbol ([`CommandError::WrongEndpoint`]).
    /// - [`BooksError::Refused`] with [`CommandError::Closed`] if the client is shutting down, or if the driver has
    ///   ended. [`ended`](Handle::ended) waits for the end and returns the reason.
    pub async fn books<S: TryInto<Symbol, Error: Into<BooksError>>>(
        &self,
        symbols: impl IntoIterator<Item = S>,
    ) -> Result<BookReader, BooksError> {
        let (mut all, mut seen): (Vec<Symbol>, HashSet<Symbol>) = Default::default();
        for symbol in symbols {
            let symbol = symbol.try_into().map_err(Into::into)?;
            if seen.insert(symbol) {
                all.push(symbol);
            }
        }
        let handle = self.clone();
        let opened = self.ask(move |lent, answer| {
            let opened = lent.keeper.open_books(lent.client, lent.now, &all);
            // If the caller has stopped waiting, the reader is dropped and ends its subscriptions.
            let _ = answer.try_send(opened.map(|group| BookReader::new(group, handle)));
        });
        opened.await.unwrap_or(Err(CommandError::Closed)).map_err(BooksError::Refused)
    }
}

// ---- requests, and functions in the driver's task -------------------------------------------------

impl Handle {
    /// Sends a request and waits for the reply: [`Client::request`]. An event reports the same reply. If the venue
    /// replies with an error or does not reply, or if the link ends before the request is sent, the call succeeds,
    /// and [`Reply::outcome`] returns what happened.
    ///
    /// # Errors
    ///
    /// [`RequestError::Refused`] if the client refuses the request, or if the driver shuts down or closes;
    /// [`RequestError::Closed`] if the driver ends before it has a reply.
    pub async fn request(&self, request: Request) -> Result<Reply, RequestError> {
        let reply = self.ask(move |lent, answer| lent.request(&request, answer));
        reply.await.unwrap_or(Err(RequestError::Closed))
    }

    /// Calls a function in the driver's task and returns the result of the function. The function gets the client,
    /// the [`Keeper`], and the time to pass to the client's methods. The function should return soon: the driver does
    /// nothing else meanwhile.
    ///
    /// ```
    /// # use gemini_ws_driver::{Handle, gemini_ws::CommandError};
    /// # async fn count(handle: Handle) -> Result<(), CommandError> {
    /// let open = handle.with(|_, keeper, _| keeper.orders().open().count()).await?;
    /// assert_eq!(open, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver ends before it calls the function, or has ended already. While the
    /// driver shuts down, it still calls functions.
    pub async fn with<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Client, &mut Keeper, Instant) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let answer = self.ask(move |lent, answer| {
            let result = call(lent.client, lent.keeper, lent.now);
            lent.keeper.show_sources(lent.client);
            lent.keeper.note_end(lent.client);
            let _ = answer.try_send(result);
        });
        answer.await.ok_or(CommandError::Closed)
    }

    /// Waits until at least one link of the client is [live](gemini_ws::Event::Live), and every other link is live
    /// or has ended for good ([`Event::LinkClosed`](gemini_ws::Event::LinkClosed)).
    ///
    /// The call can wait without end, so put a time limit around it if you need one. Failed attempts to connect do
    /// not end the wait; [`connect_failure`](Handle::connect_failure) returns the last failure. A client without a
    /// link is not live: [`Client::single`] and [`connect`](crate::connect) keep a link open, but other clients open
    /// a link only when [something needs it](Client#links).
    ///
    /// A link can be live even if the venue has refused some of its streams for now. If you place an order while no
    /// stream reports orders, the order is in doubt at once. The following function returns whether a stream reports
    /// orders:
    ///
    /// ```
    /// # use gemini_ws_driver::{Handle, gemini_ws::CommandError};
    /// async fn is_reported(client: &Handle) -> Result<bool, CommandError> {
    ///     client.with(|_, keeper, _| keeper.orders().is_followed()).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Ended`], with the reason, if the driver ends first.
    pub async fn live(&self) -> Result<(), Ended> {
        match self.ask(|lent, answer| lent.keeper.wait_for_live(lent.client, answer)).await {
            Some(()) => Ok(()),
            None => Err(self.ended().await),
        }
    }

    /// Returns the reason why the attempt to connect that ended last, of any link, failed. Returns `None` if that
    /// attempt succeeded, or if no attempt has ended yet. A program can show this reason while it waits for
    /// [`live`](Handle::live) or for a book.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gemini_ws_driver::{Handle, gemini_ws::CommandError};
    /// # async fn sleep(_: Duration) {}
    /// /// Run this beside a call of `live`, until that call returns.
    /// async fn show_failures(client: &Handle) -> Result<(), CommandError> {
    ///     loop {
    ///         if let Some(failure) = client.connect_failure().await? {
    ///             println!("not connected: {failure}");
    ///         }
    ///         sleep(Duration::from_secs(1)).await;
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn connect_failure(&self) -> Result<Option<ConnectFailure>, CommandError> {
        self.with(|_, keeper, _| keeper.connect_failure()).await
    }

    /// Returns the time of the driver's clock; `None` if the driver does not run. The instants of events and
    /// [`Age::received`](gemini_ws::Age::received) are times of the same clock.
    pub fn now(&self) -> Option<Instant> {
        self.clock.now()
    }

    pub(crate) fn now_for_ages(&self) -> Option<Instant> {
        self.clock.now_for_ages()
    }

    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        carry_out: impl FnOnce(Lent<'_>, Sender<T>) + Send + 'static,
    ) -> Option<T> {
        let (answer, receiver) = async_channel::bounded(1);
        let command = Command(Box::new(move |lent| {
            if !answer.is_closed() {
                carry_out(lent, answer);
            }
        }));
        self.commands.send(command).await.ok()?;
        receiver.recv().await.ok()
    }

    /// Puts a command into the queue without waiting. Returns whether the queue had room; `None` if the driver has
    /// ended.
    pub(crate) fn post(&self, carry_out: impl FnOnce(Lent<'_>) + Send + 'static) -> Option<bool> {
        match self.commands.try_send(Command(Box::new(carry_out))) {
            Ok(()) => Some(true),
            Err(async_channel::TrySendError::Full(_)) => Some(false),
            Err(async_channel::TrySendError::Closed(_)) => None,
        }
    }

    /// Puts a command into the queue like [`post`](Handle::post). If the driver closes or shuts down, does nothing
    /// and returns `None`. If the result is `Some(true)`, the driver takes the command before it begins to close or
    /// to shut down.
    pub(crate) fn post_unless_ending(
        &self,
        carry_out: impl FnOnce(Lent<'_>) + Send + 'static,
    ) -> Option<bool> {
        self.ending.unless_begun(|| self.post(carry_out)).flatten()
    }

    /// Wakes the driver. If the queue of commands is full, the driver is awake already.
    pub(crate) fn nudge(&self) {
        let _ = self.post(|_| {});
    }
}

impl Lent<'_> {
    pub(crate) fn send(&mut self, request: &Request) -> Result<RequestId, CommandError> {
        self.check()?;
        self.client.request(self.now, request)
    }

    fn check(&self) -> Result<(), CommandError> {
        if self.keeper.is_ending() { Err(CommandError::Closed) } else { Ok(()) }
    }

    pub(crate) fn request(mut self, request: &Request, answer: Sender<Result<Reply, RequestError>>) {
        let sent = self.send(request);
        self.wait_for_reply(sent.map_err(RequestError::Refused), answer);
    }

    pub(crate) fn cancel(self, of: OrderRef<'_>, answer: Sender<Result<Reply, RequestError>>) {
        let cancel = keeper::cancel(self.keeper.orders(), of);
        let sent = match self.check() {
            Ok(()) => cancel.and_then(|cancel| cancel.send(self.client, self.now)),
            Err(error) => Some(Err(error)),
        };
        let sent = sent.map_or(Err(RequestError::NotYet), |sent| sent.map_err(RequestError::Refused));
        self.wait_for_reply(sent, answer);
    }

    fn wait_for_reply(
        self,
        sent: Result<RequestId, RequestError>,
        answer: Sender<Result<Reply, RequestError>>,
    ) {
        match sent {
            Ok(request) => self.replies.push((request, answer)),
            Err(error) => {
                let _ = answer.try_send(Err(error));
            }
        }
    }
}

// ---- the end -------------------------------------------------------------------------------------

impl Handle {
    /// Closes the driver. The driver sends the cancels of tickets that were requested before and can be sent at once,
    /// refuses the orders and requests in the queue, closes its links with a closing handshake, and ends. It does not
    /// wait for replies. To wait for the end, call [`ended`](Handle::ended).
    ///
    /// You may call `close` any number of times, from any task, before the driver runs and after its end. Returns
    /// whether this was the first call.
    pub fn close(&self) -> bool {
        self.close.trigger()
    }

    /// Shuts down in the steps of [`Client::shut_down`], within the given time. `plan` can add steps, such as
    /// [`cancel_orders`](gemini_ws::ShutdownPlan::cancel_orders). [`close`](Handle::close) skips the remaining steps.
    ///
    /// The time starts when the driver takes the command. `shut_down` returns when the driver has ended, for any
    /// reason, and about a second after the given time at the latest. [`Ended::orders`] are the orders that are still
    /// open or in doubt.
    ///
    /// Before the first step, the driver waits until the earlier cancels of [tickets](crate::Ticket::cancel) have a
    /// final reply, for half of the given time at most. Once the driver has taken the command, it refuses new orders,
    /// requests and cancels with [`CommandError::Closed`]. If you call `shut_down` again before the first step, the
    /// driver adds the steps of the new plan. Each further call can bring the deadline forward.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gemini_ws_driver::Handle;
    /// # async fn end(handle: Handle) {
    /// let ended = handle.shut_down(Duration::from_secs(5), |plan| plan.cancel_orders(true)).await;
    /// assert!(ended.orders.is_empty(), "{ended}");
    /// # }
    /// ```
    pub async fn shut_down(
        &self,
        within: Duration,
        plan: impl FnOnce(ShutdownPlan) -> ShutdownPlan + Send + 'static,
    ) -> Ended {
        let command: Box<dyn FnOnce(Lent<'_>) + Send> = Box::new(move |lent| {
            lent.keeper.shut_down(lent.client, lent.now, plan(ShutdownPlan::by(lent.now + within)))
        });
        // The send fails if the driver has ended.
        let _ = self.commands.send(Command(command)).await;
        self.ended().await
    }

    /// Waits until the driver has ended, or was dropped. This handle keeps the driver running meanwhile.
    pub async fn ended(&self) -> Ended {
        self.ending.wait().await
    }
}
