//! Staging and vault on different file systems; full ones, read-only ones.

use std::fs;
use std::path::Path;
use std::process::Command;

use firn::base::disk::Trouble;
use firn::base::hash::CheckKind;
use firn::vault::{Head, Vault as _, VaultError};

use super::subject::{Directory, Subject as _, body, new_name, stage};
use super::suite;
use super::support::alone::{As, goes_on};

const TMPFS: [&str; 5] = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"];

/// Runs a command that must succeed.
fn run(command: &str, args: &[&str], dir: &Path) {
    let output = Command::new(command).args(args).arg(dir).output().unwrap();
    assert!(output.status.success(), "{command} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn staging_on_another_device_is_copied_from() {
    if !goes_on(As::Mounter, "mounts::staging_on_another_device_is_copied_from") {
        return;
    }
    let subject = Directory::new();
    run("mount", &TMPFS, &subject.staging());
    let (name, bytes) = (new_name(1), body(500_000, 1));
    let put = stage(&subject.staging(), CheckKind::Xxh3, name, &bytes);
    // A copy that was interrupted is no obstacle.
    fs::write(subject.path(&format!("incoming/{}.copying", name.uuid)), "half").unwrap();
    subject.open().put(put.clone()).await.unwrap();
    suite::holds(&subject, name, &bytes).await.unwrap();
    assert_eq!(fs::read_dir(subject.path("incoming")).unwrap().count(), 0);
    assert_eq!(fs::read(subject.staging().join(&put.file)).unwrap(), bytes, "what was copied stays");
    assert_eq!(put.progress.bytes(), 500_000, "copied, and read back");
    drop(put);
    run("umount", &[], &subject.staging());
}

#[tokio::test]
async fn two_mounts_of_one_device_are_copied_between() {
    if !goes_on(As::Mounter, "mounts::two_mounts_of_one_device_are_copied_between") {
        return;
    }
    let subject = Directory::new();
    let staging = subject.staging();
    run("mount", &["--bind", staging.to_str().unwrap()], &staging);
    let (name, bytes) = (new_name(1), body(5000, 1));
    suite::put(&subject, name, &bytes).await.unwrap();
    suite::holds(&subject, name, &bytes).await.unwrap();
    run("umount", &[], &staging);
}

#[tokio::test]
async fn a_full_vault_is_told_keeps_nothing_half_and_goes_on_when_there_is_room() {
    if !goes_on(As::Mounter, "mounts::a_full_vault_is_told_keeps_nothing_half_and_goes_on_when_there_is_room") {
        return;
    }
    let subject = Directory::new();
    let incoming = subject.path("incoming");
    run("mount", &TMPFS, &incoming);
    let (name, bytes) = (new_name(1), body(900_000, 1));
    fs::write(incoming.join("foreign"), body(600_000, 2)).unwrap();
    let put = stage(&subject.staging(), CheckKind::Xxh3, name, &bytes);
    let e = subject.open().put(put.clone()).await.unwrap_err();
    assert!(e.is_about_the_vault());
    let VaultError::Disk { source, .. } = &e else { panic!("{e}") };
    assert_eq!(source.trouble(), Trouble::Full);
    assert!(e.to_string().contains(&incoming.display().to_string()), "{e}");
    let left: Vec<_> = fs::read_dir(&incoming).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["foreign"], "what was half copied is removed");
    assert_eq!(subject.open().head(name.uuid).await.unwrap(), Head::Absent);
    // A part that does not fit says so too, and the upload can go on.
    let upload = subject.open().begin(new_name(1), 1 << 20).await.unwrap();
    let part = std::sync::Arc::new(bytes.clone());
    let e = subject.open().put_part(&upload, 0, 1 << 20, part.clone()).await.unwrap_err();
    assert!(e.is_about_the_vault(), "{e}");
    fs::remove_file(incoming.join("foreign")).unwrap();
    subject.open().put_part(&upload, 0, 1 << 20, part).await.unwrap();
    subject.open().abort(&upload).await.unwrap();
    // It is on another device than the archives, so that the last step cannot be done: told, and nothing is lost.
    let e = subject.open().put(put.clone()).await.unwrap_err();
    assert!(matches!(e, VaultError::OutcomeUnknown { .. }), "{e}");
    run("umount", &[], &incoming);
    subject.open().put(put).await.unwrap();
    suite::holds(&subject, name, &bytes).await.unwrap();
}

#[tokio::test]
async fn a_read_only_vault_is_read_and_told() {
    if !goes_on(As::Mounter, "mounts::a_read_only_vault_is_read_and_told") {
        return;
    }
    let subject = Directory::new();
    let (name, bytes) = (new_name(1), body(5000, 1));
    suite::put(&subject, name, &bytes).await.unwrap();
    let root = subject.path("");
    run("mount", &["--bind", root.to_str().unwrap()], &root);
    run("mount", &["-o", "remount,bind,ro"], &root);
    suite::holds(&subject, name, &bytes).await.unwrap();
    let other = new_name(1);
    let put = stage(&subject.staging(), CheckKind::Xxh3, other, &bytes);
    let e = subject.open().put(put.clone()).await.unwrap_err();
    assert!(e.is_about_the_vault(), "{e}");
    assert!(e.to_string().ends_with("Read-only file system (os error 30)"), "{e}");
    assert_eq!(subject.open().head(other.uuid).await.unwrap(), Head::Absent);
    run("umount", &[], &root);
    subject.open().put(put).await.unwrap();
}

#[tokio::test]
async fn a_vault_whose_disk_is_not_mounted_is_not_written() {
    if !goes_on(As::Mounter, "mounts::a_vault_whose_disk_is_not_mounted_is_not_written") {
        return;
    }
    let subject = Directory::new();
    let (name, bytes) = (new_name(1), body(5000, 1));
    suite::put(&subject, name, &bytes).await.unwrap();
    // What is seen when its disk is away: here, another one over it.
    let root = subject.path("");
    run("mount", &TMPFS, &root);
    let put = stage(&subject.staging(), CheckKind::Xxh3, new_name(1), &bytes);
    let e = subject.open().put(put).await.unwrap_err();
    assert!(matches!(e, VaultError::NoIdentity { .. }), "{e}");
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    let head = subject.open().head(name.uuid).await.unwrap();
    let Head::CannotTell(why) = head else { panic!("{head:?}: an archive is not absent because a disk is") };
    assert!(why.contains("has no firn-vault.json"), "{why}");
    run("umount", &[], &root);
    suite::holds(&subject, name, &bytes).await.unwrap();
}
