//! The table of all markets: its columns and rows.

use gemini_ws::{Instant, Level};
use ratatui::layout::Constraint;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Cell;

use super::{ALARM, ASK, BID, DIM, best};
use crate::watch::format::{self, Spread};
use crate::watch::plain;
use crate::watch::session::{Market, Session};

/// The usual width of all columns except the first, with the gaps between them.
const NUMBERS_WIDTH: usize = 68;

pub(super) const HEAD: [&str; 7] = ["symbol", "bid", "ask", "spread", "last trade", "upd/s", "book"];

/// The minimum widths of the columns. For the last column, the number is the maximum width.
const WIDTHS: [usize; 7] = [8, 13, 13, 10, 13, 6, 8];

/// The columns by importance. On a narrow terminal, the last ones of this list disappear first.
const STAY: [usize; 7] = [0, 1, 2, 6, 3, 4, 5];

pub(super) type TableRow = [(String, Style); 7];

/// Returns the columns that fit, and their widths. Names of markets and states of books may be cut, but numbers
/// never, because a cut number would be another number.
pub(super) fn columns(rows: &[TableRow], room: usize) -> Vec<(usize, Constraint)> {
    let longest = |column: usize| rows.iter().map(|row| row[column].0.chars().count()).max().unwrap_or(0);
    let width = |column: usize| match column {
        // Long names of markets get the width that the other columns do not need.
        0 => (longest(0) + 1).clamp(WIDTHS[0], room.saturating_sub(NUMBERS_WIDTH).max(12)),
        // The states of books are words, which may be cut.
        6 => longest(column).min(WIDTHS[column]),
        _ => longest(column).max(WIDTHS[column]),
    };
    let mut used = 0;
    let fits = |column: &&usize| {
        let needed = width(**column) + usize::from(used > 0);
        let fits = used + needed <= room || **column == 0;
        used += needed;
        fits
    };
    let mut columns: Vec<_> = STAY.iter().take_while(fits).copied().collect();
    columns.sort_unstable();
    let constraint = |column: usize| match column {
        6 => Constraint::Fill(1),
        _ => Constraint::Length(u16::try_from(width(column)).unwrap_or(u16::MAX)),
    };
    columns.into_iter().map(|column| (column, constraint(column))).collect()
}

pub(super) fn cell(column: usize, text: String, style: Style) -> Cell<'static> {
    let line = Line::styled(if column == 0 { format!(" {text}") } else { text }, style);
    Cell::new(if (1..=5).contains(&column) { line.right_aligned() } else { line })
}

pub(super) fn row(now: Instant, session: &Session, market: &Market) -> TableRow {
    let state = plain::book_state(session, market);
    let book = session.book(market.symbol);
    let is_live = book.is_some_and(|book| book.live().is_some());
    let style = |style| if is_live { style } else { DIM };
    let (bid, ask) = book.map_or((None, None), |book| best(book.last()));
    let price = |level: Option<&Level>| level.map_or_else(|| "–".to_owned(), |level| level.price.to_string());
    let spread = Spread::between(bid, ask).map_or_else(String::new, |spread| spread.width.to_string());
    let last = market.trades.back();
    let last_style = last.map_or(DIM, |trade| if trade.sold { ASK } else { BID });
    let updates = format::tenths(market.updates.tenths_per_second(now));
    let state_style = match state {
        "live" => DIM,
        _ => ALARM,
    };
    [
        (market.symbol.to_string(), style(Style::new())),
        (price(bid), style(BID)),
        (price(ask), style(ASK)),
        (spread, style(Style::new())),
        (last.map_or_else(String::new, |trade| trade.price.to_string()), style(last_style)),
        (updates, DIM),
        (state.to_owned(), state_style),
    ]
}
