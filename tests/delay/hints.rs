//! The likely cause beside a verdict.

use firn::delay::seen::{IoThread, Seen, Status};
use firn::delay::verdict::Verdict;

use super::kit::{Play, behind, fine};

#[allow(clippy::cast_precision_loss)]
fn float(secs: i64) -> f64 {
    secs as f64
}

fn status(mut seen: Seen, change: impl FnOnce(&mut Status)) -> Seen {
    change(seen.status.as_mut().unwrap());
    seen
}

/// The last verdict after the line was fine for ten minutes and something else for `long` seconds.
fn after(long: i64, seen: impl Fn(i64) -> Seen) -> Verdict {
    Play::new("hint").fine(0, 600).looks(600, 600 + long, |second| Ok(seen(second))).verdicts().pop().unwrap()
}

#[test]
fn what_arrives_and_what_is_executed_tell_the_cause() {
    let received = fine(590).status.unwrap().received;
    let relay = fine(590).status.unwrap().relay;
    let grows = |second: i64| behind(second, 7200.0 + float(second - 600));
    let cases: [(&str, Verdict); 6] = [
        ("the heartbeat writer is dead or its table is filtered; replication itself goes on", after(700, grows)),
        (
            "the applier is stuck: one long transaction, a lock, or a full disk",
            after(700, |second| status(grows(second), |status| status.relay.clone_from(&relay))),
        ),
        (
            "nothing is received: the delay will start to grow in 0 to 7200 s",
            after(700, |second| status(fine(second), |status| status.received.clone_from(&received))),
        ),
        (
            "the primary is down or cannot be reached, or it is idle and its heartbeat writer is dead",
            after(700, |second| {
                status(grows(second), |status| {
                    (status.received, status.relay) = (received.clone(), relay.clone());
                    status.sql_state = Some("Replica has read all relay log; waiting for more updates".to_owned());
                })
            }),
        ),
        (
            "overload: it executes 70 % of what arrives",
            after(7000, |second| behind(second, 7200.0 + 0.3 * float(second - 600))),
        ),
        (
            "the line fills after a change, or the replica is new: in bounds in 4410 s",
            after(700, |second| behind(second, float(second - 300))),
        ),
    ];
    for (hint, verdict) in cases {
        assert_eq!(verdict.hint.as_deref(), Some(hint), "{}", verdict.text);
    }
    assert_eq!(after(700, fine).hint, None);
}

#[test]
fn a_delay_that_is_off_by_a_time_zone() {
    for (delay, hours) in [(39_600.0, "+9.00"), (-10_800.0, "-5.00"), (27_010.0, "+5.50")] {
        let verdict = after(700, |second| behind(second, delay));
        let hint =
            format!("the delay is off by {hours} h, as by a time zone: does the heartbeat writer write UTC (--utc)?");
        assert_eq!(verdict.hint, Some(hint));
    }
    // A line that has run empty, one between two zones, and one whose SQL thread stands.
    assert_eq!(after(700, |second| behind(second, 0.5)).hint, None);
    assert_eq!(after(700, |second| behind(second, 39_200.0)).hint, None);
    let stands = |second| status(behind(second, 39_600.0), |status| status.sql = Some(false));
    assert_eq!(after(700, stands).hint, None);
    let cut = |second| status(behind(second, 39_600.0), |status| status.io = Some(IoThread::No));
    assert_eq!(after(700, cut).hint, None);
}

#[test]
fn a_delay_of_the_server_that_is_out_of_bounds_and_one_that_changed() {
    let set = |delay: u64| move |second| status(fine(second), |status| status.sql_delay = Some(delay));
    let changed = after(400, set(3600)).hint.unwrap();
    assert_eq!(changed, "SQL_Delay 7200 became 3600 390 s ago: the line fills or drains to the new delay");
    let outside = after(2000, set(3600)).hint.unwrap();
    assert_eq!(outside, "SQL_Delay is 3600 s, outside of 5400 to 9000 s: set SOURCE_DELAY or the bounds");
}
