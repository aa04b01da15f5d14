//! Every mistake in a file of this folder must produce the sentence it names: the lines `# says: …` at its beginning,
//! each of which must stand on standard error. Told by the binary, before anything is drawn or made.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad");

/// The files of a kind and what each must say.
fn corpus(kind: &str) -> Vec<(PathBuf, Vec<String>)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(Path::new(CORPUS).join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 10, "{kind}: {} files", files.len());
    let says = |file: PathBuf| {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        let says: Vec<String> =
            text.lines().filter_map(|line| Some(line.strip_prefix("# says: ")?.to_owned())).collect();
        assert!(!says.is_empty(), "{} does not say what it must produce", file.display());
        (file, says)
    };
    files.into_iter().map(says).collect()
}

/// `firn` with nothing of this machine's own.
fn clean() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FIRN_") {
            command.env_remove(name);
        }
    }
    command
}

/// It is refused with these words, and with nothing that a terminal could act on.
#[track_caller]
fn refused(file: &Path, done: &Output, says: &[String], wrong: &mut Vec<String>) {
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let name = file.file_name().unwrap().to_string_lossy();
    for part in says.iter().filter(|part| !said.contains(part.as_str())) {
        wrong.push(format!("{name}: {part:?} is not in:\n{said}"));
    }
    if done.status.success() || !done.stdout.is_empty() || said.contains("panicked") {
        wrong.push(format!("{name}: {done:?}"));
    }
    if said.chars().any(|c| c.is_control() && c != '\n') {
        wrong.push(format!("{name}: a control character in {said:?}"));
    }
}

#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A console that is to be drawn with a file named by a key of `[console]`. The demo reads no configuration file.
fn drawn_with(folder: &Path, key: &str, file: &str) -> Output {
    let set = format!("console.{key}={file}");
    let mut command = clean();
    command.current_dir(folder).args(["--set", &set, "demo", "--until", "1s", "--print", "80x24"]);
    command.output().unwrap()
}

fn named(key: &str) {
    let mut wrong = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    for (file, says) in corpus(key) {
        let name = file.file_name().unwrap().to_str().unwrap();
        fs::copy(&file, folder.path().join(name)).unwrap();
        refused(&file, &drawn_with(folder.path(), key, name), &says, &mut wrong);
    }
    none(&wrong);
}

#[test]
fn themes() {
    named("theme");
}

#[test]
fn keymaps() {
    named("keymap");
}

#[test]
fn configurations() {
    let mut wrong = Vec::new();
    for (file, says) in corpus("config") {
        let done = clean().arg("--config").arg(&file).args(["config", "check"]).output().unwrap();
        refused(&file, &done, &says, &mut wrong);
    }
    none(&wrong);
}

#[test]
fn files_that_are_not_there() {
    let mut wrong = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    for key in ["theme", "keymap"] {
        let done = drawn_with(folder.path(), key, "nowhere/it.toml");
        let parts = [
            format!("cannot read the {key} "),
            format!("nowhere/it.toml: No such file or directory (os error 2); mend [console] {key}"),
        ];
        refused(Path::new(key), &done, &parts, &mut wrong);
    }
    none(&wrong);
}
