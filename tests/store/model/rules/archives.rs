//! Bundles, uploads and archives.

use std::time::Duration;

use firn::base::Time;
use firn::base::ids::Lane;
use firn::store::{ArchiveState, QueueState};

use super::{Answer, Archive, Queued, Ref, Refused, Rules, length, next};

impl Rules {
    pub(super) fn hold(&mut self, session: i64, r: Ref, states: &[ArchiveState]) -> Answer<&mut Archive> {
        self.archives
            .get_mut(&r.archive)
            .filter(|a| a.owner == Some(session) && a.generation == r.generation && states.contains(&a.state))
            .ok_or(Refused::Archive(r.number))
    }

    pub fn open(&mut self, session: i64, number: u8, lane: Lane, host: u8, direct: Option<i64>) -> Answer<Ref> {
        self.alive(session)?;
        let id = next(self.archives.len());
        let state = if direct.is_some() { ArchiveState::Uploading } else { ArchiveState::Open };
        let archive = Archive {
            number,
            lane,
            state,
            host,
            dir: direct.is_none().then_some(0),
            owner: Some(session),
            generation: 1,
            direct,
            upload_id: None,
            parts: Vec::new(),
            size: None,
            members: Vec::new(),
            attempts: 0,
            next_try: None,
            unknown_since: None,
            repeated: false,
            stored_at: None,
        };
        self.archives.insert(id, archive);
        Ok(Ref { archive: id, number, generation: 1 })
    }

    pub(super) fn contents(&mut self, session: i64, r: Ref, files: &[(i64, i64, u64)], size: u64) -> Answer<()> {
        for (file, generation, offset) in files {
            let row = self.mine(session, *file, *generation)?;
            (row.state, row.owner, row.archive) = (QueueState::Bundled, None, Some(r.archive));
            let version = self.files[file].version;
            self.archives.get_mut(&r.archive).unwrap().members.push((*file, version, *offset));
        }
        self.archives.get_mut(&r.archive).unwrap().size = Some(size);
        Ok(())
    }

    pub fn seal(&mut self, session: i64, r: Ref, files: &[(i64, i64, u64)], size: u64) -> Answer<()> {
        self.hold(session, r, &[ArchiveState::Open])?;
        self.contents(session, r, files, size)?;
        let now = self.now;
        let archive = self.archives.get_mut(&r.archive).unwrap();
        (archive.state, archive.owner, archive.next_try) = (ArchiveState::Sealed, None, Some(now));
        Ok(())
    }

    pub fn upload_contents(&mut self, session: i64, r: Ref, files: &[(i64, i64, u64)], size: u64) -> Answer<()> {
        self.hold(session, r, &[ArchiveState::Uploading])?;
        self.contents(session, r, files, size)
    }

    /// Files of the archive that wait for it go back into the queue.
    pub(super) fn requeue(&mut self, id: i64) -> u64 {
        let now = self.now;
        let mut files = 0;
        for (file, ..) in &self.archives[&id].members {
            if let Some(row) = self.queue.get_mut(file)
                && row.archive == Some(id)
                && row.state == QueueState::Bundled
            {
                (row.state, row.archive, row.next_try) = (QueueState::Queued, None, row.next_try.min(now));
                row.generation += 1;
                files += 1;
            }
        }
        files
    }

    pub(super) fn unbundle(&mut self, id: i64) -> u64 {
        let files = self.requeue(id);
        self.archives.get_mut(&id).unwrap().members.clear();
        files
    }

    pub(super) fn close(&mut self, id: i64, state: ArchiveState) {
        let archive = self.archives.get_mut(&id).unwrap();
        archive.parts.clear();
        (archive.state, archive.owner) = (state, None);
        archive.generation += 1;
    }

    pub fn abandon(&mut self, session: i64, r: Ref, files: &[(i64, i64)]) -> Answer<()> {
        self.hold(session, r, &[ArchiveState::Open, ArchiveState::Uploading])?;
        self.give_back(session, files)?;
        self.unbundle(r.archive);
        self.close(r.archive, ArchiveState::Abandoned);
        Ok(())
    }

    pub fn upload_claim(&mut self, session: i64, lane: Lane, host: u8) -> Answer<Option<Ref>> {
        self.alive(session)?;
        let now = self.now;
        let due = self
            .archives
            .iter_mut()
            .filter(|(_, a)| a.state == ArchiveState::Sealed && a.lane == lane && a.host == host)
            .filter(|(_, a)| a.next_try.is_some_and(|at| at <= now))
            .min_by_key(|(id, a)| (a.next_try, **id));
        Ok(due.map(|(id, archive)| {
            (archive.state, archive.owner) = (ArchiveState::Uploading, Some(session));
            archive.generation += 1;
            Ref { archive: *id, number: archive.number, generation: archive.generation }
        }))
    }

    pub fn begun(&mut self, session: i64, r: Ref, upload_id: Vec<u8>) -> Answer<()> {
        let archive = self.hold(session, r, &[ArchiveState::Uploading])?;
        archive.parts.clear();
        archive.upload_id = Some(upload_id);
        Ok(())
    }

    pub fn part(&mut self, session: i64, r: Ref, number: u32) -> Answer<()> {
        let archive = self.hold(session, r, &[ArchiveState::Uploading])?;
        archive.parts.push(number);
        archive.parts.sort_unstable();
        archive.parts.dedup();
        Ok(())
    }

    /// Files that are safe now.
    pub fn stored(&mut self, session: i64, r: Ref) -> Answer<u64> {
        self.hold(session, r, &[ArchiveState::Uploading])?;
        self.make_safe(r.archive)
    }

    pub(super) fn make_safe(&mut self, id: i64) -> Answer<u64> {
        let size = self.archives[&id].size.ok_or(Refused::NoContents)?;
        let mut files = 0;
        for (file, ..) in self.archives[&id].members.clone() {
            let waits = |row: &Queued| row.archive == Some(id) && row.state == QueueState::Bundled;
            if let Some(lane) = self.queue.get(&file).filter(|row| waits(row)).map(|row| row.lane) {
                self.leave(file);
                self.count(false, lane, 2, 1, length(self.files[&file].version));
                files += 1;
            }
        }
        self.count(true, self.archives[&id].lane, 3, 1, i64::try_from(size).unwrap());
        self.close(id, ArchiveState::Stored);
        let now = self.now;
        let archive = self.archives.get_mut(&id).unwrap();
        (archive.stored_at, archive.next_try) = (Some(now), None);
        Ok(files)
    }

    pub fn failed(&mut self, session: i64, r: Ref, next: Time) -> Answer<()> {
        let archive = self.hold(session, r, &[ArchiveState::Uploading, ArchiveState::Unknown])?;
        (archive.state, archive.owner) = (ArchiveState::Sealed, None);
        (archive.next_try, archive.unknown_since) = (Some(next), None);
        archive.generation += 1;
        archive.attempts += 1;
        let host = archive.host;
        // Nobody is left who could send it.
        if !self.host_lives(host) {
            self.unbundle(r.archive);
            self.close(r.archive, ArchiveState::Abandoned);
        }
        Ok(())
    }

    pub fn unknown(&mut self, session: i64, r: Ref, next: Time) -> Answer<()> {
        let now = self.now;
        let archive = self.hold(session, r, &[ArchiveState::Uploading, ArchiveState::Unknown])?;
        (archive.state, archive.owner, archive.next_try) = (ArchiveState::Unknown, None, Some(next));
        archive.unknown_since = archive.unknown_since.or(Some(now));
        archive.generation += 1;
        archive.attempts += 1;
        Ok(())
    }

    pub fn upload_abandon(&mut self, session: i64, r: Ref) -> Answer<u64> {
        self.hold(session, r, &[ArchiveState::Uploading, ArchiveState::Unknown])?;
        let files = self.unbundle(r.archive);
        self.close(r.archive, ArchiveState::Abandoned);
        Ok(files)
    }

    /// Complete bundles that wait for somebody on their host, and its staged file.
    pub fn is_staged_and_waits(archive: &Archive) -> bool {
        let complete = matches!(archive.state, ArchiveState::Sealed | ArchiveState::Uploading | ArchiveState::Unknown);
        complete && archive.owner.is_none() && archive.dir.is_some()
    }

    /// How many were taken over, and how many abandoned.
    pub fn adopt(
        &mut self,
        session: i64,
        (host, dir): (u8, u8),
        names: &[u8],
        lost_after: Duration,
    ) -> Answer<(u64, u64)> {
        self.alive(session)?;
        let (mut adopted, mut abandoned) = (0, 0);
        for id in self.archives.keys().copied().collect::<Vec<_>>() {
            let archive = &self.archives[&id];
            let (of, here) = (archive.host, names.contains(&archive.number));
            let elsewhere = if of == host { archive.dir != Some(dir) } else { !self.host_lives(of) };
            if !Self::is_staged_and_waits(archive) || !elsewhere {
                continue;
            }
            let seen = self.sessions.values().filter(|s| s.host == of).map(|s| s.last_seen).max();
            let lost = of != host && seen.is_none_or(|seen| seen.plus(lost_after) <= self.now);
            if here {
                let archive = self.archives.get_mut(&id).unwrap();
                (archive.host, archive.dir) = (host, Some(dir));
                adopted += 1;
            } else if lost && archive.state == ArchiveState::Sealed {
                self.unbundle(id);
                self.close(id, ArchiveState::Abandoned);
                abandoned += 1;
            }
        }
        Ok((adopted, abandoned))
    }

    /// Archives that somebody has to ask the vault about.
    pub fn to_settle(&self) -> Vec<i64> {
        let mut ids = Vec::new();
        for (id, a) in &self.archives {
            let left = matches!(a.state, ArchiveState::Uploading | ArchiveState::Unknown) && a.owner.is_none();
            let taken_up = a.size.is_none()
                && a.direct.and_then(|file| self.queue.get(&file)).is_some_and(|row| row.archive == Some(*id));
            if left && a.next_try.is_none_or(|at| at <= self.now) && !taken_up {
                ids.push(*id);
            }
        }
        ids
    }

    pub fn settle_claim(&mut self, session: i64, limit: usize) -> Answer<Vec<Ref>> {
        self.alive(session)?;
        let mut taken = Vec::new();
        for id in self.to_settle().into_iter().take(limit) {
            let archive = self.archives.get_mut(&id).unwrap();
            archive.owner = Some(session);
            archive.generation += 1;
            taken.push(Ref { archive: id, number: archive.number, generation: archive.generation });
        }
        Ok(taken)
    }

    pub fn settle_stored(&mut self, session: i64, r: Ref) -> Answer<ArchiveState> {
        let archive = self.hold(session, r, &[ArchiveState::Uploading, ArchiveState::Unknown])?;
        if archive.repeated {
            self.close(r.archive, ArchiveState::Duplicate);
            let now = self.now;
            let archive = self.archives.get_mut(&r.archive).unwrap();
            (archive.stored_at, archive.next_try) = (Some(now), None);
            return Ok(ArchiveState::Duplicate);
        }
        self.make_safe(r.archive)?;
        Ok(ArchiveState::Stored)
    }

    pub fn repeat(&mut self, session: i64, r: Ref, next: Time) -> Answer<u64> {
        let archive = self.hold(session, r, &[ArchiveState::Unknown])?;
        (archive.repeated, archive.owner, archive.next_try) = (true, None, Some(next));
        archive.generation += 1;
        Ok(self.requeue(r.archive))
    }

    pub fn resume(&mut self, session: i64, id: i64, file: i64) -> Answer<Option<Ref>> {
        self.alive(session)?;
        let archive = self
            .archives
            .get_mut(&id)
            .filter(|a| a.state.is_live() && a.owner.is_none() && a.direct == Some(file) && a.size.is_none());
        Ok(archive.map(|archive| {
            (archive.state, archive.owner) = (ArchiveState::Uploading, Some(session));
            archive.generation += 1;
            Ref { archive: id, number: archive.number, generation: archive.generation }
        }))
    }

    pub fn pause(&mut self, session: i64, r: Ref, claim: (i64, i64), next: Time) -> Answer<()> {
        self.hold(session, r, &[ArchiveState::Uploading])?;
        self.fetch_failed(session, claim, next, true)?;
        self.queue.get_mut(&claim.0).unwrap().archive = Some(r.archive);
        let archive = self.archives.get_mut(&r.archive).unwrap();
        archive.owner = None;
        archive.generation += 1;
        archive.attempts += 1;
        Ok(())
    }
}
