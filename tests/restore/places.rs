//! Destinations that are full, forbidden, gone, or taken.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use firn::base::{Money, Stop};
use firn::store::{PlanState, RestoreState};

use super::support::alone::{As, Small, goes_on};
use super::world::{Want, World, free, mixed, noise, put, same, tree};

fn few(root: &Path) {
    for n in 0..6u64 {
        put(root, &format!("d{}/f{n}", n % 2), &noise(n + 1, 3000), 0o644, Duration::from_secs(n));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_way_fails_that_file_and_is_not_touched() {
    let world = World::backed_up(few).await;
    let back = world.path("back");
    let outside = world.path("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::create_dir_all(back.join("d0/f4")).unwrap();
    fs::write(back.join("d0/f0"), "mine").unwrap();
    symlink(outside.join("x"), back.join("d0/f2")).unwrap();
    symlink(&outside, back.join("d1")).unwrap();
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    world.deliver().await;
    assert_eq!(world.row(plan).await.state, PlanState::Ended);
    let shown = back.display();
    let in_the_way = |what: &str| format!("{what} is in the way; it is not followed");
    for (target, why) in [
        ("d0/f0", "another file is there already and stays; --overwrite replaces it, or in a list the word overwrite at the end of its line".to_owned()),
        ("d0/f2", in_the_way(&format!("the link {shown}/d0/f2"))),
        ("d0/f4", in_the_way(&format!("the folder {shown}/d0/f4"))),
        ("d1/f1", in_the_way(&format!("the link {shown}/d1"))),
    ] {
        assert_eq!(world.reason(plan, target).await, why);
    }
    assert_eq!(fs::read(back.join("d0/f0")).unwrap(), b"mine");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_where_a_folder_must_be_and_paths_that_leave_are_refused() {
    let world = World::backed_up(few).await;
    fs::create_dir(world.path("back")).unwrap();
    fs::write(world.path("back/d0"), "mine").unwrap();
    let want = |target: &str, overwrite| Want {
        key: "d0/f0".to_owned(),
        dest: world.path("back"),
        target: target.to_owned(),
        overwrite,
    };
    let wants = [want("d0/f0", true), want("../f", false), want("/etc/f", false), want("ok/f", false)];
    let plan = world.plan(&wants, Money::ZERO).await;
    world.deliver().await;
    let file = format!("the file {} is in the way; it is not followed", world.path("back/d0").display());
    assert_eq!(world.reason(plan, "d0/f0").await, file);
    assert_eq!(world.reason(plan, "../f").await, "its key goes up (\"..\"); it is not restored to a folder");
    assert_eq!(world.reason(plan, "/etc/f").await, "its key is an absolute path; it is not restored to a folder");
    assert_eq!(world.count(plan, RestoreState::Delivered).await, 1);
    assert!(!world.path("f").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_replaced_only_where_that_was_asked_for() {
    let world = World::backed_up(few).await;
    let mut wants = world.all("back").await;
    for want in &mut wants {
        put(&world.path("back"), &want.target, b"old", 0o600, Duration::from_secs(9));
        want.overwrite = want.key != "d1/f3";
    }
    let plan = world.plan(&wants, Money::ZERO).await;
    world.deliver().await;
    assert_eq!(world.count(plan, RestoreState::Delivered).await, 5);
    assert_eq!(
        world.reason(plan, "d1/f3").await,
        "another file is there already and stays; --overwrite replaces it, or in a list the word overwrite at the end of its line"
    );
    assert_eq!(fs::read(world.path("back/d1/f3")).unwrap(), b"old");
    fs::remove_file(world.path("back/d1/f3")).unwrap();
    fs::remove_file(world.photos().join("d1/f3")).unwrap();
    same(&world.photos(), &world.path("back"));
}

/// One plan with destinations of which one takes nothing: the other has all of its files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_takes_nothing_holds_up_no_other() {
    if rustix::process::geteuid().is_root() {
        eprintln!("permissions mean nothing to root: a file in the place of the folder stands for them");
    }
    let world = World::backed_up(few).await;
    let closed = world.path("closed");
    if rustix::process::geteuid().is_root() {
        fs::write(&closed, "a file").unwrap();
    } else {
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    }
    let mut wants = world.all("open").await;
    wants.extend(world.all("closed").await);
    let plan = world.plan(&wants, Money::ZERO).await;
    world.deliver().await;
    same(&world.photos(), &world.path("open"));
    let row = world.row(plan).await;
    assert_eq!((row.state, row.delivered, row.failed), (PlanState::Running, 6, 0));
    let parts = world.store.plan_parts_page(plan, None, 10).await.unwrap();
    let why = parts[0].reason.clone().unwrap();
    assert!(why.contains("/closed"), "{why}");
    assert!(why.starts_with("cannot "), "{why}");
    assert!(parts[0].not_before.unwrap() > world.store.now().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_vanished_is_not_made_again() {
    let world = World::backed_up(few).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    // It goes away while its files are read.
    let vanishing = {
        let back = world.path("back");
        super::vaults::Watched::twisted(Arc::clone(&world.vault), move |read, _, _| {
            let _ = fs::rename(&back, back.with_extension("gone"));
            read
        })
    };
    fs::create_dir(world.path("back")).unwrap();
    let session = world.session().await;
    let delivery = Arc::new(world.delivery(Arc::new(vanishing), session, free(), Stop::new()));
    world.deliver_with(&delivery, session, 1).await;
    let parts = world.store.plan_parts_page(plan, None, 10).await.unwrap();
    let why = parts[0].reason.clone().unwrap();
    assert!(
        why.contains("was there and is gone; mount it, or make it again") || why.contains("was taken away"),
        "{why}"
    );
    assert!(!world.path("back").exists(), "nothing was made in its place");
    assert_eq!(world.row(plan).await.failed, 0);
    // The next try of the same process does not make it either; put back, it is gone on with.
    world.time_passes();
    world.deliver_with(&delivery, session, 1).await;
    assert!(!world.path("back").exists());
    fs::rename(world.path("back.gone"), world.path("back")).unwrap();
    world.time_passes();
    let honest = Arc::new(world.delivery(Arc::clone(&world.vault), session, free(), Stop::new()));
    world.deliver_with(&honest, session, 1).await;
    world.all_delivered(plan, wants.len()).await;
    same(&world.photos(), &world.path("back"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_destination_is_waited_for_and_gone_on_with() {
    if !goes_on(As::Mounter, "places::a_full_destination_is_waited_for_and_gone_on_with") {
        return;
    }
    let world = World::backed_up(mixed).await;
    let small = Small::mount(&world.path("back"), "6m");
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    world.deliver().await;
    let row = world.row(plan).await;
    assert_eq!((row.state, row.failed), (PlanState::Running, 0));
    assert!(row.delivered < wants.len() as u64);
    let parts = world.store.plan_parts_page(plan, None, 100).await.unwrap();
    let why = parts.iter().find_map(|part| part.reason.clone()).unwrap();
    assert!(why.contains("No space left on device"), "{why}");
    let left = tree(&world.path("back")).into_keys().filter(|path| path.to_string_lossy().contains(".firn-part"));
    assert_eq!(left.count(), 0, "what did not fit is taken back");
    // Room again: a new session finds what is there and brings the rest.
    let remount = Command::new("mount").args(["-o", "remount,size=64m"]).arg(world.path("back")).status().unwrap();
    assert!(remount.success());
    world.time_passes();
    world.deliver().await;
    world.all_delivered(plan, wants.len()).await;
    same(&world.photos(), &world.path("back"));
    drop(small);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mount_that_vanished_is_not_restored_to_below() {
    if !goes_on(As::Mounter, "places::a_mount_that_vanished_is_not_restored_to_below") {
        return;
    }
    let world = World::backed_up(mixed).await;
    let small = Small::mount(&world.path("back"), "64m");
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let session = world.session().await;
    let delivery = Arc::new(world.delivery(Arc::clone(&world.vault), session, free(), Stop::new()));
    let claim = || world.store.part_claim(session, super::world::HOST.to_owned(), None);
    let first = claim().await.unwrap().unwrap();
    assert!(!delivery.deliver(first).await.unwrap());
    let before = world.row(plan).await.delivered;
    assert!(before > 0);
    drop(small);
    let second = claim().await.unwrap().unwrap();
    let archive = second.archive;
    assert!(!delivery.deliver(second).await.unwrap());
    assert_eq!(world.row(plan).await.delivered, before);
    assert_eq!(fs::read_dir(world.path("back")).unwrap().count(), 0, "the folder below is as it was");
    let parts = world.store.plan_parts_page(plan, None, 100).await.unwrap();
    let part = parts.iter().find(|part| part.archive == archive).unwrap();
    let why = part.reason.clone().unwrap();
    let ends = "is not the one that this plan began to restore to; is a file system not mounted? Put the right one back, and delivery goes on by itself";
    assert!(why.ends_with(ends), "{why}");
}
