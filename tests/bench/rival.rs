//! The rivals: readers of JSON that decode into the types of [`crate::types`].

use std::hint::black_box;

use serde::Deserialize;
use simd_json::Buffers;

use crate::book::Books;
use crate::inputs::Kind;
use crate::types::*;
use crate::values::Values;

pub(crate) trait Sight {
    fn see<T: Values>(&mut self, decoded: &T);
}

/// Discards decoded frames, but keeps the compiler from omitting the work of decoding them.
pub(crate) struct Look;

impl Sight for Look {
    fn see<T: Values>(&mut self, decoded: &T) {
        black_box(decoded);
    }
}

/// Changes the book of the frame's symbol.
impl Sight for Books {
    fn see<T: Values>(&mut self, decoded: &T) {
        black_box(decoded).apply(self);
    }
}

/// Appends every value of the frame.
impl Sight for Vec<String> {
    fn see<T: Values>(&mut self, decoded: &T) {
        decoded.values(self);
    }
}

pub(crate) trait Parser: Default {
    fn parse<'f, T, S>(&'f mut self, frame: &'f str, sight: &mut S)
    where
        T: Deserialize<'f> + Values,
        S: Sight;
}

#[derive(Debug, Default)]
pub(crate) struct SerdeJson;

impl Parser for SerdeJson {
    fn parse<'f, T: Deserialize<'f> + Values, S: Sight>(&'f mut self, frame: &'f str, sight: &mut S) {
        match &serde_json::from_str::<T>(frame) {
            Ok(decoded) => sight.see(decoded),
            Err(error) => panic!("{error}: {frame}"),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct SonicRs;

impl Parser for SonicRs {
    fn parse<'f, T: Deserialize<'f> + Values, S: Sight>(&'f mut self, frame: &'f str, sight: &mut S) {
        match &sonic_rs::from_str::<T>(frame) {
            Ok(decoded) => sight.see(decoded),
            Err(error) => panic!("{error}: {frame}"),
        }
    }
}

/// The reader simd-json. It overwrites its input, so it reads a copy of the frame. The copy and the buffers keep
/// their allocations.
#[derive(Default)]
pub(crate) struct SimdJson {
    copy: Vec<u8>,
    buffers: Buffers,
}

impl Parser for SimdJson {
    fn parse<'f, T: Deserialize<'f> + Values, S: Sight>(&'f mut self, frame: &'f str, sight: &mut S) {
        self.copy.clear();
        self.copy.extend_from_slice(frame.as_bytes());
        match &simd_json::serde::from_slice_with_buffers::<T>(&mut self.copy, &mut self.buffers) {
            Ok(decoded) => sight.see(decoded),
            Err(error) => panic!("{error}: {frame}"),
        }
    }
}

/// Decodes a frame into the type of its kind, and passes the result to `sight`.
#[rustfmt::skip]
pub(crate) fn decode<P: Parser, S: Sight>(parser: &mut P, kind: Kind, frame: &str, sight: &mut S) {
    match kind {
        Kind::Ticker => parser.parse::<Ticker<'_>, S>(frame, sight),
        Kind::Depth => parser.parse::<Depth<'_>, S>(frame, sight),
        Kind::BareDepth => parser.parse::<BareDepth<'_>, S>(frame, sight),
        Kind::Trade => parser.parse::<Trade<'_>, S>(frame, sight),
        Kind::Mark => parser.parse::<Mark<'_>, S>(frame, sight),
        Kind::Funding => parser.parse::<Funding<'_>, S>(frame, sight),
        Kind::Partial => parser.parse::<Partial<'_>, S>(frame, sight),
        Kind::Contract => parser.parse::<Contract<'_>, S>(frame, sight),
        Kind::Rfq => parser.parse::<Rfq<'_>, S>(frame, sight),
        Kind::Order => parser.parse::<Order<'_>, S>(frame, sight),
        Kind::Orders => parser.parse::<Orders<'_>, S>(frame, sight),
        Kind::Balances => parser.parse::<Balances<'_>, S>(frame, sight),
        Kind::Positions => parser.parse::<Positions<'_>, S>(frame, sight),
        Kind::Quote => parser.parse::<Quote<'_>, S>(frame, sight),
        Kind::Settlements => parser.parse::<Settlements<'_>, S>(frame, sight),
        Kind::Time => parser.parse::<Time, S>(frame, sight),
        Kind::NamedTime => parser.parse::<NamedTime<'_>, S>(frame, sight),
        Kind::Acknowledged => parser.parse::<Acknowledged, S>(frame, sight),
        Kind::Named => parser.parse::<Named<'_>, S>(frame, sight),
        Kind::Refused => parser.parse::<Refused<'_>, S>(frame, sight),
        Kind::Limits => parser.parse::<Limits<'_>, S>(frame, sight),
        Kind::Names => parser.parse::<Names<'_>, S>(frame, sight),
        Kind::BookReply => parser.parse::<BookReply, S>(frame, sight),
        Kind::Placed => parser.parse::<Placed<'_>, S>(frame, sight),
        Kind::QuoteReply => parser.parse::<QuoteReply<'_>, S>(frame, sight),
        Kind::LevelsV2 => parser.parse::<LevelsV2<'_>, S>(frame, sight),
        Kind::TradeV2 => parser.parse::<TradeV2<'_>, S>(frame, sight),
        Kind::AuctionV2 => parser.parse::<AuctionV2<'_>, S>(frame, sight),
        Kind::CandlesV2 => parser.parse::<CandlesV2<'_>, S>(frame, sight),
        Kind::MarksV2 => parser.parse::<MarksV2<'_>, S>(frame, sight),
        Kind::FundingsV2 => parser.parse::<FundingsV2<'_>, S>(frame, sight),
        Kind::HeartbeatV2 => parser.parse::<HeartbeatV2, S>(frame, sight),
        Kind::ErrorV2 => parser.parse::<ErrorV2<'_>, S>(frame, sight),
        Kind::UpdateV1 => parser.parse::<UpdateV1<'_>, S>(frame, sight),
        Kind::HeartbeatV1 => parser.parse::<HeartbeatV1, S>(frame, sight),
        Kind::AckV1 => parser.parse::<AckV1<'_>, S>(frame, sight),
        Kind::OrdersV1 => parser.parse::<Vec<OrderV1<'_>>, S>(frame, sight),
        Kind::OrderHeartbeatV1 => parser.parse::<OrderHeartbeatV1<'_>, S>(frame, sight),
    }
}
