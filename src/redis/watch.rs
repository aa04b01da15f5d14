//! The worker of redis clusters: what was found is told to people, what happened is written down, and what the judge keeps is
//! stored, so that whoever comes next goes on. Every console looks by itself; this is done by one process of all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::finding::{Event, Finding as Found, RuleId};
use super::station::{Station, Told};
use crate::base::clock::Mono;
use crate::base::ids::{Generation, SessionId};
use crate::base::{Clock, Finding, Severity, Stop, Time};
use crate::store::{ClusterWrite, NewEvent, Store, StoreError, cluster_duty};

/// What this worker is called.
pub const KIND: &str = "redis";

/// Between two looks at who keeps the history.
const DUTY: Duration = Duration::from_secs(5);
/// What is kept is written so often, and at once when a finding comes or goes.
const WRITTEN: Duration = Duration::from_secs(10);
/// A finding that stays is written anew so often, with its newest numbers.
const SAID_AGAIN: Duration = Duration::from_mins(1);

/// What a finding is known by: it is written anew when that changes.
type Said = (&'static str, String, Severity);

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
}

/// What an event is known by: its words may grow.
type Known = (Time, &'static str, String);

/// What was done last, as long as the duty is held.
#[derive(Default)]
struct Last {
    said: Option<(Time, Vec<Said>)>,
    written: Option<Mono>,
    /// Events that are written down.
    events: Option<BTreeSet<Known>>,
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
        let open: Vec<&Found> = health.findings.iter().filter(|one| one.silenced.is_none()).collect();
        let said: Vec<Said> = open.iter().map(|one| (key(one.rule), object(name, one), one.severity)).collect();
        let changed = last.said.as_ref().is_none_or(|(_, before)| *before != said);
        let mono = self.clock.mono();
        if changed || last.written.is_none_or(|at| mono.since(at) >= WRITTEN) {
            // Neither can fail: keys are text, numbers finite.
            let body = serde_json::to_string(&*told.history).unwrap_or_default();
            if last.events.is_none() {
                last.events = Some(self.known_events(told).await?);
            }
            match self.store.cluster_write(self.session, generation, name.to_owned(), body).await? {
                ClusterWrite::Written => {}
                ClusterWrite::NotHeld => return Ok(false),
                ClusterWrite::TooLarge(bytes) => {
                    tracing::error!(cluster = name, bytes, "what is kept of it is too large to be stored");
                }
            }
            last.written = Some(mono);
        }
        let again = last.said.as_ref().is_none_or(|(at, _)| now.since(*at) >= SAID_AGAIN);
        if changed || (again && !said.is_empty()) {
            let findings = open.iter().map(|one| finding(name, one)).collect();
            self.store.notice_round(cluster_duty(name), findings).await?;
            last.said = Some((now, said));
        }
        let known = last.events.get_or_insert_default();
        for event in told.history.events.iter().rev() {
            if known.insert(known_by(event)) {
                self.store.event(new_event(name, event)).await?;
            }
        }
        known.retain(|known| told.history.events.iter().any(|event| known_by(event) == *known));
        Ok(true)
    }

    /// Events that whoever kept the history before has written down: all up to when that was last done.
    async fn known_events(&self, told: &Told) -> Result<BTreeSet<Known>, StoreError> {
        let row = self.store.cluster(self.station.name().to_owned()).await?;
        let before = |event: &&Event| row.as_ref().is_some_and(|row| event.at <= row.written);
        Ok(told.history.events.iter().filter(before).map(known_by).collect())
    }
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
        .value(found.text.clone())
        .next(next)
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
