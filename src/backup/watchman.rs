//! Looking after what is shared: settling uploads, reaping the dead, findings about vault, staging and queue, the end of
//! what is old. Each part under a duty, so that one worker does it for all.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::pipe::{BackupError, Pipe, blocking};
use super::settle;
use crate::base::disk::Dir;
use crate::base::ids::ArchiveUuid;
use crate::base::units::{Count, Size, Span};
use crate::base::{Finding, Severity, Shown, Time};
use crate::store::{ArchiveState, Orphan};
use crate::vault::{Item, VaultError};
use crate::worker::session::Lease;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(5);
/// How often bundles of lost hosts are looked for.
const ADOPT_EVERY: Duration = Duration::from_mins(5);
/// How often the vault's holdings are compared with the state's.
const INVENTORY_EVERY: Duration = Duration::from_hours(24);
/// Events, failures and ended sessions are kept this long.
const KEEP: Duration = Duration::from_hours(24 * 90);
/// A mismatch is a finding for this long.
const MISMATCH_TOLD: Duration = Duration::from_hours(24);
/// The wall clock may be this far behind the state's time before it is a finding.
const CLOCK_SLACK: Duration = Duration::from_secs(5);

/// Runs until the pipeline stops. `rounds` counts its rounds.
pub async fn run(pipe: Arc<Pipe>, lease: Lease, rounds: watch::Sender<u64>) -> Result<(), BackupError> {
    let mut pruned: Option<Time> = None;
    let mut adopted: Option<Time> = None;
    let mut cleared = false;
    while !pipe.stop.is_stopped() {
        lease.reap().await?;
        if pipe.store.due(pipe.settings.host.clone()).await?.settle {
            while settle::settle(&pipe).await? > 0 {}
        }
        if !cleared {
            settle::clear_uploads(&pipe).await?;
            cleared = true;
        }
        staging_findings(&pipe).await?;
        vault_findings(&pipe).await?;
        inventory(&pipe).await?;
        let now = pipe.store.now().await?;
        if adopted.is_none_or(|at| now.since(at) >= ADOPT_EVERY) {
            settle::adopt_later(&pipe).await?;
            adopted = Some(now);
        }
        if pruned.is_none_or(|at| now.since(at) >= INVENTORY_EVERY) {
            pipe.store.prune(now.minus(KEEP)).await?;
            pruned = Some(now);
        }
        rounds.send_modify(|rounds| *rounds += 1);
        tokio::select! {
            biased;
            () = pipe.stop.stopped() => {}
            () = pipe.clock.sleep(EVERY) => {}
        }
    }
    Ok(())
}

/// The staging folder of this host, by whoever here has the duty.
async fn staging_findings(pipe: &Arc<Pipe>) -> Result<(), BackupError> {
    let place = Shown::path(pipe.staging.path()).to_string();
    let scope = format!("staging:{}:{place}", pipe.settings.host);
    if pipe.store.duty_take(scope.clone(), pipe.session).await?.is_none() {
        return Ok(());
    }
    let now = pipe.store.now().await?;
    let dir = pipe.staging.dir().clone();
    let mut findings = Vec::new();
    let object = format!("{place} on {}", pipe.settings.host_name);
    let (opened, path) = (dir.clone(), pipe.staging.place_of(pipe.staging.path()).to_owned());
    let stands = blocking(move || Dir::open(&path).and_then(|now| now.is(&opened))).await?;
    if !matches!(stands, Ok(true)) {
        // The folder that is open is not the one that stands there: the pipeline begins anew, with that one.
        findings.push(
            Finding::new("staging.gone", object, Severity::Critical, now)
                .value(stands.err().map_or_else(|| "another folder has taken its place".to_owned(), |e| e.to_string()))
                .limit("the folder that was opened at the start")
                .next("it is opened, or made, anew by itself; should this stay, mend its mount"),
        );
        pipe.store.notice_round(scope, findings).await?;
        return Err(BackupError::StagingGone { place });
    }
    match blocking(move || dir.room()).await? {
        Ok(room) if room.free < pipe.settings.bundle_size => findings.push(
            Finding::new("staging.full", object, Severity::Critical, now)
                .value(format!("{} free; a bundle takes {}", Size(room.free), Size(pipe.settings.bundle_size)))
                .limit("room for at least one bundle")
                .next("free space there; work goes on by itself"),
        ),
        Ok(_) => {}
        Err(e) => findings.push(
            Finding::new("staging.unreadable", object, Severity::Critical, now)
                .value(e.to_string())
                .limit("a folder that can be read and written")
                .next("mend its mount or its permissions"),
        ),
    }
    pipe.store.notice_round(scope, findings).await?;
    Ok(())
}

/// The vault and the archives, by whoever has the duty.
async fn vault_findings(pipe: &Arc<Pipe>) -> Result<(), BackupError> {
    let vault = pipe.vault.name();
    let scope = format!("vault:{vault}");
    if pipe.store.duty_take(scope.clone(), pipe.session).await?.is_none() {
        return Ok(());
    }
    let now = pipe.store.now().await?;
    let mut findings = Vec::new();
    match pipe.vault.ready().await {
        Ok(()) => {}
        Err(
            e @ (VaultError::NoIdentity { .. } | VaultError::OtherIdentity { .. } | VaultError::BadIdentity { .. }),
        ) => {
            findings.push(
                Finding::new("vault.identity", vault, Severity::Critical, now)
                    .value(e.to_string())
                    .limit("the vault this state has written to before")
                    .next("mount it, or mend [vault] path"),
            );
        }
        Err(e) => findings.push(
            Finding::new("vault.unreachable", vault, Severity::Critical, now)
                .value(e.to_string())
                .limit("a vault that can be read and written")
                .next("mend its mount or its permissions; uploads go on by themselves"),
        ),
    }
    if let Ok(Some(room)) = pipe.vault.room().await {
        // A bundle, and as much again for what is on its way.
        let needed = pipe.settings.bundle_size.saturating_mul(2);
        let low = room.total / 20;
        if room.free < needed.max(low) {
            let critical = room.free < needed;
            let severity = if critical { Severity::Critical } else { Severity::Warning };
            findings.push(
                Finding::new("vault.full", vault, severity, now)
                    .value(format!("{} of {} free", Size(room.free), Size(room.total)))
                    .limit(if critical { format!("{} for the next bundles", Size(needed)) } else { "5 %".to_owned() })
                    .next("make room there; uploads go on by themselves"),
            );
        }
    }
    archive_findings(pipe, now, &mut findings).await?;
    queue_findings(pipe, now, &mut findings).await?;
    let behind = now.since(pipe.clock.now());
    if behind > CLOCK_SLACK {
        findings.push(
            Finding::new("clock.behind", pipe.settings.host_name.clone(), Severity::Warning, now)
                .value(format!("this host's clock is {} behind the newest time in the state", Span(behind)))
                .limit("a clock that does not go back; leases and retries go on by the state's time")
                .next("mend the clock (ntp)"),
        );
    }
    pipe.store.notice_round(scope, findings).await?;
    Ok(())
}

async fn archive_findings(pipe: &Arc<Pipe>, now: Time, findings: &mut Vec<Finding>) -> Result<(), BackupError> {
    let live = pipe.store.archives_live(1000).await?;
    let unknown: Vec<_> = live.iter().filter(|archive| archive.state == ArchiveState::Unknown).collect();
    if let Some(first) = unknown.first() {
        findings.push(
            Finding::new("archive.unknown", pipe.vault.name(), Severity::Warning, now)
                .value(format!(
                    "{} archives were sent and not confirmed; their files are not safe; the first: {} ({})",
                    unknown.len(),
                    first.uuid,
                    first.note.as_deref().unwrap_or("no reason recorded")
                ))
                .limit("none")
                .next("nothing: the vault is asked again, and after repeat_unknown_after the files are sent anew"),
        );
    }
    let failing: Vec<_> = live
        .iter()
        .filter(|a| matches!(a.state, ArchiveState::Sealed | ArchiveState::Uploading) && a.attempts >= 3)
        .collect();
    if let Some(first) = failing.first() {
        findings.push(
            Finding::new("archive.failing", pipe.vault.name(), Severity::Warning, now)
                .value(format!(
                    "{} archives could not be uploaded in three tries or more; the first: {}",
                    failing.len(),
                    first.note.as_deref().unwrap_or("no reason recorded")
                ))
                .limit("uploads that go through")
                .next("mend what the reason names; they are tried again by themselves"),
        );
    }
    let recent = pipe.store.failures(None, 200).await?;
    let mismatches: Vec<_> =
        recent.iter().filter(|f| f.reason == "mismatch" && now.since(f.at) < MISMATCH_TOLD).collect();
    if let Some(newest) = mismatches.first() {
        findings.push(
            Finding::new("archive.mismatch", pipe.vault.name(), Severity::Critical, now)
                .value(format!(
                    "{} archives in {} came out otherwise than they were sent; the newest: {}",
                    mismatches.len(),
                    Span(MISMATCH_TOLD),
                    newest.detail
                ))
                .limit("none: the vault, its disk or this host's memory is faulty")
                .next("test the vault's disk and this host's memory; the files are sent again by themselves"),
        );
    }
    Ok(())
}

async fn queue_findings(pipe: &Arc<Pipe>, now: Time, findings: &mut Vec<Finding>) -> Result<(), BackupError> {
    let left = pipe.store.unfinished(pipe.settings.attempts).await?;
    if left.given_up == 0 {
        return Ok(());
    }
    let first = pipe.store.failed_page(None, 1).await?.into_iter().next();
    let first =
        first.and_then(|row| row.reason).map_or_else(String::new, |(_, detail)| format!("; the next: {detail}"));
    findings.push(
        Finding::new("backup.failed", "queue", Severity::Warning, now)
            .value(format!(
                "{} files could not be fetched in {} tries{first}",
                Count(left.given_up),
                pipe.settings.attempts
            ))
            .limit("none")
            .next("firn queue lists them with their reasons; they are tried again at growing intervals"),
    );
    Ok(())
}

/// Once a day: what the vault holds and this state does not know.
async fn inventory(pipe: &Arc<Pipe>) -> Result<(), BackupError> {
    let name = format!("inventory:{}", pipe.vault.name());
    let now = pipe.store.now().await?;
    let is_due = |next: Option<Time>| next.is_none_or(|next| next <= now);
    let due = pipe.store.duty(name.clone()).await?.is_none_or(|duty| is_due(duty.next_run));
    if !due || pipe.vault.ready().await.is_err() {
        return Ok(());
    }
    let Some(duty) = pipe.store.duty_take(name.clone(), pipe.session).await? else { return Ok(()) };
    let (mut archives, mut orphans, mut foreign) = (0u64, 0u64, Vec::new());
    let mut useless: Vec<ArchiveUuid> = Vec::new();
    let mut after = None;
    loop {
        let page = match pipe.vault.inventory(after).await {
            Ok(page) => page,
            Err(e) => {
                tracing::warn!(error = %e, "the vault's inventory cannot be read");
                return Ok(());
            }
        };
        for item in page.items {
            match item {
                Item::Foreign(path) => foreign.push(path),
                Item::Archive { name, remote_id, size } => {
                    archives += 1;
                    match pipe.store.archive(name.uuid).await? {
                        None => {
                            orphans += 1;
                            let vault = pipe.vault.name().to_owned();
                            let (uuid, manifest_offset) = (name.uuid, name.manifest_offset);
                            let orphan = Orphan { uuid, vault, remote_id, size, manifest_offset };
                            pipe.store.orphan_found(pipe.session, orphan).await?;
                        }
                        Some(row) if row.state == ArchiveState::Abandoned => useless.push(name.uuid),
                        Some(_) => {}
                    }
                }
            }
        }
        if pipe.stop.is_stopped() {
            return Ok(());
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let mut findings = Vec::new();
    if let Some(first) = foreign.first() {
        findings.push(
            Finding::new("vault.foreign", pipe.vault.name(), Severity::Warning, now)
                .value(format!(
                    "{} files in the vault are not firn's; the first: {}",
                    foreign.len(),
                    Shown::bytes(first)
                ))
                .limit("only archives of firn; it leaves the others alone")
                .next("move them elsewhere"),
        );
    }
    if orphans > 0 {
        findings.push(
            Finding::new("vault.orphans", pipe.vault.name(), Severity::Warning, now)
                .value(format!("{orphans} archives in the vault are not in this state"))
                .limit("none: the state is older than the vault, or another state has written to it")
                .next("keep them until you know why; nothing deletes them"),
        );
    }
    if let Some(first) = useless.first() {
        findings.push(
            Finding::new("vault.abandoned", pipe.vault.name(), Severity::Warning, now)
                .value(format!(
                    "{} archives in the vault were given up, their files sent again in others; the first: {first}",
                    useless.len()
                ))
                .limit("none: they came out otherwise than they were sent")
                .next("delete them by hand once `firn queue` shows none of their files; nothing else deletes them"),
        );
    }
    pipe.store.notice_round(name.clone(), findings).await?;
    let result = format!("{archives} archives, {orphans} orphans, {} foreign files", foreign.len());
    pipe.store.duty_done(name, pipe.session, duty.generation, now.plus(INVENTORY_EVERY), result).await?;
    Ok(())
}
