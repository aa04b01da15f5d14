//! Retrieval: asking, waiting, reading.

use std::sync::Arc;

use firn::base::Time;
use firn::vault::{Head, JobRequest, Tier, VaultError};

use super::{Outcome, holds, put, thaw};
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
