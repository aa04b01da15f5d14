//! Which operation comes next, by whom and on what: mostly what can go through as things stand, sometimes what cannot,
//! and often what could have a moment ago.

use firn::base::ids::Lane;
use firn::store::{ArchiveState, Claimed, QueueState};

use super::rules::{Archive, Ref, Rules};
use super::{Game, Step};

/// Operations; what moves work along comes more often.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Start,
    Renew,
    End,
    Reap,
    Advance,
    Wall,
    Reopen,
    Found,
    MarkGone,
    Claim,
    GiveBack,
    PutOff,
    FetchFailed,
    FetchGone,
    FetchChanged,
    Retry,
    Open,
    Seal,
    Abandon,
    UploadClaim,
    Begun,
    Part,
    Stored,
    Failed,
    Unknown,
    UploadAbandon,
    OpenDirect,
    Contents,
    Pause,
    Resume,
    SettleClaim,
    SettleStored,
    Repeat,
    Adopt,
    Source,
    Duty,
    DutyDone,
}

const KINDS: &[(Kind, usize)] = &[
    (Kind::Start, 2),
    (Kind::Renew, 2),
    (Kind::End, 3),
    (Kind::Reap, 4),
    (Kind::Advance, 9),
    (Kind::Wall, 2),
    (Kind::Reopen, 1),
    (Kind::Found, 10),
    (Kind::MarkGone, 4),
    (Kind::Claim, 12),
    (Kind::GiveBack, 3),
    (Kind::PutOff, 2),
    (Kind::FetchFailed, 4),
    (Kind::FetchGone, 2),
    (Kind::FetchChanged, 5),
    (Kind::Retry, 1),
    (Kind::Open, 6),
    (Kind::Seal, 10),
    (Kind::Abandon, 2),
    (Kind::UploadClaim, 8),
    (Kind::Begun, 2),
    (Kind::Part, 2),
    (Kind::Stored, 7),
    (Kind::Failed, 3),
    (Kind::Unknown, 4),
    (Kind::UploadAbandon, 2),
    (Kind::OpenDirect, 3),
    (Kind::Contents, 3),
    (Kind::Pause, 3),
    (Kind::Resume, 3),
    (Kind::SettleClaim, 4),
    (Kind::SettleStored, 5),
    (Kind::Repeat, 4),
    (Kind::Adopt, 8),
    (Kind::Source, 2),
    (Kind::Duty, 3),
    (Kind::DutyDone, 2),
];

impl Game {
    pub(super) fn choose(&self, (which, a, ..): Step) -> Kind {
        let possible = |kind: &Kind| a % 16 == 15 || self.is_possible(*kind);
        let kinds: Vec<_> = KINDS.iter().filter(|(kind, _)| possible(kind)).collect();
        let all: usize = kinds.iter().map(|(_, weight)| weight).sum();
        let mut place = usize::from(which) * all / 256;
        for (kind, weight) in kinds {
            if place < *weight {
                return *kind;
            }
            place -= weight;
        }
        Kind::Found
    }

    /// Whether it would do something now, if the right one did it.
    fn is_possible(&self, kind: Kind) -> bool {
        let rules = &self.rules;
        let live = rules.sessions.values().filter(|session| !session.ended).count();
        let claim = |session: i64| rules.queue.values().any(|row| row.owner == Some(session));
        let any_claim = rules.queue.values().any(|row| row.owner.is_some());
        let held = |wanted: &dyn Fn(&Archive) -> bool| rules.archives.values().any(|a| a.owner.is_some() && wanted(a));
        let sent = |a: &Archive| matches!(a.state, ArchiveState::Uploading | ArchiveState::Unknown);
        let loadable = |a: &Archive| a.size.is_none() && a.owner.is_some_and(claim);
        match kind {
            Kind::Start => live < 4,
            Kind::End | Kind::Reap => live > 1,
            Kind::Claim => Lane::ALL.iter().any(|lane| {
                [QueueState::Queued, QueueState::Failed].iter().any(|state| !rules.due(*lane, *state).is_empty())
            }),
            Kind::GiveBack
            | Kind::PutOff
            | Kind::FetchFailed
            | Kind::FetchGone
            | Kind::FetchChanged
            | Kind::OpenDirect => any_claim,
            Kind::Open => any_claim && !held(&|a| a.state == ArchiveState::Open),
            Kind::Seal => held(&|a| a.state == ArchiveState::Open && loadable(a)),
            Kind::Contents | Kind::Pause => held(&|a| sent(a) && a.direct.is_some() && loadable(a)),
            Kind::Abandon => held(&|a| matches!(a.state, ArchiveState::Open | ArchiveState::Uploading)),
            Kind::UploadClaim => rules.archives.values().any(|a| a.state == ArchiveState::Sealed),
            Kind::Begun | Kind::Part | Kind::UploadAbandon => held(&sent),
            Kind::Stored | Kind::Failed | Kind::Unknown | Kind::SettleStored => held(&|a| sent(a) && a.size.is_some()),
            Kind::Resume => rules.archives.values().any(|a| sent(a) && a.owner.is_none() && a.direct.is_some()),
            Kind::SettleClaim => !rules.to_settle().is_empty(),
            Kind::Repeat => held(&|a| a.state == ArchiveState::Unknown),
            Kind::Adopt => {
                let alone = |a: &Archive| self.number.is_multiple_of(4) || !rules.host_lives(a.host);
                rules.archives.values().any(|a| Rules::is_staged_and_waits(a) && alone(a))
            }
            Kind::Retry => rules.queue.values().any(|row| row.next_try > rules.now),
            Kind::DutyDone => !self.duties.is_empty(),
            _ => true,
        }
    }

    /// Mostly one that lives, and of those mostly the first; sometimes one that has ended.
    pub(super) fn session(&self, pick: u8) -> i64 {
        let all: Vec<i64> = self.rules.sessions.keys().copied().collect();
        let live: Vec<i64> = all.iter().copied().filter(|id| !self.rules.sessions[id].ended).collect();
        let from = if pick.is_multiple_of(8) || live.is_empty() { &all } else { &live };
        if pick % 8 < 5 { from[usize::from(pick / 8) % from.len()] } else { from[0] }
    }

    /// Mostly what is still held; often what the same session held a moment ago, under an older generation; sometimes
    /// anything, by anybody.
    pub(super) fn claim(&self, pick: u8) -> Option<(i64, Claimed)> {
        let held = |same: bool| {
            self.claims.iter().filter(move |(session, claimed)| {
                let row = self.rules.queue.get(&claimed.file.0);
                row.is_some_and(|row| row.owner == Some(*session) && (row.generation == claimed.generation.0) == same)
            })
        };
        self.pick(pick, held(true).collect(), held(false).collect(), self.claims.iter().collect())
    }

    /// The same for archives that are `wanted`.
    pub(super) fn bundle(&self, pick: u8, wanted: impl Fn(&Archive) -> bool) -> Option<(i64, Ref)> {
        let held = |same: bool| {
            let wanted = &wanted;
            self.bundles.iter().filter(move |(session, r)| {
                let archive = &self.rules.archives[&r.archive];
                let mine = archive.owner == Some(*session) && wanted(archive);
                mine && (archive.generation == r.generation) == same
            })
        };
        self.pick(pick, held(true).collect(), held(false).collect(), self.bundles.iter().collect())
    }

    fn pick<T: Clone>(
        &self,
        pick: u8,
        held: Vec<&(i64, T)>,
        older: Vec<&(i64, T)>,
        all: Vec<&(i64, T)>,
    ) -> Option<(i64, T)> {
        let from = match pick % 8 {
            0 => all,
            1 | 2 if !older.is_empty() => older,
            _ if held.is_empty() => all,
            _ => held,
        };
        let (session, what) = from.get(usize::from(pick / 8) % from.len().max(1))?;
        Some((if pick % 16 == 8 { self.session(pick) } else { *session }, what.clone()))
    }

    /// Claims of one session for a bundle, at most three.
    pub(super) fn load(&self, session: i64, pick: u8) -> Vec<Claimed> {
        let most = usize::from(pick % 3) + 1;
        let mut load: Vec<Claimed> = Vec::new();
        for (owner, claimed) in self.claims.iter().rev() {
            let row = self.rules.queue.get(&claimed.file.0);
            let held = row.is_some_and(|row| row.owner == Some(session) && row.generation == claimed.generation.0);
            if *owner == session
                && (held || pick.is_multiple_of(16))
                && load.iter().all(|other| other.file != claimed.file)
            {
                load.push(claimed.clone());
            }
            if load.len() == most {
                break;
            }
        }
        load
    }
}
