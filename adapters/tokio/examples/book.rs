//! Prints the best bid and ask of each symbol whenever its book changes.
//!
//! ```sh
//! cargo run -p gemini-ws-tokio --example book -- wss://ws.gemini.com/ btcusd ethusd
//! ```
//!
//! Without a network, run `gemini-ws simulate` and use the address that it prints.

use gemini_ws_tokio::{connect, gemini_ws};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, symbols @ ..] = arguments.as_slice() else { return Err("usage: book URL SYMBOL…".into()) };
    let (client, driver) = connect(gemini_ws::Config::new(url));
    tokio::spawn(driver);
    let mut books = client.books(symbols.iter().map(String::as_str)).await?;
    while let Some(symbol) = books.changed().await {
        if let Some((bid, ask)) = books.live(symbol).and_then(gemini_ws::OrderBook::best) {
            println!("{symbol} {} {}", bid.price, ask.price);
        }
    }
    Err(client.ended().await.to_string().into())
}
