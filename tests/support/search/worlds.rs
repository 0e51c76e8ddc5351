//! The worlds of the exhaustive searches: a client of one endpoint that follows a book, and one of two endpoints.

use std::time::Duration;

use gemini_ws::{ClientConfig, ConnectFailure, Lost, Request};

use super::super::machine::{Many, Settings, Wanted};
use super::World;
use super::input::{Input, What};

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3_600);

const TOO_MANY: ConnectFailure =
    ConnectFailure::Status { status: 429, retry_after: Some(Duration::from_secs(60)), reason: None };

/// A malformed frame that may have been an update of the book.
const BROKEN: &str = r#"{"e":"depthUpdate","s":"btcusd","U":1"#;

fn wanted(name: &str) -> Wanted {
    Wanted::new(name.parse().expect("a stream"))
}

pub fn single() -> World<Many> {
    let settings = Settings { malformed_run_max: 2, ..Settings::single("wss://ws.gemini.com") };
    let of = settings.clone();
    let mut world = World::new(vec![settings], move || Many::single(&of, 1));
    world.streams = vec![wanted("btcusd@depth@100ms")];
    let mut alphabet = vec![
        Input::Open,
        Input::Subscribe(0),
        Input::Unsubscribe(0),
        Input::Resync(0),
        Input::Request(0),
        Input::Close,
        Input::CloseBy(SECOND),
        Input::Deadline,
        Input::Later(MOMENT),
        Input::Later(HOUR),
        Input::Resumed,
    ];
    let of_link = [
        What::Connected,
        What::Failed(ConnectFailure::Refused),
        What::Failed(ConnectFailure::Certificate),
        What::Failed(TOO_MANY),
        What::Lost(Lost::Reset),
        What::Accepted,
        What::Refused,
        What::RefusedForNow,
        What::Snapshot(0),
        What::Update(0),
        What::Gap(0),
        What::Repeated(0),
        What::Text(BROKEN),
        What::Ping,
        What::Closing(Some(1000)),
        What::Closing(Some(4401)),
    ];
    let too_late = [
        What::Connected,
        What::Failed(ConnectFailure::Certificate),
        What::Lost(Lost::Reset),
        What::Accepted,
        What::Snapshot(0),
        What::Closing(Some(4401)),
    ];
    alphabet.extend(of_link.map(|what| Input::Link(0, what)));
    alphabet.extend(too_late.map(|what| Input::Stale(0, what)));
    world.alphabet = alphabet;
    world
}

/// Returns the world of `single` with the ten inputs that lead farthest, for [`World::unfold`].
pub fn short_single() -> World<Many> {
    let mut world = single();
    world.subscriptions_max = usize::MAX;
    world.alphabet = vec![
        Input::Open,
        Input::Subscribe(0),
        Input::Request(0),
        Input::Close,
        Input::Deadline,
        Input::Link(0, What::Connected),
        Input::Link(0, What::Lost(Lost::Reset)),
        Input::Link(0, What::Accepted),
        Input::Link(0, What::Snapshot(0)),
        Input::Link(0, What::Gap(0)),
    ];
    world
}

/// Returns the world of a client of two endpoints on one host: a public endpoint with a stream of trades, and an
/// endpoint of an account, whose link stays open.
pub fn client() -> World<Many> {
    let mut world = full_client();
    world.alphabet.retain(|input| !matches!(input, Input::Remove(_) | Input::Request(_) | Input::Later(_)));
    world
}

/// Returns the world of `client` with three more inputs: the removal of an endpoint, a request, and a timeout an hour
/// later.
pub fn full_client() -> World<Many> {
    let public = Settings::new("wss://ws.gemini.com");
    let private = Settings { authenticated: true, ..public.clone() };
    let settings = vec![public, private];
    let of = settings.clone();
    let mut world = World::new(settings, move || Many::new(ClientConfig::new(), &of, 1));
    world.streams = vec![wanted("btcusd@trade")];
    world.requests = vec![Request::CancelSessionOrders];
    world.written_max = 1;
    let mut alphabet = vec![
        Input::Open,
        Input::Subscribe(0),
        Input::Unsubscribe(0),
        Input::Request(0),
        Input::Close,
        Input::ShutDown { within: SECOND * 20, cancels_orders: true, unsubscribes: true },
        Input::Remove(0),
        Input::Deadline,
        Input::Later(HOUR),
    ];
    let of_link = [
        What::Connected,
        What::Failed(TOO_MANY),
        What::Failed(ConnectFailure::Certificate),
        What::Lost(Lost::Reset),
        What::Accepted,
        What::Refused,
        What::Closing(Some(4401)),
    ];
    let too_late = [What::Connected, What::Lost(Lost::Reset), What::Closing(Some(4401))];
    for slot in 0..2 {
        alphabet.extend(of_link.map(|what| Input::Link(slot, what)));
        alphabet.extend(too_late.map(|what| Input::Stale(slot, what)));
    }
    world.alphabet = alphabet;
    world
}

/// Returns the world of `client` with ten inputs, for [`World::unfold`].
pub fn short_client() -> World<Many> {
    let mut world = full_client();
    world.subscriptions_max = usize::MAX;
    world.alphabet = vec![
        Input::Open,
        Input::Subscribe(0),
        Input::Unsubscribe(0),
        Input::ShutDown { within: SECOND * 20, cancels_orders: true, unsubscribes: true },
        Input::Deadline,
        Input::Link(0, What::Connected),
        Input::Link(1, What::Connected),
        Input::Link(0, What::Accepted),
        Input::Link(0, What::Lost(Lost::Reset)),
        Input::Link(1, What::Failed(ConnectFailure::Certificate)),
    ];
    world
}
