//! Any executor by hand: a [`Runtime`] of a few lines on `async-io`, and the driver as a task of `async-executor`.
//!
//! ```sh
//! cargo run -p gemini-ws-examples --example executor
//! ```

use std::future::Future;
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_executor::Executor;
use async_io::Async;
use futures_lite::future::block_on;
use gemini_ws_driver::async_tungstenite::WebSocketStream;
use gemini_ws_driver::gemini_ws::{Book, Books, Client, Clock, Config, ConnectFailure, Instant};
use gemini_ws_driver::{DialRequest, Paced, Runtime, Timer, client, io_failure};

/// Updates of the book that are shown before the end.
const SHOWN: u32 = 20;

#[derive(Default)]
struct ByHand(Clock);

struct ByHandTimer(async_io::Timer);

impl Runtime for ByHand {
    type Io = Async<TcpStream>;
    type Timer = ByHandTimer;

    fn clock(&self) -> &Clock {
        &self.0
    }

    fn timer(&self) -> ByHandTimer {
        ByHandTimer(async_io::Timer::never())
    }

    /// For `ws://` and addresses of numbers only; names and TLS are what an adapter is for.
    async fn dial(&self, request: DialRequest) -> Result<WebSocketStream<Paced<Self::Io>>, ConnectFailure> {
        let host = request.url().strip_prefix("ws://").and_then(|rest| rest.split(['/', '?']).next());
        let address: std::net::SocketAddr =
            host.and_then(|host| host.parse().ok()).ok_or(ConnectFailure::InvalidUrl)?;
        let stream = Async::<TcpStream>::connect(address).await.map_err(|error| io_failure(&error))?;
        request.upgrade(stream).await
    }
}

impl Timer for ByHandTimer {
    fn set(&mut self, at: std::time::Instant) {
        self.0.set_at(at);
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context).map(|_| ())
    }
}

fn main() {
    let mut gemini = Client::single(Config::new(gemini_ws_examples::address()));
    gemini.subscribe(Instant::ZERO, "btcusd@depth@100ms".parse().expect("a stream")).expect("room for one");
    let (handle, driver) = client(gemini);

    let executor = Executor::new();
    let task = executor.spawn(async move {
        let (runtime, mut books, mut updates) = (ByHand::default(), Books::new(), 0);
        let run = driver.run(&runtime, |_, _, event| {
            if books.apply(event).is_some()
                && let Some(Book::Live(book)) = books.get("btcusd")
                && let (Some(bid), Some(ask)) = (book.bids().best(), book.asks().best())
            {
                println!("{} {} | {} {}", bid.quantity, bid.price, ask.price, ask.quantity);
                updates += 1;
                if updates == SHOWN {
                    handle.shutdown();
                }
            }
        });
        run.await
    });
    println!("{}", block_on(executor.run(task)).reason);
}
