//! Events as JSON: their kind, their members, and their source.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::event::kinds::{each_data, each_fact};
use crate::event::source::Source;
use crate::event::{Event, Ignored};

#[derive(serde::Serialize)]
struct Data<'e, 'f, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(flatten)]
    said: &'e T,
    #[serde(flatten)]
    source: &'e Source<'f>,
}

impl Serialize for Event<'_> {
    /// Serializes a map with the kind of the event, the members of its payload, and the link and the subscription of
    /// its [`Source`], where they are known. For a [`Batch`](crate::Batch), the payload is its
    /// [message](crate::Batch::message). An [`Event::Ignored`] has the text of the frame instead of a link and a
    /// subscription.
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        macro_rules! data {
            ($($kind:ident $name:literal),*) => {
                match self {
                    $(Event::$kind(said, source) => Data { kind: Some($name), said, source }.serialize(s),)*
                    Event::Batch(said, source) => Data { kind: None, said, source }.serialize(s),
                    event => fact(event, s.serialize_map(None)?),
                }
            };
        }
        each_data!(data)
    }
}

fn fact<M: SerializeMap>(event: &Event<'_>, mut map: M) -> Result<M::Ok, M::Error> {
    macro_rules! members {
        ($name:literal $($member:ident)*) => {{
            map.serialize_entry("kind", $name)?;
            $(map.serialize_entry(stringify!($member), $member)?;)*
        }};
    }
    macro_rules! facts {
        ($($kind:ident $name:literal { $($member:ident),* }),*) => {
            match event {
                $(Event::$kind { $($member),* } => members!($name $($member)*),)*
                Event::Reply { link, request, about, outcome } => {
                    members!("reply" link request about outcome);
                }
                Event::Rejected { link, id, stream, error } => members!("rejected" link id stream error),
                Event::PeerClosing { link, code, reason } => members!("peer_closing" link code reason),
                Event::Ignored(Ignored { reason }, source) => {
                    let frame = source.frame();
                    members!("ignored" frame reason);
                }
                _ => {}
            }
        };
    }
    each_fact!(facts);
    map.end()
}
