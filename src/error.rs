//! [`CommandError`]: what a command can be refused for.

use core::fmt;
use core::time::Duration;

use crate::request::stream::Stream;
use crate::value::time::Instant;

/// Why a command was refused. Nothing has changed when one is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CommandError {
    /// The connection is closing or closed; make a new one.
    Closed,
    /// There is no open link now; try again after [`Event::Live`](crate::Event::Live).
    NotConnected,
    /// A limit of [`Config`](crate::Config) is reached; unsubscribe, or wait for replies.
    TooMany(Limit),
    /// A stream of the same symbol is subscribed at the endpoint whose frames could not be told apart from those of
    /// the one asked for; unsubscribe that one first, or use a second endpoint. There is one book of a symbol,
    /// whatever the endpoint: for a second one use a second client.
    Ambiguous {
        /// The stream that is subscribed.
        with: Stream,
    },
    /// The endpoint does not have it: streams and requests that exist on another one, or any at all where
    /// the address chooses what is sent.
    WrongEndpoint,
    /// There is no such stream: it was unsubscribed or refused, or it belongs to another connection.
    UnknownStream,
    /// There is no such endpoint: it was removed, or it belongs to another client.
    UnknownEndpoint,
    /// No endpoint of the client is [authenticated](crate::Config::authenticated).
    NotAuthenticated,
    /// Several endpoints could take the request, and it is for one of them; say which one with
    /// [`Client::request_at`](crate::Client::request_at).
    SeveralEndpoints,
    /// The endpoint has several links, and the request is about the session of one; say which one with
    /// [`Client::request_over`](crate::Client::request_over).
    SeveralLinks,
    /// The endpoint was given up, as [`Event::LinkClosed`](crate::Event::LinkClosed) has said; `open` tries it again.
    GivenUp,
    /// A limit on a rate is reached.
    RateLimited {
        /// Which one; of several the one that has no room for the longest.
        limit: RateKind,
        /// The length of its window; zero if the venue has said that nothing may be sent for now.
        window: Duration,
        /// When the request can be sent.
        retry: Instant,
    },
}

/// The limits that a [`CommandError::RateLimited`] can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RateKind {
    /// [`Config::request_limit`](crate::Config::request_limit), or what the venue has named.
    Requests,
    /// [`Config::order_limit`](crate::Config::order_limit), or what the venue has named.
    Orders,
}

/// The limits that a [`CommandError::TooMany`] can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Limit {
    /// [`Config::streams_max`](crate::Config::streams_max), or that of a client.
    Streams,
    /// [`ClientConfig::links_max`](crate::ClientConfig::links_max).
    Links,
    /// [`Config::requests_in_flight_max`](crate::Config::requests_in_flight_max).
    RequestsInFlight,
    /// [`OUTPUT_MAX`](crate::OUTPUT_MAX): nobody polls.
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
            CommandError::Closed => f.write_str("the connection is closed; make a new one"),
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
                "not on this endpoint; see its streams and methods, or the parameters of its address",
            ),
            CommandError::UnknownStream => f.write_str("no such stream on this connection"),
            CommandError::UnknownEndpoint => f.write_str("no such endpoint of this client"),
            CommandError::NotAuthenticated => {
                f.write_str("no endpoint of this client is authenticated; add one that is")
            }
            CommandError::SeveralEndpoints => {
                f.write_str("several endpoints could take the request; name the one that it is for")
            }
            CommandError::SeveralLinks => {
                f.write_str("the endpoint has several links; name the one whose session is meant")
            }
            CommandError::GivenUp => {
                f.write_str("the endpoint was given up; open the client to try it again")
            }
            CommandError::RateLimited { limit, window, retry } => {
                write!(f, "too many {limit} in {window:?}; try again at {} ns", retry.as_nanos())
            }
        }
    }
}

impl core::error::Error for CommandError {}
