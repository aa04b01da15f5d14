//! Delayed replicas.

pub(super) const REPLICAS: (&str, &str) = (
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
);
