//! What has happened to acted replicas before the demo begins, and the jobs on them, before and after.
//!
//! Six hours are judged at once, by the code and through the operation of the state that a worker uses, under its duties. So
//! nothing that a screen shows of them is invented, and the worker that comes goes on from there.

use std::sync::Arc;
use std::time::Duration;

use super::server::ActedServer;
use crate::base::host::ProcessIdentity;
use crate::base::ids::Generation;
use crate::base::{Clock, Time, task};
use crate::delay::job::{Job, known_at};
use crate::delay::judge::Asked;
use crate::delay::seen::Look;
use crate::delay::unit::Unit;
use crate::delay::watch::{KIND, Target, new_row, row_of};
use crate::demo::scenario::JobSpec;
use crate::store::{
    DelaySample, EndJob, JobEnded, JobStarted, JudgedWrite, NewJob, NewJudged, Store, StoreError, delay_duty,
};
use crate::worker::session::Lease;

/// So much of the past is judged: what a sparkline shows.
pub const PAST: Duration = Duration::from_hours(6);

/// Replicas and what is done to them.
pub(in crate::demo) struct Past {
    pub servers: Vec<Arc<ActedServer>>,
    pub targets: Vec<Target>,
    pub jobs: Vec<JobSpec>,
    pub start: Time,
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    /// Who has judged it.
    pub process: ProcessIdentity,
    /// How long a lease holds.
    pub lease: Duration,
}

/// A job begins, or ends.
struct Told<'a> {
    at: Time,
    job: &'a JobSpec,
    ends: bool,
}

impl Past {
    /// Enters the jobs of the past, judges it, and tells of jobs as their times come.
    pub(in crate::demo) async fn play(self) -> Result<(), StoreError> {
        let mut told: Vec<Told<'_>> = Vec::new();
        for job in &self.jobs {
            told.push(Told { at: job.start.of(self.start), job, ends: false });
            told.extend(job.end.map(|end| Told { at: end.of(self.start), job, ends: true }));
        }
        told.sort_by_key(|told| told.at);
        let later = told.iter().position(|told| told.at > self.start).unwrap_or(told.len());
        let (before, after) = told.split_at(later);
        for one in before {
            self.tell(one).await?;
        }
        self.judge().await?;
        for one in after {
            self.clock.sleep(one.at.since(self.clock.now())).await;
            self.tell(one).await?;
        }
        Ok(())
    }

    async fn tell(&self, told: &Told<'_>) -> Result<(), StoreError> {
        let Told { at, job, ends } = *told;
        let (replica, class, who) = (job.replica.clone(), job.class.clone(), job.who.clone());
        let entered = if ends {
            let end = EndJob { replica, class, only: None, end: Some(at), who, outcome: "done".to_owned() };
            matches!(self.store.job_end(end).await?, JobEnded::Ended(_))
        } else {
            let new = NewJob { replica, class, start: Some(at), who, detail: String::new() };
            matches!(self.store.job_start(new).await?, JobStarted::Started(_))
        };
        if !entered {
            tracing::warn!(
                replica = job.replica,
                class = job.class,
                ends,
                "a job of the scenario could not be told of"
            );
        }
        Ok(())
    }

    /// Judges what has been, and writes it.
    async fn judge(&self) -> Result<(), StoreError> {
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        let (lease, _) = Lease::begin(store, clock, self.process.clone(), KIND.to_owned(), self.lease).await?;
        let duties = self.targets.iter().map(|target| delay_duty(&target.name)).collect();
        let held = self.store.duties_take(duties, lease.session).await?;
        let mut work = Vec::new();
        for ((server, target), duty) in self.servers.iter().zip(&self.targets).zip(held) {
            let Some(duty) = duty else { continue };
            let jobs: Vec<Job> =
                self.jobs.iter().filter(|job| job.replica == target.name).map(|job| self.job(job)).collect();
            work.push((Arc::clone(server), target.clone(), jobs, duty.generation));
        }
        let start = self.start;
        let judged = task::blocking(move || {
            let rows = work
                .iter()
                .filter_map(|(server, target, jobs, generation)| judged(server, target, jobs, start, *generation));
            rows.collect::<Vec<_>>()
        });
        match judged.await {
            Ok(rows) => {
                let names: Vec<String> = rows.iter().map(|row| row.replica.clone()).collect();
                let written = self.store.delay_write(lease.session, rows).await?;
                for (replica, written) in names.iter().zip(written) {
                    if written != JudgedWrite::Written {
                        tracing::error!(replica, ?written, "the past of a replica could not be written");
                    }
                }
            }
            Err(e) => tracing::error!(error = %e, "the past of the replicas could not be judged"),
        }
        lease.end().await?;
        Ok(())
    }

    fn job(&self, job: &JobSpec) -> Job {
        let (start, end) = (job.start.of(self.start), job.end.map(|end| end.of(self.start)));
        Job { class: job.class.clone(), start, end }
    }
}

/// What a worker would have written of a replica by now; nothing where its interval is longer than the past.
fn judged(
    server: &ActedServer,
    target: &Target,
    jobs: &[Job],
    start: Time,
    generation: Generation,
) -> Option<NewJudged> {
    let limits = &target.limits;
    let (mut unit, mut samples): (Unit, Vec<DelaySample>) = (Unit::default(), Vec::new());
    let asked = Asked::by_worker(target.local, target.primary);
    let mut at = start.minus(PAST);
    let mut last = None;
    while at < start {
        let look = Look { at, seen: server.seen(at).map_err(|e| e.to_string()) };
        let (sample, verdict) = unit.look(&look, limits, &known_at(jobs, at), &asked);
        samples.push(row_of(&sample, verdict.severity));
        last = Some((sample, verdict));
        at = at.plus(limits.interval);
    }
    let (sample, verdict) = last?;
    Some(NewJudged { samples, ..new_row(generation, &target.name, &unit, sample, &verdict) })
}
