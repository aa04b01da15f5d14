//! The picture of one node: what every look tells of it, or what was asked of it on demand; and that of what happened.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::sheet::{frame, scrolled};
use super::state::{EventsView, NodeView};
use super::{about, nodes};
use crate::base::{Shown, Time};
use crate::console::details::Group;
use crate::console::effect::RedisPanel;
use crate::console::glyphs::Look;
use crate::console::theme::Role;
use crate::console::widgets::{Extent, paint};
use crate::redis::read::RedisRead;

/// What can be shown of a node, in the order of the keys.
pub const PANELS: [Option<RedisPanel>; 7] = [
    None,
    Some(RedisPanel::Info),
    Some(RedisPanel::SlowLog),
    Some(RedisPanel::Latency),
    Some(RedisPanel::Clients),
    Some(RedisPanel::Memory),
    Some(RedisPanel::Config),
];

/// The word for it.
pub fn title(panel: Option<RedisPanel>) -> &'static str {
    match panel {
        None => "seen",
        Some(RedisPanel::Info) => "INFO",
        Some(RedisPanel::SlowLog) => "slow log",
        Some(RedisPanel::Latency) => "latency",
        Some(RedisPanel::Clients) => "clients",
        Some(RedisPanel::Memory) => "memory",
        Some(RedisPanel::Config) => "config",
    }
}

/// The lines of what is shown of a node.
pub fn groups(view: &NodeView, read: &RedisRead) -> Vec<Group> {
    let told = |text: String, role: Role| {
        let mut group = Group::new("");
        group.role("", text, role);
        vec![group]
    };
    match view.panel {
        None => {
            let health = read.named(&view.cluster).and_then(|one| one.health.as_ref());
            let row = health.and_then(|health| health.nodes.iter().find(|row| row.addr == view.node));
            match (health, row) {
                (Some(health), Some(row)) => about::node(row, health, read.now).groups,
                _ => told("it is known of no more: no view names it, and it is no seed".to_owned(), Role::Unknown),
            }
        }
        Some(panel) => match view.read.get(&panel) {
            None => told("asking the node …".to_owned(), Role::Dim),
            // What it does not tell is not seen; that it is down is not said by this.
            Some(Err(why)) => told(format!("not seen: {}", Shown::text(why)), Role::Unknown),
            Some(Ok(groups)) if groups.iter().all(|group| group.lines.is_empty()) => {
                told("nothing is there".to_owned(), Role::Dim)
            }
            Some(Ok(groups)) => groups.clone(),
        },
    }
}

/// Draws a node; says how many lines there are and how many fit.
pub fn draw(view: &NodeView, read: &RedisRead, hint: &str, look: &Look<'_>, area: Rect, buf: &mut Buffer) -> Extent {
    let area = area.intersection(buf.area);
    let health = read.named(&view.cluster).and_then(|one| one.health.as_ref());
    let row = health.and_then(|health| health.nodes.iter().find(|row| row.addr == view.node));
    let what = row.map_or_else(String::new, |row| format!(": {} {}", nodes::role(row), nodes::standing(row)));
    let name = format!("{}{what}", view.node);
    let inner = frame(name, Shown::text(&view.cluster).to_string(), hint, look, area, buf);
    let bar = u16::from(inner.height >= 5);
    let [top, _, below] =
        Layout::vertical([Constraint::Length(bar), Constraint::Length(bar), Constraint::Fill(1)]).areas(inner);
    if bar > 0 {
        let mut x = top.x;
        for panel in PANELS {
            let (sign, role) =
                if panel == view.panel { (look.glyphs.cursor, Role::TabActive) } else { (" ", Role::TabIdle) };
            let room = top.right().saturating_sub(x);
            x = paint::text(&format!("{sign}{} ", title(panel)), role, x, top.y, room, look, buf);
        }
    }
    scrolled(&groups(view, read), view.top, look, area, below, buf)
}

/// Draws what happened.
pub fn events(
    view: &EventsView,
    read: &RedisRead,
    hint: &str,
    look: &Look<'_>,
    area: Rect,
    buf: &mut Buffer,
) -> Extent {
    let area = area.intersection(buf.area);
    let groups = happened(view, read, read.now);
    let name = format!("Events of {}", Shown::text(&view.cluster));
    let inner = frame(name, "newest first".to_owned(), hint, look, area, buf);
    scrolled(&groups, view.top, look, area, inner, buf)
}

/// What happened to the cluster of a view.
pub fn happened(view: &EventsView, read: &RedisRead, now: Time) -> Vec<Group> {
    let health = read.named(&view.cluster).and_then(|one| one.health.as_ref());
    about::events(health.map_or(&[][..], |health| &health.events), now)
}
