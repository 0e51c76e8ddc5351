//! Faults of what an application believes, each with the other members of its class: every test fails on the code
//! that had the fault.

use std::time::Duration;

use gemini_ws::{
    BOOKS_MAX, Balances, Books, Client, ClientConfig, Config, Decimal, Endpoint, Event, EventBuf,
    FINISHED_ORDERS_MAX, Frame, GapRule, Instant, LinkId, Lost, NewOrder, NewQuote, Order, OrderState,
    Orders, Output, Positions, Quotes, Reconciled, Replay, Request, RequestId, RequestOutcome, Scratch, Side,
    Snapshot, StaleReason, Subject, Topic,
};

/// Each fault with the tests that show it, for those who plant it again.
#[allow(dead_code, reason = "the tests run by themselves")]
pub(crate) const FAULTS: &[(&str, fn())] = &[
    ("A2", a2_the_end_of_one_v1_link_leaves_the_book_of_another_alone),
    ("A2", a2_the_end_of_a_link_without_orders_leaves_orders_alone),
    ("A2", a2_an_old_end_says_nothing_of_the_next_link),
    ("A3", a3a_events_decide_against_an_earlier_not_found),
    ("A3", a3b_an_older_answer_does_not_undo_what_is_newer),
    ("A3", a3c_reconciling_holds_until_the_next_doubt_only),
    ("A3", a3d_an_order_without_a_client_order_id_can_be_reconciled),
    ("A3", a3e_two_entries_of_one_order_become_one),
    ("A3", a3_contradictions_are_never_merged),
    ("A4", a4_an_end_is_no_proof_of_completeness),
    ("B1", b1_executions_that_do_not_add_up_are_a_doubt),
    ("B1", b1_an_order_that_is_first_seen_in_the_middle_is_in_doubt),
    ("B2", b2_an_end_wins_whatever_the_venues_clock_says),
    ("B3", b3_a_status_that_is_not_known_is_a_doubt),
    ("B4", b4_a_cancel_that_does_not_succeed_is_a_doubt),
    ("B5", b5_an_order_that_was_sent_while_its_events_are_not_subscribed_is_in_doubt),
    ("B6", b6_the_list_of_open_orders_settles_doubts_and_raises_others),
    ("B7", b7_an_order_that_is_open_or_in_doubt_is_never_forgotten),
    ("B7", b7_two_orders_of_one_client_order_id_stay_two),
    ("A5", a5_a_frame_that_cannot_be_decoded_leaves_a_doubt_where_it_belongs),
    ("A5", a5_an_element_of_a_list_of_v1_that_cannot_be_decoded_leaves_a_doubt),
    ("A7", a7_a_whole_report_replaces),
    ("A7", a7_what_the_next_report_does_not_name_is_not_current),
    ("A7", a7_balances_of_a_new_subscription_replace_and_later_ones_add),
    ("B18", b18_a_quote_event_that_comes_twice_is_marked),
    ("B18", b18_a_lost_quote_is_named_and_can_be_resolved),
    ("B14", b14_a_level_twice_or_empty_does_not_make_a_snapshot_quadratic),
    ("B14", b14_an_unordered_snapshot_is_the_book_that_its_levels_make_one_by_one),
    ("C12", c12_the_peer_cannot_make_books_without_bound),
    ("C12", c12_what_is_not_kept_is_counted),
    ("C21", c21_a_book_follows_the_rule_of_its_link),
];

// ---- a client, and everything that is believed of what it says ------------------------------------------

fn t(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn new_order(id: &str) -> NewOrder {
    NewOrder::limit(id, "btcusd", Side::Buy, "1", "100").unwrap()
}

/// A client with an open link, and what an application makes of its events.
struct Fed {
    client: Client,
    link: LinkId,
    sent: Vec<String>,
    books: Books,
    orders: Orders,
    balances: Balances,
    positions: Positions,
    quotes: Quotes,
}

impl Fed {
    fn new(config: Config) -> Fed {
        let mut client = Client::single(config.seed(1));
        client.open(t(0)).unwrap();
        let link = client.links().next().unwrap().0;
        client.handle_connected(link, t(0));
        let mut fed = Fed {
            client,
            link,
            sent: Vec::new(),
            books: Books::new(),
            orders: Orders::new(),
            balances: Balances::new(),
            positions: Positions::new(),
            quotes: Quotes::new(),
        };
        fed.poll();
        fed
    }

    fn private(streams: &[&str]) -> Fed {
        let mut fed = Fed::new(Config::new("ws://v").authenticated(true));
        for stream in streams {
            fed.subscribe(1, stream);
        }
        fed
    }

    fn apply(&mut self, event: &Event<'_>) {
        self.books.apply(event);
        self.orders.apply(event);
        self.balances.apply(event);
        self.positions.apply(event);
        self.quotes.apply(event);
    }

    fn poll(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Event(event) => self.apply(&event),
                Output::Send { text, .. } => self.sent.push(text),
                Output::Connect(link) => self.link = link,
                _ => {}
            }
        }
    }

    /// Acknowledges whatever was sent.
    fn acknowledge(&mut self, at: u64) {
        self.poll();
        while let Some(text) = self.sent.pop() {
            let id: String = text.chars().skip(6).take_while(char::is_ascii_digit).collect();
            self.feed(at, &format!("{{\"id\":{id},\"status\":200}}"));
        }
    }

    fn subscribe(&mut self, at: u64, stream: &str) {
        self.client.subscribe(t(at), stream.parse().unwrap()).unwrap();
        self.acknowledge(at);
    }

    fn feed(&mut self, at: u64, text: &str) {
        let mut scratch = Scratch::new();
        let event = self.client.handle_frame(self.link, t(at), Frame::Text(text), &mut scratch);
        if let Some(event) = event {
            let mut event = EventBuf::from(&event);
            self.apply(&event.as_event());
        }
        self.poll();
    }

    /// The link is lost, and the next one is open; nothing is acknowledged yet.
    fn reconnect(&mut self, at: u64) {
        self.client.handle_lost(self.link, t(at), Lost::Reset);
        self.poll();
        self.sent.clear();
        let due = self.client.deadline().unwrap().at;
        self.client.handle_timeout(due);
        self.poll();
        self.client.handle_connected(self.link, due);
        self.poll();
    }

    fn order(&self) -> &Order {
        self.orders.get(77).unwrap()
    }
}

/// An update of order 77 of the current API, with these members beside the usual ones.
fn update(status: &str, rest: &str) -> String {
    format!(
        r#"{{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":77,"c":"a1","S":"BUY","X":"{status}","q":"1","T":1000{rest}}}"#
    )
}

fn apply(orders: &mut Orders, text: &str) {
    let mut scratch = Scratch::new();
    let event = Replay::new(Endpoint::Streams).event(text, &mut scratch).unwrap().unwrap();
    orders.apply(&event);
}

/// Sends an order, of which nothing else is known.
fn send(orders: &mut Orders, id: &str) -> (RequestId, Subject) {
    let (request, about) = (RequestId::new(1), Subject::PlaceOrder(new_order(id)));
    let link = Fed::new(Config::new("ws://v")).link;
    orders.apply(&Event::Requested { link, request, about });
    (request, about)
}

fn reply(orders: &mut Orders, (request, about): (RequestId, Subject), outcome: RequestOutcome<'_>) {
    let link = Fed::new(Config::new("ws://v")).link;
    orders.apply(&Event::Reply { link, request, about, outcome });
}

fn found(state: OrderState, executed: &str) -> Option<Reconciled> {
    Some(Reconciled { order_id: 77, state, executed: d(executed) })
}

const OVERFLOW: Event<'static> = Event::Overflow { topic: Topic::Orders, symbol: None, dropped: 1 };
const FILL: &str = r#","Z":"1","L":"100","t":5"#;

// ---- which link did it come over? ------------------------------------------------------------------------

#[test]
fn a2_the_end_of_one_v1_link_leaves_the_book_of_another_alone() {
    let mut client = Client::new(ClientConfig::new(), 1);
    for symbol in ["btcusd", "ethusd"] {
        client.add(t(0), Config::new(format!("ws://venue/v1/marketdata/{symbol}"))).unwrap();
    }
    client.open(t(0)).unwrap();
    let links: Vec<LinkId> = client.links().map(|(link, ..)| link).collect();
    let (mut books, mut scratch) = (Books::new(), Scratch::new());
    let poll = |client: &mut Client, books: &mut Books| {
        while let Some(output) = client.poll_output() {
            if let Output::Event(event) = output {
                books.apply(&event);
            }
        }
    };
    let entry = |price: u32, reason: &str| {
        format!(
            r#"[{{"type":"change","side":"bid","price":"{price}","remaining":"2","delta":"2","reason":"{reason}"}}]"#
        )
    };
    for link in &links {
        client.handle_connected(*link, t(1));
        let text = format!(
            r#"{{"type":"update","eventId":7,"socket_sequence":0,"events":{}}}"#,
            entry(99, "initial")
        );
        books.apply(&client.handle_frame(*link, t(2), Frame::Text(&text), &mut scratch).unwrap());
    }
    client.handle_lost(links[0], t(3), Lost::Reset);
    poll(&mut client, &mut books);
    for n in 1..1000 {
        let text = format!(
            r#"{{"type":"update","eventId":{},"socket_sequence":{n},"timestampms":{},"timestamp":1,"events":{}}}"#,
            10 + n,
            1000 + n,
            entry(100, "place")
        );
        books.apply(&client.handle_frame(links[1], t(3 + n), Frame::Text(&text), &mut scratch).unwrap());
    }
    assert!(books.live("btcusd").is_none(), "its own link has ended");
    assert!(books.live("ethusd").is_some(), "stale by the end of another link");
}

#[test]
fn a2_the_end_of_a_link_without_orders_leaves_orders_alone() {
    for other in ["ws://a/v1/marketdata/btcusd", "ws://b"] {
        let mut client = Client::new(ClientConfig::new(), 1);
        client.add(t(0), Config::new("ws://a/v1/order/events")).unwrap();
        client.add(t(0), Config::new(other).stay_open(true)).unwrap();
        client.open(t(0)).unwrap();
        let links: Vec<_> = client.links().map(|(link, ..)| link).collect();
        let (mut orders, mut scratch) = (Orders::new(), Scratch::new());
        for link in &links {
            client.handle_connected(*link, t(1));
        }
        let ack = r#"{"type":"subscription_ack","accountId":5,"subscriptionId":"x","symbolFilter":[],"apiSessionFilter":[],"eventTypeFilter":[]}"#;
        let initial = r#"[{"type":"initial","order_id":"23","symbol":"ethbtc","side":"buy","order_type":"exchange limit","timestampms":1673545546971,"is_live":true,"executed_amount":"0","remaining_amount":"0.1","original_amount":"0.1","price":"0.1","socket_sequence":0}]"#;
        for text in [ack, initial] {
            orders.apply(&client.handle_frame(links[0], t(2), Frame::Text(text), &mut scratch).unwrap());
        }
        for (lost, in_doubt) in [(1, false), (0, true)] {
            client.handle_lost(links[lost], t(3), Lost::Reset);
            while let Some(output) = client.poll_output() {
                if let Output::Event(event) = output {
                    orders.apply(&event);
                }
            }
            assert_eq!(orders.get(23).unwrap().needs_reconciling(), in_doubt, "{other}, link {lost}");
        }
    }
}

/// What a driver polls late is older than what a frame has said meanwhile.
#[test]
fn a2_an_old_end_says_nothing_of_the_next_link() {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.subscribe(1, "btcusd@depth");
    let snapshot = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[["101","3"]]}"#;
    fed.feed(2, snapshot);
    let old = fed.link;
    fed.reconnect(3);
    fed.acknowledge(2_000);
    fed.feed(2_001, snapshot);
    assert!(fed.books.live("btcusd").is_some());
    fed.apply(&Event::Disconnected { link: old, reason: Lost::Reset, retry: None });
    assert!(fed.books.live("btcusd").is_some(), "an end that is older than the book");
}

// ---- an answer is one more observation ------------------------------------------------------------------------

#[test]
fn a3a_events_decide_against_an_earlier_not_found() {
    let mut orders = Orders::new();
    let request = send(&mut orders, "a1");
    reply(&mut orders, request, RequestOutcome::Lost);
    let asked = orders.moment();
    assert!(orders.reconcile("a1", None, asked));
    for (status, rest) in [("NEW", ""), ("OPEN", ""), ("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#)] {
        apply(&mut orders, &update(status, rest));
    }
    assert_eq!(orders.get(77).unwrap().state, OrderState::PartiallyFilled);
    assert_eq!((orders.open().count(), orders.to_reconcile().count()), (1, 0));
}

/// Whatever is known, an answer that is older never undoes it; each row: events before the question, events between
/// question and answer, the answer, and the state, the executed quantity and the doubts behind it.
#[test]
fn a3b_an_older_answer_does_not_undo_what_is_newer() {
    let new = update("NEW", "");
    let open = update("OPEN", "");
    let part = update("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":4"#);
    let filled = update("FILLED", FILL);
    let canceled = update("CANCELED", r#","Z":"0""#);
    let lost = "";
    type Row<'a> = (&'a [&'a str], &'a [&'a str], Option<Reconciled>, OrderState, &'a str, usize);
    let rows: &[Row<'_>] = &[
        (&[&new, &open], &[&filled], found(OrderState::Open, "0"), OrderState::Filled, "1", 0),
        (&[&new, &open], &[&canceled], found(OrderState::Open, "0"), OrderState::Canceled, "0", 0),
        (&[&new, &open, lost], &[&filled], found(OrderState::Open, "0"), OrderState::Filled, "1", 0),
        (&[&new, &open, lost], &[&part], found(OrderState::Open, "0"), OrderState::PartiallyFilled, "0.4", 1),
        (&[&new, &open], &[lost], found(OrderState::Open, "0"), OrderState::Open, "0", 1),
        (&[&new, &open], &[lost], found(OrderState::Canceled, "0"), OrderState::Canceled, "0", 0),
        (&[&new, &part, lost], &[], found(OrderState::Open, "0"), OrderState::PartiallyFilled, "0.4", 1),
        (&[&new, &part, lost], &[], found(OrderState::Open, "0.4"), OrderState::PartiallyFilled, "0.4", 0),
        (
            &[&new, &part, lost],
            &[],
            found(OrderState::PartiallyFilled, "0.6"),
            OrderState::PartiallyFilled,
            "0.6",
            0,
        ),
        (&[&new, &open, lost], &[], None, OrderState::Open, "0", 1),
        (&[&new, &filled, lost], &[], found(OrderState::Open, "0"), OrderState::Filled, "1", 0),
    ];
    for (number, (before, between, answer, state, executed, doubts)) in rows.iter().enumerate() {
        let mut orders = Orders::new();
        let feed = |orders: &mut Orders, events: &[&str]| {
            for text in events {
                if text.is_empty() {
                    orders.apply(&OVERFLOW);
                } else {
                    apply(orders, text);
                }
            }
        };
        feed(&mut orders, before);
        let asked = orders.moment();
        feed(&mut orders, between);
        orders.reconcile(77, *answer, asked);
        let order = orders.get(77).unwrap();
        let known = (order.state, order.executed(), orders.to_reconcile().count());
        assert_eq!(known, (*state, d(executed), *doubts), "row {number}");
    }
}

#[test]
fn a3c_reconciling_holds_until_the_next_doubt_only() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("OPEN", ""));
    orders.apply(&OVERFLOW);
    let asked = orders.moment();
    assert!(orders.reconcile("a1", found(OrderState::Open, "0"), asked));
    // The fill of the first half does not come, the second does.
    apply(&mut orders, &update("FILLED", r#","Z":"0.5","L":"100","t":6"#));
    let order = orders.get(77).unwrap();
    assert_eq!((order.missing_executions(), order.doubt()), (d("0.5"), Some(StaleReason::Executions)));
    let asked = orders.moment();
    assert!(orders.reconcile(77, found(OrderState::Filled, "1"), asked));
    assert_eq!(orders.to_reconcile().count(), 0, "what is explained is no doubt");
    orders.apply(&OVERFLOW);
    assert_eq!(orders.to_reconcile().count(), 0, "nothing follows an end");
}

#[test]
fn a3d_an_order_without_a_client_order_id_can_be_reconciled() {
    let mut orders = Orders::new();
    apply(
        &mut orders,
        r#"{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":77,"S":"BUY","X":"OPEN","q":"1","T":1000}"#,
    );
    orders.apply(&OVERFLOW);
    let asked = orders.moment();
    assert!(!orders.reconcile(78, found(OrderState::Canceled, "0"), asked));
    assert!(orders.reconcile(77, found(OrderState::Canceled, "0"), asked));
    assert_eq!(orders.to_reconcile().count(), 0);
}

#[test]
fn a3e_two_entries_of_one_order_become_one() {
    let without_c = r#"{"e":"orderUpdate","E":1000,"s":"BTCUSD","i":77,"S":"BUY","X":"PARTIALLY_FILLED","q":"1","Z":"0.4","L":"100","t":5,"T":1000}"#;
    for joined_by in ["rest", "event", "reply"] {
        let mut orders = Orders::new();
        let request = send(&mut orders, "a1");
        if joined_by != "reply" {
            reply(&mut orders, request, RequestOutcome::Lost);
        }
        apply(&mut orders, without_c);
        match joined_by {
            "rest" => {
                let asked = orders.moment();
                assert!(orders.reconcile("a1", found(OrderState::PartiallyFilled, "0.4"), asked));
            }
            "event" => apply(&mut orders, &update("OPEN", "")),
            _ => {
                let mut scratch = Scratch::new();
                let text = r#"{"id":1,"status":200,"result":{"orderId":"77"}}"#;
                let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(text, &mut scratch) else {
                    panic!()
                };
                reply(&mut orders, request, RequestOutcome::Answered(response));
            }
        }
        let all: Vec<_> = orders.iter().map(|order| (order.order_id, order.executed().to_string())).collect();
        assert_eq!(all, [(Some(77), "0.4".to_owned())], "{joined_by}");
        assert_eq!(orders.get("a1").unwrap().order_id, Some(77), "{joined_by}");
        apply(&mut orders, &update("CANCELED", r#","Z":"0.4""#));
        assert_eq!((orders.open().count(), orders.to_reconcile().count()), (0, 0), "{joined_by}");
    }
}

/// Contradictions are reported, and not believed.
#[test]
fn a3_contradictions_are_never_merged() {
    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("OPEN", ""));
    let other = r#"{"e":"orderUpdate","E":1001,"s":"BTCUSD","i":77,"c":"b2","S":"BUY","X":"FILLED","q":"1","Z":"1","L":"100","t":5,"T":1001}"#;
    apply(&mut orders, other);
    let order = orders.get(77).unwrap();
    assert_eq!((order.state, order.doubt()), (OrderState::Open, Some(StaleReason::Contradiction)));
    assert_eq!((orders.contradictions(), orders.get("b2").is_none()), (1, true));

    let mut orders = Orders::new();
    apply(&mut orders, &update("NEW", ""));
    apply(&mut orders, &update("FILLED", FILL));
    apply(&mut orders, &update("NEW", ""));
    assert_eq!(orders.contradictions(), 0, "the same event twice is none");
    let again = update("NEW", "").replace("\"E\":1000", "\"E\":2000");
    apply(&mut orders, &again);
    assert_eq!((orders.contradictions(), orders.to_reconcile().count()), (1, 1));
    assert_eq!(orders.get(77).unwrap().state, OrderState::Filled);
    let asked = orders.moment();
    assert!(orders.reconcile(77, found(OrderState::Filled, "1"), asked), "every doubt can be resolved");
}

// ---- a doubt ends when everything is accounted for -----------------------------------------------------------------

/// What ends a doubt that an outage has raised, and what does not.
#[test]
fn a4_an_end_is_no_proof_of_completeness() {
    let missed = r#","Z":"0.4","L":"100","t":4"#;
    // Fills before the outage, the event behind it, whether doubt remains.
    let rows = [
        ("", "CANCELED", "", true),
        ("", "CANCELED", r#","Z":"0.4""#, true),
        ("", "CANCELED", r#","Z":"0""#, false),
        (missed, "CANCELED", r#","Z":"0.4""#, false),
        (missed, "CANCELED", r#","Z":"0.2""#, true),
        ("", "FILLED", r#","Z":"0.6","L":"100","t":5"#, true),
        ("", "FILLED", FILL, false),
        (missed, "FILLED", r#","Z":"0.6","L":"100","t":5"#, false),
        ("", "REJECTED", r#","r":"InvalidPrice""#, false),
        ("", "OPEN", "", true),
        ("", "PARTIALLY_FILLED", r#","Z":"0.1","L":"100","t":9"#, true),
    ];
    for (before, status, rest, doubt) in rows {
        let mut fed = Fed::private(&["orders@account"]);
        fed.feed(2, &update("NEW", ""));
        fed.feed(3, &update(if before.is_empty() { "OPEN" } else { "PARTIALLY_FILLED" }, before));
        fed.reconnect(4);
        assert_eq!(fed.order().doubt(), Some(StaleReason::Disconnected));
        fed.acknowledge(3_000);
        fed.feed(3_001, &update(status, rest));
        assert_eq!(fed.order().needs_reconciling(), doubt, "{before} {status} {rest}: {:?}", fed.order());
        let asked = fed.orders.moment();
        if doubt {
            let executed = fed.order().executed().max(d("0.7")).to_string();
            let state = if fed.order().state.is_final() { fed.order().state } else { OrderState::Canceled };
            assert!(fed.orders.reconcile(77, found(state, &executed), asked), "{status} {rest}");
        }
        assert_eq!(fed.orders.to_reconcile().count(), 0);
    }
}

/// Sums that do not add up, in either direction, and fills that cannot be told apart.
#[test]
fn b1_executions_that_do_not_add_up_are_a_doubt() {
    let part = r#","Z":"0.4","L":"100","t":5"#;
    let rows: [(&[(&str, &str)], bool); 9] = [
        (&[("PARTIALLY_FILLED", part), ("FILLED", r#","Z":"1.0","L":"100","t":6"#)], true),
        (&[("PARTIALLY_FILLED", part), ("PARTIALLY_FILLED", r#","Z":"0.7","L":"100","t":6"#)], true),
        (&[("PARTIALLY_FILLED", part), ("FILLED", r#","Z":"0.6","L":"100","t":6"#)], false),
        (&[("PARTIALLY_FILLED", part), ("FILLED", r#","Z":"0.5","L":"100","t":6"#)], true),
        (&[("PARTIALLY_FILLED", part), ("PARTIALLY_FILLED", part)], false),
        (&[("PARTIALLY_FILLED", part), ("PARTIALLY_FILLED", r#","Z":"0.3","L":"100","t":5"#)], true),
        (&[("PARTIALLY_FILLED", r#","Z":"0.4","L":"100""#)], true),
        (&[("PARTIALLY_FILLED", part), ("CANCELED", r#","Z":"0.1""#)], true),
        (&[("PARTIALLY_FILLED", part), ("CANCELED", r#","Z":"0.9""#)], true),
    ];
    for (events, doubt) in rows {
        let mut orders = Orders::new();
        apply(&mut orders, &update("NEW", ""));
        for (status, rest) in events {
            apply(&mut orders, &update(status, rest));
        }
        assert_eq!(orders.get(77).unwrap().needs_reconciling(), doubt, "{events:?}");
    }
}

/// Whoever joins an order in the middle of its life does not know what was before.
#[test]
fn b1_an_order_that_is_first_seen_in_the_middle_is_in_doubt() {
    for (status, rest, doubt) in [
        ("NEW", "", false),
        ("OPEN", "", false),
        ("OPEN", r#","Z":"0.4""#, true),
        ("PARTIALLY_FILLED", r#","Z":"0.4","L":"100","t":5"#, true),
        ("FILLED", FILL, false),
        ("FILLED", r#","Z":"0.4","L":"100","t":5"#, true),
        ("CANCELED", "", true),
        ("REJECTED", "", false),
    ] {
        let mut orders = Orders::new();
        apply(&mut orders, &update(status, rest));
        assert_eq!(orders.get(77).unwrap().needs_reconciling(), doubt, "{status} {rest}");
    }
}

#[test]
fn b2_an_end_wins_whatever_the_venues_clock_says() {
    for end in ["CANCELED", "REJECTED", "FILLED"] {
        let mut orders = Orders::new();
        apply(&mut orders, &update("NEW", "").replace("\"E\":1000", "\"E\":1759291847686856570"));
        apply(&mut orders, &update(end, ""));
        assert!(orders.get(77).unwrap().state.is_final(), "{end}");
        assert_eq!(orders.open().count(), 0);
    }
}

#[test]
fn b3_a_status_that_is_not_known_is_a_doubt() {
    for status in ["EXPIRED", "MODIFIED", "SUSPENDED", ""] {
        let mut orders = Orders::new();
        apply(&mut orders, &update("OPEN", ""));
        apply(&mut orders, &update(status, ""));
        assert_eq!(orders.get(77).unwrap().doubt(), Some(StaleReason::UnknownStatus), "{status}");
        let mut orders = Orders::new();
        apply(&mut orders, &update(status, ""));
        assert!(orders.get(77).unwrap().needs_reconciling(), "{status}, of an order that was not known");
    }
}

/// What a cancel leads to that was refused, or got no answer.
#[test]
fn b4_a_cancel_that_does_not_succeed_is_a_doubt() {
    let not_found =
        r#"{"id":"1","status":400,"error":{"code":-1013,"msg":"order not found or already filled"}}"#;
    let busy = r#"{"id":"1","status":500,"error":{"code":-1000,"msg":"Internal error"}}"#;
    let limited = r#"{"id":"1","status":429,"error":{"code":-1003,"msg":"Rate limited"}}"#;
    let taken = r#"{"id":"1","status":200}"#;
    let mut scratches: Vec<Scratch> = (0..4).map(|_| Scratch::new()).collect();
    let answers = [not_found, busy, limited, taken].into_iter().zip(&mut scratches).map(|(text, scratch)| {
        let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(text, scratch) else { panic!() };
        RequestOutcome::Answered(response)
    });
    let others = [RequestOutcome::TimedOut, RequestOutcome::Lost, RequestOutcome::NotSent];
    let doubts = [true, true, false, false, true, true, false];
    let (link, request) = (Fed::new(Config::new("ws://v")).link, RequestId::new(1));
    for (outcome, doubt) in answers.chain(others).zip(doubts) {
        let mut orders = Orders::new();
        apply(&mut orders, &update("NEW", ""));
        orders.apply(&Event::Reply { link, request, about: Subject::CancelOrder(77), outcome });
        assert_eq!(orders.get(77).unwrap().needs_reconciling(), doubt, "{outcome:?}");
        let mut orders = Orders::new();
        apply(&mut orders, &update("FILLED", FILL));
        orders.apply(&Event::Reply { link, request, about: Subject::CancelOrder(77), outcome });
        assert!(!orders.get(77).unwrap().needs_reconciling(), "it has ended: {outcome:?}");
    }
    for about in [Subject::CancelAllOrders, Subject::CancelSessionOrders] {
        let mut orders = Orders::new();
        apply(&mut orders, &update("NEW", ""));
        orders.apply(&Event::Reply { link, request, about, outcome: RequestOutcome::TimedOut });
        assert!(orders.get(77).unwrap().needs_reconciling(), "{about:?}");
    }
}

#[test]
fn b5_an_order_that_was_sent_while_its_events_are_not_subscribed_is_in_doubt() {
    let mut fed = Fed::private(&[]);
    fed.client.request(t(1), &Request::PlaceOrder(new_order("a1"))).unwrap();
    fed.acknowledge(2);
    assert_eq!(fed.orders.get("a1").unwrap().doubt(), Some(StaleReason::NotSubscribed));
    fed.subscribe(3, "orders@account");
    assert_eq!(fed.orders.to_reconcile().count(), 1, "what was before is not reported");
    let asked = fed.orders.moment();
    assert!(fed.orders.reconcile("a1", found(OrderState::Open, "0.4"), asked));
    assert_eq!(fed.orders.to_reconcile().count(), 0);
    // The next one is followed from its beginning.
    fed.client.request(t(5), &Request::PlaceOrder(new_order("a2"))).unwrap();
    fed.acknowledge(6);
    assert_eq!(fed.orders.to_reconcile().count(), 0);
    fed.reconnect(7);
    fed.client.request(t(3_000), &Request::PlaceOrder(new_order("a3"))).unwrap();
    fed.poll();
    assert!(fed.orders.get("a3").unwrap().needs_reconciling(), "the subscription is on its way");
}

#[test]
fn b6_the_list_of_open_orders_settles_doubts_and_raises_others() {
    let mut orders = Orders::new();
    for id in 1..=4 {
        apply(
            &mut orders,
            &update("OPEN", "").replace("77", &id.to_string()).replace("\"a1\"", &format!("\"a{id}\"")),
        );
    }
    let part = r#","Z":"0.4","L":"100","t":5"#;
    apply(&mut orders, &update("PARTIALLY_FILLED", part).replace("77", "4").replace("\"a1\"", "\"a4\""));
    orders.apply(&OVERFLOW);
    let listed = |id: u32, rest: &str| {
        format!(
            r#"{{"E":2000,"s":"BTCUSD","i":{id},"c":"a{id}","S":"BUY","X":"OPEN","q":"1","T":2000{rest}}}"#
        )
    };
    let rows = [listed(1, ""), listed(2, r#","Z":"0.3""#), listed(4, "")].join(",");
    apply(&mut orders, &format!(r#"{{"e":"orderSnapshot","orders":[{rows}]}}"#));
    let doubts: Vec<_> = (1..=4).map(|id| orders.get(id).unwrap().doubt().is_some()).collect();
    assert_eq!(
        doubts,
        [false, true, true, true],
        "open; missed a fill; not listed; its fills are not in the list"
    );
}

#[test]
fn b7_an_order_that_is_open_or_in_doubt_is_never_forgotten() {
    let mut orders = Orders::new();
    let request = send(&mut orders, "a1");
    let mut scratch = Scratch::new();
    let text = r#"{"id":1,"status":429,"error":{"code":-1003,"msg":"Rate limited"}}"#;
    let Ok(gemini_ws::Message::Response(response)) = gemini_ws::decode(text, &mut scratch) else { panic!() };
    reply(&mut orders, request, RequestOutcome::Answered(response));
    assert_eq!(orders.open().count(), 0);
    // Refused by a reply, and yet it lives.
    apply(&mut orders, &update("NEW", ""));
    let doubtful = update("CANCELED", "").replace("77", "78").replace("\"a1\"", "\"d\"");
    apply(&mut orders, &doubtful);
    for n in 0..=FINISHED_ORDERS_MAX {
        let end = update("REJECTED", "")
            .replace("77", &(1_000 + n).to_string())
            .replace("\"a1\"", &format!("\"b{n}\""));
        apply(&mut orders, &end);
    }
    assert_eq!((orders.open().count(), orders.to_reconcile().count()), (1, 1));
    assert_eq!(orders.iter().count(), FINISHED_ORDERS_MAX + 2);
}

/// Two orders may have one client order id; the request tells which one an answer is about.
#[test]
fn b7_two_orders_of_one_client_order_id_stay_two() {
    let mut fed = Fed::private(&["orders@account"]);
    for _ in 0..2 {
        fed.client.request(t(1), &Request::PlaceOrder(new_order("a1"))).unwrap();
    }
    fed.poll();
    let ids: Vec<String> =
        fed.sent.iter().map(|text| text.chars().skip(6).take_while(char::is_ascii_digit).collect()).collect();
    fed.feed(
        2,
        &format!(r#"{{"id":{},"status":400,"error":{{"code":-2010,"msg":"DuplicateOrder"}}}}"#, ids[1]),
    );
    fed.feed(3, &format!(r#"{{"id":{},"status":200}}"#, ids[0]));
    fed.feed(4, &update("NEW", ""));
    let states: Vec<_> = fed.orders.iter().map(|order| (order.state, order.order_id)).collect();
    assert_eq!(states, [(OrderState::New, Some(77)), (OrderState::Rejected, None)]);
}

// ---- what cannot be decoded --------------------------------------------------------------------------------------------

const PRIVATE: [&str; 4] =
    ["orders@account", "balances@account", "positions@account", "requestForQuote@account"];
const BALANCES: &str = r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"}]}"#;
const QUOTE: &str = r#"{"e":"requestForQuote","i":"7f9c","E":1790743321322,"r":"r1","x":"ACCEPTED","S":"CONFIRMING","q":"q1"}"#;

/// A frame that cannot be decoded casts doubt on what it may have been about, and on nothing else.
#[test]
fn a5_a_frame_that_cannot_be_decoded_leaves_a_doubt_where_it_belongs() {
    // The frame; whether orders, balances, positions, quotes and the books of btcusd and ethusd are in doubt.
    let rows = [
        (r#"{"e":"orderUpdate","E":1,"s":"BTCUSD","i":77,"X":"FILLED","q":"1e99","T":1}"#, "o....."),
        (r#"{"e":"executionReport","E":1,"s":"BTCUSD","i":"?","X":"FILLED","T":1}"#, "o....."),
        (r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"USD","c":"0"}]}"#, ".b...."),
        (r#"{ "e" : "positionReport","E":2,"u":2,"A":8,"P":[{"t":"ec","a":[]}]}"#, "..p..."),
        (r#"{"e":"requestForQuote","i":"x","E":1,"r":7}"#, "...q.."),
        (r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":6,"u":7,"b":[["99","x"]],"a":[]}"#, "....1."),
        (r#"{"e":"depthUpdate","E":1,"U":6,"u":7,"b":[],"a":[]}"#, "....12"),
        (r#"{"e":"markPrice","E":1,"s":"btcusd","p":"x"}"#, "......"),
        (r#"{"e":"orderUpd"#, "obpq12"),
        ("not JSON at all", "obpq12"),
        ("", "obpq12"),
        (r#"{"e":"trade","e":"orderUpdate","#, "obpq12"),
    ];
    for (frame, expected) in rows {
        let mut fed = Fed::private(&PRIVATE);
        for (symbol, at) in [("btcusd", 2), ("ethusd", 3)] {
            fed.subscribe(at, &format!("{symbol}@depth"));
            fed.feed(
                at,
                &format!(r#"{{"e":"depthUpdate","E":1,"s":"{symbol}","U":5,"u":5,"b":[["99","1"]],"a":[]}}"#),
            );
        }
        for text in [&*update("NEW", ""), BALANCES, QUOTE] {
            fed.feed(4, text);
        }
        fed.feed(4, r#"{"e":"positionReport","E":1,"u":1,"A":8,"P":[{"t":"ec","s":"A","a":[{"t":"position","v":"1"}]}]}"#);
        let asked = fed.positions.moment();
        let held = vec![("A".parse().unwrap(), vec![gemini_ws::HeldAmount::new("position", "1")])];
        assert!(fed.positions.reconcile(held, asked));
        fed.feed(5, frame);
        let doubts = [
            ('o', fed.order().needs_reconciling()),
            ('b', fed.balances.is_stale()),
            ('p', fed.positions.is_stale()),
            ('q', fed.quotes.to_reconcile().count() > 0),
            ('1', fed.books.live("btcusd").is_none()),
            ('2', fed.books.live("ethusd").is_none()),
        ];
        let found: String = doubts.iter().map(|(letter, is)| if *is { *letter } else { '.' }).collect();
        assert_eq!(found, expected, "{frame}");
        // Every stale book is asked for again.
        let asked_for: usize = fed
            .sent
            .iter()
            .filter(|text| text.contains("unsubscribe"))
            .map(|text| text.matches("@depth").count())
            .sum();
        assert_eq!(
            asked_for,
            expected.chars().filter(char::is_ascii_digit).count(),
            "{frame}: {:?}",
            fed.sent
        );
    }
}

#[test]
fn a5_an_element_of_a_list_of_v1_that_cannot_be_decoded_leaves_a_doubt() {
    let mut fed = Fed::new(Config::new("ws://v/v1/order/events"));
    let initial = r#"{"type":"initial","order_id":"5","symbol":"btcusd","side":"buy","is_live":true,"original_amount":"1","executed_amount":"0"}"#;
    fed.feed(1, &format!("[{initial}]"));
    assert_eq!(fed.orders.to_reconcile().count(), 0);
    fed.feed(2, r#"[{"type":"fill","order_id":"?","symbol":"btcusd"}]"#);
    assert_eq!(fed.orders.get(5).unwrap().doubt(), Some(StaleReason::Malformed));
}

// ---- a whole report replaces ----------------------------------------------------------------------------------------------

fn positions(rows: &str) -> String {
    format!(r#"{{"e":"positionReport","E":1,"u":1,"A":8,"P":[{rows}]}}"#)
}
const A: &str = r#"{"t":"ec","s":"A","a":[{"t":"position","v":"100"}]}"#;
const B: &str = r#"{"t":"ec","s":"B","a":[{"t":"position","v":"1"}]}"#;

#[test]
fn a7_a_whole_report_replaces() {
    let mut fed = Fed::private(&["positions@account@1s", "balances@account@1s"]);
    fed.feed(3, &positions(A));
    fed.feed(3, BALANCES);
    assert!(!fed.positions.is_stale() && !fed.balances.is_stale());
    fed.feed(1_003, &positions(""));
    fed.feed(1_003, r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"BTC","f":"1","c":"1"}]}"#);
    assert_eq!(fed.positions.iter().count(), 0);
    assert_eq!(fed.balances.iter().map(|(asset, _)| asset.to_owned()).collect::<Vec<_>>(), ["BTC"]);
}

/// A stream of changes says nothing of what it does not name.
#[test]
fn a7_what_the_next_report_does_not_name_is_not_current() {
    let mut fed = Fed::private(&["positions@account", "balances@account"]);
    fed.feed(3, &positions(A));
    fed.feed(3, BALANCES);
    assert!(fed.positions.is_stale(), "whether these are all is not known");
    assert!(!fed.balances.is_stale(), "the first report has every asset");
    fed.reconnect(10);
    fed.acknowledge(2_000);
    fed.feed(2_001, &positions(B));
    let stale = ["A", "B"].map(|symbol| fed.positions.stale_reason(symbol.parse().unwrap()));
    assert_eq!(stale, [Some(StaleReason::Disconnected), None]);
    assert!(fed.positions.is_stale());
    let asked = fed.positions.moment();
    // What is reported between question and answer is newer.
    fed.feed(2_002, &positions(&B.replace("\"1\"", "\"2\"")));
    let row = |symbol: &str, value: &str| {
        (symbol.parse().unwrap(), vec![gemini_ws::HeldAmount::new("position", value)])
    };
    assert!(fed.positions.reconcile([row("B", "1"), row("C", "5")], asked));
    let held: Vec<_> =
        fed.positions.iter().map(|(symbol, held)| format!("{symbol} {}", held[0].value)).collect();
    assert_eq!((held, fed.positions.is_stale()), (vec!["B 2".to_owned(), "C 5".to_owned()], false));
}

/// An asset that the venue does not name in its first report behind an outage is held no more.
#[test]
fn a7_balances_of_a_new_subscription_replace_and_later_ones_add() {
    let mut fed = Fed::private(&["balances@account"]);
    fed.feed(3, r#"{"e":"balanceUpdate","E":1,"u":1,"B":[{"a":"USD","f":"100","c":"100"},{"a":"XYZ","f":"5","c":"5"}]}"#);
    fed.feed(4, r#"{"e":"balanceUpdate","E":2,"u":2,"B":[{"a":"BTC","f":"1","c":"1"}]}"#);
    assert_eq!(fed.balances.iter().count(), 3);
    fed.apply(&Event::Overflow { topic: Topic::Balances, symbol: None, dropped: 1 });
    fed.feed(5, r#"{"e":"balanceUpdate","E":3,"u":3,"B":[{"a":"BTC","f":"2","c":"2"}]}"#);
    assert_eq!(fed.balances.stale_reason("BTC"), None);
    assert_eq!(fed.balances.stale_reason("USD"), Some(StaleReason::Overflow));
    assert!(fed.balances.is_stale());
    fed.reconnect(6);
    fed.acknowledge(2_000);
    fed.feed(2_001, BALANCES);
    assert_eq!((fed.balances.iter().count(), fed.balances.is_stale()), (1, false));
}

// ---- quotes ---------------------------------------------------------------------------------------------------------------

fn quote() -> NewQuote {
    let (rfq_id, client_id) = ("r1".parse().unwrap(), "mine".parse().ok());
    NewQuote { rfq_id, price: d("0.5"), quantity: d("10"), valid_until: None, client_id }
}

#[test]
fn b18_a_quote_event_that_comes_twice_is_marked() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let mut marks = Vec::new();
    for at in [3, 4] {
        let mut scratch = Scratch::new();
        let event = fed.client.handle_frame(fed.link, t(at), Frame::Text(QUOTE), &mut scratch).unwrap();
        let mut owned = EventBuf::from(&event);
        let (Event::Quote(update, _), Event::Quote(same, _)) = (event, owned.as_event()) else { panic!() };
        marks.push((update.is_replay, same.is_replay));
    }
    assert_eq!(marks, [(false, false), (true, true)]);
    fed.reconnect(5);
    fed.acknowledge(2_000);
    let mut scratch = Scratch::new();
    let event = fed.client.handle_frame(fed.link, t(2_001), Frame::Text(QUOTE), &mut scratch);
    assert!(matches!(event, Some(Event::Quote(update, _)) if update.is_replay), "on the next link, too");
}

#[test]
fn b18_a_lost_quote_is_named_and_can_be_resolved() {
    let mut fed = Fed::private(&["requestForQuote@account"]);
    let request = fed.client.request(t(1), &Request::SubmitQuote(quote())).unwrap();
    fed.poll();
    fed.reconnect(2);
    let lost = fed.quotes.get(request).unwrap();
    assert_eq!((lost.rfq_id.as_str(), lost.terms), ("r1", Some(quote())));
    assert_eq!((fed.quotes.to_reconcile().count(), lost.state), (1, gemini_ws::QuoteState::Unknown));
    fed.acknowledge(2_000);
    // An event names it: the only one that was sent for this request for quotes.
    let active = r#"{"e":"requestForQuote","i":"8","E":1790743321322,"r":"r1","x":"CLOSED","S":"PENDING_ACCEPTANCE","q":"q1","p":"0.5","sz":"10","qs":"ACTIVE"}"#;
    fed.feed(2_001, active);
    assert_eq!(fed.quotes.get("q1").unwrap().request, Some(request));
    let asked = fed.quotes.moment();
    let found =
        gemini_ws::FoundQuote { quote_id: "q1".parse().unwrap(), state: gemini_ws::QuoteState::Active };
    assert!(fed.quotes.reconcile(request, Some(found), asked));
    assert_eq!(fed.quotes.to_reconcile().count(), 0);
}

// ---- books ------------------------------------------------------------------------------------------------------------------

#[test]
fn b14_a_level_twice_or_empty_does_not_make_a_snapshot_quadratic() {
    let time = |odd: Option<&str>| {
        let mut bids: Vec<String> = (0..40_000).map(|n| format!("[\"{}\",\"1\"]", 200_000 - n)).collect();
        bids.extend(odd.map(ToOwned::to_owned));
        let text = format!(
            r#"{{"e":"depthUpdate","E":1,"s":"btcusd","U":7,"u":7,"b":[{}],"a":[]}}"#,
            bids.join(",")
        );
        let mut scratch = Scratch::new();
        let Ok(gemini_ws::Message::Depth(depth)) = gemini_ws::decode(&text, &mut scratch) else { panic!() };
        let mut book = gemini_ws::OrderBook::new();
        book.replace(&depth);
        let begin = std::time::Instant::now();
        book.replace(&depth);
        (begin.elapsed(), book.bids().len(), book.bids().best().unwrap().price)
    };
    let (once, ..) = time(None);
    for (odd, levels) in [
        ("[\"160001\",\"1\"]", 40_000),
        ("[\"5\",\"0\"]", 40_000),
        ("[\"200001\",\"1\"]", 40_001),
        ("[\"7.0\",\"1\"]", 40_001),
    ] {
        let (took, found, best) = time(Some(odd));
        assert!(took < once * 50 + Duration::from_millis(5), "{odd}: {once:?} and {took:?}");
        assert_eq!(found, levels, "{odd}");
        assert_eq!(best, if odd.contains("200001") { d("200001") } else { d("200000") });
    }
}

/// The last of two levels at one price counts, and an empty one removes.
#[test]
fn b14_an_unordered_snapshot_is_the_book_that_its_levels_make_one_by_one() {
    let text = r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":7,"u":7,"b":[["98","1"],["99","2"],["98.0","3"],["97","1"],["97","0"],["96","0"],["96","4"]],"a":[["101","1"],["100","2"],["100","5"]]}"#;
    let mut scratch = Scratch::new();
    let Ok(gemini_ws::Message::Depth(depth)) = gemini_ws::decode(text, &mut scratch) else { panic!() };
    let mut book = gemini_ws::OrderBook::new();
    book.replace(&depth);
    let side = |side: &gemini_ws::BookSide| {
        side.iter()
            .map(|level| format!("{} {}", level.price.normalized(), level.quantity))
            .collect::<Vec<_>>()
    };
    assert_eq!(side(book.bids()), ["99 2", "98 3", "96 4"]);
    assert_eq!(side(book.asks()), ["100 5", "101 1"]);
}

#[test]
fn c12_the_peer_cannot_make_books_without_bound() {
    let mut fed = Fed::new(Config::new("ws://v/v1/multimarketdata?symbols=BTCUSD"));
    for n in 0..20_000_u64 {
        let text = format!(
            r#"{{"type":"update","eventId":{n},"socket_sequence":{n},"events":[{{"type":"change","side":"bid","price":"99","remaining":"2","delta":"2","reason":"initial","symbol":"X{n}"}}]}}"#
        );
        fed.feed(n, &text);
    }
    assert!(fed.books.iter().count() <= BOOKS_MAX);
}

#[test]
fn c12_what_is_not_kept_is_counted() {
    let mut books = Books::new();
    let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
    for n in 0..BOOKS_MAX + 3 {
        let text = format!(r#"{{"e":"depthUpdate","E":1,"s":"x{n}","U":7,"u":7,"b":[],"a":[]}}"#);
        books.apply(&replay.event(&text, &mut scratch).unwrap().unwrap());
    }
    assert_eq!((books.iter().count(), books.untracked()), (BOOKS_MAX, 3));
}

#[test]
fn c21_a_book_follows_the_rule_of_its_link() {
    let config = Config::new("ws://v").gap_rule(GapRule::Lax).snapshot(Snapshot::Best(2.try_into().unwrap()));
    let mut fed = Fed::new(config);
    fed.subscribe(1, "btcusd@depth");
    for text in [
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"],["98","1"]],"a":[]}"#,
        r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":6,"u":7,"b":[["97","1"]],"a":[]}"#,
    ] {
        fed.feed(3, text);
    }
    assert!(fed.books.live("btcusd").is_some_and(|book| !book.bids().is_whole()));
}

/// By default, how long a book can look live beside a server that has gone without a word.
#[test]
fn a_book_is_not_live_for_longer_than_the_silence_that_is_allowed() {
    let mut fed = Fed::new(Config::new("ws://v"));
    fed.subscribe(1, "btcusd@depth");
    fed.feed(2, r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":5,"b":[["99","1"]],"a":[]}"#);
    assert!(fed.books.fresh("btcusd", t(1_002), Duration::from_secs(1)).is_some());
    assert!(fed.books.fresh("btcusd", t(1_003), Duration::from_secs(1)).is_none());
    let mut now = t(2);
    while fed.books.live("btcusd").is_some() {
        now = fed.client.deadline().unwrap().at;
        fed.client.handle_timeout(now);
        fed.poll();
    }
    assert!(now <= t(2) + Duration::from_secs(45), "live until {now:?}");
}
