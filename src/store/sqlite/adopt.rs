//! Complete bundles that wait on a host which is gone: renamed, made anew, or lost.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::params;

use super::db::Db;
use super::{bundles, events, sessions};
use crate::base::Time;
use crate::base::ids::{ArchiveId, SessionId};
use crate::store::{Adopted, ArchiveState, Result};

pub(super) fn staged(
    db: &Db<'_>,
    session: SessionId,
    host: &str,
    dir: &Path,
    names: &[String],
    lost_after: Duration,
) -> Result<Adopted> {
    super::alive(db, session)?;
    let waiting: Vec<(ArchiveId, ArchiveState, String, String, Vec<u8>)> = db.rows(
        "SELECT id, state, staging_name, host, staging_dir FROM archive
         WHERE live = 1 AND state IN (1, 2, 5) AND owner IS NULL AND staging_name IS NOT NULL ORDER BY id",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)),
    )?;
    let mut outcome = Adopted::default();
    for (archive, state, name, of, lies) in waiting {
        let here = names.contains(&name);
        let mine = of == host;
        if (mine && (!here || lies == dir.as_os_str().as_bytes())) || (!mine && sessions::host_lives(db, &of)?) {
            continue;
        }
        if here {
            db.run(
                "UPDATE archive SET host = ?2, staging_dir = ?3 WHERE id = ?1",
                params![archive, host, dir.as_os_str().as_bytes()],
            )?;
            outcome.adopted += 1;
        } else if state == ArchiveState::Sealed
            && sessions::last_seen(db, &of)?.is_none_or(|at: Time| db.now().since(at) >= lost_after)
        {
            let why = "nobody has been on its host for long, and its staged file is not here";
            bundles::unbundle(db, archive)?;
            bundles::close(db, archive, ArchiveState::Abandoned, why)?;
            events::failure(db, "bundle", None, Some(archive), "lost-host", why)?;
            outcome.abandoned += 1;
        }
    }
    Ok(outcome)
}
