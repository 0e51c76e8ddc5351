//! Serves books over HTTP: `GET /book/{symbol}`. Any number of tasks read the books that one driver keeps. Each
//! answer states whether the book is stale, and how old the book is.
//!
//! Without arguments it runs against a simulated exchange in the same process, and requests the books itself: `cargo
//! run -p gemini-ws-examples --example serve`. With an address and symbols it serves the books of a venue until
//! Ctrl-C: `… --example serve -- wss://ws.gemini.com/ btcusd`.

use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use gemini_ws_tokio::gemini_ws::{BookTop, Config};
use gemini_ws_tokio::{BookReader, connect};

async fn book(books: State<BookReader>, symbol: Path<String>) -> Result<Json<BookTop>, StatusCode> {
    books.top(symbol.as_str(), 10).map(Json).ok_or(StatusCode::NOT_FOUND)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (url, symbols) = gemini_ws_examples::market();
    let (client, driver) = connect(Config::new(&url));
    tokio::spawn(driver);
    let books = client.books(symbols.iter().map(String::as_str)).await?;
    let app = axum::Router::new().route("/book/{symbol}", get(book)).with_state(books.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let served = format!("http://{}/book", listener.local_addr()?);
    println!("{served}/{}", symbols.first().map_or("", String::as_str));
    tokio::spawn(async { axum::serve(listener, app).await });
    if std::env::args().len() > 1 {
        tokio::signal::ctrl_c().await?;
    } else {
        ask_itself(books, &served).await?;
    }
    client.close();
    println!("{}", client.ended().await);
    Ok(())
}

/// Waits until the book of `btcusd` is current. Then requests this book over HTTP, and a book that the server does
/// not have.
async fn ask_itself(mut books: BookReader, served: &str) -> Result<(), Box<dyn Error>> {
    tokio::time::timeout(Duration::from_secs(10), books.until_live("btcusd")).await?;
    // This call blocks only this thread. The driver and the server run in other threads.
    let ask = |symbol: &str| ureq::get(format!("{served}/{symbol}")).call();
    let body = ask("BTCUSD")?.into_body().read_to_string()?;
    println!("200 {}…", body.chars().take(60).collect::<String>());
    match ask("dogeusd") {
        Err(ureq::Error::StatusCode(404)) if body.contains(r#""stale":null"#) => Ok(()),
        other => Err(format!("{other:?} {body}").into()),
    }
}
