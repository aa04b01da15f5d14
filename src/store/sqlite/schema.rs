//! The schema, as numbered steps that only go forward. Each step runs in a transaction with its own number.

use rusqlite::{Connection, TransactionBehavior, params};

use super::db::Db;
use crate::base::Time;
use crate::store::StoreError;

/// Marks a database as firn's: `PRAGMA application_id`, "firn" in ASCII.
pub(super) const APPLICATION_ID: i64 = 0x6669_726e;

/// Steps in order; a step's number is its place, from 1.
pub(super) const STEPS: &[(&str, &str)] = &[
    (
        "files and their queue",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
         INSERT INTO meta (key, value) VALUES ('time_high', 0);

         CREATE TABLE source (
             id INTEGER PRIMARY KEY,
             name TEXT NOT NULL UNIQUE,
             kind TEXT NOT NULL,
             device INTEGER,
             files_present INTEGER,
             scan_started INTEGER,
             scanned INTEGER,
             scanned_by INTEGER
         );

         CREATE TABLE file (
             id INTEGER PRIMARY KEY,
             source INTEGER NOT NULL,
             version BLOB NOT NULL,
             key BLOB NOT NULL,
             domain TEXT,
             class TEXT,
             length INTEGER NOT NULL,
             mode INTEGER NOT NULL,
             mtime_s INTEGER NOT NULL,
             mtime_ns INTEGER NOT NULL,
             devcount INTEGER,
             source_checksum TEXT,
             md5 BLOB,
             sha256 BLOB,
             first_seen INTEGER NOT NULL,
             superseded_at INTEGER,
             gone_at INTEGER
         );
         -- By the key itself, however long, not by a hash of it: files are found, looked up and restored in the order of
         -- their keys, and then lie side by side here.
         CREATE UNIQUE INDEX file_version ON file (source, key, version);
         -- Holds the row's number too: a source's current files in order, whatever else the table has.
         CREATE INDEX file_current ON file (source) WHERE superseded_at IS NULL AND gone_at IS NULL;

         -- lane: 0 live, 1 history. state: see QueueState.
         CREATE TABLE queue (
             file INTEGER PRIMARY KEY,
             lane INTEGER NOT NULL,
             state INTEGER NOT NULL,
             attempts INTEGER NOT NULL,
             queued_at INTEGER NOT NULL,
             next_try INTEGER NOT NULL,
             owner INTEGER,
             generation INTEGER NOT NULL,
             archive INTEGER
         );
         CREATE INDEX queue_claim ON queue (lane, state, next_try, file);",
    ),
    (
        "archives",
        "-- state: see ArchiveState. live: 1 while something is still to be done, else NULL.
         CREATE TABLE archive (
             id INTEGER PRIMARY KEY,
             uuid BLOB NOT NULL UNIQUE,
             vault TEXT NOT NULL,
             region TEXT,
             remote_id BLOB,
             lane INTEGER NOT NULL,
             state INTEGER NOT NULL,
             live INTEGER,
             owner INTEGER,
             generation INTEGER NOT NULL,
             host TEXT NOT NULL,
             staging_dir BLOB,
             staging_name TEXT,
             direct_file INTEGER,
             upload_id BLOB,
             part_size INTEGER,
             closed_by INTEGER,
             size INTEGER,
             files INTEGER,
             manifest_offset INTEGER,
             tree_hash BLOB,
             sha256 BLOB,
             check_kind TEXT,
             check_value BLOB,
             confirmed_kind TEXT,
             confirmed_value BLOB,
             attempts INTEGER NOT NULL DEFAULT 0,
             next_try INTEGER,
             note TEXT,
             opened_at INTEGER NOT NULL,
             sealed_at INTEGER,
             uploading_at INTEGER,
             unknown_since INTEGER,
             repeated INTEGER,
             stored_at INTEGER,
             verified_at INTEGER,
             verified_how TEXT
         );
         CREATE INDEX archive_live ON archive (state, lane, next_try, id) WHERE live = 1;

         CREATE TABLE member (
             archive INTEGER NOT NULL,
             header_offset INTEGER NOT NULL,
             file INTEGER NOT NULL,
             data_offset INTEGER NOT NULL,
             length INTEGER NOT NULL,
             PRIMARY KEY (archive, header_offset)
         ) WITHOUT ROWID;
         CREATE INDEX member_file ON member (file);

         CREATE TABLE part (
             archive INTEGER NOT NULL,
             number INTEGER NOT NULL,
             size INTEGER NOT NULL,
             tree_hash BLOB NOT NULL,
             etag BLOB,
             PRIMARY KEY (archive, number)
         ) WITHOUT ROWID;

         CREATE TABLE failure (
             id INTEGER PRIMARY KEY,
             at INTEGER NOT NULL,
             stage TEXT NOT NULL,
             file INTEGER,
             archive INTEGER,
             reason TEXT NOT NULL,
             detail TEXT NOT NULL
         );
         CREATE INDEX failure_file ON failure (file) WHERE file IS NOT NULL;

         -- made_at is NULL while the identity is being written into the vault.
         CREATE TABLE vault (name TEXT PRIMARY KEY, uuid BLOB NOT NULL, made_at INTEGER) WITHOUT ROWID;",
    ),
    (
        "workers, duties, orders, findings",
        "-- AUTOINCREMENT: a session's number is never used twice, so it fences late writers.
         CREATE TABLE worker (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             host TEXT NOT NULL,
             machine_id TEXT NOT NULL,
             boot_id TEXT NOT NULL,
             pid_namespace TEXT NOT NULL,
             pid INTEGER NOT NULL,
             pid_start INTEGER NOT NULL,
             kinds TEXT NOT NULL,
             started INTEGER NOT NULL,
             last_seen INTEGER NOT NULL,
             lease_until INTEGER NOT NULL,
             ended_at INTEGER,
             doing TEXT NOT NULL DEFAULT ''
         );
         CREATE INDEX worker_open ON worker (id) WHERE ended_at IS NULL;

         CREATE TABLE duty (
             name TEXT PRIMARY KEY,
             owner INTEGER,
             generation INTEGER NOT NULL,
             last_run INTEGER,
             next_run INTEGER,
             result TEXT
         ) WITHOUT ROWID;

         CREATE TABLE command (
             host TEXT NOT NULL,
             pool TEXT NOT NULL,
             size INTEGER,
             paused INTEGER NOT NULL,
             drain INTEGER NOT NULL,
             generation INTEGER NOT NULL,
             who TEXT NOT NULL,
             at INTEGER NOT NULL,
             until INTEGER,
             applied INTEGER,
             result TEXT,
             PRIMARY KEY (host, pool)
         ) WITHOUT ROWID;

         CREATE TABLE notice (
             rule TEXT NOT NULL,
             object TEXT NOT NULL,
             scope TEXT NOT NULL,
             severity INTEGER NOT NULL,
             worst INTEGER NOT NULL,
             value TEXT NOT NULL,
             limit_text TEXT NOT NULL,
             since INTEGER NOT NULL,
             seen_at INTEGER NOT NULL,
             next_step TEXT NOT NULL,
             ack_until INTEGER,
             last_sent INTEGER,
             PRIMARY KEY (rule, object)
         ) WITHOUT ROWID;
         CREATE INDEX notice_scope ON notice (scope);

         -- writer 0 is the sum of all that have ended.
         CREATE TABLE tally (
             writer INTEGER NOT NULL,
             vault TEXT NOT NULL,
             lane INTEGER NOT NULL,
             queued_files INTEGER NOT NULL DEFAULT 0,
             queued_bytes INTEGER NOT NULL DEFAULT 0,
             left_files INTEGER NOT NULL DEFAULT 0,
             left_bytes INTEGER NOT NULL DEFAULT 0,
             stored_files INTEGER NOT NULL DEFAULT 0,
             stored_bytes INTEGER NOT NULL DEFAULT 0,
             archives INTEGER NOT NULL DEFAULT 0,
             archive_bytes INTEGER NOT NULL DEFAULT 0,
             PRIMARY KEY (writer, vault, lane)
         ) WITHOUT ROWID;

         CREATE TABLE event (
             id INTEGER PRIMARY KEY,
             at INTEGER NOT NULL,
             who TEXT NOT NULL,
             what TEXT NOT NULL,
             object TEXT NOT NULL,
             detail TEXT NOT NULL,
             outcome TEXT NOT NULL
         );",
    ),
    (
        "what moves, and what details are looked up by",
        "-- bucket: whole spans of ten seconds since 1970 UTC. Kept for two hours.
         CREATE TABLE flow (
             bucket INTEGER NOT NULL,
             lane INTEGER NOT NULL,
             found_files INTEGER NOT NULL,
             found_bytes INTEGER NOT NULL,
             stored_files INTEGER NOT NULL,
             stored_bytes INTEGER NOT NULL,
             archives INTEGER NOT NULL,
             archive_bytes INTEGER NOT NULL,
             PRIMARY KEY (bucket, lane)
         ) WITHOUT ROWID;
         -- Live archives in the order they were stored: how long files take is told by the newest.
         CREATE INDEX archive_latest ON archive (stored_at) WHERE lane = 0 AND state = 3;
         CREATE INDEX failure_archive ON failure (archive) WHERE archive IS NOT NULL;
         CREATE INDEX worker_ended ON worker (ended_at) WHERE ended_at IS NOT NULL;",
    ),
    (
        "restores",
        "-- state: see PlanState. live: 1 until it has ended or was cancelled, else NULL. AUTOINCREMENT: a plan's number is
         -- never given to another one, whatever was removed.
         CREATE TABLE plan (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             state INTEGER NOT NULL,
             live INTEGER,
             title TEXT NOT NULL,
             made_by TEXT NOT NULL,
             made_at INTEGER NOT NULL,
             host TEXT NOT NULL,
             vault TEXT NOT NULL,
             supplement_of INTEGER,
             tier TEXT,
             tariff TEXT,
             tariff_hash BLOB,
             hash BLOB,
             files INTEGER NOT NULL DEFAULT 0,
             bytes INTEGER NOT NULL DEFAULT 0,
             impossible INTEGER NOT NULL DEFAULT 0,
             overwrites INTEGER NOT NULL DEFAULT 0,
             archives INTEGER NOT NULL DEFAULT 0,
             jobs INTEGER NOT NULL DEFAULT 0,
             joined INTEGER NOT NULL DEFAULT 0,
             asked_bytes INTEGER NOT NULL DEFAULT 0,
             read_bytes INTEGER NOT NULL DEFAULT 0,
             price INTEGER NOT NULL DEFAULT 0,
             sure INTEGER NOT NULL DEFAULT 0,
             ceiling INTEGER NOT NULL DEFAULT 0,
             risks TEXT NOT NULL DEFAULT '[]',
             seconds_from INTEGER,
             seconds_to INTEGER,
             confirmed_by TEXT,
             confirmed_at INTEGER,
             ended_at INTEGER,
             spent INTEGER NOT NULL DEFAULT 0,
             delivered INTEGER NOT NULL DEFAULT 0,
             there INTEGER NOT NULL DEFAULT 0,
             delivered_bytes INTEGER NOT NULL DEFAULT 0,
             failed INTEGER NOT NULL DEFAULT 0,
             parts_left INTEGER NOT NULL DEFAULT 0,
             parts_stopped INTEGER NOT NULL DEFAULT 0,
             -- Grows with each pricing: parts and totals of one are not mixed with those of another.
             pricing INTEGER NOT NULL DEFAULT 0,
             -- What its ceiling was raised by to make jobs faster; what of that is not spent yet, and for nothing else.
             raised INTEGER NOT NULL DEFAULT 0,
             held INTEGER NOT NULL DEFAULT 0
         );
         CREATE INDEX plan_live ON plan (state, made_at) WHERE live = 1;
         CREATE INDEX plan_shown ON plan (id) WHERE state <> 5;

         CREATE TABLE dest (
             id INTEGER PRIMARY KEY,
             plan INTEGER NOT NULL,
             kind TEXT NOT NULL,
             place BLOB NOT NULL,
             UNIQUE (plan, kind, place)
         );

         -- need and range are NULL where no job is needed. live: 1 while its plan runs and it is not at its end.
         -- host and not_before: from the confirmation on.
         CREATE TABLE plan_part (
             plan INTEGER NOT NULL,
             archive INTEGER NOT NULL,
             state INTEGER NOT NULL,
             live INTEGER,
             host TEXT,
             need_start INTEGER,
             need_end INTEGER,
             range_start INTEGER,
             range_end INTEGER,
             files INTEGER NOT NULL,
             bytes INTEGER NOT NULL,
             read_bytes INTEGER NOT NULL,
             price INTEGER NOT NULL,
             full_price INTEGER NOT NULL,
             egress INTEGER NOT NULL,
             joins INTEGER,
             day INTEGER NOT NULL,
             not_before INTEGER,
             retrieval INTEGER,
             asked_times INTEGER NOT NULL DEFAULT 0,
             owner INTEGER,
             generation INTEGER NOT NULL DEFAULT 0,
             attempts INTEGER NOT NULL DEFAULT 0,
             reason TEXT,
             PRIMARY KEY (plan, archive)
         ) WITHOUT ROWID;
         -- What is to be asked for; what a host can deliver, of all plans or of one.
         CREATE INDEX plan_part_ask ON plan_part (not_before, plan, archive) WHERE live = 1 AND state = 0;
         CREATE INDEX plan_part_ready ON plan_part (host, not_before, plan, archive)
             WHERE live = 1 AND state = 2 AND owner IS NULL;
         CREATE INDEX plan_part_ready_of ON plan_part (plan, not_before, archive)
             WHERE live = 1 AND state = 2 AND owner IS NULL;
         CREATE INDEX plan_part_job ON plan_part (retrieval) WHERE live = 1;
         CREATE INDEX plan_part_held ON plan_part (plan, archive) WHERE live = 1 AND attempts > 0;
         CREATE INDEX plan_part_owner ON plan_part (owner) WHERE owner IS NOT NULL;

         -- archive 0: no vault has it. state: see RestoreState.
         CREATE TABLE restore (
             plan INTEGER NOT NULL,
             archive INTEGER NOT NULL,
             data_offset INTEGER NOT NULL,
             n INTEGER NOT NULL,
             file INTEGER,
             name BLOB,
             source INTEGER,
             as_of INTEGER,
             length INTEGER NOT NULL,
             dest INTEGER NOT NULL,
             target BLOB NOT NULL,
             overwrite INTEGER NOT NULL,
             state INTEGER NOT NULL,
             reason TEXT,
             done_at INTEGER,
             PRIMARY KEY (plan, archive, data_offset, n)
         ) WITHOUT ROWID;
         -- Two files of a plan do not go to one place; one that no vault has goes nowhere.
         CREATE UNIQUE INDEX restore_target ON restore (plan, dest, target) WHERE archive > 0;
         CREATE INDEX restore_wrong ON restore (plan, archive, data_offset, n) WHERE state IN (3, 4);

         CREATE TABLE retrieval (
             id INTEGER PRIMARY KEY,
             uuid BLOB NOT NULL UNIQUE,
             vault TEXT NOT NULL,
             archive INTEGER NOT NULL,
             range_start INTEGER NOT NULL,
             range_end INTEGER NOT NULL,
             tier TEXT,
             plan INTEGER,
             state INTEGER NOT NULL,
             live INTEGER,
             job_id BLOB,
             price INTEGER NOT NULL,
             asked_at INTEGER NOT NULL,
             ready_at INTEGER,
             expires_at INTEGER,
             next_look INTEGER NOT NULL,
             note TEXT,
             -- By when it should be readable, where it was made faster.
             due INTEGER,
             -- A tier that it is to be made faster to, which plan pays what for that, since when a request for it may have
             -- reached the vault (NULL: none has), how often it was asked, when it is next; what the vault last said.
             faster TEXT,
             faster_plan INTEGER,
             faster_price INTEGER,
             faster_asked INTEGER,
             faster_tries INTEGER,
             faster_next INTEGER,
             faster_note TEXT
         );
         CREATE INDEX retrieval_faster ON retrieval (faster_next, id) WHERE faster IS NOT NULL;
         CREATE INDEX retrieval_archive ON retrieval (archive) WHERE live = 1;
         CREATE INDEX retrieval_look ON retrieval (next_look) WHERE live = 1;
         CREATE INDEX retrieval_live ON retrieval (id) WHERE live = 1;
         CREATE INDEX retrieval_refused ON retrieval (archive, plan) WHERE live IS NULL AND job_id IS NULL;

         -- What vaults took, in the order they took it.
         CREATE INDEX archive_stored ON archive (stored_at, id) WHERE state IN (3, 6);

         -- What happened to one plan, of all that happened.
         CREATE INDEX event_object ON event (object, id);

         -- day: whole days since 1970 UTC. What is reserved for a plan that has ended counts no more.
         CREATE TABLE ledger (
             spender TEXT NOT NULL,
             day INTEGER NOT NULL,
             plan INTEGER NOT NULL,
             reserved INTEGER NOT NULL,
             spent INTEGER NOT NULL,
             open INTEGER NOT NULL,
             PRIMARY KEY (spender, day, plan)
         ) WITHOUT ROWID;
         CREATE INDEX ledger_plan ON ledger (plan, day);
         CREATE INDEX ledger_open ON ledger (spender, day) WHERE open = 1;",
    ),
    (
        "alerts",
        "-- How often each finding came, went and changed its severity; kept beyond its end.
         CREATE TABLE turn (
             rule TEXT NOT NULL,
             object TEXT NOT NULL,
             severity INTEGER NOT NULL,
             value TEXT NOT NULL,
             since INTEGER NOT NULL,
             changes INTEGER NOT NULL,
             first_at INTEGER NOT NULL,
             changed_at INTEGER NOT NULL,
             ack_until INTEGER,
             PRIMARY KEY (rule, object)
         ) WITHOUT ROWID;
         CREATE INDEX turn_changed ON turn (changed_at);

         -- What a sender last told of a finding. open: 1 told to hold, 0 told to be over.
         CREATE TABLE told (
             sender TEXT NOT NULL,
             rule TEXT NOT NULL,
             object TEXT NOT NULL,
             severity INTEGER NOT NULL,
             open INTEGER NOT NULL,
             at INTEGER NOT NULL,
             critical_at INTEGER,
             changes INTEGER NOT NULL,
             PRIMARY KEY (sender, rule, object)
         ) WITHOUT ROWID;

         CREATE TABLE teller (
             sender TEXT PRIMARY KEY,
             since INTEGER NOT NULL,
             last_sent INTEGER,
             last_made INTEGER,
             broke INTEGER NOT NULL DEFAULT 0,
             failures INTEGER NOT NULL DEFAULT 0,
             failing_since INTEGER,
             error TEXT,
             next_try INTEGER
         ) WITHOUT ROWID;

         -- The one message a sender has on its way, and what it tells.
         CREATE TABLE sending (
             sender TEXT PRIMARY KEY,
             id TEXT NOT NULL,
             made_at INTEGER NOT NULL,
             broke INTEGER NOT NULL,
             subject TEXT NOT NULL,
             text TEXT NOT NULL,
             json TEXT NOT NULL,
             tries INTEGER NOT NULL
         ) WITHOUT ROWID;
         CREATE TABLE telling (
             sender TEXT NOT NULL,
             rule TEXT NOT NULL,
             object TEXT NOT NULL,
             severity INTEGER NOT NULL,
             open INTEGER NOT NULL,
             critical INTEGER NOT NULL,
             changes INTEGER NOT NULL,
             PRIMARY KEY (sender, rule, object)
         ) WITHOUT ROWID;",
    ),
    (
        "what restores did not deliver",
        "-- By when it ended: what is told of. A supplement takes up what another plan left.
         CREATE INDEX plan_failed ON plan (ended_at) WHERE state = 3 AND failed > 0;
         CREATE INDEX plan_supplement ON plan (supplement_of) WHERE supplement_of IS NOT NULL;",
    ),
    (
        "delayed replicas",
        "-- What has samples or a verdict. A number, as samples are many. oldest: no sample is older.
         CREATE TABLE replica (
             id INTEGER PRIMARY KEY,
             name TEXT NOT NULL UNIQUE,
             oldest INTEGER
         );
         CREATE INDEX replica_oldest ON replica (oldest) WHERE oldest IS NOT NULL;

         -- delay: microseconds; NULL: nothing was seen.
         CREATE TABLE sample (
             replica INTEGER NOT NULL,
             at INTEGER NOT NULL,
             delay INTEGER,
             severity INTEGER NOT NULL,
             PRIMARY KEY (replica, at)
         ) WITHOUT ROWID;

         -- at: of the judgement; written: of the transaction.
         CREATE TABLE judge (
             replica INTEGER PRIMARY KEY,
             at INTEGER NOT NULL,
             written INTEGER NOT NULL,
             session INTEGER NOT NULL,
             severity INTEGER NOT NULL,
             rule INTEGER NOT NULL,
             text TEXT NOT NULL,
             state TEXT NOT NULL,
             spark TEXT NOT NULL
         );
         CREATE INDEX judge_written ON judge (written);

         -- made_at: when it was entered, whenever it began. AUTOINCREMENT: who ends a job by its number ends that one.
         CREATE TABLE window (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             replica TEXT NOT NULL,
             class TEXT NOT NULL,
             start INTEGER NOT NULL,
             ended INTEGER,
             made_at INTEGER NOT NULL,
             started_by TEXT NOT NULL,
             ended_by TEXT,
             detail TEXT NOT NULL,
             outcome TEXT
         );
         CREATE UNIQUE INDEX window_open ON window (replica, class) WHERE ended IS NULL;
         CREATE INDEX window_ended ON window (ended) WHERE ended IS NOT NULL;
         CREATE INDEX window_of ON window (replica, ended) WHERE ended IS NOT NULL;
         CREATE INDEX window_last ON window (replica, class, ended) WHERE ended IS NOT NULL;

         CREATE TABLE freeze (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             replica TEXT NOT NULL,
             state TEXT NOT NULL,
             body TEXT NOT NULL,
             revision INTEGER NOT NULL,
             who TEXT NOT NULL,
             started INTEGER NOT NULL,
             changed INTEGER NOT NULL,
             ended INTEGER
         );
         CREATE UNIQUE INDEX freeze_open ON freeze (replica) WHERE ended IS NULL;
         CREATE INDEX freeze_live ON freeze (id) WHERE ended IS NULL;
         CREATE INDEX freeze_of ON freeze (replica, id);
         CREATE INDEX freeze_ended ON freeze (ended) WHERE ended IS NOT NULL;",
    ),
];

fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// Refuses a schema that has grown beyond this build since it was opened.
pub(super) fn check(db: &Db<'_>) -> Result<(), StoreError> {
    let found = db.one("SELECT max(number) FROM migration", [], |row| row.get::<_, i64>(0))?.unwrap_or(0);
    if found > known() {
        Err(StoreError::Newer { place: db.place().to_owned(), found, known: known() })
    } else {
        Ok(())
    }
}

/// Brings the schema up to date; a newer one than this build knows is refused. `place` is for the error.
pub(super) fn migrate(db: &mut Connection, place: &str, now: Time) -> Result<(), StoreError> {
    let failed = |e: rusqlite::Error| super::translate(place, &e);
    let known = known();
    loop {
        // Under the write lock, so that two processes that start together take turns.
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)",
        )
        .map_err(failed)?;
        let found: i64 =
            tx.query_row("SELECT coalesce(max(number), 0) FROM migration", [], |row| row.get(0)).map_err(failed)?;
        if found > known {
            return Err(StoreError::Newer { place: place.to_owned(), found, known });
        }
        let Some((name, sql)) = usize::try_from(found).ok().and_then(|done| STEPS.get(done)) else {
            return Ok(());
        };
        tx.execute_batch(sql).map_err(failed)?;
        tx.execute(
            "INSERT INTO migration (number, name, applied_at) VALUES (?, ?, ?)",
            params![found + 1, name, now.as_micros()],
        )
        .map_err(failed)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        crate::base::faults::step("commit of a migration");
        tx.commit().map_err(failed)?;
    }
}
