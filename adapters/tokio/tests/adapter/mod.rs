//! The parts of the tests that depend on tokio.

use std::future::Future;

use gemini_ws_tokio::{Dialer, Tokio};

pub(crate) struct TokioAdapter;

impl gemini_ws_suite::Adapter for TokioAdapter {
    const NAME: &'static str = env!("CARGO_PKG_NAME");

    type Runtime = Tokio;

    fn with_dialer(dialer: Dialer) -> Tokio {
        Tokio::with_dialer(dialer)
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    async fn ctrl_c() {
        tokio::signal::ctrl_c().await.unwrap();
    }
}
