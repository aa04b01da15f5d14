//! Vaults that lie. The suite must find each of them out, for the right reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firn::base::hash::Check;
use firn::base::ids::ArchiveUuid;
use firn::vault::{ArchiveName, Capabilities, Confirmed, Head, PartBody, Put, Result, Vault, VaultError};

use super::subject::{Directory, Subject, stage};
use super::support::between::{Between, Over};

/// What a lying vault does to what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Flips a bit, and is honest about what it then holds: it confirms the hash of that.
    FlipsAndTells,
    /// Flips a bit before the vault below looks: that one refuses.
    FlipsOnTheWay,
    /// Flips a bit and answers with the hash that it was told.
    FlipsAndEchoes,
    /// Keeps what it is sent, and answers with the hash that it was told, without looking.
    Echoes,
    /// The same, but keeps other bytes of that length.
    KeepsGarbage,
    /// The same, but keeps nothing.
    KeepsNothing,
}

type Told = Arc<Mutex<BTreeMap<ArchiveUuid, (ArchiveName, Confirmed)>>>;
type Parts = Arc<Mutex<BTreeMap<Vec<u8>, BTreeMap<u64, Vec<u8>>>>>;

/// A vault over an honest one.
pub struct Liar {
    below: Arc<dyn Vault>,
    lie: Lie,
    /// What was answered: an echo is asked again later.
    told: Told,
    /// Parts as they came, by upload and offset.
    parts: Parts,
    /// Where what is kept instead is staged.
    aside: PathBuf,
    /// In which ways archives have come.
    pub ways: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Liar {
    pub fn new(below: Arc<dyn Vault>, lie: Lie, aside: &Path) -> Self {
        Self {
            below,
            lie,
            told: Told::default(),
            parts: Parts::default(),
            aside: aside.to_owned(),
            ways: Arc::default(),
        }
    }

    fn echoes(&self) -> bool {
        !matches!(self.lie, Lie::FlipsAndTells | Lie::FlipsOnTheWay)
    }

    /// What it makes of what it was sent.
    fn made_of(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self.lie {
            Lie::FlipsAndTells | Lie::FlipsOnTheWay | Lie::FlipsAndEchoes => {
                let middle = bytes.len() / 2;
                if let Some(byte) = bytes.get_mut(middle) {
                    *byte ^= 4;
                }
            }
            Lie::KeepsGarbage => bytes.fill(b'#'),
            Lie::Echoes | Lie::KeepsNothing => {}
        }
        bytes
    }

    async fn keep(&self, name: ArchiveName, sent: Vec<u8>, size: u64, expect: Check) -> Result<Confirmed> {
        let bytes = self.made_of(sent);
        if self.lie == Lie::KeepsNothing {
            let remote_id = name.to_string().into_bytes();
            return Ok(self.remember(name, Confirmed { remote_id, check: expect, size }));
        }
        let mut put = stage(&self.aside, expect.kind(), name, &bytes);
        if self.lie == Lie::FlipsOnTheWay {
            (put.size, put.expect) = (size, expect);
        }
        let confirmed = self.below.put(put).await?;
        Ok(if self.echoes() { self.remember(name, Confirmed { check: expect, size, ..confirmed }) } else { confirmed })
    }

    fn remember(&self, name: ArchiveName, confirmed: Confirmed) -> Confirmed {
        self.told.lock().unwrap().insert(name.uuid, (name, confirmed.clone()));
        confirmed
    }
}

#[async_trait]
impl Between for Liar {
    fn below(&self) -> &dyn Vault {
        &*self.below
    }

    fn capabilities(&self) -> Capabilities {
        let honest = self.below.capabilities();
        Capabilities { refuses_wrong_hash: self.lie == Lie::FlipsOnTheWay, ..honest }
    }

    async fn put(&self, put: Put) -> Result<Confirmed> {
        // The folder may be this one's own: what is put aside must not be in the way of what was sent.
        let staged = put.staging.join(&put.file);
        let Ok(bytes) = std::fs::read(&staged) else { return self.below.put(put).await };
        std::fs::remove_file(staged).unwrap();
        self.ways.lock().unwrap().insert("whole");
        self.keep(put.name, bytes, put.size, put.expect).await
    }

    async fn put_part(&self, upload_id: &[u8], number: u32, part_size: u64, body: PartBody) -> Result<Vec<u8>> {
        let bytes = (*body).as_ref().to_vec();
        let answer = self.below.put_part(upload_id, number, part_size, body).await?;
        let mut parts = self.parts.lock().unwrap();
        parts.entry(upload_id.to_vec()).or_default().insert(u64::from(number) * part_size, bytes);
        Ok(answer)
    }

    async fn complete(&self, upload_id: &[u8], name: ArchiveName, size: u64, expect: Check) -> Result<Confirmed> {
        let Some(parts) = self.parts.lock().unwrap().remove(upload_id) else {
            return self.below.complete(upload_id, name, size, expect).await;
        };
        self.ways.lock().unwrap().insert("in parts");
        self.below.abort(upload_id).await?;
        let mut whole = Vec::new();
        for (offset, bytes) in parts {
            let start = usize::try_from(offset).unwrap();
            whole.resize(whole.len().max(start + bytes.len()), 0);
            whole[start..start + bytes.len()].copy_from_slice(&bytes);
        }
        self.keep(name, whole, size, expect).await
    }

    async fn abort(&self, upload_id: &[u8]) -> Result<()> {
        self.parts.lock().unwrap().remove(upload_id);
        self.below.abort(upload_id).await
    }

    async fn head(&self, uuid: ArchiveUuid) -> Result<Head> {
        if let Some((name, confirmed)) = self.told.lock().unwrap().get(&uuid).cloned() {
            return Ok(Head::Stored { name, confirmed });
        }
        self.below.head(uuid).await
    }

    async fn delete(&self, remote_id: &[u8]) -> Result<()> {
        self.told.lock().unwrap().retain(|_, (_, confirmed)| confirmed.remote_id != remote_id);
        match self.below.delete(remote_id).await {
            Err(VaultError::NoSuch { .. }) if self.lie == Lie::KeepsNothing => Ok(()),
            answer => answer,
        }
    }
}

/// A lying vault over a directory, with its memory.
struct Lying {
    below: Directory,
    lie: Lie,
    told: Told,
    parts: Parts,
}

impl Lying {
    fn new(lie: Lie) -> Self {
        let below = Directory::new();
        std::fs::create_dir(below.outside("aside")).unwrap();
        Self { below, lie, told: Told::default(), parts: Parts::default() }
    }
}

impl Subject for Lying {
    fn vault(&self) -> Arc<dyn Vault> {
        let liar = Liar::new(self.below.vault(), self.lie, &self.below.outside("aside"));
        Arc::new(Over(Liar { told: Arc::clone(&self.told), parts: Arc::clone(&self.parts), ..liar }))
    }

    fn staging(&self) -> PathBuf {
        self.below.staging()
    }

    fn damage(&self, archive: ArchiveUuid) -> bool {
        // Where nothing is, it is damaged beyond repair.
        self.lie == Lie::KeepsNothing || self.below.damage(archive)
    }

    fn add_foreign(&self) -> Vec<Vec<u8>> {
        self.below.add_foreign()
    }

    fn foreign_is_untouched(&self) -> bool {
        self.below.foreign_is_untouched()
    }
}

/// Says nothing but the truth, through all the machinery of the liars.
#[tokio::test]
async fn the_honest_vault_has_nothing_wrong() {
    assert_eq!(wrongs_of!(Directory::new()), BTreeMap::new());
}

/// Runs the suite over a liar and looks for what some cases found.
async fn is_found_out(lie: Lie, expected: &[(&str, &str)]) {
    let wrongs = wrongs_of!(Lying::new(lie));
    for (case, wrong) in expected {
        let found = wrongs.get(case).unwrap_or_else(|| panic!("{lie:?} passes {case}; found by {wrongs:?}"));
        assert!(found.contains(wrong), "{case} finds of {lie:?}: {found}; not: {wrong}");
    }
}

#[tokio::test]
async fn a_flipped_bit_that_is_told_is_found_by_comparing_hashes() {
    is_found_out(
        Lie::FlipsAndTells,
        &[
            ("archives_of_any_size_come_back", "it confirmed xxh3-128 "),
            ("parts_of_any_number_come_back", "it confirmed xxh3-128 "),
            ("a_second_put_of_an_archive_leaves_the_first", " was sent"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_flipped_bit_on_the_way_is_refused_by_the_vault_itself() {
    is_found_out(
        Lie::FlipsOnTheWay,
        &[
            ("archives_of_any_size_come_back", "1 bytes were not taken: the vault cold got xxh3-128 "),
            ("parts_of_any_number_come_back", "it cannot be completed: the vault cold got xxh3-128 "),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_flipped_bit_that_is_denied_is_found_by_reading_back() {
    is_found_out(
        Lie::FlipsAndEchoes,
        &[
            ("archives_of_any_size_come_back", "1 bytes: what is read back (1 bytes) is not what was put (1 bytes)"),
            ("parts_of_any_number_come_back", "what is read back (1 bytes) is not what was put (1 bytes)"),
            ("a_hash_that_was_promised_wrong_is_found_out", "it confirmed the promised hash"),
        ],
    )
    .await;
}

#[tokio::test]
async fn our_own_hash_unread_is_found_out_even_over_the_right_bytes() {
    is_found_out(
        Lie::Echoes,
        &[
            ("a_hash_that_was_promised_wrong_is_found_out", "1 bytes: it confirmed the promised hash xxh3-128 "),
            ("what_changed_on_its_way_is_found_out", "a bit at byte 0: it confirmed the promised hash xxh3-128 "),
            ("what_changes_later_is_found_by_asking_again", "of bytes that have changed since"),
            ("a_missing_part_is_found_out", "without part 0: it confirmed the promised hash xxh3-128 "),
            ("a_wrong_hash_of_the_whole_is_found_out", "it confirmed the promised hash xxh3-128 "),
            ("a_size_that_was_promised_wrong_is_refused", "it confirmed 1048575 bytes and was sent 1048576"),
        ],
    )
    .await;
}

#[tokio::test]
async fn our_own_hash_over_garbage_is_found_by_reading_back() {
    is_found_out(
        Lie::KeepsGarbage,
        &[
            ("archives_of_any_size_come_back", "1 bytes: what is read back (1 bytes) is not what was put (1 bytes)"),
            ("parts_may_come_in_any_order_and_again", "is not what was put"),
            ("what_changes_later_is_found_by_asking_again", "of bytes that have changed since"),
        ],
    )
    .await;
}

#[tokio::test]
async fn our_own_hash_over_nothing_is_found_by_reading_back() {
    is_found_out(
        Lie::KeepsNothing,
        &[
            ("archives_of_any_size_come_back", "it does not give it back: the vault cold has no archive"),
            ("parts_of_any_number_come_back", "it does not give it back: the vault cold has no archive"),
            ("what_changes_later_is_found_by_asking_again", "of bytes that have changed since"),
            ("the_inventory_names_each_archive_once_and_leaves_the_rest_alone", "0 archives are listed of 120"),
        ],
    )
    .await;
}

/// The wrapper itself is not what the suite finds wrong: cases that a lie does not touch pass.
#[tokio::test]
async fn the_suite_finds_nothing_where_there_is_no_lie() {
    let wrongs = wrongs_of!(Lying::new(Lie::Echoes));
    for case in ["parts_may_come_in_any_order_and_again", "ranges_are_read_exactly", "an_aborted_upload_is_gone"] {
        assert_eq!(wrongs.get(case), None);
    }
}
