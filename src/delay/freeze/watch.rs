//! The watch over open freezes. Each is a duty of its own, held by a process that can stop that replica, and a task of its
//! own: a server that hangs keeps no other from being stopped again. One process of all, whether it can stop anything or
//! not, tells people how they stand, from what is recorded of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::keeper::{EVERY, FREEZE, KeepError, Keeper, Kept, SCOPE, finding};
use super::record::Phase;
use super::threads::Threads;
use crate::base::clock::Mono;
use crate::base::ids::{FreezeId, SessionId};
use crate::base::{Finding, Severity, Stop, Time, task};
use crate::store::{FreezeRow, StoreError};

/// While none is open the state is asked so often: whoever asks for one stops the replica without waiting for a worker.
/// Duties are asked for so often, too.
const IDLE: Duration = Duration::from_secs(5);

/// What this process could not stop it tries again after this; another one has had time to take it.
const AGAIN: Duration = Duration::from_secs(15);

/// So often in a row a server does not let this process in before it lets go of the duty.
const SHUT_OUT: u32 = 3;

/// One process of all tells people.
const TELLS: &str = "delay-freezes";

/// The duty under which the freeze of a replica (or of one channel of it) is watched.
pub fn duty_of(replica: &str) -> String {
    format!("delay-freeze:{replica}")
}

/// What a finding is known by: it is told anew when that changes.
type Brief = (String, Severity, String);

/// A freeze whose duty is held.
struct Held {
    id: FreezeId,
    since: Mono,
    task: task::JoinHandle<Result<Ended, StoreError>>,
}

/// Why nobody tends it any more.
enum Ended {
    /// It is over, or in somebody's hands.
    Over,
    /// This process cannot.
    Unable(String),
}

/// What one process watches.
struct Watch {
    keeper: Keeper,
    session: SessionId,
    held: BTreeMap<String, Held>,
    /// When a duty was last asked for.
    asked: BTreeMap<String, Mono>,
    /// What this process cannot stop: since when, and why.
    unable: BTreeMap<String, (Mono, String)>,
    told: Option<(Time, Vec<Brief>)>,
}

impl Keeper {
    /// Tends open freezes until told to stop: those whose duty it gets. `threads` gives the threads of a replica (by the
    /// record's name); one that it does not know, or that this process cannot stop, is left to other processes, and told
    /// as a finding where there is none.
    pub async fn run<F>(self, session: SessionId, threads: F, stop: Stop) -> Result<(), StoreError>
    where
        F: Fn(&str) -> Result<Arc<dyn Threads>, String> + Send + Sync,
    {
        let store = Arc::clone(&self.store);
        let (held, asked, unable) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut watch = Watch { keeper: self, session, held, asked, unable, told: None };
        let worked = watch.rounds(&threads, &stop).await;
        for one in watch.held.values() {
            one.task.abort();
        }
        worked?;
        // Another process takes over at once.
        for replica in watch.held.keys() {
            store.duty_release(duty_of(replica), session).await?;
        }
        store.duty_release(TELLS.to_owned(), session).await
    }

    /// Tends one until it is over or this process cannot.
    async fn keep(self, id: FreezeId, threads: Arc<dyn Threads>) -> Result<Ended, StoreError> {
        let mut shut_out = 0;
        loop {
            let tended = match Box::pin(self.tend(id, &*threads)).await {
                Ok(Some(tended)) => tended,
                Ok(None) => return Ok(Ended::Over),
                Err(KeepError::Store(e)) => return Err(e),
                Err(e) => return Ok(Ended::Unable(e.to_string())),
            };
            if tended.kept.ended || tended.kept.record.phase == Phase::Released {
                return Ok(Ended::Over);
            }
            shut_out = if tended.shut_out.is_some() { shut_out + 1 } else { 0 };
            if let Some(why) = tended.shut_out.filter(|_| shut_out >= SHUT_OUT) {
                return Ok(Ended::Unable(why));
            }
            self.clock.sleep(EVERY).await;
        }
    }
}

impl Watch {
    async fn rounds<F>(&mut self, threads: &F, stop: &Stop) -> Result<(), StoreError>
    where
        F: Fn(&str) -> Result<Arc<dyn Threads>, String> + Send + Sync,
    {
        let (mut tells, mut asked): (bool, Option<Mono>) = (false, None);
        while !stop.is_stopped() {
            if asked.is_none_or(|at| self.keeper.clock.mono().since(at) >= IDLE) {
                tells = self.keeper.store.duty_take(TELLS.to_owned(), self.session).await?.is_some();
                asked = Some(self.keeper.clock.mono());
            }
            let open = self.keeper.store.freezes_open().await?;
            self.ended().await?;
            self.take(&open, threads).await?;
            if tells {
                self.tell(&open).await?;
            } else {
                self.told = None;
            }
            let pause = if open.is_empty() && self.held.is_empty() { IDLE } else { EVERY };
            tokio::select! {
                biased;
                () = stop.stopped() => break,
                () = self.keeper.clock.sleep(pause) => {}
            }
        }
        Ok(())
    }

    /// Lets go of those that nobody here tends any more.
    async fn ended(&mut self) -> Result<(), StoreError> {
        let over = self.held.iter().filter(|(_, one)| one.task.is_finished()).map(|(replica, _)| replica.clone());
        for replica in over.collect::<Vec<_>>() {
            let Some(one) = self.held.remove(&replica) else { continue };
            let ended = one.task.await.map_err(|e| StoreError::Impossible(format!("the watch of a freeze: {e}")))??;
            if let Ended::Unable(why) = ended {
                self.unable.insert(replica.clone(), (self.keeper.clock.mono(), why));
            }
            self.let_go(&replica).await?;
        }
        Ok(())
    }

    async fn let_go(&mut self, replica: &str) -> Result<(), StoreError> {
        self.asked.remove(replica);
        self.keeper.store.duty_release(duty_of(replica), self.session).await
    }

    /// Takes the duties that are to be had and can be done, and leaves what is over or lost.
    async fn take<F>(&mut self, open: &[FreezeRow], threads: &F) -> Result<(), StoreError>
    where
        F: Fn(&str) -> Result<Arc<dyn Threads>, String> + Send + Sync,
    {
        let wanted = |row: &&FreezeRow| row.state != Phase::Released.word();
        let is_wanted = |replica: &str, id: Option<FreezeId>| {
            open.iter().filter(wanted).any(|row| row.replica == replica && id.is_none_or(|id| id == row.id))
        };
        let gone = self.held.iter().filter(|(replica, one)| !is_wanted(replica, Some(one.id)));
        for replica in gone.map(|(replica, _)| replica.clone()).collect::<Vec<_>>() {
            if let Some(one) = self.held.remove(&replica) {
                one.task.abort();
            }
            self.let_go(&replica).await?;
        }
        self.unable.retain(|replica, _| is_wanted(replica, None));
        self.asked.retain(|replica, _| is_wanted(replica, None));
        for row in open.iter().filter(wanted) {
            let now = self.keeper.clock.mono();
            let lately = self.asked.get(&row.replica).is_some_and(|at| now.since(*at) < IDLE);
            if lately || self.unable.get(&row.replica).is_some_and(|(at, _)| now.since(*at) < AGAIN) {
                continue;
            }
            let own = if self.held.contains_key(&row.replica) { None } else { Some(threads(&row.replica)) };
            if let Some(Err(why)) = &own {
                self.unable.insert(row.replica.clone(), (now, why.clone()));
                continue;
            }
            self.asked.insert(row.replica.clone(), now);
            let got = self.keeper.store.duty_take(duty_of(&row.replica), self.session).await?.is_some();
            match (got, own) {
                (false, _) => {
                    if let Some(one) = self.held.remove(&row.replica) {
                        one.task.abort();
                        tracing::info!(replica = row.replica, "another process watches its freeze now");
                    }
                }
                (true, Some(Ok(own))) => {
                    let task = task::spawn(self.keeper.clone().keep(row.id, own));
                    self.held.insert(row.replica.clone(), Held { id: row.id, since: now, task });
                }
                (true, _) => {
                    // It was let in again.
                    if self.held.get(&row.replica).is_some_and(|one| now.since(one.since) >= AGAIN) {
                        self.unable.remove(&row.replica);
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes the findings when they change, and once a minute.
    async fn tell(&mut self, open: &[FreezeRow]) -> Result<(), StoreError> {
        let store = Arc::clone(&self.keeper.store);
        let now = store.now().await?;
        let mut findings = Vec::with_capacity(open.len());
        for row in open {
            findings.push(self.finding(row, now).await?);
        }
        let brief: Vec<Brief> =
            findings.iter().map(|found| (found.key.object.clone(), found.severity, found.next_step.clone())).collect();
        let again =
            self.told.as_ref().is_none_or(|(at, said)| *said != brief || now.since(*at) >= Duration::from_mins(1));
        if again {
            store.notice_round(SCOPE.to_owned(), findings).await?;
            self.told = Some((now, brief));
        }
        Ok(())
    }

    async fn finding(&self, row: &FreezeRow, now: Time) -> Result<Finding, StoreError> {
        let unkept = |why: &str| {
            let found = Finding::new(FREEZE, &row.replica, Severity::Critical, row.started);
            let next = "watch by hand that both threads read No: SHOW REPLICA STATUS";
            found.value(format!("nobody watches that it stands: {why}")).next(next)
        };
        let record = match Kept::of(row) {
            Ok(kept) => kept.record,
            Err(e) => return Ok(unkept(&e.to_string())),
        };
        let unable = self.unable.get(&row.replica).filter(|_| record.phase != Phase::Released);
        if let Some((_, why)) = unable {
            // Another process may be able to.
            let held = self.keeper.store.duty(duty_of(&row.replica)).await?.and_then(|duty| duty.owner);
            if held.is_none_or(|owner| owner == self.session) {
                return Ok(unkept(why));
            }
        }
        Ok(finding(&record, now))
    }
}
