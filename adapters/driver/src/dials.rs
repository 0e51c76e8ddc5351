//! [`Dials`]: the dials under way, and those that wait to be signed.

use std::future::{Future, ready};
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use async_tungstenite::WebSocketStream;
use gemini_ws::{ConnectFailure, LinkId};

use crate::dial::DialRequest;
use crate::paced::Paced;
use crate::patience::Patience;
use crate::runtime::Runtime;
use crate::signer::{HeldTurn, TURN_MAX, Turn};

type Dialled<Io> = Result<WebSocketStream<Paced<Io>>, ConnectFailure>;
type Boxed<'r, T> = Pin<Box<dyn Future<Output = T> + Send + 'r>>;

pub(crate) enum Progress<Io> {
    /// The dial begins to connect. A signed dial now has its [`Turn`] of the signer.
    Started,
    Ended(Box<Dialled<Io>>),
}

enum Stage<'r, Io> {
    /// The dial waits for its [`Turn`] of the signer.
    Queued(DialRequest, Boxed<'r, Option<Turn>>),
    Dialling(Boxed<'r, Dialled<Io>>),
}

pub(crate) struct Dials<'r, R: Runtime> {
    runtime: R,
    dials: Vec<(LinkId, Stage<'r, R::Io>)>,
    has_new: bool,
}

impl<'r, R: Runtime + 'r> Dials<'r, R> {
    pub(crate) const fn new(runtime: R) -> Dials<'r, R> {
        Dials { runtime, dials: Vec::new(), has_new: false }
    }

    /// Returns whether the caller must call `poll` before the task sleeps, because a new dial was never polled.
    pub(crate) const fn has_new(&self) -> bool {
        self.has_new
    }

    /// Begins a dial. If `request` is an error, the dial fails with this error.
    pub(crate) fn begin(&mut self, link: LinkId, request: Result<DialRequest, ConnectFailure>) {
        self.has_new = true;
        let stage = match request {
            Err(why) => Stage::Dialling(Box::pin(ready(Err(why)))),
            Ok(request) => match request.signer().cloned() {
                None => self.dialling(request, None),
                Some(signer) => Stage::Queued(request, Box::pin(async move { signer.turn_of_dial().await })),
            },
        };
        self.dials.push((link, stage));
    }

    fn dialling(&self, request: DialRequest, turn: Option<Turn>) -> Stage<'r, R::Io> {
        Stage::Dialling(Box::pin(dial(self.runtime.clone(), request, turn)))
    }

    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Vec<(LinkId, Progress<R::Io>)> {
        self.has_new = false;
        let mut progress = Vec::new();
        for (link, mut stage) in mem::take(&mut self.dials) {
            if let Stage::Queued(request, turn) = stage {
                stage = self.queued(request, turn, context);
                if let Stage::Dialling(_) = stage {
                    progress.push((link, Progress::Started));
                }
            }
            if let Stage::Dialling(dial) = &mut stage
                && let Poll::Ready(ended) = dial.as_mut().poll(context)
            {
                progress.push((link, Progress::Ended(Box::new(ended))));
            } else {
                self.dials.push((link, stage));
            }
        }
        progress
    }

    fn queued(
        &self,
        request: DialRequest,
        mut turn: Boxed<'r, Option<Turn>>,
        context: &mut Context<'_>,
    ) -> Stage<'r, R::Io> {
        match turn.as_mut().poll(context) {
            Poll::Ready(turn) => self.dialling(request, turn),
            Poll::Pending => Stage::Queued(request, turn),
        }
    }

    pub(crate) fn abort(&mut self, link: LinkId) {
        self.dials.retain(|(dialled, _)| *dialled != link);
    }

    pub(crate) fn clear(&mut self) {
        self.dials.clear();
    }
}

/// Carries out a dial. If connecting takes longer than [`TURN_MAX`], ends the [`Turn`] of the signer, because other
/// dials with the same key wait for it. The upgrade then takes another turn.
async fn dial<R: Runtime>(runtime: R, request: DialRequest, turn: Option<Turn>) -> Dialled<R::Io> {
    let Some(turn) = turn.map(HeldTurn::new) else { return runtime.dial(request).await };
    let mut dial = pin!(runtime.dial(request.with_turn(turn.clone())));
    let ended = Patience::new(runtime.timer()).within(TURN_MAX, dial.as_mut()).await;
    drop(turn.take());
    match ended {
        Some(ended) => ended,
        None => dial.await,
    }
}
