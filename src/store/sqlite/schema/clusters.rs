//! Redis clusters.

pub(super) const CLUSTERS: (&str, &str) = (
    "redis clusters",
    "CREATE TABLE cluster (
         name TEXT PRIMARY KEY,
         written INTEGER NOT NULL,
         session INTEGER NOT NULL,
         body TEXT NOT NULL
     ) WITHOUT ROWID;

     -- node: an address, or nothing for the whole cluster.
     CREATE TABLE silence (
         cluster TEXT NOT NULL,
         node TEXT NOT NULL DEFAULT '',
         since INTEGER NOT NULL,
         until INTEGER NOT NULL,
         who TEXT NOT NULL,
         why TEXT NOT NULL,
         PRIMARY KEY (cluster, node)
     ) WITHOUT ROWID;",
);
