//! A draft: files that are wanted, entered into the state page by page, whatever their number.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use crate::base::Time;
use crate::base::ids::{ArchiveId, ArchiveUuid, DestId, FileId, Key, PlanId, SourceId};
use crate::base::units::Count;
use crate::restore::ask::DestSpec;
use crate::restore::target::target;
use crate::restore::{Keys, Listed, RestoreError, Restorer, Wish};
use crate::store::{NewDest, NewPlan, NewRestore, Ready, Restorable, RestorePlace, RestoreState};

/// Files entered in one go.
const PAGE: usize = 500;
/// What this version writes to.
const FOLDER: &str = "folder";
/// Archives looked at in one go.
const ARCHIVES: u32 = 200;

/// Which files of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Select {
    /// A file of a source by its key; where no file has that key, everything below it.
    Path(SourceId, Key, Option<Time>),
    /// Keys of a source that begin so.
    Prefix(SourceId, Vec<u8>, Option<Time>),
    /// All files of an archive.
    Archive(ArchiveUuid),
    /// One version of a file.
    Version(FileId),
    /// What a vault took from the first time on and before the second; of that source alone.
    Between(Option<SourceId>, Time, Time),
    /// The newest of all there is, or as of a time.
    Everything(Option<Time>),
    /// What another plan did not deliver.
    RestOf(PlanId),
}

/// Where files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Below a folder: each file gets its key below it.
    Below(PathBuf),
    /// That very file, should it be one file; a folder for many.
    At(PathBuf),
    /// Somewhere that this version does not write to: what it would cost is priced, and the plan cannot be confirmed.
    Away {
        /// `s3` or `mogile`.
        kind: &'static str,
        /// The bucket, what each key is put behind in it, or the domain.
        place: OsString,
        /// That very key, of one file; nothing: each file's own.
        key: Option<Key>,
    },
}

impl Place {
    /// The place of a destination.
    pub fn of(dest: &DestSpec) -> Self {
        let away = |kind, place: &[&[u8]], key| Self::Away { kind, place: OsString::from_vec(place.concat()), key };
        match dest {
            DestSpec::Local { path, folder: true } => Self::Below(path.clone()),
            DestSpec::Local { path, folder: false } => Self::At(path.clone()),
            DestSpec::S3 { bucket, key, folder: true } => {
                away("s3", &[b"s3://", bucket.as_bytes(), b"/", key.as_bytes()], None)
            }
            DestSpec::S3 { bucket, key, folder: false } => {
                away("s3", &[b"s3://", bucket.as_bytes()], Some(key.clone()))
            }
            DestSpec::Mogile { domain: None, .. } => away("mogile", &[b"mogile:"], None),
            DestSpec::Mogile { domain: Some(domain), key } => {
                away("mogile", &[b"mogile://", domain.as_bytes()], key.clone())
            }
        }
    }
}

/// A destination that is in the state.
#[derive(Debug, Clone, Copy)]
struct To {
    id: DestId,
    /// Whether it is one that this version writes to.
    folder: bool,
}

impl To {
    /// Why a path cannot go there.
    fn no_target(self, to: &[u8]) -> Option<String> {
        let why = if self.folder { target(to).err() } else { None };
        why.map(|why| format!("{why}; it is not restored to a folder"))
    }
}

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Added {
    /// Files that can be restored.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that no vault can give.
    pub impossible: u64,
    /// Files whose place another file of the plan has already.
    pub twice: u64,
    /// Of the files, those that their source has deleted since.
    pub gone: u64,
    /// Of the files, those with a newer version that no vault holds yet.
    pub newer_waits: u64,
    /// Deleted files left out because folders have their names now.
    pub folders_now: u64,
    /// Of the files, those that replace what is there and differs.
    pub overwrites: u64,
    /// Of the files, those that go to where this version does not write: with them it cannot be confirmed.
    pub undelivered: u64,
}

impl Added {
    /// Why a plan of it can be priced and not be confirmed, should that be so.
    pub fn refused(&self) -> Option<String> {
        let (go, them) = if self.undelivered == 1 { ("file goes", "it") } else { ("files go", "them") };
        (self.undelivered > 0).then(|| {
            format!(
                "{} {go} to S3 or MogileFS, which this version does not write to yet: the plan is priced and cannot be confirmed; leave {them} out, or restore {them} to a folder",
                Count(self.undelivered)
            )
        })
    }
}

/// A file that is wanted, before it has a number.
struct Wanted {
    file: Option<FileId>,
    name: Key,
    from: Option<(ArchiveId, u64)>,
    length: u64,
    dest: To,
    target: Key,
    overwrite: bool,
    why: Option<String>,
    asked: Option<(SourceId, Option<Time>)>,
}

/// The source of a key and as of when it is wanted, where it has no version; and whether what is there is replaced.
type With = (Option<(SourceId, Option<Time>)>, bool);

/// A draft that is being put together.
pub struct Draft<'a> {
    restorer: &'a Restorer,
    /// The plan.
    pub plan: PlanId,
    /// What has come together.
    pub added: Added,
    /// Only files that the source still has.
    pub current: bool,
    next: u64,
    /// Each with whether it is delivered.
    page: Vec<(NewRestore, bool)>,
    /// Places asked for last, and their numbers: lists name few of them.
    dests: Vec<(OsString, To)>,
}

impl<'a> Draft<'a> {
    /// An empty draft.
    pub async fn begin(restorer: &'a Restorer, new: NewPlan) -> Result<Self, RestoreError> {
        let plan = restorer.store.plan_begin(new).await?;
        Ok(Self {
            restorer,
            plan,
            added: Added::default(),
            current: false,
            next: 1,
            page: Vec::new(),
            dests: Vec::new(),
        })
    }

    /// Adds what is wanted.
    pub async fn add(&mut self, select: &Select, place: &Place, overwrite: bool) -> Result<(), RestoreError> {
        self.select(select, place, overwrite).await
    }

    /// Adds a version that a look-up has found already.
    pub async fn ready(&mut self, ready: &Ready, place: &Place, overwrite: bool) -> Result<(), RestoreError> {
        let (dest, to) = self.exact(place, &ready.key).await?;
        if let Some(why) = dest.no_target(to.as_bytes()) {
            return self.cannot(ready.key.clone(), dest, to, why, (None, overwrite)).await;
        }
        self.added.files += 1;
        self.added.undelivered += u64::from(!dest.folder);
        self.added.overwrites += u64::from(overwrite);
        self.added.bytes += ready.length;
        self.added.gone += u64::from(ready.gone_at.is_some());
        self.added.newer_waits += u64::from(ready.newer_waits);
        let (file, name, from, length) = (Some(ready.file), ready.key.clone(), Some(ready.from), ready.length);
        self.push(Wanted { file, name, from, length, dest, target: to, overwrite, why: None, asked: None }).await
    }

    /// How many files have been found so far, whatever became of them.
    pub fn found(&self) -> u64 {
        self.next + self.added.folders_now
    }

    /// All that was added is in the state. What it came to.
    pub async fn finish(mut self) -> Result<Added, RestoreError> {
        self.flush().await?;
        Ok(self.added)
    }

    async fn select(&mut self, select: &Select, place: &Place, overwrite: bool) -> Result<(), RestoreError> {
        match select {
            Select::Path(source, key, at) => self.path(*source, key, *at, place, overwrite).await,
            Select::Prefix(source, prefix, at) => {
                let below = self.folder(place).await?;
                let keys = Keys::Prefix(prefix.clone());
                self.wish(Wish { source: *source, keys, at: *at, current: self.current }, below, b"", overwrite).await
            }
            Select::Archive(uuid) => {
                let below = self.folder(place).await?;
                let listed = Listed::Archive(*uuid);
                let restorer = self.restorer;
                let mut pages = restorer.pages(&listed);
                while let Some(page) = pages.next().await? {
                    for key in page {
                        self.one(&key.key, key.version.as_ref(), below, key.key.as_bytes(), (None, overwrite)).await?;
                    }
                }
                Ok(())
            }
            Select::Version(file) => {
                let key = self.restorer.store.restorable_file(*file).await?.ok_or(RestoreError::NoFile(*file))?;
                let (dest, target) = self.exact(place, &key.key).await?;
                self.one(&key.key, key.version.as_ref(), dest, target.as_bytes(), (None, overwrite)).await
            }
            Select::Between(source, from, to) => self.between(*source, *from, *to, place, overwrite).await,
            Select::Everything(at) => {
                let below = self.folder(place).await?;
                let sources = self.restorer.store.sources().await?;
                let several = sources.len() > 1;
                for source in sources {
                    // Keys of two sources may be the same: each gets a folder of its name.
                    let own = if several { format!("{}/", source.name) } else { String::new() };
                    let keys = Keys::Prefix(Vec::new());
                    let wish = Wish { source: source.id, keys, at: *at, current: self.current };
                    self.wish(wish, below, own.as_bytes(), overwrite).await?;
                }
                Ok(())
            }
            Select::RestOf(plan) => self.rest_of(*plan, overwrite).await,
        }
    }

    async fn path(
        &mut self,
        source: SourceId,
        key: &Key,
        at: Option<Time>,
        place: &Place,
        overwrite: bool,
    ) -> Result<(), RestoreError> {
        let store = &self.restorer.store;
        let folder = key.as_bytes().ends_with(b"/");
        let file = if folder { None } else { store.restorable_key(source, key.clone(), at).await? };
        let below = if folder { key.as_bytes().to_vec() } else { [key.as_bytes(), b"/"].concat() };
        let more = !store.restorable(source, below.clone(), None, at, 1).await?.is_empty();
        match file {
            Some(file) if !more => {
                let (dest, target) = self.exact(place, key).await?;
                if file.absent {
                    let why = "its source did not have it at that time".to_owned();
                    return self.cannot(file.key, dest, target, why, (Some((source, at)), overwrite)).await;
                }
                let asked = Some((source, at));
                self.one(&file.key, file.version.as_ref(), dest, target.as_bytes(), (asked, overwrite)).await
            }
            // A folder, or both (one of them was deleted): what belongs to now, or to then, is chosen as always.
            Some(_) => {
                let dest = self.folder(place).await?;
                let keys = Keys::Tree(key.clone());
                self.wish(Wish { source, keys, at, current: self.current }, dest, b"", overwrite).await
            }
            None if more => {
                let dest = self.folder(place).await?;
                let keys = Keys::Prefix(below);
                self.wish(Wish { source, keys, at, current: self.current }, dest, b"", overwrite).await
            }
            None => {
                let (dest, target) = self.exact(place, key).await?;
                let why = "it is not in the catalog".to_owned();
                self.cannot(key.clone(), dest, target, why, (Some((source, at)), overwrite)).await
            }
        }
    }

    async fn wish(&mut self, wish: Wish, dest: To, own: &[u8], overwrite: bool) -> Result<(), RestoreError> {
        let restorer = self.restorer;
        let asked = Some((wish.source, wish.at));
        let mut pages = restorer.pages(&wish);
        while let Some(page) = pages.next().await? {
            for key in page {
                let target = [own, key.key.as_bytes()].concat();
                self.one(&key.key, key.version.as_ref(), dest, &target, (asked, overwrite)).await?;
            }
        }
        self.added.folders_now += pages.folders_now();
        Ok(())
    }

    /// The newest archives first. Of several versions of a file the newest of that time, wherever it lies.
    async fn between(
        &mut self,
        source: Option<SourceId>,
        from: Time,
        to: Time,
        place: &Place,
        overwrite: bool,
    ) -> Result<(), RestoreError> {
        let below = self.folder(place).await?;
        let store = &self.restorer.store;
        // What is stored from now on is not of that time: versions do not change places while they are looked at.
        let to = to.min(store.now().await?);
        let sources = store.sources().await?;
        let only = source.and_then(|id| sources.iter().find(|row| row.id == id)).map(|row| row.name.clone());
        let several = only.is_none() && sources.len() > 1;
        let mut before = None;
        loop {
            let page = store.archives_between(from, to, before, ARCHIVES).await?;
            let Some((last, at)) = page.last().copied() else { return Ok(()) };
            before = Some((at, last));
            for (archive, _) in page {
                let mut after = None;
                loop {
                    let members = store.restorable_members(archive, Some((from, to)), after, ARCHIVES).await?;
                    let Some(last) = members.last() else { break };
                    after = Some(last.header_offset);
                    for member in members {
                        if only.as_ref().is_some_and(|only| *only != member.source) {
                            continue;
                        }
                        let own: &[u8] = if several { member.source.as_bytes() } else { b"" };
                        let between: &[u8] = if several { b"/" } else { b"" };
                        let target = [own, between, member.key.as_bytes()].concat();
                        self.one(&member.key, Some(&member.version), below, &target, (None, overwrite)).await?;
                    }
                }
            }
        }
    }

    /// What another plan did not deliver, to where it was to go: from wherever each file can be had now. What was to replace
    /// what is there still is, even if nobody says so again.
    async fn rest_of(&mut self, plan: PlanId, overwrite: bool) -> Result<(), RestoreError> {
        let store = self.restorer.store.clone();
        let mut after: Option<RestorePlace> = None;
        loop {
            let rows = store.plan_rest(plan, after, u32::try_from(PAGE).unwrap_or(u32::MAX)).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some((last.archive.unwrap_or(ArchiveId(0)), last.offset, last.n));
            for row in rows {
                let kind = ["s3", "mogile"].into_iter().find(|kind| *kind == row.kind).unwrap_or(FOLDER);
                let dest = self.dest(kind, row.place.clone()).await?;
                let with = (row.asked, overwrite || row.overwrite);
                let key = match (row.file, row.archive, row.asked) {
                    // The copy that did not come through may be the one that is damaged.
                    (Some(file), Some(archive), _) if row.state == RestoreState::Failed => {
                        store.restorable_elsewhere(file, archive).await?
                    }
                    (Some(file), ..) => store.restorable_file(file).await?,
                    // It may have come to be stored since.
                    (None, _, Some((source, at))) => store.restorable_key(source, row.name.clone(), at).await?,
                    (None, _, None) => None,
                };
                match key {
                    Some(key) if !key.absent => {
                        self.one(&key.key, key.version.as_ref(), dest, row.target.as_bytes(), with).await?;
                    }
                    _ => self.cannot(row.name, dest, row.target, row.reason.unwrap_or_default(), with).await?,
                }
            }
        }
    }

    async fn one(
        &mut self,
        key: &Key,
        version: Option<&Restorable>,
        dest: To,
        to: &[u8],
        with: With,
    ) -> Result<(), RestoreError> {
        let Some(version) = version else {
            let why = "no version of it is in the vault".to_owned();
            return self.cannot(key.clone(), dest, Key::new(to), why, with).await;
        };
        if let Some(why) = dest.no_target(to) {
            return self.cannot(key.clone(), dest, Key::new(to), why, with).await;
        }
        if self.current && version.gone_at.is_some() {
            return Ok(());
        }
        self.added.files += 1;
        self.added.undelivered += u64::from(!dest.folder);
        self.added.overwrites += u64::from(with.1);
        self.added.bytes += version.length;
        self.added.gone += u64::from(version.gone_at.is_some());
        self.added.newer_waits += u64::from(version.newer_waits);
        self.push(Wanted {
            file: Some(version.file),
            name: key.clone(),
            from: Some((version.archive_id, version.data_offset)),
            length: version.length,
            dest,
            target: Key::new(to),
            overwrite: with.1,
            why: None,
            asked: None,
        })
        .await
    }

    /// Enters what no vault can give, with the reason.
    async fn cannot(
        &mut self,
        name: Key,
        dest: To,
        target: Key,
        why: String,
        (asked, overwrite): With,
    ) -> Result<(), RestoreError> {
        self.added.impossible += 1;
        let (file, from, length) = (None, None, 0);
        self.push(Wanted { file, name, from, length, dest, target, overwrite, why: Some(why), asked }).await
    }

    async fn push(&mut self, wanted: Wanted) -> Result<(), RestoreError> {
        let Wanted { file, name, from, length, dest, target, overwrite, why, asked } = wanted;
        let (n, folder, dest) = (self.next, dest.folder, dest.id);
        self.page.push((NewRestore { n, file, name, from, length, dest, target, overwrite, why, asked }, folder));
        self.next += 1;
        if self.page.len() >= PAGE { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<(), RestoreError> {
        if self.page.is_empty() {
            return Ok(());
        }
        let page = std::mem::take(&mut self.page);
        let known: Vec<_> = page
            .iter()
            .map(|(file, folder)| (file.n, (file.length, file.overwrite), file.from.is_some(), *folder))
            .collect();
        let page = page.into_iter().map(|(file, _)| file).collect();
        for n in self.restorer.store.plan_add(self.plan, page).await? {
            self.added.twice += 1;
            match known.iter().find(|known| known.0 == n) {
                Some((_, (length, overwrite), true, folder)) => {
                    self.added.overwrites -= u64::from(*overwrite);
                    self.added.files -= 1;
                    self.added.undelivered -= u64::from(!folder);
                    self.added.bytes -= length;
                }
                _ => self.added.impossible -= 1,
            }
        }
        Ok(())
    }

    async fn folder(&mut self, place: &Place) -> Result<To, RestoreError> {
        match place {
            Place::Below(path) | Place::At(path) => self.dest(FOLDER, path.clone().into_os_string()).await,
            Place::Away { kind, place, .. } => self.dest(kind, place.clone()).await,
        }
    }

    /// Where one file goes: the destination, and its path there.
    async fn exact(&mut self, place: &Place, key: &Key) -> Result<(To, Key), RestoreError> {
        let named = |path: &Path| Some((path.parent()?.to_owned(), path.file_name()?.to_owned()));
        match place {
            Place::At(path) => match named(path) {
                Some((folder, name)) => {
                    Ok((self.dest(FOLDER, folder.into_os_string()).await?, Key::new(OsStr::as_bytes(&name))))
                }
                None => Ok((self.folder(place).await?, key.clone())),
            },
            Place::Below(_) => Ok((self.folder(place).await?, key.clone())),
            Place::Away { key: exact, .. } => {
                Ok((self.folder(place).await?, exact.clone().unwrap_or_else(|| key.clone())))
            }
        }
    }

    async fn dest(&mut self, kind: &'static str, place: OsString) -> Result<To, RestoreError> {
        let folder = kind == FOLDER;
        if let Some((_, to)) = self.dests.iter().find(|(known, to)| *known == place && to.folder == folder) {
            return Ok(*to);
        }
        let new = NewDest { kind, place: place.clone() };
        let ids = self.restorer.store.plan_dests(self.plan, vec![new]).await?;
        let Some(id) = ids.first().copied() else {
            return Err(RestoreError::Task("a destination has no number".to_owned()));
        };
        if self.dests.len() >= PAGE {
            self.dests.clear();
        }
        let to = To { id, folder };
        self.dests.push((place, to));
        Ok(to)
    }
}
