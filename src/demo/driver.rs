//! Moving the demo's clock.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::folder::Folder;
use crate::base::Clock;
use crate::base::clock::{Hand, Mono};
use crate::base::world::World;

/// How long is waited for the world to come to rest before it is asked again.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a paced clock may stand between two looks.
const LOOK: Duration = Duration::from_millis(25);
/// How long the demo's threads may take to end.
const END: Duration = Duration::from_secs(5);

/// Moves the demo's clock, and ends the demo when it is dropped: its tasks, then its folder.
#[derive(Debug)]
pub struct DemoDriver {
    runtime: Option<Runtime>,
    /// Whoever moves the clock holds it.
    moves: Arc<Moves>,
    pacing: Mutex<Option<thread::JoinHandle<()>>>,
    speed: f64,
    /// Removed last.
    folder: Folder,
}

#[derive(Debug)]
struct Moves {
    world: World,
    hand: Hand,
    start: Mono,
    ended: Mutex<bool>,
    word: Condvar,
}

impl DemoDriver {
    pub(super) fn new(runtime: Runtime, world: World, hand: Hand, speed: f64, folder: Folder) -> Self {
        let start = hand.mono();
        let moves = Moves { world, hand, start, ended: Mutex::new(false), word: Condvar::new() };
        Self { runtime: Some(runtime), moves: Arc::new(moves), pacing: Mutex::default(), speed, folder }
    }

    /// Steps the clock until the demo is `until` old, not a microsecond more: to one sleeper's time after the other, each
    /// when everything has come to rest. Blocks meanwhile, and returns when everything rests.
    pub fn run_until(&self, until: Duration) {
        let moves = &self.moves;
        let limit = moves.start.plus(until);
        moves.world.release();
        loop {
            moves.rest();
            if !moves.hand.wake_next(limit) {
                break;
            }
        }
        moves.hand.move_to(limit);
    }

    /// Lets the clock run at the demo's speed, on a thread of its own, until the driver is dropped. A second time
    /// changes nothing.
    pub fn pace(&self) {
        let mut pacing = self.pacing.lock().unwrap_or_else(PoisonError::into_inner);
        if pacing.is_none() {
            let (moves, speed) = (Arc::clone(&self.moves), self.speed);
            let started = thread::Builder::new().name("firn-demo-clock".to_owned()).spawn(move || moves.pace(speed));
            match started {
                Ok(thread) => *pacing = Some(thread),
                Err(e) => tracing::error!(error = %e, "there is no thread for the demo's clock; it stands"),
            }
        }
    }

    /// How old the demo is.
    pub fn age(&self) -> Duration {
        self.moves.hand.mono().since(self.moves.start)
    }

    /// The folder that everything lies in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Moves {
    /// Waits until everything has come to rest.
    fn rest(&self) {
        while !self.world.at_rest(PATIENCE) {}
    }

    fn pace(&self, speed: f64) {
        let real = Clock::system();
        let (began, from) = (real.mono(), self.hand.mono());
        self.world.release();
        loop {
            let rests = self.world.at_rest(PATIENCE);
            let allowed = from.plus(real.mono().since(began).mul_f64(speed));
            // One sleeper at a time, as when it is stepped.
            let woken = rests && self.hand.wake_next(allowed);
            if rests && !woken {
                self.hand.move_to(allowed);
            }
            let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = if woken || !rests { Duration::ZERO } else { LOOK };
            let waited = self.word.wait_timeout_while(ended, wait, |ended| !*ended);
            if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                return;
            }
        }
    }
}

impl Drop for DemoDriver {
    fn drop(&mut self) {
        *self.moves.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.moves.word.notify_all();
        let pacing = self.pacing.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = pacing {
            // A clock that fell over has told so; it stands either way.
            let _ = thread.join();
        }
        self.moves.world.hold();
        if let Some(runtime) = self.runtime.take() {
            // A runtime cannot be waited for within another one: on a thread of its own it can.
            let ending = thread::Builder::new().spawn(move || runtime.shutdown_timeout(END));
            if let Ok(ending) = ending {
                let _ = ending.join();
            }
        }
    }
}
