//! Orders to pools, events, failures, and the end of what is old.

use firn::base::Time;
use firn::base::ids::{Generation, Lane};
use firn::store::{NewEvent, OrderRow, PoolChange};

use crate::world::{World, failure};

on_every_engine! {
    an_order_is_asked_for_and_applied
    a_newer_order_supersedes_the_one_before
    an_order_changes_only_what_it_names
    orders_are_for_one_host
    every_order_leaves_an_event
    events_come_in_pages_the_newest_first
    long_sentences_are_cut
    failures_come_in_pages_the_newest_first
    what_is_old_is_pruned_and_nothing_else
}

fn change(pool: &str) -> PoolChange {
    PoolChange {
        host: "alpha".to_owned(),
        pool: pool.to_owned(),
        size: None,
        paused: None,
        drain: None,
        who: "kim".to_owned(),
        until: None,
    }
}

async fn only(w: &World) -> OrderRow {
    let mut orders = w.store.orders("alpha".to_owned()).await.unwrap();
    assert_eq!(orders.len(), 1);
    orders.remove(0)
}

async fn applied(w: &World, order: &OrderRow, result: &str) {
    let (host, pool) = (order.host.clone(), order.pool.clone());
    w.store.order_applied(host, pool, order.generation, result.to_owned()).await.unwrap();
}

async fn an_order_is_asked_for_and_applied(w: World) {
    let until = w.in_secs(600).await;
    let asked = PoolChange { paused: Some(true), until: Some(until), ..change("fetch") };
    let order = w.store.order(asked).await.unwrap();
    assert_eq!((order.paused, order.drain, order.size, order.generation), (true, false, None, Generation(1)));
    assert_eq!((order.who.as_str(), order.at, order.until), ("kim", w.now().await, Some(until)));
    assert_eq!((order.applied, order.result.as_deref()), (None, None));
    assert_eq!(only(&w).await, order);
    applied(&w, &order, "paused").await;
    let row = only(&w).await;
    assert_eq!((row.applied, row.result.as_deref()), (Some(Generation(1)), Some("paused")));
}

async fn a_newer_order_supersedes_the_one_before(w: World) {
    let first = w.store.order(PoolChange { size: Some(4), ..change("fetch") }).await.unwrap();
    applied(&w, &first, "running with 4").await;
    let second = w.store.order(PoolChange { size: Some(8), ..change("fetch") }).await.unwrap();
    assert_eq!((second.generation, second.result.as_deref()), (Generation(2), None));
    assert_eq!(second.applied, Some(Generation(1)), "not applied yet");
    // A worker that is still busy with the first tells nothing about the second.
    applied(&w, &first, "running with 4").await;
    assert_eq!(only(&w).await, second);
    applied(&w, &second, "running with 8").await;
    assert_eq!(only(&w).await.applied, Some(Generation(2)));
}

async fn an_order_changes_only_what_it_names(w: World) {
    let until = w.in_secs(60).await;
    let pause = PoolChange { size: Some(4), paused: Some(true), until: Some(until), ..change("fetch") };
    w.store.order(pause).await.unwrap();
    let row = w.store.order(PoolChange { drain: Some(true), ..change("fetch") }).await.unwrap();
    assert_eq!((row.size, row.paused, row.drain, row.until), (Some(4), true, true, None));
    let row = w.store.order(PoolChange { paused: Some(false), ..change("fetch") }).await.unwrap();
    assert_eq!((row.size, row.paused, row.drain), (Some(4), false, true));
}

async fn orders_are_for_one_host(w: World) {
    w.store.order(change("upload")).await.unwrap();
    w.store.order(change("fetch")).await.unwrap();
    w.store.order(PoolChange { host: "beta".to_owned(), ..change("fetch") }).await.unwrap();
    let pools = |host: &str| w.store.orders(host.to_owned());
    let of_alpha: Vec<_> = pools("alpha").await.unwrap().into_iter().map(|row| row.pool).collect();
    assert_eq!(of_alpha, ["fetch", "upload"]);
    assert_eq!(pools("beta").await.unwrap().len(), 1);
    assert_eq!(pools("gamma").await.unwrap(), []);
}

async fn every_order_leaves_an_event(w: World) {
    w.store.order(PoolChange { size: Some(3), paused: Some(false), ..change("fetch") }).await.unwrap();
    let told = w.store.events(None, 9).await.unwrap().remove(0).event;
    assert_eq!(
        (told.who.as_str(), told.what.as_str(), told.object.as_str()),
        ("kim", "pool.ordered", "fetch on alpha")
    );
    assert_eq!(told.detail, "size 3, resume");
}

fn event(detail: impl Into<String>) -> NewEvent {
    NewEvent {
        who: "kim".to_owned(),
        what: "test".to_owned(),
        object: "object".to_owned(),
        detail: detail.into(),
        outcome: "done".to_owned(),
    }
}

async fn events_come_in_pages_the_newest_first(w: World) {
    for n in 0..5 {
        w.store.event(event(n.to_string())).await.unwrap();
        w.advance(1);
    }
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = w.store.events(before, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        seen.extend(page.into_iter().map(|row| (row.event.detail, row.at.as_micros() / 1_000_000 - 1_000_000)));
    }
    assert_eq!(seen, [4, 3, 2, 1, 0].map(|n| (n.to_string(), n)));
    w.store.event(NewEvent { object: "plan 1".to_owned(), ..event("of a plan".to_owned()) }).await.unwrap();
    let of = async |object: &str, limit| {
        let rows = w.store.events_of(object.to_owned(), limit).await.unwrap();
        rows.into_iter().map(|row| row.event.detail).collect::<Vec<_>>()
    };
    assert_eq!(of("object", 2).await, ["4", "3"]);
    assert_eq!((of("plan 1", 2).await, of("plan", 2).await), (vec!["of a plan".to_owned()], Vec::new()));
}

async fn long_sentences_are_cut(w: World) {
    w.store.event(event("é".repeat(100_000))).await.unwrap();
    assert_eq!(w.store.events(None, 1).await.unwrap()[0].event.detail, "é".repeat(1000));
}

async fn failures_come_in_pages_the_newest_first(w: World) {
    let session = w.session().await;
    w.find(session, Lane::Live, &[("a", 1), ("b", 1), ("c", 1)]).await;
    let due = w.now().await;
    for claimed in w.claim(session, Lane::Live).await {
        w.store.fetch_failed(session, vec![failure(&claimed, due)]).await.unwrap();
    }
    let first = w.store.failures(None, 2).await.unwrap();
    assert_eq!(
        first.iter().map(|row| row.detail.as_str()).collect::<Vec<_>>(),
        ["c cannot be read", "b cannot be read"]
    );
    let second = w.store.failures(Some(first[1].id), 2).await.unwrap();
    assert_eq!(second.iter().map(|row| row.detail.as_str()).collect::<Vec<_>>(), ["a cannot be read"]);
}

async fn what_is_old_is_pruned_and_nothing_else(w: World) {
    let (old, live) = (w.session().await, w.session().await);
    let claimed = w.claimed(live, "a", 1).await;
    w.store.fetch_failed(live, vec![failure(&claimed, w.now().await)]).await.unwrap();
    w.store.event(event("old")).await.unwrap();
    w.store.session_end(old).await.unwrap();
    w.advance(100);
    let kept_from = w.now().await;
    w.store.event(event("new")).await.unwrap();
    let recent = w.session().await;
    w.store.session_end(recent).await.unwrap();
    assert_eq!(w.store.prune(Time::from_secs(1_000_000)).await.unwrap(), 0);
    assert_eq!(w.store.prune(kept_from).await.unwrap(), 3, "an event, a failure, a session that has ended");
    let left: Vec<_> = w.store.events(None, 9).await.unwrap().into_iter().map(|row| row.event.detail).collect();
    assert_eq!(left, ["new"]);
    assert_eq!(w.store.failures(None, 9).await.unwrap(), []);
    assert_eq!(w.store.sessions().await.unwrap()[0].id, live, "an open session stays however old it is");
    assert_eq!(w.queued(Lane::Live, firn::store::QueueState::Failed).await, ["a"]);
    assert_eq!(w.store.failed_page(None, 9).await.unwrap()[0].reason, None, "its reason is too old to be known");
    assert_eq!(w.store.prune(kept_from).await.unwrap(), 0);
}
