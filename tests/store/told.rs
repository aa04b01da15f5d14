//! What senders of alerts have told, what they are telling, and how often findings changed.

use firn::base::{Finding, Severity, Time};
use firn::store::{ALERT, AlertMessage, Hold, StoreError, Telling};

use crate::world::{START, World, refused};

on_every_engine! {
    every_change_of_a_finding_is_counted_and_a_round_that_says_the_same_is_none
    what_was_acknowledged_stays_so_when_it_comes_and_goes_unless_it_is_worse
    whom_a_message_did_not_reach_is_kept_until_one_reaches_everybody
    a_message_is_told_once_it_has_been_sent
    a_failure_that_is_certain_forgets_the_message_and_another_keeps_it
    only_the_holder_of_the_duty_writes
    what_came_and_went_between_two_messages_is_seen
    what_came_and_went_while_a_message_was_sent_is_seen
    each_sender_has_its_own_memory
    a_message_that_was_never_begun_was_not_sent
    what_was_told_outlives_a_restart_and_ends_with_age
}

async fn hold(w: &World) -> Hold {
    let session = w.session().await;
    let duty = w.store.duty_take(ALERT.to_owned(), session).await.unwrap().unwrap();
    Hold { session, generation: duty.generation }
}

async fn round(w: &World, findings: &[(&str, Severity)]) {
    let now = w.now().await;
    let findings =
        findings.iter().map(|(object, severity)| Finding::new("disk", *object, *severity, now).value("seen")).collect();
    w.store.notice_round("watch".to_owned(), findings).await.unwrap();
}

async fn message(w: &World, id: &str, tells: &[(&str, bool, u64)]) -> AlertMessage {
    let tells = tells.iter().map(|(object, open, changes)| Telling {
        rule: "disk".to_owned(),
        object: (*object).to_owned(),
        severity: Severity::Critical,
        open: *open,
        critical: *open,
        changes: *changes,
    });
    AlertMessage {
        id: id.to_owned(),
        made_at: w.now().await,
        broke: true,
        subject: format!("subject of {id}"),
        text: "text".to_owned(),
        json: "{}".to_owned(),
        tells: tells.collect(),
    }
}

async fn begin(w: &World, hold: Hold, message: &AlertMessage) {
    w.store.alert_begin(hold, "mail".to_owned(), message.clone()).await.unwrap();
}

async fn sent(w: &World, hold: Hold, id: &str) {
    w.store.alert_sent(hold, "mail".to_owned(), Some(id.to_owned()), None).await.unwrap();
}

async fn changes(w: &World, object: &str) -> Option<u64> {
    let view = w.store.alert_view("mail".to_owned()).await.unwrap();
    view.turns.iter().find(|row| row.object == object).map(|row| row.changes)
}

async fn every_change_of_a_finding_is_counted_and_a_round_that_says_the_same_is_none(w: World) {
    let hold = hold(&w).await;
    w.store.alert_enter(hold, "mail".to_owned()).await.unwrap();
    let rounds: [&[(&str, Severity)]; 6] = [
        &[("a", Severity::Warning)],
        &[("a", Severity::Warning)],
        &[("a", Severity::Critical)],
        &[("a", Severity::Warning)],
        &[],
        &[],
    ];
    let mut counted = Vec::new();
    for findings in rounds {
        w.advance(5);
        round(&w, findings).await;
        counted.push(changes(&w, "a").await);
    }
    assert_eq!(counted, [1, 1, 2, 3, 4, 4].map(Some));
    let row = w.store.alert_view("mail".to_owned()).await.unwrap().turns.remove(0);
    assert_eq!((row.severity, row.value.as_str()), (Severity::Warning, "seen"));
    assert_eq!((row.first_at, row.changed_at), (Time::from_secs(1_000_005), Time::from_secs(1_000_025)));
}

async fn what_was_acknowledged_stays_so_when_it_comes_and_goes_unless_it_is_worse(w: World) {
    let until = async || w.store.notices().await.unwrap().first().and_then(|row| row.ack_until);
    let end = w.now().await.plus(std::time::Duration::from_secs(100));
    round(&w, &[("a", Severity::Warning)]).await;
    assert!(w.store.notice_ack("disk".to_owned(), "a".to_owned(), end, "ann".to_owned()).await.unwrap());
    for _ in 0..3 {
        w.advance(5);
        round(&w, &[]).await;
        assert_eq!(w.store.notices().await.unwrap(), []);
        round(&w, &[("a", Severity::Warning)]).await;
        assert_eq!(until().await, Some(end));
    }
    round(&w, &[]).await;
    round(&w, &[("a", Severity::Critical)]).await;
    assert_eq!(until().await, None, "that is worse than what was acknowledged");
    round(&w, &[]).await;
    round(&w, &[("a", Severity::Warning)]).await;
    assert_eq!(until().await, None);
    assert!(w.store.notice_ack("disk".to_owned(), "a".to_owned(), end, "ann".to_owned()).await.unwrap());
    round(&w, &[]).await;
    w.advance(100);
    round(&w, &[("a", Severity::Warning)]).await;
    assert_eq!(until().await, None, "its time is over");
    // What comes back days later is other trouble, however long the acknowledgement was to hold.
    let week = w.now().await.plus(std::time::Duration::from_hours(7 * 24));
    assert!(w.store.notice_ack("disk".to_owned(), "a".to_owned(), week, "ann".to_owned()).await.unwrap());
    w.advance(7200);
    round(&w, &[]).await;
    w.advance(3600);
    round(&w, &[("a", Severity::Warning)]).await;
    assert_eq!(until().await, Some(week), "an hour later it may be the same");
    round(&w, &[]).await;
    w.advance(3601);
    round(&w, &[("a", Severity::Warning)]).await;
    assert_eq!(until().await, None);
}

async fn whom_a_message_did_not_reach_is_kept_until_one_reaches_everybody(w: World) {
    let hold = hold(&w).await;
    w.store.alert_enter(hold, "mail".to_owned()).await.unwrap();
    let error = async || {
        let row = w.another().alert_view("mail".to_owned()).await.unwrap().teller.unwrap();
        (row.failures, row.error)
    };
    begin(&w, hold, &message(&w, "one", &[]).await).await;
    let but = Some("the recipient ann: 450 later".to_owned());
    w.store.alert_sent(hold, "mail".to_owned(), Some("one".to_owned()), but.clone()).await.unwrap();
    assert_eq!(error().await, (0, but));
    begin(&w, hold, &message(&w, "two", &[]).await).await;
    sent(&w, hold, "two").await;
    assert_eq!(error().await, (0, None));
}

async fn a_message_is_told_once_it_has_been_sent(w: World) {
    let hold = hold(&w).await;
    w.store.alert_enter(hold, "mail".to_owned()).await.unwrap();
    round(&w, &[("a", Severity::Critical), ("b", Severity::Warning)]).await;
    let message = message(&w, "one", &[("a", true, 1)]).await;
    begin(&w, hold, &message).await;
    let view = w.store.alert_view("mail".to_owned()).await.unwrap();
    let pending = view.pending.unwrap();
    assert_eq!((pending.message, pending.tries), (message.clone(), 1));
    assert_eq!((view.told.len(), view.notices.len(), view.turns.len()), (0, 2, 2));
    begin(&w, hold, &message).await;
    assert_eq!(w.store.alert_view("mail".to_owned()).await.unwrap().pending.unwrap().tries, 2, "the same again");
    w.advance(30);
    sent(&w, hold, "one").await;
    let view = w.another().alert_view("mail".to_owned()).await.unwrap();
    assert_eq!(view.pending, None);
    let told = &view.told[0];
    let now = Time::from_secs(1_000_030);
    assert_eq!((told.object.as_str(), told.severity, told.open), ("a", Severity::Critical, true));
    assert_eq!((told.at, told.critical_at, told.changes, view.told.len()), (now, Some(now), 1, 1));
    let teller = view.teller.unwrap();
    assert_eq!((teller.since, teller.last_sent, teller.last_made), (START, Some(now), Some(START)));
    assert!(teller.broke && teller.failures == 0);
    let event = w.store.events(None, 1).await.unwrap().remove(0).event;
    assert_eq!(
        (event.what.as_str(), event.object.as_str(), event.detail.as_str()),
        ("alert.sent", "mail", "subject of one")
    );
    let of_open = w.store.told().await.unwrap();
    assert_eq!((of_open.len(), of_open[0].0.as_str(), of_open[0].1.object.as_str()), (1, "mail", "a"));
    // Told to be over: when it was told as critical is not forgotten.
    w.advance(30);
    begin(&w, hold, &self::message(&w, "two", &[("a", false, 2)]).await).await;
    sent(&w, hold, "two").await;
    let told = w.store.alert_view("mail".to_owned()).await.unwrap().told.remove(0);
    assert_eq!((told.open, told.at, told.critical_at, told.changes), (false, w.now().await, Some(now), 2));
    assert_eq!(w.store.told().await.unwrap(), []);
}

async fn a_failure_that_is_certain_forgets_the_message_and_another_keeps_it(w: World) {
    let hold = hold(&w).await;
    let fail =
        |certain, error: &str, next| w.store.alert_failed(hold, "mail".to_owned(), certain, error.to_owned(), next);
    let view = || w.store.alert_view("mail".to_owned());
    begin(&w, hold, &message(&w, "one", &[("a", true, 1)]).await).await;
    let first = w.in_secs(15).await;
    fail(false, "no answer", first).await.unwrap();
    let seen = view().await.unwrap();
    assert_eq!(seen.pending.unwrap().message.id, "one");
    let teller = seen.teller.unwrap();
    assert_eq!((teller.failures, teller.failing_since, teller.next_try), (1, Some(START), Some(first)));
    w.advance(60);
    let second = w.in_secs(30).await;
    fail(true, "refused", second).await.unwrap();
    let seen = view().await.unwrap();
    assert_eq!((seen.pending, seen.told), (None, Vec::new()));
    let teller = seen.teller.unwrap();
    assert_eq!((teller.failures, teller.failing_since, teller.next_try), (2, Some(START), Some(second)));
    assert_eq!((teller.error.as_deref(), teller.last_sent), (Some("refused"), None));
    // What takes its place begins anew, and success ends all of it.
    begin(&w, hold, &message(&w, "two", &[("b", true, 1)]).await).await;
    let pending = view().await.unwrap().pending.unwrap();
    assert_eq!((pending.tries, pending.message.tells.len()), (1, 1));
    sent(&w, hold, "two").await;
    let teller = view().await.unwrap().teller.unwrap();
    assert_eq!((teller.failures, teller.failing_since, teller.next_try, teller.error), (0, None, None, None));
    assert_eq!(w.store.tellers().await.unwrap().len(), 1);
}

async fn only_the_holder_of_the_duty_writes(w: World) {
    let first = hold(&w).await;
    let message = message(&w, "one", &[("a", true, 1)]).await;
    begin(&w, first, &message).await;
    w.store.session_end(first.session).await.unwrap();
    let second = hold(&w).await;
    let (store, mail, now) = (&w.store, || "mail".to_owned(), w.now().await);
    refused(store.alert_enter(first, mail()).await, "the duty alert", first.session);
    refused(store.alert_begin(first, mail(), message.clone()).await, "the duty alert", first.session);
    refused(store.alert_sent(first, mail(), Some("one".to_owned()), None).await, "the duty alert", first.session);
    refused(store.alert_failed(first, mail(), true, String::new(), now).await, "the duty alert", first.session);
    let view = store.alert_view(mail()).await.unwrap();
    assert!(view.pending.is_some() && view.told.is_empty(), "{view:?}");
    // An older hold of the same session is no better.
    let older = Hold { generation: first.generation, ..second };
    refused(store.alert_enter(older, mail()).await, "the duty alert", second.session);
    sent(&w, second, "one").await;
}

async fn what_came_and_went_between_two_messages_is_seen(w: World) {
    let hold = hold(&w).await;
    round(&w, &[("before", Severity::Critical)]).await;
    round(&w, &[]).await;
    w.advance(5);
    w.store.alert_enter(hold, "mail".to_owned()).await.unwrap();
    assert_eq!(changes(&w, "before").await, None, "before it was in service");
    w.advance(5);
    round(&w, &[("a", Severity::Critical)]).await;
    round(&w, &[]).await;
    assert_eq!(changes(&w, "a").await, Some(2));
}

async fn what_came_and_went_while_a_message_was_sent_is_seen(w: World) {
    let hold = hold(&w).await;
    w.store.alert_enter(hold, "mail".to_owned()).await.unwrap();
    w.advance(5);
    begin(&w, hold, &message(&w, "one", &[]).await).await;
    w.advance(5);
    round(&w, &[("a", Severity::Critical)]).await;
    round(&w, &[]).await;
    w.advance(5);
    sent(&w, hold, "one").await;
    assert_eq!(changes(&w, "a").await, Some(2));
    w.advance(5);
    begin(&w, hold, &message(&w, "two", &[]).await).await;
    sent(&w, hold, "two").await;
    assert_eq!(changes(&w, "a").await, None, "then it is old");
}

async fn each_sender_has_its_own_memory(w: World) {
    let hold = hold(&w).await;
    begin(&w, hold, &message(&w, "one", &[("a", true, 1)]).await).await;
    let other = message(&w, "two", &[("a", true, 1), ("b", true, 1)]).await;
    w.store.alert_begin(hold, "command".to_owned(), other).await.unwrap();
    sent(&w, hold, "one").await;
    let (mail, command) =
        (w.store.alert_view("mail".to_owned()).await.unwrap(), w.store.alert_view("command".to_owned()).await.unwrap());
    assert_eq!((mail.told.len(), mail.pending), (1, None));
    assert_eq!((command.told.len(), command.pending.unwrap().message.tells.len()), (0, 2));
}

async fn a_message_that_was_never_begun_was_not_sent(w: World) {
    let hold = hold(&w).await;
    let error = w.store.alert_sent(hold, "mail".to_owned(), Some("none".to_owned()), None).await.unwrap_err();
    assert!(matches!(error, StoreError::Impossible(_)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the state database holds what cannot be: mail has sent the message none, which it never began"
    );
    // A ping sends none.
    w.store.alert_sent(hold, "ping".to_owned(), None, None).await.unwrap();
    let row = w.store.tellers().await.unwrap().remove(0);
    assert_eq!((row.sender.as_str(), row.last_sent), ("ping", Some(START)));
}

async fn what_was_told_outlives_a_restart_and_ends_with_age(mut w: World) {
    let first = hold(&w).await;
    round(&w, &[("a", Severity::Critical), ("b", Severity::Critical)]).await;
    begin(&w, first, &message(&w, "one", &[("a", true, 1), ("b", false, 1)]).await).await;
    sent(&w, first, "one").await;
    w.reopen();
    round(&w, &[]).await;
    w.advance(1000);
    w.store.prune(w.now().await).await.unwrap();
    let view = w.store.alert_view("mail".to_owned()).await.unwrap();
    let told: Vec<_> = view.told.iter().map(|row| (row.object.as_str(), row.open)).collect();
    assert_eq!(told, [("a", true)], "what was not told to be over is kept, however old");
    let turns: Vec<_> = view.turns.iter().map(|row| row.object.as_str()).collect();
    assert_eq!(turns, ["a"]);
}
