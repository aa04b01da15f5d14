//! How the ends of jobs are told, where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firn::base::ids::RetrievalUuid;
use firn::retrieval::messages::{Outcome as End, Parsed, parse};
use firn::vault::{JobRequest, JobState, MESSAGE_LIMIT, Message, Messages, VaultError};

use super::jobs::{job_name, listed};
use super::{Outcome, ROUND, ROUNDS, put};
use crate::subject::{Subject, body, new_name};

/// Longer than any queue hides a message that was given out, or holds it back.
const LONG: u32 = 24;

/// Asks for an archive so many times. Firn's names of the jobs with the vault's.
async fn ask(subject: &dyn Subject, times: usize) -> Result<BTreeMap<RetrievalUuid, String>, String> {
    let vault = subject.vault();
    let remote_id = put(subject, new_name(1), &body(1000, 40)).await?.remote_id;
    let mut asked = BTreeMap::new();
    for _ in 0..times {
        let (name, remote_id) = (job_name(), remote_id.clone());
        let tier = vault.capabilities().tiers.first().copied();
        let request = JobRequest { remote_id, range: None, tier, description: name.to_string() };
        let id = vault.request(request).await.map_err(|e| format!("a job cannot be asked for: {e}"))?;
        asked.insert(name.uuid, String::from_utf8(id).map_err(|_| "a job's id is no text".to_owned())?);
    }
    Ok(asked)
}

/// Lets time pass until all of them are at their end.
async fn end_of(subject: &dyn Subject, asked: &BTreeMap<RetrievalUuid, String>) -> Outcome {
    let vault = subject.vault();
    for id in asked.values() {
        for _ in 0..ROUNDS {
            match vault.status(id.as_bytes()).await.map_err(|e| format!("a job is not there: {e}"))? {
                JobState::InProgress => subject.pass_time(ROUND),
                _ => break,
            }
        }
    }
    Ok(())
}

/// Everything that the queue gives out until it gives nothing: as long as everything stays hidden that was given.
async fn all(queue: &dyn Messages) -> Result<Vec<Message>, String> {
    let mut all = Vec::new();
    for most in [3, 10].into_iter().cycle().take(ROUNDS) {
        let some = queue.receive(most).await.map_err(|e| format!("no messages can be received: {e}"))?;
        ensure!(some.len() <= most, "it gave {} messages where {most} were asked for", some.len());
        if some.is_empty() {
            return Ok(all);
        }
        all.extend(some);
    }
    Err("its messages never end".to_owned())
}

/// Which jobs messages say have succeeded; none may say anything else of them.
fn succeeded(messages: &[Message], asked: &BTreeMap<RetrievalUuid, String>) -> Result<BTreeSet<RetrievalUuid>, String> {
    let mut told = BTreeSet::new();
    for message in messages {
        ensure!(message.body.len() <= MESSAGE_LIMIT, "a message has {} bytes", message.body.len());
        let Parsed::Ours { job, job_id, outcome } = parse(&message.body) else { continue };
        let Some(known) = asked.get(&job) else { continue };
        ensure!(job_id == *known, "job {known} is told as {job_id}");
        ensure!(outcome == End::Succeeded, "a job that can be read is told as {outcome:?}");
        told.insert(job);
    }
    Ok(told)
}

fn queue(subject: &dyn Subject) -> Option<Arc<dyn Messages>> {
    subject.vault().messages()
}

pub async fn the_end_of_a_job_is_told_until_it_is_done_with(subject: &dyn Subject) -> Outcome {
    let Some(first) = queue(subject) else { return Ok(()) };
    let asked = ask(subject, 25).await?;
    let early = succeeded(&all(&*first).await?, &asked)?;
    let ready = subject.vault().capabilities().thaw;
    ensure!(early.is_empty() || !ready, "{} jobs are told before their end", early.len());
    end_of(subject, &asked).await?;
    // Nobody is done with any: each comes again and again, to whoever asks.
    for time in 0..3 {
        subject.pass_time(ROUND * LONG);
        let Some(queue) = queue(subject) else { return Err("its queue has gone".to_owned()) };
        let told = succeeded(&all(&*queue).await?, &asked)?;
        ensure!(told.len() == asked.len(), "{} of {} jobs are told, time {time}", told.len(), asked.len());
    }
    subject.pass_time(ROUND * LONG);
    let (mut kept, mut done) = (BTreeSet::new(), Vec::new());
    for message in all(&*first).await? {
        match parse(&message.body) {
            // Every other one is done with, in all its copies.
            Parsed::Ours { job, .. } if asked.contains_key(&job) && job.0.as_u128() % 2 == 0 => done.push(message),
            Parsed::Ours { job, .. } if asked.contains_key(&job) => drop(kept.insert(job)),
            _ => {}
        }
    }
    for message in done.iter().chain(&done) {
        first.done(&message.receipt).await.map_err(|e| format!("a message cannot be done with: {e}"))?;
    }
    for _ in 0..2 {
        subject.pass_time(ROUND * LONG);
        let left = succeeded(&all(&*first).await?, &asked)?;
        ensure!(left == kept, "{} are told of {} that were not done with", left.len(), kept.len());
    }
    let Err(e) = first.done("nothing").await else { return Err("it took a receipt that it never gave".to_owned()) };
    let reason = matches!(e, VaultError::NotPossible { .. } | VaultError::NoSuch { .. });
    ensure!(reason && e.to_string().contains("receipt nothing"), "a receipt is refused for another reason: {e}");
    Ok(())
}

pub async fn messages_of_others_stay_where_they_are(subject: &dyn Subject) -> Outcome {
    let Some(queue) = queue(subject) else { return Ok(()) };
    let foreign: BTreeSet<String> = subject.add_foreign_messages().into_iter().collect();
    let asked = ask(subject, 12).await?;
    end_of(subject, &asked).await?;
    for time in 0..3 {
        subject.pass_time(ROUND * LONG);
        let messages = all(&*queue).await?;
        let told = succeeded(&messages, &asked)?;
        ensure!(time > 0 || told.len() == asked.len(), "{} of {} jobs are told", told.len(), asked.len());
        ensure!(time == 0 || told.is_empty(), "{} are told again, which were done with", told.len());
        let there: BTreeSet<&String> = messages.iter().map(|message| &message.body).collect();
        let gone = foreign.iter().filter(|body| !there.contains(body)).count();
        ensure!(gone == 0, "{gone} of {} messages of others are gone, time {time}", foreign.len());
        for message in &messages {
            let ours = matches!(parse(&message.body), Parsed::Ours { job, .. } if asked.contains_key(&job));
            ensure!(!(ours && foreign.contains(&message.body)), "a message of others is taken for ours");
            if ours {
                queue.done(&message.receipt).await.map_err(|e| format!("a message cannot be done with: {e}"))?;
            }
        }
    }
    Ok(())
}

pub async fn a_job_that_fails_is_told_as_failed(subject: &dyn Subject) -> Outcome {
    if !subject.fail_next_job() {
        return Ok(());
    }
    let asked = ask(subject, 1).await?;
    end_of(subject, &asked).await?;
    let vault = subject.vault();
    let (Some(name), Some(id)) = (asked.keys().next(), asked.values().next()) else { return Ok(()) };
    let state = vault.status(id.as_bytes()).await.map_err(|e| format!("a job is not there: {e}"))?;
    let JobState::Failed(why) = &state else { return Err(format!("a job that failed stands at {state:?}")) };
    ensure!(!why.is_empty(), "a job failed, and it does not say why");
    if vault.capabilities().lists_jobs {
        let listed: Vec<JobState> = listed(&*vault).await?.into_iter().map(|job| job.state).collect();
        ensure!(listed == [state.clone()], "a job that failed is listed as {listed:?}");
    }
    let Err(e) = vault.read(id.as_bytes(), 0..1).await else { return Err("a job that failed can be read".to_owned()) };
    ensure!(e.to_string().contains(why.as_str()), "reading it does not say why it failed: {e}");
    let Some(queue) = vault.messages() else { return Ok(()) };
    subject.pass_time(ROUND * LONG);
    let ends = all(&*queue).await?.into_iter().filter_map(|message| match parse(&message.body) {
        Parsed::Ours { job, outcome, .. } if job == *name => Some(outcome),
        _ => None,
    });
    let ends: Vec<End> = ends.collect();
    ensure!(!ends.is_empty(), "the end of a job that failed is not told");
    let right = ends.iter().all(|end| *end == End::Failed(why.clone()));
    ensure!(right, "a job that failed because of {why:?} is told as {ends:?}");
    Ok(())
}
