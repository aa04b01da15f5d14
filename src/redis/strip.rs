//! The slots from 0 up, and how each stands.

use super::facts::Facts;
use super::rules::opened;
use super::slots::{SLOTS, SlotSet};
use super::snapshot::{SlotState, Strip};

/// Runs of slots that stand alike; empty: no view was seen, now or before.
pub fn strip(facts: &Facts<'_>) -> Vec<Strip> {
    if facts.merged.is_none() && facts.owners().all(|node| node.slots.is_empty()) {
        return Vec::new();
    }
    let mut all = vec![SlotState::Unassigned; usize::from(SLOTS)];
    let mut set = |slots: &SlotSet, state: SlotState, only: Option<SlotState>| {
        for &(from, to) in slots.ranges() {
            for one in &mut all[usize::from(from)..=usize::from(to)] {
                if only.is_none_or(|only| *one == only) {
                    *one = state;
                }
            }
        }
    };
    for node in facts.owners() {
        let state = match node.serves() {
            Some(true) => SlotState::Served,
            Some(false) => SlotState::Failing,
            None => SlotState::NotSeen,
        };
        set(&node.slots, state, None);
    }
    if let Some(merged) = &facts.merged {
        for lost in facts.lost() {
            set(&lost.slots, if lost.gone { SlotState::Failing } else { SlotState::NotSeen }, None);
        }
        set(&opened(merged), SlotState::Open, Some(SlotState::Served));
        for dispute in merged.disputes() {
            set(&dispute.slots, SlotState::Disputed, Some(SlotState::Served));
        }
        for split in merged.splits() {
            set(&split.slots, SlotState::Disputed, Some(SlotState::Served));
        }
    }
    let mut runs: Vec<Strip> = Vec::new();
    for (slot, state) in (0_u16..).zip(all) {
        match runs.last_mut() {
            Some(last) if last.state == state => last.to = slot,
            _ => runs.push(Strip { from: slot, to: slot, state }),
        }
    }
    runs
}
