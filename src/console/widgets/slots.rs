//! The slots of a cluster in one row: as many of them in each cell as have to be, the worst of them seen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::paint;
use crate::console::glyphs::Look;
use crate::console::theme::Role;
use crate::redis::slots::SLOTS;
use crate::redis::snapshot::{SlotState, Strip};

/// The role of a state.
pub fn role(state: SlotState) -> Role {
    match state {
        SlotState::Served => Role::Ok,
        SlotState::Open => Role::Accent,
        SlotState::NotSeen => Role::Unknown,
        SlotState::Disputed | SlotState::Unassigned | SlotState::Failing => Role::Critical,
    }
}

/// The sign of a state.
pub fn sign(state: SlotState, look: &Look<'_>) -> &'static str {
    look.glyphs.slots[match state {
        SlotState::Served => 0,
        SlotState::Open => 1,
        SlotState::NotSeen => 2,
        SlotState::Disputed => 3,
        SlotState::Unassigned => 4,
        SlotState::Failing => 5,
    }]
}

/// The worst state of the slots that each of so many cells stands for; nothing: none of them is told of.
pub fn cells(strip: &[Strip], width: u16) -> Vec<Option<SlotState>> {
    let mut cells = vec![None; usize::from(width)];
    if width == 0 {
        return cells;
    }
    let (all, wide) = (u32::from(SLOTS), u32::from(width));
    // The first and the last cell that show a slot. With more cells than slots a slot is as wide as it has to be.
    let first = |slot: u32| slot * wide / all;
    let last = |slot: u32| ((slot + 1) * wide).div_ceil(all).saturating_sub(1).max(first(slot));
    for part in strip.iter().filter(|part| part.from <= part.to && part.from < SLOTS) {
        let to = u32::from(part.to.min(SLOTS - 1));
        for at in first(part.from.into())..=last(to).min(wide - 1) {
            if let Some(cell) = usize::try_from(at).ok().and_then(|at| cells.get_mut(at)) {
                *cell = (*cell).max(Some(part.state));
            }
        }
    }
    cells
}

/// Draws it.
pub fn draw(strip: &[Strip], look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let area = area.intersection(buf.area);
    if area.height == 0 {
        return;
    }
    for (state, x) in cells(strip, area.width).into_iter().zip(area.left()..area.right()) {
        let (sign, role) = state.map_or((look.glyphs.gap, Role::Dim), |state| (sign(state, look), role(state)));
        paint::sign(sign, role, x, area.y, look, buf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(from: u16, to: u16, state: SlotState) -> Strip {
        Strip { from, to, state }
    }

    #[test]
    fn one_slot_that_fails_is_seen_however_narrow_the_strip_is() {
        let strip = [
            part(0, 8_449, SlotState::Served),
            part(8_450, 8_450, SlotState::Failing),
            part(8_451, 16_383, SlotState::Served),
        ];
        for width in [1, 2, 3, 78, 138, 1_000] {
            let cells = cells(&strip, width);
            assert_eq!(cells.iter().filter(|cell| **cell == Some(SlotState::Failing)).count(), 1, "{width}");
            assert!(cells.iter().all(Option::is_some), "{width}");
        }
        let third = cells(&[part(0, 5_460, SlotState::NotSeen)], 3);
        assert_eq!(third, [Some(SlotState::NotSeen), None, None], "what nobody tells of is blank");
    }

    proptest! {
        #[test]
        fn each_cell_shows_the_worst_of_its_slots_and_no_other(
            parts in prop::collection::vec((0_u16..16_500, 0_u16..4_000, 0_usize..6), 0..12), width in 0_u16..300,
        ) {
            const ALL: [SlotState; 6] = [
                SlotState::Served, SlotState::Open, SlotState::NotSeen, SlotState::Disputed, SlotState::Unassigned,
                SlotState::Failing,
            ];
            let strip: Vec<Strip> =
                parts.iter().map(|(from, more, state)| part(*from, from.saturating_add(*more), ALL[*state])).collect();
            let found = cells(&strip, width);
            prop_assert_eq!(found.len(), usize::from(width));
            for (at, cell) in found.iter().enumerate() {
                // Slots that any part of the cell stands for.
                let (at, wide, all) = (u32::try_from(at).unwrap(), u32::from(width), u32::from(SLOTS));
                let (from, to) = (at * all / wide, ((at + 1) * all).div_ceil(wide) - 1);
                let wanted = strip
                    .iter()
                    .filter(|part| part.from < SLOTS && u32::from(part.from) <= to && u32::from(part.to) >= from)
                    .map(|part| part.state)
                    .max();
                prop_assert_eq!(*cell, wanted, "cell {} of {}: {}-{}", at, width, from, to);
            }
        }
    }
}
