//! Waiting for what comes about by itself: it is looked for again and again until a deadline. Elsewhere nobody sleeps for
//! something to have happened: only a bench to keep its pace, or a test that acts somebody slow, and each says so.

use std::time::Duration;

use firn::base::Clock;

/// The least between two looks. A look that takes longer is followed by as long a rest: whoever is waited for needs the
/// machine too.
const REST: Duration = Duration::from_millis(2);

/// What `look` finds `within` so long, if anything.
pub fn found<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let clock = Clock::system();
    let began = clock.mono();
    loop {
        let looked = clock.mono();
        if let Some(found) = look() {
            return Some(found);
        }
        if clock.mono().since(began) >= within {
            return None;
        }
        clock.pause(clock.mono().since(looked).max(REST));
    }
}

/// What `look` finds; fails where that takes longer than `within`.
#[track_caller]
pub fn eventually<T>(within: Duration, what: &str, look: impl FnMut() -> Option<T>) -> T {
    let Some(found) = found(within, look) else { panic!("not within {within:?}: {what}") };
    found
}

/// The same for looks that take their time.
pub async fn in_time<T>(within: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let clock = Clock::system();
    let looking = async {
        loop {
            let looked = clock.mono();
            if let Some(found) = look().await {
                return found;
            }
            clock.sleep(clock.mono().since(looked).max(REST)).await;
        }
    };
    let Ok(found) = tokio::time::timeout(within, looking).await else { panic!("not within {within:?}: {what}") };
    found
}
