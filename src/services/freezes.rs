//! Freezes: the threads of configured replicas, and who keeps them stopped.

use std::sync::Arc;
use std::time::Duration;

use super::delays::limits;
use super::{Backing, Services};
use crate::base::{Shown, Stop};
use crate::config::{ReplicaConfig, ServerConfig, Tls};
use crate::delay::connect::{self, Link};
use crate::delay::freeze::keeper::Keeper;
use crate::delay::freeze::line::Line;
use crate::delay::freeze::mysql::{MysqlThreads, STOP_WITHIN};
use crate::delay::freeze::threads::Threads;
use crate::delay::limits::{DelayBy, Limits};
use crate::delay::seen::Sample;
use crate::delay::state::State;
use crate::store::{StoreError, server_of};

/// A replica that is not frozen from here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoFreeze {
    /// It is not configured.
    #[error("no replica \"{0}\" is configured; `firn delay` lists those there are")]
    Unknown(String),
    /// No account may stop it.
    #[error(
        "{0} has no account that may stop its threads; set freeze_user and freeze_password for it ([[replica]], its group, or [delay])"
    )]
    NoAccount(String),
    /// Another channel is watched.
    #[error("{replica}: the configuration watches the channel \"{channel}\" of that server alone")]
    Channel {
        /// What was asked for, safe to show.
        replica: String,
        /// What is watched, safe to show.
        channel: String,
    },
    /// Nothing of a demo is real.
    #[error("{0} is make-believe: there is nothing to stop")]
    Demo(String),
}

/// Samples that tell whether the heartbeat moves.
const SAMPLES: u32 = 20;

/// They lie within this.
const LATELY: Duration = Duration::from_mins(10);

impl Services {
    /// Who gives orders and watches, over this state.
    pub fn keeper(&self) -> Keeper {
        Keeper {
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
            own: format!("firn, pid {} on {}", self.process.pid, self.process.host),
        }
    }

    /// The threads of a replica (`db14`), or of one channel of it (`db14/ch1`).
    pub fn freeze_threads(&self, replica: &str) -> Result<Arc<dyn Threads>, NoFreeze> {
        if let Backing::Demo(stage, _) = &self.backing {
            let acted = stage.server(replica).map(|server| server as Arc<dyn Threads>);
            return acted.ok_or_else(|| NoFreeze::Unknown(Shown::text(replica).to_string()));
        }
        let config = self.replica_config(replica)?;
        let name = || Shown::text(replica).to_string();
        let login = config.freeze.clone().ok_or_else(|| NoFreeze::NoAccount(name()))?;
        let server = ServerConfig { login, ..config.server.clone() };
        let mut server = own_server(&server);
        server.answer_within = STOP_WITHIN;
        let asked = replica.split_once('/').map(|(_, channel)| channel.to_owned());
        if let (Some(asked), Some(watched)) = (&asked, &config.channel)
            && !asked.eq_ignore_ascii_case(watched)
        {
            return Err(NoFreeze::Channel { replica: name(), channel: Shown::text(watched).to_string() });
        }
        let channel = asked.or_else(|| config.channel.clone());
        Ok(Arc::new(MysqlThreads::new(Link::new(server), self.clock.clone(), replica, channel)))
    }

    /// What is allowed of a replica: how a tool drives it, and how often.
    pub fn freeze_limits(&self, replica: &str) -> Result<Limits, NoFreeze> {
        if let Backing::Demo(stage, _) = &self.backing {
            let acted = stage.server(replica).map(|server| server.spec().limits.clone());
            return acted.ok_or_else(|| NoFreeze::Unknown(Shown::text(replica).to_string()));
        }
        Ok(limits(&self.replica_config(replica)?.limits))
    }

    fn replica_config(&self, replica: &str) -> Result<&ReplicaConfig, NoFreeze> {
        let name = || Shown::text(replica).to_string();
        if self.replicas.is_some() {
            return Err(NoFreeze::Demo(name()));
        }
        let found = self.config.delay.replicas.iter().find(|config| config.name == server_of(replica));
        found.ok_or_else(|| NoFreeze::Unknown(name()))
    }

    /// How far a replica has got, as its judge last wrote; nothing where nobody has judged it.
    pub async fn freeze_line(&self, replica: &str, limits: &Limits) -> Result<Option<Line>, StoreError> {
        let Some(row) = self.store.judged_one(replica.to_owned()).await? else { return Ok(None) };
        let Ok(state) = serde_json::from_str::<State>(&row.state) else { return Ok(None) };
        let now = self.store.now().await?;
        let window = vec![(replica.to_owned(), now.minus(LATELY))];
        let samples = self.store.delay_windows(window, SAMPLES).await?.into_iter().next().unwrap_or_default();
        #[allow(clippy::cast_precision_loss)] // microseconds of a delay are far below 2^53
        let sample = |micros: i64| micros as f64 / 1e6;
        let samples: Vec<Sample> =
            samples.iter().map(|row| Sample { at: row.at, delay: row.delay.map(sample) }).collect();
        Ok(Line::of(&state, &samples, limits))
    }

    /// What a freeze of a replica is called: the name its judge uses, where it has one channel alone.
    pub async fn freeze_name(&self, replica: &str) -> Result<String, StoreError> {
        if replica.contains('/') {
            return Ok(replica.to_owned());
        }
        let rows = self.store.judged(None).await?;
        let mut own = rows.into_iter().filter(|row| server_of(&row.replica) == replica);
        match (own.next(), own.next()) {
            (Some(one), None) => Ok(one.replica),
            _ => Ok(replica.to_owned()),
        }
    }

    /// Whether a tool drives the replica's SQL thread.
    pub fn is_external(limits: &Limits) -> bool {
        limits.delay_by == DelayBy::External
    }

    /// Watches over all open freezes until told to stop.
    pub async fn keep_freezes(&self, stop: Stop) -> Result<(), StoreError> {
        let threads = |replica: &str| self.freeze_threads(replica).map_err(|e| e.to_string());
        self.keeper().run(threads, stop).await
    }
}

/// A server as its line takes it.
fn own_server(config: &ServerConfig) -> connect::Server {
    let tls = match config.tls {
        Tls::Required => connect::Tls::Required(config.tls_ca.clone()),
        Tls::Insecure => connect::Tls::Insecure,
        Tls::Off => connect::Tls::Off,
    };
    let (login, host) = (&config.login, config.host.clone());
    connect::Server::new(host, config.port, login.user.clone(), login.password.clone(), tls)
}
