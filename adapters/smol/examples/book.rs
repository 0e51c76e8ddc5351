//! Prints the best bid and ask of each symbol whenever its book changes, until Enter is pressed.
//!
//! ```sh
//! cargo run -p gemini-ws-smol --example book -- wss://ws.gemini.com/ btcusd ethusd
//! ```
//!
//! Without a network, run `gemini-ws simulate` and use the address that it prints.

use gemini_ws_smol::connect;
use gemini_ws_smol::gemini_ws::{Config, OrderBook};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, symbols @ ..] = arguments.as_slice() else { return Err("usage: book URL SYMBOL…".into()) };
    let (client, driver) = connect(Config::new(url));
    let driver = smol::spawn(driver);
    // Any thread can send commands: here, a thread that waits for the keyboard.
    let keyboard = client.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        keyboard.close();
    });
    smol::block_on(async {
        let mut books = client.books(symbols.iter().map(String::as_str)).await?;
        while let Some(symbol) = books.changed().await {
            if let Some((bid, ask)) = books.live(symbol).and_then(OrderBook::best) {
                println!("{symbol} {} {}", bid.price, ask.price);
            }
        }
        println!("{}", driver.await);
        Ok(())
    })
}
