//! Parses the command line and runs the command.

use std::process::ExitCode;

fn main() -> ExitCode {
    firn::cli::main(std::env::args_os().collect())
}
