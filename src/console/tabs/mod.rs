//! The six tabs, a room each: its state and keys, and its picture.

pub mod absent;
pub mod backup;
pub mod delay;
pub mod redis;
pub mod restore;

/// A tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TabId {
    /// The queue and the pipeline.
    Backup,
    /// Requests, plans, jobs.
    Restore,
    /// Samples, sweeps, drills.
    Audit,
    /// Deliberately delayed replicas.
    Delay,
    /// Redis clusters.
    Redis,
    /// Counter graphs.
    Counters,
}

impl TabId {
    /// All, in their order.
    pub const ALL: [TabId; 6] =
        [TabId::Backup, TabId::Restore, TabId::Audit, TabId::Delay, TabId::Redis, TabId::Counters];

    /// Its title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Backup => "Backup",
            Self::Restore => "Restore",
            Self::Audit => "Audit",
            Self::Delay => "Delay",
            Self::Redis => "Redis",
            Self::Counters => "Counters",
        }
    }

    /// Its number, from 1: the key that goes there.
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0) + 1
    }

    /// The tab some places further, round and round.
    #[must_use]
    pub fn step(self, by: isize) -> Self {
        let count = Self::ALL.len().cast_signed();
        let at = (self.number().cast_signed() - 1 + by).rem_euclid(count);
        Self::ALL[usize::try_from(at).unwrap_or(0)]
    }

    /// The area that a rule's findings belong to, by the word before its first dot.
    pub fn of_rule(rule: &str) -> Self {
        match rule.split('.').next().unwrap_or("") {
            "restore" | "retrieval" => Self::Restore,
            "audit" | "drill" => Self::Audit,
            "delay" => Self::Delay,
            "redis" => Self::Redis,
            "counters" => Self::Counters,
            _ => Self::Backup,
        }
    }
}
