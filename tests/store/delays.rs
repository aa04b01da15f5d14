//! Delayed replicas: duties by the thousand, samples and verdicts, and what becomes of them with age.

use std::sync::Arc;

use firn::base::ids::{Generation, SessionId};
use firn::base::{Clock, Severity, Time};
use firn::store::{
    DelaySample, JudgedBy, JudgedRow, JudgedWrite, LARGEST_BODY, LARGEST_SPARK, NewJudged, Store, delay_duty,
};

use crate::world::{LEASE, START, World, at, new_session, process, refused};

on_every_engine! {
    many_duties_are_taken_as_one_is
    a_session_that_has_ended_takes_no_duties
    two_processes_share_the_replicas_and_none_is_judged_twice
    what_is_judged_is_read_back
    only_the_holder_of_the_duty_writes_and_the_others_rows_are_written
    channels_of_a_server_are_written_under_its_duty
    an_older_judgement_changes_nothing
    a_sample_that_is_there_stays
    what_is_too_large_is_refused_for_itself_alone
    a_text_that_is_too_long_is_cut
    what_was_written_since_then_is_read_alone
    a_writer_that_nobody_remembers_is_still_told_by_its_session
    a_replica_that_is_watched_no_more_is_forgotten_and_its_samples_go_with_age
    samples_are_read_by_pages
    windows_of_many_are_read_at_once
    old_samples_go_a_few_at_a_time
    a_thousand_replicas_are_written_at_once
}

pub fn names(replicas: &[&str]) -> Vec<String> {
    replicas.iter().map(|name| delay_duty(name)).collect()
}

/// Generations under which the duties are held; nothing where they are not.
async fn take(store: &Arc<dyn Store>, session: SessionId, replicas: &[&str]) -> Vec<Option<i64>> {
    let rows = store.duties_take(names(replicas), session).await.unwrap();
    rows.into_iter().map(|row| row.map(|row| row.generation.0)).collect()
}

pub fn sample(at: Time, delay: Option<i64>) -> DelaySample {
    DelaySample { at, delay, severity: Severity::Ok }
}

/// A verdict of that time, with one sample.
pub fn judged(replica: &str, generation: i64, at: Time) -> NewJudged {
    NewJudged {
        replica: replica.to_owned(),
        generation: Generation(generation),
        known: false,
        at,
        samples: vec![sample(at, Some(7_200_000_000))],
        severity: Severity::Ok,
        rule: 16,
        text: "delay 7200 s".to_owned(),
        state: format!("{{\"at\":{}}}", at.as_micros()),
        spark: "[7200.0,null]".to_owned(),
    }
}

async fn write(w: &World, session: SessionId, rows: &[NewJudged]) -> Vec<JudgedWrite> {
    w.store.delay_write(session, rows.to_vec()).await.unwrap()
}

async fn samples_of(w: &World, replica: &str) -> Vec<(i64, Option<i64>)> {
    let (first, last) = (Time::from_micros(i64::MIN), Time::from_micros(i64::MAX));
    let rows = w.store.delay_samples(replica.to_owned(), first, last, 1000).await.unwrap();
    rows.into_iter().map(|row| (row.at.since(START).as_secs().cast_signed(), row.delay)).collect()
}

async fn many_duties_are_taken_as_one_is(w: World) {
    let (one, other) = (w.session().await, w.session().await);
    w.store.duty_take(delay_duty("b"), other).await.unwrap().unwrap();
    assert_eq!(take(&w.store, one, &["c", "b", "a", "c"]).await, [Some(1), None, Some(1), Some(1)]);
    // What is held is kept under the same generation.
    assert_eq!(take(&w.store, one, &["a", "b", "c"]).await, [Some(1), None, Some(1)]);
    assert_eq!(take(&w.store, other, &["a", "b", "c"]).await, [None, Some(1), None]);
    assert_eq!(w.store.duty(delay_duty("a")).await.unwrap().unwrap().owner, Some(one));
    // The lease of one runs out.
    w.advance(LEASE.as_secs() - 1);
    w.store.session_renew(other, LEASE, String::new()).await.unwrap();
    w.advance(1);
    assert_eq!(take(&w.store, other, &["a", "b", "c", "d"]).await, [Some(2), Some(1), Some(2), Some(1)]);
    assert_eq!(take(&w.store, one, &["a", "b", "c", "d"]).await, [None, None, None, None]);
    assert_eq!(take(&w.store, one, &[]).await, []);
}

async fn a_session_that_has_ended_takes_no_duties(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a"]).await;
    w.store.session_end(session).await.unwrap();
    refused(w.store.duties_take(names(&["a", "b"]), session).await, "the lease", session);
    assert_eq!(w.store.duty(delay_duty("b")).await.unwrap(), None);
    let next = w.session().await;
    assert_eq!(take(&w.store, next, &["a"]).await, [Some(3)]);
    assert_eq!(write(&w, session, &[judged("a", 1, START)]).await, [JudgedWrite::NotHeld]);
}

async fn two_processes_share_the_replicas_and_none_is_judged_twice(w: World) {
    let replicas: Vec<String> = (0..50).map(|n| format!("db{n}")).collect();
    let mut tasks = Vec::new();
    for (host, turn) in [("alpha", 0), ("beta", 1)] {
        let (store, replicas) = (w.another(), replicas.clone());
        let session = w.session_on(host).await;
        tasks.push(firn::base::task::spawn(async move {
            let mut held = Vec::new();
            for n in 0..replicas.len() {
                // Each from its own end.
                let name = &replicas[if turn == 0 { n } else { replicas.len() - 1 - n }];
                let duty = store.duties_take(names(&[name]), session).await.unwrap().remove(0);
                let Some(duty) = duty else { continue };
                let row = judged(name, duty.generation.0, at(0));
                assert_eq!(store.delay_write(session, vec![row]).await.unwrap(), [JudgedWrite::Written]);
                held.push(name.clone());
                tokio::task::yield_now().await;
            }
            held
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort();
    let mut expected = replicas;
    expected.sort();
    assert_eq!(all, expected, "each is held by one of the two");
    assert_eq!(w.store.judged(None).await.unwrap().len(), 50);
}

async fn what_is_judged_is_read_back(w: World) {
    let session = w.session_on("alpha").await;
    take(&w.store, session, &["db1", "db0"]).await;
    w.advance(10);
    let mut row = judged("db1", 1, at(9));
    row.samples = vec![sample(at(8), None), sample(at(9), Some(-1_500_000))];
    (row.severity, row.rule) = (Severity::Critical, 3);
    "heartbeat from the future".clone_into(&mut row.text);
    assert_eq!(write(&w, session, &[row.clone()]).await, [JudgedWrite::Written]);
    assert!(JudgedWrite::Written.is_written() && !JudgedWrite::NotHeld.is_written());
    let expected = JudgedRow {
        replica: "db1".to_owned(),
        at: at(9),
        written: at(10),
        severity: Severity::Critical,
        rule: 3,
        text: "heartbeat from the future".to_owned(),
        state: row.state.clone(),
        spark: row.spark.clone(),
        writer: JudgedBy { session, process: Some(("alpha".to_owned(), process("alpha").pid)) },
    };
    assert_eq!(w.store.judged_one("db1".to_owned()).await.unwrap(), Some(expected.clone()));
    assert_eq!(w.store.judged_one("db0".to_owned()).await.unwrap(), None);
    assert_eq!(samples_of(&w, "db1").await, [(8, None), (9, Some(-1_500_000))]);
    assert_eq!(samples_of(&w, "db0").await, []);
    write(&w, session, &[judged("db0", 1, at(10))]).await;
    let all = w.store.judged(None).await.unwrap();
    assert_eq!(all.iter().map(|row| row.replica.as_str()).collect::<Vec<_>>(), ["db0", "db1"], "by name");
    let mut w = w;
    w.reopen();
    assert_eq!(w.store.judged_one("db1".to_owned()).await.unwrap(), Some(expected));
}

async fn only_the_holder_of_the_duty_writes_and_the_others_rows_are_written(w: World) {
    let (one, other) = (w.session().await, w.session().await);
    take(&w.store, one, &["a"]).await;
    take(&w.store, other, &["b"]).await;
    let rows = [judged("a", 1, at(0)), judged("b", 1, at(0)), judged("c", 1, at(0)), judged("a", 2, at(0))];
    let expected = [JudgedWrite::Written, JudgedWrite::NotHeld, JudgedWrite::NotHeld, JudgedWrite::NotHeld];
    assert_eq!(write(&w, one, &rows).await, expected);
    assert_eq!(w.store.judged(None).await.unwrap().len(), 1);
    assert_eq!(samples_of(&w, "b").await, [], "nothing of it was written");
    // Another takes over; the first one comes back with what it judged meanwhile.
    w.advance(LEASE.as_secs());
    let next = w.session().await;
    assert_eq!(take(&w.store, next, &["a"]).await, [Some(2)]);
    assert_eq!(write(&w, one, &[judged("a", 1, at(30))]).await, [JudgedWrite::NotHeld]);
    assert_eq!(
        write(&w, one, &[judged("a", 2, at(30))]).await,
        [JudgedWrite::NotHeld],
        "a generation is not a session"
    );
    assert_eq!(write(&w, next, &[judged("a", 1, at(30))]).await, [JudgedWrite::NotHeld], "nor the other way round");
    assert_eq!(samples_of(&w, "a").await.len(), 1);
    assert_eq!(write(&w, next, &[judged("a", 2, at(30))]).await, [JudgedWrite::Written]);
    assert_eq!(w.store.judged_one("a".to_owned()).await.unwrap().unwrap().writer.session, next);
}

async fn channels_of_a_server_are_written_under_its_duty(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["db14/main"]).await;
    assert_eq!(w.store.duty("delay:db14".to_owned()).await.unwrap().unwrap().owner, Some(session));
    let rows = [judged("db14/main", 1, at(0)), judged("db14/other", 1, at(0)), judged("db1", 1, at(0))];
    let expected = [JudgedWrite::Written, JudgedWrite::Written, JudgedWrite::NotHeld];
    assert_eq!(write(&w, session, &rows).await, expected);
    assert_eq!((samples_of(&w, "db14/main").await.len(), samples_of(&w, "db14").await.len()), (1, 0));
}

async fn an_older_judgement_changes_nothing(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a"]).await;
    w.advance(100);
    write(&w, session, &[judged("a", 1, at(50))]).await;
    for (older, delay) in [(49, Some(1)), (50, None)] {
        let mut row = judged("a", 1, at(older));
        (row.severity, row.samples) =
            (Severity::Critical, vec![sample(at(older), delay), sample(at(older - 20), None)]);
        assert_eq!(write(&w, session, &[row]).await, [JudgedWrite::NotNewer(at(50))]);
    }
    let row = w.store.judged_one("a".to_owned()).await.unwrap().unwrap();
    assert_eq!((row.severity, row.at), (Severity::Ok, at(50)));
    assert_eq!(samples_of(&w, "a").await, [(50, Some(7_200_000_000))]);
}

async fn a_sample_that_is_there_stays(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a"]).await;
    write(&w, session, &[judged("a", 1, at(1))]).await;
    let mut again = judged("a", 1, at(2));
    again.samples = vec![sample(at(1), None), sample(at(0), Some(3)), sample(at(2), Some(4))];
    assert_eq!(write(&w, session, &[again]).await, [JudgedWrite::Written]);
    assert_eq!(samples_of(&w, "a").await, [(0, Some(3)), (1, Some(7_200_000_000)), (2, Some(4))]);
    // One that was judged without a look.
    let mut blind = judged("a", 1, at(3));
    blind.samples.clear();
    assert_eq!(write(&w, session, &[blind]).await, [JudgedWrite::Written]);
    assert_eq!(samples_of(&w, "a").await.len(), 3);
    // The oldest is known though it was entered later: it goes first.
    assert_eq!(w.store.delay_prune(at(1), 10).await.unwrap(), 1);
    assert_eq!(samples_of(&w, "a").await.len(), 2);
}

async fn what_is_too_large_is_refused_for_itself_alone(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a", "b", "c", "d"]).await;
    let mut rows = ["a", "b", "c", "d"].map(|name| judged(name, 1, at(0)));
    rows[0].state = "x".repeat(LARGEST_BODY + 1);
    rows[1].spark = "x".repeat(LARGEST_SPARK + 1);
    (rows[2].state, rows[2].spark) = ("x".repeat(LARGEST_BODY), "x".repeat(LARGEST_SPARK));
    let expected = [
        JudgedWrite::TooLarge { what: "its state", bytes: 65_537, most: 65_536 },
        JudgedWrite::TooLarge { what: "its sparkline", bytes: 4097, most: 4096 },
        JudgedWrite::Written,
        JudgedWrite::Written,
    ];
    assert_eq!(write(&w, session, &rows).await, expected);
    let all = w.store.judged(None).await.unwrap();
    assert_eq!(all.iter().map(|row| row.replica.as_str()).collect::<Vec<_>>(), ["c", "d"]);
    assert_eq!(all[0].state.len(), LARGEST_BODY);
    assert_eq!(samples_of(&w, "a").await, []);
}

async fn a_text_that_is_too_long_is_cut(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a"]).await;
    let mut row = judged("a", 1, at(0));
    row.text = "é".repeat(5000);
    assert_eq!(write(&w, session, &[row]).await, [JudgedWrite::Written]);
    assert_eq!(w.store.judged_one("a".to_owned()).await.unwrap().unwrap().text, "é".repeat(1000));
}

async fn what_was_written_since_then_is_read_alone(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a", "b"]).await;
    write(&w, session, &[judged("a", 1, at(0)), judged("b", 1, at(0))]).await;
    w.advance(5);
    // Judged at a time that has been read already, and written after it.
    write(&w, session, &[judged("b", 1, at(1))]).await;
    let since = |time: Time| {
        let store = Arc::clone(&w.store);
        async move {
            let rows = store.judged(Some(time)).await.unwrap();
            rows.into_iter().map(|row| (row.replica, row.written)).collect::<Vec<_>>()
        }
    };
    let (a, b) = (("a".to_owned(), at(0)), ("b".to_owned(), at(5)));
    assert_eq!(since(at(0)).await, [a, b.clone()]);
    assert_eq!(since(Time::from_micros(at(0).as_micros() + 1)).await, std::slice::from_ref(&b));
    assert_eq!(since(at(5)).await, [b]);
    assert_eq!(since(at(6)).await, []);
}

async fn a_writer_that_nobody_remembers_is_still_told_by_its_session(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a"]).await;
    write(&w, session, &[judged("a", 1, at(0))]).await;
    w.store.session_end(session).await.unwrap();
    let writer = w.store.judged_one("a".to_owned()).await.unwrap().unwrap().writer;
    assert_eq!(writer, JudgedBy { session, process: Some(("alpha".to_owned(), 7)) }, "it has ended a moment ago");
    w.advance(10);
    w.store.prune(w.now().await).await.unwrap();
    let writer = w.store.judged_one("a".to_owned()).await.unwrap().unwrap().writer;
    assert_eq!(writer, JudgedBy { session, process: None });
}

async fn a_replica_that_is_watched_no_more_is_forgotten_and_its_samples_go_with_age(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a", "b", "c"]).await;
    let mut bare = judged("c", 1, at(0));
    bare.samples.clear();
    write(&w, session, &[judged("a", 1, at(0)), judged("b", 1, at(0)), bare]).await;
    let forget = |names: &[&str]| {
        let (store, names) = (Arc::clone(&w.store), names.iter().map(|name| (*name).to_owned()).collect());
        async move { store.judged_forget(names).await.unwrap() }
    };
    assert_eq!(forget(&["a", "c", "never"]).await, 2);
    assert_eq!(forget(&["a", "c", "never"]).await, 0);
    assert_eq!(w.store.judged_one("a".to_owned()).await.unwrap(), None);
    assert_eq!(w.store.judged(None).await.unwrap().len(), 1);
    assert_eq!(samples_of(&w, "a").await.len(), 1, "until they are old");
    assert_eq!(w.store.delay_prune(at(1), 10).await.unwrap(), 2);
    assert_eq!((samples_of(&w, "a").await, samples_of(&w, "b").await), (vec![], vec![]));
    // It comes back: an older judgement than the forgotten one is as good as any.
    assert_eq!(write(&w, session, &[judged("a", 1, at(-5))]).await, [JudgedWrite::Written]);
    assert_eq!(samples_of(&w, "a").await.len(), 1);
    assert_eq!(w.store.judged_one("b".to_owned()).await.unwrap().unwrap().at, at(0));
}

async fn samples_are_read_by_pages(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a", "b"]).await;
    let mut row = judged("a", 1, at(100));
    row.samples = (0..25).map(|n| sample(at(n * 10), (n % 5 != 4).then_some(n))).collect();
    let severities = [Severity::Ok, Severity::Unknown, Severity::Warning, Severity::Critical];
    for (n, sample) in row.samples.iter_mut().enumerate() {
        sample.severity = severities[n % 4];
    }
    let mut other = judged("b", 1, at(100));
    other.samples = (0..25).map(|n| sample(at(n * 10), Some(-1))).collect();
    write(&w, session, &[row.clone(), other]).await;
    let page = |from: Time, to: Time, limit: u32| {
        let store = Arc::clone(&w.store);
        async move { store.delay_samples("a".to_owned(), from, to, limit).await.unwrap() }
    };
    let (mut from, mut all, mut pages) = (at(-1), Vec::new(), 0);
    loop {
        let rows = page(from, at(1000), 7).await;
        let Some(last) = rows.last() else { break };
        from = Time::from_micros(last.at.as_micros() + 1);
        all.extend(rows);
        pages += 1;
    }
    assert_eq!((all, pages), (row.samples.clone(), 4));
    assert_eq!(page(at(10), at(30), 99).await, row.samples[1..=3], "both ends are included");
    assert_eq!(page(at(11), at(29), 99).await, row.samples[2..=2]);
    assert_eq!(page(at(30), at(10), 99).await, []);
    assert_eq!(w.store.delay_samples("nobody".to_owned(), at(0), at(99), 99).await.unwrap(), []);
}

async fn windows_of_many_are_read_at_once(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a", "b"]).await;
    let mut rows = [judged("a", 1, at(100)), judged("b", 1, at(100))];
    for (n, row) in rows.iter_mut().enumerate() {
        row.samples = (0..10).map(|i| sample(at(i * 10), Some(i + 100 * i64::try_from(n).unwrap()))).collect();
    }
    write(&w, session, &rows).await;
    let asked = [("b", 40), ("nobody", 0), ("a", 90), ("a", 91), ("b", 0)];
    let asked = asked.into_iter().map(|(name, from)| (name.to_owned(), at(from))).collect();
    let found = w.store.delay_windows(asked, 7).await.unwrap();
    let plain: Vec<Vec<i64>> =
        found.iter().map(|window| window.iter().filter_map(|sample| sample.delay).collect()).collect();
    let expected: [&[i64]; 5] = [&[104, 105, 106, 107, 108, 109], &[], &[9], &[], &[103, 104, 105, 106, 107, 108, 109]];
    assert_eq!(plain, expected, "the newest of them, the oldest first");
    assert_eq!(found[0][0].at, at(40));
}

async fn old_samples_go_a_few_at_a_time(w: World) {
    let session = w.session().await;
    take(&w.store, session, &["a", "b", "c"]).await;
    let mut rows = [judged("a", 1, at(999)), judged("b", 1, at(999)), judged("c", 1, at(999))];
    for row in &mut rows {
        row.samples = (0..10).map(|n| sample(at(n * 10), Some(n))).collect();
    }
    rows[2].samples = vec![sample(at(990), Some(0))];
    write(&w, session, &rows).await;
    assert_eq!(w.store.delay_prune(at(0), 100).await.unwrap(), 0, "that of the very time stays");
    assert_eq!(w.store.delay_prune(at(50), 0).await.unwrap(), 0);
    let mut dropped = Vec::new();
    while *dropped.last().unwrap_or(&3) == 3 {
        dropped.push(w.store.delay_prune(at(50), 3).await.unwrap());
    }
    assert_eq!(dropped, [3, 3, 3, 1], "five of two replicas, and none is over before all are gone");
    for replica in ["a", "b"] {
        let left: Vec<i64> = samples_of(&w, replica).await.into_iter().map(|(at, _)| at).collect();
        assert_eq!(left, [50, 60, 70, 80, 90], "{replica}");
    }
    assert_eq!(samples_of(&w, "c").await.len(), 1);
    assert_eq!(w.store.judged(None).await.unwrap().len(), 3, "verdicts have no age");
    assert_eq!(w.store.delay_prune(at(2000), 100).await.unwrap(), 11);
    assert_eq!(w.store.delay_prune(at(2000), 100).await.unwrap(), 0);
    assert_eq!(w.store.judged(None).await.unwrap().len(), 3);
}

/// What a round of a large site writes; how long it takes is told, and is the machine's.
async fn a_thousand_replicas_are_written_at_once(w: World) {
    let session = w.store.session_start(new_session("alpha")).await.unwrap().id;
    let replicas: Vec<String> = (0..1000).map(|n| format!("db{n:04}-delay")).collect();
    let duties: Vec<String> = replicas.iter().map(|name| delay_duty(name)).collect();
    let clock = Clock::system();
    let mut spans = Vec::new();
    for round in 0..3i64 {
        let began = clock.mono();
        let held = w.store.duties_take(duties.clone(), session).await.unwrap();
        assert!(held.iter().all(|row| row.as_ref().is_some_and(|row| row.generation == Generation(1))));
        let taken = clock.mono().since(began);
        let rows = replicas.iter().map(|name| {
            let mut row = judged(name, 1, at(round * 10));
            row.state = "x".repeat(6000);
            row
        });
        let rows: Vec<_> = rows.collect();
        let began = clock.mono();
        let wrote = w.store.delay_write(session, rows).await.unwrap();
        let written = clock.mono().since(began);
        assert!(wrote.iter().all(JudgedWrite::is_written));
        let began = clock.mono();
        assert_eq!(w.store.judged(None).await.unwrap().len(), 1000);
        spans.push(format!("duties {taken:?}, rows {written:?}, read {:?}", clock.mono().since(began)));
    }
    eprintln!("1,000 replicas: {}", spans.join("; "));
    assert_eq!(samples_of(&w, "db0999-delay").await.len(), 3);
}
