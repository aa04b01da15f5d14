//! The command line over a folder with a state and a configuration.

use std::path::Path;
use std::process::{Command, Output};

/// A command of firn there, by a user called anna.
pub fn firn(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("USER", "anna");
    command.current_dir(dir).args(["--config", "firn.toml"]).args(args);
    command
}

/// Runs one: exit code, standard output, standard error.
pub fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = firn(dir, args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}
