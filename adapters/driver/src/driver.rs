//! [`Driver`]: a client, and the settings with which it runs.

use std::fmt;
use std::future::{Future, poll_fn};
use std::time::Duration;

use gemini_ws::{Client, CloseReason, Event, EventQueue, Instant, Overflow};

use crate::delivery::{Callback, Channel, Delivery, Events, Wake, Woken};
use crate::dial::DialPolicy;
use crate::handle::Ends;
use crate::runtime::Runtime;
use crate::signer::SharedSigner;
use crate::task::Task;

/// The default of [`Driver::write_timeout`].
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a driver ended: the result of its future.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Closed {
    /// The reason why the client closed.
    pub reason: CloseReason,
    /// What caused the end.
    pub ended_by: EndedBy,
    /// How many events were still in the queue when the driver ended; 0 without a queue. After the client has closed,
    /// the driver waits up to a second for the application to take the events.
    pub undelivered: usize,
}

/// What caused the end of a driver.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EndedBy {
    /// The client closed for one of these reasons:
    ///
    /// - All links of the client ended for good.
    /// - The application called [`Handle::close`](crate::Handle::close),
    ///   [`Handle::shut_down`](crate::Handle::shut_down), [`Client::close`], [`Client::close_by`] or
    ///   [`Client::shut_down`].
    Client,
    /// The application dropped all [handles](crate::Handle), [tickets](crate::Ticket) and
    /// [readers of books](crate::BookReader). If [cancels of tickets](crate::Ticket::cancel) had no final reply then,
    /// the driver waited for these replies before it closed: about 10 s at most, together with the closing.
    HandlesDropped,
    /// The application dropped [`Events`]. The driver first waited for replies to cancels, as for `HandlesDropped`.
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

/// Runs a client. Returned by [`client`](crate::client), together with a handle.
#[derive(Debug)]
#[must_use = "a driver does nothing unless it is run"]
pub struct Driver {
    client: Client,
    ends: Ends,
    policy: DialPolicy,
    write_timeout: Duration,
}

/// The error of [`Driver::header`]: the header field is malformed or reserved.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InvalidHeader;

impl fmt::Display for InvalidHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid header field, or a field that the upgrade itself sets")
    }
}

impl std::error::Error for InvalidHeader {}

impl Driver {
    pub(crate) fn new(client: Client, ends: Ends) -> Driver {
        Driver { client, ends, policy: DialPolicy::default(), write_timeout: WRITE_TIMEOUT }
    }

    pub(crate) fn with_client(self, client: Client) -> Driver {
        Driver { client, ..self }
    }

    /// Signs dials to [`authenticated`](gemini_ws::Config::authenticated) endpoints. While the client has no
    /// authenticated endpoint, the driver signs every dial.
    ///
    /// `sign_with` does not mark an endpoint as authenticated. While no endpoint of the current API is authenticated,
    /// the client refuses orders and streams of an account, even if the driver signs the dials.
    ///
    /// Without a signer, dials to authenticated endpoints fail with
    /// [`ConnectFailure::NoCredentials`](gemini_ws::ConnectFailure::NoCredentials).
    ///
    /// All clients of one key must get clones of the same [`SharedSigner`]; for a single client, a
    /// [`Signer`](gemini_ws::Signer) is enough. The driver signs only dials to `wss://` addresses and to this
    /// machine. Any other dial that must be signed fails with
    /// [`ConnectFailure::NotSecure`](gemini_ws::ConnectFailure::NotSecure), unless you call
    /// [`sign_in_clear_text`](Driver::sign_in_clear_text).
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

    /// Signs dials to `ws://` addresses of other machines too. Every machine on the path can read the API key or the
    /// token. Call this only if something else secures the connection.
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

    /// Adds a header field to upgrade requests, or replaces the field of the same name that an earlier call added.
    /// The field `User-Agent` replaces [`USER_AGENT`](crate::USER_AGENT). To send a name and a password to a gateway,
    /// put them into the URL. If the driver signs with a bearer token, it sends the token instead of the name and the
    /// password.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] if the name is not a token of HTTP, if the value contains anything but printable ASCII
    /// characters, spaces and tabs, or if the field is reserved. The reserved fields are `Authorization`,
    /// `Connection`, `Content-Length`, `Host`, `Transfer-Encoding`, `Upgrade`, and all fields whose names begin with
    /// `Sec-WebSocket-` or `X-Gemini-`.
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

    /// Sets how long outgoing data may wait while the peer takes no bytes. With zero, a link ends as soon as data has
    /// to wait. Default: [`WRITE_TIMEOUT`].
    ///
    /// After that time the driver ends the link as [`Lost::Transport`](gemini_ws::Lost::Transport). The client
    /// replaces the link if it still needs one. The venue may have carried out requests that have no reply yet.
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

    /// Sets two time limits to the same value:
    ///
    /// - How long a [`Ticket`](crate::Ticket) waits while its order is in doubt or has had no event. After this time,
    ///   the ticket ends as [`Done::Unknown`](crate::Done::Unknown).
    /// - How long the venue may owe an event about an order ([`Order::awaited`](gemini_ws::Order::awaited)). After
    ///   this time, the driver puts the order in doubt, with or without a ticket.
    ///
    /// Less than 1 ms counts as 1 ms. Default: [`DOUBT_TIMEOUT`](crate::DOUBT_TIMEOUT).
    pub fn doubt_timeout(mut self, longest: Duration) -> Driver {
        self.ends.keeper.set_doubt_timeout(longest);
        self
    }

    /// Connects, and reconnects until the driver ends; see [`EndedBy`]. For each event, the driver calls `on_event`
    /// in the task of this future, with the client and with the time to pass to the client's methods. `on_event`
    /// should return soon: the driver does nothing else meanwhile.
    ///
    /// Dropping the future drops the sockets without a closing handshake. Calls of a [`Handle`](crate::Handle) that
    /// wait then report that the driver has ended. Exception: if the client had already accepted an order for
    /// sending, [`Handle::place`](crate::Handle::place) returns the ticket of the order, which has ended as
    /// [`Done::Unknown`](crate::Done::Unknown).
    pub async fn run<R: Runtime>(
        self,
        runtime: R,
        on_event: impl FnMut(&mut Client, Instant, &Event<'_>),
    ) -> Closed {
        self.run_with(runtime, Callback(on_event)).await
    }

    /// Runs the client like [`run`](Driver::run), with a timer for the application. The driver calls `on_wake` with
    /// each event as [`Wake::Event`]. Each call of `on_wake`, also one with an event, sets the timer: it returns the
    /// instant of the next call with [`Wake::Timer`], or `None` to remove the timer. The first call is a
    /// [`Wake::Timer`], unless the application closes the driver before its first poll. There is at least a
    /// millisecond between two calls with [`Wake::Timer`], even if the instant has already passed.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gemini_ws_driver::gemini_ws::{Client, Instant};
    /// use gemini_ws_driver::{Closed, Driver, Runtime, Wake};
    ///
    /// /// Pings the venue each second.
    /// async fn run<R: Runtime>(driver: Driver, runtime: R) -> Closed {
    ///     let mut next = Instant::ZERO;
    ///     let on_wake = |client: &mut Client, now: Instant, wake: Wake<'_>| {
    ///         if let Wake::Timer = wake {
    ///             // The reply arrives as an event.
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

    /// Runs the client and puts owned events into a queue. Spawn the future, and take events from [`Events`]. The
    /// queue is full in each of these cases:
    ///
    /// - It holds `capacity` events of market data (0 counts as 1).
    /// - It holds 32 MiB of market data.
    /// - All other events fill half of the room that is reserved for them
    ///   ([`RESERVED_EVENTS_MAX`](gemini_ws::RESERVED_EVENTS_MAX),
    ///   [`RESERVED_BYTES_MAX`](gemini_ws::RESERVED_BYTES_MAX)).
    ///
    /// While the queue is full, the driver reads no frames and answers no pings: see [`Overflow::Block`]. Timers and
    /// commands continue. While the driver shuts down or closes, it reads frames even if the queue is full; the queue
    /// then drops the oldest market data and reports an [`Event::Overflow`]. Dropping the future ends [`Events`].
    pub fn run_with_events<R: Runtime>(
        self,
        runtime: R,
        capacity: usize,
    ) -> (Events, impl Future<Output = Closed> + use<R>) {
        self.run_with_queue(runtime, queue_of(capacity))
    }

    /// Runs the client and puts owned events into your own queue, whose [`Overflow`] says what a full queue does.
    /// With every `Overflow`, the driver reads no frames while [`EventQueue::has_room`] returns `false`, unless it
    /// shuts down or closes.
    pub fn run_with_queue<R: Runtime>(
        self,
        runtime: R,
        queue: EventQueue,
    ) -> (Events, impl Future<Output = Closed> + use<R>) {
        let (events, channel) = Channel::new(queue);
        (events, self.run_with(runtime, channel))
    }

    pub(crate) async fn run_with<R: Runtime>(self, runtime: R, delivery: impl Delivery) -> Closed {
        let Driver { client, ends, policy, write_timeout } = self;
        let mut task = Task::new(runtime, (client, ends), policy, write_timeout, delivery);
        poll_fn(move |context| task.turn(context)).await
    }
}

pub(crate) fn queue_of(capacity: usize) -> EventQueue {
    EventQueue::new(Overflow::Block).events_max(capacity)
}
