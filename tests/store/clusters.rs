//! Redis clusters: what is remembered of them, and silences.

use std::time::Duration;

use firn::base::ids::Generation;
use firn::base::{Finding, Severity};
use firn::store::{ClusterWrite, LARGEST_CLUSTER, NewEvent, NewSilence, cluster_duty};

use crate::world::World;

on_every_engine! {
    what_is_remembered_is_written_under_its_duty_alone
    what_is_silenced_is_acknowledged_until_the_silence_ends
    a_silence_ends_by_itself_or_by_hand
}

async fn what_is_remembered_is_written_under_its_duty_alone(w: World) {
    let (one, other) = (w.session().await, w.session().await);
    let duty = w.store.duty_take(cluster_duty("sessions"), one).await.unwrap().unwrap();
    let event = |detail: &str| NewEvent {
        who: "redis sessions".to_owned(),
        what: "redis.restart".to_owned(),
        object: "sessions 10.0.0.1:7000".to_owned(),
        detail: detail.to_owned(),
        outcome: "seen".to_owned(),
    };
    // What it says is what happened.
    let write = |session, generation, body: &str| {
        let (store, body) = (w.store.clone(), body.to_owned());
        let happened = vec![event(&body[..body.len().min(7)])];
        async move { store.cluster_write(session, generation, "sessions".to_owned(), body, happened).await.unwrap() }
    };
    assert_eq!(w.store.cluster("sessions".to_owned()).await.unwrap(), None);
    assert_eq!(write(one, duty.generation, "{\"a\":1}").await, ClusterWrite::Written);
    for (session, generation) in [(other, duty.generation), (one, Generation(duty.generation.0 - 1))] {
        assert_eq!(write(session, generation, "{}").await, ClusterWrite::NotHeld);
    }
    assert_eq!(
        write(one, duty.generation, &"x".repeat(LARGEST_CLUSTER + 1)).await,
        ClusterWrite::TooLarge(LARGEST_CLUSTER + 1)
    );
    let row = w.store.cluster("sessions".to_owned()).await.unwrap().unwrap();
    assert_eq!(
        (row.name.as_str(), row.body.as_str(), row.written),
        ("sessions", "{\"a\":1}", w.store.now().await.unwrap())
    );
    assert!(row.writer.is_some());
    assert_eq!(w.store.cluster("other".to_owned()).await.unwrap(), None);
    // Who does not hold the duty tells nobody what happened; what is too large to be kept has happened all the same.
    let told: Vec<_> = w.store.events(None, 9).await.unwrap().into_iter().map(|row| row.event.detail).collect();
    assert_eq!(told, ["xxxxxxx", "{\"a\":1}"]);
}

async fn what_is_silenced_is_acknowledged_until_the_silence_ends(w: World) {
    let start = w.store.now().await.unwrap();
    let scope = cluster_duty("sessions");
    let found = |severity, quiet: Option<u64>| {
        let until = quiet.map(|secs| start.plus(Duration::from_secs(secs)));
        vec![Finding::new("redis.A1", "sessions 10.0.0.1:7000", severity, start).value("refused").quiet(until)]
    };
    let acked = async || w.store.notices().await.unwrap().into_iter().map(|row| row.ack_until).collect::<Vec<_>>();
    let at = |secs| start.plus(Duration::from_secs(secs));
    // New and silenced; then silenced for longer; a shorter one does not take back what was said.
    for (quiet, until) in [(60, 60), (90, 90), (30, 90)] {
        w.store.notice_round(scope.clone(), found(Severity::Warning, Some(quiet))).await.unwrap();
        assert_eq!(acked().await, [Some(at(until))]);
    }
    // Worse is silenced too; without a silence it is not what was acknowledged.
    w.store.notice_round(scope.clone(), found(Severity::Critical, Some(90))).await.unwrap();
    assert_eq!(acked().await, [Some(at(90))]);
    w.store.notice_round(scope.clone(), found(Severity::Critical, None)).await.unwrap();
    assert_eq!(acked().await, [Some(at(90))]);
    w.store.notice_round(scope.clone(), found(Severity::Warning, None)).await.unwrap();
    w.store.notice_round(scope.clone(), found(Severity::Critical, None)).await.unwrap();
    assert_eq!(acked().await, [None]);
    // Of two of a name the one that is not silenced counts.
    let both = [found(Severity::Critical, Some(90)), found(Severity::Warning, None)].concat();
    w.store.notice_round(scope.clone(), both).await.unwrap();
    let rows = w.store.notices().await.unwrap();
    assert_eq!((rows.len(), rows[0].severity, rows[0].ack_until), (1, Severity::Warning, None));
    // Ended by hand it is quiet for a moment: another silence may take it.
    let silence = |secs| NewSilence {
        cluster: "sessions".to_owned(),
        node: None,
        until: at(secs),
        who: "mira".to_owned(),
        why: "kernel".to_owned(),
    };
    w.store.silence(silence(600)).await.unwrap();
    w.store.notice_round(scope.clone(), found(Severity::Warning, Some(600))).await.unwrap();
    w.store.silence(silence(500)).await.unwrap();
    assert_eq!(acked().await, [Some(at(10))], "said anew, and shorter");
    w.store.notice_round(scope.clone(), found(Severity::Warning, Some(500))).await.unwrap();
    // Over, and back: it is what was acknowledged, until somebody ends that.
    w.store.notice_round(scope.clone(), Vec::new()).await.unwrap();
    assert!(w.store.silence_end("sessions".to_owned(), None, "mira".to_owned()).await.unwrap());
    w.advance(11);
    w.store.notice_round(scope.clone(), found(Severity::Warning, None)).await.unwrap();
    assert_eq!(acked().await, [None]);
}

async fn a_silence_ends_by_itself_or_by_hand(w: World) {
    let now = w.store.now().await.unwrap();
    let new = |node: Option<&str>, secs, why: &str| NewSilence {
        cluster: "sessions".to_owned(),
        node: node.map(str::to_owned),
        until: now.plus(Duration::from_secs(secs)),
        who: "mira".to_owned(),
        why: why.to_owned(),
    };
    w.store.silence(new(None, 60, "kernel")).await.unwrap();
    w.store.silence(new(Some("10.0.0.1:7000"), 120, "disk")).await.unwrap();
    // The later one of two counts.
    w.store.silence(new(None, 30, "kernel again")).await.unwrap();
    let told = |rows: Vec<firn::store::SilenceRow>| {
        rows.into_iter().map(|row| (row.node.unwrap_or_default(), row.why)).collect::<Vec<_>>()
    };
    let pair = |node: &str, why: &str| (node.to_owned(), why.to_owned());
    assert_eq!(told(w.store.silences(now).await.unwrap()), [pair("", "kernel again"), pair("10.0.0.1:7000", "disk")]);
    let later = now.plus(Duration::from_secs(30));
    assert_eq!(told(w.store.silences(later).await.unwrap()), [pair("10.0.0.1:7000", "disk")]);
    w.advance(30);
    let end =
        |node: Option<&str>| w.store.silence_end("sessions".to_owned(), node.map(str::to_owned), "mira".to_owned());
    assert!(!end(None).await.unwrap(), "it has ended by itself");
    assert!(end(Some("10.0.0.1:7000")).await.unwrap());
    assert!(!end(Some("10.0.0.1:7000")).await.unwrap());
    assert_eq!(w.store.silences(now).await.unwrap().len(), 1, "asked for a time that has passed");
    let events = w.store.events(None, 9).await.unwrap();
    let told: Vec<_> = events.iter().map(|row| (row.event.what.as_str(), row.event.object.as_str())).collect();
    assert_eq!(told[..2], [("redis.unsilence", "10.0.0.1:7000 of sessions"), ("redis.silence", "sessions")]);
    assert!(events[1].event.detail.ends_with(": kernel again"), "{}", events[1].event.detail);
}
