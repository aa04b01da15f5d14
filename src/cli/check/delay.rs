//! `firn check delay REPLICA`

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Args as ClapArgs};

use crate::base::plugin::Plugin;
use crate::base::secret::SecretRef;
use crate::base::{Clock, Shown};
use crate::cli::CliError;
use crate::cli::delay::limits::LimitFlags;
use crate::cli::delay::status::unknown;
use crate::config::{Config, ReplicaConfig};
use crate::delay::direct::direct;
use crate::delay::gather::{self, Known};
use crate::delay::plugin::plugin;
use crate::delay::probe::MysqlProbe;
use crate::delay::snapshot::ReplicaLine;
use crate::services::Services;
use crate::services::lines::watched;
use crate::store::server_of;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
It says what the worker (firn run) that watches the replica said last, as the console does; a worker that
was not seen for max-last-seen is CRITICAL. With limits given here it is judged anew by them, from the
same samples; the worker's own verdict, and alerts, stay as they are.

With --direct it looks at the replica itself, once, and judges that look with the samples that a worker
has stored. Without those it says what a single look can tell (threads, errors, heartbeats); of the trend,
of a server that does not answer, and of a thread that stands when it cannot be read whether a job runs, it
then knows nothing: UNKNOWN. It writes nothing.

Exit code: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. UNKNOWN is also a usage error, --help, a state that
cannot be read, and no answer in time.")]
pub struct Args {
    /// The replica: its name in the configuration, with /CHANNEL behind it where it has several
    #[arg(value_name = "REPLICA")]
    replica: String,
    /// Looks at the replica itself, without a worker
    #[arg(long)]
    direct: bool,
    /// With --direct: another host than the configuration's
    #[arg(short = 'H', long, value_name = "HOST", requires = "direct", value_parser = host)]
    hostname: Option<String>,
    /// With --direct: another port
    #[arg(short = 'P', long, value_name = "PORT", requires = "direct", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// With --direct: another account; its password is the configuration's unless --password names another
    #[arg(short, long, value_name = "ACCOUNT", requires = "direct")]
    user: Option<String>,
    /// With --direct: where another password stands, `env:NAME` or `file:PATH`
    #[arg(long, value_name = "PLACE", requires = "direct", value_parser = place)]
    password: Option<SecretRef>,
    /// Seconds, or a span, until an answer is UNKNOWN
    #[arg(short, long, value_name = "SECONDS", default_value = "10", value_parser = super::timeout)]
    timeout: Duration,
    /// Says more below the line: all that matches; twice every limit with its measure; three times the history
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    limits: LimitFlags,
}

impl Args {
    pub(super) fn within(&self) -> Duration {
        self.timeout
    }
}

fn host(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if !text.is_empty() && text.len() <= 255 && text.chars().all(good) {
        return Ok(text.to_owned());
    }
    Err(format!("{text:?} is no host; write its name or address"))
}

fn place(text: &str) -> Result<SecretRef, String> {
    SecretRef::parse(text, Path::new("")).map_err(|e| e.to_string())
}

pub(super) async fn run(config: Config, args: Args) -> Result<Plugin, CliError> {
    let lines = if args.direct { look(config, &args).await? } else { read(config, &args).await? };
    match lines.as_slice() {
        [line] => Ok(plugin(line, args.verbose)),
        [] => Err(CliError::Usage(format!("the server has no channel {}", Shown::text(&args.replica)))),
        several => {
            let names: Vec<String> = several.iter().map(|line| Shown::text(&line.name).to_string()).collect();
            Err(CliError::Usage(format!(
                "{} has several channels, each is checked by itself; name one: {}",
                Shown::text(&args.replica),
                names.join(", ")
            )))
        }
    }
}

/// How it stands by what workers wrote.
async fn read(config: Config, args: &Args) -> Result<Vec<ReplicaLine>, CliError> {
    let services = Services::open(config, false).await?;
    let replica = args.replica.as_str();
    let all = services.replicas();
    let Some(mut known) = all.iter().find(|known| known.name == server_of(replica)).cloned() else {
        return Err(unknown(replica, all.iter().map(|known| known.name.as_str())));
    };
    args.limits.apply(Arc::make_mut(&mut known.limits));
    let lines = gather::one(&*services.store, &known, replica, args.limits.any()).await?;
    if known.name != replica && lines.iter().all(|line| line.judged.is_none()) {
        let mut others = services.store.judged_names().await?;
        others.retain(|name| server_of(name) == known.name);
        // Without any the worker has never seen the server: that is its verdict.
        if !others.is_empty() {
            return Err(CliError::Usage(format!(
                "\"{}\" is none that is watched of {}; name one of: {}",
                Shown::text(replica),
                Shown::text(&known.name),
                Shown::text(&others.join(", "))
            )));
        }
    }
    Ok(lines)
}

/// How it stands by a look of one's own.
async fn look(config: Config, args: &Args) -> Result<Vec<ReplicaLine>, CliError> {
    let replica = args.replica.as_str();
    let all = &config.delay.replicas;
    let Some(found) = all.iter().find(|known| known.name == server_of(replica)) else {
        return Err(unknown(replica, all.iter().map(|known| known.name.as_str())));
    };
    let found = elsewhere(found.clone(), args);
    let mut limits = found.limits.clone();
    args.limits.apply(&mut limits);
    let known = Known {
        name: found.name.clone(),
        group: found.group.clone(),
        limits: Arc::new(limits),
        local: found.local_heartbeat,
        primary: found.primary.is_some(),
    };
    let clock = Clock::system();
    let probe = MysqlProbe::new(watched(&found), clock.clone());
    // A state that is not there, or cannot be opened, is one that knows nothing.
    let opened = Services::open(config, false).await;
    let why = opened.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let store = opened.as_ref().map(|services| &*services.store).map_err(|_| why.as_str());
    let mut lines = direct(&probe, store, &clock, &known, replica).await?;
    probe.close().await;
    if let Err(e) = opened {
        for line in &mut lines {
            if let Some((_, seen)) = &mut Arc::make_mut(&mut line.state).seen {
                seen.notes.push(format!("judged without stored samples: {e}"));
            }
        }
    }
    Ok(lines)
}

/// The replica where the command line says it is.
fn elsewhere(mut replica: ReplicaConfig, args: &Args) -> ReplicaConfig {
    let server = &mut replica.server;
    server.host = args.hostname.clone().unwrap_or_else(|| server.host.clone());
    server.port = args.port.unwrap_or(server.port);
    server.login.user = args.user.clone().unwrap_or_else(|| server.login.user.clone());
    server.login.password = args.password.clone().or_else(|| server.login.password.clone());
    replica
}
