//! Runs the driver as a task of `async-executor`, without `gemini-ws-smol` or `gemini-ws-tokio`: the program
//! implements [`Runtime`] with a few lines on `async-io`.
//!
//! ```sh
//! cargo run -p gemini-ws-examples --example executor
//! ```

use std::future::Future;
use std::net::{IpAddr, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_executor::Executor;
use async_io::Async;
use futures_lite::future::block_on;
use gemini_ws_driver::async_tungstenite::WebSocketStream;
use gemini_ws_driver::gemini_ws::{Book, Books, Client, Clock, Config, ConnectFailure, Instant};
use gemini_ws_driver::{Address, DialRequest, Paced, Runtime, Timer, client, io_failure};

/// The number of updates of the book that the program shows.
const SHOWN: u32 = 20;

#[derive(Clone, Default)]
struct ByHand(Clock);

struct ByHandTimer {
    clock: Clock,
    timer: async_io::Timer,
}

impl Runtime for ByHand {
    type Io = Async<TcpStream>;
    type Timer = ByHandTimer;

    fn timer(&self) -> ByHandTimer {
        ByHandTimer { clock: self.0, timer: async_io::Timer::never() }
    }

    /// Connects to a `ws://` URL with a numeric address. An adapter also has name look-up and TLS.
    async fn dial(&self, request: DialRequest) -> Result<WebSocketStream<Paced<Self::Io>>, ConnectFailure> {
        let address = Address::parse(request.url())?;
        let host: IpAddr = address.host().parse().map_err(|_| ConnectFailure::InvalidUrl)?;
        let stream =
            Async::<TcpStream>::connect((host, address.port())).await.map_err(|error| io_failure(&error))?;
        request.upgrade(stream).await
    }
}

impl Timer for ByHandTimer {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn set(&mut self, at: Instant) {
        self.timer.set_at(self.clock.to_std(at));
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.timer).poll(context).map(|_| ())
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
                    handle.close();
                }
            }
        });
        run.await
    });
    println!("{}", block_on(executor.run(task)).reason);
}
