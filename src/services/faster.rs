//! Jobs of a running plan that are made faster: what that costs, and that it is done.

use std::time::Duration;

use super::{ServiceError, Services};
use crate::base::ids::{PlanId, RetrievalUuid};
use crate::base::units::Count;
use crate::base::{Money, Shown};
use crate::restore::price::{UnderWay, Used, faster};
use crate::restore::snapshot::SPENDER;
use crate::store::{Hurried, HurryJob, HurryPlan, PartState, PlanState, RetrievalRow, RetrievalState};
use crate::vault::tariff::{Price, tier_named, tier_word};

/// Parts that are read in one go.
const PAGE: u32 = 1000;

/// Why no job is made faster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFaster {
    /// There is no such plan.
    #[error("there is no plan {0}; firn restores lists them")]
    NoPlan(PlanId),
    /// It is not running.
    #[error("plan {plan} is {state}; only jobs of a running plan are made faster")]
    NotRunning {
        /// The plan.
        plan: PlanId,
        /// Where it stands.
        state: PlanState,
    },
    /// It is of another vault.
    #[error(
        "plan {plan} restores from the vault {of}, and the configuration names the vault {vault}; use its configuration"
    )]
    Elsewhere {
        /// The plan.
        plan: PlanId,
        /// Its vault, safe to show.
        of: String,
        /// The configuration's.
        vault: String,
    },
    /// The vault cannot.
    #[error(
        "the vault {0} cannot make a retrieval faster once it was asked for; ask for what is urgent in a faster tier with another plan"
    )]
    Vault(String),
    /// No job is under way.
    #[error("no job of plan {0} is under way at the vault; there is nothing to make faster")]
    Nothing(PlanId),
    /// That job is not under way.
    #[error("the job is not under way at the vault for plan {0} any more; there is nothing to make faster")]
    NotThat(PlanId),
    /// All of them are being made faster.
    #[error("{} of plan {plan} under way at the vault {} being made faster already", jobs(*.count), are(*.count))]
    Already {
        /// The plan.
        plan: PlanId,
        /// Its jobs.
        count: u64,
    },
    /// All of them are in the fastest tier.
    #[error("{} of plan {plan} under way at the vault {} in its fastest tier already", jobs(*.count), are(*.count))]
    Fastest {
        /// The plan.
        plan: PlanId,
        /// Its jobs.
        count: u64,
    },
}

/// Jobs in words.
pub fn jobs(count: u64) -> String {
    if count == 1 { "1 job".to_owned() } else { format!("{} jobs", Count(count)) }
}

/// Their verb.
pub fn are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// Jobs of a running plan that can be made faster, and what that takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faster {
    /// The plan.
    pub plan: PlanId,
    /// What it is called.
    pub title: String,
    /// To which tier, by its word.
    pub tier: &'static str,
    /// The jobs, as they stand.
    pub jobs: Vec<HurryJob>,
    /// Bytes that they make readable.
    pub bytes: u64,
    /// What it costs, all together.
    pub price: Price,
    /// What the plan may cost then.
    pub ceiling: Money,
    /// Jobs that are larger than the service promises its time for.
    pub larger: u64,
    /// How long they take from then on: from, to.
    pub hours: (Duration, Duration),
    /// Budgets that it would go beyond, a sentence each; one is enough to refuse it.
    pub over: Vec<String>,
}

impl Services {
    /// Why nothing can be made faster here, where the vault cannot.
    pub fn no_faster(&self) -> Option<String> {
        let vault = self.config.vault.as_ref().map_or("", |vault| vault.name.as_str());
        (!self.hurries()).then(|| NotFaster::Vault(Shown::text(vault).to_string()).to_string())
    }

    /// What making the jobs of a running plan faster that are under way takes, in each tier that is faster, the fastest
    /// first; of one job only, if named. Never empty.
    pub async fn faster(&self, plan: PlanId, only: Option<RetrievalUuid>) -> Result<Vec<Faster>, ServiceError> {
        let row = self.store.plan(plan).await?.ok_or(NotFaster::NoPlan(plan))?;
        let Some(totals) = row.totals.as_ref().filter(|_| row.state == PlanState::Running) else {
            return Err(NotFaster::NotRunning { plan, state: row.state }.into());
        };
        let vault = self.vault().await?;
        let name = Shown::text(vault.name()).to_string();
        if row.vault != vault.name() {
            return Err(NotFaster::Elsewhere { plan, of: Shown::text(&row.vault).to_string(), vault: name }.into());
        }
        if !vault.capabilities().upgrade {
            return Err(NotFaster::Vault(name).into());
        }
        let mut running = self.under_way(plan).await?;
        if let Some(only) = only {
            running.retain(|job| job.uuid == only);
        }
        let count = running.len() as u64;
        if count == 0 {
            return Err(only.map_or(NotFaster::Nothing(plan), |_| NotFaster::NotThat(plan)).into());
        }
        running.retain(|job| job.faster.is_none());
        if running.is_empty() {
            return Err(NotFaster::Already { plan, count }.into());
        }
        let pricing = self.pricing().await?;
        let asked: Vec<UnderWay> = running
            .iter()
            .map(|job| UnderWay {
                bytes: job.range.end.saturating_sub(job.range.start),
                tier: job.tier.as_deref().and_then(tier_named).flatten(),
            })
            .collect();
        let used = self.store.used_days(SPENDER, 0).await?;
        let used = Used { today: used.today, days: used.days.into_iter().collect() };
        let offers = faster(&pricing.terms, &asked, totals.ceiling, pricing.budget, &used);
        if offers.is_empty() {
            return Err(NotFaster::Fastest { plan, count: running.len() as u64 }.into());
        }
        let job = |(at, price): &(usize, Money)| {
            let row = running.get(*at)?;
            Some(HurryJob { job: row.uuid, from: row.tier.clone(), price: *price })
        };
        let offers = offers.into_iter().map(|offer| Faster {
            plan,
            title: row.title.clone(),
            tier: tier_word(Some(offer.tier)),
            jobs: offer.jobs.iter().filter_map(job).collect(),
            bytes: offer.bytes,
            price: offer.price,
            ceiling: totals.ceiling.plus(offer.price.amount),
            larger: offer.larger,
            hours: offer.hours,
            over: offer.over.iter().map(ToString::to_string).collect(),
        });
        Ok(offers.collect())
    }

    /// Jobs that parts of a plan wait for, and that are under way at the vault.
    async fn under_way(&self, plan: PlanId) -> Result<Vec<RetrievalRow>, ServiceError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.plan_parts_page(plan, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = Some(last.archive);
            let waiting = page.into_iter().filter(|part| part.state == PartState::Asked);
            found.extend(
                waiting
                    .filter_map(|part| part.retrieval)
                    .filter(|job| job.state == RetrievalState::Asked && job.job_id.is_some()),
            );
        }
    }

    /// Enters that jobs are to be made faster, as it was shown: whoever asks the vault does it.
    pub async fn make_faster(&self, faster: &Faster, who: String) -> Result<Hurried, ServiceError> {
        let budget = self.budget();
        let hurry = HurryPlan {
            plan: faster.plan,
            who,
            tier: faster.tier.to_owned(),
            jobs: faster.jobs.clone(),
            plan_limit: budget.plan,
            day_limit: budget.day,
            month_limit: budget.month,
        };
        Ok(self.store.plan_hurry(hurry).await?)
    }
}

/// What came of it, in words.
pub fn told(faster: &Faster, hurried: &Hurried) -> Result<String, String> {
    let plan = faster.plan;
    match hurried {
        Hurried::Yes { jobs: count, left_out, price, ceiling } => {
            let left = match left_out {
                0 => String::new(),
                1 => "; 1 job no longer stood as it was shown and is left as it is".to_owned(),
                n => format!("; {} jobs no longer stood as they were shown and are left as they are", Count(*n)),
            };
            Ok(format!(
                "{} of plan {plan} {} made faster ({}) for {price}; the plan may cost up to {ceiling} now{left}",
                jobs(*count),
                are(*count),
                faster.tier
            ))
        }
        Hurried::Nothing => {
            Err(format!("no job of plan {plan} stands as it was shown any more; nothing was asked for: look again"))
        }
        Hurried::Not(state) => Err(format!("plan {plan} is {state} now; nothing was asked for")),
        Hurried::Over { budget, when, limit, used, asked } => {
            let when = if when.is_empty() { String::new() } else { format!(" ({when})") };
            Err(format!(
                "plan {plan} would go beyond the budget of a {budget}{when}: {limit}, of which {used} is spent or set \
                 aside, and it comes to {asked}; nothing was asked for: raise [budget] restore_{budget}, or make fewer jobs faster"
            ))
        }
    }
}
