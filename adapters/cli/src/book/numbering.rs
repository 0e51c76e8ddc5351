//! [`Numbering`]: checks the numbers that market data v1 gives to the frames of a connection.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub(super) struct Numbering {
    pub(super) jumps: u64,
    /// The number of skipped frame numbers in all `jumps` together.
    pub(super) lost_frames: u64,
    /// How many times a number was equal to the number before it, or lower without a restart.
    pub(super) repeated: u64,
    /// How many times the numbers started again at 0, with another connection.
    pub(super) restarts: u64,
    #[serde(skip)]
    last: Option<Frame>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Frame {
    pub(super) number: u64,
    /// `None` for heartbeats and other frames without changes.
    pub(super) event_id: Option<u64>,
}

/// Returns the number of a frame, if it has one. Frames of all kinds have numbers.
pub(super) fn number_of(frame: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Numbered {
        socket_sequence: u64,
    }
    serde_json::from_str::<Numbered>(frame).ok().map(|it| it.socket_sequence)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// The frame has the next number, or is the first frame.
    Next,
    /// The frame repeats the frame before it.
    Same,
    /// Frames are missing or out of order, or another frame has the same number. So the books may lack changes.
    Lost,
    Restart,
}

impl Numbering {
    pub(super) fn take(&mut self, frame: Frame) -> Step {
        let Some(before) = self.last.replace(frame) else { return Step::Next };
        if frame == before {
            self.repeated += 1;
            return Step::Same;
        }
        if frame.number == 0 {
            self.restarts += 1;
            return Step::Restart;
        }
        match frame.number.checked_sub(before.number) {
            Some(1) => return Step::Next,
            Some(distance @ 2..) => {
                self.jumps += 1;
                self.lost_frames = self.lost_frames.saturating_add(distance - 1);
            }
            None | Some(0) => self.repeated += 1,
        }
        Step::Lost
    }
}

impl fmt::Display for Numbering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Numbering { jumps, lost_frames, repeated, restarts, .. } = self;
        write!(f, "jumps={jumps} lost_frames={lost_frames} repeated={repeated} restarts={restarts}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        use Step::{Lost, Next, Restart, Same};
        // The frames, each with its number, its event id, and how it follows the frame before it. Then the counts:
        // jumps, lost frames, repeated frames, and restarts.
        type Case<'c> = (&'c [(u64, Option<u64>, Step)], [u64; 4]);
        let table: [Case<'_>; 8] = [
            (&[(0, Some(5), Next), (1, None, Next), (2, Some(6), Next)], [0, 0, 0, 0]),
            // A recording that begins in the middle of a connection has lost nothing.
            (&[(86, Some(5), Next), (87, Some(6), Next)], [0, 0, 0, 0]),
            (&[(0, Some(5), Next), (4, Some(6), Lost), (5, Some(7), Next)], [1, 3, 0, 0]),
            (&[(1, Some(5), Next), (1, Some(5), Same), (2, None, Next), (2, None, Same)], [0, 0, 2, 0]),
            // Two different frames have the same number.
            (&[(1, Some(5), Next), (1, Some(6), Lost), (2, Some(7), Next)], [0, 0, 1, 0]),
            (&[(9, Some(5), Next), (7, Some(6), Lost), (8, Some(7), Next)], [0, 0, 1, 0]),
            (&[(9, Some(5), Next), (0, Some(6), Restart), (0, Some(7), Restart)], [0, 0, 0, 2]),
            (&[(0, Some(5), Next), (u64::MAX, Some(6), Lost), (0, None, Restart)], [1, u64::MAX - 1, 0, 1]),
        ];
        for (frames, [jumps, lost_frames, repeated, restarts]) in table {
            let mut numbering = Numbering::default();
            for (number, event_id, step) in frames {
                let frame = Frame { number: *number, event_id: *event_id };
                assert_eq!(numbering.take(frame), *step, "{frame:?} of {frames:?}");
            }
            let last = numbering.last;
            assert_eq!(numbering, Numbering { jumps, lost_frames, repeated, restarts, last }, "{frames:?}");
        }
    }
}
