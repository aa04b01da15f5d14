//! The rules, in the order they are asked in.

use super::words::{back, line, no_sample, outside, side, whole};
use super::{Asker, Facts, ago};
use crate::base::Severity::{self, Critical, Ok, Unknown, Warning};
use crate::base::Time;
use crate::delay::limits::DelayBy;
use crate::delay::seen::{Heartbeat, IoThread};
use crate::delay::trend::seconds;
use crate::delay::verdict::{Fit, RuleId};

/// What a rule says: how bad it is, and why; nothing: it does not apply.
type Says = Option<(Severity, String)>;

/// A rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its number: its place.
    pub id: RuleId,
    /// What it is about.
    pub name: &'static str,
    /// Whether it applies.
    pub(super) applies: fn(&Facts<'_>) -> Says,
}

const fn rule(id: u8, name: &'static str, applies: fn(&Facts<'_>) -> Says) -> Rule {
    Rule { id: RuleId(id), name, applies }
}

/// All rules. The first that applies decides.
pub const RULES: [Rule; 22] = [
    rule(1, "limits cannot be", limits_cannot_be),
    rule(2, "worker not seen", worker_not_seen),
    rule(3, "no sample", no_sample_for_long),
    rule(4, "no replica or no heartbeat row", nothing_to_watch),
    rule(5, "SQL thread error", sql_error),
    rule(6, "IO thread error", io_error),
    rule(7, "IO thread stopped", io_stopped),
    rule(8, "SQL thread stopped or not driven", sql_stopped),
    rule(9, "local heartbeat old", local_heartbeat),
    rule(10, "primary heartbeat old", primary_heartbeat),
    rule(11, "nothing received", nothing_received),
    rule(12, "nothing executed", nothing_executed),
    rule(13, "job too long", job_too_long),
    rule(14, "active job", active_job),
    rule(15, "too few samples", too_few_samples),
    rule(16, "in bounds", in_bounds),
    rule(17, "in recovery window", in_recovery_window),
    rule(18, "real value within range", real_value_in_range),
    rule(19, "recovery after a job exceeded window", job_recovery_exceeded),
    rule(20, "trend exceeded window", trend_exceeded),
    rule(21, "recovering", recovering),
    rule(22, "not recovering", not_recovering),
];

fn limits_cannot_be(facts: &Facts<'_>) -> Says {
    let first = facts.wrong().first()?;
    let more = match facts.wrong().len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some((Unknown, format!("usage error: {first}{more}")))
}

fn worker_not_seen(facts: &Facts<'_>) -> Says {
    let Asker::Reader(written) = &facts.asked().asker else { return None };
    let limit = facts.limits().max_last_seen.as_secs_f64();
    let text = match written {
        Err(why) => format!("worker last seen cannot be told: its state is unreadable: {}", outside(why)),
        Result::Ok(None) => "worker never seen: it has written no state; is firn run running?".to_owned(),
        Result::Ok(Some(at)) => match seconds(facts.now(), *at) {
            behind if behind < -1.0 => {
                format!(
                    "worker last seen {} s in the future: check the clocks of its host and this one",
                    whole(-behind)
                )
            }
            behind if behind > limit => {
                format!("worker last seen {} s ago, limit {} s: is firn run running?", whole(behind), whole(limit))
            }
            _ => return None,
        },
    };
    Some((Critical, text))
}

fn no_sample_for_long(facts: &Facts<'_>) -> Says {
    if facts.stale() {
        return Some((Critical, format!("no sample for {} s: {}", whole(facts.quiet()), no_sample(facts))));
    }
    let (delay, _) = facts.newest()?;
    future(delay).map(|text| (Critical, text))
}

/// A heartbeat from the future is no delay of zero: clocks differ, or time zones.
fn future(age: f64) -> Option<String> {
    let text = || format!("heartbeat from the future, {} s ahead: check clocks and --utc", whole(-age));
    (age < -1.0).then(text)
}

fn nothing_to_watch(facts: &Facts<'_>) -> Says {
    let seen = facts.seen()?;
    if seen.status.is_none() {
        return Some((Critical, "not a replica: no replication is configured".to_owned()));
    }
    let Some(Heartbeat::NoRow(which)) = &seen.delay else { return None };
    Some((Critical, format!("no heartbeat row of {}: does the heartbeat writer run on the source?", outside(which))))
}

fn sql_error(facts: &Facts<'_>) -> Says {
    let status = facts.status()?;
    let errno = status.sql_errno.filter(|errno| *errno != 0)?;
    (status.sql == Some(false))
        .then(|| (Critical, format!("SQL thread error {errno}: {}", error_text(status.sql_error.as_deref()))))
}

fn error_text(text: Option<&str>) -> String {
    text.filter(|text| !text.trim().is_empty()).map_or_else(|| "no text".to_owned(), outside)
}

fn io_error(facts: &Facts<'_>) -> Says {
    let status = facts.status()?;
    let errno = status.io_errno.filter(|errno| *errno != 0);
    let since = facts.state().io_bad_since?;
    let (bad, grace) = (ago(facts.now(), since), facts.limits().io_grace.as_secs_f64());
    let what = match (status.io?, errno) {
        (IoThread::Yes, _) | (IoThread::No, None) => return None,
        (_, Some(errno)) => format!("IO thread error {errno} for {} s", whole(bad)),
        (IoThread::Connecting, None) => format!("IO thread connecting for {} s", whole(bad)),
    };
    let why = errno.map_or_else(String::new, |_| format!(": {}", error_text(status.io_error.as_deref())));
    Some(if facts.limits().io_grace.is_zero() || bad > grace {
        (Critical, format!("{what}{why}"))
    } else {
        (Warning, format!("{what}, grace {} s{why}", whole(grace)))
    })
}

fn io_stopped(facts: &Facts<'_>) -> Says {
    let status = facts.status()?;
    let stopped = status.io == Some(IoThread::No) && status.io_errno.unwrap_or(0) == 0;
    let declared = facts.running().iter().any(|job| job.stops_io);
    (stopped && !declared)
        .then(|| (Critical, "IO thread stopped: nothing is received; START REPLICA IO_THREAD".to_owned()))
}

fn sql_stopped(facts: &Facts<'_>) -> Says {
    let status = facts.status()?;
    if !facts.running().is_empty() {
        return None;
    }
    if facts.limits().delay_by == DelayBy::External {
        return not_driven(facts);
    }
    let stopped = status.sql == Some(false) && status.sql_errno.unwrap_or(0) == 0;
    stopped.then(|| (Critical, "SQL thread stopped, no job: nothing is executed; START REPLICA SQL_THREAD".to_owned()))
}

/// The tool starts the SQL thread once in its interval. If nothing is executed for three while transactions come in, it
/// does not.
fn not_driven(facts: &Facts<'_>) -> Says {
    // While it runs, the tool drives it, however long a statement takes: that is for rule 12 and the delay.
    if facts.status()?.sql == Some(true) {
        return None;
    }
    let limit = facts.limits().tool_interval.as_secs_f64() * 3.0;
    let still = facts.still(facts.executed_still())?;
    let came = facts.state().received.as_ref()?.since > facts.state().executed.as_ref()?.since;
    let text = || {
        format!(
            "delay tool not driving the SQL thread: nothing executed for {} s, limit {} s, while transactions are received",
            whole(still),
            whole(limit)
        )
    };
    (came && still > limit).then(|| (Critical, text()))
}

fn local_heartbeat(facts: &Facts<'_>) -> Says {
    let now_seen = facts.seen().and_then(|seen| seen.local.as_ref());
    heartbeat("local", facts.asked().local, facts.state().local, now_seen, facts)
}

fn primary_heartbeat(facts: &Facts<'_>) -> Says {
    let now_seen = facts.seen().and_then(|seen| seen.primary.as_ref());
    heartbeat("primary", facts.asked().primary, facts.state().primary, now_seen, facts)
}

/// A heartbeat beside the one that tells the delay. One that cannot be read ages from when it last could.
fn heartbeat(
    which: &str,
    expected: bool,
    known: Option<(f64, Time)>,
    seen: Option<&Heartbeat>,
    facts: &Facts<'_>,
) -> Says {
    if !expected {
        return None;
    }
    if let Some(Heartbeat::NoRow(of)) = seen {
        return Some((Critical, format!("{which} heartbeat missing: no row of {}", outside(of))));
    }
    if let Some(Heartbeat::Age(age)) = seen
        && let Some(text) = future(*age)
    {
        return Some((Critical, format!("{which} {text}")));
    }
    let limit = facts.limits().max_seconds_behind.as_secs_f64();
    let (what, age) = match known {
        Some((age, at)) => ("old", age + ago(facts.now(), at)),
        None => ("unseen", ago(facts.now(), facts.state().began?)),
    };
    (age > limit).then(|| {
        (Critical, format!("{which} heartbeat {age:.1} s {what}, limit {} s: does its writer run?", whole(limit)))
    })
}

fn nothing_received(facts: &Facts<'_>) -> Says {
    let limit = facts.limits().max_master_behind.as_secs_f64();
    let io_job = facts.running().iter().any(|job| job.stops_io);
    let moved = facts.received_still().filter(|_| facts.fresh() && !io_job)?;
    // Only a job that stops the IO thread holds the received position: the end of another excuses nothing here.
    let ended = facts.state().io_job_ended.map(|end| ago(facts.now(), end));
    let still = ended.map_or(moved, |ended| moved.min(ended));
    (still > limit).then(|| {
        let text =
            format!("master log not updated for {} s, limit {} s: nothing is received", whole(still), whole(limit));
        (Critical, text)
    })
}

fn nothing_executed(facts: &Facts<'_>) -> Says {
    let limit = facts.limits().max_relay_behind.as_secs_f64();
    let still = facts.still(facts.executed_still()).filter(|_| facts.running().is_empty())?;
    (still > limit).then(|| {
        let text =
            format!("relay log not updated for {} s, limit {} s: nothing is executed", whole(still), whole(limit));
        (Critical, text)
    })
}

fn job_too_long(facts: &Facts<'_>) -> Says {
    let over = facts.running().iter().filter(|job| job.ran > job.longest);
    let over: Vec<_> = over
        .map(|job| format!("{} running {} s, limit {} s", outside(&job.class), whole(job.ran), whole(job.longest)))
        .collect();
    if !over.is_empty() {
        return Some((Critical, over.join("; ")));
    }
    let job = facts.running().first()?;
    let (excused, most) = facts.chained()?;
    let text = format!(
        "{} running {} s: jobs one after another have excused the delay for {} s, limit {} s",
        outside(&job.class),
        whole(job.ran),
        whole(excused),
        whole(most)
    );
    Some((Critical, text))
}

fn active_job(facts: &Facts<'_>) -> Says {
    let within: Vec<_> = facts.running().iter().filter(|job| job.ran <= job.longest).collect();
    if within.is_empty() {
        return None;
    }
    let times: Vec<_> = within
        .iter()
        .map(|job| format!("{} {} s of {} s", outside(&job.class), whole(job.ran), whole(job.longest)))
        .collect();
    let line = facts.fit().map_or_else(|| "no trend yet".to_owned(), |fit| line(&fit, facts));
    let before = facts.state().out_since.filter(|since| within.iter().all(|job| *since < job.start));
    let before = before.filter(|_| facts.out().is_some());
    let before = before.map_or_else(String::new, |_| format!("; out of bounds since before the {}", within[0].class));
    Some((Warning, format!("Active {}; {line}{before}", times.join(", "))))
}

fn too_few_samples(facts: &Facts<'_>) -> Says {
    if facts.fit().is_some() {
        return None;
    }
    let ((count, least), unfit) = (facts.samples(), facts.unfit());
    let window = facts.limits().window.as_secs_f64();
    let why = facts.state().began_why.as_ref().map_or_else(String::new, |why| format!("; window began: {why}"));
    let severity = if unfit > 2.0 * window { Critical } else { Unknown };
    let text = format!(
        "too few samples ({count} of {least}, over half of {} s) for {} s{}",
        whole(window),
        whole(unfit),
        outside(&why)
    );
    Some((severity, text))
}

fn in_bounds(facts: &Facts<'_>) -> Says {
    let fit = facts.fit().filter(|_| facts.out().is_none())?;
    let correlation = fit.correlation.map_or_else(|| "–".to_owned(), |r| format!("{r:.2}"));
    Some((Ok, format!("delay {} s, slope {}, r {correlation}", whole(fit.intercept), super::words::slope(fit.slope))))
}

fn in_recovery_window(facts: &Facts<'_>) -> Says {
    facts.out()?;
    let (class, ago) = facts.in_window().filter(|_| facts.chained().is_none())?;
    let fit = facts.fit()?;
    let before = if facts.state().excused { "" } else { "; out of bounds since before that" };
    let text = format!(
        "Replication delay intercept is out of bounds, currently in recovery window for {} which completed {} seconds ago: {} \
         of {} s; {}{}{before}",
        outside(class),
        whole(ago),
        whole(ago),
        whole(facts.limits().max_recovery_time.as_secs_f64()),
        line(&fit, facts),
        back(facts)
    );
    Some((Warning, text))
}

fn real_value_in_range(facts: &Facts<'_>) -> Says {
    facts.out()?;
    let window = facts.limits().window.as_secs_f64();
    let inside = facts.real_in().filter(|inside| *inside <= window)?;
    let ((real, _), fit) = (facts.newest()?, facts.fit()?);
    let text = format!(
        "Replication delay intercept recovering – real value within range: {} s, for {} s of {} s; {}",
        whole(real),
        whole(inside),
        whole(window),
        line(&fit, facts)
    );
    Some((Warning, text))
}

fn exceeded(facts: &Facts<'_>, since: &str) -> Option<(Severity, String)> {
    let fit: Fit = facts.fit()?;
    let text =
        format!("Replication delay intercept recovery exceeded window: {since}; {}{}", line(&fit, facts), back(facts));
    Some((Critical, text))
}

fn job_recovery_exceeded(facts: &Facts<'_>) -> Says {
    facts.out()?;
    let window = whole(facts.limits().max_recovery_time.as_secs_f64());
    if let (Some((excused, most)), Some(_)) = (facts.chained(), facts.in_window()) {
        let (excused, most) = (whole(excused), whole(most));
        return exceeded(facts, &format!("jobs one after another have excused it for {excused} s, limit {most} s"));
    }
    if !facts.state().excused || facts.in_window().is_some() {
        return None;
    }
    let ended =
        facts.state().job_ended.map_or_else(String::new, |end| format!(" {} s ago", whole(ago(facts.now(), end))));
    exceeded(facts, &format!("the job ended{ended}, window {window} s"))
}

fn trend_exceeded(facts: &Facts<'_>) -> Says {
    facts.out()?;
    let elapsed = facts.elapsed().filter(|_| facts.state().overdue)?;
    let limit = whole(facts.limits().max_trend_time.as_secs_f64());
    exceeded(facts, &format!("was recovering, out for {} s, limit {limit} s", whole(elapsed)))
}

fn recovering(facts: &Facts<'_>) -> Says {
    let out = facts.out().filter(|out| out.recovering)?;
    let (fit, limit) = (facts.fit()?, facts.limits().max_trend_time.as_secs_f64());
    let elapsed = facts.elapsed().filter(|elapsed| *elapsed <= limit)?;
    let text = format!(
        "Replication delay intercept recovering – {} with slope {}: intercept {} s, {} s{}; out for {} s of {} s",
        side(&out),
        super::words::slope(fit.slope),
        whole(fit.intercept),
        format_args!("{} {}", if out.below { "least" } else { "greatest" }, whole(out.bound)),
        back(facts),
        whole(elapsed),
        whole(limit)
    );
    Some((Warning, text))
}

fn not_recovering(facts: &Facts<'_>) -> Says {
    let (out, fit) = (facts.out()?, facts.fit()?);
    let needed = out.by / facts.limits().max_trend_time.as_secs_f64();
    let needed = if out.below { needed } else { -needed };
    let text = format!(
        "Replication delay intercept is out of bounds, and slope does not indicate recovery: {} s {}; {}, needed {}",
        whole(out.by),
        side(&out),
        line(&fit, facts),
        super::words::slope(needed)
    );
    Some((Critical, text))
}
