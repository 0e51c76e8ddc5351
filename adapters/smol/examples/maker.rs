//! Quotes one bid and one ask around the mid of a book, and replaces them when the mid moves. At Ctrl-C, or after an
//! error, the program cancels all orders of the session and reports those that are still open.
//!
//! ```sh
//! GEMINI_API_KEY=… GEMINI_API_SECRET=… cargo run -p gemini-ws-smol --example maker -- URL btcusd
//! ```
//!
//! The URL is `wss://…` or `ws://…`. REST requests go to the same host with `https://` or `http://`, where the
//! simulated exchange answers them. For the real venue, pass `https://api.gemini.com` as a third argument.

use std::error::Error;
use std::time::Duration;

use async_signal::{Signal, Signals};
use gemini_ws_smol::gemini_ws::{
    Config, Decimal, NewOrder, OrderBook, Readiness, RestRequest, Rounding, Side, TimeInForce,
};
use gemini_ws_smol::{Done, Handle, SharedSigner, Ticket, connect};
use smol::stream::StreamExt as _;

/// The maximum age of a book on which the program quotes.
const AGE_MAX: Duration = Duration::from_secs(2);
const OFFSET: Decimal = Decimal::constant("5.00");
const TICK: Decimal = Decimal::constant("0.01");
const QUANTITY: Decimal = Decimal::constant("0.001");

/// One side of the quote, with its order if one exists.
struct Quote {
    side: Side,
    ticket: Option<Ticket>,
}

impl Quote {
    /// Prints the end of the order if the order has ended. Cancels the order if its price is not `target`. If there
    /// is no order, places one at `target`. Fails if it is not known whether the order has ended.
    fn update(
        &mut self,
        client: &Handle,
        symbol: &str,
        target: Option<Decimal>,
        number: &mut u32,
    ) -> Result<(), Box<dyn Error>> {
        if let Some(ticket) = &self.ticket {
            match ticket.outcome() {
                // A second order beside it could be one too many.
                Some(Done::Unknown(_)) => return Err("it is not known whether an order is open".into()),
                Some(done) => println!("{:?} {done}", self.side),
                None if ticket.order().price != target => return Ok(ticket.cancel()?),
                None => return Ok(()),
            }
            self.ticket = None;
            return Ok(());
        }
        // An instrument that costs less than the offset has no bid.
        let Some(price) = target.filter(|price| *price > Decimal::ZERO) else { return Ok(()) };
        *number += 1;
        let id = format!("maker-{}-{number}", std::process::id());
        let order = NewOrder::limit(id.as_str(), symbol, self.side, QUANTITY, price)?;
        self.ticket = Some(client.submit(order.time_in_force(TimeInForce::MakerOrCancel)?)?);
        Ok(())
    }
}

/// Returns the price to quote on a side, given the mid.
fn target_price(side: Side, mid: Decimal) -> Option<Decimal> {
    match side {
        Side::Buy => mid.checked_sub(OFFSET)?.rounded_to_tick(TICK, Rounding::Down),
        Side::Sell => mid.checked_add(OFFSET)?.rounded_to_tick(TICK, Rounding::Up),
    }
}

/// Sends a question to REST and waits for the answer. The function blocks, so call it in a separate thread.
fn ask(rest: &str, request: &RestRequest) -> Result<(u16, String), ureq::Error> {
    let mut post = ureq::post(format!("{rest}{}", request.path()));
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != "Content-Length") {
        post = post.header(name, value);
    }
    let post = post.config().http_status_as_error(false).timeout_global(Some(Duration::from_secs(5))).build();
    let mut answer = post.send_empty()?;
    Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, symbol, rest @ ..] = arguments.as_slice() else {
        return Err("usage: maker URL SYMBOL [REST]".into());
    };
    let rest = rest.first().cloned().unwrap_or(url.trim_end_matches('/').replacen("ws", "http", 1));
    let signer = SharedSigner::hmac(std::env::var("GEMINI_API_KEY")?, std::env::var("GEMINI_API_SECRET")?)?;
    let (client, driver) = connect(Config::new(url).cancel_on_disconnect(true));
    smol::spawn(driver.sign_with(signer.clone())).detach();
    smol::block_on(quote(client, signer, rest, symbol))
}

async fn quote(
    client: Handle,
    signer: SharedSigner,
    rest: String,
    symbol: &str,
) -> Result<(), Box<dyn Error>> {
    client.live().await?;
    let mut books = client.books([symbol]).await?;
    let mut quotes = [Side::Buy, Side::Sell].map(|side| Quote { side, ticket: None });
    let (mut signals, mut number) = (Signals::new([Signal::Int])?, 0);
    let trading = async {
        for turn in 0_u64.. {
            smol::Timer::after(Duration::from_millis(200)).await;
            let mid = books.fresh(symbol, AGE_MAX).and_then(OrderBook::mid);
            for quote in &mut quotes {
                let price = mid.and_then(|mid| target_price(quote.side, mid));
                quote.update(&client, symbol, price, &mut number)?;
            }
            let doubts = client.with(|client, keeper, _| {
                let is_live = client.readiness() != Readiness::NotReady;
                is_live && keeper.orders().to_reconcile().next().is_some()
            });
            // Ask only every two seconds, because the venue limits the rate of requests.
            if turn.is_multiple_of(10) && doubts.await? {
                let asked = client.reconcile(&signer, async |request| {
                    let rest = rest.clone();
                    smol::unblock(move || ask(&rest, &request)).await
                });
                match asked.await {
                    Ok(it) => println!("reconciled {}, in doubt {}", it.resolved, it.unresolved.len()),
                    Err(error) => println!("{error}"),
                }
            }
        }
        Ok::<(), Box<dyn Error>>(())
    };
    let outcome = smol::future::or(async { Ok(_ = signals.next().await) }, trading).await;
    let position = client.traded(symbol).await.ok().and_then(|traded| traded.net());
    let ended = client.shut_down(Duration::from_secs(5), |plan| plan.cancel_orders(true)).await;
    println!("position {}; {ended}", position.unwrap_or(Decimal::ZERO));
    outcome
}
