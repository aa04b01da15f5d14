//! What the plugin says of each of the 22 rules.

use firn::base::Severity::{Critical, Ok as Fine, Unknown, Warning};
use firn::delay::limits::DelayBy;
use firn::delay::plugin::plugin;
use firn::delay::seen::{Heartbeat, IoThread};
use firn::delay::snapshot::ReplicaLine;
use std::time::Duration;

use crate::made::{Made as _, ago, fit, job, line, verdict};
use crate::reader::read;

const HEALTHY: &str = "delay=7204.2s;5400:9000;5400:9000;0 intercept=7203.9s;5400:9000;5400:9000 slope=0.0000 received=0.5s;;1800;0 executed=1.5s;;28800;0";

/// A rule, the replica, its line, and its figures where they are not those of a healthy one.
type Row = (u8, ReplicaLine, &'static str, Option<&'static str>);

fn rows() -> Vec<Row> {
    let mut rows = vec![
        (
            1,
            line(verdict(
                1,
                Unknown,
                "min-delay-time 9000 s is not below max-delay-time 5400 s; lower one or raise the other",
            ))
            .verdict(|v| (v.fit, v.delay) = (None, None))
            .limits(|l| (l.min_delay_time, l.max_delay_time) = (Duration::from_mins(150), Duration::from_mins(90))),
            "DELAY UNKNOWN - min-delay-time 9000 s is not below max-delay-time 5400 s...",
            Some("received=0.5s;;1800;0 executed=1.5s;;28800;0"),
        ),
        (
            2,
            ReplicaLine {
                judged: Some(("db-ops-1".to_owned(), ago(75.4))),
                ..line(verdict(2, Critical, "worker last seen 75 s ago"))
            },
            "DELAY CRITICAL - db14: worker last seen 75s ago, limit 60s (on db-ops-1)",
            None,
        ),
        (
            3,
            line(verdict(3, Critical, "no sample for 75 s"))
                .verdict(|v| (v.delay, v.fit) = (Some((7204.0, ago(75.0))), None))
                .state(|s| s.blind = Some((ago(1.0), "cannot connect to db14:3306: connection refused".to_owned()))),
            "DELAY CRITICAL - no sample for 75s: cannot connect to db14:3306: connection...",
            Some("received=0.5s;;1800;0 executed=1.5s;;28800;0"),
        ),
        (
            3,
            line(verdict(3, Critical, "heartbeat from the future")).verdict(|v| v.delay = Some((-17979.5, ago(1.0)))),
            "DELAY CRITICAL - db14: heartbeat 17980s in the future, check clocks and --utc",
            Some(
                "delay=-17979.5s;5400:9000;5400:9000 intercept=7203.9s;5400:9000;5400:9000 slope=0.0000 received=0.5s;;1800;0 executed=1.5s;;28800;0",
            ),
        ),
        (
            4,
            line(verdict(4, Critical, "not a replica"))
                .verdict(|v| (v.delay, v.fit) = (None, None))
                .state(|s| s.seen.as_mut().unwrap().1.status = None),
            "DELAY CRITICAL - db14: not a replica: no replication is configured",
            Some("received=0.5s;;1800;0 executed=1.5s;;28800;0"),
        ),
        (
            4,
            line(verdict(4, Critical, "no heartbeat row")).verdict(|v| (v.delay, v.fit) = (None, None)).state(|s| {
                let row = Heartbeat::NoRow("percona.heartbeat has none of server 1".to_owned());
                s.seen.as_mut().unwrap().1.delay = Some(row);
            }),
            "DELAY CRITICAL - db14: no heartbeat row: percona.heartbeat has none of server 1",
            Some("received=0.5s;;1800;0 executed=1.5s;;28800;0"),
        ),
    ];
    rows.extend(threads());
    rows.extend(ages());
    rows.extend(jobs());
    rows.extend(trends());
    rows
}

fn threads() -> Vec<Row> {
    vec![
        (
            5,
            line(verdict(5, Critical, "SQL thread error 1062")).status(|s| {
                s.sql = Some(false);
                s.sql_errno = Some(1062);
                s.sql_error =
                    Some("Could not execute Write_rows_v1 event on table shop.orders; Duplicate entry".to_owned());
            }),
            "DELAY CRITICAL - SQL thread error 1062: Could not execute Write_rows_v1...",
            None,
        ),
        (
            6,
            line(verdict(6, Critical, "IO thread error 1236"))
                .status(|s| {
                    s.io = Some(IoThread::No);
                    s.io_errno = Some(1236);
                    s.io_error = Some("log purged".to_owned());
                })
                .state(|s| s.io_bad_since = Some(ago(95.0))),
            "DELAY CRITICAL - db14: IO thread error 1236 for 95s: log purged",
            None,
        ),
        (
            6,
            line(verdict(6, Warning, "IO thread connecting for 12 s"))
                .status(|s| s.io = Some(IoThread::Connecting))
                .state(|s| s.io_bad_since = Some(ago(12.0))),
            "DELAY WARNING - db14: IO thread connecting for 12s, grace 60s",
            None,
        ),
        (
            7,
            line(verdict(7, Critical, "IO thread stopped")).status(|s| s.io = Some(IoThread::No)),
            "DELAY CRITICAL - db14: IO thread stopped, no job stops it",
            None,
        ),
        (
            8,
            line(verdict(8, Critical, "SQL thread stopped, no job")).status(|s| s.sql = Some(false)),
            "DELAY CRITICAL - db14: SQL thread stopped, no job; intercept 7204s in 5400:9000",
            None,
        ),
        (
            8,
            line(verdict(8, Critical, "delay tool not driving the SQL thread"))
                .limits(|l| l.delay_by = DelayBy::External)
                .state(|s| s.executed = crate::made::place(ago(181.0))),
            "DELAY CRITICAL - db14: delay tool not driving the SQL thread for 181s",
            Some(
                "delay=7204.2s;5400:9000;5400:9000;0 intercept=7203.9s;5400:9000;5400:9000 slope=0.0000 received=0.5s;;1800;0 executed=181.0s;;28800;0",
            ),
        ),
    ]
}

fn ages() -> Vec<Row> {
    vec![
        (
            9,
            line(verdict(9, Critical, "local heartbeat 61 s old")).state(|s| s.local = Some((60.2, ago(0.2)))),
            "DELAY CRITICAL - db14: local heartbeat 60.4s old, limit 60s",
            Some(
                "delay=7204.2s;5400:9000;5400:9000;0 intercept=7203.9s;5400:9000;5400:9000 slope=0.0000 received=0.5s;;1800;0 executed=1.5s;;28800;0 local_hb=60.4s;;60;0",
            ),
        ),
        (
            9,
            line(verdict(9, Critical, "local heartbeat missing")).state(|s| {
                let row = Heartbeat::NoRow("percona.heartbeat has none of server 2".to_owned());
                s.seen.as_mut().unwrap().1.local = Some(row);
            }),
            "DELAY CRITICAL - local heartbeat missing: no row: percona.heartbeat has none...",
            None,
        ),
        (
            9,
            line(verdict(9, Critical, "local heartbeat unseen")).state(|s| s.began = Some(ago(61.0))),
            "DELAY CRITICAL - db14: local heartbeat unseen for 61s, limit 60s",
            None,
        ),
        (
            10,
            line(verdict(10, Critical, "primary heartbeat from the future")).state(|s| {
                s.primary = Some((-32400.0, ago(1.0)));
                s.seen.as_mut().unwrap().1.primary = Some(Heartbeat::Age(-32400.0));
            }),
            "DELAY CRITICAL - primary heartbeat 32400s in the future, check clocks and --utc",
            Some(
                "delay=7204.2s;5400:9000;5400:9000;0 intercept=7203.9s;5400:9000;5400:9000 slope=0.0000 received=0.5s;;1800;0 executed=1.5s;;28800;0 primary_hb=-32399.0s;;~:60",
            ),
        ),
        (
            10,
            line(verdict(10, Critical, "primary heartbeat 120 s old")).state(|s| s.primary = Some((119.0, ago(1.0)))),
            "DELAY CRITICAL - db14: primary heartbeat 120s old, limit 60s",
            Some(
                "delay=7204.2s;5400:9000;5400:9000;0 intercept=7203.9s;5400:9000;5400:9000 slope=0.0000 received=0.5s;;1800;0 executed=1.5s;;28800;0 primary_hb=120.0s;;60;0",
            ),
        ),
        (
            11,
            line(verdict(11, Critical, "master log not updated"))
                .state(|s| s.received = crate::made::place(ago(1801.0))),
            "DELAY CRITICAL - db14: master log not updated for 1801s, limit 1800s",
            Some(
                "delay=7204.2s;5400:9000;5400:9000;0 intercept=7203.9s;5400:9000;5400:9000 slope=0.0000 received=1801.0s;;1800;0 executed=1.5s;;28800;0",
            ),
        ),
        (
            12,
            line(verdict(12, Critical, "relay log not updated"))
                .state(|s| s.executed = crate::made::place(ago(30000.0))),
            "DELAY CRITICAL - db14: relay log not updated for 30000s, limit 28800s",
            Some(
                "delay=7204.2s;5400:9000;5400:9000;0 intercept=7203.9s;5400:9000;5400:9000 slope=0.0000 received=0.5s;;1800;0 executed=30000.0s;;28800;0",
            ),
        ),
        (
            12,
            // Since the end of the job: the limit does not apply to the time before.
            line(verdict(12, Critical, "relay log not updated"))
                .state(|s| s.executed = crate::made::place(ago(60000.0)))
                .jobs(vec![job("backup", 60000.0, Some(28801.0))]),
            "DELAY CRITICAL - db14: relay log not updated for 28801s, limit 28800s",
            Some(
                "delay=7204.2s;5400:9000;5400:9000;0 intercept=7203.9s;5400:9000;5400:9000 slope=0.0000 received=0.5s;;1800;0 executed=60000.0s;;;0",
            ),
        ),
    ]
}

fn jobs() -> Vec<Row> {
    let backup = |rule, severity, so_long: f64| {
        line(verdict(rule, severity, "Active backup"))
            .verdict(|v| {
                v.delay = Some((16401.0, ago(1.0)));
                v.fit = fit(16408.0, 1.0, Some(1.0));
                v.degraded.job = Some((so_long, 64800.0));
            })
            .status(|s| s.sql = Some(false))
            .jobs(vec![job("backup", so_long, None)])
    };
    vec![
        (
            13,
            backup(13, Critical, 64801.0),
            "DELAY CRITICAL - backup running 64801s, limit 64800s; 16408s out of 5400:9000",
            Some(
                "delay=16401.0s;5400:9000;5400:9000;0 intercept=16408.0s;5400:9000;5400:9000 slope=1.0000 corr=1.000;;;-1;1 received=0.5s;;1800;0 executed=1.5s;;;0 job=64801.0s;;64800;0",
            ),
        ),
        (
            14,
            backup(14, Warning, 9208.0),
            "DELAY WARNING - db14: Active backup 9208s of 64800s; 16408s out of 5400:9000",
            Some(
                "delay=16401.0s;5400:9000;5400:9000;0 intercept=16408.0s;5400:9000;5400:9000 slope=1.0000 corr=1.000;;;-1;1 received=0.5s;;1800;0 executed=1.5s;;;0 job=9208.0s;;64800;0",
            ),
        ),
        (
            // Within its own limit: it is those before it that excused too much.
            13,
            backup(13, Critical, 9208.0).state(|s| s.excused_since = Some(ago(86401.0))),
            "DELAY CRITICAL - db14: excused by jobs for 86401s, limit 86400s; 16408s",
            Some(
                "delay=16401.0s;5400:9000;5400:9000;0 intercept=16408.0s;5400:9000;5400:9000 slope=1.0000 corr=1.000;;;-1;1 received=0.5s;;1800;0 executed=1.5s;;;0 job=9208.0s;;64800;0",
            ),
        ),
        (
            // The one that has used most of its time comes first.
            14,
            backup(14, Warning, 9208.0).jobs(vec![job("deshard", 100.0, None), job("backup", 9208.0, None)]),
            "DELAY WARNING - Active backup/deshard 9208s of 64800s; 16408s out of 5400:9000",
            Some(
                "delay=16401.0s;5400:9000;5400:9000;0 intercept=16408.0s;5400:9000;5400:9000 slope=1.0000 corr=1.000;;;-1;1 received=0.5s;;1800;0 executed=1.5s;;;0 job=9208.0s;;64800;0",
            ),
        ),
        (
            14,
            backup(14, Warning, 12.0).verdict(|v| v.fit = None),
            "DELAY WARNING - db14: Active backup 12s of 64800s",
            Some("delay=16401.0s;5400:9000;5400:9000;0 received=0.5s;;1800;0 executed=1.5s;;;0 job=12.0s;;64800;0"),
        ),
    ]
}

fn trends() -> Vec<Row> {
    let out = |rule, severity, intercept, slope| {
        line(verdict(rule, severity, "out of bounds")).verdict(|v| v.fit = fit(intercept, slope, Some(-0.9876)))
    };
    let rest = "received=0.5s;;1800;0 executed=1.5s;;28800;0";
    // Leaked, once a row: rows are all of one kind then.
    let figures = |delay: &str, intercept: &str, slope: &str, more: &str| {
        let text = format!(
            "delay={delay}s;5400:9000;5400:9000;0 intercept={intercept}s;5400:9000;5400:9000 slope={slope} corr=-0.988;;;-1;1 {rest}{more}"
        );
        Some(&*Box::leak(text.into_boxed_str()))
    };
    vec![
        (
            15,
            line(verdict(15, Unknown, "too few samples (4 of 60)")).verdict(|v| v.fit = None),
            "DELAY UNKNOWN - db14: too few samples (4 of 60)",
            Some("delay=7204.2s;5400:9000;5400:9000;0 received=0.5s;;1800;0 executed=1.5s;;28800;0"),
        ),
        (
            15,
            line(verdict(15, Unknown, "too few samples (0 of 10)"))
                .verdict(|v| (v.fit, v.delay) = (None, None))
                .state(|s| s.blind = Some((ago(0.0), "cannot connect to db14:3306: refused".to_owned()))),
            "DELAY UNKNOWN - db14: too few samples: cannot connect to db14:3306: refused",
            Some("received=0.5s;;1800;0 executed=1.5s;;28800;0"),
        ),
        (16, line(verdict(16, Fine, "on target")), "DELAY OK - db14: delay 7204s in 5400:9000, slope +0.00", None),
        (
            16,
            out(16, Fine, 9000.0, -0.001),
            "DELAY OK - db14: delay 9000s in 5400:9000, slope +0.00, r -0.99",
            figures("7204.2", "9000.0", "-0.0010", ""),
        ),
        (
            17,
            out(17, Warning, 12870.0, -0.5)
                .verdict(|v| v.degraded.recovery = Some((5208.0, 21600.0)))
                .jobs(vec![job("deshard", 30000.0, Some(6000.0)), job("backup", 20000.0, Some(5208.0))]),
            "DELAY WARNING - Recovery after backup 5208s of 21600s; 12870s out of 5400:9000",
            Some(
                "delay=7204.2s;5400:9000;5400:9000;0 intercept=12870.0s;5400:9000;5400:9000 slope=-0.5000 corr=-0.988;;;-1;1 received=0.5s;;1800;0 executed=1.5s;;28800;0 recovery=5208.0s;;21600;0",
            ),
        ),
        (
            16,
            line(verdict(16, Fine, "on target (held)"))
                .verdict(|v| v.delay = Some((7204.2, ago(25.0))))
                .state(|s| s.blind = Some((ago(25.0), "connection refused".to_owned()))),
            "DELAY OK - db14: delay 7204s in 5400:9000; held, no sample for 25s",
            None,
        ),
        (
            19,
            out(19, Critical, 12870.0, -0.2)
                .verdict(|v| v.degraded.recovery = Some((100.0, 21600.0)))
                .state(|s| s.excused_since = Some(ago(90000.0))),
            "DELAY CRITICAL - db14: excused by jobs for 90000s, limit 86400s; 12870s",
            figures("7204.2", "12870.0", "-0.2000", " recovery=100.0s;;21600;0"),
        ),
        (
            18,
            out(18, Warning, 4131.0, -2.5).verdict(|v| v.degraded.trend = Some((20.0, 9000.0))),
            "DELAY WARNING - recovering - real value within range; 4131s out of 5400:9000",
            figures("7204.2", "4131.0", "-2.5000", " trend=20.0s;;9000;0"),
        ),
        (
            19,
            out(19, Critical, 12870.0, -0.2).state(|s| s.job_ended = Some(ago(21601.0))).jobs(vec![job(
                "backup",
                40000.0,
                Some(21601.0),
            )]),
            "DELAY CRITICAL - db14: recovery exceeded window: 21601s after backup; 12870s",
            figures("7204.2", "12870.0", "-0.2000", ""),
        ),
        (
            20,
            out(20, Critical, 9000.2, -0.01).verdict(|v| v.degraded.trend = Some((9000.5, 9000.0))),
            "DELAY CRITICAL - db14: recovery exceeded window: 9000.5s of 9000s; 9000.2s",
            figures("7204.2", "9000.2", "-0.0100", " trend=9000.5s;;9000;0"),
        ),
        (
            21,
            out(21, Warning, 12870.0, -0.61).verdict(|v| v.back_in = Some(6344.0)),
            "DELAY WARNING - recovering - above maximum with slope -0.61; back in 105 min",
            figures("7204.2", "12870.0", "-0.6100", ""),
        ),
        (
            21,
            out(21, Warning, 120.0, 1.0).verdict(|v| v.back_in = Some(5280.0)),
            "DELAY WARNING - recovering - below minimum with slope +1.00; back in 88 min",
            figures("7204.2", "120.0", "1.0000", ""),
        ),
        (
            22,
            out(22, Critical, 16408.0, 0.98),
            "DELAY CRITICAL - out of bounds, and slope does not indicate recovery; 16408s",
            figures("7204.2", "16408.0", "0.9800", ""),
        ),
    ]
}

#[test]
fn every_rule_has_its_line_and_its_figures() {
    let rows = rows();
    for rule in 1..=22 {
        assert!(rows.iter().any(|row| row.0 == rule), "no row for rule {rule}");
    }
    let mut wrong = Vec::new();
    for (rule, line, text, figures) in rows {
        let severity = line.verdict.as_ref().unwrap().severity;
        let plugin = plugin(&line, 0);
        let expected = (text, figures.unwrap_or(HEALTHY), severity.exit_code());
        let found = (plugin.line.as_str(), plugin.perfdata.as_str(), plugin.exit);
        if found != expected {
            wrong.push(format!("rule {rule}:\n  found    {found:?}\n  expected {expected:?}"));
        }
        let output = read(&plugin.to_string()).unwrap_or_else(|e| panic!("rule {rule}: {e}"));
        assert_eq!((output.service.as_str(), output.word.as_str()), ("DELAY", severity.word()));
        assert!(plugin.long.is_empty(), "nobody asked for more: {:?}", plugin.long);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn more_is_said_when_asked() {
    let line = line(verdict(14, Warning, "Active backup 9208 s of 64800 s"))
        .verdict(|v| {
            v.degraded.job = Some((9208.0, 64800.0));
            v.hint = Some("one long transaction | a lock".to_owned());
            let second = firn::delay::verdict::Match {
                rule: firn::delay::verdict::RuleId(22),
                severity: Critical,
                text: "out".to_owned(),
            };
            v.matches.push(second);
        })
        .state(|s| {
            s.turns = vec![firn::delay::state::Turn {
                since: ago(9208.0),
                severity: Warning,
                rule: firn::delay::verdict::RuleId(14),
                text: "Active backup 0 s".to_owned(),
            }];
        });
    let said = |verbosity| read(&plugin(&line, verbosity).to_string()).unwrap().long;
    let first = [
        "db14: Active backup 9208 s of 64800 s",
        "rule 14 WARNING: Active backup 9208 s of 64800 s",
        "rule 22 CRITICAL: out",
        "degraded by job: 9208s of 64800s",
        "likely cause: one long transaction / a lock",
    ];
    assert_eq!(said(0), Vec::<String>::new());
    assert_eq!(said(1), first);
    assert_eq!(said(2)[5..], ["max-delay-time 7204s, at most 9000s, 80 % used"]);
    assert_eq!(said(3)[6..], ["since 2026-11-22T09:27:17Z WARNING rule 14: Active backup 0 s"]);
    assert_eq!(said(9), said(3));
}

/// In a gap it stays what it was, whatever is measured meanwhile, and says so.
#[test]
fn a_held_verdict_keeps_its_own_words() {
    let held = |rule, severity, text: &str| {
        line(verdict(rule, severity, text))
            .verdict(|v| {
                v.text = format!("{text} (held: no sample for 9 s: heartbeat not read: denied)");
                v.delay = Some((7204.2, ago(9.0)));
            })
            .state(|s| {
                // Read since, and young.
                (s.local, s.primary) = (Some((1.0, ago(0.0))), Some((1.0, ago(0.0))));
                s.seen.as_mut().unwrap().1.delay = Some(Heartbeat::Unread("denied".to_owned()));
            })
    };
    for (line, said) in [
        (
            held(10, Critical, "primary heartbeat 75.0 s old, limit 8 s: does its writer run?"),
            "DELAY CRITICAL - db14: primary heartbeat 75.0 s old; held, no sample for 9s",
        ),
        (
            held(9, Critical, "local heartbeat 75.0 s unseen, limit 8 s: does its writer run?"),
            "DELAY CRITICAL - db14: local heartbeat 75.0 s unseen; held, no sample for 9s",
        ),
        (
            held(5, Critical, "SQL thread error 1062: Duplicate entry '1' for key 'PRIMARY'"),
            "DELAY CRITICAL - db14: SQL thread error 1062; held, no sample for 9s",
        ),
        (
            held(11, Critical, "master log not updated for 1900 s, limit 1800 s: nothing is received"),
            "DELAY CRITICAL - master log not updated for 1900 s; held, no sample for 9s",
        ),
        (
            held(
                21,
                Warning,
                "Replication delay intercept recovering – above maximum with slope -0.500 s/s: intercept 9100 s, greatest \
                 9000 s; out for 50 s of 9000 s",
            ),
            "DELAY WARNING - recovering - above maximum with...; held, no sample for 9s",
        ),
        (
            held(16, Fine, "delay 7204 s, slope +0.000 s/s, r –"),
            "DELAY OK - db14: delay 7204s in 5400:9000; held, no sample for 9s",
        ),
        // The line leaves its bounds in the gap: the verdict does not know that yet.
        (
            held(16, Fine, "delay 8999 s, slope +0.100 s/s, r 0.90").verdict(|v| v.fit = fit(9000.4, 0.1, None)),
            "DELAY OK - db14: delay 8999 s, slope +0.100 s/s, r 0.90; held, no sample for 9s",
        ),
    ] {
        let rule = line.verdict.as_ref().unwrap().rule.0;
        assert_eq!(read(&plugin(&line, 0).to_string()).unwrap().first, said, "rule {rule}");
    }
}

#[test]
fn nobody_has_judged_it() {
    let line = ReplicaLine { verdict: None, ..line(verdict(16, Fine, "on target")) };
    let plugin = plugin(&line, 3);
    assert_eq!((plugin.line.as_str(), plugin.exit), ("DELAY UNKNOWN - nobody has judged db14 yet", 3));
}
