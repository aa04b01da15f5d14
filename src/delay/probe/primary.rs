//! The primary's own heartbeat, read there beside the looks at a replica. A look waits for it only as long as the primary is
//! known to answer: one that hangs, or behind a firewall that swallows what is sent, costs one look its time-out and no
//! look its sample.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use super::mysql::{IDENTITY, Identity, rows};
use crate::base::task;
use crate::delay::connect::{Link, LinkError, Server};
use crate::delay::heartbeat::{HeartbeatTable, IdColumn};
use crate::delay::seen::Heartbeat;

/// A reading that takes longer is given up.
const READING: Duration = Duration::from_secs(4);

/// What a primary told.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// Its heartbeat, or why there is none.
    pub heartbeat: Heartbeat,
    /// Its `server_id`.
    pub id: Option<u64>,
    /// Whether it answered at all.
    answered: bool,
}

/// A primary whose heartbeat is read.
#[derive(Debug)]
pub(super) struct Primary {
    asked: Arc<Asked>,
    reading: tokio::sync::Mutex<Reading>,
}

#[derive(Debug)]
struct Asked {
    link: Link,
    table: HeartbeatTable,
    /// Which column names the writer in its table.
    id: Mutex<IdColumn>,
}

/// How it goes.
#[derive(Debug, Default)]
struct Reading {
    /// The reading that goes on, or has ended and was not heard yet.
    task: Option<task::JoinHandle<Told>>,
    /// Why there was no answer last time; nothing: there was one, or nobody has asked.
    silent: Option<String>,
}

impl Reading {
    /// What a reading came to, once it has.
    async fn end(&mut self, server: &str) -> Told {
        let told = match &mut self.task {
            Some(task) => {
                task.await.unwrap_or_else(|e| unread(format!("reading the heartbeat on {server} failed: {e}")))
            }
            None => unread(format!("the heartbeat on {server} is not being read")),
        };
        self.task = None;
        self.silent = match &told.heartbeat {
            Heartbeat::Unread(why) if !told.answered => Some(why.clone()),
            _ => None,
        };
        told
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

fn unread(why: String) -> Told {
    Told { heartbeat: Heartbeat::Unread(why), id: None, answered: false }
}

impl Primary {
    /// Not connected yet.
    pub fn new(server: Server, table: HeartbeatTable) -> Self {
        let asked = Asked { link: Link::new(server), table, id: Mutex::default() };
        Self { asked: Arc::new(asked), reading: tokio::sync::Mutex::default() }
    }

    /// Begins to read, unless that still goes on. What ended since the last look is old; that there was an answer counts.
    pub async fn begin(&self) {
        let mut reading = self.reading.lock().await;
        if reading.task.as_ref().is_some_and(task::JoinHandle::is_finished) {
            reading.end(self.asked.link.server()).await;
        }
        if reading.task.is_none() {
            let asked = Arc::clone(&self.asked);
            reading.task = Some(task::spawn(async move { asked.read().await }));
        }
    }

    /// What it told. One that did not answer last time is not waited for.
    pub async fn told(&self) -> Told {
        let mut reading = self.reading.lock().await;
        let over = reading.task.as_ref().is_some_and(task::JoinHandle::is_finished);
        match reading.silent.clone() {
            Some(why) if !over => unread(why),
            _ => reading.end(self.asked.link.server()).await,
        }
    }

    /// Says goodbye.
    pub async fn close(&self) {
        drop(std::mem::take(&mut *self.reading.lock().await));
        self.asked.link.close().await;
    }
}

impl Asked {
    async fn read(&self) -> Told {
        let server = self.link.server();
        match tokio::time::timeout(READING, self.heartbeat()).await {
            Ok(Ok(told)) => told,
            Ok(Err(e)) => unread(e.to_string()),
            Err(_) => unread(format!("{server} took more than {READING:?} for all statements together")),
        }
    }

    /// The newest heartbeat in the table there that is its own.
    async fn heartbeat(&self) -> Result<Told, LinkError> {
        let server = self.link.server();
        let identity = Identity::of(&self.link.ask("who it is", IDENTITY).await?);
        let told = |heartbeat| Told { heartbeat, id: identity.server_id, answered: true };
        let Some(id) = identity.server_id else {
            return Ok(told(Heartbeat::Unread(format!("{server} does not say its server_id"))));
        };
        Ok(match rows(&self.link, &self.table, &self.id, &identity).await? {
            Ok(beats) => told(beats.of(id, &self.table, server)),
            Err(why) => told(Heartbeat::Unread(why)),
        })
    }
}
