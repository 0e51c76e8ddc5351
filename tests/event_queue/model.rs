//! Compares the queue with a plain model.

use std::collections::BTreeMap;

use gemini_ws::{EventQueue, Overflow};
use proptest::prelude::*;

use super::words::{Word, push, take};

/// A model of the queue that applies its rules to one list.
struct Model {
    overflow: Overflow,
    events_max: usize,
    /// The events, each with its place in the order in which they were pushed.
    list: Vec<(u64, Word)>,
    next: u64,
    /// For each stream, how many events were dropped, and the place of the first of them.
    losses: BTreeMap<char, (u64, u64)>,
    /// The next outputs: `Overflow` events, and the event after them, which no later push drops or replaces.
    ready: Vec<String>,
}

impl Model {
    fn new(overflow: Overflow, events_max: usize) -> Model {
        Model { overflow, events_max, list: Vec::new(), next: 0, losses: BTreeMap::new(), ready: Vec::new() }
    }

    fn is_replaceable(&self, stream: char) -> bool {
        self.overflow == Overflow::Latest && stream.is_ascii_uppercase()
    }

    fn push(&mut self, word: Word) {
        let (stream, _) = word;
        let replaceable = self.is_replaceable(stream);
        if replaceable && let Some(at) = self.list.iter().position(|(_, other)| other.0 == stream) {
            if self.list[at..].iter().all(|(_, other)| other.0 != '!') {
                self.list[at].1 = word;
                return;
            }
            self.list.remove(at);
        }
        if stream != '!' {
            let shares = |of: Word| of.0 != '!' && self.is_replaceable(of.0) == replaceable;
            let room: Vec<usize> = (0..self.list.len()).filter(|at| shares(self.list[*at].1)).collect();
            if room.len() >= self.events_max {
                let (place, gone) = self.list.remove(room[0]);
                let loss = self.losses.entry(gone.0).or_insert((0, place));
                *loss = (loss.0 + 1, loss.1.min(place));
            }
        }
        self.list.push((self.next, word));
        self.next += 1;
    }

    fn take(&mut self) -> Option<String> {
        if self.ready.is_empty() {
            let first = (!self.list.is_empty()).then(|| self.list.remove(0));
            let mut losses: Vec<_> = self.losses.iter().map(|(stream, (_, due))| (*due, *stream)).collect();
            losses.sort_unstable();
            let is_due = |due: u64| first.is_none_or(|(number, _)| due <= number);
            let mut announced: Vec<char> =
                losses.into_iter().filter(|(due, _)| is_due(*due)).map(|(_, stream)| stream).collect();
            announced.extend(first.map(|(_, word)| word.0));
            for stream in announced {
                let loss = self.losses.remove(&stream);
                self.ready.extend(loss.map(|(dropped, _)| format!("{stream}+{dropped}")));
            }
            self.ready.extend(first.map(|(_, (stream, number))| format!("{stream}{number}")));
        }
        (!self.ready.is_empty()).then(|| self.ready.remove(0))
    }

    fn len(&self) -> usize {
        self.list.len() + usize::from(self.ready.iter().any(|it| !it.contains('+')))
    }
}

/// A consumer that checks the order of the events that it takes, and the reported losses, independently of the model.
#[derive(Default)]
struct Consumer {
    /// For each stream, the number of the last event, and how many were reported as dropped since.
    seen: BTreeMap<char, (u64, u64)>,
    /// The streams whose losses were reported since the last event of any stream.
    announced: Vec<char>,
}

impl Consumer {
    fn take(&mut self, taken: &str, overflow: Overflow) {
        let stream = taken.chars().next().unwrap();
        let replaced = overflow == Overflow::Latest && stream.is_ascii_uppercase();
        let (last, dropped) = self.seen.entry(stream).or_default();
        if let Some(more) = taken[1..].strip_prefix('+') {
            assert!(!self.announced.contains(&stream), "twice before an event: {taken}");
            self.announced.push(stream);
            *dropped += more.parse::<u64>().unwrap();
        } else {
            let number: u64 = taken[1..].parse().unwrap();
            assert!(number > *last, "out of order: {taken}");
            let missing = number - *last - 1;
            assert!(replaced || missing == *dropped, "{missing} are missing: {taken}");
            assert!(stream != '!' || missing == 0, "a fact was lost: {taken}");
            (*last, *dropped) = (number, 0);
            self.announced.clear();
        }
    }
}

fn policy() -> impl Strategy<Value = Overflow> {
    prop_oneof![Just(Overflow::Block), Just(Overflow::DropOldest), Just(Overflow::Latest)]
}

proptest! {
    /// I-36, I-44, I-45: the queue returns what the model returns, in order, and reports every loss once.
    #[test]
    fn agrees_with_a_plain_model(
        overflow in policy(),
        events_max in 1_usize..8,
        steps in prop::collection::vec(prop_oneof![3 => Just(' '), 2 => Just('a'), 2 => Just('b'), 2 => Just('A'), 1 => Just('B'), 1 => Just('C'), 1 => Just('!')], 0..120),
    ) {
        let mut queue = EventQueue::new(overflow).events_max(events_max);
        let mut model = Model::new(overflow, events_max);
        let (mut consumer, mut pushed, mut taken) = (Consumer::default(), 0_u64, 0_u64);
        let mut numbers = BTreeMap::new();
        let mut take = |queue: &mut EventQueue, model: &mut Model| {
            let (one, other) = (take(queue), model.take());
            assert_eq!(one, other);
            if let Some(it) = &one {
                consumer.take(it, overflow);
                taken += u64::from(!it.contains('+'));
            }
            one.is_some()
        };
        for stream in steps {
            if stream == ' ' {
                take(&mut queue, &mut model);
                continue;
            }
            let number = numbers.entry(stream).and_modify(|number| *number += 1).or_insert(1_u64);
            push(&mut queue, (stream, *number));
            model.push((stream, *number));
            pushed += 1;
            prop_assert_eq!(queue.len(), model.len());
        }
        while take(&mut queue, &mut model) {}
        prop_assert!(queue.is_empty());
        // I-35: every event is exactly one of taken, dropped or replaced.
        prop_assert_eq!(pushed, taken + queue.dropped() + queue.replaced());
    }
}
