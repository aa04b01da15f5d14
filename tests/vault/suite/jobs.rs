//! Retrieval: asking, waiting, reading.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firn::base::Time;
use firn::base::ids::RetrievalUuid;
use firn::retrieval::messages::JobName;
use firn::vault::{Head, JobRequest, JobSeen, JobState, Tier, Vault, VaultError};

use super::{Outcome, ROUND, ROUNDS, holds, put, thaw};
use crate::subject::{Subject, body, check_of, new_name};

const SIZE: u64 = (2 << 20) + 77;

pub async fn ranges_are_read_exactly(subject: &dyn Subject) -> Outcome {
    const MIB: u64 = 1 << 20;
    let (name, bytes) = (new_name(1), body(usize::try_from(SIZE).unwrap(), 21));
    let remote_id = put(subject, name, &bytes).await?.remote_id;
    let job = thaw(subject, &remote_id, None).await.map_err(|e| format!("it does not give it back: {e}"))?;
    let ranges =
        [0..0, 0..1, 0..512, MIB - 1..MIB + 1, 511..2 * MIB, SIZE - 1..SIZE, SIZE - 1024..SIZE, SIZE..SIZE, 0..SIZE];
    for range in ranges {
        let read = subject.vault().read(&job, range.clone()).await.map_err(|e| format!("{range:?}: {e}"))?;
        let right = &bytes[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        ensure!(read == right, "{range:?} came back as {} other bytes", read.len());
    }
    if subject.vault().capabilities().range_jobs {
        let job = thaw(subject, &remote_id, Some(MIB..2 * MIB)).await.map_err(|e| format!("a job of a range: {e}"))?;
        let read = subject.vault().read(&job, MIB + 5..MIB + 9).await.map_err(|e| format!("of a range's job: {e}"))?;
        ensure!(read == bytes[(1 << 20) + 5..(1 << 20) + 9], "a range's job gives other bytes");
    }
    Ok(())
}

pub async fn ranges_outside_are_refused(subject: &dyn Subject) -> Outcome {
    let (name, bytes) = (new_name(1), body(usize::try_from(SIZE).unwrap(), 22));
    let remote_id = put(subject, name, &bytes).await?.remote_id;
    let job = thaw(subject, &remote_id, None).await.map_err(|e| format!("it does not give it back: {e}"))?;
    #[allow(clippy::reversed_empty_ranges)] // that is one of them
    for range in [SIZE - 1..SIZE + 1, SIZE + 1..SIZE + 1, 5..4, u64::MAX - 1..u64::MAX, 0..u64::MAX] {
        let answer = subject.vault().read(&job, range.clone()).await;
        let Err(e) = answer else { return Err(format!("{range:?} of {SIZE} bytes was read")) };
        ensure!(matches!(e, VaultError::NotPossible { .. }), "{range:?} is refused for another reason: {e}");
        ensure!(e.to_string().contains(&format!("{}..{}", range.start, range.end)), "it does not name the range: {e}");
    }
    holds(subject, name, &bytes).await
}

pub async fn what_a_job_can_do_is_what_is_said(subject: &dyn Subject) -> Outcome {
    let vault = subject.vault();
    let can = vault.capabilities();
    let (name, bytes) = (new_name(1), body(1000, 23));
    let remote_id = put(subject, name, &bytes).await?.remote_id;
    for tier in [Tier::Expedited, Tier::Standard, Tier::Bulk] {
        let request =
            JobRequest { remote_id: remote_id.clone(), range: None, tier: Some(tier), description: String::new() };
        match vault.request(request).await {
            Ok(_) => ensure!(can.tiers.contains(&tier), "it takes the tier {tier:?} that it does not name"),
            Err(e) => {
                ensure!(!can.tiers.contains(&tier), "it refuses its own tier {tier:?}: {e}");
                let told = e.to_string().contains(&format!("{tier:?}"));
                ensure!(matches!(e, VaultError::NotPossible { .. }) && told, "refused for another reason: {e}");
            }
        }
    }
    let job = thaw(subject, &remote_id, None).await.map_err(|e| format!("it does not give it back: {e}"))?;
    if !can.upgrade {
        let Err(e) = vault.upgrade(&job, Tier::Expedited).await else {
            return Err("it makes jobs faster and says that it cannot".to_owned());
        };
        ensure!(matches!(e, VaultError::NotPossible { .. }), "refused for another reason: {e}");
    }
    match vault.extend(&job, Time::from_secs(4_000_000_000)).await {
        Ok(()) => {}
        Err(e) => ensure!(!can.extend && matches!(e, VaultError::NotPossible { .. }), "a job is not extended: {e}"),
    }
    let read = vault.read(&job, 0..1000).await.map_err(|e| format!("after all that: {e}"))?;
    ensure!(read == bytes, "after all that, other bytes are read");
    Ok(())
}

pub async fn names_that_it_never_gave_are_refused(subject: &dyn Subject) -> Outcome {
    let vault = subject.vault();
    let (name, bytes) = (new_name(1), body(1000, 24));
    let known = put(subject, name, &bytes).await?.remote_id;
    let absent = new_name(2);
    super::catch_up(subject);
    let head = vault.head(absent.uuid).await.map_err(|e| format!("it cannot be asked: {e}"))?;
    ensure!(head == Head::Absent, "it answers {head:?} for what was never put");
    let mut like = known.clone();
    like.push(b'x');
    let names: [&[u8]; 7] = [b"", b"nothing", b"../../../etc/passwd", b"/etc/passwd", b"\x1b[2J\n", b"a\0b", &like];
    for other in names {
        let request = JobRequest { remote_id: other.to_vec(), range: None, tier: None, description: String::new() };
        let expect = check_of(vault.capabilities().check, b"");
        let answers = [
            ("request", vault.request(request).await.err()),
            ("status", vault.status(other).await.err()),
            ("read", vault.read(other, 0..1).await.err()),
            ("extend", vault.extend(other, Time::from_secs(4_000_000_000)).await.err()),
            ("put_part", vault.put_part(other, 0, 1 << 20, Arc::new(vec![0; 10])).await.err()),
            ("complete", vault.complete(other, absent, 0, expect).await.err()),
        ];
        for (call, answer) in answers {
            let shown = String::from_utf8_lossy(other);
            let Some(e) = answer else { return Err(format!("{call} of {shown:?} was answered")) };
            let reason = matches!(e, VaultError::NoSuch { .. } | VaultError::NotPossible { .. });
            ensure!(reason, "{call} of {shown:?} is refused for another reason: {e}");
            let safe = !e.to_string().contains(|c: char| c.is_control());
            ensure!(safe, "{call} of {shown:?} is refused in words that are not safe to show");
        }
        // Nothing there to be thrown away is as good as thrown away.
        for (call, answer) in [("abort", vault.abort(other).await), ("delete", vault.delete(other).await)] {
            if let Err(e) = answer {
                ensure!(matches!(e, VaultError::NoSuch { .. }), "{call} is refused for another reason: {e}");
            }
        }
    }
    holds(subject, name, &bytes).await
}

/// All pages of the vault's list of its jobs.
pub async fn listed(vault: &dyn Vault) -> Result<Vec<JobSeen>, String> {
    let (mut jobs, mut after) = (Vec::new(), None);
    for _ in 0..1000 {
        let page = vault.jobs(after).await.map_err(|e| format!("its jobs cannot be listed: {e}"))?;
        jobs.extend(page.items);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(jobs),
        }
    }
    Err("its list of jobs never ends".to_owned())
}

/// A name of firn's for a job.
pub fn job_name() -> JobName {
    JobName { uuid: RetrievalUuid::new().unwrap() }
}

pub async fn jobs_are_listed_as_they_were_asked_for_until_they_are_over(subject: &dyn Subject) -> Outcome {
    const MIB: u64 = 1 << 20;
    let vault = subject.vault();
    let can = vault.capabilities();
    let remote_id = put(subject, new_name(1), &body(usize::try_from(2 * MIB).unwrap(), 25)).await?.remote_id;
    let request = |description: String, range| JobRequest {
        remote_id: remote_id.clone(),
        range,
        tier: can.tiers.last().copied(),
        description,
    };
    if !can.lists_jobs {
        let jobs = listed(&*vault).await?;
        ensure!(jobs.is_empty(), "it lists jobs and says that it cannot: {jobs:?}");
        // Then one whose reply was lost is found by asking again.
        let ask = || async { vault.request(request(job_name().to_string(), None)).await };
        let (first, second) = (ask().await, ask().await);
        let (Ok(first), Ok(second)) = (first, second) else { return Err("it does not give it back".to_owned()) };
        ensure!(first == second, "asking again makes another job, and it does not list its jobs");
        return Ok(());
    }
    // More than fit on a page, with every character that there may be.
    let printable: String = ('!'..='~').chain(" \\ \"".chars()).collect();
    let mut words: Vec<String> = (0..60).map(|_| job_name().to_string()).collect();
    words.extend([printable.clone(), printable.repeat(20)[..1024].to_owned(), "trailing  ".to_owned()]);
    let mut asked = BTreeMap::new();
    for (n, words) in words.into_iter().enumerate() {
        let range = (can.range_jobs && n % 2 == 0).then_some(MIB..2 * MIB);
        let id = vault.request(request(words.clone(), range.clone())).await;
        let id = id.map_err(|e| format!("a job cannot be asked for: {e}"))?;
        ensure!(asked.insert(id, (words, range)).is_none(), "it gave one name to two jobs");
    }
    let again = subject.vault();
    let is_there = |jobs: &[JobSeen]| -> Outcome {
        let ids: BTreeSet<&[u8]> = jobs.iter().map(|job| &*job.job_id).collect();
        ensure!(jobs.len() == asked.len() && ids.len() == jobs.len(), "{} of {} are listed", ids.len(), asked.len());
        for job in jobs {
            let Some((words, range)) = asked.get(&job.job_id) else { return Err(format!("it lists {job:?}")) };
            ensure!(job.description == *words, "it was described as {words:?} and is listed as {:?}", job.description);
            ensure!(job.remote_id == remote_id && job.tier == can.tiers.last().copied(), "it is listed as {job:?}");
            let right = range.clone().unwrap_or(0..2 * MIB);
            ensure!(job.range.as_ref().is_none_or(|range| *range == right), "{range:?} is listed as {job:?}");
        }
        Ok(())
    };
    let jobs = listed(&*again).await?;
    is_there(&jobs)?;
    let early = jobs.iter().find(|job| can.thaw && job.state != JobState::InProgress);
    ensure!(early.is_none(), "it has just been asked for, and is listed as {early:?}");
    let mut ready = false;
    for _ in 0..ROUNDS {
        subject.pass_time(ROUND);
        let jobs = listed(&*again).await?;
        if jobs.is_empty() {
            break;
        }
        let mut seen = BTreeMap::new();
        for job in jobs {
            let state =
                again.status(&job.job_id).await.map_err(|e| format!("a job that is listed is not there: {e}"))?;
            ensure!(state == job.state, "it stands at {state:?} and is listed as {:?}", job.state);
            seen.insert(job.job_id, job.state);
        }
        ready |= seen.len() == asked.len() && seen.values().all(|state| matches!(state, JobState::Ready { .. }));
        for id in asked.keys().filter(|id| !seen.contains_key(*id)) {
            let state = again.status(id).await;
            let over = matches!(state, Ok(JobState::Expired) | Err(VaultError::NoSuch { .. }));
            ensure!(over, "it is not listed, and stands at {state:?}");
        }
    }
    ensure!(ready, "its jobs are never ready all together");
    let jobs = listed(&*again).await?;
    ensure!(jobs.is_empty(), "jobs are listed for ever: {} of {}", jobs.len(), asked.len());
    Ok(())
}

pub async fn a_job_is_made_faster_or_that_is_refused(subject: &dyn Subject) -> Outcome {
    let vault = subject.vault();
    let can = vault.capabilities();
    let remote_id = put(subject, new_name(1), &body(1000, 26)).await?.remote_id;
    let tier = can.tiers.last().copied();
    let ask = || JobRequest { remote_id: remote_id.clone(), range: None, tier, description: job_name().to_string() };
    let mut jobs = Vec::new();
    for _ in 0..20 {
        jobs.push(vault.request(ask()).await.map_err(|e| format!("a job cannot be asked for: {e}"))?);
    }
    // Ten are made faster and ten are not: where nothing becomes faster, that those ten end before the others by
    // chance happens once in 184 756 times.
    let others = jobs.split_off(10);
    let job = jobs[0].clone();
    let refused = |answer: firn::vault::Result<()>, what: &str| -> Outcome {
        let Err(e) = answer else { return Err(format!("{what} is made faster")) };
        ensure!(matches!(e, VaultError::NotPossible { .. }), "{what} is refused for another reason: {e}");
        ensure!(
            e.to_string().contains("made faster") || e.to_string().contains("make faster"),
            "it does not say why: {e}"
        );
        Ok(())
    };
    if !can.upgrade {
        return refused(vault.upgrade(&job, Tier::Expedited).await, "a job where that is not possible");
    }
    let (first, last) = (can.tiers[0], can.tiers[can.tiers.len() - 1]);
    // What is repeated is told from what cannot be.
    let same = |answer: firn::vault::Result<()>, what: &str| -> Outcome {
        let Err(e) = answer else { return Err(format!("{what} is made faster")) };
        ensure!(matches!(e, VaultError::NotFaster { .. }), "{what} is refused for another reason: {e}");
        ensure!(e.to_string().contains("made faster"), "it does not say why: {e}");
        Ok(())
    };
    same(vault.upgrade(&job, last).await, "a job of the same tier")?;
    for job in &jobs {
        vault.upgrade(job, first).await.map_err(|e| format!("a job is not made faster: {e}"))?;
    }
    let repeated = same(vault.upgrade(&job, first).await, "a job that was made faster already");
    let status = |id: Vec<u8>| {
        let vault = subject.vault();
        async move { vault.status(&id).await.map_err(|e| format!("it does not say where it stands: {e}")) }
    };
    for job in jobs {
        for _ in 0..ROUNDS {
            if status(job.clone()).await? != JobState::InProgress {
                break;
            }
            subject.pass_time(ROUND);
        }
        let faster = status(job).await?;
        ensure!(matches!(faster, JobState::Ready { .. }), "it was made faster, and stands at {faster:?}");
    }
    for other in others {
        let slower = status(other).await?;
        ensure!(slower == JobState::InProgress, "nothing became faster: another stands at {slower:?}");
    }
    repeated?;
    let read = vault.read(&job, 0..1000).await.map_err(|e| format!("it cannot be read: {e}"))?;
    ensure!(read == body(1000, 26), "a job that was made faster gives other bytes");
    refused(vault.upgrade(&job, first).await, "a job at its end")
}
