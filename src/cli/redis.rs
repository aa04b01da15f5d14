//! `firn redis`: clusters, and what one operator sends to another about them.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};

use super::{CliError, out, who};
use crate::base::addr::NodeAddr;
use crate::base::near::nearest;
use crate::base::units::{Span, parse_span};
use crate::base::{Clock, Severity, Shown};
use crate::config::{Config, ConfigError, RedisConfig};
use crate::redis::acl::{Rights, command};
use crate::redis::history::History;
use crate::redis::limits::Limits;
use crate::redis::read::RedisRead;
use crate::redis::replay::{replay, replay_like};
use crate::redis::{record, report};
use crate::services::Services;
use crate::services::redis::{look_once, once};
use crate::store::{LONGEST_SILENCE, NewSilence, Store};

#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    status: Status,
}

#[derive(Debug, ClapArgs)]
#[group(skip)]
#[command(after_help = "\
Each node is asked itself, three to five times, about 1 s apart; since when something is wrong, and what happened
before, is what the worker (firn run) has kept.

Exit code: the worst of what is shown: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN (also: it could not look).")]
struct Status {
    /// One cluster
    #[arg(value_name = "CLUSTER")]
    cluster: Option<String>,
    /// As JSON. Times are RFC 3339 in UTC; what is not known is null
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the command that makes an account with the least that looking needs
    #[command(after_help = "\
Where servers move slots in one piece, add +cluster|getslotmigrations (valkey 9) or +cluster|migration (redis 8.4)
to see how such a task stands: other servers refuse a rule that names them.")]
    Acl {
        /// The account's name
        #[arg(default_value = "firn")]
        user: String,
        /// With what the confirmed acts of the console need besides
        #[arg(long, conflicts_with = "sentinel")]
        acts: bool,
        /// For a sentinel
        #[arg(long)]
        sentinel: bool,
    },
    /// Writes what is seen of a cluster into a new folder, for `firn redis replay`
    Record {
        /// The cluster
        cluster: String,
        /// A folder that is not there yet
        dir: PathBuf,
    },
    /// Judges recordings; several are polls, one after another
    #[command(after_help = "\
Without --like the limits are the default ones and every address is a machine by itself, whatever the
configuration says: whoever sends a recording and whoever gets it read the same.")]
    Replay {
        /// Folders that `firn redis record` has written
        #[arg(required = true, value_name = "DIR")]
        dirs: Vec<PathBuf>,
        /// By the limits and the machines that the configuration gives this cluster
        #[arg(long, value_name = "CLUSTER")]
        like: Option<String>,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Takes findings of a cluster, or of a node, out of the total for a while
    #[command(after_help = "\
With a node its own findings are silenced, and those of others that it alone brings about: that its master has
no replica left, for one. Slots that nobody serves (B1) are clients' trouble, whoever is in maintenance: they are
silenced with the whole cluster alone. What is silenced is shown as such, and comes back when the silence ends.")]
    Silence {
        /// The cluster
        cluster: String,
        /// The node, HOST:PORT (default: the whole cluster)
        node: Option<String>,
        /// For how long, 7 days at most
        #[arg(long = "for", value_name = "SPAN", default_value = "2h")]
        span: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Ends a silence before its time
    Unsilence {
        /// The cluster
        cluster: String,
        /// The node
        node: Option<String>,
    },
}

impl Args {
    /// Whether it says how clusters stand: a report that cannot see says so by its exit code.
    pub(super) fn is_report(&self) -> bool {
        self.command.is_none()
    }
}

pub(super) async fn run(config: impl FnOnce() -> Result<Config, ConfigError>, args: Args) -> Result<u8, CliError> {
    match args.command {
        None => status(config()?, args.status).await,
        Some(Command::Acl { user, acts, sentinel }) => {
            let rights = match (acts, sentinel) {
                (true, _) => Rights::Act,
                (_, true) => Rights::Sentinel,
                _ => Rights::Look,
            };
            out::line(command(&user, rights).map_err(|e| CliError::Usage(e.to_string()))?)?;
            Ok(0)
        }
        Some(Command::Record { cluster, dir }) => record(config()?, &cluster, &dir).await,
        // It needs no configuration.
        Some(Command::Replay { dirs, like, json }) => {
            let judged = match &like {
                None => replay(&dirs, &Limits::default()),
                Some(name) => {
                    let config = config()?;
                    let found = some(&config, Some(name))?;
                    let Some(one) = found.first() else { return Ok(0) };
                    replay_like(&dirs, &one.limits, &one.hosts)
                }
            };
            let replayed = judged.map_err(|e| CliError::Refused(e.to_string()))?;
            if json {
                let mut value = report::replay_json(&replayed);
                value["like"] = like.into();
                out::json_line(&value)?;
            } else {
                out::line(like.map_or_else(
                    || "judged by the default limits; --like CLUSTER takes those of a cluster".to_owned(),
                    |name| format!("judged by the limits of {}", Shown::text(&name)),
                ))?;
                for poll in &replayed.polls[..replayed.polls.len().saturating_sub(1)] {
                    out::line(report::headline(poll))?;
                }
                if let Some(last) = replayed.last() {
                    out::line(report::text(last).join("\n"))?;
                }
            }
            Ok(replayed.last().map_or(Severity::Unknown, |last| last.severity).exit_code())
        }
        Some(Command::Silence { cluster, node, span, why }) => silence(config()?, cluster, node, &span, why).await,
        Some(Command::Unsilence { cluster, node }) => unsilence(config()?, cluster, node).await,
    }
}

/// One cluster of the configuration, or all of them.
fn some<'a>(config: &'a Config, name: Option<&str>) -> Result<Vec<&'a RedisConfig>, CliError> {
    let all = &config.redis;
    if all.is_empty() {
        let text = "the configuration names no redis cluster; add [[redis]] with a name and seeds";
        return Err(CliError::Usage(text.to_owned()));
    }
    let Some(name) = name else { return Ok(all.iter().collect()) };
    let found: Vec<&RedisConfig> = all.iter().filter(|one| one.name == name).collect();
    if found.is_empty() {
        let near = nearest(name, all.iter().map(|one| one.name.as_str()));
        let near = near.map_or_else(String::new, |near| format!("; did you mean {near}?"));
        let text = format!("\"{}\" names no redis cluster of the configuration{near}", Shown::text(name));
        return Err(CliError::Usage(text));
    }
    Ok(found)
}

/// Looks at one cluster or all, and goes on from what was kept where the state can be read.
pub(super) async fn look(config: Config, name: Option<&str>) -> Result<RedisRead, CliError> {
    let clock = Clock::system();
    let stations: Vec<_> = some(&config, name)?.into_iter().map(|one| once(one, &clock)).collect();
    // A state that is not there, or cannot be opened, is one that knows nothing.
    let services = Services::open(config, false).await.ok();
    Ok(look_once(&stations, &clock, services.as_ref().map(|services| &*services.store)).await)
}

async fn status(config: Config, args: Status) -> Result<u8, CliError> {
    let read = look(config, args.cluster.as_deref()).await?;
    let all: Vec<_> = read.clusters.iter().filter_map(|one| one.health.as_deref().cloned()).collect();
    // A look that fell over told nothing.
    let unseen: Vec<_> = read.clusters.iter().filter(|one| one.health.is_none()).map(|one| &one.name).collect();
    let code = match report::severity(&all) {
        Severity::Critical => Severity::Critical,
        worst if unseen.is_empty() => worst,
        _ => Severity::Unknown,
    };
    let code = code.exit_code();
    for name in unseen {
        out::error(&format!("{}: could not be looked at", Shown::text(name)));
    }
    if args.json {
        let clusters: Vec<_> = all.iter().map(report::json).collect();
        out::json(&serde_json::json!({ "at": read.now.to_string(), "clusters": clusters }))?;
        return Ok(code);
    }
    for (place, health) in all.iter().enumerate() {
        if place > 0 {
            out::line("")?;
        }
        out::line(report::text(health).join("\n"))?;
    }
    Ok(code)
}

async fn record(config: Config, cluster: &str, dir: &std::path::Path) -> Result<u8, CliError> {
    let clock = Clock::system();
    let found = some(&config, Some(cluster))?;
    let station = found.first().map(|one| once(one, &clock));
    let Some(station) = station else { return Ok(0) };
    // Twice: the first look finds the nodes.
    station.cluster().probe.tick().await;
    let (looks, asides) = station.look().await;
    record::write(dir, &looks, &asides).map_err(|e| CliError::Refused(e.to_string()))?;
    out::line(format!("{} nodes recorded in {}", looks.len(), Shown::path(dir)))?;
    Ok(0)
}

/// The node's address as it is shown everywhere.
fn node_of(node: Option<String>) -> Result<Option<String>, CliError> {
    let Some(text) = node else { return Ok(None) };
    let addr = NodeAddr::parse(&text, 6379);
    addr.map(|addr| Some(addr.to_string())).ok_or_else(|| {
        CliError::Usage(format!("\"{}\" is no node; write HOST:PORT as firn redis shows it", Shown::text(&text)))
    })
}

/// Refuses a node that nobody has seen: a silence of it would take nothing. Nothing is known before somebody has looked.
async fn known(store: &dyn Store, cluster: &str, node: &str) -> Result<(), CliError> {
    const MOST: usize = 12;
    let Some(row) = store.cluster(cluster.to_owned()).await? else { return Ok(()) };
    let Ok(history) = serde_json::from_str::<History>(&row.body) else { return Ok(()) };
    if history.nodes.is_empty() || history.nodes.contains_key(node) {
        return Ok(());
    }
    let near = nearest(node, history.nodes.keys().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
    let all: Vec<&str> = history.nodes.keys().map(String::as_str).take(MOST).collect();
    let more = history.nodes.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text = format!("{node} is no node of {}; {near}known are {}{more}", Shown::text(cluster), all.join(", "));
    Err(CliError::Usage(text))
}

async fn silence(
    config: Config,
    cluster: String,
    node: Option<String>,
    span: &str,
    why: String,
) -> Result<u8, CliError> {
    some(&config, Some(&cluster))?;
    let node = node_of(node)?;
    let span: Duration = parse_span(span).map_err(|e| CliError::Usage(format!("--for: {e}")))?;
    if span.is_zero() || span > LONGEST_SILENCE {
        return Err(CliError::Usage(format!(
            "--for: {} is not possible; more than nothing and at most {} are: what is quiet for good is forgotten",
            Span(span),
            Span(LONGEST_SILENCE)
        )));
    }
    if why.trim().is_empty() {
        return Err(CliError::Usage("--why: it says nothing; whoever finds the silence needs the reason".to_owned()));
    }
    let services = Services::open(config, false).await?;
    if let Some(node) = &node {
        known(&*services.store, &cluster, node).await?;
    }
    let until = services.store.now().await?.plus(span);
    let row = services.store.silence(NewSilence { cluster, node, until, who: who(), why }).await?;
    let what = row.node.map_or_else(|| row.cluster.clone(), |node| format!("{node} of {}", row.cluster));
    out::line(format!("{}: silenced until {}", Shown::text(&what), row.until))?;
    Ok(0)
}

async fn unsilence(config: Config, cluster: String, node: Option<String>) -> Result<u8, CliError> {
    let node = node_of(node)?;
    let services = Services::open(config, false).await?;
    let what = node.as_ref().map_or_else(|| cluster.clone(), |node| format!("{node} of {cluster}"));
    if !services.store.silence_end(cluster, node, who()).await? {
        return Err(CliError::Refused(format!("{} is not silenced; firn redis says what is", Shown::text(&what))));
    }
    out::line(format!("{}: not silenced any more", Shown::text(&what)))?;
    Ok(0)
}
