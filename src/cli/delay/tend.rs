//! What the commands about a freeze share: who may act, who agrees, what is seen first, and the rounds that follow.

use std::io::{BufRead as _, IsTerminal as _};

use super::rounds::Signals;
use crate::base::{Shown, Time};
use crate::cli::{CliError, out};
use crate::config::Config;
use crate::delay::freeze::danger::Facts;
use crate::delay::freeze::keeper::{EVERY, FRESH, KeepError, Keeper, Kept};
use crate::delay::freeze::record::Entry;
use crate::delay::freeze::sight::Sight;
use crate::delay::freeze::threads::Threads;
use crate::delay::freeze::told;
use crate::restore::ask::read_time;
use crate::services::{NoFreeze, Services};

impl From<NoFreeze> for CliError {
    fn from(e: NoFreeze) -> Self {
        match e {
            NoFreeze::Unknown(_) | NoFreeze::Channel { .. } => Self::Usage(e.to_string()),
            NoFreeze::NoAccount(_) | NoFreeze::Demo(_) => Self::Refused(e.to_string()),
        }
    }
}

impl From<KeepError> for CliError {
    fn from(e: KeepError) -> Self {
        match e {
            KeepError::Store(e) => Self::Store(e),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// Nothing is stopped, started or ticked where nothing is to be changed.
pub(super) fn may_act(config: &Config) -> Result<(), CliError> {
    if config.console.read_only {
        let text = "this configuration is read-only ([console] read_only); nothing was done";
        return Err(CliError::Refused(text.to_owned()));
    }
    Ok(())
}

pub(super) fn time(flag: &str, text: Option<&str>) -> Result<Option<Time>, CliError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || {
        CliError::Usage(format!(
            "{flag}: \"{}\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC)",
            Shown::text(text)
        ))
    };
    read_time(text).ok_or_else(wrong).map(Some)
}

/// Lets the operator type a replica's name; anywhere else nobody can agree.
pub(super) fn agreed(replica: &str, yes: bool, what: &str) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage(format!("{what} needs --yes where nobody can be asked; nothing was done")));
    }
    let shown = Shown::text(replica).to_string();
    out::line(format!("{what} {shown}: type its name to go on:"))?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == replica || answer.trim() == shown {
        return Ok(());
    }
    Err(CliError::Usage("that is not its name; nothing was done".to_owned()))
}

/// What is seen of the replica before anything is done, and of its settings. That neither can be seen keeps nobody from
/// stopping it; that there is nothing to be stopped does.
pub(super) async fn look(
    services: &Services,
    threads: &dyn Threads,
) -> Result<(Option<Sight>, Option<Facts>), CliError> {
    let sight = match threads.look(services.store.now().await?).await {
        Ok(sight) => Some(sight),
        Err(e) if e.is_for_good() => return Err(CliError::Refused(format!("{e}. Nothing was done"))),
        Err(e) => {
            out::line(format!("it cannot be seen now: {e}"))?;
            None
        }
    };
    let facts = match threads.facts().await {
        Ok(facts) => Some(facts),
        Err(e) => {
            if sight.is_some() {
                out::line(format!("its settings cannot be seen: {e}"))?;
            }
            None
        }
    };
    Ok((sight, facts))
}

/// Tends a freeze until it is as is wanted, or a signal comes. What happens after `told` is printed as it does.
pub(super) async fn until(
    keeper: &Keeper,
    threads: &dyn Threads,
    kept: Kept,
    told: Option<Entry>,
    signals: &mut Signals,
    wanted: fn(&Kept) -> bool,
) -> Result<Kept, CliError> {
    Box::pin(rounds(keeper, threads, kept, told, signals, wanted)).await
}

async fn rounds(
    keeper: &Keeper,
    threads: &dyn Threads,
    kept: Kept,
    mut printed: Option<Entry>,
    signals: &mut Signals,
    wanted: fn(&Kept) -> bool,
) -> Result<Kept, CliError> {
    let mut last = String::new();
    let mut kept = kept;
    loop {
        // A look that hangs ends by its own time-outs; a signal need not wait for it.
        let round = tokio::select! {
            biased;
            () = signals.any() => return Ok(kept),
            round = keeper.tend(kept.id, threads) => round?,
        };
        let Some(tended) = round else { return Ok(kept) };
        kept = tended.kept;
        printed = print_new(&kept, printed)?;
        let now = keeper.store.now().await?;
        let words = told::words(&kept.record, now, FRESH);
        // A countdown is said by its beginning alone.
        let brief = words.split("; ").next().unwrap_or_default().to_owned();
        if brief != last {
            out::line(format!("{now}  {words}"))?;
            last = brief;
        }
        if kept.ended || wanted(&kept) {
            return Ok(kept);
        }
        if tended.overtaken {
            continue;
        }
        tokio::select! {
            biased;
            () = signals.any() => return Ok(kept),
            () = keeper.clock.sleep(EVERY) => {}
        }
    }
}

/// Prints what is new in the history since an entry of it; its newest entry.
fn print_new(kept: &Kept, since: Option<Entry>) -> Result<Option<Entry>, CliError> {
    for entry in newer(&kept.record.history, since.as_ref()) {
        out::line(format!("{}  {}", entry.at, entry.text))?;
    }
    Ok(kept.record.history.last().cloned().or(since))
}

/// What came after an entry. Where a history was cut, that is what is later.
fn newer<'a>(history: &'a [Entry], since: Option<&Entry>) -> &'a [Entry] {
    let Some(since) = since else { return history };
    let known = history.iter().rposition(|entry| entry == since).map(|place| place + 1);
    let known = known.or_else(|| history.iter().position(|entry| entry.at > since.at)).unwrap_or(history.len());
    history.get(known..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_history_that_is_cut_what_is_new_is_printed_once() {
        let entry = |second: i64| Entry { at: Time::from_secs(second), text: format!("at {second}") };
        let seconds = |of: &[Entry]| of.iter().map(|entry| entry.text.clone()).collect::<Vec<_>>();
        let whole: Vec<Entry> = [1, 2, 3, 4].map(entry).into();
        assert_eq!(newer(&whole, None).len(), 4);
        assert_eq!(seconds(newer(&whole, Some(&entry(3)))), ["at 4"]);
        assert!(newer(&whole, Some(&entry(4))).is_empty());
        // As long as before, and with two that are new.
        let cut: Vec<Entry> = [1, 4, 5, 6].map(entry).into();
        assert_eq!(seconds(newer(&cut, Some(&entry(4)))), ["at 5", "at 6"]);
        assert_eq!(seconds(newer(&cut, Some(&entry(3)))), ["at 4", "at 5", "at 6"], "the entry itself was cut");
    }
}
