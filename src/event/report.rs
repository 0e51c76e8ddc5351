//! [`Report`]: a message with a list of rows, some of which may be undecodable.

use crate::json::error::DecodeError;
use crate::message::{
    AssetBalance, BalanceUpdate, Candle, Candles, Element, Elements, Message, Position, PositionReport,
    RawJson, Row, Settlement, Settlements,
};
use crate::request::stream::Topic;

/// A message that becomes one event, which contains all rows of the message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Report<'f> {
    Balances(BalanceUpdate<'f>),
    Positions(PositionReport<'f>),
    Settlements(Settlements<'f>),
    Candles(Candles<'f>),
}

impl<'f> Report<'f> {
    pub(super) const fn message(self) -> Message<'f> {
        match self {
            Report::Balances(it) => Message::BalanceUpdate(it),
            Report::Positions(it) => Message::PositionReport(it),
            Report::Settlements(it) => Message::Settlements(it),
            Report::Candles(it) => Message::Candles(it),
        }
    }

    pub(super) const fn has_malformed(&self) -> bool {
        match self {
            Report::Balances(it) => it.has_malformed,
            Report::Positions(it) => it.has_malformed,
            Report::Settlements(it) => it.has_malformed,
            Report::Candles(it) => it.has_malformed,
        }
    }

    pub(crate) const fn about(&self) -> (Topic, Option<&'f str>) {
        match self {
            Report::Balances(_) => (Topic::Balances, None),
            Report::Positions(_) => (Topic::Positions, None),
            Report::Settlements(_) => (Topic::Settlements, None),
            Report::Candles(it) => (Topic::Candles(it.interval), Some(it.symbol)),
        }
    }
}

/// An iterator over the undecodable rows of a report.
#[derive(Clone, Debug)]
pub(super) enum Unread<'f> {
    Balances(Elements<'f, Row<'f, AssetBalance<'f>>>),
    Positions(Elements<'f, Row<'f, Position<'f>>>),
    Settlements(Elements<'f, Row<'f, Settlement<'f>>>),
    Candles(Elements<'f, Row<'f, Candle<'f>>>),
}

impl<'f> Unread<'f> {
    pub(super) fn of(report: &Report<'f>) -> Unread<'f> {
        match report {
            Report::Balances(it) => Unread::Balances(it.balances.iter()),
            Report::Positions(it) => Unread::Positions(it.positions.iter()),
            Report::Settlements(it) => Unread::Settlements(it.settlements.iter()),
            Report::Candles(it) => Unread::Candles(it.candles.iter()),
        }
    }
}

impl<'f> Iterator for Unread<'f> {
    type Item = (RawJson<'f>, DecodeError);

    fn next(&mut self) -> Option<(RawJson<'f>, DecodeError)> {
        match self {
            Unread::Balances(rows) => next(rows),
            Unread::Positions(rows) => next(rows),
            Unread::Settlements(rows) => next(rows),
            Unread::Candles(rows) => next(rows),
        }
    }
}

fn next<'f, T>(rows: &mut Elements<'f, Row<'f, T>>) -> Option<(RawJson<'f>, DecodeError)>
where
    Row<'f, T>: Element<'f>,
{
    rows.find_map(|row| match row {
        Row::Malformed { element, error } => Some((element, error)),
        Row::Read(_) => None,
    })
}
