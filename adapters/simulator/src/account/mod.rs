//! [`Account`]: an account of the exchange and its API key.

pub(crate) mod holdings;
pub(crate) mod ledger;
pub(crate) mod order;
pub(crate) mod restored;
pub(crate) mod saved;

use std::collections::BTreeSet;
use std::fmt;

use gemini_ws::Decimal;

/// The number of an account, as the venue's frames report it (member `A`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AccountId(pub u64);

/// What an API key may do.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// The key may read, and may send orders and quotes.
    Trader,
    /// The key may read, but must not trade, and must not ask REST for the status of one order.
    Auditor,
}

/// The smallest number that an account without a configured number gets.
const FIRST_ID: u64 = 5_365;

const DEFAULT_BALANCES: [(&str, i64); 12] = [
    ("AUD", 1_000_000),
    ("BTC", 1_000),
    ("ETH", 20_000),
    ("EUR", 1_000_000),
    ("GUSD", 1_000_000),
    ("LTC", 20_000),
    ("SOL", 20_000),
    ("USD", 1_000_000),
    ("USDC", 1_000_000),
    ("USDT", 1_000_000),
    ("XRP", 1_000_000),
    ("ZEC", 20_000),
];

/// An account of the exchange, and its API key.
///
/// A client that has the secret of the key, or the bearer token, can open authenticated sessions for the account.
///
/// ```
/// use gemini_ws_simulator::{Account, Config, Exchange};
///
/// let account = Account::new("account-key", "secret").balance("USD", "250.00".parse().unwrap());
/// let exchange = Exchange::new(Config::market(["btcusd".parse().unwrap()]).account(account), 7);
/// let account = exchange.accounts().next().unwrap();
/// let usd = exchange.balances(account).into_iter().find(|balance| balance.asset == "USD").unwrap();
/// assert_eq!(usd.available.to_string(), "250");
/// ```
#[derive(Clone)]
pub struct Account {
    key: String,
    secret: String,
    bearer_token: Option<String>,
    id: Option<AccountId>,
    name: String,
    balances: Vec<(String, Decimal)>,
    roles: BTreeSet<Role>,
    has_accepted_terms: bool,
    has_time_based_nonce: bool,
}

impl Account {
    /// Creates an account whose key has the role [`Role::Trader`], with large balances of the usual assets.
    ///
    /// The names of account-scoped keys begin with `account-`. The exchange refuses other keys.
    pub fn new(key: impl Into<String>, secret: impl Into<String>) -> Account {
        let balance =
            |(asset, amount): (&str, i64)| (asset.to_owned(), Decimal::new(amount, 0).unwrap_or_default());
        Account {
            key: key.into(),
            secret: secret.into(),
            bearer_token: None,
            id: None,
            name: "primary".to_owned(),
            balances: DEFAULT_BALANCES.map(balance).to_vec(),
            roles: BTreeSet::from([Role::Trader]),
            has_accepted_terms: true,
            has_time_based_nonce: false,
        }
    }

    /// Sets the number of the account. Default: the smallest number that is at least 5365 and greater than the
    /// numbers of all accounts that were added before.
    #[must_use]
    pub fn id(mut self, id: AccountId) -> Account {
        self.id = Some(id);
        self
    }

    /// Sets the name of the account. Order events v1 contain the name as `account_name`. Default: `primary`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Account {
        self.name = name.into();
        self
    }

    /// Sets an OAuth access token. Default: none.
    #[must_use]
    pub fn bearer_token(mut self, token: impl Into<String>) -> Account {
        self.bearer_token = Some(token.into());
        self
    }

    /// Sets the initial balance of one asset. The other balances stay as they are. A negative amount counts as
    /// zero.
    #[must_use]
    pub fn balance(mut self, asset: &str, amount: Decimal) -> Account {
        let asset = asset.to_ascii_uppercase();
        self.balances.retain(|(known, _)| *known != asset);
        self.balances.push((asset, amount.max(Decimal::ZERO)));
        self
    }

    /// Removes all initial balances: the defaults, and those that were set before.
    #[must_use]
    pub fn without_balances(mut self) -> Account {
        self.balances.clear();
        self
    }

    /// Sets the roles of the key. Default: [`Role::Trader`].
    #[must_use]
    pub fn roles(mut self, roles: impl IntoIterator<Item = Role>) -> Account {
        self.roles = roles.into_iter().collect();
        self
    }

    /// Sets whether the owner has accepted the terms of prediction markets. Default: true.
    #[must_use]
    pub fn accepted_terms(mut self, has_accepted: bool) -> Account {
        self.has_accepted_terms = has_accepted;
        self
    }

    /// Sets whether the key's setting "Uses a time-based nonce" is on. Default: false.
    ///
    /// The nonces of a key must always increase. With the setting, every nonce must also be within 30 s of the
    /// venue's time. Without the setting, only nonces for upgrades to the current API must be that close. On the
    /// current API, the venue refuses a key without the setting, and the simulated exchange accepts it.
    #[must_use]
    pub fn time_based_nonce(mut self, is_time_based: bool) -> Account {
        self.has_time_based_nonce = is_time_based;
        self
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn has_token(&self, token: &str) -> bool {
        self.bearer_token.as_deref() == Some(token)
    }

    pub(crate) const fn account_id(&self) -> Option<AccountId> {
        self.id
    }

    pub(crate) fn account_name(&self) -> &str {
        &self.name
    }

    pub(crate) fn balances(&self) -> &[(String, Decimal)] {
        &self.balances
    }

    pub(crate) const fn has_accepted_terms(&self) -> bool {
        self.has_accepted_terms
    }

    pub(crate) const fn has_time_based_nonce(&self) -> bool {
        self.has_time_based_nonce
    }

    pub(crate) fn may_trade(&self) -> bool {
        self.roles.contains(&Role::Trader)
    }

    pub(crate) fn may_read(&self) -> bool {
        !self.roles.is_empty()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Account");
        shown.field("key", &self.key).field("id", &self.id).field("name", &self.name);
        shown.field("balances", &self.balances).field("roles", &self.roles).finish_non_exhaustive()
    }
}

/// Assigns a number to an account that has none. `known` are the accounts that were added before it.
pub(crate) fn numbered(mut account: Account, known: &[Account]) -> Account {
    if account.id.is_none() {
        let ids = known.iter().filter_map(|account| account.id);
        let last = ids.filter(|id| id.0 >= FIRST_ID).max();
        account.id = Some(AccountId(last.map_or(FIRST_ID, |last| last.0.saturating_add(1))));
    }
    account
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", Account::new("account-a", "hidden").bearer_token("hidden"));
        assert!(shown.contains("account-a") && !shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn accounts_are_numbered() {
        let mut accounts = Vec::new();
        for id in [None, None, Some(7), Some(9_000), None] {
            let mut account = Account::new("account-a", "s");
            account.id = id.map(AccountId);
            accounts.push(numbered(account, &accounts));
        }
        let ids: Vec<u64> = accounts.iter().map(|account| account.id.unwrap().0).collect();
        assert_eq!(ids, [5_365, 5_366, 7, 9_000, 9_001]);
    }
}
