//! [`OrderEventFeed`]: the feed of a session with order events v1.

use std::time::Duration;

use gemini_ws::Instant;
use serde_json::Value;

use crate::account::holdings::Asset;
use crate::account::ledger::LedgerFill;
use crate::account::order::{ClientOrder, EventKind, OrderEvent};
use crate::account::{Account, AccountId};
use crate::frame::upgrade::UpgradeRequest;
use crate::value::amount;
use crate::value::order::{NewOrder, OrderSide, OrderState, OrderType, TimeInForce};
use crate::value::random::Random;

const HEARTBEAT_PERIOD: Duration = Duration::from_secs(5);

/// The filters of one session, and the counters of its heartbeats and events.
#[derive(Clone, Debug)]
pub(crate) struct OrderEventFeed {
    symbols: Vec<String>,
    api_sessions: Vec<String>,
    types: Vec<String>,
    /// `None` if the session did not ask for heartbeats.
    next_heartbeat: Option<Instant>,
    heartbeats: u64,
    /// The next `socket_sequence`. Each object of an event and each heartbeat uses one number.
    next_sequence: u64,
    trace_id: String,
}

impl OrderEventFeed {
    pub(crate) fn new(request: &UpgradeRequest<'_>, now: Instant, random: &mut Random) -> OrderEventFeed {
        let values = |name: &str| {
            let wanted = request.parameters().filter(|(known, _)| known == name);
            wanted.map(|(_, value)| value.into_owned()).collect::<Vec<String>>()
        };
        let has_heartbeat = values("heartbeat").last().is_some_and(|value| value == "true");
        OrderEventFeed {
            symbols: values("symbolFilter"),
            api_sessions: values("apiSessionFilter"),
            types: values("eventTypeFilter"),
            next_heartbeat: has_heartbeat.then(|| now + HEARTBEAT_PERIOD),
            heartbeats: 0,
            next_sequence: 0,
            trace_id: format!("{:016x}{:016x}", random.next(), random.next()),
        }
    }

    pub(crate) const fn next_heartbeat(&self) -> Option<Instant> {
        self.next_heartbeat
    }

    pub(crate) fn plan_heartbeat(&mut self, now: Instant) -> Instant {
        *self.next_heartbeat.insert(now + HEARTBEAT_PERIOD)
    }

    pub(crate) fn acknowledgement(&self, account: AccountId) -> String {
        let array = |texts: &[String]| Value::from(texts.to_vec()).to_string();
        format!(
            r#"{{"type":"subscription_ack","accountId":{id},"subscriptionId":"ws-order-events-{id}-{}","symbolFilter":{},"apiSessionFilter":{},"eventTypeFilter":{}}}"#,
            self.trace_id,
            array(&self.symbols),
            array(&self.api_sessions),
            array(&self.types),
            id = account.0,
        )
    }

    pub(crate) fn heartbeat(&mut self, venue_time: i64) -> String {
        let text = format!(
            r#"{{"type":"heartbeat","timestampms":{},"sequence":{},"trace_id":"{}","socket_sequence":{}}}"#,
            venue_time.div_euclid(1_000_000),
            self.heartbeats,
            self.trace_id,
            self.next_sequence,
        );
        self.heartbeats += 1;
        self.next_sequence += 1;
        text
    }

    /// Writes the object `initial` of an order that is open when the session begins, unless the filters exclude it.
    pub(crate) fn initial(&mut self, account: &Account, order: &ClientOrder) -> Option<String> {
        let event = OrderEvent {
            order: order.id(),
            event_id: 0,
            time: order.placed_at(),
            kind: EventKind::Booked,
            progress: order.progress(),
        };
        self.object("initial", account, order, &event)
    }

    /// Writes an event of an order as JSON objects: one for the event, and a second one, `closed`, if the order is
    /// filled or cancelled. Leaves out the objects that the filters exclude.
    pub(crate) fn objects(
        &mut self,
        account: &Account,
        order: &ClientOrder,
        event: &OrderEvent,
    ) -> Vec<String> {
        let (first, ends) = match event.kind {
            EventKind::Accepted => ("accepted", false),
            EventKind::Booked => ("booked", false),
            EventKind::Filled { is_last, .. } => ("fill", is_last),
            EventKind::Canceled { .. } => ("cancelled", true),
            // A rejected order has ended too, but no object `closed` reports its end.
            EventKind::Rejected { .. } => ("rejected", false),
            EventKind::CancelRejected { .. } => ("cancel_rejected", false),
        };
        let mut objects = Vec::from_iter(self.object(first, account, order, event));
        if ends {
            let event = OrderEvent { event_id: event.event_id + 1, ..*event };
            objects.extend(self.object("closed", account, order, &event));
        }
        objects
    }

    fn wants(&self, name: &str, account: &Account, order: &ClientOrder) -> bool {
        let symbol = order.request().symbol;
        let is_in = |filter: &[String], test: &dyn Fn(&str) -> bool| {
            filter.is_empty() || filter.iter().any(|wanted| test(wanted))
        };
        is_in(&self.types, &|wanted| wanted == name)
            && is_in(&self.symbols, &|wanted| wanted.eq_ignore_ascii_case(symbol.as_str()))
            && is_in(&self.api_sessions, &|wanted| wanted == account.key())
    }

    fn object(
        &mut self,
        name: &str,
        account: &Account,
        order: &ClientOrder,
        event: &OrderEvent,
    ) -> Option<String> {
        if !self.wants(name, account, order) {
            return None;
        }
        let request = order.request();
        let mut text = format!(r#"{{"type":"{name}","order_id":"{}""#, order.id());
        if name != "initial" {
            push(&mut text, "event_id", &event.event_id.to_string());
        }
        push_reason(&mut text, name, event);
        push_any(&mut text, "account_name", account.account_name());
        if let Some(client_order_id) = &request.client_order_id {
            push_any(&mut text, "client_order_id", client_order_id);
        }
        push_any(&mut text, "api_session", account.key());
        push_order(&mut text, request);
        push_amounts(&mut text, order, event);
        if let EventKind::Filled { fill, .. } = event.kind
            && name == "fill"
        {
            push_fill(&mut text, &fill, order.terms().map(|terms| &terms.quote));
        }
        text.push_str(&format!(r#","socket_sequence":{}}}"#, self.next_sequence));
        self.next_sequence += 1;
        Some(text)
    }
}

fn push_reason(text: &mut String, name: &str, event: &OrderEvent) {
    match event.kind {
        EventKind::Canceled { reason } if name == "cancelled" => {
            if reason.is_none() {
                push(text, "cancel_command_id", &(event.event_id - 1).to_string());
            }
            push(text, "reason", reason.unwrap_or("Requested"));
        }
        EventKind::CancelRejected { reason } => {
            push(text, "cancel_command_id", &(event.event_id - 1).to_string());
            push(text, "reason", reason);
        }
        EventKind::Rejected { reason } => push(text, "reason", reason),
        _ => {}
    }
}

fn push_order(text: &mut String, request: &NewOrder) {
    let is_buy = request.side == OrderSide::Buy;
    push(text, "symbol", &request.symbol.as_str().to_ascii_lowercase());
    push(text, "side", if is_buy { "buy" } else { "sell" });
    match request.time_in_force {
        TimeInForce::GoodTillCanceled => {}
        TimeInForce::ImmediateOrCancel => push(text, "behavior", "immediate-or-cancel"),
        TimeInForce::FillOrKill => push(text, "behavior", "fill-or-kill"),
        TimeInForce::MakerOrCancel => push(text, "behavior", "maker-or-cancel"),
    }
    let order_type = match request.order_type {
        OrderType::Limit => "exchange limit",
        OrderType::StopLimit => "exchange stop limit",
        OrderType::Market if is_buy => "market buy",
        OrderType::Market => "market sell",
    };
    push(text, "order_type", order_type);
}

fn push_amounts(text: &mut String, order: &ClientOrder, event: &OrderEvent) {
    let request = order.request();
    let millis = event.time.div_euclid(1_000_000);
    let amounts = order.amounts(event.progress);
    let state = state_after(order, event);
    let is_cancelled = state.is_cancelled();
    let is_rejected = matches!(event.kind, EventKind::Rejected { .. });
    let is_market_buy = request.side == OrderSide::Buy && request.order_type == OrderType::Market;
    // In the venue's documented example, a new market order to buy is not live.
    let is_live = !is_market_buy && !state.is_final();
    push(text, "timestamp", &millis.div_euclid(1_000).to_string());
    text.push_str(&format!(r#","timestampms":{millis},"is_live":{is_live}"#));
    if !is_rejected {
        text.push_str(&format!(r#","is_cancelled":{is_cancelled},"is_hidden":false"#));
    }
    // In newer frames of the venue, `original_amount` is the only amount in an event `accepted`.
    if !is_rejected && event.kind != EventKind::Accepted {
        let average = amounts.average.map_or_else(|| "0.00".to_owned(), |average| average.to_string());
        push(text, "avg_execution_price", &average);
        push(text, "executed_amount", &amounts.executed.to_string());
        if !is_market_buy {
            push(text, "remaining_amount", &amounts.left.to_string());
        }
    }
    if !is_market_buy {
        push(text, "original_amount", &request.quantity.to_string());
    } else if let Some(terms) = order.terms() {
        push(text, "total_spend", &amount::to_decimal(terms.spend).to_string());
    }
    if let Some(price) = request.price {
        push(text, "price", &price.to_string());
    }
}

/// Returns the state that the order had after the event. Later events may have changed the state since.
const fn state_after(order: &ClientOrder, event: &OrderEvent) -> OrderState {
    match event.kind {
        EventKind::Accepted => OrderState::New,
        EventKind::Booked => OrderState::Open,
        EventKind::Filled { is_last: true, .. } => OrderState::Filled,
        EventKind::Filled { is_last: false, .. } => OrderState::PartiallyFilled,
        EventKind::Canceled { .. } => OrderState::Canceled,
        EventKind::Rejected { .. } => OrderState::Rejected,
        EventKind::CancelRejected { .. } => order.state(),
    }
}

fn push_fill(text: &mut String, fill: &LedgerFill, currency: Option<&Asset>) {
    let liquidity = if fill.is_maker { "Maker" } else { "Taker" };
    text.push_str(&format!(
        r#","fill":{{"trade_id":"{}","liquidity":"{liquidity}","price":"{}","amount":"{}","fee":"{}","fee_currency":"{}"}}"#,
        fill.trade_id,
        fill.price,
        fill.quantity,
        fill.fee,
        currency.map_or("", Asset::name),
    ));
}

/// Writes a member whose value needs no escapes.
fn push(text: &mut String, name: &str, value: &str) {
    text.push_str(&format!(r#","{name}":"{value}""#));
}

fn push_any(text: &mut String, name: &str, value: &str) {
    text.push_str(&format!(r#","{name}":{}"#, Value::String(value.to_owned())));
}
