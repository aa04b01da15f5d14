//! How a freeze stands, in a sentence.

use std::time::Duration;

use super::place;
use super::record::{Phase, Record};
use super::statement::Spot;
use super::steps::Step;
use crate::base::Time;
use crate::base::units::Span;

/// What a freeze says first when the replica is proven to stand, and never otherwise.
pub const FROZEN: &str = "frozen ";

/// How it comes to be watched again.
const WATCH: &str = "run firn run, or firn delay freeze again";

/// Whether the replica is known to stand now: proven, and seen to stand no longer ago than `fresh`.
pub fn is_frozen(record: &Record, now: Time, fresh: Duration) -> bool {
    record.phase == Phase::Frozen
        && record.blind.is_none()
        && record.proof.as_ref().is_some_and(|proof| now.since(proof.last.at) <= fresh)
}

/// How a freeze stands, in words that are safe to show. "frozen" is its first word only when [`is_frozen`] holds.
pub fn words(record: &Record, now: Time, fresh: Duration) -> String {
    let mut text = phase_words(record, now, fresh);
    if let Some(trouble) = &record.trouble {
        let tries = if trouble.tries > 1 { format!(" ({} times)", trouble.tries) } else { String::new() };
        text = format!("{text}; cannot {}{tries}: {}", trouble.what, trouble.text);
    }
    if record.restarts > 0 && !record.is_over() {
        let ago = record.restarted_at.map(|at| format!(", last {} ago", Span(now.since(at)))).unwrap_or_default();
        text = format!("{text}; something has started it {} since it was stopped{ago}", times(record.restarts));
    }
    text
}

/// What keeps the replica from standing, or anybody from knowing that it does, in words that are safe to show; nothing: it
/// stands, or is on its way there.
pub fn why(record: &Record, now: Time, fresh: Duration) -> Option<String> {
    let trouble = record.trouble.as_ref().map(|trouble| format!("cannot {}: {}", trouble.what, trouble.text));
    let unseen = || record.blind.as_ref().map(|(_, why)| format!("it cannot be seen: {why}"));
    let unwatched = || {
        let unwatched = record.phase == Phase::Frozen && !is_frozen(record, now, fresh);
        unwatched.then(|| format!("nobody watches it: {WATCH}"))
    };
    trouble.or_else(unseen).or_else(unwatched)
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn phase_words(record: &Record, now: Time, fresh: Duration) -> String {
    match record.phase {
        Phase::Asked => "to be frozen; nothing is stopped yet".to_owned(),
        Phase::StoppingSql => "being frozen: the SQL thread is being stopped".to_owned(),
        Phase::StoppingIo => "being frozen: the SQL thread stands, the IO thread is being stopped".to_owned(),
        Phase::Proving => proving(record, now),
        Phase::Frozen => frozen(record, now, fresh),
        Phase::Advancing => {
            let until = match &record.until {
                Some(Spot::Position(at)) => place::word(at),
                Some(Spot::Gtid(gtid)) => gtid.to_string(),
                None => "nowhere".to_owned(),
            };
            format!("let run up to {until}, and no further")
        }
        Phase::Resuming => "being resumed".to_owned(),
        Phase::Released if record.ticked(Step::Promoted).is_some() => {
            "promoted; it is not watched any more, recovery steps remain".to_owned()
        }
        Phase::Released => "in somebody's hands: it is not watched, recovery steps remain".to_owned(),
        Phase::Resumed if record.left_at.is_none() => format!("ended at {}", record.since),
        Phase::Resumed => format!("resumed at {}", record.since),
    }
}

fn proving(record: &Record, now: Time) -> String {
    let Some(first) = &record.first else { return "being frozen: to be seen to stand".to_owned() };
    let left = record.gap.saturating_sub(now.since(first.at));
    let place = first.place_words();
    if left.is_zero() {
        return format!("being frozen: both threads stand at {place}; the last look is due");
    }
    format!("being frozen: both threads stand at {place}; {} more to prove that nothing moves", Span(left))
}

fn frozen(record: &Record, now: Time, fresh: Duration) -> String {
    let Some(proof) = &record.proof else { return "being frozen: to be seen to stand".to_owned() };
    let (place, since) = (proof.last.place_words(), record.since);
    if is_frozen(record, now, fresh) {
        return format!("{FROZEN}since {since} at {place}");
    }
    let seen = Span(now.since(proof.last.at));
    match &record.blind {
        Some((_, why)) => format!("was frozen at {place} when last seen {seen} ago; it cannot be seen now: {why}"),
        None => format!("was frozen at {place} when last seen {seen} ago; nobody watches it: {WATCH}"),
    }
}
