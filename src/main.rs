//! Parses the command line and runs the command.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    firn::cli::Cli::parse().run()
}
