//! Random walks through worlds that strain a client, with low limits and short silences. These worlds are too large
//! for the exhaustive searches.

use std::time::Duration;

use gemini_ws::{ClientConfig, ClientOrderId, ConnectFailure, Lost, NewOrder, Request, Side};

use super::super::machine::{Machine, Many, Settings, Wanted};
use super::super::observer::{Observed, Violation, shrink};
use super::super::random::Random;
use super::World;
use super::input::{Buffers, Input, What};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

const TOO_MANY: ConnectFailure = ConnectFailure::Status { status: 429, retry_after: None, reason: None };

const TRADE: &str = r#"{"E":1,"s":"btcusd","t":7,"p":"1.5","q":"2","m":true}"#;
const TICKER: &str = r#"{"u":1,"E":1,"s":"btcusd","b":"1","B":"1","a":"2","A":"1"}"#;
pub const BROKEN: &str = r#"{"e":"depthUpdate","s":"btcusd","U":1"#;
/// A list of orders in which two of the four rows are malformed.
const ORDERS: &str = r#"{"e":"orderSnapshot","orders":[{"E":1,"s":"BTCUSD","i":1,"X":"OPEN"},[1],{},{"E":1,"s":"BTCUSD","i":2,"X":"OPEN"}]}"#;
pub const L2: &str = r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","1","1"]]}"#;
pub const L2_WITH_TRADES: &str =
    r#"{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","1","1"]],"trades":[],"auction_events":[]}"#;
const HEARTBEAT: &str = r#"{"type":"heartbeat","timestamp":1}"#;

fn wanted(name: &str) -> Wanted {
    Wanted::new(name.parse().expect("a stream"))
}

fn order() -> Request {
    let id: ClientOrderId = "one".parse().expect("an id");
    let (quantity, price) = ("1", "100");
    let symbol = "btcusd";
    Request::PlaceOrder(NewOrder::limit(id, symbol, Side::Buy, quantity, price).expect("an order"))
}

fn weighted(inputs: &[(usize, Input)]) -> Vec<Input> {
    inputs.iter().flat_map(|(weight, input)| std::iter::repeat_n(*input, *weight)).collect()
}

fn of_link(slot: usize) -> Vec<(usize, Input)> {
    let whats = [
        (12, What::Connected),
        (2, What::Failed(ConnectFailure::Refused)),
        (1, What::Failed(TOO_MANY)),
        (1, What::Failed(ConnectFailure::Certificate)),
        (3, What::Lost(Lost::Reset)),
        (1, What::Closing(Some(4401))),
        (1, What::Closing(Some(1013))),
        (12, What::Accepted),
        (2, What::AcceptedLate),
        (2, What::Refused),
        (2, What::RefusedForNow),
        (6, What::Text(TRADE)),
        (2, What::Ping),
    ];
    whats.map(|(weight, what)| (weight, Input::Link(slot, what))).to_vec()
}

fn of_old_link(slot: usize) -> Vec<(usize, Input)> {
    let whats = [What::Connected, What::Lost(Lost::Reset), What::Accepted, What::Closing(Some(4401))];
    whats.map(|what| (1, Input::Stale(slot, what))).to_vec()
}

fn strain(address: &str) -> Settings {
    Settings {
        malformed_run_max: 3,
        attempts_max: Some(4),
        heartbeat_every: Some(SECOND * 15),
        request_limit: (6, SECOND * 10),
        order_limit: (2, SECOND * 10),
        dial_limit: (4, SECOND * 60),
        authenticated: true,
        ..Settings::new(address)
    }
}

/// Returns a world of one link, which carries public streams, private streams and orders.
pub fn strained() -> World<Many> {
    let settings = strain("wss://ws.gemini.com");
    let of = settings.clone();
    let mut world = World::new(vec![settings], move || Many::single(&of, 1));
    let quiet = Wanted { silence_max: Some(SECOND * 7), ..wanted("btcusd@trade") };
    world.streams =
        vec![wanted("btcusd@depth@100ms"), quiet, wanted("btcusd@bookTicker"), wanted("orders@account")];
    world.subscriptions_max = 3;
    world.requests = vec![order(), Request::Time];
    let mut inputs = of_link(0);
    inputs.extend(of_old_link(0));
    inputs.extend((0..4).flat_map(|place| [(3, Input::Subscribe(place)), (2, Input::Unsubscribe(place))]));
    let texts = [TICKER, BROKEN, ORDERS].map(|text| (2, Input::Link(0, What::Text(text))));
    inputs.extend(texts);
    inputs.extend([
        (4, Input::Open),
        (2, Input::Resync(0)),
        (4, Input::Request(0)),
        (2, Input::Request(1)),
        (20, Input::Deadline),
        (3, Input::Later(SECOND)),
        (1, Input::Later(HOUR)),
        (1, Input::Resumed),
        (8, Input::Link(0, What::Snapshot(0))),
        (3, Input::Link(0, What::Update(0))),
        (2, Input::Link(0, What::Gap(0))),
        (2, Input::Link(0, What::Repeated(0))),
        (1, Input::Close),
        (1, Input::CloseBy(SECOND)),
    ]);
    world.alphabet = weighted(&inputs);
    world
}

/// Returns a world of public links with room for one stream each, and a link of an account, all on one host.
pub fn spread() -> World<Many> {
    let account =
        Settings { attempts_max: None, dial_limit: (8, SECOND * 60), ..strain("wss://ws.gemini.com") };
    let public =
        Settings { authenticated: false, streams_max: 1, close_timeout: SECOND * 2, ..account.clone() };
    let settings = vec![public, account];
    let of = settings.clone();
    let mut world = World::new(settings, move || Many::new(ClientConfig::new(), &of, 1));
    world.streams = vec![wanted("btcusd@trade"), wanted("ethusd@trade"), wanted("orders@account")];
    world.subscriptions_max = 2;
    world.requests = vec![order(), Request::CancelSessionOrders, Request::Time];
    let mut inputs: Vec<(usize, Input)> = Vec::new();
    for slot in 0..3 {
        inputs.extend(of_link(slot));
        inputs.extend(of_old_link(slot));
        inputs.extend([
            (2, Input::Subscribe(slot)),
            (2, Input::Unsubscribe(slot)),
            (2, Input::Request(slot)),
        ]);
    }
    inputs.extend([
        (8, Input::Open),
        (40, Input::Deadline),
        (4, Input::Later(SECOND)),
        (1, Input::Later(HOUR)),
        (2, Input::Resumed),
        (1, Input::Remove(0)),
        (1, Input::Close),
        (1, Input::CloseBy(SECOND)),
        (2, Input::ShutDown { within: SECOND * 20, cancels_orders: true, unsubscribes: true }),
        (1, Input::ShutDown { within: SECOND, cancels_orders: true, unsubscribes: false }),
    ]);
    world.alphabet = weighted(&inputs);
    world
}

pub fn archived() -> World<Many> {
    let settings = Settings::single("wss://api.gemini.com/v2/marketdata");
    let of = settings.clone();
    let mut world = World::new(vec![settings], move || Many::single(&of, 1));
    world.streams = vec![wanted("btcusd@depth@100ms")];
    let texts = [(6, L2), (6, L2_WITH_TRADES), (3, HEARTBEAT)];
    let mut inputs: Vec<_> = texts.map(|(weight, text)| (weight, Input::Link(0, What::Text(text)))).to_vec();
    inputs.extend([
        (4, Input::Open),
        (4, Input::Subscribe(0)),
        (2, Input::Unsubscribe(0)),
        (2, Input::Resync(0)),
        (8, Input::Deadline),
        (8, Input::Link(0, What::Connected)),
        (2, Input::Link(0, What::Lost(Lost::Reset))),
        (1, Input::Close),
    ]);
    world.alphabet = weighted(&inputs);
    world
}

pub struct Prey<M> {
    pub violation: Violation,
    pub by: shrink::Found,
    pub state: Observed<M>,
}

impl<M: Machine> Prey<M> {
    pub fn report(&self) -> String {
        shrink::report(&self.state, &self.violation, self.by)
    }
}

impl<M: Machine + 'static> World<M> {
    /// Makes random walks until a check fails, and adds the number of steps of all walks to `steps`. Returns `None`
    /// if no check fails.
    pub fn hunt(&self, walks: u64, length: usize, steps: &mut usize) -> Option<Prey<M>> {
        (0..walks).find_map(|seed| {
            let mut random = Random(seed);
            let mut state = self.begin().recording().reading();
            let (violation, by) = self.walk(&mut random, &mut state, length, steps)?;
            Some(Prey { violation, by, state })
        })
    }

    fn walk(
        &self,
        random: &mut Random,
        state: &mut Observed<M>,
        length: usize,
        steps: &mut usize,
    ) -> Option<(Violation, shrink::Found)> {
        let mut buffers = Buffers::default();
        for step in 0..length {
            let input = *random.pick(&self.alphabet);
            // In the first quarter of a walk, leave out half of the inputs that do not begin a life, because few have
            // an effect.
            if step < length / 4 && random.below(2) == 0 && !input.is_beginning() {
                continue;
            }
            if !self.make_input(state, input, &mut buffers) {
                continue;
            }
            *steps += 1;
            if let Some(violation) = state.violation() {
                return Some((violation.clone(), shrink::Found::Trace));
            }
            if random.below(6) == 0
                && let Err(violation) = state.fork_checks()
            {
                return Some((violation, shrink::Found::Fork));
            }
        }
        state.metamorphic_checks().err().map(|violation| (violation, shrink::Found::Metamorphosis))
    }
}
