//! What a chart is drawn from when a replica is looked at often.

use std::sync::Arc;

use firn::base::{Clock, Severity, Time};
use firn::delay::chart::chart;
use firn::store::sqlite::SqliteStore;
use firn::store::{DelaySample, JudgedWrite, NewJudged, NewSession, Store, delay_duty};

use crate::kit::START;

/// Ten days at an interval of four seconds: as many samples as one reading of the state does not yield.
const SAMPLES: i64 = 216_000;

fn at(n: i64) -> Time {
    Time::from_secs(START.as_micros() / 1_000_000 + n * 4)
}

#[tokio::test]
async fn ten_days_of_a_replica_that_is_looked_at_often_are_shown_to_their_end() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, _hand) = Clock::manual(at(SAMPLES));
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&dir.path().join("firn.db"), clock, true).unwrap());
    let process = firn::base::host::ProcessIdentity::own();
    let new = NewSession { process, kinds: "delay".to_owned(), lease: std::time::Duration::from_mins(10) };
    let session = store.session_start(new).await.unwrap().id;
    let held = store.duties_take(vec![delay_duty("db14")], session).await.unwrap();
    let delay = |n: i64| match n {
        // One low, one high, one that is missing, and the newest of all.
        50_007 => Some(3_000_000),
        150_007 => Some(90_000_000_000),
        199_007 => None,
        n if n == SAMPLES - 1 => Some(7_777_000_000),
        _ => Some(7_200_000_000),
    };
    let row = NewJudged {
        replica: "db14".to_owned(),
        generation: held[0].as_ref().unwrap().generation,
        known: false,
        at: at(SAMPLES),
        samples: (0..SAMPLES).map(|n| DelaySample { at: at(n), delay: delay(n), severity: Severity::Ok }).collect(),
        severity: Severity::Ok,
        rule: 16,
        text: String::new(),
        state: "{}".to_owned(),
        spark: "[]".to_owned(),
    };
    assert_eq!(store.delay_write(session, vec![row]).await.unwrap(), [JudgedWrite::Written]);

    let ten = chart(&*store, "db14", at(0), at(SAMPLES)).await.unwrap();
    assert!(ten.thinned && ten.samples.len() <= 3 * 10_001, "{}", ten.samples.len());
    let odd: Vec<_> = ten.samples.iter().filter(|point| point.1 != Some(7200.0)).copied().collect();
    let told = [(50_007, Some(3.0)), (150_007, Some(90_000.0)), (199_007, None), (SAMPLES - 1, Some(7777.0))];
    assert_eq!(odd, told.map(|(n, delay)| (at(n), delay)));
    assert_eq!(ten.samples[0], (at(0), Some(7200.0)));
    // No column is empty: two are 172 seconds apart at most.
    assert!(ten.samples.windows(2).all(|pair| pair[1].0.since(pair[0].0).as_secs() <= 172));

    // A day of it is few enough to be kept as it is, and so are both its ends.
    let day = chart(&*store, "db14", at(SAMPLES - 21_600), at(SAMPLES - 1)).await.unwrap();
    assert_eq!((day.thinned, day.samples.len()), (false, 21_600));
    assert_eq!(chart(&*store, "nobody", at(0), at(SAMPLES)).await.unwrap().samples, []);
}
