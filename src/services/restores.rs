//! Restores: from words to a plan, from a plan to a running one, and the worker that carries plans out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;

use super::{ServiceError, Services};
use crate::base::hash::Hash32;
use crate::base::ids::PlanId;
use crate::base::units::Count;
use crate::base::{Shown, task};
use crate::restore::ask::verdict::{Line, LineVerdict, PAGE, Taken, Verdict, verdicts};
use crate::restore::ask::{Ask, DestSpec, Names, SourceSpec, lines, parse_line};
use crate::restore::plan::draft::{Added, Draft, Place, Select};
use crate::restore::plan::price::{self, Pricing};
use crate::restore::price::{Budget, Quote, Terms};
use crate::restore::work::Job;
use crate::restore::{RestoreError, Restorer};
use crate::retrieval::room::MARGIN;
use crate::store::{CancelledPlan, Confirm, Confirmed, NewPlan, PlanRow};
use crate::vault::Tier;
use crate::vault::tariff::{InForce, Tariff};

/// Wrong lines that are kept to be told.
const WRONG_KEPT: usize = 1000;
/// Lines that came to nothing and are named.
const NOTHING_TOLD: usize = 8;

/// A draft, and what it comes to.
#[derive(Debug, Clone)]
pub struct Drafted {
    /// The plan.
    pub plan: PlanId,
    /// What came together.
    pub added: Added,
    /// What it comes to in each tier, the fastest first.
    pub quotes: Vec<Quote>,
    /// Lines that are not part of it: the first of them.
    pub wrong: Vec<LineVerdict>,
    /// How many they are.
    pub wrong_count: u64,
    /// Sentences to be said with it.
    pub notes: Vec<String>,
}

/// What is to be drafted.
pub enum Order {
    /// Lines, as they were written.
    Text(Arc<str>),
    /// Lines that have been read already, with their numbers.
    Lines(Vec<Line>),
    /// What another plan did not deliver.
    RestOf(PlanId),
}

/// An order, and what goes with it.
pub struct Wanted {
    /// What.
    pub order: Order,
    /// What names in it mean.
    pub names: Names,
    /// What the plan is called; nothing: after what is asked for.
    pub title: Option<String>,
    /// Who asks.
    pub who: String,
    /// Only what the source still has.
    pub current: bool,
    /// Whether what is at the destinations and differs is replaced, also where a line does not say so.
    pub overwrite: bool,
}

impl Services {
    /// What names in requests mean: the sources of the configuration and of the state, its URL patterns.
    pub async fn names(&self) -> Result<Names, ServiceError> {
        let sources = self.sources();
        let names = sources.iter().map(|(source, _)| source.name());
        Ok(Names::known(&*self.store, names).await?.with_urls(self.config.urls.clone()))
    }

    /// What the vault charges.
    pub async fn tariff(&self) -> Result<Arc<Tariff>, ServiceError> {
        Ok(self.tariff_in_force().await?.get())
    }

    async fn tariff_in_force(&self) -> Result<InForce, ServiceError> {
        let vault = self.config.vault.as_ref().ok_or(ServiceError::NoVault)?;
        let (called, base) = (vault.tariff.clone(), vault.base.clone());
        let loaded = task::blocking(move || InForce::load(called, base)).await;
        let loaded = loaded.map_err(|e| RestoreError::Task(e.to_string()))?;
        Ok(loaded?)
    }

    /// What may be spent on restores.
    pub fn budget(&self) -> Budget {
        let budget = &self.config.budget;
        Budget { plan: budget.restore_plan, day: budget.restore_day, month: budget.restore_month }
    }

    /// What pricing goes by.
    pub async fn pricing(&self) -> Result<Pricing, ServiceError> {
        let (tariff, vault) = (self.tariff().await?, self.vault().await?);
        let stored = self.store.totals().await?.iter().map(|total| total.archive_bytes).sum();
        let restore = &self.config.restore;
        Ok(Pricing {
            terms: Terms::new(tariff, &vault.capabilities(), stored, restore.new_per_second)?,
            budget: self.budget(),
            rate: restore.rate_per_day,
            margin: MARGIN,
            vault: vault.name().to_owned(),
        })
    }

    /// Makes a draft of what is asked for, and prices it. Lines that cannot be are told, and are not part of it.
    pub async fn draft(&self, wanted: Wanted) -> Result<Drafted, ServiceError> {
        let restorer = self.restorer().await?;
        let supplement_of = match &wanted.order {
            Order::RestOf(plan) => Some(*plan),
            _ => None,
        };
        let new = NewPlan {
            title: wanted.title.clone().unwrap_or_else(|| title(&wanted.order, &wanted.names)),
            who: wanted.who.clone(),
            host: self.process.host_key(),
            vault: restorer.vault.name().to_owned(),
            supplement_of,
        };
        let draft = Draft::begin(&restorer, new).await?;
        let plan = draft.plan;
        match self.fill(&restorer, draft, wanted).await {
            Ok(drafted) => Ok(drafted),
            Err(e) => {
                // Nobody will confirm half of what was asked for.
                if let Err(e) = self.store.plan_drop(plan).await {
                    tracing::warn!(error = %e, %plan, "a draft could not be dropped; that is done in a day");
                }
                Err(e)
            }
        }
    }

    async fn fill<'a>(
        &self,
        restorer: &'a Restorer,
        mut draft: Draft<'a>,
        wanted: Wanted,
    ) -> Result<Drafted, ServiceError> {
        let plan = draft.plan;
        let (mut wrong, mut wrong_count, mut notes) = (Vec::new(), 0, Vec::new());
        draft.current = wanted.current;
        match wanted.order {
            Order::RestOf(of) => {
                draft.add(&Select::RestOf(of), &Place::Below(PathBuf::new()), wanted.overwrite).await?;
            }
            Order::Text(_) | Order::Lines(_) => {
                let listed = matches!(wanted.order, Order::Text(_));
                let mut nothing = Vec::new();
                let mut pages = Lines::new(wanted.order, &wanted.names);
                let (mut taken, mut folders) = (Taken::default(), HashMap::new());
                let now = self.store.now().await?;
                while let Some(page) = pages.next() {
                    for mut found in verdicts(&*restorer.store, &wanted.names, page, now, &mut taken).await? {
                        if let Some(ask) = &mut found.ask {
                            ask.overwrite |= wanted.overwrite;
                        }
                        if !found.usable() {
                            wrong_count += 1;
                            if wrong.len() < WRONG_KEPT {
                                wrong.push(found);
                            }
                            continue;
                        }
                        let (line, before) = (found.line, draft.found());
                        self.line(&mut draft, &wanted.names, found, &mut folders).await?;
                        if listed && draft.found() == before {
                            nothing.push(line);
                        }
                    }
                }
                notes.extend(nothing_of(&nothing));
                let mut inside: Vec<String> = folders.into_values().flatten().collect();
                inside.sort();
                inside.dedup();
                notes.extend(inside.into_iter().map(|source| {
                    let source = Shown::text(&source).to_string();
                    format!("some of it goes into the source {source}: what is restored there is backed up again, as new files")
                }));
            }
        }
        let added = draft.finish().await?;
        let quotes = self.pricing().await?.quotes(&*self.store, plan).await?;
        Ok(Drafted { plan, added, quotes, wrong, wrong_count, notes })
    }

    /// One usable line. `folders`: destinations that were looked at, each with the source it lies in.
    async fn line(
        &self,
        draft: &mut Draft<'_>,
        names: &Names,
        found: LineVerdict,
        folders: &mut HashMap<PathBuf, Option<String>>,
    ) -> Result<(), ServiceError> {
        let Some(ask) = found.ask else { return Ok(()) };
        if let DestSpec::Local { path, folder } = &ask.dest {
            let looked_at = if *folder { path.clone() } else { path.parent().unwrap_or(path).to_owned() };
            if let Entry::Vacant(new) = folders.entry(looked_at) {
                let inside = self.destination(new.key())?;
                new.insert(inside);
            }
        }
        let place = Place::of(&ask.dest);
        if let Verdict::One { ready, .. } = &found.verdict {
            if draft.current && ready.gone_at.is_some() {
                return Ok(());
            }
            // A folder may have the name of a file that was deleted: that is looked at below.
            let maybe_folder =
                ready.gone_at.is_some() && ask.at.is_none() && matches!(ask.source, SourceSpec::Path { .. });
            if let Some(select) = select(&ask, names).filter(|_| maybe_folder) {
                return Ok(draft.add(&select, &place, ask.overwrite).await?);
            }
            return Ok(draft.ready(ready, &place, ask.overwrite).await?);
        }
        if let Some(select) = select(&ask, names) {
            draft.add(&select, &place, ask.overwrite).await?;
        }
        Ok(())
    }

    /// Prices a draft, or a plan that nobody has confirmed, anew.
    pub async fn quotes(&self, plan: PlanId) -> Result<Vec<Quote>, ServiceError> {
        Ok(self.pricing().await?.quotes(&*self.store, plan).await?)
    }

    /// Saves a draft (or a plan that nobody has confirmed) in a tier; the plan as it is saved. Nothing when there is
    /// none such, or the vault has no such tier.
    pub async fn choose(&self, plan: PlanId, tier: Option<Tier>) -> Result<Option<PlanRow>, ServiceError> {
        let Some(saved) = self.pricing().await?.choose(&*self.store, plan, tier).await? else { return Ok(None) };
        let row = self.store.plan(plan).await?;
        // What is shown, and confirmed, is what was chosen.
        match row {
            Some(row) if row.totals.as_ref().is_some_and(|totals| totals.hash == saved.hash) => Ok(Some(row)),
            Some(_) => Err(RestoreError::PricedAnew(plan).into()),
            None => Ok(None),
        }
    }

    /// Confirms a plan as it was shown: from here on it is carried out.
    pub async fn confirm(&self, plan: PlanId, hash: Hash32, who: String) -> Result<Confirmed, ServiceError> {
        let row = self.store.plan(plan).await?;
        let ceiling = row.and_then(|row| row.totals).map(|totals| totals.ceiling).unwrap_or_default();
        let days = price::days(&*self.store, plan, ceiling).await?;
        let budget = self.budget();
        let confirm = Confirm {
            plan,
            hash,
            who,
            days,
            plan_limit: budget.plan,
            day_limit: budget.day,
            month_limit: budget.month,
        };
        Ok(self.store.plan_confirm(confirm).await?)
    }

    /// Stops a plan.
    pub async fn cancel_plan(&self, plan: PlanId, who: String) -> Result<CancelledPlan, ServiceError> {
        Ok(self.store.plan_cancel(plan, who).await?)
    }

    /// The worker that carries plans out: all of them, or one.
    pub async fn restore_job(&self, only: Option<PlanId>) -> Result<Job, ServiceError> {
        Ok(Job {
            store: Arc::clone(&self.store),
            vault: self.vault().await?,
            tariff: Arc::new(self.tariff_in_force().await?),
            clock: self.clock.clone(),
            process: self.process.clone(),
            lease: self.config.lease,
            per_second: self.config.restore.new_per_second,
            slots: self.config.restore.slots,
            root: self.root(),
            only,
        })
    }
}

/// Lines that ask for what there is none of: as of their time, or of what the source still has.
fn nothing_of(lines: &[usize]) -> Option<String> {
    let first: Vec<String> = lines.iter().take(NOTHING_TOLD).map(ToString::to_string).collect();
    let more = lines.len().saturating_sub(first.len());
    let more = if more > 0 { format!(" and {} more", Count(more as u64)) } else { String::new() };
    let (word, asks) = if lines.len() == 1 { ("line", "asks") } else { ("lines", "ask") };
    (!lines.is_empty())
        .then(|| format!("there is (or was then) nothing of what {word} {}{more} {asks} for", first.join(", ")))
}

/// Lines, a page at a time.
struct Lines<'a> {
    order: Order,
    names: &'a Names,
    /// Where the text goes on, and the number of the line there.
    at: (usize, usize),
}

impl<'a> Lines<'a> {
    fn new(order: Order, names: &'a Names) -> Self {
        Self { order, names, at: (0, 0) }
    }

    fn next(&mut self) -> Option<Vec<Line>> {
        match &mut self.order {
            Order::RestOf(_) => None,
            Order::Lines(all) if all.is_empty() => None,
            Order::Lines(all) => {
                let rest = all.split_off(all.len().min(PAGE));
                Some(std::mem::replace(all, rest))
            }
            Order::Text(text) => {
                let (start, before) = self.at;
                let rest = text.as_bytes().get(start..).filter(|rest| !rest.is_empty())?;
                // A byte order mark stands at the start alone; there `raw` takes it away.
                let mut page = Vec::new();
                let mut taken = if rest.starts_with(lines::BOM) { lines::BOM.len() } else { 0 };
                let mut count = 0;
                for (_, line) in lines::raw(rest).take(PAGE) {
                    count += 1;
                    taken += line.len() + 1;
                    page.extend(parse_line(line, self.names).map(|read| (before + count, read)));
                }
                self.at = (start + taken.max(1), before + count);
                Some(page)
            }
        }
    }
}

/// What the plan of an order is called.
fn title(order: &Order, names: &Names) -> String {
    let of = |ask: &Ask| Shown::text(&ask.to_string()).to_string();
    match order {
        Order::RestOf(plan) => format!("the rest of plan {plan}"),
        Order::Lines(all) => match all.as_slice() {
            [(_, Ok(one))] => of(one),
            all => format!("a list of {} lines", Count(all.len() as u64)),
        },
        Order::Text(text) => {
            let mut asked = lines::raw(text.as_bytes()).filter_map(|(_, line)| parse_line(line, names));
            match (asked.next(), asked.next()) {
                (Some(Ok(one)), None) => of(&one),
                _ => format!("a list of {} lines", Count(lines::raw(text.as_bytes()).count() as u64)),
            }
        }
    }
}

/// What many files a line asks for; nothing where there is nothing (the verdict has said so).
fn select(ask: &Ask, names: &Names) -> Option<Select> {
    Some(match &ask.source {
        SourceSpec::Path { source, key } => Select::Path(names.id(source)?, key.clone(), ask.at),
        SourceSpec::Source(source) => Select::Prefix(names.id(source)?, Vec::new(), ask.at),
        SourceSpec::Prefix { source, prefix } => Select::Prefix(names.id(source)?, prefix.as_bytes().to_vec(), ask.at),
        SourceSpec::Version(file) => Select::Version(*file),
        SourceSpec::Archive(uuid) => Select::Archive(*uuid),
        SourceSpec::Between { source, from, to } => {
            let source = match source {
                Some(name) => Some(names.id(name)?),
                None => None,
            };
            Select::Between(source, *from, *to)
        }
        SourceSpec::Everything => Select::Everything(ask.at),
        SourceSpec::Fid(_) | SourceSpec::Mogile { .. } => return None,
    })
}
