//! Tariffs: what a vault's service charges, as a dated table whose every row says where it was read and whether that was
//! verified.
//!
//! Prices change and differ by region and contract, so none stands in the code: the tables that are part of the program
//! ([`Tariff::names`]) are TOML like one's own, and a path in `[vault] tariff` takes the place of theirs. A price that
//! rests on a row nobody verified is drawn with `~` ([`Price`]).
//!
//! Pure but for [`Tariff::load`], which reads one file.

mod in_force;
mod peak;
mod price;
mod read;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

pub use in_force::InForce;
pub use peak::{DayRetrieved, Peak};
pub use price::Price;
pub use read::TariffError;

use super::Tier;
use crate::base::Money;
use crate::base::hash::Hash32;
use crate::base::speed as base;

/// The tariffs that are part of the program, by name.
const EMBEDDED: [(&str, &str); 6] = [
    ("directory", include_str!("directory.toml")),
    ("glacier-vault-2012", include_str!("glacier-vault-2012.toml")),
    ("glacier-vault", include_str!("glacier-vault.toml")),
    ("s3-glacier", include_str!("s3-glacier.toml")),
    ("deep-archive", include_str!("deep-archive.toml")),
    ("glacier-ir", include_str!("glacier-ir.toml")),
];

/// What a vault's service charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    /// What it is called.
    pub name: String,
    /// What it is, in words.
    pub title: String,
    /// Bytes of the gigabyte it charges by.
    pub gigabyte: u64,
    /// How retrieval is reckoned.
    pub rule: Rule,
    /// An archive deleted earlier than this, days, costs as much as keeping it.
    pub minimum_days: u32,
    /// Storage, per gigabyte and month.
    pub storage: Row,
    /// Uploads, per 1,000 requests.
    pub upload: Row,
    /// What leaves the service's network, per gigabyte.
    pub egress: Row,
    /// Listing what a vault holds, per 1,000 requests.
    pub inventory: Row,
    rates: [Option<Rates>; SPEEDS.len()],
}

/// How retrieval is reckoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// So much a gigabyte.
    PerGigabyte,
    /// By the peak hour of a month.
    PeakHour(Peak),
}

/// A price, and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Dollars.
    pub value: Money,
    /// Where it was read.
    pub source: String,
    /// The day it was read or stood, as `2026-11-22`.
    pub date: String,
    /// Whether it was read in its source, or is hearsay.
    pub verified: bool,
}

/// What retrieving costs in a tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    /// Retrieval, per gigabyte (under [`Rule::PeakHour`]: per gigabyte of the peak hour, for each hour of the month).
    pub gigabyte: Row,
    /// Jobs asked for, per 1,000.
    pub requests: Row,
    /// A job takes no less than this.
    pub fastest: Duration,
    /// A job takes this at the worst, as the service says.
    pub slowest: Duration,
    /// The times hold for jobs up to this many bytes, where the service says so.
    pub largest: Option<u64>,
}

/// The tiers, and that there is nothing to choose (a directory, a class that is read at once), in the order of tables.
const SPEEDS: [Option<Tier>; 4] = [None, Some(Tier::Expedited), Some(Tier::Standard), Some(Tier::Bulk)];

/// A tier's name in tariffs, logs and commands; `immediate` where there is nothing to choose.
pub const fn tier_word(tier: Option<Tier>) -> &'static str {
    base::SPEEDS[place(tier)]
}

/// A tier by its name; nothing where there is none of that name.
pub fn tier_named(word: &str) -> Option<Option<Tier>> {
    SPEEDS.into_iter().find(|tier| tier_word(*tier) == word)
}

/// Place of a tier in [`SPEEDS`], and of its word in [`base::SPEEDS`]; the faster, the smaller.
pub(crate) const fn place(tier: Option<Tier>) -> usize {
    match tier {
        None => 0,
        Some(Tier::Expedited) => 1,
        Some(Tier::Standard) => 2,
        Some(Tier::Bulk) => 3,
    }
}

impl Tariff {
    /// The names of the tariffs that are part of the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// The text of a tariff that is part of the program.
    pub fn text(name: &str) -> Option<&'static str> {
        EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// A tariff that is part of the program.
    pub fn named(name: &str) -> Result<Self, TariffError> {
        let text = Self::text(name).ok_or_else(|| read::no_such(name))?;
        Self::from_text(name, text)
    }

    /// The file of a tariff that is called by its path (relative to `base`); nothing for one that is called by name.
    pub fn file(called: &str, base: &Path) -> Option<PathBuf> {
        let own = Self::text(called).is_some() || !called.contains(['/', '.']);
        (!own).then(|| base.join(called))
    }

    /// Loads a tariff by its name, or by the path of its file (relative to `base`).
    pub fn load(called: &str, base: &Path) -> Result<Self, TariffError> {
        let Some(path) = Self::file(called, base) else { return Self::named(called) };
        Self::from_text(&path.to_string_lossy(), &read::text_of(&path)?)
    }

    /// Reads a tariff; `called` is what errors call it.
    pub fn from_text(called: &str, text: &str) -> Result<Self, TariffError> {
        read::tariff(called, text)
    }

    /// What retrieving costs in a tier; nothing where the tariff does not offer it.
    pub fn rates(&self, tier: Option<Tier>) -> Option<&Rates> {
        self.rates.get(place(tier)).and_then(Option::as_ref)
    }

    /// The tiers it offers, the fastest first.
    pub fn tiers(&self) -> impl Iterator<Item = Option<Tier>> {
        SPEEDS.into_iter().filter(|tier| self.rates(*tier).is_some())
    }

    /// SHA-256 of all that a price, its sureness or an expected time rests on, so that a plan can tell that the tariff is
    /// another one. Titles, sources and dates do not count: to word them better changes no plan.
    pub fn hash(&self) -> Hash32 {
        Hash32(Sha256::digest(self.canonical()).into())
    }

    /// All that counts, a line each, in one order.
    fn canonical(&self) -> String {
        let row = |row: &Row| format!("{} {}", row.value.nanos(), row.verified);
        let mut lines = vec![
            "firn tariff 1".to_owned(),
            format!("name {}", self.name),
            format!("gigabyte {}", self.gigabyte),
            format!("minimum_days {}", self.minimum_days),
        ];
        lines.push(match self.rule {
            Rule::PerGigabyte => "rule per-gigabyte".to_owned(),
            Rule::PeakHour(Peak { free_percent, month_days, month_hours, job_hours }) => {
                format!("rule peak-hour {free_percent} {month_days} {month_hours} {job_hours}")
            }
        });
        let rows = [
            ("storage", &self.storage),
            ("upload", &self.upload),
            ("egress", &self.egress),
            ("inventory", &self.inventory),
        ];
        lines.extend(rows.map(|(name, found)| format!("{name} {}", row(found))));
        for tier in SPEEDS {
            let Some(rates) = self.rates(tier) else { continue };
            let largest = rates.largest.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
            lines.push(format!(
                "{} {} {} {} {} {largest}",
                tier_word(tier),
                row(&rates.gigabyte),
                row(&rates.requests),
                rates.fastest.as_millis(),
                rates.slowest.as_millis(),
            ));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}
