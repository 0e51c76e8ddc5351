//! Draws `watch` on a terminal: the book of one market, or a table of many with the selected one below.

mod fit;
mod table;
#[cfg(test)]
mod tests;

use gemini_ws::{Book, BookSide, Decimal, Instant, Level, OrderBook, StaleReason, Unserved};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Row, Table, TableState};

use super::format::{self, Spread};
use super::plain;
use super::session::{Link, Market, Session, TradeRow};

const BID: Style = Style::new().fg(Color::Green);
const ASK: Style = Style::new().fg(Color::Red);
// Dim, not grey, which may be the colour of the background.
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const TITLE: Style = Style::new().add_modifier(Modifier::BOLD);
const ALARM: Style = Style::new().fg(Color::Yellow);
// Readable on every terminal: the reverse of the viewer's own colours.
const BAR: Style = Style::new().add_modifier(Modifier::REVERSED);

/// The smallest terminal on which markets are drawn, in columns and rows.
const WIDTH_MIN: u16 = 28;
const HEIGHT_MIN: u16 = 7;

const NUMBER_WIDTH: usize = 15;

/// The width of the column with numbers and trades, beside the ladder.
const ASIDE_WIDTH: u16 = 36;

/// The width of the trades in the details on a narrow terminal, where trades have no age.
const ASIDE_NARROW_WIDTH: u16 = 27;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Key {
    Previous,
    Next,
    First,
    Last,
    PageUp,
    PageDown,
    /// Switches between the table and the selected book.
    Zoom,
    /// Returns from the book to the table.
    Back,
}

#[derive(Debug, Default)]
pub(crate) struct Screen {
    selected: usize,
    zoomed: bool,
    table: TableState,
    page: usize,
}

impl Screen {
    pub(crate) fn key(&mut self, key: Key, session: &Session) {
        let count = session.markets.len().max(1);
        match key {
            Key::Previous => self.selected = (self.selected + count - 1) % count,
            Key::Next => self.selected = (self.selected + 1) % count,
            Key::First => self.selected = 0,
            Key::Last => self.selected = count - 1,
            Key::PageUp => self.selected = self.selected.saturating_sub(self.page.max(1)),
            Key::PageDown => self.selected = (self.selected + self.page.max(1)).min(count - 1),
            Key::Zoom => self.zoomed = !self.zoomed,
            Key::Back => self.zoomed = false,
        }
    }

    pub(crate) fn draw(&mut self, frame: &mut Frame<'_>, now: Instant, session: &Session) {
        if frame.area().width < WIDTH_MIN || frame.area().height < HEIGHT_MIN {
            return draw_too_small(frame);
        }
        let trouble = u16::from(trouble(now, session).is_some());
        let rows =
            [Constraint::Length(1), Constraint::Length(trouble), Constraint::Fill(1), Constraint::Length(1)];
        let [top, alarm, body, bottom] = Layout::vertical(rows).areas(frame.area());
        show(frame, top, vec![header(now, session)]);
        if let Some(trouble) = self::trouble(now, session) {
            show(frame, alarm, vec![Line::styled(format!(" {trouble}"), ALARM)]);
        }
        let is_single = session.markets.len() == 1;
        if let Some(market) = session.markets.get(self.selected) {
            if is_single || self.zoomed {
                draw_market(frame, body, now, session, market);
            } else {
                self.draw_table(frame, body, now, session);
            }
        }
        show(frame, bottom, vec![Line::styled(self.keys(session), BAR)]);
    }

    /// Returns the help line: the keys that have an effect now.
    fn keys(&self, session: &Session) -> String {
        if matches!(session.link, Link::Closing) {
            return " closing …   Ctrl-C ends at once".to_owned();
        }
        let count = session.markets.len();
        match (count, self.zoomed) {
            (0 | 1, _) => " q quit".to_owned(),
            (_, true) => " q quit   ↑ ↓ Tab select   Enter Esc all markets".to_owned(),
            (_, false) if self.page < count => {
                let first = self.table.offset() + 1;
                let last = count.min(self.table.offset() + self.page);
                format!(" {first}–{last} of {count}   q quit   ↑ ↓ PgUp PgDn select   Enter book alone")
            }
            (_, false) => " q quit   ↑ ↓ Tab select   Enter book alone".to_owned(),
        }
    }

    fn draw_table(&mut self, frame: &mut Frame<'_>, area: Rect, now: Instant, session: &Session) {
        let rows = u16::try_from(session.markets.len()).unwrap_or(u16::MAX).saturating_add(1);
        // Leave a dozen rows for the details, or half of a low terminal. A table that does not fit scrolls.
        let table = rows.min((area.height / 2).max(area.height.saturating_sub(14)).max(2));
        let rows = [Constraint::Length(table), Constraint::Length(1), Constraint::Fill(1)];
        let [table, _, details] = Layout::vertical(rows).areas(area);
        self.page = usize::from(table.height).saturating_sub(1);
        let rows: Vec<_> = session.markets.iter().map(|market| table::row(now, session, market)).collect();
        let columns = table::columns(&rows, usize::from(area.width));
        let head =
            columns.iter().map(|(column, _)| table::cell(*column, table::HEAD[*column].to_owned(), DIM));
        let head = Row::new(head.collect::<Vec<_>>());
        let rows = rows.into_iter().map(|mut row| {
            let cells = columns.iter().map(|(column, _)| {
                let (text, style) = std::mem::take(&mut row[*column]);
                table::cell(*column, text, style)
            });
            Row::new(cells.collect::<Vec<_>>())
        });
        let widget = Table::new(rows, columns.iter().map(|(_, width)| *width))
            .header(head)
            .column_spacing(1)
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
        self.table.select(Some(self.selected));
        frame.render_stateful_widget(widget, table, &mut self.table);
        if let Some(market) = session.markets.get(self.selected) {
            draw_details(frame, details, now, session, market);
        }
    }
}

/// A line that is too long loses its last words.
fn show(frame: &mut Frame<'_>, area: Rect, lines: Vec<Line<'static>>) {
    for (row, line) in area.rows().zip(lines) {
        frame.render_widget(fit::fit(line, usize::from(area.width)), row);
    }
}

fn draw_too_small(frame: &mut Frame<'_>) {
    let size = format!("{WIDTH_MIN}×{HEIGHT_MIN} needed");
    let lines = ["too small".to_owned(), size, "q quit".to_owned()];
    show(frame, frame.area(), lines.map(|line| Line::styled(line, ALARM)).into());
}

fn best(book: &OrderBook) -> (Option<&Level>, Option<&Level>) {
    (book.bids().best(), book.asks().best())
}

fn header(now: Instant, session: &Session) -> Line<'static> {
    let state = match &session.link {
        Link::Live => "● live",
        Link::Waiting { retry, .. } if now < *retry => "○ not connected",
        Link::Connecting | Link::Waiting { .. } => "◌ connecting",
        Link::Subscribing => "◌ subscribing",
        Link::Closing => "◌ closing",
        Link::Closed(_) => "○ closed",
    };
    let rate = |rate: &super::rate::Rate| format::tenths(rate.tenths_per_second(now));
    let rates = format!("{} frames/s  {} events/s", rate(&session.frame_rate), rate(&session.event_rate));
    let running = format::running(now.since(session.started));
    Line::from(vec![
        Span::styled(format!(" {state} "), BAR.add_modifier(Modifier::BOLD)),
        Span::raw(format!(" {}   {running}   {rates}", session.venue)),
    ])
    .style(BAR)
}

/// Returns what is wrong with the link and when the next attempt begins, or that the recording has ended.
fn trouble(now: Instant, session: &Session) -> Option<String> {
    match &session.link {
        Link::Waiting { .. } => {
            let text = plain::link(now, session);
            // The header already contains this prefix.
            let text = text.as_str().strip_prefix("not connected: ").unwrap_or(text.as_str());
            let failed = session.connect_failures();
            Some(if failed > 0 { format!("{text} ({failed} failed)") } else { text.to_owned() })
        }
        Link::Closed(_) => Some(plain::link(now, session).to_string()),
        _ => session.replayed.map(plain::replay_ended),
    }
}

fn draw_market(frame: &mut Frame<'_>, area: Rect, now: Instant, session: &Session, market: &Market) {
    let columns = [Constraint::Fill(1), Constraint::Length(1), Constraint::Length(ASIDE_WIDTH)];
    let [ladder, _, aside] = if area.width >= 2 * ASIDE_WIDTH {
        Layout::horizontal(columns).areas(area)
    } else {
        [area, Rect::default(), Rect::default()]
    };
    show(frame, ladder, ladder_lines(ladder, session, market));
    if aside.width > 0 {
        let mut lines = numbers(now, session, market);
        lines.push(Line::default());
        let above = lines.len();
        lines.extend(trade_lines(aside, now, market, above));
        show(frame, aside, lines);
    }
}

/// Returns the ladder: asks above, bids below, and the spread between the best levels.
fn ladder_lines(area: Rect, session: &Session, market: &Market) -> Vec<Line<'static>> {
    let Some(book) = session.book(market.symbol) else { return vec![missing(market)] };
    let last = book.last();
    let is_live = book.live().is_some();
    let levels = usize::from(area.height).saturating_sub(2) / 2;
    let asks: Vec<_> = last.asks().iter().take(levels).copied().collect();
    let bids: Vec<_> = last.bids().iter().take(levels).copied().collect();
    let most = most(&[&bids, &asks]);
    let room = usize::from(area.width).saturating_sub(2 * NUMBER_WIDTH + 4);
    let style = |style| if is_live { style } else { DIM };
    // A quantity without its last digits would be another quantity.
    let has_quantity = usize::from(area.width) >= 2 * NUMBER_WIDTH + 2;
    let quantity = |text: &str| if has_quantity { format!(" {text:>NUMBER_WIDTH$}") } else { String::new() };
    let row = |level: &Level, colour| {
        Line::from(vec![
            Span::styled(format!(" {:>NUMBER_WIDTH$}", level.price.to_string()), style(colour)),
            Span::styled(quantity(&level.quantity.to_string()), style(Style::new())),
            Span::styled(format!(" {}", format::bar(level.quantity, most, room)), style(colour)),
        ])
    };
    let mut lines = vec![Line::styled(format!(" {:>NUMBER_WIDTH$}{}", "price", quantity("quantity")), DIM)];
    // Empty lines above a few asks keep the spread in its place.
    lines.extend((asks.len()..levels).map(|_| Line::default()));
    lines.extend(asks.iter().rev().map(|level| row(level, ASK)));
    lines.push(middle(book, usize::from(area.width)));
    lines.extend(bids.iter().map(|level| row(level, BID)));
    lines
}

/// Returns the line between asks and bids: the spread, or the reason why the book is stale.
fn middle(book: Book<'_>, room: usize) -> Line<'static> {
    if let Some(reason) = stale(book) {
        return Line::styled(format!("   stale: {reason}"), ALARM);
    }
    let (bid, ask) = best(book.last());
    let Some(spread) = Spread::between(bid, ask) else {
        return Line::styled("   one side is empty", DIM);
    };
    let style = if book.last().is_crossed() { ALARM } else { TITLE };
    let mid = spread.mid.to_string();
    let parts = [
        format!(" {mid:>NUMBER_WIDTH$}"),
        format!("   spread {}", spread.width),
        format!("  {}", spread.relative()),
    ];
    Line::styled(fitting(&parts, room), style)
}

/// Joins as many of the parts as fit. A number that is cut would be another number, so no part is cut.
fn fitting(parts: &[String], room: usize) -> String {
    let mut text = String::new();
    for part in parts {
        if text.chars().count() + part.chars().count() > room {
            break;
        }
        text += part;
    }
    text
}

fn stale(book: Book<'_>) -> Option<&'static str> {
    book.stale_reason().map(|reason| match reason {
        StaleReason::Gap => "an update was lost; resyncing",
        StaleReason::Disconnected => "the link was lost",
        StaleReason::Crossed => "it is crossed",
        StaleReason::Overflow => "events were dropped",
        StaleReason::Silent => "nothing came for too long; resyncing",
        StaleReason::Malformed => "a frame could not be decoded",
        _ => "it may be wrong",
    })
}

const fn late(why: Unserved) -> &'static str {
    match why {
        Unserved::Refused { .. } => "refused for now",
        Unserved::Unanswered => "no answer came",
        Unserved::NoSnapshot => "no snapshot came",
        Unserved::Undecodable => "cannot be decoded",
        Unserved::Relapsed => "lost again",
        _ => "not served for now",
    }
}

fn missing(market: &Market) -> Line<'static> {
    match (&market.refused, market.unserved) {
        (Some(why), _) => Line::styled(format!(" {} refused: {why}", market.symbol), ALARM),
        (None, Some(why)) => Line::styled(format!(" {}: {}", market.symbol, late(why)), ALARM),
        (None, None) => Line::styled(format!(" {}: waiting for the snapshot …", market.symbol), DIM),
    }
}

fn most(sides: &[&[Level]]) -> Decimal {
    sides.iter().copied().flatten().map(|level| level.quantity).max().unwrap_or(Decimal::ZERO)
}

fn numbers(now: Instant, session: &Session, market: &Market) -> Vec<Line<'static>> {
    let pair = |name: &str, value: String, style: Style| {
        Line::from(vec![Span::styled(format!("{name:<9}"), DIM), Span::styled(value, style)])
    };
    let mut lines = vec![Line::styled(market.symbol.to_string(), TITLE)];
    if let Some(book) = session.book(market.symbol).map(Book::last) {
        let (bid, ask) = best(book);
        let quote = |level: Option<&Level>| {
            level.map_or_else(|| "none".to_owned(), |level| format!("{} × {}", level.price, level.quantity))
        };
        lines.push(pair("ask", quote(ask), ASK));
        lines.push(pair("bid", quote(bid), BID));
        if let Some(spread) = Spread::between(bid, ask) {
            lines.push(pair("spread", spread.width.to_string(), Style::new()));
            lines.push(pair("mid", spread.mid.to_string(), Style::new()));
        }
        let levels = format!("{} bids, {} asks", book.bids().len(), book.asks().len());
        lines.push(pair("levels", levels, Style::new()));
        if let Some(id) = book.last_update_id() {
            lines.push(pair("update", id.to_string(), Style::new()));
        }
    }
    let updates = format!("{}/s", format::tenths(market.updates.tenths_per_second(now)));
    lines.push(pair("rate", updates, Style::new()));
    let state = plain::book_state(session, market);
    lines.push(pair("book", state.to_owned(), if state == "live" { BID } else { ALARM }));
    let gap = session.last_gap.map_or_else(
        || "none".to_owned(),
        |gap| format!("{} {} ago", gap.symbol, format::running(now.since(gap.at))),
    );
    lines.push(pair("last gap", gap, if session.last_gap.is_some() { ALARM } else { Style::new() }));
    let summary = session.summary();
    let counts = format!("{} gaps, {} resyncs", summary.gaps, summary.resyncs);
    lines.push(pair("", counts, DIM));
    lines
}

/// Returns a title and the newest trades, newest first. `above` is the number of lines of `area` above the title.
fn trade_lines(area: Rect, now: Instant, market: &Market, above: usize) -> Vec<Line<'static>> {
    let room = usize::from(area.height).saturating_sub(above);
    let title = format!("trades ({})", market.trade_count);
    let mut lines = vec![Line::styled(title, DIM)];
    let shown = || market.trades.iter().rev().take(room);
    let width = |number: fn(&TradeRow) -> Decimal| {
        shown().map(|trade| number(trade).to_string().len()).max().unwrap_or(0)
    };
    let (price_width, quantity_width) = (width(|trade| trade.price), width(|trade| trade.quantity));
    let has_age = 2 + price_width + 1 + quantity_width + 6 <= usize::from(area.width);
    lines.extend(shown().map(|trade| {
        let TradeRow { price, quantity, sold, received } = *trade;
        let (mark, style) = if sold { ("▼", ASK) } else { ("▲", BID) };
        let age = format::running(now.since(received));
        Line::from(vec![
            Span::styled(format!("{mark} {:>price_width$} ", price.to_string()), style),
            Span::raw(format!("{:>quantity_width$}", quantity.to_string())),
            Span::styled(if has_age { format!(" {age:>5}") } else { String::new() }, DIM),
        ])
    }));
    lines.truncate(room);
    lines
}

fn draw_details(frame: &mut Frame<'_>, area: Rect, now: Instant, session: &Session, market: &Market) {
    let Some(book) = session.book(market.symbol) else {
        return show(frame, area, vec![missing(market)]);
    };
    let aside = if area.width >= 3 * ASIDE_WIDTH { ASIDE_WIDTH } else { ASIDE_NARROW_WIDTH };
    let columns = [Constraint::Fill(1), Constraint::Length(1), Constraint::Length(aside)];
    let [book_area, _, aside] = if area.width >= 2 * ASIDE_WIDTH {
        Layout::horizontal(columns).areas(area)
    } else {
        [area, Rect::default(), Rect::default()]
    };
    show(frame, book_area, two_sides(book_area, book, market));
    if aside.width > 0 {
        show(frame, aside, trade_lines(aside, now, market, 0));
    }
}

/// Returns the title of the details: the name of the market, and its spread or what is wrong with its book.
fn details_title(book: Book<'_>, market: &Market, room: usize) -> Line<'static> {
    let name = Span::styled(format!(" {}  ", market.symbol), TITLE);
    let room = room.saturating_sub(name.width());
    let (bid, ask) = best(book.last());
    let rest = match (stale(book), Spread::between(bid, ask)) {
        (Some(reason), _) => Span::styled(format!("stale: {reason}"), ALARM),
        (None, None) => Span::styled("one side is empty", DIM),
        (None, Some(spread)) => {
            let parts = [format!("spread {}", spread.width), format!("  {}", spread.relative())];
            Span::raw(fitting(&parts, room))
        }
    };
    Line::from(vec![name, rest])
}

/// Returns bids to the left and asks to the right, in columns as wide as their contents.
fn two_sides(area: Rect, book: Book<'_>, market: &Market) -> Vec<Line<'static>> {
    let last = book.last();
    let style = |style| if book.live().is_some() { style } else { DIM };
    let room = usize::from(area.height).saturating_sub(2);
    let texts = |side: &BookSide, titles: [&str; 2]| {
        let level = |level: &Level| [level.price.to_string(), level.quantity.to_string()];
        let titles = titles.map(str::to_owned);
        std::iter::once(titles).chain(side.iter().take(room).map(level)).collect::<Vec<_>>()
    };
    let (bids, asks) = (texts(last.bids(), ["bid", "quantity"]), texts(last.asks(), ["ask", "quantity"]));
    let width =
        |rows: &[[String; 2]], column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (bid_quantity, bid) = (width(&bids, 1), width(&bids, 0));
    let (ask_quantity, ask) = (width(&asks, 1), width(&asks, 0));
    // A quantity without its last digits would be another quantity.
    let has_quantities = bid_quantity + bid + ask + ask_quantity + 4 <= usize::from(area.width);
    let quantity = |text: String| if has_quantities { text } else { " ".to_owned() };
    let nothing = [const { String::new() }; 2];
    let mut lines = vec![details_title(book, market, usize::from(area.width))];
    for row in 0..bids.len().max(asks.len()) {
        let (left, right) = (bids.get(row).unwrap_or(&nothing), asks.get(row).unwrap_or(&nothing));
        let style = |it: Style| if row == 0 { DIM } else { style(it) };
        lines.push(Line::from(vec![
            Span::styled(quantity(format!(" {:>bid_quantity$} ", left[1])), style(Style::new())),
            Span::styled(format!("{:>bid$}", left[0]), style(BID)),
            Span::styled(format!(" {:>ask$} ", right[0]), style(ASK)),
            Span::styled(quantity(format!("{:>ask_quantity$}", right[1])), style(Style::new())),
        ]));
    }
    lines
}
