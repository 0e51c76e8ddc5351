//! Faults of the cost of addresses of market data v1 that name many symbols.

use std::fmt::Write;

use gemini_ws::{Config, Frame, Scratch};

use super::fed::{Fed, t};
use super::links::least_time;

fn of(count: usize) -> Fed {
    let names: Vec<String> = (0..count).map(|n| format!("AB{n}USD")).collect();
    Fed::new(Config::new(format!("ws://v/v1/multimarketdata?symbols={}", names.join(","))))
}

#[test]
fn the_cost_of_a_resync_of_all_books_grows_with_the_symbols() {
    let resync = |count: usize| {
        least_time(&of(count).client, |client| assert_eq!(client.resync_all_books(t(10)), count))
    };
    let (few, many) = (resync(100), resync(1_600));
    assert!(many < few * 16 * 4, "100 symbols: {few:?}, 1,600: {many:?}");
}

#[test]
fn the_cost_of_a_first_frame_grows_with_its_entries() {
    let hear = |count: usize| {
        let fed = of(count);
        let mut entries = String::new();
        for n in 0..count {
            let comma = if n == 0 { "" } else { "," };
            write!(
                entries,
                r#"{comma}{{"type":"change","side":"bid","price":"9","remaining":"1","delta":"1","reason":"initial","symbol":"AB{n}USD"}}"#
            )
            .unwrap();
        }
        let frame = format!(r#"{{"type":"update","eventId":1,"socket_sequence":0,"events":[{entries}]}}"#);
        least_time(&fed.client, |client| {
            let mut scratch = Scratch::new();
            assert!(client.handle_frame(fed.link, t(1), Frame::Text(&frame), &mut scratch).is_some());
        })
    };
    let (few, many) = (hear(200), hear(6_400));
    assert!(many < few * 32 * 3, "200 symbols: {few:?}, 6,400: {many:?}");
}
