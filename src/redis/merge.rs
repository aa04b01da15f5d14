//! Views laid beside each other: which are alike, which side wins, and where they name different owners.
//!
//! A view's signature is what nodes there are, what each is, of which master, and who owns which slot. Times of pings, lines,
//! the order and flags are left out: they differ in normal work. Open slots are in their holder's view alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::Xxh3;

use super::addr::NodeAddr;
use super::look::Look;
use super::nodes::{Flag, NodeId, NodeLine};
use super::slots::{SLOTS, SlotSet};
use super::view::View;

/// Ranges of slots, in order.
type Ranges = Vec<(u16, u16)>;
/// A dispute before it has names: whom some views name, whom the winning one names, which slots.
type Differs = (u16, u16, Ranges);

/// No owner.
const NONE: u16 = u16::MAX;

/// Views that say the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Which, by their place in [`Merged::views`].
    pub views: Vec<usize>,
    /// How many of the nodes that have them own slots.
    pub masters: usize,
    /// The highest current epoch among them.
    pub epoch: u64,
}

/// Slots that a view gives to somebody else than the winning one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute<'a> {
    /// The views that do, by their place.
    pub views: Vec<usize>,
    /// Whom they name; nothing: nobody.
    pub named: Option<&'a NodeId>,
    /// Whom the winning view names; nothing: nobody.
    pub owner: Option<&'a NodeId>,
    /// The slots.
    pub slots: SlotSet,
}

/// Slots that two nodes claim, each in its own view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The two, by the places of their views; the one that the winning view names first.
    pub views: (usize, usize),
    /// The slots.
    pub slots: SlotSet,
}

/// All views together.
#[derive(Debug, Clone)]
pub struct Merged<'a> {
    /// The views of this cluster, in the order of their nodes' names.
    pub views: Vec<View<'a>>,
    /// Views of another cluster: they know no node of this one.
    pub foreign: Vec<View<'a>>,
    /// Groups, the winning one first.
    pub groups: Vec<Group>,
    ids: Vec<&'a NodeId>,
    maps: Vec<Vec<u16>>,
}

impl<'a> Merged<'a> {
    /// Lays the views of looks beside each other; nothing: there is none. Of a node that was asked at two addresses one
    /// counts.
    pub fn of(looks: &'a [Look]) -> Option<Self> {
        Self::at_home(looks, &BTreeMap::new())
    }

    /// The same where it is known who owned which slots before.
    pub fn at_home(looks: &'a [Look], home: &BTreeMap<NodeId, SlotSet>) -> Option<Self> {
        let mut views: Vec<View<'a>> = looks.iter().filter_map(View::of).collect();
        views.sort_by(|a, b| (&a.myself.id, a.addr).cmp(&(&b.myself.id, b.addr)));
        views.dedup_by(|a, b| a.myself.id == b.myself.id);
        let first = views.first()?;
        let meets = |view: &View<'_>| view.line(&first.myself.id).is_some() || first.line(&view.myself.id).is_some();
        let (views, foreign): (Vec<_>, Vec<_>) = if views.iter().all(meets) {
            (views, Vec::new())
        } else {
            let own = Self::ours(&views, home)?;
            views.into_iter().partition(|view| view.members().any(|line| own.contains(&line.id)))
        };
        let ids: BTreeSet<&NodeId> = views.iter().flat_map(View::members).map(|line| &line.id).collect();
        let ids: Vec<&NodeId> = ids.into_iter().collect();
        let maps: Vec<Vec<u16>> = views.iter().map(|view| map(view, &ids)).collect();
        let groups = group(&views, &ids, &maps);
        Some(Self { views, foreign, groups, ids, maps })
    }

    /// The members of the side that wins. A cluster's views all know one another but for a node or two; which cluster a seed
    /// belongs to is decided by who is known to have owned slots, where half of those answer, and else by the most masters.
    fn ours(views: &[View<'a>], home: &BTreeMap<NodeId, SlotSet>) -> Option<BTreeSet<&'a NodeId>> {
        let ids: BTreeSet<&NodeId> = views.iter().flat_map(View::members).map(|line| &line.id).collect();
        let ids: Vec<&NodeId> = ids.into_iter().collect();
        let maps: Vec<Vec<u16>> = views.iter().map(|view| map(view, &ids)).collect();
        let groups = group(views, &ids, &maps);
        let known = groups.iter().find(|group| {
            let first = group.views.first().and_then(|place| views.get(*place));
            let at_home = |view: &&View<'_>| {
                home.contains_key(&view.myself.id) && first.is_some_and(|first| first.line(&view.myself.id).is_some())
            };
            let answer = views.iter().filter(at_home).count();
            answer > 0 && answer * 2 >= home.len()
        });
        let first = views.get(*known.or(groups.first())?.views.first()?)?;
        Some(first.members().map(|line| &line.id).collect())
    }

    /// One of the winning views.
    pub fn winner(&self) -> Option<&View<'a>> {
        self.views.get(*self.groups.first()?.views.first()?)
    }

    /// The winning views.
    pub fn winners(&self) -> impl Iterator<Item = &View<'a>> {
        self.groups.iter().take(1).flat_map(|group| &group.views).filter_map(|place| self.views.get(*place))
    }

    /// The view of a node.
    pub fn view(&self, id: &NodeId) -> Option<&View<'a>> {
        let place = self.views.binary_search_by(|view| view.myself.id.cmp(id)).ok()?;
        self.views.get(place)
    }

    /// Every node that any view has, sorted.
    pub fn ids(&self) -> &[&'a NodeId] {
        &self.ids
    }

    /// What is said of a node: by the winning view, or by any.
    pub fn line(&self, id: &NodeId) -> Option<&'a NodeLine> {
        let known = self.winner().and_then(|view| view.line(id));
        known.or_else(|| self.views.iter().find_map(|view| view.line(id).filter(|line| !line.is(Flag::Handshake))))
    }

    /// Where a node is: by the winning view, or by any that has not lost its address.
    pub fn place(&self, id: &NodeId) -> Option<&'a NodeAddr> {
        let said = |view: &View<'a>| view.line(id).filter(|line| !line.is(Flag::Handshake))?.addr.as_ref();
        self.winner().and_then(said).or_else(|| self.views.iter().find_map(said))
    }

    /// Whether the winning views have missed a node: one calls it failed, which takes a majority of masters, or half of them
    /// suspect it or have lost their line to it. Until then nobody takes over from it. None of them knows it: nothing.
    pub fn missed(&self, id: &NodeId) -> Option<bool> {
        let said: Vec<bool> = self.winners().filter_map(|view| view.gone(id)).collect();
        let gone = said.iter().filter(|gone| **gone).count();
        let missed = self.flagged(id, Flag::Fail) > 0 || gone * 2 >= said.len();
        (!said.is_empty()).then_some(missed)
    }

    /// How many of the winning views say that of a node.
    pub fn flagged(&self, id: &NodeId, flag: Flag) -> usize {
        self.winners().filter(|view| view.line(id).is_some_and(|line| line.is(flag))).count()
    }

    /// Whether every view that knows a node, but its own, calls it gone. None knows it: no.
    pub fn gone(&self, id: &NodeId) -> bool {
        let mut said = self.views.iter().filter_map(|view| view.gone(id)).peekable();
        said.peek().is_some() && said.all(|gone| gone)
    }

    /// The winning owner of each slot, in runs: first, last, whose.
    pub fn owners(&self) -> Vec<(u16, u16, Option<&'a NodeId>)> {
        let Some(map) = self.groups.first().and_then(|group| self.maps.get(*group.views.first()?)) else {
            return Vec::new();
        };
        runs(map).into_iter().map(|(from, to, of)| (from, to, self.id(of))).collect()
    }

    fn id(&self, of: u16) -> Option<&'a NodeId> {
        self.ids.get(usize::from(of)).copied()
    }

    /// Where views differ from the winning one.
    pub fn disputes(&self) -> Vec<Dispute<'a>> {
        let Some(winning) = self.groups.first().and_then(|group| self.maps.get(*group.views.first()?)) else {
            return Vec::new();
        };
        let mut found: BTreeMap<(u16, u16, &[usize]), Ranges> = BTreeMap::new();
        for group in self.groups.iter().skip(1) {
            let Some(map) = group.views.first().and_then(|place| self.maps.get(*place)) else { continue };
            for (slot, (named, owner)) in (0_u16..).zip(map.iter().zip(winning)) {
                if named != owner {
                    let ranges = found.entry((*named, *owner, &group.views)).or_default();
                    match ranges.last_mut() {
                        Some(last) if last.1 + 1 == slot => last.1 = slot,
                        _ => ranges.push((slot, slot)),
                    }
                }
            }
        }
        // Groups that differ in something else and name the same are one dispute.
        let mut merged: BTreeMap<Differs, Vec<usize>> = BTreeMap::new();
        for ((named, owner, views), ranges) in found {
            merged.entry((named, owner, ranges)).or_default().extend(views);
        }
        let dispute = |((named, owner, ranges), mut views): (Differs, Vec<usize>)| {
            views.sort_unstable();
            Dispute { views, named: self.id(named), owner: self.id(owner), slots: SlotSet::of(ranges) }
        };
        merged.into_iter().map(dispute).collect()
    }

    /// Slots that two nodes claim for themselves.
    pub fn splits(&self) -> Vec<Split> {
        let mut claimed = vec![NONE; usize::from(SLOTS)];
        let mut found: BTreeMap<(usize, usize), Vec<(u16, u16)>> = BTreeMap::new();
        for (place, view) in (0_u16..).zip(&self.views) {
            for &(from, to) in view.claims().into_iter().flat_map(SlotSet::ranges) {
                for slot in from..=to {
                    let by = &mut claimed[usize::from(slot)];
                    if *by == NONE {
                        *by = place;
                    } else {
                        let pair = (usize::from(*by), usize::from(place));
                        found.entry(pair).or_default().push((slot, slot));
                    }
                }
            }
        }
        let split = |((one, other), ranges): ((usize, usize), Vec<(u16, u16)>)| {
            let slots = SlotSet::of(ranges);
            let first = slots.ranges().first().map_or(0, |(from, _)| *from);
            let named = self.owner(first);
            let second = self.views.get(other).is_some_and(|view| Some(&view.myself.id) == named);
            Split { views: if second { (other, one) } else { (one, other) }, slots }
        };
        found.into_iter().map(split).collect()
    }

    /// The winning owner of a slot.
    pub fn owner(&self, slot: u16) -> Option<&'a NodeId> {
        let map = self.maps.get(*self.groups.first()?.views.first()?)?;
        self.id(*map.get(usize::from(slot))?)
    }
}

/// Who owns each slot in a view, by place in `ids`.
fn map(view: &View<'_>, ids: &[&NodeId]) -> Vec<u16> {
    let mut map = vec![NONE; usize::from(SLOTS)];
    for line in view.members().filter(|line| line.owns()) {
        let place = ids.binary_search(&&line.id).ok().and_then(|place| u16::try_from(place).ok());
        for &(from, to) in line.slots.ranges() {
            map[usize::from(from)..=usize::from(to)].fill(place.unwrap_or(NONE));
        }
    }
    map
}

fn runs(map: &[u16]) -> Vec<(u16, u16, u16)> {
    let mut runs: Vec<(u16, u16, u16)> = Vec::new();
    for (slot, of) in (0_u16..).zip(map) {
        match runs.last_mut() {
            Some(last) if last.2 == *of => last.1 = slot,
            _ => runs.push((slot, slot, *of)),
        }
    }
    runs
}

fn signature(view: &View<'_>, ids: &[&NodeId], map: &[u16]) -> u64 {
    let mut hash = Xxh3::new();
    let place = |id: &NodeId| ids.binary_search(&id).map_or(u64::MAX, |place| place as u64);
    for line in view.members() {
        hash.update(&place(&line.id).to_le_bytes());
        hash.update(&[u8::from(line.is(Flag::Master)), u8::from(line.is(Flag::Replica))]);
        hash.update(&line.master.as_ref().map_or(u64::MAX, place).to_le_bytes());
    }
    for of in map {
        hash.update(&of.to_le_bytes());
    }
    hash.digest()
}

/// Views that are alike, the winning group first: the most masters that own slots, then the higher current epoch, then the
/// most views, then the first name.
fn group(views: &[View<'_>], ids: &[&NodeId], maps: &[Vec<u16>]) -> Vec<Group> {
    let mut by: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (place, (view, map)) in views.iter().zip(maps).enumerate() {
        by.entry(signature(view, ids, map)).or_default().push(place);
    }
    let mut groups: Vec<Group> = by
        .into_values()
        .map(|places| {
            let of = || places.iter().filter_map(|place| views.get(*place));
            let masters = of().filter(|view| view.claims().is_some()).count();
            let epoch = of().filter_map(View::epoch).max().unwrap_or_default();
            Group { views: places, masters, epoch }
        })
        .collect();
    groups.sort_by_key(|group| {
        let first = group.views.first().copied();
        (Reverse(group.masters), Reverse(group.epoch), Reverse(group.views.len()), first)
    });
    groups
}
