//! Counters, gauges and histograms of the `metrics` facade. The documentation of the crate lists them.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use gemini_ws::{Client, Event, Instant, Output, RequestOutcome, Stats, UnixTime};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// The maximum number of requests in `sent`. Beyond it, the driver drops the oldest, and does not measure their
/// times.
const REQUESTS_MAX: usize = 1_024;

/// The maximum number of values of the label `cause`, except `other`.
const CAUSES_MAX: usize = 64;

pub(crate) struct Counted {
    frames: Counter,
    bytes: Counter,
    events: Counter,
    dropped: Counter,
    malformed_frames: Counter,
    malformed_elements: Counter,
    gaps: Counter,
    resyncs: Counter,
    connects: Counter,
    queue_depth: Gauge,
    data_age: Histogram,
    reply: Histogram,
    causes: BTreeSet<String>,
    /// The requests of the application that wait for a reply, and when each was sent; `None` before that.
    sent: VecDeque<(u64, Option<Instant>)>,
    /// The totals that this driver has already added to the counters.
    counted: Stats,
    /// The number of events that this driver has already added to the gauge.
    waiting: usize,
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").finish_non_exhaustive()
    }
}

impl Default for Counted {
    fn default() -> Counted {
        Counted {
            frames: counter!("gemini_ws_frames_total"),
            bytes: counter!("gemini_ws_bytes_total"),
            events: counter!("gemini_ws_events_total"),
            dropped: counter!("gemini_ws_dropped_events_total"),
            malformed_frames: counter!("gemini_ws_malformed_frames_total"),
            malformed_elements: counter!("gemini_ws_malformed_elements_total"),
            gaps: counter!("gemini_ws_gaps_total"),
            resyncs: counter!("gemini_ws_resyncs_total"),
            connects: counter!("gemini_ws_connects_total"),
            queue_depth: gauge!("gemini_ws_queue_depth"),
            data_age: histogram!("gemini_ws_data_age_seconds"),
            reply: histogram!("gemini_ws_reply_seconds"),
            causes: BTreeSet::new(),
            sent: VecDeque::new(),
            counted: Stats::default(),
            waiting: 0,
        }
    }
}

impl Counted {
    pub(crate) fn output(&mut self, output: &Output, now: Instant) {
        if let Output::Send { text, .. } = output
            && let Some(id) = request_id(text)
            && let Some((_, sent)) = self.sent.iter_mut().rev().find(|(of, _)| *of == id)
        {
            *sent = Some(now);
        }
    }

    pub(crate) fn event(&mut self, event: &Event<'_>, now: Instant) {
        self.events.increment(1);
        match event {
            Event::Disconnected { reason: why, .. } => {
                counter!("gemini_ws_disconnects_total", "cause" => self.cause(why)).increment(1);
            }
            Event::ConnectFailed { reason: why, .. } => {
                counter!("gemini_ws_connect_failures_total", "cause" => self.cause(why)).increment(1);
            }
            Event::Requested { request, .. } => {
                if self.sent.len() >= REQUESTS_MAX {
                    self.sent.pop_front();
                }
                self.sent.push_back((request.get(), None));
            }
            Event::Reply { request, outcome, .. } => {
                if let Some(place) = self.sent.iter().position(|(id, _)| *id == request.get())
                    && let Some((_, Some(sent))) = self.sent.remove(place)
                    && let RequestOutcome::Answered(_) = outcome
                {
                    self.reply.record(now.since(sent).as_secs_f64());
                }
            }
            Event::Batch(..) => self.ages(event),
            _ => self.age(event),
        }
    }

    /// Records the ages of the parts of a batch, unless it begins with a snapshot, whose trades may be old.
    fn ages(&self, batch: &Event<'_>) {
        if !matches!(batch.parts().next(), Some(Event::DepthSnapshot(..))) {
            batch.parts().for_each(|part| self.age(&part));
        }
    }

    fn age(&self, event: &Event<'_>) {
        let at = match event {
            Event::DepthUpdate(it, _) => it.event_time,
            Event::TopOfBook(it, _) => it.event_time,
            Event::BookTicker(it, _) => it.event_time,
            Event::Trade(it, _) => it.event_time,
            _ => None,
        };
        if let Some(at) = at {
            let now = i64::try_from(UnixTime::now().as_millis()).unwrap_or(i64::MAX);
            self.data_age.record(now.saturating_sub(at.as_millis()) as f64 / 1e3);
        }
    }

    fn cause(&mut self, reason: &dyn fmt::Display) -> String {
        let cause = reason.to_string();
        if self.causes.len() < CAUSES_MAX {
            self.causes.insert(cause.clone());
        }
        if self.causes.contains(&cause) { cause } else { "other".to_owned() }
    }

    pub(crate) fn dropped(&self, events: u64) {
        if events > 0 {
            self.dropped.increment(events);
        }
    }

    pub(crate) fn turn(&mut self, client: &Client, waiting: usize) {
        let stats = client.stats();
        let counted = std::mem::replace(&mut self.counted, stats.clone());
        // Add the difference only, because other drivers add to the same counters.
        for (counter, now, before) in [
            (&self.frames, stats.frames, counted.frames),
            (&self.bytes, stats.bytes, counted.bytes),
            (&self.malformed_frames, stats.malformed, counted.malformed),
            (&self.malformed_elements, stats.malformed_elements, counted.malformed_elements),
            (&self.gaps, stats.gaps, counted.gaps),
            (&self.resyncs, stats.resyncs, counted.resyncs),
            (&self.connects, stats.connects, counted.connects),
        ] {
            counter.increment(now.saturating_sub(before));
        }
        self.set_waiting(waiting);
    }

    fn set_waiting(&mut self, waiting: usize) {
        let before = std::mem::replace(&mut self.waiting, waiting);
        match waiting.checked_sub(before) {
            Some(more) => self.queue_depth.increment(more as f64),
            None => self.queue_depth.decrement(before.saturating_sub(waiting) as f64),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.set_waiting(0);
    }
}

fn request_id(text: &str) -> Option<u64> {
    let rest = text.strip_prefix("{\"id\":")?;
    rest.split([',', '}']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use gemini_ws::{Config, Endpoint, Lost, Replay, Scratch};
    use metrics::{HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};

    use super::*;

    /// The values of the label `cause` of all counters, and the number of values of all histograms.
    #[derive(Default)]
    struct Stored(Mutex<BTreeSet<String>>, Arc<Values>);

    #[derive(Default)]
    struct Values(Mutex<usize>);

    impl HistogramFn for Values {
        fn record(&self, _: f64) {
            *self.0.lock().unwrap() += 1;
        }
    }

    impl Recorder for Stored {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            self.0.lock().unwrap().extend(key.labels().map(|label| label.value().to_owned()));
            Counter::noop()
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::from_arc(Arc::clone(&self.1))
        }
    }

    /// The venue ends each of many links with a different close code.
    #[test]
    fn a_venue_does_not_choose_the_number_of_counters() {
        let mut client = Client::single(Config::new("ws://v"));
        client.open(Instant::ZERO).unwrap();
        let link = client.links().next().unwrap().0;
        let labels = Stored::default();
        metrics::with_local_recorder(&labels, || {
            let mut counted = Counted::default();
            for code in 4_000..4_999 {
                let reason = Lost::Closed { code: Some(code) };
                counted.event(&Event::Disconnected { link, reason, retry: None }, Instant::ZERO);
            }
        });
        let labels = labels.0.lock().unwrap();
        let has_first = labels.contains("closed by the peer with code 4000");
        assert!(labels.len() == CAUSES_MAX + 1 && labels.contains("other") && has_first, "{}", labels.len());
    }

    /// Frames of the archived APIs have ages too, except snapshots and the trades that come with them.
    #[test]
    fn ages_of_archived_market_data() {
        let v1 = |time: &str, entry: &str| {
            format!(r#"{{"type":"update","eventId":1,{time}"socket_sequence":0,"events":[{entry}]}}"#)
        };
        let change = r#"{"type":"change","side":"bid","price":"9","remaining":"1","delta":"1","reason":"initial","symbol":"BTCUSD"}"#;
        let trade =
            r#"{"type":"trade","tid":7,"price":"9","amount":"1","makerSide":"ask","symbol":"BTCUSD"}"#;
        let time = r#""timestamp":1,"timestampms":1000,"#;
        let later = change.replace("initial", "place");
        let l2 = |trades: &str| {
            format!(r#"{{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","9","1"]]{trades}}}"#)
        };
        let old = r#","trades":[{"type":"trade","symbol":"BTCUSD","event_id":7,"timestamp":1000,"price":"9","quantity":"1","side":"buy"}],"auction_events":[]"#;
        let rows = [
            (Endpoint::MarketDataV1, vec![v1("", change)], 0),
            (Endpoint::MarketDataV1, vec![v1("", change), v1(time, &later)], 1),
            (Endpoint::MarketDataV1, vec![v1("", change), v1(time, &format!("{later},{trade}"))], 2),
            (Endpoint::MarketDataV2, vec![l2(old)], 0),
        ];
        for (endpoint, frames, expected) in rows {
            let stored = Stored::default();
            metrics::with_local_recorder(&stored, || {
                let (mut counted, mut replay) = (Counted::default(), Replay::new(endpoint));
                for frame in &frames {
                    let mut scratch = Scratch::new();
                    counted.event(&replay.event(frame, &mut scratch).unwrap().unwrap(), Instant::ZERO);
                }
            });
            assert_eq!(*stored.1.0.lock().unwrap(), expected, "{frames:?}");
        }
    }

    #[test]
    fn numbers_of_requests() {
        let rows = [
            (r#"{"id":17,"method":"ping"}"#, Some(17)),
            (r#"{"id":3}"#, Some(3)),
            (r#"{"type":"subscribe","subscriptions":[]}"#, None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(request_id(text), expected, "{text}");
        }
    }
}
