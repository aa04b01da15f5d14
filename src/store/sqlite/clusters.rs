//! Redis clusters: what is remembered of them, and silences.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::params;

use super::db::Db;
use super::{SqliteStore, events};
use crate::base::Time;
use crate::base::ids::{Generation, SessionId};
use crate::store::{
    ClusterRow, ClusterWrite, Clusters, LARGEST_CLUSTER, NewEvent, NewSilence, Result, SilenceRow, cluster_duty,
};

#[async_trait]
impl Clusters for SqliteStore {
    async fn cluster(&self, name: String) -> Result<Option<ClusterRow>> {
        self.read(move |db| one(db, &name)).await
    }

    async fn cluster_write(
        &self,
        session: SessionId,
        generation: Generation,
        name: String,
        body: String,
        events: Vec<NewEvent>,
    ) -> Result<ClusterWrite> {
        self.write(move |db| write(db, session, generation, &name, &body, &events)).await
    }

    async fn silence(&self, new: NewSilence) -> Result<SilenceRow> {
        self.write(move |db| silence(db, &new)).await
    }

    async fn silence_end(&self, cluster: String, node: Option<String>, who: String) -> Result<bool> {
        self.write(move |db| silence_end(db, &cluster, node.as_deref(), &who)).await
    }

    async fn silences(&self, now: Time) -> Result<Vec<SilenceRow>> {
        self.read(move |db| silences(db, now)).await
    }
}

fn one(db: &Db<'_>, name: &str) -> Result<Option<ClusterRow>> {
    db.one(
        "SELECT c.name, c.written, c.body, w.host, w.pid FROM cluster c LEFT JOIN worker w ON w.id = c.session
         WHERE c.name = ?",
        [name],
        |row| {
            let writer = row.get::<_, Option<String>>(3)?.zip(row.get::<_, Option<u32>>(4)?);
            Ok(ClusterRow { name: row.get(0)?, written: row.get(1)?, body: row.get(2)?, writer })
        },
    )
}

fn write(
    db: &Db<'_>,
    session: SessionId,
    generation: Generation,
    name: &str,
    body: &str,
    happened: &[NewEvent],
) -> Result<ClusterWrite> {
    let held = db.one(
        "SELECT 1 FROM duty WHERE name = ?1 AND owner = ?2 AND generation = ?3",
        params![cluster_duty(name), session, generation],
        |_| Ok(()),
    )?;
    if held.is_none() {
        return Ok(ClusterWrite::NotHeld);
    }
    happened.iter().try_for_each(|event| events::add(db, event))?;
    if body.len() > LARGEST_CLUSTER {
        return Ok(ClusterWrite::TooLarge(body.len()));
    }
    db.run(
        "INSERT INTO cluster (name, written, session, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO UPDATE SET written = excluded.written, session = excluded.session, body = excluded.body",
        params![name, db.now(), session, body],
    )?;
    Ok(ClusterWrite::Written)
}

/// `sessions`, or `10.0.0.1:7000 of sessions`.
fn object(cluster: &str, node: Option<&str>) -> String {
    node.map_or_else(|| cluster.to_owned(), |node| format!("{node} of {cluster}"))
}

/// Who keeps a cluster's history knows within so long which silences hold.
const LEARNT: Duration = Duration::from_secs(10);

/// A silence ends before its time. What it kept quiet is so only until it is known whether another takes it.
fn loud(db: &Db<'_>, cluster: &str, node: Option<&str>) -> Result<()> {
    let until = db.one(
        "SELECT until FROM silence WHERE cluster = ?1 AND node = ?2",
        params![cluster, node.unwrap_or_default()],
        |row| row.get::<_, Time>(0),
    )?;
    let Some(until) = until else { return Ok(()) };
    let soon = db.now().plus(LEARNT);
    db.run(
        "UPDATE notice SET ack_until = ?3 WHERE scope = ?1 AND ack_until = ?2 AND ?3 < ?2",
        params![cluster_duty(cluster), until, soon],
    )?;
    // What is over, and may be back in a moment.
    db.run(
        "UPDATE turn SET ack_until = ?3 WHERE ack_until = ?2 AND ?3 < ?2 AND rule LIKE 'redis.%'
         AND substr(object, 1, length(?1) + 1) = ?1 || ' '",
        params![cluster, until, soon],
    )?;
    Ok(())
}

fn silence(db: &Db<'_>, new: &NewSilence) -> Result<SilenceRow> {
    loud(db, &new.cluster, new.node.as_deref())?;
    let row = SilenceRow {
        cluster: new.cluster.clone(),
        node: new.node.clone(),
        since: db.now(),
        until: new.until,
        who: events::cut(&new.who).to_owned(),
        why: events::cut(&new.why).to_owned(),
    };
    db.run("DELETE FROM silence WHERE until <= ?", [db.now()])?;
    db.run(
        "INSERT INTO silence (cluster, node, since, until, who, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (cluster, node) DO UPDATE SET
            since = excluded.since, until = excluded.until, who = excluded.who, why = excluded.why",
        params![row.cluster, row.node.as_deref().unwrap_or_default(), row.since, row.until, row.who, row.why],
    )?;
    let detail = format!("silenced until {}: {}", row.until, row.why);
    event(db, "redis.silence", &new.who, object(&row.cluster, row.node.as_deref()), detail)?;
    Ok(row)
}

fn silence_end(db: &Db<'_>, cluster: &str, node: Option<&str>, who: &str) -> Result<bool> {
    loud(db, cluster, node)?;
    let ended = db.run(
        "DELETE FROM silence WHERE cluster = ?1 AND node = ?2 AND until > ?3",
        params![cluster, node.unwrap_or_default(), db.now()],
    )?;
    if ended > 0 {
        event(db, "redis.unsilence", who, object(cluster, node), "the silence was ended".to_owned())?;
    }
    Ok(ended > 0)
}

fn event(db: &Db<'_>, what: &str, who: &str, object: String, detail: String) -> Result<()> {
    let (who, what) = (who.to_owned(), what.to_owned());
    events::add(db, &NewEvent { who, what, object, detail, outcome: "done".to_owned() })
}

fn silences(db: &Db<'_>, now: Time) -> Result<Vec<SilenceRow>> {
    db.rows(
        "SELECT cluster, node, since, until, who, why FROM silence WHERE until > ? ORDER BY cluster, node",
        [now],
        |row| {
            let node: String = row.get(1)?;
            Ok(SilenceRow {
                cluster: row.get(0)?,
                node: Some(node).filter(|node| !node.is_empty()),
                since: row.get(2)?,
                until: row.get(3)?,
                who: row.get(4)?,
                why: row.get(5)?,
            })
        },
    )
}
