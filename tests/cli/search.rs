//! Looking for files, all there is about one, and restoring an archive as it lies in the vault.

use std::ffi::{OsStr, OsString};
use std::fs;

use serde_json::Value;

use crate::kit::{Done, Home, noise, odd_names, plain_tree, put, same_trees};

fn find(home: &Home, what: &str) -> Vec<Value> {
    home.firn(&["find", what, "--json"]).expect(0).json()["files"].as_array().unwrap().clone()
}

#[test]
fn files_are_found_by_what_their_keys_begin_with() {
    let home = Home::new();
    home.firn(&["find", "x"]).expect(1).says(&["there is no state database at "]);
    plain_tree(&home.photos(), 30);
    put(&home.photos().join("with:colon"), b"x", 0o644, (7, 7));
    home.back_up();
    put(&home.photos().join("d1/waits"), b"x", 0o644, (7, 7));
    home.firn(&["run", "--until-idle", "--workers", "scan"]).expect(0);
    let all = find(&home, "ugc:");
    assert_eq!(all.len(), 32);
    let keys: Vec<_> = all.iter().map(|file| file["key"].as_str().unwrap().to_owned()).collect();
    assert!(keys.is_sorted());
    assert_eq!(find(&home, "d1/"), find(&home, "ugc:d1/"));
    assert_eq!(find(&home, "d1/").len(), keys.iter().filter(|key| key.starts_with("d1/")).count());
    // No source has that name: the colon is the key's.
    assert_eq!(find(&home, "with:")[0]["key"], "with:colon");
    let waits = &find(&home, "d1/waits")[0];
    assert_eq!((&waits["state"], &waits["archive"], &waits["bytes"]), (&"queued".into(), &Value::Null, &1.into()));
    let text = home.firn(&["find", "d1/", "--limit", "2"]).expect(0);
    assert_eq!(text.out.lines().count(), 3);
    text.prints(&["stored    ugc:d1/", "there are more than 2; --limit lists more, a longer PREFIX fewer"]);
    assert_eq!(home.firn(&["find", "d1/", "--limit", "2", "--json"]).expect(0).json()["more"], true);
    home.firn(&["find", "no\x1bthing"]).expect(1).clean().says(&["no key that is known begins with no\\x1bthing"]);
    assert_eq!(home.firn(&["find", "nothing", "--json"]).expect(1).json()["files"], Value::Array(Vec::new()));
    home.firn(&["find", "x", "--limit", "0"]).expect(2).says(&["0 is not in 1..=10000"]);
}

#[test]
fn odd_names_are_found_and_shown() {
    let home = Home::new();
    for name in odd_names() {
        put(&home.photos().join(name), b"x", 0o644, (7, 7));
    }
    home.back_up();
    home.firn(&["find", ""]).expect(0).clean().prints(&["ugc:esc\\x1b[2J\\x1b]0;title\\x07", "\\u{202e}gpj"]);
    assert!(find(&home, "").iter().any(|file| file["key_b64"] == "//4gbm90IMMoIHV0Zi04"));
    for name in odd_names() {
        let mut of = OsString::from("ugc:");
        of.push(&name);
        home.run(home.command([OsStr::new("show"), &of])).expect(0).clean().prints(&["state           stored"]);
        home.run(home.command([OsStr::new("show"), &of, OsStr::new("--json")])).expect(0).clean().json();
    }
}

#[test]
fn all_there_is_about_a_file_and_its_archive() {
    let home = Home::new();
    put(&home.photos().join("a/f"), b"bytes", 0o640, (100, 1));
    home.back_up();
    let file = home.firn(&["show", "ugc:a/f", "--json"]).expect(0).json();
    let sha256 = "277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9";
    assert_eq!((&file["sha256"], &file["mode"], &file["state"]), (&sha256.into(), &"0640".into(), &"stored".into()));
    assert_eq!(
        (&file["queue"], &file["superseded"], &file["failures"]),
        (&Value::Null, &Value::Null, &Value::Array(vec![]))
    );
    let copy = &file["copies"][0];
    let uuid = copy["archive"].as_str().unwrap();
    assert_eq!((&copy["state"], &copy["bytes"], &file["archive"]), (&"stored".into(), &5.into(), &uuid.into()));
    let archive = home.firn(&["show", uuid, "--json"]).expect(0).json();
    assert_eq!(
        (&archive["state"], &archive["files"], &archive["verified_how"]),
        (&"stored".into(), &1.into(), &"on upload".into())
    );
    assert_eq!((&archive["check"], &archive["remote_id"]), (&archive["confirmed"], &copy["remote_id"]));
    assert!(archive["tree_hash"].as_str().unwrap().len() == 64 && archive["sealed"].is_string());
    // The bytes lie where it says.
    let stored = home.path("vault/archives").join(copy["remote_id"].as_str().unwrap());
    let stored = if stored.exists() { stored } else { home.path("vault").join(copy["remote_id"].as_str().unwrap()) };
    let tar = fs::read(stored).unwrap();
    let at = usize::try_from(copy["data_offset"].as_u64().unwrap()).unwrap();
    assert_eq!(&tar[at..at + 5], b"bytes");
    assert_eq!(archive["bytes"], tar.len());
    home.firn(&["show", "ugc:a/f"]).expect(0).clean().prints(&[
        "file            ugc:a/f",
        &format!("sha256          {sha256}"),
        &format!("copy            stored {uuid} in "),
    ]);
    home.firn(&["show", uuid]).expect(0).clean().prints(&["files           1", "verified        20", "Z, on upload"]);
    home.firn(&["show", "0193a1b2-0000-7000-8000-0000000000aa"]).expect(1).says(&[
        "no archive 0193a1b2-0000-7000-8000-0000000000aa is known to this state; `firn queue` lists those on their way",
    ]);
    home.firn(&["show", "ugc:a"]).expect(1).says(&["no file ugc:a is known; `firn find` lists keys"]);
    home.firn(&["show", "f\x07"])
        .expect(2)
        .clean()
        .says(&["\"f\\x07\" names no source; write NAME:KEY with one of: ugc"]);
}

fn restore(home: &Home, archive: &str, more: &[&str]) -> Done {
    let args = [["restore", "--archive", archive].as_slice(), more].concat();
    home.firn(&args)
}

#[test]
fn an_archive_is_restored_as_it_lies_in_the_vault() {
    let home = Home::new();
    for n in 0..20 {
        put(&home.photos().join(format!("d{}/f{n}", n % 3)), &noise(n, 3000), 0o644, (1000, 5));
    }
    home.back_up();
    let first = find(&home, "d0/")[0]["archive"].as_str().unwrap().to_owned();
    // Changed and deleted since: the archive has what it has.
    fs::rename(home.photos(), home.path("as-it-was")).unwrap();
    put(&home.photos().join("d0/f0"), b"another", 0o644, (2000, 5));
    put(&home.photos().join("d0/new"), b"new", 0o644, (2000, 5));
    home.back_up();
    restore(&home, &first, &["dest", "--dry-run"]).expect(0).prints(&["20 files, 60.0 kB from 1 archives"]);
    assert!(!home.path("dest").exists());
    restore(&home, &first, &["dest"]).expect(0).prints(&["restored 20 files, 60.0 kB"]);
    same_trees(&home.path("as-it-was"), &home.path("dest"));
    restore(&home, &first, &["dest"]).expect(0).prints(&["restored 0 files, 0 B; 20 were there already"]);
    put(&home.path("dest/d0/f0"), b"mine", 0o644, (1, 1));
    restore(&home, &first, &["dest"])
        .expect(1)
        .says(&["d0/f0: another file is there already and stays; --overwrite replaces it"]);
    let report = restore(&home, &first, &["dest", "--overwrite", "--yes", "--json"]).expect(0).json();
    assert_eq!(
        (&report["restored"], &report["already_there"], &report["archives"]),
        (&1.into(), &19.into(), &1.into())
    );
    same_trees(&home.path("as-it-was"), &home.path("dest"));
}

#[test]
fn an_archive_that_cannot_be_restored_is_refused_with_the_reason() {
    let home = Home::new();
    plain_tree(&home.photos(), 3);
    home.firn(&["run", "--until-idle", "--workers", "scan,fetch"]).expect(0);
    let sealed = home.status()["bundles"][0]["uuid"].as_str().unwrap().to_owned();
    restore(&home, &sealed, &["dest"])
        .expect(2)
        .says(&[&format!("its archive {sealed} is sealed; only what a vault holds can be restored")]);
    let unknown = "0193a1b2-0000-7000-8000-0000000000aa";
    restore(&home, unknown, &["dest"]).expect(2).says(&[&format!("no archive {unknown} is known to this state")]);
    restore(&home, "no-uuid", &["dest"]).expect(2).says(&["invalid value 'no-uuid' for '--archive <UUID>'"]);
    restore(&home, unknown, &["ugc", "dest"])
        .expect(2)
        .says(&["--archive names what is restored; write firn restore --archive UUID DEST, without a SOURCE"]);
    restore(&home, unknown, &["dest", "--current"]).expect(2).says(&["'--current'", "cannot be used with"]);
    restore(&home, unknown, &[]).expect(2).says(&["required arguments were not provided"]);
    home.firn(&["restore", "ugc"]).expect(2).says(&["required arguments were not provided", "<DEST>"]);
    assert!(!home.path("dest").exists());
}

#[test]
fn files_of_several_sources_in_one_archive_go_to_folders_of_their_own() {
    let config = crate::kit::MINIMAL.replace(
        r#"path = "photos" }]"#,
        r#"path = "photos" }, { name = "other", kind = "directory", path = "more" }]"#,
    );
    let home = Home::with(&config);
    plain_tree(&home.photos(), 5);
    plain_tree(&home.path("more"), 5);
    put(&home.photos().join("only"), b"here", 0o644, (7, 7));
    home.back_up();
    let archives: std::collections::BTreeSet<String> =
        find(&home, "").iter().map(|file| file["archive"].as_str().unwrap().to_owned()).collect();
    assert_eq!(archives.len(), 1, "small files of one lane go together");
    restore(&home, archives.first().unwrap(), &["dest"]).expect(0).prints(&["restored 11 files"]);
    same_trees(&home.photos(), &home.path("dest/ugc"));
    same_trees(&home.path("more"), &home.path("dest/other"));
}
