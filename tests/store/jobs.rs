//! Jobs that hold replicas up, and replicas stopped in an emergency.

use std::sync::Arc;

use firn::base::Time;
use firn::base::ids::{FreezeId, JobId};
use firn::store::{
    EndJob, FreezeBegun, FreezeRow, JobEnded, JobRow, JobStarted, LARGEST_BODY, NewEvent, NewFreeze, NewJob, StoreError,
};

use crate::world::{START, World, at};

on_every_engine! {
    a_job_begins_and_ends_and_both_are_remembered
    one_job_of_a_class_runs_on_a_replica
    of_two_that_start_at_once_one_wins
    a_job_may_have_begun_before_and_never_begins_later
    an_end_without_a_start_changes_nothing
    a_job_does_not_end_before_it_began_or_in_the_future
    who_ends_its_own_job_ends_no_other
    jobs_are_those_that_run_and_those_that_ended_since
    ended_jobs_are_read_by_pages
    old_jobs_and_freezes_go_and_open_ones_never
    a_freeze_is_begun_once_a_replica
    of_two_that_freeze_at_once_both_have_the_same_freeze
    a_freeze_is_changed_by_who_has_read_it
    a_freeze_that_is_too_large_is_refused
    a_freeze_outlives_a_restart
}

pub fn job(replica: &str, class: &str) -> NewJob {
    NewJob {
        replica: replica.to_owned(),
        class: class.to_owned(),
        start: None,
        who: "ann".to_owned(),
        detail: String::new(),
    }
}

pub fn end(replica: &str, class: &str) -> EndJob {
    EndJob {
        replica: replica.to_owned(),
        class: class.to_owned(),
        only: None,
        end: None,
        who: "bob".to_owned(),
        outcome: "done".to_owned(),
    }
}

async fn start(w: &World, new: NewJob) -> JobRow {
    match w.store.job_start(new).await.unwrap() {
        JobStarted::Started(row) => row,
        other => panic!("it was to start: {other:?}"),
    }
}

async fn ended(w: &World, how: EndJob) -> JobRow {
    match w.store.job_end(how).await.unwrap() {
        JobEnded::Ended(row) => row,
        other => panic!("it was to end: {other:?}"),
    }
}

/// What was recorded of a replica, the newest first.
async fn events(w: &World, replica: &str) -> Vec<(String, String, String, String)> {
    let rows = w.store.events_of(replica.to_owned(), 99).await.unwrap();
    rows.into_iter().map(|row| (row.event.who, row.event.what, row.event.detail, row.event.outcome)).collect()
}

fn said(who: &str, what: &str, detail: &str, outcome: &str) -> (String, String, String, String) {
    (who.to_owned(), what.to_owned(), detail.to_owned(), outcome.to_owned())
}

fn ids(rows: &[JobRow]) -> Vec<i64> {
    rows.iter().map(|row| row.id.0).collect()
}

async fn a_job_begins_and_ends_and_both_are_remembered(w: World) {
    let started = start(&w, NewJob { detail: "xtrabackup --all".to_owned(), ..job("db14", "backup") }).await;
    let mut expected = JobRow {
        id: started.id,
        replica: "db14".to_owned(),
        class: "backup".to_owned(),
        start: START,
        end: None,
        started_by: "ann".to_owned(),
        ended_by: None,
        detail: "xtrabackup --all".to_owned(),
        outcome: None,
    };
    assert_eq!(started, expected);
    w.advance(3600);
    let row = ended(&w, EndJob { outcome: "exit code 3".to_owned(), ..end("db14", "backup") }).await;
    (expected.end, expected.ended_by, expected.outcome) =
        (Some(at(3600)), Some("bob".to_owned()), Some("exit code 3".to_owned()));
    assert_eq!(row, expected);
    assert_eq!(w.store.jobs(None, START).await.unwrap(), [expected]);
    let began = "backup since 1970-01-12T13:46:40Z: xtrabackup --all";
    let over = "backup from 1970-01-12T13:46:40Z to 1970-01-12T14:46:40Z";
    let told = [said("bob", "job.ended", over, "exit code 3"), said("ann", "job.started", began, "done")];
    assert_eq!(events(&w, "db14").await, told);
}

async fn one_job_of_a_class_runs_on_a_replica(w: World) {
    let first = start(&w, job("db14", "backup")).await;
    w.advance(10);
    assert_eq!(w.store.job_start(job("db14", "backup")).await.unwrap(), JobStarted::Running(first.clone()));
    start(&w, job("db14", "deshard")).await;
    start(&w, job("db15", "backup")).await;
    assert_eq!(events(&w, "db14").await.len(), 2, "what was refused did not happen");
    ended(&w, end("db14", "backup")).await;
    assert_ne!(start(&w, job("db14", "backup")).await.id, first.id);
}

async fn of_two_that_start_at_once_one_wins(w: World) {
    let stores = [w.another(), w.another(), w.another(), w.another()];
    for round in 0..10 {
        let replica = format!("db{round}");
        let tasks: Vec<_> = stores
            .iter()
            .map(|store| {
                let (store, new) = (Arc::clone(store), job(&replica, "backup"));
                firn::base::task::spawn(async move { store.job_start(new).await.unwrap() })
            })
            .collect();
        let (mut won, mut lost) = (Vec::new(), Vec::new());
        for task in tasks {
            match task.await.unwrap() {
                JobStarted::Started(row) => won.push(row),
                JobStarted::Running(row) => lost.push(row),
                JobStarted::Future(now) => panic!("{now}"),
            }
        }
        assert_eq!((won.len(), lost.len()), (1, 3));
        assert!(lost.iter().all(|row| row == &won[0]), "they are told which one");
    }
}

async fn a_job_may_have_begun_before_and_never_begins_later(w: World) {
    let begun = NewJob { start: Some(at(-7200)), ..job("db14", "backup") };
    assert_eq!(start(&w, begun).await.start, at(-7200));
    let later = NewJob { start: Some(Time::from_micros(START.as_micros() + 1)), ..job("db14", "deshard") };
    assert_eq!(w.store.job_start(later).await.unwrap(), JobStarted::Future(START));
    assert_eq!(start(&w, NewJob { start: Some(START), ..job("db14", "deshard") }).await.start, START);
    assert_eq!(w.store.jobs(None, START).await.unwrap().len(), 2);
}

async fn an_end_without_a_start_changes_nothing(w: World) {
    assert_eq!(w.store.job_end(end("db14", "backup")).await.unwrap(), JobEnded::NotRunning(None));
    start(&w, job("db14", "deshard")).await;
    start(&w, job("db15", "backup")).await;
    assert_eq!(w.store.job_end(end("db14", "backup")).await.unwrap(), JobEnded::NotRunning(None));
    let mut last = None;
    for _ in 0..2 {
        start(&w, job("db14", "backup")).await;
        w.advance(60);
        last = Some(ended(&w, end("db14", "backup")).await);
        w.advance(60);
    }
    assert_eq!(w.store.job_end(end("db14", "backup")).await.unwrap(), JobEnded::NotRunning(last), "the newest");
    assert_eq!(w.store.jobs(None, at(9999)).await.unwrap().len(), 2, "others go on");
    assert!(events(&w, "db14").await.iter().filter(|event| event.1 == "job.ended").count() == 2);
}

async fn a_job_does_not_end_before_it_began_or_in_the_future(w: World) {
    let open = start(&w, job("db14", "backup")).await;
    w.advance(60);
    let when = |time: i64| EndJob { end: Some(at(time)), ..end("db14", "backup") };
    assert_eq!(w.store.job_end(when(-1)).await.unwrap(), JobEnded::BeforeStart(open.clone()));
    assert_eq!(w.store.job_end(when(61)).await.unwrap(), JobEnded::Future(at(60)));
    assert_eq!(w.store.jobs(None, at(9999)).await.unwrap(), [open], "it goes on");
    assert_eq!(ended(&w, when(0)).await.end, Some(at(0)));
}

async fn who_ends_its_own_job_ends_no_other(w: World) {
    let first = start(&w, job("db14", "backup")).await;
    w.advance(5);
    let over = ended(&w, end("db14", "backup")).await;
    let second = start(&w, job("db14", "backup")).await;
    let only = |id: JobId| EndJob { only: Some(id), ..end("db14", "backup") };
    assert_eq!(w.store.job_end(only(first.id)).await.unwrap(), JobEnded::NotRunning(Some(over)));
    assert_eq!(w.store.job_end(only(JobId(99))).await.unwrap(), JobEnded::NotRunning(None));
    assert_eq!(ended(&w, only(second.id)).await.id, second.id);
}

/// Four that ended at 10, 20, 30 and 40, two of each replica, and two that run.
async fn six(w: &World) {
    for n in 0..4u64 {
        let replica = if n % 2 == 0 { "a" } else { "b" };
        start(w, NewJob { start: Some(at(5 - n.cast_signed())), ..job(replica, "backup") }).await;
        w.advance(10);
        ended(w, end(replica, "backup")).await;
    }
    start(w, job("a", "deshard")).await;
    start(w, NewJob { start: Some(at(-50)), ..job("b", "backup") }).await;
}

async fn jobs_are_those_that_run_and_those_that_ended_since(w: World) {
    w.advance(5);
    six(&w).await;
    let jobs = |replica: Option<&str>, since: i64| {
        let (store, replica) = (Arc::clone(&w.store), replica.map(str::to_owned));
        async move { ids(&store.jobs(replica, at(since)).await.unwrap()) }
    };
    assert_eq!(jobs(None, 25).await, [6, 4, 3, 2, 5], "by their start");
    assert_eq!(jobs(None, 26).await, [6, 4, 3, 5]);
    assert_eq!(jobs(None, 46).await, [6, 5]);
    assert_eq!(jobs(Some("a"), 0).await, [3, 1, 5]);
    assert_eq!(jobs(Some("b"), 46).await, [6]);
    assert_eq!(jobs(Some("c"), 0).await, [] as [i64; 0]);
}

async fn ended_jobs_are_read_by_pages(w: World) {
    w.advance(5);
    six(&w).await;
    // Of one moment, and more than a page has.
    for _ in 0..4 {
        start(&w, job("c", "backup")).await;
        ended(&w, end("c", "backup")).await;
    }
    let (all_of_them, of_c) = (vec![10, 9, 8, 7, 4, 3, 2, 1], vec![10, 9, 8, 7]);
    for (replica, expected) in [(None, all_of_them), (Some("a"), vec![3, 1]), (Some("c"), of_c), (Some("d"), vec![])] {
        let (mut before, mut all) = (None, Vec::new());
        loop {
            let page = w.store.jobs_ended(replica.map(str::to_owned), before, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some((last.end.unwrap(), last.id));
            all.extend(ids(&page));
        }
        assert_eq!(all, expected, "{replica:?}");
    }
}

fn freeze(replica: &str) -> NewFreeze {
    NewFreeze {
        replica: replica.to_owned(),
        state: "asked".to_owned(),
        body: "{\"step\":0}".to_owned(),
        who: "ann".to_owned(),
    }
}

async fn begun(w: &World, replica: &str) -> FreezeRow {
    match w.store.freeze_begin(freeze(replica)).await.unwrap() {
        FreezeBegun::Begun(row) => row,
        FreezeBegun::Open(row) => panic!("it was to begin: {row:?}"),
    }
}

async fn change(w: &World, id: FreezeId, revision: u64, state: &str, event: Option<NewEvent>) -> bool {
    w.store.freeze_update(id, revision, state.to_owned(), format!("{{\"is\":\"{state}\"}}"), event).await.unwrap()
}

fn happened(what: &str) -> NewEvent {
    NewEvent {
        who: "ann".to_owned(),
        what: what.to_owned(),
        object: "db14".to_owned(),
        detail: "both threads stand".to_owned(),
        outcome: "done".to_owned(),
    }
}

async fn old_jobs_and_freezes_go_and_open_ones_never(w: World) {
    w.advance(5);
    six(&w).await;
    for replica in ["a", "b"] {
        let row = begun(&w, replica).await;
        w.advance(10);
        assert!(w.store.freeze_end(row.id, 0, "resumed".to_owned(), String::new(), None).await.unwrap());
    }
    let open = begun(&w, "a").await;
    // They ended at 15, 25, 35, 45 and 55, 65.
    assert_eq!(w.store.jobs_prune(at(15), 9).await.unwrap(), 0);
    assert_eq!(w.store.jobs_prune(at(40), 2).await.unwrap(), 2, "a few at a time");
    assert_eq!(ids(&w.store.jobs_ended(None, None, 9).await.unwrap()), [4, 3], "the oldest first");
    assert_eq!(w.store.jobs_prune(at(60), 9).await.unwrap(), 3);
    assert_eq!(w.store.jobs_prune(at(9999), 9).await.unwrap(), 1);
    assert_eq!(ids(&w.store.jobs(None, at(0)).await.unwrap()), [6, 5]);
    assert_eq!(w.store.freeze_list("a".to_owned(), 9).await.unwrap(), std::slice::from_ref(&open));
    assert_eq!(w.store.freeze_list("b".to_owned(), 9).await.unwrap(), []);
    // A number is never given again.
    w.store.freeze_end(open.id, 0, "resumed".to_owned(), String::new(), None).await.unwrap();
    w.advance(1);
    assert_eq!(w.store.jobs_prune(w.now().await, 9).await.unwrap(), 1);
    assert_eq!(begun(&w, "a").await.id.0, open.id.0 + 1);
}

async fn a_freeze_is_begun_once_a_replica(w: World) {
    let row = begun(&w, "db14").await;
    let expected = FreezeRow {
        id: row.id,
        replica: "db14".to_owned(),
        state: "asked".to_owned(),
        body: "{\"step\":0}".to_owned(),
        revision: 0,
        who: "ann".to_owned(),
        started: START,
        changed: START,
        ended: None,
    };
    assert_eq!(row, expected);
    w.advance(10);
    let again = NewFreeze { who: "bob".to_owned(), state: "other".to_owned(), ..freeze("db14") };
    assert_eq!(w.store.freeze_begin(again).await.unwrap(), FreezeBegun::Open(expected.clone()));
    let other = begun(&w, "db15").await;
    assert_eq!(w.store.freezes_open().await.unwrap(), [expected.clone(), other]);
    assert_eq!(w.store.freeze(row.id).await.unwrap(), Some(expected));
    assert_eq!(w.store.freeze(FreezeId(77)).await.unwrap(), None);
    let detail = "freeze 1: the SQL thread is to be stopped, then the IO thread";
    assert_eq!(events(&w, "db14").await, [said("ann", "freeze.begun", detail, "done")]);
}

async fn of_two_that_freeze_at_once_both_have_the_same_freeze(w: World) {
    let tasks: Vec<_> = [w.another(), w.another(), w.another()]
        .into_iter()
        .map(|store| firn::base::task::spawn(async move { store.freeze_begin(freeze("db14")).await.unwrap() }))
        .collect();
    let (mut new, mut all) = (0, Vec::new());
    for task in tasks {
        match task.await.unwrap() {
            FreezeBegun::Begun(row) => {
                new += 1;
                all.push(row);
            }
            FreezeBegun::Open(row) => all.push(row),
        }
    }
    assert_eq!(new, 1);
    assert!(all.iter().all(|row| row == &all[0]), "{all:?}");
}

async fn a_freeze_is_changed_by_who_has_read_it(w: World) {
    let row = begun(&w, "db14").await;
    w.advance(10);
    assert!(change(&w, row.id, 0, "stopping", Some(happened("freeze.stopping"))).await);
    // Another one has read it before that.
    assert!(!change(&w, row.id, 0, "other", Some(happened("freeze.other"))).await);
    assert!(!change(&w, FreezeId(77), 0, "other", Some(happened("freeze.other"))).await);
    let now = w.store.freeze(row.id).await.unwrap().unwrap();
    assert_eq!((now.state.as_str(), now.body.as_str(), now.revision), ("stopping", "{\"is\":\"stopping\"}", 1));
    assert_eq!((now.started, now.changed, now.ended), (START, at(10), None));
    assert!(change(&w, row.id, 1, "frozen", None).await);
    w.advance(10);
    let end = |revision: u64| {
        let store = Arc::clone(&w.store);
        async move {
            let (state, body) = ("resumed".to_owned(), "{}".to_owned());
            store.freeze_end(row.id, revision, state, body, Some(happened("freeze.ended"))).await.unwrap()
        }
    };
    assert!(!end(1).await);
    assert!(end(2).await);
    assert!(!end(3).await, "it has ended");
    assert!(!change(&w, row.id, 3, "frozen", Some(happened("freeze.other"))).await, "what has ended stays as it is");
    let over = w.store.freeze(row.id).await.unwrap().unwrap();
    assert_eq!((over.state.as_str(), over.revision, over.ended), ("resumed", 3, Some(at(20))));
    assert_eq!(w.store.freezes_open().await.unwrap(), []);
    let told: Vec<String> = events(&w, "db14").await.into_iter().map(|event| event.1).collect();
    assert_eq!(told, ["freeze.ended", "freeze.stopping", "freeze.begun"], "what was refused did not happen");
    let next = begun(&w, "db14").await;
    let all: Vec<FreezeId> =
        w.store.freeze_list("db14".to_owned(), 9).await.unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(all, [next.id, row.id]);
    assert_eq!(w.store.freeze_list("db14".to_owned(), 1).await.unwrap(), [next]);
}

async fn a_freeze_that_is_too_large_is_refused(w: World) {
    let large = "x".repeat(LARGEST_BODY + 1);
    let told = |error: StoreError| {
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
        error.to_string()
    };
    let rest = "takes 65537 bytes, and at most 65536 are kept; nothing was written: make it shorter";
    let begin = w.store.freeze_begin(NewFreeze { body: large.clone(), ..freeze("db14") }).await;
    assert_eq!(told(begin.unwrap_err()), format!("the record of a freeze of db14 {rest}"));
    assert_eq!(w.store.freezes_open().await.unwrap(), []);
    let row = begun(&w, "db14").await;
    let update = w.store.freeze_update(row.id, 0, "s".to_owned(), large.clone(), None).await;
    assert_eq!(told(update.unwrap_err()), format!("the record of freeze {} {rest}", row.id));
    let end = w.store.freeze_end(row.id, 0, "s".to_owned(), large, None).await;
    assert_eq!(told(end.unwrap_err()), format!("the record of freeze {} {rest}", row.id));
    assert_eq!(w.store.freezes_open().await.unwrap(), [row]);
}

async fn a_freeze_outlives_a_restart(mut w: World) {
    let row = begun(&w, "db14").await;
    start(&w, job("db14", "backup")).await;
    assert!(change(&w, row.id, 0, "frozen", None).await);
    w.reopen();
    let now = w.store.freezes_open().await.unwrap().remove(0);
    assert_eq!((now.state.as_str(), now.revision), ("frozen", 1));
    assert_eq!(w.store.jobs(Some("db14".to_owned()), START).await.unwrap().len(), 1);
}
