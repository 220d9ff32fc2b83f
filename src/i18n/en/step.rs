//! Next steps in English; knows no command line.

use crate::i18n::NextStep as N;

/// What the command does.
pub fn text(step: N) -> &'static str {
    match step {
        N::Show => "Read the whole story",
        N::CancelHolder => "Cancel the run that holds the lock",
        N::ShowLock => "See who holds the lock",
        N::ReleaseLock => "Release the lock, if its job is gone",
        N::RollBack => "Go back to a good version",
        N::VerifyAgain => "Watch and judge again",
        N::Resume => "Finish what was begun",
        N::Keep => "Go on watching after the job (examples/workflows/keeper.yml repeats this)",
        N::ContinueStack => "Let CloudFormation continue its rollback, once its cause is repaired",
        N::StackEvents => "Read why the stack failed",
    }
}
