//! Handing out work: from the queue to the fetch pool, from sealed bundles to the upload pool, orders to pools.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::fetch::fetch;
use super::lane::{Lanes, give_back};
use super::pipe::{BackupError, Kind, Pipe};
use super::plan::{BATCH_BYTES, MD5_BATCH_BYTES, Route, take_batch};
use super::upload::upload;
use crate::base::Time;
use crate::base::ids::{Generation, Lane};
use crate::base::units::{Count, Span};
use crate::store::{Claimed, ClosedBy, OrderRow, SEAL};
use crate::worker::pool::Pool;

/// Files claimed in one go: a claim is a commit, so they are few and large.
const CLAIM: u32 = 512;
/// With fewer than this in hand more are claimed.
const LOW: usize = 128;
/// How often the state is asked although nothing here says that there is work: other processes queue work too.
const ASK: Duration = Duration::from_millis(500);
/// How often ages of bundles are looked at.
const AGES: Duration = Duration::from_millis(250);
/// How often orders are looked for.
const ORDERS: Duration = Duration::from_secs(1);
/// An order to seal that nobody carried out within this time is not carried out later.
const SEAL_WITHIN: Duration = Duration::from_mins(1);

fn index(lane: Lane) -> usize {
    usize::from(lane == Lane::History)
}

/// Waits for a word of this process, or long enough that other processes may have found work.
async fn wait(pipe: &Pipe, word: std::pin::Pin<&mut tokio::sync::futures::Notified<'_>>) {
    tokio::select! {
        biased;
        () = pipe.stop.stopped() => {}
        () = word => {}
        () = pipe.clock.sleep(ASK) => {}
    }
}

/// Hands a lane's files to the fetch pool until the pipeline stops; then gives back what was not begun.
pub async fn fetches(pipe: Arc<Pipe>, lanes: Arc<Lanes>, lane: Lane) -> Result<(), BackupError> {
    let mut ready = VecDeque::new();
    let mut large = VecDeque::new();
    // Files that go to the vault directly hold buffers for long: one at a time for each lane.
    let one_direct = Arc::new(Semaphore::new(1));
    let mut more = true;
    while !pipe.stop.is_stopped() {
        let word = pipe.queued.notified();
        tokio::pin!(word);
        // From here on a word is not missed.
        word.as_mut().enable();
        let idle = pipe.fetch.view();
        if ready.len() < LOW && !idle.paused && !idle.draining && !pipe.all_held() {
            more = more || pipe.store.due(pipe.settings.host.clone()).await?.fetch[index(lane)];
            if more {
                let claimed = pipe.store.claim(pipe.session, lane, CLAIM).await?;
                pipe.hand((claimed.len() as u64).cast_signed());
                more = claimed.len() as u64 == u64::from(CLAIM);
                for file in claimed {
                    let is_direct = pipe.sizes().route(file.found.length) == Route::Direct;
                    if is_direct { &mut large } else { &mut ready }.push_back(file);
                }
            }
        }
        if !large.is_empty()
            && let Ok(permit) = Arc::clone(&one_direct).try_acquire_owned()
            && let Some(file) = large.pop_front()
        {
            let (shared, lanes) = (Arc::clone(&pipe), Arc::clone(&lanes));
            // It waits for its place in the pool by itself, so that small files go on meanwhile.
            pipe.spawn(async move {
                let Some(slot) = place(&shared, &shared.fetch, lane).await else {
                    return give_back(&shared, &[file]).await;
                };
                let done = fetch(shared, &lanes, lane, vec![file], slot).await;
                drop(permit);
                done
            });
            continue;
        }
        if ready.is_empty() {
            wait(&pipe, word).await;
            continue;
        }
        let Some(slot) = place(&pipe, &pipe.fetch, lane).await else { break };
        let side_by_side = ready
            .front()
            .is_some_and(|file: &Claimed| pipe.settings.md5.applies(file.found.source_checksum.as_deref()));
        let most = if side_by_side { MD5_BATCH_BYTES } else { BATCH_BYTES };
        let batch = take_batch(&mut ready, pipe.sizes(), most);
        let (shared, lanes) = (Arc::clone(&pipe), Arc::clone(&lanes));
        pipe.spawn(async move { fetch(shared, &lanes, lane, batch, slot).await });
    }
    let rest: Vec<Claimed> = ready.into_iter().chain(large).collect();
    give_back(&pipe, &rest).await
}

/// A place in a pool; nothing when the pipeline stops.
async fn place(pipe: &Pipe, pool: &Pool, lane: Lane) -> Option<crate::worker::pool::Slot> {
    tokio::select! {
        biased;
        () = pipe.stop.stopped() => None,
        slot = pool.start(lane) => (!pipe.stop.is_stopped()).then_some(slot),
    }
}

/// Hands a lane's sealed bundles to the upload pool until the pipeline stops.
pub async fn uploads(pipe: Arc<Pipe>, lane: Lane) -> Result<(), BackupError> {
    let mut more = true;
    while !pipe.stop.is_stopped() {
        let word = pipe.sealed.notified();
        tokio::pin!(word);
        word.as_mut().enable();
        if let Some(rest) = pipe.vault_rests() {
            tokio::select! {
                biased;
                () = pipe.stop.stopped() => {}
                () = pipe.clock.sleep(rest) => {}
            }
            continue;
        }
        more = more || pipe.store.due(pipe.settings.host.clone()).await?.upload[index(lane)];
        if !more {
            wait(&pipe, word).await;
            continue;
        }
        let Some(slot) = place(&pipe, &pipe.upload, lane).await else { break };
        let Some(claimed) = pipe.store.upload_claim(pipe.session, lane, pipe.settings.host.clone()).await? else {
            more = false;
            continue;
        };
        let shared = Arc::clone(&pipe);
        pipe.spawn(async move {
            let done = upload(&shared, claimed).await;
            drop(slot);
            done
        });
    }
    Ok(())
}

/// Seals a lane's bundles that have reached their age, until the pipeline stops. Each lane by itself: a long file that is
/// streamed into one must not hold up the other.
pub async fn ages(pipe: Arc<Pipe>, lanes: Arc<Lanes>, lane: Lane) -> Result<(), BackupError> {
    while !pipe.stop.is_stopped() {
        tokio::select! {
            biased;
            () = pipe.stop.stopped() => {}
            () = pipe.clock.sleep(AGES) => {}
        }
        lanes.of(lane).seal_if_due(&pipe, None).await?;
    }
    Ok(())
}

/// Applies orders to the pools, and takes them back when their time is over.
pub async fn orders(pipe: Arc<Pipe>, lanes: Arc<Lanes>, host: String) -> Result<(), BackupError> {
    let began = pipe.store.now().await?;
    let mut applied: HashMap<String, (Generation, bool)> = HashMap::new();
    while !pipe.stop.is_stopped() {
        let now = pipe.store.now().await?;
        for order in pipe.store.orders(host.clone()).await? {
            if order.pool == SEAL {
                if applied.insert(order.pool.clone(), (order.generation, false)) != Some((order.generation, false)) {
                    match seal_now(&order, began, now) {
                        SealNow::No => {}
                        SealNow::TooOld(result) => {
                            pipe.store.order_applied(order.host, order.pool, order.generation, result).await?;
                        }
                        // A long file may be on its way into a bundle: orders to pools do not wait for that.
                        SealNow::Yes => pipe.spawn(seal(Arc::clone(&pipe), Arc::clone(&lanes), order)),
                    }
                }
                continue;
            }
            let Some(pool) = [&pipe.fetch, &pipe.upload].into_iter().find(|pool| pool.name() == order.pool) else {
                continue;
            };
            let over = order.until.is_some_and(|until| until <= now);
            let drained = order.drain && pool.view().busy == 0;
            let known = applied.get(&order.pool) == Some(&(order.generation, over));
            if known && !(drained && order.result.as_deref() != Some("drained")) {
                continue;
            }
            let result = apply(pool, &order, over);
            tracing::info!(pool = order.pool, who = order.who, result, "an order was applied");
            applied.insert(order.pool.clone(), (order.generation, over));
            pipe.store.order_applied(order.host, order.pool, order.generation, result).await?;
        }
        tokio::select! {
            biased;
            () = pipe.stop.stopped() => {}
            () = pipe.clock.sleep(ORDERS) => {}
        }
    }
    Ok(())
}

/// What becomes of an order to seal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum SealNow {
    /// It is carried out.
    Yes,
    /// It has been answered before this session began.
    No,
    /// Nobody carried it out in time; what is open now is not what was meant.
    TooOld(String),
}

fn seal_now(order: &OrderRow, began: Time, now: Time) -> SealNow {
    let answered = order.applied == Some(order.generation);
    if answered && order.at < began {
        return SealNow::No;
    }
    if now.since(order.at) >= SEAL_WITHIN {
        let text = format!("{TOO_OLD}: nobody carried it out within {}; ask again", Span(SEAL_WITHIN));
        return if answered { SealNow::No } else { SealNow::TooOld(text) };
    }
    SealNow::Yes
}

/// Seals what both lanes have open, and says so.
async fn seal(pipe: Arc<Pipe>, lanes: Arc<Lanes>, order: OrderRow) -> Result<(), BackupError> {
    let (mut bundles, mut files) = (0, 0);
    for lane in lanes.both() {
        if let Some(sealed) = lane.seal_if_due(&pipe, Some(ClosedBy::Hand)).await? {
            bundles += 1;
            files += sealed;
        }
    }
    if !pipe.settings.kinds.has(Kind::Fetch) {
        // It has no bundles; whoever has answers.
        return Ok(());
    }
    // Another process of this host may have answered: what was sealed is what counts.
    let stands = pipe.store.orders(order.host.clone()).await?.into_iter().find(|row| row.pool == order.pool);
    let before = stands.filter(|row| row.applied == Some(order.generation)).and_then(|row| row.result);
    let before = before.filter(|said| !said.starts_with(TOO_OLD));
    let result = sealed_words(bundles, files, before);
    tracing::info!(who = order.who, result, "an order to seal was carried out");
    pipe.store.order_applied(order.host, order.pool, order.generation, result).await?;
    Ok(())
}

const TOO_OLD: &str = "too old";
const NOTHING_OPEN: &str = "nothing was open";

fn sealed_words(bundles: u64, files: u64, before: Option<String>) -> String {
    let many = |count: u64, word: &str| format!("{} {word}{}", Count(count), if count == 1 { "" } else { "s" });
    let before = before.filter(|text| text != NOTHING_OPEN);
    match (bundles, before) {
        (0, before) => before.unwrap_or_else(|| NOTHING_OPEN.to_owned()),
        (_, None) => format!("sealed {}, {}", many(bundles, "bundle"), many(files, "file")),
        (_, Some(text)) => format!("{text}; sealed {}, {}", many(bundles, "bundle"), many(files, "file")),
    }
}

fn apply(pool: &Pool, order: &OrderRow, over: bool) -> String {
    if let Some(size) = order.size
        && let Err(e) = pool.resize(size)
    {
        return e.to_string();
    }
    pool.pause(order.paused && !over);
    pool.drain(order.drain && !over);
    let view = pool.view();
    let until = order.until.map_or_else(String::new, |until: Time| format!(" until {until}"));
    match (view.paused, view.draining, view.busy) {
        (true, ..) => format!("paused{until}"),
        (_, true, 0) => "drained".to_owned(),
        (_, true, busy) => format!("draining, {busy} at work"),
        _ => format!("running with {}", view.size),
    }
}

/// A word for whoever waits for files or bundles.
pub fn wake(pipe: &Pipe) {
    let all: [&Notify; 2] = [&pipe.queued, &pipe.sealed];
    for word in all {
        word.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_to_seal_is_carried_out_once_and_not_late() {
        let at = |secs| Time::from_secs(secs);
        let order = |applied: Option<i64>| OrderRow {
            host: "alpha".to_owned(),
            pool: SEAL.to_owned(),
            size: None,
            paused: false,
            drain: false,
            generation: Generation(2),
            who: "kim".to_owned(),
            at: at(1000),
            until: None,
            applied: applied.map(Generation),
            result: None,
        };
        let too_old = SealNow::TooOld("too old: nobody carried it out within 60 s; ask again".to_owned());
        // Asked while it runs; asked before it began and not answered (an older order was); another process answered.
        assert_eq!(seal_now(&order(None), at(900), at(1001)), SealNow::Yes);
        assert_eq!(seal_now(&order(Some(1)), at(1010), at(1059)), SealNow::Yes);
        assert_eq!(seal_now(&order(Some(2)), at(900), at(1001)), SealNow::Yes);
        assert_eq!(seal_now(&order(Some(2)), at(1001), at(1002)), SealNow::No);
        assert_eq!(seal_now(&order(Some(1)), at(1010), at(1060)), too_old);
        assert_eq!(seal_now(&order(None), at(900), at(1060)), too_old);
        assert_eq!(seal_now(&order(Some(2)), at(900), at(1060)), SealNow::No);
    }

    #[test]
    fn what_was_sealed_is_told_for_all_processes_of_a_host() {
        let before = |text: &str| Some(text.to_owned());
        assert_eq!(sealed_words(2, 1014, None), "sealed 2 bundles, 1,014 files");
        assert_eq!(sealed_words(1, 1, before(NOTHING_OPEN)), "sealed 1 bundle, 1 file");
        assert_eq!(sealed_words(0, 0, None), "nothing was open");
        assert_eq!(sealed_words(0, 0, before("sealed 1 bundle, 1 file")), "sealed 1 bundle, 1 file");
        assert_eq!(
            sealed_words(1, 2, before("sealed 1 bundle, 1 file")),
            "sealed 1 bundle, 1 file; sealed 1 bundle, 2 files"
        );
    }
}
