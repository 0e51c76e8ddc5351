//! Tests failures of market data. Each test is named after its scenario.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use gemini_ws::{Book, Books, Config, Endpoint, Event, IgnoredReason, Replay, Scratch, Snapshot};
use testkit::fed::{
    Client, ENDPOINTS, STREAMS, V1, V2, depth, l2, levels, side, snapshot, trade_v2, trades_v2, update_v1,
};

/// L-122: after a reconnect the snapshot has fewer levels than the old book, and no level of the old book remains.
#[test]
fn l_122_a_snapshot_replaces_the_old_book() {
    for url in ENDPOINTS {
        let mut client = Client::new(url);
        client.answer_if(url);
        client.feed(&snapshot(url, "1x99 1x98", "3x101 4x102"));
        client.reopen();
        client.answer_if(url);
        client.feed(&snapshot(url, "1x99", "3x101"));
        assert_eq!(client.book(), "live 1x99 / 3x101", "{url}");
    }
}

/// L-123: a frame is a snapshot because it is the first frame of its stream. Whether it contains trades does not
/// matter.
#[test]
fn l_123_trades_do_not_make_a_snapshot() {
    let trades = format!(r#","trades":[{}]"#, trade_v2(7));
    // Members of the first frame, members of the second frame, reported trades.
    let table = [
        ("", "", vec![]),
        ("", &trades, vec!["7"]),
        (&trades, "", vec!["7"]),
        (&trades, &trades, vec!["7", "7r"]),
    ];
    for (first, second, told) in table {
        let mut client = Client::new(V2);
        client.feed(&l2("1x99", "3x101", first));
        assert_eq!(client.book(), "live 1x99 / 3x101");
        client.feed(&l2("2x98", "", second));
        assert_eq!(client.book(), "live 1x99 2x98 / 3x101", "{second}");
        assert_eq!(client.trades, told);
        assert_eq!((client.count("depth_snapshot"), client.count("depth_update")), (1, 1));
    }
}

/// L-124: from the end of a link until the next snapshot, no book is current.
#[test]
fn l_124_no_book_outlives_its_link() {
    for url in ENDPOINTS {
        let mut client = Client::new(url);
        client.answer_if(url);
        client.feed(&snapshot(url, "1x99", "3x101"));
        client.lose();
        assert_eq!(client.book(), "Disconnected", "{url}");
        client.pass(Duration::from_secs(60));
        assert_eq!(client.book(), "Disconnected", "{url}");
        client.connect();
        client.answer_if(url);
        assert_eq!(client.book(), "Disconnected", "{url}");
        client.feed(&snapshot(url, "2x99", "3x101"));
        assert_eq!(client.book(), "live 2x99 / 3x101", "{url}");
    }
}

/// L-125: after the updates 1, 2 and 4, the client reports one gap, at update 4, and does not apply update 4.
#[test]
fn l_125_a_gap_is_noticed_once() {
    let mut client = Client::new(STREAMS);
    client.answer();
    client.feed(&depth(10, 10, "1x99", "3x101"));
    client.feed(&depth(10, 20, "2x99", ""));
    client.feed(&depth(20, 30, "3x99", ""));
    assert_eq!(client.book(), "live 3x99 / 3x101");
    client.feed(&depth(40, 50, "4x99", ""));
    assert_eq!(client.books.get("btcusd").unwrap().last().bids().best().unwrap().quantity.to_string(), "3");
    assert_eq!((client.book().as_str(), client.count("gap")), ("Gap", 1));
    // The client unsubscribes at once, to request a new snapshot.
    assert!(client.unanswered[0].contains("unsubscribe"), "{:?}", client.unanswered);
    client.feed(&depth(50, 60, "5x99", ""));
    client.feed(&depth(70, 80, "6x99", ""));
    assert_eq!((client.book().as_str(), client.count("gap")), ("Gap", 1));
}

/// L-126: after a gap, a book recovers without help from the application. If an update makes a book crossed, the
/// application must request the book again.
#[test]
fn l_126_a_book_recovers() {
    let mut client = Client::new(STREAMS);
    client.answer();
    client.feed(&depth(10, 10, "1x99", "3x101"));
    client.feed(&depth(40, 50, "4x99", ""));
    client.answer();
    client.feed(&depth(60, 60, "7x99", "3x101"));
    assert_eq!(client.book(), "live 7x99 / 3x101");
    assert_eq!(client.books.to_resync().count(), 0, "the client has asked");
    // A crossed book is not current, and `Books` lists it for a resync.
    client.feed(&depth(60, 70, "1x105", ""));
    assert_eq!(client.book(), "Crossed");
    assert!(client.books.to_resync().eq(["btcusd".parse().unwrap()]));
    client.resync();
    assert_eq!((client.book().as_str(), client.books.to_resync().count()), ("Gap", 0));
    // The book was lost twice within a short time, so the client waits for a second before it requests the book
    // again.
    assert!(client.unanswered.is_empty(), "{:?}", client.unanswered);
    client.pass(Duration::from_secs(1));
    client.answer();
    client.feed(&depth(80, 80, "7x99", "3x101"));
    assert_eq!(client.book(), "live 7x99 / 3x101");
    assert_eq!((client.books.crossed(), client.machine.stats().resyncs), (1, 2));
}

/// I-64: a crossed book is not current, unless the application chooses to trust crossed books. A later update may end
/// the crossing.
#[test]
fn i_64_a_crossed_book_is_not_live() {
    let (snapshot, crossing) = (depth(10, 10, "1x99", "3x101"), depth(10, 20, "1x101", ""));
    let uncrossing = depth(20, 30, "0x101", "");
    let crossed = depth(10, 10, "1x102", "3x101");
    // Frames, the state of the book afterwards, the number of books to resync.
    let table: [(&[&str], &str, usize); 5] = [
        (&[&snapshot, &crossing], "Crossed", 1),
        (&[&snapshot, &crossing, &uncrossing], "live 1x99 / 3x101", 0),
        // A book that is crossed in its snapshot, as in the sandbox, is not requested again.
        (&[&crossed], "Crossed", 0),
        (&[&crossed, &depth(10, 20, "2x102", "")], "Crossed", 0),
        (&[&crossed, &depth(10, 20, "0x102 1x99", "")], "live 1x99 / 3x101", 0),
    ];
    for (frames, shown, to_resync) in table {
        let mut client = Client::new(STREAMS);
        frames.iter().for_each(|frame| client.feed(frame));
        assert_eq!(
            (client.book().as_str(), client.books.to_resync().count()),
            (shown, to_resync),
            "{frames:?}"
        );
        assert_eq!(client.books.crossed(), 1);
        // An application can choose to trust crossed books.
        let mut client = Client { books: Books::new().trust_crossed(), ..Client::new(STREAMS) };
        frames.iter().for_each(|frame| client.feed(frame));
        assert!(client.book().starts_with("live"), "{frames:?}");
        assert_eq!((client.books.to_resync().count(), client.books.crossed()), (0, 1));
    }
}

/// L-127: updates come before, between and after the snapshot, in every order. A current book contains exactly the
/// updates up to its id.
#[test]
fn l_127_a_snapshot_among_changes() {
    let frames = [
        depth(80, 90, "8x90", ""),
        depth(90, 100, "1x99 8x90", ""),
        depth(100, 100, "1x99 8x90", "3x101"),
        depth(95, 100, "1x99", ""),
        depth(100, 110, "2x99", ""),
        depth(110, 120, "0x99", "5x102"),
    ];
    // The right book for each last id.
    let truth: BTreeMap<u64, &str> = BTreeMap::from([
        (100, "live 1x99 8x90 / 3x101"),
        (110, "live 2x99 8x90 / 3x101"),
        (120, "live 8x90 / 3x101 5x102"),
    ]);
    let mut seen = BTreeMap::new();
    permutations(frames.len(), &mut |order| {
        let mut client = Client::new(STREAMS);
        for &at in order {
            client.feed(&frames[at]);
            let shown = client.book();
            if let Some(Book::Live(book)) = client.books.get("btcusd") {
                assert_eq!(shown, truth[&book.last_update_id().unwrap()], "{order:?}");
            }
            *seen.entry(shown).or_insert(0) += 1;
        }
        // If the snapshot was too old, the client requests a new one, which comes now.
        if client.book() == "Gap" {
            client.answer();
            client.feed(&depth(130, 130, "9x99", "9x101"));
            assert_eq!(client.book(), "live 9x99 / 9x101", "{order:?}");
        }
    });
    assert_eq!(seen.len(), 5, "each of the books, none and the gap: {seen:?}");
}

fn permutations(count: usize, f: &mut impl FnMut(&[usize])) {
    fn next(chosen: &mut Vec<usize>, count: usize, f: &mut impl FnMut(&[usize])) {
        if chosen.len() == count {
            return f(chosen);
        }
        for at in 0..count {
            if !chosen.contains(&at) {
                chosen.push(at);
                next(chosen, count, f);
                chosen.pop();
            }
        }
    }
    next(&mut Vec::new(), count, f);
}

/// L-128: an update comes before the snapshot. No book is visible until the snapshot comes and is applied.
#[test]
fn l_128_nothing_is_visible_before_the_snapshot() {
    let mut client = Client::new(STREAMS);
    client.feed(&depth(8, 9, "1x98", "1x102"));
    assert_eq!((client.book().as_str(), client.count("depth_update")), ("none", 0));
    assert_eq!(client.told.last().unwrap(), &format!("{:?}", IgnoredReason::BeforeSnapshot));
    client.feed(&depth(10, 10, "1x99", "3x101"));
    assert_eq!(client.book(), "live 1x99 / 3x101");
    // On market data v1, the address of the link decides that no snapshot comes. The client then reports no book.
    let mut client = Client::new(V1);
    client.feed(&update_v1(0, 9, "1x98", "", "place", &[]));
    assert_eq!(client.book(), "none");
}

/// L-129: an update of one level leaves the other levels in place.
#[test]
fn l_129_a_change_is_not_a_book() {
    for url in ENDPOINTS {
        let mut client = Client::new(url);
        let bids: Vec<String> = (1..=50).map(|price| format!("1x{}", 100 - price)).collect();
        client.feed(&snapshot(url, &bids.join(" "), "3x101"));
        client.feed(&match url {
            V2 => l2("7x80", "", ""),
            V1 => update_v1(1, 20, "7x80", "", "place", &[]),
            _ => depth(10, 20, "7x80", ""),
        });
        let book = client.books.get("btcusd").unwrap().live().unwrap();
        assert_eq!((book.bids().len(), book.asks().len()), (50, 1), "{url}");
        let changed: Vec<_> =
            book.bids().iter().filter(|level| level.quantity != "1".parse().unwrap()).collect();
        assert_eq!((changed.len(), changed[0].price.to_string().as_str()), (1, "80"), "{url}");
    }
}

/// L-130: the venue sends only the best three levels of each side. `known_depth` returns how many levels of a side
/// are certainly the best ones.
#[test]
fn l_130_the_known_depth_is_stated() {
    let config = || Config::new(STREAMS).snapshot(Snapshot::Best(3.try_into().unwrap()));
    // Bids of the snapshot, bids of the update, all bids afterwards, and how many of these are certainly the best.
    let table = [
        ("1x99 1x98 1x97", "", "1x99 1x98 1x97", 3),
        // A better level pushes another level out of the best three. The venue may not send the changes of that
        // level.
        ("1x99 1x98 1x97", "5x100", "5x100 1x99 1x98 1x97", 3),
        ("1x99 1x98 1x97", "5x98.5", "1x99 5x98.5 1x98 1x97", 3),
        ("1x99 1x98 1x97", "0x98 5x100", "5x100 1x99 1x97", 3),
        // The client cannot know whether the venue has further levels below the last known one.
        ("1x99 1x98 1x97", "5x96 5x90", "1x99 1x98 1x97 5x96 5x90", 3),
        ("1x99 1x98 1x97", "0x99 0x98", "1x97", 1),
        ("1x99 1x98 1x97", "0x99 0x98 0x97 5x96", "5x96", 0),
        ("1x99 1x98 1x97", "0x97 5x97", "1x99 1x98 5x97", 3),
        ("1x99 1x98 1x97", "0x97.00 5x96.5", "1x99 1x98 5x96.5", 2),
        // A snapshot with fewer than three levels contains all levels of its side, so all levels are known until
        // there are three.
        ("1x99 1x98", "5x90", "1x99 1x98 5x90", 3),
        ("", "5x90", "5x90", 1),
    ];
    for (bids, changes, expected, known) in table {
        let mut client = Client::with(config());
        client.feed(&depth(10, 10, bids, ""));
        client.feed(&depth(10, 20, changes, ""));
        let book = client.books.get("btcusd").unwrap().live().unwrap();
        assert_eq!(side(book.bids()), expected);
        assert_eq!(book.bids().known_depth(), known, "{bids} and {changes}");
        assert_eq!(book.bids().is_whole(), levels(bids).len().max(levels(expected).len()) < 3);
        // A new snapshot determines the known levels again.
        client.resync();
        client.answer();
        client.feed(&depth(30, 30, "1x50", ""));
        let bids = client.books.get("btcusd").unwrap().live().unwrap().bids();
        assert_eq!((bids.known_depth(), bids.is_whole()), (1, true));
    }
    // All levels of a complete snapshot are known. After a `top-of-book` entry, only the best level is known.
    let mut client = Client::new(STREAMS);
    client.feed(&depth(10, 10, "1x99 1x98 1x97", ""));
    assert!(client.books.get("btcusd").unwrap().live().unwrap().bids().is_whole());
    let mut client = Client::new(V1);
    client.feed(&update_v1(0, 10, "1x99 1x98", "3x101", "initial", &[]));
    client.feed(&update_v1(1, 11, "2x97", "", "top-of-book", &[]));
    let book = client.books.get("btcusd").unwrap().live().unwrap();
    assert_eq!(
        (side(book.bids()).as_str(), book.bids().is_whole(), book.asks().is_whole()),
        ("2x97", false, true)
    );
}

/// L-131: the frames of each link are numbered from zero.
#[test]
fn l_131_numbers_begin_with_the_link() {
    let (mut one, mut other) = (Client::new(V1), Client::new(V1));
    let change = |sequence| update_v1(sequence, 20 + sequence, "2x99", "", "place", &[]);
    for client in [&mut one, &mut other] {
        client.feed(&snapshot(V1, "1x99", "3x101"));
        client.feed(&change(1));
    }
    one.reopen();
    one.feed(&snapshot(V1, "1x99", "3x101"));
    for sequence in 2..5 {
        other.feed(&change(sequence));
        one.feed(&change(sequence - 1));
    }
    for client in [&one, &other] {
        assert_eq!((client.count("sequence_gap"), client.book().as_str()), (0, "live 2x99 / 3x101"));
    }
    assert_eq!((one.machine.stats().reconnects, other.machine.stats().reconnects), (1, 0));
    // The first frame of a link must have the number zero.
    one.reopen();
    one.feed(&update_v1(1, 40, "1x99", "3x101", "initial", &[]));
    assert_eq!((one.count("sequence_gap"), one.book().as_str()), (1, "Disconnected"));
    // A number that would be next on the old link is a gap on the new one.
    other.reopen();
    other.feed(&change(5));
    assert_eq!(other.count("sequence_gap"), 1);
}

/// L-132: trades that the venue sends again, over a new link or the same one, are marked as replays. New trades are
/// not marked.
#[test]
fn l_132_repeated_trades_are_marked() {
    let expected: Vec<String> = (1..=50)
        .map(|id| id.to_string())
        .chain((31..=80).map(|id| if id <= 50 { format!("{id}r") } else { id.to_string() }))
        .chain(["81".to_owned(), "81r".to_owned()])
        .collect();
    // On market data v2, the first frame contains trades 1 to 40. Trades 41 to 50 come in separate frames.
    let mut client = Client::new(V2);
    client.feed(&l2("1x99", "3x101", &trades_v2(1..41)));
    (41..=50).for_each(|id| client.feed(&trade_v2(id)));
    client.reopen();
    client.feed(&l2("1x99", "3x101", &trades_v2(31..81)));
    (0..2).for_each(|_| client.feed(&trade_v2(81)));
    assert_eq!(client.trades, expected);
    // The venue does not sort the trades of a first frame.
    client.reopen();
    client.trades.clear();
    client.feed(&l2("1x99", "3x101", &trades_v2([83, 80, 82, 81].into_iter())));
    assert_eq!(client.trades, ["83", "80r", "82", "81r"]);
    // The client requests the stream again on the same link.
    client.resync();
    client.trades.clear();
    client.feed(&l2("1x99", "3x101", &trades_v2([83, 84].into_iter())));
    assert_eq!(client.trades, ["83r", "84"]);
    let mut client = Client::new(V1);
    client.feed(&update_v1(0, 40, "1x99", "3x101", "initial", &[20, 40]));
    client.feed(&update_v1(1, 50, "1x99", "", "trade", &[50]));
    client.reopen();
    client.feed(&update_v1(0, 60, "1x99", "3x101", "initial", &[40, 50, 55]));
    client.feed(&update_v1(1, 61, "1x99", "", "trade", &[61]));
    assert_eq!(client.trades, ["20", "40", "50", "40r", "50r", "55", "61"]);
    // The current API, of which no repeated trades are known.
    let mut client = Client::new(STREAMS);
    client.subscribe("btcusd@trade");
    let trade = |id: u64| format!(r#"{{"E":1,"s":"btcusd","t":{id},"p":"1.5","q":"2","m":true}}"#);
    [7, 9, 9].iter().for_each(|id| client.feed(&trade(*id)));
    client.reopen();
    [9, 12].iter().for_each(|id| client.feed(&trade(*id)));
    assert_eq!(client.trades, ["7", "9", "9r", "9r", "12"]);
    let frames = [l2("1x99", "", &trades_v2(1..3)), trade_v2(3), l2("1x99", "", &trades_v2(2..5))];
    let (mut replay, mut trades) = (Replay::new(Endpoint::MarketDataV2), String::new());
    for frame in frames {
        let mut scratch = Scratch::new();
        for part in replay.event(&frame, &mut scratch).unwrap().unwrap().parts() {
            if let Event::Trade(trade, _) = part {
                write!(trades, " {}{}", trade.trade_id, if trade.is_replay { "r" } else { "" }).unwrap();
            }
        }
    }
    assert_eq!(trades, " 1 2 3 2r 3r 4");
}

/// Each line has an endpoint, the venue's unit, the path of the field in the message, and a frame with `@` in place
/// of the time.
const TIMES: &str = r#"streams nanos /event_time {"u":1,"E":@,"s":"a","b":"1","B":"1","a":"2","A":"1"}
streams nanos /event_time {"e":"depthUpdate","E":@,"s":"a","U":1,"u":1,"b":[],"a":[]}
streams nanos /event_time {"E":@,"s":"a","t":1,"p":"1","q":"2","m":true}
streams millis /event_time {"e":"contractStatus","E":@,"s":"a","k":"e","c":"c","i":1,"o":"x","n":"y"}
streams nanos /event_time {"e":"markPrice","E":@,"s":"a","p":"1"}
streams nanos /event_time {"e":"fundingAmount","E":@,"s":"a","T":1,"i":60,"f":"1","r":"1","p":"1","R":false}
streams nanos /funding_time {"e":"fundingAmount","E":1,"s":"a","T":@,"i":60,"f":"1","r":"1","p":"1","R":false}
streams nanos /event_time {"E":@,"s":"a","i":5,"X":"OPEN"}
streams nanos /transaction_time {"E":1,"s":"a","i":5,"X":"OPEN","T":@}
streams nanos /event_time {"e":"balanceUpdate","E":@,"B":[]}
streams nanos /update_time {"e":"balanceUpdate","E":1,"u":@,"B":[]}
streams nanos /event_time {"e":"positionReport","E":@,"u":2,"A":3,"P":[]}
streams nanos /update_time {"e":"positionReport","E":1,"u":@,"A":3,"P":[]}
streams millis /event_time {"e":"requestForQuote","E":@,"r":"r","l":[],"S":"OPEN"}
streams millis /event_time {"e":"requestForQuote","i":"e","E":@,"r":"r","x":"CLOSED","S":"OPEN"}
v2 millis /event_time {"type":"trade","symbol":"A","event_id":5,"timestamp":@,"price":"1","quantity":"2","side":"sell"}
v2 millis /time {"type":"auction_result","symbol":"A","time_ms":@,"result":"failure"}
v2 millis /candles/0/open_time {"type":"candles_1m_updates","symbol":"A","changes":[[@,1,1,1,1,1]]}
v2 nanos /changes/0/event_time {"type":"mark_price_updates","symbol":"A","changes":[{"timestamp":@,"mark_price":"7","spot_index":"8"}]}
v2 nanos /changes/0/event_time {"type":"funding_amount_updates","symbol":"A","changes":[{"timestamp":@,"funding_amount":"-1","funding_date_time":2,"funding_interval_in_minutes":60,"is_realized":false}]}
v2 nanos /changes/0/funding_time {"type":"funding_amount_updates","symbol":"A","changes":[{"timestamp":1,"funding_amount":"-1","funding_date_time":@,"funding_interval_in_minutes":60,"is_realized":false}]}
v2 millis /event_time {"type":"heartbeat","timestamp":@}
v1 millis /event_time {"type":"update","eventId":5,"socket_sequence":0,"timestampms":@,"events":[]}
v1 seconds /timestamp {"type":"update","eventId":5,"socket_sequence":0,"timestamp":@,"events":[]}
v1 millis /entries/0/opened {"type":"update","eventId":5,"socket_sequence":0,"events":[{"type":"auction_open","auction_open_ms":@,"auction_time_ms":2,"first_indicative_ms":3,"last_cancel_time_ms":4}]}
orders-v1 millis /events/0/event_time [{"type":"booked","order_id":"1","symbol":"a","timestampms":@}]
orders-v1 seconds /events/0/event/timestamp [{"type":"booked","order_id":"1","symbol":"a","timestamp":@}]
orders-v1 millis /event_time {"type":"heartbeat","timestampms":@}"#;

/// L-133: messages report every time in one unit. The venue's unit depends on the member, and not on the size of the
/// number.
#[test]
fn l_133_times_have_one_unit() {
    let table = TIMES.lines().map(|row| {
        let mut cells = row.splitn(4, ' ');
        let mut cell = || cells.next().expect(row);
        let endpoint: Endpoint = cell().parse().unwrap();
        let unit: i64 = match cell() {
            "nanos" => 1,
            "millis" => 1_000_000,
            "seconds" => 1_000_000_000,
            unit => panic!("{unit}"),
        };
        (endpoint, unit, cell(), cell())
    });
    // Seconds, milliseconds and nanoseconds of this decade, and numbers that are none of these.
    let times = [0, 1, 999_999_999, 1_802_000_000, 1_802_000_000_123, 1_802_000_000_123_456_789, i64::MAX];
    for (endpoint, unit, place, frame) in table {
        for time in times {
            let told = |text: &str| -> Option<i64> {
                let frame = frame.replace('@', text);
                let mut scratch = Scratch::new();
                let message = endpoint.decode(&frame, &mut scratch).ok()?;
                let said = serde_json::to_value(message).unwrap();
                said.pointer(place)?.as_i64()
            };
            // A time that is too large for the field is refused, and never changed.
            assert_eq!(told(&time.to_string()), time.checked_mul(unit), "{frame} {time}");
            // A time in quotes is the same time, or is refused.
            let text = told(&format!("\"{time}\""));
            assert!(text.is_none() || text == time.checked_mul(unit), "{frame} \"{time}\"");
        }
    }
}

/// L-134: a resync is cancelled at each of its steps. Afterwards the book waits for a snapshot, and the client keeps
/// no updates.
#[test]
fn l_134_a_cancelled_resync_leaves_nothing() {
    for step in 0..4 {
        for by_unsubscribing in [true, false] {
            let mut client = Client::new(STREAMS);
            client.answer();
            client.feed(&depth(10, 10, "1x99", "3x101"));
            client.feed(&depth(40, 50, "4x99", ""));
            if step > 0 {
                // The venue confirms the end of the old subscription, then the new subscription.
                let id = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["id"].clone();
                for _ in 1..step.min(3) {
                    let request = client.unanswered.remove(0);
                    client.feed(&format!(r#"{{"id":{},"status":200}}"#, id(&request)));
                }
            }
            if step == 3 {
                client.feed(&depth(60, 60, "5x99", "3x101"));
                client.feed(&depth(90, 91, "5x99", "3x101"));
            }
            if by_unsubscribing {
                let (id, ..) = client.machine.streams().next().unwrap();
                client.machine.unsubscribe(client.now, id).unwrap();
                client.outputs();
                client.answer();
                assert_eq!(client.book(), "none");
                client.subscribe("btcusd@depth");
            } else {
                client.unanswered.clear();
                client.reopen();
            }
            // The client does not keep updates that come before the snapshot.
            let used = allocation_counter::measure(|| {
                for id in 100..1_100 {
                    client.told.clear();
                    client.feed(&depth(id, id + 1, "1x97", ""));
                }
            });
            assert!(used.count_current < 10, "{step}: {} allocations are left", used.count_current);
            assert!(!client.book().starts_with("live"), "{step}");
            client.answer();
            client.feed(&depth(2_000, 2_000, "6x99", "3x101"));
            client.feed(&depth(2_000, 2_001, "7x99", ""));
            assert_eq!(client.book(), "live 7x99 / 3x101", "{step} {by_unsubscribing}");
        }
    }
}
