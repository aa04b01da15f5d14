//! What the first line says of each rule: the words of "Monitoring Delayed Replication" (Cianos) where it has some, short
//! enough to leave room for the figures.

use std::time::Duration;

use super::{Short, WIDTH, cut, plain};
use crate::base::Time;
use crate::base::units::Span;
use crate::delay::job::Job;
use crate::delay::limits::{DelayBy, Limits};
use crate::delay::seen::{Heartbeat, IoThread, Seen, Status};
use crate::delay::snapshot::ReplicaLine;
use crate::delay::verdict::Verdict;

/// A number of seconds for people: whole, or with as many decimals as it takes to stand on its side of each of `edges`.
pub fn number(value: f64, edges: &[f64]) -> String {
    if value.is_finite() { on_its_side(value, 0, edges) } else { "?".to_owned() }
}

/// A finite number with at least so many decimals, and as many more as it takes to stand on its side of each of `edges`:
/// what is out of bounds never looks as if it were at them. Never an exponent, never a minus before zero.
pub(super) fn on_its_side(value: f64, decimals: usize, edges: &[f64]) -> String {
    for decimals in decimals..=9 {
        let text = format!("{value:.decimals$}");
        let zero = text.trim_matches(['-', '0', '.']).is_empty();
        let text = if zero { text.replace('-', "") } else { text };
        let same =
            |edge: &f64| text.parse::<f64>().is_ok_and(|shown| shown.partial_cmp(edge) == value.partial_cmp(edge));
        if edges.iter().all(same) {
            return text;
        }
    }
    format!("{value}")
}

/// A limit in seconds: `5400`, `0.25`.
pub fn limit(span: Duration) -> String {
    let text = format!("{}.{:06}", span.as_secs(), span.subsec_micros());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Seconds between two times, below zero if they stand the other way round.
pub(super) fn between(earlier: Time, later: Time) -> f64 {
    if later >= earlier { later.since(earlier).as_secs_f64() } else { -earlier.since(later).as_secs_f64() }
}

/// `16408s out of 5400:9000`, `7204s in 5400:9000`; nothing where nothing is fitted.
fn standing(line: &ReplicaLine, verdict: &Verdict) -> Option<String> {
    let limits = &line.limits;
    let (least, most) = (limits.min_delay_time.as_secs_f64(), limits.max_delay_time.as_secs_f64());
    let delay = verdict.fit.map(|fit| fit.intercept)?;
    let inside = (least..=most).contains(&delay);
    let bounds = format!("{}:{}", limit(limits.min_delay_time), limit(limits.max_delay_time));
    Some(format!("{}s {} {bounds}", number(delay, &[least, most]), if inside { "in" } else { "out of" }))
}

/// `; intercept 16408s out of 5400:9000`, or less of it.
fn with_standing(short: Short, line: &ReplicaLine, verdict: &Verdict) -> Short {
    match (standing(line, verdict), verdict.fit) {
        (Some(text), Some(fit)) => {
            let bare = number(fit.intercept, &bounds(&line.limits));
            short.tail(format!("; intercept {text}")).tail(format!("; {text}")).tail(format!("; {bare}s"))
        }
        _ => short,
    }
}

/// `local heartbeat 75s old, limit 60s`.
fn over(what: &str, value: Option<f64>, after: &str, most: Duration) -> Short {
    let seconds = most.as_secs_f64();
    let value = value.map_or_else(|| "?".to_owned(), |value| number(value, &[seconds]));
    Short::head(format!("{what} {value}s{after}")).tail(format!(", limit {}s", limit(most)))
}

/// What the replica says of itself.
fn status(line: &ReplicaLine) -> Option<&Status> {
    line.state.seen.as_ref().and_then(|(_, seen)| seen.status.as_ref())
}

/// The classes of jobs that run and excuse, those first that have used most of their time: `backup/deshard`; `job` where
/// none is known.
fn running(line: &ReplicaLine, at: Time) -> String {
    let longest = |job: &Job| line.limits.jobs.iter().find(|class| class.name == job.class).map(|class| class.longest);
    let share = |job: &Job| longest(job).map(|longest| at.since(job.start).as_secs_f64() / longest.as_secs_f64());
    let mut jobs: Vec<(f64, &str)> = line
        .jobs
        .iter()
        .filter(|job| runs(job, at))
        .filter_map(|job| Some((share(job)?, job.class.as_str())))
        .collect();
    jobs.sort_by(|one, other| other.0.total_cmp(&one.0));
    let mut classes: Vec<&str> = Vec::new();
    for (_, class) in jobs {
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    if classes.is_empty() { "job".to_owned() } else { classes.join("/") }
}

/// Whether a job runs, as the judge sees it: until somebody says that it ended.
pub(super) fn runs(job: &Job, at: Time) -> bool {
    job.start <= at.plus(Duration::from_secs(1)) && job.end.is_none()
}

/// When the newest job ended, and its class. One that cannot be (it ends before it starts, or is not known) ended nothing.
pub(super) fn ended(line: &ReplicaLine, at: Time) -> Option<(&str, Time)> {
    let known = |job: &&Job| line.limits.jobs.iter().any(|class| class.name == job.class);
    let ends = line.jobs.iter().filter(known).filter_map(|job| Some((job.class.as_str(), job.start, job.end?)));
    let ends = ends.filter(|(_, start, end)| start <= end && *end <= at.plus(Duration::from_secs(1)));
    ends.map(|(class, _, end)| (class, end)).max_by_key(|(_, end)| *end)
}

/// A text of the judge, cut where it has to be.
fn own_words(verdict: &Verdict) -> Short {
    Short::head(verdict.text.clone())
}

/// The first line of a verdict.
pub(super) fn short(line: &ReplicaLine, verdict: &Verdict) -> Short {
    let held = held(line, verdict);
    if verdict.is_held() && !still_true(line, verdict) {
        return own_words_held(verdict, &held.unwrap_or_else(|| "; held".to_owned()));
    }
    let short = of_rule(line, verdict);
    match held {
        // That the verdict is held is worth more than the figures beside it.
        Some(tail) => Short { tails: std::iter::once(tail).chain(short.tails).collect(), ..short },
        None => short,
    }
}

/// `; held, no sample for 25s` where nothing new is known since a moment: the verdict is that of before.
fn held(line: &ReplicaLine, verdict: &Verdict) -> Option<String> {
    let unseen = line.state.seen.as_ref().is_some_and(|(_, seen)| !matches!(seen.delay, Some(Heartbeat::Age(_))));
    let (_, newest) = verdict.delay?;
    let quiet = verdict.at.since(newest);
    let gap = line.state.blind.is_some() || unseen || quiet > line.limits.interval * 2;
    let held = verdict.is_held() || (verdict.rule.0 >= 14 && gap);
    held.then(|| format!("; held, no sample for {}s", number(quiet.as_secs_f64(), &[])))
}

/// Whether what is known now still says what a held verdict says: a job that runs, too few samples, a line in its bounds.
/// Else its own words are the only ones that do: a heartbeat may have been read since that is not old.
fn still_true(line: &ReplicaLine, verdict: &Verdict) -> bool {
    let inside = |delay: f64| {
        (line.limits.min_delay_time.as_secs_f64()..=line.limits.max_delay_time.as_secs_f64()).contains(&delay)
    };
    match verdict.rule.0 {
        14 => verdict.degraded.job.is_some(),
        15 => true,
        16 => verdict.fit.is_some_and(|fit| inside(fit.intercept)),
        _ => false,
    }
}

/// The words a held verdict was given with, as much of them as leaves room to say that it is held.
fn own_words_held(verdict: &Verdict, tail: &str) -> Short {
    let text = verdict.matches.first().map_or(verdict.text.as_str(), |first| first.text.as_str());
    let text = text.strip_prefix("Replication delay intercept ").unwrap_or(text);
    let text = plain(text.strip_prefix("is ").unwrap_or(text));
    let bare = format!("DELAY {} - ", verdict.severity);
    let room = WIDTH.saturating_sub(bare.chars().count() + tail.chars().count());
    // Whole clauses, if any is short enough.
    let clause = text.rmatch_indices([':', ';', ',']).map(|(at, _)| &text[..at]);
    let fits = |part: &&str| part.chars().count() <= room;
    let words = std::iter::once(text.as_str()).chain(clause).find(fits).map_or_else(|| cut(&text, room), str::to_owned);
    Short::head(format!("{words}{tail}"))
}

fn of_rule(line: &ReplicaLine, verdict: &Verdict) -> Short {
    let limits = &line.limits;
    let at = verdict.at;
    match verdict.rule.0 {
        2..=4 => blind(line, verdict),
        5..=8 => threads(line, verdict),
        9 | 10 => heartbeat(line, verdict),
        11 => {
            let still = line.state.received.as_ref().map(|moved| between(moved.since, at));
            over("master log not updated for", still, "", limits.max_master_behind)
        }
        12 => {
            let ended = ended(line, at).map(|(_, end)| end);
            let since = line.state.executed.as_ref().map(|moved| ended.map_or(moved.since, |end| end.max(moved.since)));
            over("relay log not updated for", since.map(|since| between(since, at)), "", limits.max_relay_behind)
        }
        13 | 14 => job(line, verdict),
        // What kept samples from coming says more than how many there are.
        15 if line.state.blind.is_some() => {
            let why = line.state.blind.as_ref().map(|(_, why)| why.as_str());
            Short::head("too few samples").fill(why)
        }
        16 => healthy(line, verdict),
        17..=22 => excursion(line, verdict),
        // What is wrong with limits, how many samples there are: the judge's own words.
        _ => own_words(verdict),
    }
}

/// Rules 2 to 4: it cannot be seen how it stands.
fn blind(line: &ReplicaLine, verdict: &Verdict) -> Short {
    let limits: &Limits = &line.limits;
    let at = verdict.at;
    let seen: Option<&Seen> = line.state.seen.as_ref().map(|(_, seen)| seen);
    match (verdict.rule.0, verdict.delay) {
        (2, _) => match &line.judged {
            // It was seen: what it wrote cannot be read.
            Some((_, seen)) if between(*seen, at) >= -1.0 && at.since(*seen) <= limits.max_last_seen => {
                own_words(verdict)
            }
            Some((who, seen)) if *seen <= at => {
                let age = between(*seen, at);
                let text = format!("worker last seen {}s ago", number(age, &[limits.max_last_seen.as_secs_f64()]));
                let most = limit(limits.max_last_seen);
                Short::head(text).tail(format!(", limit {most}s (on {who})")).tail(format!(", limit {most}s"))
            }
            Some((_, seen)) => {
                Short::head(format!("worker seen {}s in the future", number(between(at, *seen), &[0.0])))
                    .tail(", check clocks")
            }
            None => own_words(verdict),
        },
        (3, Some((delay, _))) if delay < -1.0 => {
            Short::head(format!("heartbeat {}s in the future, check clocks and --utc", number(-delay, &[1.0])))
        }
        (3, newest) => {
            let head = match newest {
                Some((_, seen)) => {
                    format!("no sample for {}s", number(between(seen, at), &[limits.max_last_seen.as_secs_f64()]))
                }
                None => match first_look(line) {
                    Some(since) => {
                        let most = limits.max_last_seen.as_secs_f64();
                        format!("no sample yet, for {}s", number(between(since, at), &[most]))
                    }
                    None => "no sample yet".to_owned(),
                },
            };
            let why = line.state.blind.as_ref().map(|(_, why)| why.as_str());
            let unread = seen.and_then(|seen| match &seen.delay {
                Some(Heartbeat::Unread(why)) => Some(why.as_str()),
                _ => None,
            });
            Short::head(head).fill(why.or(unread)).tail(format!(", limit {}s", limit(limits.max_last_seen)))
        }
        _ => match seen.map(|seen| (&seen.status, &seen.delay)) {
            Some((None, _)) => Short::head("not a replica").tail(": no replication is configured"),
            Some((Some(_), Some(Heartbeat::NoRow(what)))) => Short::head("no heartbeat row").fill(Some(what)),
            Some((Some(status), None)) => {
                let source = status.source_id.map_or_else(String::new, |id| format!(" of server {id}"));
                Short::head(format!("no heartbeat row{source}"))
            }
            _ => own_words(verdict),
        },
    }
}

/// Rules 9 and 10: a heartbeat beside the one that tells the delay.
fn heartbeat(line: &ReplicaLine, verdict: &Verdict) -> Short {
    let (limits, at) = (&line.limits, verdict.at);
    let seen = line.state.seen.as_ref().map(|(_, seen)| seen);
    let (which, known, seen) = match verdict.rule.0 {
        9 => ("local", line.state.local, seen.and_then(|seen| seen.local.as_ref())),
        _ => ("primary", line.state.primary, seen.and_then(|seen| seen.primary.as_ref())),
    };
    match (seen, known) {
        (Some(Heartbeat::NoRow(what)), _) => Short::head(format!("{which} heartbeat missing: no row")).fill(Some(what)),
        (Some(Heartbeat::Age(age)), _) if *age < -1.0 => {
            let ahead = number(-age, &[1.0]);
            Short::head(format!("{which} heartbeat {ahead}s in the future, check clocks and --utc"))
        }
        (_, Some((age, seen))) => {
            let age = Some(age + between(seen, at));
            over(&format!("{which} heartbeat"), age, " old", limits.max_seconds_behind)
        }
        (_, None) => {
            let unseen = line.state.began.map(|began| between(began, at));
            over(&format!("{which} heartbeat unseen for"), unseen, "", limits.max_seconds_behind)
        }
    }
}

/// Rules 5 to 8: a thread does not run.
fn threads(line: &ReplicaLine, verdict: &Verdict) -> Short {
    let limits: &Limits = &line.limits;
    let status = status(line);
    match (verdict.rule.0, status) {
        (5..=8 | 11 | 12, _) if line.frozen.is_some() => {
            Short::head("stopped in an emergency (frozen): do not start its threads")
        }
        (5, Some(status)) => {
            let number = status.sql_errno.unwrap_or(0);
            Short::head(format!("SQL thread error {number}")).fill(status.sql_error.as_deref())
        }
        (6, Some(status)) => {
            let since = line.state.io_bad_since.map(|since| between(since, verdict.at));
            let so_long = since.map(|since| format!(" for {}s", number(since, &[limits.io_grace.as_secs_f64()])));
            let so_long = so_long.unwrap_or_default();
            let error = status.io_errno.filter(|number| *number != 0);
            let head = match (error, status.io) {
                (Some(number), Some(IoThread::Connecting)) => {
                    format!("IO thread connecting{so_long}, error {number}")
                }
                (Some(number), _) => format!("IO thread error {number}{so_long}"),
                (None, _) => format!("IO thread connecting{so_long}"),
            };
            let short = Short::head(head).fill(status.io_error.as_deref());
            if limits.io_grace.is_zero() { short } else { short.tail(format!(", grace {}s", limit(limits.io_grace))) }
        }
        (7, _) => Short::head("IO thread stopped").tail(", no job stops it").tail(""),
        (8, _) if limits.delay_by == DelayBy::External => {
            let short = Short::head("delay tool not driving the SQL thread");
            match &line.state.executed {
                Some(moved) => short.tail(format!(" for {}s", number(between(moved.since, verdict.at), &[]))),
                None => short,
            }
        }
        (8, _) => with_standing(Short::head("SQL thread stopped, no job"), line, verdict),
        _ => own_words(verdict),
    }
}

/// When somebody looked first, as far as that is known.
fn first_look(line: &ReplicaLine) -> Option<Time> {
    let state = &line.state;
    [state.began, state.blind.as_ref().map(|(since, _)| *since), state.looked].into_iter().flatten().min()
}

/// Rules 13 and 14: a job runs.
fn job(line: &ReplicaLine, verdict: &Verdict) -> Short {
    let classes = running(line, verdict.at);
    let Some((so_long, most)) = verdict.degraded.job else { return own_words(verdict) };
    // Within its own limit: it is those before it that have excused too much.
    if verdict.rule.0 == 13 && so_long <= most {
        return chained(line, verdict);
    }
    let (so_long, limit) = (number(so_long, &[most]), number(most, &[]));
    let head = match verdict.rule.0 {
        13 => format!("{classes} running {so_long}s, limit {limit}s"),
        _ => format!("Active {classes} {so_long}s of {limit}s"),
    };
    with_standing(Short::head(head), line, verdict)
}

/// Jobs one after another have excused it for too long.
fn chained(line: &ReplicaLine, verdict: &Verdict) -> Short {
    let (Some(since), Some(longest)) =
        (line.state.excused_since, line.limits.jobs.iter().map(|class| class.longest).max())
    else {
        return own_words(verdict);
    };
    let most = longest.saturating_add(line.limits.max_recovery_time);
    let so_long = number(between(since, verdict.at), &[most.as_secs_f64()]);
    let short = Short::head(format!("excused by jobs for {so_long}s, limit {}s", limit(most)));
    with_standing(short, line, verdict)
}

/// Rule 16: in bounds.
fn healthy(line: &ReplicaLine, verdict: &Verdict) -> Short {
    let (Some(fit), Some(standing)) = (verdict.fit, standing(line, verdict)) else { return own_words(verdict) };
    let slope = slope(fit.slope);
    let short = Short::head(format!("delay {standing}"));
    let short = match fit.correlation {
        Some(r) => short.tail(format!(", slope {slope}, r {r:.2}")),
        None => short,
    };
    short.tail(format!(", slope {slope}"))
}

/// A slope: `+0.98`, never `-0.00`.
fn slope(slope: f64) -> String {
    let text = format!("{slope:+.2}");
    if text == "-0.00" { "+0.00".to_owned() } else { text }
}

/// Rules 17 to 22: out of bounds, and how it comes back.
fn excursion(line: &ReplicaLine, verdict: &Verdict) -> Short {
    let slope = verdict.fit.map_or_else(|| "?".to_owned(), |fit| slope(fit.slope));
    let below = verdict.fit.is_some_and(|fit| fit.intercept < line.limits.min_delay_time.as_secs_f64());
    let head = match (verdict.rule.0, verdict.degraded.recovery, verdict.degraded.trend) {
        (17, Some((so_long, most)), _) => {
            let class = ended(line, verdict.at).map_or("job", |(class, _)| class);
            format!("Recovery after {class} {}s of {}s", number(so_long, &[most]), number(most, &[]))
        }
        (18, ..) => "recovering - real value within range".to_owned(),
        (19, Some(_), _) => return chained(line, verdict),
        (19, None, _) => match line.state.job_ended {
            Some(end) => {
                let most = line.limits.max_recovery_time;
                let since = number(between(end, verdict.at), &[most.as_secs_f64()]);
                let class =
                    ended(line, verdict.at).filter(|(_, newest)| *newest == end).map_or("job", |(class, _)| class);
                format!("recovery exceeded window: {since}s after {class}")
            }
            None => "recovery exceeded window".to_owned(),
        },
        (20, _, Some((so_long, most))) => {
            format!("recovery exceeded window: {}s of {}s", number(so_long, &[most]), number(most, &[]))
        }
        (20, ..) => "recovery exceeded window".to_owned(),
        (21, ..) => {
            let side = if below { "below minimum" } else { "above maximum" };
            format!("recovering - {side} with slope {slope}")
        }
        (22, ..) => "out of bounds, and slope does not indicate recovery".to_owned(),
        _ => return own_words(verdict),
    };
    let back = verdict.back_in.and_then(|back| Duration::try_from_secs_f64(back).ok());
    let intercept = verdict.fit.map(|fit| number(fit.intercept, &bounds(&line.limits)));
    let mut short = Short::head(head);
    // How long it takes says more than how far it is.
    if let (21, Some(back)) = (verdict.rule.0, back) {
        let back = format!("back in {}", Span(back));
        short = intercept.iter().fold(short, |short, intercept| short.tail(format!("; {intercept}s, {back}")));
        short = short.tail(format!("; {back}"));
    }
    with_standing(short, line, verdict)
}

fn bounds(limits: &Limits) -> [f64; 2] {
    [limits.min_delay_time.as_secs_f64(), limits.max_delay_time.as_secs_f64()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_on_its_side_of_a_limit() {
        let cases: [(f64, &[f64], &str); 8] = [
            (16408.2, &[5400.0, 9000.0], "16408"),
            (9000.3, &[5400.0, 9000.0], "9000.3"),
            (8_999.999_9, &[5400.0, 9000.0], "8999.9999"),
            (9000.0, &[5400.0, 9000.0], "9000"),
            (60.4, &[60.0], "60.4"),
            (-0.2, &[], "0"),
            (-0.2, &[5400.0], "0"),
            (1e15, &[], "1000000000000000"),
        ];
        for (value, edges, text) in cases {
            assert_eq!(number(value, edges), text);
        }
    }

    #[test]
    fn limits_are_plain_decimals() {
        assert_eq!(limit(Duration::from_mins(90)), "5400");
        assert_eq!(limit(Duration::from_millis(250)), "0.25");
        assert_eq!(limit(Duration::ZERO), "0");
    }
}
