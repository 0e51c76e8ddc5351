//! Tests the limits of the queue.

use gemini_ws::{Event, EventQueue, Overflow, RESERVED_EVENTS_MAX, Scratch};

use super::words::{event, frame, push, snapshot, take_all};

/// L-117: a million frames come, and no event is taken. The memory stays below its limit, and the queue reports how
/// many events it has dropped.
#[test]
fn l_117_a_queue_has_a_bound() {
    const FRAMES: u64 = 1_000_000;
    for overflow in [Overflow::Block, Overflow::DropOldest, Overflow::Latest] {
        let mut queue = EventQueue::new(overflow).events_max(1_000);
        let (frame, mut scratch) = (frame(('a', 1)), Scratch::new());
        let trade = event(&frame, &mut scratch);
        let used = allocation_counter::measure(|| {
            for _ in 0..FRAMES {
                queue.push(&trade);
            }
        });
        assert!(used.bytes_max < 2 << 20, "{overflow:?}: {} bytes", used.bytes_max);
        assert!(queue.len() == 1_000 && queue.bytes() < 1 << 20, "{} bytes", queue.bytes());
        let Event::Overflow { dropped, .. } = queue.take().unwrap().as_event() else { panic!() };
        assert_eq!((dropped, queue.dropped()), (FRAMES - 1_000, FRAMES - 1_000));
        assert_eq!(queue.dropped_facts(), 0);
    }
}

/// The limit applies to the bytes of events. An empty queue accepts an event that is larger than the limit.
#[test]
fn bytes() {
    const MAX: usize = 1 << 20;
    let mut queue = EventQueue::new(Overflow::DropOldest).bytes_max(MAX);
    let book = snapshot("a", 1, 4_000);
    let mut scratch = Scratch::new();
    let book = event(&book, &mut scratch);
    for _ in 0..100 {
        queue.push(&book);
        assert!(queue.bytes() < MAX + 300_000, "{} bytes", queue.bytes());
    }
    assert!(queue.len() > 3 && queue.dropped() + queue.len() as u64 == 100, "{} wait", queue.len());
    // An empty queue accepts an event even if its limit is zero bytes.
    let mut queue = EventQueue::new(Overflow::Block).bytes_max(0);
    queue.push(&book);
    assert!(!queue.has_room());
    queue.push(&book);
    assert_eq!((queue.len(), queue.dropped()), (1, 1));
}

/// Once a queue has grown to its limit, pushing an event allocates only the copy of the event.
#[test]
fn allocations() {
    let mut queue = EventQueue::new(Overflow::DropOldest).events_max(100);
    let (frame, mut scratch) = (frame(('a', 1)), Scratch::new());
    let trade = event(&frame, &mut scratch);
    (0..200).for_each(|_| queue.push(&trade));
    let used = allocation_counter::measure(|| (0..1_000).for_each(|_| queue.push(&trade)));
    // Only the copy of the event's texts allocates. Memory for the `Overflow` event exists already.
    assert!(used.count_total <= 2 * 1_000, "{} allocations", used.count_total);
    assert_eq!(used.count_current, 0);
}

/// The queue reports the losses of at most 1,024 streams separately, and those of all others with one event.
#[test]
fn many_streams() {
    let mut queue = EventQueue::new(Overflow::DropOldest).events_max(1);
    for number in 0..2_000 {
        let frame = format!(r#"{{"E":1,"s":"s{number}","t":1,"p":"1.5","q":"2","m":true}}"#);
        let mut scratch = Scratch::new();
        queue.push(&event(&frame, &mut scratch));
    }
    let taken = take_all(&mut queue);
    assert_eq!((taken.len(), taken[0].as_str()), (1_024 + 1 + 1, "s0+1"));
    assert_eq!(taken[1_024], format!("-+{}", 1_999 - 1_024));
}

/// The owner pauses reading when facts fill half of their room. The other half is for facts that commands and timers
/// cause.
#[test]
fn facts() {
    for overflow in [Overflow::Block, Overflow::DropOldest, Overflow::Latest] {
        let mut queue = EventQueue::new(overflow);
        let half = RESERVED_EVENTS_MAX as u64 / 2;
        (1..half).for_each(|number| push(&mut queue, ('!', number)));
        assert!(queue.has_room());
        push(&mut queue, ('!', half));
        assert!(!queue.has_room(), "{overflow:?}");
        (half..half * 2).for_each(|number| push(&mut queue, ('!', number + 1)));
        assert_eq!((queue.len() as u64, queue.dropped()), (half * 2, 0));
        // If no event is taken for a long time, the newest facts are kept, and the loss is reported too.
        push(&mut queue, ('!', half * 2 + 1));
        assert_eq!((queue.dropped(), queue.dropped_facts()), (1, 1));
        let taken = take_all(&mut queue);
        assert_eq!((taken[0].as_str(), taken[1].as_str()), ("!+1", "!2"));
        assert_eq!(taken.last().unwrap(), &format!("!{}", half * 2 + 1));
    }
}
