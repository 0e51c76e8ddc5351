//! Faults of hosts and addresses.

use std::num::NonZeroU32;

use gemini_ws::{Client, ClientConfig, CommandError, Config, Endpoint, Request, Snapshot};

use super::harness::{Harness, SECOND, private, s, t};

// ---- C20: hosts and addresses -------------------------------------------------------------------

fn hosts(client: &Client) -> usize {
    format!("{client:?}").matches("Limits {").count()
}

#[test]
pub(crate) fn c20_hosts_of_removed_endpoints_are_forgotten() {
    for dials in [false, true] {
        let mut harness = Harness::many(ClientConfig::new(), []);
        for n in 0..5_000 {
            harness.now = t(n * 10);
            let config = Config::new(format!("ws://127.0.0.1:{n}/")).stay_open(dials);
            let id = harness.client.add(harness.now, config).unwrap();
            harness.client.remove(harness.now, id).unwrap();
            while harness.client.poll_output().is_some() {}
        }
        assert!(hosts(&harness.client) <= 300, "hosts kept: {}", hosts(&harness.client));
        harness.client.add(t(3_600_000), Config::new("ws://v")).unwrap();
        assert_eq!(hosts(&harness.client), 1);
    }
}

#[test]
pub(crate) fn c20_a_host_that_is_added_again_remembers_what_was_used() {
    let config = || Config::new("ws://v").stay_open(true).dial_limit(2, SECOND * 100);
    let mut harness = Harness::many(ClientConfig::new(), []);
    for _ in 0..10 {
        let id = harness.client.add(t(0), config()).unwrap();
        harness.drain();
        harness.client.remove(t(0), id).unwrap();
    }
    harness.drain();
    assert_eq!(harness.dials(), 1, "half of two at once");
}

/// The limits of a removed endpoint apply to its host as long as another endpoint has this host.
#[test]
pub(crate) fn c20_the_limits_of_a_removed_endpoint_hold_for_its_host() {
    let mut harness = Harness::live(private());
    let strict =
        harness.client.add(t(0), Config::new("ws://V:80/?x=1").request_limit(2, SECOND * 10)).unwrap();
    let requests = |harness: &mut Harness| {
        (0..20).filter(|_| harness.client.request(t(0), &Request::Time).is_ok()).count()
    };
    assert_eq!(requests(&mut harness), 1);
    harness.client.remove(t(0), strict).unwrap();
    assert_eq!(requests(&mut harness), 0);
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
    let mut harness = Harness::live(Config::new("ws://v"));
    harness.client.subscribe(t(0), s("btcusd@depth")).unwrap();
    let refused = harness.client.subscribe(t(0), s("btcusd@depth@100ms"));
    assert_eq!(refused, Err(CommandError::Ambiguous { with: s("btcusd@depth") }));
    assert!(refused.unwrap_err().to_string().starts_with("btcusd@depth is subscribed"));
}
