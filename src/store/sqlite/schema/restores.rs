//! Restores.

pub(super) const RESTORES: (&str, &str) = (
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
);

pub(super) const UNDELIVERED: (&str, &str) = (
    "what restores did not deliver",
    "-- By when it ended: what is told of. A supplement takes up what another plan left.
     CREATE INDEX plan_failed ON plan (ended_at) WHERE state = 3 AND failed > 0;
     CREATE INDEX plan_supplement ON plan (supplement_of) WHERE supplement_of IS NOT NULL;",
);
