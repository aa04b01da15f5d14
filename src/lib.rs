//! firn keeps a large site's only copies safe: files are read from their source, bundled into plain tar archives, put
//! into a vault of cold storage that confirms what it holds by a hash of its own, and given back.
//!
//! This page is the map of the house.
//!
//! # Rooms
//!
//! | room | what it is for | may know |
//! | --- | --- | --- |
//! | [`base`] | words every room uses: ids, time and clock, tasks, units, hashes, findings, escaping, durable file calls | nobody |
//! | [`log`] | the log of a process that owns a terminal: a ring in memory, and files that roll over | `base` |
//! | [`config`] | the file, its layers (flag over environment over file over default), validation, the template | `base` |
//! | [`store`] | the state database, the truth about work: a trait of named operations, and SQLite behind it | `base` |
//! | [`source`] | where files come from: a trait, and the directory (scan, watch, read) | `base` |
//! | [`vault`] | cold storage: a trait (its contract), the tree hash, the directory, an acted Glacier ([`vault::fake`]) | `base` |
//! | [`worker`] | pools, leases, the supervisor: what areas run on | `base`, `store` |
//! | [`retrieval`] | jobs at a vault: asked for, joined, heard of, watched | `base`, `store`, `vault`, `worker` |
//! | [`backup`] | scan → fetch → bundle → upload → settle; how all of it stands ([`backup::snapshot`]) | `base`, `store`, `source`, `vault`, `worker` |
//! | [`restore`] | requests, plans and their price, delivery | `base`, `store`, `source`, `vault`, `worker`, `retrieval` |
//! | [`delay`] | deliberately delayed replicas: looked at, judged by their trend, stopped in an emergency | `base`, `store`, `worker` |
//! | [`redis`] | redis clusters: probed, merged, judged in words; the transaction benchmark | `base`, `store`, `worker` |
//! | [`alert`] | what is wrong becomes messages that are sent: what is told and when; mail, command, ping | `base`, `store`, `worker` |
//! | [`demo`] | a make-believe site: scenarios, a source made of nothing, and who moves its clock | the above but `log` and `restore` |
//! | [`services`] | the composition root: a configuration, or a demo, becomes live objects | the above but `log` |
//! | [`console`] | the interactive console; its own page is its map | `services` and the areas' reports; no source, no vault, no demo |
//! | [`cli`] | the command line, a file a command; text and JSON reports | `console`, `services` and the areas' reports |
//!
//! `main` parses and leaves. A test (`tests/layering.rs`) reads every path of the code and fails, with file and line, on
//! an arrow that points up. Areas do not know each other; what two need sinks lower.
//!
//! Every area has pure files that decide (values in, values out, time a parameter) and thin files that touch the world.
//!
//! # How a file becomes safe
//!
//! 1. A scan or the watch finds a path. [`source`] makes it a [`base::file::FoundFile`]: key (bytes), version (size,
//!    mtime, ctime, inode), mode. [`store`] enters it as a row of `file` and of `queue`, in the lane `history` (first scan)
//!    or `live` (everything found later). A version that only waits is replaced in place; one that is archived stays.
//! 2. The dispatcher of its lane claims it under this process's lease (`worker` row) with a generation, and hands it to
//!    the fetch pool. Small files come in batches, read whole into one pooled buffer; larger ones are streamed; a file
//!    larger than half the staging budget goes straight to the vault in parts. It is read once: SHA-256, MD5 where it is
//!    compared, the tar, the leaves of the tree hash and the vault's check value come from the same bytes.
//! 3. The lane's one writer appends it to the open bundle ([`backup::bundle`]): pax records that name it, its bytes,
//!    padding. What was read short, changed or failed is cut back off, and costs the others nothing.
//! 4. At its size or age the bundle is closed: manifest, fsync of the file, fsync of the folder, and then the transaction
//!    that makes it `sealed` and its files `bundled`.
//! 5. The uploader claims it: `uploading` is committed before the first byte leaves. The vault writes it, syncs it, reads
//!    it back, hashes what it read, and only then gives it its final name. Equal to ours: one transaction makes the
//!    archive `stored` and takes its files from the queue. Anything else: the files are queued again.
//! 6. A process that dies is known by its identity (boot, pid, start time) on its own host, or by its lease elsewhere.
//!    Who finds it gives back what it was fetching, drops what it had not sealed, and asks the vault about what it was
//!    uploading.
//!
//! # How a file comes back
//!
//! 1. What is asked for is a line ([`restore::ask`]), wherever it was written. Held against the catalog a page at a time, it
//!    gets a verdict; what can be is entered into a draft ([`restore::plan`]): a row a file, whatever their number.
//! 2. The draft is priced archive by archive ([`restore::price`], by a tariff of [`vault::tariff`]): the range to ask for, what
//!    is joined, what is read, in every tier. In the tier that was chosen it is saved and hashed. Confirming it is one
//!    compare-and-set that sets its ceiling aside in the ledger.
//! 3. The holder of the duty `retrieval` ([`retrieval::room`]) asks the vault for what running plans need: the job is in the
//!    state before the request leaves, under a name that goes into its description, so that one whose reply was lost is
//!    found again. Money is spent in that transaction, under the ceiling. What runs is made faster the same way
//!    ([`retrieval::hurry`]), where the vault can: the ceiling is raised by what that costs.
//! 4. When a job can be read, a delivery slot of the plan's host claims the part ([`restore::parts`]): members are read in
//!    order, hashed, written under names of firn's, synced by the batch, named, and told to the state after the next sync.
//!
//! # How data flow to the screen
//!
//! Workers write what they do into the state, and nowhere else. Every two seconds [`backup::snapshot::gather()`] reads it
//! back in one transaction; [`backup::snapshot::rates`] computes every rate, percentile and remaining time from timestamps
//! and counts of rows. The one [`backup::snapshot::Snapshot`] is what the Backup tab draws, and what `firn status` and
//! `firn queue` print: they cannot say different things. So a console shows the workers of every process, its own
//! among them, and one that runs no workers shows the same.
//!
//! In the console it is a [`console::msg::Msg`] like a key, a tick or an answer. [`console::update`] changes the model and
//! yields effects, [`console::draw`] makes cells of the model, [`console::run`] carries effects out beside the loop. What
//! an operator orders of a pool is a row of the state, too: asked for, taken by the workers it is meant for, applied, and
//! each of them shown.
//!
//! What runs beside its caller is started through [`base::task`]. In the demo it thereby belongs to a [`base::world`]
//! whose tasks take turns, and whose clock moves only while all of them are at rest: the real pipeline, and the same each
//! time.
//!
//! # Rules that hold everywhere
//!
//! - The state database is the truth about work; memory is a cache of it. A transition is one transaction, names the
//!   generation it was made under, and changes no row under an older one.
//! - [`store::Store::now`] is the clock of leases, tries and duties. It never goes back.
//! - Whatever is many is read by pages with a key; no command and no worker loads a table.
//! - What holds now is written whole each round as findings ([`base::finding`]); raised and cleared is the difference.
//! - Names are bytes until they are shown, and shown through [`base::escape`] alone.
//! - Trouble with the state ends the pipeline; the supervisor starts it anew, as after a crash. So there is one way
//!   to pick up work, and it is the tested one.
//!
//! # Where this house departs from its first plan
//!
//! - A lease belongs to a process (a row of `worker`), not to each row of the queue: renewing ten thousand claims is one
//!   small write. Rows carry owner and generation.
//! - A file that is gone from its source leaves the queue; `file.gone_at` says so. Its archives stay restorable.
//! - The directory vault confirms by XXH3-128 of what it reads back after fsync: what it must catch is a disk, not a
//!   forger. Every file has its SHA-256 in state and manifest, every archive its SHA-256 tree hash; the plain
//!   SHA-256 of an archive is computed where a vault asks for it ([`base::hash::CheckKind`]).
//! - `worker` lies below the areas: they run on its pools and leases. What it supervises is handed to it.
//! - Not kept: owners, groups, setuid and setgid bits, extended attributes, symlinks, sockets, fifos, devices, empty
//!   folders. A scan names the first of each kind of what is no regular file; hard links are stored once for each name.
//! - SQLite's index of file versions is over source, key and version themselves: neighbouring keys lie together, and a
//!   key hash is not needed to hold a key of any length.
//! - Tables enter the schema with the work that uses them.
//! - The console reads its terminal itself ([`console::term`]) instead of by crossterm's event stream. Crossterm writes.
//! - What moves is counted into buckets of ten seconds (the table `flow`, kept for two hours) in the transaction that moves
//!   it: rates are read from a few hundred rows, not from those of all files.
//! - The console's log files are written by [`log`] itself: one line an event for ring and file, escaped once; a file a
//!   day, a week of them.
//! - The demo's tasks run in a world of turns ([`base::world`]): a paused clock alone does not make the order of tasks on
//!   several threads the same each time.
//!
//! # How it is tested
//!
//! Pure parts by tables and properties; the store against a model with random operations; vaults by one contract suite
//! that must catch a vault which lies; the binary end to end on real folders; and a test build (feature `faults`, see
//! [`base::faults`]) that aborts before every durable step, with and without what a power cut takes. The console by its
//! screens, cell by cell, and as a process in a pseudo-terminal; the demo by playing it twice on different numbers of
//! threads. A test reads README, too: its keys, settings, commands and files are those of the code.
#![forbid(unsafe_code)]

pub mod alert;
pub mod backup;
pub mod base;
pub mod cli;
pub mod config;
pub mod console;
pub mod delay;
pub mod demo;
pub mod log;
pub mod redis;
pub mod restore;
pub mod retrieval;
pub mod services;
pub mod source;
pub mod store;
pub mod vault;
pub mod worker;
