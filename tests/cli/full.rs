//! File systems of eight megabytes that fill up and are freed while firn runs.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::kit::{Home, LONG, Running, eventually, is_part, noise, put, same_trees, tree};
use crate::support::alone::{As, Small, goes_on};

/// Leaves about `left` bytes free; none, where somebody else takes them meanwhile.
fn fill(small: &Small, left: u64) -> PathBuf {
    let room = rustix::fs::statvfs(small.path()).unwrap();
    let bytes = (room.f_bavail * room.f_frsize).saturating_sub(left);
    let path = small.path().join("ballast");
    match File::create(&path).unwrap().write_all(&vec![0; usize::try_from(bytes).unwrap()]) {
        Err(e) if e.kind() == std::io::ErrorKind::StorageFull => {}
        written => written.unwrap(),
    }
    path
}

/// Mounts eight megabytes there.
fn mount(path: &Path) -> Small {
    Small::mount(path, "8m")
}

/// Twelve files, three megabytes.
fn photos(home: &Home) {
    for n in 0..12 {
        put(&home.photos().join(format!("f{n}")), &noise(n, 250_000), 0o644, (7, 7));
    }
}

fn all_arrive(home: &Home, running: Running, files: u64) {
    eventually(LONG, "all is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n == files));
    eventually(LONG, "the findings are gone", || (home.status()["severity"] == "OK").then_some(()));
    running.signal("TERM");
    running.wait(LONG).expect(0).clean();
    assert_eq!(home.check_tars(), (files, files));
    home.restores_whole();
}

#[test]
fn a_full_staging_folder_is_told_and_work_goes_on_when_there_is_room() {
    if !goes_on(As::Mounter, "full::a_full_staging_folder_is_told_and_work_goes_on_when_there_is_room") {
        return;
    }
    let home = Home::small("512KiB");
    photos(&home);
    let small = mount(&home.path("staging"));
    let ballast = fill(&small, 200_000);
    let running = home.start(home.command(["run"]));
    let finding = home.finding(LONG, "staging.full");
    assert_eq!(finding["severity"], "CRITICAL");
    let (object, value) = (finding["object"].as_str().unwrap(), finding["value"].as_str().unwrap());
    assert!(object.contains("/staging on "), "{object}");
    assert!(value.ends_with(" free; a bundle takes 524.3 kB"), "{value}");
    assert_eq!(finding["next_step"], "free space there; work goes on by itself");
    assert_eq!(home.status()["stored"]["files"], 0);
    fs::remove_file(ballast).unwrap();
    all_arrive(&home, running, 12);
}

#[test]
fn a_staging_folder_that_is_filled_under_the_bundles_costs_no_file() {
    if !goes_on(As::Mounter, "full::a_staging_folder_that_is_filled_under_the_bundles_costs_no_file") {
        return;
    }
    let home = Home::small("2MB");
    let small = mount(&home.path("staging"));
    let running = home.start(home.command(["run", "--workers", "scan,fetch,reconcile"]));
    for n in 0..60 {
        put(&home.photos().join(format!("f{n}")), &noise(n, 250_000), 0o644, (7, 7));
    }
    // Nothing is uploaded yet: fifteen megabytes do not go into eight.
    assert_eq!(home.finding(LONG, "staging.full")["severity"], "CRITICAL");
    let ballast = fill(&small, 0);
    let uploads = home.start(home.command(["run", "--workers", "upload,reconcile"]));
    eventually(LONG, "what is staged is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n > 5));
    fs::remove_file(ballast).unwrap();
    eventually(LONG, "all is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n == 60));
    uploads.signal("TERM");
    uploads.wait(LONG).expect(0);
    all_arrive(&home, running, 60);
}

#[test]
fn a_full_vault_is_told_and_uploads_go_on_when_there_is_room() {
    if !goes_on(As::Mounter, "full::a_full_vault_is_told_and_uploads_go_on_when_there_is_room") {
        return;
    }
    let home = Home::small("512KiB");
    let small = mount(&home.path("vault"));
    home.back_up();
    let ballast = fill(&small, 100_000);
    photos(&home);
    let running = home.start(home.command(["run"]));
    let finding = home.finding(LONG, "vault.full");
    assert_eq!((&finding["severity"], &finding["object"]), (&"CRITICAL".into(), &"vault".into()));
    assert!(finding["value"].as_str().unwrap().ends_with(" of 8.4 MB free"), "{finding}");
    assert_eq!(finding["limit"], "1.0 MB for the next bundles");
    eventually(LONG, "an upload has failed for want of room", || {
        let queue = home.firn(&["queue", "--json"]).json();
        let notes = queue["archives"].as_array()?.iter().filter_map(|archive| archive["note"].as_str()?.into());
        notes.into_iter().find(|note: &&str| note.contains("No space left on device")).map(str::to_owned)
    });
    assert_eq!(home.status()["stored"]["files"], 0);
    fs::remove_file(ballast).unwrap();
    all_arrive(&home, running, 12);
}

#[test]
fn a_vault_that_the_backup_itself_fills_takes_the_rest_when_there_is_room() {
    if !goes_on(As::Mounter, "full::a_vault_that_the_backup_itself_fills_takes_the_rest_when_there_is_room") {
        return;
    }
    let home = Home::small("512KiB");
    let small = mount(&home.path("vault"));
    home.back_up();
    let ballast = fill(&small, 4_000_000);
    for n in 0..24 {
        put(&home.photos().join(format!("f{n}")), &noise(n, 250_000), 0o644, (7, 7));
    }
    let running = home.start(home.command(["run"]));
    assert_eq!(home.finding(LONG, "vault.full")["severity"], "CRITICAL");
    fs::remove_file(ballast).unwrap();
    all_arrive(&home, running, 24);
}

#[test]
fn a_full_file_system_under_the_state_is_told_and_work_goes_on_when_there_is_room() {
    if !goes_on(As::Mounter, "full::a_full_file_system_under_the_state_is_told_and_work_goes_on_when_there_is_room") {
        return;
    }
    let config = crate::kit::MINIMAL.replace("sqlite:firn.db", "sqlite:state/firn.db").replace("20s", "1s");
    let home = Home::with(&config);
    let small = mount(&home.path("state"));
    let mut running = home.start(home.command(["run"]));
    eventually(LONG, "it works", || home.status()["sources"][0]["scanned"].is_string().then_some(()));
    let ballast = fill(&small, 0);
    photos(&home);
    eventually(LONG, "it says that the state is full", || {
        let said = running.said();
        assert!(!running.is_over(), "{said}");
        said.contains("/state/firn.db cannot grow: its file system is full; free space there").then_some(())
    });
    // Who asks is told the same.
    let done = home.firn(&["status"]);
    assert!(
        done.code == 3 && done.err.contains("its file system is full") || done.code != 0 && done.out.contains("20"),
        "{done:?}"
    );
    fs::remove_file(ballast).unwrap();
    all_arrive(&home, running, 12);
}

#[test]
fn a_restore_to_a_full_disk_says_so_and_is_finished_when_there_is_room() {
    if !goes_on(As::Mounter, "full::a_restore_to_a_full_disk_says_so_and_is_finished_when_there_is_room") {
        return;
    }
    let home = Home::new();
    photos(&home);
    home.back_up();
    let dest = home.path("dest");
    let small = mount(&dest);
    let ballast = fill(&small, 1_000_000);
    let done = home.firn(&["restore", "ugc", "dest"]).expect(1).clean();
    let place = dest.display();
    done.says(&[
        &format!("cannot write {place}/.firn-part-"),
        "No space left on device",
        "Make room, or mend what the reason names, then firn restore --resume 1 (or firn restores 1 --cancel)",
    ]);
    let whole = tree(&home.photos());
    for (name, look) in tree(&dest) {
        let unnamed = name == Path::new("ballast") || is_part(&name);
        assert!(unnamed || whole.get(&name) == Some(&look), "what has its name is whole");
    }
    // The plan stays, and nothing but room is missing.
    home.firn(&["restores", "1"]).expect(0).prints(&["plan 1  running"]);
    home.firn(&["restore", "--resume", "1"]).expect(1).says(&["No space left on device"]);
    fs::remove_file(ballast).unwrap();
    home.firn(&["restore", "--resume", "1"]).expect(0);
    same_trees(&home.photos(), &dest);
}

/// The same disk at another place: nothing is taken for gone until somebody says that it was meant.
#[test]
fn a_source_on_another_file_system_is_held_until_it_is_accepted() {
    if !goes_on(As::Mounter, "full::a_source_on_another_file_system_is_held_until_it_is_accepted") {
        return;
    }
    let home = Home::small("512KiB");
    photos(&home);
    home.back_up();
    let running = home.start(home.command(["run"]));
    let watches = || home.status()["workers"][0]["doing"]["scanning"]["ugc"] == "watching";
    eventually(LONG, "it watches", || watches().then_some(()));
    running.signal("TERM");
    running.wait(LONG).expect(0);
    let _other = mount(&home.photos());
    put(&home.photos().join("f0"), &noise(0, 250_000), 0o644, (7, 7));
    home.firn(&["run", "--until-idle"]).expect(1).says(&["the source ugc was not backed up"]);
    home.firn(&["status"]).expect(2).prints(&[
        "CRITICAL   source.root ugc: ",
        "/photos is on another file system than before",
        "mount the disk; if it was meant to move: firn source accept ugc",
    ]);
    let plan = || home.firn(&["restore", "ugc", "dest", "--dry-run", "--json"]).expect(0).json();
    assert_eq!(plan()["deleted_at_source"], 0);
    home.firn(&["source", "accept", "ugc"]).expect(0);
    home.back_up();
    home.firn(&["status"]).expect(0);
    assert_eq!((&plan()["files"], &plan()["deleted_at_source"]), (&12.into(), &11.into()));
}
