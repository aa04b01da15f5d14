//! Archives to restore from, and plans: drafted, saved, confirmed, asked for and claimed in a line or two.

use std::collections::BTreeMap;
use std::ops::Range;

use firn::base::hash::Hash32;
use firn::base::ids::{ArchiveId, ArchiveUuid, DestId, FileId, Generation, Lane, PlanId, RetrievalUuid, SessionId};
use firn::base::{Money, Time};
use firn::store::{
    AskPart, Confirm, Confirmed, FileOutcome, Heard, JobAsked, NewDest, NewPart, NewPlan, NewRestore, PartEnd, PartKey,
    PartState, PartWork, PlanPartRow, PlanRow, PlanTotals, RestoreRow, RestoreState, RetrievalRow, StoreError,
};
use uuid::Uuid;

use crate::world::{VAULT, World, host_key, key};

/// As every plan here was shown.
pub const HASH: Hash32 = Hash32([7; 32]);
/// The tariff that they rest on.
pub const TARIFF: Hash32 = Hash32([8; 32]);

pub fn usd(cents: i64) -> Money {
    Money::from_cents(cents)
}

/// An archive in the vault.
#[derive(Debug, Clone)]
pub struct Stored {
    pub archive: ArchiveId,
    pub uuid: ArchiveUuid,
    pub files: Vec<FileId>,
}

/// Where the bytes of an archive's n-th file start.
pub fn offset(n: usize) -> u64 {
    2048 + 3072 * n as u64
}

/// A part as tests plan it: which archive, which bytes of it are needed and asked for, from which day on.
#[derive(Debug, Clone)]
pub struct Wish<'a> {
    pub of: &'a Stored,
    pub need: Option<Range<u64>>,
    pub range: Option<Range<u64>>,
    pub day: u32,
}

/// All of an archive.
pub fn all(of: &Stored) -> Wish<'_> {
    Wish { of, need: Some(2048..1 << 19), range: Some(0..1 << 20), day: 0 }
}

/// What can be read without a job.
pub fn at_hand(of: &Stored) -> Wish<'_> {
    Wish { of, need: None, range: None, day: 0 }
}

pub fn totals(price: Money, ceiling: Money) -> PlanTotals {
    PlanTotals {
        tier: Some("standard".to_owned()),
        tariff: "glacier-vault".to_owned(),
        tariff_hash: TARIFF,
        hash: HASH,
        files: 2,
        bytes: 2002,
        impossible: 0,
        overwrites: 1,
        archives: 1,
        jobs: 1,
        joined: 0,
        asked_bytes: 1 << 20,
        read_bytes: 6144,
        price,
        sure: false,
        ceiling,
        risks: vec![("asked for once more".to_owned(), ceiling.minus(price))],
        seconds: Some((3 * 3600, 5 * 3600)),
    }
}

/// Without budgets; all of it today.
pub fn confirm(plan: PlanId, ceiling: Money) -> Confirm {
    Confirm {
        plan,
        hash: HASH,
        who: "ann".to_owned(),
        days: vec![(0, ceiling)],
        plan_limit: None,
        day_limit: None,
        month_limit: None,
    }
}

pub fn job(number: u128) -> RetrievalUuid {
    RetrievalUuid(Uuid::from_u128(number))
}

/// A refusal of what cannot be, with its words.
pub fn impossible<T: std::fmt::Debug>(result: Result<T, StoreError>, words: &str) {
    let error = result.expect_err("this was to be refused");
    assert_eq!(error.to_string(), format!("the state database holds what cannot be: {words}"));
}

impl World {
    /// An archive with that many files; `number` from 1 to 250, each once.
    pub async fn archived(&self, session: SessionId, number: u8, files: usize) -> Stored {
        let names: Vec<String> = (0..files).map(|n| format!("{number}/{n}")).collect();
        let names: Vec<_> = names.iter().map(|name| (name.as_str(), 1)).collect();
        self.find(session, Lane::Live, &names).await;
        let claimed = self.claim(session, Lane::Live).await;
        assert_eq!(claimed.len(), files);
        let bundle = self.deliver(session, number, &claimed).await;
        Stored {
            archive: bundle.archive,
            uuid: bundle.uuid,
            files: claimed.into_iter().map(|file| file.file).collect(),
        }
    }

    pub async fn draft(&self, host: &str) -> (PlanId, DestId) {
        let new = NewPlan {
            title: "docs: of yesterday".to_owned(),
            who: "bob".to_owned(),
            host: host_key(host),
            vault: VAULT.to_owned(),
            supplement_of: None,
        };
        let plan = self.store.plan_begin(new).await.unwrap();
        let dest = NewDest { kind: "folder", place: "/srv/restored".into() };
        let dests = self.store.plan_dests(plan, vec![dest]).await.unwrap();
        (plan, dests[0])
    }

    /// A draft with its files and parts.
    pub async fn drafted(&self, host: &str, wishes: &[Wish<'_>]) -> PlanId {
        let (plan, dest) = self.draft(host).await;
        for wish in wishes {
            let files = wanted(wish.of, dest);
            self.store.plan_add(plan, files).await.unwrap();
        }
        self.store.plan_parts(plan, Generation(0), wishes.iter().map(part).collect()).await.unwrap();
        plan
    }

    pub async fn saved(&self, host: &str, wishes: &[Wish<'_>], ceiling: Money) -> PlanId {
        let plan = self.drafted(host, wishes).await;
        assert!(self.store.plan_save(plan, Generation(0), totals(Money::ZERO, ceiling)).await.unwrap());
        plan
    }

    pub async fn running(&self, host: &str, wishes: &[Wish<'_>], ceiling: Money) -> PlanId {
        let plan = self.saved(host, wishes, ceiling).await;
        assert_eq!(self.store.plan_confirm(confirm(plan, ceiling)).await.unwrap(), Confirmed::Yes);
        plan
    }

    /// Asks for an archive: for so much, as job `number`.
    pub async fn ask(&self, session: SessionId, plan: PlanId, of: &Stored, number: u128, price: Money) -> JobAsked {
        self.store.part_ask(session, self.asking(plan, of, number, price).await).await.unwrap()
    }

    pub async fn asking(&self, plan: PlanId, of: &Stored, number: u128, price: Money) -> AskPart {
        AskPart {
            plan,
            archive: of.archive,
            uuid: job(number),
            price,
            tariff_hash: TARIFF,
            joinable_until: self.in_secs(5 * 3600).await,
            most: 2,
        }
    }

    /// A job that was asked for and taken.
    pub async fn taken(&self, session: SessionId, plan: PlanId, of: &Stored, number: u128, price: Money) {
        let asked = self.ask(session, plan, of, number, price).await;
        assert!(matches!(asked, JobAsked::New(_)), "{asked:?}");
        let job_id = format!("job-{number}").into_bytes();
        self.hear(number, Heard::Taken { job_id, next_look: self.in_secs(600).await, due: None }).await;
    }

    /// A job whose output can be read for a day.
    pub async fn ready(&self, session: SessionId, plan: PlanId, of: &Stored, number: u128, price: Money) {
        self.taken(session, plan, of, number, price).await;
        let until = Some(self.in_secs(24 * 3600).await);
        self.hear(number, Heard::Ready { until, next_look: self.in_secs(19 * 3600).await }).await;
    }

    pub async fn hear(&self, number: u128, heard: Heard) -> RetrievalRow {
        self.store.retrieval_heard(job(number), heard).await.unwrap().expect("the job is known")
    }

    pub async fn claim_part(&self, session: SessionId, host: &str) -> Option<PartWork> {
        self.store.part_claim(session, host_key(host), None).await.unwrap()
    }

    pub async fn plan(&self, plan: PlanId) -> PlanRow {
        self.store.plan(plan).await.unwrap().expect("the plan is there")
    }

    /// The part of an archive.
    pub async fn part(&self, plan: PlanId, of: &Stored) -> PlanPartRow {
        let parts = self.store.plan_parts_page(plan, None, 1000).await.unwrap();
        parts.into_iter().find(|part| part.archive == of.archive).expect("the part is there")
    }

    pub async fn states(&self, plan: PlanId) -> Vec<PartState> {
        self.store.plan_parts_page(plan, None, 1000).await.unwrap().into_iter().map(|part| part.state).collect()
    }

    pub async fn outcomes(&self, plan: PlanId) -> Vec<RestoreRow> {
        self.store.plan_restores(plan, false, None, 1000).await.unwrap()
    }

    /// How many files of a plan stand in each state.
    pub async fn tally(&self, plan: PlanId) -> BTreeMap<&'static str, usize> {
        let mut tally = BTreeMap::new();
        for row in self.outcomes(plan).await {
            *tally.entry(row.state.word()).or_default() += 1;
        }
        tally
    }

    /// Delivers every file of a claimed part and ends it. Whether the plan has ended.
    pub async fn done(&self, session: SessionId, work: &PartWork) -> bool {
        let files = self.store.part_files(work.plan, work.archive, None, 1000).await.unwrap();
        let outcomes = files.iter().map(|file| delivered(file.offset, file.n)).collect();
        self.store.part_outcomes(session, held(work), outcomes).await.unwrap();
        self.store.part_end(session, held(work), PartEnd::Done).await.unwrap()
    }

    /// Spent and reserved, today and this month.
    pub async fn used(&self) -> (Money, Money) {
        let used = self.store.used("restore").await.unwrap();
        (used.day, used.month)
    }
}

pub fn part(wish: &Wish<'_>) -> NewPart {
    NewPart {
        archive: wish.of.archive,
        need: wish.need.clone(),
        range: wish.range.clone(),
        files: wish.of.files.len() as u64,
        bytes: 1001 * wish.of.files.len() as u64,
        read_bytes: 3072 * wish.of.files.len() as u64,
        price: usd(100),
        full_price: usd(100),
        egress: usd(10),
        joins: None,
        day: wish.day,
    }
}

/// Each file of an archive, at that destination.
pub fn wanted(of: &Stored, dest: DestId) -> Vec<NewRestore> {
    let each = of.files.iter().enumerate().map(|(n, file)| NewRestore {
        n: of.archive.0.unsigned_abs() * 1000 + n as u64,
        file: Some(*file),
        name: key("not looked at"),
        from: Some((of.archive, offset(n))),
        length: 1001,
        dest,
        target: key(&format!("{}/{n}", of.archive)),
        overwrite: false,
        why: None,
        asked: None,
    });
    each.collect()
}

pub fn held(work: &PartWork) -> PartKey {
    PartKey { plan: work.plan, archive: work.archive, generation: work.generation }
}

pub fn delivered(offset: u64, n: u64) -> FileOutcome {
    FileOutcome { offset, n, state: RestoreState::Delivered, bytes: 1001, reason: None }
}

pub fn failed(offset: u64, n: u64, why: &str) -> FileOutcome {
    FileOutcome { offset, n, state: RestoreState::Failed, bytes: 0, reason: Some(why.to_owned()) }
}

/// The first moment of a day, as `2026-11-23`.
pub fn midnight(day: &str) -> Time {
    let stamp: jiff::Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
    Time::from_micros(stamp.as_microsecond())
}
