//! The types into which the rivals decode: one for each kind of frame, with a derived `Deserialize`, borrowed texts
//! and `rust_decimal` numbers. The rivals know the kind of a frame in advance.

/// Declares types of the rivals. The [`Values`](crate::values::Values) of a type are in the order of its members.
macro_rules! typed {
    ($($name:ident $(<$life:lifetime>)? $(applied by $apply:path)? {
        $($(#[$attribute:meta])* $member:ident: $kind:ty,)*
    })*) => {$(
        #[derive(Debug, serde::Deserialize)]
        pub(crate) struct $name $(<$life>)? { $($(#[$attribute])* pub(super) $member: $kind,)* }

        impl $(<$life>)? crate::values::Values for $name $(<$life>)? {
            fn values(&self, list: &mut Vec<String>) {
                $(crate::values::Values::values(&self.$member, list);)*
            }

            $(fn apply(&self, books: &mut crate::book::Books) {
                $apply(self, books);
            })?
        }
    )*};
}

mod archived;
mod current;
mod private;
mod replies;

pub(crate) use archived::*;
pub(crate) use current::*;
pub(crate) use private::*;
pub(crate) use replies::*;
