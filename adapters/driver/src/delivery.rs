//! How events reach the application.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_channel::{Receiver, Sender, TrySendError};
use gemini_ws::{Connection, Event, EventBuf, Instant};

/// Where the driver puts events.
pub(crate) trait Delivery {
    fn deliver(&mut self, connection: &mut Connection, now: Instant, event: Event<'_>);

    /// Ready when more frames may be read; `Err` if nobody listens any more.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ()>>;

    /// How many events still wait to be taken over.
    fn waiting(&self) -> usize;
}

/// A function, called in the driver's task.
pub(crate) struct Callback<F>(pub(crate) F);

impl<F: FnMut(&mut Connection, Instant, Event<'_>)> Delivery for Callback<F> {
    fn deliver(&mut self, connection: &mut Connection, now: Instant, event: Event<'_>) {
        (self.0)(connection, now, event);
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }

    fn waiting(&self) -> usize {
        0
    }
}

/// The receiving end of a bounded queue of events.
///
/// While it is full the driver reads no more frames, so TCP holds the peer back; timers and commands
/// go on. Nothing is dropped. Dropping this is the same as [`Handle::shutdown`](crate::Handle::shutdown).
#[derive(Debug)]
pub struct Events {
    pub(crate) receiver: Receiver<EventBuf>,
}

impl Events {
    /// The next event; `None` after `Closed`. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<EventBuf> {
        self.receiver.recv().await.ok()
    }
}

type Sending = Pin<Box<dyn Future<Output = Result<(), ()>> + Send>>;

/// A bounded queue.
pub(crate) struct Channel {
    sender: Sender<EventBuf>,
    /// The send of an event that found the queue full.
    sending: Option<Sending>,
    /// Those behind it: of one frame and of the connection itself, which are few, since no frame is
    /// read meanwhile.
    waiting: VecDeque<EventBuf>,
}

impl Channel {
    pub(crate) fn new(sender: Sender<EventBuf>) -> Channel {
        Channel { sender, sending: None, waiting: VecDeque::new() }
    }
}

impl Delivery for Channel {
    fn deliver(&mut self, _: &mut Connection, _: Instant, event: Event<'_>) {
        let event = EventBuf::from(&event);
        if self.waiting() > 0 {
            self.waiting.push_back(event);
        } else if let Err(TrySendError::Full(event)) = self.sender.try_send(event) {
            self.waiting.push_back(event);
        }
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ()>> {
        loop {
            if let Some(sending) = &mut self.sending {
                let sent = std::task::ready!(sending.as_mut().poll(context));
                self.sending = None;
                if sent.is_err() {
                    self.waiting.clear();
                }
            }
            let Some(event) = self.waiting.pop_front() else {
                return Poll::Ready(if self.sender.is_closed() { Err(()) } else { Ok(()) });
            };
            let sender = self.sender.clone();
            self.sending = Some(Box::pin(async move { sender.send(event).await.map_err(|_| ()) }));
        }
    }

    fn waiting(&self) -> usize {
        self.waiting.len() + usize::from(self.sending.is_some())
    }
}
