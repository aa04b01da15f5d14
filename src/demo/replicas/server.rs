//! A server that is acted: its trace, its source and the demo's clock make what a look at it yields.
//!
//! What a trace shows is what happens if nobody interferes. An operator may stop its threads and start them again: executed
//! is then what was executed when the SQL thread was stopped, and the delay grows by a second a second; started again, the
//! replica makes up for it. Everything is a function of the time and of what was done to the threads when: nobody
//! needs to look in between.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::primary::{self, Primary};
use super::status::{self, Facts};
use super::trace::Scene;
use crate::base::world::mix;
use crate::base::{Clock, Time};
use crate::delay::freeze::line::earlier;
use crate::delay::limits::DelayBy;
use crate::delay::probe::{Probe, Unseen};
use crate::delay::seen::{Heartbeat, IoThread, Seen};
use crate::delay::watch::Target;
use crate::demo::scenario::ReplicaSpec;

/// A line varies by so many seconds either way when nothing is wrong.
const VARIES: f64 = 3.0;
/// A server that is down is waited for so long: the time-out of a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// It has been up for so long when its trace begins, seconds.
const UP: f64 = 40.0 * 86_400.0;

/// A server that is acted.
#[derive(Debug)]
pub struct ActedServer {
    spec: ReplicaSpec,
    primary: Primary,
    clock: Clock,
    start: Time,
    seed: u64,
    hand: Mutex<Hand>,
}

/// What was done to its threads. Times are those of its trace, in seconds.
#[derive(Debug, Clone, Copy)]
struct Hand {
    sql: Sql,
    /// Since when somebody has stopped the IO thread.
    io: Option<f64>,
    /// So often a tool starts the SQL thread yet.
    tool: u32,
}

#[derive(Debug, Clone, Copy)]
enum Sql {
    /// As the trace has it, but for what is still to be made up since it was started, and no further than `until`.
    Runs { since: f64, excess: f64, until: Option<f64> },
    /// Somebody has stopped it; executed is what was written until `held`.
    Stopped { since: f64, held: f64 },
}

impl ActedServer {
    /// The server of a scenario's replica, on a demo's clock.
    pub fn new(spec: ReplicaSpec, seed: u64, start: Time, clock: Clock) -> Self {
        let seed = mix(seed ^ primary::hash(&spec.name));
        let hand = Hand { sql: Sql::Runs { since: 0.0, excess: 0.0, until: None }, io: None, tool: spec.tool_times };
        let primary = Primary::new(&spec.source, start);
        Self { spec, primary, clock, start, seed, hand: Mutex::new(hand) }
    }

    /// What it plays.
    pub fn spec(&self) -> &ReplicaSpec {
        &self.spec
    }

    /// What a look at that time yields. Times are asked for in their order, or nobody has touched the threads.
    pub fn seen(&self, at: Time) -> Result<Seen, Unseen> {
        let t = self.trace_time(at);
        let mut hand = self.hand();
        self.drive(&mut hand, t);
        let hand = *hand;
        let scene = self.scene(t);
        let down = || Unseen(status::silent(&self.spec.name, PATIENCE).to_string());
        let (natural, line) = (scene.executed.ok_or_else(down)?, scene.delay.ok_or_else(down)?);
        let (received, executed) = (received(hand, &scene), self.executed(hand, &scene, natural, t));
        let stopped = match hand.sql {
            Sql::Stopped { .. } => true,
            Sql::Runs { until, .. } => until.is_some_and(|until| executed >= until),
        };
        let sql = if stopped { Some(false) } else { scene.sql };
        let io = if hand.io.is_some() { Some(IoThread::No) } else { scene.io };
        // A thread that stands does not vary; nor does one that a tool drives.
        let varies = if sql == Some(false) { 0.0 } else { VARIES.min(line.abs() / 10.0) };
        let delay = line + (natural - executed) + varies * self.noise(t, 1);
        let wall = |t: f64| self.wall(at, t);
        let facts = Facts {
            spec: &self.spec,
            primary: &self.primary,
            scene: &scene,
            io,
            sql,
            delay,
            received: self.primary.written(wall(received)),
            executed: self.primary.written(wall(executed)),
            received_age: t - received,
            executed_age: t - executed,
        };
        let has_uuid = status::has_uuid(&self.spec);
        let mut status = status::row(&facts);
        if let Sql::Runs { until: Some(_), .. } = hand.sql {
            status.until = Some("Source".to_owned());
        }
        Ok(Seen {
            server_id: Some(100 + primary::hash(&self.spec.name) % 9000),
            server_uuid: has_uuid.then(|| primary::uuid(primary::hash(&self.spec.name))),
            uptime: Some(seconds(scene.up_since.map_or(UP + t, |since| t - since))),
            version: Some(self.spec.version.clone()),
            read_only: Some(true),
            status: Some(status),
            delay: Some(Heartbeat::Age(delay)),
            // All hosts of a demo have one clock.
            applied: Some(earlier(at, delay)),
            local: scene.local.map(|age| Heartbeat::Age(self.beat(age, t, 2))),
            primary: scene.primary.map(|age| Heartbeat::Age(self.beat(age, t, 3))),
            jobs: Vec::new(),
            notes: Vec::new(),
            ..Seen::default()
        })
    }

    /// Stops the SQL thread: `STOP REPLICA SQL_THREAD`.
    pub fn stop_sql(&self) {
        let t = self.trace_time(self.clock.now());
        let mut hand = self.hand();
        self.drive(&mut hand, t);
        let scene = self.scene(t);
        // One that has reached its place stands already; stopped, it is no longer to be started by that.
        if let (Sql::Runs { .. }, Some(natural)) = (hand.sql, scene.executed) {
            hand.sql = Sql::Stopped { since: t, held: self.executed(*hand, &scene, natural, t) };
        }
    }

    /// Starts the SQL thread: `START REPLICA SQL_THREAD`.
    pub fn start_sql(&self) {
        let t = self.trace_time(self.clock.now());
        let mut hand = self.hand();
        self.drive(&mut hand, t);
        self.start_at(&mut hand, t, None);
    }

    /// Starts the SQL thread up to so many bytes of the source: `START REPLICA SQL_THREAD UNTIL`.
    pub(super) fn start_sql_until(&self, bytes: u64) {
        let now = self.clock.now();
        let t = self.trace_time(now);
        let until = self.trace_time(self.primary.when(bytes));
        let mut hand = self.hand();
        self.drive(&mut hand, t);
        self.start_at(&mut hand, t, Some(until));
    }

    /// What its clock says.
    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Whom it replicates from.
    pub(super) fn source(&self) -> &Primary {
        &self.primary
    }

    /// Stops the IO thread: `STOP REPLICA IO_THREAD`.
    pub fn stop_io(&self) {
        let t = self.trace_time(self.clock.now());
        let mut hand = self.hand();
        self.drive(&mut hand, t);
        hand.io = hand.io.or(Some(t));
    }

    /// Starts the IO thread: `START REPLICA IO_THREAD`.
    pub fn start_io(&self) {
        let t = self.trace_time(self.clock.now());
        let mut hand = self.hand();
        self.drive(&mut hand, t);
        hand.io = None;
    }

    fn hand(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where in its trace a time is, seconds.
    fn trace_time(&self, at: Time) -> f64 {
        #[allow(clippy::cast_precision_loss)] // days in microseconds are exact
        let micros = at.as_micros().saturating_sub(self.start.as_micros()) as f64;
        self.spec.offset.as_secs_f64() + micros / 1e6
    }

    /// When a time of its trace is, seen from `at`.
    fn wall(&self, at: Time, t: f64) -> Time {
        let ago = self.trace_time(at) - t;
        at.minus(Duration::try_from_secs_f64(ago).unwrap_or_default())
    }

    /// What the trace shows, with the saw-tooth of a tool that lets the SQL thread run for a moment each interval.
    fn scene(&self, t: f64) -> Scene {
        let limits = &self.spec.limits;
        let driven = limits.delay_by == DelayBy::External;
        let mut scene = self.spec.trace.at(t, driven);
        if driven {
            let since_tick = t.rem_euclid(limits.tool_interval.as_secs_f64());
            scene.delay = scene.delay.map(|delay| delay + since_tick);
            scene.executed = scene.executed.map(|executed| executed - since_tick);
        }
        scene
    }

    /// What was written until when is executed, `natural` if nobody has touched the threads.
    fn executed(&self, hand: Hand, scene: &Scene, natural: f64, t: f64) -> f64 {
        let executed = match hand.sql {
            Sql::Stopped { held, .. } => held,
            Sql::Runs { since, excess, until } => {
                let left = self.spec.catch_up.map_or(0.0, |rate| excess - f64::from(rate) * (t - since));
                (natural - left.max(0.0)).min(until.unwrap_or(f64::INFINITY))
            }
        };
        executed.min(received(hand, scene))
    }

    fn start_at(&self, hand: &mut Hand, t: f64, until: Option<f64>) {
        let scene = self.scene(t);
        let Some(natural) = scene.executed else { return };
        let held = self.executed(*hand, &scene, natural, t);
        let stands = match hand.sql {
            Sql::Stopped { .. } => true,
            Sql::Runs { until, .. } => until.is_some_and(|until| held >= until),
        };
        if stands {
            // What is executed already stays so.
            let until = until.map(|until| until.max(held));
            hand.sql = Sql::Runs { since: t, excess: (natural - held).max(0.0), until };
        }
    }

    /// The tool that starts the SQL thread when it finds it stopped, until then.
    fn drive(&self, hand: &mut Hand, t: f64) {
        let Some(every) = self.spec.tool.map(|every| every.as_secs_f64()) else { return };
        while let Sql::Stopped { since, held } = hand.sql {
            let looks = ((since / every).floor() + 1.0) * every;
            if hand.tool == 0 || looks > t {
                return;
            }
            hand.tool -= 1;
            if self.spec.limits.delay_by == DelayBy::External {
                // It lets the thread run for a moment, up to what is due.
                let scene = self.scene(looks);
                let due = scene.executed.map_or(held, |natural| natural.min(received(*hand, &scene)));
                hand.sql = Sql::Stopped { since: looks, held: held.max(due) };
            } else {
                self.start_at(hand, looks, None);
            }
        }
    }

    /// From −1 to 1, the same for the same second.
    fn noise(&self, t: f64, what: u64) -> f64 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // any bits will do
        let second = t.floor() as i64 as u64;
        let drawn = mix(self.seed ^ mix(second ^ mix(what)));
        #[allow(clippy::cast_precision_loss)] // 32 bits
        let part = (drawn >> 32) as f64 / f64::from(u32::MAX);
        2.0 * part - 1.0
    }

    /// The age of a heartbeat that is written each second; of a dead one, as it is.
    fn beat(&self, age: f64, t: f64, what: u64) -> f64 {
        if age <= 1.0 { (age + 0.4 * self.noise(t, what)).max(0.01) } else { age }
    }
}

/// What was written until when is received.
fn received(hand: Hand, scene: &Scene) -> f64 {
    hand.io.map_or(scene.received, |stopped| scene.received.min(stopped))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it saturates
fn seconds(span: f64) -> u64 {
    span.max(0.0) as u64
}

#[async_trait]
impl Probe for ActedServer {
    async fn look(&self) -> Result<Vec<Seen>, Unseen> {
        match self.seen(self.clock.now()) {
            Ok(seen) => Ok(vec![seen]),
            Err(unseen) => {
                self.clock.sleep(PATIENCE).await;
                Err(unseen)
            }
        }
    }
}

/// A server as whoever watches it is handed it.
pub fn target(server: &Arc<ActedServer>) -> Target {
    let spec = server.spec();
    Target {
        name: spec.name.clone(),
        group: spec.group.clone(),
        limits: Arc::new(spec.limits.clone()),
        local: spec.trace.has_local(),
        primary: spec.trace.has_primary(),
        channel: None,
        probe: Arc::clone(server) as Arc<dyn Probe>,
    }
}
