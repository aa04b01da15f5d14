//! What several tests stand on.

use std::time::Duration;

use firn::alert::message::{self, Origin};
use firn::base::{Clock, Time};
use firn::store::AlertMessage;

/// Longer than anything here takes, on a busy machine.
pub const LONG: Duration = Duration::from_mins(1);

pub fn origin() -> Origin {
    Origin { environment: "test".to_owned(), host: "alpha".to_owned() }
}

/// A message that any sender takes.
pub fn message() -> AlertMessage {
    message::test("mail", &origin(), Time::from_secs(1_000_000))
}

/// Waits until `look` finds something; what it found.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let clock = Clock::system();
    let began = clock.mono();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(clock.mono().since(began) < LONG, "not within {LONG:?}: {what}");
        clock.pause(Duration::from_millis(1));
    }
}
