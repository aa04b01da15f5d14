//! What a message about a job says. Pure.
//!
//! A vault tells the end of a job in the words of its own description of it (Glacier developer guide,
//! "api-initiate-job-post" and "api-GlacierJobDescription"), as it is or in an envelope of the notification service
//! (Amazon SNS developer guide, "sns-message-and-json-formats"). A queue holds other things, too: ends of jobs that somebody
//! else asked for, notices about the queue itself, rubbish. What is firn's is known by the job's description alone
//! ([`JobName`]).

use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::base::Shown;
use crate::base::ids::RetrievalUuid;
use crate::vault::MESSAGE_LIMIT;

/// The most characters of a reason from outside that are kept.
const REASON: usize = 300;
/// The most bytes of a job's id. The service's have 92.
const JOB_ID: usize = 1024;

/// What a retrieval job is called in the vault: its description, the only field of it that is firn's (ASCII, at most
/// 1,024 characters there).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobName {
    /// The name firn chose.
    pub uuid: RetrievalUuid,
}

/// `firn1 job <uuid>`
impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "firn1 job {}", self.uuid)
    }
}

impl JobName {
    /// Reads a job's description; nothing unless it is spelled exactly as firn spells it.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = text.strip_prefix("firn1 job ")?;
        let name = Self { uuid: RetrievalUuid(Uuid::try_parse(uuid).ok()?) };
        (name.to_string() == text).then_some(name)
    }
}

/// How a job came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its output can be read.
    Succeeded,
    /// It came to nothing; why, safe to show.
    Failed(String),
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// The end of a job with a name of firn's. Whether it is a job of this state is for the state to say (another firn may
    /// share the queue): one that the state does not know, or knows by another id, is somebody else's.
    Ours {
        /// Its name.
        job: RetrievalUuid,
        /// The vault's name for it; printable ASCII.
        job_id: String,
        /// How it ended.
        outcome: Outcome,
    },
    /// Something of somebody else's; what, safe to show. It is left alone: never taken out of the queue.
    Foreign(String),
    /// Nothing that can be told for what it is; why, safe to show. It may be somebody else's: left alone as well.
    Broken(String),
}

/// Reads a message's body: a job's description, as it is or in an envelope. Fields that are not looked at may be anything.
pub fn parse(body: &str) -> Parsed {
    if body.len() > MESSAGE_LIMIT {
        return Parsed::Broken(format!("it has {} bytes; a message has {MESSAGE_LIMIT} at most", body.len()));
    }
    let object = match object(body) {
        Ok(object) => object,
        Err(broken) => return broken,
    };
    let Some(kind) = object.get("Type").filter(|_| is_envelope(&object)) else { return job(&object) };
    if kind != "Notification" {
        return Parsed::Foreign(format!("a notice of the notification service: {}", shown(kind)));
    }
    let Some(inner) = object.get("Message").and_then(Value::as_str) else {
        return Parsed::Broken("an envelope without a text in it".to_owned());
    };
    match self::object(inner) {
        Ok(inner) if is_envelope(&inner) => Parsed::Foreign("an envelope in an envelope".to_owned()),
        Ok(inner) => job(&inner),
        Err(broken) => broken,
    }
}

fn object(text: &str) -> Result<Map<String, Value>, Parsed> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(Parsed::Broken(format!("it is no JSON object: {}", shown(&other)))),
        Err(e) => {
            let (line, column) = (e.line(), e.column());
            Err(Parsed::Broken(format!("it is no JSON, from line {line}, column {column}: {}", cut(text))))
        }
    }
}

/// A description of a job has neither of these fields.
fn is_envelope(object: &Map<String, Value>) -> bool {
    object.contains_key("Type") && object.contains_key("TopicArn")
}

fn job(object: &Map<String, Value>) -> Parsed {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let field = |name: &str| object.get(name).map_or_else(|| "missing".to_owned(), shown);
    let Some(description) = object.get("JobDescription") else {
        return Parsed::Foreign("it is not about a job".to_owned());
    };
    let Some(name) = description.as_str().and_then(JobName::parse) else {
        return Parsed::Foreign(format!("a job that is described as {}", shown(description)));
    };
    let broken = |what: String| Parsed::Broken(format!("job {}: {what}", name.uuid));
    if text("Action") != Some("ArchiveRetrieval") {
        return broken(format!("Action is {}, not ArchiveRetrieval", field("Action")));
    }
    let is_id = |id: &&str| !id.is_empty() && id.len() <= JOB_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(job_id) = text("JobId").filter(is_id).map(str::to_owned) else {
        return broken(format!("JobId is {}, which is no id", field("JobId")));
    };
    // Of a job that failed this is true as well.
    if object.get("Completed") != Some(&Value::Bool(true)) {
        return broken(format!("Completed is {}: it is not at its end", field("Completed")));
    }
    let outcome = match text("StatusCode") {
        Some("Succeeded") => Outcome::Succeeded,
        Some("Failed") => Outcome::Failed(match text("StatusMessage") {
            Some(why) if !why.trim().is_empty() => cut(why),
            _ => "the vault gives no reason".to_owned(),
        }),
        _ => return broken(format!("StatusCode is {}, neither Succeeded nor Failed", field("StatusCode"))),
    };
    Parsed::Ours { job: name.uuid, job_id, outcome }
}

/// A value from outside, safe to show and not too long.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{}\"", cut(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::Null | Value::Bool(_) | Value::Number(_) => cut(&value.to_string()),
    }
}

fn cut(text: &str) -> String {
    let mut left = text.chars();
    let kept: String = left.by_ref().take(REASON).collect();
    let more = if left.next().is_some() { "…" } else { "" };
    format!("{}{more}", Shown::text(&kept))
}

#[cfg(test)]
mod tests;
