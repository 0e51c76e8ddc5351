//! Tests what `Handle::reconcile` asks, and when.

use std::cell::Cell;
use std::convert::Infallible;
use std::time::Duration;

use gemini_ws_driver::gemini_ws::{Config, NONCE_TOLERANCE, Nonce, RestRequest, Stream, UnixTime};
use gemini_ws_driver::{Handle, Keeper, SharedSigner, connect};

use crate::Adapter;
use crate::endings::plan_faults;
use crate::front::{beside, order};
use crate::trading::{signer, with_server};

/// Runs `test` when a driver has two orders in doubt and stale balances: three questions.
fn with_doubts<A: Adapter>(test: impl AsyncFnOnce(&Handle, &SharedSigner)) {
    with_server::<A, _>(async |url| {
        let signer = SharedSigner::new(signer());
        let (client, driver) = connect(A::runtime(), Config::new(&url));
        beside(driver.sign_with(signer.clone()), async {
            client.subscribe(Stream::balances()).await.unwrap();
            client.live().await.unwrap();
            for id in ["first", "second"] {
                drop(client.place(order(id, "1000")).await.unwrap());
            }
            let doubts = |keeper: &Keeper| keeper.orders().to_reconcile().count();
            plan_faults(&url, "abort").await;
            while client.with(move |_, keeper, _| doubts(keeper)).await != Ok(2) {
                smol::Timer::after(Duration::from_millis(1)).await;
            }
            test(&client, &signer).await;
            client.close();
        })
        .await;
    });
}

fn refusal(reason: &str) -> String {
    format!(r#"{{"result":"error","reason":"{reason}","message":"of a test"}}"#)
}

/// After a refusal that concerns every question, `reconcile` asks nothing more. After a refusal that concerns all
/// orders, it asks only about the balances. After any other refusal, it asks all its questions.
pub(crate) fn a_refusal_of_every_question<A: Adapter>() {
    // The status and the body of each answer, and how many questions are asked.
    let answers = [
        (429, refusal("RateLimit"), 1),
        (503, "<html>".into(), 1),
        (403, refusal("MissingRole"), 2),
        (500, refusal("System"), 3),
        (400, refusal("InvalidSignature"), 1),
        (400, refusal("InvalidNonce"), 1),
        (200, "{".into(), 3),
    ];
    with_doubts::<A>(async |client, signer| {
        for (status, body, expected) in answers {
            let asked = Cell::new(0);
            let ask = async |_: RestRequest| {
                asked.set(asked.get() + 1);
                Ok::<_, Infallible>((status, body.clone()))
            };
            let found = client.reconcile(signer, ask).await.unwrap();
            assert_eq!(asked.get(), expected, "{status} {body}: {found:?}");
            assert_eq!(found.unresolved.len(), 2, "{status} {body}: {found:?}");
            assert!(found.unresolved.iter().all(|it| it.error.is_some()), "{found:?}");
            assert!(found.balances.is_some(), "{status} {body}: {found:?}");
        }
    });
}

/// While the nonces are more than 15 s ahead of the time, `reconcile` waits before it asks, so that the venue accepts
/// the nonce of a later upgrade too. If the nonces are so far ahead that the venue refuses them, `reconcile` does not
/// wait.
pub(crate) fn nonces_ahead_of_the_time<A: Adapter>() {
    let half = NONCE_TOLERANCE.as_secs() / 2;
    // How far the first nonce is ahead, and how far the last nonce may be ahead.
    for (ahead, last_max) in [(half, half), (1_000, 1_002)] {
        with_doubts::<A>(async |client, signer| {
            let now = UnixTime::now().as_secs();
            signer.turn().await.nonces().skip_to(Nonce::new(now + ahead - 1));
            let asked = Cell::new((0, now));
            let ask = async |_: RestRequest| {
                asked.set((asked.get().0 + 1, UnixTime::now().as_secs()));
                Ok::<_, Infallible>((500, refusal("System")))
            };
            client.reconcile(signer, ask).await.unwrap();
            let (count, at) = asked.get();
            // A new link may bring balances before the question about them.
            assert!(count >= 2, "{ahead}: {count}");
            let last = signer.turn().await.nonces().last().unwrap();
            assert!(last.get() <= at + last_max, "{last} at {at}, {ahead}");
        });
    }
}
