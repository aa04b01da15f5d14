//! `firn demo`

use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;
use tokio::runtime::Runtime;

use super::console::{Args as Flags, refused};
use super::{CliError, out};
use crate::base::units::parse_span;
use crate::config::{ConsoleConfig, home};
use crate::console::setup::{self, Options};
use crate::console::work;
use crate::console::{print, run};
use crate::services::{DemoOptions, Services};

/// How long its workers may take to finish when it is left.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug, ClapArgs)]
pub struct Args {
    /// What happens: calm, bad-night, restore, delay, redis, or the path of a scenario file
    #[arg(long, value_name = "NAME", default_value = "calm")]
    scenario: String,
    /// How fast its clock runs: seconds of its to one of yours [default: as the scenario has it]
    #[arg(long, value_name = "N")]
    speed: Option<f64>,
    /// What everything random in it is drawn from: the same seed is the same demo
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Steps its clock this far as fast as it can, each step when every worker is idle; the console goes on from there
    #[arg(long, value_name = "SPAN", value_parser = span)]
    until: Option<Duration>,
    /// With --until: writes the screen as text instead of opening the console
    #[arg(long, value_name = "COLUMNSxROWS", value_parser = size, requires = "until")]
    print: Option<(u16, u16)>,
    /// With --print: writes the screen as a picture (SVG) in its theme's colours
    #[arg(long, requires = "print")]
    svg: bool,
    /// Threads its workers run on; what happens does not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).map_err(|e| e.to_string())
}

/// Columns and rows, as `140x40`.
fn size(text: &str) -> Result<(u16, u16), String> {
    let read = text.split_once('x').and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    let fits = |(columns, rows): &(u16, u16)| (1..=1000).contains(columns) && (1..=1000).contains(rows);
    read.filter(fits)
        .ok_or_else(|| format!("{text:?} is no size; write columns and rows, each from 1 to 1000, such as 140x40"))
}

/// Outside the runtime: the demo has one of its own, which ends with it.
pub(super) fn run(runtime: &Runtime, console: ConsoleConfig, args: &Args, flags: &Flags) -> Result<u8, CliError> {
    setup::files(&console).map_err(refused)?;
    if args.print.is_none() {
        run::terminal().map_err(refused)?;
    }
    let asked = DemoOptions {
        scenario: Some(args.scenario.clone()),
        speed: args.speed,
        seed: args.seed,
        until: args.until,
        threads: args.threads,
    };
    let (mut services, driver) = Services::demo(&asked)?;
    let own = services.config.console.clone();
    services.config.console = ConsoleConfig { environment: own.environment, workers: own.workers, ..console };
    // Nothing is at stake: nobody waits for make-believe work.
    services.config.stop_within = LEAVE_WITHIN;
    let services = Arc::new(services);
    let options = Options {
        no_workers: flags.no_workers,
        read_only: flags.read_only,
        who: "you".to_owned(),
        // Nothing outside its own folder.
        drafts: Some(driver.folder().join("drafts.json")),
        log: None,
        home: home(),
    };
    let kinds = setup::kinds(&services, &options).map_err(refused)?;
    let work = kinds.map(|kinds| work::start(&services, &kinds));
    let vault = work::look_at_vault(&services);
    if let Some(until) = args.until {
        driver.run_until(until);
    }
    if let Some(size) = args.print {
        let vault = vault.borrow().clone();
        let text = if args.svg {
            runtime.block_on(print::picture(services, &options, vault, size))
        } else {
            runtime.block_on(print::print(services, &options, vault, size))
        };
        let text = text.map_err(refused)?;
        out::write(&text)?;
        return Ok(0);
    }
    driver.pace();
    runtime.block_on(run::run(services, options, work)).map_err(refused)
}
