//! Uploading: a sealed bundle into the vault, and what its answer means.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::Duration;

use super::pipe::{BackupError, Pipe, blocking};
use super::plan::{self, UPLOAD_AGAIN};
use crate::base::disk::{Dir, DiskError};
use crate::base::hash::Check;
use crate::base::{Shown, faults};
use crate::store::{BundleRef, Confirmation, NewEvent, Upload};
use crate::vault::{ArchiveName, Confirmed, Put, VaultError};

/// An unknown archive is asked for again after this long.
pub const ASK_UNKNOWN: Duration = Duration::from_secs(30);

/// Uploads one sealed bundle.
pub async fn upload(pipe: &Arc<Pipe>, upload: Upload) -> Result<(), BackupError> {
    let bundle = upload.bundle;
    let whole = upload.size.zip(upload.check).zip(upload.manifest_offset).zip(upload.staged.clone());
    let Some((((size, check), manifest_offset), staged)) = whole else {
        let why = "it has no staged file or no contents".to_owned();
        return abandon(pipe, bundle, "nothing-to-send", why).await;
    };
    let dir = pipe.staging.place_of(&staged.dir).to_owned();
    let staging = match blocking(move || Dir::open(&dir)).await? {
        Ok(staging) => staging,
        Err(e) => {
            let next_try = pipe.at(plan::wait(UPLOAD_AGAIN, upload.attempts + 1, bundle.archive.0)).await?;
            pipe.store.upload_failed(pipe.session, bundle, "upload", e.to_string(), next_try).await?;
            return Ok(());
        }
    };
    let name = ArchiveName { uuid: bundle.uuid, manifest_offset };
    let moves = pipe.moving.begin(bundle.uuid, size, pipe.clock.mono());
    let put = Put {
        name,
        size,
        expect: check,
        staging: staging.clone(),
        file: OsString::from(&staged.name),
        progress: moves.progress(),
    };
    faults::step("vault: put");
    let answer = pipe.vault.put(put).await;
    drop(moves);
    let after = after(&answer, size, check, upload.attempts);
    let sent = Sent { bundle, size, check, attempts: upload.attempts, staged: true };
    conclude(pipe, sent, answer).await?;
    let name = OsString::from(&staged.name);
    let cleared = match after {
        After::Stays => return Ok(()),
        // A vault on another device has copied it: nothing needs it any more.
        After::Goes => blocking(move || staging.remove(&name)).await?,
        After::Aside => blocking(move || set_aside(&staging, &name)).await?,
    };
    if let Err(e) = cleared {
        tracing::warn!(error = %e, "a staged file that is no longer needed stays until the next start");
    }
    pipe.release(bundle.uuid);
    Ok(())
}

/// What becomes of a staged file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// It is sent again.
    Stays,
    /// It is removed.
    Goes,
    /// It is kept under another name, for people.
    Aside,
}

/// An archive that came out otherwise than it was sent is sent this often before its files are fetched anew.
const MISMATCHES: u32 = 3;
/// So many staged files are set aside at most: a vault that keeps failing must not fill the disk.
const ASIDE: usize = 8;

fn after(answer: &Result<Confirmed, VaultError>, size: u64, check: Check, attempts: u32) -> After {
    match answer {
        Ok(confirmed) if confirmed.check != check || confirmed.size != size => After::Aside,
        Ok(_) | Err(VaultError::NothingToSend { .. } | VaultError::Taken { .. }) => After::Goes,
        Err(VaultError::Mismatch { .. } | VaultError::WrongSize { .. }) if attempts + 1 >= MISMATCHES => After::Aside,
        Err(_) => After::Stays,
    }
}

/// Keeps a staged file, if it is there, under another name. Its source may have deleted its files meanwhile: then it is
/// the nearest thing to a copy.
pub fn set_aside(staging: &Dir, name: &OsStr) -> Result<(), DiskError> {
    if staging.entry(name)?.is_none() {
        return Ok(());
    }
    let aside = |name: &OsStr| name.as_encoded_bytes().ends_with(b".aside");
    if staging.names()?.iter().filter(|name| aside(name)).count() >= ASIDE {
        return staging.remove(name);
    }
    let mut kept = name.to_owned();
    kept.push(".aside");
    staging.rename_new(name, staging, &kept)?;
    staging.sync()
}

/// What was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// The archive.
    pub bundle: BundleRef,
    /// Its bytes.
    pub size: u64,
    /// What the vault must confirm.
    pub check: Check,
    /// Failed attempts before this one.
    pub attempts: u32,
    /// Whether it lies in the staging folder, so that it can be sent again.
    pub staged: bool,
}

/// Records what the vault answered. Only its own hash of what it holds, equal to ours, makes an archive stored.
pub async fn conclude(pipe: &Arc<Pipe>, sent: Sent, answer: Result<Confirmed, VaultError>) -> Result<(), BackupError> {
    let Sent { bundle, size, check, attempts, staged } = sent;
    let wait = plan::wait(UPLOAD_AGAIN, attempts + 1, bundle.archive.0);
    match answer {
        Ok(confirmed) if confirmed.check == check && confirmed.size == size => {
            let Confirmed { remote_id, check, size } = confirmed;
            let confirmation = Confirmation { remote_id, check, size };
            let stored = pipe.store.upload_stored(pipe.session, bundle, confirmation).await?;
            pipe.vault_worked();
            pipe.counters.add("backup.stored_archives", 1);
            pipe.counters.add("backup.stored_files", stored.files);
            pipe.counters.add("backup.stored_bytes", stored.bytes);
            Ok(())
        }
        Ok(confirmed) => {
            // It is not deleted: should the files be gone from their source by now, it is the nearest thing to a copy.
            let why = format!(
                "the vault {} confirmed {} of {} bytes where {check} of {size} bytes was sent; it stays there as {}",
                pipe.vault.name(),
                confirmed.check,
                confirmed.size,
                Shown::bytes(&confirmed.remote_id)
            );
            alarm(pipe, bundle, &why, "its files are fetched and sent again").await?;
            pipe.vault_failed();
            abandon(pipe, bundle, "mismatch", why).await
        }
        Err(e @ (VaultError::Mismatch { .. } | VaultError::WrongSize { .. }))
            if staged && attempts + 1 < MISMATCHES =>
        {
            // The staged file is still there, and may be sound.
            alarm(pipe, bundle, &e.to_string(), "it is sent again").await?;
            pipe.vault_failed();
            let next_try = pipe.at(wait).await?;
            pipe.store.upload_failed(pipe.session, bundle, "mismatch", e.to_string(), next_try).await?;
            Ok(())
        }
        Err(e @ (VaultError::Mismatch { .. } | VaultError::WrongSize { .. })) => {
            let outcome = "its files are fetched and sent again; what was staged is set aside";
            alarm(pipe, bundle, &e.to_string(), outcome).await?;
            pipe.vault_failed();
            abandon(pipe, bundle, "mismatch", e.to_string()).await
        }
        Err(e @ (VaultError::NothingToSend { .. } | VaultError::Taken { .. })) => {
            abandon(pipe, bundle, "nothing-to-send", e.to_string()).await
        }
        Err(e) if staged && !matches!(e, VaultError::OutcomeUnknown { .. }) => {
            if e.is_about_the_vault() {
                pipe.vault_failed();
            }
            tracing::warn!(error = %e, archive = %bundle.uuid, wait_s = wait.as_secs(), "an upload failed; it is tried again");
            pipe.store.upload_failed(pipe.session, bundle, "upload", e.to_string(), pipe.at(wait).await?).await?;
            Ok(())
        }
        Err(e) => {
            if e.is_about_the_vault() {
                pipe.vault_failed();
            }
            tracing::warn!(error = %e, archive = %bundle.uuid, "nobody knows whether the vault holds an archive; it is asked");
            let next_try = pipe.at(wait.min(ASK_UNKNOWN)).await?;
            pipe.store.upload_unknown(pipe.session, bundle, e.to_string(), next_try).await?;
            Ok(())
        }
    }
}

/// An archive comes to nothing: its files are queued again.
pub async fn abandon(pipe: &Pipe, bundle: BundleRef, reason: &'static str, why: String) -> Result<(), BackupError> {
    tracing::warn!(archive = %bundle.uuid, reason, why, "an archive is given up; its files are fetched again");
    pipe.store.upload_abandon(pipe.session, bundle, reason, why).await?;
    pipe.release(bundle.uuid);
    pipe.queued.notify_waiters();
    Ok(())
}

async fn alarm(pipe: &Pipe, bundle: BundleRef, why: &str, outcome: &str) -> Result<(), BackupError> {
    tracing::error!(archive = %bundle.uuid, why, "the vault holds something else than was sent");
    let event = NewEvent {
        who: format!("session {}", pipe.session),
        what: "archive.mismatch".to_owned(),
        object: bundle.uuid.to_string(),
        detail: why.to_owned(),
        outcome: outcome.to_owned(),
    };
    Ok(pipe.store.event(event).await?)
}
