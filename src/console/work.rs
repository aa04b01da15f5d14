//! The workers of this process, and what watches the far ends for the console: tasks that send messages.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use super::desk;
use super::effect::Written;
use super::msg::Msg;
use crate::backup::pipe::Kinds;
use crate::backup::snapshot::Snapshot;
use crate::base::Clock;
use crate::log::Ring;
use crate::services::{Crew, Services};
use crate::worker::supervisor::Standing;

/// How often the vault is looked at.
const VAULT_EVERY: Duration = Duration::from_secs(30);
/// How long the state or the vault may take before it counts as away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts workers. What keeps them from working is how they stand; they are tried again.
pub fn start(services: &Arc<Services>, kinds: &Kinds) -> Crew {
    services.start(kinds)
}

/// Reads the state every so often, and whenever `now` is rung.
pub async fn read_state(
    services: Arc<Services>,
    real: Clock,
    every: Duration,
    now: Arc<Notify>,
    to: mpsc::Sender<Msg>,
) {
    loop {
        let snapshot = tokio::select! {
            snapshot = services.snapshot() => snapshot.map_err(|e| e.to_string()),
            () = real.sleep(PATIENCE) => Err(format!("it has not answered for {} s", PATIENCE.as_secs())),
        };
        let msg = match snapshot {
            Ok(snapshot) => Msg::Snapshot(Arc::new(snapshot)),
            Err(why) => Msg::Blind(why),
        };
        let seen = matches!(msg, Msg::Snapshot(_));
        if to.send(msg).await.is_err() {
            return;
        }
        if seen && services.config.vault.is_some() {
            let restores = tokio::select! {
                restores = desk::snapshot(&services) => restores,
                () = real.sleep(PATIENCE) => Err(format!("it has not answered for {} s", PATIENCE.as_secs())),
            };
            let msg = restores.map_or_else(Msg::Blind, |snapshot| Msg::Restores(Arc::new(snapshot)));
            if to.send(msg).await.is_err() {
                return;
            }
        }
        if seen && services.has_replicas() {
            let delays = tokio::select! {
                delays = services.delays() => delays.map_err(|e| e.to_string()),
                () = real.sleep(PATIENCE) => Err(format!("it has not answered for {} s", PATIENCE.as_secs())),
            };
            let msg = delays.map_or_else(Msg::Blind, |snapshot| Msg::Delays(Arc::new(snapshot)));
            if to.send(msg).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = now.notified() => {}
            () = real.sleep(every) => {}
        }
    }
}

/// One reading, for whoever draws a single screen.
pub async fn read_once(services: &Services) -> Result<Snapshot, String> {
    services.snapshot().await.map_err(|e| e.to_string())
}

/// Looks at what is being written; verdicts go to the loop as they come, and that all have come.
pub async fn check(
    services: Arc<Services>,
    of: Written,
    text: Arc<str>,
    dest: Option<String>,
    revision: u64,
    to: mpsc::Sender<Msg>,
) {
    let (pages, mut coming) = mpsc::channel(4);
    let looking = desk::check(services, text, dest, revision, pages);
    tokio::pin!(looking);
    let mut result = None;
    loop {
        let page = tokio::select! {
            biased;
            page = coming.recv() => page,
            done = &mut looking, if result.is_none() => {
                result = Some(done);
                continue;
            }
        };
        let Some(page) = page else { break };
        if to.send(Msg::Verdicts(of, page)).await.is_err() {
            return;
        }
    }
    let result = match result {
        Some(result) => result,
        None => looking.await,
    };
    // The console has ended.
    let _ = to.send(Msg::Checked(of, revision, result)).await;
}

/// What was last seen of the vault: nothing yet, nothing wrong, or what is.
pub type VaultSeen = Option<Result<(), String>>;

/// Looks at the vault every so often, by the clock of the services.
pub fn look_at_vault(services: &Arc<Services>) -> watch::Receiver<VaultSeen> {
    let (told, seen) = watch::channel(None);
    let shared = Arc::clone(services);
    drop(services.spawn(async move {
        let clock = shared.clock.clone();
        loop {
            let looked = tokio::select! {
                biased;
                looked = shared.vault_ready() => looked.map_err(|e| e.to_string()),
                () = clock.sleep(PATIENCE) => Err(format!("it has not answered for {} s", PATIENCE.as_secs())),
            };
            let wait = if looked.is_ok() { VAULT_EVERY } else { VAULT_EVERY / 6 };
            told.send_replace(Some(looked));
            tokio::select! {
                biased;
                () = told.closed() => return,
                () = clock.sleep(wait) => {}
            }
        }
    }));
    seen
}

/// Passes on what is seen of the vault.
pub async fn watch_vault(mut seen: watch::Receiver<VaultSeen>, to: mpsc::Sender<Msg>) {
    loop {
        let looked = seen.borrow_and_update().clone();
        if let Some(looked) = looked
            && to.send(Msg::Vault(looked)).await.is_err()
        {
            return;
        }
        if seen.changed().await.is_err() {
            return;
        }
    }
}

/// Passes on how the workers stand.
pub async fn watch_workers(mut standing: watch::Receiver<Standing>, to: mpsc::Sender<Msg>) {
    loop {
        let now = standing.borrow_and_update().clone();
        let ended = now == Standing::Ended;
        if to.send(Msg::Workers(now)).await.is_err() || ended || standing.changed().await.is_err() {
            return;
        }
    }
}

/// Passes on new lines of the log.
pub async fn watch_log(ring: Ring, to: mpsc::Sender<Msg>) {
    let mut version = ring.watch();
    let mut seen = 0;
    loop {
        let lines = ring.since(seen);
        if let Some(last) = lines.last() {
            seen = last.number;
            if to.send(Msg::Log(lines, ring.dropped())).await.is_err() {
                return;
            }
        }
        if version.changed().await.is_err() {
            return;
        }
    }
}
