//! Getting files back: which ones, to where, and what stands in the way.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};

use firn::base::Clock;
use serde_json::Value;

use crate::kit::{Done, Home, LONG, eventually, is_part, noise, odd_names, plain_tree, put, same_trees, tree};

fn restore(home: &Home, what: &str, dest: &Path, more: &[&str]) -> Done {
    let args = [OsStr::new("restore"), OsStr::new(what), dest.as_os_str()];
    home.run(home.command(args.into_iter().chain(more.iter().map(OsStr::new))))
}

/// The archives of the vault.
fn archives(home: &Home) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for shard in fs::read_dir(home.path("vault/archives")).unwrap().map(Result::unwrap) {
        found.extend(fs::read_dir(shard.path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    found
}

/// Changes one byte of `needle` where a tar of the vault holds it.
fn damage(home: &Home, needle: &[u8]) -> PathBuf {
    for path in archives(home) {
        let bytes = fs::read(&path).unwrap();
        if let Some(at) = bytes.windows(needle.len()).position(|window| window == needle) {
            let mut mode = fs::metadata(&path).unwrap().permissions();
            std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o644);
            fs::set_permissions(&path, mode).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
            return path;
        }
    }
    panic!("no archive holds it");
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_changed_file_is_a_new_version_and_the_old_one_is_there_as_of_then() {
    let home = Home::new();
    put(&home.photos().join("a/changes"), b"first", 0o600, (100, 1));
    put(&home.photos().join("a/stays"), b"same", 0o644, (100, 2));
    home.back_up();
    let between = jiff::Timestamp::from_microsecond(Clock::system().now().as_micros()).unwrap().to_string();
    put(&home.photos().join("a/changes"), b"second, and longer", 0o640, (200, 3));
    home.back_up();
    restore(&home, "ugc", &home.path("new"), &["--yes"]).expect(0).prints(&["restored 2 files"]);
    same_trees(&home.photos(), &home.path("new"));
    restore(&home, "ugc", &home.path("old"), &["--yes", "--at", &between]).expect(0);
    let old = tree(&home.path("old"));
    assert_eq!(fs::read(home.path("old/a/changes")).unwrap(), b"first");
    let look = &old[Path::new("a/changes")];
    assert_eq!((look.mode, look.mtime), (0o600, (100, 1)));
    // Before there was anything there is nothing.
    restore(&home, "ugc", &home.path("none"), &["--yes", "--at", "2001-02-03"])
        .expect(2)
        .says(&["nothing of it was there then, as far as is known; give a later --at, or none"]);
    restore(&home, "ugc", &home.path("none"), &["--at", "yesterday"])
        .expect(2)
        .says(&["--at: \"yesterday\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC)"]);
}

#[test]
fn a_deleted_file_comes_back_unless_only_current_ones_are_wanted() {
    let home = Home::new();
    plain_tree(&home.photos(), 5);
    put(&home.photos().join("x/lost"), b"precious", 0o644, (7, 7));
    home.back_up();
    fs::remove_file(home.photos().join("x/lost")).unwrap();
    home.back_up();
    let plan = restore(&home, "ugc", &home.path("plan"), &["--dry-run", "--json"]).expect(0).json();
    assert_eq!((&plan["files"], &plan["deleted_at_source"]), (&Value::from(6), &Value::from(1)));
    restore(&home, "ugc", &home.path("all"), &["--yes"])
        .expect(0)
        .prints(&["of these the source has deleted 1 since (--current leaves them out)", "restored 6 files"]);
    assert_eq!(fs::read(home.path("all/x/lost")).unwrap(), b"precious");
    restore(&home, "ugc", &home.path("current"), &["--yes", "--current"]).expect(0);
    same_trees(&home.photos(), &home.path("current"));
    restore(&home, "ugc:x/lost", &home.path("none"), &["--current"])
        .expect(2)
        .says(&["the source has nothing of it now; without --current what it has deleted is restored, too"]);
}

#[test]
fn one_file_a_folder_a_prefix_and_what_is_not_known() {
    let home = Home::new();
    for name in ["a/one", "a/b/two", "ab/three", "abc", "z"] {
        put(&home.photos().join(name), name.as_bytes(), 0o644, (7, 7));
    }
    home.back_up();
    let wanted: [(&str, &[&str], &[&str]); 8] = [
        ("ugc:abc", &[], &["abc"]),
        ("ugc:a", &[], &["a/b/two", "a/one"]),
        ("ugc:a/", &[], &["a/b/two", "a/one"]),
        ("ugc:a/b", &[], &["a/b/two"]),
        ("ugc:a", &["--prefix"], &["a/b/two", "a/one", "ab/three", "abc"]),
        ("ugc:ab", &["--prefix"], &["ab/three", "abc"]),
        ("ugc:", &[], &["a/b/two", "a/one", "ab/three", "abc", "z"]),
        ("ugc", &[], &["a/b/two", "a/one", "ab/three", "abc", "z"]),
    ];
    for (n, (what, more, files)) in wanted.into_iter().enumerate() {
        let dest = home.path(&format!("dest{n}"));
        restore(&home, what, &dest, more).expect(0);
        let found: Vec<String> =
            tree(&dest).into_keys().map(|key| key.into_os_string().into_string().unwrap()).collect();
        assert_eq!(found, files, "{what} {more:?}");
    }
    restore(&home, "ugc:nothing", &home.path("none"), &[]).expect(2).says(&["ugc:nothing is not in the catalog"]);
    restore(&home, "ucg:a", &home.path("none"), &[])
        .expect(2)
        .says(&["there is no source \"ucg\"; did you mean \"ugc\"?"]);
    assert!(!home.path("none").exists());
}

#[test]
fn odd_names_one_by_one() {
    let home = Home::new();
    for name in odd_names() {
        put(&home.photos().join(name), b"x", 0o644, (7, 7));
    }
    home.back_up();
    for name in odd_names() {
        let mut what = std::ffi::OsString::from("ugc:");
        what.push(&name);
        let dest = home.path("one");
        let done = home.run(home.command([OsStr::new("restore"), &what, dest.as_os_str(), OsStr::new("--yes")]));
        done.expect(0).clean();
        assert!(dest.join(&name).is_file(), "{name:?}");
        fs::remove_dir_all(&dest).unwrap();
    }
}

#[test]
fn a_dry_run_writes_nothing_and_json_has_its_names() {
    let home = Home::new();
    plain_tree(&home.photos(), 9);
    home.back_up();
    put(&home.photos().join("waits"), b"w", 0o644, (7, 7));
    let fields = [
        "plan",
        "state",
        "wrong_lines",
        "twice",
        "tiers",
        "tier",
        "spent_nanodollars",
        "files",
        "bytes",
        "archives",
        "deleted_at_source",
        "newer_not_stored",
        "without_version",
        "folders_now",
        "not_delivered_yet",
        "restored",
        "restored_bytes",
        "already_there",
        "not_restored",
    ];
    let plan = restore(&home, "ugc", &home.path("dest"), &["--dry-run", "--json"]).expect(0).json();
    assert!(!home.path("dest").exists());
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(keys(&plan), fields.map(str::to_owned).into());
    assert_eq!((&plan["files"], &plan["archives"], &plan["restored"]), (&9.into(), &1.into(), &Value::Null));
    restore(&home, "ugc", &home.path("dest"), &["--dry-run"]).expect(0).prints(&["9 files, ", " from 1 archives"]);
    let done = restore(&home, "ugc", &home.path("dest"), &["--json"]).expect(0).json();
    assert_eq!(keys(&done), fields.map(str::to_owned).into());
    assert_eq!((&done["restored"], &done["not_restored"], &done["state"]), (&9.into(), &0.into(), &"ended".into()));
    assert_eq!(done["tiers"][0]["ceiling_nanodollars"], 0, "a directory costs nothing");
    let again = restore(&home, "ugc", &home.path("dest"), &["--json"]).expect(0).json();
    assert_eq!((&again["restored"], &again["already_there"]), (&0.into(), &9.into()));
}

#[test]
fn a_file_that_is_there_and_differs_is_replaced_only_when_that_is_said() {
    let home = Home::new();
    put(&home.photos().join("a"), b"of the vault", 0o644, (7, 7));
    put(&home.photos().join("b"), b"b", 0o644, (7, 7));
    home.back_up();
    let dest = home.path("dest");
    put(&dest.join("a"), b"of the user!", 0o600, (9, 9));
    restore(&home, "ugc", &dest, &["--yes"])
        .expect(1)
        .says(&["a: another file is there already and stays; --overwrite replaces it, or in a list the word overwrite at the end of its line"])
        .prints(&["restored 1 files", "1 NOT restored"]);
    assert_eq!(fs::read(dest.join("a")).unwrap(), b"of the user!");
    // Nobody is there to be asked.
    restore(&home, "ugc", &dest, &["--overwrite"])
        .expect(2)
        .says(&["--overwrite needs --yes where nobody can be asked"]);
    assert_eq!(fs::read(dest.join("a")).unwrap(), b"of the user!");
    restore(&home, "ugc", &dest, &["--overwrite", "--yes"]).expect(0).prints(&["1 were there already"]);
    same_trees(&home.photos(), &dest);
}

#[test]
fn overwrite_counts_for_every_line_of_a_list_and_for_the_rest_of_a_plan() {
    let home = Home::new();
    for name in ["a", "b"] {
        put(&home.photos().join(name), name.as_bytes(), 0o644, (7, 7));
    }
    home.back_up();
    let dest = home.path("dest");
    let spoil = || ["a", "b"].map(|name| put(&dest.join(name), b"of the user!", 0o600, (9, 9)));
    let holds = || ["a", "b"].map(|name| fs::read(dest.join(name)).unwrap());
    let (there, right) = ([b"of the user!".to_vec(), b"of the user!".to_vec()], [b"a".to_vec(), b"b".to_vec()]);
    let list = home.path("list");
    let lines = ["a", "b"].map(|name| format!("ugc:{name} {}/\n", dest.display()));
    fs::write(&list, lines.concat()).unwrap();
    let batch = |more: &[&str]| home.firn(&[&["restore", "--batch", list.to_str().unwrap()], more].concat());
    spoil();
    let plan = batch(&["--yes", "--json"]).expect(1).json()["plan"].to_string();
    assert_eq!(holds(), there);
    // What a plan did not deliver: as it was asked for, and with overwrite.
    let rest = |more: &[&str]| home.firn(&[&["restore", "--rest-of", plan.as_str()], more].concat());
    rest(&["--yes"]).expect(1).says(&["a: another file is there already and stays; --overwrite replaces it"]);
    assert_eq!(holds(), there);
    rest(&["--overwrite"]).expect(2).says(&["--overwrite needs --yes where nobody can be asked"]);
    rest(&["--overwrite", "--yes"]).expect(0);
    assert_eq!(holds(), right);
    // All lines of a list.
    spoil();
    batch(&["--overwrite"]).expect(2).says(&["--overwrite needs --yes where nobody can be asked"]);
    batch(&["--overwrite", "--yes"]).expect(0);
    assert_eq!(holds(), right);
    // As a line says it, it is asked about as well.
    let line = |name: &str| format!("ugc:{name} {}/ overwrite\n", dest.display());
    fs::write(&list, ["a", "b"].map(line).concat()).unwrap();
    spoil();
    batch(&[]).expect(2).says(&["overwriting needs --yes where nobody can be asked"]);
    assert_eq!(holds(), there);
    let replacing = batch(&["--yes", "--json"]).expect(0).json()["plan"].to_string();
    assert_eq!(holds(), right);
    // The plan says so afterwards, and that of another one that nothing is replaced by.
    let told = "2 files replace what is there and differs";
    home.firn(&["restores", &replacing]).expect(0).prints(&[told]);
    assert_eq!(home.firn(&["restores", &replacing, "--json"]).expect(0).json()["overwrites"], 2);
    let kept = home.firn(&["restores", &plan]).expect(1);
    assert!(!kept.out.contains("replace what is there"), "{}", kept.out);
    // What goes on with a plan as it was confirmed takes no new wishes.
    home.firn(&["restore", "--resume", &plan, "--overwrite"]).expect(2).says(&["cannot be used with", "--overwrite"]);
}

#[test]
fn what_goes_to_a_bucket_is_planned_and_not_begun() {
    let home = Home::new();
    put(&home.photos().join("a"), b"a", 0o644, (7, 7));
    put(&home.photos().join("b"), b"b", 0o644, (7, 7));
    home.back_up();
    let why = "2 files go to S3 or MogileFS, which this version does not write to yet: the plan is priced and cannot be confirmed";
    home.firn(&["restore", "ugc:", "s3://bucket/x/", "--dry-run"])
        .expect(0)
        .prints(&["2 files, 2 B from 1 archives", why]);
    let refused = home.firn(&["restore", "ugc:", "s3://bucket/x/", "--yes"]).expect(1);
    refused.says(&[why, "leave them out, or restore them to a folder; nothing was asked for"]);
    let told = home.firn(&["restore", "ugc:", "s3://bucket/x/", "--dry-run", "--json"]).expect(0).json();
    assert_eq!((&told["files"], &told["not_delivered_yet"]), (&2.into(), &2.into()));
}

#[test]
fn on_a_terminal_somebody_is_asked_before_anything_is_replaced() {
    let home = Home::new();
    put(&home.photos().join("a"), b"of the vault", 0o644, (7, 7));
    home.back_up();
    let dest = home.path("dest");
    put(&dest.join("a"), b"of the user!", 0o600, (9, 9));
    let (firn, config) = (env!("CARGO_BIN_EXE_firn"), home.path("firn.toml"));
    let line = format!("{firn} --config {} restore ugc {} --overwrite", config.display(), dest.display());
    for (answer, code, holds) in
        [("no\n", 2, b"of the user!"), ("\n", 2, b"of the user!"), ("yes\n", 0, b"of the vault")]
    {
        fs::write(home.path("answer"), answer).unwrap();
        let mut command = std::process::Command::new("script");
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        command.stdin(fs::File::open(home.path("answer")).unwrap());
        let done = home.run(command).expect(code);
        assert!(done.out.contains("that differ will be replaced"), "{}", done.out);
        assert!(done.out.contains("; type yes to go on:"), "{}", done.out);
        assert_eq!(fs::read(dest.join("a")).unwrap(), holds, "{answer:?}");
    }
    // Standard output is the report alone, where that is wanted as JSON.
    put(&dest.join("a"), b"of the user!", 0o600, (9, 9));
    let report = home.path("report");
    let line = format!("{line} --json > {}", report.display());
    let mut command = std::process::Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.stdin(fs::File::open(home.path("answer")).unwrap());
    let done = home.run(command).expect(0);
    for asked in ["that differ will be replaced", "; type yes to go on:"] {
        assert!(done.out.contains(asked), "{}", done.out);
    }
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
    assert_eq!((&report["restored"], &report["not_restored"]), (&1.into(), &0.into()));
}

#[test]
fn links_files_and_folders_in_the_way_are_told_and_left() {
    let home = Home::new();
    for name in ["link/f", "file/f", "folder", "dangling", "fine"] {
        put(&home.photos().join(name), name.as_bytes(), 0o644, (7, 7));
    }
    home.back_up();
    let (dest, outside) = (home.path("dest"), home.path("outside"));
    fs::create_dir_all(&dest).unwrap();
    fs::create_dir_all(&outside).unwrap();
    symlink(&outside, dest.join("link")).unwrap();
    symlink(outside.join("new"), dest.join("dangling")).unwrap();
    put(&dest.join("file"), b"a file", 0o644, (9, 9));
    fs::create_dir(dest.join("folder")).unwrap();
    for more in [["--yes"].as_slice(), &["--yes", "--overwrite"]] {
        let place = dest.display();
        restore(&home, "ugc", &dest, more).expect(1).clean().says(&[
            &format!("link/f: the link {place}/link is in the way; it is not followed"),
            &format!("file/f: the file {place}/file is in the way"),
            &format!("folder: the folder {place}/folder is in the way"),
            &format!("dangling: the link {place}/dangling is in the way"),
        ]);
    }
    assert!(names(&outside).is_empty(), "{:?}", names(&outside));
    assert_eq!(fs::read(dest.join("file")).unwrap(), b"a file");
    assert_eq!(fs::read(dest.join("fine")).unwrap(), b"fine");
    assert_eq!(names(&dest), ["dangling", "file", "fine", "folder", "link"]);
}

#[test]
fn destinations_that_cannot_be() {
    let home = Home::new();
    plain_tree(&home.photos(), 3);
    home.back_up();
    put(&home.path("file"), b"", 0o644, (1, 1));
    restore(&home, "ugc", &home.path("file"), &[])
        .expect(1)
        .says(&["cannot open the folder", "/file: Not a directory"]);
    for inside in ["vault", "vault/archives/new", "photos/../staging/new"] {
        restore(&home, "ugc", &home.path(inside), &[])
            .expect(2)
            .says(&["lies in the ", "restore to a folder outside it: nothing was restored"]);
    }
    // A key may spell the way down into it.
    restore(&home, "ugc", &home.path("vault/.."), &[])
        .expect(2)
        .says(&["holds the vault", "restore to a folder outside it: nothing was restored"]);
    assert_eq!(names(&home.path("vault")), ["archives", "firn-vault.json", "incoming"]);
    // A path with `..` is the shell's business, and a folder that a link leads to is the user's choice.
    fs::create_dir(home.path("real")).unwrap();
    symlink("real", home.path("link")).unwrap();
    restore(&home, "ugc", &home.path("photos/../link/new"), &[]).expect(0);
    same_trees(&home.photos(), &home.path("real/new"));
}

#[test]
fn a_file_lost_at_its_source_goes_back_in_place_and_a_folder_inside_the_source_is_told() {
    let home = Home::new();
    plain_tree(&home.photos(), 8);
    home.back_up();
    let before = tree(&home.photos());
    fs::remove_file(home.photos().join("d3/f3")).unwrap();
    let done = restore(&home, "ugc", &home.photos(), &[]).expect(0);
    assert_eq!(done.err, "");
    assert!(done.out.contains("restored 1 files") && done.out.contains("7 were there already"), "{}", done.out);
    assert_eq!(tree(&home.photos()), before);
    let inside = home.photos().join("restored");
    restore(&home, "ugc:d3", &inside, &[])
        .expect(0)
        .says(&["some of it goes into the source ugc: what is restored there is backed up again, as new files"]);
}

#[test]
fn a_damaged_archive_costs_its_damaged_file_and_no_other() {
    let home = Home::new();
    plain_tree(&home.photos(), 10);
    put(&home.photos().join("victim\x1b[31m"), &noise(1, 5000), 0o644, (7, 7));
    home.back_up();
    damage(&home, &noise(1, 5000)[2000..2100]);
    let dest = home.path("dest");
    let done = restore(&home, "ugc", &dest, &[]).expect(1).clean().says(&[
        "victim\\x1b[31m: archive ",
        " holds other bytes than were backed up (SHA-256 ",
        "nothing was written",
    ]);
    assert!(done.out.contains("restored 10 files") && done.out.contains("1 NOT restored"), "{}", done.out);
    fs::remove_file(home.photos().join("victim\x1b[31m")).unwrap();
    same_trees(&home.photos(), &dest);
    let report = restore(&home, "ugc", &dest, &["--json"]).expect(1).json();
    assert_eq!((&report["already_there"], &report["not_restored"]), (&10.into(), &1.into()));
}

#[test]
fn an_archive_that_is_missing_or_short_is_named_and_the_others_are_restored() {
    let home = Home::small("64KiB");
    for n in 0..3 {
        put(&home.photos().join(format!("f{n}")), &noise(n, 70_000), 0o644, (7, 7));
    }
    home.back_up();
    assert!(archives(&home).len() >= 3);
    let missing = damage(&home, &noise(0, 100));
    let short = damage(&home, &noise(1, 100));
    assert_ne!(missing, short);
    fs::remove_file(&missing).unwrap();
    fs::File::options().write(true).open(&short).unwrap().set_len(20_000).unwrap();
    let dest = home.path("dest");
    let name = missing.file_name().unwrap().to_string_lossy().into_owned();
    let done = restore(&home, "ugc", &dest, &[]).expect(1).clean().says(&["f0: ", &name, "f1: "]);
    assert!(done.out.contains("restored 1 files") && done.out.contains("2 NOT restored"), "{}", done.out);
    assert_eq!(names(&dest), ["f2"]);
    assert_eq!(fs::read(dest.join("f2")).unwrap(), noise(2, 70_000));
}

#[test]
fn a_vault_that_is_away_or_another_gives_nothing_and_makes_no_folder() {
    let home = Home::new();
    plain_tree(&home.photos(), 3);
    home.back_up();
    fs::rename(home.path("vault"), home.path("away")).unwrap();
    restore(&home, "ugc", &home.path("dest"), &[]).expect(1).says(&[
        "the vault vault at ",
        "has no firn-vault.json",
        "mount it, or mend [vault] path",
    ]);
    assert!(!home.path("vault").exists() && !home.path("dest").exists());
}

#[test]
fn an_interrupted_restore_is_taken_up_beside_another_into_the_same_folder() {
    let home = Home::new();
    for n in 0..40 {
        put(&home.photos().join(format!("f{n}")), &noise(n, 700_000), 0o644, (7, 7));
    }
    home.back_up();
    let dest = home.path("dest");
    let args = || home.command([OsStr::new("restore"), OsStr::new("ugc"), dest.as_os_str()]);
    let mut first = home.start(args());
    eventually(LONG, "some files are restored", || {
        let begun = fs::read_dir(&dest).is_ok_and(|dir| dir.count() > 2);
        (begun || first.is_over()).then_some(())
    });
    let was_over = first.is_over();
    first.signal("KILL");
    let killed = first.wait(LONG);
    assert!(was_over || killed.code == -1);
    for (name, look) in tree(&dest) {
        if !is_part(&name) {
            assert_eq!(tree(&home.photos()).get(&name), Some(&look), "what has its name is whole");
        }
    }
    // Another restore to there does not take part of it for its own.
    home.run(args()).expect(0);
    if !was_over {
        home.firn(&["restores", "1"]).expect(0).prints(&["plan 1  running"]);
        let done = home.firn(&["restore", "--resume", "1", "--json"]).expect(0).json();
        assert_eq!((&done["state"], &done["not_restored"]), (&"ended".into(), &0.into()));
        home.firn(&["restore", "--resume", "1"]).expect(2).says(&["plan 1 is ended; only a running one goes on"]);
    }
    // Nothing half done is left behind either.
    same_trees(&home.photos(), &dest);
}

/// What goes on with a plan takes nothing that would make it another one, and goes on where its folders are.
#[test]
fn a_plan_goes_on_as_it_was_confirmed_and_on_its_own_host() {
    let home = Home::new();
    put(&home.photos().join("f1"), b"one", 0o644, (7, 7));
    home.back_up();
    for flag in [&["--dry-run"][..], &["--overwrite"], &["--tier", "bulk"], &["--current"]] {
        let done = home.firn(&[&["restore", "--resume", "1"], flag].concat()).expect(2);
        done.says(&["the argument '--resume <PLAN>' cannot be used with '", flag[0]]);
    }
    // A file is in the way of its folder: all that is left stands still, and stays.
    put(&home.path("dest"), b"a file", 0o644, (7, 7));
    let done =
        home.firn(&["restore", "ugc", "dest/below", "--json"]).expect(1).says(&["firn restore --resume 1"]).json();
    assert_eq!((&done["state"], &done["restored"]), (&"running".into(), &0.into()), "{done:?}");
    home.firn(&["restores", "1"]).expect(0).prints(&["plan 1  running"]);
    fs::remove_file(home.path("dest")).unwrap();
    let done = home.firn(&["restore", "--resume", "1", "--json"]).expect(0).json();
    assert_eq!((&done["files"], &done["restored"], &done["twice"]), (&1.into(), &1.into(), &serde_json::Value::Null));
    let state = rusqlite::Connection::open(home.path("firn.db")).unwrap();
    let plan: i64 = state.query_row("SELECT max(id) FROM plan", [], |row| row.get(0)).unwrap();
    state.execute("UPDATE plan SET state = 2, host = 'elsewhere' WHERE id = ?", [plan]).unwrap();
    home.firn(&["restore", "--resume", &plan.to_string()])
        .expect(2)
        .says(&["delivers to folders of another host (elsewhere); it goes on there"]);
}

#[test]
fn what_was_not_stored_then_is_in_the_rest_of_the_plan_when_it_is() {
    let home = Home::new();
    put(&home.photos().join("f1"), b"one", 0o644, (7, 7));
    home.back_up();
    put(&home.photos().join("f2"), b"two", 0o644, (7, 7));
    home.firn(&["run", "--until-idle", "--workers", "scan"]).expect(0);
    home.firn(&["restore", "ugc", "dest"]).expect(1).says(&["f2: no version of it is in the vault"]);
    home.firn(&["restore", "--rest-of", "1"]).expect(1).says(&["f2: no version of it is in the vault"]);
    home.back_up();
    home.firn(&["restore", "--rest-of", "1"]).expect(0).prints(&["restored 1 files, 3 B"]);
    same_trees(&home.photos(), &home.path("dest"));
}

#[test]
fn options_that_say_nothing_about_what_is_asked_for_are_refused_or_kept() {
    let home = Home::new();
    put(&home.photos().join("f1"), b"one", 0o644, (7, 7));
    home.back_up();
    let found = home.firn(&["show", "ugc:f1", "--json"]).expect(0).json();
    let uuid = found["copies"][0]["archive"].as_str().unwrap().to_owned();
    home.firn(&["restore", "--at", "2026-11-22", &format!("archive:{uuid}"), "dest"])
        .expect(2)
        .says(&["--at does not go with archive:, which names its versions itself"]);
    put(&home.photos().join("f2"), b"two", 0o644, (7, 7));
    fs::remove_file(home.photos().join("f1")).unwrap();
    home.back_up();
    home.firn(&["restore", "--current", &format!("archive:{uuid}"), "dest"])
        .expect(2)
        .says(&["the source has nothing of it now"]);
    home.firn(&["restore", &format!("archive:{uuid}"), "dest"]).expect(0);
}

#[test]
fn jobs_are_made_faster_only_of_a_running_plan_and_where_the_vault_can() {
    let home = Home::new();
    put(&home.photos().join("a"), b"of the vault", 0o644, (7, 7));
    home.back_up();
    let faster = |plan: &str, more: &[&str]| {
        let words = [&["restores", plan, "--faster", "expedited"], more].concat();
        home.firn(&words)
    };
    faster("1", &["--yes"]).expect(1).says(&["there is no plan 1; firn restores lists them"]);
    restore(&home, "ugc", &home.path("dest"), &["--yes"]).expect(0);
    faster("1", &["--yes"]).expect(1).says(&["plan 1 is ended; only jobs of a running plan are made faster"]);
    home.firn(&["restores", "1", "--faster", "quick\x1b[2J"])
        .expect(2)
        .clean()
        .says(&["--faster: \"quick\\x1b[2J\" is no tier; there are expedited, standard, bulk"]);
    home.firn(&["restores", "--faster", "bulk"]).expect(2);
    home.firn(&["restores", "1", "--yes"]).expect(2);
    home.firn(&["restores", "1", "--faster", "bulk", "--cancel"]).expect(2).says(&["cannot be used with"]);
    // As if it had been interrupted.
    let state = rusqlite::Connection::open(home.path("firn.db")).unwrap();
    state.execute("UPDATE plan SET state = 2, live = 1", []).unwrap();
    faster("1", &["--yes", "--json"]).expect(1).says(&[
        "cannot make a retrieval faster once it was asked for; ask for what is urgent in a faster tier with another plan",
    ]);
    let row: (i64, i64) =
        state.query_row("SELECT raised, held FROM plan", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(row, (0, 0), "nothing is set aside");
}

#[test]
fn a_line_that_comes_to_nothing_is_named() {
    let home = Home::new();
    put(&home.photos().join("f1"), b"one", 0o644, (7, 7));
    home.back_up();
    let dest = home.path("dest").display().to_string();
    let lines = format!("ugc:f1 {dest}/\n# before there was anything\nugc: {dest}/ as-of 2020-01-01\n");
    fs::write(home.path("list"), lines).unwrap();
    let list = home.path("list").display().to_string();
    let done = home.firn(&["restore", "--batch", &list]).expect(0);
    done.says(&["there is (or was then) nothing of what line 3 asks for"]);
    same_trees(&home.photos(), &home.path("dest"));
}

#[test]
fn what_was_skipped_is_not_there_and_the_exit_code_says_so() {
    let home = Home::new();
    put(&home.photos().join("f1"), b"one", 0o644, (7, 7));
    home.back_up();
    let dest = home.path("dest").display().to_string();
    fs::write(home.path("list"), format!("ugc:f1 {dest}/\nugc:f2 {dest}/\n")).unwrap();
    let list = home.path("list").display().to_string();
    home.firn(&["restore", "--batch", &list]).expect(2).says(&["1 lines cannot be restored", "nothing was begun"]);
    let done = home.firn(&["restore", "--batch", &list, "--skip-wrong", "--json"]).expect(1).json();
    assert_eq!((&done["restored"], &done["wrong_lines"]), (&1.into(), &1.into()));
    same_trees(&home.photos(), &home.path("dest"));
}
