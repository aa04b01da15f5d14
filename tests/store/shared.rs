//! Findings and duties: what several processes share.

use std::collections::HashSet;
use std::sync::Arc;

use firn::base::ids::SessionId;
use firn::base::{Finding, Severity, Time};
use firn::store::{DutyRow, NoticeRound, Store};

use crate::world::{START, World, new_session, refused};

on_every_engine! {
    a_finding_is_raised_once_and_cleared_once
    since_when_a_finding_holds_is_kept
    each_scope_clears_its_own
    a_finding_that_has_become_worse_is_raised_again
    an_acknowledgement_holds_until_it_becomes_worse
    the_worst_come_first
    one_finding_said_twice_in_a_round_is_one
    a_duty_is_held_by_one
    a_duty_goes_on_when_its_lease_runs_out
    a_duty_is_handed_over
    a_duty_tells_when_it_is_next_due
    two_processes_never_hold_one_duty
}

fn finding(rule: &'static str, object: &str, severity: Severity, since: Time) -> Finding {
    Finding::new(rule, object, severity, since).value("seen").limit("none").next("mend it")
}

fn keys(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(rule, object)| ((*rule).to_owned(), (*object).to_owned())).collect()
}

async fn round(w: &World, scope: &str, findings: &[Finding]) -> NoticeRound {
    w.store.notice_round(scope.to_owned(), findings.to_vec()).await.unwrap()
}

async fn a_finding_is_raised_once_and_cleared_once(w: World) {
    let disk = finding("disk", "/staging", Severity::Warning, START);
    let raised = NoticeRound { raised: keys(&[("disk", "/staging")]), cleared: Vec::new() };
    assert_eq!(round(&w, "watch", std::slice::from_ref(&disk)).await, raised);
    w.advance(60);
    assert_eq!(round(&w, "watch", &[disk]).await, NoticeRound::default());
    let row = w.store.notices().await.unwrap().remove(0);
    assert_eq!((row.rule.as_str(), row.object.as_str(), row.scope.as_str()), ("disk", "/staging", "watch"));
    assert_eq!((row.value.as_str(), row.limit.as_str(), row.next_step.as_str()), ("seen", "none", "mend it"));
    assert_eq!((row.seen_at, row.since), (Time::from_secs(1_000_060), START));
    let cleared = NoticeRound { raised: Vec::new(), cleared: keys(&[("disk", "/staging")]) };
    assert_eq!(round(&w, "watch", &[]).await, cleared);
    assert_eq!(round(&w, "watch", &[]).await, NoticeRound::default());
    assert_eq!(w.store.notices().await.unwrap(), []);
    let told: Vec<_> = w.store.events(None, 9).await.unwrap().into_iter().map(|row| row.event.what).collect();
    assert_eq!(told, ["finding.cleared", "finding.raised"], "one event for each change, the newest first");
}

async fn since_when_a_finding_holds_is_kept(w: World) {
    round(&w, "watch", &[finding("disk", "a", Severity::Warning, START)]).await;
    w.advance(600);
    // The watcher has been restarted and knows only its own time; then one knows better.
    let (later, earlier) = (w.now().await, Time::from_secs(5));
    for (said, kept) in [(later, START), (earlier, earlier), (later, earlier)] {
        round(&w, "watch", &[finding("disk", "a", Severity::Warning, said)]).await;
        assert_eq!(w.store.notices().await.unwrap()[0].since, kept);
    }
    // Cleared and back again, it is a new one.
    round(&w, "watch", &[]).await;
    round(&w, "watch", &[finding("disk", "a", Severity::Warning, later)]).await;
    assert_eq!(w.store.notices().await.unwrap()[0].since, later);
}

async fn each_scope_clears_its_own(w: World) {
    round(&w, "scan:ugc", &[finding("source.root", "ugc", Severity::Critical, START)]).await;
    round(&w, "scan:other", &[finding("source.root", "other", Severity::Critical, START)]).await;
    let cleared = round(&w, "scan:other", &[]).await.cleared;
    assert_eq!(cleared, keys(&[("source.root", "other")]));
    let left = w.store.notices().await.unwrap();
    assert_eq!((left.len(), left[0].object.as_str()), (1, "ugc"));
}

async fn a_finding_that_has_become_worse_is_raised_again(w: World) {
    let at = |severity| [finding("disk", "a", severity, START)];
    round(&w, "watch", &at(Severity::Warning)).await;
    assert_eq!(round(&w, "watch", &at(Severity::Critical)).await.raised, keys(&[("disk", "a")]));
    assert_eq!(round(&w, "watch", &at(Severity::Warning)).await, NoticeRound::default());
    let row = w.store.notices().await.unwrap().remove(0);
    assert_eq!((row.severity, row.worst), (Severity::Warning, Severity::Critical));
}

async fn an_acknowledgement_holds_until_it_becomes_worse(w: World) {
    let at = |severity| [finding("disk", "a", severity, START)];
    let ack = |rule: &str, until| w.store.notice_ack(rule.to_owned(), "a".to_owned(), until, "kim".to_owned());
    round(&w, "watch", &at(Severity::Warning)).await;
    let until = w.in_secs(3600).await;
    assert!(ack("disk", until).await.unwrap());
    assert!(!ack("other", until).await.unwrap(), "there is no such finding");
    round(&w, "watch", &at(Severity::Warning)).await;
    assert_eq!(w.store.notices().await.unwrap()[0].ack_until, Some(until));
    let told = w.store.events(None, 1).await.unwrap().remove(0).event;
    assert_eq!((told.who.as_str(), told.what.as_str()), ("kim", "finding.acknowledged"));
    round(&w, "watch", &at(Severity::Critical)).await;
    assert_eq!(w.store.notices().await.unwrap()[0].ack_until, None);
}

async fn the_worst_come_first(w: World) {
    let later = w.in_secs(1).await;
    let all = [
        finding("a", "warning", Severity::Warning, START),
        finding("b", "critical, later", Severity::Critical, later),
        finding("c", "cannot see", Severity::Unknown, START),
        finding("d", "critical", Severity::Critical, START),
    ];
    round(&w, "watch", &all).await;
    let objects: Vec<_> = w.store.notices().await.unwrap().into_iter().map(|row| row.object).collect();
    assert_eq!(objects, ["critical", "critical, later", "warning", "cannot see"]);
}

async fn one_finding_said_twice_in_a_round_is_one(w: World) {
    let twice = [finding("disk", "a", Severity::Warning, START), finding("disk", "a", Severity::Warning, START)];
    assert_eq!(round(&w, "watch", &twice).await.raised, keys(&[("disk", "a")]));
    assert_eq!(round(&w, "watch", &twice).await, NoticeRound::default());
    assert_eq!(w.store.events(None, 9).await.unwrap().len(), 1);
}

async fn take(w: &World, session: SessionId) -> Option<DutyRow> {
    w.store.duty_take("sampler".to_owned(), session).await.unwrap()
}

async fn a_duty_is_held_by_one(w: World) {
    let (first, second) = (w.session().await, w.session().await);
    assert_eq!(w.store.duty("sampler".to_owned()).await.unwrap(), None);
    let held = take(&w, first).await.unwrap();
    assert_eq!((held.owner, held.last_run, held.next_run), (Some(first), None, None));
    assert_eq!(take(&w, second).await, None);
    assert_eq!(take(&w, first).await.unwrap().generation, held.generation, "kept, not taken anew");
    assert!(w.store.duty_take("other".to_owned(), second).await.unwrap().is_some());
}

async fn a_duty_goes_on_when_its_lease_runs_out(w: World) {
    let (first, second) = (w.session().await, w.session().await);
    let held = take(&w, first).await.unwrap();
    w.advance(40);
    w.store.session_renew(second, crate::world::LEASE, String::new()).await.unwrap();
    assert_eq!(take(&w, second).await, None);
    w.advance(20);
    // Nobody has reaped the first yet.
    let taken = take(&w, second).await.unwrap();
    assert!(taken.generation > held.generation);
    let now = w.now().await;
    let late = w.store.duty_done("sampler".to_owned(), first, held.generation, now, String::new()).await;
    refused(late, "the duty sampler", first);
    w.store.duty_release("sampler".to_owned(), first).await.unwrap();
    assert_eq!(w.store.duty("sampler".to_owned()).await.unwrap().unwrap().owner, Some(second));
}

async fn a_duty_is_handed_over(w: World) {
    let (first, second) = (w.session().await, w.session().await);
    let held = take(&w, first).await.unwrap();
    w.store.duty_release("sampler".to_owned(), first).await.unwrap();
    assert_eq!(w.store.duty("sampler".to_owned()).await.unwrap().unwrap().owner, None);
    assert!(take(&w, second).await.unwrap().generation > held.generation);
    w.store.session_end(second).await.unwrap();
    assert_eq!(take(&w, first).await.unwrap().owner, Some(first), "a session that ends lets go of its duties");
}

async fn a_duty_tells_when_it_is_next_due(w: World) {
    let session = w.session().await;
    let held = take(&w, session).await.unwrap();
    w.advance(5);
    let next = w.in_secs(300).await;
    w.store
        .duty_done("sampler".to_owned(), session, held.generation, next, "12 files verified".to_owned())
        .await
        .unwrap();
    let row = w.another().duty("sampler".to_owned()).await.unwrap().unwrap();
    assert_eq!((row.last_run, row.next_run), (Some(w.now().await), Some(next)));
    assert_eq!((row.result.as_deref(), row.owner), (Some("12 files verified"), Some(session)));
    let other = w.session().await;
    w.store.duty_release("sampler".to_owned(), session).await.unwrap();
    assert_eq!(take(&w, other).await.unwrap().next_run, Some(next), "who takes it over knows when it is due");
}

/// Eight sessions in two handles reach for one duty, over and over; who has it lets go of it before the next can.
async fn two_processes_never_hold_one_duty(w: World) {
    let stores: Vec<Arc<dyn Store>> = (0..8).map(|n| if n < 4 { Arc::clone(&w.store) } else { w.another() }).collect();
    let workers: Vec<_> = stores
        .into_iter()
        .map(|store| {
            firn::base::task::spawn(async move {
                let session = store.session_start(new_session("alpha")).await.unwrap().id;
                let mut held = Vec::new();
                while held.len() < 5 {
                    if let Some(row) = store.duty_take("sampler".to_owned(), session).await.unwrap() {
                        assert_eq!(row.owner, Some(session));
                        held.push(row.generation);
                        store.duty_release("sampler".to_owned(), session).await.unwrap();
                    }
                    tokio::task::yield_now().await;
                }
                held
            })
        })
        .collect();
    let mut generations = Vec::new();
    for worker in workers {
        generations.extend(worker.await.unwrap());
    }
    assert_eq!(generations.iter().collect::<HashSet<_>>().len(), 40, "two held it under one generation");
}
