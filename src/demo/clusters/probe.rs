//! Looks at a cluster that is acted.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::reel::Reel;
use crate::base::Clock;
use crate::base::addr::NodeAddr;
use crate::redis::info::Info;
use crate::redis::look::{Answer, Look};
use crate::redis::probe::Probe;
use crate::redis::trouble::Trouble;

/// Looks at a cluster that is acted, at the time of the demo's clock.
#[derive(Debug)]
pub struct ActedProbe {
    reel: Arc<Reel>,
    clock: Clock,
    /// Who answered in the last tick.
    answered: Mutex<BTreeSet<NodeAddr>>,
    urgent: AtomicBool,
}

impl ActedProbe {
    /// Nothing is looked at yet.
    pub fn new(reel: Arc<Reel>, clock: Clock) -> Self {
        Self { reel, clock, answered: Mutex::default(), urgent: AtomicBool::new(false) }
    }
}

/// How long is waited for who does not answer at all.
fn waited(look: &Look) -> Option<Duration> {
    match &look.answer {
        Answer::Failed(Trouble::Silent(after) | Trouble::Connect(after)) => Some(*after),
        _ => None,
    }
}

#[async_trait]
impl Probe for ActedProbe {
    async fn tick(&self) -> Vec<Look> {
        let mut looks = self.reel.looks(self.clock.now());
        if let Some(longest) = looks.iter().filter_map(waited).max() {
            self.clock.sleep(longest).await;
            let now = self.clock.now();
            for look in looks.iter_mut().filter(|look| waited(look).is_some()) {
                look.at = now;
            }
        }
        let answers = looks.iter().filter(|look| matches!(look.answer, Answer::Came(_)));
        let answers: BTreeSet<NodeAddr> = answers.map(|look| look.addr.clone()).collect();
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        self.urgent.store(answered.difference(&answers).next().is_some(), Ordering::SeqCst);
        *answered = answers;
        looks
    }

    fn is_urgent(&self) -> bool {
        self.urgent.load(Ordering::SeqCst)
    }

    fn info(&self, node: &NodeAddr) -> Option<Info> {
        let looks = self.reel.looks(self.clock.now());
        looks.iter().find(|look| look.addr == *node)?.info().cloned()
    }
}
