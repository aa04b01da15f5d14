//! Replicas that are looked at every few seconds: more samples than are read in one go.

use std::sync::Arc;
use std::time::Duration;

use firn::base::host::ProcessIdentity;
use firn::base::{Clock, Severity, Time};
use firn::delay::chart::chart;
use firn::delay::gather::{Known, one};
use firn::delay::limits::Limits;
use firn::store::sqlite::SqliteStore;
use firn::store::{DelaySample, JudgedWrite, NewJudged, NewSession, Store, delay_duty};

use crate::kit::START;

/// A state with one replica, and the present that it was last judged at.
struct Kept {
    store: Arc<dyn Store>,
    now: Time,
    _dir: tempfile::TempDir,
}

impl Kept {
    /// `count` samples, `every` so many seconds; `delay` in microseconds.
    async fn new(count: i64, every: i64, delay: impl Fn(i64) -> Option<i64>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now = at(count, every);
        let (clock, _) = Clock::manual(now);
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&dir.path().join("firn.db"), clock, true).unwrap());
        let lease = Duration::from_mins(10);
        let new = NewSession { process: ProcessIdentity::own(), kinds: "delay".to_owned(), lease };
        let session = store.session_start(new).await.unwrap().id;
        let held = store.duties_take(vec![delay_duty("db14")], session).await.unwrap();
        let sample = |n| DelaySample { at: at(n, every), delay: delay(n), severity: Severity::Ok };
        let row = NewJudged {
            replica: "db14".to_owned(),
            generation: held[0].as_ref().unwrap().generation,
            known: false,
            at: now,
            samples: (0..count).map(sample).collect(),
            severity: Severity::Ok,
            rule: 16,
            text: String::new(),
            state: serde_json::to_string(&firn::delay::state::State::default()).unwrap(),
            spark: "[]".to_owned(),
        };
        assert_eq!(store.delay_write(session, vec![row]).await.unwrap(), [JudgedWrite::Written]);
        Self { store, now, _dir: dir }
    }
}

fn at(n: i64, every: i64) -> Time {
    Time::from_micros(START.as_micros() + n * every * 1_000_000)
}

#[tokio::test]
async fn ten_days_of_it_are_charted_to_their_end() {
    let last = 215_999;
    let kept = Kept::new(last + 1, 4, |n| match n {
        // One low, one high, one that is missing, and the newest of all.
        50_007 => Some(3_000_000),
        150_007 => Some(90_000_000_000),
        199_007 => None,
        n if n == last => Some(7_777_000_000),
        _ => Some(7_200_000_000),
    })
    .await;
    let ten = chart(&*kept.store, "db14", START, kept.now).await.unwrap();
    assert!(ten.thinned && ten.samples.len() <= 3 * 10_001, "{}", ten.samples.len());
    let odd: Vec<_> = ten.samples.iter().filter(|point| point.1 != Some(7200.0)).copied().collect();
    let told = [(50_007, Some(3.0)), (150_007, Some(90_000.0)), (199_007, None), (last, Some(7777.0))];
    assert_eq!(odd, told.map(|(n, delay)| (at(n, 4), delay)));
    assert_eq!(ten.samples[0], (START, Some(7200.0)));
    // No column is empty: two of their samples are less than two columns apart.
    assert!(ten.samples.windows(2).all(|pair| pair[1].0.since(pair[0].0) < Duration::from_secs(173)));

    // A day of it is few enough to be kept as it is, and so are both its ends.
    let day = chart(&*kept.store, "db14", at(last + 1 - 21_600, 4), at(last, 4)).await.unwrap();
    assert_eq!((day.thinned, day.samples.len()), (false, 21_600));
    assert_eq!(chart(&*kept.store, "nobody", START, kept.now).await.unwrap().samples, []);
}

#[tokio::test]
async fn by_a_window_of_days_it_is_judged_with_its_newest_samples() {
    let kept = Kept::new(150_000, 1, |_| Some(7_200_000_000)).await;
    let window = Duration::from_hours(72);
    let limits = Limits { window, interval: Duration::from_secs(1), ..Limits::default() };
    let known = Known { name: "db14".to_owned(), group: None, limits: Arc::new(limits), local: false, primary: false };
    let lines = one(&*kept.store, &known, "db14", true).await.unwrap();
    let verdict = lines[0].verdict.as_ref().unwrap();
    assert_eq!((verdict.rule.0, verdict.text.as_str()), (16, "delay 7200 s, slope +0.000 s/s, r –"));
    assert_eq!(verdict.fit.unwrap().count, 150_000);
}
