//! Sending archives: in one request, or in parts.

use std::ops::Range;

use super::FakeVault;
use crate::base::disk::{DiskError, Trouble};
use crate::base::hash::{Check, Hash32};
use crate::vault::fake::core::Op;
use crate::vault::fake::hash::MIB;
use crate::vault::fake::shelf::Body;
use crate::vault::fake::uploads::{LARGEST_PART, PART_LIMIT};
use crate::vault::tree::{Tree, leaf};
use crate::vault::{Confirmed, Progress, Put, Result, Vault as _, VaultError};

/// Part size for an archive that is put in parts: not too small, and never more parts than there may be.
pub(super) fn part_size(size: u64) -> u64 {
    size.div_ceil(PART_LIMIT).max(16 * MIB).next_power_of_two().min(LARGEST_PART)
}

impl FakeVault {
    /// Puts an archive in one request.
    pub(super) async fn put_whole(&self, put: Put, stated: Hash32) -> Result<Confirmed> {
        let (name, size) = (put.name, put.size);
        let (body, _) = self.lay(&put, 0..size).await?;
        let description = name.to_string();
        let moved = |bytes| {
            self.0.account(bytes);
            put.progress.add(bytes);
        };
        self.0.carry(Op::Post, &description, size, moved).await;
        let done = self.0.now(|core, now| core.post(now, &description, stated, body));
        self.0.confirmed(name.uuid, stated, done)
    }

    /// Puts an archive in parts. What cannot be ended is thrown away.
    pub(super) async fn put_in_parts(&self, put: Put, stated: Hash32) -> Result<Confirmed> {
        let (name, size, part) = (put.name, put.size, part_size(put.size));
        let upload_id = self.begin(name, part).await?;
        let sent = self.put_parts(&put, &upload_id, part).await;
        let done = match sent {
            Ok(()) => self.complete(&upload_id, name, size, Check::TreeHash(stated)).await,
            Err(e) => Err(e),
        };
        match done {
            Err(e) if !matches!(e, VaultError::OutcomeUnknown { .. }) => {
                if let Err(e) = self.abort(&upload_id).await {
                    tracing::warn!(error = %e, archive = %name.uuid, "an upload could not be thrown away; that is done later");
                }
                Err(e)
            }
            done => done,
        }
    }

    async fn put_parts(&self, put: &Put, upload_id: &[u8], part: u64) -> Result<()> {
        let mut start = 0;
        while start < put.size {
            let end = put.size.min(start.saturating_add(part));
            let (body, hash) = self.lay(put, start..end).await?;
            self.send_part(upload_id, start, body, hash, &put.progress).await?;
            start = end;
        }
        Ok(())
    }

    pub(super) async fn send_part(
        &self,
        upload_id: &[u8],
        start: u64,
        body: Body,
        stated: Hash32,
        progress: &Progress,
    ) -> Result<Hash32> {
        let id = self.0.text(upload_id, "upload")?;
        let moved = |bytes| {
            self.0.account(bytes);
            progress.add(bytes);
        };
        self.0.carry(Op::Part, &format!("{id}/{start}"), body.size(), moved).await;
        let found = self.0.now(|core, now| core.upload_part(now, id, start, stated, body));
        let found = found.map_err(|refusal| self.0.refused(refusal))?;
        if found == stated {
            return Ok(found);
        }
        let detail = format!("the part at byte {start} was sent with tree hash {stated} and answered with {found}");
        Err(VaultError::Unavailable { vault: self.0.name.clone(), code: "wrong checksum", detail })
    }

    /// Takes in bytes of a staged file; with them comes firn's own tree hash of them.
    async fn lay(&self, put: &Put, range: Range<u64>) -> Result<(Body, Hash32)> {
        let put = put.clone();
        self.blocking(move |inner| {
            let archive = put.name.uuid;
            let disk = |source: DiskError| match source.trouble() {
                Trouble::Missing => VaultError::NothingToSend { vault: inner.name.clone(), archive },
                _ => VaultError::Disk { vault: inner.name.clone(), source },
            };
            let file = put.staging.open_file(&put.file).map_err(disk)?;
            let (expected, found) = (put.size, file.size().map_err(disk)?);
            if found != expected {
                return Err(VaultError::WrongSize { vault: inner.name.clone(), archive, expected, found });
            }
            let mut tree = Tree::new();
            // Pieces are leaves.
            let body = inner.glacier.shelf.lay_file(&file, range, |piece| tree.push(leaf(piece)));
            Ok((body.map_err(disk)?, tree.root()))
        })
        .await
    }
}
