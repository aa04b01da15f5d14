//! Files and the archives they are in.

pub(super) const FILES: (&str, &str) = (
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
);

pub(super) const ARCHIVES: (&str, &str) = (
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
);
