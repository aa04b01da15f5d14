//! Restores that are killed before every durable step, with and without what a power cut takes, and gone on with by
//! another process: from a folder, and from an emulated Glacier. That one lies in the process that dies; the next one finds
//! it as it was by a journal of what the service had taken.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use firn::base::faults;
use firn::base::hash::Hash32;
use firn::base::ids::PlanId;
use firn::base::{Clock, Time};
use firn::store::sqlite::SqliteStore;
use firn::store::{PlanState, RestoreState, Restores as _};
use firn::vault::Tier;
use firn::vault::fake::Retrieval;

use crate::kit::{Kind, Look, Plot, START, Site, clear, fast, noise, put, same, tree};

/// What the process is told that carries the plan out.
const CHILD: &str = "FIRN_TEST_RESTORE";
/// More steps than such a restore can have.
const MOST_STEPS: u64 = 3000;
/// The longest a process may take. Only one that hangs comes near it.
const DEADLINE: Duration = Duration::from_mins(3);
/// When the process after the one that was killed begins: what was retrieved can be read still.
const LATER: Duration = Duration::from_hours(12);
/// Where the archives of a Glacier lie, and what it was asked for.
const ARCHIVES: &str = "archives.json";
const JOURNAL: &str = "journal";

fn plot(kind: Kind, root: &Path, start: Time) -> Plot {
    Plot { at: Some(root.to_owned()), start, short: 8, ..Plot::of(kind) }
}

/// A site with a plan that is confirmed: what is to come back.
fn prepared(kind: Kind, root: &Path) -> (PlanId, BTreeMap<PathBuf, Look>, u64) {
    let site = Site::built(plot(kind, root, START));
    let photos = site.path("photos");
    for (folder, files) in [("one", 4), ("two", 3)] {
        for n in 0..files {
            let bytes = noise(n + 1, 9_000 * usize::try_from(n).unwrap());
            put(&photos.join(format!("{folder}/{n}.jpg")), &bytes, 0o640, Duration::from_secs(1_400_000_000 + n));
        }
        site.back_up();
    }
    let before = tree(&photos);
    clear(&photos);
    let tier = (kind == Kind::Glacier).then_some(Tier::Expedited);
    let plan = site.confirmed(&format!("everything: {}/", site.path("back").display()), tier);
    if kind == Kind::Glacier {
        keep_archives(&site);
    }
    fs::create_dir(site.path("limbo")).unwrap();
    (plan.id, before, plan.totals.unwrap().archives)
}

/// Writes down what the service holds.
fn keep_archives(site: &Site) {
    let glacier = site.glacier.as_ref().unwrap();
    let mut core = glacier.core();
    let mut now = site.clock.now();
    let mut lines = String::new();
    for (n, listed) in core.holdings().into_iter().enumerate() {
        let (archive_id, description) = (listed.archive_id.to_string(), String::new());
        let asked = Retrieval { archive_id, range: None, tier: Some(Tier::Expedited), description };
        let job = core.initiate_retrieval(now, &asked).unwrap();
        now = now.plus(Duration::from_hours(1));
        let output = core.job_output(now, &job, 0..listed.size).unwrap();
        let mut bytes = Vec::new();
        for (body, range) in &output.pieces {
            body.read_into(&mut bytes, range.clone()).unwrap();
        }
        fs::write(site.path(&format!("archive-{n}")), bytes).unwrap();
        let (at, hash) = (listed.created.as_micros(), firn::base::encode::hex(&listed.tree_hash.0));
        writeln!(lines, "{n}|{at}|{hash}|{}|{}", listed.archive_id, listed.description).unwrap();
    }
    fs::write(site.path(ARCHIVES), lines).unwrap();
}

/// The service as it was: its archives, and the jobs it had taken.
fn replayed(site: &Site) {
    let glacier = site.glacier.as_ref().unwrap();
    for line in fs::read_to_string(site.path(ARCHIVES)).unwrap().lines() {
        let words: Vec<&str> = line.splitn(5, '|').collect();
        let [n, at, hash, id, description] = words.as_slice() else { panic!("{line}") };
        let body = glacier.shelf().lay(&fs::read(site.path(&format!("archive-{n}"))).unwrap()).unwrap();
        let (at, hash) = (Time::from_micros(at.parse().unwrap()), Hash32::from_hex(hash).unwrap());
        let receipt = glacier.core().post(at, description, hash, body).unwrap();
        assert_eq!(&*receipt.archive_id, *id);
    }
    for line in fs::read_to_string(site.path(JOURNAL)).unwrap_or_default().lines() {
        let words: Vec<&str> = line.splitn(6, '|').collect();
        let [at, archive, start, end, job, description] = words.as_slice() else { panic!("{line}") };
        let range = Some(start.parse().unwrap()..end.parse().unwrap());
        let (archive_id, description) = ((*archive).to_owned(), (*description).to_owned());
        let asked = Retrieval { archive_id, range, tier: Some(Tier::Expedited), description };
        let id = glacier.core().initiate_retrieval(Time::from_micros(at.parse().unwrap()), &asked).unwrap();
        assert_eq!(&*id, *job);
    }
}

/// Not a test of its own: the process that carries the plan out, and that is killed.
#[test]
fn restoring_process() {
    let Ok(order) = std::env::var(CHILD) else { return };
    let words: Vec<&str> = order.split('|').collect();
    let [root, kind, plan, start] = words.as_slice() else { panic!("{order}") };
    let kind = if *kind == "glacier" { Kind::Glacier } else { Kind::Directory };
    let start = Time::from_micros(start.parse().unwrap());
    // What lay on the shelf of the process before went with it.
    drop(fs::remove_dir_all(Path::new(root).join("shelf")));
    let site = Site::built(plot(kind, Path::new(root), start));
    if kind == Kind::Glacier {
        replayed(&site);
        let (journal, clock) = (site.path(JOURNAL), site.clock.clone());
        *site.ways.heard.lock().unwrap() = Some(Box::new(move |job, id| {
            let Some(id) = id else { return faults::step("vault: job") };
            let range = job.range.clone().unwrap();
            let archive = String::from_utf8(job.remote_id.clone()).unwrap();
            let (id, at) = (std::str::from_utf8(id).unwrap(), clock.now().as_micros());
            let mut file = fs::File::options().append(true).create(true).open(&journal).unwrap();
            writeln!(file, "{at}|{archive}|{}|{}|{id}|{}", range.start, range.end, job.description).unwrap();
            faults::step("vault: job taken");
        }));
    }
    site.carry_out(&[PlanId(plan.parse().unwrap())]);
}

/// A run of that process. The step it was killed before; nothing where it ended by itself.
fn run(
    root: &Path,
    kind: Kind,
    plan: PlanId,
    start: Time,
    crash: Option<(&str, &str)>,
) -> Result<Option<String>, String> {
    let name = if kind == Kind::Glacier { "glacier" } else { "directory" };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "restores::restoring_process", "--nocapture"]);
    command.env(CHILD, format!("{}|{name}|{plan}|{}", root.display(), start.as_micros()));
    command.env_remove("FIRN_CRASH_AT").env("RUST_BACKTRACE", "0");
    let limbo = root.join("limbo");
    if let Some((at, loss)) = crash {
        command.env("FIRN_CRASH_AT", at).env("FIRN_CRASH_LOSS", loss).env("FIRN_CRASH_LIMBO", &limbo);
    }
    let log = root.join("said");
    let said = fs::File::create(&log).unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said).spawn().unwrap();
    let status = crate::world::wait(&mut child, DEADLINE).unwrap_or_else(|| {
        child.kill().unwrap();
        child.wait().unwrap()
    });
    let step = fs::read_to_string(limbo.join("crashed-before")).ok();
    for entry in fs::read_dir(&limbo).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    match step {
        Some(step) => Ok(Some(step.trim().to_owned())),
        None if status.success() => Ok(None),
        None => Err(format!("it ended with {status}: {}", fs::read_to_string(log).unwrap())),
    }
}

/// Makes a folder like another.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What must hold when the plan has been carried out, whoever was killed meanwhile.
fn holds(root: &Path, kind: Kind, plan: PlanId, before: &BTreeMap<PathBuf, Look>, archives: u64) -> Result<(), String> {
    let clock = Clock::manual(START.plus(LATER * 3)).0;
    let store = SqliteStore::open(&root.join("firn.db"), clock, false).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let row = runtime.block_on(store.plan(plan)).unwrap().unwrap();
    let files = runtime.block_on(store.plan_restores(plan, false, None, 1000)).unwrap();
    let told = files.iter().filter(|file| matches!(file.state, RestoreState::Delivered | RestoreState::There)).count();
    let wrong: Vec<_> = files.iter().filter_map(|file| file.reason.clone()).collect();
    let came = (row.state, row.delivered, row.failed, told);
    if came != (PlanState::Ended, before.len() as u64, 0, before.len()) {
        return Err(format!("{came:?}, {wrong:?}"));
    }
    let ceiling = row.totals.unwrap().ceiling;
    if row.spent > ceiling {
        return Err(format!("{} was spent of {ceiling}", row.spent));
    }
    if kind == Kind::Glacier {
        let jobs = fs::read_to_string(root.join(JOURNAL)).unwrap().lines().count() as u64;
        if jobs != archives {
            return Err(format!("{jobs} jobs for {archives} archives"));
        }
    }
    same(before, &tree(&root.join("back")));
    Ok(())
}

/// Every step of a restore, on two threads.
fn survives(kind: Kind, loss: &str) -> BTreeSet<String> {
    let (next, steps, failures) = (AtomicU64::new(1), Mutex::new(BTreeSet::new()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let temp = tempfile::Builder::new().prefix("firn-crash").tempdir_in(fast()).unwrap();
                let (root, kept) = (temp.path().join("site"), temp.path().join("kept"));
                let (plan, before, archives) = prepared(kind, &root);
                assert_eq!(archives, 2);
                copy(&root, &kept);
                loop {
                    let step = next.fetch_add(1, Ordering::SeqCst);
                    assert!(step < MOST_STEPS, "a restore of seven files does not end by itself");
                    fs::remove_dir_all(&root).unwrap();
                    copy(&kept, &root);
                    let first = START.plus(Duration::from_hours(1));
                    let Some(name) = run(&root, kind, plan, first, Some((&step.to_string(), loss))).unwrap() else {
                        return;
                    };
                    let went_on = run(&root, kind, plan, START.plus(LATER), None).map(drop);
                    if let Err(why) = went_on.and_then(|()| holds(&root, kind, plan, &before, archives)) {
                        failures.lock().unwrap().push(format!("killed before step {step}, {name}: {why}"));
                    }
                    steps.lock().unwrap().insert(name);
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!("{kind:?}, loss {loss:?}: {} steps", next.load(Ordering::SeqCst) - 2);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    steps.into_inner().unwrap()
}

/// The steps that a restore consists of were among those it was killed before.
fn were_there(steps: &BTreeSet<String>, names: &[&str]) {
    println!("{steps:?}");
    for name in names {
        assert!(steps.iter().any(|step| step.contains(name)), "there was no {name} to be killed before");
    }
}

#[test]
#[ignore = "long: a kill before every step; power cuts before the same steps are always run"]
fn a_restore_from_a_folder_is_killed_before_every_step() {
    were_there(&survives(Kind::Directory, ""), &["commit", "create", "mkdir", "rename"]);
}

#[test]
fn a_power_cut_takes_a_restore_from_a_folder_before_every_step() {
    survives(Kind::Directory, "all");
    survives(Kind::Directory, "seed:5");
}

#[test]
#[ignore = "long: a kill before every step; power cuts before the same steps are always run"]
fn a_restore_from_glacier_is_killed_before_every_step() {
    were_there(&survives(Kind::Glacier, ""), &["commit", "create", "rename", "vault: job", "vault: job taken"]);
}

#[test]
fn a_power_cut_takes_a_restore_from_glacier_before_every_step() {
    survives(Kind::Glacier, "all");
}
