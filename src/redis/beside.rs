//! What nodes are asked beside the tick: slow commands, latency, settings, keys of slots on their way, tasks that move slots. The
//! tick never waits for it; what a node refuses is not asked again for a while, as servers count what they refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::addr::NodeAddr;
use super::aside::{Aside, Slow, Spike, Task, TaskState};
use super::line::Line;
use super::look::Look;
use super::moves::{self, Move};
use super::nodes::Flag;
use super::panels;
use super::settings;
use super::trouble::Trouble;
use crate::base::clock::Mono;
use crate::base::task::{self, JoinHandle};
use crate::base::{Clock, Time};

/// From one round of questions to the next.
const EVERY: Duration = Duration::from_secs(10);
/// Settings change seldom.
const SETTINGS: Duration = Duration::from_mins(1);
/// What a node refused, or does not know, is asked again after so long, or when it runs anew: somebody may have mended it.
const AGAIN: Duration = Duration::from_mins(10);
/// Slots on their way whose keys are counted, of one node.
const COUNTED: usize = 16;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Slow,
    Latency,
    Settings,
    Keys,
    Tasks,
}

/// What is asked of one node in a round.
struct Round {
    addr: NodeAddr,
    at: Time,
    line: Arc<Line>,
    slots: Vec<u16>,
    questions: BTreeSet<Question>,
}

/// What came of it.
struct Answers {
    aside: Aside,
    /// What it does not answer.
    shut: BTreeSet<Question>,
}

/// What is kept of a node.
struct Kept {
    /// In which run of the server.
    run: Option<String>,
    aside: Option<Aside>,
    /// When its settings were asked for.
    settings: Option<Mono>,
    /// What it does not answer, and since when.
    shut: BTreeMap<Question, Mono>,
}

/// Questions beside the tick, round after round.
#[derive(Default)]
pub struct Beside {
    begun: Option<Mono>,
    running: Option<JoinHandle<Vec<Answers>>>,
    nodes: BTreeMap<NodeAddr, Kept>,
}

impl Beside {
    /// What was answered last, by each node that answered lately.
    pub fn asides(&self) -> Vec<Aside> {
        self.nodes.values().filter_map(|kept| kept.aside.clone()).collect()
    }

    /// Takes in a round that has ended, and begins the next one when it is time for it. `line` leads to a node.
    pub async fn go_on(
        &mut self,
        looks: &[Look],
        clustered: bool,
        clock: &Clock,
        line: impl Fn(&NodeAddr) -> Option<Arc<Line>>,
    ) {
        let now = clock.mono();
        if let Some(running) = self.running.take_if(|running| running.is_finished()) {
            // A round that fell over has found nothing.
            self.take(running.await.unwrap_or_default(), now);
        }
        if self.running.is_some() || self.begun.is_some_and(|at| now.since(at) < EVERY) {
            return;
        }
        let rounds: Vec<Round> = looks
            .iter()
            .filter(|look| look.info().is_some())
            .filter_map(|look| Some((look, line(&look.addr)?)))
            .map(|(look, line)| self.round(look, line, clustered, now, clock.now()))
            .collect();
        if rounds.is_empty() {
            return;
        }
        self.begun = Some(now);
        self.running = Some(task::spawn(async move {
            let asked: Vec<_> = rounds.into_iter().map(|round| task::spawn(ask(round))).collect();
            let mut all = Vec::new();
            for one in asked {
                all.extend(one.await.ok());
            }
            all
        }));
    }

    /// Asks everything that is asked at all, and waits for it.
    pub async fn whole(
        looks: &[Look],
        clustered: bool,
        clock: &Clock,
        line: impl Fn(&NodeAddr) -> Option<Arc<Line>>,
    ) -> Vec<Aside> {
        let mut beside = Self::default();
        beside.go_on(looks, clustered, clock, line).await;
        if let Some(running) = beside.running.take() {
            beside.take(running.await.unwrap_or_default(), clock.mono());
        }
        beside.asides()
    }

    /// What is asked of a node now.
    fn round(&mut self, look: &Look, line: Arc<Line>, clustered: bool, now: Mono, at: Time) -> Round {
        let run = look.info().and_then(|info| info.get("run_id")).map(str::to_owned);
        let fresh = || Kept { run: run.clone(), aside: None, settings: None, shut: BTreeMap::new() };
        let kept = self.nodes.entry(look.addr.clone()).or_insert_with(fresh);
        if kept.run != run {
            *kept = fresh();
        }
        kept.shut.retain(|_, since| now.since(*since) < AGAIN);
        let slots = if clustered { open_slots(look) } else { Vec::new() };
        let wanted = [
            (Question::Slow, true),
            (Question::Latency, true),
            (Question::Settings, kept.settings.is_none_or(|at| now.since(at) >= SETTINGS)),
            (Question::Keys, !slots.is_empty()),
            (Question::Tasks, clustered),
        ];
        let wanted = wanted.iter().filter(|(question, wanted)| *wanted && !kept.shut.contains_key(question));
        Round { addr: look.addr.clone(), at, line, slots, questions: wanted.map(|(question, _)| *question).collect() }
    }

    /// What a round has found. A node that was not asked in it, as it did not answer the tick, is forgotten.
    fn take(&mut self, round: Vec<Answers>, now: Mono) {
        let asked: BTreeSet<NodeAddr> = round.iter().map(|one| one.aside.addr.clone()).collect();
        self.nodes.retain(|addr, _| asked.contains(addr));
        for Answers { mut aside, shut } in round {
            let Some(kept) = self.nodes.get_mut(&aside.addr) else { continue };
            if aside.settings.is_some() {
                kept.settings = Some(now);
            } else {
                aside.settings = kept.aside.as_ref().and_then(|before| before.settings);
            }
            kept.shut.extend(shut.into_iter().map(|question| (question, now)));
            kept.aside = Some(aside);
        }
    }
}

/// Asks a node, one question after another; who does not answer one is asked no more in this round.
async fn ask(round: Round) -> Answers {
    let Round { addr, at, line, slots, questions } = round;
    let mut answers = Answers { aside: Aside::new(addr, at), shut: BTreeSet::new() };
    for question in questions {
        let aside = &mut answers.aside;
        let why = match question {
            Question::Slow => {
                let slow = panels::slow_log(&line, None).await;
                slow.map(|all| aside.slow = Some(all.into_iter().map(self::slow).collect())).err()
            }
            Question::Latency => {
                let spike = |one: panels::LatencyEvent| Spike {
                    event: one.name,
                    at: one.at,
                    latest: one.latest,
                    most: one.most,
                };
                let latest = panels::latest(&line).await;
                latest.map(|all| aside.spikes = Some(all.into_iter().map(spike).collect())).err()
            }
            Question::Settings => settings::ask(&line).await.map(|told| aside.settings = Some(told)).err(),
            Question::Keys => moves::keys_in_slots(&line, &slots).await.map(|keys| aside.slot_keys = keys).err(),
            Question::Tasks => {
                let moves = moves::moves(&line).await;
                moves.map(|all| aside.tasks = Some(all.into_iter().map(self::task).collect())).err()
            }
        };
        match why {
            None => {}
            Some(Trouble::NoPerm(_)) => {
                aside.refused = true;
                answers.shut.insert(question);
            }
            Some(Trouble::Error(_) | Trouble::NoCluster | Trouble::Odd { .. }) => {
                answers.shut.insert(question);
            }
            Some(_) => break,
        }
    }
    answers
}

/// Slots that leave this node.
fn open_slots(look: &Look) -> Vec<u16> {
    let own = look.view().into_iter().flatten().filter(|line| line.is(Flag::Myself));
    let open = own.flat_map(|line| &line.open).filter(|open| !open.importing).map(|open| open.slot);
    open.take(COUNTED).collect()
}

fn slow(one: panels::Slow) -> Slow {
    Slow { id: one.id, took: one.took, command: one.command.join(" "), client: one.client.unwrap_or_default() }
}

/// How a task stands, by the words of both servers.
/// Source: <https://valkey.io/commands/cluster-getslotmigrations>, <https://redis.io/commands/cluster-migration-status>
fn task(one: Move) -> Task {
    let state = match one.state.to_ascii_lowercase().as_str() {
        "success" | "completed" | "done" => TaskState::Done,
        "failed" | "cancelled" | "canceled" => TaskState::Failed,
        _ => TaskState::Runs,
    };
    let told = match (&one.error, one.operation.as_str()) {
        (Some(error), _) => format!("{}: {error}", one.state),
        (None, "") => one.state.clone(),
        (None, operation) => format!("{operation}, {}", one.state),
    };
    Task { id: one.id, slots: one.slots, state, told }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::slots::SlotSet;

    #[test]
    fn tasks_stand_as_either_server_says() {
        let of = |state: &str, operation: &str, error: Option<&str>| {
            let slots = SlotSet::of([(1, 2)]);
            let error = error.map(str::to_owned);
            let one = task(Move { id: "a".into(), slots, operation: operation.into(), state: state.into(), error });
            (one.state, one.told)
        };
        assert_eq!(of("success", "EXPORT", None), (TaskState::Done, "EXPORT, success".to_owned()));
        assert_eq!(of("completed", "import", None).0, TaskState::Done);
        assert_eq!(of("cancelled", "IMPORT", None).0, TaskState::Failed);
        assert_eq!(of("canceled", "", Some("by CANCEL")), (TaskState::Failed, "canceled: by CANCEL".to_owned()));
        assert_eq!(of("snapshotting", "EXPORT", None), (TaskState::Runs, "EXPORT, snapshotting".to_owned()));
    }
}
