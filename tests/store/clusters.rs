//! Redis clusters: what is remembered of them, and silences.

use std::time::Duration;

use firn::base::ids::Generation;
use firn::store::{ClusterWrite, LARGEST_CLUSTER, NewSilence, cluster_duty};

use crate::world::World;

on_every_engine! {
    what_is_remembered_is_written_under_its_duty_alone
    a_silence_ends_by_itself_or_by_hand
}

async fn what_is_remembered_is_written_under_its_duty_alone(w: World) {
    let (one, other) = (w.session().await, w.session().await);
    let duty = w.store.duty_take(cluster_duty("sessions"), one).await.unwrap().unwrap();
    let write = |session, generation, body: &str| {
        let (store, body) = (w.store.clone(), body.to_owned());
        async move { store.cluster_write(session, generation, "sessions".to_owned(), body).await.unwrap() }
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
