//! How the ends of jobs are told: messages in the service's words, through a notification service, into a [`queue`].
//!
//! Fields and envelope are those of the Glacier developer guide ("configuring-notifications", "api-GlacierJobDescription")
//! and the Amazon SNS developer guide ("sns-message-and-json-formats").
//!
//! [`queue`]: super::queue

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::core::{Core, Op};
use super::draw::Draw;
use super::jobs::{JobView, Phase, word};
use super::refusal::Refusal;
use crate::base::Time;
use crate::base::encode::hex;
use crate::base::hash::Hash32;
use crate::vault::Message;

/// How the ends of a vault's jobs are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// What messages call the vault.
    pub vault_arn: String,
    /// What they call the topic.
    pub topic_arn: String,
    /// Whether jobs are asked for with the topic: then `SNSTopic` says so.
    pub of_jobs: bool,
    /// Whether the vault has the topic: then `SNSTopic` is null. If both do, each end is told twice.
    pub of_vault: bool,
    /// Whether messages come in envelopes of the notification service; else as they are ("raw message delivery").
    pub enveloped: bool,
    /// A message that was given out and not deleted is given out again after so long.
    pub hidden: Duration,
    /// A message is kept for so long.
    pub lives: Duration,
    /// Beside the messages of one job in so many lies one that is somebody else's; 0: none.
    pub foreign_one_in: u32,
    /// Beside the messages of one job in so many lies rubbish; 0: none.
    pub rubbish_one_in: u32,
}

impl Default for Topic {
    /// Each job has the topic, its messages come in envelopes to a queue with the service's own settings.
    fn default() -> Self {
        Self {
            vault_arn: "arn:aws:glacier:us-east-1:012345678901:vaults/cold".to_owned(),
            topic_arn: "arn:aws:sns:us-east-1:012345678901:cold-jobs".to_owned(),
            of_jobs: true,
            of_vault: false,
            enveloped: true,
            hidden: Duration::from_secs(30),
            lives: Duration::from_hours(4 * 24),
            foreign_one_in: 0,
            rubbish_one_in: 0,
        }
    }
}

/// `2013-03-18T12:00:45.339Z`
fn stamp(time: Time) -> Value {
    jiff::Timestamp::from_microsecond(time.as_micros()).map_or(Value::Null, |stamp| format!("{stamp:.3}").into())
}

/// A job at its end as the service describes it.
fn description(topic: &Topic, job: &JobView, named: bool) -> String {
    let (at, message) = match &job.phase {
        Phase::InProgress => (None, None),
        Phase::Succeeded { at, .. } => (Some(*at), Some("Succeeded")),
        Phase::Failed { at, why } => (Some(*at), Some(why.as_str())),
    };
    let hash = |hash: Option<Hash32>| hash.map(|hash| hex(&hash.0));
    let archive = job.archive.as_ref();
    let range = archive.map(|(_, range)| format!("{}-{}", range.start, range.end.saturating_sub(1)));
    json!({
        "Action": if archive.is_some() { "ArchiveRetrieval" } else { "InventoryRetrieval" },
        "ArchiveId": archive.map(|(id, _)| &**id),
        "ArchiveSHA256TreeHash": hash(job.archive_hash),
        "ArchiveSizeInBytes": job.archive_size,
        "Completed": at.is_some(),
        "CompletionDate": at.map(stamp),
        "CreationDate": stamp(job.asked),
        "InventoryRetrievalParameters": null,
        "InventorySizeInBytes": null,
        "JobDescription": if job.description.is_empty() { None } else { Some(&*job.description) },
        "JobId": &*job.job_id,
        "JobOutputPath": null,
        "OutputLocation": null,
        "RetrievalByteRange": range,
        "SHA256TreeHash": hash(job.hash),
        "SNSTopic": if named { Some(&topic.topic_arn) } else { None },
        "SelectParameters": null,
        "StatusCode": job.phase.code(),
        "StatusMessage": message,
        "Tier": archive.map(|_| word(job.tier)),
        "VaultARN": topic.vault_arn,
    })
    .to_string()
}

/// In an envelope of the notification service. (It is not signed.)
fn envelope(topic: &Topic, at: Time, draw: &Draw, message: &str) -> String {
    json!({
        "Type": "Notification",
        "MessageId": uuid::Builder::from_random_bytes(u128::from(draw.number()).to_be_bytes()).into_uuid().to_string(),
        "TopicArn": topic.topic_arn,
        "Subject": "Notification From Amazon Glacier Service",
        "Message": message,
        "Timestamp": stamp(at),
    })
    .to_string()
}

/// Something that somebody else would find in a queue that is shared.
fn foreign(topic: &Topic, at: Time, draw: &Draw) -> String {
    let job = |description: &str, action: &str| {
        json!({
            "Action": action,
            "ArchiveId": if action == "ArchiveRetrieval" { Some(draw.id(138)) } else { None },
            "Completed": true,
            "CompletionDate": stamp(at),
            "JobDescription": description,
            "JobId": draw.id(92),
            "StatusCode": "Succeeded",
            "StatusMessage": "Succeeded",
            "VaultARN": format!("{}-of-others", topic.vault_arn),
        })
    };
    let number = u128::from(draw.number());
    let message = match number % 4 {
        0 => job("holiday photos", "ArchiveRetrieval"),
        1 => job("nightly inventory", "InventoryRetrieval"),
        // Another firn's job: only who knows its own jobs can tell.
        2 => {
            let uuid = uuid::Builder::from_random_bytes(number.to_be_bytes()).into_uuid();
            job(&format!("firn1 job {uuid}"), "ArchiveRetrieval")
        }
        _ => json!({
            "Type": "SubscriptionConfirmation",
            "MessageId": draw.id(20),
            "TopicArn": topic.topic_arn,
            "Message": "You have chosen to subscribe to the topic.",
            "Timestamp": stamp(at),
        }),
    };
    message.to_string()
}

/// Something that nobody can read.
fn rubbish(draw: &Draw, message: &str) -> String {
    let end = usize::try_from(draw.number() % 1000).unwrap_or(0).min(message.len().saturating_sub(1));
    match draw.number() % 3 {
        0 => message.get(..end).unwrap_or("").to_owned(),
        1 => draw.id(end),
        _ => format!("[{end}]"),
    }
}

impl Core {
    /// A job has come to its end: it is told, as far as the weather lets it.
    pub(super) fn tell(&mut self, at: Time, job: &JobView) {
        let Some(topic) = self.rules.topic.clone() else { return };
        let seed = self.rules.seed;
        let id = &*job.job_id;
        let mut put = |what: &str, n: u32, late: Duration, body: String| {
            self.queue.put(at.plus(late), topic.lives, format!("{what} {n} {id}"), body);
        };
        let named = [(topic.of_jobs, true), (topic.of_vault, false)];
        for (turn, (_, named)) in (0u32..).zip(named.into_iter().filter(|(told, _)| *told)) {
            let posted = self.rules.weather.posted(at, seed, id, turn);
            if posted.lost {
                continue;
            }
            let message = description(&topic, job, named);
            let body = if topic.enveloped {
                envelope(&topic, at, &Draw::new(seed, &["envelope", id], u64::from(turn)), &message)
            } else {
                message
            };
            for copy in 0..=u32::from(posted.doubled) {
                put("end", turn * 2 + copy, posted.late, body.clone());
            }
        }
        let draw = |what| Draw::new(seed, &[what, id], 0);
        if draw("foreign").is_one_in(topic.foreign_one_in) {
            put("foreign", 0, Duration::ZERO, foreign(&topic, at, &draw("foreign body")));
        }
        if draw("rubbish").is_one_in(topic.rubbish_one_in) {
            put("rubbish", 0, Duration::ZERO, rubbish(&draw("rubbish body"), &description(&topic, job, true)));
        }
    }

    /// Somebody puts a message into the queue.
    pub fn put_message(&mut self, now: Time, body: String) {
        self.advance(now);
        let Some(lives) = self.rules.topic.as_ref().map(|topic| topic.lives) else { return };
        let turn = self.next_made("message", "");
        self.queue.put(self.now, lives, format!("put {turn}"), body);
    }

    /// Messages that are in the queue, given out or not.
    pub fn messages_kept(&mut self, now: Time) -> usize {
        self.advance(now);
        self.queue.count()
    }

    /// Gives out up to `most` messages (never more than ten). Where nothing is told, there are none.
    pub fn receive(&mut self, now: Time, most: usize) -> Result<Vec<Message>, Refusal> {
        let fate = self.admit_to_queue(now, Op::Receive, "")?;
        let Some(hidden) = self.rules.topic.as_ref().map(|topic| topic.hidden) else { return Ok(Vec::new()) };
        let given = self.queue.give(self.now, self.rules.seed, most, hidden);
        fate.reply(Ok(given))
    }

    /// Deletes a message that was given out.
    pub fn delete_message(&mut self, now: Time, receipt: &str) -> Result<(), Refusal> {
        let fate = self.admit_to_queue(now, Op::Done, "")?;
        let deleted = self.queue.delete(self.rules.seed, receipt);
        fate.reply(deleted)
    }

    /// The archives that it holds at this moment, by id. No request: for who sets a scene or looks behind it.
    pub fn holdings(&self) -> Vec<super::Listed> {
        let listed = |(id, archive): (&Arc<str>, &super::core::Archive)| archive.listed(id);
        self.archives.iter().map(listed).collect()
    }
}
