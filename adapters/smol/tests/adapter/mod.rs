//! The parts of the tests that depend on smol.

use std::future::Future;

use gemini_ws_smol::{Dialer, Smol};
use smol::stream::StreamExt;

pub(crate) struct SmolAdapter;

impl gemini_ws_suite::Adapter for SmolAdapter {
    const NAME: &'static str = env!("CARGO_PKG_NAME");

    type Runtime = Smol;

    fn with_dialer(dialer: Dialer) -> Smol {
        Smol::with_dialer(dialer)
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        smol::block_on(future)
    }

    async fn ctrl_c() {
        let mut signals = async_signal::Signals::new([async_signal::Signal::Int]).unwrap();
        signals.next().await;
    }
}
