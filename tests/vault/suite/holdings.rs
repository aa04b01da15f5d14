//! What it holds: listing and deleting.

use std::collections::BTreeSet;

use firn::vault::{Head, Item, VaultError};

use super::{Outcome, archives, catch_up, holds, holds_not, inventory, put};
use crate::subject::{Subject, body, name_in, new_name};

pub async fn what_was_just_put_is_told_or_not_yet_known(subject: &dyn Subject) -> Outcome {
    catch_up(subject);
    let vault = subject.vault();
    let lag = vault.capabilities().inventory_lag;
    let (name, bytes) = (new_name(1), body(5000, 33));
    let confirmed = put(subject, name, &bytes).await?;
    let head = vault.head(name.uuid).await.map_err(|e| format!("it cannot be asked for an archive: {e}"))?;
    match head {
        Head::Stored { name: found, confirmed: again } => {
            ensure!((found, &again) == (name, &confirmed), "it answers {again:?} after {confirmed:?}");
        }
        Head::CannotTell(why) => {
            ensure!(!lag.is_zero(), "it cannot tell what it holds, and says that its inventory is of this moment");
            ensure!(!why.is_empty(), "it cannot tell what it holds, and not why");
        }
        Head::Absent => return Err("it denies an archive that it has just confirmed".to_owned()),
    }
    holds(subject, name, &bytes).await
}

pub async fn a_deleted_archive_is_gone_and_may_be_deleted_again(subject: &dyn Subject) -> Outcome {
    let vault = subject.vault();
    let (name, bytes) = (new_name(1), body(5000, 31));
    let (other, others) = (new_name(1), body(5000, 32));
    let remote_id = put(subject, name, &bytes).await?.remote_id;
    put(subject, other, &others).await?;
    for _ in 0..2 {
        vault.delete(&remote_id).await.map_err(|e| format!("it cannot be deleted: {e}"))?;
        holds_not(subject, name).await?;
        let Err(e) = super::thaw(subject, &remote_id, None).await else {
            return Err("a deleted archive can be asked for".to_owned());
        };
        ensure!(matches!(e, VaultError::NoSuch { .. }), "asking for it is refused for another reason: {e}");
    }
    holds(subject, other, &others).await?;
    // Its name is free again.
    put(subject, name, &others).await?;
    holds(subject, name, &others).await
}

pub async fn the_inventory_names_each_archive_once_and_leaves_the_rest_alone(subject: &dyn Subject) -> Outcome {
    let listed = inventory(subject).await?;
    ensure!(listed.is_empty(), "an empty vault lists {listed:?}");
    let mut put_names = Vec::new();
    // Many in few places as well as few in many.
    for n in 0..120u8 {
        let name = if n < 60 { name_in(0xff) } else { name_in(n) };
        let confirmed = put(subject, name, &body(100 + usize::from(n), u64::from(n) + 1)).await?;
        put_names.push((name, confirmed.remote_id, confirmed.size));
    }
    let foreign: BTreeSet<Vec<u8>> = subject.add_foreign().into_iter().collect();
    let mut listed = archives(subject).await?;
    let by_name = |a: &(firn::vault::ArchiveName, Vec<u8>, u64)| a.0.uuid;
    listed.sort_by_key(by_name);
    put_names.sort_by_key(by_name);
    ensure!(
        listed == put_names,
        "{} archives are listed of {} that were put, or otherwise",
        listed.len(),
        put_names.len()
    );
    let told = inventory(subject).await?;
    let told: Vec<Vec<u8>> =
        told.into_iter().filter_map(|item| if let Item::Foreign(name) = item { Some(name) } else { None }).collect();
    let once: BTreeSet<Vec<u8>> = told.iter().cloned().collect();
    ensure!(once.len() == told.len(), "something foreign is told twice: {told:?}");
    ensure!(once == foreign, "told as foreign: {once:?}; there is: {foreign:?}");
    for (name, remote_id, _) in put_names {
        subject.vault().delete(&remote_id).await.map_err(|e| format!("{name} cannot be deleted: {e}"))?;
    }
    let left = archives(subject).await?;
    ensure!(left.is_empty(), "left after all were deleted: {left:?}");
    ensure!(subject.foreign_is_untouched(), "something foreign was touched");
    Ok(())
}
