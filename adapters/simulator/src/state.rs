//! [`State`]: what an exchange keeps when it is restarted.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::account::saved::{SavedAccount, SavedOrder};

/// What the member `format` says.
const FORMAT: &str = "gemini-ws-simulator state";

/// The version that is written and read.
const VERSION: u32 = 1;

/// The accounts of an exchange, their orders, and the numbers that its ids have come to.
///
/// [`Exchange::save`](crate::Exchange::save) makes it, [`Exchange::restore`](crate::Exchange::restore) takes it. As
/// JSON it can be kept in a file. It has the keys of accounts, and no secrets.
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
    orders: Vec<SavedOrder>,
}

/// The last ids that were taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedIds {
    /// Of orders and their events.
    pub(crate) order: u64,
    pub(crate) update: u64,
    pub(crate) trade: u64,
    /// Of archived market data.
    pub(crate) event: u64,
}

/// The members that say what a text is.
#[derive(Deserialize)]
struct Head {
    format: Option<String>,
    version: Option<u32>,
}

impl State {
    pub(crate) fn new(ids: SavedIds, accounts: Vec<SavedAccount>, orders: Vec<SavedOrder>) -> State {
        State { format: FORMAT.to_owned(), version: VERSION, ids, accounts, orders }
    }

    pub(crate) const fn ids(&self) -> SavedIds {
        self.ids
    }

    pub(crate) fn accounts(&self) -> &[SavedAccount] {
        &self.accounts
    }

    /// The orders: those that have ended, in the order of their ends, then the others.
    pub(crate) fn orders(&self) -> &[SavedOrder] {
        &self.orders
    }

    /// Writes it as JSON.
    pub fn to_json(&self) -> String {
        // Structures of numbers and texts can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads it from JSON.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the text is no JSON, no state, or one of another version. It says where. Whether the parts of
    /// a state fit together is for [`Exchange::restore`](crate::Exchange::restore) to say.
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

/// Why a state cannot be read or restored: what is wrong, and where.
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
