//! Who works on what, what moves, and what is told of it.

pub(super) const WORK: (&str, &str) = (
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
);

pub(super) const MOVES: (&str, &str) = (
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
);

pub(super) const ALERTS: (&str, &str) = (
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
);
