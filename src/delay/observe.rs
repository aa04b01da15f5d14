//! A look is folded into the state: what changed since when, and whether it is still the same server.

use std::time::Duration;

use super::connect::digest;
use super::limits::Limits;
use super::seen::{Heartbeat, IoThread, Look, Position, Seen, Status};
use super::state::{Identity, Moved, Place, State};
use super::trend::seconds;
use crate::base::{Shown, Time};

/// Folds a look into the state. A look that is not newer than the newest is ignored; one that failed changes nothing but
/// that it failed.
pub fn observe(state: &mut State, look: &Look, limits: &Limits) {
    if state.looked.is_some_and(|looked| look.at <= looked) {
        return;
    }
    state.looked = Some(look.at);
    let seen = match &look.seen {
        Ok(seen) => seen,
        Err(why) => {
            let since = state.blind.as_ref().map_or(look.at, |(since, _)| *since);
            state.blind = Some((since, why.clone()));
            return;
        }
    };
    state.blind = None;
    recognise(state, seen, look.at);
    if let Some(status) = &seen.status {
        threads(state, status, look.at);
        places(state, status, look.at);
    }
    for (kept, heartbeat) in [(&mut state.local, &seen.local), (&mut state.primary, &seen.primary)] {
        if let Some(Heartbeat::Age(age)) = heartbeat
            && age.is_finite()
        {
            *kept = Some((*age, look.at));
        }
    }
    if let Some(delay) = seen.age() {
        beat(state, delay, look.at);
        state.sample = Some((delay, look.at));
        let inside = (limits.min_delay_time.as_secs_f64()..=limits.max_delay_time.as_secs_f64()).contains(&delay);
        state.real_in_since = if inside { state.real_in_since.or(Some(look.at)) } else { None };
    }
    state.seen = Some((look.at, kept(seen.clone())));
}

/// Bytes of a set of GTIDs that the state keeps; of a longer one it keeps the hash. There are up to four sets in it.
const LONGEST_SET: usize = 2 << 10;

fn short(set: &str) -> String {
    if set.len() > LONGEST_SET { digest(set.as_bytes()) } else { set.to_owned() }
}

/// A look as the state keeps it.
fn kept(mut seen: Seen) -> Seen {
    if let Some(status) = &mut seen.status {
        for set in [&mut status.received_gtid, &mut status.executed_gtid].into_iter().flatten() {
            *set = short(set);
        }
    }
    seen
}

/// Two heartbeats closer than this are one: their ages are told to the microsecond, a moment after they were computed.
const SAME_BEAT: f64 = 0.5;

/// When the heartbeat that has been applied was written, and since when it is that one.
fn beat(state: &mut State, delay: f64, at: Time) {
    #[allow(clippy::cast_possible_truncation)] // ages are far below where an i64 ends
    let written = at.as_micros().saturating_sub((delay * 1e6).clamp(-1e15, 1e15) as i64);
    let apart = |before: i64| Duration::from_micros(before.abs_diff(written)).as_secs_f64();
    if state.beat.as_ref().is_none_or(|beat| apart(beat.value) > SAME_BEAT) {
        state.beat = Some(Moved { value: written, since: at });
    }
}

/// Whether it is the server that it was. If not, samples of before say nothing about what comes: the window begins anew.
fn recognise(state: &mut State, seen: &Seen, at: Time) {
    let status = seen.status.as_ref();
    let new = Identity {
        server_id: seen.server_id.filter(|id| *id != 0),
        server_uuid: seen.server_uuid.clone().filter(|uuid| !uuid.is_empty()),
        // A replica that has not reached its source yet shows 0 and nothing.
        source_id: status.and_then(|status| status.source_id).filter(|id| *id != 0),
        source_uuid: status.and_then(|status| status.source_uuid.clone()).filter(|uuid| !uuid.is_empty()),
        sql_delay: status.and_then(|status| status.sql_delay),
    };
    let old = &state.identity;
    let another = differs("server_id", old.server_id.as_ref(), new.server_id.as_ref())
        .or_else(|| differs("server_uuid", old.server_uuid.as_ref(), new.server_uuid.as_ref()))
        .map(|what| format!("another server answers: {what}"));
    let changed = differs("server_id", old.source_id.as_ref(), new.source_id.as_ref())
        .or_else(|| differs("uuid", old.source_uuid.as_ref(), new.source_uuid.as_ref()))
        .map(|what| format!("another source: {what}"))
        .or_else(|| restarted(state.uptime, seen.uptime, at))
        .or_else(|| differs("SQL_Delay", old.sql_delay.as_ref(), new.sql_delay.as_ref()));
    if another.is_some() {
        // The excursion, the positions and the heartbeats were those of the other one.
        *state = State {
            looked: state.looked,
            unfit_since: state.unfit_since,
            job_ended: state.job_ended,
            io_job_ended: state.io_job_ended,
            excused_since: state.excused_since,
            last: state.last.take(),
            turns: std::mem::take(&mut state.turns),
            ..State::default()
        };
    }
    let why = another.or(changed).or_else(|| state.began.is_none().then(|| "the first look".to_owned()));
    if why.is_some() {
        state.began = Some(at);
        state.began_why = why;
        state.in_since = None;
        state.real_in_since = None;
    }
    let old = std::mem::take(&mut state.identity);
    state.identity = Identity {
        server_id: new.server_id.or(old.server_id),
        server_uuid: new.server_uuid.or(old.server_uuid),
        source_id: new.source_id.or(old.source_id),
        source_uuid: new.source_uuid.or(old.source_uuid),
        sql_delay: new.sql_delay.or(old.sql_delay),
    };
    if let Some(uptime) = seen.uptime {
        state.uptime = Some((uptime, at));
    }
}

fn differs<T: PartialEq + std::fmt::Display>(name: &str, old: Option<&T>, new: Option<&T>) -> Option<String> {
    let (old, new) = (old?, new?);
    (old != new).then(|| format!("{name} {} became {}", Shown::text(&old.to_string()), Shown::text(&new.to_string())))
}

/// A server that started after it was last seen.
fn restarted(old: Option<(u64, Time)>, new: Option<u64>, at: Time) -> Option<String> {
    let ((old, seen), new) = (old?, new?);
    // Uptimes are whole seconds, and asked for a moment before the look ends.
    let after = new.saturating_add(2) < at.since(seen).as_secs();
    (new < old || after).then(|| format!("the server restarted: up for {new} s, before that for {old} s"))
}

fn threads(state: &mut State, status: &Status, at: Time) {
    let bad = match status.io {
        Some(IoThread::Yes) => false,
        Some(IoThread::No) => status.io_errno.is_some_and(|errno| errno != 0),
        Some(IoThread::Connecting) => true,
        // Not known: as it was.
        None => return,
    };
    state.io_bad_since = if bad { state.io_bad_since.or(Some(at)) } else { None };
}

fn places(state: &mut State, status: &Status, at: Time) {
    let received = place(status.received.as_ref(), status.received_gtid.as_deref());
    // The newest transaction received cannot be younger than its commit: so recently, at least, something came.
    let came = status.queued_age.filter(|age| age.is_finite()).map(|age| earlier(at, age));
    moved(&mut state.received, received, at, came);
    let executed = place(status.relay.as_ref().or(status.executed.as_ref()), status.executed_gtid.as_deref());
    moved(&mut state.executed, executed, at, None);
}

/// `age` seconds before `at`; never after it.
#[allow(clippy::cast_possible_truncation)] // bounded by what was asked
fn earlier(at: Time, age: f64) -> Time {
    let micros = (age.clamp(0.0, 1e11) * 1e6) as i64;
    Time::from_micros(at.as_micros().saturating_sub(micros))
}

/// Positions say nothing on a channel with `GTID_ONLY`: file empty or `INVALID`, byte 0. GTIDs then count. They do not
/// where positions do: writes on the replica itself (a local heartbeat) are among those executed.
fn place(position: Option<&Position>, gtid: Option<&str>) -> Option<Place> {
    let position =
        position.filter(|position| !position.file.is_empty() && position.file != "INVALID" && position.at > 0);
    match (position, gtid.filter(|gtid| !gtid.is_empty())) {
        (Some(position), _) => Some(Place { position: Some(position.clone()), gtid: None }),
        (None, Some(gtid)) => Some(Place { position: None, gtid: Some(short(gtid)) }),
        (None, None) => None,
    }
}

/// When it last moved: `at` if it is elsewhere now, and no earlier than `came`.
fn moved(kept: &mut Option<Moved<Place>>, place: Option<Place>, at: Time, came: Option<Time>) {
    match (kept.as_mut(), place) {
        (Some(kept), place) => {
            if let Some(place) = place
                && kept.value != place
            {
                // What could not be read for a while may have stood all that time; from now on it is known.
                *kept = Moved { value: place, since: at };
            } else if let Some(came) = came {
                kept.since = kept.since.max(came);
            }
        }
        (None, Some(value)) => *kept = Some(Moved { value, since: came.unwrap_or(at) }),
        (None, None) => *kept = came.map(|since| Moved { value: Place::default(), since }),
    }
}

/// How long ago it last moved, seconds.
pub(super) fn still_for(moved: Option<&Moved<Place>>, now: Time) -> Option<f64> {
    moved.map(|moved| seconds(now, moved.since).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A channel with `GTID_ONLY`, whose sets have so many bytes and end in `last`.
    fn look(second: i64, bytes: usize, last: u32) -> Look {
        let set = Some(format!("{}:1-{last}", "u".repeat(bytes)));
        let status = Status { received_gtid: set.clone(), executed_gtid: set, ..Status::default() };
        Look { at: Time::from_secs(second), seen: Ok(Seen { status: Some(status), ..Seen::default() }) }
    }

    #[test]
    fn a_long_set_of_gtids_moves_and_does_not_make_the_state_larger() {
        for bytes in [100, LONGEST_SET - 3, LONGEST_SET, 16 << 10] {
            let mut state = State::default();
            let mut since = |second, last| {
                observe(&mut state, &look(second, bytes, last), &Limits::default());
                let [received, executed] =
                    [&state.received, &state.executed].map(|moved| moved.as_ref().unwrap().since);
                assert_eq!(received, executed);
                received
            };
            let moved = [since(10, 7), since(20, 7), since(30, 8), since(40, 8)];
            assert_eq!(moved, [10, 10, 30, 30].map(Time::from_secs), "{bytes}");
            let stored = serde_json::to_string(&state).unwrap().len();
            assert!(stored < 4 * LONGEST_SET + 4096, "{bytes}: {stored}");
            let set = state.seen.unwrap().1.status.unwrap().executed_gtid.unwrap();
            assert_eq!(set.starts_with("xxh3-128:"), bytes >= LONGEST_SET - 3, "{bytes}: {set}");
        }
    }
}
