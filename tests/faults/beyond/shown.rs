//! Faults of what `Debug` and `Display` show: secrets in addresses, and instants that no reader can use.

use std::time::Duration;

use gemini_ws::{Client, CommandError, Config, Instant, RateKind};

/// Returns everything that shows the address of an endpoint, and the address that the client dials.
fn shown(url: &str) -> (String, String) {
    let config = Config::new(url);
    let mut client = Client::single(config.clone().seed(1));
    client.open(Instant::ZERO).unwrap();
    let link = client.links().next().unwrap().0;
    let request = client.connect_request(link).unwrap();
    (format!("{config:?} {client:?} {request:?}"), request.url)
}

#[test]
fn an_address_is_shown_without_sessions_and_keys() {
    let path = "wss://api.gemini.com/v1/order/events";
    for query in [
        "apiSessionFilter=hunter2",
        "symbolFilter=btcusd&apiSessionFilter=hunter2&apiSessionFilter=hunter2b",
        "APISessionFilter=hunter2",
        "api%53essionFilter=hunter2",
        "api_key=hunter2",
        "accessToken=hunter2",
        "client_secret=hunter2",
        "password=hunter2",
        "signature=hunter2",
    ] {
        let (text, dialed) = shown(&format!("{path}?{query}"));
        assert!(!text.contains("hunter2") && text.contains(path), "{query}: {text}");
        assert!(dialed.contains(query), "the venue needs the filter: {dialed}");
    }
    let (text, _) = shown(&format!("{path}?symbolFilter=btcusd&eventTypeFilter=fill"));
    assert!(text.contains("symbolFilter=btcusd") && text.contains("eventTypeFilter=fill"), "{text}");
}

/// A slash ends the part of an address in which a password may be. The client dials the address as it is written, but
/// shows no part of a password that contains a slash.
#[test]
fn an_address_is_shown_without_a_password_that_contains_a_slash() {
    for (url, dialed) in [
        ("wss://hunter:12/secret@host/", "wss://hunter:12/secret@host/"),
        ("wss://hunter:12/sec/ret@host/x@host/", "wss://hunter:12/sec/ret@host/x@host/"),
        ("wss://hunter:s@cret/secret@host/", "wss://cret/secret@host/"),
        ("wss://hunter:443/secret@host/", "wss://hunter:443/secret@host/"),
    ] {
        let (text, request) = shown(url);
        assert_eq!(request.split('?').next(), Some(dialed));
        assert!(!text.contains("hunter") && !text.contains("cret"), "{url}: {text}");
        assert!(text.contains("wss://***@host/"), "{url}: {text}");
    }
    for url in [
        "wss://ws.gemini.com/ws/btcusd@depth",
        "ws://127.0.0.1:9000/ws/btcusd@depth",
        "ws://[::1]:9000/ws/btcusd@depth",
        "ws://localhost:9000/ws/btcusd@depth",
        "ws://gateway.example:9000/?stream=btcusd@depth",
    ] {
        assert!(shown(url).0.contains(url), "no password can be in it: {}", shown(url).0);
    }
}

/// The message of a limit does not show its instant as a number, because only the program knows the origin of the
/// clock.
#[test]
fn a_limit_is_shown_without_a_number_of_nanoseconds() {
    let retry = Instant::from_nanos(86_400_123_456_789);
    let shown = |window: u64| {
        let window = Duration::from_secs(window);
        CommandError::RateLimited { limit: RateKind::Orders, window, retry }.to_string()
    };
    let then = "try again at the instant `retry` of this error";
    assert_eq!(shown(10), format!("too many orders in 10s; {then}"));
    assert_eq!(shown(0), format!("the venue has asked for a pause, so no orders can be sent; {then}"));
}
