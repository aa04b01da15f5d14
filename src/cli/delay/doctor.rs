//! `firn delay doctor`

use clap::Args as ClapArgs;

use super::named;
use crate::base::{Clock, Severity};
use crate::cli::{CliError, out};
use crate::config::Config;
use crate::delay::doctor::examine;
use crate::services::lines;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The replica; all of them if none is named
    replica: Option<String>,
}

/// Tries what looking at replicas takes. The exit code is the worst severity.
pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let all = &config.delay.replicas;
    let chosen: Vec<_> = match &args.replica {
        Some(name) => vec![named(&config, name)?],
        None if all.is_empty() => {
            return Err(CliError::Usage(
                "no replica is configured: add [[replica]] with name, host and user".to_owned(),
            ));
        }
        None => all.iter().collect(),
    };
    let clock = Clock::system();
    let mut worst = Severity::Ok;
    for (n, replica) in chosen.into_iter().enumerate() {
        if n > 0 {
            out::line("")?;
        }
        out::line(&replica.name)?;
        let checks = examine(&lines::watched(replica), lines::freezing(replica).as_ref(), &clock).await;
        for check in checks {
            worst = worst.max(check.severity);
            out::line(format!("  {:<8} {:<18} {}", check.severity.to_string(), check.what, check.text))?;
            if let Some(mend) = check.mend {
                out::line(format!("  {:<8} {:<18} → {mend}", "", ""))?;
            }
        }
    }
    Ok(worst.exit_code())
}
