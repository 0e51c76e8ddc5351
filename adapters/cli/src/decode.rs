//! `gemini-ws decode`: each frame of a recording as one JSON object.

use std::io::{self, BufWriter, Write};

use gemini_ws::{Message, Scratch, decode};

use crate::arguments::Decode;
use crate::failure::Failure;
use crate::json::{self, Timed, Undecodable};
use crate::recording::Recording;

/// What became of the frames.
#[derive(Debug, Default)]
struct Counts {
    frames: u64,
    malformed: u64,
    unrecognized: u64,
}

/// Decodes a recording onto standard output. Frames that cannot be decoded are reported there too;
/// their number goes to standard error.
pub(crate) fn run(options: &Decode) -> Result<(), Failure> {
    let mut recording = Recording::open(&options.file)?;
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let counts = decode_all(&mut recording, &mut out)?;
    out.flush().map_err(|error| Failure::of_output(&error))?;
    if counts.malformed > 0 || counts.unrecognized > 0 {
        let Counts { frames, malformed, unrecognized } = counts;
        eprintln!("gemini-ws: of {frames} frames, {malformed} malformed and {unrecognized} unrecognized");
    }
    Ok(())
}

fn decode_all(recording: &mut Recording, out: &mut impl Write) -> Result<Counts, Failure> {
    let (mut counts, mut scratch) = (Counts::default(), Scratch::new());
    while let Some(line) = recording.next()? {
        counts.frames += 1;
        let written = match str::from_utf8(line.frame) {
            Ok(frame) => match decode(frame, &mut scratch) {
                Ok(message) => {
                    counts.unrecognized += u64::from(matches!(message, Message::Unrecognized(_)));
                    json::write_message(out, line.time, &message)
                }
                Err(error) => {
                    counts.malformed += 1;
                    let body = Undecodable::new(frame, error).at_line(line.number);
                    json::write_line(out, &Timed { time: line.time, body })
                }
            },
            Err(error) => {
                counts.malformed += 1;
                let body = Undecodable::no_utf8(line.frame, error.valid_up_to()).at_line(line.number);
                json::write_line(out, &Timed { time: line.time, body })
            }
        };
        written.map_err(|error| Failure::of_output(&error))?;
    }
    Ok(counts)
}
