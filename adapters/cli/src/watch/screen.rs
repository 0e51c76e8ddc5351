//! `watch` on a terminal: the book of one market, or a table of many with the selected one below.

use gemini_ws::{Book, BookSide, Decimal, Instant, Level, OrderBook, StaleReason};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table, TableState};

use super::format::{self, Spread};
use super::plain;
use super::session::{Link, Market, Session, TradeRow};

const BID: Style = Style::new().fg(Color::Green);
const ASK: Style = Style::new().fg(Color::Red);
// A colour of its own may be that of the background.
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const TITLE: Style = Style::new().add_modifier(Modifier::BOLD);
const ALARM: Style = Style::new().fg(Color::Yellow);
// What the viewer's own colours are, the other way round, can be read on every terminal.
const BAR: Style = Style::new().add_modifier(Modifier::REVERSED);

/// The room for a price or a quantity.
const NUMBER_WIDTH: usize = 15;

/// The room for what stands beside a ladder.
const ASIDE_WIDTH: u16 = 36;

/// The same on a narrow terminal: trades without their age.
const ASIDE_NARROW_WIDTH: u16 = 27;

/// The room for all columns of the table but the first.
const NUMBERS_WIDTH: usize = 68;

/// What a key can ask for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Key {
    Previous,
    Next,
    First,
    Last,
    PageUp,
    PageDown,
    /// From the table to the book alone, and back.
    Zoom,
    /// From the book alone to the table.
    Back,
}

/// What the viewer has chosen to look at.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    selected: usize,
    zoomed: bool,
    table: TableState,
    /// Markets that the table had room for.
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
        let trouble = u16::from(trouble(now, session).is_some());
        let rows =
            [Constraint::Length(1), Constraint::Length(trouble), Constraint::Fill(1), Constraint::Length(1)];
        let [top, alarm, body, bottom] = Layout::vertical(rows).areas(frame.area());
        frame.render_widget(header(now, session), top);
        if let Some(trouble) = self::trouble(now, session) {
            frame.render_widget(Line::styled(format!(" {trouble}"), ALARM), alarm);
        }
        let is_single = session.markets.len() == 1;
        if let Some(market) = session.markets.get(self.selected) {
            if is_single || self.zoomed {
                draw_market(frame, body, now, session, market);
            } else {
                self.draw_table(frame, body, now, session);
            }
        }
        frame.render_widget(Line::styled(self.keys(session), BAR).style(BAR), bottom);
    }

    /// What can be done now.
    fn keys(&self, session: &Session) -> String {
        if matches!(session.link, Link::Closing) {
            return " closing …   Ctrl-C end at once".to_owned();
        }
        let count = session.markets.len();
        match (count, self.zoomed) {
            (0 | 1, _) => " q quit".to_owned(),
            (_, true) => " ↑ ↓ Tab select   Enter Esc all markets   q quit".to_owned(),
            (_, false) if self.page < count => {
                let first = self.table.offset() + 1;
                let last = count.min(self.table.offset() + self.page);
                format!(" {first}–{last} of {count}   ↑ ↓ PgUp PgDn select   Enter book alone   q quit")
            }
            (_, false) => " ↑ ↓ Tab select   Enter book alone   q quit".to_owned(),
        }
    }

    fn draw_table(&mut self, frame: &mut Frame<'_>, area: Rect, now: Instant, session: &Session) {
        let rows = u16::try_from(session.markets.len()).unwrap_or(u16::MAX).saturating_add(1);
        // Details need a dozen rows to be of use; the table scrolls.
        let table = rows.min((area.height / 2).max(area.height.saturating_sub(14)));
        let rows = [Constraint::Length(table), Constraint::Length(1), Constraint::Fill(1)];
        let [table, _, details] = Layout::vertical(rows).areas(area);
        self.page = usize::from(table.height).saturating_sub(1);
        let head = ["symbol", "bid", "ask", "spread", "last trade", "upd/s", "book"];
        // Long names get what the numbers leave.
        let longest = session.markets.iter().map(|market| market.symbol.as_str().len()).max().unwrap_or(0);
        let room = usize::from(area.width).saturating_sub(NUMBERS_WIDTH).max(12);
        let names = u16::try_from((longest + 1).clamp(8, room)).unwrap_or(12);
        let widths = [
            Constraint::Length(names),
            Constraint::Length(13),
            Constraint::Length(13),
            Constraint::Length(10),
            Constraint::Length(13),
            Constraint::Length(6),
            Constraint::Fill(1),
        ];
        let head = head.iter().enumerate().map(|(column, text)| cell(column, (*text).to_owned(), DIM));
        let rows = session.markets.iter().map(|market| table_row(now, session, market));
        let widget = Table::new(rows, widths)
            .header(Row::new(head))
            .column_spacing(1)
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
        self.table.select(Some(self.selected));
        frame.render_stateful_widget(widget, table, &mut self.table);
        if let Some(market) = session.markets.get(self.selected) {
            draw_details(frame, details, now, session, market);
        }
    }
}

/// A cell of the table: names to the left, numbers to the right.
fn cell(column: usize, text: String, style: Style) -> Cell<'static> {
    let line = Line::styled(if column == 0 { format!(" {text}") } else { text }, style);
    Cell::new(if (1..=5).contains(&column) { line.right_aligned() } else { line })
}

fn table_row(now: Instant, session: &Session, market: &Market) -> Row<'static> {
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
    Row::new([
        cell(0, market.symbol.to_string(), style(Style::new())),
        cell(1, price(bid), style(BID)),
        cell(2, price(ask), style(ASK)),
        cell(3, spread, style(Style::new())),
        cell(4, last.map_or_else(String::new, |trade| trade.price.to_string()), style(last_style)),
        cell(5, updates, DIM),
        cell(6, state.to_owned(), state_style),
    ])
}

fn best(book: &OrderBook) -> (Option<&Level>, Option<&Level>) {
    (book.bids().best(), book.asks().best())
}

/// Venue, link, running time, rates.
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

/// What is wrong with the link, and when it is tried again; or that nothing more is going to be played.
fn trouble(now: Instant, session: &Session) -> Option<String> {
    match &session.link {
        Link::Waiting { .. } => {
            let text = plain::link(now, session);
            // The line above says it already.
            let text = text.as_str().strip_prefix("not connected: ").unwrap_or(text.as_str());
            let failed = session.connect_failures();
            Some(if failed > 0 { format!("{text} ({failed} failed)") } else { text.to_owned() })
        }
        Link::Closed(_) => Some(plain::link(now, session).to_string()),
        _ => session.replayed.map(plain::replay_ended),
    }
}

/// One market alone: the ladder, and beside it the numbers and the trades.
fn draw_market(frame: &mut Frame<'_>, area: Rect, now: Instant, session: &Session, market: &Market) {
    let columns = [Constraint::Fill(1), Constraint::Length(1), Constraint::Length(ASIDE_WIDTH)];
    let [ladder, _, aside] = if area.width >= 2 * ASIDE_WIDTH {
        Layout::horizontal(columns).areas(area)
    } else {
        [area, Rect::default(), Rect::default()]
    };
    frame.render_widget(Paragraph::new(ladder_lines(ladder, session, market)), ladder);
    if aside.width > 0 {
        let mut lines = numbers(now, session, market);
        lines.push(Line::default());
        let above = lines.len();
        lines.extend(trade_lines(aside, now, market, above));
        frame.render_widget(Paragraph::new(lines), aside);
    }
}

/// Asks above, bids below, the spread between; the best levels meet in the middle.
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
    let row = |level: &Level, colour| {
        Line::from(vec![
            Span::styled(format!(" {:>NUMBER_WIDTH$}", level.price.to_string()), style(colour)),
            Span::styled(format!(" {:>NUMBER_WIDTH$}", level.quantity.to_string()), style(Style::new())),
            Span::styled(format!(" {}", format::bar(level.quantity, most, room)), style(colour)),
        ])
    };
    let mut lines =
        vec![Line::styled(format!(" {:>NUMBER_WIDTH$} {:>NUMBER_WIDTH$}", "price", "quantity"), DIM)];
    // Few asks leave room above, so that the spread stays where it is.
    lines.extend((asks.len()..levels).map(|_| Line::default()));
    lines.extend(asks.iter().rev().map(|level| row(level, ASK)));
    lines.push(middle(book));
    lines.extend(bids.iter().map(|level| row(level, BID)));
    lines
}

/// What stands between asks and bids: the spread, or why it is not to be trusted.
fn middle(book: Book<'_>) -> Line<'static> {
    if let Some(reason) = stale(book) {
        return Line::styled(format!("   stale: {reason}"), ALARM);
    }
    let (bid, ask) = best(book.last());
    let Some(spread) = Spread::between(bid, ask) else {
        return Line::styled("   one side is empty", DIM);
    };
    let style = if book.last().is_crossed() { ALARM } else { TITLE };
    let mid = spread.mid.to_string();
    Line::styled(format!(" {mid:>NUMBER_WIDTH$}   spread {}  {}", spread.width, spread.relative()), style)
}

const fn stale(book: Book<'_>) -> Option<&'static str> {
    match book {
        Book::Live(_) => None,
        Book::Stale { reason: StaleReason::Gap, .. } => Some("an update was lost; asking anew"),
        Book::Stale { reason: StaleReason::Disconnected, .. } => Some("the link was lost"),
        Book::Stale { reason: StaleReason::Crossed, .. } => Some("it is crossed"),
        Book::Stale { reason: StaleReason::Overflow, .. } => Some("events were dropped"),
        Book::Stale { reason: StaleReason::Silent, .. } => Some("nothing came for too long; asking anew"),
        Book::Stale { reason: StaleReason::Malformed, .. } => Some("a frame could not be decoded"),
        Book::Stale { .. } => Some("it may be wrong"),
    }
}

/// Instead of a book.
fn missing(market: &Market) -> Line<'static> {
    match &market.refused {
        Some(why) => Line::styled(format!(" {} refused: {why}", market.symbol), ALARM),
        None => Line::styled(format!(" {}: waiting for the snapshot …", market.symbol), DIM),
    }
}

fn most(sides: &[&[Level]]) -> Decimal {
    sides.iter().copied().flatten().map(|level| level.quantity).max().unwrap_or(Decimal::ZERO)
}

/// The numbers beside a ladder.
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

/// The newest trades, newest first, under a title, below so many lines of the area.
fn trade_lines(area: Rect, now: Instant, market: &Market, above: usize) -> Vec<Line<'static>> {
    let room = usize::from(area.height).saturating_sub(above);
    let title = format!("trades ({})", market.trade_count);
    let mut lines = vec![Line::styled(title, DIM)];
    // Columns as wide as what is in them.
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

/// Below the table: the best levels of the selected market side by side, and its trades.
fn draw_details(frame: &mut Frame<'_>, area: Rect, now: Instant, session: &Session, market: &Market) {
    let Some(book) = session.book(market.symbol) else {
        return frame.render_widget(missing(market), area);
    };
    let aside = if area.width >= 3 * ASIDE_WIDTH { ASIDE_WIDTH } else { ASIDE_NARROW_WIDTH };
    let columns = [Constraint::Fill(1), Constraint::Length(1), Constraint::Length(aside)];
    let [book_area, _, aside] = if area.width >= 2 * ASIDE_WIDTH {
        Layout::horizontal(columns).areas(area)
    } else {
        [area, Rect::default(), Rect::default()]
    };
    frame.render_widget(Paragraph::new(two_sides(book_area, book, market)), book_area);
    if aside.width > 0 {
        frame.render_widget(Paragraph::new(trade_lines(aside, now, market, 0)), aside);
    }
}

/// The name of the market, and its spread or what is wrong with its book.
fn details_title(book: Book<'_>, market: &Market) -> Line<'static> {
    let name = Span::styled(format!(" {}  ", market.symbol), TITLE);
    let (bid, ask) = best(book.last());
    let rest = match (stale(book), Spread::between(bid, ask)) {
        (Some(reason), _) => Span::styled(format!("stale: {reason}"), ALARM),
        (None, None) => Span::styled("one side is empty", DIM),
        (None, Some(spread)) => Span::raw(format!("spread {}  {}", spread.width, spread.relative())),
    };
    Line::from(vec![name, rest])
}

/// Bids to the left, asks to the right, in columns as wide as what is in them.
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
    let nothing = [const { String::new() }; 2];
    let mut lines = vec![details_title(book, market)];
    for row in 0..bids.len().max(asks.len()) {
        let (left, right) = (bids.get(row).unwrap_or(&nothing), asks.get(row).unwrap_or(&nothing));
        let style = |it: Style| if row == 0 { DIM } else { style(it) };
        lines.push(Line::from(vec![
            Span::styled(format!(" {:>bid_quantity$} ", left[1]), style(Style::new())),
            Span::styled(format!("{:>bid$}", left[0]), style(BID)),
            Span::styled(format!(" {:>ask$} ", right[0]), style(ASK)),
            Span::styled(format!("{:>ask_quantity$}", right[1]), style(Style::new())),
        ]));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fed;
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn draw(fed: &Fed, screen: &mut Screen, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen.draw(frame, fed.now, &fed.session)).unwrap();
        terminal.backend().to_string()
    }

    /// Sessions in every state that looks different.
    fn sessions() -> Vec<(&'static str, Fed)> {
        let waiting = {
            let mut fed = Fed::new(&["btcusd"]);
            let link = fed.link();
            fed.client.handle_connect_failed(link, fed.now, gemini_ws::ConnectFailure::Refused);
            fed.pump();
            fed
        };
        let live = |symbols: &[&str]| {
            let mut fed = Fed::new(symbols);
            fed.connect();
            for symbol in symbols {
                fed.fill(symbol, 30);
            }
            fed
        };
        let mut gap = live(&["btcusd"]);
        gap.frame(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":9,"u":10,"b":[],"a":[]}"#);
        let mut lost = live(&["btcusd"]);
        lost.client.handle_lost(lost.link(), lost.now, gemini_ws::Lost::Reset);
        lost.pump();
        let many: Vec<_> = (0..40).map(|number| format!("coin{number}usd")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let mut crossed = live(&["btcusd"]);
        crossed.frame(r#"{"e":"depthUpdate","E":1,"s":"btcusd","U":5,"u":7,"b":[["83500","1"]],"a":[]}"#);
        vec![
            ("waiting", waiting),
            ("one", live(&["btcusd"])),
            ("gap", gap),
            ("lost", lost),
            ("crossed", crossed),
            ("three", live(&["btcusd", "ethusd", "GEMI-PRES2028-VANCE"])),
            ("many", live(&many)),
        ]
    }

    #[test]
    fn no_size_is_too_small() {
        for (name, fed) in sessions() {
            for (width, height) in [(1, 1), (2, 2), (5, 3), (20, 4), (40, 10), (66, 12), (80, 24), (200, 60)]
            {
                let mut screen = Screen::default();
                for key in [Key::Last, Key::Zoom, Key::Next, Key::Zoom, Key::Previous] {
                    draw(&fed, &mut screen, width, height);
                    screen.key(key, &fed.session);
                }
                assert!(!draw(&fed, &mut screen, width, height).is_empty(), "{name} {width}x{height}");
            }
        }
    }

    #[test]
    fn what_is_shown() {
        let table: [(&str, &[&str]); 7] = [
            (
                "waiting",
                &["○ not connected", "nobody listens there; next attempt in 0.", "waiting for the snapshot"],
            ),
            (
                "one",
                &[
                    "● live",
                    "83401.50",
                    "83398.50",
                    "spread 2.00",
                    "▼ 83400.25 0.125",
                    "30 bids, 30 asks",
                    "q quit",
                ],
            ),
            ("gap", &["stale: an update was lost", "last gap btcusd 0:00 ago"]),
            ("lost", &["the transport was reset", "stale: the link was lost"]),
            ("crossed", &["crossed"]),
            ("three", &["GEMI-PRES20", "ethusd", "upd/s", "quantity", "Enter book alone"]),
            ("many", &["coin0usd", "coin7usd", "1–10 of 40"]),
        ];
        for ((name, fed), (expected, parts)) in sessions().iter().zip(table) {
            assert_eq!(*name, expected);
            let shown = draw(fed, &mut Screen::default(), 80, 24);
            for part in parts {
                assert!(shown.contains(part), "{name}: {part} in\n{shown}");
            }
        }
    }

    #[test]
    fn ten_levels_a_side_fit_the_smallest_usual_terminal() {
        let mut fed = Fed::new(&["btcusd"]);
        fed.connect();
        fed.fill("btcusd", 30);
        let shown = draw(&fed, &mut Screen::default(), 80, 24);
        assert!(shown.contains("83410.50") && shown.contains("83390.50"), "{shown}");
    }

    #[test]
    fn what_keys_do() {
        let (_, fed) = sessions().pop().unwrap();
        // keys, the market that is selected at the end, and whether its book is alone
        let table: [(&[Key], &str, bool); 6] = [
            (&[Key::Back], "coin0usd", false),
            (&[Key::Zoom, Key::Back], "coin0usd", false),
            (&[Key::Zoom, Key::Next], "coin1usd", true),
            (&[Key::PageDown, Key::PageDown, Key::Previous], "coin19usd", false),
            (&[Key::PageUp], "coin0usd", false),
            (&[Key::Last, Key::PageDown], "coin39usd", false),
        ];
        for (keys, selected, is_alone) in table {
            let mut screen = Screen::default();
            draw(&fed, &mut screen, 80, 24);
            keys.iter().for_each(|key| screen.key(*key, &fed.session));
            let shown = draw(&fed, &mut screen, 80, 24);
            assert!(shown.contains(selected) && screen.zoomed == is_alone, "{keys:?}: {shown}");
        }
    }

    #[test]
    fn text_of_the_venue_is_shown_and_does_nothing() {
        let mut fed = Fed::new(&["btcusd"]);
        fed.refusal = Some(r"no\u001b[2J\u202e\nsymbol");
        fed.connect();
        let shown = draw(&fed, &mut Screen::default(), 120, 24);
        assert!(shown.contains(r"no\u{1b}[2J\u{202e}\u{a}symbol (-1013)"), "{shown}");
    }

    #[test]
    fn the_selection_stays_in_sight() {
        let (_, fed) = sessions().pop().unwrap();
        let mut screen = Screen::default();
        screen.key(Key::Previous, &fed.session);
        assert!(draw(&fed, &mut screen, 80, 24).contains("coin39usd"), "wraps to the last");
        screen.key(Key::Next, &fed.session);
        assert!(draw(&fed, &mut screen, 80, 24).contains("coin0usd"), "and back to the first");
    }
}
