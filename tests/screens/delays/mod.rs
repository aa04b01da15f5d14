//! The Delay tab over made-up replicas: what those are, and consoles over them. Its list, one replica looked at closely and
//! what comes from outside have rooms of their own.

#![allow(clippy::cast_precision_loss)] // counts of a made-up state

mod closely;
pub mod freeze;
mod frozen;
mod jobs;
mod lists;
pub mod outside;

use std::sync::Arc;
use std::time::Duration;

use firn::base::{Severity, Time};
use firn::console::effect::{Effect, Query};
use firn::console::model::Model;
use firn::console::msg::{Msg, Reply};
use firn::delay::job::Job;
use firn::delay::limits::Limits;
use firn::delay::seen::{Heartbeat, IoThread, Position, Seen, Status};
use firn::delay::snapshot::{DelayChart, DelaySnapshot, Frozen, ReplicaLine, SPARK};
use firn::delay::state::{Moved, Place, State, Turn};
use firn::delay::verdict::{Degraded, Fit, Match, Measured, RuleId, Verdict};

use crate::kit::{NOW, ago, busy, console, go, paint, send};

/// A job that began and ended so many seconds ago.
pub fn job(class: &str, start: u64, end: Option<u64>) -> Job {
    Job { class: class.to_owned(), start: ago(start), end: end.map(ago) }
}

fn measured(name: &str, value: Option<f64>, least: Option<f64>, most: Option<f64>, used: Option<f64>) -> Measured {
    Measured { name: name.to_owned(), value, least, most, used }
}

fn moved(at: u64, since: u64) -> Moved<Place> {
    let position = Some(Position { file: "binlog.000123".to_owned(), at });
    Moved { value: Place { position, gtid: None }, since: ago(since) }
}

/// What a healthy replica looks like to its prober.
pub fn seen() -> Seen {
    Seen {
        server_id: Some(14),
        server_uuid: None,
        uptime: Some(1_900_000),
        version: Some("10.11.19-MariaDB".to_owned()),
        read_only: Some(true),
        status: Some(Status {
            io: Some(IoThread::Yes),
            sql: Some(true),
            io_errno: Some(0),
            sql_errno: Some(0),
            io_state: Some("Waiting for master to send event".to_owned()),
            sql_state: Some("Waiting until MASTER_DELAY seconds after master executed event".to_owned()),
            source_host: Some("db01".to_owned()),
            source_port: Some(3306),
            source_id: Some(1),
            relay: Some(Position { file: "relay.000044".to_owned(), at: 8_812 }),
            relay_space: Some(812_000_000),
            sql_delay: Some(7_200),
            sql_remaining: Some(12),
            seconds_behind: None,
            ..Status::default()
        }),
        delay: Some(Heartbeat::Age(7_204.2)),
        applied: None,
        local: Some(Heartbeat::Age(0.4)),
        primary: Some(Heartbeat::Age(0.5)),
        jobs: Vec::new(),
        notes: Vec::new(),
        ..Seen::default()
    }
}

/// A verdict as a judge of the rules would give it.
pub fn verdict(severity: Severity, rule: u8, text: &str, delay: f64, slope: f64, correlation: Option<f64>) -> Verdict {
    let of = |value: f64, limit: f64| Some(value / limit);
    Verdict {
        at: ago(4),
        severity,
        rule: RuleId(rule),
        text: text.to_owned(),
        matches: vec![Match { rule: RuleId(rule), severity, text: text.to_owned() }],
        delay: Some((delay, ago(4))),
        fit: Some(Fit { slope, intercept: delay - 7.0, correlation, count: 60 }),
        back_in: None,
        out_in: None,
        out_since: None,
        degraded: Degraded::default(),
        measured: vec![
            measured("max-delay-time", Some(delay), None, Some(9_000.0), of(delay, 9_000.0)),
            measured("max-master-behind", Some(0.5), None, Some(1_800.0), of(0.5, 1_800.0)),
            measured("max-relay-behind", None, None, Some(28_800.0), None),
            measured("max-seconds-behind", Some(0.4), None, Some(60.0), of(0.4, 60.0)),
        ],
        hint: None,
    }
}

/// A replica that stands at this delay, with this verdict.
pub fn replica(name: &str, verdict: Verdict) -> ReplicaLine {
    let turn = |since, severity, rule, text: &str| Turn {
        since: ago(since),
        severity,
        rule: RuleId(rule),
        text: text.to_owned(),
    };
    let mut turns = vec![turn(864_000, Severity::Ok, 16, "delay on target")];
    if verdict.severity != Severity::Ok {
        turns.push(turn(660, verdict.severity, verdict.rule.0, &verdict.text));
    }
    let state = State {
        began: Some(ago(86_400)),
        began_why: Some("the first look".to_owned()),
        received: Some(moved(4_567, 1)),
        executed: Some(moved(1_234, 12)),
        seen: Some((ago(4), seen())),
        turns,
        ..State::default()
    };
    ReplicaLine {
        name: name.to_owned(),
        group: Some("shop".to_owned()),
        limits: Arc::new(Limits::default()),
        verdict: Some(verdict),
        state: Arc::new(state),
        jobs: Vec::new(),
        spark: vec![Some(7_200.0); SPARK],
        judged: Some(("db-ops-1".to_owned(), ago(4))),
        frozen: None,
    }
}

pub fn healthy(name: &str) -> ReplicaLine {
    replica(name, verdict(Severity::Ok, 16, "delay 7204 s, slope +0.001 s/s, r 0.03", 7_204.2, 0.001, Some(0.03)))
}

/// The post's backup: 9,208 s of it, at 16,408 s.
pub fn backup() -> ReplicaLine {
    let text = "Active backup 9208 s of 64800 s; intercept 16401 s, allowed 5400 to 9000 s, slope +1.000 s/s";
    let mut verdict = verdict(Severity::Warning, 14, text, 16_408.0, 1.0, Some(1.0));
    verdict.degraded.job = Some((9_208.0, 64_800.0));
    verdict.out_since = Some(ago(7_408));
    let mut line = replica("db11-delay", verdict);
    line.jobs = vec![job("backup", 9_208, None)];
    let state = Arc::make_mut(&mut line.state);
    if let Some(status) = state.seen.as_mut().and_then(|(_, seen)| seen.status.as_mut()) {
        (status.sql, status.sql_state) = (Some(false), None);
    }
    state.executed = Some(moved(1_234, 9_208));
    line.spark = (0..SPARK).map(|n| Some(if n < 20 { 7_200.0 } else { 7_200.0 + 575.0 * (n as f64 - 19.0) })).collect();
    line
}

/// The post's recovery: the backup ended 2,400 s ago.
pub fn recovery() -> ReplicaLine {
    let text = "Replication delay intercept is out of bounds, currently in recovery window for backup which completed 2400 \
                seconds ago: 2400 of 21600 s; intercept 14937 s, allowed 5400 to 9000 s, slope -0.610 s/s, back in 9744 s at \
                this rate";
    let mut verdict = verdict(Severity::Warning, 17, text, 14_944.0, -0.61, Some(-0.98));
    verdict.degraded.recovery = Some((2_400.0, 21_600.0));
    verdict.out_since = Some(ago(9_808));
    verdict.back_in = Some(9_744.0);
    let mut line = replica("db09-delay", verdict);
    line.jobs = vec![job("backup", 11_608, Some(2_400))];
    line.spark = (0..SPARK).map(|n| (n != 7).then_some(7_200.0 + 300.0 * n as f64)).collect();
    line
}

/// One that nobody explains: it falls behind.
pub fn critical() -> ReplicaLine {
    let text = "Replication delay intercept is out of bounds, and slope does not indicate recovery: 3863 s above maximum; \
                intercept 12863 s, allowed 5400 to 9000 s, slope +0.980 s/s, needed -0.429 s/s";
    let mut verdict = verdict(Severity::Critical, 22, text, 12_870.0, 0.98, Some(0.99));
    let second = "relay log not updated for 29100 s, limit 28800 s: nothing is executed";
    verdict.matches.push(Match { rule: RuleId(12), severity: Severity::Critical, text: second.to_owned() });
    verdict.hint = Some("the applier is stuck: one long transaction, a lock, or a full disk".to_owned());
    verdict.out_since = Some(ago(660));
    verdict.degraded.trend = Some((660.0, 9_000.0));
    let mut line = replica("db14-delay", verdict);
    line.spark = (0..SPARK).map(|n| Some(7_200.0 + (n as f64 - 25.0).max(0.0) * 570.0)).collect();
    line
}

/// One that nobody has judged yet.
pub fn unknown() -> ReplicaLine {
    let healthy = healthy("db20-delay");
    ReplicaLine { verdict: None, state: Arc::default(), spark: vec![None; SPARK], judged: None, group: None, ..healthy }
}

/// One whose judge has not been heard of for some intervals.
pub fn stale() -> ReplicaLine {
    ReplicaLine { judged: Some(("db-ops-2".to_owned(), ago(45))), ..healthy("db03-delay") }
}

/// One that was stopped in an emergency.
pub fn frozen() -> ReplicaLine {
    let text = "SQL thread stopped, no job: nothing is executed; START REPLICA SQL_THREAD";
    let line = replica("db07-delay", verdict(Severity::Critical, 8, text, 7_900.0, 1.0, Some(1.0)));
    let words = "frozen stopped at 11:48Z by robin on db-ops-1; both threads stand".to_owned();
    ReplicaLine { frozen: Some(Frozen { proven: true, words, ..Frozen::default() }), ..line }
}

/// Replicas with something of everything, as they are configured.
pub fn delays() -> DelaySnapshot {
    let replicas = vec![
        healthy("db01-delay"),
        stale(),
        frozen(),
        recovery(),
        backup(),
        critical(),
        unknown(),
        healthy("db21-delay/archive"),
    ];
    DelaySnapshot { now: NOW, replicas }
}

/// So many replicas, every seventh of them in trouble.
pub fn many(count: usize) -> DelaySnapshot {
    let one = |n: usize| {
        let line = match n % 7 {
            1 if n % 2 == 1 => recovery(),
            1 => critical(),
            _ => healthy("x"),
        };
        ReplicaLine { name: format!("db{n:03}-delay"), ..line }
    };
    DelaySnapshot { now: NOW, replicas: (1..=count).map(one).collect() }
}

/// What a chart of a replica is drawn from: the line that `at` gives for seconds before now, every ten seconds or more.
fn chart(query: &Query, at: impl Fn(f64) -> Option<f64>, jobs: Vec<Job>) -> DelayChart {
    let Query::DelayChart { span, until, .. } = query else { panic!("{query:?}") };
    let length = span.length();
    let from = until.minus(length);
    let count = length.as_secs() / 10;
    let moment = |n: u64| from.plus(Duration::from_secs(n * 10));
    let samples = (0..=count).map(|n| (moment(n), at(-((count - n) as f64 * 10.0)))).collect();
    DelayChart { from, to: *until, samples, thinned: false, jobs }
}

/// The answer to what is asked of a replica's samples.
pub fn answer_chart(query: &Query) -> Reply {
    let Query::DelayChart { name, .. } = query else { panic!("{query:?}") };
    // Ten seconds up and down, as the post says of a line that is not under load.
    let steady = |x: f64| 7_200.0 + 8.0 * (x / 37.0).sin();
    let result = match name.as_str() {
        "db11-delay" => chart(
            query,
            |x| Some(if x < -9_208.0 { steady(x) } else { 7_200.0 + 9_208.0 + x }),
            vec![job("backup", 9_208, None)],
        ),
        "db09-delay" => {
            // Nobody looked for ten minutes.
            let gap = |x: f64| match x {
                x if x < -11_608.0 => Some(steady(x)),
                x if x < -2_400.0 => Some(7_200.0 + 11_608.0 + x),
                x if (-1_800.0..-1_200.0).contains(&x) => None,
                x => Some(14_944.0 - 0.61 * x),
            };
            chart(query, gap, vec![job("backup", 11_608, Some(2_400)), job("deshard", 20_000, Some(18_500))])
        }
        "db14-delay" => chart(query, |x| Some(if x < -5_790.0 { steady(x) } else { 12_870.0 + 0.98 * x }), Vec::new()),
        "db20-delay" => chart(query, |_| None, Vec::new()),
        _ => chart(query, |x| Some(steady(x)), Vec::new()),
    };
    Reply::DelayChart(query.clone(), Ok(Box::new(result)))
}

/// A console on the tab, over these replicas.
pub fn over(snapshot: DelaySnapshot) -> Model {
    let mut model = console(busy());
    send(&mut model, Msg::Delays(Arc::new(snapshot)));
    go(&mut model, "4");
    let (_, report) = paint(&model, (140, 40));
    model.drawn(report);
    model
}

/// A console on the tab.
pub fn tab() -> Model {
    over(delays())
}

/// Consoles on which little can be done.
pub fn bare() -> Vec<Model> {
    let empty = over(DelaySnapshot { now: NOW, replicas: Vec::new() });
    let mut alone = over(DelaySnapshot { now: NOW, replicas: vec![healthy("db01-delay")] });
    go(&mut alone, "enter [");
    let mut longest = alone.clone();
    go(&mut longest, "] ] ]");
    let mut gone = alone.clone();
    send(&mut gone, Msg::Delays(Arc::new(DelaySnapshot { now: NOW, replicas: Vec::new() })));
    // A job that is under way is asked for once.
    let mut waits = tab();
    go(&mut waits, "w enter right enter! w");
    let mut all = vec![empty, alone, longest, gone, waits];
    all.extend(freeze::bare());
    all
}

/// The one thing asked.
pub fn asked(effects: &[Effect]) -> Query {
    let [Effect::Ask(query)] = effects else { panic!("{effects:?}") };
    query.clone()
}

/// That many seconds later.
pub fn later(secs: u64) -> Time {
    NOW.plus(Duration::from_secs(secs))
}
