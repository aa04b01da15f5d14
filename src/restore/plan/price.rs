//! From a draft to a plan: quotes for every tier, and the one that was chosen, saved with its hash.

use std::collections::HashMap;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::base::hash::Hash32;
use crate::base::ids::{ArchiveId, PlanId, RetrievalId};
use crate::base::{Money, Time};
use crate::restore::RestoreError;
use crate::restore::price::quote::topped_up;
use crate::restore::price::{Budget, Part, PartFold, Quote, QuoteFold, Running, Shares, Spread, Terms, Used, Wanted};
use crate::store::{NewPart, PlanState, PlanTotals, PlannedFile, RestorePlace, RetrievalState, Store};
use crate::vault::Tier;
use crate::vault::tariff::{tier_named, tier_word};

/// Files read in one go.
const PAGE: u32 = 2000;

/// Jobs that may be joined, by archive: what they make readable, and their numbers.
struct Joinable {
    running: HashMap<ArchiveId, Vec<Running>>,
    ids: HashMap<ArchiveId, Vec<RetrievalId>>,
}

/// What pricing goes by.
#[derive(Debug, Clone)]
pub struct Pricing {
    /// The vault's terms.
    pub terms: Terms,
    /// What may be spent.
    pub budget: Budget,
    /// Bytes that a plan asks for in a day, at most; more is spread over days.
    pub rate: Option<u64>,
    /// Output that lives no longer than this is not joined.
    pub margin: Duration,
    /// The vault's name.
    pub vault: String,
}

/// A plan's files, archive by archive.
struct Parts<'a> {
    store: &'a dyn Store,
    plan: PlanId,
    fold: Option<PartFold<'a>>,
    after: Option<RestorePlace>,
}

/// A step through them: files as they were read, and the parts that are complete by them.
struct Step {
    files: Vec<PlannedFile>,
    parts: Vec<Part>,
}

impl<'a> Parts<'a> {
    fn new(store: &'a dyn Store, plan: PlanId, terms: &'a Terms, joinable: &'a Joinable) -> Self {
        Self { store, plan, fold: Some(PartFold::new(terms, &joinable.running)), after: None }
    }

    /// The next step; nothing after the last.
    async fn next(&mut self) -> Result<Option<Step>, RestoreError> {
        let Some(fold) = &mut self.fold else { return Ok(None) };
        let files = self.store.plan_files(self.plan, self.after, PAGE).await?;
        let mut parts = Vec::new();
        let Some(last) = files.last() else {
            parts.extend(self.fold.take().and_then(PartFold::finish));
            return Ok(Some(Step { files, parts }));
        };
        self.after = Some((last.archive, last.offset, last.n));
        for file in &files {
            let (archive, size) = (file.archive, file.archive_size);
            parts.extend(fold.push(Wanted { archive, size, offset: file.offset, length: file.length })?);
        }
        Ok(Some(Step { files, parts }))
    }
}

impl Pricing {
    /// What a draft comes to in every tier.
    pub async fn quotes(&self, store: &dyn Store, plan: PlanId) -> Result<Vec<Quote>, RestoreError> {
        let joinable = self.joinable(store).await?;
        self.quoted(store, plan, &joinable).await
    }

    async fn quoted(&self, store: &dyn Store, plan: PlanId, joinable: &Joinable) -> Result<Vec<Quote>, RestoreError> {
        let mut fold = QuoteFold::new(&self.terms, self.rate);
        let mut parts = Parts::new(store, plan, &self.terms, joinable);
        while let Some(step) = parts.next().await? {
            step.parts.iter().for_each(|part| fold.add(part));
        }
        let used = store.used_days("restore", fold.last_day()).await?;
        Ok(fold.finish(&self.budget, &Used { today: used.today, days: used.days.into_iter().collect() }))
    }

    /// Saves a draft (or a plan that nobody has confirmed) in a tier. Nothing when it is neither, or the tier cannot be had.
    /// Of two who do it at once the one who began later is who saves it; the other one is told.
    pub async fn choose(
        &self,
        store: &dyn Store,
        plan: PlanId,
        tier: Option<Tier>,
    ) -> Result<Option<PlanTotals>, RestoreError> {
        let Some(pricing) = store.plan_unpriced(plan).await? else { return Ok(None) };
        let joinable = self.joinable(store).await?;
        let quotes = self.quoted(store, plan, &joinable).await?;
        let Some(quote) = quotes.into_iter().find(|quote| quote.tier == tier) else { return Ok(None) };
        let tariff = self.terms.tariff();
        let mut hash = Sha256::new();
        hash.update(format!("firn plan 1\n{}\n{}\n{}\n", self.vault, tier_word(tier), tariff.hash()));
        for (id, dest) in store.plan_places(plan).await? {
            hash.update(format!("dest {id} {} ", dest.kind));
            framed(&mut hash, dest.place.as_encoded_bytes());
        }
        let mut spread = Spread::new(self.rate);
        let mut shares = Shares::new(&self.terms, &quote);
        let (mut exposure, mut overwrites) = (Money::ZERO, 0);
        let mut parts = Parts::new(store, plan, &self.terms, &joinable);
        while let Some(step) = parts.next().await? {
            for file in &step.files {
                let PlannedFile { archive, offset, n, length, dest, overwrite, .. } = file;
                hash.update(format!("file {archive} {offset} {n} {length} {dest} {overwrite} "));
                framed(&mut hash, file.target.as_bytes());
                overwrites += u64::from(*overwrite);
            }
            let mut new: Vec<NewPart> = Vec::with_capacity(step.parts.len());
            for part in &step.parts {
                let Some(part) = Self::new_part(part, &mut shares, &joinable, &mut spread) else { continue };
                exposure = exposure.plus(worst(&part));
                hash.update(format!("part {part:?}\n"));
                new.push(part);
            }
            if !new.is_empty() && !store.plan_parts(plan, pricing, new).await? {
                return Err(RestoreError::PricedAnew(plan));
            }
        }
        // Shares are made so that this is the quote's ceiling, or below it by the peak hour's risk.
        let ceiling = quote.ceiling.max(exposure);
        hash.update(format!("price {} {}\n", quote.price.amount.nanos(), ceiling.nanos()));
        let totals = PlanTotals {
            tier: tier.map(|tier| tier_word(Some(tier)).to_owned()),
            tariff: tariff.name.clone(),
            tariff_hash: tariff.hash(),
            hash: Hash32(hash.finalize().into()),
            files: quote.files,
            bytes: quote.bytes,
            impossible: impossible(store, plan).await?,
            overwrites,
            archives: quote.archives,
            jobs: quote.jobs,
            joined: quote.joined,
            asked_bytes: quote.asked_bytes,
            read_bytes: quote.read_bytes,
            price: quote.price.amount,
            sure: quote.price.sure,
            ceiling,
            risks: quote.risks.iter().map(|(risk, amount)| (risk.to_string(), *amount)).collect(),
            seconds: Some((quote.hours.0.as_secs(), quote.hours.1.as_secs())),
        };
        if store.plan_save(plan, pricing, totals.clone()).await? {
            return Ok(Some(totals));
        }
        // Dropped, or somebody else's.
        let there = store.plan(plan).await?.is_some_and(|row| row.state != PlanState::Dropped);
        if there { Err(RestoreError::PricedAnew(plan)) } else { Ok(None) }
    }

    fn new_part(part: &Part, shares: &mut Shares<'_>, joinable: &Joinable, spread: &mut Spread) -> Option<NewPart> {
        let offer = part.offer(shares.tier())?;
        let share = shares.next(offer)?;
        let (price, full, egress) = (share.asking, share.again, share.egress);
        let joins = offer.joined.and_then(|at| joinable.ids.get(&part.archive)?.get(at).copied());
        // As the quote did.
        let day = spread.place(offer.usage().asked);
        Some(NewPart {
            archive: part.archive,
            need: part.need.clone(),
            range: offer.range.clone(),
            files: part.files,
            bytes: part.bytes,
            read_bytes: offer.read,
            price,
            full_price: full,
            egress,
            joins,
            day,
        })
    }

    async fn joinable(&self, store: &dyn Store) -> Result<Joinable, RestoreError> {
        let until = store.now().await?.plus(self.margin);
        let lives = |at: Option<Time>| at.is_none_or(|at| at >= until);
        let mut all = Joinable { running: HashMap::new(), ids: HashMap::new() };
        let mut after = None;
        loop {
            let page = store.retrievals(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = Some(last.id);
            for job in page {
                let ready = job.state == RetrievalState::Ready;
                if job.vault != self.vault || (ready && !lives(job.expires_at)) {
                    continue;
                }
                let tier = job.tier.as_deref().and_then(tier_named).flatten();
                all.running.entry(job.archive).or_default().push(Running { range: job.range, tier, ready });
                all.ids.entry(job.archive).or_default().push(job.id);
            }
        }
    }
}

/// What a part may come to: asked for twice, read twice; where it joins, asked for once.
pub fn worst(part: &NewPart) -> Money {
    part.price.plus(part.full_price).plus(part.egress).plus(part.egress)
}

/// What a plan's ceiling comes to on each of its days: all of it together is the ceiling.
pub async fn days(store: &dyn Store, plan: PlanId, ceiling: Money) -> Result<Vec<(u32, Money)>, RestoreError> {
    let mut days: Vec<(u32, Money)> = vec![(0, Money::ZERO)];
    let mut after = None;
    loop {
        let page = store.plan_parts_page(plan, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.archive);
        for row in page {
            let worst = worst(&row.part);
            match days.iter_mut().find(|known| known.0 == row.part.day) {
                Some(known) => known.1 = known.1.plus(worst),
                None => days.push((row.part.day, worst)),
            }
        }
    }
    days.sort_unstable();
    topped_up(&mut days, ceiling);
    Ok(days)
}

async fn impossible(store: &dyn Store, plan: PlanId) -> Result<u64, RestoreError> {
    let mut count = 0;
    let mut after = None;
    loop {
        let page = store.plan_restores(plan, true, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = Some((last.archive.unwrap_or(ArchiveId(0)), last.offset, last.n));
        count += page.len() as u64;
    }
}

/// Bytes, and how many: no two lists of names read the same.
fn framed(hash: &mut Sha256, bytes: &[u8]) {
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}
