//! Settling: what became of uploads whose end nobody saw; and clearing up after those who died.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::pipe::{BackupError, Pipe, blocking};
use super::staging::is_staged_name;
use super::upload::{ASK_UNKNOWN, Sent, abandon, conclude, set_aside};
use crate::base::disk::{Dir, DiskError};
use crate::base::ids::ArchiveUuid;
use crate::store::{ArchiveState, Confirmation, Upload};
use crate::vault::{ArchiveName, Head, VaultError};

/// A host where nobody has been for this long is lost.
const LOST_AFTER: Duration = Duration::from_hours(1);
/// Archives settled in one go.
const AT_ONCE: u32 = 16;

/// Settles what can be settled now. How many were looked at.
pub async fn settle(pipe: &Arc<Pipe>) -> Result<usize, BackupError> {
    let claimed = pipe.store.settle_claim(pipe.session, AT_ONCE).await?;
    let count = claimed.len();
    for upload in claimed {
        one(pipe, upload).await?;
    }
    Ok(count)
}

async fn one(pipe: &Arc<Pipe>, upload: Upload) -> Result<(), BackupError> {
    let bundle = upload.bundle;
    let now = pipe.store.now().await?;
    match pipe.vault.head(bundle.uuid).await {
        Ok(Head::Stored { confirmed, .. }) => match upload.check {
            Some(check) if check == confirmed.check && upload.size == Some(confirmed.size) => {
                let confirmation =
                    Confirmation { remote_id: confirmed.remote_id, check: confirmed.check, size: confirmed.size };
                let state = pipe.store.settle_stored(pipe.session, bundle, confirmation).await?;
                tracing::info!(archive = %bundle.uuid, %state, "the vault holds an archive whose upload was not seen to end");
                remove_staged(pipe, &upload).await
            }
            // What it holds is not what was sent: conclude says so.
            Some(check) => {
                let sent = Sent {
                    bundle,
                    size: upload.size.unwrap_or(0),
                    check,
                    attempts: upload.attempts,
                    staged: upload.staged.is_some(),
                };
                conclude(pipe, sent, Ok(confirmed)).await?;
                // What was staged may be the sound copy.
                clear_staged(pipe, &upload, set_aside).await
            }
            None => {
                let why = "the vault holds an archive of that name whose contents nobody recorded".to_owned();
                abandon(pipe, bundle, "no-contents", why).await
            }
        },
        Ok(Head::Absent) => absent(pipe, upload).await,
        Ok(Head::CannotTell(why)) => later(pipe, &upload, why, now).await,
        Err(e) => later(pipe, &upload, e.to_string(), now).await,
    }
}

/// The vault does not hold it: it is sent again from what there is of it, or its files are.
async fn absent(pipe: &Arc<Pipe>, upload: Upload) -> Result<(), BackupError> {
    let bundle = upload.bundle;
    match (&upload.staged, &upload.upload_id, upload.size.zip(upload.check).zip(upload.manifest_offset)) {
        (Some(_), _, Some(_)) => {
            // Back to `sealed`: putting it again finds the staged file, or what the vault took in of it.
            let why = "its upload was not seen to end, and the vault does not hold it".to_owned();
            let now = pipe.store.now().await?;
            pipe.store.upload_failed(pipe.session, bundle, "upload", why, now).await?;
            pipe.sealed.notify_waiters();
            Ok(())
        }
        (None, Some(upload_id), Some(((size, check), manifest_offset))) => {
            // All parts were sent; only the end of it is missing.
            let name = ArchiveName { uuid: bundle.uuid, manifest_offset };
            let completed = pipe.vault.complete(upload_id, name, size, check).await;
            let completed = match completed {
                Err(VaultError::NoSuch { .. } | VaultError::NothingToSend { .. }) => {
                    let why = "its upload was not seen to end, and the vault has nothing of it".to_owned();
                    return abandon(pipe, bundle, "nothing-to-send", why).await;
                }
                other => other,
            };
            let sent = Sent { bundle, size, check, attempts: upload.attempts, staged: false };
            conclude(pipe, sent, completed).await
        }
        (_, upload_id, _) => {
            if let Some(upload_id) = upload_id
                && let Err(e) = pipe.vault.abort(upload_id).await
            {
                tracing::warn!(error = %e, archive = %bundle.uuid, "an upload could not be thrown away; that is done later");
            }
            abandon(pipe, bundle, "nothing-to-send", "its upload was not complete".to_owned()).await?;
            remove_staged(pipe, &upload).await
        }
    }
}

/// The vault cannot say. After long enough the files are sent again in another archive.
async fn later(pipe: &Arc<Pipe>, upload: &Upload, why: String, now: crate::base::Time) -> Result<(), BackupError> {
    let bundle = upload.bundle;
    let next_try = now.plus(ASK_UNKNOWN);
    let too_long = pipe
        .settings
        .repeat_unknown_after
        .is_some_and(|after| upload.unknown_since.is_some_and(|since| now.since(since) >= after));
    if upload.state == ArchiveState::Unknown && too_long && !upload.repeated && upload.size.is_some() {
        let files = pipe.store.repeat_unknown(pipe.session, bundle, next_try).await?;
        tracing::warn!(archive = %bundle.uuid, files, "an archive has been unknown for too long; its files go into another");
        pipe.queued.notify_waiters();
        return Ok(());
    }
    pipe.store.upload_unknown(pipe.session, bundle, why, next_try).await?;
    Ok(())
}

async fn remove_staged(pipe: &Pipe, upload: &Upload) -> Result<(), BackupError> {
    clear_staged(pipe, upload, Dir::remove).await
}

/// Removes a staged file, or sets it aside.
async fn clear_staged(
    pipe: &Pipe,
    upload: &Upload,
    clear: impl FnOnce(&Dir, &OsStr) -> Result<(), DiskError> + Send + 'static,
) -> Result<(), BackupError> {
    if let Some(staged) = upload.staged.as_ref().filter(|staged| staged.dir == pipe.staging.path()) {
        let (staging, name) = (pipe.staging.clone(), staged.name.clone());
        if let Err(e) = blocking(move || clear(staging.dir(), OsStr::new(&name))).await? {
            tracing::warn!(error = %e, "a staged file that is no longer needed stays until the next start");
        }
    }
    pipe.release(upload.bundle.uuid);
    Ok(())
}

/// At the start: staged bundles that are still wanted hold their share of the budget, the rest is removed. Files that
/// firn did not put there are left alone; how many there are.
pub async fn clear_staging(pipe: &Arc<Pipe>) -> Result<u64, BackupError> {
    // The listing comes first: a bundle that is begun meanwhile is in the state before it is in the folder.
    let (names, there) = staged_names(pipe).await?;
    adopt(pipe, there).await?;
    let wanted = pipe.store.staged(pipe.settings.host.clone(), pipe.staging.path().to_owned()).await?;
    let keep: HashSet<&str> = wanted.iter().map(|(name, ..)| name.as_str()).collect();
    let mut foreign = 0;
    for name in names {
        if !is_staged_name(&name) {
            foreign += u64::from(name != "lost+found");
            continue;
        }
        if name.to_str().is_none_or(|name| !keep.contains(name)) {
            let whole = was_whole(pipe, &name).await?;
            let staging = pipe.staging.clone();
            // One that was given up although it was complete (its disk was away) may hold what its source has deleted since.
            let clear = move || if whole { set_aside(staging.dir(), &name) } else { staging.dir().remove(&name) };
            blocking(clear).await??;
        }
    }
    for (_, uuid, size) in wanted {
        if let Some(size) = size {
            pipe.hold(uuid, vec![pipe.staging.adopt(size)]);
        }
    }
    Ok(foreign)
}

/// Whether a staged file is a complete bundle that came to nothing.
async fn was_whole(pipe: &Pipe, name: &OsStr) -> Result<bool, BackupError> {
    let uuid = name.to_str().and_then(|name| name.strip_suffix(".tar")).and_then(|stem| Uuid::try_parse(stem).ok());
    let Some(uuid) = uuid else { return Ok(false) };
    let row = pipe.store.archive(ArchiveUuid(uuid)).await?;
    Ok(row.is_some_and(|row| row.state == ArchiveState::Abandoned && row.sealed_at.is_some()))
}

/// Names of staged bundles in the folder.
async fn staged_names(pipe: &Pipe) -> Result<(Vec<OsString>, Vec<String>), BackupError> {
    let staging = pipe.staging.clone();
    let names = blocking(move || staging.dir().names()).await??;
    let there = names.iter().filter(|name| is_staged_name(name)).filter_map(|name| name.to_str().map(str::to_owned));
    let there = there.collect();
    Ok((names, there))
}

/// Takes over bundles that wait on a host which is gone, and gives up those that nobody can reach.
pub async fn adopt_later(pipe: &Arc<Pipe>) -> Result<(), BackupError> {
    let (_, there) = staged_names(pipe).await?;
    adopt(pipe, there).await
}

async fn adopt(pipe: &Arc<Pipe>, there: Vec<String>) -> Result<(), BackupError> {
    let (host, dir) = (pipe.settings.host.clone(), pipe.staging.path().to_owned());
    let outcome = pipe.store.adopt_staged(pipe.session, host, dir, there, LOST_AFTER).await?;
    if outcome.adopted + outcome.abandoned > 0 {
        tracing::warn!(
            adopted = outcome.adopted,
            abandoned = outcome.abandoned,
            "bundles of a host that is gone were taken over, or their files queued again"
        );
        pipe.queued.notify_waiters();
        pipe.sealed.notify_waiters();
    }
    Ok(())
}

/// Throws away uploads in the vault that belong to archives which came to nothing.
pub async fn clear_uploads(pipe: &Arc<Pipe>) -> Result<(), BackupError> {
    let mut after = None;
    loop {
        let page = match pipe.vault.uploads(after).await {
            Ok(page) => page,
            Err(e) => {
                tracing::warn!(error = %e, "the vault's open uploads cannot be listed");
                return Ok(());
            }
        };
        for upload in page.items {
            if let Some(uuid) = upload.uuid
                && came_to_nothing(pipe, uuid).await?
                && let Err(e) = pipe.vault.abort(&upload.upload_id).await
            {
                tracing::warn!(error = %e, archive = %uuid, "an upload could not be thrown away; that is done later");
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

async fn came_to_nothing(pipe: &Pipe, uuid: ArchiveUuid) -> Result<bool, BackupError> {
    // An upload whose archive this state has never entered is not touched: it may be somebody else's.
    Ok(pipe.store.archive(uuid).await?.is_some_and(|row| !row.state.is_live()))
}
