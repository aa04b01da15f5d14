//! What is told, and when. Pure: what a sender has told, what holds now, and the time decide the next message.
//!
//! - A finding that is new or has become worse is told at once, unless a message went out within the interval
//!   ([`Limits::digest`]); then everything waits for it, and goes into one digest with how often it changed.
//! - A critical finding does not wait, once: between two messages that kept the interval at most one did not. One that
//!   flaps does not break in: what was told as critical within the interval is known.
//! - What stays is told again every [`Limits::critical`] or [`Limits::other`], for ever. An acknowledgement keeps it
//!   quiet until it expires; then it is told again.
//! - What was told and is over is told to be over, once. What came and went between two messages is told, too.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::{Severity, Time};
use crate::store::{AlertView, NoticeRow, Telling, ToldRow, TurnRow};

/// The rule of the finding that a sender cannot send; its object is the sender's name. The sender itself does not tell
/// it: it could only once it is over.
pub const CANNOT_SEND: &str = "alert.send";

/// The operator's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What is less bad is not told.
    pub least: Severity,
    /// How often a critical finding is told that stays.
    pub critical: Duration,
    /// How often any other is.
    pub other: Duration,
    /// The least time between two messages of a sender.
    pub digest: Duration,
}

/// Why a finding is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was not told before, or told to be over.
    New,
    /// It was told to be less bad.
    Worse,
    /// It still holds: its time has come again, or its acknowledgement has expired.
    Still,
    /// It was told to be worse.
    Eased,
    /// It is as it was told to be, and was otherwise in between.
    Flapped,
    /// It is over.
    Over,
    /// It came and went since the last message.
    Passed,
}

impl Change {
    /// The word in messages and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worse => "worse",
            Self::Still => "still",
            Self::Eased => "eased",
            Self::Flapped => "flapped",
            Self::Over => "over",
            Self::Passed => "passed",
        }
    }

    /// Whether the finding holds.
    pub const fn holds(self) -> bool {
        !matches!(self, Self::Over | Self::Passed)
    }
}

/// A finding in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Why it is told.
    pub change: Change,
    /// The finding as it stands; of one that is over what is remembered of it.
    pub notice: NoticeRow,
    /// How bad it was told to be before, and when.
    pub before: Option<(Severity, Time)>,
    /// How often it changed since then (since this sender is in service, when it was not told before).
    pub changes: u64,
    /// What is remembered of it once the message is out.
    pub tells: Telling,
    /// Whether it does not wait for the interval.
    pub breaks: bool,
}

/// A message to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What it tells: what holds before what is over, the worst first.
    pub items: Vec<Item>,
    /// Whether it did not wait for the interval.
    pub broke: bool,
}

/// The message that `sender` is to send now, if there is one.
pub fn decide(sender: &str, view: &AlertView, limits: &Limits) -> Option<Outgoing> {
    let items = waiting(sender, view, limits);
    if items.is_empty() {
        return None;
    }
    let teller = view.teller.as_ref();
    let last = teller.and_then(|row| row.last_sent);
    if last.is_none_or(|at| view.now.since(at) >= limits.digest) {
        return Some(Outgoing { items, broke: false });
    }
    let may_break = !teller.is_some_and(|row| row.broke);
    (may_break && items.iter().any(|item| item.breaks)).then_some(Outgoing { items, broke: true })
}

/// All that is to be told, whether or not its time has come.
pub fn waiting(sender: &str, view: &AlertView, limits: &Limits) -> Vec<Item> {
    let key = |rule: &String, object: &String| (rule.clone(), object.clone());
    let mut seen: BTreeMap<(String, String), Seen<'_>> = BTreeMap::new();
    for row in &view.notices {
        seen.entry(key(&row.rule, &row.object)).or_default().notice = Some(row);
    }
    for row in &view.told {
        seen.entry(key(&row.rule, &row.object)).or_default().told = Some(row);
    }
    for row in &view.turns {
        seen.entry(key(&row.rule, &row.object)).or_default().turn = Some(row);
    }
    // That nothing arrives cannot be told this way while it is so, and is over once it could be. That not everybody is
    // reached is told to the others.
    let works = view.teller.as_ref().is_some_and(|row| row.failures == 0);
    seen.retain(|(rule, object), seen| {
        let own = rule == CANNOT_SEND && object == sender;
        !own || works && (seen.notice.is_some() || seen.told.is_some_and(|told| told.open))
    });
    let since = view.teller.as_ref().map_or(view.now, |row| row.since);
    let mut items: Vec<Item> = seen.values().filter_map(|seen| seen.item(view.now, since, limits)).collect();
    items.sort_by(|a, b| {
        let order = |item: &Item| (!item.change.holds(), std::cmp::Reverse(item.notice.severity), item.notice.since);
        order(a)
            .cmp(&order(b))
            .then_with(|| (&a.notice.rule, &a.notice.object).cmp(&(&b.notice.rule, &b.notice.object)))
    });
    items
}

/// All that is known of one finding.
#[derive(Default)]
struct Seen<'a> {
    notice: Option<&'a NoticeRow>,
    told: Option<&'a ToldRow>,
    turn: Option<&'a TurnRow>,
}

impl Seen<'_> {
    fn item(&self, now: Time, in_service: Time, limits: &Limits) -> Option<Item> {
        let change = self.change(now, in_service, limits)?;
        let notice = self.notice.cloned().or_else(|| self.remembered(now))?;
        let changes = self.changes(in_service);
        let holds = self.notice.is_some_and(|row| row.severity >= limits.least);
        let was_critical = self.told.is_some_and(|row| row.severity == Severity::Critical) && changes > 0;
        let passed_critical = change == Change::Passed && notice.severity == Severity::Critical;
        let is_critical = self.notice.is_some_and(|row| row.severity == Severity::Critical);
        // Told as critical within the interval, it is known to be so now and then.
        let known = self.told.and_then(|row| row.critical_at).is_some_and(|at| now.since(at) < limits.digest);
        let tells = Telling {
            rule: notice.rule.clone(),
            object: notice.object.clone(),
            severity: if holds { notice.severity } else { self.told.map_or(notice.severity, |row| row.severity) },
            open: holds,
            critical: is_critical || was_critical || passed_critical,
            changes: self.turn.map_or(0, |row| row.changes),
        };
        let breaks = matches!(change, Change::New | Change::Worse) && is_critical && !known;
        let before = self.told.map(|row| (row.severity, row.at));
        Some(Item { change, notice, before, changes, tells, breaks })
    }

    fn change(&self, now: Time, in_service: Time, limits: &Limits) -> Option<Change> {
        let told = self.told.filter(|row| row.open);
        let changes = self.changes(in_service);
        let Some(notice) = self.notice else {
            if told.is_some() {
                return Some(Change::Over);
            }
            let turn = self.turn.filter(|row| row.severity >= limits.least)?;
            let news = changes > 0 && (self.told.is_some() || turn.changed_at > in_service);
            return news.then_some(Change::Passed);
        };
        if notice.ack_until.is_some_and(|until| until > now) {
            return None;
        }
        let Some(told) = told else { return (notice.severity >= limits.least).then_some(Change::New) };
        let every = if notice.severity == Severity::Critical { limits.critical } else { limits.other };
        let quiet_is_over = notice.ack_until.is_some_and(|until| told.at < until);
        if notice.severity > told.severity {
            Some(Change::Worse)
        } else if notice.severity < told.severity {
            Some(Change::Eased)
        } else if quiet_is_over || now.since(told.at) >= every {
            Some(Change::Still)
        } else {
            (changes > 0).then_some(Change::Flapped)
        }
    }

    /// Changes since it was last told. Of what was never told: all, if they are all of this sender's time.
    fn changes(&self, in_service: Time) -> u64 {
        match (self.turn, self.told) {
            (Some(turn), Some(told)) => turn.changes.saturating_sub(told.changes),
            (Some(turn), None) if turn.first_at >= in_service => turn.changes,
            (Some(turn), None) if turn.changed_at > in_service => 1,
            _ => 0,
        }
    }

    /// What is left of a finding that no longer holds.
    fn remembered(&self, now: Time) -> Option<NoticeRow> {
        let (rule, object) = match (self.told, self.turn) {
            (Some(row), _) => (&row.rule, &row.object),
            (None, Some(row)) => (&row.rule, &row.object),
            (None, None) => return None,
        };
        let told = self.told.filter(|row| row.open).map(|row| row.severity);
        let severity = told.or(self.turn.map(|row| row.severity)).unwrap_or(Severity::Unknown);
        Some(NoticeRow {
            rule: rule.clone(),
            object: object.clone(),
            scope: String::new(),
            severity,
            worst: severity,
            value: self.turn.map(|row| row.value.clone()).unwrap_or_default(),
            limit: String::new(),
            since: self.turn.map_or(now, |row| row.since),
            seen_at: self.turn.map_or(now, |row| row.changed_at),
            next_step: String::new(),
            ack_until: None,
        })
    }
}

#[cfg(test)]
mod tests;
