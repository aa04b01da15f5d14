//! What several tests stand on.

use std::time::Duration;

use firn::alert::message::{self, Origin};
use firn::base::Time;
use firn::store::AlertMessage;

use crate::support::waiting;

/// Longer than anything here takes, on a busy machine.
pub const LONG: Duration = crate::support::waiting::LONG;

pub fn origin() -> Origin {
    Origin { environment: "test".to_owned(), host: "alpha".to_owned() }
}

/// A message that any sender takes.
pub fn message() -> AlertMessage {
    message::test("mail", &origin(), Time::from_secs(1_000_000))
}

/// Waits until `look` finds something; what it found.
#[track_caller]
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    waiting::eventually(LONG, what, look)
}
