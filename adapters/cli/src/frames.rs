//! [`Frames`]: the frames of a recording, with the endpoint of each.

use gemini_ws::Endpoint;

use crate::ending::Failure;
use crate::recording::{Line, Recording};

pub(crate) struct Frames {
    recording: Recording,
    endpoints: Endpoints,
}

enum Endpoints {
    /// The endpoint that the user named, for all frames.
    Given(Endpoint),
    /// The command guesses the endpoint of each frame. If a frame does not show its endpoint, it gets `last`, the
    /// endpoint of the frame before it. At the beginning, `last` is the endpoint of the first frame that shows one.
    Guessed { last: Option<Endpoint> },
}

impl Frames {
    pub(crate) fn new(recording: Recording, given: Option<Endpoint>) -> Frames {
        let guessed = Endpoints::Guessed { last: None };
        Frames { recording, endpoints: given.map_or(guessed, Endpoints::Given) }
    }

    pub(crate) fn name(&self) -> &str {
        self.recording.name()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.recording.is_ready()
    }

    pub(crate) fn next(&mut self) -> Result<Option<(Endpoint, Line<'_>)>, Failure> {
        let Frames { recording, endpoints } = self;
        if let Endpoints::Guessed { last: last @ None } = endpoints {
            // If no frame shows its endpoint, use the default endpoint.
            *last = Some(recording.look_ahead(guess)?.unwrap_or_default());
        }
        let Some(line) = recording.next()? else { return Ok(None) };
        let endpoint = match endpoints {
            Endpoints::Given(endpoint) => *endpoint,
            Endpoints::Guessed { last } => {
                *last = guess(line.frame).or(*last);
                last.unwrap_or_default()
            }
        };
        Ok(Some((endpoint, line)))
    }
}

fn guess(frame: &[u8]) -> Option<Endpoint> {
    Endpoint::guess(str::from_utf8(frame).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Endpoint::{MarketDataV1 as V1, MarketDataV2 as V2, OrderEventsV1 as Orders, Streams};

    fn endpoints(lines: &str, given: Option<Endpoint>) -> Vec<(u64, Endpoint)> {
        let recording = Recording::new(Box::new(std::io::Cursor::new(lines.to_owned())), "test").unwrap();
        let (mut frames, mut found) = (Frames::new(recording, given), Vec::new());
        while let Some((endpoint, line)) = frames.next().unwrap() {
            found.push((line.number, endpoint));
        }
        found
    }

    #[test]
    fn endpoints_of_frames() {
        let refusal = r#"{"result":"error","reason":"Maintenance"}"#;
        let stream = r#"{"id":1,"status":200}"#;
        let v2 = r#"{"timestamp":1,"type":"heartbeat"}"#;
        let v1 = r#"{"type":"heartbeat","socket_sequence":3}"#;
        let news = r#"{"type":"news","socket_sequence":4}"#;
        let orders = r#"{"type":"heartbeat","socket_sequence":3,"trace_id":"a"}"#;
        let table: [(&[&str], Option<Endpoint>, &[Endpoint]); 11] = [
            (&[], None, &[]),
            (&[stream, v2, v1, orders, "[]"], None, &[Streams, V2, V1, Orders, Orders]),
            (&[stream, v2, v1, orders, "[]"], Some(V1), &[V1; 5]),
            // A frame that shows no endpoint has the endpoint of the frame before it. At the beginning, it has the
            // endpoint of the first frame that shows one.
            (&[v2, refusal], None, &[V2, V2]),
            (&[v1, refusal, orders, refusal], None, &[V1, V1, Orders, Orders]),
            (&[news, v1, news, orders, news], None, &[V1, V1, V1, Orders, Orders]),
            (&[refusal, "rubbish", v1, v2], None, &[V1, V1, V1, V2]),
            (&["{\"cut", v2], None, &[V2, V2]),
            (&[refusal, refusal], None, &[Streams, Streams]),
            (&[refusal], Some(Orders), &[Orders]),
            (&["17 [{}]"], None, &[Orders]),
        ];
        for (lines, given, expected) in table {
            // The first line is empty, so the frames begin at line 2.
            let expected: Vec<_> = (2..).zip(expected.iter().copied()).collect();
            assert_eq!(endpoints(&format!("\n{}", lines.join("\n")), given), expected, "{lines:?}");
        }
    }
}
