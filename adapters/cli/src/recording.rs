//! Recordings: one text frame per line, each with or without the time at which it was received.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use gemini_ws::FRAME_BYTES_MAX;

use crate::ending::Failure;
use crate::output::Messages;
use crate::patient::Patient;
use crate::shown::Shown;

/// The maximum length of a receive time and its separator, in bytes.
const TIME_BYTES_MAX: usize = 64;

/// The maximum length of a line that is kept whole, in bytes. A frame that was cut here is still longer than
/// [`FRAME_BYTES_MAX`], and therefore malformed.
const LINE_BYTES_MAX: usize = FRAME_BYTES_MAX + TIME_BYTES_MAX;

const AHEAD_LINES_MAX: usize = 4_096;
const AHEAD_BYTES_MAX: usize = 16 << 20;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Line<'l> {
    /// The number of the line in the file, from 1.
    pub(crate) number: u64,
    /// The receive time, exactly as it is written in the line.
    pub(crate) time: Option<&'l str>,
    pub(crate) frame: &'l [u8],
}

const BUFFER_BYTES: usize = 1 << 16;

/// Files that are not text: their first bytes, their format, and the command that converts them to text.
const NO_TEXT: [(&[u8], &str, &str); 7] = [
    (b"\x1f\x8b", "compressed with gzip", "gzip -dc"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "zstd -dc"),
    (b"\xfd7zXZ\0", "compressed with xz", "xz -dc"),
    (b"BZh", "compressed with bzip2", "bzip2 -dc"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "lz4 -dc"),
    (b"\xff\xfe", "UTF-16", "iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "UTF-16", "iconv -f UTF-16 -t UTF-8"),
];

/// Reads a recording line by line and skips empty lines.
pub(crate) struct Recording {
    input: BufReader<Box<dyn Read + Send>>,
    name: String,
    line: Vec<u8>,
    number: u64,
    ahead: VecDeque<(u64, Vec<u8>)>,
}

impl Recording {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or begins like a compressed file or UTF-16.
    pub(crate) fn open(path: &Path, messages: &mut Messages) -> Result<Recording, Failure> {
        if path.as_os_str() != "-" {
            let file = File::open(path).map_err(|error| Failure::of_file(path, error))?;
            return Recording::new(Box::new(file), &path.display().to_string());
        }
        if io::stdin().is_terminal() {
            messages.say(&Shown::of("waiting for frames on standard input, one per line; Ctrl-D ends it"));
        }
        Recording::new(Box::new(Patient(io::stdin())), "standard input")
    }

    pub(crate) fn new(input: Box<dyn Read + Send>, name: &str) -> Result<Recording, Failure> {
        let input = BufReader::with_capacity(BUFFER_BYTES, input);
        let (name, line, ahead) = (name.to_owned(), Vec::new(), VecDeque::new());
        let mut recording = Recording { input, name, line, number: 0, ahead };
        recording.check()?;
        Ok(recording)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the next line was read from the input already.
    pub(crate) fn is_ready(&self) -> bool {
        let mut lines = self.input.buffer().split_inclusive(|byte| *byte == b'\n');
        let is_whole_line = |line: &[u8]| line.ends_with(b"\n") && !split(0, line).frame.is_empty();
        !self.ahead.is_empty() || lines.any(is_whole_line)
    }

    fn check(&mut self) -> Result<(), Failure> {
        let no_text =
            self.input.fill_buf().map(|start| NO_TEXT.iter().find(|(magic, ..)| start.starts_with(magic)));
        let Some((_, what, tool)) = no_text.map_err(|error| self.failure(error))? else { return Ok(()) };
        let name = if self.name == "standard input" { "" } else { &self.name };
        let space = if name.is_empty() { "" } else { " " };
        Err(self.failure(format_args!(
            "this is {what}; convert it to text first: {tool}{space}{name} | gemini-ws …"
        )))
    }

    fn failure(&self, what: impl std::fmt::Display) -> Failure {
        Failure::new(format_args!("{}: {what}", self.name))
    }

    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, Failure> {
        if let Some((number, line)) = self.ahead.pop_front() {
            self.line = line;
            return Ok(Some(split(number, &self.line)));
        }
        Ok(if self.read()? { Some(split(self.number, &self.line)) } else { None })
    }

    /// Reads ahead until `tell` returns `Some` for a frame, the recording ends, or a limit for reading ahead is
    /// reached. Returns the last result of `tell`.
    pub(crate) fn look_ahead<T>(
        &mut self,
        mut tell: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
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

    fn read(&mut self) -> Result<bool, Failure> {
        loop {
            self.line.clear();
            match self.read_line() {
                Ok(true) => self.number += 1,
                Ok(false) => return Ok(false),
                Err(error) => return Err(self.failure(error)),
            }
            if !split(self.number, &self.line).frame.is_empty() {
                return Ok(true);
            }
        }
    }

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

/// Splits a line into time and frame. The line is `FRAME`, or a time, an optional `:` or `,`, white space and
/// `FRAME`. Before a frame that begins with `{`, the white space may be missing.
///
/// A time is a number, or a date and time such as `2026-09-30T12:00:00.25Z`. It may be in quotes.
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
            // Text that is not a frame counts as one, so that the command reports it as malformed.
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
        let mut recording = Recording::new(Box::new(io::Cursor::new(text.to_vec())), "test").unwrap();
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
        for text in [&b""[..], b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n"] {
            assert_eq!(read(text), []);
        }
    }

    #[test]
    fn what_is_no_text_is_told_with_a_remedy() {
        let table: [(&[u8], Option<&str>); 6] = [
            (
                b"\x1f\x8b\x08\0",
                Some("test: this is compressed with gzip; convert it to text first: gzip -dc test |"),
            ),
            (b"\x28\xb5\x2f\xfd", Some("zstd -dc test")),
            (b"\xff\xfe{\0", Some("iconv -f UTF-16")),
            (b"\xef\xbb\xbf{}", None),
            (b"", None),
            (b"B", None),
        ];
        for (bytes, expected) in table {
            match (Recording::new(Box::new(io::Cursor::new(bytes)), "test"), expected) {
                (Err(Failure::Message(message)), Some(part)) => {
                    assert!(message.as_str().contains(part), "{message}");
                }
                (Ok(_), None) => {}
                (read, _) => panic!("{bytes:?}: {}", read.is_ok()),
            }
        }
    }

    #[test]
    fn a_line_is_ready_when_its_end_is() {
        let table: [(&str, &[bool]); 5] = [
            ("a\nb\nc", &[true, true, false]),
            ("a\n\n \r\nb\n", &[true, true, false]),
            ("a\n\n", &[true, false]),
            ("a\n\nb", &[true, false]),
            ("\n", &[false]),
        ];
        for (text, expected) in table {
            let mut recording = Recording::new(Box::new(io::Cursor::new(text)), "test").unwrap();
            let ready = expected.iter().map(|_| {
                let is_ready = recording.is_ready();
                recording.next().unwrap();
                is_ready
            });
            assert_eq!(ready.collect::<Vec<_>>(), expected, "{text:?}");
        }
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
