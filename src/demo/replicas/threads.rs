//! The threads of an acted server, as whoever freezes it stops and starts them.

use async_trait::async_trait;

use super::primary::{self, Primary};
use super::server::ActedServer;
use super::status::{self, is_mariadb, is_modern};
use crate::base::Time;
use crate::delay::connect::LinkError;
use crate::delay::freeze::danger::{Facts, GtidUse};
use crate::delay::freeze::machine::Act;
use crate::delay::freeze::sight::Sight;
use crate::delay::freeze::statement::Spot;
use crate::delay::freeze::threads::{Threads, ThreadsError};
use crate::delay::privilege::Flavour;

impl ActedServer {
    /// That it is down.
    fn silent(&self) -> ThreadsError {
        ThreadsError::Link(status::silent(&self.spec().name, super::server::PATIENCE))
    }
}

/// Bytes of the source up to a spot; nothing: it is no place of this source.
fn bytes(source: &Primary, spot: &Spot) -> Option<u64> {
    match spot {
        // The relay log has the source's events at the source's places.
        Spot::Position(place) => primary::bytes(place),
        Spot::Gtid(gtids) => {
            let text = gtids.to_string();
            let (server, numbers) = text.rsplit_once(':')?;
            let first = numbers.split('-').next()?.parse().ok()?;
            server.eq_ignore_ascii_case(&source.uuid).then(|| primary::before_transaction(first))
        }
    }
}

#[async_trait]
impl Threads for ActedServer {
    async fn look(&self, now: Time) -> Result<Sight, ThreadsError> {
        let seen = self.seen(self.now()).map_err(|_| self.silent())?;
        let status = seen.status.unwrap_or_default();
        Ok(Sight::of(now, &status, seen.uptime))
    }

    async fn facts(&self) -> Result<Facts, ThreadsError> {
        self.seen(self.now()).map_err(|_| self.silent())?;
        let gtid = match (is_mariadb(self.spec()), is_modern(self.spec())) {
            (false, true) => GtidUse::AutoPosition,
            _ => GtidUse::No,
        };
        Ok(Facts {
            server: Flavour::parse(&self.spec().version),
            relay_log_purge: Some(true),
            relay_log_recovery: Some(false),
            skip_start: Some(false),
            channel: Some(String::new()),
            relay_dir: Some("/var/lib/mysql".to_owned()),
            gtid: Some(gtid),
            parallel: Some(0),
        })
    }

    async fn perform(&self, act: &Act) -> Result<(), ThreadsError> {
        self.seen(self.now()).map_err(|_| self.silent())?;
        match act {
            Act::Look => {}
            Act::StopSql => self.stop_sql(),
            Act::StopIo => self.stop_io(),
            Act::StartIo => self.start_io(),
            Act::StartSql(None) => self.start_sql(),
            Act::StartSql(Some(spot)) => {
                let bytes = bytes(self.source(), spot).ok_or_else(|| {
                    ThreadsError::Link(LinkError::Failed {
                        server: self.spec().name.clone(),
                        statement: "START REPLICA SQL_THREAD UNTIL",
                        code: 1277,
                        why: "incorrect parameter or combination of parameters for START REPLICA UNTIL".to_owned(),
                    })
                })?;
                self.start_sql_until(bytes);
            }
        }
        Ok(())
    }
}
