//! Freezes: the threads of configured replicas, and who keeps them stopped.

use std::sync::Arc;
use std::time::Duration;

use super::{Backing, Services, lines};
use crate::base::secret::SecretRef;
use crate::base::{Clock, Shown};
use crate::config::ReplicaConfig;
use crate::delay::connect::Link;
use crate::delay::freeze::keeper::{Keeper, Kept};
use crate::delay::freeze::line::{Line, is_parallel};
use crate::delay::freeze::mysql::{MysqlThreads, STOP_WITHIN};
use crate::delay::freeze::threads::Threads;
use crate::delay::limits::{DelayBy, Limits};
use crate::delay::seen::Sample;
use crate::delay::state::State;
use crate::delay::watch::sample_of;
use crate::demo::Stage;
use crate::store::{FreezeRow, StoreError, server_of};

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

    /// What can be frozen from here.
    pub fn stoppable(&self) -> Stoppable {
        let replicas = match &self.backing {
            Backing::Demo(stage, _) => Replicas::Acted(Arc::clone(stage)),
            _ if self.replicas.is_some() => Replicas::None,
            _ => Replicas::Configured(self.config.delay.replicas.clone()),
        };
        Stoppable { replicas, clock: self.clock.clone() }
    }

    /// The threads of a replica (`db14`), or of one channel of it (`db14/ch1`).
    pub fn freeze_threads(&self, replica: &str) -> Result<Arc<dyn Threads>, NoFreeze> {
        self.stoppable().threads(replica)
    }

    /// What is allowed of a replica: whether a tool drives it, and how often.
    pub fn freeze_limits(&self, replica: &str) -> Result<Limits, NoFreeze> {
        let stoppable = self.stoppable();
        if let Replicas::Acted(stage) = &stoppable.replicas {
            return stage.server(replica).map(|server| server.spec().limits.clone()).ok_or_else(|| unknown(replica));
        }
        Ok(stoppable.config(replica)?.limits.clone())
    }

    /// How far a replica has got, as its judge last wrote; nothing where nobody has judged it.
    pub async fn freeze_line(&self, replica: &str, limits: &Limits) -> Result<Option<Line>, StoreError> {
        let Some(row) = self.store.judged_one(replica.to_owned()).await? else { return Ok(None) };
        let Ok(state) = serde_json::from_str::<State>(&row.state) else { return Ok(None) };
        let now = self.store.now().await?;
        let window = vec![(replica.to_owned(), now.minus(LATELY))];
        let samples = self.store.delay_windows(window, SAMPLES).await?.into_iter().next().unwrap_or_default();
        let samples: Vec<Sample> = samples.iter().map(sample_of).collect();
        let Some(line) = Line::of(&state, &samples, limits) else { return Ok(None) };
        let open = self.store.freezes_open().await?;
        let own = |row: &&FreezeRow| row.replica == replica || row.replica == server_of(replica);
        let record = open.iter().find(own).and_then(|row| Kept::of(row).ok()).map(|kept| kept.record);
        Ok(Some(match record {
            Some(record) => Line {
                frozen: record.keeps_stopped(),
                parallel: is_parallel(record.facts.as_ref(), line.parallel),
                ..line
            },
            None => line,
        }))
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
}

/// Replicas that can be frozen from here.
#[derive(Clone)]
pub struct Stoppable {
    replicas: Replicas,
    clock: Clock,
}

/// Where they are.
#[derive(Clone)]
enum Replicas {
    /// Behind lines that the configuration names.
    Configured(Vec<ReplicaConfig>),
    /// In a demo.
    Acted(Arc<Stage>),
    /// Nowhere: they were handed in, and only looked at.
    None,
}

fn unknown(replica: &str) -> NoFreeze {
    NoFreeze::Unknown(Shown::text(replica).to_string())
}

impl Stoppable {
    /// How the watch finds a replica's threads; nothing where there are none.
    pub(super) fn known(self) -> Option<impl Fn(&str) -> Result<Arc<dyn Threads>, String> + Send + Sync + 'static> {
        let some = !matches!(self.replicas, Replicas::None);
        let threads = move |replica: &str| {
            self.has_password(replica)?;
            self.threads(replica).map_err(|e| e.to_string())
        };
        some.then_some(threads)
    }

    /// Whether this process has the password of the account that may stop a replica: one of another host may.
    fn has_password(&self, replica: &str) -> Result<(), String> {
        let Ok(config) = self.config(replica) else { return Ok(()) };
        let Some(login) = &config.freeze else { return Ok(()) };
        let read = login.password.as_ref().map(SecretRef::read).transpose();
        let told = |e| format!("no password for {}: {e}", Shown::text(&login.user));
        read.map(drop).map_err(told)
    }

    fn config(&self, replica: &str) -> Result<&ReplicaConfig, NoFreeze> {
        let Replicas::Configured(replicas) = &self.replicas else {
            return Err(NoFreeze::Demo(Shown::text(replica).to_string()));
        };
        replicas.iter().find(|config| config.name == server_of(replica)).ok_or_else(|| unknown(replica))
    }

    /// The threads of a replica (`db14`), or of one channel of it (`db14/ch1`), over a line of their own.
    pub fn threads(&self, replica: &str) -> Result<Arc<dyn Threads>, NoFreeze> {
        if let Replicas::Acted(stage) = &self.replicas {
            return stage.server(replica).map(|server| server as Arc<dyn Threads>).ok_or_else(|| unknown(replica));
        }
        let config = self.config(replica)?;
        let name = || Shown::text(replica).to_string();
        let mut server = lines::freezing(config).ok_or_else(|| NoFreeze::NoAccount(name()))?;
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use std::path::Path;

    #[test]
    fn the_watch_takes_only_what_this_process_has_the_password_for() {
        let text = "[[replica]]\nname = \"db14\"\nhost = \"db14.example.com\"\nuser = \"firn\"\npassword = \"env:FIRN_TEST\"\n\
                    freeze_user = \"freezer\"\nfreeze_password = \"file:none-here\"\n";
        let config = Config::parse(Some((Path::new("/nowhere/firn.toml"), text)), &[], &[]).unwrap();
        let (clock, _) = Clock::manual(crate::base::Time::from_secs(1));
        let stoppable = Stoppable { replicas: Replicas::Configured(config.delay.replicas), clock };
        // Whoever sits before it is told by the server; a worker leaves it to another host.
        assert!(stoppable.threads("db14").is_ok());
        let why = stoppable.known().unwrap()("db14").err().unwrap();
        assert!(why.starts_with("no password for freezer: cannot read the secret file /nowhere/none-here"), "{why}");
    }
}
