//! [`Values`]: the values that a reader decoded from a frame, as texts, so that two readers can be compared.

use std::str::FromStr;

use rust_decimal::Decimal;

use crate::book::Books;

/// A type into which a rival decodes.
pub(crate) trait Values {
    /// Appends all values, in a fixed order.
    fn values(&self, list: &mut Vec<String>);

    /// Applies the frame to the book of its symbol, if it changes a book.
    fn apply(&self, _books: &mut Books) {}
}

pub(crate) fn number(text: &str) -> String {
    Decimal::from_str(text).unwrap_or_else(|_| panic!("{text}")).normalize().to_string()
}

macro_rules! displayed {
    ($($kind:ty),*) => {$(
        impl Values for $kind {
            fn values(&self, list: &mut Vec<String>) {
                list.push(self.to_string());
            }
        }
    )*};
}

displayed!(u64, i64, u16, bool, f64, &str);

impl Values for Decimal {
    fn values(&self, list: &mut Vec<String>) {
        list.push(self.normalize().to_string());
    }
}

impl<T: Values> Values for Option<T> {
    fn values(&self, list: &mut Vec<String>) {
        match self {
            Some(value) => value.values(list),
            None => list.push("-".into()),
        }
    }
}

impl<T: Values> Values for Vec<T> {
    fn values(&self, list: &mut Vec<String>) {
        list.push(format!("{} elements", self.len()));
        self.iter().for_each(|element| element.values(list));
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => {$(
        impl<$($name: Values),+> Values for ($($name,)+) {
            #[expect(non_snake_case, reason = "the names of the types")]
            fn values(&self, list: &mut Vec<String>) {
                let ($($name,)+) = self;
                $($name.values(list);)+
            }
        }
    )*};
}

tuples!((A B) (A B C) (A B C D E F));
