//! Commands about streams and requests, and the choice of a link for each stream and each request.

use core::time::Duration;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::archive::market_data_v1::named_books;
use crate::client::Client;
use crate::client::slots::Slot;
use crate::error::{CommandError, Limit};
use crate::link::Link;
use crate::link::subscription::Subscription;
use crate::request::Request;
use crate::request::stream::{Stream, Topic};
use crate::value::endpoint::Endpoint;
use crate::value::id::{EndpointId, LinkId, RequestId, StreamId};
use crate::value::symbol::Symbol;
use crate::value::time::Instant;

// ---- streams -----------------------------------------------------------------------------------

impl Client {
    /// Subscribes to a stream. Before [`open`](Client::open), the client sends nothing. The subscription survives
    /// reconnects. It ends with [`unsubscribe`](Client::unsubscribe) or [`remove`](Client::remove), or when the venue
    /// [rejects](crate::Event::Rejected) the stream.
    ///
    /// The client chooses the endpoint where the stream is already subscribed. If there is none, it chooses the
    /// endpoint that was added first, among those that have the stream. A stream of an account needs an authenticated
    /// endpoint. For any other stream, endpoints without authentication come first.
    ///
    /// Each call returns its own id. If the stream is already subscribed, the client sends nothing. The client asks
    /// the venue to stop the stream only after all ids are unsubscribed. A second subscriber to a depth stream gets
    /// no new snapshot: read the current book from [`Books`](crate::Books).
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::TooMany`]; [`CommandError::WrongEndpoint`] if no endpoint has the
    /// stream; [`CommandError::NotAuthenticated`] if only endpoints without authentication have the stream;
    /// [`CommandError::GivenUp`]; [`CommandError::Ambiguous`] if frames of the stream look like frames of another
    /// subscribed stream, such as `depth` and `depth@100ms` of one symbol.
    pub fn subscribe(&mut self, now: Instant, stream: Stream) -> Result<StreamId, CommandError> {
        self.command(now)?;
        let endpoint = self.endpoint_of(&stream)?;
        self.add_subscriber(endpoint, stream, None)
    }

    /// Subscribes to a stream, and resubscribes when the stream is silent for longer than `silence_max`. An
    /// [`Event::Silent`](crate::Event::Silent) reports each such silence. While the stream stays silent, the limit
    /// doubles with each report, up to 64 times `silence_max`. A `silence_max` of less than 1 ms counts as 1 ms. If
    /// several calls name the same stream, the shortest `silence_max` applies as long as any subscription to the
    /// stream exists.
    ///
    /// # Errors
    ///
    /// The errors of [`subscribe`](Client::subscribe).
    pub fn subscribe_unless_silent(
        &mut self,
        now: Instant,
        stream: Stream,
        silence_max: Duration,
    ) -> Result<StreamId, CommandError> {
        self.command(now)?;
        let endpoint = self.endpoint_of(&stream)?;
        self.add_subscriber(endpoint, stream, Some(silence_max))
    }

    /// Subscribes to a stream at this endpoint, even if the stream is subscribed at another endpoint. A depth stream
    /// is an exception: the client keeps at most one book of each symbol, and refuses a second book with
    /// [`CommandError::Ambiguous`]. To tell the events of two endpoints apart, pass
    /// [`Source::link`](crate::Source::link) to [`Client::endpoint`]. `silence_max` has the same effect as in
    /// [`subscribe_unless_silent`](Client::subscribe_unless_silent); `None` sets no limit.
    ///
    /// # Errors
    ///
    /// [`CommandError::UnknownEndpoint`]; [`CommandError::WrongEndpoint`] if this endpoint does not have the stream;
    /// [`CommandError::NotAuthenticated`] if the stream is of an account and this endpoint is not authenticated; the
    /// other errors of [`subscribe`](Client::subscribe).
    pub fn subscribe_at(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        stream: Stream,
        silence_max: Option<Duration>,
    ) -> Result<StreamId, CommandError> {
        self.command(now)?;
        let config = self.endpoints.get(endpoint).ok_or(CommandError::UnknownEndpoint)?.config();
        if stream.is_private() && config.has(&stream) && !config.authenticated {
            return Err(CommandError::NotAuthenticated);
        }
        self.add_subscriber(endpoint, stream, silence_max)
    }

    /// Ends a subscription. [`Event::Unsubscribed`](crate::Event::Unsubscribed) comes at once. If no other
    /// subscription at the endpoint names the same stream, the client delivers no more data of the stream. If the
    /// stream was requested over an open link, the client also asks the venue to stop the stream. Until the venue
    /// confirms this, [`streams`](Client::streams) shows the stream as
    /// [leaving](crate::lifecycle::StreamState::Leaving).
    ///
    /// # Errors
    ///
    /// [`CommandError::Closed`]; [`CommandError::TooMany`] if too many outputs wait; [`CommandError::UnknownStream`].
    pub fn unsubscribe(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.command(now)?;
        let ended = self.command_link(id.link_slot(), |link, cx| link.unsubscribe(cx, id));
        ended.unwrap_or(Err(CommandError::UnknownStream))
    }

    /// Requests a new snapshot of the book of a subscription. Call this method if the application has lost events of
    /// the book, or if the book shows something impossible. An [`Event::Gap`](crate::Event::Gap) reports that the
    /// book is stale from now on. The call counts as a lost update: after repeated losses
    /// ([`Unserved::Relapsed`](crate::Unserved::Relapsed)) the client waits before it requests the snapshot. The call
    /// has no effect on a stream without a book, or on a book that is already stale.
    ///
    /// # Errors
    ///
    /// The errors of [`unsubscribe`](Client::unsubscribe); [`CommandError::GivenUp`].
    pub fn resync(&mut self, now: Instant, id: StreamId) -> Result<(), CommandError> {
        self.command(now)?;
        self.resync_book(id)
    }

    fn resync_book(&mut self, id: StreamId) -> Result<(), CommandError> {
        let slot = id.link_slot();
        if self.slots.get(slot).is_some_and(|slot| slot.given_up().is_some()) {
            return Err(CommandError::GivenUp);
        }
        match self.command_link(slot, |link, cx| link.resync(cx, id)) {
            // `Closed` says that the link is closing. Its subscriptions have ended, so the client no longer knows the
            // id.
            None | Some(Err(CommandError::Closed)) => Err(CommandError::UnknownStream),
            Some(done) => done,
        }
    }

    /// Requests a new snapshot of every book of each symbol. Pass the symbols from
    /// [`Books::to_resync`](crate::Books::to_resync) or from an [`Event::Overflow`](crate::Event::Overflow). If the
    /// overflow names no symbol, call [`resync_all_books`](Client::resync_all_books).
    ///
    /// Market data v1 sends snapshots only at the beginning of a link. So for a symbol of
    /// [`named_books`](Client::named_books), the client replaces the link, and with it all books of the link.
    ///
    /// Returns how many of the symbols have a depth subscription or are among the named books. A symbol does not
    /// count if its link is closing or has ended for good. Returns zero if the client is shutting down or has ended.
    /// If a snapshot is already on its way, the client does not request a second one.
    ///
    /// ```
    /// use gemini_ws::{Client, ClientConfig, Config, Instant, PRODUCTION};
    ///
    /// let mut client = Client::new(ClientConfig::new(), 1);
    /// client.add(Instant::ZERO, Config::new(PRODUCTION))?;
    /// client.subscribe(Instant::ZERO, "btcusd@depth".parse()?)?;
    /// let symbols = ["btcusd".parse()?, "ethusd".parse()?];
    /// assert_eq!(client.resync_books(Instant::ZERO, symbols), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resync_books(&mut self, now: Instant, symbols: impl IntoIterator<Item = Symbol>) -> usize {
        self.advance(now);
        if self.is_shutting_down() {
            return 0;
        }
        // Collects the books of market data v1 once for all symbols, because an address may contain many symbols.
        let named: BTreeSet<(Symbol, usize)> =
            self.renewable_books().map(|(slot, symbol)| (symbol, slot)).collect();
        let mut requested: usize = 0;
        for symbol in symbols {
            // Continues even if many outputs wait, because the caller may not repeat the call for the remaining
            // books. A book that is already stale adds no output.
            let subscribed = self.book_of(symbol).is_some_and(|id| self.resync_book(id).is_ok());
            let is_requested = self.renew_book(symbol, &named) || subscribed;
            requested = requested.saturating_add(usize::from(is_requested));
        }
        requested
    }

    /// Requests a new snapshot of every book. Call this method if any book may have lost an update: after an
    /// [`Event::Overflow`](crate::Event::Overflow) of [`Topic::Connection`], or of [`Topic::Depth`] without a symbol.
    ///
    /// Calls [`resync_books`](Client::resync_books) with the symbols of all depth subscriptions and of
    /// [`named_books`](Client::named_books), and returns its result.
    ///
    /// ```
    /// use gemini_ws::{Client, Config, Instant, PRODUCTION};
    ///
    /// let mut client = Client::single(Config::new(PRODUCTION));
    /// for stream in ["btcusd@depth", "ethusd@depth", "ethusd@trade"] {
    ///     client.subscribe(Instant::ZERO, stream.parse()?)?;
    /// }
    /// assert_eq!(client.resync_all_books(Instant::ZERO), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resync_all_books(&mut self, now: Instant) -> usize {
        let books = self.streams().filter(|(_, stream, _)| stream.topic() == Topic::Depth);
        let mut symbols: BTreeSet<Symbol> = books.filter_map(|(_, stream, _)| stream.symbol()).collect();
        symbols.extend(self.renewable_books().map(|(_, symbol)| symbol));
        self.resync_books(now, symbols)
    }

    fn book_of(&self, symbol: Symbol) -> Option<StreamId> {
        let mut books = self.alike_by(Topic::Depth, Some(symbol));
        books.find_map(|(_, book)| book.subscribers().first().copied())
    }

    /// Returns the link and the symbol of each book that the venue sends without a subscription. Only links of market
    /// data v1 that receive bids or offers have such books. The address or [`Config::symbol`](crate::Config::symbol)
    /// names their symbols. Links that have failed are included, because [`open`](Client::open) connects their slots
    /// again. Before `open`, and after the end of the client, there are no such links.
    ///
    /// ```
    /// use gemini_ws::{Client, Config, Instant, PRODUCTION};
    ///
    /// let mut client = Client::single(Config::new("wss://api.gemini.com/v1/marketdata/btcusd"));
    /// client.open(Instant::ZERO)?;
    /// let symbols: Vec<_> = client.named_books().map(|(_, symbol)| symbol.to_string()).collect();
    /// assert_eq!(symbols, ["btcusd"]);
    /// assert_eq!(Client::single(Config::new(PRODUCTION)).named_books().count(), 0);
    /// # Ok::<(), gemini_ws::CommandError>(())
    /// ```
    pub fn named_books(&self) -> impl Iterator<Item = (LinkId, Symbol)> + '_ {
        let links = self.slots.links().filter_map(|link| Some((link.id(), named_books(link.config())?)));
        links.flat_map(|(link, symbols)| symbols.into_iter().map(move |symbol| (link, symbol)))
    }

    fn renewable_books(&self) -> impl Iterator<Item = (usize, Symbol)> + '_ {
        let has_ended = |slot: usize| self.slots.get(slot).is_none_or(|slot| slot.given_up().is_some());
        let books = self.named_books().map(|(link, symbol)| (link.slot(), symbol));
        books.filter(move |(slot, _)| !has_ended(*slot))
    }

    /// Replaces each link of market data v1 that has begun to receive the book of this symbol. Returns false if
    /// `named` has no link for the symbol, or only links that are closing or closed.
    fn renew_book(&mut self, symbol: Symbol, named: &BTreeSet<(Symbol, usize)>) -> bool {
        let slots = named.range((symbol, 0)..=(symbol, usize::MAX)).map(|(_, slot)| *slot);
        let renewed = slots
            .filter(|slot| matches!(self.command_link(*slot, |link, cx| link.renew_books(cx)), Some(Ok(()))));
        renewed.count() > 0
    }

    fn endpoint_of(&self, stream: &Stream) -> Result<EndpointId, CommandError> {
        let mut known = self.alike_by(stream.topic(), stream.symbol());
        let present = known.find(|(_, known)| known.stream() == *stream);
        let present = present.and_then(|(slot, _)| self.slots.get(slot)).map(|slot| slot.endpoint());
        present.map_or_else(|| self.endpoints.endpoint_of(stream), Ok)
    }

    fn alike_by(
        &self,
        topic: Topic,
        symbol: Option<Symbol>,
    ) -> impl Iterator<Item = (usize, &Subscription)> + '_ {
        let [first, last] = [EndpointId::new(0), EndpointId::new(u32::MAX)];
        let routes = self.routes.range((topic, symbol, first)..=(topic, symbol, last));
        routes.filter_map(move |((.., endpoint), slot)| {
            let entry = self.slots.get(*slot).filter(|slot| slot.endpoint() == *endpoint)?;
            Some((*slot, entry.link()?.feed().subscriptions().alike_by(topic, symbol)?))
        })
    }

    fn add_subscriber(
        &mut self,
        endpoint: EndpointId,
        stream: Stream,
        silence_max: Option<Duration>,
    ) -> Result<StreamId, CommandError> {
        // The limit doubles with each silence. A limit of zero would remain zero.
        let silence_max = silence_max.map(|longest| longest.max(Duration::from_millis(1)));
        let is_at = |slot: usize| self.slots.get(slot).is_some_and(|slot| slot.endpoint() == endpoint);
        // A client keeps one book of a symbol, whichever endpoint sends the book.
        let is_book = stream.topic() == Topic::Depth;
        let known = {
            let mut alike = self.alike_by(stream.topic(), stream.symbol());
            alike.find(|(slot, _)| is_book || is_at(*slot)).map(|(slot, known)| (slot, known.stream()))
        };
        let slot = match known {
            Some((slot, known)) if known == stream && is_at(slot) => slot,
            // Frames do not show which of the two streams they belong to.
            Some((_, with)) => return Err(CommandError::Ambiguous { with }),
            None => self.slot_for(endpoint, &stream)?,
        };
        if self.slots.get(slot).is_some_and(|slot| slot.given_up().is_some()) {
            return Err(CommandError::GivenUp);
        }
        let added = self.command_link(slot, |link, cx| link.subscribe(cx, stream, silence_max));
        let added = added.unwrap_or(Err(CommandError::UnknownEndpoint));
        if added.is_ok() {
            self.note_route(endpoint, &stream, slot);
        }
        added
    }

    fn note_route(&mut self, endpoint: EndpointId, stream: &Stream, slot: usize) {
        self.routes.insert((stream.topic(), stream.symbol(), endpoint), slot);
        let most = self.slots.sums().streams().saturating_mul(2).max(64);
        if self.routes.len() > most {
            let slots = &self.slots;
            self.routes.retain(|(topic, symbol, endpoint), slot| {
                let entry = slots.get(*slot).filter(|slot| slot.endpoint() == *endpoint);
                let link = entry.and_then(Slot::link);
                link.is_some_and(|link| link.feed().subscriptions().alike_by(*topic, *symbol).is_some())
            });
        }
    }

    fn slot_for(&mut self, endpoint: EndpointId, stream: &Stream) -> Result<usize, CommandError> {
        let entry = self.endpoints.get(endpoint).ok_or(CommandError::UnknownEndpoint)?;
        if !entry.config().has(stream) {
            return Err(CommandError::WrongEndpoint);
        }
        if self.slots.sums().streams() >= self.config.streams_max {
            return Err(CommandError::TooMany(Limit::Streams));
        }
        if let Some(slot) = entry.roomy_slot() {
            return Ok(slot);
        }
        let is_given_up = |slot: &usize| self.slots.get(*slot).is_some_and(|it| it.given_up().is_some());
        if entry.slots().iter().any(is_given_up) {
            return Err(CommandError::GivenUp);
        }
        self.new_link(endpoint)
    }

    pub(super) fn unsubscribe_where(&mut self, slot: usize, which: impl Fn(&Stream) -> bool) {
        self.with_link(slot, |link, cx| {
            let streams = link.streams().filter(|(_, stream, _)| which(stream));
            let ids: Vec<StreamId> = streams.map(|(id, ..)| id).collect();
            for id in ids {
                // An error says that the stream is already `Leaving`, so there is nothing to do.
                let _ = link.unsubscribe(cx, id);
            }
        });
    }
}

// ---- requests ----------------------------------------------------------------------------------

impl Client {
    /// Sends a request to the endpoint that takes it. A request about orders or quotes needs exactly one
    /// authenticated endpoint of the current API. [`Request::ListSubscriptions`] and a [raw](Request::raw) request
    /// need exactly one endpoint of the current API, authenticated or not. Any other request goes over the first open
    /// link; links of authenticated endpoints come before other links.
    ///
    /// Exactly one [`Event::Reply`](crate::Event::Reply) follows, with the [subject](crate::Subject) of the request.
    /// The client never sends a request twice. If the venue did not reply, the event says whether the venue may have
    /// acted.
    ///
    /// To subscribe, use [`subscribe`](Client::subscribe) instead. If [`Request::Subscribe`] makes the venue send a
    /// stream, the client ignores the data of the stream.
    ///
    /// # Errors
    ///
    /// [`CommandError::SeveralEndpoints`] if several endpoints could take a request that needs exactly one endpoint:
    /// name the endpoint with [`request_at`](Client::request_at). [`CommandError::SeveralLinks`] if the request is
    /// about a session and the endpoint has several links: use [`request_over`](Client::request_over).
    /// [`CommandError::WrongEndpoint`] if no endpoint takes requests; [`CommandError::NotConnected`];
    /// [`CommandError::NotAuthenticated`]; [`CommandError::Closed`]; [`CommandError::TooMany`];
    /// [`CommandError::RateLimited`].
    pub fn request(&mut self, now: Instant, request: &Request) -> Result<RequestId, CommandError> {
        self.command(now)?;
        if !self.endpoints.has_api(Endpoint::Streams) {
            return Err(CommandError::WrongEndpoint);
        }
        let authenticated = self.endpoints.of_kind(Endpoint::Streams, true);
        let public = self.endpoints.of_kind(Endpoint::Streams, false);
        let mut possible = authenticated.iter().chain(public.iter().filter(|_| !request.is_of_account()));
        let endpoint = if request.is_of_one_endpoint() {
            let first = possible.next().copied().ok_or(CommandError::NotAuthenticated)?;
            if possible.next().is_some() {
                return Err(CommandError::SeveralEndpoints);
            }
            Some(first)
        } else {
            possible.find(|id| self.open_slots(**id).next().is_some()).copied()
        };
        self.send_to(endpoint.ok_or(CommandError::NotConnected)?, request)
    }

    /// Sends a request to this endpoint, over its first open link. See [`request`](Client::request).
    ///
    /// # Errors
    ///
    /// [`CommandError::UnknownEndpoint`]; [`CommandError::WrongEndpoint`], because only [`Endpoint::Streams`] takes
    /// requests; [`CommandError::NotAuthenticated`] if the request is about an account and the endpoint is not
    /// authenticated; [`CommandError::SeveralLinks`] if the request is about a session and the endpoint has several
    /// links: use [`request_over`](Client::request_over); [`CommandError::NotConnected`]; [`CommandError::Closed`];
    /// [`CommandError::TooMany`]; [`CommandError::RateLimited`].
    ///
    /// ```
    /// use gemini_ws::{Client, ClientConfig, CommandError, Config, Instant, PRODUCTION, Request};
    ///
    /// let mut client = Client::new(ClientConfig::new(), 1);
    /// let [main, other] = [1, 2].map(|_| client.add(Instant::ZERO, Config::new(PRODUCTION).authenticated(true)));
    /// // Which account is meant?
    /// let request = Request::CancelAllOrders;
    /// assert_eq!(client.request(Instant::ZERO, &request), Err(CommandError::SeveralEndpoints));
    /// assert_eq!(client.request_at(Instant::ZERO, main?, &request), Err(CommandError::NotConnected));
    /// # other?; Ok::<(), CommandError>(())
    /// ```
    pub fn request_at(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
        request: &Request,
    ) -> Result<RequestId, CommandError> {
        self.command(now)?;
        let config = self.endpoints.get(endpoint).ok_or(CommandError::UnknownEndpoint)?.config();
        if config.endpoint() != Endpoint::Streams {
            return Err(CommandError::WrongEndpoint);
        }
        if request.is_of_account() && !config.authenticated {
            return Err(CommandError::NotAuthenticated);
        }
        self.send_to(endpoint, request)
    }

    /// Sends a request over this link. Use this method for requests about the session of a link, such as
    /// [`Request::CancelSessionOrders`]. See [`request`](Client::request).
    ///
    /// # Errors
    ///
    /// [`CommandError::NotConnected`] if the link is not open, or has ended; [`CommandError::WrongEndpoint`];
    /// [`CommandError::NotAuthenticated`]; [`CommandError::Closed`]; [`CommandError::TooMany`];
    /// [`CommandError::RateLimited`].
    pub fn request_over(
        &mut self,
        now: Instant,
        link: LinkId,
        request: &Request,
    ) -> Result<RequestId, CommandError> {
        self.command(now)?;
        let known = self.slots.link(link.slot()).filter(|known| known.id() == link && known.is_open());
        let known = known.ok_or(CommandError::NotConnected)?;
        if request.is_of_account() && !known.config().authenticated {
            return Err(CommandError::NotAuthenticated);
        }
        self.send_over(link.slot(), request)
    }

    fn open_slots(&self, endpoint: EndpointId) -> impl Iterator<Item = usize> + '_ {
        let slots = self.endpoints.get(endpoint).into_iter().flat_map(|entry| entry.slots().iter().copied());
        slots.filter(|slot| self.slots.link(*slot).is_some_and(Link::is_open))
    }

    fn send_to(&mut self, endpoint: EndpointId, request: &Request) -> Result<RequestId, CommandError> {
        let mut open = self.open_slots(endpoint);
        let slot = open.next().ok_or(CommandError::NotConnected)?;
        drop(open);
        let links = self.endpoints.get(endpoint).map_or(0, |entry| entry.slots().len());
        if request.is_of_session() && links > 1 {
            return Err(CommandError::SeveralLinks);
        }
        self.send_over(slot, request)
    }

    fn send_over(&mut self, slot: usize, request: &Request) -> Result<RequestId, CommandError> {
        let sent = self.command_link(slot, |link, cx| link.request(cx, request));
        sent.unwrap_or(Err(CommandError::NotConnected))
    }
}
