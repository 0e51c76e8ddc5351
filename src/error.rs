//! [`CommandError`]: the reasons for which the client refuses a command.

use core::fmt;
use core::time::Duration;

use crate::request::stream::Stream;
use crate::value::time::Instant;

/// The reason why the client refused a command. A refused command changes nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CommandError {
    /// The client is shutting down or closed; make a new client.
    Closed,
    /// No link that could take the request is open now. Try again after [`Event::Live`](crate::Event::Live). In these
    /// cases, first act:
    ///
    /// - [`Client::open`](crate::Client::open) was not called, or a link to the endpoint has failed for good
    ///   ([`Event::LinkClosed`](crate::Event::LinkClosed)): call `open`.
    /// - No stream needs a link to the endpoint, and the endpoint does not [stay open](crate::Config::stay_open):
    ///   subscribe to a stream there.
    /// - The command named a link that has ended: name the new link of the slot.
    NotConnected,
    /// This limit is reached: unsubscribe, wait for replies or poll outputs, depending on the limit.
    TooMany(Limit),
    /// The stream `with` is already subscribed and excludes this stream: unsubscribe `with` first. What you can do
    /// instead depends on the reason:
    ///
    /// - The frames of the two streams look alike, and both are at one endpoint: subscribe to one of them at a second
    ///   endpoint.
    /// - A client has only one depth stream for each symbol, at all endpoints together: use a second client.
    Ambiguous {
        /// The stream that is already subscribed.
        with: Stream,
    },
    /// The endpoint does not have the stream, or does not take requests. If the command names no endpoint, this is
    /// true of every endpoint of the client. Market data v2 takes subscriptions but no requests. Market data v1 and
    /// order events v1 take neither subscriptions nor requests: the address decides what the venue sends.
    WrongEndpoint,
    /// No subscription has this id. For example, the subscription was unsubscribed or rejected. Do not pass the id of
    /// another client: its number may also be the id of a subscription of this client.
    UnknownStream,
    /// No endpoint has this id: the endpoint was removed. Do not pass the id of another client: its number may also
    /// be the id of an endpoint of this client.
    UnknownEndpoint,
    /// The stream or the request needs an [authenticated](crate::Config::authenticated) endpoint of the current API.
    /// The error has one of two causes:
    ///
    /// - The command names an endpoint that is not authenticated, or a link to such an endpoint.
    /// - The command names neither, and the client has no authenticated endpoint of the current API.
    NotAuthenticated,
    /// Several endpoints could take the request, and the client cannot choose one. Name the endpoint with
    /// [`Client::request_at`](crate::Client::request_at).
    SeveralEndpoints,
    /// The endpoint has several links, and the request is about the session of one of them. Name the link with
    /// [`Client::request_over`](crate::Client::request_over).
    SeveralLinks,
    /// A link to the endpoint has failed for good, and the client makes no further attempt in its slot (see
    /// [`Event::LinkClosed`](crate::Event::LinkClosed)). [`Client::open`](crate::Client::open) connects the slot
    /// again. Only commands about streams return this error; a request returns
    /// [`NotConnected`](CommandError::NotConnected).
    GivenUp,
    /// A rate limit is reached.
    RateLimited {
        /// The limit. If several limits are reached, the one that holds the request back the longest.
        limit: RateKind,
        /// The length of the limit's window; zero if the venue has asked the client to send nothing for now.
        window: Duration,
        /// The earliest instant at which the limits have room for the request.
        retry: Instant,
    },
}

/// The limits that a [`CommandError::RateLimited`] can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RateKind {
    /// [`Config::request_limit`](crate::Config::request_limit), or a limit on requests that the venue has reported.
    Requests,
    /// [`Config::order_limit`](crate::Config::order_limit), or a limit on orders that the venue has reported.
    Orders,
}

/// The limits that a [`CommandError::TooMany`] can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Limit {
    /// [`ClientConfig::streams_max`](crate::ClientConfig::streams_max), for the streams of a client; or
    /// [`Config::streams_max`](crate::Config::streams_max), for the subscriptions to one stream.
    Streams,
    /// [`ClientConfig::links_max`](crate::ClientConfig::links_max).
    Links,
    /// [`Config::requests_in_flight_max`](crate::Config::requests_in_flight_max).
    RequestsInFlight,
    /// [`OUTPUT_MAX`](crate::OUTPUT_MAX): the driver has not polled the outputs.
    Outputs,
}

impl fmt::Display for RateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            RateKind::Requests => "requests",
            RateKind::Orders => "orders",
        })
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Limit::Streams => "streams",
            Limit::Links => "links",
            Limit::RequestsInFlight => "requests in flight",
            Limit::Outputs => "outputs",
        })
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::Closed => f.write_str("the client is shutting down or closed; make a new client"),
            CommandError::NotConnected => f.write_str("not connected now; try again when the link is live"),
            CommandError::TooMany(Limit::Streams) => f.write_str("too many streams; unsubscribe one first"),
            CommandError::TooMany(Limit::Links) => f.write_str("too many links; unsubscribe streams first"),
            CommandError::TooMany(Limit::RequestsInFlight) => {
                f.write_str("too many requests in flight; wait for replies")
            }
            CommandError::TooMany(Limit::Outputs) => f.write_str("too many outputs wait; poll them"),
            CommandError::Ambiguous { with } => write!(
                f,
                "{with} is subscribed, whose frames look the same; unsubscribe it first, or use a second client",
            ),
            CommandError::WrongEndpoint => f.write_str(
                "no endpoint that the command may use has the stream or takes the request; name or add another",
            ),
            CommandError::UnknownStream => f.write_str("no subscription of this client has this id"),
            CommandError::UnknownEndpoint => f.write_str("no endpoint of this client has this id"),
            CommandError::NotAuthenticated => {
                f.write_str("only an authenticated endpoint takes this; name or add one")
            }
            CommandError::SeveralEndpoints => {
                f.write_str("several endpoints could take the request; name one of them")
            }
            CommandError::SeveralLinks => {
                f.write_str("the endpoint has several links; name the link whose session the request is about")
            }
            CommandError::GivenUp => {
                f.write_str("a link to the endpoint has failed for good; call `open` to connect it again")
            }
            CommandError::RateLimited { limit, window, .. } => {
                match window.is_zero() {
                    true => write!(f, "the venue has asked for a pause, so no {limit} can be sent")?,
                    false => write!(f, "too many {limit} in {window:?}")?,
                }
                // The number of the instant says nothing to a reader who does not know the origin of the clock.
                f.write_str("; try again at the instant `retry` of this error")
            }
        }
    }
}

impl core::error::Error for CommandError {}
