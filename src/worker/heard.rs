//! Who is heard of. Pure.

use crate::base::{Finding, Severity, Shown, Time};
use crate::store::{RunningPlan, SessionRow};

/// The rule of a finding: a plan runs, and nobody is there who could carry it out.
pub const NOBODY_RESTORES: &str = "restore.none";

/// Plans that run while no process of their host restores: their destinations are folders of that host, so that nobody
/// else can deliver to them.
pub fn nobody_restores(running: &[RunningPlan], sessions: &[SessionRow], now: Time) -> Vec<Finding> {
    let found = |plan: &RunningPlan| {
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
        let since = there.iter().map(|session| session.last_seen).max().unwrap_or(plan.since).max(plan.since);
        let finding = Finding::new(NOBODY_RESTORES, format!("plan {id}"), Severity::Warning, since)
            .value(format!("plan {id} runs and no process that restores is heard of on host {host}"))
            .limit("a restore worker that is heard of on the host of the plan's destinations")
            .next(format!("start one there: firn run, or firn restore --resume {id}"));
        Some(finding)
    };
    running.iter().filter_map(found).collect()
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
            assert!(told.iter().all(|row| row.key.rule == NOBODY_RESTORES && row.severity == Severity::Warning));
            told.into_iter().map(|row| (row.key.object, row.value, row.since, row.next_step)).collect::<Vec<_>>()
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
