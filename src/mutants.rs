//! Mutants: faults that tests switch on, one at a time, to prove that their checks find them.
//!
//! `mutant!(Name)` stands where a fault is. It is `false`, a constant, unless the crate is compiled with
//! `--cfg gemini_ws_mutants`, which works with debug assertions only; `tests/mutants/table.rs` says what each is. One is in the driver.

#[cfg(not(gemini_ws_mutants))]
macro_rules! mutant {
    ($name:ident) => {
        false
    };
}

#[cfg(gemini_ws_mutants)]
macro_rules! mutant {
    ($name:ident) => {
        $crate::mutants::is_on($crate::mutants::Mutant::$name)
    };
}

#[cfg(gemini_ws_mutants)]
mod switch {
    use core::sync::atomic::{AtomicUsize, Ordering};

    macro_rules! mutants {
        ($($name:ident,)*) => {
            /// A fault, by what the code does then.
            #[derive(Clone, Copy, Debug, Eq, PartialEq)]
            #[allow(missing_docs, reason = "the table of the tests says what each is")]
            pub enum Mutant {
                $($name,)*
            }

            impl Mutant {
                /// All of them.
                pub const ALL: &[Mutant] = &[$(Mutant::$name,)*];
            }
        };
    }

    mutants! {
        AnswerTwice,
        AskForEver,
        AskForWhatIsNotWanted,
        AskTwice,
        AwaitOneLinkOnly,
        BeatFromNow,
        BelieveOldAnswers,
        BlameTheFirst,
        BlameTheTransport,
        CallLostUnsent,
        CallUnsentLost,
        CarryTheSilenceOver,
        CloseAsIfItHadBroken,
        CloseAtLeisure,
        CloseTwice,
        CloseWhatIsBusy,
        CloseWhatIsWanted,
        CountAllMalformed,
        CountNoDials,
        CountNoOrders,
        CountTwice,
        CryQuiet,
        DeliverAgain,
        DeliverToTheEnd,
        DeliverTooEarly,
        DialBeyondTheLimit,
        DialWithoutADeadline,
        DrawOneNonce,
        DropTwice,
        DropWithoutAWord,
        EndAllWishes,
        ForgetHalf,
        ForgetTheCounters,
        ForgetTheWishes,
        ForgetToDrop,
        ForgiveOnOpen,
        GiveAllAtOnce,
        GoOnAfterAGap,
        HearForAll,
        HearNothing,
        HideAbandonedLinks,
        HideAbandonedRequests,
        HideTheGap,
        HideWhatIsMissing,
        HoldOneLinkOnly,
        IgnoreTheVenuesDelay,
        KeepALateTransport,
        KeepAnOldClock,
        KeepOpenForNobody,
        KeepTheBook,
        KeepTimersAfterTheEnd,
        LeaveAPong,
        LeaveInSilence,
        LeaveTheWaiter,
        LetTheEndSlip,
        LiveOnOpen,
        MeasureFromTheBeginning,
        MissNothingBefore,
        NeverGiveUp,
        NeverLeave,
        NeverProbe,
        NeverSlowDown,
        NeverSpeedUpAgain,
        NumberFromTheBeginning,
        RemoveWithoutAnEnd,
        RetryAtTheEnd,
        RetryWhatIsFatal,
        RetryWithoutALimit,
        ReuseTheEpoch,
        ReuseTheNumber,
        ReviveWithoutWishes,
        SendAfterTheEnd,
        SendBehindTheClose,
        SendBeyondTheLimit,
        SkipTheSteps,
        SpinAwake,
        StopAtTheFirstBad,
        TakeBusyForNever,
        TakeCommandsAtTheEnd,
        TakeOldInputs,
        TakeOldLosses,
        TakeTradesForASnapshot,
        TellTheFirstWishOnly,
        WaitForEachStep,
        WaitForEver,
        WaitForTheWriter,
        WaitWithoutADeadline,
    }

    /// None, or the number of one, from one on.
    static ON: AtomicUsize = AtomicUsize::new(0);

    /// Switches one on and the others off, in the whole process.
    pub fn switch_on(mutant: Option<Mutant>) {
        ON.store(mutant.map_or(0, |mutant| (mutant as usize).saturating_add(1)), Ordering::Relaxed);
    }

    /// Whether it is on.
    pub fn is_on(mutant: Mutant) -> bool {
        ON.load(Ordering::Relaxed) == (mutant as usize).saturating_add(1)
    }
}

#[cfg(gemini_ws_mutants)]
pub use switch::{Mutant, is_on, switch_on};
