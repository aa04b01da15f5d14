//! The embedded engine: SQLite in a file, one writer thread, two readers.
//!
//! A commit that has been answered survives a power cut (`synchronous=FULL`, write-ahead log). Statements live in the
//! files beside this one, one file per group of operations; here is how they are run.

mod adopt;
mod bundles;
mod clusters;
mod db;
mod delays;
mod delivery;
mod details;
mod events;
mod files;
mod flow;
mod freezes;
mod hurries;
mod jobs;
mod judged;
mod ledger;
mod notices;
mod open;
mod operations;
mod plan_rows;
mod plans;
mod queue;
mod reports;
mod restorable;
mod restores;
mod retrievals;
mod schema;
mod sessions;
mod tally;
mod told;
mod uploads;
mod verdicts;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use rusqlite::{Connection, TransactionBehavior, params};
use tokio::sync::oneshot;

use self::db::{Db, Meter};
use self::open::translate;
use super::{Result, StoreError};
use crate::base::clock::Mono;
use crate::base::ids::SessionId;
use crate::base::world::{self, Op};
use crate::base::{Clock, Shown, Time, faults};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The state database in one SQLite file.
pub struct SqliteStore {
    shared: Arc<Shared>,
    writer: Threads,
    readers: Threads,
}

/// Threads, one a connection, that take jobs from one queue.
struct Threads {
    jobs: Option<mpsc::Sender<Job>>,
    running: Vec<thread::JoinHandle<()>>,
}

impl Drop for SqliteStore {
    /// The writer closes last: it moves the log into the file, so that the file alone is the whole state.
    fn drop(&mut self) {
        self.readers.close();
        self.writer.close();
    }
}

struct Shared {
    place: String,
    file: open::Opened,
    /// What reports call it.
    name: String,
    clock: Clock,
    meter: Meter,
    /// The newest time given out, and the monotonic clock then.
    anchor: Mutex<(Time, Mono)>,
}

impl Shared {
    /// The wall clock, but never below `stored`, and never below what the monotonic clock says has passed since the
    /// last time given out: when the wall steps back, time here goes on.
    fn time(&self, stored: Time) -> Time {
        let mono = self.clock.mono();
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = anchor.0.plus(mono.since(anchor.1));
        *anchor = (self.clock.now().max(counted).max(stored), mono);
        anchor.0
    }

    /// The store's time, for one operation.
    fn tell_time(&self, db: &Db<'_>) -> Result<()> {
        let stored = db.one("SELECT value FROM meta WHERE key = 'time_high'", [], |row| row.get(0))?;
        db.set_now(self.time(stored.unwrap_or_default()));
        Ok(())
    }

    fn transact<T>(&self, conn: &mut Connection, op: impl FnOnce(&Db<'_>) -> Result<T>) -> Result<T> {
        self.file.check(&self.place)?;
        let failed = |e: rusqlite::Error| translate(&self.place, &e);
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let value = {
            let db = Db::new(&tx, &self.place, &self.meter, Time::default());
            self.tell_time(&db)?;
            db.run("UPDATE meta SET value = ?1 WHERE key = 'time_high' AND value < ?1", params![db.now()])?;
            let value = op(&db)?;
            flow::write(&db)?;
            value
        };
        faults::step("commit");
        tx.commit().map_err(failed)?;
        // What was committed into a file that has been taken away meanwhile is lost: nobody is told that it is done.
        self.file.check(&self.place)?;
        Ok(value)
    }
}

impl SqliteStore {
    /// Opens the state in the file at `path`, making it when `create` says so. Blocks while it does.
    pub fn open(path: &Path, clock: Clock, create: bool) -> Result<Self> {
        Self::open_as(path, None, clock, create)
    }

    /// The same; reports call it `name`, if it is not to be known by its path.
    pub fn open_as(path: &Path, name: Option<String>, clock: Clock, create: bool) -> Result<Self> {
        let place = Shown::path(path).to_string();
        let opening = open::inspect(path, &place, create)?;
        let mut conn = open::connect(path, &place, true)?;
        schema::migrate(&mut conn, &place, clock.now())?;
        let start = (clock.now(), clock.mono());
        let shared = Arc::new(Shared {
            name: name.unwrap_or_else(|| place.clone()),
            file: open::Opened::now(path, &place)?,
            place,
            clock,
            meter: Meter::default(),
            anchor: Mutex::new(start),
        });
        let readers = (0..2).map(|_| open::connect(path, &shared.place, false)).collect::<Result<Vec<_>>>()?;
        drop(opening);
        let writer = Threads::spawn(&shared.place, vec![conn])?;
        Ok(Self { writer, readers: Threads::spawn(&shared.place, readers)?, shared })
    }

    /// Steps that SQLite's machine has made for this store so far: what operations cost, whatever the machine.
    pub fn steps(&self) -> u64 {
        self.shared.meter.total()
    }

    /// Runs an operation in a write transaction of its own, on the writer's thread.
    async fn write<T: Send + 'static>(&self, op: impl FnOnce(&Db<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        run(&self.writer, move |conn| shared.transact(conn, op)).await
    }

    /// Runs a read-only operation on a reader's thread.
    async fn read<T: Send + 'static>(&self, op: impl FnOnce(&Db<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let shared = Arc::clone(&self.shared);
        run(&self.readers, move |conn| {
            shared.file.check(&shared.place)?;
            // One snapshot for the whole operation.
            let tx = conn.transaction().map_err(|e| translate(&shared.place, &e))?;
            let db = Db::new(&tx, &shared.place, &shared.meter, Time::default());
            shared.tell_time(&db)?;
            op(&db)
        })
        .await
    }
}

async fn run<T: Send + 'static>(
    to: &Threads,
    op: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    let under_way = Op::begin();
    let in_world = under_way.is_some();
    let job: Job = Box::new(move |conn| {
        let done = catch_unwind(AssertUnwindSafe(|| op(conn)));
        if let Ok(done) = done {
            // Nobody waits any more when the asker was cancelled; the transaction stands all the same.
            let _ = answer.send(done);
        } else {
            // Its transaction was rolled back as it was dropped; the asker is told that no answer comes.
            drop(answer);
        }
        // Only now may the asker's world go on: it has been woken.
        drop(under_way);
    });
    to.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or(StoreError::Closed)?;
    world::answered(in_world, answered).await.ok_or(StoreError::Closed)?
}

impl Threads {
    fn spawn(place: &str, conns: Vec<Connection>) -> Result<Self> {
        let (send, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        let mut threads = Self { jobs: Some(send), running: Vec::new() };
        for mut conn in conns {
            let jobs = Arc::clone(&jobs);
            let serve = move || {
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(job) = job else { return };
                    job(&mut conn);
                }
            };
            let unopened =
                |e| StoreError::Unopened { place: place.to_owned(), detail: format!("no thread for it: {e}") };
            let running = thread::Builder::new().name("firn-state".to_owned()).spawn(serve).map_err(unopened)?;
            threads.running.push(running);
        }
        Ok(threads)
    }

    /// Finishes what was asked and closes the connections.
    fn close(&mut self) {
        self.jobs = None;
        for thread in self.running.drain(..) {
            // Its panics were caught, one by one.
            let _ = thread.join();
        }
    }
}

/// A session that has been reaped must not take new work.
fn alive(db: &Db<'_>, session: SessionId) -> Result<()> {
    let open = db.one("SELECT 1 FROM worker WHERE id = ? AND ended_at IS NULL", [session], |_| Ok(()))?;
    open.ok_or_else(|| StoreError::Stale { what: "the lease".to_owned(), session })
}
