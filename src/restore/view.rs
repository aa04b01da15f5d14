//! What a console or a report shows of a plan before it is confirmed: verdicts of lines, and what each tier comes to.
//! Plain values, safe to show as they are.

use crate::base::ids::PlanId;
use crate::base::units::Count;
use crate::base::{Money, Severity};
use crate::restore::price::Quote;
use crate::vault::Tier;
use crate::vault::tariff::{tier_named, tier_word};

/// What is thought of one line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineVerdict {
    /// The line, from 0.
    pub line: usize,
    /// Whether it can be planned.
    pub usable: bool,
    /// How bad: [`Severity::Ok`], [`Severity::Warning`] for what is usable and should be known, [`Severity::Critical`]
    /// for what is refused.
    pub severity: Severity,
    /// The verdict in words, safe to show.
    pub short: String,
}

/// Some verdicts of one revision of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictPage {
    /// Of which revision.
    pub revision: u64,
    /// In order of their lines; lines that say nothing (empty, comments) have none.
    pub verdicts: Vec<LineVerdict>,
}

/// What a plan comes to in one tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteView {
    /// The tier's word; nothing where there is nothing to choose.
    pub tier: Option<String>,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Archives that they lie in.
    pub archives: u64,
    /// Jobs to be asked for.
    pub jobs: u64,
    /// Jobs that are there already.
    pub joined: u64,
    /// Bytes to be made readable.
    pub asked_bytes: u64,
    /// Bytes to be read.
    pub read_bytes: u64,
    /// What it costs.
    pub price: Money,
    /// Whether all prices that it rests on are verified.
    pub sure: bool,
    /// What it costs at most.
    pub ceiling: Money,
    /// Why it may cost more than its price: names and amounts.
    pub risks: Vec<(String, Money)>,
    /// How long it takes, seconds: from, to; nothing when that is not known.
    pub seconds: Option<(u64, u64)>,
    /// Over how many days it is spread.
    pub days: u32,
    /// What it costs at most on the dearest of them.
    pub dearest: Money,
    /// Budgets that it would go beyond, a sentence each; one of them is enough to refuse it.
    pub over: Vec<String>,
}

/// A draft, priced in every tier there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftView {
    /// The draft.
    pub plan: PlanId,
    /// What was asked for, safe to show.
    pub title: String,
    /// What each tier comes to, the slowest first.
    pub quotes: Vec<QuoteView>,
    /// Files that may replace what is there and differs.
    pub overwrites: u64,
    /// Sentences to be said with it, safe to show.
    pub notes: Vec<String>,
    /// What is left out: a sentence each, safe to show, bounded.
    pub refused: Vec<String>,
    /// How many are left out, those that are not listed too.
    pub refused_count: u64,
    /// Why it is priced and cannot be confirmed, in whatever tier.
    pub undelivered: Option<String>,
}

impl From<&Quote> for QuoteView {
    fn from(quote: &Quote) -> Self {
        let (from, to) = quote.hours;
        Self {
            tier: quote.tier.map(|tier| tier_word(Some(tier)).to_owned()),
            files: quote.files,
            bytes: quote.bytes,
            archives: quote.archives,
            jobs: quote.jobs,
            joined: quote.joined,
            asked_bytes: quote.asked_bytes,
            read_bytes: quote.read_bytes,
            price: quote.price.amount,
            sure: quote.price.sure,
            ceiling: quote.ceiling,
            risks: quote.risks.iter().map(|(risk, money)| (risk.to_string(), *money)).collect(),
            seconds: Some((from.as_secs(), to.as_secs())),
            days: quote.day_count(),
            dearest: quote.days.iter().map(|day| day.1).max().unwrap_or_default(),
            over: quote.over.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What is said of files that may replace what is there; nothing where there are none.
pub fn replaces(files: u64) -> Option<String> {
    match files {
        0 => None,
        1 => Some("1 file replaces what is there and differs".to_owned()),
        n => Some(format!("{} files replace what is there and differs", Count(n))),
    }
}

/// A tier by the word that a quote names it with; nothing for a word that is none.
pub fn tier(word: Option<&str>) -> Option<Option<Tier>> {
    word.map_or(Some(None), tier_named)
}
