//! Carries out what the model asks of the state, and answers. Each runs as a task of its own; the loop never waits.

use std::sync::Arc;

use super::effect::{Deed, JobOf, Query};
use super::msg::Reply;
use super::overlay::{FileLine, FilePlace};
use super::tabs::backup::rows::name;
use super::theme::Role;
use super::update::windows::about_job;
use super::{clusters, desk, details, freezing};
use crate::base::Shown;
use crate::base::ids::{FileId, Key};
use crate::services::Services;
use crate::store::{EndJob, FileRow, JobEnded, JobStarted, MemberRow, NewEvent, NewJob, PoolChange};

use super::format::files;
use super::list::PAGE;

/// Reads what is asked.
pub async fn ask(services: Arc<Services>, who: &str, query: Query) -> Reply {
    match &query {
        Query::Archive(uuid) => {
            let read = async {
                let now = services.store.now().await?;
                Ok::<_, crate::store::StoreError>(
                    services.store.archive_detail(*uuid).await?.map(|row| details::archive(&row, now)),
                )
            };
            let result = match read.await {
                Ok(Some(details)) => Ok(Box::new(details)),
                Ok(None) => Err(format!("the state knows no archive {uuid} any more")),
                Err(e) => Err(e.to_string()),
            };
            Reply::Details(query, result)
        }
        Query::File(file) => {
            let read = async {
                let now = services.store.now().await?;
                Ok::<_, crate::store::StoreError>(
                    services.store.file_detail(*file).await?.map(|row| details::file(&row, now)),
                )
            };
            let result = match read.await {
                Ok(Some(details)) => Ok(Box::new(details)),
                Ok(None) => Err(format!("the state knows no file {file} any more")),
                Err(e) => Err(e.to_string()),
            };
            Reply::Details(query, result)
        }
        Query::Members { archive, after, .. } => {
            let read = async {
                let row = services.store.archive(*archive).await.map_err(|e| e.to_string())?;
                let row = row.ok_or_else(|| format!("the state knows no archive {archive} any more"))?;
                let rows = services.store.members(row.id, *after, PAGE).await.map_err(|e| e.to_string())?;
                let sources = services.store.sources().await.map_err(|e| e.to_string())?;
                let source = |row: &MemberRow| {
                    sources
                        .iter()
                        .find(|source| source.id == row.source)
                        .map_or("?", |source| source.name.as_str())
                        .to_owned()
                };
                Ok(rows.iter().map(|member| member_line(member, &source(member), row.state.word())).collect())
            };
            let result = read.await;
            Reply::Files(query, result)
        }
        Query::Find { text, after, .. } => {
            let result = find(&services, text, after.clone()).await;
            Reply::Files(query, result)
        }
        Query::Plan(plan) => {
            let result = desk::plan(&services, *plan).await.map(Box::new);
            Reply::Details(query, result)
        }
        Query::Plans { page, before } => Reply::Plans(*page, desk::plans(&services, *before).await),
        Query::PlanRows { plan, of, after, .. } => {
            let result = desk::rows(&services, *plan, *of, *after).await;
            Reply::PlanRows(query, result)
        }
        Query::Draft { text, dest, .. } => {
            let result = desk::draft(&services, Arc::clone(text), dest.clone(), who).await;
            Reply::Draft(query, result.map(Box::new))
        }
        Query::Supplement(plan) => {
            let result = desk::supplement(&services, *plan, who).await;
            Reply::Draft(query, result.map(Box::new))
        }
        Query::Choose { plan, tier, .. } => {
            let result = desk::choose(&services, *plan, tier.clone()).await;
            Reply::Chosen(query, result.map(Box::new))
        }
        Query::Faster { plan, job, .. } => {
            let result = desk::faster(&services, *plan, *job).await;
            Reply::Faster(query, result)
        }
        Query::DelayChart { name, span, until } => {
            let read = services.delay_chart(name, until.minus(span.length()), *until).await;
            Reply::DelayChart(query, read.map(Box::new).map_err(|e| e.to_string()))
        }
        Query::Freeze { name, look, ended } => {
            let read = freezing::read(&services, name, *look, *ended).await;
            Reply::Freeze(query, read.map(Box::new))
        }
        Query::RedisPanel { cluster, node, panel } => {
            let read = clusters::panel(&services, cluster, node, *panel).await;
            Reply::RedisPanel(query, read)
        }
        Query::Failed { page, after } => {
            let result = services.store.failed_page(*after, PAGE).await.map_err(|e| e.to_string());
            Reply::Failed(*page, result)
        }
    }
}

fn member_line(member: &MemberRow, source: &str, state: &str) -> FileLine {
    FileLine {
        file: member.file,
        place: FilePlace::Offset(member.header_offset),
        name: name(source, &member.key),
        length: member.length,
        state: state.to_owned(),
        role: Role::Text,
        at: None,
    }
}

async fn find(
    services: &Services,
    text: &str,
    after: Option<(crate::base::ids::SourceId, Key)>,
) -> Result<Vec<FileLine>, String> {
    let sources = services.store.sources().await.map_err(|e| e.to_string())?;
    // `source:prefix` if there is such a source; else the whole text is the beginning of a key.
    let named = text
        .split_once(':')
        .and_then(|(name, prefix)| sources.iter().find(|source| source.name == name).map(|source| (source.id, prefix)));
    let (source, prefix) = match named {
        Some((source, prefix)) => (Some(source), prefix),
        None => (None, text),
    };
    let rows = services.store.find_files(source, prefix.as_bytes().to_vec(), after, PAGE).await;
    Ok(rows.map_err(|e| e.to_string())?.iter().map(file_line).collect())
}

fn file_line(row: &FileRow) -> FileLine {
    FileLine {
        file: row.file,
        place: FilePlace::Key(row.source, row.key.clone()),
        name: name(&row.source_name, &row.key),
        length: row.length,
        state: row.state.word().to_owned(),
        role: details::file_role(row.state),
        at: Some(row.gone_at.unwrap_or(row.first_seen)),
    }
}

/// Does what is asked, enters it among the events, and says what came of it.
pub async fn act(services: Arc<Services>, who: String, deed: Deed) -> Result<String, String> {
    match deed {
        Deed::Order(change) => order(&services, change).await,
        Deed::Seal(changes) => {
            let mut said = Vec::new();
            for change in changes {
                let host = Shown::text(&change.host).to_string();
                let order = services.store.order(change).await.map_err(|e| e.to_string())?;
                said.push(format!("{host} was asked to (order {})", order.generation));
            }
            event(&services, &who, "seal", "open bundles", &said.join(", ")).await;
            Ok(format!("seal open bundles: {}", said.join(", ")))
        }
        Deed::Retry(files) => retry(&services, &who, files).await,
        Deed::Ack { rule, object, until } => {
            let found = services.store.notice_ack(rule.clone(), object.clone(), until, who).await;
            if found.map_err(|e| e.to_string())? {
                Ok(format!("{rule} {} is acknowledged until {until}", Shown::text(&object)))
            } else {
                Err("it no longer holds; there is nothing to acknowledge".to_owned())
            }
        }
        Deed::Confirm { plan, hash } => desk::confirm(&services, plan, hash, &who).await,
        Deed::Cancel(plan) => desk::cancel(&services, plan, &who).await,
        Deed::Faster(faster) => desk::make_faster(&services, &faster, &who).await,
        Deed::Again(plan) => desk::again(&services, plan, &who).await,
        Deed::Drop(plan) => desk::drop_plan(&services, plan).await,
        Deed::JobStart(job) => job_start(&services, who, job).await,
        Deed::JobEnd(job) => job_end(&services, who, job).await,
        Deed::Freeze(of) => freezing::freeze(&services, &who, *of).await,
        Deed::Resume(replica) => freezing::resume(&services, &who, &replica).await,
        Deed::FreezeTick { replica, step, done } => freezing::tick(&services, &who, &replica, step, done).await,
        Deed::Redis(act) => clusters::act(&services, &who, act).await,
        // The loop runs it itself, for it tells how it goes.
        Deed::Bench(_) => Err("the benchmark is run by the loop of the console".to_owned()),
    }
}

async fn order(services: &Services, change: PoolChange) -> Result<String, String> {
    let mut asked = Vec::new();
    if let Some(size) = change.size {
        asked.push(format!("{size} places"));
    }
    match (change.paused, change.drain) {
        (Some(true), _) => asked.push("pause".to_owned()),
        (_, Some(true)) => asked.push("drain".to_owned()),
        (Some(false), _) | (_, Some(false)) => asked.push("work".to_owned()),
        _ => {}
    }
    let (host, pool) = (Shown::text(&change.host).to_string(), Shown::text(&change.pool).to_string());
    let order = services.store.order(change).await.map_err(|e| e.to_string())?;
    Ok(format!("pool {pool} of {host} was asked to: {} (order {})", asked.join(", "), order.generation))
}

async fn retry(services: &Services, who: &str, which: Option<Vec<FileId>>) -> Result<String, String> {
    let count = match &which {
        None => services.store.retry_failed(None).await.map_err(|e| e.to_string())?,
        Some(files) => {
            let mut count = 0;
            for file in files {
                count += services.store.retry_failed(Some(*file)).await.map_err(|e| e.to_string())?;
            }
            count
        }
    };
    let said = format!("{} due now", files(count));
    event(services, who, "retry", "failed files", &said).await;
    Ok(said)
}

/// A job that holds a replica up has begun.
async fn job_start(services: &Services, who: String, job: JobOf) -> Result<String, String> {
    let about = about_job(&job.replica, &job.class);
    let new = NewJob { replica: job.replica, class: job.class, start: None, who, detail: String::new() };
    match services.store.job_start(new).await.map_err(|e| e.to_string())? {
        JobStarted::Started(row) => Ok(format!("{about} runs since {}", row.start)),
        JobStarted::Running(row) => {
            Err(format!("{about} runs already, since {} (by {})", row.start, Shown::text(&row.started_by)))
        }
        JobStarted::Future(now) => Err(format!("{about} would begin after {now}, which is now; nothing was entered")),
    }
}

/// A job has ended.
async fn job_end(services: &Services, who: String, job: JobOf) -> Result<String, String> {
    let about = about_job(&job.replica, &job.class);
    let (class, outcome) = (job.class, "done".to_owned());
    let mut end = EndJob { replica: job.replica, class, only: None, end: None, who, outcome };
    let mut ended = services.store.job_end(end.clone()).await.map_err(|e| e.to_string())?;
    if let (JobEnded::NotRunning(_), Some(channel)) = (&ended, job.channel) {
        end.replica = channel;
        match services.store.job_end(end).await.map_err(|e| e.to_string())? {
            JobEnded::NotRunning(None) => {}
            own => ended = own,
        }
    }
    match ended {
        JobEnded::Ended(row) => {
            let ran = row.end.map(|end| end.since(row.start));
            Ok(format!("{about} has ended after {}", super::format::span(ran)))
        }
        JobEnded::NotRunning(None) => {
            Err(format!("no {about} was started by firn; a job that a query of yours tells ends where that reads it"))
        }
        JobEnded::NotRunning(Some(row)) => {
            let end = super::format::known(row.end, |end| end.to_string());
            let by = row.ended_by.map_or_else(String::new, |by| format!(" (by {})", Shown::text(&by)));
            Err(format!("{about} has ended already, at {end}{by}"))
        }
        JobEnded::BeforeStart(row) => {
            Err(format!("{about} began at {}, after what is now; check the clocks", row.start))
        }
        JobEnded::Future(now) => Err(format!("{about} would end after {now}, which is now; nothing was changed")),
    }
}

async fn event(services: &Services, who: &str, what: &str, object: &str, detail: &str) {
    let event = NewEvent {
        who: who.to_owned(),
        what: what.to_owned(),
        object: object.to_owned(),
        detail: detail.to_owned(),
        outcome: "done".to_owned(),
    };
    if let Err(e) = services.store.event(event).await {
        tracing::warn!(error = %e, what, "what was done is not entered among the events");
    }
}
