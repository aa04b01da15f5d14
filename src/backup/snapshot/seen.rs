//! Findings that only a report can see: nobody is there to write them down, so that they hold for as long as they are seen.

use super::gather::backs_up;
use super::{PoolRow, Worker};
use crate::base::units::Count;
use crate::base::{Severity, Shown, Time};
use crate::store::{LaneState, NoticeRow, RunningPlan, SessionRow};

/// The rule of a finding that only a report can see; nobody is there to write it down.
pub const NOBODY_WORKS: &str = "worker.none";

/// The rule of another: a pool stands still while work for it waits.
pub const POOL_STANDS: &str = "worker.pool";

/// The rule of a third: a plan runs, and nobody is there who could carry it out.
pub const NOBODY_RESTORES: &str = "restore.none";

/// Plans that run while no process of their host restores: their destinations are folders of that host, so that nobody
/// else can deliver to them.
pub(super) fn nobody_restores(running: &[RunningPlan], sessions: &[SessionRow], now: Time) -> Vec<NoticeRow> {
    let row = |plan: &RunningPlan| {
        let id = plan.plan;
        let restores = |session: &&SessionRow| {
            let whole = session.kinds.split(',').any(|kind| kind.trim() == "restore");
            session.process.host_key() == plan.host && (whole || session.kinds == format!("restore plan {id}"))
        };
        let there: Vec<&SessionRow> = sessions.iter().filter(restores).collect();
        if there.iter().any(|session| session.lease_until > now) {
            return None;
        }
        let host = Shown::text(plan.host_name.as_ref().unwrap_or(&plan.host)).to_string();
        Some(NoticeRow {
            rule: NOBODY_RESTORES.to_owned(),
            object: format!("plan {id}"),
            scope: "report".to_owned(),
            severity: Severity::Warning,
            worst: Severity::Warning,
            value: format!("plan {id} runs and no process that restores is heard of on host {host}"),
            limit: "a restore worker that is heard of on the host of the plan's destinations".to_owned(),
            since: there.iter().map(|session| session.last_seen).max().unwrap_or(plan.since).max(plan.since),
            seen_at: now,
            next_step: format!("start one there: firn run, or firn restore --resume {id}"),
            ack_until: None,
        })
    };
    running.iter().filter_map(row).collect()
}

/// Pools that somebody made stand still and that work waits for: a pause is forgotten easily.
pub(super) fn standing_still(pools: &[PoolRow], lanes: &[LaneState], sealed: u64, now: Time) -> Vec<NoticeRow> {
    let files: u64 = lanes.iter().map(|lane| lane.queued).sum();
    let row = |pool: &PoolRow| {
        let waits = match pool.pool.as_str() {
            "fetch" if files > 0 => format!("{} files wait", Count(files)),
            "upload" if sealed > 0 => "bundles wait to be sent".to_owned(),
            _ => return None,
        };
        let order = pool.order.as_ref();
        // The newest order may be another one, not applied yet.
        let order = order.filter(|order| order.paused || order.drain);
        let who = order.map_or_else(String::new, |order| format!(" by {}", Shown::text(&order.who)));
        let (host, name) = (Shown::text(&pool.host), Shown::text(&pool.pool));
        let how = if pool.paused { "paused" } else { "drained" };
        let since = order.map_or(now, |order| order.at);
        Some(NoticeRow {
            rule: POOL_STANDS.to_owned(),
            object: format!("{} {}", pool.host, pool.pool),
            scope: "report".to_owned(),
            severity: Severity::Warning,
            worst: Severity::Warning,
            value: format!("the pool {name} of {host} was {how}{who}, and {waits}"),
            limit: "a pool that works while work waits".to_owned(),
            since,
            seen_at: now,
            next_step: format!("let it work: p on it in the console, or firn pool resume {name} --host {host}"),
            ack_until: None,
        })
    };
    let mut found: Vec<NoticeRow> =
        pools.iter().filter(|pool| pool.alive && (pool.paused || pool.draining)).filter_map(row).collect();
    // Processes of one host obey one order.
    found.sort_by(|a, b| a.object.cmp(&b.object));
    found.dedup_by(|a, b| a.object == b.object);
    found
}

/// Open findings, and what only a report can see: that nobody works.
pub(super) fn findings(mut rows: Vec<NoticeRow>, lanes: &[LaneState], workers: &[Worker], now: Time) -> Vec<NoticeRow> {
    let waiting: u64 = lanes.iter().map(|lane| lane.files).sum();
    let mut backing_up = workers.iter().filter(|worker| backs_up(worker));
    if waiting > 0 && !backing_up.any(|worker| worker.alive) {
        rows.push(NoticeRow {
            rule: NOBODY_WORKS.to_owned(),
            object: "queue".to_owned(),
            scope: "report".to_owned(),
            severity: Severity::Warning,
            worst: Severity::Warning,
            value: format!("{} files wait and no worker runs", Count(waiting)),
            limit: "a worker that is heard of".to_owned(),
            since: workers.iter().filter(|worker| backs_up(worker)).map(|worker| worker.last_seen).max().unwrap_or(now),
            seen_at: now,
            next_step: "start one: firn run".to_owned(),
            ack_until: None,
        });
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.severity));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::ProcessIdentity;
    use crate::base::ids::{PlanId, SessionId};

    #[test]
    fn a_plan_that_nobody_of_its_host_carries_out_is_told() {
        let plan = |id, host: &str, host_name: Option<&str>| RunningPlan {
            plan: PlanId(id),
            host: host.to_owned(),
            host_name: host_name.map(str::to_owned),
            since: Time::from_secs(900),
        };
        let session = |id, host: &str, machine: &str, kinds: &str, lease_until| SessionRow {
            id: SessionId(id),
            process: ProcessIdentity {
                host: host.to_owned(),
                machine_id: machine.to_owned(),
                boot_id: String::new(),
                pid_namespace: String::new(),
                pid: 70,
                pid_start: 1,
            },
            kinds: kinds.to_owned(),
            started: Time::from_secs(1),
            last_seen: Time::from_secs(998),
            lease_until: Time::from_secs(lease_until),
            doing: String::new(),
        };
        let told = |running: &[RunningPlan], sessions: Vec<SessionRow>| {
            let told = nobody_restores(running, &sessions, Time::from_secs(1000));
            assert!(told.iter().all(|row| row.rule == NOBODY_RESTORES && row.severity == Severity::Warning));
            told.into_iter().map(|row| (row.object, row.value, row.since, row.next_step)).collect::<Vec<_>>()
        };
        let finding = |id: i64, host: &str, since: i64| {
            (
                format!("plan {id}"),
                format!("plan {id} runs and no process that restores is heard of on host {host}"),
                Time::from_secs(since),
                format!("start one there: firn run, or firn restore --resume {id}"),
            )
        };
        let plans = [plan(1, "m1", Some("db\u{1b}1")), plan(2, "m1", Some("db\u{1b}1")), plan(3, "m2", None)];
        let all = [finding(1, "db\\x1b1", 900), finding(2, "db\\x1b1", 900), finding(3, "m2", 900)];
        assert_eq!(told(&[], vec![session(1, "a", "m1", "restore", 1001)]), []);
        assert_eq!(told(&plans, Vec::new()), all);
        // Other work there, and restores elsewhere, are of no use to it; nor is one that carries out another plan.
        let others = vec![
            session(1, "db1", "m1", "scan,fetch", 1001),
            session(2, "db3", "m3", "restore", 1001),
            session(3, "db1", "m1", "restore plan 11", 1001),
        ];
        assert_eq!(told(&plans, others), all);
        assert_eq!(told(&plans, vec![session(1, "db1", "m1", "restore", 1001)]), all[2..]);
        assert_eq!(
            told(&plans, vec![session(1, "db1", "m1", "restore plan 2", 1001)]),
            [all[0].clone(), all[2].clone()]
        );
        // One that is not heard of any more is not there; since then.
        let lost = told(&plans[..1], vec![session(1, "db1", "m1", "restore", 1000)]);
        assert_eq!(lost, [finding(1, "db\\x1b1", 998)]);
    }
}
