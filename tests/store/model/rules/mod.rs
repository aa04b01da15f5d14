//! The store's rules once more, as plainly as they can be said: lists and loops, no SQL, nothing of the store's code.
//! A refused operation is played on a copy that is thrown away.

mod archives;
mod files;
mod queue;

use std::collections::BTreeMap;
use std::time::Duration;

use firn::base::Time;
use firn::base::ids::Lane;
use firn::store::{ArchiveState, QueueState};

/// Why an operation was refused: whose work it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    Lease,
    File(i64),
    Archive(u8),
    Duty,
    NoContents,
}

pub type Answer<T> = Result<T, Refused>;

/// File, generation, attempts, version, upload to take up again.
pub type Claim = (i64, i64, u32, u8, Option<i64>);

/// File, its version as it lies in the archive, the archive's number, whether a newer one waits.
pub type Copy = (i64, u8, u8, bool);

/// An archive's row, number and generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ref {
    pub archive: i64,
    pub number: u8,
    pub generation: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub key: u8,
    pub version: u8,
    pub first_seen: Time,
    pub superseded: Option<Time>,
    pub gone: Option<Time>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    pub lane: Lane,
    pub state: QueueState,
    pub attempts: u32,
    pub since: Time,
    pub next_try: Time,
    pub owner: Option<i64>,
    pub generation: i64,
    pub archive: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    pub number: u8,
    pub lane: Lane,
    pub state: ArchiveState,
    pub host: u8,
    /// The folder of its staged file, if it has one.
    pub dir: Option<u8>,
    pub owner: Option<i64>,
    pub generation: i64,
    pub direct: Option<i64>,
    pub upload_id: Option<Vec<u8>>,
    pub parts: Vec<u32>,
    /// Set once it is complete.
    pub size: Option<u64>,
    /// File, the version that was put into it, and where.
    pub members: Vec<(i64, u8, u64)>,
    pub attempts: u32,
    pub next_try: Option<Time>,
    pub unknown_since: Option<Time>,
    pub repeated: bool,
    pub stored_at: Option<Time>,
}

impl Archive {
    fn is_safe(&self) -> bool {
        matches!(self.state, ArchiveState::Stored | ArchiveState::Duplicate)
    }
}

#[derive(Debug, Clone)]
pub struct Session {
    pub host: u8,
    pub last_seen: Time,
    pub lease_until: Time,
    pub ended: bool,
}

/// What was counted in a lane's queue or a vault's lane: queued, left, stored, archives; each with its bytes.
pub type Counts = [(i64, i64); 4];

#[derive(Debug, Clone)]
pub struct Rules {
    pub now: Time,
    wall: Time,
    passed: Duration,
    /// The newest time that was committed.
    high: Time,
    pub sessions: BTreeMap<i64, Session>,
    pub files: BTreeMap<i64, File>,
    pub queue: BTreeMap<i64, Queued>,
    pub archives: BTreeMap<i64, Archive>,
    /// By whether it is a vault's (else the queue's) and by lane.
    pub totals: BTreeMap<(bool, Lane), Counts>,
    pub duty: Option<(Option<i64>, i64)>,
}

/// The number of the next row.
fn next(rows: usize) -> i64 {
    i64::try_from(rows).unwrap() + 1
}

pub fn length(version: u8) -> i64 {
    1000 + i64::from(version)
}

impl Rules {
    pub fn new(start: Time) -> Self {
        Self {
            now: start,
            wall: start,
            passed: Duration::ZERO,
            high: Time::default(),
            sessions: BTreeMap::new(),
            files: BTreeMap::new(),
            queue: BTreeMap::new(),
            archives: BTreeMap::new(),
            totals: BTreeMap::new(),
            duty: None,
        }
    }

    // --- time ---

    pub fn advance(&mut self, span: Duration) {
        self.wall = self.wall.plus(span);
        self.passed += span;
    }

    pub fn set_wall(&mut self, wall: Time) {
        self.wall = wall;
    }

    /// What was only told and not committed is forgotten.
    pub fn reopen(&mut self) {
        self.now = self.wall;
        self.passed = Duration::ZERO;
    }

    /// Time goes on by what has passed and by the wall, whichever is further, and never below what was committed.
    pub fn tick(&mut self) {
        self.now = self.now.plus(self.passed).max(self.wall).max(self.high);
        self.passed = Duration::ZERO;
    }

    /// Runs a writing operation: all of it, or nothing.
    pub fn write<T>(&mut self, op: impl FnOnce(&mut Self) -> Answer<T>) -> Answer<T> {
        self.tick();
        let before = self.clone();
        let answer = op(self);
        match &answer {
            Ok(_) => self.high = self.now,
            Err(_) => *self = before,
        }
        answer
    }

    // --- sessions and the duty ---

    pub fn start(&mut self, host: u8, lease: Duration) -> i64 {
        let id = next(self.sessions.len());
        self.sessions
            .insert(id, Session { host, last_seen: self.now, lease_until: self.now.plus(lease), ended: false });
        id
    }

    fn alive(&self, session: i64) -> Answer<()> {
        if self.sessions.get(&session).is_some_and(|s| !s.ended) { Ok(()) } else { Err(Refused::Lease) }
    }

    pub fn renew(&mut self, session: i64, lease: Duration) -> Answer<Time> {
        self.alive(session)?;
        let until = self.now.plus(lease);
        let now = self.now;
        let row = self.sessions.get_mut(&session).unwrap();
        (row.last_seen, row.lease_until) = (now, until);
        Ok(until)
    }

    pub fn reap(&mut self, dead: i64, certain: bool, here: bool) -> (bool, u64, u64, u64) {
        let due = self.sessions.get(&dead).is_some_and(|s| !s.ended && (certain || self.now >= s.lease_until));
        if due { self.release(dead, here) } else { (false, 0, 0, 0) }
    }

    /// Done, files queued again, bundles abandoned, uploads left to settle.
    pub fn release(&mut self, session: i64, here: bool) -> (bool, u64, u64, u64) {
        let (mut files, mut abandoned, mut uploads) = (0, 0, 0);
        let now = self.now;
        for row in self.queue.values_mut() {
            if row.state == QueueState::Fetching && row.owner == Some(session) {
                row.state = if row.attempts > 0 { QueueState::Failed } else { QueueState::Queued };
                row.owner = None;
                row.generation += 1;
                row.next_try = row.next_try.min(now);
                files += 1;
            }
        }
        self.sessions.get_mut(&session).unwrap().ended = true;
        let host = self.sessions[&session].host;
        let lost = !here && !self.host_lives(host);
        for id in self.archives.keys().copied().collect::<Vec<_>>() {
            let archive = self.archives.get_mut(&id).unwrap();
            let mine = archive.owner == Some(session);
            match archive.state {
                ArchiveState::Open if mine => {}
                ArchiveState::Sealed if lost && archive.host == host => {}
                ArchiveState::Uploading | ArchiveState::Unknown if mine => {
                    uploads += 1;
                    archive.owner = None;
                    archive.generation += 1;
                    if !here {
                        archive.state = ArchiveState::Unknown;
                        archive.unknown_since = archive.unknown_since.or(Some(now));
                    }
                    if let Some(row) =
                        archive.direct.filter(|_| archive.size.is_none()).and_then(|f| self.queue.get_mut(&f))
                        && matches!(row.state, QueueState::Queued | QueueState::Failed)
                    {
                        row.archive = Some(id);
                    }
                    continue;
                }
                _ => continue,
            }
            abandoned += 1;
            files += self.unbundle(id);
            self.close(id, ArchiveState::Abandoned);
        }
        if let Some((owner, generation)) = &mut self.duty
            && *owner == Some(session)
        {
            *owner = None;
            *generation += 1;
        }
        (true, files, abandoned, uploads)
    }

    pub fn host_lives(&self, host: u8) -> bool {
        self.sessions.values().any(|s| !s.ended && s.host == host)
    }

    pub fn duty_take(&mut self, session: i64) -> Answer<Option<i64>> {
        self.alive(session)?;
        let now = self.now;
        let sessions = &self.sessions;
        let (owner, generation) = self.duty.get_or_insert((None, 0));
        let held = |id: i64| sessions.get(&id).is_some_and(|s| !s.ended && s.lease_until > now);
        if *owner != Some(session) && !owner.is_some_and(held) {
            *owner = Some(session);
            *generation += 1;
        }
        Ok((*owner == Some(session)).then_some(*generation))
    }

    pub fn duty_done(&mut self, session: i64, generation: i64) -> Answer<()> {
        if self.duty == Some((Some(session), generation)) { Ok(()) } else { Err(Refused::Duty) }
    }

    pub fn duty_release(&mut self, session: i64) {
        if let Some((owner, generation)) = &mut self.duty
            && *owner == Some(session)
        {
            *owner = None;
            *generation += 1;
        }
    }
}
