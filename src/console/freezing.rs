//! What the console asks of freezes, one call each: how one stands, stop, resume, tick.

use super::effect::FreezeOf;
use super::tabs::delay::freeze::Reading;
use crate::base::Shown;
use crate::base::units::Span;
use crate::delay::freeze::danger::Facts;
use crate::delay::freeze::keeper::{EVERY, FRESH, Keeper, Kept};
use crate::delay::freeze::line::{Line, is_parallel};
use crate::delay::freeze::machine::{Act, Next};
use crate::delay::freeze::orders;
use crate::delay::freeze::record::{Asked, Phase, Record};
use crate::delay::freeze::report;
use crate::delay::freeze::steps::Step;
use crate::delay::freeze::threads::Threads;
use crate::delay::freeze::told;
use crate::services::Services;

/// What does not go is tried so often before the operator is told; the workers go on trying.
const TRIES: u32 = 10;

/// A replica that cannot be seen for so many rounds is told, too.
const BLIND: u32 = 30;

/// How a replica stands to whoever may have to freeze it. With `look` it is looked at now, by the account that may stop
/// it; with `ended` a freeze that is over counts.
pub async fn read(services: &Services, name: &str, look: bool, ended: bool) -> Result<Reading, String> {
    let said = |e: crate::store::StoreError| e.to_string();
    let limits = services.freeze_limits(name);
    let judged = match &limits {
        Ok(limits) => services.freeze_line(name, limits).await.map_err(said)?,
        Err(_) => None,
    };
    let mut kept = services.keeper().open_of(name).await.map_err(|e| e.to_string())?;
    if kept.is_none() && ended {
        let rows = services.store.freeze_list(name.to_owned(), 1).await.map_err(said)?;
        kept = rows.first().map(Kept::of).transpose().map_err(|e| e.to_string())?;
    }
    let at = services.store.now().await.map_err(said)?;
    let mut reading = Reading { at, record: None, line: judged, facts: None, cannot: None, unseen: None };
    let threads = match services.freeze_threads(name) {
        Ok(threads) => Some(threads),
        Err(e) => {
            reading.cannot = Some(e.to_string());
            None
        }
    };
    if let Some(kept) = kept {
        reading.line = report::line_of(&kept.record, reading.line.take());
        reading.record = Some(kept.record);
        return Ok(reading);
    }
    if let (Some(threads), Ok(limits), true) = (threads, &limits, look) {
        match threads.look(at).await {
            Ok(sight) => {
                reading.line = Some(match reading.line.take() {
                    Some(line) => line.with(sight),
                    None => Line::alone(sight, Services::is_external(limits), FRESH, FRESH),
                });
            }
            Err(e) => reading.unseen = Some(e.to_string()),
        }
        reading.facts = threads.facts().await.ok();
        if let Some(line) = &mut reading.line {
            line.parallel = is_parallel(reading.facts.as_ref(), line.parallel);
        }
    }
    Ok(reading)
}

/// Stops a replica, and says when it is proven to stand. Nothing is begun where there is nothing to be stopped; one that
/// cannot be seen is stopped all the same.
pub async fn freeze(services: &Services, who: &str, of: FreezeOf) -> Result<String, String> {
    let limits = services.freeze_limits(&of.replica).map_err(|e| e.to_string())?;
    let threads = services.freeze_threads(&of.replica).map_err(|e| e.to_string())?;
    let keeper = services.keeper();
    let now = services.store.now().await.map_err(|e| e.to_string())?;
    if let Err(e) = threads.look(now).await
        && e.is_for_good()
    {
        return Err(format!("{e}. Nothing was done"));
    }
    let asked = Asked {
        replica: of.replica.clone(),
        channel: of.replica.split_once('/').map(|(_, channel)| channel.to_owned()).unwrap_or_default(),
        external: Services::is_external(&limits),
        gap: limits.tool_interval,
        statement: of.statement,
        degraded: None,
        who: who.to_owned(),
        loss: None,
        facts: of.facts,
    };
    let kept = keeper.begin(asked).await.map_err(|e| e.to_string())?;
    let stopping = |phase| matches!(phase, Phase::Asked | Phase::StoppingSql | Phase::StoppingIo | Phase::Proving);
    let kept = Box::pin(rounds(&keeper, &*threads, kept, stopping)).await?;
    if kept.record.facts.is_none()
        && let Ok(facts) = threads.facts().await
    {
        keep_facts(&keeper, &of.replica, who, &facts).await;
    }
    let (frozen, words) = standing(&keeper, &kept.record).await?;
    if frozen { Ok(words) } else { Err(format!("{words}; the workers (firn run) go on")) }
}

/// Writes what the server's settings are, of which nothing was known when the freeze was asked for.
async fn keep_facts(keeper: &Keeper, replica: &str, who: &str, facts: &Facts) {
    let order = |record: &Record, _| {
        let record = Box::new(Record { facts: Some(facts.clone()), ..record.clone() });
        Ok(Next { record, act: Act::Look, happened: Vec::new() })
    };
    if let Err(e) = keeper.order(replica, who, order).await {
        tracing::warn!(error = %e, "the settings of a frozen replica are not entered in its record");
    }
}

/// Lets a frozen replica go on for good.
pub async fn resume(services: &Services, who: &str, replica: &str) -> Result<String, String> {
    let keeper = services.keeper();
    let threads = services.freeze_threads(replica).map_err(|e| e.to_string())?;
    let now = services.store.now().await.map_err(|e| e.to_string())?;
    if let Err(e) = threads.look(now).await {
        return Err(format!("not resumed while it cannot be seen; nothing was done: {e}"));
    }
    let order = |record: &Record, now| orders::ask_resume(record, who, now);
    let kept = keeper.order(replica, who, order).await.map_err(|e| e.to_string())?;
    let kept = Box::pin(rounds(&keeper, &*threads, kept, |phase| phase == Phase::Resuming)).await?;
    let (_, words) = standing(&keeper, &kept.record).await?;
    if kept.ended { Ok(words) } else { Err(format!("{words}; the workers (firn run) go on")) }
}

/// Ticks a recovery step, or takes the tick back.
pub async fn tick(services: &Services, who: &str, replica: &str, step: Step, done: bool) -> Result<String, String> {
    let order = |record: &Record, now| orders::tick(record, step, done, who, now, now);
    let kept = services.keeper().order(replica, who, order).await.map_err(|e| e.to_string())?;
    let how = if done { "done" } else { "not done after all" };
    let now = services.store.now().await.map_err(|e| e.to_string())?;
    let elapsed = crate::delay::freeze::steps::elapsed(&kept.record, now);
    Ok(format!("{}: step {} {how}, elapsed {}", Shown::text(replica), step.word(), Span(elapsed)))
}

/// Whether the replica is proven to stand, and how it stands in words.
async fn standing(keeper: &Keeper, record: &Record) -> Result<(bool, String), String> {
    let now = keeper.store.now().await.map_err(|e| e.to_string())?;
    let words = told::words(record, now, FRESH);
    Ok((told::is_frozen(record, now, FRESH), format!("{}: {words}", Shown::text(&record.replica))))
}

/// Tends a freeze while it goes on so, and not much longer than there is trouble.
async fn rounds(
    keeper: &Keeper,
    threads: &dyn Threads,
    kept: Kept,
    goes_on: fn(Phase) -> bool,
) -> Result<Kept, String> {
    let (mut kept, mut blind) = (kept, 0);
    while !kept.ended && goes_on(kept.record.phase) {
        let Some(tended) = keeper.tend(kept.id, threads).await.map_err(|e| e.to_string())? else { break };
        kept = tended.kept;
        blind = if kept.record.blind.is_some() { blind + 1 } else { 0 };
        let tried = kept.record.trouble.as_ref().map_or(0, |trouble| trouble.tries);
        if tried >= TRIES || blind >= BLIND {
            break;
        }
        if !tended.overtaken && !kept.ended && goes_on(kept.record.phase) {
            keeper.clock.sleep(EVERY).await;
        }
    }
    Ok(kept)
}
