//! Archives that are put whole.

use std::collections::BTreeSet;
use std::fs;

use firn::vault::{Head, VaultError};

use super::{Outcome, holds, holds_not, is_confirmed, one_mib, put};
use crate::subject::{Subject, body, check_of, new_name, stage};

pub async fn what_it_says_of_itself_fits_together(subject: &dyn Subject) -> Outcome {
    let vault = subject.vault();
    let can = vault.capabilities();
    ensure!(!vault.name().is_empty() && !vault.place().is_empty() && !can.kind.is_empty(), "it has no name or place");
    ensure!(can.parts.smallest > 0 && can.parts.smallest <= can.parts.largest, "no part can be of {:?}", can.parts);
    ensure!(can.parts.most > 0, "it takes no parts at all");
    ensure!(can.archive_size.0 <= can.archive_size.1, "no archive can be of {:?} bytes", can.archive_size);
    ensure!(!can.upgrade || can.tiers.len() > 1, "it can make jobs faster and has no tiers");
    vault.ready().await.map_err(|e| format!("it is not ready: {e}"))?;
    let room = vault.room().await.map_err(|e| format!("it cannot say what room it has: {e}"))?;
    ensure!(room.is_none_or(|room| room.free <= room.total && room.total > 0), "it has {room:?}");
    Ok(())
}

pub async fn archives_of_any_size_come_back(subject: &dyn Subject) -> Outcome {
    const MIB: usize = 1 << 20;
    let smallest = subject.vault().capabilities().archive_size.0;
    let mut put_names = Vec::new();
    for size in [0, 1, 511, MIB - 1, MIB, MIB + 1, 5 * MIB + 3] {
        let (name, bytes) = (new_name(size as u64 / 2), body(size, size as u64));
        if (size as u64) < smallest {
            // Not promised: but if it takes it, it holds it.
            let put = stage(&subject.staging(), subject.vault().capabilities().check, name, &bytes);
            match subject.vault().put(put).await {
                Ok(_) => holds(subject, name, &bytes).await?,
                Err(_) => holds_not(subject, name).await?,
            }
            continue;
        }
        put(subject, name, &bytes).await?;
        holds(subject, name, &bytes).await.map_err(|wrong| format!("{size} bytes: {wrong}"))?;
        put_names.push((name, bytes));
    }
    for (name, bytes) in put_names {
        holds(subject, name, &bytes).await.map_err(|wrong| format!("after the others were put: {wrong}"))?;
    }
    Ok(())
}

pub async fn a_second_put_of_an_archive_leaves_the_first(subject: &dyn Subject) -> Outcome {
    let (name, bytes) = (new_name(512), one_mib(1));
    let first = put(subject, name, &bytes).await?;
    let second = put(subject, name, &bytes).await.map_err(|e| format!("the same archive again: {e}"))?;
    if subject.vault().capabilities().idempotent_put {
        ensure!(second == first, "the same archive again is answered with {second:?} after {first:?}");
        let listed = super::archives(subject).await?.len();
        ensure!(listed == 1, "{listed} archives are listed after one was put twice");
    }
    holds(subject, name, &bytes).await?;
    // Its answer was lost, and the staged file has been moved away by then.
    let mut again = stage(&subject.staging(), first.check.kind(), name, &bytes);
    fs::remove_file(subject.staging().join(&again.file)).unwrap();
    again.file = "moved-away.tar".into();
    if subject.vault().capabilities().idempotent_put {
        let third = subject.vault().put(again).await.map_err(|e| format!("the same again without a file: {e}"))?;
        ensure!(third == first, "the same archive without a file is answered with {third:?} after {first:?}");
    } else {
        let answer = subject.vault().put(again).await;
        let Err(e) = answer else { return Err(format!("it took an archive without a file: {answer:?}")) };
        ensure!(matches!(e, VaultError::NothingToSend { .. }), "refused for another reason: {e}");
        // Each put is an archive of its own there: what would make one of two is not the vault.
        ensure!(second.remote_id != first.remote_id, "two archives have one name, {:?}", second.remote_id);
        let listed = super::archives(subject).await?;
        let told: BTreeSet<Vec<u8>> = listed.into_iter().map(|(_, remote_id, _)| remote_id).collect();
        let put = BTreeSet::from([first.remote_id, second.remote_id]);
        ensure!(told == put, "{} archives are listed after one was put twice", told.len());
    }
    holds(subject, name, &bytes).await
}

pub async fn another_content_under_a_taken_name_is_refused(subject: &dyn Subject) -> Outcome {
    let (name, bytes) = (new_name(512), one_mib(1));
    put(subject, name, &bytes).await?;
    let vault = subject.vault();
    let can = vault.capabilities();
    if !can.idempotent_put {
        // Each put is an archive of its own there.
        return Ok(());
    }
    let mut elsewhere = name;
    elsewhere.manifest_offset += 1;
    for (name, other) in [(name, one_mib(2)), (name, body(77, 3)), (elsewhere, one_mib(4)), (elsewhere, bytes.clone())]
    {
        let answer = vault.put(stage(&subject.staging(), can.check, name, &other)).await;
        let Err(e) = answer else { return Err(format!("another archive {name} was taken: {answer:?}")) };
        let reason = matches!(e, VaultError::Taken { .. } | VaultError::Mismatch { .. } | VaultError::WrongSize { .. });
        ensure!(reason && e.to_string().contains(&name.uuid.to_string()), "refused for another reason: {e}");
    }
    holds(subject, name, &bytes).await?;
    let listed = super::archives(subject).await?;
    ensure!(listed.len() == 1, "{} archives are listed under one name", listed.len());
    Ok(())
}

/// What was promised is not what is sent: refused with both hashes, or told truly for firn to compare.
async fn found_out(subject: &dyn Subject, put: firn::vault::Put, sent: &[u8]) -> Outcome {
    let vault = subject.vault();
    let can = vault.capabilities();
    let (name, promised, truly) = (put.name, put.expect, check_of(can.check, sent));
    match vault.put(put).await {
        Ok(confirmed) => {
            ensure!(confirmed.check != promised, "it confirmed the promised hash {promised}; it was sent {truly}");
            ensure!(!can.refuses_wrong_hash, "it took what it says that it refuses");
            is_confirmed(&*vault, &confirmed, sent)
        }
        Err(e) => {
            let told = format!("got {truly} where {promised} was sent (archive {})", name.uuid);
            ensure!(matches!(e, VaultError::Mismatch { .. }), "refused for another reason: {e}");
            ensure!(e.to_string().contains(&told), "it does not say {told:?}: {e}");
            holds_not(subject, name).await
        }
    }
}

pub async fn a_hash_that_was_promised_wrong_is_found_out(subject: &dyn Subject) -> Outcome {
    let kind = subject.vault().capabilities().check;
    for size in [1, 4096, (1 << 20) + 1] {
        let (name, bytes) = (new_name(0), body(size, 5));
        let mut put = stage(&subject.staging(), kind, name, &bytes);
        put.expect = check_of(kind, &body(size, 6));
        found_out(subject, put, &bytes).await.map_err(|wrong| format!("{size} bytes: {wrong}"))?;
    }
    Ok(())
}

pub async fn a_size_that_was_promised_wrong_is_refused(subject: &dyn Subject) -> Outcome {
    let vault = subject.vault();
    let bytes = one_mib(7);
    for promised in [bytes.len() as u64 - 1, bytes.len() as u64 + 1] {
        let name = new_name(0);
        let mut put = stage(&subject.staging(), vault.capabilities().check, name, &bytes);
        put.size = promised;
        match vault.put(put).await {
            Ok(confirmed) => {
                ensure!(confirmed.size != promised, "it confirmed {promised} bytes and was sent {}", bytes.len());
            }
            Err(e) => {
                let reason = matches!(e, VaultError::WrongSize { .. } | VaultError::Mismatch { .. });
                ensure!(reason && e.to_string().contains("was not kept"), "refused for another reason: {e}");
                holds_not(subject, name).await?;
            }
        }
    }
    Ok(())
}

pub async fn what_changed_on_its_way_is_found_out(subject: &dyn Subject) -> Outcome {
    let kind = subject.vault().capabilities().check;
    let size = (1 << 20) + 100;
    for at in [0, size / 2, size - 1] {
        let (name, mut bytes) = (new_name(0), body(size, 8));
        let put = stage(&subject.staging(), kind, name, &bytes);
        bytes[at] ^= 1;
        fs::write(subject.staging().join(&put.file), &bytes).unwrap();
        found_out(subject, put, &bytes).await.map_err(|wrong| format!("a bit at byte {at}: {wrong}"))?;
    }
    Ok(())
}

pub async fn what_changes_later_is_found_by_asking_again(subject: &dyn Subject) -> Outcome {
    let (name, bytes) = (new_name(0), one_mib(9));
    let confirmed = put(subject, name, &bytes).await?;
    if !subject.damage(name.uuid) {
        return Ok(());
    }
    let head = subject.vault().head(name.uuid).await.map_err(|e| format!("it cannot be asked for it: {e}"))?;
    match head {
        Head::Stored { confirmed: now, .. } => {
            ensure!(now.check != confirmed.check, "it still confirms {} of bytes that have changed since", now.check);
            Ok(())
        }
        // It knows that something is wrong with it.
        Head::CannotTell(_) => Ok(()),
        Head::Absent => Err("it denies an archive that it holds".to_owned()),
    }
}

pub async fn nothing_to_send_is_said(subject: &dyn Subject) -> Outcome {
    let vault = subject.vault();
    let name = new_name(0);
    let put = stage(&subject.staging(), vault.capabilities().check, name, b"never sent");
    fs::remove_file(subject.staging().join(&put.file)).unwrap();
    let answer = vault.put(put).await;
    let Err(e) = answer else { return Err(format!("it took an archive without a file: {answer:?}")) };
    ensure!(matches!(e, VaultError::NothingToSend { .. }), "refused for another reason: {e}");
    ensure!(e.to_string().starts_with(&format!("the staged file of archive {} is gone", name.uuid)), "{e}");
    holds_not(subject, name).await
}
