//! Places an order that rests, tells what becomes of it, and cancels it when Enter is pressed.
//!
//! ```sh
//! GEMINI_API_KEY=… GEMINI_API_SECRET=… cargo run --example trade -- URL btcusd 0.01 20000.00
//! ```
//!
//! Without a network: `gemini-ws simulate` prints an address and an account to use instead.

use std::error::Error;

use gemini_ws_smol::gemini_ws::{
    Client, Config, Credentials, Event, Instant, NewOrder, Orders, Request, Side, Signer, TimeInForce,
};
use gemini_ws_smol::{Smol, client};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, symbol, quantity, price] = arguments.as_slice() else {
        return Err("usage: trade URL SYMBOL QUANTITY PRICE".into());
    };
    let (key, secret) = (std::env::var("GEMINI_API_KEY")?, std::env::var("GEMINI_API_SECRET")?);

    // The venue cancels what this link has placed if the link ends otherwise than by our will.
    let config = Config::new(url).authenticated(true).cancel_on_disconnect(true);
    let mut gemini = Client::single(config);
    gemini.subscribe(Instant::ZERO, "orders@session".parse()?)?;
    let (handle, driver) = client(gemini);
    let driver = driver.sign_with(Signer::new(Credentials::hmac(key, secret)?));

    let id = "example-1";
    let order = NewOrder::limit(id, symbol.as_str(), Side::Buy, quantity.as_str(), price.as_str())?
        .time_in_force(TimeInForce::MakerOrCancel)?;

    std::thread::spawn({
        let handle = handle.clone();
        move || {
            let _ = std::io::stdin().read_line(&mut String::new());
            let _ = smol::block_on(handle.request(Request::CancelSessionOrders));
        }
    });

    let (mut orders, mut told) = (Orders::new(), String::new());
    let smol = Smol::new();
    let closed = smol::block_on(driver.run(&smol, |client, now, event| {
        if let Event::Live { .. } = event
            && orders.get(id).is_none()
            && let Err(error) = client.request(now, &Request::PlaceOrder(order))
        {
            eprintln!("{error}");
        }
        if let Event::ConnectFailed { reason: why, .. } = event {
            eprintln!("{why}");
        }
        if !orders.apply(event).is_empty()
            && let Some(order) = orders.get(id)
        {
            let reason = order.reason.as_deref().unwrap_or_default();
            let line = format!("{:?}, executed {} {reason}", order.state, order.executed());
            if line != told {
                println!("{line}");
            }
            told = line;
            if order.state.is_final() {
                handle.shutdown();
            }
        }
    }));
    for order in orders.to_reconcile() {
        println!("ask the venue about {:?}: {:?}", order.client_order_id, order.state);
    }
    println!("{}", closed.reason);
    Ok(())
}
