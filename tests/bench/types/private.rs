//! The types of the rivals for frames of the private streams of the current API.

use rust_decimal::Decimal;

typed! {
    Order<'f> {
        #[serde(rename = "E")]
        event_time: i64,
        s: &'f str,
        i: u64,
        c: Option<&'f str>,
        #[serde(rename = "S")]
        side: Option<&'f str>,
        o: Option<&'f str>,
        #[serde(rename = "X")]
        status: &'f str,
        p: Option<Decimal>,
        #[serde(rename = "P")]
        stop_price: Option<Decimal>,
        q: Option<Decimal>,
        z: Option<Decimal>,
        #[serde(rename = "Z")]
        executed: Option<Decimal>,
        #[serde(rename = "L")]
        last_price: Option<Decimal>,
        a: Option<Decimal>,
        t: Option<u64>,
        n: Option<Decimal>,
        m: Option<bool>,
        r: Option<&'f str>,
        #[serde(rename = "T")]
        time: i64,
    }

    Orders<'f> {
        #[serde(borrow)]
        orders: Vec<Order<'f>>,
    }

    Balances<'f> {
        #[serde(rename = "E")]
        event_time: i64,
        u: Option<i64>,
        #[serde(borrow, rename = "B")]
        rows: Vec<Balance<'f>>,
    }

    Balance<'f> {
        a: &'f str,
        f: Decimal,
        c: Decimal,
    }

    Positions<'f> {
        #[serde(rename = "E")]
        event_time: i64,
        u: Option<i64>,
        #[serde(rename = "A")]
        account: u64,
        #[serde(borrow, rename = "P")]
        rows: Vec<Position<'f>>,
    }

    Position<'f> {
        t: &'f str,
        s: &'f str,
        #[serde(borrow)]
        a: Vec<Amount<'f>>,
    }

    Amount<'f> {
        t: &'f str,
        v: Decimal,
        c: Option<&'f str>,
        o: Option<&'f str>,
    }

    Quote<'f> {
        i: &'f str,
        #[serde(rename = "E")]
        event_time: i64,
        r: &'f str,
        x: &'f str,
        #[serde(rename = "S")]
        status: &'f str,
        q: Option<&'f str>,
        p: Option<Decimal>,
        sz: Option<Decimal>,
        qs: Option<&'f str>,
        vu: Option<i64>,
    }

    Settlements<'f> {
        #[serde(borrow)]
        settlements: Vec<Settlement<'f>>,
    }

    Settlement<'f> {
        symbol: &'f str,
        position: Decimal,
        payout: Option<Decimal>,
        outcome: &'f str,
    }
}
