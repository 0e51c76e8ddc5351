//! Compares signatures with the vectors of the protocol documents, tests nonces when a clock is set back or forward,
//! and checks that no printable value contains a secret.

#![cfg(all(feature = "auth", feature = "std"))]

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use gemini_ws::{
    Credentials, Endpoint, Headers, InvalidCredentials, NONCE_TOLERANCE, Nonce, NonceSource, NonceUnit,
    Signer, UnixTime,
};
use proptest::prelude::*;
use sha2::{Digest, Sha384};

/// The API key that the vectors in `gemini_ws::protocol::streams` use. It is public, and so is the secret below.
const KEY: &str = "conformance-api-key";
const SECRET: &str = "conformance-api-secret";
const TOKEN: &str = "a-token.of_an~application+with/all=";
const NOW: u64 = 1_700_000_000;

fn credentials() -> Credentials {
    Credentials::hmac(KEY, SECRET).unwrap()
}

type Fields<'a> = &'a [(&'a str, &'a str)];

fn fields(headers: &Headers) -> Vec<(&str, &str)> {
    headers.iter().collect()
}

#[test]
fn the_vectors_of_the_documents() {
    let current = [
        ("X-GEMINI-APIKEY", KEY),
        ("X-GEMINI-NONCE", "1700000000"),
        ("X-GEMINI-PAYLOAD", "MTcwMDAwMDAwMA=="),
        (
            "X-GEMINI-SIGNATURE",
            "7f81f96295cafbec4e74bbc30cf54015d665b73a49bec7f7f310f52ed6271f92f86103c32ef8e72bb32da21a811446fe",
        ),
    ];
    let order_events = [
        ("X-GEMINI-APIKEY", KEY),
        ("X-GEMINI-PAYLOAD", "eyJyZXF1ZXN0IjoiL3YxL29yZGVyL2V2ZW50cyIsIm5vbmNlIjoxNzAwMDAwMDAwfQ=="),
        (
            "X-GEMINI-SIGNATURE",
            "57bdd57f37edcbd0bb99c4f961949152ccceea5a6a66c0513b41e1a69c6b7c6f571a6474ee8d51c6dfabf93890a51d24",
        ),
    ];
    let token = format!("Bearer {TOKEN}");
    let bearer = [("Authorization", token.as_str())];
    let table: [(Credentials, Endpoint, Fields<'_>); 5] = [
        (credentials(), Endpoint::Streams, &current),
        (credentials(), Endpoint::OrderEventsV1, &order_events),
        (Credentials::hmac(KEY, SECRET.as_bytes()).unwrap(), Endpoint::Streams, &current),
        (Credentials::bearer(TOKEN).unwrap(), Endpoint::Streams, &bearer),
        (Credentials::bearer(TOKEN).unwrap(), Endpoint::OrderEventsV1, &bearer),
    ];
    for (credentials, endpoint, expected) in table {
        let headers = credentials.headers(endpoint, Nonce::new(NOW));
        assert_eq!(fields(&headers), expected, "{credentials:?}, {endpoint:?}");
        assert_eq!(credentials.uses_nonces(), headers.get("x-gemini-signature").is_some());
    }
}

/// Computes HMAC as RFC 2104 defines it, with SHA-384.
fn signature(secret: &[u8], message: &str) -> String {
    let mut block = [0_u8; 128];
    if secret.len() > block.len() {
        block[..48].copy_from_slice(&Sha384::digest(secret));
    } else {
        block[..secret.len()].copy_from_slice(secret);
    }
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha384::new().chain_update(pad(0x36)).chain_update(message).finalize();
    let outer = Sha384::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn secrets_of_any_length_and_bytes() {
    for secret in [vec![0], vec![0xff; 127], vec![0x80; 128], vec![0xaa; 129], vec![0; 4_096]] {
        let credentials = Credentials::hmac("key", secret.clone()).unwrap();
        for endpoint in [Endpoint::Streams, Endpoint::OrderEventsV1] {
            let headers = credentials.headers(endpoint, Nonce::new(NOW));
            let payload = headers.get("X-GEMINI-PAYLOAD").unwrap();
            assert_eq!(headers.get("X-GEMINI-SIGNATURE").unwrap(), signature(&secret, payload));
        }
    }
}

#[test]
fn what_no_credentials_are_made_of() {
    use InvalidCredentials::{
        EmptyKey, EmptySecret, EmptyToken, KeyCharacter, SecretWhiteSpace, TokenCharacter,
    };
    let table = [
        (Credentials::hmac("", SECRET), EmptyKey),
        (Credentials::hmac(KEY, ""), EmptySecret),
        (Credentials::hmac("key\r\nX-Other: 1", SECRET), KeyCharacter { offset: 3 }),
        (Credentials::hmac("key\n", SECRET), KeyCharacter { offset: 3 }),
        (Credentials::hmac(" key", SECRET), KeyCharacter { offset: 0 }),
        (Credentials::hmac("schlüssel", SECRET), KeyCharacter { offset: 4 }),
        (Credentials::hmac("key\0", SECRET), KeyCharacter { offset: 3 }),
        (Credentials::hmac("key\x7f", SECRET), KeyCharacter { offset: 3 }),
        (Credentials::hmac(KEY, "secret\n"), SecretWhiteSpace),
        (Credentials::hmac(KEY, " secret"), SecretWhiteSpace),
        (Credentials::hmac(KEY, " "), SecretWhiteSpace),
        (Credentials::hmac(KEY, "secret\u{a0}"), SecretWhiteSpace),
        (Credentials::hmac(KEY, "\u{b}secret"), SecretWhiteSpace),
        (Credentials::hmac(KEY, "secret\u{2028}"), SecretWhiteSpace),
        (Credentials::hmac(KEY, b"\xff\n"), SecretWhiteSpace),
        (Credentials::bearer(""), EmptyToken),
        (Credentials::bearer("Bearer abc"), TokenCharacter { offset: 6 }),
        (Credentials::bearer("abc\r\n"), TokenCharacter { offset: 3 }),
        (Credentials::bearer("tokén"), TokenCharacter { offset: 3 }),
    ];
    for (result, expected) in table {
        assert_eq!(result.unwrap_err(), expected);
    }
}

/// Scenario L-139: each row has the readings of a clock in milliseconds, and the nonces in the row's unit.
#[test]
fn nonces_under_odd_clocks() {
    use NonceUnit::{Milliseconds, Seconds};
    type Row<'a> = (&'a str, NonceUnit, Option<u64>, &'a [u64], &'a [u64]);
    let table: [Row<'_>; 8] = [
        ("a clock that runs", Seconds, None, &[5_000, 6_000, 9_999], &[5, 6, 9]),
        ("within one second", Seconds, None, &[5_000, 5_400, 5_999, 6_000], &[5, 6, 7, 8]),
        ("caught up", Seconds, None, &[5_000, 5_001, 8_000], &[5, 6, 8]),
        ("an hour back", Seconds, None, &[7_200_000, 3_600_000, 3_601_000], &[7_200, 7_201, 7_202]),
        ("a value from a store", Seconds, Some(9), &[5_000, 11_000], &[10, 11]),
        ("milliseconds", Milliseconds, None, &[5_000, 5_000, 5_002, 5_001], &[5_000, 5_001, 5_002, 5_003]),
        ("seconds after milliseconds", Seconds, Some(5_000), &[6_000, 7_000], &[5_001, 5_002]),
        ("the epoch", Seconds, None, &[0, 0, 0], &[0, 1, 2]),
    ];
    for (what, unit, used, clock, expected) in table {
        let mut nonces = NonceSource::new(unit);
        assert_eq!((nonces.unit(), nonces.last()), (unit, None));
        if let Some(used) = used {
            nonces.skip_to(Nonce::new(used));
        }
        let drawn: Vec<u64> =
            clock.iter().map(|millis| nonces.next(UnixTime::from_millis(*millis)).get()).collect();
        assert_eq!(drawn, expected, "{what}");
        assert_eq!(nonces.last().map(Nonce::get), expected.last().copied(), "{what}");
    }
}

#[test]
fn how_far_a_source_is_ahead() {
    let now = UnixTime::from_millis(NOW * 1_000 + 900);
    for (unit, drawn, expected) in [
        (NonceUnit::Seconds, 0, Duration::ZERO),
        (NonceUnit::Seconds, 1, Duration::from_secs(1)),
        (NonceUnit::Seconds, 30, NONCE_TOLERANCE),
        (NonceUnit::Seconds, 31, Duration::from_secs(31)),
        (NonceUnit::Milliseconds, 31, Duration::from_millis(31)),
    ] {
        let mut nonces = NonceSource::new(unit);
        for _ in 0..drawn {
            nonces.next(now);
        }
        assert_eq!(nonces.ahead_of(now), expected, "{unit:?}");
        assert_eq!(nonces.ahead_of(now + unit.step() * drawn), Duration::ZERO, "time catches up");
    }
    let mut nonces = NonceSource::new(NonceUnit::Seconds);
    nonces.next(now + Duration::from_secs(86_400));
    assert!(nonces.ahead_of(now) > NONCE_TOLERANCE, "the clock was a day ahead for a moment");
}

#[test]
fn the_end_of_the_numbers_does_not_panic() {
    let mut nonces = NonceSource::new(NonceUnit::Milliseconds);
    let end = UnixTime::from_millis(u64::MAX);
    assert_eq!((nonces.next(end), nonces.next(end)), (Nonce::new(u64::MAX), Nonce::new(u64::MAX)));
    assert_eq!(UnixTime::from_secs(u64::MAX) + Duration::MAX, end);
    let before = SystemTime::UNIX_EPOCH - Duration::from_secs(5);
    assert_eq!(UnixTime::from(before), UnixTime::default());
    let after = SystemTime::UNIX_EPOCH + Duration::from_micros(1_999);
    assert_eq!(UnixTime::from(after), UnixTime::from_millis(1));
}

/// Scenarios L-140 and L-141: no two signatures have the same nonce, whether they are for an upgrade or for REST.
#[test]
fn headers_are_fresh_and_rest_shares_the_source() {
    let mut signer = Signer::new(credentials());
    let now = UnixTime::from_secs(NOW);
    let (first, rest) = (signer.headers(Endpoint::Streams, now), signer.nonces().next(now));
    let second = signer.headers(Endpoint::Streams, now);
    assert_eq!((first.get("x-gemini-nonce"), rest.get()), (Some("1700000000"), 1_700_000_001));
    assert_eq!(second.get("x-gemini-nonce"), Some("1700000002"));
    for name in ["X-GEMINI-PAYLOAD", "X-GEMINI-SIGNATURE"] {
        assert_ne!(first.get(name), second.get(name));
    }
    assert_eq!(signer.nonces().last(), Some(Nonce::new(1_700_000_002)));

    let mut millis = Signer::new(credentials()).with_nonces(NonceSource::new(NonceUnit::Milliseconds));
    assert_eq!(millis.headers(Endpoint::Streams, now).get("X-GEMINI-NONCE"), Some("1700000000000"));
    assert!(millis.credentials().uses_nonces());
}

/// With a lock around signing and sending, requests arrive in the order of their nonces.
#[test]
fn threads_that_share_a_signer() {
    fn shareable<T: Send + Sync>() {}
    shareable::<Signer>();
    let shared = Mutex::new((Signer::new(credentials()), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    let (signer, arrived) = &mut *shared.lock().unwrap();
                    let headers = signer.headers(Endpoint::Streams, UnixTime::from_secs(NOW));
                    arrived.push(headers.get("X-GEMINI-NONCE").unwrap().to_owned());
                }
            });
        }
    });
    let (_, arrived) = shared.into_inner().unwrap();
    assert!(arrived.len() == 1_000 && arrived.is_sorted_by(|before, after| before < after));
}

/// No type that holds credentials or headers prints a secret, a token, or the value of a header other than the nonce.
#[test]
fn nothing_is_printed() {
    let mut printed = Vec::new();
    let mut secrets = vec![KEY.to_owned(), SECRET.to_owned(), TOKEN.to_owned()];
    for credentials in [credentials(), Credentials::bearer(TOKEN).unwrap()] {
        printed.push(format!("{credentials:?} {credentials:#?}"));
        let mut signer = Signer::new(credentials);
        for endpoint in [Endpoint::Streams, Endpoint::OrderEventsV1] {
            let headers = signer.headers(endpoint, UnixTime::from_secs(NOW));
            printed.push(format!("{headers:?} {headers:#?} {endpoint:?} {:?}", headers.iter().count()));
            let values = headers.iter().filter(|(name, _)| *name != "X-GEMINI-NONCE");
            secrets.extend(values.map(|(_, value)| value.to_owned()));
        }
        printed.push(format!("{signer:?} {signer:#?} {:?} {:?}", signer.credentials(), NonceUnit::Seconds));
    }
    for error in [
        Credentials::hmac("", SECRET),
        Credentials::hmac(KEY, ""),
        Credentials::hmac(format!("{KEY}\n"), SECRET),
        Credentials::hmac(KEY, format!("{SECRET}\n")),
        Credentials::bearer(""),
        Credentials::bearer(format!("{TOKEN}\n")),
    ] {
        let error = error.unwrap_err();
        printed.push(format!("{error:?} {error} {:?}", std::io::Error::other(error)));
    }
    for text in &printed {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
    }
    assert!(printed.iter().any(|text| text.contains(r#"Headers["X-GEMINI-APIKEY", "#)), "{printed:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Invariant I-54: nonces rise strictly, however the clock moves and whichever nonces the application skips. If
    /// the time is above the last nonce, the next nonce is the time.
    #[test]
    fn nonces_strictly_rise(
        seconds: bool,
        walk in prop::collection::vec((0_u64..4_000_000_000_000, -40_000_i64..40_000, any::<bool>(), 0_u8..10), 1..200),
    ) {
        let unit = if seconds { NonceUnit::Seconds } else { NonceUnit::Milliseconds };
        let (mut nonces, mut millis) = (NonceSource::new(unit), NOW * 1_000);
        let mut last = None;
        for (jump, step, runs, kind) in walk {
            millis = match kind {
                0 => jump,
                _ if runs => millis.saturating_add_signed(step),
                _ => millis,
            };
            let now = UnixTime::from_millis(millis);
            if kind == 1 {
                let used = Nonce::new(millis / 500);
                nonces.skip_to(used);
                last = last.max(Some(used.get()));
            }
            let clock = if seconds { now.as_secs() } else { now.as_millis() };
            let ahead = nonces.ahead_of(now);
            let nonce = nonces.next(now).get();
            prop_assert!(last.is_none_or(|last| nonce > last), "{last:?}, {nonce}");
            prop_assert_eq!(nonce, last.map_or(clock, |last| clock.max(last + 1)));
            let step = if seconds { 1_000 } else { 1 };
            prop_assert_eq!(ahead, Duration::from_millis((nonce - clock) * step));
            last = Some(nonce);
        }
    }
}

#[cfg(feature = "serde")]
#[test]
fn nonces_can_be_stored() {
    let text = serde_json::to_string(&(Nonce::new(7), NonceUnit::Seconds, UnixTime::from_millis(9))).unwrap();
    assert_eq!(text, r#"[7,"seconds",9]"#);
    let read: (Nonce, NonceUnit, UnixTime) = serde_json::from_str(&text).unwrap();
    assert_eq!(read, (Nonce::new(7), NonceUnit::Seconds, UnixTime::from_millis(9)));
}
