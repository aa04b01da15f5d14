//! Waiting for what comes about by itself: it is looked for again and again until a deadline. Elsewhere nobody sleeps for
//! something to have happened: only a bench to keep its pace, or a test that acts somebody slow, and each says so.

use std::time::Duration;

use firn::base::Clock;

/// How long something may take that is to come about, however busy the machine is: who waits this long has waited in vain.
pub const LONG: Duration = Duration::from_mins(2);

/// The least between two looks. A look that takes longer is followed by as long a rest: whoever is waited for needs the
/// machine too.
const REST: Duration = Duration::from_millis(2);

/// What a look comes to: what was waited for, or not yet, perhaps with what is there instead.
pub trait Sight<T> {
    /// What was waited for, or what a failure says of the last look.
    fn came(self) -> Result<T, String>;
}

impl<T> Sight<T> for Option<T> {
    fn came(self) -> Result<T, String> {
        self.ok_or_else(String::new)
    }
}

impl<T, E: std::fmt::Debug> Sight<T> for Result<T, E> {
    fn came(self) -> Result<T, String> {
        self.map_err(|seen| format!("; seen last: {seen:?}"))
    }
}

/// What `look` finds `within` so long, if anything.
pub fn found<T>(within: Duration, look: impl FnMut() -> Option<T>) -> Option<T> {
    sought(within, look).ok()
}

/// What `look` finds `within` so long, or what it saw last.
fn sought<T, S: Sight<T>>(within: Duration, mut look: impl FnMut() -> S) -> Result<T, String> {
    let clock = Clock::system();
    let began = clock.mono();
    loop {
        let looked = clock.mono();
        let seen = match look().came() {
            Ok(found) => return Ok(found),
            Err(seen) => seen,
        };
        if clock.mono().since(began) >= within {
            return Err(seen);
        }
        clock.pause(clock.mono().since(looked).max(REST));
    }
}

/// What `look` finds; fails where that takes longer than `within`.
#[track_caller]
pub fn eventually<T, S: Sight<T>>(within: Duration, what: &str, look: impl FnMut() -> S) -> T {
    sought(within, look).unwrap_or_else(|seen| panic!("not within {within:?}: {what}{seen}"))
}

/// The same for looks that take their time.
pub async fn in_time<T, S: Sight<T>>(within: Duration, what: &str, mut look: impl AsyncFnMut() -> S) -> T {
    let clock = Clock::system();
    let (mut looks, mut last) = (0_u32, String::new());
    let looking = async {
        loop {
            let looked = clock.mono();
            looks += 1;
            match look().await.came() {
                Ok(found) => return found,
                Err(seen) => last = seen,
            }
            clock.sleep(clock.mono().since(looked).max(REST)).await;
        }
    };
    let found = tokio::time::timeout(within, looking).await;
    found.unwrap_or_else(|_| panic!("not within {within:?}, at look {looks}: {what}{last}"))
}
