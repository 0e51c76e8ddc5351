//! Tests of the private parts of `config.rs`.

use core::num::NonZeroU32;

use super::*;

#[test]
fn urls() {
    let table = [
        (PRODUCTION, "wss://ws.gemini.com/?snapshot=-1"),
        ("wss://ws.gemini.com", "wss://ws.gemini.com/?snapshot=-1"),
        ("ws://[::1]:80/path", "ws://[::1]/path?snapshot=-1"),
        ("ws://[2001:DB8::1]:9001/Path/", "ws://[2001:db8::1]:9001/Path/?snapshot=-1"),
        ("WSS://WS.Gemini.com.:0443", "wss://ws.gemini.com/?snapshot=-1"),
        ("ws://ws.gemini.com:443/", "ws://ws.gemini.com:443/?snapshot=-1"),
        ("ws://trader:hunter2@host/a@b", "ws://host/a@b?snapshot=-1"),
        ("ws://host?cancelOnDisconnect=true", "ws://host/?snapshot=-1&cancelOnDisconnect=true"),
        ("ws://host?snapshot=-7", "ws://host/?snapshot=-1"),
        ("ws://host?snapshot=5&x=1&snapshot=20#part", "ws://host/?x=1&snapshot=20"),
        ("ws://host/?snapshot=0&cancelOnDisconnect=maybe", "ws://host/?snapshot=-1&cancelOnDisconnect=maybe"),
        ("ws://host/?snapshot=x&snapshot=0&x=1", "ws://host/?x=1&snapshot=-1"),
        ("ws://h/v2/marketdata//", "ws://h/v2/marketdata"),
        ("ws://h/v2/marketdata", "ws://h/v2/marketdata"),
        ("ws://h/v1/marketdata/BTCUSD", "ws://h/v1/marketdata/BTCUSD?heartbeat=true"),
        ("ws://h/v1/multimarketdata?symbols=A,B", "ws://h/v1/multimarketdata?symbols=A,B&heartbeat=true"),
        (
            "ws://h/v1/multimarketdata?symbols=A&bids=true&symbols=&%73ymbols=B%2cC&symbols",
            "ws://h/v1/multimarketdata?symbols=A,B%2cC&bids=true&heartbeat=true",
        ),
        ("ws://h/?symbols=A&symbols=B", "ws://h/?symbols=A&symbols=B&snapshot=-1"),
        ("ws://h/v1/order/events?heartbeat=false", "ws://h/v1/order/events?heartbeat=true"),
        ("ws://h/v1/order/events?heartbeat=true&x=1", "ws://h/v1/order/events?heartbeat=true&x=1"),
        ("ws://h/v1/order/events?heartbeat=1&heartbeat=true", "ws://h/v1/order/events?heartbeat=true"),
    ];
    for (endpoint, url) in table {
        assert_eq!(Config::new(endpoint).url(), url);
    }
    let best = Snapshot::Best(NonZeroU32::new(20).unwrap());
    assert_eq!(Config::new("ws://h").snapshot(best).url(), "ws://h/?snapshot=20");
    let cancel = Config::new("ws://h").cancel_on_disconnect(true).url();
    assert_eq!(cancel, "ws://h/?snapshot=-1&cancelOnDisconnect=true");
    let secret = Config::new("wss://trader:hunter2@host/");
    assert!(!alloc::format!("{secret:?}").contains("hunter2") && secret.host() == "host");
    assert_eq!(secret.user().expect("a name").as_str(), "trader:hunter2");
    for cut in ["/", "?", "#"] {
        let config = Config::new(alloc::format!("wss://trader:hunter{cut}2@host/"));
        assert!(!alloc::format!("{config:?} {}", config.url()).contains("hunter"), "{cut}");
    }
    assert_eq!(
        Config::new("ws://[FE80::1%25enP2p1s0]:00/v1/marketdata/x").url(),
        "ws://[fe80::1%25enP2p1s0]:0/v1/marketdata/x?heartbeat=true"
    );
    for other in ["wss://host/", "wss://@host/", "trader:hunter2@host"] {
        let config = Config::new(other);
        assert!(config.user().is_none() && !config.url().contains("hunter2"), "{other}");
    }
}

/// Checks that a setting replaces the parameter in the address. The venue sees only the parameter. If the two
/// differed, the venue would follow the parameter, and the client would rely on the setting.
#[test]
fn a_setting_replaces_the_parameter_of_the_address() {
    let best = Snapshot::Best(NonZeroU32::new(20).unwrap());
    for query in ["snapshot=0", "snapshot=5", "snapshot=x&snapshot=7"] {
        let config = Config::new(alloc::format!("ws://h/?{query}")).snapshot(best);
        assert_eq!((config.url().as_str(), config.get_snapshot()), ("ws://h/?snapshot=20", best));
    }
    for value in ["maybe", "1", "false", "true"] {
        let config = Config::new(alloc::format!("ws://h/?cancelOnDisconnect={value}"));
        for cancel in [true, false] {
            let config = config.clone().cancel_on_disconnect(cancel);
            let url =
                if cancel { "ws://h/?snapshot=-1&cancelOnDisconnect=true" } else { "ws://h/?snapshot=-1" };
            assert_eq!((config.url().as_str(), config.get_cancel_on_disconnect()), (url, cancel), "{value}");
        }
    }
    // The address of a gateway that offers the current API under the path of another API.
    let config = Config::new("ws://gateway/v2/marketdata?snapshot=20&cancelOnDisconnect=true");
    assert_eq!(config.url(), "ws://gateway/v2/marketdata?snapshot=20&cancelOnDisconnect=true");
    let config = config.api(Endpoint::Streams);
    assert_eq!((config.get_snapshot(), config.get_cancel_on_disconnect()), (best, true));
    assert_eq!(config.url(), "ws://gateway/v2/marketdata?snapshot=20&cancelOnDisconnect=true");
    let config = Config::new("ws://gateway/?heartbeat=false").api(Endpoint::MarketDataV1);
    assert_eq!(config.url(), "ws://gateway/?heartbeat=true");
}
