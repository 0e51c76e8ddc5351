//! Tests which books may arrive, depending on what brings them.

use gemini_ws::{Client, Config, ConnectFailure, Instant, Output, StreamId};

use crate::handle::SharedClock;
use crate::keeper::Keeper;
use crate::sync::Arc;

/// Market data v1 brings the book without a subscription. After the link has ended for good, no book arrives.
#[test]
fn a_book_that_comes_without_a_subscription_may_arrive() {
    let now = Instant::ZERO;
    for (options, may_come) in [("", true), ("?bids=true", true), ("?trades=true", false)] {
        let mut client = Client::single(Config::new(format!("ws://v/v1/marketdata/btcusd{options}")));
        client.add(now, Config::new("ws://w").stay_open(true)).unwrap();
        let mut keeper = Keeper::new(Arc::default(), SharedClock::default());
        let _group = keeper.open_books(&mut client, now, &["btcusd".parse().unwrap()]).unwrap();
        client.open(now).unwrap();
        let mut finish_turn = |client: &mut Client| {
            while let Some(output) = client.poll_output() {
                if let Output::Event(event) = output {
                    keeper.take(&event, now);
                }
            }
            keeper.finish_turn(client, now);
            keeper.board.lacks_books()
        };
        let ids: Vec<StreamId> = client.streams().map(|(id, ..)| id).collect();
        ids.into_iter().for_each(|id| client.unsubscribe(now, id).unwrap());
        assert_eq!(finish_turn(&mut client), !may_come, "{options}");
        let named = client.named_books().next();
        if let Some((link, _)) = named {
            client.handle_connect_failed(link, now, ConnectFailure::InvalidUrl);
        }
        assert!(finish_turn(&mut client), "{options}");
    }
}
