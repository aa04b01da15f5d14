//! `firn delay forget`

use clap::Args as ClapArgs;

use crate::base::Shown;
use crate::base::units::Count;
use crate::cli::{CliError, out, who};
use crate::config::Config;
use crate::services::Services;
use crate::store::{Forget, Forgotten, server_of};

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
For a replica that was taken out of the configuration, or a channel that is gone: its verdict and its open
findings go; its samples go with age. A channel that is still there is judged anew at the next look.")]
pub struct Args {
    /// The replica, or one channel of it (db14/main)
    name: String,
    /// It names a [[heartbeat]], not a replica
    #[arg(long)]
    heartbeat: bool,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let (name, shown) = (args.name, Shown::text);
    let delay = &config.delay;
    let (list, configured) = if args.heartbeat {
        ("heartbeat", delay.heartbeats.iter().any(|one| one.name == name))
    } else {
        ("replica", server_of(&name) == name && delay.replicas.iter().any(|one| one.name == name))
    };
    if configured {
        return Err(CliError::Refused(format!(
            "{} is in the configuration ([[{list}]]), and would be there again at once; take it out first",
            shown(&name)
        )));
    }
    let services = Services::open(config, false).await?;
    let what = if args.heartbeat { Forget::Heartbeat(name.clone()) } else { Forget::Replica(name.clone()) };
    match services.store.delay_forget(what, who()).await? {
        Forgotten::Done { verdicts, findings } => {
            let (name, verdicts, findings) = (shown(&name), Count(verdicts), Count(findings));
            out::line(format!("{name}: forgotten ({verdicts} verdicts, {findings} open findings)"))?;
            Ok(0)
        }
        Forgotten::Worked(host, pid) => Err(CliError::Refused(format!(
            "process {pid} on {} works on {}: its configuration has it; take it out there, restart that firn, then forget it",
            shown(&host),
            shown(&name)
        ))),
        Forgotten::Nothing => Err(CliError::Refused(format!(
            "nothing is kept of \"{}\": no verdict, no open finding; firn delay lists replicas, firn findings what is open",
            shown(&name)
        ))),
    }
}
