//! A directory into the vault and back.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use crate::kit::{Home, LONG, MINIMAL, eventually, mixed_tree, noise, plain_tree, put, tree};

#[test]
fn a_mixed_tree_is_in_the_tars_and_comes_back_identical() {
    let home = Home::new();
    mixed_tree(&home.photos(), 300, 3_000_000);
    home.back_up().clean();
    let (files, members) = home.check_tars();
    assert_eq!((files, members), (tree(&home.photos()).len() as u64, files));
    home.restores_whole();
}

/// One file is larger than half the staging budget: it goes part by part. Others are larger than a bundle.
#[test]
fn files_larger_than_a_bundle_and_than_staging_come_back_identical() {
    let config = MINIMAL
        .replace(r#"path = "staging""#, r#"path = "staging", budget = "4MiB""#)
        .replace("25MB", "512KiB")
        .replace("20s", "1s");
    let home = Home::with(&config);
    mixed_tree(&home.photos(), 60, 20_000_000);
    put(&home.photos().join("two bundles"), &noise(8, 1_100_000), 0o644, (1, 2));
    put(&home.photos().join("a bundle"), &noise(9, 512 << 10), 0o644, (1, 2));
    home.back_up();
    let (files, members) = home.check_tars();
    assert_eq!(files, members);
    home.restores_whole();
    let left: Vec<_> = fs::read_dir(home.path("staging")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn nothing_is_sent_twice_by_a_second_run_and_an_empty_source_is_fine() {
    let home = Home::new();
    home.back_up();
    assert_eq!(home.status()["stored"]["archives"], 0);
    plain_tree(&home.photos(), 50);
    home.back_up();
    home.back_up();
    assert_eq!(home.check_tars(), (50, 50));
    assert_eq!(home.status()["stored"]["files"], 50);
}

/// `firn run` in the background: a file written now is queued within two seconds and in the vault within its bundle's age
/// and five.
#[test]
fn a_file_written_now_is_queued_in_two_seconds_and_stored_in_time() {
    let config = MINIMAL.replace("20s", "1s");
    let home = Home::with(&config);
    plain_tree(&home.photos(), 20);
    let running = home.start(home.command(["run"]));
    let stored = || home.status()["stored"]["files"].as_u64();
    eventually(LONG, "the first files are stored", || stored().filter(|n| *n == 20));
    let scanning = || home.status()["workers"][0]["doing"]["scanning"]["ugc"] == "watching";
    eventually(LONG, "it watches", || scanning().then_some(()));
    for n in 0..3 {
        // Whole before it has its name, as a careful writer does; and written in place, as others do.
        let name = home.photos().join(format!("new folder {n}/live"));
        let clock = firn::base::Clock::system();
        let began = clock.mono();
        if n == 1 {
            put(&home.path("live.tmp"), b"live", 0o644, (5, 5));
            fs::create_dir_all(name.parent().unwrap()).unwrap();
            fs::rename(home.path("live.tmp"), &name).unwrap();
        } else {
            put(&name, &noise(n, 1000), 0o644, (5, 5));
        }
        eventually(std::time::Duration::from_secs(2), "the file is queued, or stored already", || {
            let status = home.status();
            let waits = status["lanes"][0]["files"].as_u64()?;
            (waits + status["stored"]["files"].as_u64()? >= 21 + n).then_some(())
        });
        eventually(std::time::Duration::from_secs(6), "the file is stored", || stored().filter(|all| *all > 20 + n));
        assert!(clock.mono().since(began) <= std::time::Duration::from_secs(6));
    }
    running.signal("TERM");
    running.wait(LONG).expect(0);
    home.check_tars();
}

/// The script that the tests here trust finds what is missing and what is wrong.
#[test]
fn check_tars_finds_what_is_missing_and_what_is_wrong() {
    let home = Home::new();
    plain_tree(&home.photos(), 5);
    put(&home.photos().join("changed"), b"one", 0o644, (1, 1));
    home.back_up();
    assert_eq!(home.check_tars(), (6, 6));
    put(&home.photos().join("changed"), b"two", 0o644, (1, 1));
    put(&home.photos().join("new\nline"), b"x", 0o644, (1, 1));
    put(&home.photos().join(".firn/9"), b"never stored", 0o644, (1, 1));
    let mut command = std::process::Command::new(crate::kit::CHECK_TARS);
    command.arg(home.path("vault")).arg(home.photos());
    home.run(command).expect(1).prints(&["files 8, members 6, archives 1, missing 3"]).says(&[
        "missing or wrong: ./changed",
        "missing or wrong: $'./new\\nline'",
        "missing or wrong: ./.firn/9",
    ]);
    let mut command = std::process::Command::new(crate::kit::CHECK_TARS);
    command.arg(home.path("vault")).arg(home.path("nowhere"));
    home.run(command).expect(2).says(&["usage: check-tars VAULT SOURCE"]);
}

/// A file that is too large to be finished in time: told to stop, firn ends at once, and goes on with the same upload.
#[test]
fn a_large_file_is_left_half_way_and_taken_up_again() {
    let config = MINIMAL.replace(r#"path = "staging""#, r#"path = "staging", budget = "200MB""#);
    let home = Home::with(&format!("{config}worker = {{ stop_within = \"5s\" }}\n"));
    let huge = File::create(home.photos().join("huge")).unwrap();
    huge.set_len(600_000_000).unwrap();
    huge.write_all_at(b"the end", 599_999_000).unwrap();
    let begun = |home: &Home| home.status()["archives"]["uploading"].as_u64().filter(|n| *n == 1);
    let running = home.start(home.command(["run"]));
    eventually(LONG, "it is on its way", || begun(&home));
    running.signal("TERM");
    running.wait(std::time::Duration::from_secs(6)).expect(0).clean();
    if begun(&home).is_some() {
        home.back_up().says(&["an upload is taken up again"]);
    } else {
        home.back_up();
    }
    assert_eq!(home.check_tars(), (1, 1));
    let left: Vec<_> = fs::read_dir(home.path("vault/incoming")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// 20,000 mixed files and one of 300 MB that is mostly holes.
#[test]
#[ignore = "long: 20,000 files out and back, some minutes"]
fn twenty_thousand_mixed_files_and_a_large_sparse_one() {
    let home = Home::new();
    mixed_tree(&home.photos(), 20_000, 5_000_000);
    let sparse = File::create(home.photos().join("sparse")).unwrap();
    sparse.set_len(300_000_000).unwrap();
    for at in [0, 1 << 20, 123_456_789, 299_999_000] {
        sparse.write_all_at(&noise(at, 1000), at).unwrap();
    }
    let running = home.start(home.command(["run", "--until-idle"]));
    running.wait(LONG * 10).expect(0);
    let (files, members) = home.check_tars();
    assert_eq!((files, members), (tree(&home.photos()).len() as u64, files));
    home.restores_whole();
}
