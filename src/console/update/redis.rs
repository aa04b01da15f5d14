//! Actions of the Redis tab: clusters, what is wrong with them, one node looked at closely.

use std::sync::Arc;

use crate::base::{Severity, Shown};
use crate::console::details::{Details, Group};
use crate::console::effect::{Effect, Query, RedisPanel};
use crate::console::model::Model;
use crate::console::overlay::Overlay;
use crate::console::tabs::TabId;
use crate::console::tabs::redis::node::{self, PANELS};
use crate::console::tabs::redis::{EventsView, List, NodeView};
use crate::redis::addr::NodeAddr;
use crate::redis::finding::{Finding, Object};
use crate::redis::read::RedisRead;
use crate::redis::snapshot::NodeRow;

/// Clusters were looked at: they are shown, unless the screen is held.
pub(super) fn adopt(model: &mut Model, read: Result<Arc<RedisRead>, String>) -> Vec<Effect> {
    let read = match read {
        Ok(read) => read,
        Err(why) => {
            model.dirty |= model.redis.wrong.as_ref() != Some(&why);
            model.redis.wrong = Some(why);
            model.look_again();
            return Vec::new();
        }
    };
    let before = model.worst(TabId::Redis);
    model.redis.wrong = None;
    model.redis.newest = Some(Arc::clone(&read));
    model.look_again();
    // From another tab its mark is seen, and the newest finding.
    model.dirty |= model.tab == TabId::Redis || model.worst(TabId::Redis) != before;
    if model.held.is_some() {
        return Vec::new();
    }
    model.redis.adopt(read);
    // Until somebody has looked, what is looked at first is the worst.
    model.redis.looked |= model.tab == TabId::Redis;
    if !model.redis.looked {
        model.redis.clusters.select(0);
        model.redis.findings.select(0);
    }
    Vec::new()
}

// --- the lists ----------------------------------------------------------------------------------------------------

/// Why nothing can be opened: nothing is selected, or the finding is about no single node.
pub fn not_to_open(model: &Model) -> Option<String> {
    if model.redis.is_nothing_selected() {
        return Some("nothing is selected: the list is empty".to_owned());
    }
    let whole = model.redis.list() == List::Findings && target(model).is_none();
    whole.then(|| "it is about no single node that is known; all of it stands below the lists".to_owned())
}

/// The selected cluster, or the node that is selected or that the selected finding is about.
pub fn details(model: &mut Model) -> Vec<Effect> {
    if model.redis.list() == List::Clusters {
        let name = model.redis.clusters.selected.clone();
        model.redis.open(name);
        return Vec::new();
    }
    let (Some(node), Some(one)) = (target(model).map(|row| row.addr.clone()), model.redis.current()) else {
        return Vec::new();
    };
    let view = NodeView::new(one.name.clone(), node);
    model.overlays.push(Overlay::Node(Box::new(view)));
    Vec::new()
}

/// The node that the keys are about: the one that is looked at, the selected one, or the one that the selected finding
/// is about.
pub(super) fn target(model: &Model) -> Option<&NodeRow> {
    match (model.beneath(), model.redis.list()) {
        (Some(Overlay::Node(view)), _) => row(model, view),
        (Some(_), _) | (None, List::Clusters) => None,
        (None, List::Nodes) => model.redis.selected_node(),
        (None, List::Findings) => match model.redis.finding()?.object {
            Object::Node(addr) => model.redis.node(&addr),
            _ => None,
        },
    }
}

fn row<'a>(model: &'a Model, view: &NodeView) -> Option<&'a NodeRow> {
    let one = model.redis.shown.as_ref()?.named(&view.cluster)?;
    one.health.as_ref()?.nodes.iter().find(|row| row.addr == view.node)
}

/// There is one list alone.
pub fn one_list(model: &Model) -> Option<String> {
    (model.redis.list() == List::Clusters).then(|| "open a cluster first (Enter)".to_owned())
}

/// The other list of a cluster.
pub fn pane(model: &mut Model) -> Vec<Effect> {
    model.redis.pane = if model.redis.pane == List::Findings { List::Nodes } else { List::Findings };
    Vec::new()
}

/// Sorts clusters or nodes by what comes next.
pub fn sort(model: &mut Model) -> Vec<Effect> {
    sorted(model, false)
}

/// Turns the order round.
pub fn turn(model: &mut Model) -> Vec<Effect> {
    sorted(model, true)
}

fn sorted(model: &mut Model, turn: bool) -> Vec<Effect> {
    let text = model.redis.sort(turn);
    model.tell(Severity::Ok, text);
    Vec::new()
}

/// Nodes as they belong together have no other order.
pub fn not_to_turn(model: &Model) -> Option<String> {
    let tree = model.redis.list() != List::Clusters && model.redis.nodes.sort.is_none();
    tree.then(|| "nodes stand as they belong together; sort them by a column first".to_owned())
}

/// Back one level: the filter, then to the list of clusters; whether there was one.
pub(super) fn back(model: &mut Model) -> bool {
    if !model.redis.filter().is_empty() {
        model.redis.set_filter("");
        model.tell(Severity::Ok, "the filter is gone");
        return true;
    }
    let open = model.redis.open.is_some();
    model.redis.open(None);
    open
}

/// What is copied of the lists: of a finding the command that would repair it, else its words.
pub(super) fn copied(model: &Model) -> Option<String> {
    match model.redis.list() {
        List::Clusters => model.redis.clusters.selected.clone(),
        List::Nodes => model.redis.nodes.selected.as_ref().map(ToString::to_string),
        List::Findings => {
            let finding = model.redis.finding()?;
            let Finding { severity, rule, object, text, since, next, command, .. } = finding;
            let next = next.map_or_else(String::new, |next| format!("; {next}"));
            command.or_else(|| Some(format!("{severity} {rule} {object}: {text}; since {since}{next}")))
        }
    }
}

/// Goes to the cluster, and the node, that a finding names.
pub(super) fn go(model: &mut Model, object: &str) -> Vec<Effect> {
    model.overlays.clear();
    model.tab = TabId::Redis;
    let words: Vec<&str> = object.split_whitespace().collect();
    let names = model
        .redis
        .shown
        .as_ref()
        .map_or_else(Vec::new, |read| read.clusters.iter().map(|one| one.name.clone()).collect::<Vec<_>>());
    if let Some(name) = names.iter().find(|name| *name == object || words.contains(&name.as_str())) {
        model.redis.open(Some(name.clone()));
    }
    for list in [List::Findings, List::Nodes] {
        // What it is about may not pass the filter.
        model.redis.pane = list;
        if model.redis.current().is_some() && !model.redis.filter().is_empty() {
            model.redis.set_filter("");
        }
    }
    let of = |addr: &NodeAddr| words.contains(&addr.to_string().as_str());
    match model.redis.nodes.ids.iter().position(of) {
        Some(place) => model.redis.select(List::Nodes, place),
        None => model.redis.pane = List::Findings,
    }
    Vec::new()
}

// --- one node, and what happened ----------------------------------------------------------------------------------

fn view(model: &Model) -> Option<&NodeView> {
    match model.beneath() {
        Some(Overlay::Node(view)) => Some(view),
        _ => None,
    }
}

fn view_mut(model: &mut Model) -> Option<&mut NodeView> {
    model.overlays.iter_mut().rev().find_map(|overlay| match overlay {
        Overlay::Node(view) => Some(&mut **view),
        _ => None,
    })
}

/// Asks for what is to be shown of the node and has not been read.
fn want(model: &mut Model) -> Vec<Effect> {
    let Some(view) = view_mut(model) else { return Vec::new() };
    let Some(panel) = view.panel.filter(|panel| !view.read.contains_key(panel)) else { return Vec::new() };
    if view.asked.is_some() {
        // One connection, one question: the next is asked when this one is answered.
        return Vec::new();
    }
    let query = Query::RedisPanel { cluster: view.cluster.clone(), node: view.node.clone(), panel };
    view.asked = Some(query.clone());
    vec![Effect::Ask(query)]
}

/// What was asked of a node has come.
pub(super) fn panel_read(model: &mut Model, query: &Query, result: Result<Vec<Group>, String>) -> Vec<Effect> {
    let Query::RedisPanel { panel, .. } = query else { return Vec::new() };
    let Some(view) = view_mut(model).filter(|view| view.asked.as_ref() == Some(query)) else { return Vec::new() };
    view.asked = None;
    view.read.insert(*panel, result);
    want(model)
}

/// What else can be shown of the node.
pub fn panel_next(model: &mut Model) -> Vec<Effect> {
    turn_panel(model, 1)
}

/// The same, backwards.
pub fn panel_before(model: &mut Model) -> Vec<Effect> {
    turn_panel(model, PANELS.len() - 1)
}

fn turn_panel(model: &mut Model, by: usize) -> Vec<Effect> {
    let Some(view) = view_mut(model) else { return Vec::new() };
    let at = PANELS.iter().position(|panel| *panel == view.panel).unwrap_or(0);
    (view.panel, view.top) = (PANELS[(at + by) % PANELS.len()], 0);
    want(model)
}

/// It is shown as every look has it, or is being asked for.
pub fn not_again(model: &Model) -> Option<String> {
    match view(model) {
        Some(NodeView { panel: None, .. }) => Some("every look reads it anew".to_owned()),
        Some(NodeView { asked: Some(_), .. }) => Some("it was asked for and has not been answered yet".to_owned()),
        _ => None,
    }
}

/// Asks the node once more.
pub fn again(model: &mut Model) -> Vec<Effect> {
    let Some(view) = view_mut(model) else { return Vec::new() };
    let panel: Option<RedisPanel> = view.panel;
    if let Some(panel) = panel {
        view.read.remove(&panel);
    }
    want(model)
}

/// There is no other node on the list.
pub fn alone(model: &Model) -> Option<String> {
    (model.redis.nodes.ids.len() < 2).then(|| "there is no other node on the list".to_owned())
}

/// The next node on the list, and after the last the first.
pub fn next(model: &mut Model) -> Vec<Effect> {
    beside(model, 1)
}

/// The node before.
pub fn previous(model: &mut Model) -> Vec<Effect> {
    beside(model, -1)
}

fn beside(model: &mut Model, by: isize) -> Vec<Effect> {
    let Some(shown) = view(model).map(|view| view.node.clone()) else { return Vec::new() };
    let list = &mut model.redis.nodes;
    let count = list.ids.len().cast_signed();
    let at = list.ids.iter().position(|addr| *addr == shown).unwrap_or(0).cast_signed();
    let Ok(place) = usize::try_from((at + by).rem_euclid(count.max(1))) else { return Vec::new() };
    list.select(place);
    let Some(node) = list.selected.clone() else { return Vec::new() };
    if let Some(view) = view_mut(model) {
        // What is looked at of one is looked at of the next.
        let panel = view.panel;
        *view = NodeView { panel, ..NodeView::new(view.cluster.clone(), node) };
    }
    want(model)
}

/// All that is shown of the node, of what happened, or of the run.
pub(super) fn all(model: &Model) -> Option<String> {
    let read = model.redis.shown.as_deref();
    let (title, groups) = match model.overlays.last()? {
        Overlay::Node(view) => (format!("{} of {}", view.node, Shown::text(&view.cluster)), node::groups(view, read?)),
        Overlay::Events(view) => {
            let read = read?;
            (format!("events of {}", Shown::text(&view.cluster)), node::happened(view, read, read.now))
        }
        Overlay::Load { .. } => {
            let run = model.redis.bench.run.as_ref()?;
            let hosts: Vec<String> = run.ask.hosts.iter().map(ToString::to_string).collect();
            let title = format!("benchmark {} of {}", run.ask.work.name(), hosts.join(", "));
            (title, crate::console::tabs::redis::benchdraw::figures(run))
        }
        _ => return None,
    };
    Some(Details { title, groups, id: String::new(), failed: false }.text())
}

/// No cluster is looked at.
pub fn no_cluster(model: &Model) -> Option<String> {
    match model.redis.current() {
        None => Some("open a cluster first (Enter)".to_owned()),
        Some(one) if one.health.is_none() => Some("it has not been looked at yet".to_owned()),
        Some(_) => None,
    }
}

/// What happened.
pub fn events(model: &mut Model) -> Vec<Effect> {
    if let Some(one) = model.redis.current() {
        let cluster = one.name.clone();
        model.overlays.push(Overlay::Events(EventsView { cluster, top: 0 }));
    }
    Vec::new()
}
