//! Recordings: one text frame per line, each with or without the time at which it was received.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use gemini_ws::FRAME_BYTES_MAX;

use crate::failure::Failure;

/// The longest receive time, with what separates it from the frame.
const TIME_BYTES_MAX: usize = 64;

/// The longest line that is kept whole. What lies behind is skipped; a frame that fills it is longer
/// than [`FRAME_BYTES_MAX`] and malformed for that.
const LINE_BYTES_MAX: usize = FRAME_BYTES_MAX + TIME_BYTES_MAX;

/// The most that is read ahead.
const AHEAD_LINES_MAX: usize = 4_096;
const AHEAD_BYTES_MAX: usize = 16 << 20;

/// One line of a recording.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Line<'l> {
    /// Its number in the file, from 1.
    pub(crate) number: u64,
    /// The receive time, as it was written.
    pub(crate) time: Option<&'l str>,
    /// The frame.
    pub(crate) frame: &'l [u8],
}

/// Reads a recording line by line; lines without anything on them are passed over.
pub(crate) struct Recording {
    input: Box<dyn BufRead>,
    name: String,
    line: Vec<u8>,
    /// Of the line that was read last.
    number: u64,
    /// Lines that were looked at and not yet handed out.
    ahead: VecDeque<(u64, Vec<u8>)>,
}

impl Recording {
    /// Opens a file, or standard input for `-`.
    pub(crate) fn open(path: &Path) -> Result<Recording, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Recording::new(Box::new(io::stdin().lock()), "standard input"));
        }
        let file = File::open(path).map_err(|error| Failure::of_file(path, error))?;
        Ok(Recording::new(Box::new(BufReader::new(file)), &path.display().to_string()))
    }

    pub(crate) fn new(input: Box<dyn BufRead>, name: &str) -> Recording {
        Recording { input, name: name.to_owned(), line: Vec::new(), number: 0, ahead: VecDeque::new() }
    }

    /// The next line that has something on it; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, Failure> {
        if let Some((number, line)) = self.ahead.pop_front() {
            self.line = line;
            return Ok(Some(split(number, &self.line)));
        }
        Ok(if self.read()? { Some(split(self.number, &self.line)) } else { None })
    }

    /// Reads ahead to the first frame of which something can be told, or as far as is reasonable.
    pub(crate) fn look_ahead<T>(&mut self, tell: impl Fn(&[u8]) -> Option<T>) -> Result<Option<T>, Failure> {
        let (mut found, mut bytes) = (None, 0);
        while found.is_none()
            && self.ahead.len() < AHEAD_LINES_MAX
            && bytes < AHEAD_BYTES_MAX
            && self.read()?
        {
            found = tell(split(self.number, &self.line).frame);
            bytes += self.line.len();
            self.ahead.push_back((self.number, std::mem::take(&mut self.line)));
        }
        Ok(found)
    }

    /// Reads the next line that has something on it; whether there was one.
    fn read(&mut self) -> Result<bool, Failure> {
        loop {
            self.line.clear();
            match self.read_line() {
                Ok(true) => self.number += 1,
                Ok(false) => return Ok(false),
                Err(error) => return Err(Failure::Message(format!("{}: {error}", self.name))),
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// Whether there was a line.
    fn read_line(&mut self) -> io::Result<bool> {
        let limit = LINE_BYTES_MAX as u64;
        if self.input.by_ref().take(limit).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(false);
        }
        if self.line.len() == LINE_BYTES_MAX && self.line.last() != Some(&b'\n') {
            self.input.skip_until(b'\n')?;
        }
        Ok(true)
    }
}

/// Takes a line apart: `FRAME`, or a time, an optional `:` or `,`, white space and `FRAME`.
///
/// A time is a number (seconds, milliseconds, nanoseconds: it is not interpreted) or a date and time
/// such as `2026-09-30T12:00:00.25Z`, in quotes or not.
fn split(number: u64, line: &[u8]) -> Line<'_> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    let whole = Line { number, time: None, frame: line };
    let Some(end) = line.iter().take(TIME_BYTES_MAX).position(|byte| b" \t{".contains(byte)) else {
        return whole;
    };
    let (first, rest) = line.split_at(end);
    let time = first.strip_suffix(b":").or_else(|| first.strip_suffix(b",")).unwrap_or(first);
    let time = time.strip_prefix(b"\"").and_then(|time| time.strip_suffix(b"\"")).unwrap_or(time);
    let is_time = time.first().is_some_and(u8::is_ascii_digit)
        && time.iter().all(|byte| byte.is_ascii_digit() || b".:-+TZ".contains(byte));
    let rest = rest.trim_ascii_start();
    match str::from_utf8(time) {
        Ok(time) if is_time && !rest.is_empty() => Line { number, time: Some(time), frame: rest },
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        let table: [(&str, Option<&str>, &str); 15] = [
            ("{\"id\":1}", None, "{\"id\":1}"),
            ("  {\"id\":1}\r\n", None, "{\"id\":1}"),
            ("\u{feff}{}", None, "{}"),
            ("1790732602153 {}", Some("1790732602153"), "{}"),
            ("1790732602.153: {}", Some("1790732602.153"), "{}"),
            ("1790732602153000000\t{}\n", Some("1790732602153000000"), "{}"),
            ("1790732602153,{}", Some("1790732602153"), "{}"),
            ("1790732602153{}", Some("1790732602153"), "{}"),
            ("2026-09-30T12:00:00.25Z {}", Some("2026-09-30T12:00:00.25Z"), "{}"),
            ("2026-09-30T12:00:00+02:00, {}", Some("2026-09-30T12:00:00+02:00"), "{}"),
            ("\"17\", {}", Some("17"), "{}"),
            // Whatever is no frame is kept, so that it can be reported.
            ("17 rubbish", Some("17"), "rubbish"),
            ("17", None, "17"),
            ("rubbish {}", None, "rubbish {}"),
            ("[{}]", None, "[{}]"),
        ];
        for (line, time, frame) in table {
            let expected = Line { number: 3, time, frame: frame.as_bytes() };
            assert_eq!(split(3, line.as_bytes()), expected, "{line:?}");
        }
    }

    fn read(text: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut recording = Recording::new(Box::new(io::Cursor::new(text.to_vec())), "test");
        let mut lines = Vec::new();
        while let Some(line) = recording.next().unwrap() {
            lines.push((line.number, line.frame.to_vec()));
        }
        lines
    }

    #[test]
    fn empty_lines_are_counted_but_passed_over() {
        let expected = vec![(2, b"{}".to_vec()), (5, b"a\xff".to_vec())];
        assert_eq!(read(b"\n{}\n  \r\n\na\xff"), expected);
        assert_eq!(read(b""), []);
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_is_found() {
        let mut text = vec![b'x'; LINE_BYTES_MAX + 10];
        text.extend_from_slice(b"\n{}");
        let lines = read(&text);
        assert_eq!((lines[0].0, lines[0].1.len()), (1, LINE_BYTES_MAX));
        assert_eq!(lines[1], (2, b"{}".to_vec()));
    }
}
