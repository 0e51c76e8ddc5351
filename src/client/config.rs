//! [`ClientConfig`]: the limits of a client over all its links.

use crate::value::id::StreamId;

/// The limits of a [`Client`](crate::Client) over all its links.
///
/// ```
/// use gemini_ws::ClientConfig;
///
/// assert_eq!(ClientConfig::new().links_max(8).get_links_max(), 8);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClientConfig {
    pub(super) links_max: usize,
    pub(super) streams_max: usize,
}

impl ClientConfig {
    /// Returns the defaults.
    pub const fn new() -> ClientConfig {
        ClientConfig { links_max: 64, streams_max: 4_096 }
    }

    /// Sets how many links the client may have at the same time, from 1 to 1,024. Default: 64. Each symbol of
    /// `/v1/marketdata/{symbol}` needs a link of its own. From [`Client::add`](crate::Client::add) on, one link is
    /// reserved for each endpoint that [stays open](crate::Config::stay_open).
    #[must_use]
    pub const fn links_max(mut self, links: usize) -> ClientConfig {
        self.links_max = match links {
            0 => 1,
            links if links > StreamId::LINKS => StreamId::LINKS,
            links => links,
        };
        self
    }

    /// Sets how many streams all links may have together. With zero, the client refuses every stream. A stream that is
    /// being unsubscribed counts until the venue has confirmed the `unsubscribe`. Default: 4,096.
    /// [`Config::streams_max`](crate::Config::streams_max) limits the streams of one link; the client opens another
    /// link for further streams.
    #[must_use]
    pub const fn streams_max(mut self, streams: usize) -> ClientConfig {
        self.streams_max = streams;
        self
    }
}

impl ClientConfig {
    /// Returns what [`links_max`](ClientConfig::links_max) sets.
    pub const fn get_links_max(&self) -> usize {
        self.links_max
    }

    /// Returns what [`streams_max`](ClientConfig::streams_max) sets.
    pub const fn get_streams_max(&self) -> usize {
        self.streams_max
    }
}

impl Default for ClientConfig {
    fn default() -> ClientConfig {
        ClientConfig::new()
    }
}
