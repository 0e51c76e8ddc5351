//! Tests the names of streams.

extern crate std;
use super::*;
use std::string::ToString;

#[test]
fn names() {
    for name in [
        "btcusd@bookTicker",
        "btcusd@depth",
        "btcusd@depth@100ms",
        "btcusd@depth5",
        "btcusd@depth10@100ms",
        "btcusd@depth20",
        "GEMI-PRES2028-VANCE@trade",
        "contractStatus",
        "requestForQuote",
        "orders@account",
        "orders@session",
        "balances@account",
        "balances@account@1s",
        "positions@account",
        "positions@account@1s",
        "requestForQuote@account",
        "requestForQuote@session",
        "settlements@account",
        "btcusd@candles_15m",
        "btcgusdperp@markPrice",
        "btcgusdperp@fundingAmount",
    ] {
        assert_eq!(name.parse::<Stream>().map(|stream| stream.to_string()), Ok(name.to_string()));
    }
    for name in [
        "",
        "btcusd",
        "@trade",
        "btcusd@",
        "btcusd@depth7",
        "btcusd@trade@100ms",
        "btcusd@Trade",
        "btcusd@depth@100ms@100ms",
        "btc usd@trade",
        "btcusd@markPrice@1s",
        "orders@account@1s",
        "balances@session",
        "btcusd@candles_2m",
    ] {
        assert!(name.parse::<Stream>().is_err(), "{name}");
    }
}
