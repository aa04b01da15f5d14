//! Random operations on plans, parts, jobs and money, on a store and on a plain model of its rules side by side: the
//! answers and everything that can be seen afterwards must be the same. Sessions end, claims go stale, messages come late.

mod rules;

use std::collections::BTreeMap;

use firn::base::ids::SessionId;
use firn::store::{
    Confirm, Confirmed, Heard, JobAsked, PartEnd, PartState, PartWork, PlanState, RestoreState, RetrievalState,
};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use self::rules::{Part, Plan, Rules, secs};
use crate::planned::{Stored, Wish, confirm, delivered, failed, held, job, offset, usd};
use crate::world::{Sqlite, World, host_key};

const HOSTS: [&str; 2] = ["alpha", "beta"];
const FILES: usize = 2;

type Step = (u8, u8, u8, u8);

#[test]
fn restores_go_as_the_model_says() {
    play_many(48);
}

#[test]
#[ignore = "long: 1000 runs of the model, two minutes"]
fn restores_go_as_the_model_says_for_long() {
    let done = play_many(1000);
    for what in [
        "yes",
        "over",
        "new",
        "joined",
        "nothing",
        "stopped",
        "gone",
        "claimed",
        "stale",
        "done",
        "waits",
        "later",
        "again",
        "spent",
        "too",
        "cancelled",
        "ended",
        "refused",
        "expired",
        "closed",
    ] {
        assert!(done.get(what).is_some_and(|times| *times >= 5), "{what}: {done:?}");
    }
    eprintln!("{done:?}");
}

fn play_many(cases: u32) -> BTreeMap<String, u32> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let done = std::cell::RefCell::new(BTreeMap::new());
    let mut runner =
        TestRunner::new(Config { cases, max_shrink_time: 10_000, failure_persistence: None, ..Config::default() });
    let played = runner.run(&vec(any::<Step>(), 1..100), |steps| {
        runtime.block_on(play(&steps, &mut done.borrow_mut())).map_err(TestCaseError::fail)
    });
    match played {
        Ok(()) => done.into_inner(),
        Err(TestError::Fail(why, steps)) => panic!("{why}\nwith the steps {steps:?}"),
        Err(TestError::Abort(why)) => panic!("gave up: {why}"),
    }
}

struct Game {
    w: World,
    rules: Rules,
    stored: Vec<Stored>,
    sessions: [SessionId; 2],
    claims: Vec<(SessionId, PartWork)>,
    trace: Vec<String>,
}

async fn play(steps: &[Step], done: &mut BTreeMap<String, u32>) -> Result<(), String> {
    let w = World::new(Box::new(Sqlite::fresh()));
    let session = w.session().await;
    let mut stored = Vec::new();
    for number in 1..=4 {
        stored.push(w.archived(session, number, FILES).await);
    }
    let sessions = [w.session().await, w.session().await];
    let mut game = Game { w, rules: Rules::default(), stored, sessions, claims: Vec::new(), trace: Vec::new() };
    for (n, step) in steps.iter().enumerate() {
        let played = game.step(*step).await;
        let seen = match played {
            Ok(what) => {
                *done.entry(what.split(' ').next().unwrap().to_owned()).or_default() += 1;
                game.observe().await
            }
            Err(why) => Err(why),
        };
        seen.map_err(|why| format!("step {n}: {why}\n{}", game.trace.join("\n")))?;
    }
    for plan in &game.rules.plans {
        *done.entry(plan.state.to_string()).or_default() += 1;
    }
    for job in &game.rules.jobs {
        *done.entry(job.state.to_string()).or_default() += 1;
    }
    Ok(())
}

impl Game {
    fn same(&mut self, what: &str, model: impl Into<String>, store: impl Into<String>) -> Result<String, String> {
        let (model, store) = (model.into(), store.into());
        self.trace.push(format!("{what} = {store}"));
        if model == store { Ok(store) } else { Err(format!("{what}: the model says {model} and the store {store}")) }
    }

    async fn step(&mut self, (kind, a, b, c): Step) -> Result<String, String> {
        let some = |of: usize, by: u8| usize::from(by) % of;
        let plans = self.rules.plans.len();
        match kind % 32 {
            0..=1 => self.confirm(a, b, c).await,
            10..=16 if !self.rules.jobs.is_empty() => {
                // Mostly of the newest.
                let (all, back) = (self.rules.jobs.len(), some(4, a));
                self.hear(all - 1 - back.min(all - 1), b, u64::from(c)).await
            }
            19..=22 => {
                self.claim(some(2, a), some(2, b), (c.is_multiple_of(3) && plans > 0).then(|| some(plans.max(1), c)))
                    .await
            }
            21..=28 if !self.claims.is_empty() => {
                let (all, back) = (self.claims.len(), some(3, a));
                self.work(all - 1 - back.min(all - 1), b, c).await
            }
            29 if plans > 0 && a.is_multiple_of(4) => self.cancel(some(plans, b)).await,
            30 if a.is_multiple_of(4) => self.session(some(2, b)).await,
            2..=28 if plans > 0 => self.ask(some(plans, a), some(self.stored.len(), b), i64::from(c % 60)).await,
            _ => {
                let seconds = u64::from(a) * u64::from(b % 80);
                self.w.advance(seconds);
                self.rules.now += seconds;
                self.same(&format!("{seconds} seconds"), "passed".to_owned(), "passed".to_owned())
            }
        }
    }

    async fn confirm(&mut self, a: u8, b: u8, c: u8) -> Result<String, String> {
        let (host, ceiling) = (usize::from(a) % 2, i64::from(b));
        let ranges = [Some(0..1 << 20), Some(0..2 << 20), Some(1 << 20..2 << 20), None];
        let mut parts = BTreeMap::new();
        for archive in (0..4).filter(|archive| c >> archive & 1 == 1) {
            let range = ranges[(usize::from(a / 2) + archive) % 4].clone();
            parts.insert(
                archive,
                Part {
                    state: PartState::Waiting,
                    range,
                    job: None,
                    asked: 0,
                    from: self.rules.now,
                    owner: None,
                    generation: 0,
                    attempts: 0,
                    files: vec![RestoreState::Waiting; FILES],
                },
            );
        }
        let wish = |(archive, part): (&usize, &Part)| (*archive, part.range.clone());
        let wishes: Vec<_> = parts.iter().map(wish).collect();
        let wishes: Vec<_> = wishes
            .into_iter()
            .map(|(archive, range)| Wish { of: &self.stored[archive], need: range.clone(), range, day: 0 })
            .collect();
        let plan = self.w.saved(HOSTS[host], &wishes, usd(ceiling)).await;
        let limit = 2500;
        let over = ceiling > 0 && self.rules.used() + ceiling > limit;
        let limited = Confirm { month_limit: Some(usd(limit)), ..confirm(plan, usd(ceiling)) };
        let came = match self.w.store.plan_confirm(limited).await.unwrap() {
            Confirmed::Yes => "yes",
            Confirmed::Over { budget: "month", .. } => "over",
            other => return Err(format!("{other:?}")),
        };
        let state = if over { PlanState::Planned } else { PlanState::Running };
        let row = Plan { state, host, ceiling, spent: 0, delivered: 0, failed: 0, stopped: 0, parts };
        self.rules.plans.push(row);
        if over {
            // It counts for nothing and is never heard of again.
            self.rules.plans.last_mut().unwrap().parts.clear();
        }
        self.rules.end_if_over(self.rules.plans.len() - 1);
        let what = format!("plan {plan} of {} archives on {host} for {ceiling}", wishes.len());
        self.same(&what, if over { "over" } else { "yes" }.to_owned(), came.to_owned())
    }

    async fn ask(&mut self, plan: usize, archive: usize, price: i64) -> Result<String, String> {
        let number = self.rules.jobs.len();
        let model = self.rules.ask(plan, archive, price);
        let (id, of) = (id(plan), &self.stored[archive]);
        let came = match self.w.ask(self.sessions[0], id, of, number as u128, usd(price)).await {
            JobAsked::New(_) => "new".to_owned(),
            JobAsked::Joined(job) => format!("joined {}", job.uuid.0.as_u128()),
            JobAsked::Nothing => "nothing".to_owned(),
            JobAsked::Stopped(_) => "stopped".to_owned(),
            JobAsked::Gone => "gone".to_owned(),
        };
        self.same(&format!("archive {archive} is asked for by plan {id} for {price}"), model, came)
    }

    async fn hear(&mut self, number: usize, b: u8, c: u64) -> Result<String, String> {
        let later = self.w.in_secs(c * 100).await;
        // Mostly what comes next.
        let next = match self.rules.jobs[number].state {
            RetrievalState::Intended => 0,
            RetrievalState::Asked => 1,
            _ => b % 16,
        };
        let heard = match if b < 128 { next } else { b % 16 } {
            0 | 8 => Heard::Taken { job_id: vec![1], next_look: later, due: None },
            1 | 9 => Heard::Ready { until: (!c.is_multiple_of(4)).then_some(later), next_look: later },
            2 => Heard::Refused { why: "throttled".to_owned(), next_try: later },
            3 | 10 => Heard::Ending { next_look: later },
            4 | 11 => Heard::Failed("failed".to_owned()),
            5 | 12 => Heard::Expired,
            6 if c.is_multiple_of(4) => Heard::Gone("no such archive".to_owned()),
            _ => Heard::Still { next_look: later, note: None },
        };
        self.rules.heard(number, &heard);
        let known = self.w.store.retrieval_heard(job(number as u128), heard.clone()).await.unwrap().is_some();
        if known != self.rules.jobs[number].kept {
            return Err(format!("job {number} is known: {known}"));
        }
        let word = if matches!(heard, Heard::Refused { .. }) { "refused" } else { "heard" };
        self.same(&format!("of job {number}: {heard:?}"), word.to_owned(), word.to_owned())
    }

    async fn claim(&mut self, session: usize, host: usize, only: Option<usize>) -> Result<String, String> {
        let by = self.sessions[session];
        let told = |plan: usize, archive, generation| format!("claimed {plan} {archive} {generation}");
        let model = self.rules.claim(by.0, host, only).map_or("none".to_owned(), |(p, a, g)| told(p, a, g));
        let came = self.w.store.part_claim(by, host_key(HOSTS[host]), only.map(id)).await.unwrap();
        let what = format!("session {by} claims on {host} of {only:?}");
        let said = came.as_ref().map_or("none".to_owned(), |work| {
            told(usize::try_from(work.plan.0 - 1).unwrap(), self.number(work), work.generation.0)
        });
        if let Some(work) = came {
            let (plan, archive) = (usize::try_from(work.plan.0 - 1).unwrap(), self.number(&work));
            if let Some(part) = self.rules.plans[plan].parts.get(&archive)
                && (part.attempts != work.attempts
                    || part.job.map(|job| job as u128) != work.retrieval.as_ref().map(|job| job.uuid.0.as_u128()))
            {
                return Err(format!("{what}: {work:?}, and the model has {part:?}"));
            }
            self.claims.push((by, work));
        }
        self.same(&what, model, said)
    }

    /// Which archive a claim is of.
    fn number(&self, work: &PartWork) -> usize {
        self.stored.iter().position(|of| of.archive == work.archive).unwrap()
    }

    async fn work(&mut self, claim: usize, b: u8, c: u8) -> Result<String, String> {
        let (by, work) = self.claims[claim].clone();
        let (plan, archive) = (usize::try_from(work.plan.0 - 1).unwrap(), self.number(&work));
        let generation = work.generation.0;
        let now = self.rules.now;
        let what = format!("session {by} with plan {} archive {archive} {generation}: {b} {c}", work.plan);
        let Some(part) = self.rules.held(by.0, plan, archive, generation) else {
            let end = PartEnd::Stopped("late".to_owned());
            let came = self.w.store.part_end(by, held(&work), end).await;
            return self.same(&what, "stale".to_owned(), said(came.map(|_| "held")));
        };
        let b = b % 16;
        match b {
            0..=4 => {
                // One of them, or all.
                let which: Vec<usize> = if b == 0 { vec![usize::from(c) % FILES] } else { (0..FILES).collect() };
                let first = self.stored[archive].archive.0.unsigned_abs() * 1000;
                let (mut good, mut bad, mut outcomes) = (0, 0, Vec::new());
                for file in which {
                    let (at, n) = (offset(file), first + file as u64);
                    let fine = c < 200;
                    outcomes.push(if fine { delivered(at, n) } else { failed(at, n, "no leave") });
                    if part.files[file] == RestoreState::Waiting {
                        part.files[file] = if fine { RestoreState::Delivered } else { RestoreState::Failed };
                        (good, bad) = (good + u64::from(fine), bad + u64::from(!fine));
                    }
                }
                if good > 0 {
                    part.attempts = 0;
                }
                let row = &mut self.rules.plans[plan];
                (row.delivered, row.failed) = (row.delivered + good, row.failed + bad);
                let came = self.w.store.part_outcomes(by, held(&work), outcomes).await;
                self.same(&what, "outcome".to_owned(), said(came.map(|()| "outcome")))
            }
            5 | 6 => {
                let model = if self.rules.spend(plan, i64::from(c % 50)) { "spent" } else { "too dear" };
                let came = self.w.store.part_spend(by, held(&work), usd(i64::from(c % 50))).await;
                let came = said(came.map(|may| if may { "spent" } else { "too dear" }));
                self.same(&what, model.to_owned(), came)
            }
            7..=10 => {
                let model = if part.files.contains(&RestoreState::Waiting) {
                    "waits".to_owned()
                } else {
                    (part.state, part.owner) = (PartState::Done, None);
                    let job = part.job;
                    self.rules.close_unwanted(job);
                    self.rules.end_if_over(plan);
                    format!("done {}", self.rules.plans[plan].state == PlanState::Ended)
                };
                let came = self.w.store.part_end(by, held(&work), PartEnd::Done).await;
                self.same(&what, model, said(came.map(|ended| format!("done {ended}"))))
            }
            11..=13 => {
                let failure = c.is_multiple_of(2);
                (part.attempts, part.from) = (part.attempts + u32::from(failure), now + u64::from(c));
                self.rules.let_go(plan, archive);
                let next_try = self.w.in_secs(u64::from(c)).await;
                let end = PartEnd::Later { next_try, reason: "no room".to_owned(), failed: failure };
                let came = self.w.store.part_end(by, held(&work), end).await;
                self.same(&what, "later false".to_owned(), said(came.map(|ended| format!("later {ended}"))))
            }
            14 => {
                match part.job {
                    Some(job) => {
                        (part.owner, part.generation) = (None, part.generation + 1);
                        self.rules.over(job, RetrievalState::Expired);
                        self.rules.again(job, now);
                    }
                    None => self.rules.stop(plan, archive),
                }
                let ended = self.rules.plans[plan].state == PlanState::Ended;
                let came = self.w.store.part_end(by, held(&work), PartEnd::AskAgain("gone".to_owned())).await;
                self.same(&what, format!("again {ended}"), said(came.map(|ended| format!("again {ended}"))))
            }
            _ => {
                let job = part.job;
                self.rules.stop(plan, archive);
                self.rules.close_unwanted(job);
                let ended = self.rules.plans[plan].state == PlanState::Ended;
                let came = self.w.store.part_end(by, held(&work), PartEnd::Stopped("no".to_owned())).await;
                self.same(&what, format!("stop {ended}"), said(came.map(|ended| format!("stop {ended}"))))
            }
        }
    }

    async fn cancel(&mut self, plan: usize) -> Result<String, String> {
        let model = self.rules.cancel(plan).map_or("not".to_owned(), |jobs| format!("cancelled {jobs}"));
        let came = self.w.store.plan_cancel(id(plan), "ann".to_owned()).await.unwrap();
        let came = if came.done { format!("cancelled {}", came.jobs) } else { "not".to_owned() };
        self.same(&format!("plan {} is cancelled", id(plan)), model, came)
    }

    async fn session(&mut self, which: usize) -> Result<String, String> {
        let ends = self.sessions[which];
        self.w.store.session_end(ends).await.unwrap();
        for plan in 0..self.rules.plans.len() {
            let held: Vec<usize> = self.rules.plans[plan]
                .parts
                .iter()
                .filter(|(_, part)| part.owner == Some(ends.0))
                .map(|(archive, _)| *archive)
                .collect();
            for archive in held {
                self.rules.let_go(plan, archive);
            }
        }
        self.sessions[which] = self.w.session().await;
        self.same(&format!("session {ends} ends"), "over".to_owned(), "over".to_owned())
    }

    /// Everything that can be seen.
    async fn observe(&self) -> Result<(), String> {
        let rules = &self.rules;
        for (number, plan) in rules.plans.iter().enumerate() {
            let row = self.w.plan(id(number)).await;
            let left = plan.parts.values().filter(|part| part.live()).count() as u64;
            let model = (plan.state, usd(plan.spent), plan.delivered, plan.failed, left, plan.stopped);
            let store = (row.state, row.spent, row.delivered, row.failed, row.parts_left, row.parts_stopped);
            if model != store {
                return Err(format!("plan {}: the model has {model:?} and the store {store:?}", row.id));
            }
            if plan.state == PlanState::Planned {
                continue;
            }
            let files: Vec<_> = self.w.outcomes(id(number)).await.into_iter().map(|file| file.state).collect();
            let expected: Vec<_> = plan.parts.values().flat_map(|part| part.files.clone()).collect();
            if files != expected {
                return Err(format!("files of plan {}: {expected:?} and {files:?}", row.id));
            }
            let parts = self.w.store.plan_parts_page(id(number), None, 9).await.unwrap();
            for (part, (archive, model)) in parts.iter().zip(&plan.parts) {
                let job = part.retrieval.as_ref().map(|job| job.uuid.0.as_u128());
                let store = (part.state, job, part.asked_times, part.not_before.map(secs));
                let expected = (model.state, model.job.map(|job| job as u128), model.asked, Some(model.from));
                if store != expected {
                    return Err(format!("plan {} archive {archive}: {expected:?} and {store:?}", row.id));
                }
            }
        }
        for (number, model) in rules.jobs.iter().enumerate() {
            let row = self.w.store.retrieval(job(number as u128)).await.unwrap();
            if row.is_some() != model.kept {
                return Err(format!("job {number} is known: {}", row.is_some()));
            }
            let Some(row) = row else { continue };
            let (store, expected) = ((row.state, row.expires_at.map(secs)), (model.state, model.expires));
            if store != expected {
                return Err(format!("job {number}: {expected:?} and {store:?}"));
            }
        }
        let used = self.w.used().await.1;
        if used != usd(rules.used()) {
            return Err(format!("the month has {} and the store says {used}", usd(rules.used())));
        }
        let mut waiting: Vec<(u64, usize, usize)> = Vec::new();
        for (number, plan) in rules.plans.iter().enumerate().filter(|(_, plan)| plan.state == PlanState::Running) {
            let due = plan.parts.iter().filter(|(_, part)| part.state == PartState::Waiting && part.from <= rules.now);
            waiting.extend(due.map(|(archive, part)| (part.from, number, *archive)));
        }
        waiting.sort_unstable();
        let asked = self.w.store.parts_to_ask(100).await.unwrap();
        let of = |archive| self.stored.iter().position(|of| of.archive == archive).unwrap();
        let asked: Vec<_> = asked
            .into_iter()
            .map(|part| (secs(part.not_before.unwrap()), usize::try_from(part.plan.0 - 1).unwrap(), of(part.archive)))
            .collect();
        if asked != waiting {
            return Err(format!("to be asked for: {waiting:?} and {asked:?}"));
        }
        Ok(())
    }
}

fn id(plan: usize) -> firn::base::ids::PlanId {
    firn::base::ids::PlanId(i64::try_from(plan).unwrap() + 1)
}

/// An answer in a word.
fn said<T: ToString>(came: firn::store::Result<T>) -> String {
    match came {
        Ok(said) => said.to_string(),
        Err(firn::store::StoreError::Stale { .. }) => "stale".to_owned(),
        Err(firn::store::StoreError::Impossible(why)) if why.ends_with("is done, and files of it wait") => {
            "waits".to_owned()
        }
        Err(other) => format!("another error: {other}"),
    }
}
