//! What is kept of a freeze. It is stored before each act, so that a process that dies leaves another one to go on.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::danger::Facts;
use super::sight::Sight;
use super::statement::{Spot, Statement};
use super::steps::{LossInput, Step, Tick};
use crate::base::Time;

/// How many lines of its history a record keeps: the first, which say how it began, and the newest.
const HISTORY: usize = 60;

/// Longest text of a server that is kept, characters.
const TEXT: usize = 300;

/// Where a freeze has got to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Asked for; nothing has been done.
    Asked,
    /// The SQL thread is being stopped.
    StoppingSql,
    /// The SQL thread stands; the IO thread is being stopped.
    StoppingIo,
    /// Both read No; whether the position moves is being looked at.
    Proving,
    /// Both read No, and the position has not moved.
    Frozen,
    /// The SQL thread runs up to a place, and no further.
    Advancing,
    /// The threads are being started.
    Resuming,
    /// It was promoted, or somebody goes on with it by hand: nothing of it is watched or touched, the recovery steps go on.
    Released,
    /// They run again, or the freeze was ended.
    Resumed,
}

impl Phase {
    /// The word that the state keeps.
    pub fn word(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::StoppingSql => "stopping_sql",
            Self::StoppingIo => "stopping_io",
            Self::Proving => "proving",
            Self::Frozen => "frozen",
            Self::Advancing => "advancing",
            Self::Resuming => "resuming",
            Self::Released => "released",
            Self::Resumed => "resumed",
        }
    }
}

/// Who asked for something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// When.
    pub at: Time,
    /// Who.
    pub who: String,
}

/// What does not go as it should, and is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Since when.
    pub since: Time,
    /// Last tried.
    pub at: Time,
    /// How often.
    pub tries: u32,
    /// What was tried, such as `stop the SQL thread`.
    pub what: String,
    /// Why it did not go, with what mends it.
    pub text: String,
}

/// The proof that a replica stands: two looks, and all between them were alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// The first look.
    pub first: Sight,
    /// The last look.
    pub last: Sight,
}

/// A line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// What, safe to show.
    pub text: String,
}

/// A freeze.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
pub struct Record {
    /// The replica's name.
    pub replica: String,
    /// The channel or connection that was asked for; empty: the server's only or unnamed one.
    pub channel: String,
    /// Whether a tool drives the SQL thread.
    pub external: bool,
    /// The two looks of a proof lie so far apart: the interval of that tool.
    pub gap: Duration,
    /// The statement that must not be applied.
    pub statement: Statement,
    /// Since when the service is degraded: T+0 of the recovery steps.
    pub degraded: Time,
    /// Who asked for the freeze.
    pub asked: By,
    /// Where it has got to.
    pub phase: Phase,
    /// Since when.
    pub since: Time,
    /// What was known of the server's settings when it was asked for.
    pub facts: Option<Facts>,
    /// What was seen before anything was done.
    pub before: Option<Sight>,
    /// What was seen last.
    pub last: Option<Sight>,
    /// Since when the replica cannot be seen, and why.
    pub blind: Option<(Time, String)>,
    /// The first look of the proof that is being made.
    pub first: Option<Sight>,
    /// The proof, while it holds.
    pub proof: Option<Proof>,
    /// When it was first proven to stand.
    pub frozen_at: Option<Time>,
    /// Whether the server has said that the SQL thread is stopped since it was last seen to run.
    pub stopped: bool,
    /// How often a thread was found running, or the position moved, after it had been stopped.
    pub restarts: u32,
    /// When that was last.
    pub restarted_at: Option<Time>,
    /// Where the SQL thread is let run to.
    pub until: Option<Spot>,
    /// Whether it has been started towards there.
    pub started: bool,
    /// Whether somebody asked to go on by hand: nothing is watched, with a promotion or without.
    #[serde(default)]
    pub by_hand: bool,
    /// Who asked for it to go on (to there, or for good).
    pub resume: Option<By>,
    /// Where it stood when it was asked to go on for good.
    pub left_at: Option<Sight>,
    /// What does not go as it should.
    pub trouble: Option<Trouble>,
    /// Recovery steps that are done.
    pub ticks: Vec<Tick>,
    /// What the loss is computed from.
    pub loss: Option<LossInput>,
    /// What happened, oldest first.
    pub history: Vec<Entry>,
}

/// What a freeze is asked for with.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The replica's name.
    pub replica: String,
    /// The channel or connection; empty: the server's only or unnamed one.
    pub channel: String,
    /// Whether a tool drives the SQL thread (`delay_by = external`).
    pub external: bool,
    /// The interval of that tool (`tool_interval`).
    pub gap: Duration,
    /// The statement that must not be applied.
    pub statement: Statement,
    /// Since when the service is degraded; nothing: since the statement's time, else since it is asked for.
    pub degraded: Option<Time>,
    /// Who asks.
    pub who: String,
    /// What the loss is computed from.
    pub loss: Option<LossInput>,
    /// What is known of the server's settings.
    pub facts: Option<Facts>,
}

impl Record {
    /// A freeze that is asked for now.
    pub fn new(asked: Asked, now: Time) -> Self {
        let degraded = asked.degraded.or(asked.statement.time).unwrap_or(now).min(now);
        let by = By { at: now, who: asked.who };
        let mut record = Self {
            replica: asked.replica,
            channel: asked.channel,
            external: asked.external,
            gap: asked.gap,
            statement: asked.statement,
            degraded,
            asked: by.clone(),
            phase: Phase::Asked,
            since: now,
            facts: asked.facts,
            before: None,
            last: None,
            blind: None,
            first: None,
            proof: None,
            frozen_at: None,
            stopped: false,
            restarts: 0,
            restarted_at: None,
            until: None,
            started: false,
            by_hand: false,
            resume: None,
            left_at: None,
            trouble: None,
            ticks: vec![Tick { step: Step::Degraded, at: degraded, who: by.who.clone() }],
            loss: asked.loss,
            history: Vec::new(),
        };
        record.note(now, format!("freeze asked for by {}; statement: {}", shown(&by.who), record.statement.words()));
        record
    }

    /// Writes a line of the history. What has just been said is not said twice.
    pub(super) fn note(&mut self, at: Time, text: impl Into<String>) {
        let text = text.into();
        if self.history.last().is_some_and(|last| last.text == text) {
            return;
        }
        if self.history.len() >= HISTORY {
            self.history.remove(HISTORY / 3);
        }
        self.history.push(Entry { at, text });
    }

    /// The channel or connection, as the server names it where that was seen: of a server with one alone nobody need have
    /// named it. Empty: it has no name.
    pub fn channel(&self) -> &str {
        self.facts.as_ref().and_then(|facts| facts.channel.as_deref()).unwrap_or(&self.channel)
    }

    /// Whether its SQL thread has been stopped and is kept so.
    pub fn keeps_stopped(&self) -> bool {
        matches!(self.phase, Phase::StoppingIo | Phase::Proving | Phase::Frozen)
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Resumed
    }

    /// Whether a step is done.
    pub fn ticked(&self, step: Step) -> Option<&Tick> {
        self.ticks.iter().find(|tick| tick.step == step)
    }

    /// Ticks a step; one that is done stays as it was. Whether it was not.
    pub fn tick(&mut self, step: Step, at: Time, who: &str) -> bool {
        if self.ticked(step).is_some() {
            return false;
        }
        self.ticks.push(Tick { step, at, who: who.to_owned() });
        self.note(at, format!("step done: {} ({})", step.words(), shown(who)));
        true
    }

    /// Takes a tick back. Whether there was one.
    pub fn untick(&mut self, step: Step, at: Time, who: &str) -> bool {
        let before = self.ticks.len();
        self.ticks.retain(|tick| tick.step != step);
        let gone = self.ticks.len() < before;
        if gone {
            self.note(at, format!("step taken back: {} ({})", step.words(), shown(who)));
        }
        gone
    }
}

/// A text from outside, short and safe to show.
pub(super) fn shown(text: &str) -> String {
    let text = crate::base::escape::shown_again(&text.chars().take(TEXT + 1).collect::<String>());
    if text.chars().count() <= TEXT {
        return text;
    }
    format!("{}…", text.chars().take(TEXT).collect::<String>())
}
