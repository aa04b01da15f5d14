//! Everything that a store shows, beside what the model has.

use std::fmt::Debug;
use std::time::Duration;

use firn::base::Time;
use firn::base::ids::{FileId, Lane};
use firn::store::{ArchiveState, Due, FLOW_KEPT, FileState, Look, QueueState, Unfinished};

use super::rules::{Archive, Rules, length};
use super::{DIRS, Game, HOSTS, KEYS, time};
use crate::world::{host_key, uuid};

/// More than a game ever has.
const ALL: u32 = 1000;

/// A file that has failed so often is given up, here.
const ATTEMPTS: u32 = 2;

fn same<T: PartialEq + Debug>(what: &str, model: &T, store: &T) -> Result<(), String> {
    if model == store { Ok(()) } else { Err(format!("{what}:\n  model {model:?}\n  store {store:?}")) }
}

impl Game {
    pub(super) async fn observe(&mut self, pick: u8) -> Result<(), String> {
        self.rules.tick();
        let (rules, store) = (&self.rules, &self.w.store);
        same("time", &rules.now, &store.now().await.unwrap())?;
        self.queue().await?;
        self.archives().await?;
        let sessions = rules.sessions.iter().filter(|(_, s)| !s.ended).map(|(id, s)| (*id, s.lease_until));
        let rows = store.sessions().await.unwrap();
        let rows: Vec<_> = rows.into_iter().map(|row| (row.id.0, row.lease_until)).collect();
        same("sessions", &sessions.collect(), &rows)?;
        for host in [0, 1] {
            let due = store.due(host_key(HOSTS[usize::from(host)])).await.unwrap();
            same("what is due", &expected_due(rules, host), &due)?;
        }
        same("what is left", &expected_left(rules), &store.unfinished(ATTEMPTS).await.unwrap())?;
        self.totals().await?;
        self.found().await?;
        self.overview().await?;
        let duty = store.duty("duty".to_owned()).await.unwrap();
        same("the duty", &rules.duty, &duty.map(|row| (row.owner.map(|id| id.0), row.generation.0)))?;
        self.current().await?;
        let past = rules.now.minus(Duration::from_secs(u64::from(pick)));
        for at in [None, Some(past), Some(rules.now)] {
            self.restorable(at).await?;
        }
        Ok(())
    }

    async fn queue(&self) -> Result<(), String> {
        for lane in Lane::ALL {
            let mut counts = Vec::new();
            for state in QueueState::ALL {
                let mut model: Vec<_> = self
                    .rules
                    .queue
                    .iter()
                    .filter(|(_, row)| row.lane == lane && row.state == *state)
                    .map(|(id, row)| {
                        let file = &self.rules.files[id];
                        let times = (time(row.next_try), *id, time(row.since));
                        (times, KEYS[usize::from(file.key)].to_owned(), length(file.version), row.attempts)
                    })
                    .collect();
                model.sort();
                let rows = self.w.store.queue_page(lane, *state, None, ALL).await.unwrap();
                let rows: Vec<_> = rows
                    .into_iter()
                    .map(|row| {
                        let times = (time(row.next_try), row.file.0, time(row.queued_at));
                        (times, row.key.to_string(), row.length.cast_signed(), row.attempts)
                    })
                    .collect();
                same(&format!("the queue, {lane}, {state}"), &model, &rows)?;
                counts.push(model.len() as u64);
            }
            let lanes = self.w.store.lanes().await.unwrap();
            let row = lanes.iter().find(|row| row.lane == lane).unwrap();
            same("the lane", &counts, &vec![row.queued, row.fetching, row.bundled, row.failed])?;
            same("the lane's files", &counts.iter().sum(), &row.files)?;
        }
        Ok(())
    }

    async fn archives(&self) -> Result<(), String> {
        let mut live = Vec::new();
        for (id, archive) in &self.rules.archives {
            let row = self.w.store.archive(uuid(archive.number)).await.unwrap().expect("it was entered");
            let seen = (row.id.0, row.state, row.owner.map(|id| id.0), row.size, row.attempts, row.next_try);
            let expected = (*id, archive.state, archive.owner, archive.size, archive.attempts, archive.next_try);
            same("an archive", &(expected, archive.stored_at), &(seen, row.stored_at))?;
            let members = self.w.store.members(row.id, None, ALL).await.unwrap();
            let members: Vec<_> = members.iter().map(|row| (row.file.0, row.header_offset)).collect();
            same("its members", &members_of(archive), &members)?;
            let parts: Vec<_> = self.w.store.parts(row.id).await.unwrap().iter().map(|part| part.number).collect();
            same("its parts", &archive.parts, &parts)?;
            if archive.state.is_live() {
                live.push(*id);
            }
        }
        let rows = self.w.store.archives_live(ALL).await.unwrap();
        same("live archives", &live, &rows.into_iter().map(|row| row.id.0).collect())?;
        for (host, dir) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let staged = self.rules.archives.values().filter(|a| a.state.is_live() && a.dir.is_some());
            let mut model: Vec<_> =
                staged.map(|a| (uuid(a.number), a.size.filter(|_| (a.host, a.dir) == (host, Some(dir))))).collect();
            model.sort();
            let (host, dir) = (host_key(HOSTS[usize::from(host)]), DIRS[usize::from(dir)].into());
            let rows = self.w.store.staged(host, dir).await.unwrap();
            let mut rows: Vec<_> = rows.into_iter().map(|(_, uuid, size)| (uuid, size)).collect();
            rows.sort();
            same("what is staged", &model, &rows)?;
        }
        Ok(())
    }

    async fn totals(&self) -> Result<(), String> {
        let rows = self.w.store.totals().await.unwrap();
        let rows: Vec<_> = rows
            .into_iter()
            .map(|t| {
                let counts = [
                    (t.queued_files, t.queued_bytes),
                    (t.left_files, t.left_bytes),
                    (t.stored_files, t.stored_bytes),
                    (t.archives, t.archive_bytes),
                ];
                (!t.vault.is_empty(), t.lane, counts.map(|(number, bytes)| (number.cast_signed(), bytes.cast_signed())))
            })
            .collect();
        let model = self.rules.totals.iter().map(|((vault, lane), counts)| (*vault, lane.word().to_owned(), *counts));
        same("totals", &model.collect(), &rows)
    }

    /// What a search finds: the newest version of each key, and where it stands.
    async fn found(&self) -> Result<(), String> {
        let rules = &self.rules;
        let mut model = Vec::new();
        for (key, name) in (0..).zip(KEYS) {
            let versions = rules.files.iter().filter(|(_, file)| file.key == key);
            let newest = versions.max_by_key(|(id, file)| (file.superseded.map_or(i64::MAX, time), **id));
            let Some((id, file)) = newest else { continue };
            let safe = |archive: &&Archive| {
                matches!(archive.state, ArchiveState::Stored | ArchiveState::Duplicate)
                    && archive.members.iter().any(|(member, ..)| member == id)
            };
            let archive = rules.archives.values().rfind(safe).map(|archive| uuid(archive.number));
            let state = match (rules.queue.get(id), file.gone, archive) {
                (Some(row), ..) => FileState::from(row.state),
                (None, Some(_), _) => FileState::Gone,
                (None, None, Some(_)) => FileState::Stored,
                (None, None, None) => FileState::Nowhere,
            };
            model.push((*id, name.to_owned(), state, archive));
        }
        let rows = self.w.store.find_files(None, Vec::new(), None, ALL).await.unwrap();
        for row in &rows {
            let detail = self.w.store.file_detail(row.file).await.unwrap().expect("it was found");
            same("a file and its details", row, &detail.row)?;
        }
        let rows = rows.into_iter().map(|row| (row.file.0, row.key.to_string(), row.state, row.archive));
        same("what is found", &model, &rows.collect())
    }

    /// One read tells what many do.
    async fn overview(&self) -> Result<(), String> {
        let store = &self.w.store;
        let look =
            Look { archives: ALL, failed: ALL, plans: ALL, flow: FLOW_KEPT, latest: ALL, latest_within: FLOW_KEPT };
        let seen = store.overview(look).await.unwrap();
        same("the overview's lanes", &store.lanes().await.unwrap(), &seen.lanes)?;
        same("the overview's totals", &store.totals().await.unwrap(), &seen.totals)?;
        same("the overview's archives", &store.archives_live(ALL).await.unwrap(), &seen.archives)?;
        same("the overview's failures", &store.failed_page(None, ALL).await.unwrap(), &seen.failed)?;
        same("failures from the end", &store.failed_page_before(None, ALL).await.unwrap(), &seen.failed)?;
        let latest = self.rules.archives.values().filter(|archive| archive.state == ArchiveState::Stored);
        let recent = |at: Time| at >= self.rules.now.minus(FLOW_KEPT);
        let latest = latest.filter(|archive| archive.lane == Lane::Live && archive.stored_at.is_some_and(recent));
        let files: usize = latest.map(|archive| archive.members.len()).sum();
        same("files stored lately", &files, &seen.latest.len())
    }

    async fn current(&self) -> Result<(), String> {
        let current = self.rules.files.iter().filter(|(_, file)| file.superseded.is_none() && file.gone.is_none());
        let current: Vec<_> = current.map(|(id, file)| (*id, KEYS[usize::from(file.key)].to_owned())).collect();
        let rows = self.w.store.current_files(self.source, FileId(0), FileId(i64::MAX), ALL).await.unwrap();
        same("current files", &current, &rows.into_iter().map(|(id, key)| (id.0, key.to_string())).collect())?;
        let mut keys: Vec<_> = current.iter().map(|(_, key)| key).collect();
        keys.sort();
        keys.dedup();
        same("a key has one current version", &current.len(), &keys.len())
    }

    async fn restorable(&self, at: Option<Time>) -> Result<(), String> {
        let rows = self.w.store.restorable(self.source, Vec::new(), None, at, ALL).await.unwrap();
        let mut seen = Vec::new();
        for row in rows {
            let version = row.version.map(|found| {
                let number = u8::try_from(found.archive.0.as_u128()).unwrap();
                // The row's hash must be that of the bytes which lie there.
                let there = self.bytes.get(&(number, found.data_offset)).copied();
                if there != Some(found.sha256.0[0]) || found.length.cast_signed() != length(found.sha256.0[0]) {
                    return Err(format!("{found:?} names bytes of version {there:?}"));
                }
                Ok((found.file.0, found.sha256.0[0], number, found.newer_waits))
            });
            let key = KEYS.iter().position(|key| *key == row.key.to_string()).unwrap();
            seen.push((u8::try_from(key).unwrap(), version.transpose()?, row.absent));
        }
        same(&format!("what can be restored at {at:?}"), &self.rules.restorable(at), &seen)
    }
}

fn members_of(archive: &Archive) -> Vec<(i64, u64)> {
    archive.members.iter().map(|(file, _, offset)| (*file, *offset)).collect()
}

fn expected_due(rules: &Rules, host: u8) -> Due {
    let sealed = |lane| {
        rules.archives.values().any(|a| {
            a.state == firn::store::ArchiveState::Sealed
                && a.lane == lane
                && a.host == host
                && a.next_try.is_some_and(|at| at <= rules.now)
        })
    };
    let fetch = |lane| [QueueState::Queued, QueueState::Failed].iter().any(|state| !rules.due(lane, *state).is_empty());
    Due { fetch: Lane::ALL.map(fetch), upload: Lane::ALL.map(sealed), settle: !rules.to_settle().is_empty() }
}

fn expected_left(rules: &Rules) -> Unfinished {
    let rows = |state: QueueState| rules.queue.values().filter(move |row| row.state == state);
    let failed = |given_up: bool| rows(QueueState::Failed).filter(move |row| (row.attempts >= ATTEMPTS) == given_up);
    Unfinished {
        waiting: rows(QueueState::Queued).count() > 0,
        fetching: rows(QueueState::Fetching).count() > 0,
        bundled: rows(QueueState::Bundled).count() > 0,
        retry_at: failed(false).map(|row| row.next_try).min(),
        archives: rules.archives.values().any(|a| a.state.is_live()),
        given_up: failed(true).count() as u64,
    }
}
