//! [`Proxies`] without the feature `proxy`.

use std::future::Future;

use gemini_ws_driver::Address;
use gemini_ws_driver::gemini_ws::ConnectFailure;

/// The proxies to use. Without the feature `proxy` all connections are direct.
#[derive(Clone, Debug)]
pub struct Proxies(());

impl Proxies {
    /// Returns no proxies.
    pub fn none() -> Proxies {
        Proxies(())
    }

    pub(crate) fn from_environment() -> Proxies {
        Proxies(())
    }

    pub(crate) const fn proxy_for(&self, _: &Address) -> Option<String> {
        None
    }

    pub(crate) async fn connect<S, F: Future<Output = Result<S, ConnectFailure>>>(
        &self,
        address: &Address,
        connect: impl FnOnce(String, u16) -> F,
    ) -> Result<S, ConnectFailure> {
        connect(address.host().to_owned(), address.port()).await
    }
}
