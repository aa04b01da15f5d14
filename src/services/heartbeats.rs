//! The worker that writes heartbeats. Each server is a duty: of all hosts one writes to it.

use std::sync::Arc;
use std::time::Duration;

use super::delays::WATCHED;
use super::{Services, lines};
use crate::base::ids::SessionId;
use crate::base::units::Span;
use crate::base::{Clock, Finding, Severity, Stop, Time, task};
use crate::config::HeartbeatConfig;
use crate::delay::findings::HEARTBEAT;
use crate::delay::writer::{Told, Writer};
use crate::store::{Store, StoreError, heartbeat_duty};
use crate::worker::session::Lease;
use crate::worker::under::{self, Work};

/// What this worker is called.
pub const KIND: &str = "heartbeat";

/// Between two looks at who writes, and at how it goes.
const LOOK: Duration = Duration::from_secs(5);
/// A heartbeat that fails is told once it has failed for so long: what restarts is back by then …
const TOLD_AFTER: Duration = Duration::from_secs(30);
/// One that is left out since its server is read-only is told after this: a server that is promoted is writable by then …
const LEFT_OUT_AFTER: Duration = Duration::from_mins(10);
/// … and with its newest numbers so often.
const SAID_AGAIN: Duration = Duration::from_mins(1);

impl Services {
    /// Writes heartbeats, under a lease of its own.
    pub(super) async fn write_heartbeats(&self, stop: Stop) -> Result<(), String> {
        let parts = |lease: &Lease, inner: &Stop| -> Vec<Work> {
            // Of several servers the writable one is written to, and the others stand by.
            let alone = self.config.delay.heartbeats.iter().filter(|one| !one.local).count() == 1;
            let all = self.config.delay.heartbeats.iter().map(|config| -> Work {
                let beats = Beats {
                    writer: Arc::new(lines::writer(config, self.clock.clone())),
                    config: config.clone(),
                    needed: alone && !config.local,
                    store: Arc::clone(&self.store),
                    clock: self.clock.clone(),
                    session: lease.session,
                };
                let inner = inner.clone();
                Box::pin(async move { beats.run(inner).await })
            });
            let reaps: Work = Box::pin(under::reap(lease.clone(), self.clock.clone(), inner.clone()));
            all.chain([reaps]).collect()
        };
        under::run(self.under(KIND, WATCHED), stop, parts, std::future::pending()).await.map_err(|e| e.to_string())
    }
}

/// Heartbeats of one server.
struct Beats {
    writer: Arc<Writer>,
    config: HeartbeatConfig,
    /// Whether it is the only one that the delay of others is told by.
    needed: bool,
    store: Arc<dyn Store>,
    clock: Clock,
    session: SessionId,
}

/// A writer that runs; it ends with this.
struct Running(Stop, task::JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop();
        self.1.abort();
    }
}

impl Beats {
    async fn run(self, stop: Stop) -> Result<(), StoreError> {
        let duty = heartbeat_duty(&self.config.name);
        let mut running: Option<Running> = None;
        let mut said = None;
        let mut course = Course::default();
        while !stop.is_stopped() {
            if self.store.duty_take(duty.clone(), self.session).await?.is_some() {
                if running.as_ref().is_some_and(|running| running.1.is_finished()) {
                    tracing::error!(heartbeat = self.config.name, "its writer has fallen over; it is begun anew");
                    running = None;
                }
                running.get_or_insert_with(|| {
                    let (writer, own) = (Arc::clone(&self.writer), Stop::new());
                    let told = own.clone();
                    Running(own, task::spawn(async move { writer.run(&told).await }))
                });
                self.tell(&mut course, &mut said).await?;
            } else if running.take().is_some() {
                tracing::info!(heartbeat = self.config.name, "another process writes it now");
                (said, course) = (None, Course::default());
            }
            tokio::select! {
                biased;
                () = stop.stopped() => {}
                () = self.clock.sleep(LOOK) => {}
            }
        }
        drop(running);
        self.store.duty_release(duty, self.session).await
    }

    /// Writes what is wrong, when that changes, and now and then anew.
    async fn tell(&self, course: &mut Course, said: &mut Option<(Time, Option<Severity>)>) -> Result<(), StoreError> {
        let (now, told) = (self.store.now().await?, self.writer.told());
        let found = course.found(&self.config.name, self.needed, &told, now);
        let bad = found.as_ref().map(|found| found.severity);
        let changed = said.is_none_or(|(_, before)| before != bad);
        if changed || (bad.is_some() && said.is_some_and(|(at, _)| now.since(at) >= SAID_AGAIN)) {
            *said = Some((now, bad));
            self.store.notice_round(heartbeat_duty(&self.config.name), found.into_iter().collect()).await?;
        }
        Ok(())
    }
}

/// How the heartbeats of a server have gone.
#[derive(Debug, Default)]
struct Course {
    /// Since when they fail, and how many had before.
    failing: Option<(Time, u64)>,
    /// Since when they are left out.
    left_out: Option<Time>,
}

impl Course {
    /// What is wrong, if it has been for long enough. Not `needed`: it is a replica's own heartbeat, whose age is judged with
    /// the replica, or that of a server that may stand by for another.
    fn found(&mut self, name: &str, needed: bool, told: &Told, now: Time) -> Option<Finding> {
        if told.error.is_some() {
            let (since, before) = *self.failing.get_or_insert((now, told.failed));
            return (now.since(since) >= TOLD_AFTER).then(|| fails(name, told, since, before));
        }
        self.failing = None;
        if !needed || !told.read_only {
            self.left_out = None;
            return None;
        }
        let since = *self.left_out.get_or_insert(now);
        (now.since(since) >= LEFT_OUT_AFTER).then(|| left_out(name, since, now))
    }
}

/// A heartbeat that is not written: the delay of everything behind it can soon not be told.
fn fails(name: &str, told: &Told, since: Time, before: u64) -> Finding {
    let why = told.error.as_deref().unwrap_or("no reason recorded");
    let failed = told.failed.saturating_sub(before).saturating_add(1);
    Finding::new(HEARTBEAT, name, Severity::Critical, since)
        .value(format!("{failed} heartbeats in a row could not be written: {why}"))
        .limit("a heartbeat each interval: without it no delay can be told")
        .next("mend what the reason names on that server; it goes on by itself")
}

/// A heartbeat that is left out for long, and no other is there.
fn left_out(name: &str, since: Time, now: Time) -> Finding {
    Finding::new(HEARTBEAT, name, Severity::Warning, since)
        .value(format!("no heartbeat was written for {}: the server is read-only", Span(now.since(since))))
        .limit(format!("{} of a server that is read-only", Span(LEFT_OUT_AFTER)))
        .next(
            "if it is the primary: SET GLOBAL read_only = 0 there; if it is a replica: set local = true for its own \
             heartbeat, or take its [[heartbeat]] out and write on the primary",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_only(skipped: u64) -> Told {
        Told { skipped, read_only: true, ..Told::default() }
    }

    #[test]
    fn a_heartbeat_that_is_left_out_for_ten_minutes_is_told_with_its_mend() {
        let start = Time::from_secs(1_795_348_845);
        let at = |secs| start.plus(Duration::from_secs(secs));
        let mut course = Course::default();
        for secs in [0, 5, 599] {
            assert_eq!(course.found("db2", true, &read_only(secs), at(secs)), None, "{secs}");
        }
        let found = course.found("db2", true, &read_only(600), at(600)).unwrap();
        assert_eq!((found.severity, found.since), (Severity::Warning, start));
        assert_eq!(found.value, "no heartbeat was written for 10 min: the server is read-only");
        assert_eq!(
            found.next_step,
            "if it is the primary: SET GLOBAL read_only = 0 there; if it is a replica: set local = true for its own \
             heartbeat, or take its [[heartbeat]] out and write on the primary"
        );
        // A connection that breaks for a moment is no heartbeat; one that is written is.
        let broken = Told { error: Some("gone".to_owned()), failed: 1, ..Told::default() };
        assert_eq!(course.found("db2", true, &broken, at(605)), None);
        assert!(course.found("db2", true, &read_only(601), at(610)).is_some());
        let written = Told { written: 1, ..Told::default() };
        assert_eq!(course.found("db2", true, &written, at(615)), None);
        assert_eq!(course.found("db2", true, &read_only(602), at(1000)), None);
        assert_eq!(course.found("db2", true, &read_only(603), at(1599)), None);
        assert!(course.found("db2", true, &read_only(604), at(1600)).is_some());
    }

    #[test]
    fn a_replicas_own_is_judged_with_the_replica_and_a_standby_stands_by() {
        let start = Time::from_secs(1_795_348_845);
        let mut course = Course::default();
        assert_eq!(course.found("db14", false, &read_only(1), start), None);
        assert_eq!(course.found("db14", false, &read_only(2), start.plus(Duration::from_hours(2))), None);
    }

    #[test]
    fn one_that_fails_for_half_a_minute_is_told_with_how_many() {
        let start = Time::from_secs(1_795_348_845);
        let mut course = Course::default();
        let failing = |failed| Told { failed, error: Some("error 1142: denied".to_owned()), ..Told::default() };
        assert_eq!(course.found("db1", true, &failing(5), start), None);
        let found = course.found("db1", true, &failing(34), start.plus(TOLD_AFTER)).unwrap();
        assert_eq!(found.value, "30 heartbeats in a row could not be written: error 1142: denied");
        assert_eq!((found.severity, found.since), (Severity::Critical, start));
    }
}
