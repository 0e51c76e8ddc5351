//! Faults of links. Trouble with one stream affects neither the other streams nor the link. If a stream fails again
//! and again, the client requests it more and more rarely. The client never mistakes an old input for a new one.

use std::time::Duration;

use gemini_ws::lifecycle::StreamState;
use gemini_ws::{Client, ClientConfig, CommandError, Config, Frame, GapRule, Request, Scratch, Unserved};

use super::fed::{Fed, id_of, new_order, pair, s, t, update};
use super::line::{Line, refuse};

/// Tests, each with the id of the fault that it shows. `tests/mutants` runs these tests to find planted faults.
#[allow(dead_code, reason = "the tests run by themselves")]
#[rustfmt::skip]
pub(crate) const FAULTS: &[(&str, fn())] = &[
    ("X15", x15_a_malformed_trade_costs_neither_books_nor_orders),
    ("X15", x15_a_malformed_frame_costs_what_it_is_about),
    ("X15", y12_books_are_live_beside_a_stream_that_cannot_be_decoded),
    ("X16", x16_a_limit_of_silence_is_never_zero),
    ("Y01", y01_a_stream_of_malformed_frames_does_not_end_the_link),
    ("Y01", y01_a_link_ends_by_frames_of_no_stream_or_of_several),
    ("Y02", y02_a_book_that_is_lost_again_and_again_is_not_asked_for_at_full_speed),
    ("Y02", y02_the_first_loss_is_repaired_at_once_and_old_ones_are_forgotten),
    ("Y03", y03_a_book_whose_updates_are_all_old_is_not_live_for_ever),
    ("Y03", y03_late_updates_are_no_gap),
    ("Y10", y10_the_orders_of_two_endpoints_can_be_followed),
    ("Y10", y10_each_endpoint_has_its_own_streams),
    ("Z05", z05_a_change_of_an_old_subscription_is_not_a_book),
    ("ST-01", st_01_nothing_comes_of_a_late_input),
    ("ST-02", st_02_the_end_of_a_link_sends_nothing_over_another),
    ("CL-01", cl_01_the_end_does_not_move_when_answers_are_late),
    ("LK-01", lk_01_a_link_on_which_nothing_is_answered_ends_however_rarely_it_is_asked),
    ("Z05", z05_a_book_is_awaited_until_its_subscription_is_confirmed),
];

#[test]
fn x15_a_malformed_trade_costs_neither_books_nor_orders() {
    for text in [
        r#"{"E":2,"s":"bonkusd","t":9,"p":"0.00000000000000000000000000000001","q":"2","m":true}"#,
        r#"{"u":5,"E":1,"s":"bonkusd","b":"1","B":"x","a":"2","A":"1"}"#,
    ] {
        let mut fed = Fed::private(&[
            "orders@account",
            "balances@account",
            "bonkusd@trade",
            "bonkusd@bookTicker",
            "btcusd@depth",
        ]);
        fed.feed(2, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[]}"#);
        fed.feed(2, r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"}]}"#);
        fed.feed(2, &update("NEW", ""));
        assert!(fed.books.live("btcusd").is_some() && !fed.balances.is_stale());
        fed.feed(3, text);
        let lost =
            (fed.books.live("btcusd").is_none(), fed.balances.is_stale(), fed.orders.to_reconcile().count());
        assert_eq!(lost, (false, false, 0), "book, balances and orders: {text}: {:?}", fed.log.last());
    }
}

#[test]
fn y12_books_are_live_beside_a_stream_that_cannot_be_decoded() {
    let mut fed = Fed::new(Config::new("ws://v"));
    for n in 0..100 {
        fed.client.subscribe(t(0), format!("sym{n}usd@depth").parse().unwrap()).unwrap();
    }
    fed.client.subscribe(t(0), "bonkusd@trade".parse().unwrap()).unwrap();
    fed.poll();
    let (mut live, mut id, mut asked) = (0, 5, 0);
    for now in (0..120_000).step_by(100) {
        while let Some(due) = fed.client.deadline().filter(|due| due.at <= t(now)) {
            fed.client.handle_timeout(due.at);
            fed.poll();
        }
        for text in std::mem::take(&mut fed.sent) {
            fed.feed(now, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
            if text.contains("\"subscribe\"") {
                for name in text.split('"').filter_map(|part| part.strip_suffix("@depth")) {
                    (asked, id) = (asked + 1, id + 1);
                    fed.feed(now, &format!(r#"{{"e":"depthUpdate","E":1,"s":"{name}","U":{id},"u":{id},"b":[["99","1"]],"a":[]}}"#));
                }
            }
        }
        if now % 1_000 == 0 && now > 0 {
            live += (0..100).filter(|n| fed.books.live(&format!("sym{n}usd")).is_some()).count();
            fed.feed(
                now,
                r#"{"E":2,"s":"bonkusd","t":9,"p":"0.00000000000000000000000000000001","q":"2","m":true}"#,
            );
        }
    }
    assert!(
        asked <= 200,
        "{asked} snapshots for 100 books in two minutes; {live} of 11900 looks at them found them live"
    );
}

#[test]
fn y01_a_stream_of_malformed_frames_does_not_end_the_link() {
    let config = Config::new("ws://v").authenticated(true).cancel_on_disconnect(true);
    let mut fed = Fed::new(config);
    for stream in ["orders@session", "bonkusd@trade"] {
        fed.subscribe(1, stream);
    }
    fed.feed(2, &update("NEW", ""));
    for n in 0..600 {
        fed.feed(
            1_000 + n * 100,
            &format!(
                r#"{{"E":2,"s":"bonkusd","t":{n},"p":"0.00000000000000000000000000000001","q":"2","m":true}}"#
            ),
        );
    }
    let ends: Vec<_> = fed.log.iter().filter(|it| it.starts_with("Disconnected")).collect();
    assert_eq!(ends, Vec::<&String>::new(), "the link, and the orders of the session with it");
}

/// Runs a client for a minute with a venue that replies at once. After each snapshot the venue sends `behind`, a
/// frame after which the client needs another snapshot. Returns how often the client requested the book.
fn asked_again(behind: &str, resync_by_books: bool) -> usize {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.client.subscribe(t(0), "btcusd@depth".parse().unwrap()).unwrap();
    fed.poll();
    let (mut asked, mut id) = (0, 10);
    for now in (0..60_000).step_by(50) {
        while let Some(due) = fed.client.deadline().filter(|due| due.at <= t(now)) {
            fed.client.handle_timeout(due.at);
            fed.poll();
        }
        let sent = std::mem::take(&mut fed.sent);
        for text in sent {
            fed.feed(now, &format!("{{\"id\":{},\"status\":200}}", id_of(&text)));
            if text.contains("\"subscribe\"") {
                asked += 1;
                id += 10;
                fed.feed(now, &format!(r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{id},"u":{id},"b":[["99","1"]],"a":[["101","1"]]}}"#));
                let next = id + 3;
                fed.feed(
                    now,
                    &behind
                        .replace("FIRST", &id.to_string())
                        .replace("BEYOND", &next.to_string())
                        .replace("LAST", &(next + 1).to_string()),
                );
            }
        }
        if resync_by_books {
            let symbols: Vec<_> = fed.books.to_resync().collect();
            fed.client.resync_books(t(now), symbols);
            fed.poll();
        }
    }
    asked
}

#[test]
fn y02_a_book_that_is_lost_again_and_again_is_not_asked_for_at_full_speed() {
    let gap = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":BEYOND,"u":LAST,"b":[],"a":[]}"#;
    let malformed = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":FIRST,"u":LAST,"b":[["x","1"]],"a":[]}"#;
    let crossed = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":FIRST,"u":LAST,"b":[["102","1"]],"a":[]}"#;
    let asked = [asked_again(gap, false), asked_again(malformed, false), asked_again(crossed, true)];
    assert!(
        asked.iter().all(|asked| *asked < 60),
        "a gap, a malformed frame, a crossing: asked for {asked:?} times in a minute"
    );
}

/// The ids of the venue's updates start again, on the same link. The old book does not stay current.
#[test]
fn y03_a_book_whose_updates_are_all_old_is_not_live_for_ever() {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.subscribe(1, "btcusd@depth");
    fed.feed(2, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":1000000,"u":1000000,"b":[["99","1"]],"a":[]}"#);
    fed.feed(3, r#"{"e":"depthUpdate","E":2,"s":"btcusd","U":5,"u":5,"b":[["50","1"]],"a":[]}"#);
    for n in 5..2_000 {
        fed.feed(
            n,
            &format!(
                r#"{{"e":"depthUpdate","E":{n},"s":"btcusd","U":{n},"u":{},"b":[["5{}","1"]],"a":[]}}"#,
                n + 1,
                n % 10
            ),
        );
    }
    let best = fed.books.live("btcusd").map(|book| book.bids().best().unwrap().price.to_string());
    assert_eq!(best, None, "nothing of two thousand frames is in it");
}

#[test]
fn y10_the_orders_of_two_endpoints_can_be_followed() {
    let (mut fed, _) = pair(["ws://production", "ws://sandbox"]);
    let endpoints: Vec<_> = fed.client.endpoints().collect();
    let stream = "orders@account".parse().unwrap();
    let done: Vec<_> =
        endpoints.iter().map(|id| fed.client.subscribe_at(t(1), *id, stream, None).err()).collect();
    assert_eq!(done, [None, None]);
}

/// An `unsubscribe` gets no reply, so updates of the old subscription still come. By the lax rule for gaps, an update
/// may have two equal ids, as a snapshot has. The client does not take such an update for the snapshot of the new
/// subscription.
#[test]
fn z05_a_change_of_an_old_subscription_is_not_a_book() {
    let mut fed = Fed::new(
        Config::new("ws://v")
            .gap_rule(gemini_ws::GapRule::Lax)
            .request_timeout(std::time::Duration::from_secs(5)),
    );
    fed.subscribe(1, "btcusd@depth");
    fed.feed(
        2,
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"],["98","1"]],"a":[["101","1"]]}"#,
    );
    fed.feed(3, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":6,"u":6,"b":[["97","1"]],"a":[]}"#);
    assert!(fed.books.live("btcusd").is_some());
    let id = fed.client.streams().next().unwrap().0;
    fed.client.unsubscribe(t(4), id).unwrap();
    fed.poll();
    for at in [5_004, 5_005, 6_005] {
        fed.client.handle_timeout(t(at));
        fed.poll();
    }
    fed.sent.clear();
    fed.client.subscribe(t(6_010), "btcusd@depth".parse().unwrap()).unwrap();
    fed.poll();
    fed.feed(6_011, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":7,"u":7,"b":[["97","2"]],"a":[]}"#);
    let bids = fed.books.live("btcusd").map(|book| book.bids().len());
    assert_eq!(bids, None, "one level of three: {:?}", &fed.log[fed.log.len().saturating_sub(4)..]);
}

/// A subscription waits for room in the limits, and the timer is late. Inputs about a link that has ended do not make
/// the client send the waiting request.
#[test]
fn st_01_nothing_comes_of_a_late_input() {
    let mut fed = Fed::new(Config::new("ws://v").request_limit(2, Duration::from_secs(2)));
    let old = fed.link;
    fed.reconnect(1);
    for symbol in ["btcusd", "ethusd", "ltcusd"] {
        fed.client.subscribe(t(2), s(&format!("{symbol}@trade"))).unwrap();
        fed.poll();
    }
    let sent = fed.sent.len();
    for at in (3..9_000).step_by(97) {
        match at % 4 {
            0 => fed.client.handle_connected(old, t(at)),
            1 => fed.client.handle_connect_failed(old, t(at), gemini_ws::ConnectFailure::Refused),
            2 => fed.client.handle_lost(old, t(at), gemini_ws::Lost::Reset),
            _ => fed.feed_over(old, at, r#"{"id":1,"status":200}"#),
        }
        fed.poll();
        assert_eq!(fed.sent.len(), sent, "at {at}: {:?}", fed.sent.last());
    }
    fed.client.handle_timeout(t(9_000));
    fed.poll();
    assert!(fed.sent.len() > sent, "nothing had waited");
}

/// A message waits for room in the limits, and its timer is late. Then another link ends, which no stream needs. The
/// client sends the message when the timer fires, and not before.
#[test]
fn st_02_the_end_of_a_link_sends_nothing_over_another() {
    let mut client = gemini_ws::Client::new(gemini_ws::ClientConfig::new(), 1);
    let limits = Config::new("ws://v").request_limit(2, Duration::from_secs(2));
    let config = limits.streams_max(2).streams_per_request_max(1).linger(Duration::ZERO);
    client.add(t(0), config).unwrap();
    let wanted = ["btcusd@trade", "ethusd@trade", "ltcusd@trade"];
    let ids = wanted.map(|name| client.subscribe(t(0), s(name)).unwrap());
    let mut fed = Fed::of(client);
    let links: Vec<_> = fed.client.links().map(|(link, ..)| link).collect();
    assert_eq!((links.len(), fed.sent.len()), (2, 1), "one request has room, two wait: {:?}", fed.sent);
    fed.client.unsubscribe(t(1), ids[2]).unwrap();
    fed.poll();
    fed.client.handle_lost(links[1], t(9_000), gemini_ws::Lost::End);
    fed.poll();
    assert_eq!((fed.client.links().count(), fed.sent.len()), (1, 1), "{:?}", fed.sent);
    fed.client.handle_timeout(t(9_000));
    fed.poll();
    assert_eq!(fed.sent.len(), 2, "nothing had waited");
}

/// The replies to an order, to its cancellation and to an `unsubscribe` come after the deadline of the shutdown, and
/// `handle_timeout` is called even later. No step of the shutdown gets more time.
#[test]
fn cl_01_the_end_does_not_move_when_answers_are_late() {
    let mut fed = Fed::new(Config::new("ws://v").authenticated(true));
    fed.client.subscribe(t(1), s("btcusd@trade")).unwrap();
    fed.client.request(t(1), &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.poll();
    let plan = gemini_ws::ShutdownPlan::by(t(1_000)).cancel_orders(true).unsubscribe(true);
    fed.client.shut_down(t(2), plan);
    for (id, at) in (1..=4).zip((1_500..).step_by(400)) {
        fed.poll();
        fed.feed(at, &format!(r#"{{"id":{id},"status":200,"result":{{}}}}"#));
        let due = fed.client.deadline().expect("nothing has ended the links").at;
        assert!(due <= t(1_000), "at {at} the end is due at {due:?}");
    }
    fed.client.handle_timeout(t(4_000));
    fed.poll();
    assert_eq!(fed.client.deadline(), None, "{:?}", fed.log.last());
}

/// After many refusals, the client requests a stream rarely. Then the venue stops replying, but sends pings. The
/// client closes the link.
#[test]
fn lk_01_a_link_on_which_nothing_is_answered_ends_however_rarely_it_is_asked() {
    let config = Config::new("ws://v").request_timeout(Duration::from_millis(200));
    let mut line = Line::open(config, ["btcusd@trade".into()]);
    let mut refused = 0;
    for now in (0..600_000).step_by(100) {
        while let Some(request) = line.sent.pop_front() {
            if refused < 8 {
                line.hear(now, &refuse(&request, 500, -1000));
                refused += 1;
            }
        }
        line.ping(now);
        line.wait(now + 100);
    }
    assert_eq!(line.losses.first(), Some(&gemini_ws::Lost::Unresponsive));
}

/// Each row has a malformed frame, and what it puts in doubt: orders `o`, balances `b`, and the books of btcusd `1`
/// and ethusd `2`.
#[test]
fn x15_a_malformed_frame_costs_what_it_is_about() {
    let rows = [
        (r#"{"e":"trade","E":2,"s":"btcusd","t":9,"p":"x","q":"2","m":true}"#, "...."),
        (r#"{"m":true,"q":"2","p":"x","t":9,"s":"btcusd"}"#, "...."),
        (r#"{"e":"bookTicker","u":5,"s":"btcusd","b":"1","B":"x","a":"2","A":"1"}"#, "...."),
        (r#"{"lastUpdateId":5,"bids":[["x","1"]],"asks":[]}"#, "...."),
        (r#"{"lastUpdateId":5,"symbol":"btcusd","bids":[["1","1"]],"asks":1}"#, "...."),
        (r#"{"e":"depth5","lastUpdateId":"x","bids":[],"asks":[]}"#, "...."),
        (r#"{"id":1,"status":"much"}"#, "...."),
        (r#"{"type":"settlements","settlements":1}"#, "...."),
        (r#"{"e":"contractStatus","s":"btcusd","i":"x"}"#, "...."),
        (r#"{"\u0065":"trade","t":9,"p":"x","q":"2","m":true,"s":"btcusd"}"#, "...."),
        // Frames without `e` that are still about something that the application keeps.
        (r#"{"E":1,"s":"BTCUSD","i":77,"X":"FILLED","q":"1e99","t":1,"p":"1","m":true}"#, "o..."),
        (r#"{"E":2,"u":2,"B":[{"a":"USD","c":"0"}]}"#, ".b.."),
        (r#"{"s":"btcusd","U":6,"u":7,"b":[["x","1"]],"a":[]}"#, "..1."),
        (r#"{"U":6,"u":7,"b":[["x","1"]],"a":[]}"#, "..12"),
        (r#"{"orders":1}"#, "o..."),
        // A frame that is cut off may have been any frame, unless it names its kind.
        (r#"{"E":2,"s":"btcusd","t":9,"p":"1","q":"2","m":tr"#, "ob12"),
        (r#"{"t":9,"p":"1","q":"2","m":true}, "X":"FILLED""#, "ob12"),
        (r#"{"e":"bookTicker","u":5,"s":"btcusd","b":"1","B"#, "...."),
    ];
    for (text, expected) in rows {
        let mut fed = Fed::private(&[
            "orders@account",
            "balances@account",
            "btcusd@depth",
            "ethusd@depth",
            "btcusd@trade",
        ]);
        for symbol in ["btcusd", "ethusd"] {
            let book = r#"{"e":"depthUpdate","E":1,"s":"SYMBOL","U":5,"u":5,"b":[["99","1"]],"a":[]}"#;
            fed.feed(2, &book.replace("SYMBOL", symbol));
        }
        fed.feed(2, r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"}]}"#);
        fed.feed(2, &update("NEW", ""));
        fed.feed(3, text);
        assert!(fed.log.iter().any(|it| it.starts_with("Malformed")), "it is malformed: {text}");
        let lost = [
            ('o', fed.orders.to_reconcile().count() > 0),
            ('b', fed.balances.is_stale()),
            ('1', fed.books.live("btcusd").is_none()),
            ('2', fed.books.live("ethusd").is_none()),
        ];
        let lost: String = lost.iter().map(|(name, is_lost)| if *is_lost { *name } else { '.' }).collect();
        assert_eq!(lost, expected, "{text}");
    }
}

/// Each row has frames that come again and again, and whether they end the link.
#[test]
fn y01_a_link_ends_by_frames_of_no_stream_or_of_several() {
    let trade = r#"{"e":"trade","s":"bonkusd","t":"x"}"#;
    let trade = trade.replace(r#""x""#, r#"-1,"p":"1","q":"1","m":true"#);
    let other = trade.replace("bonk", "btc");
    let orders = r#"{"e":"orderUpdate","s":"BTCUSD","i":"?","X":"NEW"}"#;
    let of_eth = orders.replace("BTC", "ETH");
    let depth = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":6,"u":7,"b":[["99","x"]],"a":[]}"#;
    let answer = r#"{"id":1,"status":"much"}"#;
    let good = r#"{"u":1,"E":1,"s":"xrpusd","b":"1","B":"1","a":"2","A":"1"}"#;
    let rows: [(&[&str], bool); 9] = [
        (&[&trade], false),
        (&[orders], false),
        // One stream has the orders of all symbols.
        (&[orders, &of_eth], false),
        (&[depth], false),
        (&[&trade, &other], true),
        (&[&trade, &other, good], false),
        (&["no JSON"], true),
        (&["no JSON", good], false),
        (&[answer], true),
    ];
    for (texts, ends) in rows {
        let mut fed = Fed::private(&["orders@account", "bonkusd@trade", "btcusd@trade", "btcusd@depth"]);
        for n in 0..40 {
            for text in texts {
                fed.feed(2 + n, text);
            }
        }
        let lost = fed.log.iter().any(|it| it.starts_with("Disconnected"));
        assert_eq!(lost, ends, "{texts:?}: {:?}", fed.log.last());
    }
}

/// After the first gap, and after a gap in a book that was current for `stable_after`, the client requests the book
/// again at once. After any other gap it waits longer each time.
#[test]
fn y02_the_first_loss_is_repaired_at_once_and_old_ones_are_forgotten() {
    let config = Config::new("ws://v").stable_after(Duration::from_secs(30));
    let mut fed = Fed::new(config.resubscribe_delay(Duration::from_secs(1)));
    fed.subscribe(1, "btcusd@depth");
    let mut id = 10;
    let mut lose = |fed: &mut Fed, at: u64| {
        id += 10;
        let book = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":FIRST,"u":LAST,"b":[],"a":[]}"#;
        let frame = |first: u64, last: u64| {
            book.replace("FIRST", &first.to_string()).replace("LAST", &last.to_string())
        };
        fed.feed(at, &frame(id, id));
        assert!(fed.books.live("btcusd").is_some());
        fed.sent.clear();
        fed.log.clear();
        move |fed: &mut Fed, at: u64| fed.feed(at, &frame(id + 2, id + 3))
    };
    let leaves = |fed: &Fed| fed.sent.iter().any(|text| text.contains("unsubscribe"));
    // When the book is lost after it came, and how long it takes until the client unsubscribes in order to request
    // another.
    let rows = [
        (1_000, 0),
        (1_000, 1_000),
        (29_999, 2_000),
        (1_000, 4_000),
        (30_000, 0),
        (1_000, 1_000),
        (60_000, 0),
    ];
    let mut now = 1_000;
    for (lives, delay) in rows {
        let end = lose(&mut fed, now);
        now += lives;
        end(&mut fed, now);
        if delay > 0 {
            let why = format!("{:?}", Unserved::Relapsed);
            assert!(fed.log.iter().any(|it| it.starts_with("Unserved")), "{why}: {:?}", fed.log);
            fed.client.handle_timeout(t(now + delay - 1));
            fed.poll();
            assert!(!leaves(&fed), "too early: {lives}, {delay}");
            now += delay;
            fed.client.handle_timeout(t(now));
            fed.poll();
        }
        assert!(leaves(&fed), "at its time: {lives}, {delay}");
        fed.acknowledge(now);
        fed.acknowledge(now);
        assert_eq!(fed.client.streams().next().unwrap().2, StreamState::Active);
    }
}

#[test]
fn y03_late_updates_are_no_gap() {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.subscribe(1, "btcusd@depth");
    let frame = |first: u64, last: u64| {
        format!(r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{first},"u":{last},"b":[["99","1"]],"a":[]}}"#)
    };
    fed.feed(2, &frame(1_000, 1_000));
    for round in 0..10 {
        for n in 0..100 {
            fed.feed(3, &frame(n, n + 1));
        }
        fed.feed(4, &frame(1_000 + round, 1_001 + round));
        assert!(fed.books.live("btcusd").is_some());
    }
}

/// Two endpoints may have streams with the same name, except the depth of one symbol. At one endpoint, the client
/// refuses a second stream whose frames look like those of the first.
#[test]
fn y10_each_endpoint_has_its_own_streams() {
    let (mut fed, links) = pair(["ws://production", "ws://sandbox"]);
    let [one, other] = [0, 1].map(|place| fed.client.endpoints().nth(place).unwrap());
    let mut subscribe = |at, endpoint, stream| {
        let done = fed.client.subscribe_at(t(at), endpoint, s(stream), None);
        done.map(|id| id.link_slot())
    };
    let ambiguous = |with| Err(CommandError::Ambiguous { with: s(with) });
    // Each endpoint has its own account and its own trades.
    for stream in ["orders@account", "balances@account", "btcusd@trade"] {
        assert_eq!([subscribe(1, one, stream), subscribe(1, other, stream)], [Ok(0), Ok(1)], "{stream}");
    }
    assert_eq!(subscribe(1, one, "orders@session"), ambiguous("orders@account"));
    // Each symbol has one book, whichever endpoint it comes from.
    assert_eq!(subscribe(1, other, "btcusd@depth"), Ok(1));
    for (endpoint, stream) in
        [(other, "btcusd@depth@100ms"), (one, "btcusd@depth@100ms"), (one, "btcusd@depth")]
    {
        assert_eq!(subscribe(1, endpoint, stream), ambiguous("btcusd@depth"), "{stream}");
    }
    // A subscription without an endpoint joins the endpoint that already has the stream.
    for (stream, slot) in [("btcusd@depth", 1), ("ethusd@depth", 0)] {
        assert_eq!(fed.client.subscribe(t(2), s(stream)).map(|id| id.link_slot()), Ok(slot), "{stream}");
    }
    fed.poll();
    fed.sent.clear();
    for id in 1..=12 {
        fed.feed_over(links[1], 3, &format!("{{\"id\":{id},\"status\":200}}"));
    }
    fed.feed_over(links[1], 4, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[],"a":[]}"#);
    assert_eq!(fed.client.resync_books(t(5), ["btcusd".parse().unwrap(), "solusd".parse().unwrap()]), 1);
    fed.poll();
    assert_eq!(fed.sent.iter().filter(|text| text.contains("unsubscribe")).count(), 1, "{:?}", fed.sent);
}

/// A book is unsubscribed and subscribed again, and then a frame with two equal ids comes. It is the snapshot if the
/// venue has confirmed the `unsubscribe` or the new `subscribe`, or if the gap rule is strict.
#[test]
fn z05_a_book_is_awaited_until_its_subscription_is_confirmed() {
    let frame = |id: u64| {
        format!(r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":{id},"u":{id},"b":[["97","2"]],"a":[]}}"#)
    };
    for rule in [GapRule::Strict, GapRule::Lax] {
        for (is_left, is_confirmed) in [(true, false), (true, true), (false, false), (false, true)] {
            let mut fed = Fed::new(Config::new("ws://v").gap_rule(rule));
            fed.subscribe(1, "btcusd@depth");
            fed.feed(2, &frame(5));
            let id = fed.client.streams().next().unwrap().0;
            fed.client.unsubscribe(t(4), id).unwrap();
            if is_left {
                fed.acknowledge(5);
            } else {
                fed.client.handle_timeout(t(5_004));
                fed.poll();
            }
            fed.sent.clear();
            fed.client.subscribe(t(6_010), s("btcusd@depth")).unwrap();
            fed.poll();
            if is_confirmed {
                fed.acknowledge(6_010);
            }
            fed.feed(6_011, &frame(7));
            let is_book = is_left || is_confirmed || rule == GapRule::Strict;
            assert_eq!(fed.books.live("btcusd").is_some(), is_book, "{rule:?}, {is_left}, {is_confirmed}");
            // After the confirmation, such a frame is a book.
            if !is_book {
                fed.acknowledge(6_012);
                fed.feed(6_013, &frame(9));
                assert!(fed.books.live("btcusd").is_some());
            }
        }
    }
}

/// The client raises a silence limit of zero to a millisecond. A limit of zero would stay zero when the client
/// doubles it, so the client would subscribe again after each reply.
#[test]
fn x16_a_limit_of_silence_is_never_zero() {
    let mut client = Client::new(ClientConfig::new(), 1);
    let endpoint = client.add(t(0), Config::new("ws://v")).unwrap();
    client.subscribe_at(t(0), endpoint, s("btcusd@trade"), Some(Duration::ZERO)).unwrap();
    client.open(t(0)).unwrap();
    while client.poll_output().is_some() {}
    let link = client.links().next().unwrap().0;
    client.handle_connected(link, t(1));
    while client.poll_output().is_some() {}
    let reply = Frame::Text(r#"{"id":1,"status":200}"#);
    assert!(client.handle_frame(link, t(2), reply, &mut Scratch::new()).is_none());
    while client.poll_output().is_some() {}
    assert_eq!(client.deadline().unwrap().at, t(2) + Duration::from_millis(1));
}

/// The client refuses a stream of an account at an endpoint that is not authenticated. Otherwise only the venue's
/// refusal would show the mistake.
#[test]
fn x17_a_stream_of_an_account_needs_an_authenticated_endpoint() {
    let mut client = Client::new(ClientConfig::new(), 1);
    let urls = ["ws://v", "wss://api.gemini.com/v2/marketdata"];
    let [public, archived] = urls.map(|url| client.add(t(0), Config::new(url)).unwrap());
    let mut subscribe = |endpoint, stream| client.subscribe_at(t(0), endpoint, s(stream), None).err();
    assert_eq!(subscribe(public, "orders@account"), Some(CommandError::NotAuthenticated));
    assert_eq!(subscribe(archived, "orders@account"), Some(CommandError::WrongEndpoint));
    assert_eq!(subscribe(public, "btcusd@trade"), None);
}
