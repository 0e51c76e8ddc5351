//! Places an order that rests, and prints its fills and its end. Ctrl-C ends the link, and with it the venue cancels it.
//!
//! ```sh
//! GEMINI_API_KEY=… GEMINI_API_SECRET=… cargo run -p gemini-ws-tokio --example trade -- URL btcusd 0.01 20000.00
//! ```
//!
//! Without a network: `gemini-ws simulate` prints an address and an account to use instead.

use gemini_ws_tokio::connect;
use gemini_ws_tokio::gemini_ws::{Config, Credentials, NewOrder, Side, Signer, TimeInForce};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, symbol, quantity, price] = [0, 1, 2, 3].map(|at| arguments.get(at).map_or("", String::as_str));
    let credentials =
        Credentials::hmac(std::env::var("GEMINI_API_KEY")?, std::env::var("GEMINI_API_SECRET")?)?;
    let (client, driver) = connect(Config::new(url).cancel_on_disconnect(true));
    tokio::spawn(driver.sign_with(Signer::new(credentials)));
    client.live().await?;

    let order = NewOrder::limit("example-1", symbol, Side::Buy, quantity, price)?;
    let mut ticket = client.place(order.time_in_force(TimeInForce::MakerOrCancel)?).await?;
    while let Some(fill) = ticket.next().await {
        println!("{} at {}", fill.quantity, fill.price);
    }
    // Filled, cancelled, or not known: then ask the venue, as the example `maker` does.
    println!("{}", ticket.done().await);
    Ok(())
}
