//! The worker of redis clusters: what was found is told to people, what happened is written down, and what the judge keeps is
//! stored, so that whoever comes next goes on. Every console looks by itself; this is done by one process of all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::addr::NodeAddr;
use super::finding::{Event, Finding as Found, RuleId};
use super::history::History;
use super::rates::Sample;
use super::station::{Station, Told};
use crate::base::clock::Mono;
use crate::base::ids::{Generation, SessionId};
use crate::base::sink::CounterSink;
use crate::base::{Clock, Finding, Severity, Stop, Time};
use crate::store::{ClusterWrite, LARGEST_CLUSTER, NewEvent, Store, StoreError, cluster_duty};

/// What this worker is called.
pub const KIND: &str = "redis";

/// Between two looks at who keeps the history.
const DUTY: Duration = Duration::from_secs(5);
/// What is kept is written so often, and at once when a finding comes or goes.
const WRITTEN: Duration = Duration::from_secs(10);
/// A finding that stays is written anew so often, with its newest numbers.
const SAID_AGAIN: Duration = Duration::from_mins(1);

/// The rule of what is kept and cannot be stored.
const UNSTORED: &str = "redis.unstored";

/// Processes see what happens within so long of each other.
const SAME: Duration = Duration::from_mins(1);

/// What a finding is known by, and until when it is silenced: it is written anew when that changes.
type Said = (&'static str, String, Severity, Option<Time>);

/// Keeps the history of one cluster.
pub struct Keeper {
    /// Who looks.
    pub station: Arc<Station>,
    /// The state.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Clock,
    /// Under which it works.
    pub session: SessionId,
    /// Is given what servers' counters grew by, while the duty is held.
    pub counters: Arc<dyn CounterSink>,
}

/// What an event is known by: its words may grow.
type Known = (Time, &'static str, String);

/// What was done last, as long as the duty is held.
#[derive(Default)]
struct Last {
    said: Option<(Time, Vec<Said>)>,
    written: Option<Mono>,
    /// Since when what is kept is too large to be stored, and how many bytes it takes.
    unstored: Option<(Time, usize)>,
    /// Events that are written down.
    events: Option<BTreeSet<Known>>,
    /// Counters up to which growth has been counted, by node.
    counted: BTreeMap<NodeAddr, Sample>,
}

impl Keeper {
    /// Works until told to stop.
    pub async fn run(self, stop: Stop) -> Result<(), StoreError> {
        let duty = cluster_duty(self.station.name());
        let mut told = self.station.listen();
        let (mut held, mut asked): (Option<Generation>, Option<Mono>) = (None, None);
        let mut last = Last::default();
        while !stop.is_stopped() {
            if asked.is_none_or(|at| self.clock.mono().since(at) >= DUTY) {
                let row = self.store.duty_take(duty.clone(), self.session).await?;
                asked = Some(self.clock.mono());
                let now = row.map(|row| row.generation);
                if now != held {
                    last = Last::default();
                    held = now;
                }
            }
            tokio::select! {
                biased;
                () = stop.stopped() => break,
                changed = told.changed() => {
                    // The station is there as long as this is.
                    if changed.is_err() {
                        break;
                    }
                }
                () = self.clock.sleep(DUTY) => continue,
            }
            let found = told.borrow_and_update().clone();
            if let Some(generation) = held
                && !self.keep(&found, generation, &mut last).await?
            {
                held = None;
                last = Last::default();
            }
        }
        self.store.duty_release(duty, self.session).await
    }

    /// Tells and writes what has come. Whether the duty is still held.
    async fn keep(&self, told: &Told, generation: Generation, last: &mut Last) -> Result<bool, StoreError> {
        let Some(health) = &told.health else { return Ok(true) };
        let name = self.station.name();
        let now = self.store.now().await?;
        // What is silenced holds all the same: it is told as acknowledged, and not as over.
        let said =
            health.findings.iter().map(|one| (key(one.rule), object(name, one), one.severity, one.silenced_until));
        let said: Vec<Said> = said.collect();
        let changed = last.said.as_ref().is_none_or(|(_, before)| *before != said);
        let mono = self.clock.mono();
        if last.events.is_none() {
            last.events = Some(self.known_events(told).await?);
        }
        let unstored = last.unstored.is_some();
        let known = last.events.get_or_insert_default();
        let new: Vec<&Event> = told.history.events.iter().rev().filter(|one| !known.contains(&known_by(one))).collect();
        if changed || !new.is_empty() || last.written.is_none_or(|at| mono.since(at) >= WRITTEN) {
            // Neither can fail: keys are text, numbers finite.
            let body = serde_json::to_string(&*told.history).unwrap_or_default();
            // In one step: whoever goes on from what is kept knows that its events are written down.
            let events = new.iter().map(|event| new_event(name, event)).collect();
            match self.store.cluster_write(self.session, generation, name.to_owned(), body, events).await? {
                ClusterWrite::Written => last.unstored = None,
                ClusterWrite::NotHeld => return Ok(false),
                ClusterWrite::TooLarge(bytes) => {
                    if !unstored {
                        tracing::error!(cluster = name, bytes, "what is kept of it is too large to be stored");
                    }
                    last.unstored.get_or_insert((now, bytes)).1 = bytes;
                }
            }
            last.written = Some(mono);
            known.extend(new.into_iter().map(known_by));
            known.retain(|known| told.history.events.iter().any(|event| known_by(event) == *known));
        }
        let again = last.said.as_ref().is_none_or(|(at, _)| now.since(*at) >= SAID_AGAIN);
        let changed = changed || unstored != last.unstored.is_some();
        if changed || (again && !(said.is_empty() && last.unstored.is_none())) {
            let mut findings: Vec<Finding> = health.findings.iter().map(|one| finding(name, one)).collect();
            findings.extend(last.unstored.map(|(since, bytes)| not_stored(name, since, bytes)));
            self.store.notice_round(cluster_duty(name), findings).await?;
            last.said = Some((now, said));
        }
        self.count(told, &mut last.counted);
        Ok(true)
    }

    /// Counts by how much servers' counters grew since that was last done, whatever ticks were missed between. What a server
    /// is first seen with is where counting begins; so it does for whoever takes the duty over.
    fn count(&self, told: &Told, counted: &mut BTreeMap<NodeAddr, Sample>) {
        counted.retain(|addr, _| told.history.node(addr).is_some());
        for row in told.health.iter().flat_map(|health| &health.nodes) {
            let Some(new) = told.history.node(&row.addr).and_then(|past| past.sample()) else { continue };
            match counted.get(&row.addr) {
                Some(before) if before.at >= new.at => continue,
                Some(before) => {
                    for (name, by) in new.counts(before, self.station.name(), &row.addr) {
                        self.counters.add(&name, by);
                    }
                }
                None => {}
            }
            counted.insert(row.addr.clone(), new.clone());
        }
    }

    /// Events that whoever kept the history before has written down: those it had seen itself, at its own time (each of
    /// them is one of these), and all that are older than what it kept.
    async fn known_events(&self, told: &Told) -> Result<BTreeSet<Known>, StoreError> {
        let Some(row) = self.store.cluster(self.station.name().to_owned()).await? else { return Ok(BTreeSet::new()) };
        // What cannot be read says nothing; that is told where it is gone on from.
        let kept = serde_json::from_str::<History>(&row.body).map(|history| history.events).unwrap_or_default();
        Ok(written_down(&told.history.events, kept, row.written))
    }
}

/// Of events, the newest first, those that are among the kept ones, or older than what was kept then.
fn written_down(events: &[Event], mut kept: Vec<Event>, written: Time) -> BTreeSet<Known> {
    let apart = |one: &Event, event: &Event| one.at.since(event.at).max(event.at.since(one.at));
    let mut before = |event: &&Event| {
        let same = |one: &Event| (one.kind, &one.node) == (event.kind, &event.node) && apart(one, event) < SAME;
        let found = (0..kept.len()).filter(|place| same(&kept[*place])).min_by_key(|place| apart(&kept[*place], event));
        found.map(|place| kept.remove(place)).is_some() || event.at.plus(SAME) <= written
    };
    // The oldest first: of two restarts in a minute the one that is not kept is the later one.
    events.iter().rev().filter(|event| before(event)).map(known_by).collect()
}

fn known_by(event: &Event) -> Known {
    (event.at, event.kind.word(), event.node.to_string())
}

/// The rule of a finding as notices and acknowledgements name it.
fn key(rule: RuleId) -> &'static str {
    macro_rules! keys {
        ($($id:literal)*) => { &[$(($id, concat!("redis.", $id))),*] };
    }
    const KEYS: &[(&str, &str)] = keys!(
        "A1" "A2" "A3" "A4" "A5" "A6" "A7" "A8" "A9"
        "B1" "B2" "B3" "B4" "B5" "B6" "B7" "B8" "B9" "B10" "B11" "B12" "B13"
        "C1" "C2" "C3" "C4" "C5" "D1" "D2" "D3" "D4" "D5" "D6" "D7"
        "E1" "E2" "E3" "E4" "E5" "E6" "E7" "E8" "E9" "E10"
    );
    KEYS.iter().find(|(id, _)| *id == rule.0).map_or("redis", |(_, key)| key)
}

/// What a finding is about, for people who know of several clusters.
fn object(cluster: &str, found: &Found) -> String {
    format!("{cluster} {}", found.object)
}

fn finding(cluster: &str, found: &Found) -> Finding {
    let next = match (&found.next, &found.command) {
        (Some(next), Some(command)) => format!("{next}: {command}"),
        (Some(next), None) => next.clone(),
        (None, Some(command)) => command.clone(),
        (None, None) => format!("look at it: firn redis {cluster}"),
    };
    Finding::new(key(found.rule), object(cluster, found), found.severity, found.since)
        .value(match &found.silenced {
            Some(silenced) => format!("{} ({silenced})", found.said()),
            None => found.said(),
        })
        .next(next)
        .quiet(found.silenced_until)
}

fn not_stored(cluster: &str, since: Time, bytes: usize) -> Finding {
    Finding::new(UNSTORED, format!("{cluster} history"), Severity::Warning, since)
        .value(format!(
            "what is kept of its nodes takes {bytes} bytes, and {LARGEST_CLUSTER} are possible: whoever takes over from this \
             worker begins anew, and consoles that start now know of nothing before"
        ))
        .next("nodes that are gone are forgotten after a day; where there are so many, watch static ones in several entries")
}

fn new_event(cluster: &str, event: &Event) -> NewEvent {
    NewEvent {
        who: format!("redis {cluster}"),
        what: format!("redis.{}", event.kind.word()),
        object: format!("{cluster} {}", event.node),
        detail: event.text.clone(),
        outcome: "seen".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::rules::RULES;

    #[test]
    fn every_rule_has_a_key_of_its_own() {
        let keys: BTreeSet<&str> = RULES.iter().map(|rule| key(rule.id)).collect();
        assert_eq!(keys.len(), RULES.len());
        assert!(keys.iter().all(|key| key.starts_with("redis.")), "{keys:?}");
    }
}
