//! [`CHECKS`] lists where each invariant is checked.

/// Where an invariant is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Where {
    /// The observer checks the invariant after each call.
    Observer,
    /// The observer checks the invariant on a copy of the machine.
    Fork,
    /// The observer checks the invariant by comparing two runs of a trace.
    Metamorphic,
    /// A test checks the invariant: the file and name of the test.
    Test(&'static str),
}

use Where::{Fork, Metamorphic, Observer, Test};

/// The id of each invariant, where it is checked, and what it says.
#[rustfmt::skip]
pub const CHECKS: [(&str, Where, &str); 67] = [
    ("I-01", Observer, "each link opens once after its dial and ends once after that"),
    ("I-02", Observer, "each dial can be made, and ends as opened or failed, once"),
    ("I-03", Observer, "nothing is written to a link that is not open; nothing is dropped after its step"),
    ("I-04", Metamorphic, "inputs about the link before change nothing but their counter"),
    ("I-05", Observer, "each change of a link or stream, and what is shown of it, is a path of the tables"),
    ("I-06", Observer, "no dial after the application has ended the client; one end"),
    ("I-07", Metamorphic, "closing again does nothing"),
    ("I-08", Observer, "the cause of each end is what was done, or the timer that was due"),
    ("I-09", Observer, "epochs rise"),
    ("I-10", Observer, "codes of Close frames that are handed out may be sent"),
    ("I-11", Observer, "a link is live once, while it is open"),
    ("I-12", Fork, "closed, and left alone with one tick or all, it has ended by its deadline, which does not move"),
    ("I-13", Observer, "a deadline is armed in each state that waits; a copy leaves each by ticks alone"),
    ("I-14", Observer, "after a tick the deadline lies ahead"),
    ("I-15", Observer, "outputs of a step are bounded by its bytes, the subscriptions, and the requests in flight"),
    ("I-16", Observer, "a link that is closing has ended by the close timeout"),
    ("I-17", Observer, "after the end there is no deadline, no output, no open link"),
    ("I-18", Observer, "what is dropped is with the driver; an input that comes too late is counted"),
    ("I-19", Observer, "an input that comes too late has no output"),
    ("I-20", Observer, "at the end of a link the driver has nothing of it; at the end no request waits"),
    ("I-21", Observer, "the end is reported after that of each link"),
    ("I-22", Observer, "each request has one reply, in time; a refused command does nothing"),
    ("I-23", Observer, "no request outlives its link"),
    ("I-24", Observer, "a reply is of the link that the request was written to; ids are new"),
    ("I-25", Observer, "each number is written once, and only what was asked for"),
    ("I-26", Observer, "a request is lost only with the link that it was written to"),
    ("I-27", Observer, "a request is written when it is accepted, and its answer finds it waiting"),
    ("I-28", Observer, "the subscriptions are those that the application made and did not end"),
    ("I-29", Fork, "with an honest peer each subscribed stream is followed in bounded time"),
    ("I-30", Observer, "only subscribed streams are requested, again only after a failure"),
    ("I-31", Observer, "what is live was asked of the venue, and nothing else"),
    ("I-32", Observer, "what is live was confirmed; what is reported about confirmations is true"),
    ("I-33", Observer, "data is of a subscribed stream"),
    ("I-34", Observer, "no window of a limit holds more dials, requests or orders than it allows"),
    ("I-35", Observer, "each frame is in one counter, that of its event"),
    ("I-36", Observer, "an event is of the frame that came"),
    ("I-37", Test("adapters/suite/src/framing.rs::input_cut_at_every_byte"), "bytes that come one by one; a machine is handed whole frames"),
    ("I-38", Metamorphic, "taking outputs seldom gives the same"),
    ("I-39", Observer, "what is handed out is a whole message"),
    ("I-40", Observer, "one Close frame, and nothing after it"),
    ("I-41", Test("adapters/suite/src/wire.rs::pongs_by_themselves"), "each ping is answered, also without other writes"),
    ("I-42", Fork, "a request that was accepted before the end was requested is written before the Close frame"),
    ("I-43", Test("adapters/suite/src/wire.rs::malformed_close_frames"), "a breach of the protocol ends the link; nothing of it is delivered"),
    ("I-44", Observer, "requests in flight, streams and outputs stay below their limits"),
    ("I-45", Observer, "a frame that may have been an update makes the book stale at once"),
    ("I-46", Fork, "closed while no outputs are taken, it has ended by its deadline"),
    ("I-47", Observer, "no panic"),
    ("I-48", Observer, "as many events as elements; one bad name costs only itself"),
    ("I-49", Observer, "an input about a link has outputs about that place only"),
    ("I-50", Fork, "a silent link is closed, whatever comes on others"),
    ("I-51", Observer, "a link is closed as silent only after that time without a frame"),
    ("I-52", Metamorphic, "another origin of the clock gives the same; there is no other time"),
    ("I-53", Observer, "a late tick is one end and one dial for each link"),
    ("I-54", Test("tests/authentication.rs::nonces_strictly_rise"), "nonces under clocks that misbehave"),
    ("I-55", Observer, "a link is dialled after the end of the one before"),
    ("I-56", Observer, "delays lie in their range, and are not those of first attempts for ever"),
    ("I-57", Observer, "what can be retried is, at the time told; what cannot is not"),
    ("I-58", Observer, "the venue's delay is the least"),
    ("I-59", Metamorphic, "the same twice is the same"),
    ("I-60", Observer, "a book is made of what came over one link, for one request"),
    ("I-61", Observer, "no book is live after the end of its link or a gap"),
    ("I-62", Observer, "after a gap nothing is applied; each gap is one, told once"),
    ("I-63", Observer, "no change before its snapshot; one snapshot, by its place"),
    ("I-64", Observer, "a live book is sorted, not crossed, and has no empty level"),
    ("I-65", Observer, "updates of a book rise; a trade that was reported before is marked, a fill counts once"),
    ("I-66", Observer, "a link that opens again says since when something may be missing"),
    ("I-67", Test("tests/market_data.rs::l_133_times_have_one_unit"), "the unit of each time"),
];
