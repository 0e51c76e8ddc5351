//! Places an order that rests in the book, prints its fills and how it ended, and cancels it when Enter is pressed.
//!
//! ```sh
//! GEMINI_API_KEY=… GEMINI_API_SECRET=… cargo run -p gemini-ws-smol --example trade -- URL btcusd 0.01 20000.00
//! ```
//!
//! Without a network, run `gemini-ws simulate` and use the address and the account that it prints.

use gemini_ws_smol::gemini_ws::{Config, Credentials, NewOrder, Side, Signer, TimeInForce};
use gemini_ws_smol::{Done, Ticket, connect};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, symbol, quantity, price] = arguments.as_slice() else {
        return Err("usage: trade URL SYMBOL QUANTITY PRICE".into());
    };
    let credentials =
        Credentials::hmac(std::env::var("GEMINI_API_KEY")?, std::env::var("GEMINI_API_SECRET")?)?;
    let (client, driver) = connect(Config::new(url).cancel_on_disconnect(true));
    smol::spawn(driver.sign_with(Signer::new(credentials))).detach();
    smol::block_on(async {
        client.live().await?;
        let order =
            NewOrder::limit("example-1", symbol.as_str(), Side::Buy, quantity.as_str(), price.as_str())?
                .time_in_force(TimeInForce::MakerOrCancel)?;
        let mut ticket = client.place(order).await?;
        let enter = smol::unblock(|| std::io::stdin().read_line(&mut String::new()));
        let wait = async { enter.await.map(drop) };
        smol::future::or(wait, print_fills(&mut ticket)).await?;
        if ticket.outcome().is_none() {
            ticket.cancel()?;
        }
        print_fills(&mut ticket).await?;
        match ticket.done().await {
            Done::Unknown(order) => {
                println!("ask the venue about {:?}: {:?}", order.client_order_id, order.doubt())
            }
            done => println!("{done}"),
        }
        Ok(())
    })
}

/// Prints the fills until the ticket ends.
async fn print_fills(ticket: &mut Ticket) -> std::io::Result<()> {
    while let Some(fill) = ticket.next().await {
        println!("{} at {}", fill.quantity, fill.price);
    }
    Ok(())
}
