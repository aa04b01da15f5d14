//! A make-believe replica: two threads, a position, and whoever else has hands on it.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use firn::base::{Clock, Time};
use firn::delay::connect::LinkError;
use firn::delay::freeze::danger::{Facts, GtidUse};
use firn::delay::freeze::machine::Act;
use firn::delay::freeze::sight::{Mark, Sight};
use firn::delay::freeze::statement::Spot;
use firn::delay::freeze::threads::{Threads, ThreadsError};
use firn::delay::privilege::Flavour;
use firn::delay::seen::{IoThread, Position};
use firn::delay::state::Place;

/// The replica as it truly is.
#[derive(Debug, Clone)]
pub struct World {
    pub sql: bool,
    pub io: bool,
    /// Bytes executed.
    pub at: u64,
    /// The SQL thread stops there.
    pub until: Option<u64>,
    /// Bytes executed a second while the SQL thread runs.
    pub pace: u64,
    pub now: Time,
    pub booted: Time,
    /// Where it was since when, oldest first.
    pub past: Vec<(Time, u64)>,
    /// What has been done to it.
    pub done: Vec<Act>,
}

pub const FILE: &str = "binlog.000007";

pub fn place(at: u64) -> Position {
    Position { file: FILE.to_owned(), at }
}

impl World {
    pub fn new(now: Time) -> Self {
        let booted = now.minus(Duration::from_hours(50));
        Self {
            sql: true,
            io: true,
            at: 1_000,
            until: None,
            pace: 100,
            now,
            booted,
            past: vec![(now, 1_000)],
            done: Vec::new(),
        }
    }

    fn move_to(&mut self, at: u64) {
        if at != self.at {
            self.at = at;
            self.past.push((self.now, at));
        }
    }

    /// Time goes by, a second after the other.
    pub fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now.plus(Duration::from_secs(1));
            if self.sql {
                let next = self.at + self.pace;
                let at = self.until.map_or(next, |until| next.min(until.max(self.at)));
                self.move_to(at);
                if self.until == Some(self.at) {
                    self.sql = false;
                    self.until = None;
                }
            }
        }
    }

    /// Somebody runs the SQL thread for a moment, between two looks of anybody.
    pub fn blip(&mut self, bytes: u64) {
        self.move_to(self.at + bytes);
    }

    /// The server is started anew.
    pub fn reboot(&mut self, starts: bool) {
        (self.booted, self.sql, self.io, self.until) = (self.now, starts, starts, None);
    }

    /// What a look sees.
    pub fn sight(&self) -> Sight {
        let executed = Place { position: Some(place(self.at)), gtid: None };
        Sight {
            at: self.now,
            mark: Some(Mark::Position(place(self.at))),
            io: Some(if self.io { IoThread::Yes } else { IoThread::No }),
            sql: Some(self.sql),
            until: self.until.map(|_| "Source".to_owned()),
            executed,
            received: Place { position: Some(place(1_000_000)), gtid: None },
            sql_delay: Some(7_200),
            uptime: Some(self.now.since(self.booted).as_secs()),
            ..Sight::default()
        }
    }

    pub fn act(&mut self, act: &Act) {
        match act {
            Act::Look => {}
            Act::StopSql => (self.sql, self.until) = (false, None),
            Act::StopIo => self.io = false,
            Act::StartIo => self.io = true,
            Act::StartSql(until) => {
                self.sql = true;
                self.until = until.as_ref().map(|spot| match spot {
                    Spot::Position(at) => at.at,
                    Spot::Gtid(_) => panic!("this world has no GTIDs"),
                });
            }
        }
        self.done.push(act.clone());
    }

    /// Whether it has stood at one place since that time.
    pub fn stood_since(&self, since: Time) -> bool {
        self.past.last().is_none_or(|(moved, _)| *moved <= since)
    }
}

/// The world behind the trait; its time is the clock's.
pub struct Fake {
    pub world: Mutex<World>,
    pub clock: Clock,
    /// Every look fails with this.
    pub blind: Mutex<Option<&'static str>>,
    /// Every act fails with this.
    pub refuses: Mutex<Option<&'static str>>,
}

impl Fake {
    pub fn new(clock: &Clock) -> Self {
        let world = Mutex::new(World::new(clock.now()));
        Self { world, clock: clock.clone(), blind: Mutex::default(), refuses: Mutex::default() }
    }

    /// The world as it is now.
    pub fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world.lock().unwrap();
        let behind = self.clock.now().since(world.now).as_secs();
        world.pass(behind);
        change(&mut world)
    }
}

fn unreachable(why: &str) -> ThreadsError {
    LinkError::Unreachable { server: "db14:3306".to_owned(), why: why.to_owned() }.into()
}

#[async_trait]
impl Threads for Fake {
    async fn look(&self, now: Time) -> Result<Sight, ThreadsError> {
        if let Some(why) = *self.blind.lock().unwrap() {
            return Err(unreachable(why));
        }
        Ok(Sight { at: now, ..self.with(|world| world.sight()) })
    }

    async fn facts(&self) -> Result<Facts, ThreadsError> {
        Ok(Facts { server: Flavour::parse("8.4.0"), gtid: Some(GtidUse::No), ..Facts::default() })
    }

    async fn perform(&self, act: &Act) -> Result<(), ThreadsError> {
        if let Some(why) = *self.refuses.lock().unwrap() {
            return Err(unreachable(why));
        }
        self.with(|world| world.act(act));
        Ok(())
    }
}
