//! Archives that are not what they were: what cannot be had fails with its reason, all else comes back, and a supplement
//! plan takes up the rest where there is something to take it from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use firn::base::ids::PlanId;
use firn::services::Order;
use firn::store::{Confirmed, PlanState};
use firn::vault::Tier;

use crate::kit::{Kind, Look, Site, clear, noise, put, same, tree};

const STANDARD: Option<Tier> = Some(Tier::Standard);
/// Files of each of the archives.
const FILES: u64 = 12;

/// What file `n` of a folder holds.
fn held(folder: &str, n: u64) -> Vec<u8> {
    noise(if folder == "one" { 100 } else { 200 } + n, 20_000)
}

/// Two archives, one after the other: `one/…` and `two/…`.
fn two_archives(site: &Site) -> BTreeMap<PathBuf, Look> {
    let photos = site.path("photos");
    for folder in ["one", "two"] {
        for n in 0..FILES {
            let mtime = std::time::Duration::from_secs(1_400_000_000 + n);
            put(&photos.join(format!("{folder}/{n}.jpg")), &held(folder, n), 0o644, mtime);
        }
        site.back_up();
    }
    let before = tree(&photos);
    clear(&photos);
    before
}

/// The archives of a vault that is a folder.
fn tars(site: &Site) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for shard in fs::read_dir(site.path("vault/archives")).unwrap() {
        found.extend(fs::read_dir(shard.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    found
}

/// The archive that holds some bytes, and where.
fn find(site: &Site, needle: &[u8]) -> (PathBuf, u64) {
    let at = |path: &PathBuf| fs::read(path).unwrap().windows(needle.len()).position(|window| window == needle);
    tars(site).into_iter().find_map(|path| at(&path).map(|at| (path, at as u64))).unwrap()
}

fn writable(path: &Path) -> fs::File {
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::File::options().read(true).write(true).open(path).unwrap()
}

/// Restores everything; which files failed, with their reasons. All others are there as they were.
#[track_caller]
fn everything(site: &Site, before: &BTreeMap<PathBuf, Look>, tier: Option<Tier>) -> (PlanId, BTreeMap<String, String>) {
    let dest = site.path("back");
    let plan = site.confirmed(&format!("everything: {}/", dest.display()), tier);
    site.carry_out(&[plan.id]);
    let row = site.row(plan.id);
    let failed: BTreeMap<String, String> =
        site.files(plan.id, true).into_iter().map(|file| (file.name.to_string(), file.reason.unwrap())).collect();
    assert_eq!((row.state, row.failed), (PlanState::Ended, failed.len() as u64));
    assert_eq!(row.delivered + row.failed, before.len() as u64);
    assert!(row.spent <= row.totals.unwrap().ceiling);
    same(&without(before, &failed), &tree(&dest));
    (plan.id, failed)
}

fn without(before: &BTreeMap<PathBuf, Look>, failed: &BTreeMap<String, String>) -> BTreeMap<PathBuf, Look> {
    let kept = |path: &&PathBuf| !failed.contains_key(path.to_str().unwrap());
    before.iter().filter(|(path, _)| kept(path)).map(|(path, found)| (path.clone(), found.clone())).collect()
}

/// Exactly these failed, each saying all of that.
#[track_caller]
fn just(failed: &BTreeMap<String, String>, names: impl IntoIterator<Item = String>, saying: &[&str]) {
    assert_eq!(failed.keys().cloned().collect::<BTreeSet<_>>(), names.into_iter().collect::<BTreeSet<_>>());
    for (name, why) in failed {
        for part in saying {
            assert!(why.contains(part), "{name}: {part:?} is not in {why:?}");
        }
    }
}

fn all_of(folder: &str) -> Vec<String> {
    (0..FILES).map(|n| format!("{folder}/{n}.jpg")).collect()
}

#[test]
fn a_byte_that_changed_on_disk_costs_the_one_file_that_it_is_in() {
    let site = Site::new(Kind::Directory);
    let before = two_archives(&site);
    let (path, at) = find(&site, &held("one", 5));
    let (file, mut byte) = (writable(&path), [0]);
    file.read_exact_at(&mut byte, at + 777).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at + 777).unwrap();
    let (plan, failed) = everything(&site, &before, None);
    just(&failed, ["one/5.jpg".to_owned()], &["it was read twice", "naming an earlier time"]);
    // Mended, the rest of the plan is that file.
    file.write_all_at(&byte, at + 777).unwrap();
    rest(&site, plan, &before, 1, None);
}

/// What a plan left is delivered by another.
#[track_caller]
fn rest(site: &Site, of: PlanId, before: &BTreeMap<PathBuf, Look>, files: u64, tier: Option<Tier>) {
    let plan = site.plan(Order::RestOf(of), tier);
    assert_eq!((plan.supplement_of, plan.totals.as_ref().unwrap().files), (Some(of), files));
    assert_eq!(site.confirm(&plan), Confirmed::Yes);
    site.carry_out(&[plan.id]);
    let row = site.row(plan.id);
    assert_eq!((row.delivered, row.failed), (files, 0));
    same(before, &tree(&site.path("back")));
}

/// Whoever thinks better of having stopped a plan gets what was not tried yet, too.
#[test]
fn the_rest_of_a_cancelled_plan_is_all_that_it_did_not_deliver() {
    let site = Site::new(Kind::Glacier);
    let before = two_archives(&site);
    let plan = site.confirmed(&format!("everything: {}/", site.path("back").display()), STANDARD);
    let (services, id) = (std::sync::Arc::clone(&site.services), plan.id);
    let left = site.run(async move { services.cancel_plan(id, "ann".to_owned()).await.unwrap() });
    assert!(left.done);
    rest(&site, plan.id, &before, 2 * FILES, STANDARD);
}

#[test]
fn an_archive_that_was_cut_off_on_disk_costs_the_files_beyond_the_cut() {
    let site = Site::new(Kind::Directory);
    let before = two_archives(&site);
    let (path, at) = find(&site, &held("two", 7));
    let whole = fs::read(&path).unwrap();
    writable(&path).set_len(at + 10).unwrap();
    let beyond = |n: &u64| {
        let bytes = held("two", *n);
        let found = whole.windows(bytes.len()).position(|window| window == bytes.as_slice()).unwrap();
        found as u64 >= at
    };
    let lost: Vec<String> = (0..FILES).filter(beyond).map(|n| format!("two/{n}.jpg")).collect();
    assert!(lost.len() > 1 && lost.contains(&"two/7.jpg".to_owned()));
    let (plan, failed) = everything(&site, &before, None);
    just(&failed, lost.clone(), &[]);
    fs::write(&path, whole).unwrap();
    rest(&site, plan, &before, lost.len() as u64, None);
}

#[test]
fn an_archive_that_is_gone_from_the_folder_costs_its_files_and_no_other() {
    let site = Site::new(Kind::Directory);
    let before = two_archives(&site);
    let (path, _) = find(&site, &held("two", 0));
    let aside = site.path("aside");
    fs::rename(&path, &aside).unwrap();
    let (plan, failed) = everything(&site, &before, None);
    just(&failed, all_of("two"), &["the vault cold has no", "a supplement plan looks for other copies"]);
    fs::rename(&aside, &path).unwrap();
    rest(&site, plan, &before, FILES, None);
}

/// The id of the archive that holds a file, by the order in which they were made, and where the file's bytes begin.
fn placed(site: &Site, key: &str) -> (String, u64) {
    let source = site.ask(site.store.source("ugc".to_owned(), "directory")).unwrap();
    let found =
        site.ask(site.store.restorable_key(source.id, firn::base::ids::Key::new(key.as_bytes()), None)).unwrap();
    let version = found.unwrap().version.unwrap();
    (String::from_utf8(version.remote_id).unwrap(), version.data_offset)
}

#[test]
fn a_byte_that_was_spoilt_in_glacier_costs_the_one_file_that_it_is_in() {
    let site = Site::new(Kind::Glacier);
    let before = two_archives(&site);
    let (id, at) = placed(&site, "one/5.jpg");
    site.glacier.as_ref().unwrap().core().spoil(&id, at + 777).unwrap();
    let (plan, failed) = everything(&site, &before, STANDARD);
    just(&failed, ["one/5.jpg".to_owned()], &["it was read twice", "naming an earlier time"]);
    assert!(site.reckoned() <= site.row(plan).totals.unwrap().ceiling);
    assert_eq!(site.billed("job").len(), 2);
    // Still spoilt, it still fails, and nothing else is touched.
    let again = site.plan(Order::RestOf(plan), STANDARD);
    assert_eq!(again.totals.as_ref().unwrap().files, 1);
    assert_eq!(site.confirm(&again), Confirmed::Yes);
    site.carry_out(&[again.id]);
    assert_eq!((site.row(again.id).delivered, site.row(again.id).failed), (0, 1));
}

#[test]
fn an_archive_that_was_cut_off_in_glacier_costs_the_files_beyond_the_cut() {
    let site = Site::new(Kind::Glacier);
    let before = two_archives(&site);
    let (id, at) = placed(&site, "two/7.jpg");
    let lost: Vec<String> = all_of("two").into_iter().filter(|name| placed(&site, name).1 >= at).collect();
    assert!(lost.len() > 1);
    site.glacier.as_ref().unwrap().core().truncate(&id, at + 10).unwrap();
    let (plan, failed) = everything(&site, &before, STANDARD);
    just(&failed, lost, &[]);
    println!("{:?}", failed.values().next());
    assert!(site.reckoned() <= site.row(plan).totals.unwrap().ceiling);
}

#[test]
fn an_archive_that_was_deleted_in_glacier_costs_its_files_and_is_not_paid_for() {
    let site = Site::new(Kind::Glacier);
    let before = two_archives(&site);
    let (id, _) = placed(&site, "two/0.jpg");
    let now = site.clock.now();
    site.glacier.as_ref().unwrap().core().delete(now, &id).unwrap();
    let (plan, failed) = everything(&site, &before, STANDARD);
    just(&failed, all_of("two"), &["the vault cold has no archive"]);
    assert_eq!(site.billed("job").len(), 1);
    let spent = site.row(plan).spent;
    let beyond = spent.nanos() - site.reckoned().nanos();
    assert!((0..20).contains(&beyond), "{spent} was set down, {} it cost", site.reckoned());
}

/// Deleted while its job is under way: the job fails, and so does the next.
#[test]
fn an_archive_that_is_deleted_while_it_is_retrieved_costs_its_files() {
    let site = Site::new(Kind::Glacier);
    let before = two_archives(&site);
    let dest = site.path("back");
    let plan = site.confirmed(&format!("everything: {}/", dest.display()), STANDARD);
    let worker = site.start(std::sync::Arc::clone(&site.services), None);
    site.drive("asked", || site.billed("job").len() == 2);
    let (id, _) = placed(&site, "one/0.jpg");
    let now = site.clock.now();
    site.glacier.as_ref().unwrap().core().delete(now, &id).unwrap();
    site.drive("it is over", || site.over(&[plan.id]));
    site.end(&worker);
    let failed: BTreeMap<String, String> =
        site.files(plan.id, true).into_iter().map(|file| (file.name.to_string(), file.reason.unwrap())).collect();
    just(&failed, all_of("one"), &["the vault cold has no archive"]);
    same(&without(&before, &failed), &tree(&dest));
    assert!(site.reckoned() <= site.row(plan.id).totals.unwrap().ceiling);
}

/// Enters a second copy of each archive of a vault that is a folder into the state, as it stands after an upload whose
/// outcome was not known, that was repeated, and of which both turned out to be there.
fn copied(site: &Site) {
    let db = rusqlite::Connection::open(site.path("firn.db")).unwrap();
    let archives: Vec<(i64, Vec<u8>)> = db
        .prepare("SELECT id, remote_id FROM archive WHERE state = 3")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let columns: Vec<String> = db
        .prepare("SELECT name FROM pragma_table_info('archive')")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (id, remote_id) in archives {
        let name = String::from_utf8(remote_id).unwrap();
        let own: String = Path::new(&name).file_name().unwrap().to_str().unwrap().chars().take(36).collect();
        // Another name in the same shard.
        let mut bytes = *uuid::Uuid::parse_str(&own).unwrap().as_bytes();
        bytes[10] ^= 1;
        let uuid = uuid::Uuid::from_bytes(bytes);
        let copy = name.replace(&own, &uuid.to_string());
        fs::copy(site.path("vault").join(&name), site.path("vault").join(&copy)).unwrap();
        let values: Vec<&str> = columns
            .iter()
            .map(|column| match column.as_str() {
                "id" => "?1",
                "uuid" => "?2",
                "remote_id" => "?3",
                "state" => "6",
                other => other,
            })
            .collect();
        let other = id + 1000;
        db.execute(
            &format!(
                "INSERT INTO archive ({}) SELECT {} FROM archive WHERE id = ?4",
                columns.join(", "),
                values.join(", ")
            ),
            rusqlite::params![other, uuid.as_bytes().as_slice(), copy.as_bytes(), id],
        )
        .unwrap();
        db.execute(
            "INSERT INTO member SELECT ?1, header_offset, file, data_offset, length FROM member WHERE archive = ?2",
            [other, id],
        )
        .unwrap();
    }
}

#[test]
fn what_one_copy_cannot_give_a_supplement_plan_takes_from_another() {
    let site = Site::new(Kind::Directory);
    let before = two_archives(&site);
    copied(&site);
    let (first, second) = (placed(&site, "one/0.jpg").0, placed(&site, "two/0.jpg").0);
    // One is gone as a whole, and of the other one a byte is not what it was.
    fs::remove_file(site.path("vault").join(&first)).unwrap();
    let at = placed(&site, "two/4.jpg").1;
    let (file, mut byte) = (writable(&site.path("vault").join(&second)), [0]);
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    let (plan, failed) = everything(&site, &before, None);
    let mut lost = all_of("one");
    lost.push("two/4.jpg".to_owned());
    just(&failed, lost, &[]);
    rest(&site, plan, &before, FILES + 1, None);
}
