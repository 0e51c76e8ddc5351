//! [`Driver`]: what is to be run, and how.

use std::fmt;
use std::future::{Future, poll_fn};
use std::time::Duration;

use gemini_ws::{Client, CloseReason, Event, EventQueue, Instant, Overflow};

use crate::delivery::{Callback, Channel, Delivery, Events, Wake, Woken};
use crate::dial::DialPolicy;
use crate::handle::Ends;
use crate::runtime::{Runtime, Timer as _};
use crate::signer::SharedSigner;
use crate::task::Task;

/// How long what is to be written may wait for a peer that takes nothing, unless
/// [`Driver::write_timeout`] says otherwise.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The end of a driver: there is exactly one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Closed {
    /// Why the client closed.
    pub reason: CloseReason,
    /// Who asked for the end.
    pub ended_by: EndedBy,
    /// Events that a full queue kept from being delivered, because nobody took any for a second.
    pub undelivered: usize,
}

/// Who asked for the end of a driver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EndedBy {
    /// The application, by [`Handle::close`](crate::Handle::close) or a command of the client; or nobody, as going on was
    /// useless.
    Client,
    /// The last [`Handle`](crate::Handle) was dropped, and with it whoever could have asked.
    HandlesDropped,
    /// [`Events`] was dropped.
    EventsDropped,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ended_by {
            EndedBy::Client => {}
            EndedBy::HandlesDropped => f.write_str("every handle was dropped: ")?,
            EndedBy::EventsDropped => f.write_str("the receiver of events was dropped: ")?,
        }
        write!(f, "{}", self.reason)?;
        match self.undelivered {
            0 => Ok(()),
            events => write!(f, ", {events} events undelivered"),
        }
    }
}

/// Runs a client. Made by [`client`](crate::client).
#[derive(Debug)]
#[must_use = "a driver does nothing unless it is run"]
pub struct Driver {
    client: Client,
    ends: Ends,
    policy: DialPolicy,
    write_timeout: Duration,
}

/// A header field that the upgrade cannot have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidHeader;

impl fmt::Display for InvalidHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no name and value of a header field, or one that the upgrade itself sets")
    }
}

impl std::error::Error for InvalidHeader {}

impl Driver {
    pub(crate) fn new(client: Client, ends: Ends) -> Driver {
        Driver { client, ends, policy: DialPolicy::default(), write_timeout: WRITE_TIMEOUT }
    }

    /// Puts another client in the place of this one's, with the same handles.
    pub(crate) fn with_client(self, client: Client) -> Driver {
        Driver { client, ..self }
    }

    /// Authenticates dials with headers of their own, made when the transport is ready: those to endpoints that
    /// are [`authenticated`](gemini_ws::Config::authenticated), or all if none is. Default: public use only; then dials
    /// to authenticated endpoints fail at once with [`ConnectFailure::NoCredentials`](gemini_ws::ConnectFailure::NoCredentials).
    ///
    /// Give all clients of one key clones of the same [`SharedSigner`]; a
    /// [`Signer`](gemini_ws::Signer) is enough for a single one. Only what goes to `wss://` or stays on this machine is
    /// signed; other dials fail with [`ConnectFailure::NotSecure`](gemini_ws::ConnectFailure::NotSecure), unless
    /// [`sign_in_clear_text`](Driver::sign_in_clear_text) allows them.
    ///
    /// ```
    /// use gemini_ws_driver::gemini_ws::{Client, Config, Credentials, PRODUCTION, Signer};
    /// use gemini_ws_driver::{SharedSigner, client};
    ///
    /// let signer = SharedSigner::new(Signer::new(Credentials::hmac("key", "top secret")?));
    /// let (_handle, driver) = client(Client::single(Config::new(PRODUCTION)));
    /// let driver = driver.sign_with(signer.clone());
    /// let shown = format!("{driver:?}");
    /// assert!(shown.contains("Credentials(Hmac)") && !shown.contains("top secret"));
    /// # Ok::<(), gemini_ws_driver::gemini_ws::InvalidCredentials>(())
    /// ```
    pub fn sign_with(mut self, signer: impl Into<SharedSigner>) -> Driver {
        self.policy.sign_with(signer.into());
        self
    }

    /// Signs dials to `ws://` addresses of other machines too: whoever is on the way reads the key, and the token if
    /// it is one. For a network of your own, in which something else secures the connection.
    ///
    /// ```
    /// use gemini_ws_driver::client;
    /// use gemini_ws_driver::gemini_ws::{Client, Config};
    ///
    /// let (_handle, driver) = client(Client::single(Config::new("ws://10.0.0.7:8080")));
    /// assert!(format!("{:?}", driver.sign_in_clear_text()).contains("signs_in_clear: true"));
    /// ```
    pub fn sign_in_clear_text(mut self) -> Driver {
        self.policy.sign_in_clear();
        self
    }

    /// Adds a header field to each upgrade, as a gateway on the way may want; `User-Agent` takes the place of
    /// [`USER_AGENT`](crate::USER_AGENT). Name and password for a gateway belong into the address.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] if it is no header field, or one of the upgrade's own.
    ///
    /// ```
    /// use gemini_ws_driver::gemini_ws::{Client, Config, PRODUCTION};
    /// use gemini_ws_driver::{InvalidHeader, client};
    ///
    /// let (_handle, driver) = client(Client::single(Config::new(PRODUCTION)));
    /// let driver = driver.header("X-Team", "market data")?;
    /// assert_eq!(driver.header("Host", "elsewhere").err(), Some(InvalidHeader));
    /// # Ok::<(), InvalidHeader>(())
    /// ```
    pub fn header(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Driver, InvalidHeader> {
        if !self.policy.add_field(name.into(), value.into()) {
            return Err(InvalidHeader);
        }
        Ok(self)
    }

    /// How long what is to be written may wait for a peer that takes nothing: then the link is given up as
    /// [`Lost::Transport`](gemini_ws::Lost::Transport), and another is opened. What was asked over it has no known outcome. Default:
    /// [`WRITE_TIMEOUT`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gemini_ws_driver::client;
    /// use gemini_ws_driver::gemini_ws::{Client, Config, PRODUCTION};
    ///
    /// let (_handle, driver) = client(Client::single(Config::new(PRODUCTION)));
    /// let driver = driver.write_timeout(Duration::from_secs(3));
    /// assert!(format!("{driver:?}").contains("write_timeout: 3s"));
    /// ```
    pub fn write_timeout(mut self, longest: Duration) -> Driver {
        self.write_timeout = longest;
        self
    }

    /// How long an order of a [`Ticket`](crate::Ticket) may be in doubt before the ticket ends as
    /// [`Done::Unknown`](crate::Done::Unknown). Default: [`DOUBT_TIMEOUT`](crate::DOUBT_TIMEOUT).
    pub fn doubt_timeout(mut self, longest: Duration) -> Driver {
        self.ends.keeper.tickets.set_doubt_timeout(longest);
        self
    }

    /// Connects and keeps connected until [`close`](crate::Handle::close), or until going on is
    /// useless. Calls `on_event` for each event, in this task: return soon. It is given the client,
    /// for commands, and the time to pass to them.
    ///
    /// Dropping the future drops the sockets without a handshake. Whoever waits for it learns that at once: commands
    /// and requests are answered with `Closed`, and [`Events`] ends.
    pub async fn run<R: Runtime>(
        self,
        runtime: R,
        on_event: impl FnMut(&mut Client, Instant, &Event<'_>),
    ) -> Closed {
        self.run_with(runtime, Callback(on_event)).await
    }

    /// The same with a timer for the application: `on_wake` is called for each event, and at the instant that it
    /// returned last, if it is not `None`, or up to a millisecond later. The first call is [`Wake::Timer`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gemini_ws_driver::gemini_ws::{Client, Instant};
    /// use gemini_ws_driver::{Closed, Driver, Runtime, Wake};
    ///
    /// /// Pings the venue each second, whatever comes.
    /// async fn run<R: Runtime>(driver: Driver, runtime: R) -> Closed {
    ///     let mut next = Instant::ZERO;
    ///     let on_wake = |client: &mut Client, now: Instant, wake: Wake<'_>| {
    ///         if let Wake::Timer = wake {
    ///             // The reply is an event; nobody waits for it.
    ///             let _ = client.request(now, &gemini_ws_driver::gemini_ws::Request::Ping);
    ///             next = now + Duration::from_secs(1);
    ///         }
    ///         Some(next)
    ///     };
    ///     driver.run_with_timer(runtime, on_wake).await
    /// }
    /// ```
    pub async fn run_with_timer<R: Runtime>(
        self,
        runtime: R,
        on_wake: impl FnMut(&mut Client, Instant, Wake<'_>) -> Option<Instant>,
    ) -> Closed {
        self.run_with(runtime, Woken::new(on_wake)).await
    }

    /// The same, with owned events in a queue of at most `capacity` events of market data, at least one: spawn
    /// the future, and take from [`Events`]. While the queue is full the driver reads no more frames, so TCP
    /// holds the peer back; timers and commands go on.
    pub fn run_with_events<R: Runtime>(
        self,
        runtime: R,
        capacity: usize,
    ) -> (Events, impl Future<Output = Closed> + use<R>) {
        self.run_with_queue(runtime, queue_of(capacity))
    }

    /// The same with a queue of your own, which says what gives way when it is full.
    pub fn run_with_queue<R: Runtime>(
        self,
        runtime: R,
        queue: EventQueue,
    ) -> (Events, impl Future<Output = Closed> + use<R>) {
        let (events, channel) = Channel::new(queue);
        (events, self.run_with(runtime, channel))
    }

    pub(crate) async fn run_with<R: Runtime>(mut self, runtime: R, delivery: impl Delivery) -> Closed {
        // Already open, or already closed: both are fine.
        let _ = self.client.open(runtime.timer().now());
        let policy = self.policy.for_endpoints(self.client.is_authenticated());
        let mut task = Task::new(runtime, (self.client, self.ends), policy, self.write_timeout, delivery);
        poll_fn(move |context| task.turn(context)).await
    }
}

/// A queue that has the peer wait when so many events of market data are in it.
pub(crate) fn queue_of(capacity: usize) -> EventQueue {
    EventQueue::new(Overflow::Block).events_max(capacity)
}
