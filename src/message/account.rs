//! Balances, positions and settlements of an account.

use super::list::{List, Row};
use super::order::ContractOutcome;
use super::text::{Number, Text};
use crate::value::time::Timestamp;

/// [Balances](crate::protocol::streams#balances): all balances, or the balances that changed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BalanceUpdate<'f> {
    /// `E`: the time of the event, sent in nanoseconds. [Some sources show
    /// milliseconds](crate::protocol::quirks#unit-of-balance-times).
    pub event_time: Option<Timestamp>,
    /// `u`: the time of the update, sent in nanoseconds; absent in one documented example.
    pub update_time: Option<Timestamp>,
    /// `B`: one row for each asset. A row replaces the earlier row of its asset.
    pub balances: List<'f, Row<'f, AssetBalance<'f>>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) has_malformed: bool,
}

/// The balance of one asset. Amounts may be [slightly negative](crate::protocol::quirks#negative-balances).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct AssetBalance<'f> {
    /// `a`: the asset, for example `BTC`.
    pub asset: &'f str,
    /// `f`: the amount that no order holds.
    pub available: Number<'f>,
    /// `c`: the whole amount, including held and pending amounts.
    pub total: Number<'f>,
}

/// [Positions](crate::protocol::streams#positions) of an account.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PositionReport<'f> {
    /// `E`: the time of the event, sent in nanoseconds.
    pub event_time: Option<Timestamp>,
    /// `u`: the time of the update, sent in nanoseconds.
    pub update_time: Option<Timestamp>,
    /// `A`: the venue's number of the account.
    pub account_id: Option<u64>,
    /// `P`: one row for each instrument; may be empty.
    pub positions: List<'f, Row<'f, Position<'f>>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) has_malformed: bool,
}

/// The position in one instrument.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Position<'f> {
    /// `t`: the kind of instrument, for example `ec` for a contract of a prediction market.
    pub product: Option<Text<'f>>,
    /// `s`: the instrument.
    pub symbol: &'f str,
    /// `a`: the amounts of the position, one for each kind.
    pub amounts: List<'f, PositionAmount<'f>>,
}

/// An amount of a position.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PositionAmount<'f> {
    /// `t`: the kind of amount, for example `position` or `settlement_payout`.
    pub label: Text<'f>,
    /// `v`: the amount; for `position` it may be negative.
    pub value: Number<'f>,
    /// `c`: the asset in which a payout is made.
    pub asset: Option<Text<'f>>,
    /// `o`: the outcome of a settled contract.
    pub outcome: Option<ContractOutcome<'f>>,
}

/// Settled contracts. The venue [has withdrawn](crate::protocol::quirks#settlements-withdrawn) their stream.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Settlements<'f> {
    /// `settlements`: the positions that were settled.
    pub settlements: List<'f, Row<'f, Settlement<'f>>>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) has_malformed: bool,
}

/// One settled contract.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Settlement<'f> {
    /// `symbol`: the instrument of the position.
    pub symbol: &'f str,
    /// `position`: the position that was settled.
    pub position: Number<'f>,
    /// `payout`: the payout for the position.
    pub payout: Option<Number<'f>>,
    /// `outcome`: the outcome of the contract.
    pub outcome: ContractOutcome<'f>,
}
