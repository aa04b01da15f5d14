//! The emulated Glacier vault: the whole contract, and what its door does with time, lost replies and inventories.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firn::base::clock::Hand;
use firn::base::hash::{Check, CheckKind};
use firn::base::ids::{ArchiveUuid, RetrievalUuid};
use firn::base::{Clock, Time};
use firn::retrieval::messages::JobName;
use firn::vault::fake::{Core, FakeVault, Fault, Glacier, Link, Rules, Shelf, Topic, Weather, Window};
use firn::vault::{ArchiveName, Head, JobRequest, JobState, Put, Tier, Vault, VaultError};
use tempfile::TempDir;

use super::subject::{Subject, body, check_of, new_name, stage};
use super::suite;
use super::world::DEADLINE;

contract!(contract, crate::glacier::Emulated::new());

// As the archive classes of S3: jobs can be made faster. And with a queue that nobody would wish for.
contract!(contract_of_a_bad_queue, crate::glacier::Emulated::with_a_bad_queue());

/// When the clock of these tests starts.
const START: Time = Time::from_secs(1_700_000_000);

/// A vault at the service, on a clock that is moved by hand. Requests take no time.
pub struct Emulated {
    temp: TempDir,
    pub clock: Clock,
    hand: Hand,
    pub glacier: Arc<Glacier>,
    link: Link,
}

impl Emulated {
    pub fn new() -> Self {
        // Long tests are slow uploads: they are not to be removed meanwhile.
        Self::with(Rules { upload_lives: Duration::from_hours(24 * 30), ..Rules::default() }, Link::default())
    }

    fn with_a_bad_queue() -> Self {
        let fault = |fault| Window { from: START, until: Time::from_micros(i64::MAX), fault };
        let late = Fault::LateMessage { one_in: 3, by: Duration::from_hours(3) };
        let windows = [Fault::DoubledMessage { one_in: 2 }, late].map(fault).to_vec();
        let topic = Topic {
            of_vault: true,
            enveloped: false,
            hidden: Duration::from_mins(1),
            foreign_one_in: 3,
            rubbish_one_in: 3,
            ..Topic::default()
        };
        let rules = Rules {
            weather: Weather { windows },
            upload_lives: Duration::from_hours(24 * 30),
            upgrade: true,
            topic: Some(topic),
            ..Rules::default()
        };
        Self::with(rules, Link::default())
    }

    pub fn with(rules: Rules, link: Link) -> Self {
        let temp = tempfile::Builder::new().prefix("firn-glacier").tempdir().unwrap();
        std::fs::create_dir(temp.path().join("staging")).unwrap();
        let shelf = Shelf::open(&temp.path().join("shelf")).unwrap();
        let (clock, hand) = Clock::manual(START);
        let glacier = Glacier::new(Core::new(rules, START), shelf);
        Self { temp, clock, hand, glacier, link }
    }

    pub fn door(&self) -> FakeVault {
        FakeVault::new("cold", self.clock.clone(), Arc::clone(&self.glacier), self.link)
    }
}

impl Subject for Emulated {
    fn vault(&self) -> Arc<dyn Vault> {
        Arc::new(self.door())
    }

    fn staging(&self) -> PathBuf {
        self.temp.path().join("staging")
    }

    fn pass_time(&self, span: Duration) {
        self.hand.advance(span);
    }

    fn damage(&self, _archive: ArchiveUuid) -> bool {
        // The service does not tell what it finds of what it holds.
        false
    }

    fn add_foreign(&self) -> Vec<Vec<u8>> {
        let body = self.glacier.shelf().lay(b"somebody else's").unwrap();
        let hash = body.tree_hash();
        let receipt = self.glacier.core().post(self.clock.now(), "holiday photos", hash, body).unwrap();
        vec![receipt.archive_id.as_bytes().to_vec()]
    }

    fn foreign_is_untouched(&self) -> bool {
        let now = self.clock.now();
        let newest = self.glacier.core().last_inventory(now).unwrap();
        newest.archives.iter().any(|listed| &*listed.description == "holiday photos")
    }

    fn fail_next_job(&self) -> bool {
        self.glacier.core().fail_next_job("shelf 7 is on fire");
        true
    }

    fn add_foreign_messages(&self) -> Vec<String> {
        let another = JobName { uuid: RetrievalUuid::new().unwrap() };
        let job = |description: &str| {
            format!(
                "{{\"Action\":\"ArchiveRetrieval\",\"JobId\":\"x\",\"Completed\":true,\"StatusCode\":\"Succeeded\",\
                 \"JobDescription\":\"{description}\",\"VaultARN\":\"arn:of:others\"}}"
            )
        };
        let bodies = [job("holiday photos"), job(&another.to_string()), "hello".to_owned(), String::new()];
        for body in &bodies {
            self.glacier.core().put_message(self.clock.now(), body.clone());
        }
        bodies.to_vec()
    }
}

pub fn tree(bytes: &[u8]) -> Check {
    check_of(CheckKind::TreeHash, bytes)
}

pub fn staged(site: &Emulated, name: ArchiveName, bytes: &[u8]) -> Put {
    stage(&site.staging(), CheckKind::TreeHash, name, bytes)
}

/// With faults for the first hour.
pub fn with_faults(faults: &[Fault]) -> Emulated {
    let until = START.plus(Duration::from_hours(1));
    let windows = faults.iter().map(|fault| Window { from: START, until, fault: *fault }).collect();
    Emulated::with(Rules { weather: Weather { windows }, ..Rules::default() }, Link::default())
}

/// What the door says about an archive, where it cannot tell.
async fn cannot_tell(door: &FakeVault, name: ArchiveName) -> String {
    match door.head(name.uuid).await.unwrap() {
        Head::CannotTell(why) => why,
        other => panic!("it can tell: {other:?}"),
    }
}

#[tokio::test]
async fn only_an_inventory_tells_what_it_holds() {
    let site = Emulated::new();
    let door = site.door();
    let (here, not_here, bytes) = (new_name(3), new_name(4), body(1000, 1));
    let confirmed = door.put(staged(&site, here, &bytes)).await.unwrap();
    assert_eq!(confirmed.remote_id.len(), 138);
    let why =
        "only an inventory tells what it holds, and there is none yet; the first is taken at 2023-11-15T22:13:20Z";
    assert_eq!(cannot_tell(&door, here).await, why);
    assert_eq!(cannot_tell(&door, not_here).await, why);
    let told = door.inventory(None).await.unwrap_err().to_string();
    let expected =
        "the vault cold cannot do that: it has not been listed yet; that is done first at 2023-11-15T22:13:20Z";
    assert_eq!(told, expected);

    site.pass_time(Duration::from_hours(24));
    assert_eq!(door.head(here.uuid).await.unwrap(), Head::Stored { name: here, confirmed: confirmed.clone() });
    assert_eq!(door.head(not_here.uuid).await.unwrap(), Head::Absent);
    // What was asked of it by others before this door was made may have had its effect after that inventory.
    let later = site.door();
    let why = "only an inventory tells what it holds, and the newest one (2023-11-15T22:13:20Z) may be older than what \
               was asked of it until 2023-11-15T22:28:20Z; the next is taken at 2023-11-16T22:13:20Z";
    assert_eq!(cannot_tell(&later, not_here).await, why);
    assert_eq!(later.head(here.uuid).await.unwrap(), Head::Stored { name: here, confirmed });

    // A put that came too late for an inventory: refused, and yet absent only in one that was taken long enough after it.
    site.pass_time(Duration::from_hours(23) + Duration::from_mins(50));
    let mut wrong = staged(&site, not_here, &bytes);
    wrong.expect = tree(b"other");
    assert!(matches!(door.put(wrong).await, Err(VaultError::Mismatch { .. })));
    site.pass_time(Duration::from_mins(10));
    assert!(cannot_tell(&door, not_here).await.contains("(2023-11-16T22:13:20Z) may be older than"));
    site.pass_time(Duration::from_hours(24));
    assert_eq!(door.head(not_here.uuid).await.unwrap(), Head::Absent);
}

#[tokio::test]
async fn what_was_deleted_is_not_called_stored_by_an_old_inventory() {
    let site = Emulated::new();
    let door = site.door();
    let (name, bytes) = (new_name(3), body(1000, 1));
    let first = door.put(staged(&site, name, &bytes)).await.unwrap().remote_id;
    let second = door.put(staged(&site, name, &bytes)).await.unwrap().remote_id;
    site.pass_time(Duration::from_hours(25));
    door.delete(&first).await.unwrap();
    let Head::Stored { confirmed, .. } = door.head(name.uuid).await.unwrap() else { panic!("there is another") };
    assert_eq!(confirmed.remote_id, second);
    door.delete(&second).await.unwrap();
    let why = "it was deleted at 2023-11-15T23:13:20Z, after its newest inventory (2023-11-15T22:13:20Z); the next is \
               taken at 2023-11-16T22:13:20Z";
    assert_eq!(cannot_tell(&door, name).await, why);
    site.pass_time(Duration::from_hours(24));
    assert_eq!(door.head(name.uuid).await.unwrap(), Head::Absent);
}

#[tokio::test]
async fn a_lost_reply_is_an_unknown_outcome_and_sending_again_makes_two() {
    let site = with_faults(&[Fault::LostReply { one_in: 1 }]);
    let door = site.door();
    let (name, bytes) = (new_name(3), body(1000, 1));
    let e = door.put(staged(&site, name, &bytes)).await.unwrap_err();
    assert!(matches!(e, VaultError::OutcomeUnknown { .. }));
    let expected =
        format!("the vault cold may or may not hold archive {}: the connection ended before the reply came", name.uuid);
    assert_eq!(e.to_string(), expected);
    site.pass_time(Duration::from_hours(2));
    let confirmed = door.put(staged(&site, name, &bytes)).await.unwrap();
    let listed = suite::archives(&site).await.unwrap();
    assert_eq!(listed.iter().map(|(found, _, size)| (*found, *size)).collect::<Vec<_>>(), [(name, 1000), (name, 1000)]);
    assert_ne!(listed[0].1, listed[1].1);
    assert!(listed.iter().any(|(_, remote_id, _)| *remote_id == confirmed.remote_id));
    // Its two copies hold the same, so it matters little which one is named.
    let Head::Stored { name: found, confirmed } = door.head(name.uuid).await.unwrap() else { panic!("it is there") };
    assert_eq!((found, confirmed.check, confirmed.size), (name, tree(&bytes), 1000));
}

#[tokio::test]
async fn a_lost_reply_to_the_end_of_an_upload_is_an_unknown_outcome() {
    let hours = |hours| START.plus(Duration::from_hours(hours));
    let window = Window { from: hours(1), until: hours(2), fault: Fault::LostReply { one_in: 1 } };
    let site =
        Emulated::with(Rules { weather: Weather { windows: vec![window] }, ..Rules::default() }, Link::default());
    let door = site.door();
    let (name, bytes) = (new_name(3), body(3000, 1));
    let upload = door.begin(name, 1 << 20).await.unwrap();
    door.put_part(&upload, 0, 1 << 20, Arc::new(bytes.clone())).await.unwrap();
    site.pass_time(Duration::from_hours(1));
    let e = door.complete(&upload, name, 3000, tree(&bytes)).await.unwrap_err();
    assert!(matches!(e, VaultError::OutcomeUnknown { archive, .. } if archive == name.uuid), "{e}");
    // Requests that may be repeated, or leave nothing but an upload to be thrown away, are no such thing.
    let expected =
        "the vault cold does not do that now: RequestTimeoutException: the connection ended before the reply came";
    let again = door.begin(name, 1 << 20).await.unwrap_err();
    let part = door.put_part(&upload, 0, 1 << 20, Arc::new(bytes.clone())).await.unwrap_err();
    assert_eq!([again.to_string(), part.to_string()], [expected, expected]);
    suite::holds(&site, name, &bytes).await.unwrap();
    assert_eq!(suite::archives(&site).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_service_that_is_out_or_throttles_is_told_as_such() {
    for (fault, told) in [
        (
            Fault::Outage,
            "ServiceUnavailableException: the service cannot complete the request now; send it again later",
        ),
        (Fault::Throttle { one_in: 1 }, "ThrottlingException: the rate of requests is too high; send fewer, later"),
    ] {
        let site = with_faults(&[fault]);
        let door = site.door();
        let (name, bytes) = (new_name(3), body(1000, 1));
        let expected = format!("the vault cold does not do that now: {told}");
        let put = door.put(staged(&site, name, &bytes)).await.unwrap_err();
        assert!(put.is_about_the_vault(), "{put}");
        for e in [put, door.ready().await.unwrap_err(), door.begin(name, 1 << 20).await.unwrap_err()] {
            assert_eq!(e.to_string(), expected);
        }
        site.pass_time(Duration::from_hours(1));
        door.ready().await.unwrap();
        suite::put(&site, name, &bytes).await.unwrap();
        suite::holds(&site, name, &bytes).await.unwrap();
        assert_eq!(suite::archives(&site).await.unwrap().len(), 1, "what was refused was not kept");
    }
}

#[tokio::test]
async fn a_reply_with_another_hash_is_not_believed() {
    let site = with_faults(&[Fault::CorruptReply { one_in: 1 }]);
    let door = site.door();
    let (name, bytes) = (new_name(3), body(1000, 1));
    // Of an archive it is the caller who compares.
    let confirmed = door.put(staged(&site, name, &bytes)).await.unwrap();
    assert_ne!(confirmed.check, tree(&bytes));
    let upload = door.begin(name, 1 << 20).await.unwrap();
    let e = door.put_part(&upload, 0, 1 << 20, Arc::new(bytes.clone())).await.unwrap_err().to_string();
    let expected = format!(
        "the vault cold does not do that now: wrong checksum: the part at byte 0 was sent with {} and answered with ",
        tree(&bytes).to_string().replace("tree-hash", "tree hash")
    );
    assert!(e.starts_with(&expected), "{e}");
}

#[tokio::test]
async fn a_large_archive_is_put_in_parts_and_nothing_stays_of_one_that_is_refused() {
    const MIB: u64 = 1 << 20;
    let site = Emulated::with(Rules::default(), Link { parts_above: 20 * MIB, ..Link::default() });
    let door = site.door();
    let (name, bytes) = (new_name(3), body(usize::try_from(40 * MIB + 5).unwrap(), 1));
    let confirmed = door.put(staged(&site, name, &bytes)).await.unwrap();
    assert_eq!((confirmed.check, confirmed.size, door.sent_bytes()), (tree(&bytes), 40 * MIB + 5, 40 * MIB + 5));
    assert_eq!(site.glacier.shelf().count().unwrap(), 3, "16 MiB each, and the rest");
    let job = suite::thaw(&site, &confirmed.remote_id, None).await.unwrap();
    assert!(door.read(&job, 0..40 * MIB + 5).await.unwrap() == bytes);

    let other = new_name(3);
    let mut put = staged(&site, other, &bytes);
    put.expect = tree(b"other");
    let e = door.put(put).await.unwrap_err();
    let expected = format!(
        "the vault cold got {} where {} was sent (archive {}); it was not kept and is sent again",
        tree(&bytes),
        tree(b"other"),
        other.uuid
    );
    assert_eq!(e.to_string(), expected);
    assert_eq!(door.uploads(None).await.unwrap().items, []);
    assert_eq!(site.glacier.shelf().count().unwrap(), 3);
    suite::holds_not(&site, other).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_asked_of_it_is_refused_with_the_reason() {
    const MIB: u64 = 1 << 20;
    let site = with_faults(&[Fault::NoExpedited]);
    let door = site.door();
    let (name, bytes) = (new_name(3), body((1 << 20) + 5, 1));
    let xxh = stage(&site.staging(), CheckKind::Xxh3, name, &bytes);
    let told = door.put(xxh).await.unwrap_err().to_string();
    let expected = "the vault cold cannot do that: it takes archives with their tree hash, and xxh3-128 was computed of \
                    this one";
    assert_eq!(told, expected);
    let told = door.put(staged(&site, name, b"")).await.unwrap_err().to_string();
    let expected = "the vault cold cannot do that: InvalidParameterValueException: the body has 0 bytes; from 1 to \
                    4294967296 in one request";
    assert_eq!(told, expected);

    let remote_id = door.put(staged(&site, name, &bytes)).await.unwrap().remote_id;
    let request = |tier, range| {
        let job = JobRequest { remote_id: remote_id.clone(), range, tier, description: String::new() };
        door.request(job)
    };
    let told = request(Some(Tier::Expedited), None).await.unwrap_err().to_string();
    let expected = "the vault cold does not do that now: InsufficientCapacityException: there is no capacity for expedited \
                    retrievals now; ask again later, or for the tier Standard";
    assert_eq!(told, expected);
    let told = request(None, Some(5..MIB)).await.unwrap_err().to_string();
    let expected = "the vault cold cannot do that: InvalidParameterValueException: the range 5..1048576 of an archive of \
                    1048581 bytes is not megabyte-aligned (1048576 bytes)";
    assert_eq!(told, expected);
    let job = request(None, None).await.unwrap();
    let told = door.read(&job, 0..1).await.unwrap_err().to_string();
    let expected = "the vault cold cannot do that: InvalidParameterValueException: the job is in progress; its output is \
                    not available yet";
    assert_eq!(told, expected);
    assert_eq!(door.status(&job).await.unwrap(), JobState::InProgress);
    site.pass_time(Duration::from_hours(5));
    let JobState::Ready { until: Some(until) } = door.status(&job).await.unwrap() else { panic!("not ready") };
    let told = door.upgrade(&job, Tier::Expedited).await.unwrap_err().to_string();
    let expected =
        "the vault cold cannot do that: a retrieval cannot be made faster once it was asked for; ask for another";
    assert_eq!(told, expected);
    let told = door.extend(&job, until).await.unwrap_err().to_string();
    assert_eq!(told, "the vault cold cannot do that: what was retrieved is kept for a day; ask for the archive again");
    site.pass_time(until.since(site.clock.now()));
    assert_eq!(door.status(&job).await.unwrap(), JobState::Expired);
    let told = door.read(&job, 0..1).await.unwrap_err().to_string();
    let expected = format!(
        "the vault cold has no output of that job any more: the job's output was kept until {until}; ask for the archive \
         again"
    );
    assert_eq!(told, expected);
}

#[tokio::test]
async fn pages_of_two_inventories_do_not_make_one() {
    let site = Emulated::new();
    let door = site.door();
    for n in 0..60 {
        door.put(staged(&site, new_name(3), &body(100, n))).await.unwrap();
    }
    site.pass_time(Duration::from_hours(24));
    let page = door.inventory(None).await.unwrap();
    assert_eq!(page.items.len(), 50);
    let rest = door.inventory(page.next.clone()).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (10, None));
    site.pass_time(Duration::from_hours(24));
    let told = door.inventory(page.next).await.unwrap_err().to_string();
    let expected = "the vault cold cannot do that: a newer inventory was taken at 2023-11-16T22:13:20Z; read it from its \
                    beginning";
    assert_eq!(told, expected);
    let told = door.inventory(Some("7".to_owned())).await.unwrap_err().to_string();
    assert_eq!(told, "the vault cold cannot do that: the inventory has no such page");
}

#[tokio::test]
async fn a_put_takes_the_links_time_and_its_bytes_are_counted_on_the_way() {
    let link = Link { base: Duration::from_millis(100), bytes_per_second: Some(1 << 20), ..Link::default() };
    let site = Emulated::with(Rules::default(), link);
    let door = site.door();
    let (name, bytes) = (new_name(3), body(4 << 20, 1));
    let (putting, put) = (door.clone(), staged(&site, name, &bytes));
    let start = site.clock.now();
    let task = firn::base::task::spawn(async move { putting.put(put).await });
    let mut seen = BTreeSet::new();
    let driving = async {
        while !task.is_finished() {
            seen.insert(door.sent_bytes());
            site.hand.advance(Duration::from_millis(10));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, driving).await.expect("it ends");
    assert_eq!(task.await.unwrap().unwrap().check, tree(&bytes));
    assert!(site.clock.now().since(start) >= Duration::from_millis(4100));
    assert_eq!(seen.into_iter().chain([4 << 20]).collect::<BTreeSet<_>>(), (0..=4).map(|n| n << 20).collect());
}
