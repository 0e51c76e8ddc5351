//! [`Handle`]: commands to a driver, from anywhere.

use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_lite::Stream as _;
use gemini_ws::{
    Client, CommandError, Instant, InvalidSymbol, Request, RequestId, ShutdownPlan, Stream, StreamId, Symbol,
};

use crate::board::BookReader;
use crate::driver::Driver;
use crate::ended::{Ended, Ending};
use crate::keeper::Keeper;
use crate::reply::Reply;
use crate::shutdown::Shutdown;
use crate::sync::{Arc, Mutex, PoisonError};

/// The most commands that wait for the driver; then a handle waits.
pub const COMMANDS_MAX: usize = 64;

/// Splits a client into the one who runs it and the one who commands it.
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

/// A handle, and the driver's ends of what it holds.
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

/// The driver's ends.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) commands: Commands,
    pub(crate) close: Shutdown,
    pub(crate) keeper: Keeper,
}

/// The driver's clock, while it runs.
#[derive(Clone, Default)]
pub(crate) struct SharedClock(Arc<Mutex<Option<Now>>>);

pub(crate) type Now = Box<dyn Fn() -> Instant + Send>;

impl SharedClock {
    pub(crate) fn set(&self, now: Option<Now>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn now(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|now| now())
    }
}

impl fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedClock")
    }
}

/// Commands to a driver. Clone it freely. When the last one is dropped, tickets and readers of books included, the driver
/// closes, with [`EndedBy::HandlesDropped`](crate::EndedBy::HandlesDropped).
///
/// A future that is dropped before it is done: if its command was not taken yet, nothing happens; if it was, it is
/// carried out, and the events report its end.
#[derive(Clone, Debug)]
#[must_use = "the driver closes when its last handle is dropped"]
pub struct Handle {
    commands: Sender<Command>,
    close: Shutdown,
    ending: Arc<Ending>,
    clock: SharedClock,
}

/// What the driver's task lends to a command.
pub(crate) struct Lent<'a> {
    pub(crate) client: &'a mut Client,
    pub(crate) keeper: &'a mut Keeper,
    pub(crate) replies: &'a mut Replies,
    pub(crate) now: Instant,
}

/// A command: what is to be done in the driver's task.
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

/// Who waits for which reply; at most as many as requests can be in flight.
pub(crate) type Replies = Vec<(RequestId, Sender<Result<Reply, RequestError>>)>;

/// The driver's end of the commands. When it is dropped, whoever waits for an answer learns that there is none, wherever
/// the command was: the channel alone would keep what nobody takes any more for as long as there is a handle.
#[derive(Debug)]
pub(crate) struct Commands(Pin<Box<Receiver<Command>>>);

impl Commands {
    /// The next command; `None` if nobody can give any more.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Command>> {
        self.0.as_mut().poll_next(context)
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        // Nothing comes in after this; each command that is dropped drops the sender of its answer.
        self.0.close();
        while self.0.try_recv().is_ok() {}
    }
}

/// Why a request has no reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RequestError {
    /// It was not sent.
    Refused(CommandError),
    /// The driver ended first. If it was sent before, whether the venue acted is not known.
    Closed,
    /// The venue's id of the order is not known yet: it comes with the first event of the order.
    NotYet,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Refused(error) => write!(f, "not sent: {error}"),
            RequestError::Closed => f.write_str("the driver has ended"),
            RequestError::NotYet => f.write_str("not sent: the venue has not told the id of the order yet"),
        }
    }
}

impl std::error::Error for RequestError {}

/// Why books cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BooksError {
    /// A text is no symbol.
    Symbol(InvalidSymbol),
    /// A subscription was refused; there is none of the others either.
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
    /// Those of the client; [`CommandError::Closed`] also if the driver has ended.
    pub async fn subscribe(&self, stream: Stream) -> Result<StreamId, CommandError> {
        self.with(move |client, _, now| client.subscribe(now, stream)).await?
    }

    /// Subscribes to a stream that is reported as silent, and its book as stale, when nothing comes for so long:
    /// [`Client::subscribe_unless_silent`].
    ///
    /// # Errors
    ///
    /// Those of the client; [`CommandError::Closed`] also if the driver has ended.
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
    /// Those of the client; [`CommandError::Closed`] also if the driver has ended.
    pub async fn unsubscribe(&self, id: StreamId) -> Result<(), CommandError> {
        self.with(move |client, _, now| client.unsubscribe(now, id)).await?
    }

    /// Requests a new snapshot of each of these books, and returns of how many: [`Client::resync_books`]. Books that the
    /// [`Keeper`] keeps need no such call.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn resync_books(&self, symbols: Vec<Symbol>) -> Result<usize, CommandError> {
        self.with(move |client, _, now| client.resync_books(now, symbols)).await
    }

    /// Follows the books of these symbols, for this task and any other. A symbol whose depth is subscribed already is
    /// not subscribed again.
    ///
    /// # Errors
    ///
    /// [`BooksError`], if a text is no symbol or a subscription is refused.
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
            // Dropped with the answer if nobody waits any more, the reader ends its subscriptions.
            let _ = answer.try_send(opened.map(|group| BookReader::new(group, handle)));
        });
        opened.await.unwrap_or(Err(CommandError::Closed)).map_err(BooksError::Refused)
    }
}

// ---- requests, and whatever else -----------------------------------------------------------------

impl Handle {
    /// Sends a request and waits for the reply: [`Client::request`]. The reply is also an event.
    ///
    /// # Errors
    ///
    /// [`RequestError`], if there is no reply.
    pub async fn request(&self, request: Request) -> Result<Reply, RequestError> {
        let reply = self.ask(move |lent, answer| lent.request(&request, answer));
        reply.await.unwrap_or(Err(RequestError::Closed))
    }

    /// Calls a function in the driver's task, with the client, what the driver keeps, and the time to pass to the
    /// client, and returns what it returns. Return soon: the driver does nothing else meanwhile.
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
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn with<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Client, &Keeper, Instant) -> T + Send + 'static,
    ) -> Result<T, CommandError> {
        let answer = self.ask(move |lent, answer| {
            // An answer that nobody waits for any more is dropped.
            let _ = answer.try_send(call(lent.client, lent.keeper, lent.now));
        });
        answer.await.ok_or(CommandError::Closed)
    }

    /// Waits until every link of the client is live: connected, signed in if it is authenticated, and each stream
    /// answered. While attempts fail it waits; give it a time limit if you want one.
    ///
    /// # Errors
    ///
    /// [`Ended`], if the driver ends first: it says why.
    pub async fn live(&self) -> Result<(), Ended> {
        match self.ask(|lent, answer| lent.keeper.wait_for_live(lent.client, answer)).await {
            Some(()) => Ok(()),
            None => Err(self.ended().await),
        }
    }

    /// The driver's time, while it runs.
    pub fn now(&self) -> Option<Instant> {
        self.clock.now()
    }

    /// Sends a command and waits for its answer; `None` if the driver ended first.
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

    /// Sends a command without waiting. Returns whether it was taken; `None` if the driver has ended.
    pub(crate) fn post(&self, carry_out: impl FnOnce(Lent<'_>) + Send + 'static) -> Option<bool> {
        match self.commands.try_send(Command(Box::new(carry_out))) {
            Ok(()) => Some(true),
            Err(async_channel::TrySendError::Full(_)) => Some(false),
            Err(async_channel::TrySendError::Closed(_)) => None,
        }
    }

    /// Has the driver look at what has changed. If its commands are full, it is about to.
    pub(crate) fn nudge(&self) {
        let _ = self.post(|_| {});
    }
}

impl Lent<'_> {
    /// Sends a request; its answer is kept for the reply.
    pub(crate) fn request(self, request: &Request, answer: Sender<Result<Reply, RequestError>>) {
        match self.client.request(self.now, request) {
            Ok(request) => self.replies.push((request, answer)),
            Err(error) => {
                let _ = answer.try_send(Err(RequestError::Refused(error)));
            }
        }
    }
}

// ---- the end -------------------------------------------------------------------------------------

impl Handle {
    /// Closes: the driver closes its links with a handshake and ends. Any number of times, from anywhere. Returns
    /// whether this was the first time.
    pub fn close(&self) -> bool {
        self.close.trigger()
    }

    /// Shuts down in steps, within so much time: [`Client::shut_down`]. No more commands, cancelling the orders of the
    /// session and unsubscribing if the plan says so, closing. Returns when the driver has ended, with the orders that
    /// are left. [`close`](Handle::close) cuts it short.
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
        let command: Box<dyn FnOnce(Lent<'_>) + Send> =
            Box::new(move |lent| lent.client.shut_down(lent.now, plan(ShutdownPlan::by(lent.now + within))));
        // If it is not taken, the driver has ended.
        let _ = self.commands.send(Command(command)).await;
        self.ended().await
    }

    /// Waits for the end of the driver. It keeps the driver from ending for want of handles.
    pub async fn ended(&self) -> Ended {
        self.ending.wait().await
    }
}
