//! Serves books over HTTP: `GET /book/{symbol}`, from any number of tasks, beside the driver of one client.
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
use gemini_ws_tokio::gemini_ws::{Config, Level};
use gemini_ws_tokio::{BookReader, connect};
use serde::Serialize;

/// The best levels of a book, and whether it is current.
#[derive(Serialize)]
struct Top {
    bids: Vec<Level>,
    asks: Vec<Level>,
    /// The reason why the book is stale, if it is.
    stale: Option<String>,
    /// The venue's time of the last change, in nanoseconds.
    event_time: Option<i64>,
}

async fn book(State(books): State<BookReader>, Path(symbol): Path<String>) -> Result<Json<Top>, StatusCode> {
    let view = books.view(symbol).ok_or(StatusCode::NOT_FOUND)?;
    let book = view.get().last();
    Ok(Json(Top {
        bids: book.bids().iter().take(10).copied().collect(),
        asks: book.asks().iter().take(10).copied().collect(),
        stale: view.stale_reason().map(|reason| reason.to_string()),
        event_time: view.age().event_time.map(|time| time.as_nanos()),
    }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut symbols: Vec<String> = std::env::args().skip(2).collect();
    if symbols.is_empty() {
        symbols.push("btcusd".into());
    }
    let url = gemini_ws_examples::address_of(&symbols);
    let (client, driver) = connect(Config::new(&url));
    let driver = tokio::spawn(driver);
    let books = client.books(symbols.iter().map(String::as_str)).await?;
    let app = axum::Router::new().route("/book/{symbol}", get(book)).with_state(books.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    println!("http://{address}/book/{}", symbols.first().map_or("", String::as_str));
    let server = tokio::spawn(async { axum::serve(listener, app).await });
    if std::env::args().len() > 1 {
        tokio::signal::ctrl_c().await?;
    } else {
        ask_itself(books, address).await?;
    }
    server.abort();
    client.close();
    println!("{}", driver.await?);
    Ok(())
}

/// Waits until a book is current, and requests it over HTTP.
async fn ask_itself(mut books: BookReader, address: std::net::SocketAddr) -> Result<(), Box<dyn Error>> {
    while books.live("btcusd").is_none() {
        tokio::time::timeout(Duration::from_secs(10), books.changed()).await?;
    }
    let ask = move |path: &str| {
        let url = format!("http://{address}/book/{path}");
        let answer = ureq::get(url).config().http_status_as_error(false).build().call()?;
        Ok::<_, ureq::Error>((answer.status().as_u16(), answer.into_body().read_to_string()?))
    };
    let (found, body) = tokio::task::spawn_blocking(move || ask("BTCUSD")).await??;
    println!("{found} {}…", body.chars().take(60).collect::<String>());
    let (none, _) = tokio::task::spawn_blocking(move || ask("dogeusd")).await??;
    if (found, none) != (200, 404) || !body.contains(r#""stale":null"#) {
        return Err(format!("{found} {none} {body}").into());
    }
    Ok(())
}
