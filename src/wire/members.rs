//! [`Members`]: the members of an object, read as what they should be.

use super::names::{Names, SLOTS, STREAM_NAMES};
use super::scratch::Scratch;
use super::table::{Member, Sides, Token, market_decimal, object};
use crate::json::cursor::Cursor;
use crate::json::error::{DecodeError, DecodeErrorKind};
use crate::message::{Level, List, Number, RawJson, Read, Text};
use crate::value::decimal::Decimal;
use crate::value::side::Side;
use crate::value::symbol::Symbol;
use crate::value::time::Timestamp;

/// The members of one object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Members<'f, 't> {
    frame: &'f str,
    /// Just behind the object.
    end: usize,
    pub(super) present: u128,
    names: &'static Names,
    table: &'t [Member],
    bids: &'t [Level],
    asks: &'t [Level],
}

/// Reads a whole frame.
pub(super) fn scan<'f>(
    frame: &'f str,
    names: &'static Names,
    table: &'f mut [Member; SLOTS],
) -> Result<Members<'f, 'f>, DecodeError> {
    let (present, end) = whole(frame, names, table, None)?;
    Ok(Members { frame, end, present, names, table, bids: &[], asks: &[] })
}

/// Reads a whole frame of the current API, levels included.
pub(super) fn scan_stream<'f>(
    frame: &'f str,
    scratch: &'f mut Scratch,
) -> Result<Members<'f, 'f>, DecodeError> {
    let Scratch { members: table, bids, asks, .. } = scratch;
    bids.clear();
    asks.clear();
    let names = &STREAM_NAMES;
    let (present, end) = whole(frame, names, table, Some((bids, asks)))?;
    Ok(Members { frame, end, present, names, table, bids, asks })
}

fn whole(
    frame: &str,
    names: &'static Names,
    table: &mut [Member],
    sides: Option<Sides<'_>>,
) -> Result<(u128, usize), DecodeError> {
    let mut cursor = Cursor::new(frame);
    let present = object(frame, &mut cursor, names, table, sides)?;
    let end = cursor.offset();
    cursor.finish()?;
    Ok((present, end))
}

/// Reads an object within a frame, and takes it; `see` is shown its members.
pub(super) fn within<'f, T>(
    frame: &'f str,
    cursor: &mut Cursor<'f>,
    names: &'static Names,
    see: impl FnOnce(&Members<'f, '_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    // A small table is soon made.
    const FEW: usize = 48;
    let (mut few, mut many);
    let table: &mut [Member] = if names.slots <= FEW {
        few = [Member::EMPTY; FEW];
        &mut few
    } else {
        many = [Member::EMPTY; SLOTS];
        &mut many
    };
    let present = object(frame, cursor, names, table, None)?;
    see(&Members { frame, end: cursor.offset(), present, names, table, bids: &[], asks: &[] })
}

impl<'f, 't> Members<'f, 't> {
    pub(super) const fn has(&self, slots: u128) -> bool {
        self.present & slots == slots
    }

    pub(super) const fn frame(&self) -> &'f str {
        self.frame
    }

    /// An error about a member, at its value, or at the end of the frame if it is not there.
    pub(super) fn error(&self, slot: u8, kind: DecodeErrorKind) -> DecodeError {
        let offset = self.get(slot).map_or(self.end.saturating_sub(1), |member| member.start as usize);
        DecodeError::of_member(kind, offset, self.names.name(slot))
    }

    #[inline]
    fn get(&self, slot: u8) -> Option<&'t Member> {
        if self.present & (1 << slot) == 0 { None } else { self.table.get(usize::from(slot)) }
    }

    #[inline]
    fn require(&self, slot: u8) -> Result<&'t Member, DecodeError> {
        self.get(slot).ok_or_else(|| self.error(slot, DecodeErrorKind::Missing))
    }

    #[inline]
    fn slice(&self, member: &Member) -> &'f str {
        self.frame.get(member.start as usize..member.end as usize).unwrap_or_default()
    }

    /// A string without escapes, such as a name.
    #[inline]
    pub(super) fn plain(&self, slot: u8) -> Result<&'f str, DecodeError> {
        let member = self.require(slot)?;
        match member.token {
            Token::Text { escaped: false } | Token::Decimal(_) => Ok(self.slice(member)),
            Token::Text { escaped: true } => Err(self.error(slot, DecodeErrorKind::Escape)),
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// A symbol that a [`Symbol`] can be, so that nobody has to skip one that it cannot.
    #[inline]
    pub(super) fn symbol(&self, slot: u8) -> Result<&'f str, DecodeError> {
        let text = self.plain(slot)?;
        if Symbol::accepts(text) { Ok(text) } else { Err(self.error(slot, DecodeErrorKind::Symbol)) }
    }

    /// A string, if the member is there and is one.
    pub(super) fn text_if_any(&self, slot: u8) -> Option<Text<'f>> {
        let member = self.get(slot)?;
        match member.token {
            Token::Text { .. } | Token::Decimal(_) => Some(Text(self.slice(member))),
            _ => None,
        }
    }

    /// A text that says something exactly: without half a surrogate pair.
    pub(super) fn text(&self, slot: u8) -> Result<Text<'f>, DecodeError> {
        self.require(slot)?;
        let text = self.text_if_any(slot).ok_or_else(|| self.error(slot, DecodeErrorKind::Type))?;
        if text.is_whole() { Ok(text) } else { Err(self.error(slot, DecodeErrorKind::Escape)) }
    }

    /// A text, or a number as one.
    pub(super) fn word(&self, slot: u8) -> Result<Text<'f>, DecodeError> {
        let member = self.require(slot)?;
        match member.token {
            Token::Integer { .. } | Token::Number => Ok(Text(self.slice(member))),
            _ => self.text(slot),
        }
    }

    /// An integer, which [may be written as text](crate::protocol::quirks#codes-as-text): its sign and magnitude.
    #[inline]
    fn integer(&self, slot: u8) -> Result<(bool, u64), DecodeError> {
        let member = self.require(slot)?;
        match member.token {
            Token::Integer { negative, magnitude } => Ok((negative, magnitude)),
            Token::Text { .. } | Token::Decimal(_) => {
                let text = self.slice(member);
                let (negative, digits) =
                    text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
                let parsed = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok());
                let magnitude = parsed.flatten();
                magnitude.map(|it| (negative, it)).ok_or_else(|| self.error(slot, DecodeErrorKind::Integer))
            }
            Token::Number => Err(self.error(slot, DecodeErrorKind::Integer)),
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    #[inline]
    pub(super) fn unsigned(&self, slot: u8) -> Result<u64, DecodeError> {
        match self.integer(slot)? {
            (false, magnitude) | (true, magnitude @ 0) => Ok(magnitude),
            (true, _) => Err(self.error(slot, DecodeErrorKind::Integer)),
        }
    }

    #[inline]
    pub(super) fn signed(&self, slot: u8) -> Result<i64, DecodeError> {
        let value = match self.integer(slot)? {
            (false, magnitude) => i64::try_from(magnitude).ok(),
            (true, magnitude) => 0_i64.checked_sub_unsigned(magnitude),
        };
        value.ok_or_else(|| self.error(slot, DecodeErrorKind::Integer))
    }

    #[inline]
    pub(super) fn nanoseconds(&self, slot: u8) -> Result<Timestamp, DecodeError> {
        self.signed(slot).map(Timestamp::from_nanos)
    }

    pub(super) fn milliseconds(&self, slot: u8) -> Result<Timestamp, DecodeError> {
        let time = Timestamp::from_millis(self.signed(slot)?);
        time.ok_or_else(|| self.error(slot, DecodeErrorKind::Integer))
    }

    pub(super) fn seconds(&self, slot: u8) -> Result<Timestamp, DecodeError> {
        let time = Timestamp::from_secs(self.signed(slot)?);
        time.ok_or_else(|| self.error(slot, DecodeErrorKind::Integer))
    }

    /// The side of an order.
    pub(super) fn side(&self, slot: u8) -> Result<Side, DecodeError> {
        let text = self.text(slot)?;
        let is = |name: &str| text.chars().map(|it| it.to_ascii_uppercase()).eq(name.chars());
        match () {
            () if is("BUY") => Ok(Side::Buy),
            () if is("SELL") => Ok(Side::Sell),
            () => Err(self.error(slot, DecodeErrorKind::Side)),
        }
    }

    pub(super) fn boolean(&self, slot: u8) -> Result<bool, DecodeError> {
        match self.require(slot)?.token {
            Token::Boolean(value) => Ok(value),
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// A price or quantity.
    #[inline]
    pub(super) fn decimal(&self, slot: u8) -> Result<Decimal, DecodeError> {
        let member = self.require(slot)?;
        match member.token {
            Token::Decimal(decimal) => Ok(decimal),
            Token::Text { .. } | Token::Integer { .. } | Token::Number => {
                market_decimal(self.slice(member).as_bytes()).map_err(|kind| self.error(slot, kind))
            }
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// A decimal that may be negative.
    pub(super) fn signed_decimal(&self, slot: u8) -> Result<Decimal, DecodeError> {
        let member = self.require(slot)?;
        let text = self.slice(member).as_bytes();
        match self.decimal(slot) {
            Err(error) if error.kind() == DecodeErrorKind::Negative => {
                Decimal::parse(text).map_err(|_| self.error(slot, DecodeErrorKind::Decimal))
            }
            other => other,
        }
    }

    /// One side of a ticker. [Empty text](crate::protocol::quirks#empty-side-of-a-ticker), a zero and an
    /// absent side are no level.
    #[inline]
    pub(super) fn best(&self, price: u8, quantity: u8) -> Result<Option<Level>, DecodeError> {
        let part = |slot: u8| match self.get(slot) {
            None => Ok(None),
            Some(Member { token: Token::Text { .. }, start, end }) if start == end => Ok(None),
            Some(_) => self.decimal(slot).map(|decimal| Some(decimal).filter(|decimal| !decimal.is_zero())),
        };
        let (price, quantity) = (part(price)?, part(quantity)?);
        Ok(price.zip(quantity).map(|(price, quantity)| Level { price, quantity }))
    }

    #[inline]
    pub(super) fn bids(&self, slot: u8) -> Result<&'t [Level], DecodeError> {
        self.levels(slot, self.bids)
    }

    #[inline]
    pub(super) fn asks(&self, slot: u8) -> Result<&'t [Level], DecodeError> {
        self.levels(slot, self.asks)
    }

    fn levels(&self, slot: u8, side: &'t [Level]) -> Result<&'t [Level], DecodeError> {
        match self.require(slot)?.token {
            Token::Levels { start, end } => Ok(side.get(start as usize..end as usize).unwrap_or_default()),
            Token::NoLevels(error) => {
                Err(DecodeError::of_member(error.kind(), error.offset(), self.names.name(slot)))
            }
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// Any value, as it stands.
    pub(super) fn raw_if_any(&self, slot: u8) -> Option<RawJson<'f>> {
        let member = self.get(slot)?;
        let (start, end) = (member.start as usize, member.end as usize);
        let range = match member.token {
            // With its quotes.
            Token::Text { .. } | Token::Decimal(_) => start.wrapping_sub(1)..end.wrapping_add(1),
            _ => start..end,
        };
        self.frame.get(range).map(RawJson)
    }

    /// The cursor at the object that a member is.
    pub(super) fn object(&self, slot: u8) -> Result<Cursor<'f>, DecodeError> {
        let member = self.require(slot)?;
        match member.token {
            Token::Object => Ok(Cursor::at(self.frame, member.start as usize)),
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// What a member is read as by which nobody accounts: if it cannot be read, it is as if it were not there.
    #[inline]
    pub(super) fn informs<T>(
        &self,
        slot: u8,
        read: impl FnOnce(&Self, u8) -> Result<T, DecodeError>,
    ) -> Option<T> {
        if self.has(1 << slot) { read(self, slot).ok() } else { None }
    }

    /// A text that informs. An empty one is none.
    pub(super) fn label(&self, slot: u8) -> Option<Text<'f>> {
        self.text_if_any(slot).filter(|text| !text.raw().is_empty())
    }

    /// A number that informs.
    pub(super) fn figure(&self, slot: u8) -> Option<Number<'f>> {
        self.informs(slot, Members::number)
    }

    /// What a member is read as, if it is there.
    #[inline]
    pub(super) fn if_any<T>(
        &self,
        slot: u8,
        read: impl FnOnce(&Self, u8) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.has(1 << slot) { read(self, slot).map(Some) } else { Ok(None) }
    }

    /// The same for members that may be left out when they are empty: an empty text is none.
    pub(super) fn unless_empty<T>(
        &self,
        slot: u8,
        read: impl FnOnce(&Self, u8) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        match self.get(slot) {
            Some(Member { token: Token::Text { .. }, start, end }) if start == end => Ok(None),
            _ => self.if_any(slot, read),
        }
    }

    /// A number of any length that may be negative.
    pub(super) fn number(&self, slot: u8) -> Result<Number<'f>, DecodeError> {
        let member = self.require(slot)?;
        match member.token {
            Token::Decimal(_) => Ok(Number(self.slice(member))),
            Token::Text { .. } | Token::Integer { .. } | Token::Number => {
                let number = Number::read(self.slice(member));
                number.ok_or_else(|| self.error(slot, DecodeErrorKind::Decimal))
            }
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// An array, all elements of which are read once.
    pub(super) fn list<T: Read<'f>>(&self, slot: u8) -> Result<List<'f, T>, DecodeError> {
        self.list_of(slot, |_| {})
    }

    /// The same; `see` is shown each element.
    pub(super) fn list_of<T: Read<'f>>(
        &self,
        slot: u8,
        mut see: impl FnMut(T),
    ) -> Result<List<'f, T>, DecodeError> {
        let member = self.require(slot)?;
        let mut elements = self.array(slot)?;
        while elements.more()? {
            see(T::read(self.frame, &mut elements.cursor).map_err(|error| self.at(slot, error))?);
        }
        Ok(List::new(self.slice(member)))
    }

    /// The elements of an array, for who reads them one by one.
    pub(super) fn array(&self, slot: u8) -> Result<Array<'f>, DecodeError> {
        let member = self.require(slot)?;
        match member.token {
            Token::Array | Token::Levels { .. } | Token::NoLevels(_) => {
                Ok(Array { cursor: Cursor::at(self.frame, member.start as usize), begun: false })
            }
            _ => Err(self.error(slot, DecodeErrorKind::Type)),
        }
    }

    /// An error of an element of a member, which names the member if it does not name another.
    pub(super) fn at(&self, slot: u8, error: DecodeError) -> DecodeError {
        match (error.member(), error.kind()) {
            (Some(_), _) => error,
            // What is an object elsewhere is none here.
            (None, DecodeErrorKind::NotAnObject) => {
                DecodeError::of_member(DecodeErrorKind::Type, error.offset(), self.names.name(slot))
            }
            (None, kind) => DecodeError::of_member(kind, error.offset(), self.names.name(slot)),
        }
    }
}

/// Takes a value, as it stands.
pub(super) fn element<'f>(frame: &'f str, cursor: &mut Cursor<'f>) -> Result<RawJson<'f>, DecodeError> {
    cursor.peek();
    let start = cursor.offset();
    cursor.skip(1)?;
    Ok(RawJson(frame.get(start..cursor.offset()).unwrap_or_default()))
}

/// The elements of an array that is known to be JSON.
#[derive(Clone, Debug)]
pub(super) struct Array<'f> {
    pub(super) cursor: Cursor<'f>,
    begun: bool,
}

impl<'f> Array<'f> {
    /// An array that the cursor stands at.
    pub(super) fn at(cursor: Cursor<'f>) -> Array<'f> {
        Array { cursor, begun: false }
    }

    /// Whether the cursor stands at an element now, which is to be taken.
    pub(super) fn more(&mut self) -> Result<bool, DecodeError> {
        let more = if self.begun {
            self.cursor.another(b']')?
        } else {
            self.begun = true;
            self.cursor.expect(b'[')?;
            let empty = self.cursor.peek() == b']';
            if empty {
                self.cursor.advance(1);
            }
            !empty
        };
        self.cursor.peek();
        Ok(more)
    }
}

/// The members `code` and `msg` of an error, as far as they can be read; the cursor stands at its bracket.
pub(super) fn code_and_message<'f>(
    frame: &'f str,
    mut cursor: Cursor<'f>,
) -> Result<(Option<i64>, Option<Text<'f>>), DecodeError> {
    // Of two, the last one counts, so nothing is read before the end.
    let (mut code, mut message) = (None, None);
    cursor.expect(b'{')?;
    if cursor.peek() == b'}' {
        return Ok((None, None));
    }
    loop {
        let key = cursor.key()?;
        let key = Text(frame.get(key.start..key.end).unwrap_or_default());
        cursor.peek();
        let start = cursor.offset();
        cursor.skip(2)?;
        let value = frame.get(start..cursor.offset()).unwrap_or_default();
        if key == *"code" {
            code = Some(value);
        } else if key == *"msg" {
            message = unquoted(value).map(Text);
        }
        if !cursor.another(b'}')? {
            break;
        }
    }
    Ok((code.and_then(|digits| unquoted(digits).unwrap_or(digits).parse().ok()), message))
}

fn unquoted(value: &str) -> Option<&str> {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"'))
}
