//! [`State`]: the data that an exchange keeps across a restart.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::account::restored::StateOrder;
use crate::account::saved::SavedAccount;

const FORMAT: &str = "gemini-ws-simulator state";

const VERSION: u32 = 1;

/// The accounts of an exchange, their orders, and its last ids.
///
/// [`Exchange::save`](crate::Exchange::save) returns a state, and [`Exchange::restore`](crate::Exchange::restore)
/// creates an exchange that continues from a state. A state can be kept in a file as JSON. The state contains the
/// keys of accounts and the last nonce of each key, but no secrets.
///
/// ```
/// use gemini_ws_simulator::{Config, Exchange, State};
///
/// let config = Config::market(["btcusd".parse().unwrap()]);
/// let state = Exchange::new(config.clone(), 7).save();
/// let read = State::from_json(&state.to_json()).unwrap();
/// assert_eq!(read, state);
/// assert!(Exchange::restore(config, 7, &read).is_ok());
/// let error = State::from_json(r#"{"format":"something else"}"#).unwrap_err();
/// assert_eq!(error.to_string(), "it is no state of the simulator: its member format is \"something else\"");
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    format: String,
    version: u32,
    ids: SavedIds,
    accounts: Vec<SavedAccount>,
    orders: Vec<StateOrder>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedIds {
    /// The last id of the sequence that orders, events of orders, and trades that execute quotes share.
    pub(crate) order: u64,
    pub(crate) update: u64,
    pub(crate) trade: u64,
    /// The newest event id of archived market data.
    pub(crate) event: u64,
    /// The number of the newest request for quotes; zero if the file lacks this member.
    #[serde(default)]
    pub(crate) quote_request: u64,
    /// The number of the newest quote; zero if the file lacks this member.
    #[serde(default)]
    pub(crate) quote: u64,
}

#[derive(Deserialize)]
struct Head {
    format: Option<String>,
    version: Option<u32>,
}

impl State {
    pub(crate) fn new(ids: SavedIds, accounts: Vec<SavedAccount>, orders: Vec<StateOrder>) -> State {
        State { format: FORMAT.to_owned(), version: VERSION, ids, accounts, orders }
    }

    pub(crate) const fn ids(&self) -> SavedIds {
        self.ids
    }

    pub(crate) fn accounts(&self) -> &[SavedAccount] {
        &self.accounts
    }

    /// Returns the orders: first those that have ended, in the order in which they ended, then the open ones.
    pub(crate) fn orders(&self) -> &[StateOrder] {
        &self.orders
    }

    /// Returns the state as JSON.
    pub fn to_json(&self) -> String {
        // Structures of numbers and texts can always be written as JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a state from JSON.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the text is not JSON, not a state, or a state of another version. The error names the
    /// reason. [`Exchange::restore`](crate::Exchange::restore) checks whether the parts of the state fit together.
    pub fn from_json(text: &str) -> Result<State, StateError> {
        let head: Head = serde_json::from_str(text).map_err(|error| StateError::new(&error))?;
        match (head.format.as_deref(), head.version) {
            (Some(FORMAT), Some(VERSION)) => {}
            (Some(FORMAT), version) => {
                let version = version.map_or_else(|| "missing".to_owned(), |version| version.to_string());
                return Err(StateError::new(format_args!(
                    "its member version is {version}, and this program reads version {VERSION}"
                )));
            }
            (Some(other), _) => {
                return Err(StateError::new(format_args!(
                    "it is no state of the simulator: its member format is {other:?}"
                )));
            }
            (None, _) => {
                return Err(StateError::new("it is no state of the simulator: it has no member format"));
            }
        }
        serde_json::from_str(text).map_err(|error| StateError::new(&error))
    }
}

/// The error of a state that cannot be read or restored: what is wrong, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StateError(String);

impl StateError {
    pub(crate) fn new(reason: impl fmt::Display) -> StateError {
        StateError(reason.to_string())
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StateError {}
