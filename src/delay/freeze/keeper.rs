//! Orders, and a round of the watch over a freeze. The record in the state is written before each act, under the revision it was
//! read with: several processes may tend one freeze, one of them moves it on, and one that dies is missed by nobody.

use std::sync::Arc;
use std::time::Duration;

use super::machine::{self, Act, Happened, Next};
use super::orders::{self, NotNow};
use super::record::{Asked, Phase, Record};
use super::threads::Threads;
use crate::base::ids::FreezeId;
use crate::base::{Clock, Finding, Severity, Shown, Time};
use crate::store::{FreezeBegun, FreezeRow, LARGEST_BODY, NewEvent, NewFreeze, Store, StoreError};

/// A freeze is looked at so often: what starts the replica is stopped again that soon.
pub const EVERY: Duration = Duration::from_secs(1);

/// A freeze where nothing changes is written so often: it says when it was last seen.
const WRITTEN: Duration = Duration::from_secs(5);

/// An order that meets others is given so often.
const TRIES: u32 = 20;

/// The rule of findings about freezes.
pub const FREEZE: &str = "delay.freeze";

/// Their scope.
pub const SCOPE: &str = "delay.freeze";

/// A freeze that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is recorded cannot be read.
    #[error(
        "the record of the freeze of {replica} cannot be read ({detail}); a newer firn may have written it: use that one"
    )]
    Unreadable {
        /// The replica, safe to show.
        replica: String,
        /// Why.
        detail: String,
    },
    /// It cannot be ordered now.
    #[error(transparent)]
    NotNow(#[from] NotNow),
    /// There is none.
    #[error("{0} is not frozen, and is not being frozen; begin with: firn delay freeze {0}")]
    None(String),
    /// Others changed it all the time.
    #[error("the freeze of {0} was changed by others each time it was to be changed; try again")]
    Busy(String),
}

/// A freeze as it stands in the state.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Its row.
    pub id: FreezeId,
    /// The revision that was read.
    pub revision: u64,
    /// When it was last written.
    pub changed: Time,
    /// Whether it has ended.
    pub ended: bool,
    /// What is recorded.
    pub record: Box<Record>,
}

impl Kept {
    /// Reads a row.
    pub fn of(row: &FreezeRow) -> Result<Self, KeepError> {
        let record = serde_json::from_str(&row.body).map_err(|e| KeepError::Unreadable {
            replica: Shown::text(&row.replica).to_string(),
            detail: e.to_string(),
        })?;
        Ok(Self { id: row.id, revision: row.revision, changed: row.changed, ended: row.ended.is_some(), record })
    }
}

/// What became of a round.
#[derive(Debug, Clone, PartialEq)]
pub struct Tended {
    /// How it stands now.
    pub kept: Kept,
    /// What was done.
    pub act: Act,
    /// Whether another process was faster: nothing was done, and it is to be read again.
    pub overtaken: bool,
    /// Why this process is not let in where another one may be.
    pub shut_out: Option<String>,
}

/// Gives orders, and tends.
#[derive(Clone)]
pub struct Keeper {
    /// The state.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Clock,
    /// Who this process is, for events: `firn on db1`.
    pub own: String,
}

impl Keeper {
    /// Asks for a freeze; of a replica that has an open one, that one goes on with what is said now.
    pub async fn begin(&self, asked: Asked) -> Result<Kept, KeepError> {
        let now = self.store.now().await?;
        let record = Record::new(asked.clone(), now);
        let new = NewFreeze {
            replica: record.replica.clone(),
            state: record.phase.word().to_owned(),
            body: body(&record)?,
            who: asked.who.clone(),
        };
        match self.store.freeze_begin(new).await? {
            FreezeBegun::Begun(row) => Kept::of(&row),
            FreezeBegun::Open(_) => {
                let (replica, who) = (asked.replica.clone(), asked.who.clone());
                self.order(&replica, &who, |record, now| orders::ask_again(record, asked.clone(), now)).await
            }
        }
    }

    /// The open freeze of a replica.
    pub async fn open_of(&self, replica: &str) -> Result<Option<Kept>, KeepError> {
        let open = self.store.freezes_open().await?;
        open.iter().find(|row| row.replica == replica).map(Kept::of).transpose()
    }

    /// Changes the open freeze of a replica as an operator says; what others do to it meanwhile is taken into account.
    pub async fn order(
        &self,
        replica: &str,
        who: &str,
        order: impl Fn(&Record, Time) -> Result<Next, NotNow> + Send,
    ) -> Result<Kept, KeepError> {
        for _ in 0..TRIES {
            let none = || KeepError::None(Shown::text(replica).to_string());
            let kept = self.open_of(replica).await?.ok_or_else(none)?;
            let next = order(&kept.record, self.store.now().await?)?;
            if let Some(kept) = self.save(&kept, next.record, &next.happened, who).await? {
                return Ok(kept);
            }
        }
        Err(KeepError::Busy(Shown::text(replica).to_string()))
    }

    /// One round: looks, writes what follows from it, does it, and writes how it went.
    pub async fn tend(&self, id: FreezeId, threads: &dyn Threads) -> Result<Option<Tended>, KeepError> {
        let Some(row) = self.store.freeze(id).await? else { return Ok(None) };
        let kept = Kept::of(&row)?;
        if kept.ended || kept.record.phase == Phase::Released {
            return Ok(Some(Tended { kept, act: Act::Look, overtaken: false, shut_out: None }));
        }
        let look = threads.look(self.store.now().await?).await;
        let now = self.store.now().await?;
        let shut_out = look.as_ref().err().filter(|e| e.is_of_here()).map(ToString::to_string);
        let looked = |kept, overtaken| Tended { kept, act: Act::Look, overtaken, shut_out: shut_out.clone() };
        let why = look.as_ref().err().map(ToString::to_string);
        let next = machine::next(&kept.record, look.map_err(|_| why.as_deref().unwrap_or_default()), now);
        let quiet = next.act == Act::Look
            && next.happened.is_empty()
            && (next.record.phase, kept.record.phase) == (Phase::Frozen, Phase::Frozen)
            && next.record.blind.is_some() == kept.record.blind.is_some()
            && now.since(kept.changed) < WRITTEN
            && now >= kept.changed;
        if quiet {
            return Ok(Some(looked(Kept { record: next.record, ..kept }, false)));
        }
        let Some(kept) = self.save(&kept, next.record, &next.happened, &self.own).await? else {
            return Ok(Some(looked(kept, true)));
        };
        if next.act == Act::Look || kept.ended {
            return Ok(Some(looked(kept, false)));
        }
        // What was ordered meanwhile comes first: nothing is started that was just told to stand.
        if next.act.starts() && self.store.freeze(id).await?.is_none_or(|row| row.revision != kept.revision) {
            return Ok(Some(looked(kept, true)));
        }
        let done = threads.perform(&next.act).await.map_err(|e| e.to_string());
        let kept = self.acted(kept, &next.act, done).await?;
        Ok(Some(Tended { kept, act: next.act, overtaken: false, shut_out }))
    }

    /// Writes how an act went, into whatever the record has become meanwhile.
    async fn acted(&self, mut kept: Kept, act: &Act, done: Result<(), String>) -> Result<Kept, KeepError> {
        for _ in 0..TRIES {
            let now = self.store.now().await?;
            let next = machine::acted(&kept.record, act, done.as_ref().copied().map_err(String::as_str), now);
            if let Some(saved) = self.save(&kept, next.record, &next.happened, &self.own).await? {
                return Ok(saved);
            }
            let Some(row) = self.store.freeze(kept.id).await? else { return Ok(kept) };
            kept = Kept::of(&row)?;
            if kept.ended {
                return Ok(kept);
            }
        }
        // A look tells how it went.
        Ok(kept)
    }

    /// Writes the record; nothing where another process has written it first. What happened becomes events.
    async fn save(
        &self,
        kept: &Kept,
        record: Box<Record>,
        happened: &[Happened],
        who: &str,
    ) -> Result<Option<Kept>, KeepError> {
        let event = |happened: &Happened| NewEvent {
            who: who.to_owned(),
            what: happened.what.to_owned(),
            object: record.replica.clone(),
            detail: happened.detail.clone(),
            outcome: happened.outcome.clone(),
        };
        let mut events = happened.iter().map(event).collect::<Vec<_>>().into_iter();
        let (state, text) = (record.phase.word().to_owned(), body(&record)?);
        let (id, revision, first) = (kept.id, kept.revision, events.next());
        let ended = record.is_over();
        let saved = if ended {
            self.store.freeze_end(id, revision, state, text, first).await?
        } else {
            self.store.freeze_update(id, revision, state, text, first).await?
        };
        if !saved {
            return Ok(None);
        }
        for event in events {
            self.store.event(event).await?;
        }
        let changed = self.store.now().await?;
        Ok(Some(Kept { id, revision: revision + 1, changed, ended, record }))
    }
}

/// Seen no longer ago than this, a freeze is seen.
pub const FRESH: Duration = Duration::from_secs(30);

/// What people are told of an open freeze: that it stands is to be remembered, that it does not is to be acted on.
pub fn finding(record: &Record, now: Time) -> Finding {
    let stands = super::told::is_frozen(record, now, FRESH);
    let severity = match record.phase {
        Phase::Frozen if stands => Severity::Warning,
        Phase::Released => Severity::Warning,
        Phase::Advancing | Phase::Resuming if record.trouble.is_none() => Severity::Warning,
        _ => Severity::Critical,
    };
    let next = match (record.phase, &record.trouble) {
        (_, Some(trouble)) => format!("mend it: cannot {}", trouble.what),
        (Phase::Frozen, None) if stands => {
            format!("go on with the recovery steps: firn delay frozen {}", Shown::text(&record.replica))
        }
        (Phase::Released, None) => format!(
            "go on with the recovery steps, then end it: firn delay resume {} --no-start",
            Shown::text(&record.replica)
        ),
        (Phase::Advancing | Phase::Resuming, None) => "none while it goes on".to_owned(),
        _ if record.restarts > 0 => {
            "find what starts the replica (pt-slave-delay, cron, an orchestrator) and stop that".to_owned()
        }
        _ => "none while it is being stopped".to_owned(),
    };
    Finding::new(FREEZE, &record.replica, severity, record.asked.at)
        .value(super::told::words(record, now, FRESH))
        .limit("frozen until it is resumed")
        .next(next)
}

/// The record as it is stored. One that is too large loses the middle of its history.
fn body(record: &Record) -> Result<String, KeepError> {
    let text = |record: &Record| {
        serde_json::to_string(record).map_err(|e| KeepError::Unreadable {
            replica: Shown::text(&record.replica).to_string(),
            detail: e.to_string(),
        })
    };
    let mut whole = text(record)?;
    let mut shorter = record.clone();
    while whole.len() > LARGEST_BODY && shorter.history.len() > 2 {
        shorter.history.remove(shorter.history.len() / 2);
        whole = text(&shorter)?;
    }
    Ok(whole)
}
