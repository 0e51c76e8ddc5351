//! [`Protocol`]: the [`Session`] of a link, chosen by its endpoint.

use crate::archive::market_data_v1::MarketDataV1;
use crate::archive::market_data_v2::MarketDataV2;
use crate::archive::order_events_v1::OrderEventsV1;
use crate::config::Config;
use crate::event::Event;
use crate::link::context::Context;
use crate::link::dialect::Dialect;
use crate::link::feed::Feed;
use crate::link::outbox::StreamRequest;
use crate::link::receive::Current;
use crate::link::session::{Reception, Session};
use crate::value::endpoint::Endpoint;
use crate::wire::Scratch;

#[derive(Clone, Debug)]
pub(super) enum Protocol {
    Current(Current),
    MarketDataV2(MarketDataV2),
    MarketDataV1(MarketDataV1),
    OrderEventsV1(OrderEventsV1),
}

impl Protocol {
    pub(super) fn of(config: &Config) -> Protocol {
        match config.endpoint() {
            Endpoint::Streams => Protocol::Current(Current),
            Endpoint::MarketDataV2 => Protocol::MarketDataV2(MarketDataV2::default()),
            Endpoint::MarketDataV1 => Protocol::MarketDataV1(MarketDataV1::new(config)),
            Endpoint::OrderEventsV1 => Protocol::OrderEventsV1(OrderEventsV1::default()),
        }
    }
}

macro_rules! dispatch {
    ($protocol:ident, $session:ident => $work:expr) => {
        match $protocol {
            Protocol::Current($session) => $work,
            Protocol::MarketDataV2($session) => $work,
            Protocol::MarketDataV1($session) => $work,
            Protocol::OrderEventsV1($session) => $work,
        }
    };
}

impl Session for Protocol {
    fn dialect(&self) -> &'static Dialect {
        dispatch!(self, session => session.dialect())
    }

    fn opened(&mut self) {
        dispatch!(self, session => session.opened());
    }

    fn has_books(&self) -> bool {
        dispatch!(self, session => session.has_books())
    }

    #[inline]
    fn receive<'f>(
        &mut self,
        reception: &mut Reception<'_, '_>,
        text: &'f str,
        scratch: &'f mut Scratch,
    ) -> Option<Event<'f>> {
        dispatch!(self, session => session.receive(reception, text, scratch))
    }

    fn expired(
        &mut self,
        feed: &mut Feed,
        cx: &mut Context<'_>,
        request: &StreamRequest,
        id: u64,
        is_silent: bool,
    ) {
        dispatch!(self, session => session.expired(feed, cx, request, id, is_silent));
    }
}
