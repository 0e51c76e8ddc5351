//! Places an order that rests in the book, and prints its fills and how it ended. Ctrl-C ends the program and its
//! link; the venue then cancels the order.
//!
//! ```sh
//! GEMINI_API_KEY=… GEMINI_API_SECRET=… cargo run -p gemini-ws-tokio --example trade -- URL btcusd 0.01 20000.00
//! ```
//!
//! Without a network, run `gemini-ws simulate` and use the address and the account that it prints.

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
    // If the outcome is unknown, an application must ask the venue, as the example `maker` does.
    println!("{}", ticket.done().await);
    Ok(())
}
