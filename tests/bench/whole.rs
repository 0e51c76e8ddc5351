//! [`Whole`]: a client whose venue has confirmed all streams, and the books to which the events of the client are
//! applied.

use std::hint::black_box;
use std::time::Duration;

use gemini_ws::{Books, Client, Config, Frame, Instant, LinkId, Output, Scratch};

/// A client and the books that it updates. With it, a benchmark measures the whole work for a frame, from the frame's
/// text to the changed book.
pub(crate) struct Whole {
    client: Client,
    link: Option<LinkId>,
    scratch: Scratch,
    books: Books,
}

impl Whole {
    pub(crate) fn new<'s>(symbols: impl ExactSizeIterator<Item = &'s str>) -> Whole {
        let day = Duration::from_secs(86_400);
        let config =
            Config::new("wss://venue").seed(1).streams_max(symbols.len()).request_limit(1_000_000, day);
        let mut client = Client::single(config);
        for symbol in symbols {
            let stream = format!("{symbol}@depth@100ms").parse().expect("a stream");
            client.subscribe(Instant::ZERO, stream).expect("a subscription");
        }
        client.open(Instant::ZERO).expect("to open");
        // The changes of the frames are random, so that a book may be crossed.
        let books = Books::new().trust_crossed();
        let mut whole = Whole { client, link: None, scratch: Scratch::new(), books };
        whole.drain();
        whole
    }

    pub(crate) fn take(&mut self, frame: &str) {
        let (Some(link), frame) = (self.link, Frame::Text(frame)) else { panic!("no link") };
        if let Some(event) = self.client.handle_frame(link, Instant::ZERO, frame, &mut self.scratch) {
            black_box(self.books.apply(&event));
        }
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect(link) => {
                    self.client.handle_connected(link, Instant::ZERO);
                    self.link = Some(link);
                }
                Output::Send { text, .. } => {
                    let id = text.trim_start_matches("{\"id\":").split(',').next().unwrap_or_default();
                    self.take(&format!(r#"{{"id":{id},"status":200}}"#));
                }
                _ => {}
            }
        }
    }

    pub(crate) fn live(&self) -> usize {
        self.books.iter().filter(|(_, book)| book.live().is_some()).count()
    }
}
