//! The identity: made once, asked for before every write. Without it, or with another, nothing is written, and the
//! error says what to mend.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use firn::base::Time;
use firn::base::hash::CheckKind;
use firn::base::ids::VaultUuid;
use firn::services::ServiceError;
use firn::vault::directory::DirectoryVault;
use firn::vault::{Head, Vault, VaultError};
use rustix::fs::{CWD, FileType, Mode};

use super::subject::{Directory, Subject as _, body, new_name, stage};
use super::suite;
use super::world::{World, everything_in};

const FILE: &str = "firn-vault.json";

/// What is put in the identity's place: in words, and how it is made at a path (given where the right one is kept).
type Maker = (&'static str, fn(&Path, &Path));

/// Whatever is asked of the vault, it writes nothing and gives this reason.
async fn refuses_everything(vault: &DirectoryVault, staging: &Path, folder: &Path, reason: &str) {
    let before = everything_in(folder);
    let name = new_name(1);
    let expect = stage(staging, CheckKind::Xxh3, name, b"x").expect;
    let put = stage(staging, CheckKind::Xxh3, name, b"x");
    let part = std::sync::Arc::new(vec![0; 10]);
    let upload = format!("{}.tar", name.uuid).into_bytes();
    let stored = format!("archives/{}/{}.m1.tar", name.uuid.shard(), name.uuid).into_bytes();
    let answers = [
        ("ready", vault.ready().await.err()),
        ("room", vault.room().await.err()),
        ("put", vault.put(put).await.err()),
        ("begin", vault.begin(name, 1 << 20).await.err()),
        ("put_part", vault.put_part(&upload, 0, 1 << 20, part).await.err()),
        ("complete", vault.complete(&upload, name, 1, expect).await.err()),
        ("uploads", vault.uploads(None).await.err()),
        ("abort", vault.abort(&upload).await.err()),
        ("status", vault.status(&stored).await.err()),
        ("read", vault.read(&stored, 0..1).await.err()),
        ("inventory", vault.inventory(None).await.err()),
        ("delete", vault.delete(&stored).await.err()),
    ];
    for (call, answer) in answers {
        let e = answer.unwrap_or_else(|| panic!("{call} was answered"));
        assert_eq!(e.to_string(), reason, "{call}");
    }
    // What cannot be looked at is not absent.
    assert_eq!(vault.head(name.uuid).await.unwrap(), Head::CannotTell(reason.to_owned()));
    assert_eq!(everything_in(folder), before, "nothing is written");
    let staged = staging.join(format!("{}.tar", name.uuid));
    assert_eq!(fs::read(&staged).unwrap(), b"x", "what was to be sent stays");
    fs::remove_file(staged).unwrap();
}

#[tokio::test]
async fn it_is_made_by_itself_when_the_state_is_new_and_the_folder_absent_or_empty() {
    for present in [None, Some("vault"), Some("vault/lost+found")] {
        let world = World::new();
        if let Some(folder) = present {
            fs::create_dir_all(world.path(folder)).unwrap();
        }
        let services = world.services().await;
        services.attach_vault().await.unwrap().ready().await.unwrap();
        let text = fs::read_to_string(world.vault().join(FILE)).unwrap();
        let identity: serde_json::Value = serde_json::from_str(&text).unwrap();
        let known = services.store.vault_identity("cold".to_owned()).await.unwrap();
        assert_eq!(identity["format"], "firn-vault-1");
        assert_eq!(identity["uuid"], known.uuid.unwrap().to_string());
        assert!(known.made);
        // A second start, and a second time `init`, leave it as it is.
        let again = world.services().await;
        again.attach_vault().await.unwrap().ready().await.unwrap();
        let told = again.make_vault().await.unwrap_err().to_string();
        let place = world.vault().display().to_string();
        assert_eq!(told, format!("{place} is this state's vault cold already; nothing was changed"));
        assert_eq!(fs::read_to_string(world.vault().join(FILE)).unwrap(), text);
    }
}

#[tokio::test]
async fn a_folder_that_holds_files_becomes_a_vault_only_when_told_to() {
    let world = World::new();
    fs::create_dir(world.vault()).unwrap();
    fs::write(world.vault().join("thesis.txt"), "mine").unwrap();
    let services = world.services().await;
    let before = everything_in(&world.vault());
    let Err(e) = services.attach_vault().await else { panic!("it became a vault") };
    let place = world.vault().display().to_string();
    assert_eq!(
        e.to_string(),
        format!(
            "{place} holds files and is no vault (firn-vault.json is missing); name an empty folder in [vault] path, or make it a vault with `firn vault init`"
        )
    );
    assert_eq!(everything_in(&world.vault()), before);
    let uuid = services.make_vault().await.unwrap();
    let vault = services.attach_vault().await.unwrap();
    vault.ready().await.unwrap();
    assert_eq!(vault.identity().await.unwrap().unwrap().uuid, uuid);
    assert_eq!(fs::read(world.vault().join("thesis.txt")).unwrap(), b"mine");
}

#[tokio::test]
async fn an_interrupted_making_is_taken_up() {
    for written in [false, true] {
        let world = World::new();
        let services = world.services().await;
        let uuid = VaultUuid::new().unwrap();
        services.store.vault_remember("cold".to_owned(), uuid, false).await.unwrap();
        if written {
            DirectoryVault::new("cold", world.vault()).make(uuid, Time::from_secs(1)).await.unwrap();
        } else {
            // Ended between the folders and the identity.
            fs::create_dir_all(world.vault().join("archives")).unwrap();
            fs::write(world.vault().join("firn-vault.json.new"), "{").unwrap();
        }
        let vault = services.attach_vault().await.unwrap();
        vault.ready().await.unwrap();
        assert_eq!(vault.identity().await.unwrap().unwrap().uuid, uuid);
        assert!(services.store.vault_identity("cold".to_owned()).await.unwrap().made);
        assert!(!world.vault().join("firn-vault.json.new").exists());
    }
}

#[tokio::test]
async fn the_vault_of_another_state_is_refused() {
    let world = World::new();
    world.services().await.attach_vault().await.unwrap();
    let before = everything_in(&world.vault());
    let stranger = world.services_with("vault", "cold", "other.db").await;
    let found = DirectoryVault::new("cold", world.vault()).identity().await.unwrap().unwrap().uuid;
    let sentence = format!(
        "{} is a vault ({found}) that this state does not know; use the state database that does, or name another folder in [vault] path",
        world.vault().display()
    );
    for answer in [stranger.attach_vault().await.map(|_| ()), stranger.make_vault().await.map(|_| ())] {
        assert_eq!(answer.unwrap_err().to_string(), sentence);
    }
    assert_eq!(everything_in(&world.vault()), before);
}

#[tokio::test]
async fn a_state_with_archives_makes_no_second_vault_by_itself() {
    let world = World::new();
    fs::write(world.path("photos/p"), "p").unwrap();
    let services = world.services().await;
    let counters = std::sync::Arc::new(firn::base::sink::NoSink);
    let job = services.job(firn::backup::pipe::Kinds::all(), true, counters).await.unwrap();
    std::sync::Arc::new(job).run(firn::base::Stop::new()).await.unwrap();
    let second = world.services_with("second", "warm", "firn.db").await;
    let Err(e) = second.attach_vault().await else { panic!("it was made") };
    let place = world.path("second").display().to_string();
    assert_eq!(
        e.to_string(),
        format!(
            "this state has archives elsewhere and knows no vault named warm; if {place} is to be one, make it with `firn vault init`"
        )
    );
    assert!(!world.path("second").exists());
    second.make_vault().await.unwrap();
    second.attach_vault().await.unwrap().ready().await.unwrap();
}

#[tokio::test]
async fn without_its_identity_nothing_is_written() {
    let world = World::new();
    let services = world.services().await;
    let uuid = services.make_vault().await.unwrap();
    let staging = world.path("aside");
    fs::create_dir(&staging).unwrap();
    let reason = format!(
        "the vault cold at {} has no firn-vault.json (this state expects identity {uuid}); nothing is written: mount it, or mend [vault] path",
        world.vault().display()
    );
    let vault = services.attach_vault().await.unwrap();
    vault.ready().await.unwrap();
    // The folder is gone; it is empty (a mount point without its mount); it holds something else.
    fs::rename(world.vault(), world.path("away")).unwrap();
    refuses_everything(&vault, &staging, &world.vault(), &reason).await;
    assert!(!world.vault().exists(), "it is not made anew");
    fs::create_dir(world.vault()).unwrap();
    refuses_everything(&vault, &staging, &world.vault(), &reason).await;
    fs::write(world.vault().join("README"), "mount the vault here").unwrap();
    refuses_everything(&vault, &staging, &world.vault(), &reason).await;
    // Started anew, it is the same; and `init` does not make another.
    let vault = world.services().await.attach_vault().await.unwrap();
    refuses_everything(&vault, &staging, &world.vault(), &reason).await;
    let Err(e) = world.services().await.make_vault().await else { panic!("it was made") };
    assert_eq!(e.to_string(), reason);
    assert!(matches!(e, ServiceError::Vault(VaultError::NoIdentity { .. })));
    // Mended, it goes on.
    fs::remove_dir_all(world.vault()).unwrap();
    fs::rename(world.path("away"), world.vault()).unwrap();
    vault.ready().await.unwrap();
}

#[tokio::test]
async fn two_vaults_that_are_exchanged_are_not_written() {
    let [one, other] = [Directory::new(), Directory::new()];
    let (name, bytes) = (new_name(1), body(100, 1));
    suite::put(&one, name, &bytes).await.unwrap();
    let uuids =
        [one.open().identity().await.unwrap().unwrap().uuid, other.open().identity().await.unwrap().unwrap().uuid];
    let aside = one.outside("aside");
    fs::rename(one.path(""), &aside).unwrap();
    fs::rename(other.path(""), one.path("")).unwrap();
    fs::rename(&aside, other.path("")).unwrap();
    for (vault, [found, expected]) in [(&one, [uuids[1], uuids[0]]), (&other, uuids)] {
        let reason = format!(
            "the vault cold at {} has identity {found}, this state expects {expected}; nothing is written: it is the vault of another state",
            vault.path("").display()
        );
        refuses_everything(&vault.open(), &vault.staging(), &vault.path(""), &reason).await;
        let told = vault.open().make(expected, Time::from_secs(1)).await.unwrap_err().to_string();
        assert_eq!(told, reason, "nor is it made anew");
    }
}

#[tokio::test]
async fn a_damaged_identity_is_told_and_nothing_is_written() {
    let long = " ".repeat(5000);
    let cases: [(&str, &str); 7] = [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{\"format\": \"firn-va", "EOF while parsing a string at line 1 column 19"),
        ("\0\0\0\0", "expected value at line 1 column 1"),
        ("{\"uuid\": \"x\", \"made\": \"\"}", "missing field `format` at line 1 column 25"),
        ("{\"format\": \"firn-vault-2\", \"uuid\": \"x\", \"made\": \"\"}", "its format is not \"firn-vault-1\""),
        ("{\"format\": \"firn-vault-1\", \"uuid\": \"x\", \"made\": \"\"}", "its uuid is none: "),
        (&long, "it has 5000 bytes, over 4096"),
    ];
    let subject = Directory::new();
    let right = fs::read(subject.path(FILE)).unwrap();
    for (text, detail) in cases {
        fs::write(subject.path(FILE), text).unwrap();
        let told = subject.open().ready().await.unwrap_err().to_string();
        let place = subject.path("").display().to_string();
        let start = format!("the vault cold at {place}: firn-vault.json is not an identity of firn's ({detail}");
        assert!(told.starts_with(&start), "{told}");
        assert!(told.ends_with("); nothing is written: put the right file back"), "{told}");
        refuses_everything(&subject.open(), &subject.staging(), &subject.path(""), &told).await;
        let again = subject.open().make(VaultUuid::new().unwrap(), Time::from_secs(1)).await.unwrap_err();
        assert_eq!(again.to_string(), told, "nor is it made anew");
    }
    fs::write(subject.path(FILE), right).unwrap();
    subject.open().ready().await.unwrap();
}

#[tokio::test]
async fn what_is_no_file_is_no_identity() {
    let subject = Directory::new();
    let (path, kept) = (subject.path(FILE), subject.outside("kept"));
    fs::rename(&path, &kept).unwrap();
    let makers: [Maker; 3] = [
        ("a link to the right one", |path, kept| symlink(kept, path).unwrap()),
        ("a folder", |path, _| fs::create_dir(path).unwrap()),
        ("a pipe, which is not waited for", |path, _| {
            rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        }),
    ];
    for (what, make) in makers {
        make(&path, &kept);
        let ready = tokio::time::timeout(super::world::DEADLINE, async { subject.open().ready().await }).await;
        let told = ready.expect("it never waits").unwrap_err().to_string();
        assert!(told.contains(FILE), "{what}: {told}");
        refuses_everything(&subject.open(), &subject.staging(), &subject.path(""), &told).await;
        fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
    }
    fs::rename(kept, path).unwrap();
    subject.open().ready().await.unwrap();
}

#[tokio::test]
async fn a_path_that_is_a_file_is_told() {
    let world = World::new();
    fs::write(world.vault(), "a file").unwrap();
    let services = world.services().await;
    let sentence =
        format!("the vault cold: cannot open the folder {}: Not a directory (os error 20)", world.vault().display());
    for answer in [services.attach_vault().await.map(|_| ()), services.make_vault().await.map(|_| ())] {
        assert_eq!(answer.unwrap_err().to_string(), sentence);
    }
    assert_eq!(fs::read(world.vault()).unwrap(), b"a file");
}

#[tokio::test]
async fn a_vault_is_of_no_use_before_its_identity_is_known() {
    let subject = Directory::new();
    let vault = DirectoryVault::new("cold", subject.path(""));
    let reason = "the vault cold: internal error: it was used before its identity was known";
    refuses_everything(&vault, &subject.staging(), &subject.path(""), reason).await;
}
