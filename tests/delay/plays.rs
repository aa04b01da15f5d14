//! Plays in which every rule speaks.

use firn::base::Severity::{Critical, Ok as Okay, Unknown, Warning};
use firn::delay::judge::Asker;
use firn::delay::limits::{DelayBy, JobClass};
use firn::delay::seen::{Heartbeat, IoThread, Seen, Status};

use super::kit::{Play, at, behind, fine, secs};

/// The same replica with another status.
fn status(mut seen: Seen, change: impl FnOnce(&mut Status)) -> Seen {
    change(seen.status.as_mut().unwrap());
    seen
}

/// What is executed stands since a second.
fn stuck(seen: Seen, since: i64) -> Seen {
    let then = fine(since).status.unwrap();
    status(seen, |status| (status.relay, status.executed) = (then.relay, then.executed))
}

/// Seconds as a delay.
#[allow(clippy::cast_precision_loss)]
fn float(secs: i64) -> f64 {
    secs as f64
}

/// The SQL thread is stopped since a second: the line grows.
fn stopped(second: i64, since: i64) -> Seen {
    let seen = stuck(behind(second, 7200.0 + float(second - since)), since);
    status(seen, |status| status.sql = Some(false))
}

pub fn all() -> Vec<Play> {
    let mut plays = sight();
    plays.extend(threads());
    plays.extend(stands());
    plays.extend(jobs());
    plays.extend(lines());
    plays
}

/// Rules 1 to 4 and 15: what cannot be seen.
fn sight() -> Vec<Play> {
    let gone = |_| Err("connection refused".to_owned());
    vec![
        Play::new("limits that contradict each other")
            .limits(|limits| (limits.min_delay_time, limits.max_delay_time) = (secs(9000), secs(5400)))
            .fine(0, 100)
            .says(50, Unknown, 1, "usage error: min-delay-time 9000 s is not below max-delay-time 5400 s"),
        Play::new("the worker is gone")
            .fine(0, 610)
            .ask(650, Asker::Reader(Ok(Some(at(600)))))
            .ask(660, Asker::Reader(Ok(Some(at(600)))))
            .ask(661, Asker::Reader(Ok(Some(at(600)))))
            .ask(662, Asker::Reader(Ok(None)))
            .ask(663, Asker::Reader(Err("truncated".to_owned())))
            .ask(664, Asker::Reader(Ok(Some(at(700)))))
            .says(600, Okay, 16, "delay 7200 s")
            .says(650, Okay, 16, "(held: no sample for 50 s: nobody has looked since)")
            .says(660, Okay, 16, "(held: no sample for 60 s")
            .says(661, Critical, 2, "worker last seen 61 s ago, limit 60 s")
            .says(662, Critical, 2, "worker never seen: it has written no state")
            .says(663, Critical, 2, "its state is unreadable: truncated")
            .says(664, Critical, 2, "worker last seen 36 s in the future: check the clocks"),
        Play::new("a gap, and a longer one")
            .fine(0, 610)
            .looks(610, 660, gone)
            .fine(660, 720)
            .looks(720, 900, gone)
            .fine(900, 960)
            .says(650, Okay, 16, "(held: no sample for 50 s: connection refused)")
            .says(770, Okay, 16, "(held: no sample for 60 s: connection refused)")
            .says(780, Critical, 3, "no sample for 70 s: connection refused")
            .says(890, Critical, 3, "no sample for 180 s: connection refused")
            .says(900, Okay, 16, "delay 7200 s"),
        Play::new("it never answers").looks(0, 100, gone).says(0, Unknown, 15, "too few samples (0 of 10").says(
            70,
            Critical,
            3,
            "no sample for 70 s: connection refused",
        ),
        Play::new("the writer lives in another time zone").fine(0, 600).behind(600, 700, |_| -17_979.0).says(
            600,
            Critical,
            3,
            "heartbeat from the future, 17979 s ahead: check clocks and --utc",
        ),
        Play::new("no replica any more")
            .fine(0, 610)
            .looks(610, 700, |second| Ok(Seen { status: None, delay: None, ..fine(second) }))
            .says(610, Critical, 4, "not a replica: no replication is configured")
            .says(690, Critical, 3, "no sample for 90 s: no heartbeat was looked for"),
        Play::new("nobody writes a heartbeat")
            .looks(0, 100, |second| Ok(Seen { delay: Some(Heartbeat::NoRow("server 1".to_owned())), ..fine(second) }))
            .says(0, Critical, 4, "no heartbeat row of server 1: does the heartbeat writer run on the source?")
            .says(60, Critical, 4, "no heartbeat row of server 1")
            .says(70, Critical, 3, "no sample for 70 s: no heartbeat row of server 1"),
        Play::new("two servers behind one name")
            .looks(0, 1300, |second| Ok(Seen { server_id: Some(2 + u64::from(second % 20 == 0)), ..fine(second) }))
            .says(300, Unknown, 15, "too few samples (1 of 10, over half of 600 s) for 300 s")
            .says(1200, Unknown, 15, "window began: another server answers: server_id 2 became 3")
            .says(1210, Critical, 15, "too few samples (1 of 10, over half of 600 s) for 1210 s"),
    ]
}

/// Rules 5 to 8: threads.
fn threads() -> Vec<Play> {
    let io_stops = JobClass { name: "snapshot".to_owned(), longest: secs(7200), stops_io: true };
    vec![
        Play::new("a duplicate key")
            .fine(0, 600)
            .looks(600, 700, |second| {
                Ok(status(stopped(second, 600), |status| {
                    status.sql_errno = Some(1062);
                    status.sql_error = Some("Duplicate entry '7'".to_owned());
                }))
            })
            .says(600, Critical, 5, "SQL thread error 1062: Duplicate entry '7'"),
        Play::new("the primary dies")
            .fine(0, 600)
            .looks(600, 700, |second| {
                Ok(status(fine(second), |status| {
                    status.io = Some(IoThread::Connecting);
                    status.io_errno = Some(if second < 620 { 0 } else { 2003 });
                    status.io_error = Some("error reconnecting".to_owned());
                }))
            })
            .says(600, Warning, 6, "IO thread connecting for 0 s, grace 60 s")
            .says(660, Warning, 6, "IO thread error 2003 for 60 s, grace 60 s: error reconnecting")
            .says(670, Critical, 6, "IO thread error 2003 for 70 s: error reconnecting"),
        Play::new("no grace")
            .limits(|limits| limits.io_grace = secs(0))
            .fine(0, 600)
            .looks(600, 620, |second| {
                Ok(status(fine(second), |status| (status.io, status.io_errno) = (Some(IoThread::No), Some(1236))))
            })
            .says(600, Critical, 6, "IO thread error 1236 for 0 s: no text"),
        Play::new("the IO thread is stopped")
            .limits(|limits| limits.jobs.push(io_stops))
            .job("backup", 600, Some(650))
            .job("snapshot", 650, Some(700))
            .fine(0, 600)
            .looks(600, 800, |second| Ok(status(fine(second), |status| status.io = Some(IoThread::No))))
            .says(600, Critical, 7, "IO thread stopped")
            .says(650, Warning, 14, "Active snapshot 0 s of 7200 s")
            .says(700, Critical, 7, "IO thread stopped"),
        Play::new("the SQL thread is stopped")
            .fine(0, 600)
            .looks(600, 700, |second| Ok(stopped(second, 600)))
            .says(600, Critical, 8, "SQL thread stopped, no job"),
        Play::new("the delay tool is dead")
            .limits(|limits| {
                limits.delay_by = DelayBy::External;
                limits.tool_interval = secs(60);
            })
            .looks(0, 600, |second| Ok(status(fine(second), |status| status.sql = Some(false))))
            .looks(600, 800, |second| Ok(stopped(second, 590)))
            .says(590, Okay, 16, "delay 7200 s")
            .says(770, Okay, 16, "delay 7")
            .says(
                780,
                Critical,
                8,
                "delay tool not driving the SQL thread: nothing executed for 190 s, limit 180 s, while transactions are received",
            ),
    ]
}

/// Rules 9 to 12: what stands.
fn stands() -> Vec<Play> {
    vec![
        Play::new("the local writer dies")
            .fine(0, 600)
            .looks(600, 700, |second| {
                Ok(Seen { local: Some(Heartbeat::Age(0.5 + float(second - 590))), ..fine(second) })
            })
            .looks(700, 750, |second| Ok(Seen { local: Some(Heartbeat::Unread("denied".to_owned())), ..fine(second) }))
            .looks(750, 760, |second| Ok(Seen { local: Some(Heartbeat::NoRow("server 2".to_owned())), ..fine(second) }))
            .says(640, Okay, 16, "delay 7200 s")
            .says(650, Critical, 9, "local heartbeat 60.5 s old, limit 60 s: does its writer run?")
            .says(740, Critical, 9, "local heartbeat 150.5 s old, limit 60 s")
            .says(750, Critical, 9, "local heartbeat missing: no row of server 2"),
        Play::new("the primary's writer dies")
            .fine(0, 600)
            .looks(600, 700, |second| {
                Ok(Seen { primary: Some(Heartbeat::Age(0.4 + float(second - 590))), ..fine(second) })
            })
            .looks(700, 710, |second| Ok(Seen { primary: Some(Heartbeat::Age(-3600.0)), ..fine(second) }))
            .says(640, Okay, 16, "delay 7200 s")
            .says(650, Critical, 10, "primary heartbeat 60.4 s old, limit 60 s: does its writer run?")
            .says(700, Critical, 10, "primary heartbeat from the future, 3600 s ahead"),
        Play::new("nothing is received")
            .fine(0, 600)
            .looks(600, 2500, |second| {
                Ok(status(fine(second), |status| status.received = fine(590).status.unwrap().received))
            })
            .says(2390, Okay, 16, "delay 7200 s")
            .says(2400, Critical, 11, "master log not updated for 1810 s, limit 1800 s"),
        Play::new("nothing is executed")
            .limits(|limits| limits.max_relay_behind = secs(3600))
            .fine(0, 600)
            .looks(600, 4300, |second| Ok(stuck(behind(second, 7200.0 + float(second - 600)), 590)))
            .says(4190, Critical, 22, "slope does not indicate recovery")
            .says(4200, Critical, 12, "relay log not updated for 3610 s, limit 3600 s"),
    ]
}

/// Rules 13, 14, 17 and 19: jobs and their windows.
fn jobs() -> Vec<Play> {
    let short = |limits: &mut firn::delay::limits::Limits| {
        limits.jobs[0].longest = secs(3600);
        limits.jobs[1].longest = secs(3600);
        limits.max_recovery_time = secs(1800);
    };
    // Peak 12,800 at 6,200 s; then it returns by half a second a second.
    let returns = |second: i64| behind(second, 12_800.0 - 0.5 * float(second - 6200));
    vec![
        Play::new("a backup, a return at half speed, and a window that is long enough")
            .job("backup", 600, Some(6200))
            .fine(0, 600)
            .looks(600, 6200, |second| Ok(stopped(second, 600)))
            .looks(6200, 14_000, move |second| Ok(returns(second)))
            .says(600, Warning, 14, "Active backup 0 s of 64800 s; intercept 7200 s, allowed 5400 to 9000 s")
            .says(6100, Warning, 14, "Active backup 5500 s of 64800 s; intercept 12700 s, allowed 5400 to 9000 s, slope +1.000 s/s")
            .says(
                7200,
                Warning,
                17,
                "Replication delay intercept is out of bounds, currently in recovery window for backup which completed 1000 \
                 seconds ago: 1000 of 21600 s; intercept 12300 s, allowed 5400 to 9000 s, slope -0.500 s/s, back in 6600 s at this rate",
            )
            .says(13_900, Okay, 16, "delay 8950 s, slope -0.500 s/s, r -1.00"),
        Play::new("two jobs at once, and a window of deshard")
            .job("backup", 600, Some(700))
            .job("deshard", 650, Some(3000))
            .fine(0, 600)
            .looks(600, 3000, |second| Ok(stopped(second, 600)))
            .looks(3000, 3100, |second| Ok(behind(second, 9600.0)))
            .says(660, Warning, 14, "Active backup 60 s of 64800 s, deshard 10 s of 32400 s; intercept")
            .says(3050, Warning, 17, "currently in recovery window for deshard which completed 50 seconds ago"),
        Play::new("out of bounds since before the backup")
            .job("backup", 4000, Some(4100))
            .fine(0, 600)
            .looks(600, 4200, |second| Ok(stuck(behind(second, 7200.0 + float(second - 600)), 590)))
            .says(3900, Critical, 22, "slope does not indicate recovery: 1500 s above maximum")
            .says(4050, Warning, 14, "; out of bounds since before the backup")
            .says(4150, Warning, 17, "completed 50 seconds ago"),
        Play::new("a backup that does not end")
            .limits(short)
            .job("backup", 600, None)
            .fine(0, 600)
            .looks(600, 4300, |second| Ok(stopped(second, 600)))
            .says(4200, Warning, 14, "Active backup 3600 s of 3600 s")
            .says(4210, Critical, 13, "backup running 3610 s, limit 3600 s"),
        Play::new("jobs one after another")
            .limits(short)
            .job("backup", 600, Some(3600))
            .job("backup", 3700, Some(6700))
            .fine(0, 600)
            .looks(600, 6700, |second| Ok(stopped(second, 600)))
            .says(3650, Critical, 8, "SQL thread stopped")
            .says(6000, Warning, 14, "Active backup 2300 s of 3600 s")
            .says(6010, Critical, 13, "backup running 2310 s: jobs one after another have excused the delay for 5410 s, limit 5400 s"),
        Play::new("jobs one after another, and a window")
            .limits(short)
            .job("backup", 600, Some(4100))
            .job("deshard", 4200, Some(5800))
            .fine(0, 600)
            .looks(600, 7000, |second| {
                let seen = stopped(second, 600);
                let runs = !(600..5800).contains(&second);
                Ok(status(seen, |status| status.sql = Some(runs)))
            })
            .says(6000, Warning, 17, "window for deshard which completed 200 seconds ago")
            .says(6010, Critical, 19, "recovery exceeded window: jobs one after another have excused it for 5410 s, limit 5400 s"),
        Play::new("a recovery that is too slow")
            .limits(short)
            .job("backup", 600, Some(4200))
            .fine(0, 600)
            .looks(600, 4200, |second| Ok(stopped(second, 600)))
            .looks(4200, 6200, |second| Ok(behind(second, 10_800.0 - 0.4 * float(second - 4200))))
            .says(6000, Warning, 17, "completed 1800 seconds ago")
            .says(
                6010,
                Critical,
                19,
                "Replication delay intercept recovery exceeded window: the job ended 1810 s ago, window 1800 s; intercept 10076 s",
            ),
        Play::new("jobs whose times cannot be")
            .job("backup", 700, Some(650))
            .job("reindex", 600, None)
            .fine(0, 800)
            .says(790, Okay, 16, "delay 7200 s"),
    ]
}

/// Rules 15, 16 and 18 to 22: the line.
fn lines() -> Vec<Play> {
    // Approaches 9,300 and never arrives.
    let approach = |second: i64| 9300.0 + 1700.0 * (-float(second - 5000) / 3000.0).exp();
    vec![
        Play::new("a steady line from its beginning")
            .fine(0, 700)
            .says(0, Unknown, 15, "too few samples (1 of 10, over half of 600 s) for 0 s; window began: the first look")
            .says(280, Unknown, 15, "too few samples (29 of 10")
            .says(290, Okay, 16, "delay 7200 s, slope +0.000 s/s, r –"),
        Play::new("a new replica fills")
            .behind(0, 6000, |second| float(second).min(7200.0))
            .says(
                300,
                Warning,
                21,
                "Replication delay intercept recovering – below minimum with slope +1.000 s/s: intercept 300 s, least 5400 s, back \
                 in 5100 s at this rate; out for 10 s of 9000 s",
            )
            .says(5390, Warning, 21, "recovering – below minimum with slope")
            .says(5410, Okay, 16, "delay 5410 s"),
        Play::new("a job's end, and no window")
            .limits(|limits| limits.max_recovery_time = secs(1))
            .job("backup", 600, Some(4600))
            .fine(0, 600)
            .looks(600, 4600, |second| Ok(stopped(second, 600)))
            .fine(4600, 5400)
            .says(4610, Critical, 19, "recovery exceeded window")
            .says(
                4620,
                Warning,
                18,
                "Replication delay intercept recovering – real value within range: 7200 s, for 20 s of 600 s; intercept",
            )
            .says(5200, Okay, 16, "delay 7200 s"),
        Play::new("overload, then a recovery that never arrives")
            .behind(0, 600, |_| 7200.0)
            .behind(600, 5000, |second| 7200.0 + float(second - 600) * 3800.0 / 4400.0)
            .behind(5000, 13_000, approach)
            .says(4900, Critical, 22, "out of bounds, and slope does not indicate recovery: 1914 s above maximum")
            .says(6000, Warning, 21, "Replication delay intercept recovering – above maximum with slope -0.4")
            .says(
                12_000,
                Critical,
                20,
                "Replication delay intercept recovery exceeded window: was recovering, out for",
            )
            .says(12_990, Critical, 20, "limit 9000 s; intercept 9"),
        Play::new("a collapse")
            .fine(0, 600)
            .behind(600, 700, |_| 0.5)
            .says(620, Okay, 16, "delay 5")
            .says(640, Critical, 22, "slope does not indicate recovery: ")
            .says(690, Critical, 22, "s below minimum; intercept"),
        Play::new("the server's delay is changed")
            .fine(0, 600)
            .looks(600, 1000, |second| {
                Ok(status(behind(second, 6000.0), |status| status.sql_delay = Some(6000)))
            })
            .says(600, Unknown, 15, "window began: SQL_Delay 7200 became 6000")
            .says(890, Okay, 16, "delay 6000 s"),
        Play::new("the server restarts")
            .fine(0, 600)
            .looks(600, 1000, |second| {
                Ok(Seen { uptime: Some(u64::try_from(second - 590).unwrap()), ..fine(second) })
            })
            .says(600, Unknown, 15, "window began: the server restarted: up for 10 s, before that for 500590 s")
            .says(890, Okay, 16, "delay 7200 s"),
    ]
}
