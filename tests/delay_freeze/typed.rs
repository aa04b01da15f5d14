//! What happens to a replica while its name is being typed.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::live::{Cli, account, both, no, place, received};
use super::support::mariadb::Pair;
use super::support::waiting::{LONG, eventually};

/// Up to there it may run as long as it has not got there: when the name has been typed, not when it was asked for.
#[test]
fn a_replica_that_went_on_while_the_name_was_typed_is_looked_at_again() {
    let pair = Pair::start(15);
    account(&pair.replica);
    pair.primary.sql("CREATE DATABASE live; CREATE TABLE live.a (id INT PRIMARY KEY)");
    let bad = place(&pair.primary);
    pair.primary.sql("INSERT INTO live.a VALUES (1)");
    received(&pair);
    let cli = Cli::new(&pair.replica);
    cli.ok(&["delay", "freeze", "db14", "--position", &bad, "--yes"]);

    let pty = native_pty_system().openpty(PtySize { rows: 50, cols: 200, pixel_width: 0, pixel_height: 0 }).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_firn"));
    command.args(["--config", "firn.toml", "delay", "resume", "db14", "--until", &bad]);
    command.cwd(cli.dir.path());
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let shown = Arc::new(Mutex::new(Vec::new()));
    let (mut reader, read) = (pty.master.try_clone_reader().unwrap(), Arc::clone(&shown));
    let reading = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            read.lock().unwrap().extend_from_slice(&bytes[..count]);
        }
    });
    let text = || String::from_utf8_lossy(&shown.lock().unwrap()).into_owned();
    eventually(LONG, "it asks for the name", || text().contains("type its name to go on").then_some(()));

    // Somebody lets it run past the statement, and stops it there; no worker watches.
    pair.replica.sql("CHANGE MASTER TO MASTER_DELAY=0; START SLAVE");
    eventually(LONG, "the statement is applied", || {
        let file = pair.replica.status("Relay_Master_Log_File")?;
        let at = pair.replica.status("Exec_Master_Log_Pos")?;
        (format!("{file}:{at}") == place(&pair.primary)).then_some(())
    });
    pair.replica.sql("STOP SLAVE");
    pty.master.take_writer().unwrap().write_all(b"db14\n").unwrap();
    let ended = child.wait().unwrap();
    reading.join().unwrap();
    let text = text();
    assert_eq!(ended.exit_code(), 1, "{text}");
    assert!(
        text.contains(&format!("db14 cannot run up to {bad}: the replica has executed the source's log up to")),
        "{text}"
    );
    assert_eq!(both(&pair.replica), no());
    assert_eq!(cli.json()["state"], "frozen", "nothing was ordered");
}
