//! What a node answers at a time: the reply that was captured, line by line, with what moves moved on.

use std::fmt::Write as _;

use super::reel::{Moved, Part};
use crate::base::Time;
use crate::redis::info::Info;
use crate::redis::nodes::{Flag, parse};

/// The reply with other values; what is not given one stays as it is, to the byte.
pub(super) fn rewritten(text: &str, value: impl Fn(&str, &str) -> Option<String>) -> String {
    let mut moved = String::with_capacity(text.len() + 256);
    for line in text.split_inclusive('\n') {
        let said = line.trim_end_matches(['\r', '\n']);
        let other = said.split_once(':').and_then(|(name, old)| Some((name, value(name, old)?)));
        match other {
            Some((name, new)) => {
                moved.push_str(name);
                moved.push(':');
                moved.push_str(&new);
                moved.push_str(&line[said.len()..]);
            }
            None => moved.push_str(line),
        }
    }
    moved
}

/// Seconds since 1970.
fn epoch(now: Time) -> i64 {
    now.as_micros().div_euclid(1_000_000)
}

/// Whole, and not below zero.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it saturates
pub(super) fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}

/// `INFO everything`
pub(super) fn info(text: &str, part: &Part, moved: &Moved, now: Time) -> String {
    let uptime = whole(moved.uptime);
    rewritten(text, |name, old| match name {
        "uptime_in_seconds" => Some(uptime.to_string()),
        "uptime_in_days" => Some((uptime / 86_400).to_string()),
        "server_time_usec" => Some(now.as_micros().to_string()),
        "lru_clock" => Some((epoch(now) & 0xff_ffff).to_string()),
        "rdb_last_save_time" => {
            let ago = part.captured?.as_micros().div_euclid(1_000_000) - old.parse::<i64>().ok()?;
            Some((epoch(now) - ago).to_string())
        }
        "run_id" | "process_id" => moved.named(name),
        "master_link_down_since_seconds" => {
            let before: i64 = old.parse().ok()?;
            let since = i64::try_from(whole(moved.since)).ok()?;
            (before >= 0).then(|| (before + since).to_string())
        }
        "master_repl_offset" | "slave_repl_offset" | "slave_read_repl_offset" => Some(whole(moved.offset?).to_string()),
        "repl_backlog_first_byte_offset" => Some((whole(moved.offset?) + 1).saturating_sub(part.backlog?).to_string()),
        _ if name.starts_with("instantaneous_") => {
            let rate = moved.rate(name)?;
            Some(if old.contains('.') { format!("{rate:.2}") } else { format!("{rate:.0}") })
        }
        _ if name.starts_with("slave") && old.contains("state=online") => attached(old, moved),
        _ if name.starts_with("cmdstat_") => {
            let (_, rest) = old.split_once(",usec_per_call=")?;
            let (calls, usec) = (moved.flow(&format!("{name} calls"))?, moved.flow(&format!("{name} usec"))?);
            Some(format!("calls={},usec={},usec_per_call={rest}", whole(calls), whole(usec)))
        }
        _ if name.starts_with("errorstat_") => moved.counted(name).map(|count| format!("count={count}")),
        _ => counter(name, old, moved),
    })
}

/// A counter that goes on.
fn counter(name: &str, old: &str, moved: &Moved) -> Option<String> {
    match moved.flow(name) {
        Some(flow) if old.contains('.') => Some(format!("{flow:.6}")),
        Some(flow) => Some(whole(flow).to_string()),
        None => moved.counted(name).map(|count| count.to_string()),
    }
}

/// `ip=…,port=…,state=online,offset=…,lag=…`: acknowledged is what was written a part of a second ago.
fn attached(old: &str, moved: &Moved) -> Option<String> {
    let (before, _) = old.split_once(",offset=")?;
    let lag: u64 = Info::part(old, "lag")?.parse().ok()?;
    Info::part(old, "offset")?.parse::<u64>().ok().filter(|offset| *offset > 0)?;
    let lag = if lag > 1 { lag } else { u64::from(moved.late) };
    Some(format!("{before},offset={},lag={lag}", whole(moved.acknowledged?)))
}

/// `CLUSTER INFO`
pub(super) fn cluster(text: &str, moved: &Moved) -> String {
    rewritten(text, |name, old| counter(name, old, moved))
}

/// `CLUSTER NODES`: who answers has answered lately, whoever does not has been silent since it went.
pub(super) fn nodes(text: &str, moved: &Moved, now: Time) -> String {
    let Ok(lines) = parse(text) else { return text.to_owned() };
    // As late as anything was heard of when it was captured.
    let Some(captured) = lines.iter().map(|line| line.pong_received).max().filter(|millis| *millis > 0) else {
        return text.to_owned();
    };
    let now = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
    let then = now.saturating_sub(whole(moved.since * 1000.0));
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let words: Vec<&str> = line.splitn(7, ' ').collect();
        let [id, at, flags, master, sent, heard, rest] = words.as_slice() else {
            out.push_str(line);
            continue;
        };
        let own = lines.iter().find(|one| one.id.as_str() == *id);
        let silent = own.is_some_and(|one| !one.connected || one.is(Flag::PFail) || one.is(Flag::Fail));
        let base = if silent { then } else { now };
        let at_time = |word: &str| match word.parse::<u64>() {
            Ok(0) | Err(_) => word.to_owned(),
            Ok(millis) => base.saturating_sub(captured.saturating_sub(millis)).to_string(),
        };
        // Writing to a string does not fail.
        let _ = write!(out, "{id} {at} {flags} {master} {} {} {rest}", at_time(sent), at_time(heard));
    }
    out
}
