//! Delayed replicas of the demo: each is judged as its scenario promises, at its time, by the worker that judges real ones.

use std::time::Duration;

use firn::base::{Severity, Time};
use firn::delay::freeze::orders::ask_resume;
use firn::delay::freeze::record::{Asked, Phase, Record};
use firn::delay::freeze::statement::Statement;
use firn::delay::seen::IoThread;
use firn::delay::snapshot::ReplicaLine;
use firn::demo::scenario::Scenario;
use firn::services::Services;

use super::{Play, the_same_twice};
use Severity::{Critical, Ok, Unknown, Warning};

impl Play {
    fn replicas(&self) -> Vec<ReplicaLine> {
        self.runtime.block_on(self.services.delays()).unwrap().replicas
    }

    fn replica(&self, name: &str) -> ReplicaLine {
        self.replicas().into_iter().find(|line| line.name == name).unwrap()
    }

    /// What a replica's chart shows, seconds from the start of the scenario.
    fn samples(&self, name: &str, from: i64, to: i64, start: Time) -> Vec<(i64, Option<f64>)> {
        let moment = |secs: i64| Time::from_micros(start.as_micros() + secs * 1_000_000);
        let chart = self.services.delay_chart(name, moment(from), moment(to));
        let samples = self.runtime.block_on(chart).unwrap().samples;
        samples.into_iter().map(|(at, delay)| (seconds(at, start), delay)).collect()
    }
}

fn seconds(at: Time, start: Time) -> i64 {
    (at.as_micros() - start.as_micros()) / 1_000_000
}

/// When it changes, in seconds from the start of the scenario; how bad it is, by which rule, and some of the words.
type Turns = &'static [(i64, Severity, u8, &'static str)];

/// What each replica of the scenario goes through in its six hours of past and its first 32 minutes.
const STORY: [(&str, Turns); 16] = [
    ("db01", &[(-21_600, Unknown, 15, "window began: the first look"), (-21_310, Ok, 16, "delay 7")]),
    (
        "db02",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-9200, Warning, 14, "Active backup 8 s of 64800 s; intercept 7"),
            (
                1801,
                Warning,
                17,
                "Replication delay intercept is out of bounds, currently in recovery window for backup which completed 0 seconds ago: 0 of 21600 s; intercept 18208 s",
            ),
        ],
    ),
    (
        "db03",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-11_000, Warning, 14, "Active backup"),
            (
                -1800,
                Warning,
                17,
                "currently in recovery window for backup which completed 0 seconds ago: 0 of 21600 s; intercept 16408 s",
            ),
        ],
    ),
    (
        "db04",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-1500, Unknown, 15, "window began: SQL_Delay 7200 became 0"),
            (-1210, Critical, 22, "s below minimum"),
            (-1200, Unknown, 15, "window began: SQL_Delay 0 became 7200"),
            (-910, Warning, 21, "Replication delay intercept recovering – below minimum with slope +"),
        ],
    ),
    (
        "db05",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-3600, Critical, 22, "Replication delay intercept is out of bounds, and slope does not indicate recovery"),
            (-300, Warning, 21, "Replication delay intercept recovering – above maximum with slope -"),
            (1201, Ok, 16, "delay 9000 s, slope -0.50"),
        ],
    ),
    (
        "db06",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-7200, Warning, 14, "Active deshard 0 s of 32400 s"),
            (
                1201,
                Warning,
                17,
                "currently in recovery window for deshard which completed 0 seconds ago: 0 of 21600 s; intercept 12240 s",
            ),
        ],
    ),
    (
        "db07",
        &[
            (-21_600, Warning, 14, "Active backup 8908 s of 64800 s; no trend yet"),
            (
                -21_300,
                Warning,
                17,
                "recovery window for backup which completed 0 seconds ago: 0 of 21600 s; intercept 16408 s",
            ),
            (
                301,
                Critical,
                19,
                "Replication delay intercept recovery exceeded window: the job ended 21600 s ago, window 21600 s",
            ),
        ],
    ),
    (
        "db08",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-7690, Critical, 22, "slope does not indicate recovery"),
            (-280, Warning, 21, "above maximum"),
            (-260, Warning, 18, "Replication delay intercept recovering – real value within range: 72"),
            (-130, Ok, 16, "delay 8"),
            (-9, Warning, 18, "Replication delay intercept recovering – real value within range: 7"),
            (241, Ok, 16, "delay 5"),
        ],
    ),
    (
        "db09",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-900, Critical, 22, "Replication delay intercept is out of bounds, and slope does not indicate recovery"),
        ],
    ),
    (
        "db10",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-2400, Warning, 6, "IO thread error 13114 for 0 s, grace 60 s: Got fatal error 1236 from source"),
            (-2330, Critical, 6, "IO thread error 13114 for 70 s"),
        ],
    ),
    (
        "db11",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (
                -720,
                Critical,
                5,
                "SQL thread error 1062: Could not execute Write_rows event on table shop.orders; Duplicate entry",
            ),
        ],
    ),
    (
        "db12",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-480, Critical, 9, "local heartbeat 60.5 s old, limit 60 s"),
        ],
    ),
    (
        "db13",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-240, Critical, 10, "primary heartbeat 60.5 s old, limit 60 s"),
        ],
    ),
    (
        "db14",
        &[
            (-21_600, Unknown, 15, "too few samples"),
            (-21_310, Ok, 16, "delay 7"),
            (-120, Critical, 3, "no sample for 70 s: db14:3306 does not answer within 2s"),
            (721, Unknown, 15, "window began: the server restarted: up for"),
            (1011, Ok, 16, "delay 7"),
        ],
    ),
    ("db15", &[(-21_600, Unknown, 15, "too few samples"), (-21_310, Ok, 16, "delay 72")]),
    ("db16", &[(-21_600, Unknown, 15, "too few samples"), (-21_310, Ok, 16, "delay 7")]),
];

#[test]
fn each_replica_goes_through_what_its_scenario_promises() {
    let play = Play::of("delay", 1, 2);
    play.driver.run_until(Duration::from_mins(32));
    let start = Scenario::find("delay").unwrap().start;
    let lines = play.replicas();
    assert_eq!(lines.len(), STORY.len());
    for (name, expected) in STORY {
        let line = lines.iter().find(|line| line.name == name).unwrap();
        let turns = &line.state.turns;
        let told: Vec<_> = turns
            .iter()
            .map(|turn| format!("{} {:?} #{} {}", seconds(turn.since, start), turn.severity, turn.rule.0, turn.text))
            .collect();
        assert_eq!(turns.len(), expected.len(), "{name}: {told:#?}");
        for (turn, (at, severity, rule, words)) in turns.iter().zip(expected) {
            let off = seconds(turn.since, start) - at;
            assert_eq!((turn.severity, turn.rule.0), (*severity, *rule), "{name}: {told:#?}");
            // Three seconds of noise move a crossing by some samples.
            assert!(off.abs() <= 30 && turn.text.contains(words), "{name} at {at}: {told:#?}");
        }
        let (verdict, last) = (line.verdict.as_ref().unwrap(), expected.last().unwrap());
        assert_eq!((verdict.severity, verdict.rule.0), (last.1, last.2), "{name}");
        assert!(seconds(verdict.at, start) > 32 * 60 - 15, "{name} is judged up to now");
        let past = line.spark.iter().filter(|column| column.is_some()).count();
        assert!(past >= 34, "{name} has six hours of past: {:?}", line.spark);
    }
    // What only somebody who looks closer sees.
    let hint = |name: &str| lines.iter().find(|line| line.name == name).unwrap().verdict.clone().unwrap().hint.unwrap();
    assert_eq!(hint("db09"), "the applier is stuck: one long transaction, a lock, or a full disk");
    assert!(hint("db10").starts_with("nothing is received"), "{}", hint("db10"));
}

#[test]
fn at_its_start_the_pictures_of_the_article_are_there() {
    let play = Play::of("delay", 1, 2);
    play.driver.run_until(Duration::from_secs(1));
    let delay = |name: &str| play.replica(name).verdict.unwrap().delay.unwrap().0;
    assert!((delay("db01") - 7200.0).abs() <= 3.0, "{}", delay("db01"));
    // A second or less after the start: the thread stands, and nothing varies.
    assert!((16_408.0..16_410.0).contains(&delay("db02")), "{}", delay("db02"));
    let back = play.replica("db03").verdict.unwrap();
    assert!((back.delay.unwrap().0 - (16_408.0 - 900.0)).abs() <= 4.0, "{back:?}");
    assert!((back.fit.unwrap().slope + 0.5).abs() < 0.01, "{back:?}");
    let (ago, limit) = back.degraded.recovery.unwrap();
    assert!((1800.0..1802.0).contains(&ago) && (limit - 21_600.0).abs() < 0.1, "{ago} of {limit}");
    // The IO thread has stood for forty minutes, and the delay says nothing of it.
    let (io, delayed) = (play.replica("db10"), delay("db10"));
    assert!((delayed - 7200.0).abs() <= 3.0 && io.severity() == Critical, "{delayed}");
    let worst = |severity| play.replicas().iter().filter(|line| line.severity() == severity).count();
    assert_eq!((worst(Ok), worst(Warning), worst(Unknown), worst(Critical)), (3, 7, 0, 6));
}

#[test]
fn a_dip_that_is_over_at_once_pages_nobody() {
    let play = Play::of("delay", 1, 2);
    play.driver.run_until(Duration::from_secs(200));
    let start = Scenario::find("delay").unwrap().start;
    let dipped = play.samples("db16", 110, 150, start);
    let below: Vec<_> = dipped.iter().filter(|(_, delay)| delay.is_some_and(|delay| delay < 5400.0)).collect();
    assert_eq!(below.len(), 2, "{dipped:?}");
    let line = play.replica("db16");
    assert_eq!((line.severity(), line.state.turns.len()), (Ok, 2), "{:?}", line.state.turns);
}

#[test]
fn delayed_replicas_are_the_same_on_one_thread_and_on_four() {
    let state = the_same_twice("delay", Duration::from_secs(330));
    for table in ["judge", "sample", "window"] {
        assert!(state.lines().any(|row| row.starts_with(&format!("{table}|"))), "{table} is empty");
    }
    assert!(state.contains("recovery exceeded window"), "db07 has got there");
}

#[test]
fn a_calm_evening_has_replicas_in_good_health_and_a_bad_night_has_not() {
    let play = Play::of("calm", 1, 2);
    play.driver.run_until(Duration::from_mins(2));
    let lines = play.replicas();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.severity() == Ok), "{lines:?}");
    let play = Play::of("bad-night", 1, 2);
    let severities = |secs: u64| {
        play.driver.run_until(Duration::from_secs(secs));
        play.replicas().iter().map(|line| (line.severity(), line.verdict.as_ref().unwrap().rule.0)).collect::<Vec<_>>()
    };
    assert_eq!(severities(80), [(Ok, 16), (Ok, 16), (Ok, 16)]);
    assert_eq!(severities(130), [(Ok, 16), (Warning, 14), (Ok, 16)]);
    assert_eq!(severities(270), [(Ok, 16), (Warning, 14), (Critical, 5)]);
    let findings = play.snapshot().findings;
    let told = |name: &str| findings.iter().find(|row| row.object == name).map(|row| (row.rule.as_str(), row.severity));
    assert_eq!((told("db14"), told("db15")), (None, Some(("delay.replica", Warning))), "{findings:?}");
    assert_eq!(told("db22"), Some(("delay.replica", Critical)), "{findings:?}");
    let told = play.events("job.started");
    assert!(told.iter().any(|(who, _)| who == "xtrabackup on db15"), "{told:?}");
}

#[test]
fn a_frozen_replica_stands_and_a_tool_that_starts_it_is_met_with_a_stop() {
    let play = Play::of("delay", 1, 2);
    play.driver.run_until(Duration::from_secs(5));
    for name in ["db01", "db15"] {
        let limits = play.services.freeze_limits(name).unwrap();
        let asked = Asked {
            replica: name.to_owned(),
            channel: String::new(),
            external: Services::is_external(&limits),
            gap: limits.tool_interval,
            statement: Statement::default(),
            degraded: None,
            who: "mira on db-ops-1".to_owned(),
            loss: None,
            facts: None,
        };
        play.runtime.block_on(play.services.keeper().begin(asked)).unwrap();
    }
    let record = |name: &str| play.runtime.block_on(play.services.keeper().open_of(name)).unwrap().unwrap().record;
    play.driver.run_until(Duration::from_secs(75));
    assert_eq!((record("db01").phase, record("db01").restarts), (Phase::Frozen, 0), "{:?}", record("db01"));
    let driven = record("db15");
    assert!(driven.phase != Phase::Frozen && driven.restarts >= 1, "the tool lets it run once a minute: {driven:?}");
    // Its tool is ended after two starts.
    play.driver.run_until(Duration::from_secs(310));
    let driven = record("db15");
    assert_eq!((driven.phase, driven.restarts), (Phase::Frozen, 2), "{driven:?}");
    let line = play.replica("db01");
    let (status, delay) = (line.state.seen.clone().unwrap().1.status.unwrap(), line.verdict.unwrap().delay.unwrap().0);
    assert_eq!((status.sql, status.io), (Some(false), Some(IoThread::No)));
    assert!((7480.0..7512.0).contains(&delay), "it stands since second 5 or 6: {delay}");
    let resume = |record: &Record, now| ask_resume(record, "mira on db-ops-1", now);
    play.runtime.block_on(play.services.keeper().order("db01", "mira on db-ops-1", resume)).unwrap();
    play.driver.run_until(Duration::from_secs(340));
    let line = play.replica("db01");
    let delay = line.verdict.as_ref().unwrap().delay.unwrap().0;
    assert!((delay - 7200.0).abs() <= 3.0, "started, it is back on its line: {delay}");
    assert!(play.runtime.block_on(play.services.keeper().open_of("db01")).unwrap().is_none());
}

#[test]
#[ignore = "hours of a demo take minutes: run it with --ignored"]
fn where_hours_pass_in_minutes_each_comes_to_its_end() {
    let play = Play::of("delay", 1, 2);
    play.driver.run_until(Duration::from_secs(16_000));
    let start = Scenario::find("delay").unwrap().start;
    for (name, at) in [("db02", 6411), ("db03", 13_021), ("db04", 4201), ("db06", 9301), ("db07", 15_741)] {
        let line = play.replica(name);
        let last = line.state.turns.last().unwrap();
        assert_eq!(last.severity, Ok, "{name}: {:?}", line.state.turns);
        assert!((seconds(last.since, start) - at).abs() <= 40, "{name}: {:?}", line.state.turns);
    }
}
