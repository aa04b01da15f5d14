//! Claims and what comes of them.

use firn::base::Time;
use firn::base::ids::Lane;
use firn::store::{CHANGED_AGAIN, QueueState};

use super::{Answer, Claim, Queued, Refused, Rules};

impl Rules {
    pub fn due(&self, lane: Lane, state: QueueState) -> Vec<i64> {
        let mut due: Vec<_> = self
            .queue
            .iter()
            .filter(|(_, row)| row.lane == lane && row.state == state && row.next_try <= self.now)
            .map(|(id, row)| (row.next_try, *id))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    pub fn claim(&mut self, session: i64, lane: Lane, limit: usize) -> Answer<Vec<Claim>> {
        self.alive(session)?;
        let mut taken: Vec<_> = self.due(lane, QueueState::Failed).into_iter().take(limit.div_ceil(2)).collect();
        taken.extend(self.due(lane, QueueState::Queued).into_iter().take(limit - taken.len()));
        let mut claimed = Vec::new();
        for id in taken {
            let row = self.queue.get_mut(&id).unwrap();
            row.generation += 1;
            claimed.push((id, row.generation, row.attempts, self.files[&id].version, row.archive));
            (row.state, row.owner) = (QueueState::Fetching, Some(session));
        }
        Ok(claimed)
    }

    pub(super) fn mine(&mut self, session: i64, file: i64, generation: i64) -> Answer<&mut Queued> {
        self.queue
            .get_mut(&file)
            .filter(|row| {
                row.state == QueueState::Fetching && row.owner == Some(session) && row.generation == generation
            })
            .ok_or(Refused::File(file))
    }

    pub fn give_back(&mut self, session: i64, files: &[(i64, i64)]) -> Answer<()> {
        for (file, generation) in files {
            let row = self.mine(session, *file, *generation)?;
            row.state = if row.attempts > 0 { QueueState::Failed } else { QueueState::Queued };
            row.owner = None;
            row.generation += 1;
        }
        Ok(())
    }

    pub fn put_off(&mut self, session: i64, claim: (i64, i64), next: Time) -> Answer<()> {
        self.give_back(session, &[claim])?;
        self.queue.get_mut(&claim.0).unwrap().next_try = next;
        Ok(())
    }

    pub fn fetch_failed(
        &mut self,
        session: i64,
        (file, generation): (i64, i64),
        next: Time,
        counts: bool,
    ) -> Answer<()> {
        let row = self.mine(session, file, generation)?;
        (row.state, row.owner, row.archive, row.next_try) = (QueueState::Failed, None, None, next);
        row.attempts += u32::from(counts);
        row.generation += 1;
        Ok(())
    }

    pub fn fetch_gone(&mut self, session: i64, (file, generation): (i64, i64)) -> Answer<()> {
        self.mine(session, file, generation)?;
        self.leave(file);
        let now = self.now;
        let file = self.files.get_mut(&file).unwrap();
        file.gone = file.gone.or(Some(now));
        Ok(())
    }

    pub fn fetch_changed(
        &mut self,
        session: i64,
        (file, generation): (i64, i64),
        version: u8,
        failed: Option<Time>,
    ) -> Answer<()> {
        let lane = self.mine(session, file, generation)?.lane;
        let key = self.files[&file].key;
        let taken = self.of_key(key).iter().any(|id| *id != file && self.files[id].version == version);
        if self.files[&file].superseded.is_none() && !taken && !self.is_member(file) {
            self.become_version(file, version);
            let now = self.now;
            let row = self.queue.get_mut(&file).unwrap();
            row.owner = None;
            row.generation += 1;
            row.state = if failed.is_some() { QueueState::Failed } else { QueueState::Queued };
            row.next_try = failed.unwrap_or(now.plus(CHANGED_AGAIN));
            row.attempts += u32::from(failed.is_some());
        } else {
            self.leave(file);
            let now = self.now;
            let row = self.files.get_mut(&file).unwrap();
            row.superseded = row.superseded.or(Some(now));
            self.enter(lane, key, version);
        }
        Ok(())
    }

    pub fn retry(&mut self, only: Option<i64>) -> u64 {
        let now = self.now;
        let mut made = 0;
        for (id, row) in &mut self.queue {
            let waits = matches!(row.state, QueueState::Queued | QueueState::Failed);
            if waits && row.next_try > now && only.is_none_or(|only| only == *id) {
                row.next_try = now;
                made += 1;
            }
        }
        made
    }
}
