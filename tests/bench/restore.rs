//! How fast many small files come back, against `tar x` of the same archives followed by `sync`, run beside it.
//!
//! `cargo bench --bench restore -- [--dir DIR] [--rounds N] [--files N | --million]`: files of 2 KiB (default 100,000) in
//! archives of 25 MB of a directory vault, restored to a folder through a plan in the state, two parts at once. The folder
//! decides which disk is measured. Prints the ratio of the medians (goal 0.5: above it firn takes less than twice as
//! long), and how often archives were opened and how much of them was read.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]
#![allow(clippy::cast_precision_loss)]

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use firn::backup::pipe::Kinds;
use firn::base::hash::Hash32;
use firn::base::host::ProcessIdentity;
use firn::base::ids::{ArchiveId, ArchiveUuid, Generation, PlanId, RetrievalUuid};
use firn::base::sink::NoSink;
use firn::base::{Clock, Money, Stop};
use firn::config::Config;
use firn::restore::parts::Delivery;
use firn::services::Services;
use firn::store::{
    AskPart, Confirm, Confirmed, NewDest, NewPart, NewPlan, NewRestore, NewSession, PlanState, PlanTotals, Store,
};
use firn::vault::{Result, Vault};
use support::between::{Between, Over};
use support::dice::noise;
use support::folders::walk;
use support::median::median;
use uuid::Uuid;

const SIZE: usize = 2048;
const AT_ONCE: usize = 2;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (mut dir, mut rounds, mut files) = (std::env::temp_dir(), 4, 100_000);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--dir" => dir = PathBuf::from(args.next().unwrap()),
            "--rounds" => rounds = args.next().unwrap().parse().unwrap(),
            "--files" => files = args.next().unwrap().parse().unwrap(),
            "--million" => files = 1_000_000,
            other => panic!("unknown argument {other:?}; there are: --dir, --rounds, --files, --million"),
        }
    }
    let temp = tempfile::Builder::new().prefix("firn-bench-").tempdir_in(dir).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("in {}, {files} files of {SIZE} bytes, {rounds} rounds", temp.path().display());
    let services = runtime.block_on(backed_up(temp.path(), files));
    fs::remove_dir_all(temp.path().join("photos")).unwrap();
    let archives = archives(&temp.path().join("vault/archives"));
    let held: u64 = archives.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    println!("{} archives, {:.2} GB", archives.len(), held as f64 / 1e9);
    let (mut tar, mut firn) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        // Who comes second finds a disk that has just been busy: they take turns.
        let untar_now = |tar: &mut Vec<f64>| {
            rustix::fs::sync();
            tar.push(untar(temp.path(), &archives));
        };
        if round % 2 == 0 {
            untar_now(&mut tar);
        }
        rustix::fs::sync();
        let (seconds, counted) = runtime.block_on(restored(temp.path(), &services, files));
        firn.push(seconds);
        if round % 2 == 1 {
            untar_now(&mut tar);
        }
        let read: u64 = counted.values().map(|seen| seen.bytes).sum();
        let twice = counted.values().filter(|seen| !seen.in_order).count();
        println!(
            "round {}: tar x and sync {:.1} s, firn {:.1} s; {} archives opened, {:.3} of their bytes read, {twice} of them not in order",
            round + 1,
            tar.last().unwrap(),
            firn.last().unwrap(),
            counted.len(),
            read as f64 / held as f64,
        );
        assert!(read <= held, "each byte is read at most once");
        assert_eq!(twice, 0, "each archive is read once, from its beginning to its end");
    }
    println!("ratio {:.2} (goal 0.5), firn {:.0} files/s", median(&tar) / median(&firn), files as f64 / median(&firn));
}

fn archives(dir: &Path) -> Vec<PathBuf> {
    walk(dir).into_iter().filter(|(_, meta)| meta.is_file()).map(|(path, _)| path).collect()
}

/// Files whose bytes do not repeat, a thousand a folder, backed up for real.
async fn backed_up(home: &Path, files: usize) -> Services {
    let pool = noise(1, 8 << 20);
    for n in 0..files {
        let folder = home.join("photos").join((n / 1000).to_string());
        if n % 1000 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        let start = n * 7919 % (pool.len() - SIZE);
        fs::write(folder.join(format!("picture-{n}.jpg")), &pool[start..start + SIZE]).unwrap();
    }
    let text = "[[source]]\nname = \"bench\"\npath = \"photos\"\n[vault]\npath = \"vault\"\n\
                [backup]\nmd5 = \"never\"\nbundle_size = \"25MB\"\n";
    let config = Config::parse(Some((&home.join("firn.toml"), text)), &[], &[]).unwrap();
    let services = Services::open(config, true).await.unwrap();
    let job = services.job(Kinds::all(), true, Arc::new(NoSink)).await.unwrap();
    let ended = Arc::new(job).run(Stop::new()).await.unwrap();
    assert_eq!(ended.given_up, 0);
    services
}

/// Unpacks every archive with tar, one after the other, and syncs. Seconds.
fn untar(home: &Path, archives: &[PathBuf]) -> f64 {
    let out = home.join("tar");
    fs::create_dir(&out).unwrap();
    let began = Instant::now();
    for archive in archives {
        let status = Command::new("tar").arg("xf").arg(archive).arg("-C").arg(&out).status().unwrap();
        assert!(status.success(), "tar: {status}");
    }
    rustix::fs::sync();
    let seconds = began.elapsed().as_secs_f64();
    fs::remove_dir_all(&out).unwrap();
    seconds
}

/// What was read of an archive.
#[derive(Default)]
struct Seen {
    bytes: u64,
    end: u64,
    in_order: bool,
}

/// Restores everything through a plan. Seconds from the first claim to the end of the plan.
async fn restored(home: &Path, services: &Services, files: usize) -> (f64, BTreeMap<Vec<u8>, Seen>) {
    let out = home.join("back");
    let store = &services.store;
    let plan = planned(&**store, &out).await;
    let vault = Arc::new(Over(Counted { below: services.vault().await.unwrap(), seen: Mutex::default() }));
    let process = ProcessIdentity { host: "bench".to_owned(), ..ProcessIdentity::own() };
    let session = NewSession { process, kinds: "restore".to_owned(), lease: Duration::from_hours(100) };
    let session = store.session_start(session).await.unwrap().id;
    let egress = Arc::new(|_| Money::ZERO);
    let began = Instant::now();
    let delivery = Arc::new(Delivery::new(
        Arc::clone(store),
        Arc::clone(&vault) as Arc<dyn Vault>,
        Clock::system(),
        session,
        Stop::new(),
        egress,
    ));
    let mut running = tokio::task::JoinSet::new();
    loop {
        while running.len() < AT_ONCE {
            let Some(part) = store.part_claim(session, "bench".to_owned(), None).await.unwrap() else { break };
            let delivery = Arc::clone(&delivery);
            running.spawn(async move { delivery.deliver(part).await.unwrap() });
        }
        if running.join_next().await.is_none() {
            break;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let row = store.plan(plan).await.unwrap().unwrap();
    assert_eq!((row.state, row.delivered, row.failed), (PlanState::Ended, files as u64, 0));
    store.session_end(session).await.unwrap();
    fs::remove_dir_all(&out).unwrap();
    let seen = std::mem::take(&mut *vault.0.seen.lock().unwrap());
    (seconds, seen)
}

/// A confirmed plan of everything, whose parts need no job.
async fn planned(store: &dyn Store, out: &Path) -> PlanId {
    let new = NewPlan {
        title: "all".to_owned(),
        who: "bench".to_owned(),
        host: "bench".to_owned(),
        vault: "vault".to_owned(),
        supplement_of: None,
    };
    let plan = store.plan_begin(new).await.unwrap();
    let dest = NewDest { kind: "folder", place: out.into() };
    let dest = store.plan_dests(plan, vec![dest]).await.unwrap()[0];
    let source = store.source("bench".to_owned(), "directory").await.unwrap();
    let mut archives: BTreeMap<ArchiveUuid, (ArchiveId, u64)> = BTreeMap::new();
    let (mut after, mut n) = (None, 0);
    loop {
        let page = store.restorable(source.id, Vec::new(), after.clone(), None, 1000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        let mut files = Vec::new();
        for key in page {
            let version = key.version.unwrap();
            let (archive, count) = match archives.entry(version.archive) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let id = store.archive_detail(version.archive).await.unwrap().unwrap().row.id;
                    new.insert((id, 0))
                }
            };
            (*count, n) = (*count + 1, n + 1);
            files.push(NewRestore {
                n,
                file: Some(version.file),
                name: key.key.clone(),
                from: Some((*archive, version.data_offset)),
                length: version.length,
                dest,
                target: key.key,
                overwrite: false,
                why: None,
                asked: None,
            });
        }
        store.plan_add(plan, files).await.unwrap();
    }
    let zero = Money::ZERO;
    let part = |(archive, files): &(ArchiveId, u64)| NewPart {
        archive: *archive,
        need: None,
        range: None,
        files: *files,
        bytes: 0,
        read_bytes: 0,
        price: zero,
        full_price: zero,
        egress: zero,
        joins: None,
        day: 0,
    };
    store.plan_parts(plan, Generation(0), archives.values().map(part).collect()).await.unwrap();
    let (hash, tariff_hash) = (Hash32([1; 32]), Hash32([2; 32]));
    let totals = PlanTotals {
        tier: None,
        tariff: "none".to_owned(),
        tariff_hash,
        hash,
        files: n,
        bytes: 0,
        impossible: 0,
        overwrites: 0,
        archives: archives.len() as u64,
        jobs: 0,
        joined: 0,
        asked_bytes: 0,
        read_bytes: 0,
        price: zero,
        sure: true,
        ceiling: zero,
        risks: Vec::new(),
        seconds: None,
    };
    store.plan_save(plan, Generation(0), totals).await.unwrap();
    let (who, days) = ("bench".to_owned(), vec![(0, zero)]);
    let confirm = Confirm { plan, hash, who, days, plan_limit: None, day_limit: None, month_limit: None };
    assert_eq!(store.plan_confirm(confirm).await.unwrap(), Confirmed::Yes);
    let process = ProcessIdentity { host: "bench".to_owned(), ..ProcessIdentity::own() };
    let session = NewSession { process, kinds: "restore".to_owned(), lease: Duration::from_hours(1) };
    let session = store.session_start(session).await.unwrap().id;
    for (archive, _) in archives.values() {
        let uuid = RetrievalUuid(Uuid::from_u128(1));
        let joinable_until = store.now().await.unwrap();
        let ask = AskPart { plan, archive: *archive, uuid, price: zero, tariff_hash, joinable_until, most: 1 };
        store.part_ask(session, ask).await.unwrap();
    }
    store.session_end(session).await.unwrap();
    plan
}

/// A vault that counts what is read of it.
struct Counted {
    below: Arc<dyn Vault>,
    seen: Mutex<BTreeMap<Vec<u8>, Seen>>,
}

#[async_trait]
impl Between for Counted {
    fn below(&self) -> &dyn Vault {
        &*self.below
    }

    async fn read(&self, job_id: &[u8], range: Range<u64>) -> Result<Vec<u8>> {
        {
            let mut all = self.seen.lock().unwrap();
            let seen = all.entry(job_id.to_vec()).or_insert(Seen { bytes: 0, end: 0, in_order: true });
            seen.bytes += range.end - range.start;
            seen.in_order &= range.start >= seen.end;
            seen.end = range.end;
        }
        self.below.read(job_id, range).await
    }
}
