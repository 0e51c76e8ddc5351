//! The types of the rivals for frames of the public streams of the current API.

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::book::{Books, book_of};
use crate::values::{Values, number};

/// A price and a quantity.
type Level = (Decimal, Decimal);

/// A number that is kept as it is written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Bare<'f>(#[serde(borrow)] &'f str);

impl Values for Bare<'_> {
    fn values(&self, list: &mut Vec<String>) {
        list.push(number(self.0));
    }
}

typed! {
    Ticker<'f> {
        u: u64,
        #[serde(rename = "E")]
        event_time: i64,
        s: &'f str,
        b: Decimal,
        #[serde(rename = "B")]
        bid_quantity: Decimal,
        a: Decimal,
        #[serde(rename = "A")]
        ask_quantity: Decimal,
        c: Option<Decimal>,
        #[serde(rename = "C")]
        last_quantity: Option<Decimal>,
    }

    Depth<'f> applied by apply_depth {
        #[serde(rename = "E")]
        event_time: i64,
        s: &'f str,
        #[serde(rename = "U")]
        first: u64,
        u: u64,
        b: Vec<Level>,
        a: Vec<Level>,
    }

    BareDepth<'f> {
        #[serde(rename = "E")]
        event_time: i64,
        s: &'f str,
        #[serde(rename = "U")]
        first: u64,
        u: u64,
        #[serde(borrow)]
        b: Vec<(Bare<'f>, Bare<'f>)>,
        #[serde(borrow)]
        a: Vec<(Bare<'f>, Bare<'f>)>,
    }

    Trade<'f> {
        #[serde(rename = "E")]
        event_time: i64,
        s: &'f str,
        t: u64,
        p: Decimal,
        q: Decimal,
        m: bool,
    }

    Mark<'f> {
        #[serde(rename = "E")]
        event_time: i64,
        s: &'f str,
        p: Decimal,
        i: Option<Decimal>,
    }

    Funding<'f> {
        #[serde(rename = "E")]
        event_time: i64,
        #[serde(rename = "T")]
        funding_time: i64,
        s: &'f str,
        i: u64,
        f: Decimal,
        r: Decimal,
        p: Decimal,
        #[serde(rename = "R")]
        realized: bool,
    }

    Partial<'f> {
        #[serde(rename = "lastUpdateId")]
        last: u64,
        symbol: Option<&'f str>,
        bids: Vec<Level>,
        asks: Vec<Level>,
    }

    Contract<'f> {
        #[serde(rename = "E")]
        event_time: i64,
        s: &'f str,
        k: &'f str,
        c: &'f str,
        i: u64,
        p: Option<Decimal>,
        o: &'f str,
        n: &'f str,
    }

    Rfq<'f> {
        #[serde(rename = "E")]
        event_time: i64,
        r: &'f str,
        s: Option<&'f str>,
        #[serde(borrow)]
        l: Vec<Leg<'f>>,
        n: Option<Decimal>,
        q: Option<Decimal>,
        #[serde(rename = "S")]
        status: &'f str,
        w: Option<i64>,
        x: Option<i64>,
    }

    Leg<'f> {
        c: &'f str,
        o: &'f str,
        s: Option<&'f str>,
    }
}

fn apply_depth(depth: &Depth<'_>, books: &mut Books) {
    let book = book_of(books, depth.s);
    if !book.begin(depth.first, depth.u) {
        return;
    }
    if book.is_empty() {
        book.fill(&depth.b, &depth.a);
        return;
    }
    depth.b.iter().for_each(|(price, quantity)| book.set_bid(*price, *quantity));
    depth.a.iter().for_each(|(price, quantity)| book.set_ask(*price, *quantity));
}
