//! Which files are wanted, a page at a time.

use super::{Keys, Listed, RestoreError, Restorer, Wish};
use crate::base::ids::{ArchiveId, ArchiveUuid, Key};
use crate::store::{ArchiveState, Restorable, RestorableKey, RestorableMember, StoreError};

/// Keys looked up in one go.
const PAGE: u32 = 500;

/// Files by key.
pub(super) struct Wishes<'a> {
    restorer: &'a Restorer,
    wish: &'a Wish,
    after: Option<Key>,
    below: bool,
    over: bool,
    /// Deleted files that were left out so far because folders have their names now.
    pub(super) folders_now: u64,
}

impl<'a> Wishes<'a> {
    pub(super) fn new(restorer: &'a Restorer, wish: &'a Wish) -> Self {
        Self { restorer, wish, after: None, below: false, over: false, folders_now: 0 }
    }

    /// The next page; nothing after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<RestorableKey>>, RestoreError> {
        if self.over {
            return Ok(None);
        }
        let (store, wish) = (&self.restorer.store, self.wish);
        let page = match &wish.keys {
            Keys::Tree(key) => {
                let one: Vec<_> = if self.below {
                    Vec::new()
                } else {
                    store.restorable_key(wish.source, key.clone(), wish.at).await?.into_iter().collect()
                };
                // The pages below it begin at their own beginning.
                let first = !std::mem::replace(&mut self.below, true);
                if first && !one.is_empty() {
                    return Ok(Some(self.wanted(one).await?));
                }
                self.keys(below(key)).await?
            }
            Keys::Prefix(prefix) => self.keys(prefix.clone()).await?,
        };
        let Some(last) = page.last() else {
            self.over = true;
            return Ok(None);
        };
        self.after = Some(last.key.clone());
        Ok(Some(self.wanted(page).await?))
    }

    /// What of a page is to be restored.
    async fn wanted(&mut self, mut page: Vec<RestorableKey>) -> Result<Vec<RestorableKey>, StoreError> {
        if self.wish.current {
            let still_there = |version: &Restorable| version.gone_at.is_none();
            page.retain(|key: &RestorableKey| key.version.as_ref().is_none_or(still_there));
        }
        // What was not there then is not missed.
        page.retain(|key| !key.absent);
        let mut kept = Vec::with_capacity(page.len());
        for key in page {
            if self.is_folder_now(&key).await? {
                self.folders_now += 1;
            } else {
                kept.push(key);
            }
        }
        Ok(kept)
    }

    async fn keys(&self, prefix: Vec<u8>) -> Result<Vec<RestorableKey>, StoreError> {
        self.restorer.store.restorable(self.wish.source, prefix, self.after.clone(), self.wish.at, PAGE).await
    }

    /// Whether a file was deleted and a folder has its name now, with files that will be restored.
    async fn is_folder_now(&self, key: &RestorableKey) -> Result<bool, StoreError> {
        if key.version.as_ref().is_none_or(|version| version.gone_at.is_none()) {
            return Ok(false);
        }
        let (store, wish) = (&self.restorer.store, self.wish);
        let mut after = None;
        loop {
            let page = store.restorable(wish.source, below(&key.key), after, wish.at, PAGE).await?;
            let Some(last) = page.last() else { return Ok(false) };
            after = Some(last.key.clone());
            if page.iter().any(|key| key.version.as_ref().is_some_and(|version| version.gone_at.is_none())) {
                return Ok(true);
            }
        }
    }
}

/// What the keys below a folder begin with.
fn below(folder: &Key) -> Vec<u8> {
    [folder.as_bytes(), b"/"].concat()
}

/// Files by where they lie.
pub(super) struct Lists<'a> {
    restorer: &'a Restorer,
    listed: &'a Listed,
    /// The archive, and whether it holds files of several sources, once that is known.
    archive: Option<(ArchiveId, bool)>,
    after: Option<u64>,
    over: bool,
}

impl<'a> Lists<'a> {
    pub(super) fn new(restorer: &'a Restorer, listed: &'a Listed) -> Self {
        Self { restorer, listed, archive: None, after: None, over: false }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Vec<RestorableKey>>, RestoreError> {
        if self.over {
            return Ok(None);
        }
        let archive = match self.listed {
            Listed::Archive(uuid) => *uuid,
            Listed::File(file) => {
                self.over = true;
                let key = self.restorer.store.restorable_file(*file).await?;
                return Ok(Some(vec![key.ok_or(RestoreError::NoFile(*file))?]));
            }
        };
        let (id, several) = match self.archive {
            Some(known) => known,
            None => *self.archive.insert(self.look(archive).await?),
        };
        let page = self.restorer.store.restorable_members(id, None, self.after, PAGE).await?;
        let Some(last) = page.last() else {
            self.over = true;
            return Ok(None);
        };
        self.after = Some(last.header_offset);
        Ok(Some(page.into_iter().map(|member| wanted(member, several)).collect()))
    }

    /// The archive's number, and whether it holds files of several sources.
    async fn look(&self, uuid: ArchiveUuid) -> Result<(ArchiveId, bool), RestoreError> {
        let store = &self.restorer.store;
        let row = store.archive(uuid).await?.ok_or(RestoreError::NoArchive(uuid))?;
        if !matches!(row.state, ArchiveState::Stored | ArchiveState::Duplicate) {
            return Err(RestoreError::NotStored { archive: uuid, state: row.state });
        }
        let (mut after, mut first) = (None, None);
        loop {
            let page = store.members(row.id, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok((row.id, false)) };
            after = Some(last.header_offset);
            for member in page {
                match first {
                    None => first = Some(member.source),
                    Some(source) if source != member.source => return Ok((row.id, true)),
                    Some(_) => {}
                }
            }
        }
    }
}

fn wanted(member: RestorableMember, several: bool) -> RestorableKey {
    let key =
        if several { Key::new([member.source.as_bytes(), b"/", member.key.as_bytes()].concat()) } else { member.key };
    RestorableKey { key, version: Some(member.version), absent: false }
}
