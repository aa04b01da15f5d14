//! What restores cost does not grow with what was restored: plans, parts, files and jobs of the past, in steps of
//! SQLite's machine.

use std::sync::Arc;
use std::time::Duration;

use firn::base::Time;
use firn::base::clock::{Clock, Hand};
use firn::base::ids::{PlanId, SessionId};
use firn::store::sqlite::SqliteStore;
use firn::store::{Confirmed, Heard, JobAsked, Look, PartEnd, Store};
use rusqlite::{Connection, params};

use crate::planned::{Stored, all, at_hand, confirm, delivered, failed, held, job, usd};
use crate::world::{Engine, START, VAULT, World, host_key};

/// One store, however often it is opened.
struct Counted {
    store: Arc<SqliteStore>,
    hand: Hand,
}

impl Engine for Counted {
    fn open(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    fn advance(&self, span: Duration) {
        self.hand.advance(span);
    }

    fn set_wall(&self, wall: Time) {
        self.hand.set_wall(wall);
    }
}

/// A state with a past of so many plans, each with its archive, part, file, job and money, as many drafts that were
/// dropped, and as many parts of the running plan that are done.
struct State {
    w: World,
    store: Arc<SqliteStore>,
    session: SessionId,
    running: PlanId,
    other: PlanId,
    stored: Vec<Stored>,
    steps: Vec<(&'static str, u64)>,
    _dir: tempfile::TempDir,
}

const LOOK: Look = Look {
    archives: 10,
    failed: 10,
    plans: 10,
    flow: Duration::from_hours(2),
    latest: 10,
    latest_within: Duration::from_hours(1),
};

const ROWS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)";

impl State {
    async fn filled(rows: u64) -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let path = dir.path().join("firn.db");
        let (clock, hand) = Clock::manual(START);
        drop(SqliteStore::open(&path, clock.clone(), true).unwrap());
        let raw = Connection::open(&path).unwrap();
        raw.execute_batch("PRAGMA synchronous = OFF; BEGIN").unwrap();
        for sql in [
            "INSERT INTO archive (id, uuid, vault, remote_id, lane, state, generation, host, size, files, opened_at, stored_at)
             SELECT i, randomblob(16), 'cold', x'00', 1, 3, 3, 'alpha', 1000000, 1, 0, 0 FROM n",
            "INSERT INTO plan (id, state, title, made_by, made_at, host, vault, supplement_of, confirmed_by, confirmed_at,
                               ended_at, failed)
             SELECT i, 3, 'old', 'ann', 0, 'alpha-machin', 'cold', nullif(i - 1, 0), 'ann', 0, 0, 1 FROM n",
            "INSERT INTO dest (plan, kind, place) SELECT i, 'folder', x'2f' FROM n",
            "INSERT INTO plan_part (plan, archive, state, host, need_start, need_end, range_start, range_end, files, bytes,
                                    read_bytes, price, full_price, egress, day, not_before, retrieval)
             SELECT i, i, 3, 'alpha-machin', 0, 10, 0, 1048576, 1, 1, 1, 1, 1, 1, 0, 0, i FROM n",
            "INSERT INTO restore (plan, archive, data_offset, n, file, length, dest, target, overwrite, state, done_at)
             SELECT i, i, 0, i, 1, 1, i, CAST(i AS BLOB), 0, 1 + 2 * (i % 2), 0 FROM n",
            "INSERT INTO retrieval (id, uuid, vault, archive, range_start, range_end, tier, plan, state, job_id, price,
                                    asked_at, next_look)
             SELECT i, randomblob(16), 'cold', i, 0, 1048576, 'bulk', i, 4, x'01', 1, 0, 0 FROM n",
            "INSERT INTO ledger (spender, day, plan, reserved, spent, open) SELECT 'restore', -400 + i % 300, i, 2, 1, 0 FROM n",
        ] {
            raw.execute(&format!("{} {sql}", ROWS.replace("?1", &rows.to_string())), []).unwrap();
        }
        raw.execute_batch("COMMIT").unwrap();
        let store = Arc::new(SqliteStore::open(&path, clock, true).unwrap());
        let w = World::new(Box::new(Counted { store: Arc::clone(&store), hand }));
        let session = w.session().await;
        let mut stored = Vec::new();
        for number in 1..=24 {
            stored.push(w.archived(session, number, 4).await);
        }
        let (waiting, ready) = stored.split_at(12);
        let mut plans = Vec::new();
        for host in ["alpha", "beta"] {
            let wishes: Vec<_> = waiting.iter().map(all).chain(ready.iter().map(at_hand)).collect();
            let plan = w.running(host, &wishes, usd(10_000)).await;
            for of in ready {
                assert_eq!(w.ask(session, plan, of, 9999, usd(1)).await, JobAsked::Nothing);
            }
            plans.push(plan);
        }
        let running = plans[0];
        raw.execute_batch("BEGIN").unwrap();
        raw.execute(
            &format!(
                "{ROWS} INSERT INTO plan_part (plan, archive, state, host, files, bytes, read_bytes, price, full_price, egress,
                                               day, not_before)
                 SELECT ?2, i, 3, 'alpha-machin', 1, 1, 1, 1, 1, 1, 0, 0 FROM n"
            ),
            params![rows, running.0],
        )
        .unwrap();
        raw.execute(
            &format!(
                "{ROWS} INSERT INTO restore (plan, archive, data_offset, n, file, length, dest, target, overwrite, state, done_at)
                 SELECT ?2, i, 0, i, 1, 1, (SELECT id FROM dest WHERE plan = ?2), CAST(i AS BLOB), 0, 1, 0 FROM n"
            ),
            params![rows, running.0],
        )
        .unwrap();
        raw.execute(
            &format!(
                "{ROWS} INSERT INTO plan (state, live, title, made_by, made_at, host, vault)
                 SELECT 5, 1, 'dropped', 'ann', i, 'alpha-machin', 'cold' FROM n"
            ),
            params![rows],
        )
        .unwrap();
        raw.execute_batch("COMMIT").unwrap();
        drop(raw);
        for _ in 0..5 {
            w.draft("alpha").await;
        }
        Self { w, store, session, running, other: plans[1], stored, steps: Vec::new(), _dir: dir }
    }

    async fn cost<T>(&mut self, what: &'static str, op: impl AsyncFnOnce(&Self) -> T) -> T {
        let before = self.store.steps();
        let came = op(self).await;
        self.steps.push((what, self.store.steps() - before));
        came
    }

    /// The same operations on every state, each of which finds something to do.
    #[allow(clippy::too_many_lines)] // one after the other
    async fn run(&mut self) {
        let (session, running, alpha) = (self.session, self.running, host_key("alpha"));
        let first = self.stored[0].archive;
        let page = self.cost("plans", async |s| s.w.store.plans(None, 50).await.unwrap()).await;
        assert_eq!(page.len(), 50);
        self.cost("plan", async |s| s.w.plan(running).await).await;
        let before = firn::base::ids::ArchiveId(first.0 - 1);
        let parts =
            self.cost("parts page", async |s| s.w.store.plan_parts_page(running, Some(before), 10).await.unwrap());
        assert_eq!(parts.await.len(), 10);
        let after = Some((before, u64::MAX >> 1, 0));
        let files =
            self.cost("files page", async |s| s.w.store.plan_restores(running, false, after, 10).await.unwrap());
        assert_eq!(files.await.len(), 10);
        let files = self.cost("planned files", async |s| s.w.store.plan_files(running, after, 10).await.unwrap());
        assert_eq!(files.await.len(), 10);
        let due = self.cost("parts to ask", async |s| s.w.store.parts_to_ask(10).await.unwrap()).await;
        assert_eq!(due.len(), 10);
        let asked = self.cost("ask: new", async |s| s.w.ask(session, running, &s.stored[0], 1, usd(10)).await).await;
        assert!(matches!(asked, JobAsked::New(_)));
        let asked = self.cost("ask: joined", async |s| s.w.ask(session, s.other, &s.stored[0], 2, usd(10)).await).await;
        assert!(matches!(asked, JobAsked::Joined(_)));
        let archives: Vec<_> = self.stored.iter().map(|of| of.archive).collect();
        let there =
            self.cost("joinable", async |s| s.w.store.joinable(VAULT.to_owned(), archives, START).await.unwrap());
        assert_eq!(there.await.len(), 1);
        let due = self.cost("jobs due", async |s| s.w.store.retrievals_due(10).await.unwrap()).await;
        assert_eq!(due.len(), 1);
        let jobs = self.cost("jobs", async |s| s.w.store.retrievals(None, 10).await.unwrap()).await;
        assert_eq!(jobs.len(), 1);
        self.cost("job", async |s| s.w.store.retrieval(job(1)).await.unwrap().unwrap()).await;
        let later = self.w.in_secs(100_000).await;
        for (what, heard) in [
            ("heard: taken", Heard::Taken { job_id: vec![1], next_look: later, due: None }),
            ("heard: still", Heard::Still { next_look: later, note: None }),
            ("heard: ready", Heard::Ready { until: Some(later), next_look: later }),
            ("heard: ending", Heard::Ending { next_look: later }),
            ("heard: expired", Heard::Expired),
        ] {
            self.cost(what, async |s| s.w.hear(1, heard).await).await;
        }
        self.cost("ask: again", async |s| s.w.ask(session, running, &s.stored[0], 3, usd(10)).await).await;
        let refused = Heard::Refused { why: "throttled".to_owned(), next_try: later };
        self.cost("heard: refused", async |s| s.w.hear(3, refused).await).await;
        self.cost("ask: one more", async |s| s.w.ask(session, running, &s.stored[1], 4, usd(10)).await).await;
        self.cost("heard: gone", async |s| s.w.hear(4, Heard::Gone("no such archive".to_owned())).await).await;
        assert_eq!(self.cost("wanted", async |s| s.w.store.retrieval_wanted(job(3)).await.unwrap()).await, 0);
        let work = self.cost("claim", async |s| s.w.claim_part(session, "alpha").await.unwrap()).await;
        let claim = self.cost("claim of a plan", async |s| {
            s.w.store.part_claim(session, alpha, Some(running)).await.unwrap().unwrap()
        });
        let second = claim.await;
        let files =
            self.cost("part files", async |s| s.w.store.part_files(running, work.archive, None, 10).await.unwrap());
        let files = files.await;
        assert_eq!(files.len(), 4);
        assert!(self.cost("spend", async |s| s.w.store.part_spend(session, held(&work), usd(1)).await.unwrap()).await);
        let mut outcomes: Vec<_> = files.iter().map(|file| delivered(file.offset, file.n)).collect();
        outcomes[3] = failed(files[3].offset, files[3].n, "no leave");
        self.cost("outcomes", async |s| s.w.store.part_outcomes(session, held(&work), outcomes).await.unwrap()).await;
        self.cost("done", async |s| s.w.store.part_end(session, held(&work), PartEnd::Done).await.unwrap()).await;
        let end = PartEnd::Later { next_try: later, reason: "no room".to_owned(), failed: true };
        self.cost("later", async |s| s.w.store.part_end(session, held(&second), end).await.unwrap()).await;
        assert_eq!(self.cost("parts held", async |s| s.w.store.parts_held(10).await.unwrap()).await.len(), 2);
        assert_eq!(self.cost("plans held", async |s| s.w.store.plans_held(10).await.unwrap()).await.len(), 1);
        assert_eq!(self.cost("held", async |s| s.w.store.plan_held(running).await.unwrap()).await.0, 2);
        assert_eq!(self.cost("tried again", async |s| s.w.store.plan_again(running).await.unwrap()).await, 2);
        let object = format!("plan {running}");
        self.cost("events of a plan", async |s| s.w.store.events_of(object, 10).await.unwrap()).await;
        let taken = self.cost("archives between", async |s| {
            s.w.store.archives_between(START, s.w.in_secs(1).await, None, 10).await.unwrap()
        });
        assert_eq!(taken.await.len(), 10);
        let wrong =
            self.cost("what went wrong", async |s| s.w.store.plan_restores(running, true, None, 10).await.unwrap());
        assert_eq!(wrong.await.len(), 5);
        let left = self.cost("what was not delivered", async |s| s.w.store.plans_undelivered(START, 10).await.unwrap());
        assert_eq!(left.await.iter().map(|plan| plan.id).collect::<Vec<_>>(), [running]);
        self.cost("overview", async |s| s.w.store.overview(LOOK).await.unwrap()).await;
        let work = self.w.claim_part(session, "alpha").await.unwrap();
        let stop = PartEnd::Stopped("no".to_owned());
        self.cost("stop", async |s| s.w.store.part_end(session, held(&work), stop).await.unwrap()).await;
        self.cost("used", async |s| s.w.used().await).await;
        let saved = self.cost("save", async |s| s.w.saved("alpha", &[all(&s.stored[3])], usd(10)).await).await;
        let yes = self.cost("confirm", async |s| s.w.store.plan_confirm(confirm(saved, usd(10))).await.unwrap()).await;
        assert_eq!(yes, Confirmed::Yes);
        self.cost("cancel", async |s| s.w.store.plan_cancel(saved, "ann".to_owned()).await.unwrap()).await;
        assert_eq!(self.cost("prune", async |s| s.w.store.plan_prune(START, 20).await.unwrap()).await, 20);
        let dead = self.w.session().await;
        self.w.claim_part(dead, "alpha").await.unwrap();
        self.cost("a session ends", async |s| s.w.store.session_end(dead).await.unwrap()).await;
    }
}

#[tokio::test]
async fn restores_cost_the_same_with_a_thousand_times_the_past() {
    let (mut small, mut large) = (State::filled(100).await, State::filled(100_000).await);
    small.run().await;
    large.run().await;
    let mut wrong = Vec::new();
    for ((what, few), (_, many)) in small.steps.iter().zip(&large.steps) {
        // Within a tenth.
        if many * 10 > few * 11 || many * 10 < few * 9 || *few == 0 {
            wrong.push(format!("{what}: {few} steps with a past of 100, {many} with one of 100,000"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
