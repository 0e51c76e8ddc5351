//! Checks frames: exactly one counter counts each frame, the events of a frame have its content, and its data belongs
//! to a subscription. Checks books: each consists of one snapshot and the updates that follow it.

use gemini_ws::{
    Depth, Endpoint, Event, Frame, GapRule, Ignored, IgnoredReason, LinkId, Message, Scratch, Source, Stats,
    Stream, StreamId, Trade,
};

use gemini_ws::lifecycle::StreamState;

use super::super::machine::Machine;
use super::call::Act;
use super::shadow::{Shadow, Step};
use super::subscriptions::Feed;

const STALE_RUN_MAX: u32 = 128;

/// The kind of data in a frame. With the symbol, it determines the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Topic {
    Balances,
    BookTicker,
    Candles(&'static str),
    ContractStatus,
    Depth,
    FundingAmount,
    MarkPrice,
    Orders,
    PartialDepth,
    Positions,
    Quotes,
    RequestForQuote,
    Settlements,
    Trade,
    None,
}

fn topic_of(stream: &Stream) -> Topic {
    match stream {
        Stream::Balances { .. } => Topic::Balances,
        Stream::BookTicker { .. } => Topic::BookTicker,
        Stream::Candles { .. } => Topic::Candles(stream.feed().unwrap_or_default()),
        Stream::ContractStatus => Topic::ContractStatus,
        Stream::Depth { .. } => Topic::Depth,
        Stream::FundingAmount { .. } => Topic::FundingAmount,
        Stream::MarkPrice { .. } => Topic::MarkPrice,
        Stream::Orders { .. } => Topic::Orders,
        Stream::PartialDepth { .. } => Topic::PartialDepth,
        Stream::Positions { .. } => Topic::Positions,
        Stream::Quotes { .. } => Topic::Quotes,
        Stream::RequestForQuote => Topic::RequestForQuote,
        Stream::Settlements => Topic::Settlements,
        Stream::Trade { .. } => Topic::Trade,
        _ => Topic::None,
    }
}

/// Returns the topic and symbol of the stream that an event belongs to. On market data v2, books, trades and auctions
/// of a symbol belong to one stream.
fn origin<'e>(event: &Event<'e>, endpoint: Endpoint) -> (Topic, Option<&'e str>) {
    let of_books = |topic| if endpoint == Endpoint::MarketDataV2 { Topic::Depth } else { topic };
    match event {
        Event::BookTicker(it, _) => (Topic::BookTicker, Some(it.symbol)),
        Event::DepthSnapshot(it, _) | Event::DepthUpdate(it, _) => (Topic::Depth, Some(it.symbol)),
        Event::PartialDepth(it, _) => (Topic::PartialDepth, it.symbol),
        Event::Trade(it, _) => (of_books(Topic::Trade), Some(it.symbol)),
        Event::ContractStatus(..) => (Topic::ContractStatus, None),
        Event::MarkPrice(it, _) => (Topic::MarkPrice, Some(it.symbol)),
        Event::FundingAmount(it, _) => (Topic::FundingAmount, Some(it.symbol)),
        Event::RequestForQuote(..) => (Topic::RequestForQuote, None),
        Event::Order(..) => (Topic::Orders, None),
        Event::Balances(..) => (Topic::Balances, None),
        Event::Positions(..) => (Topic::Positions, None),
        Event::Quote(..) => (Topic::Quotes, None),
        Event::Settlements(..) => (Topic::Settlements, None),
        _ => (Topic::None, None),
    }
}

impl Shadow {
    fn feed(&self, slot: usize, topic: Topic, symbol: Option<&str>) -> Option<usize> {
        let is_it = |feed: &Feed| feed.slot == slot && is_of(feed, topic, symbol) && feed.is_desired();
        self.feeds.iter().position(is_it)
    }

    pub fn data(&mut self, link: LinkId, event: &Event<'_>, step: &Step<'_>) {
        if !self.leg_mut(link.slot()).is_open(link) {
            return self.fail("I-19", format!("data of {link}, which is not open: {event:?}"));
        }
        let endpoint = self.endpoint_of(link);
        if matches!(endpoint, Endpoint::MarketDataV1 | Endpoint::OrderEventsV1) {
            return self.elements(event, step);
        }
        if let Event::Batch(..) = event {
            event.parts().for_each(|part| self.part(link, endpoint, &part, step));
            return self.elements(event, step);
        }
        self.part(link, endpoint, event, step);
    }

    fn part(&mut self, link: LinkId, endpoint: Endpoint, event: &Event<'_>, step: &Step<'_>) {
        let (topic, symbol) = origin(event, endpoint);
        if topic == Topic::None {
            return;
        }
        if let (Some(symbol), Act::Frame(_, Frame::Text(text))) = (symbol, step.act)
            && endpoint == Endpoint::Streams
            && !text.as_bytes().as_ptr_range().contains(&symbol.as_ptr())
        {
            return self.fail("I-36", format!("{event:?} is not of the frame that came"));
        }
        let Some(index) = self.feed(link.slot(), topic, symbol) else {
            return self.fail("I-33", format!("data of a stream that nobody wants: {event:?}"));
        };
        self.feeds[index].told = self.now;
        match event {
            Event::DepthSnapshot(depth, _) => self.snapshot(link, endpoint, index, depth),
            Event::DepthUpdate(depth, _) => self.update(link, endpoint, index, depth),
            Event::Trade(trade, _) if endpoint == Endpoint::Streams => self.trade_of_streams(index, trade),
            Event::Trade(trade, _) => self.trade(index, trade),
            _ => {}
        }
    }

    /// A frame with an array of order events or orders must become one event for each element.
    fn elements(&mut self, event: &Event<'_>, _step: &Step<'_>) {
        let Event::Batch(batch, _) = event else { return };
        let elements = match batch.message() {
            Message::OrderEvents(events) => events.events.iter().count(),
            Message::OrderSnapshot(snapshot) => snapshot.orders.iter().count(),
            _ => return,
        };
        let told = event.parts().count();
        if told != elements {
            self.fail("I-48", format!("{told} events of {elements} elements: {event:?}"));
        }
    }

    fn snapshot(&mut self, link: LinkId, endpoint: Endpoint, index: usize, depth: &Depth<'_>) {
        let (now, last) = (self.step, depth.last_update_id.unwrap_or(0));
        let feed = &self.feeds[index];
        let (stream, asked) = (feed.stream, feed.asked);
        if endpoint == Endpoint::Streams {
            if feed.synced == Some(link) {
                self.fail("I-63", format!("{stream}: a snapshot in the middle, at {last}"));
            } else if depth.first_update_id != depth.last_update_id {
                self.fail("I-63", format!("{stream}: changes until {last} are taken for a snapshot"));
            } else if asked.is_none_or(|asked| asked.link != link) {
                self.fail("I-60", format!("{stream}: a snapshot that was not asked for: {asked:?}"));
            }
        }
        let feed = &mut self.feeds[index];
        (feed.synced, feed.before, feed.lost_update) = (Some(link), None, false);
        (feed.last, feed.snapshot) = (last, now);
        (feed.lives_since, feed.stale) = (self.now, 0);
    }

    fn update(&mut self, link: LinkId, endpoint: Endpoint, index: usize, depth: &Depth<'_>) {
        let slack = u64::from(self.settings_of(link.slot()).gap_rule == GapRule::Lax);
        let feed = &mut self.feeds[index];
        let (stream, synced, before) = (feed.stream, feed.synced.or(feed.before), feed.last);
        let last = depth.last_update_id.unwrap_or(0);
        (feed.last, feed.stale) = (last, 0);
        if synced != Some(link) {
            let id = match synced {
                Some(_) => "I-60",
                None if feed.lost_update => "I-62",
                None => "I-63",
            };
            return self.fail(id, format!("{stream}: a change until {last}, and no snapshot on {link}"));
        }
        if endpoint != Endpoint::Streams {
            return;
        }
        if last <= before {
            self.fail("I-65", format!("{stream}: {last} is told after {before}"));
        } else if depth.first_update_id.is_none_or(|first| first > before.saturating_add(slack)) {
            self.fail("I-62", format!("{stream}: {:?} is told after {before}", depth.first_update_id));
        }
    }

    /// Checks which trades of the current API are marked as replays. A trade must be marked if its id is among the
    /// last 16 reported ids, may be marked if its id was reported earlier, and otherwise must not be marked.
    fn trade_of_streams(&mut self, index: usize, trade: &Trade<'_>) {
        let ids = &mut self.feeds[index].trade_ids;
        let newest = &ids[ids.len().saturating_sub(16)..];
        let is_right =
            if trade.is_replay { ids.contains(&trade.trade_id) } else { !newest.contains(&trade.trade_id) };
        if !is_right {
            let newest = newest.to_vec();
            return self.fail("I-65", format!("{newest:?} were told before, and {trade:?}"));
        }
        if !trade.is_replay {
            ids.push(trade.trade_id);
        }
    }

    /// Checks that a trade is marked as a replay if an earlier step reported this id or a higher one, and only then.
    fn trade(&mut self, index: usize, trade: &Trade<'_>) {
        let step = self.step;
        let feed = &mut self.feeds[index];
        if feed.trades_before.0 != step {
            feed.trades_before = (step, feed.newest_trade);
        }
        let is_replay = feed.trades_before.1.is_some_and(|newest| trade.trade_id <= newest);
        feed.newest_trade = feed.newest_trade.max(Some(trade.trade_id));
        if trade.is_replay != is_replay {
            self.fail("I-65", format!("told before: {is_replay}, and {trade:?}"));
        }
    }

    pub fn gap(&mut self, step: &Step<'_>, symbol: &str, expected: u64, got: Option<u64>) {
        let slot = match step.act {
            Act::Frame(link, _) => Some(link.slot()),
            Act::Resync(id) => Some(id.link_slot()),
            _ => None,
        };
        let Some(index) = slot.and_then(|slot| self.feed(slot, Topic::Depth, Some(symbol))) else {
            return self.fail("I-62", format!("a gap of {symbol}, which is not followed"));
        };
        let (now, stable) = (self.now, self.settings[self.feeds[index].endpoint].stable_after);
        let feed = &mut self.feeds[index];
        let (synced, last) = (feed.synced.take(), feed.last);
        feed.lost_update = true;
        let has_lived = feed.lives_since + stable <= now;
        feed.losses = if has_lived { 1 } else { feed.losses + 1 };
        // When the number of old updates in a row reaches `STALE_RUN_MAX`, the client reports a gap.
        let is_old = feed.stale + 1 == STALE_RUN_MAX;
        let is_streams =
            matches!(step.act, Act::Frame(link, _) if self.endpoint_of(link) == Endpoint::Streams);
        if synced.is_none() {
            self.fail("I-62", format!("a gap of {symbol}, whose book is not live"));
        } else if is_streams && (expected != last || got.is_some_and(|got| got <= last && !is_old)) {
            self.fail("I-62", format!("a gap of {symbol} from {expected} to {got:?} after {last}"));
        }
    }

    pub fn synced(&mut self, step: &Step<'_>, id: StreamId, symbol: &str) {
        let now = self.step;
        // The client reports `Synced` to a new subscriber of a book that is already current.
        let joins = matches!(step.act, Act::Subscribe(_));
        let feed = self.feed(id.link_slot(), Topic::Depth, Some(symbol)).map(|index| &self.feeds[index]);
        if !feed.is_some_and(|feed| feed.snapshot == now || (joins && feed.synced.is_some())) {
            self.fail("I-63", format!("{symbol} follows the venue, and no snapshot has come"));
        }
    }

    /// Checks that a book is no longer current if a malformed frame may have changed it.
    pub fn malformed(&mut self, step: &Step<'_>, frame: &str) {
        let Act::Frame(link, _) = step.act else { return };
        let is_streams = self.endpoint_of(link) == Endpoint::Streams;
        let (member, kind, before_symbol) = match self.endpoint_of(link) {
            Endpoint::Streams => ("e", "depthUpdate", "\"s\":\""),
            _ => ("type", "l2_updates", "\"symbol\":\""),
        };
        let is_other = is_of_another_kind(frame, member, kind) || is_streams && is_no_depth(frame);
        let is_shown = is_streams && is_depth_without_kind(frame);
        let may_be_depth = is_shown || frame.contains(&format!("\"{kind}\"")) && !is_other;
        let named = frame.split_once(before_symbol).filter(|_| may_be_depth);
        let named = named.and_then(|(_, rest)| rest.split('"').next());
        let is_text = matches!(step.act, Act::Frame(_, Frame::Text(_)));
        let kinds = match self.endpoint_of(link) {
            Endpoint::Streams => frame.matches("\"e\"").count() + frame.matches("\"type\"").count(),
            // A frame whose end is missing may be any kind of frame.
            _ => frame.split("\"type\"").skip(1).filter(|rest| rest.split('"').nth(2).is_some()).count(),
        };
        let is_anything = is_text && kinds == 0 && !is_shown && !is_no_depth(frame);
        // A frame that names several kinds may belong to any of them.
        let may_be_anything = is_text && kinds != 1;
        // A subscription that waits until the previous subscription to the same stream has ended has no book yet.
        let is_synced = |subscription: &(StreamId, bool)| {
            !subscription.1
                && self.subscriptions.get(&subscription.0).is_some_and(|it| it.1 == StreamState::Synced)
        };
        let mut untold = None;
        let mut lost = Vec::new();
        for (index, feed) in self.feeds.iter().enumerate() {
            let is_own = feed.slot == link.slot() && topic_of(&feed.stream) == Topic::Depth;
            let Some(symbol) = feed.stream.symbol().filter(|_| is_own) else { continue };
            let is_named = named.is_some_and(|name| name.eq_ignore_ascii_case(symbol.as_str()));
            if is_named || is_anything || may_be_anything && feed.synced.is_none() {
                lost.push(index);
            }
            if !is_named && !is_anything {
                continue;
            }
            let told = step.outputs.iter().any(|output| match output {
                gemini_ws::Output::Event(Event::Gap { symbol: of, .. }) => *of == symbol,
                output => matches!(output, gemini_ws::Output::Event(Event::Disconnected { .. })),
            });
            if feed.synced.is_some() && feed.subscriptions.iter().any(is_synced) && !told {
                untold = Some(symbol);
            }
        }
        // The malformed frame may have contained an update, or the snapshot for which a book waits.
        lost.into_iter().for_each(|index| self.feeds[index].lost_update = true);
        if let Some(symbol) = untold {
            self.fail("I-45", format!("{symbol} may have lost an update, and is told to be true: {frame}"));
        }
    }

    pub fn ignored(&mut self, step: &Step<'_>, ignored: &Ignored, source: &Source<'_>) {
        let Act::Frame(link, Frame::Text(text)) = step.act else { return };
        if !std::ptr::eq(source.frame(), text) {
            return self.fail("I-36", format!("{ignored:?} is not of the frame that came: {text}"));
        }
        let is_streams = self.endpoint_of(link) == Endpoint::Streams;
        let is_open = self.leg_mut(link.slot()).is_open(link);
        if is_open == (ignored.reason == IgnoredReason::EndedLink) {
            self.fail(
                "I-35",
                format!("{link} is open: {is_open}, and {text} is ignored: {:?}", ignored.reason),
            );
        }
        if ignored.reason == IgnoredReason::StaleUpdate {
            let is_named = |symbol: gemini_ws::Symbol| text.to_ascii_lowercase().contains(symbol.as_str());
            let is_it = |feed: &&mut Feed| {
                feed.slot == link.slot()
                    && feed.synced == Some(link)
                    && feed.stream.symbol().is_some_and(is_named)
            };
            let mut most = 0;
            for feed in self.feeds.iter_mut().filter(is_it) {
                feed.stale += 1;
                most = most.max(feed.stale);
            }
            if most >= STALE_RUN_MAX {
                self.fail("I-62", format!("{most} old updates in a row are taken for late ones"));
            }
        }
        // The first frame of a requested book is its snapshot, and the client must not ignore it. A subscription that
        // waits until the previous subscription to the same stream has ended is not requested yet.
        let is_awaited = |subscription: &(StreamId, bool)| {
            let state = self.subscriptions.get(&subscription.0).map(|it| it.1);
            !subscription.1 && matches!(state, Some(StreamState::Requested | StreamState::Active))
        };
        let is_first = |feed: &Feed| {
            let is_named = |symbol: gemini_ws::Symbol| text.to_ascii_lowercase().contains(symbol.as_str());
            feed.asked.is_some_and(|asked| asked.link == link && !asked.failed && !asked.again)
                && topic_of(&feed.stream) == Topic::Depth
                && feed.subscriptions.iter().any(is_awaited)
                && feed.snapshot == 0
                && !feed.lost_update
                && feed.left.is_none()
                && feed.stream.symbol().is_some_and(is_named)
        };
        if ignored.reason == IgnoredReason::BeforeSnapshot
            && self.endpoint_of(link) == Endpoint::MarketDataV2
            && self.feeds.iter().any(is_first)
        {
            self.fail("I-63", format!("{text} is the first of its book, and is not taken for its snapshot"));
        }
        if is_open && is_streams && ignored.reason == IgnoredReason::NotSubscribed {
            let mut scratch = Scratch::new();
            let event = match gemini_ws::decode(text, &mut scratch) {
                Ok(Message::BookTicker(it)) => Event::BookTicker(it, *source),
                Ok(Message::Trade(it)) => Event::Trade(it, *source),
                Ok(Message::Depth(it)) => Event::DepthUpdate(it, *source),
                _ => return,
            };
            let (topic, symbol) = origin(&event, Endpoint::Streams);
            if self.feed(link.slot(), topic, symbol).is_some() {
                self.fail("I-35", format!("{text} is wanted, and is ignored as not subscribed"));
            }
        }
    }

    /// Checks all counters of a machine. Each text or binary frame must raise `frames` by one, `bytes` by its length,
    /// and exactly one other counter by one.
    pub fn check_counters<M: Machine>(&mut self, machine: &M, step: &Step<'_>) {
        let actual = machine.stats();
        if let Act::Frame(_, frame) = step.act {
            let stats = &mut self.stats;
            if let Some(event @ Event::Batch(..)) = step.event {
                let malformed = event.parts().filter(|part| matches!(part, Event::Malformed(..)));
                stats.malformed_elements += malformed.count() as u64;
            }
            match frame {
                Frame::Text(text) => {
                    stats.frames += 1;
                    stats.bytes += text.len() as u64;
                    *counter(stats, step.event) += 1;
                }
                Frame::Binary(bytes) => {
                    stats.frames += 1;
                    stats.bytes += bytes.len() as u64;
                    *counter(stats, step.event) += 1;
                }
                Frame::Ping(_) | Frame::Pong(_) | Frame::Close { .. } => stats.control_frames += 1,
            }
        }
        if actual.stale_inputs < self.stats.stale_inputs || actual.resyncs < self.stats.resyncs {
            self.fail("I-35", format!("counters fell: {:?} to {actual:?}", self.stats));
        }
        let counted = actual.stale_inputs.saturating_sub(self.stats.stale_inputs);
        (self.stats.stale_inputs, self.stats.resyncs) = (actual.stale_inputs, actual.resyncs);
        if actual != self.stats {
            let what = format!("{:?} {:?}: {actual:?}, not {:?}", step.act, step.event, self.stats);
            self.fail("I-35", what);
        }
        if !step.is_current && counted != 1 {
            self.fail("I-18", format!("{:?} is too late and was counted {counted} times", step.act));
        }
    }
}

fn is_of(feed: &Feed, topic: Topic, symbol: Option<&str>) -> bool {
    let same = |of: &str| symbol.is_none_or(|symbol| of.eq_ignore_ascii_case(symbol));
    topic_of(&feed.stream) == topic && feed.stream.symbol().is_none_or(|of| same(of.as_str()))
}

fn counter<'s>(stats: &'s mut Stats, event: Option<&Event<'_>>) -> &'s mut u64 {
    match event {
        None
        | Some(
            Event::Reply { .. }
            | Event::Rejected { .. }
            | Event::Heartbeat(..)
            | Event::SubscriptionAck(..)
            | Event::Error(..),
        ) => &mut stats.control,
        Some(Event::Gap { .. } | Event::SequenceGap { .. }) => &mut stats.gaps,
        Some(Event::Malformed(..)) => &mut stats.malformed,
        Some(Event::Unrecognized(..)) => &mut stats.unrecognized,
        Some(Event::Ignored(ignored, _)) => match ignored.reason {
            IgnoredReason::StaleUpdate => &mut stats.ignored_stale,
            IgnoredReason::BeforeSnapshot => &mut stats.ignored_before_snapshot,
            IgnoredReason::NotSubscribed => &mut stats.ignored_not_subscribed,
            IgnoredReason::UnknownResponse => &mut stats.ignored_unknown_response,
            IgnoredReason::EndedLink => &mut stats.ignored_ended_link,
        },
        _ => &mut stats.data,
    }
}

/// Returns whether a frame is complete, and names exactly one kind, which is not `kind`.
fn is_of_another_kind(frame: &str, member: &str, kind: &str) -> bool {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(frame) else { return false };
    let is_one = !frame.contains('\\') && frame.matches(&format!("\"{member}\"")).count() == 1;
    is_one && object.get(member).and_then(serde_json::Value::as_str).is_some_and(|named| named != kind)
}

/// Returns whether a frame is complete, names no kind, and has the members of an update of one symbol's book.
fn is_depth_without_kind(frame: &str) -> bool {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(frame) else { return false };
    let has = |name: &str| object.get(name).is_some_and(|it| !it.is_null());
    let names_one = frame.matches("\"s\"").count() == 1 && object.get("s").is_some_and(|it| it.is_string());
    let is_plain = names_one && frame.contains("\"s\":\"") && !frame.contains('\\') && !is_no_depth(frame);
    is_plain && !has("e") && !has("type") && ["U", "u", "b", "a"].into_iter().all(has)
}

/// Returns whether a frame is complete, names no kind, and has members that no update of a book has.
fn is_no_depth(frame: &str) -> bool {
    const BEFORE: [&[&str]; 4] = [&["X"], &["lastUpdateId"], &["b", "B", "a", "A"], &["t", "p", "q", "m"]];
    const BEHIND: [&[&str]; 3] = [&["B", "E", "u"], &["P", "E", "u"], &["orders"]];
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(frame) else { return false };
    let has = |names: &&[&str]| names.iter().all(|name| object.get(*name).is_some_and(|it| !it.is_null()));
    let is_answer = has(&&["id"][..]) && ["status", "error", "result"].iter().any(|name| has(&&[*name][..]));
    is_answer || BEFORE.iter().any(has) || (!has(&&["U", "u", "b", "a"][..]) && BEHIND.iter().any(has))
}
