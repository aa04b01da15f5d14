//! Vaults that are watched, fail, cut off, spoil or lose what is read; and what becomes of the files then.

use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firn::base::{Clock, Money, Stop, Time};
use firn::restore::parts::Delivery;
use firn::store::{PlanState, RestoreState};
use firn::vault::{Result, Vault, VaultError};

use super::support::between::{Between, Over};
use super::world::{World, free, mixed, same, tree};

/// What a read becomes: the bytes that came, which read it is (from 0), its range.
pub type Twist = Box<dyn Fn(Result<Vec<u8>>, u64, &Range<u64>) -> Result<Vec<u8>> + Send + Sync>;

/// Jobs and ranges that were read.
pub type Reads = Vec<(Vec<u8>, Range<u64>)>;

/// A vault that notes what is read, and may do something to it.
pub struct Watch {
    below: Arc<dyn Vault>,
    reads: Mutex<Reads>,
    count: AtomicU64,
    twist: Option<Twist>,
}

/// The vault that a watch is.
pub type Watched = Over<Watch>;

impl Watched {
    pub fn new(below: Arc<dyn Vault>) -> Self {
        Self(Watch { below, reads: Mutex::default(), count: AtomicU64::new(0), twist: None })
    }

    pub fn twisted(
        below: Arc<dyn Vault>,
        twist: impl Fn(Result<Vec<u8>>, u64, &Range<u64>) -> Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self(Watch { twist: Some(Box::new(twist)), ..Self::new(below).0 })
    }

    pub fn reads(&self) -> Reads {
        self.0.reads.lock().unwrap().clone()
    }
}

#[async_trait]
impl Between for Watch {
    fn below(&self) -> &dyn Vault {
        &*self.below
    }

    async fn read(&self, job_id: &[u8], range: Range<u64>) -> Result<Vec<u8>> {
        self.reads.lock().unwrap().push((job_id.to_vec(), range.clone()));
        let number = self.count.fetch_add(1, Ordering::SeqCst);
        let read = self.below.read(job_id, range.clone()).await;
        match &self.twist {
            Some(twist) => twist(read, number, &range),
            None => read,
        }
    }
}

fn unavailable() -> VaultError {
    VaultError::Unavailable {
        vault: "cold".to_owned(),
        code: "ServiceUnavailable",
        detail: "come back later".to_owned(),
    }
}

/// Delivers with a clock that is moved along whenever somebody sleeps.
async fn deliver_hurried(world: &World, vault: Arc<dyn Vault>) -> usize {
    let session = world.session().await;
    let (clock, hand) = Clock::manual(Time::from_secs(1_000_000));
    let delivery = Arc::new(Delivery::new(Arc::clone(&world.store), vault, clock, session, Stop::new(), free()));
    let stop = Stop::new();
    let hurry = {
        let stop = stop.clone();
        firn::base::task::spawn(async move {
            while !stop.is_stopped() {
                if let Some(next) = hand.next() {
                    hand.wake_next(next);
                }
                // A poll for sleepers, as long as the delivery goes on; that has a deadline.
                Clock::system().sleep(std::time::Duration::from_millis(1)).await;
            }
        })
    };
    let done = world.deliver_with(&delivery, session, 2).await;
    stop.stop();
    hurry.await.unwrap();
    world.store.session_end(session).await.unwrap();
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_byte_fails_that_file_alone_after_it_was_read_twice() {
    let world = World::backed_up(mixed).await;
    for (key, at) in [("film.mov", 5_000_000), ("1/1/f1.jpg", 7)] {
        let (archive, version) = world.archive_of(key).await;
        let file = fs::File::options().read(true).write(true).open(archive).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, version.data_offset + at).unwrap();
        file.write_all_at(&[byte[0] ^ 4], version.data_offset + at).unwrap();
    }
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let vault = Arc::new(Watched::new(Arc::clone(&world.vault)));
    world.deliver_from(vault.clone()).await;
    let row = world.row(plan).await;
    assert_eq!((row.state, row.failed, row.delivered), (PlanState::Ended, 2, wants.len() as u64 - 2));
    for key in ["film.mov", "1/1/f1.jpg"] {
        let (_, version) = world.archive_of(key).await;
        let why = world.reason(plan, key).await;
        let begins = format!("archive {} holds other bytes than were backed up (SHA-256 ", version.archive);
        let ends = format!(
            ", should be {}); nothing was written, and it was read twice; an older version, if there is one, is restored by naming an earlier time",
            version.sha256
        );
        assert!(why.starts_with(&begins) && why.ends_with(&ends), "{why}");
        assert!(!world.path("back").join(key).exists());
        let reads: Vec<_> = vault.reads().into_iter().filter(|(job, _)| *job == version.remote_id).collect();
        let first = reads.iter().filter(|(_, range)| range.contains(&version.data_offset)).count();
        let alone = version.data_offset..(version.data_offset + version.length.min(4 << 20));
        assert_eq!(first, 2, "{key} is read twice");
        assert!(reads.iter().any(|(_, range)| *range == alone), "the second time by itself");
        fs::remove_file(world.photos().join(key)).unwrap();
    }
    same(&world.photos(), &world.path("back"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_spoilt_on_its_way_alone_is_read_again_and_right() {
    let world = World::backed_up(mixed).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let spoils = |read: Result<Vec<u8>>, number, _: &Range<u64>| {
        let mut bytes = read?;
        let middle = bytes.len() / 2;
        if number < 2 && !bytes.is_empty() {
            bytes[middle] ^= 1;
        }
        Ok(bytes)
    };
    let vault = Arc::new(Watched::twisted(Arc::clone(&world.vault), spoils));
    world.deliver_from(vault).await;
    world.all_delivered(plan, wants.len()).await;
    same(&world.photos(), &world.path("back"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_archive_gives_what_it_still_has() {
    let world = World::backed_up(mixed).await;
    let (archive, version) = world.archive_of("1/1/f1.jpg").await;
    let versions = world.versions().await;
    let mut there: Vec<_> = versions.iter().filter(|(_, other)| other.archive == version.archive).collect();
    there.sort_by_key(|(_, other)| other.data_offset);
    // In the middle of a file that is not empty.
    let (cut_key, cut) = there[there.len() / 2..].iter().find(|(_, other)| other.length > 100).unwrap();
    fs::File::options().write(true).open(archive).unwrap().set_len(cut.data_offset + 50).unwrap();
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    world.deliver().await;
    let outcomes = world.outcomes(plan).await;
    assert_eq!(world.row(plan).await.state, PlanState::Ended);
    for (key, other) in &there {
        let row = &outcomes[&format!("back/{key}")];
        let whole = other.length == 0 || other.data_offset + other.length <= cut.data_offset + 50;
        assert_eq!(row.state, if whole { RestoreState::Delivered } else { RestoreState::Failed }, "{key}");
    }
    let why = world.reason(plan, cut_key).await;
    let begins = format!("archive {} cannot be read there: the vault cold cannot do that: bytes ", version.archive);
    assert!(why.starts_with(&begins), "{why}");
    assert!(why.ends_with("; an older version, if there is one, is restored by naming an earlier time"), "{why}");
    assert!(tree(&world.path("back")).keys().all(|path| !path.to_string_lossy().contains(".firn-part")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_that_is_gone_stops_its_part_and_the_others_go_on() {
    let world = World::backed_up(mixed).await;
    let (archive, version) = world.archive_of("film.mov").await;
    fs::remove_file(archive).unwrap();
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    world.deliver().await;
    let row = world.row(plan).await;
    assert_eq!((row.state, row.parts_stopped), (PlanState::Ended, 1));
    let why = world.reason(plan, "film.mov").await;
    let remote_id = String::from_utf8(version.remote_id).unwrap();
    assert_eq!(why, format!("the vault cold has no archive {remote_id}; a supplement plan looks for other copies"));
    assert_eq!(row.delivered + row.failed, wants.len() as u64);
    assert!(row.failed < 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_stumbles_is_waited_for_and_gone_on_with_where_it_stood() {
    let world = World::backed_up(mixed).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let stumbles = |read: Result<Vec<u8>>, number: u64, range: &Range<u64>| match number % 4 {
        0 => Err(unavailable()),
        // Less than was asked for, and said so.
        1 => {
            let (got, wanted) = ((range.end - range.start) / 2, range.end - range.start);
            Err(VaultError::CutShort { vault: "cold".to_owned(), start: range.start, got, wanted })
        }
        _ => read,
    };
    let vault = Arc::new(Watched::twisted(Arc::clone(&world.vault), stumbles));
    deliver_hurried(&world, vault).await;
    world.all_delivered(plan, wants.len()).await;
    same(&world.photos(), &world.path("back"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_that_is_out_leaves_its_parts_for_later_and_keeps_what_came() {
    let world = World::backed_up(mixed).await;
    let wants = world.all("back").await;
    let plan = world.plan(&wants, Money::ZERO).await;
    let out = |read: Result<Vec<u8>>, number: u64, _: &Range<u64>| if number < 3 { read } else { Err(unavailable()) };
    let vault = Arc::new(Watched::twisted(Arc::clone(&world.vault), out));
    deliver_hurried(&world, vault).await;
    let row = world.row(plan).await;
    assert_eq!((row.state, row.failed), (PlanState::Running, 0));
    let rows = world.store.plan_parts_page(plan, None, 100).await.unwrap();
    let later = rows.iter().find(|part| part.reason.is_some()).expect("one that is left for later");
    let why = "the vault cold does not do that now: ServiceUnavailable: come back later";
    assert_eq!(later.reason.as_deref(), Some(why));
    assert!(later.not_before.unwrap() > world.store.now().await.unwrap());
    let left = tree(&world.path("back")).into_keys().filter(|path| path.to_string_lossy().contains(".firn-part"));
    assert_eq!(left.count(), 0);
}
