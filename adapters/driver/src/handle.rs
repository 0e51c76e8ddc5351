//! [`Handle`]: commands to a driver, from anywhere.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_channel::{Receiver, Sender};
use futures_lite::Stream as _;
use gemini_ws::{Client, CommandError, EventBuf, Request, ShutdownPlan, Stream, StreamId, Symbol};

use crate::driver::Driver;
use crate::shutdown::Shutdown;

/// The most commands that wait for the driver; then a handle waits.
pub const COMMANDS_MAX: usize = 64;

/// Splits a client into the one who runs it and the one who commands it.
///
/// ```
/// use gemini_ws_driver::client;
/// use gemini_ws_driver::gemini_ws::{Client, Config, PRODUCTION};
///
/// let (_handle, _driver) = client(Client::single(Config::new(PRODUCTION)));
/// ```
pub fn client(client: Client) -> (Handle, Driver) {
    let (commands, receiver) = async_channel::bounded(COMMANDS_MAX);
    let shutdown = Shutdown::new();
    let driver = Driver::new(client, Commands(Box::pin(receiver)), shutdown.clone());
    (Handle { commands, shutdown }, driver)
}

/// Commands to a running driver. Clone it freely; dropping the last one shuts the driver down.
///
/// A future that is dropped before it is done: if its command was not taken yet, nothing happens;
/// if it was, it is carried out, and the event stream tells of its end. Nothing is ever half sent.
#[derive(Clone, Debug)]
pub struct Handle {
    commands: Sender<Command>,
    shutdown: Shutdown,
}

/// A command, and where its answer goes.
#[derive(Debug)]
pub(crate) enum Command {
    Subscribe { stream: Stream, answer: Sender<Result<StreamId, CommandError>> },
    Unsubscribe { id: StreamId, answer: Sender<Result<(), CommandError>> },
    ResyncBooks { symbols: Vec<Symbol>, answer: Sender<usize> },
    Request { request: Request, answer: Sender<Result<EventBuf, RequestError>> },
    ShutDown { within: Duration, steps: Steps },
}

impl Command {
    /// Whether its future was dropped before it was taken: then nothing happens.
    fn is_abandoned(&self) -> bool {
        match self {
            Command::Subscribe { answer, .. } => answer.is_closed(),
            Command::Unsubscribe { answer, .. } => answer.is_closed(),
            Command::ResyncBooks { answer, .. } => answer.is_closed(),
            Command::Request { answer, .. } => answer.is_closed(),
            Command::ShutDown { .. } => false,
        }
    }
}

/// What an end in steps takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    cancel_orders: bool,
    unsubscribe: bool,
}

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
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Refused(error) => write!(f, "not sent: {error}"),
            RequestError::Closed => f.write_str("the driver has ended"),
        }
    }
}

impl std::error::Error for RequestError {}

impl Handle {
    /// As [`Client::subscribe`].
    ///
    /// # Errors
    ///
    /// Those of the client; [`CommandError::Closed`] also if the driver has ended.
    pub async fn subscribe(&self, stream: Stream) -> Result<StreamId, CommandError> {
        let (answer, receiver) = async_channel::bounded(1);
        self.command(Command::Subscribe { stream, answer }, receiver)
            .await
            .unwrap_or(Err(CommandError::Closed))
    }

    /// As [`Client::unsubscribe`].
    ///
    /// # Errors
    ///
    /// Those of the client; [`CommandError::Closed`] also if the driver has ended.
    pub async fn unsubscribe(&self, id: StreamId) -> Result<(), CommandError> {
        let (answer, receiver) = async_channel::bounded(1);
        self.command(Command::Unsubscribe { id, answer }, receiver).await.unwrap_or(Err(CommandError::Closed))
    }

    /// As [`Client::resync_books`]: requests a new snapshot of each of these books, and returns of how many.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn resync_books(&self, symbols: Vec<Symbol>) -> Result<usize, CommandError> {
        let (answer, receiver) = async_channel::bounded(1);
        self.command(Command::ResyncBooks { symbols, answer }, receiver).await.ok_or(CommandError::Closed)
    }

    /// As [`Client::request`], and waits for the reply: an [`EventBuf`] of
    /// [`Event::Reply`](gemini_ws::Event::Reply), which says whether an answer came at all.
    ///
    /// # Errors
    ///
    /// [`RequestError`], if there is no reply.
    pub async fn request(&self, request: Request) -> Result<EventBuf, RequestError> {
        let (answer, receiver) = async_channel::bounded(1);
        let command = Command::Request { request, answer };
        self.command(command, receiver).await.unwrap_or(Err(RequestError::Closed))
    }

    /// Wants an orderly end: [`Driver::run`] closes the link with a handshake and returns. Any number
    /// of times, from anywhere. Returns whether this was the first time.
    pub fn shutdown(&self) -> bool {
        self.shutdown.trigger()
    }

    /// Wants an end in steps, as [`Client::shut_down`], within so much time: no more commands, cancelling the
    /// orders of the session if that is wanted, unsubscribing if that is wanted, closing. Each step is told as
    /// an event. [`shutdown`](Handle::shutdown) cuts it short.
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`] if the driver has ended.
    pub async fn shut_down_in_steps(
        &self,
        within: Duration,
        cancel_orders: bool,
        unsubscribe: bool,
    ) -> Result<(), CommandError> {
        let steps = Steps { cancel_orders, unsubscribe };
        self.commands.send(Command::ShutDown { within, steps }).await.map_err(|_| CommandError::Closed)
    }

    /// Sends a command and waits for its answer; `None` if the driver ended first.
    async fn command<T>(&self, command: Command, answer: Receiver<T>) -> Option<T> {
        self.commands.send(command).await.ok()?;
        answer.recv().await.ok()
    }
}

/// Carries out a command; a request's answer is kept for its reply.
pub(crate) fn carry_out(
    command: Command,
    client: &mut Client,
    now: gemini_ws::Instant,
    replies: &mut Replies,
) {
    if command.is_abandoned() {
        return;
    }
    // An answer that nobody waits for any more is dropped.
    match command {
        Command::Subscribe { stream, answer } => {
            let _ = answer.try_send(client.subscribe(now, stream));
        }
        Command::Unsubscribe { id, answer } => {
            let _ = answer.try_send(client.unsubscribe(now, id));
        }
        Command::ResyncBooks { symbols, answer } => {
            let _ = answer.try_send(client.resync_books(now, symbols));
        }
        Command::ShutDown { within, steps } => {
            let plan = ShutdownPlan::by(now + within);
            client.shut_down(now, plan.cancel_orders(steps.cancel_orders).unsubscribe(steps.unsubscribe));
        }
        Command::Request { request, answer } => match client.request(now, &request) {
            Ok(request) => replies.push((request, answer)),
            Err(error) => {
                let _ = answer.try_send(Err(RequestError::Refused(error)));
            }
        },
    }
}

/// Who waits for which reply; at most as many as requests can be in flight.
pub(crate) type Replies = Vec<(gemini_ws::RequestId, Sender<Result<EventBuf, RequestError>>)>;
