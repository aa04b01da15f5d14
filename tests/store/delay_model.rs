//! Random operations on what is kept of delayed replicas, and the same on plain maps: answers and everything that can be
//! seen afterwards must be the same. Leases run out, sessions end, stale generations write, the state is opened anew.

use std::cell::RefCell;
use std::collections::BTreeMap;

use firn::base::ids::{FreezeId, Generation, JobId, SessionId};
use firn::base::{Severity, Time};
use firn::store::{
    EndJob, FreezeBegun, FreezeRow, JobEnded, JobRow, JobStarted, JudgedWrite, NewFreeze, NewJob, NewJudged,
    StoreError, delay_duty,
};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use crate::delays::{judged, sample};
use crate::jobs::{end, job};
use crate::world::{LEASE, START, Sqlite, World, new_session};

const REPLICAS: [&str; 3] = ["a", "b", "c"];
const CLASSES: [&str; 2] = ["backup", "deshard"];

type Step = (u8, u8, u8, u8);

/// A session: until when its lease holds, and whether it has ended.
#[derive(Debug, Clone, Copy)]
struct Lease {
    until: Time,
    ended: bool,
}

/// What is kept, as maps.
#[derive(Debug, Default)]
struct Model {
    now: Time,
    sessions: BTreeMap<i64, Lease>,
    /// Owner and generation.
    duties: BTreeMap<&'static str, (Option<i64>, i64)>,
    samples: BTreeMap<(&'static str, Time), Option<i64>>,
    /// At, written, session, text.
    judged: BTreeMap<&'static str, (Time, Time, i64, String)>,
    jobs: BTreeMap<i64, JobRow>,
    freezes: BTreeMap<i64, FreezeRow>,
    last_job: i64,
    last_freeze: i64,
}

impl Model {
    fn alive(&self, session: i64) -> bool {
        !self.sessions[&session].ended
    }

    fn take(&mut self, name: &'static str, session: i64) -> Option<i64> {
        let (owner, generation) = self.duties.get(name).copied().unwrap_or_default();
        let held = owner.is_some_and(|owner| {
            let lease = self.sessions[&owner];
            !lease.ended && lease.until > self.now
        });
        if owner != Some(session) {
            if held {
                return None;
            }
            self.duties.insert(name, (Some(session), generation + 1));
        }
        Some(self.duties[name].1)
    }

    fn end_session(&mut self, session: i64) {
        self.sessions.get_mut(&session).unwrap().ended = true;
        for (owner, generation) in self.duties.values_mut().filter(|(owner, _)| *owner == Some(session)) {
            (*owner, *generation) = (None, *generation + 1);
        }
    }

    fn write(&mut self, session: i64, name: &'static str, row: &NewJudged) -> JudgedWrite {
        if self.duties.get(name) != Some(&(Some(session), row.generation.0)) {
            return JudgedWrite::NotHeld;
        }
        if let Some((at, ..)) = self.judged.get(name).filter(|(at, ..)| *at >= row.at) {
            return JudgedWrite::NotNewer(*at);
        }
        if row.known && !self.judged.contains_key(name) {
            return JudgedWrite::Forgotten;
        }
        for sample in &row.samples {
            self.samples.entry((name, sample.at)).or_insert(sample.delay);
        }
        self.judged.insert(name, (row.at, self.now, session, row.text.clone()));
        JudgedWrite::Written
    }

    fn prune(&mut self, before: Time, limit: usize) -> u64 {
        let old = self.samples.keys().filter(|(_, at)| *at < before).count();
        // Which of them go first is the store's affair when they are too many.
        if old <= limit {
            self.samples.retain(|(_, at), _| *at >= before);
        }
        old.min(limit) as u64
    }

    fn running(&self, replica: &str, class: &str) -> Option<JobRow> {
        self.jobs.values().find(|row| row.replica == replica && row.class == class && row.end.is_none()).cloned()
    }

    fn start(&mut self, new: &NewJob) -> JobStarted {
        if let Some(row) = self.running(&new.replica, &new.class) {
            return JobStarted::Running(row);
        }
        let start = new.start.unwrap_or(self.now);
        if start > self.now {
            return JobStarted::Future(self.now);
        }
        self.last_job += 1;
        let row = JobRow {
            id: JobId(self.last_job),
            replica: new.replica.clone(),
            class: new.class.clone(),
            start,
            end: None,
            started_by: new.who.clone(),
            ended_by: None,
            detail: new.detail.clone(),
            outcome: None,
        };
        self.jobs.insert(self.last_job, row.clone());
        JobStarted::Started(row)
    }

    fn end(&mut self, how: &EndJob) -> JobEnded {
        let open = self.running(&how.replica, &how.class);
        let Some(mut row) = open.filter(|row| how.only.is_none_or(|only| only == row.id)) else {
            let over = self.jobs.values().filter(|row| match how.only {
                Some(only) => row.id == only && row.end.is_some(),
                None => row.replica == how.replica && row.class == how.class && row.end.is_some(),
            });
            return JobEnded::NotRunning(over.max_by_key(|row| (row.end, row.id)).cloned());
        };
        let at = how.end.unwrap_or(self.now);
        if at > self.now {
            return JobEnded::Future(self.now);
        }
        if at < row.start {
            return JobEnded::BeforeStart(row);
        }
        (row.end, row.ended_by, row.outcome) = (Some(at), Some(how.who.clone()), Some(how.outcome.clone()));
        self.jobs.insert(row.id.0, row.clone());
        JobEnded::Ended(row)
    }

    fn ended(&self, replica: Option<&str>) -> Vec<JobRow> {
        let mut rows: Vec<JobRow> = self
            .jobs
            .values()
            .filter(|row| row.end.is_some() && replica.is_none_or(|replica| row.replica == replica))
            .cloned()
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.end, row.id)));
        rows
    }

    fn touching(&self, replica: Option<&str>, since: Time) -> Vec<JobRow> {
        let mut rows: Vec<JobRow> = self
            .jobs
            .values()
            .filter(|row| row.end.is_none_or(|end| end >= since))
            .filter(|row| replica.is_none_or(|replica| row.replica == replica))
            .cloned()
            .collect();
        rows.sort_by_key(|row| (row.start, row.id));
        rows
    }
}

#[test]
fn what_is_kept_of_replicas_is_what_the_model_says() {
    let done = play_many(96);
    // A game that never gets somewhere says nothing about it.
    for what in [
        "written",
        "not held",
        "not newer",
        "taken",
        "not taken",
        "pruned",
        "started",
        "running",
        "future",
        "ended",
        "not running",
        "before start",
        "begun",
        "open",
        "changed",
        "not changed",
        "over",
        "stale lease",
        "forgotten",
        "written no more",
    ] {
        assert!(done.contains_key(what), "it never came to {what:?}: {done:?}");
    }
}

fn play_many(cases: u32) -> BTreeMap<&'static str, u32> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let done = RefCell::new(BTreeMap::new());
    let mut runner =
        TestRunner::new(Config { cases, max_shrink_time: 10_000, failure_persistence: None, ..Config::default() });
    let played = runner.run(&vec(any::<Step>(), 1..120), |steps| {
        runtime.block_on(play(&steps, &mut done.borrow_mut())).map_err(TestCaseError::fail)
    });
    match played {
        Ok(()) => done.into_inner(),
        Err(TestError::Fail(why, steps)) => panic!("{why}\nwith the steps {steps:?}"),
        Err(TestError::Abort(why)) => panic!("gave up: {why}"),
    }
}

struct Game<'a> {
    w: World,
    model: Model,
    sessions: Vec<SessionId>,
    done: &'a mut BTreeMap<&'static str, u32>,
}

async fn play(steps: &[Step], done: &mut BTreeMap<&'static str, u32>) -> Result<(), String> {
    let w = World::new(Box::new(Sqlite::fresh()));
    let mut game = Game { w, model: Model { now: START, ..Model::default() }, sessions: Vec::new(), done };
    game.begin().await;
    game.begin().await;
    for (n, step) in steps.iter().enumerate() {
        let told = |why: String| format!("step {n} {step:?}: {why}");
        game.step(*step).await.map_err(told)?;
        game.observe().await.map_err(told)?;
    }
    Ok(())
}

fn same<T: PartialEq + std::fmt::Debug + ?Sized>(what: &str, model: &T, store: &T) -> Result<(), String> {
    if model == store { Ok(()) } else { Err(format!("{what}: the model says\n{model:?}\nand the store\n{store:?}")) }
}

fn nth<T: Copy>(from: &[T], n: u8) -> T {
    from[usize::from(n) % from.len()]
}

impl Game<'_> {
    fn did(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    async fn begin(&mut self) {
        let session = self.w.store.session_start(new_session("alpha")).await.unwrap().id;
        self.model.sessions.insert(session.0, Lease { until: self.model.now.plus(LEASE), ended: false });
        self.sessions.push(session);
    }

    /// A moment around now: a few seconds before, or (rarely) after it.
    fn about(&self, n: u8) -> Time {
        let micros = self.model.now.as_micros() + 5_000_000 - i64::from(n % 16) * 5_000_000;
        Time::from_micros(micros)
    }

    async fn step(&mut self, (kind, a, b, c): Step) -> Result<(), String> {
        let session = nth(&self.sessions[self.sessions.len() - 2..], a);
        match kind % 16 {
            0 => {
                let seconds = u64::from(a % 40);
                self.w.advance(seconds);
                self.model.now = self.model.now.plus(std::time::Duration::from_secs(seconds));
            }
            1 if b.is_multiple_of(3) => {
                if self.model.alive(session.0) {
                    self.w.store.session_end(session).await.unwrap();
                    self.model.end_session(session.0);
                }
                self.begin().await;
            }
            2 if b.is_multiple_of(4) => self.w.reopen(),
            1..=3 => {
                let renewed = self.w.store.session_renew(session, LEASE, String::new()).await.is_ok();
                same("renewed", &self.model.alive(session.0), &renewed)?;
                if renewed {
                    self.model.sessions.get_mut(&session.0).unwrap().until = self.model.now.plus(LEASE);
                }
            }
            4 | 5 => self.take(session, b).await?,
            6..=8 => self.write(session, b, c).await?,
            9 if b.is_multiple_of(4) => {
                let name = nth(&REPLICAS, c);
                let gone = self.w.store.judged_forget(vec![name.to_owned()]).await.unwrap();
                same("forgotten", &u64::from(self.model.judged.remove(name).is_some()), &gone)?;
                self.did("forgotten");
            }
            9 => self.prune(b, c).await?,
            10 | 11 => {
                let start = (b.is_multiple_of(2)).then(|| self.about(c));
                let new = NewJob { start, detail: c.to_string(), ..job(nth(&REPLICAS, a), nth(&CLASSES, b / 2)) };
                let (model, store) = (self.model.start(&new), self.w.store.job_start(new).await.unwrap());
                same("a start", &model, &store)?;
                self.did(match store {
                    JobStarted::Started(_) => "started",
                    JobStarted::Running(_) => "running",
                    JobStarted::Future(_) => "future",
                });
            }
            12 | 13 => {
                let at = (b.is_multiple_of(2)).then(|| self.about(c));
                let only = (b.is_multiple_of(3)).then(|| JobId(self.model.last_job - i64::from(c % 3)));
                let how = EndJob { end: at, only, ..end(nth(&REPLICAS, a), nth(&CLASSES, b / 2)) };
                let (model, store) = (self.model.end(&how), self.w.store.job_end(how).await.unwrap());
                same("an end", &model, &store)?;
                self.did(match store {
                    JobEnded::Ended(_) => "ended",
                    JobEnded::NotRunning(_) => "not running",
                    JobEnded::BeforeStart(_) => "before start",
                    JobEnded::Future(_) => "future",
                });
            }
            _ => self.freeze(a, b, c).await?,
        }
        Ok(())
    }

    async fn take(&mut self, session: SessionId, which: u8) -> Result<(), String> {
        let names: Vec<&str> =
            REPLICAS.into_iter().enumerate().filter(|(n, _)| which >> n & 1 == 1).map(|at| at.1).collect();
        let duties = names.iter().map(|name| delay_duty(name)).collect();
        let store = match self.w.store.duties_take(duties, session).await {
            Ok(rows) => rows.into_iter().map(|row| row.map(|row| row.generation.0)).collect::<Vec<_>>(),
            Err(StoreError::Stale { .. }) => {
                self.did("stale lease");
                return same("alive", &self.model.alive(session.0), &false);
            }
            Err(e) => return Err(e.to_string()),
        };
        same("alive", &self.model.alive(session.0), &true)?;
        let model: Vec<_> = names.into_iter().map(|name| self.model.take(name, session.0)).collect();
        for taken in &store {
            self.did(if taken.is_some() { "taken" } else { "not taken" });
        }
        same("duties", &model, &store)
    }

    async fn write(&mut self, session: SessionId, b: u8, c: u8) -> Result<(), String> {
        let rows = (0..=b % 2).map(|n| {
            let name = nth(&REPLICAS, b / 2 + n);
            let generation = self.model.duties.get(name).map_or(1, |duty| duty.1) - i64::from(c.is_multiple_of(7));
            let at = self.about(c.saturating_add(1));
            let mut row = NewJudged { generation: Generation(generation), ..judged(name, 0, at) };
            row.text = format!("{c}");
            row.known = b.is_multiple_of(3);
            row.samples =
                (0..c % 3).map(|n| sample(self.about(c / 3 + n), (c.is_multiple_of(2)).then_some(c.into()))).collect();
            (name, row)
        });
        let rows: Vec<_> = rows.collect();
        let model: Vec<_> = rows.iter().map(|(name, row)| self.model.write(session.0, name, row)).collect();
        let new = rows.into_iter().map(|(_, row)| row).collect();
        let store = self.w.store.delay_write(session, new).await.unwrap();
        for wrote in &store {
            self.did(match wrote {
                JudgedWrite::Written => "written",
                JudgedWrite::NotHeld => "not held",
                JudgedWrite::NotNewer(_) => "not newer",
                JudgedWrite::Forgotten => "written no more",
                JudgedWrite::TooLarge { .. } => "too large",
            });
        }
        same("a write", &model, &store)
    }

    async fn prune(&mut self, b: u8, c: u8) -> Result<(), String> {
        let (before, limit) = (self.about(c), u32::from(b % 8));
        let store = self.w.store.delay_prune(before, limit).await.unwrap();
        same("pruned", &self.model.prune(before, limit as usize), &store)?;
        if store > 0 {
            self.did("pruned");
        }
        if store == u64::from(limit) {
            // Those that stay are not known here: all go.
            self.w.store.delay_prune(before, 10_000).await.unwrap();
            self.model.prune(before, 10_000);
        }
        let open = |row: &JobRow| row.end.is_none_or(|end| end >= before);
        let freeze = |row: &FreezeRow| row.ended.is_none_or(|end| end >= before);
        let gone = self.model.jobs.values().filter(|row| !open(row)).count()
            + self.model.freezes.values().filter(|row| !freeze(row)).count();
        same("jobs and freezes pruned", &(gone as u64), &self.w.store.jobs_prune(before, 10_000).await.unwrap())?;
        self.model.jobs.retain(|_, row| open(row));
        self.model.freezes.retain(|_, row| freeze(row));
        Ok(())
    }

    async fn freeze(&mut self, a: u8, b: u8, c: u8) -> Result<(), String> {
        let name = nth(&REPLICAS, a);
        let now = self.model.now;
        let open = self.model.freezes.values().find(|row| row.replica == name && row.ended.is_none()).cloned();
        if b.is_multiple_of(3) {
            let new = NewFreeze {
                replica: name.to_owned(),
                state: "asked".to_owned(),
                body: c.to_string(),
                who: "ann".to_owned(),
            };
            let expected = open.map_or_else(
                || {
                    self.model.last_freeze += 1;
                    FreezeBegun::Begun(FreezeRow {
                        id: FreezeId(self.model.last_freeze),
                        replica: new.replica.clone(),
                        state: new.state.clone(),
                        body: new.body.clone(),
                        revision: 0,
                        who: new.who.clone(),
                        started: now,
                        changed: now,
                        ended: None,
                    })
                },
                FreezeBegun::Open,
            );
            if let FreezeBegun::Begun(row) = &expected {
                self.model.freezes.insert(row.id.0, row.clone());
            }
            self.did(if matches!(expected, FreezeBegun::Begun(_)) { "begun" } else { "open" });
            return same("a freeze", &expected, &self.w.store.freeze_begin(new).await.unwrap());
        }
        let id = FreezeId(open.map_or(self.model.last_freeze, |row| row.id.0));
        let read =
            self.model.freezes.get(&id.0).map_or(0, |row| row.revision).saturating_sub(u64::from(c.is_multiple_of(4)));
        let (state, body, ends) = ("next".to_owned(), c.to_string(), b % 3 == 1);
        let row = self.model.freezes.get_mut(&id.0).filter(|row| row.ended.is_none() && row.revision == read);
        let expected = row.is_some();
        if let Some(row) = row {
            (row.state, row.body, row.revision, row.changed) = (state.clone(), body.clone(), read + 1, now);
            row.ended = ends.then_some(now);
        }
        let store = if ends {
            self.w.store.freeze_end(id, read, state, body, None).await.unwrap()
        } else {
            self.w.store.freeze_update(id, read, state, body, None).await.unwrap()
        };
        self.did(match (store, ends) {
            (true, true) => "over",
            (true, false) => "changed",
            _ => "not changed",
        });
        same("a change of a freeze", &expected, &store)
    }

    async fn observe(&self) -> Result<(), String> {
        let (model, store) = (&self.model, &self.w.store);
        for since in [None, Some(self.about(3))] {
            let rows = store.judged(since).await.unwrap();
            let seen: Vec<_> = rows
                .into_iter()
                .map(|row| (row.replica, row.at, row.written, row.writer.session.0, row.text, row.severity))
                .collect();
            let expected: Vec<_> = model
                .judged
                .iter()
                .filter(|(_, row)| since.is_none_or(|since| row.1 >= since))
                .map(|(name, row)| ((*name).to_owned(), row.0, row.1, row.2, row.3.clone(), Severity::Ok))
                .collect();
            same("verdicts", &expected, &seen)?;
        }
        let names: Vec<_> = model.judged.keys().map(|name| (*name).to_owned()).collect();
        same("names of verdicts", &names, &store.judged_names().await.unwrap())?;
        for name in REPLICAS {
            let all: Vec<_> =
                model.samples.iter().filter(|((of, _), _)| *of == name).map(|((_, at), d)| (*at, *d)).collect();
            let (mut from, mut seen) = (Time::from_micros(i64::MIN), Vec::new());
            loop {
                let page = store.delay_samples(name.to_owned(), from, Time::from_micros(i64::MAX), 3).await.unwrap();
                let Some(last) = page.last() else { break };
                from = Time::from_micros(last.at.as_micros() + 1);
                seen.extend(page.into_iter().map(|row| (row.at, row.delay)));
            }
            same("samples", &all, &seen)?;
            let from = self.about(8);
            let expected: Vec<_> = all.into_iter().filter(|(at, _)| *at >= from).collect();
            let windows = store.delay_windows(vec![(name.to_owned(), from)], 4).await.unwrap().remove(0);
            let seen: Vec<_> = windows.into_iter().map(|row| (row.at, row.delay)).collect();
            same("window", &expected[expected.len().saturating_sub(4)..], seen.as_slice())?;
            let freezes: Vec<_> = model.freezes.values().rev().filter(|row| row.replica == name).cloned().collect();
            same("freezes", &freezes, &store.freeze_list(name.to_owned(), 1000).await.unwrap())?;
        }
        for replica in [None, Some("a")] {
            let since = self.about(9);
            let jobs = store.jobs(replica.map(str::to_owned), since).await.unwrap();
            same("jobs", &model.touching(replica, since), &jobs)?;
            let (mut before, mut seen) = (None, Vec::new());
            loop {
                let page = store.jobs_ended(replica.map(str::to_owned), before, 2).await.unwrap();
                let Some(last) = page.last() else { break };
                before = Some((last.end.unwrap(), last.id));
                seen.extend(page);
            }
            same("ended jobs", &model.ended(replica), &seen)?;
        }
        let open: Vec<_> = model.freezes.values().filter(|row| row.ended.is_none()).cloned().collect();
        same("open freezes", &open, &store.freezes_open().await.unwrap())
    }
}
