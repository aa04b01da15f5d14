//! State, staging, vault and source that are not as they should be.

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;

use crate::kit::{Home, LONG, eventually, plain_tree, put, tree};

/// What runs a command as a user who may do nothing special, in a home that is opened to everybody; nothing where that
/// cannot be done.
pub fn somebody_else(home: &Home) -> Option<&'static [&'static str]> {
    if !rustix::process::geteuid().is_root() {
        return Some(&["env"]);
    }
    let wrapper: &[&str] = &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    if !Command::new(wrapper[0]).args(&wrapper[1..]).arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("not tested: this is root and setpriv cannot become anybody else");
        return None;
    }
    // Whoever it is must be able to work here.
    for name in ["", "photos"] {
        fs::set_permissions(home.path(name), fs::Permissions::from_mode(0o777)).unwrap();
    }
    Some(wrapper)
}

#[test]
fn no_right_to_write_where_firn_must() {
    for (what, says) in [
        ("staging", ["cannot create ", "/staging/", "Permission denied"]),
        ("vault", ["the vault vault", "/vault", "Permission denied"]),
        ("state", ["the state database ", "/state/firn.db", "unable to open database file"]),
    ] {
        let config = crate::kit::MINIMAL.replace("sqlite:firn.db", "sqlite:state/firn.db");
        let home = Home::with(&config);
        plain_tree(&home.photos(), 3);
        for name in ["staging", "vault", "state"] {
            fs::create_dir(home.path(name)).unwrap();
            fs::set_permissions(home.path(name), fs::Permissions::from_mode(0o777)).unwrap();
        }
        let Some(wrapper) = somebody_else(&home) else { return };
        fs::set_permissions(home.path(what), fs::Permissions::from_mode(0o555)).unwrap();
        home.run(home.through(wrapper, ["run", "--until-idle"])).expect(1).clean().says(&says);
        fs::set_permissions(home.path(what), fs::Permissions::from_mode(0o777)).unwrap();
        home.run(home.through(wrapper, ["run", "--until-idle"])).expect(0);
        home.run(home.through(wrapper, ["restore", "ugc", "back"])).expect(0);
        assert_eq!(tree(&home.path("back")), tree(&home.photos()), "{what}");
    }
}

#[test]
fn a_source_that_may_not_be_read_or_is_a_file_is_critical_and_the_other_source_goes_on() {
    let second = r#"path = "photos" }, { name = "more", path = "more" }]"#;
    let home = Home::with(&crate::kit::MINIMAL.replace(r#"path = "photos" }]"#, second));
    plain_tree(&home.photos(), 3);
    put(&home.path("more"), b"a file", 0o644, (7, 7));
    home.firn(&["run", "--until-idle"])
        .expect(1)
        .clean()
        .says(&["the source more was not backed up; `firn status` says why"]);
    home.firn(&["status"]).expect(2).prints(&[
        "CRITICAL   source.root more: the source more: its root ",
        "/more cannot be opened: Not a directory",
        "mount the disk or mend [[source]] path; nothing is taken for deleted meanwhile",
    ]);
    assert_eq!(home.status()["stored"]["files"], 3);
    fs::remove_file(home.path("more")).unwrap();
    put(&home.path("more/f"), b"f", 0o644, (7, 7));
    let Some(wrapper) = somebody_else(&home) else { return };
    for name in ["firn.db", "firn.db-wal", "firn.db-shm"] {
        if home.path(name).exists() {
            fs::set_permissions(home.path(name), fs::Permissions::from_mode(0o666)).unwrap();
        }
    }
    for name in ["staging", "vault", "vault/archives", "vault/incoming"] {
        fs::set_permissions(home.path(name), fs::Permissions::from_mode(0o777)).unwrap();
    }
    fs::set_permissions(home.path("more"), fs::Permissions::from_mode(0o000)).unwrap();
    home.run(home.through(wrapper, ["run", "--until-idle"])).expect(1);
    home.firn(&["status"]).expect(2).prints(&["/more cannot be opened: Permission denied"]);
    fs::set_permissions(home.path("more"), fs::Permissions::from_mode(0o755)).unwrap();
    home.run(home.through(wrapper, ["run", "--until-idle"])).expect(0);
    home.firn(&["status"]).expect(0);
}

#[test]
fn a_state_that_is_a_folder_or_lies_nowhere() {
    let home = Home::new();
    fs::create_dir(home.path("firn.db")).unwrap();
    home.firn(&["run", "--until-idle"])
        .expect(1)
        .says(&["cannot open the state database ", "/firn.db: it is not a file; name a file in [state] url"]);
    let home = Home::with(&crate::kit::MINIMAL.replace("sqlite:firn.db", "sqlite:no/such/firn.db"));
    home.firn(&["run", "--until-idle"]).expect(1).says(&[
        "/no/such/firn.db",
        "No such file or directory",
        "make the folder ",
        "or mend [state] url",
    ]);
}

#[test]
fn a_state_that_another_program_holds_is_named_and_waited_for() {
    let home = Home::new();
    plain_tree(&home.photos(), 5);
    home.back_up();
    let other = Connection::open(home.path("firn.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    put(&home.photos().join("more"), b"more", 0o644, (7, 7));
    let running = home.start(home.command(["run", "--until-idle"]));
    let said = eventually(LONG, "it says who is in the way", || {
        let said = running.said();
        said.contains("has been locked by another program").then_some(said)
    });
    assert!(
        said.contains("/firn.db has been locked by another program for over ") && said.contains("find it (`fuser ")
    );
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    let _ = running.wait(LONG);
    home.back_up();
    assert_eq!(home.check_tars(), (6, 6));
}

#[test]
fn a_state_that_is_no_state() {
    let said = |write: &dyn Fn(&Path), parts: &[&str]| {
        let home = Home::new();
        plain_tree(&home.photos(), 2);
        home.back_up();
        let db = in_one_file(&home);
        write(&db);
        let before = fs::read(&db).unwrap();
        home.firn(&["run", "--until-idle"]).expect(1).clean().says(parts);
        home.firn(&["status"]).expect(3).says(parts);
        assert_eq!(fs::read(&db).unwrap(), before, "it is left as it is");
    };
    let text = |db: &Path| fs::write(db, "this is a shopping list, and a long one\n".repeat(100)).unwrap();
    said(
        &text,
        &["/firn.db is not a state database of firn", "point [state] url at another file, or move this one away"],
    );
    let other = |db: &Path| {
        fs::remove_file(db).unwrap();
        Connection::open(db).unwrap().execute_batch("CREATE TABLE songs (title)").unwrap();
    };
    said(&other, &["/firn.db is not a state database of firn (", "holds 1 tables"]);
    let newer = |db: &Path| {
        let db = Connection::open(db).unwrap();
        db.execute("INSERT INTO migration (number, name, applied_at) VALUES (9000, 'later', 0)", []).unwrap();
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    };
    said(&newer, &["/firn.db has schema 9000, made by a newer firn; this one knows up to ", "use the newer firn"]);
}

/// The state database, without a log beside it.
fn in_one_file(home: &Home) -> PathBuf {
    let db = home.path("firn.db");
    Connection::open(&db).unwrap().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    assert!(!home.path("firn.db-wal").exists());
    db
}

#[test]
fn a_damaged_or_cut_state_is_called_so_and_nothing_is_written_to_the_vault() {
    for cut in [false, true] {
        let home = Home::new();
        plain_tree(&home.photos(), 300);
        home.back_up();
        let db = in_one_file(&home);
        let len = fs::metadata(&db).unwrap().len();
        let file = fs::File::options().write(true).open(&db).unwrap();
        if cut {
            file.set_len(len / 2 / 4096 * 4096).unwrap();
        } else {
            for page in 2..len / 4096 {
                file.write_all_at(&[0xff; 64], page * 4096).unwrap();
            }
        }
        let vault = tree(&home.path("vault"));
        put(&home.photos().join("more"), b"more", 0o644, (7, 7));
        let done = home.firn(&["status"]).expect(3).clean();
        assert!(done.err.contains("is damaged ("), "{}", done.err);
        assert!(
            done.err.contains(
                "stop every firn, move it and its -wal and -shm files aside and put a sound copy in its place"
            ),
            "{}",
            done.err
        );
        let running = home.start(home.command(["run"]));
        let mut running = Some(running);
        eventually(LONG, "it says that the state is damaged", || {
            let now = running.as_ref().unwrap().said();
            now.contains("is damaged (").then_some(())
        });
        let running = running.take().unwrap();
        running.signal("TERM");
        let done = running.wait(LONG).clean();
        assert!(done.code == 0 || done.code == 1, "{}", done.code);
        assert_eq!(tree(&home.path("vault")), vault);
    }
}

#[test]
fn a_state_that_may_only_be_read() {
    let home = Home::new();
    plain_tree(&home.photos(), 2);
    home.back_up();
    let Some(wrapper) = somebody_else(&home) else { return };
    fs::set_permissions(in_one_file(&home), fs::Permissions::from_mode(0o444)).unwrap();
    for name in ["staging", "vault", "vault/archives", "vault/incoming"] {
        fs::set_permissions(home.path(name), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let says = ["the state database ", "/firn.db cannot be written: ", "mend its permissions or its mount"];
    home.run(home.through(wrapper, ["status"])).expect(3).clean().says(&says);
    home.start(home.through(wrapper, ["run", "--until-idle"])).wait(Duration::from_secs(15)).expect(1).says(&says);
}

#[test]
fn a_vault_that_is_another_or_away_is_never_written() {
    let home = Home::new();
    plain_tree(&home.photos(), 4);
    home.back_up();
    put(&home.photos().join("more"), b"more", 0o644, (7, 7));
    let identity = home.path("vault/firn-vault.json");
    let own = fs::read_to_string(&identity).unwrap();
    let other = Home::new();
    other.back_up();
    let others = fs::read_to_string(other.path("vault/firn-vault.json")).unwrap();
    let cases: [(Option<&str>, &str); 4] = [
        (None, "has no firn-vault.json (this state expects identity "),
        (Some(&others), "it is the vault of another state"),
        (Some("{}"), "firn-vault.json is not an identity of firn's ("),
        (Some("not json at all \x1b[31m"), "firn-vault.json is not an identity of firn's ("),
    ];
    for (text, reason) in cases {
        match text {
            None => fs::remove_file(&identity).unwrap(),
            Some(text) => fs::write(&identity, text).unwrap(),
        }
        let before = tree(&home.path("vault"));
        home.firn(&["run", "--until-idle"]).expect(1).clean().says(&[
            "the vault vault at ",
            reason,
            "nothing is written",
        ]);
        home.firn(&["restore", "ugc", "dest"]).expect(1).clean().says(&[reason]);
        assert_eq!(tree(&home.path("vault")), before, "{reason}");
    }
    // It comes away while firn runs: told as a finding, and work goes on when it is back.
    fs::write(&identity, &own).unwrap();
    home.back_up();
    let running = home.start(home.command(["run", "--set", "backup.bundle_age=1s"]));
    eventually(LONG, "it works", || home.status()["workers"][0]["alive"].as_bool());
    fs::rename(home.path("vault"), home.path("away")).unwrap();
    put(&home.photos().join("yet more"), b"yet more", 0o644, (7, 7));
    let finding = home.finding(LONG, "vault.identity");
    assert_eq!((&finding["severity"], &finding["object"]), (&"CRITICAL".into(), &"vault".into()));
    assert_eq!(finding["next_step"], "mount it, or mend [vault] path");
    assert!(!home.path("vault").exists());
    fs::rename(home.path("away"), home.path("vault")).unwrap();
    eventually(LONG, "all is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n == 6));
    eventually(LONG, "the finding is gone", || (home.status()["severity"] == "OK").then_some(()));
    running.signal("TERM");
    running.wait(LONG).expect(0);
    assert_eq!(home.check_tars(), (6, 6));
}

#[test]
fn a_folder_that_holds_files_is_not_made_a_vault_and_a_new_state_does_not_take_a_known_vault() {
    let home = Home::new();
    put(&home.path("vault/holiday.jpg"), b"x", 0o644, (7, 7));
    home.firn(&["run", "--until-idle"]).expect(1).says(&[
        "/vault holds files and is no vault (firn-vault.json is missing)",
        "name an empty folder in [vault] path, or make it a vault with `firn vault init`",
    ]);
    home.firn(&["vault", "init"]).expect(0).prints(&["the vault has identity "]);
    home.firn(&["vault", "init"]).expect(1).says(&["is this state's vault vault already; nothing was changed"]);
    home.back_up();
    for name in ["firn.db", "firn.db-wal", "firn.db-shm"] {
        let _ = fs::remove_file(home.path(name));
    }
    for args in [["run", "--until-idle"], ["vault", "init"]] {
        home.firn(&args).expect(1).says(&["that this state does not know", "use the state database that does"]);
    }
}

#[test]
fn foreign_files_in_vault_and_staging_are_told_and_left_alone() {
    let home = Home::new();
    plain_tree(&home.photos(), 4);
    home.back_up();
    let foreign =
        ["vault/no\x1btes", "vault/archives/x.tar", "vault/incoming/y", "vault/archives/aa/z.tar", "staging/s"];
    for name in foreign {
        put(&home.path(name), name.as_bytes(), 0o644, (7, 7));
    }
    // The vault is listed once a day; a new state of the duty makes it today.
    let db = Connection::open(home.path("firn.db")).unwrap();
    db.execute("UPDATE duty SET next_run = 0 WHERE name = 'inventory:vault'", []).unwrap();
    drop(db);
    put(&home.photos().join("more"), b"more", 0o644, (7, 7));
    home.back_up().clean().says(&["the staging folder holds files that are not firn's; they are left alone"]);
    home.firn(&["status"]).expect(1).clean().prints(&[
        "WARNING    vault.foreign vault: 4 files in the vault are not firn's; the first: ",
        "move them elsewhere",
    ]);
    for name in foreign {
        assert_eq!(fs::read(home.path(name)).unwrap(), name.as_bytes());
    }
    home.check_tars();
}

#[test]
fn a_source_that_is_missing_or_empty_marks_nothing_as_gone() {
    let home = Home::new();
    plain_tree(&home.photos(), 6);
    home.back_up();
    let untouched = |value: &str, next: &str| {
        home.firn(&["run", "--until-idle"])
            .expect(1)
            .says(&["the source ugc was not backed up; `firn status` says why"]);
        home.firn(&["status"]).expect(2).prints(&["CRITICAL   source.root ugc: ", value, next]);
        let plan = home.firn(&["restore", "ugc", "dest", "--current", "--dry-run", "--json"]).expect(0).json();
        assert_eq!((&plan["files"], &plan["deleted_at_source"]), (&6.into(), &0.into()));
    };
    fs::rename(home.photos(), home.path("away")).unwrap();
    untouched("/photos cannot be opened: No such file or directory", "mount the disk or mend [[source]] path");
    fs::create_dir(home.photos()).unwrap();
    untouched("/photos is empty; the last scan saw 6 files", "mount the disk; if the files were really all deleted");
    fs::remove_dir(home.photos()).unwrap();
    fs::rename(home.path("away"), home.photos()).unwrap();
    home.back_up();
    home.firn(&["status"]).expect(0);
}

#[test]
fn a_source_that_goes_away_while_firn_runs_is_told_and_goes_on_when_it_is_back() {
    let home = Home::small("64KiB");
    plain_tree(&home.photos(), 6);
    let running = home.start(home.command(["run"]));
    let watches = || home.status()["workers"][0]["doing"]["scanning"]["ugc"] == "watching";
    eventually(LONG, "it watches", || watches().then_some(()));
    fs::rename(home.photos(), home.path("away")).unwrap();
    assert_eq!(home.finding(Duration::from_secs(30), "source.root")["severity"], "CRITICAL");
    put(&home.path("away/more"), b"more", 0o644, (7, 7));
    fs::rename(home.path("away"), home.photos()).unwrap();
    eventually(LONG, "the new file is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n == 7));
    eventually(LONG, "the finding is gone", || (home.status()["severity"] == "OK").then_some(()));
    running.signal("TERM");
    running.wait(LONG).expect(0);
    home.check_tars();
    home.restores_whole();
}

#[test]
fn accepting_a_source_takes_one_that_is_there() {
    let home = Home::new();
    plain_tree(&home.photos(), 2);
    home.back_up();
    home.firn(&["source", "accept", "ucg"]).expect(2).says(&["there is no source \"ucg\"; there are: ugc"]);
    fs::rename(home.photos(), home.path("away")).unwrap();
    home.firn(&["source", "accept", "ugc"])
        .expect(1)
        .says(&["/photos cannot be opened: No such file or directory", "nothing was accepted: mount the disk"]);
    fs::create_dir(home.photos()).unwrap();
    home.firn(&["source", "accept", "ugc"]).expect(1).says(&[
        "/photos is empty, and the last scan saw 2 files; nothing was accepted",
        "put one file there to say so",
    ]);
    fs::remove_dir(home.photos()).unwrap();
    fs::rename(home.path("away"), home.photos()).unwrap();
    home.firn(&["source", "accept", "ugc"]).expect(0).prints(&["ugc: ", "is taken as it is at the next look"]);
    home.back_up();
}
