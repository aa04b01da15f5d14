//! An outcome in words.

use std::time::Duration;

use super::ledger::Verdict;
use super::outcome::{Counts, HostFigures, Latency, Live, Outcome, Overhead, Phase, Unanswered};
use super::run::rate;
use crate::base::Shown;
use crate::base::units::Count;

/// Hosts, accounts and updates that are named.
const NAMED: usize = 12;

/// Milliseconds, three digits of them that matter.
fn millis(span: Duration) -> String {
    let ms = span.as_secs_f64() * 1e3;
    match ms {
        ms if ms < 10.0 => format!("{ms:.3}"),
        ms if ms < 100.0 => format!("{ms:.2}"),
        ms if ms < 1000.0 => format!("{ms:.1}"),
        ms => format!("{ms:.0}"),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is a rate, and not negative
fn whole(number: f64) -> Count {
    Count(number.round() as u64)
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", Count(count), if count == 1 { one } else { many })
}

/// Percent of something; of nothing there is no share.
pub fn share(percent: Option<f64>) -> String {
    percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent:.1} %"))
}

/// A time that may be long.
fn long(span: Duration) -> String {
    if span < Duration::from_secs(1) { format!("{} ms", millis(span)) } else { format!("{:.1} s", span.as_secs_f64()) }
}

/// What was under way at the end; nothing: nothing was.
pub fn unanswered(of: &Unanswered) -> Option<String> {
    let count = plural(of.count, "request was", "requests were");
    (of.count > 0).then(|| format!("{count} unanswered at the end, the oldest for {}", long(of.oldest)))
}

/// Who did it, over what, and for how long.
pub fn about(of: &Outcome) -> String {
    let over = match of.work {
        "transfer" => plural(of.keys, "account", "accounts"),
        _ => {
            format!("{}, values of {}", plural(of.keys, "key", "keys"), plural(of.value_bytes as u64, "byte", "bytes"))
        }
    };
    format!(
        "{} at {}, {over}, {} choice (seed {}), {:.1} s after the warm-up{}",
        plural(of.clients.into(), "client", "clients"),
        if of.hosts.len() == 1 { "one host".to_owned() } else { format!("each of {} hosts", of.hosts.len()) },
        of.choice,
        of.seed,
        of.span.as_secs_f64(),
        if of.stopped { " (stopped)" } else { "" }
    )
}

/// How a run stands, on one line.
pub fn live(now: &Live) -> String {
    let seconds = now.since.as_secs();
    let place = match now.phase {
        Phase::Connecting => "connecting".to_owned(),
        Phase::WarmUp => "warm-up".to_owned(),
        Phase::Measuring => format!("{seconds} s of {}", now.of.as_secs()),
        Phase::Ending => "ending".to_owned(),
    };
    let latency = now.transaction.as_ref().or(now.trip.as_ref());
    let p99 = latency.map_or_else(|| "-".to_owned(), |times| millis(times.p99));
    let mut parts = vec![format!("{place}: {}/s, p99 {p99} ms", whole(rate(now.counts.commits, now.span)))];
    for (count, what) in [
        (now.so_far.aborts, "aborted"),
        (now.so_far.failed, "failed"),
        (now.so_far.undecided, "undecided"),
        (now.so_far.reconnects, "reconnects"),
    ] {
        if count > 0 {
            parts.push(format!("{what} {}", Count(count)));
        }
    }
    parts.join(", ")
}

/// An outcome, line by line.
pub fn lines(of: &Outcome) -> Vec<String> {
    let transactions = of.work != "get_set";
    let what = match of.work {
        "get_set" => "requests (GET and SET in turn)",
        "trans" => "transactions (WATCH, GET, MULTI, SET, EXEC)",
        _ => "transfers (WATCH and GET of two accounts, MULTI, two SETs, EXEC)",
    };
    let mut all = vec![
        format!("{}: {}/s {what}", of.work, whole(of.per_second)),
        about(of),
        String::new(),
        counts(&of.counts, transactions, of.attempts_per_second),
        format!("round trips {}, {}/s", Count(of.counts.trips), whole(of.trips_per_second)),
    ];
    if let Some(text) = unanswered(&of.unanswered) {
        all.push(format!("{text} (they are among the times, and in no count)"));
    }
    all.extend([
        String::new(),
        format!("{:<16}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}", "ms", "count", "mean", "p50", "p99", "p99.9", "max"),
    ]);
    if transactions {
        all.push(times("transaction", of.transaction.as_ref()));
        if of.counts.aborts > 0 {
            all.push(times("  committed", of.committed.as_ref()));
        }
    }
    all.push(times("round trip", of.trip.as_ref()));
    all.extend(of.steps.iter().map(|step| times(&format!("  {}", step.command), Some(&step.trip))));
    if of.hosts.len() > 1 {
        all.push(String::new());
        all.extend(hosts(of));
    }
    let trouble = errors(&of.counts);
    if !trouble.is_empty() {
        all.push(String::new());
        all.extend(trouble);
    }
    if let Some(verdict) = &of.invariant {
        all.push(String::new());
        all.extend(invariant(verdict));
    }
    all.push(String::new());
    all.extend(of.overhead.iter().flat_map(|own| overhead(own, of.clients)));
    if let Some(busy) = of.busiest_thread {
        let near = if busy > 90.0 { ": the tool itself is near its limit (--threads, or fewer clients)" } else { "" };
        all.push(format!("the busiest thread of {} took {busy:.0} % of a core{near}", of.threads));
    }
    let keys = format!("{}*", of.prefix);
    all.push(format!("{} removed ({keys})", plural(of.removed, "key", "keys")));
    for left in &of.left {
        all.push(format!(
            "{}: {} may be left: {}; this removes them: {}",
            left.host,
            plural(left.keys, "key", "keys"),
            Shown::text(&left.why),
            Shown::text(&left.command)
        ));
    }
    all
}

fn counts(of: &Counts, transactions: bool, rate: f64) -> String {
    let attempts = of.attempts();
    let mut parts = vec![if transactions {
        format!(
            "attempts {} ({}/s): committed {}, aborted {} ({} of those that came to EXEC)",
            Count(attempts),
            whole(rate),
            Count(of.commits),
            Count(of.aborts),
            share(of.abort_share())
        )
    } else {
        format!("requests {}: answered {}", Count(attempts), Count(of.commits))
    }];
    parts.push(format!("failed {}", Count(of.failed)));
    if of.undecided > 0 {
        parts.push(format!("undecided {} (EXEC was sent, its answer was lost)", Count(of.undecided)));
    }
    if of.misses > 0 {
        parts.push(format!("GETs of a key that was not there {}", Count(of.misses)));
    }
    parts.join(", ")
}

fn times(name: &str, of: Option<&Latency>) -> String {
    let Some(of) = of else { return format!("{name:<16}{:>12}", "none") };
    let each: String = [of.mean, of.p50, of.p99, of.p999, of.max].map(|span| format!("{:>10}", millis(span))).concat();
    format!("{name:<16}{:>12}{each}", Count(of.count))
}

fn hosts(of: &Outcome) -> Vec<String> {
    let name = |host: &HostFigures| host.host.to_string();
    let width = of.hosts.iter().take(NAMED).map(|host| name(host).len()).max().unwrap_or(0).max(4);
    let mut all = vec![format!(
        "{:<width$}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "host", "a second", "aborted", "failed", "mean ms", "p99 ms", "max ms"
    )];
    all.extend(of.hosts.iter().take(NAMED).map(|host| {
        let time = |of: fn(&Latency) -> Duration| host.attempt.as_ref().map_or("-".to_owned(), |time| millis(of(time)));
        format!(
            "{:<width$}{:>12}{:>10}{:>10}{:>10}{:>10}{:>10}",
            name(host),
            whole(rate(host.counts.commits, of.span)),
            Count(host.counts.aborts),
            Count(host.counts.failed),
            time(|of| of.mean),
            time(|of| of.p99),
            time(|of| of.max)
        )
    }));
    if of.hosts.len() > NAMED {
        all.push(format!("and {} more hosts (--json names all)", of.hosts.len() - NAMED));
    }
    all
}

fn errors(of: &Counts) -> Vec<String> {
    let mut all = Vec::new();
    for (count, what) in
        [(of.reconnects, "connections made anew"), (of.moved, "redirected by MOVED"), (of.asked, "redirected by ASK")]
    {
        if count > 0 {
            all.push(format!("{what}: {}", Count(count)));
        }
    }
    all.extend(of.errors.iter().map(|(code, seen)| {
        format!("{}: {}, the first: {}", Shown::text(code), Count(seen.count), Shown::text(&seen.text))
    }));
    all
}

fn invariant(of: &Verdict) -> Vec<String> {
    let sum = of.sum_found.map_or_else(|| "unknown".to_owned(), |sum| sum.to_string());
    let begin = match &of.unknown {
        Some(why) => format!("invariant: UNKNOWN, {}", Shown::text(why)),
        None if of.holds() => "invariant holds".to_owned(),
        None => "INVARIANT BROKEN".to_owned(),
    };
    let mut all = vec![format!(
        "{begin}: {}, {}, sum {sum} of {}; lost updates {}, foreign updates {}",
        plural(of.accounts, "account", "accounts"),
        plural(of.transfers, "transfer", "transfers"),
        of.sum_expected,
        Count(of.lost_updates),
        Count(of.foreign_updates)
    )];
    if of.settled > 0 {
        let text = "whose EXEC was not answered and that were carried out";
        all.push(format!("  {} {text}", plural(of.settled, "transfer", "transfers")));
    }
    all.extend(wrong(of).into_iter().map(|line| format!("  {line}")));
    all
}

/// The accounts that are not well, and what was lost of them, one by one as far as they are named.
pub fn wrong(of: &Verdict) -> Vec<String> {
    let mut all = Vec::new();
    for one in of.lost.iter().take(NAMED) {
        let key = Shown::text(&one.key);
        all.push(format!("{key}: change {} was committed twice; the second by client {}", one.change, one.client));
    }
    for one in of.wrong.iter().take(NAMED) {
        let found = one.found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
        let changes = one.changes.map_or_else(|| "none".to_owned(), |changes| Count(changes).to_string());
        let key = Shown::text(&one.key);
        all.push(format!(
            "{key} at {}: holds {found}, its transfers make {}; {} committed, changed {changes} times",
            Shown::text(&one.host),
            one.expected,
            Count(one.commits)
        ));
    }
    let named = of.wrong.len().min(NAMED) as u64;
    if of.wrong_accounts > named {
        all.push(format!("and {} more accounts", of.wrong_accounts - named));
    }
    all
}

fn overhead(of: &Overhead, clients: u32) -> Vec<String> {
    let time = |of: Option<&Latency>| of.map_or_else(|| "-".to_owned(), |time| millis(time.p50));
    let one = time(of.one.as_ref());
    let many = plural(clients.into(), "client", "clients");
    vec![format!(
        "the tool itself, against an answerer on this machine that answers at once: {one} ms a round trip with one client \
         (p50), {}/s with {many} (p50 {} ms)",
        whole(of.rate),
        time(of.many.as_ref())
    )]
}
