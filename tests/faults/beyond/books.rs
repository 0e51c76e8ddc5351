//! Books of market data v1, which takes no requests: the address alone decides what comes.

use gemini_ws::{Books, Config};

use super::super::line::Line;

/// With `top_of_book` the first frame has only the best levels, so the sides are not whole.
#[test]
fn a_first_frame_with_the_best_levels_is_no_whole_book() {
    let config = Config::new("ws://v/v1/marketdata/btcusd?top_of_book=true");
    let mut line = Line::open(config, []);
    let mut books = Books::new();
    let text = r#"{"type":"update","eventId":7,"socket_sequence":0,"events":[{"type":"change","reason":"initial","price":"11386.12","delta":"1.307","remaining":"1.307","side":"ask"}]}"#;
    books.apply(&line.hear(1, text).unwrap().as_event());
    let asks = books.live("btcusd").unwrap().asks();
    assert_eq!((asks.len(), asks.known_depth(), asks.is_whole()), (1, 1, false));
}
