//! File systems whose writes come to nothing: what was being written when a sync failed is never told as delivered, whoever's
//! sync that was.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firn::base::disk::{Dir, DiskError};
use firn::base::ids::PlanId;
use firn::base::{Money, Stop};
use firn::restore::parts::SyncCall;
use firn::store::{PlanState, RestoreState};

use super::support::waiting::eventually;
use super::world::{DEADLINE, World, free, put, same};

/// A file system that loses what is being written at the syncs that fail, and says so once, as the kernel does.
struct Disk {
    dest: PathBuf,
    limbo: PathBuf,
    calls: AtomicU64,
    /// Files that a sync has made durable, and files whose bytes are lost.
    clean: Mutex<HashSet<u64>>,
    lost: Mutex<HashSet<u64>>,
}

impl Disk {
    fn new(world: &World) -> Arc<Self> {
        let (dest, limbo) = (world.path("back"), world.path("limbo"));
        fs::create_dir(&limbo).unwrap();
        let (clean, lost) = (Mutex::default(), Mutex::default());
        Arc::new(Self { dest, limbo, calls: AtomicU64::new(0), clean, lost })
    }

    /// Syncs that fail where `fails` says so, of the number of the call, from 0. It may wait.
    fn call(self: &Arc<Self>, fails: impl Fn(&Self, u64) -> bool + Send + Sync + 'static) -> SyncCall {
        let disk = Arc::clone(self);
        Arc::new(move |dir: &Dir| {
            let fails = fails(&disk, disk.calls.fetch_add(1, Ordering::SeqCst));
            let (mut clean, mut lost) = (disk.clean.lock().unwrap(), disk.lost.lock().unwrap());
            for (path, inode) in parts(&disk.dest) {
                if !fails {
                    clean.insert(inode);
                } else if !clean.contains(&inode) && fs::hard_link(path, disk.limbo.join(inode.to_string())).is_ok() {
                    // Kept, so that no other file gets its number.
                    lost.insert(inode);
                }
            }
            let source = std::io::Error::from_raw_os_error(5);
            if fails {
                Err(DiskError { op: "sync the file system of", path: dir.path().to_owned(), source })
            } else {
                Ok(())
            }
        })
    }

    /// What the state calls delivered is on the disk. How much that is.
    async fn nothing_lost_is_told(&self, world: &World, plan: PlanId) -> usize {
        let mut told = 0;
        for row in world.outcomes(plan).await.into_values() {
            if matches!(row.state, RestoreState::Delivered | RestoreState::There) {
                let path = self.dest.join(row.target.to_string());
                let inode = fs::metadata(&path).unwrap().ino();
                assert!(!self.lost.lock().unwrap().contains(&inode), "{} is told and lost", path.display());
                told += 1;
            }
        }
        told
    }
}

/// Files under names of firn's, with their inodes.
fn parts(root: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                folders.push(entry.path());
            } else if entry.file_name().to_string_lossy().starts_with(".firn-part") {
                found.push((entry.path(), meta.ino()));
            }
        }
    }
    found
}

fn many(root: &Path, files: u64) {
    for n in 0..files {
        put(root, &format!("d{}/{n}", n % 3), &n.to_le_bytes(), 0o644, Duration::from_secs(n));
    }
}

async fn deliver(world: &World, call: SyncCall, at_once: usize) {
    let session = world.session().await;
    let delivery = world.delivery(Arc::clone(&world.vault), session, free(), Stop::new()).synced_by(call);
    world.deliver_with(&Arc::new(delivery), session, at_once).await;
    world.store.session_end(session).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_written_while_the_sync_of_another_failed_is_written_anew() {
    let world = World::backed_up_by(("8MiB", "32MiB"), |root| many(root, 2_200)).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let disk = Disk::new(&world);
    // The first sync fails, once files of the batch after it are there: a thousand of the first are.
    let call = disk.call(|disk, number| {
        eventually(DEADLINE, "files are written while others are synced", || {
            (number != 0 || parts(&disk.dest).len() >= 1_100).then_some(())
        });
        number == 0
    });
    deliver(&world, Arc::clone(&call), 1).await;
    assert!(disk.lost.lock().unwrap().len() >= 1_100);
    let told = disk.nothing_lost_is_told(&world, plan).await;
    assert_eq!((told as u64, parts(&disk.dest).len()), (world.row(plan).await.delivered, 0));
    let held = world.store.parts_held(10).await.unwrap();
    let why = format!("cannot sync the file system of {}", disk.dest.display());
    assert!(held[0].reason.as_ref().is_some_and(|reason| reason.starts_with(&why)), "{held:?}");
    world.time_passes();
    deliver(&world, call, 1).await;
    world.all_delivered(plan, wants.len()).await;
    disk.nothing_lost_is_told(&world, plan).await;
    same(&world.photos(), &world.path("back"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_sync_of_one_part_is_told_counts_for_the_others() {
    let world = World::backed_up_by(("1MiB", "16MiB"), |root| many(root, 1_500)).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let disk = Disk::new(&world);
    let call = disk.call(|_, number| number < 30 && number * 7 % 5 < 2);
    for round in 0.. {
        deliver(&world, Arc::clone(&call), 4).await;
        disk.nothing_lost_is_told(&world, plan).await;
        assert_eq!(parts(&disk.dest).len(), 0);
        if world.row(plan).await.state == PlanState::Ended {
            break;
        }
        assert!(round < 50, "it does not end");
        world.time_passes();
    }
    assert!(!disk.lost.lock().unwrap().is_empty());
    world.all_delivered(plan, wants.len()).await;
    same(&world.photos(), &world.path("back"));
}
