//! What stands above the lists: the cluster in a line, how many findings there are, and the strip of slots with its words.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::clusters;
use crate::base::units::Count;
use crate::base::{Severity, Shown, Time};
use crate::console::format;
use crate::console::glyphs::Look;
use crate::console::theme::Role;
use crate::console::widgets::strip::{Item, Part};
use crate::console::widgets::{Piece, paint, slots};
use crate::redis::limits::Kind;
use crate::redis::read::ClusterRead;
use crate::redis::slots::{SLOTS, SlotSet};
use crate::redis::snapshot::{Health, SlotState, Strip};

/// A text of a line.
pub fn text(text: impl Into<String>, role: Role) -> Item<'static> {
    Item::Text(Piece::new(text.into(), role))
}

fn part(title: &str, value: impl Into<String>, role: Role, drop: u8) -> Part<'static> {
    Part { items: vec![text(format!("{title} "), Role::Title), text(value, role)], drop }
}

/// The sign and the word of a severity. What was looked at too long ago is in doubt, and looks like that.
fn standing(severity: Severity, stale: bool, look: &Look<'_>) -> Item<'static> {
    let (sign, role) = if stale { (Severity::Unknown, Role::Stale) } else { (severity, Role::of(severity)) };
    text(format!("{} {}", look.glyphs.severity(sign), severity.word()), role)
}

/// The cluster in one line: what is served of it first, what is good to know last.
pub fn line(one: &ClusterRead, health: &Health, now: Time, look: &Look<'_>) -> Vec<Part<'static>> {
    let line = &health.line;
    let stale = one.stale(now).is_some();
    let plain = if stale { Role::Stale } else { Role::Text };
    let name = format!(" {}", Shown::text(&one.name));
    let mut parts =
        vec![Part { items: vec![standing(health.severity, stale, look), text(name, Role::Strong)], drop: 0 }];
    if line.kind == Kind::Cluster {
        let role = Some(clusters::standing(health)).filter(|role| *role != Role::Text).unwrap_or(plain);
        let mut slots = part("SLOTS", clusters::slots(health), role, 0);
        if let Some(unseen) = line.unseen.filter(|unseen| *unseen > 0) {
            slots.items.push(text(format!(", {} not seen", Count(unseen.into())), Role::Unknown));
        }
        parts.push(slots);
    }
    let answer = format!("{}/{}", Count(line.answering.into()), Count(line.known.into()));
    let role = if line.answering < line.known { Role::Warning } else { plain };
    parts.push(part("ANSWER", answer, role, 0));
    let count = |count: Option<u32>| format::count(count.map(u64::from));
    if line.kind == Kind::List {
        parts.push(part("NODES", count(line.masters), plain, 2));
    } else {
        parts.push(part("MASTERS", count(line.masters), plain, 2));
        parts.push(part("REPLICAS", count(line.replicas), plain, 3));
    }
    if line.kind == Kind::Cluster {
        // Its own word is not health: it is told, and alarms only where it is bad.
        let role = if line.state.as_deref() == Some("fail") { Role::Critical } else { Role::Dim };
        parts.push(part("SAYS", clusters::says(health), role, 4));
        let (views, role) = match line.views {
            0 => ("none seen".to_owned(), Role::Unknown),
            1 => ("agree".to_owned(), plain),
            more => (format!("{} differ", Count(more.into())), Role::Warning),
        };
        parts.push(part("VIEWS", views, role, 1));
        parts.push(part("EPOCH", format::count(line.epoch), plain, 7));
    }
    parts.push(part("KEYS", format::count(line.keys), plain, 6));
    parts.push(part("OPS/S", format::rate(line.ops), plain, 5));
    parts
}

/// How many findings there are, what was not seen, and when it was looked at.
pub fn counts(one: &ClusterRead, health: &Health, now: Time, look: &Look<'_>) -> Vec<Part<'static>> {
    let mut parts = Vec::new();
    for (severity, count) in clusters::counted(&health.counts) {
        let words = format!("{} {count} {}", look.glyphs.severity(severity), severity.word());
        parts.push(Part { items: vec![text(words, Role::of(severity))], drop: 0 });
    }
    if parts.is_empty() {
        parts.push(Part { items: vec![text("no findings", Role::Dim)], drop: 0 });
    }
    if let Some(age) = one.stale(now) {
        let words = format!("looked at {} ago, not since", format::span(Some(age)));
        parts.push(Part { items: vec![text(words, Role::Stale)], drop: 0 });
    }
    if health.counts.not_seen > 0 {
        let count = health.counts.not_seen;
        let words =
            if count == 1 { "1 node not seen".to_owned() } else { format!("{} nodes not seen", Count(count.into())) };
        parts.push(Part { items: vec![text(words, Role::Unknown)], drop: 0 });
    }
    if health.counts.silenced > 0 {
        let words = format!("{} silenced", Count(health.counts.silenced.into()));
        parts.push(Part { items: vec![text(words, Role::Dim)], drop: 1 });
    }
    if let Some(since) = clusters::since(health) {
        let words = format!("worst for {}", format::span(Some(now.since(since))));
        parts.push(Part { items: vec![text(words, Role::Text)], drop: 2 });
    }
    if let Some(event) = health.events.first() {
        let ago = format::span(Some(now.since(event.at)));
        let words = format!("last event {} ago: {} {}", ago, event.kind.word(), event.node);
        parts.push(Part { items: vec![text(words, Role::Dim)], drop: 3 });
    }
    parts
}

/// The strip of slots, and below it what its signs mean: how many slots stand how, and the worst of them by number.
pub fn slots(health: &Health, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some(row) = paint::row(area, 0) else { return };
    if health.strip.is_empty() {
        let words = "slots: no view of the cluster was seen";
        paint::text(words, Role::Unknown, row.x, row.y, row.width, look, buf);
        return;
    }
    slots::draw(&health.strip, look, row, buf);
    let Some(row) = paint::row(area, 1) else { return };
    crate::console::widgets::strip::draw(&legend(&health.strip, look), 3, look, row, buf);
}

/// What the signs of a strip mean, the worst first.
fn legend(strip: &[Strip], look: &Look<'_>) -> Vec<Part<'static>> {
    let mut by: BTreeMap<SlotState, Vec<(u16, u16)>> = BTreeMap::new();
    for part in strip {
        by.entry(part.state).or_default().push((part.from, part.to));
    }
    let mut parts = Vec::new();
    for (state, ranges) in by.into_iter().rev() {
        let set = SlotSet::of(ranges);
        let role = slots::role(state);
        let fraction = f64::from(set.count()) / f64::from(SLOTS);
        // Of a few slots their numbers tell more.
        let share = if fraction < 0.01 { String::new() } else { format!(" ({})", format::percent(Some(fraction))) };
        let words = format!("{} {} {}{share}", slots::sign(state, look), state.word(), Count(set.count().into()));
        let mut items = vec![text(words, role)];
        if state != SlotState::Served {
            items.push(text(format!(": {set}"), Role::Text));
        }
        // What is served is what is left.
        parts.push(Part { items, drop: u8::from(state == SlotState::Served) });
    }
    parts
}
