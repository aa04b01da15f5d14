//! `firn ack`

use clap::Args as ClapArgs;

use super::{CliError, out, who};
use crate::backup::snapshot::gather::{NOBODY_RESTORES, NOBODY_WORKS};
use crate::base::Shown;
use crate::base::units::{Span, parse_span};
use crate::config::Config;
use crate::services::Services;
use crate::store::ACK_LONGEST;

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The finding's rule, as `firn status` shows it
    rule: String,
    /// Its object, likewise
    object: String,
    /// For how long, 7 days at most; after it, or when it becomes worse, it counts again
    #[arg(long = "for", value_name = "SPAN", default_value = "8h")]
    span: String,
}

pub(super) async fn run(config: Config, args: Args) -> Result<u8, CliError> {
    let span = parse_span(&args.span).map_err(|e| CliError::Usage(format!("--for: {e}")))?;
    if span.is_zero() || span > ACK_LONGEST {
        return Err(CliError::Usage(format!(
            "--for: {} is not possible; more than nothing and at most {} are: what is quiet for good is forgotten",
            Span(span),
            Span(ACK_LONGEST)
        )));
    }
    let services = Services::open(config, false).await?;
    let store = &services.store;
    if args.rule == NOBODY_WORKS {
        return Err(CliError::Refused(format!(
            "{NOBODY_WORKS} cannot be acknowledged: it holds for as long as no worker runs; start one: firn run"
        )));
    }
    if args.rule == NOBODY_RESTORES {
        return Err(CliError::Refused(format!(
            "{NOBODY_RESTORES} cannot be acknowledged: it holds for as long as no worker restores on the plan's host; start one there: firn run"
        )));
    }
    // People write an object as it is shown.
    let is_meant = |object: &str| object == args.object || Shown::text(object).to_string() == args.object;
    let open = store.notices().await?;
    let meant = open.into_iter().find(|row| row.rule == args.rule && is_meant(&row.object));
    let (rule, object) = (Shown::text(&args.rule).to_string(), Shown::text(&args.object).to_string());
    let missing =
        || CliError::Refused(format!("there is no open finding {rule} of \"{object}\"; `firn status` lists them"));
    let row = meant.ok_or_else(missing)?;
    let until = store.now().await?.plus(span);
    // It may have been cleared a moment ago.
    if !store.notice_ack(row.rule, row.object, until, who()).await? {
        return Err(missing());
    }
    out::line(format!("{rule} {object}: acknowledged until {until}"))?;
    Ok(0)
}
