//! Jobs that are made faster while they run: which, why not, what it costs, and the question.

use std::sync::Arc;

use super::deeds::{self, Question};
use super::restores::{confirmed, selected, under_way, wait, waited};
use crate::base::ids::{PlanId, RetrievalUuid};
use crate::base::units::Size;
use crate::base::{Severity, Shown};
use crate::console::effect::{Deed, Effect, Query};
use crate::console::model::Model;
use crate::console::overlay::{Intent, Seen};
use crate::console::tabs::restore::Pane;
use crate::console::tabs::restore::rows::{price, takes};
use crate::services::{Faster, are, jobs};
use crate::store::{PlanState, RetrievalState};

/// The plan that pays, and the job if it is about one alone.
fn meant(model: &Model) -> Result<(PlanId, Option<RetrievalUuid>), String> {
    if model.beneath().is_none() && model.restore.pane == Pane::Jobs {
        let line = model.restore.job().ok_or("select a job first (the list Jobs, with the arrow keys)")?;
        if line.row.state != RetrievalState::Asked {
            return Err(format!("the job is {}; only one that is under way is made faster", line.row.state));
        }
        if let Some(hurry) = &line.row.faster {
            return Err(format!("it is being made faster already ({})", Shown::text(&hurry.tier)));
        }
        let running =
            |plan: &&PlanId| model.restore.newest_plan(**plan).is_some_and(|line| line.row.state == PlanState::Running);
        let plan =
            line.plans.iter().find(running).ok_or("no running plan waits for the job; nobody would pay for it")?;
        return Ok((*plan, Some(line.row.uuid)));
    }
    let line = selected(model)?;
    if line.row.state != PlanState::Running {
        return Err(format!("{}; only jobs of a running plan are made faster", confirmed(&line.row)));
    }
    if line.steps.as_ref().is_some_and(|steps| steps.asked == 0 && !steps.more) {
        let plan = line.row.id;
        return Err(format!("no job of plan {plan} is under way at the vault; there is nothing to make faster"));
    }
    Ok((line.row.id, None))
}

/// Nothing can be made faster: the vault cannot, or what is selected is not under way.
pub fn not_faster(model: &Model) -> Option<String> {
    if let Some(why) = &model.setup.no_faster {
        return Some(why.clone());
    }
    match meant(model) {
        Ok((plan, _)) => under_way(model, plan),
        Err(why) => Some(why),
    }
}

/// Prices a step to the next faster tier.
pub fn faster(model: &mut Model) -> Vec<Effect> {
    ask(model, false)
}

/// Prices the fastest tier.
pub fn fastest(model: &mut Model) -> Vec<Effect> {
    ask(model, true)
}

fn ask(model: &mut Model, most: bool) -> Vec<Effect> {
    let Ok((plan, job)) = meant(model) else { return Vec::new() };
    wait(model, format!("pricing faster jobs of plan {plan} …"), Query::Faster { plan, job, most })
}

/// The price has come: it is asked whether it is worth that.
pub(super) fn priced(model: &mut Model, query: &Query, result: Result<Vec<Faster>, String>) -> Vec<Effect> {
    let Query::Faster { plan, most, .. } = query else { return Vec::new() };
    let Some(place) = waited(model, query) else { return Vec::new() };
    let offers = match result {
        Ok(offers) => offers,
        Err(why) => {
            model.tell(Severity::Warning, why);
            return Vec::new();
        }
    };
    // The fastest comes first.
    let Some(at) = (if *most { Some(0) } else { offers.len().checked_sub(1) }) else { return Vec::new() };
    let Some(offer) = offers.get(at) else { return Vec::new() };
    if let Some(over) = offer.over.first() {
        model.tell(Severity::Critical, format!("jobs of plan {plan} are not made {}: {over}", offer.tier));
        return Vec::new();
    }
    let others: Vec<&Faster> = offers.iter().enumerate().filter(|(n, _)| *n != at).map(|(_, other)| other).collect();
    let (object, effect) = question(offer, &others, |most| {
        let id = if most { "restore.fastest" } else { "restore.faster" };
        model.keymap.first(id).unwrap_or_default()
    });
    let bulk = offer.price.amount > model.setup.confirm_above;
    let intent =
        Intent::Deed { deed: Deed::Faster(Arc::new(offer.clone())), seen: Seen::Plan(*plan, PlanState::Running) };
    let title = "Make jobs faster".to_owned();
    deeds::ask_late(model, place, Question { title, object, effect, go: "faster", bulk, intent });
    Vec::new()
}

/// What is asked before jobs are made faster: what it is about, and what happens. `key`: of the fastest tier, or of the
/// next one.
fn question(offer: &Faster, others: &[&Faster], key: impl Fn(bool) -> String) -> (Vec<String>, Vec<String>) {
    let sure = offer.price.sure;
    let object = vec![
        format!("plan {}: {}", offer.plan, Shown::text(&offer.title)),
        format!("{} under way, {}", jobs(offer.jobs.len() as u64), Size(offer.bytes)),
    ];
    let hours = (offer.hours.0.as_secs(), offer.hours.1.as_secs());
    let mut effect = vec![
        format!("tier {}: {} from then on", offer.tier, takes(Some(hours))),
        format!("price {} more, the plan's ceiling becomes {}", offer.price, price(offer.ceiling, sure)),
    ];
    if !sure {
        effect.push("~ : some prices of the tariff are not verified".to_owned());
    }
    if offer.larger > 0 {
        let (larger, are) = (jobs(offer.larger), are(offer.larger));
        effect.push(format!("{larger} {are} larger than the vault's service promises that time for"));
    }
    for other in others {
        let fastest = other.hours.1 < offer.hours.1;
        effect.push(format!(
            "{} instead: {} for {} (key {})",
            other.tier,
            other.price,
            jobs(other.jobs.len() as u64),
            key(fastest)
        ));
    }
    effect.push("nothing of what was paid is given back; what is asked cannot be taken back".to_owned());
    effect.push("a job that the vault does not make faster goes on as it was; its money is free again".to_owned());
    (object, effect)
}
