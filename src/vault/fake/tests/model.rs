//! Random requests against a reference that knows nothing but what was asked and answered.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Puts an archive under one of a few descriptions; rightly or with a wrong hash.
    Post {
        name: u8,
        size: u16,
        right: bool,
    },
    /// Deletes one that was confirmed.
    Delete {
        which: usize,
    },
    /// Begins an upload in parts.
    Begin {
        name: u8,
    },
    /// Sends a part of one of them.
    Part {
        which: usize,
        number: u8,
        last: bool,
    },
    /// Completes one of them; rightly or with a wrong hash.
    Complete {
        which: usize,
        right: bool,
    },
    Abort {
        which: usize,
    },
    /// Lets minutes pass.
    Pass {
        minutes: u16,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4u8, 1..2000u16, prop::bool::weighted(0.8))
            .prop_map(|(name, size, right)| Step::Post { name, size, right }),
        2 => any::<usize>().prop_map(|which| Step::Delete { which }),
        2 => (0..4u8).prop_map(|name| Step::Begin { name }),
        5 => (any::<usize>(), 0..3u8, any::<bool>())
            .prop_map(|(which, number, last)| Step::Part { which, number, last }),
        3 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(which, right)| Step::Complete { which, right }),
        1 => any::<usize>().prop_map(|which| Step::Abort { which }),
        4 => (1..900u16).prop_map(|minutes| Step::Pass { minutes }),
    ]
}

/// What is or may be in the vault: description, hash, size.
type Kind = (String, Hash32, u64);

/// An upload: id, description, when it was touched, parts.
type Parts = (Arc<str>, String, Time, BTreeMap<u8, Vec<u8>>);
/// Archives by id.
type Known = BTreeMap<Arc<str>, Kind>;

#[derive(Default)]
struct Model {
    /// Archives whose id is known.
    confirmed: Known,
    /// Archives whose reply was lost.
    unseen: Vec<Kind>,
    uploads: Vec<Parts>,
    /// What an inventory must list, once one has been taken: known ids, and the kinds of the others.
    listed: Option<(Known, Vec<Kind>)>,
    next: Option<Time>,
}

impl Model {
    /// What happens by itself until `now`.
    fn advance(&mut self, now: Time) {
        let next = self.next.get_or_insert(START.plus(HOUR * 24));
        while now >= *next {
            self.listed = Some((self.confirmed.clone(), self.unseen.clone()));
            *next = next.plus(HOUR * 24);
        }
        self.uploads.retain(|(_, _, touched, _)| now.since(*touched) <= HOUR * 24);
    }

    fn answered(&mut self, kind: Kind, answer: Result<Receipt, Refusal>) -> Result<(), TestCaseError> {
        match answer {
            Ok(receipt) => {
                prop_assert_eq!((receipt.tree_hash, receipt.size), (kind.1, kind.2));
                prop_assert_eq!(receipt.archive_id.len(), 138);
                prop_assert!(self.confirmed.insert(receipt.archive_id, kind).is_none(), "an id was given twice");
            }
            Err(Refusal::NoReply) => self.unseen.push(kind),
            Err(Refusal::Throttling) => {}
            Err(other) => return Err(TestCaseError::fail(format!("refused: {other}"))),
        }
        Ok(())
    }
}

/// The bytes of a part; the last one is shorter.
fn part(number: u8, last: bool) -> Vec<u8> {
    bytes(if last { 100 + u64::from(number) } else { MIB }, u64::from(number) + 1)
}

/// What a set of parts makes up, if there is no gap.
fn whole(parts: &BTreeMap<u8, Vec<u8>>) -> Option<Vec<u8>> {
    let last = parts.len().checked_sub(1)?;
    let fits = parts
        .iter()
        .enumerate()
        .all(|(at, (number, part))| at == usize::from(*number) && (at == last || part.len() as u64 == MIB));
    fits.then(|| parts.values().flatten().copied().collect())
}

impl Model {
    /// Asks the service and compares its answer; remembers what that means.
    fn step(&mut self, site: &mut Site, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Pass { minutes } => site.pass(Duration::from_mins(u64::from(minutes))),
            Step::Post { name, size, right } => {
                let content = bytes(u64::from(size), u64::from(size));
                let (body, hash) = site.body(&content);
                let stated = if right { hash } else { super::super::hash::leaf(&hash.0) };
                let answer = site.core.post(site.now, &format!("name {name}"), stated, body);
                if right {
                    self.answered((format!("name {name}"), hash, u64::from(size)), answer)?;
                } else {
                    let reason =
                        matches!(answer, Err(Refusal::HashMismatch { .. } | Refusal::NoReply | Refusal::Throttling));
                    prop_assert!(reason, "a wrong hash: {:?}", answer);
                }
            }
            Step::Delete { which } => {
                let Some(id) = self.confirmed.keys().nth(which % self.confirmed.len().max(1)).cloned() else {
                    return Ok(());
                };
                match site.core.delete(site.now, &id) {
                    Ok(()) | Err(Refusal::NoReply) => drop(self.confirmed.remove(&id)),
                    Err(e) => prop_assert_eq!(e, Refusal::Throttling),
                }
            }
            Step::Begin { name } => {
                let description = format!("name {name}");
                // One whose reply was lost is never used.
                if let Ok(id) = site.core.initiate_upload(site.now, &description, MIB) {
                    self.uploads.push((id, description, site.now, BTreeMap::new()));
                }
            }
            Step::Part { which, number, last } => {
                let at = which % self.uploads.len().max(1);
                let Some((id, _, touched, parts)) = self.uploads.get_mut(at) else { return Ok(()) };
                let content = part(number, last);
                match site.part(id, u64::from(number) * MIB, &content) {
                    Ok(_) | Err(Refusal::NoReply) => {
                        *touched = site.now;
                        parts.insert(number, content);
                    }
                    Err(e) => prop_assert_eq!(e, Refusal::Throttling),
                }
            }
            Step::Complete { which, right } => {
                let at = which % self.uploads.len().max(1);
                let Some((id, description, _, parts)) = self.uploads.get(at).cloned() else { return Ok(()) };
                let complete = whole(&parts);
                let content: Vec<u8> = complete.clone().unwrap_or_else(|| parts.values().flatten().copied().collect());
                let (_, hash) = site.body(&content);
                let stated = if right { hash } else { super::super::hash::leaf(&hash.0) };
                let answer = site.core.complete_upload(site.now, &id, content.len() as u64, stated);
                if right && complete.is_some() {
                    if answer != Err(Refusal::Throttling) {
                        self.uploads.remove(at);
                    }
                    self.answered((description, hash, content.len() as u64), answer)?;
                } else {
                    prop_assert!(answer.is_err(), "parts {:?} became {:?}", parts.keys(), answer);
                }
            }
            Step::Abort { which } => {
                let at = which % self.uploads.len().max(1);
                let Some((id, ..)) = self.uploads.get(at).cloned() else { return Ok(()) };
                match site.core.abort_upload(site.now, &id) {
                    Ok(()) | Err(Refusal::NoReply) => drop(self.uploads.remove(at)),
                    Err(e) => prop_assert_eq!(e, Refusal::Throttling),
                }
            }
        }
        Ok(())
    }
}

fn run(seed: u64, one_in: u32, steps: &[Step]) -> Result<(), TestCaseError> {
    let window = |fault| Window { from: START, until: Time::from_micros(i64::MAX), fault };
    let windows = vec![window(Fault::LostReply { one_in }), window(Fault::Throttle { one_in: one_in * 2 })];
    let mut site = Site::new(Rules { seed, weather: Weather { windows }, ..Rules::default() });
    let mut model = Model::default();
    for step in steps {
        model.advance(site.now);
        model.step(&mut site, step)?;
    }
    // As it is, and once more with the inventory that knows of everything.
    for _ in 0..2 {
        model.advance(site.now);
        let newest = site.core.last_inventory(site.now);
        prop_assert_eq!(newest.is_some(), model.listed.is_some());
        if let (Some(newest), Some((known, unseen))) = (newest, &model.listed) {
            let mut others = Vec::new();
            let mut found = BTreeMap::new();
            for listed in &newest.archives {
                let kind = (listed.description.to_string(), listed.tree_hash, listed.size);
                if known.contains_key(&listed.archive_id) {
                    found.insert(Arc::clone(&listed.archive_id), kind);
                } else {
                    others.push(kind);
                }
            }
            prop_assert_eq!(&found, known);
            let mut unseen = unseen.clone();
            unseen.sort();
            others.sort();
            prop_assert_eq!(others, unseen);
        }
        site.pass(HOUR * 24);
    }
    // What nobody needs does not stay on the shelf.
    let held: usize = site.core.archives.values().map(|archive| archive.content.len()).sum();
    model.advance(site.now);
    site.core.advance(site.now);
    let in_parts: usize = model.uploads.iter().map(|(.., parts)| parts.len()).sum();
    prop_assert_eq!(site.shelf.count().unwrap(), held + in_parts);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_was_confirmed_is_listed_by_the_next_inventory_and_nothing_else(
        seed: u64,
        one_in in 2..6u32,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        run(seed, one_in, &steps)?;
    }

    #[test]
    fn without_faults_the_same_holds(steps in prop::collection::vec(step(), 1..60)) {
        run(0, 0, &steps)?;
    }
}
