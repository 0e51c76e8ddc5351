//! Faults of clients with several endpoints, and of endpoints that are removed.

use gemini_ws::{
    Client, ClientConfig, Config, EndpointId, Event, EventBuf, EventQueue, Frame, LinkId, Lost, Orders,
    Output, Overflow, Request, Scratch, StaleReason,
};

use super::super::line::ack;
use super::fed::{Fed, new_order, order, s, t, v1};

/// Returns the link that an event names, found as the documentation of [`Orders`] describes.
fn link_of(event: &Event<'_>) -> Option<LinkId> {
    match *event {
        Event::Requested { link, .. }
        | Event::Reply { link, .. }
        | Event::Subscribed { link, .. }
        | Event::Unsubscribed { link, .. }
        | Event::Disconnected { link, .. } => Some(link),
        ref event => event.source().and_then(|source| source.link()),
    }
}

/// A client with one endpoint for each of two accounts, and an [`Orders`] for each account.
struct Accounts {
    client: Client,
    ids: Vec<EndpointId>,
    orders: [Orders; 2],
}

impl Accounts {
    fn open() -> Accounts {
        let mut client = Client::new(ClientConfig::new(), 1);
        let mut add = |url| {
            let id = client.add(t(0), Config::new(url).authenticated(true)).unwrap();
            client.subscribe_at(t(0), id, s("orders@account"), None).unwrap();
            id
        };
        let ids = ["ws://a", "ws://b"].map(&mut add).to_vec();
        client.open(t(0)).unwrap();
        Accounts { client, ids, orders: [Orders::new(), Orders::new()] }
    }

    fn apply(&mut self, event: &Event<'_>) {
        let Some(link) = link_of(event) else { return };
        let endpoint = self.client.endpoint(link).expect("every link has an endpoint");
        let place = self.ids.iter().position(|id| *id == endpoint).unwrap();
        self.orders[place].apply(event);
    }

    fn poll(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect(link) => self.client.handle_connected(link, t(0)),
                Output::Send { link, text } if text.contains("subscribe") => self.hear(link, &ack(&text)),
                Output::Event(event) => self.apply(&event),
                _ => {}
            }
        }
    }

    fn hear(&mut self, link: LinkId, text: &str) {
        let mut scratch = Scratch::new();
        let event = self.client.handle_frame(link, t(3), Frame::Text(text), &mut scratch);
        if let Some(event) = event.map(|event| EventBuf::from(&event)) {
            self.apply(&event.event_in(&mut Scratch::new()));
        }
    }
}

/// An endpoint is removed while an order is open there. The last events of the endpoint still reach the [`Orders`] of
/// its account, so the order is in doubt.
#[test]
fn the_last_events_of_a_removed_endpoint_name_the_endpoint() {
    let mut it = Accounts::open();
    it.poll();
    let links: Vec<LinkId> = it.client.links().map(|(link, ..)| link).collect();
    it.client.request_at(t(2), it.ids[0], &Request::PlaceOrder(new_order("a1"))).unwrap();
    it.poll();
    it.hear(links[0], &order(77, Some("a1"), "OPEN", ""));
    assert_eq!(it.orders[0].get(77).unwrap().doubt(), None);
    it.client.remove(t(4), it.ids[0]).unwrap();
    it.poll();
    assert_eq!(it.orders[0].get(77).unwrap().doubt(), Some(StaleReason::NotSubscribed));
    it.client.handle_lost(links[0], t(5), Lost::Reset);
    it.poll();
    let ids = [0, 1].map(|place| it.client.endpoint(links[place]));
    assert_eq!(ids, [Some(it.ids[0]), Some(it.ids[1])]);

    // Another endpoint takes the slot.
    let third = it.client.add(t(6), Config::new("ws://c").stay_open(true)).unwrap();
    let of_third = it.client.links().find(|(_, endpoint, _)| *endpoint == third).unwrap().0;
    assert_eq!(of_third.slot(), links[0].slot());
    assert_eq!((it.client.endpoint(of_third), it.client.endpoint(links[0])), (Some(third), Some(it.ids[0])));
}

/// The application removes an endpoint of market data v1. When its link has ended, `Books` removes its book, because
/// no link will deliver the book again.
#[test]
fn the_book_of_a_removed_endpoint_of_market_data_v1_is_removed() {
    for venue_replies in [true, false] {
        let mut client = Client::new(ClientConfig::new(), 1);
        let ids = ["btcusd", "ethusd"]
            .map(|symbol| client.add(t(0), Config::new(format!("ws://v/v1/marketdata/{symbol}"))).unwrap());
        let mut fed = Fed::of(client);
        let links: Vec<LinkId> = fed.client.links().map(|(link, ..)| link).collect();
        for link in &links {
            fed.feed_over(*link, 1, &v1(0, 100, "initial"));
        }
        // A link that is lost while its endpoint exists leaves a stale book, because the client connects again.
        fed.client.handle_lost(links[1], t(2), Lost::Reset);
        fed.poll();
        fed.client.remove(t(3), ids[0]).unwrap();
        fed.poll();
        match venue_replies {
            true => fed.client.handle_lost(links[0], t(4), Lost::Closed { code: Some(1000) }),
            false => fed.client.handle_timeout(t(60_000)),
        }
        fed.poll();
        let reasons = ["btcusd", "ethusd"].map(|it| fed.books.get(it).map(|book| book.stale_reason()));
        assert_eq!(reasons, [None, Some(Some(StaleReason::Disconnected))]);
    }
}

/// Frames of one topic and symbol at two endpoints belong to two streams.
#[test]
fn data_of_another_endpoint_replaces_no_waiting_data() {
    let ticker =
        |price: &str| format!(r#"{{"u":1,"E":1,"s":"btcusd","b":"{price}","B":"1","a":"1000","A":"1"}}"#);
    let depth = |bids: &str| format!(r#"{{"lastUpdateId":1,"symbol":"btcusd","bids":[{bids}],"asks":[]}}"#);
    for (streams, frames) in [
        (["btcusd@bookTicker"; 2], [ticker("100"), ticker("999")]),
        (["btcusd@depth20", "btcusd@depth5"], [depth(r#"["9","1"],["8","1"]"#), depth(r#"["9","1"]"#)]),
    ] {
        let mut client = Client::new(ClientConfig::new(), 1);
        for stream in streams {
            let id = client.add(t(0), Config::new("ws://v")).unwrap();
            client.subscribe_at(t(0), id, s(stream), None).unwrap();
        }
        let mut fed = Fed::of(client);
        let links: Vec<LinkId> = fed.client.links().map(|(link, ..)| link).collect();
        let (mut queue, mut scratch) = (EventQueue::new(Overflow::Latest), Scratch::new());
        for time in [2, 3] {
            for (link, frame) in links.iter().zip(&frames) {
                let event = fed.client.handle_frame(*link, t(time), Frame::Text(frame), &mut scratch);
                queue.push(&event.unwrap());
            }
        }
        assert_eq!((queue.len(), queue.replaced(), queue.dropped()), (2, 2, 0), "{streams:?}");
        for link in links {
            let mut event = queue.take().unwrap();
            let source = event.as_event().source().unwrap();
            assert_eq!((source.link(), source.received()), (Some(link), Some(t(3))), "{streams:?}");
        }
    }
}
