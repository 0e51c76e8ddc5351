//! [`Handle::reconcile`]: asks the venue over REST about orders in doubt and stale balances.

use std::fmt;
use std::time::Duration;

use gemini_ws::{
    BalancesQuestion, Moment, NONCE_TOLERANCE, Order, OrderStatusQuestion, RestError, RestQuestion,
    RestRequest, UnixTime,
};

use crate::handle::Handle;
use crate::signer::SharedSigner;

/// How far the nonces of questions may be ahead of the time. The rest of [`NONCE_TOLERANCE`] is for upgrades and for
/// other requests of the key.
const AHEAD_MAX: Duration = NONCE_TOLERANCE.checked_div(2).expect("two is not zero");

/// The result of [`Handle::reconcile`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reconciliation {
    /// How many orders are no longer in doubt because of the venue's answers.
    pub resolved: usize,
    /// The orders whose doubt no answer has resolved. An event may have resolved the doubt meanwhile.
    pub unresolved: Vec<Unresolved>,
    /// The error in the venue's answer about the balances, or in an earlier answer:
    ///
    /// - If no balance is stale, `reconcile` does not ask about the balances, and this is `None`.
    /// - If the balances are stale, but `reconcile` asked nothing more after an earlier answer, this is the error in
    ///   that answer.
    /// - If the venue answers the question about the balances with an error, or the answer cannot be decoded, this is
    ///   that error.
    /// - If only some rows of the answer cannot be used, this is the error of the first of them. The other rows were
    ///   applied.
    /// - Otherwise this is `None`. The balances may still be stale:
    ///   [`Balances::reconcile`](gemini_ws::Balances::reconcile) lists the cases.
    pub balances: Option<RestError>,
}

/// An order whose doubt [`Handle::reconcile`] has not resolved.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unresolved {
    /// The order as it was when `reconcile` began.
    pub order: Order,
    /// Whether the venue answered that it does not have the order. Such an answer does not resolve the doubt if an
    /// event or reply has shown that the order exists. [`Handle::forget`](crate::Handle::forget) can then remove the
    /// order.
    pub is_absent: bool,
    /// The error in the venue's answer about the order, or in an earlier answer:
    ///
    /// - If the venue answers the question about the order with an error, or the answer cannot be used, this is that
    ///   error.
    /// - If `reconcile` asked about no other order after an earlier answer, this is the error in that answer.
    /// - If the venue cannot be asked about the order, because neither its client order id nor the venue's id is
    ///   known, this is `None`.
    /// - If the answer has no error and did not resolve the doubt, this is `None`.
    ///   [`Orders::reconcile`](gemini_ws::Orders::reconcile) lists the answers that are not used. If an event about
    ///   the order was lost or arrived while `reconcile` waited for the answer, call `reconcile` again. An open order
    ///   also stays in doubt while no subscribed stream reports orders
    ///   ([`Orders::is_followed`](gemini_ws::Orders::is_followed)).
    pub error: Option<RestError>,
}

/// The reason why [`Handle::reconcile`] stopped early.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReconcileError<E> {
    /// The driver has ended.
    Closed,
    /// The function that sends requests failed with this error. Earlier answers were applied.
    Rest(E),
}

impl<E: fmt::Display> fmt::Display for ReconcileError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReconcileError::Closed => f.write_str("the driver has ended"),
            ReconcileError::Rest(error) => write!(f, "REST: {error}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for ReconcileError<E> {}

impl Handle {
    /// Asks the venue about each order that is in doubt, one after the other. If the answer resolves the doubt, the
    /// order and its ticket get the state in the answer. Then `reconcile` asks about the balances if they are stale.
    /// It does not ask about positions and quotes.
    ///
    /// With an API key, each question needs a nonce. `reconcile` waits while the nonces are more than 15 seconds
    /// ahead of the time, so that the venue does not refuse the nonces of later requests and upgrades. With nonces in
    /// seconds, it therefore asks about 15 questions without a pause, and then one per second. If the nonces are more
    /// than 30 seconds ahead, `reconcile` does not wait, and the venue refuses the nonce.
    ///
    /// `reconcile` asks nothing more after an answer with HTTP status 401, 429 or 503, or the reason `RateLimit`,
    /// `Maintenance`, `InvalidNonce` or `InvalidSignature`: the venue would answer the other questions in the same
    /// way. After status 403 it asks about no other order, because the key lacks the role. The orders and balances
    /// about which it did not ask have the error of this answer.
    ///
    /// `ask` sends a request with any HTTP client and returns status and body. Give the request a time limit: until
    /// `ask` returns, nothing else can use the signer. In a future that is spawned, write `async move |request| …`:
    /// the compiler does not accept the future as `Send` if `ask` borrows a local variable.
    ///
    /// ```
    /// # use std::io;
    /// # use gemini_ws_driver::gemini_ws::RestRequest;
    /// # use gemini_ws_driver::{Handle, ReconcileError, SharedSigner};
    /// # async fn again(client: Handle, signer: SharedSigner) -> Result<(), ReconcileError<io::Error>> {
    /// let ask = async |request: RestRequest| {
    ///     let url = format!("https://api.gemini.com{}", request.path());
    ///     // … send a request of `request.method()` with `request.headers()` …
    /// #   let _ = url;
    ///     Ok((404, String::from(r#"{"result":"error","reason":"OrderNotFound","message":""}"#)))
    /// };
    /// let found = client.reconcile(&signer, ask).await?;
    /// assert!(found.unresolved.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReconcileError`], if `ask` fails or the driver has ended.
    pub async fn reconcile<E>(
        &self,
        signer: &SharedSigner,
        ask: impl AsyncFn(RestRequest) -> Result<(u16, String), E>,
    ) -> Result<Reconciliation, ReconcileError<E>> {
        let orders =
            self.with(|_, keeper, _| keeper.orders().to_reconcile().cloned().collect::<Vec<Order>>());
        let orders = orders.await.map_err(|_| ReconcileError::Closed)?;
        let mut it = Reconciliation { resolved: 0, unresolved: Vec::new(), balances: None };
        let mut refusal: Option<RestError> = None;
        for order in orders {
            let unresolved = match OrderStatusQuestion::of(&order) {
                None => Some(Unresolved { order, is_absent: false, error: None }),
                Some(_) if refusal.is_some() => {
                    Some(Unresolved { order, is_absent: false, error: refusal.clone() })
                }
                Some(question) => self.reconcile_order(signer, &ask, order, question).await?,
            };
            let Some(unresolved) = unresolved else {
                it.resolved += 1;
                continue;
            };
            refusal =
                refusal.or_else(|| unresolved.error.clone().filter(|error| Scope::of(error).has_orders()));
            it.unresolved.push(unresolved);
        }
        // Take the moment before the question: the answer must not change a balance that an event changes after the
        // question.
        let asked =
            self.with(|_, keeper, _| keeper.balances().is_stale().then(|| keeper.balances().moment()));
        if let Some(asked) = asked.await.map_err(|_| ReconcileError::Closed)? {
            it.balances = match refusal.filter(|error| Scope::of(error) == Scope::Everything) {
                Some(error) => Some(error),
                None => self.reconcile_balances(signer, &ask, asked).await?,
            };
        }
        Ok(it)
    }

    /// Returns `None` if the answer has resolved the doubt.
    async fn reconcile_order<E>(
        &self,
        signer: &SharedSigner,
        ask: &impl AsyncFn(RestRequest) -> Result<(u16, String), E>,
        order: Order,
        question: OrderStatusQuestion,
    ) -> Result<Option<Unresolved>, ReconcileError<E>> {
        let asked = self.with(|_, keeper, _| keeper.orders().moment());
        let asked = asked.await.map_err(|_| ReconcileError::Closed)?;
        let found = match self.answer(signer, ask, &question).await? {
            Ok(found) => found,
            Err(error) => return Ok(Some(Unresolved { order, is_absent: false, error: Some(error) })),
        };
        let is_absent = found.is_none();
        let settled = self.ask(move |lent, answer| {
            let at = (asked, lent.now);
            let is_certain = lent.keeper.reconcile_order(lent.client, &question, found, at);
            let _ = answer.try_send(is_certain);
        });
        let is_certain = settled.await.ok_or(ReconcileError::Closed)?;
        Ok((!is_certain).then_some(Unresolved { order, is_absent, error: None }))
    }

    /// Asks about the balances. Returns the error in the answer, or that of the first row that cannot be decoded.
    async fn reconcile_balances<E>(
        &self,
        signer: &SharedSigner,
        ask: &impl AsyncFn(RestRequest) -> Result<(u16, String), E>,
        asked: Moment,
    ) -> Result<Option<RestError>, ReconcileError<E>> {
        let rows = match self.answer(signer, ask, &BalancesQuestion).await? {
            Ok(rows) => rows,
            Err(error) => return Ok(Some(error)),
        };
        let unused = rows.unused().first().cloned();
        let taken = self.ask(move |lent, answer| {
            lent.keeper.reconcile_balances(&rows, asked);
            let _ = answer.try_send(());
        });
        taken.await.ok_or(ReconcileError::Closed)?;
        Ok(unused)
    }

    /// Asks the venue one question. Holds the `Turn` of the signer until the answer arrives, so that the venue gets
    /// no request with a higher nonce before this one. Waits before the question while the nonces are ahead of the
    /// time by more than [`AHEAD_MAX`]. Does not wait if they are ahead by more than [`NONCE_TOLERANCE`], because the
    /// wait could take very long: the venue then refuses the nonce, and its answer says what is wrong.
    async fn answer<E, Q: RestQuestion>(
        &self,
        signer: &SharedSigner,
        ask: &impl AsyncFn(RestRequest) -> Result<(u16, String), E>,
        question: &Q,
    ) -> Result<Result<Q::Answer, RestError>, ReconcileError<E>> {
        loop {
            let mut turn = signer.turn().await;
            let now = UnixTime::now();
            let ahead = turn.nonces().ahead_of(now);
            if ahead <= AHEAD_MAX || ahead > NONCE_TOLERANCE {
                let request = turn.rest(question, now);
                let (status, body) = ask(request).await.map_err(ReconcileError::Rest)?;
                drop(turn);
                return Ok(question.answer(status, &body));
            }
            let step = turn.nonces().unit().step();
            drop(turn);
            let waited = self.ask(move |lent, caller| lent.keeper.wake_at(lent.now + step, caller)).await;
            waited.ok_or(ReconcileError::Closed)?;
        }
    }
}

/// The further questions that the venue would answer with the same error.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Scope {
    One,
    Orders,
    Everything,
}

impl Scope {
    fn of(error: &RestError) -> Scope {
        let RestError::Refused { status, reason, .. } = error else { return Scope::One };
        match (status, reason.as_deref()) {
            // The venue limits requests, is not available, or refuses the key.
            (401 | 429 | 503, _)
            | (_, Some("RateLimit" | "Maintenance" | "InvalidNonce" | "InvalidSignature")) => {
                Scope::Everything
            }
            // The key lacks the role for questions about orders.
            (403, _) => Scope::Orders,
            _ => Scope::One,
        }
    }

    fn has_orders(self) -> bool {
        self != Scope::One
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::future::Future;
    use std::pin::pin;
    use std::task::Poll;

    use futures_lite::future;
    use gemini_ws::{Client, Config, Credentials, Endpoint, Event, Instant, Replay, Scratch, Signer, Topic};

    use super::*;
    use crate::handle::{Ends, Lent, handle};

    /// Runs a future, and carries out the commands of its handle.
    fn run<T>(mut ends: Ends, future: impl Future<Output = T>) -> T {
        let mut client = Client::single(Config::new("ws://v"));
        let (mut future, mut replies) = (pin!(future), Vec::new());
        future::block_on(future::poll_fn(|context| {
            while let Poll::Ready(Some(command)) = ends.commands.poll_next(context) {
                let (keeper, now) = (&mut ends.keeper, Instant::ZERO);
                command.carry_out(Lent { client: &mut client, keeper, replies: &mut replies, now });
            }
            future.as_mut().poll(context)
        }))
    }

    /// Applies these frames, and then an overflow that puts all data of the account in doubt or makes it stale.
    async fn lose_after(handle: &Handle, frames: Vec<&'static str>) {
        let lost = handle.with(move |_, keeper, now| {
            let (mut replay, mut scratch) = (Replay::new(Endpoint::Streams), Scratch::new());
            for frame in frames {
                keeper.take(&replay.event(frame, &mut scratch).unwrap().unwrap(), now);
            }
            keeper.take(&Event::Overflow { topic: Topic::Connection, symbol: None, dropped: 1 }, now);
        });
        lost.await.unwrap();
    }

    /// While REST answers about an order, a balance changes, and then the queue drops events. `reconcile` asks about
    /// the balances after both, so it uses the answer.
    #[test]
    fn balances_that_change_before_the_question_about_them() {
        let signer = SharedSigner::new(Signer::new(Credentials::hmac("key", "secret").unwrap()));
        let (handle, ends) = handle();
        run(ends, async {
            let order = r#"{"e":"orderUpdate","E":4,"s":"BTCUSD","i":7,"X":"OPEN","q":"2","T":4}"#;
            let before = r#"{"e":"balanceUpdate","E":5,"u":5,"B":[{"a":"USD","f":"1","c":"1"}]}"#;
            let between = r#"{"e":"balanceUpdate","E":6,"u":6,"B":[{"a":"USD","f":"2","c":"2"}]}"#;
            lose_after(&handle, vec![order, before]).await;
            let asked = Cell::new(0);
            let ask = async |request: RestRequest| {
                asked.set(asked.get() + 1);
                if request.path() == "/v1/order/status" {
                    lose_after(&handle, vec![between]).await;
                    return Ok::<_, Infallible>((500, String::new()));
                }
                let rows = r#"[{"type":"exchange","currency":"USD","amount":"3","available":"3"}]"#;
                Ok((200, rows.to_owned()))
            };
            let found = handle.reconcile(&signer, ask).await.unwrap();
            assert!(found.balances.is_none(), "{found:?}");
            let kept = handle
                .with(|_, keeper, _| (keeper.balances().is_stale(), keeper.balances().get("USD").cloned()));
            let (is_stale, usd) = kept.await.unwrap();
            assert_eq!(
                (asked.get(), is_stale, usd.unwrap().available().as_str().to_owned()),
                (2, false, "3".to_owned())
            );
        });
    }
}
