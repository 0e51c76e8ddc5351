//! Faults of hosts and addresses.

use std::num::NonZeroU32;

use gemini_ws::{Client, ClientConfig, CommandError, Config, Endpoint, Request, Snapshot};

use super::desk::{Desk, SECOND, private, s, t};

// ---- C20: hosts and addresses -------------------------------------------------------------------

fn hosts(client: &Client) -> usize {
    format!("{client:?}").matches("Limits {").count()
}

#[test]
pub(crate) fn c20_hosts_of_removed_endpoints_are_forgotten() {
    for dials in [false, true] {
        let mut desk = Desk::many(ClientConfig::new(), []);
        for n in 0..5_000 {
            desk.now = t(n * 10);
            let config = Config::new(format!("ws://127.0.0.1:{n}/")).stay_open(dials);
            let id = desk.client.add(desk.now, config).unwrap();
            desk.client.remove(desk.now, id).unwrap();
            while desk.client.poll_output().is_some() {}
        }
        assert!(hosts(&desk.client) <= 300, "hosts kept: {}", hosts(&desk.client));
        desk.client.add(t(3_600_000), Config::new("ws://v")).unwrap();
        assert_eq!(hosts(&desk.client), 1);
    }
}

#[test]
pub(crate) fn c20_a_host_that_is_added_again_remembers_what_was_used() {
    let config = || Config::new("ws://v").stay_open(true).dial_limit(2, SECOND * 100);
    let mut desk = Desk::many(ClientConfig::new(), []);
    for _ in 0..10 {
        let id = desk.client.add(t(0), config()).unwrap();
        desk.drain();
        desk.client.remove(t(0), id).unwrap();
    }
    desk.drain();
    assert_eq!(desk.dials(), 1, "half of two at once");
}

/// The limits of a removed endpoint hold as long as its host is needed, and no longer.
#[test]
pub(crate) fn c20_the_limits_of_a_removed_endpoint_hold_for_its_host() {
    let mut desk = Desk::live(private());
    let strict = desk.client.add(t(0), Config::new("ws://V:80/?x=1").request_limit(2, SECOND * 10)).unwrap();
    let requests =
        |desk: &mut Desk| (0..20).filter(|_| desk.client.request(t(0), &Request::Time).is_ok()).count();
    assert_eq!(requests(&mut desk), 1);
    desk.client.remove(t(0), strict).unwrap();
    assert_eq!(requests(&mut desk), 0);
}

#[test]
pub(crate) fn c20_spellings_of_an_address_are_one() {
    let mut client = Client::new(ClientConfig::new(), 1);
    for address in [
        "wss://ws.gemini.com/",
        "wss://WS.Gemini.com:443/",
        "WSS://ws.gemini.com",
        "wss://ws.gemini.com.",
        "wss://a:b@ws.gemini.com:0443/?x=1",
    ] {
        let config = Config::new(address);
        assert!(!format!("{config:?}").contains("a:b"));
        client.add(t(0), config).unwrap();
        assert_eq!(hosts(&client), 1, "{address}");
    }
    for (address, endpoint) in [
        ("wss://api.gemini.com/v2/marketdata/", Endpoint::MarketDataV2),
        ("wss://api.gemini.com/v1/marketdata/btcusd/?heartbeat=false", Endpoint::MarketDataV1),
        ("wss://api.gemini.com/v1/order/events/#top", Endpoint::OrderEventsV1),
        ("wss://api.gemini.com/v2", Endpoint::Streams),
    ] {
        let config = Config::new(address);
        assert_eq!(config.endpoint(), endpoint, "{address}");
        assert!(!config.url().contains("/?heartbeat") && config.url().matches("heartbeat=").count() <= 1);
    }
}

#[test]
pub(crate) fn c20_a_parameter_of_the_user_is_not_repeated() {
    for (query, snapshot, cancels) in [
        ("snapshot=0", Snapshot::Full, false),
        ("snapshot=-1&snapshot=-1", Snapshot::Full, false),
        ("snapshot=7&cancelOnDisconnect=true", Snapshot::Best(NonZeroU32::new(7).unwrap()), true),
        ("cancelOnDisconnect=false", Snapshot::Full, false),
    ] {
        let config = Config::new(format!("wss://ws.gemini.com/?{query}"));
        let url = config.url();
        assert!(
            url.matches("snapshot=").count() == 1 && url.matches("cancelOnDisconnect=").count() <= 1,
            "{url}"
        );
        assert_eq!((config.get_snapshot(), config.get_cancel_on_disconnect()), (snapshot, cancels), "{url}");
    }
}

#[test]
pub(crate) fn also_what_is_refused_says_with_what() {
    let mut desk = Desk::live(Config::new("ws://v"));
    desk.client.subscribe(t(0), s("btcusd@depth")).unwrap();
    let refused = desk.client.subscribe(t(0), s("btcusd@depth@100ms"));
    assert_eq!(refused, Err(CommandError::Ambiguous { with: s("btcusd@depth") }));
    assert!(refused.unwrap_err().to_string().starts_with("btcusd@depth is subscribed"));
}
