//! The only place that reads a clock. Rules take time as a parameter; workers get it from a [`Clock`] they are handed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Time;

/// Time since an arbitrary start that never goes back: for spans inside one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mono(Duration);

impl Mono {
    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Mono) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `span` later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Mono {
        Mono(self.0.saturating_add(span))
    }
}

/// A clock: the machine's, or one that a test moves by hand.
#[derive(Debug, Clone)]
pub struct Clock(Inner);

#[derive(Debug, Clone)]
enum Inner {
    System { start: std::time::Instant },
    Manual(Arc<Mutex<Manual>>),
}

#[derive(Debug)]
struct Manual {
    /// What the wall clock said at some time of the other one: however small the steps of that one, they add up here.
    wall: (Time, Mono),
    mono: Mono,
    sleepers: BTreeMap<(Mono, u64), oneshot::Sender<()>>,
    next: u64,
}

/// Moves a manual [`Clock`]. Sleepers whose time has come are woken in order.
#[derive(Debug, Clone)]
pub struct Hand(Arc<Mutex<Manual>>);

impl Clock {
    /// The machine's clock.
    #[allow(clippy::disallowed_methods)] // this is the place the rule points at
    pub fn system() -> Self {
        Self(Inner::System { start: std::time::Instant::now() })
    }

    /// A clock that stands at `wall` until its [`Hand`] moves it.
    pub fn manual(wall: Time) -> (Self, Hand) {
        let manual = Manual {
            wall: (wall, Mono(Duration::ZERO)),
            mono: Mono(Duration::ZERO),
            sleepers: BTreeMap::new(),
            next: 0,
        };
        let shared = Arc::new(Mutex::new(manual));
        (Self(Inner::Manual(Arc::clone(&shared))), Hand(shared))
    }

    /// The wall clock. It may jump, either way.
    #[allow(clippy::disallowed_methods)]
    pub fn now(&self) -> Time {
        match &self.0 {
            Inner::System { .. } => {
                let now = std::time::SystemTime::now();
                let (sign, span) = match now.duration_since(std::time::UNIX_EPOCH) {
                    Ok(after) => (1, after),
                    Err(before) => (-1, before.duration()),
                };
                Time::from_micros(i64::try_from(span.as_micros()).unwrap_or(i64::MAX).saturating_mul(sign))
            }
            Inner::Manual(manual) => lock(manual).now(),
        }
    }

    /// The monotonic clock.
    #[allow(clippy::disallowed_methods)]
    pub fn mono(&self) -> Mono {
        match &self.0 {
            Inner::System { start } => Mono(start.elapsed()),
            Inner::Manual(manual) => lock(manual).mono,
        }
    }

    /// Blocks this thread for `span`: for short waits of blocking work on the real world. A manual clock does not wait.
    #[allow(clippy::disallowed_methods)]
    pub fn pause(&self, span: Duration) {
        if matches!(self.0, Inner::System { .. }) && !span.is_zero() {
            std::thread::sleep(span);
        }
    }

    /// Waits for `span` of this clock's time.
    #[allow(clippy::disallowed_methods)]
    pub async fn sleep(&self, span: Duration) {
        match &self.0 {
            Inner::System { .. } => tokio::time::sleep(span).await,
            Inner::Manual(manual) => {
                let (wake, woken) = oneshot::channel();
                let sleeper = Sleeper { place: lock(manual).lie_down(span, wake), manual };
                // The sender is dropped only with the clock itself; then nobody is left to move time.
                let _ = woken.await;
                drop(sleeper);
            }
        }
    }
}

impl Manual {
    fn lie_down(&mut self, span: Duration, wake: oneshot::Sender<()>) -> (Mono, u64) {
        let place = (self.mono.plus(span), self.next);
        self.next += 1;
        self.sleepers.insert(place, wake);
        place
    }

    fn now(&self) -> Time {
        self.wall.0.plus(self.mono.since(self.wall.1))
    }

    fn move_to(&mut self, mono: Mono) {
        self.mono = self.mono.max(mono);
    }
}

/// Somebody asleep on a manual clock. One that waits no longer, as in a `select!`, is not found there any more.
struct Sleeper<'a> {
    place: (Mono, u64),
    manual: &'a Mutex<Manual>,
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        lock(self.manual).sleepers.remove(&self.place);
    }
}

impl Hand {
    /// Moves both clocks forward and wakes whoever slept until then.
    pub fn advance(&self, span: Duration) {
        let mut woken = Vec::new();
        {
            let mut manual = lock(&self.0);
            let now = manual.mono.plus(span);
            manual.move_to(now);
            while let Some(first) = manual.sleepers.first_entry().filter(|first| first.key().0 <= now) {
                woken.push(first.remove());
            }
        }
        for sleeper in woken {
            // A sleeper that has been dropped needs no waking.
            let _ = sleeper.send(());
        }
    }

    /// When the next sleeper is to be woken; nothing while nobody sleeps.
    pub fn next(&self) -> Option<Mono> {
        lock(&self.0).sleepers.first_key_value().map(|(place, _)| place.0)
    }

    /// How many sleep.
    pub fn sleepers(&self) -> usize {
        lock(&self.0).sleepers.len()
    }

    /// Moves both clocks to the time of the next sleeper, if it is not after `limit`, and wakes that one alone: of
    /// several who sleep until then, the one who lay down first. Whether there was one.
    pub fn wake_next(&self, limit: Mono) -> bool {
        let sleeper = {
            let mut manual = lock(&self.0);
            let Some(first) = manual.sleepers.first_entry().filter(|first| first.key().0 <= limit) else {
                return false;
            };
            let ((at, _), sleeper) = first.remove_entry();
            manual.move_to(at);
            sleeper
        };
        // A sleeper that has been dropped meanwhile needs no waking.
        let _ = sleeper.send(());
        true
    }

    /// Moves both clocks to `at`, or to the next sleeper's time if that comes first; never back, and nobody is woken.
    pub fn move_to(&self, at: Mono) {
        let mut manual = lock(&self.0);
        let next = manual.sleepers.first_key_value().map_or(at, |(place, _)| place.0.min(at));
        manual.move_to(next);
    }

    /// The monotonic clock it moves.
    pub fn mono(&self) -> Mono {
        lock(&self.0).mono
    }

    /// Sets the wall clock alone, as an administrator or a time daemon does.
    pub fn set_wall(&self, wall: Time) {
        let mut manual = lock(&self.0);
        manual.wall = (wall, manual.mono);
    }
}

fn lock(manual: &Mutex<Manual>) -> MutexGuard<'_, Manual> {
    manual.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_hand_has_passed_its_time() {
        let (clock, hand) = Clock::manual(Time::from_secs(100));
        let sleeper = {
            let clock = clock.clone();
            crate::base::task::spawn(async move {
                clock.sleep(Duration::from_secs(10)).await;
                clock.now()
            })
        };
        while lock(&hand.0).sleepers.is_empty() {
            tokio::task::yield_now().await;
        }
        hand.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        hand.advance(Duration::from_secs(1));
        assert_eq!(sleeper.await.unwrap(), Time::from_secs(110));
    }

    #[tokio::test]
    async fn sleepers_are_woken_one_by_one_in_the_order_of_their_times_and_of_lying_down() {
        let (clock, hand) = Clock::manual(Time::from_secs(0));
        let start = clock.mono();
        let at = |secs| start.plus(Duration::from_secs(secs));
        let mut sleepers: Vec<_> = [5, 3, 3, 9].map(|secs| Box::pin(clock.sleep(Duration::from_secs(secs)))).into();
        for sleeper in &mut sleepers {
            assert!(futures_poll(sleeper.as_mut()).is_pending());
        }
        // Who gave up is not found any more.
        drop(sleepers.pop());
        let mut order = Vec::new();
        while hand.wake_next(at(4)) {
            order.extend((0..3).filter(|n| futures_poll(sleepers[*n].as_mut()).is_ready()).map(|n| (n, clock.mono())));
            let last = order.last().map(|(n, _)| *n).unwrap();
            sleepers[last] = Box::pin(clock.sleep(Duration::from_secs(1000)));
        }
        assert_eq!(order, [(1, at(3)), (2, at(3))]);
        assert_eq!(hand.next(), Some(at(5)));
        hand.move_to(at(8));
        assert_eq!((clock.mono(), clock.now()), (at(5), Time::from_secs(5)), "not past a sleeper");
        assert!(hand.wake_next(at(5)) && futures_poll(sleepers[0].as_mut()).is_ready());
        assert_eq!(hand.next(), Some(at(1003)));
        hand.move_to(at(8));
        hand.move_to(at(7));
        assert_eq!(clock.now(), Time::from_secs(8));
    }

    fn futures_poll(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> std::task::Poll<()> {
        future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }

    #[test]
    fn steps_smaller_than_the_wall_clock_tells_are_not_lost() {
        let (clock, hand) = Clock::manual(Time::from_secs(0));
        for _ in 0..1000 {
            hand.advance(Duration::from_nanos(1500));
        }
        assert_eq!(clock.now(), Time::from_micros(1500));
    }

    #[test]
    fn the_wall_may_go_back_and_the_monotonic_clock_does_not() {
        let (clock, hand) = Clock::manual(Time::from_secs(100));
        let before = clock.mono();
        hand.advance(Duration::from_secs(5));
        hand.set_wall(Time::from_secs(1));
        assert_eq!(clock.now(), Time::from_secs(1));
        assert_eq!(clock.mono().since(before), Duration::from_secs(5));
    }
}
