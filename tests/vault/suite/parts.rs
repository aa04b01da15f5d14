//! Archives that come in parts.

use std::sync::Arc;

use firn::vault::{ArchiveName, Confirmed, VaultError};

use super::{Outcome, holds, holds_not, is_confirmed};
use crate::subject::{Subject, body, check_of, new_name};

/// An upload under way, and what it is to become.
struct Sending<'a> {
    subject: &'a dyn Subject,
    name: ArchiveName,
    id: Vec<u8>,
    part: u64,
    bytes: Vec<u8>,
}

impl<'a> Sending<'a> {
    async fn begin(subject: &'a dyn Subject, bytes: Vec<u8>) -> Result<Self, String> {
        let (vault, name) = (subject.vault(), new_name(3));
        let part = vault.capabilities().parts.smallest;
        let id = vault.begin(name, part).await.map_err(|e| format!("an upload cannot be begun: {e}"))?;
        Ok(Self { subject, name, id, part, bytes })
    }

    fn parts(&self) -> u32 {
        u32::try_from((self.bytes.len() as u64).div_ceil(self.part)).unwrap()
    }

    fn part(&self, number: u32) -> Vec<u8> {
        let start = usize::try_from(u64::from(number) * self.part).unwrap();
        let end = self.bytes.len().min(start + usize::try_from(self.part).unwrap());
        self.bytes[start..end].to_vec()
    }

    async fn send_bytes(&self, number: u32, bytes: Vec<u8>) -> Result<Vec<u8>, VaultError> {
        self.subject.vault().put_part(&self.id, number, self.part, Arc::new(bytes)).await
    }

    async fn send(&self, numbers: impl IntoIterator<Item = u32>) -> Outcome {
        for number in numbers {
            let sent = self.send_bytes(number, self.part(number)).await;
            sent.map_err(|e| format!("part {number} was not taken: {e}"))?;
        }
        Ok(())
    }

    async fn complete(&self) -> Result<Confirmed, VaultError> {
        let vault = self.subject.vault();
        let expect = check_of(vault.capabilities().check, &self.bytes);
        vault.complete(&self.id, self.name, self.bytes.len() as u64, expect).await
    }

    async fn is_open(&self) -> Result<bool, String> {
        let vault = self.subject.vault();
        let mut after = None;
        loop {
            let page = vault.uploads(after).await.map_err(|e| format!("uploads cannot be listed: {e}"))?;
            if let Some(mine) = page.items.iter().find(|upload| upload.upload_id == self.id) {
                ensure!(mine.uuid.is_none_or(|uuid| uuid == self.name.uuid), "an upload is listed as {mine:?}");
                return Ok(true);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(false),
            }
        }
    }

    async fn completes(&self) -> Outcome {
        let confirmed = self.complete().await.map_err(|e| format!("it cannot be completed: {e}"))?;
        is_confirmed(&*self.subject.vault(), &confirmed, &self.bytes)?;
        holds(self.subject, self.name, &self.bytes).await?;
        ensure!(!self.is_open().await?, "a complete upload is listed as open");
        Ok(())
    }

    /// What is there is not what was promised: refused for that reason, or told truly for firn to compare.
    async fn is_found_out(&self, promised: firn::base::hash::Check) -> Outcome {
        let vault = self.subject.vault();
        match vault.complete(&self.id, self.name, self.bytes.len() as u64, promised).await {
            Ok(confirmed) => {
                ensure!(confirmed.check != promised, "it confirmed the promised hash {promised} of something else");
                ensure!(!vault.capabilities().refuses_wrong_hash, "it took what it says that it refuses");
                Ok(())
            }
            Err(e) => {
                let reason = matches!(e, VaultError::Mismatch { .. } | VaultError::WrongSize { .. });
                ensure!(
                    reason && e.to_string().contains(&self.name.uuid.to_string()),
                    "refused for another reason: {e}"
                );
                holds_not(self.subject, self.name).await
            }
        }
    }
}

fn sized(subject: &dyn Subject, parts: f64) -> Vec<u8> {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few MiB
    let size = (subject.vault().capabilities().parts.smallest as f64 * parts) as usize;
    body(size, 11)
}

pub async fn nothing_is_visible_before_it_is_complete(subject: &dyn Subject) -> Outcome {
    let sending = Sending::begin(subject, sized(subject, 2.5)).await?;
    ensure!(sending.is_open().await?, "an upload that was begun is not listed");
    holds_not(subject, sending.name).await?;
    for number in 0..3 {
        sending.send([number]).await?;
        holds_not(subject, sending.name).await?;
    }
    ensure!(sending.is_open().await?, "an upload that goes on is not listed");
    sending.completes().await
}

pub async fn parts_of_any_number_come_back(subject: &dyn Subject) -> Outcome {
    let part = usize::try_from(subject.vault().capabilities().parts.smallest).unwrap();
    for size in [1, part - 1, part, part + 1, 2 * part, 4 * part + 1] {
        let sending = Sending::begin(subject, body(size, size as u64)).await?;
        sending.send(0..sending.parts()).await?;
        sending.completes().await.map_err(|wrong| format!("{size} bytes in parts of {part}: {wrong}"))?;
    }
    Ok(())
}

pub async fn parts_may_come_in_any_order_and_again(subject: &dyn Subject) -> Outcome {
    let sending = Sending::begin(subject, sized(subject, 4.25)).await?;
    // Another content first: what was sent last counts.
    let wrong = body(sending.part(1).len(), 99);
    sending.send_bytes(1, wrong).await.map_err(|e| format!("a part was not taken: {e}"))?;
    sending.send([4, 2, 0, 2, 1, 3, 0, 4]).await?;
    sending.completes().await
}

pub async fn a_missing_part_is_found_out(subject: &dyn Subject) -> Outcome {
    for missing in 0..3 {
        let sending = Sending::begin(subject, sized(subject, 2.5)).await?;
        sending.send((0..3).filter(|number| *number != missing)).await?;
        let right = check_of(subject.vault().capabilities().check, &sending.bytes);
        sending.is_found_out(right).await.map_err(|wrong| format!("without part {missing}: {wrong}"))?;
    }
    Ok(())
}

pub async fn a_wrong_hash_of_the_whole_is_found_out(subject: &dyn Subject) -> Outcome {
    let sending = Sending::begin(subject, sized(subject, 2.5)).await?;
    sending.send(0..3).await?;
    let other = check_of(subject.vault().capabilities().check, b"something else");
    sending.is_found_out(other).await?;
    // One part of another content, with the hash of what it should have been.
    let sending = Sending::begin(subject, sized(subject, 2.5)).await?;
    sending.send(0..3).await?;
    let mut part = sending.part(1);
    part[7] ^= 0x80;
    sending.send_bytes(1, part).await.map_err(|e| format!("a part was not taken: {e}"))?;
    let right = check_of(subject.vault().capabilities().check, &sending.bytes);
    sending.is_found_out(right).await
}

pub async fn an_upload_goes_on_after_reopening(subject: &dyn Subject) -> Outcome {
    // The vault is opened anew for each call; what goes on here is nothing but an id.
    let begun = Sending::begin(subject, sized(subject, 3.5)).await?;
    begun.send([0, 2]).await?;
    let resumed = Sending { subject, ..begun };
    ensure!(resumed.is_open().await?, "it forgot an upload");
    resumed.send([1, 3]).await?;
    resumed.completes().await
}

pub async fn completing_again_does_no_harm(subject: &dyn Subject) -> Outcome {
    let sending = Sending::begin(subject, sized(subject, 1.5)).await?;
    sending.send(0..2).await?;
    sending.completes().await?;
    // Its answer was lost.
    match sending.complete().await {
        Ok(confirmed) => is_confirmed(&*subject.vault(), &confirmed, &sending.bytes)?,
        Err(e) => ensure!(matches!(e, VaultError::NoSuch { .. }), "refused for another reason: {e}"),
    }
    holds(subject, sending.name, &sending.bytes).await?;
    // To complete it as something else changes nothing.
    let other = check_of(subject.vault().capabilities().check, b"something else");
    let size = sending.bytes.len() as u64;
    let answer = subject.vault().complete(&sending.id, sending.name, size, other).await;
    ensure!(answer.is_err(), "it confirmed {other} of a complete archive of another content");
    holds(subject, sending.name, &sending.bytes).await
}

pub async fn an_aborted_upload_is_gone(subject: &dyn Subject) -> Outcome {
    let vault = subject.vault();
    let sending = Sending::begin(subject, sized(subject, 1.5)).await?;
    sending.send([0]).await?;
    vault.abort(&sending.id).await.map_err(|e| format!("it cannot be aborted: {e}"))?;
    ensure!(!sending.is_open().await?, "an aborted upload is listed");
    vault.abort(&sending.id).await.map_err(|e| format!("it cannot be aborted twice: {e}"))?;
    let Err(e) = sending.send_bytes(1, sending.part(1)).await else {
        return Err("it takes parts of an aborted upload".to_owned());
    };
    ensure!(matches!(e, VaultError::NoSuch { .. }), "a part is refused for another reason: {e}");
    let Err(e) = sending.complete().await else { return Err("it completes an aborted upload".to_owned()) };
    let reason = matches!(e, VaultError::NoSuch { .. } | VaultError::NothingToSend { .. });
    ensure!(reason, "completing it is refused for another reason: {e}");
    holds_not(subject, sending.name).await
}
