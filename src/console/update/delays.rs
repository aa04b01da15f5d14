//! Actions of the Delay tab: one replica looked at closely, how much time its chart shows, the replica beside it.

use std::sync::Arc;

use crate::base::Severity;
use crate::console::effect::{Effect, Query};
use crate::console::model::Model;
use crate::console::overlay::Overlay;
use crate::console::tabs::TabId;
use crate::console::tabs::delay::{Read, ReplicaView, Span, about};
use crate::delay::snapshot::{DelayChart, DelaySnapshot};

/// How replicas stand was read: it is shown, unless the screen is held.
pub(super) fn adopt(model: &mut Model, snapshot: Arc<DelaySnapshot>) -> Vec<Effect> {
    model.delay.newest = Some(Arc::clone(&snapshot));
    model.dirty |= model.tab == TabId::Delay;
    if model.held.is_some() {
        return Vec::new();
    }
    model.delay.adopt(snapshot);
    // Until somebody has looked, what is looked at first is the worst.
    model.delay.looked |= model.tab == TabId::Delay;
    if !model.delay.looked {
        model.delay.list.select(0);
    }
    want_chart(model)
}

fn view(model: &Model) -> Option<&ReplicaView> {
    model.overlays.iter().rev().find_map(|overlay| match overlay {
        Overlay::Replica(view) => Some(&**view),
        _ => None,
    })
}

fn view_mut(model: &mut Model) -> Option<&mut ReplicaView> {
    model.overlays.iter_mut().rev().find_map(|overlay| match overlay {
        Overlay::Replica(view) => Some(&mut **view),
        _ => None,
    })
}

/// Asks for the chart of the replica that is looked at: for another span, or when what was read is so old that it would
/// be drawn otherwise.
fn want_chart(model: &mut Model) -> Vec<Effect> {
    let span = model.delay.span;
    let Some(until) = model.delay.now() else { return Vec::new() };
    let Some(view) = view_mut(model) else { return Vec::new() };
    let fresh = view.chart.as_ref().is_some_and(|read| read.span == span && until.since(read.to) < span.step());
    let asked =
        matches!(&view.asked, Some(Query::DelayChart { name, span: of, .. }) if *name == view.name && *of == span);
    if fresh && !asked {
        // What was asked for another span is not waited for any more.
        view.asked = None;
    }
    if fresh || asked {
        return Vec::new();
    }
    let query = Query::DelayChart { name: view.name.clone(), span, until };
    view.asked = Some(query.clone());
    vec![Effect::Ask(query)]
}

/// A chart was read.
pub(super) fn charted(model: &mut Model, query: &Query, result: Result<Box<DelayChart>, String>) -> Vec<Effect> {
    let Query::DelayChart { span, .. } = query else { return Vec::new() };
    let Some(view) = view_mut(model).filter(|view| view.asked.as_ref() == Some(query)) else { return Vec::new() };
    view.asked = None;
    match result {
        Ok(chart) => {
            view.chart = Some(Read::new(*span, *chart));
            view.wrong = None;
        }
        Err(why) => view.wrong = Some(why),
    }
    Vec::new()
}

/// All about the selected replica.
pub fn details(model: &mut Model) -> Vec<Effect> {
    let Some(name) = model.delay.list.selected.clone() else { return Vec::new() };
    model.overlays.push(Overlay::Replica(Box::new(ReplicaView::new(name))));
    want_chart(model)
}

/// Sorts the list by what comes next.
pub fn sort(model: &mut Model) -> Vec<Effect> {
    let text = model.delay.sort(false);
    model.tell(Severity::Ok, text);
    Vec::new()
}

/// Turns the order round.
pub fn turn(model: &mut Model) -> Vec<Effect> {
    let text = model.delay.sort(true);
    model.tell(Severity::Ok, text);
    Vec::new()
}

fn show(model: &mut Model, span: Option<Span>) -> Vec<Effect> {
    let Some(span) = span else { return Vec::new() };
    model.delay.span = span;
    want_chart(model)
}

/// The chart shows the shortest time already.
pub fn not_closer(model: &Model) -> Option<String> {
    model.delay.span.closer().is_none().then(|| format!("{} is the shortest time there is", model.delay.span.word()))
}

/// The chart shows the longest time already.
pub fn not_wider(model: &Model) -> Option<String> {
    model
        .delay
        .span
        .wider()
        .is_none()
        .then(|| format!("samples are kept for {} and no longer", model.delay.span.word()))
}

/// Shows less time, closer.
pub fn closer(model: &mut Model) -> Vec<Effect> {
    let span = model.delay.span.closer();
    show(model, span)
}

/// Shows more time.
pub fn wider(model: &mut Model) -> Vec<Effect> {
    let span = model.delay.span.wider();
    show(model, span)
}

/// Shows the next longer time, and after the longest the shortest.
pub fn span(model: &mut Model) -> Vec<Effect> {
    let span = model.delay.span.next();
    show(model, Some(span))
}

/// The replica is configured no more.
pub fn gone(model: &Model) -> Option<String> {
    let there = view(model).is_some_and(|view| model.delay.named(&view.name).is_some());
    (!there).then(|| "it is configured no more".to_owned())
}

/// All that is shown of the replica that is looked at.
pub(super) fn all(model: &Model) -> Option<String> {
    let line = model.delay.named(&view(model)?.name)?;
    let now = model.delay.now()?;
    Some(about::replica(line, now).text())
}

/// There is no other replica on the list.
pub fn alone(model: &Model) -> Option<String> {
    let beside = model.delay.list.ids.len() > 1 && view(model).is_some();
    (!beside).then(|| "there is no other replica on the list".to_owned())
}

/// The next replica on the list, and after the last the first.
pub fn next(model: &mut Model) -> Vec<Effect> {
    beside(model, 1)
}

/// The replica before.
pub fn previous(model: &mut Model) -> Vec<Effect> {
    beside(model, -1)
}

fn beside(model: &mut Model, by: isize) -> Vec<Effect> {
    let list = &mut model.delay.list;
    let (count, at) = (list.ids.len().cast_signed(), list.place().unwrap_or(0).cast_signed());
    if count == 0 {
        return Vec::new();
    }
    list.select(usize::try_from((at + by).rem_euclid(count)).unwrap_or(0));
    let Some(name) = list.selected.clone() else { return Vec::new() };
    if let Some(view) = view_mut(model) {
        *view = ReplicaView::new(name);
    }
    want_chart(model)
}

/// Goes to the replica that a finding names.
pub(super) fn go(model: &mut Model, object: &str) -> Vec<Effect> {
    model.overlays.clear();
    model.tab = TabId::Delay;
    if !model.delay.list.filter.is_empty() {
        // What it is about may not pass the filter.
        model.delay.set_filter("");
    }
    let ids = &model.delay.list.ids;
    let word = |id: &String| object.split_whitespace().any(|word| word == id);
    let place = ids.iter().position(|id| id == object).or_else(|| ids.iter().position(word));
    if let Some(place) = place {
        model.delay.list.select(place);
    }
    Vec::new()
}
