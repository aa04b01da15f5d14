//! Real MariaDB servers, started by the tests: each in a folder of its own on a port nobody else has, root without a
//! password from this host, gone with the value that holds it, and at the latest with the process.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::servers::{Home, Run, Server};
use super::waiting::{LONG, eventually};

/// The folder, with data that servers begin with in `data`.
fn home() -> &'static Home {
    static HOME: OnceLock<Home> = OnceLock::new();
    HOME.get_or_init(|| {
        let home = Home::new("firn-mariadb");
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        install.args(["--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M", "--innodb-flush-method=nosync"]);
        install.arg(format!("--datadir={}", home.path().join("data").display()));
        // A server that starts removes the temporary tables of every other in the same folder.
        install.env("TMPDIR", home.path());
        if rustix::process::geteuid().is_root() {
            install.arg("--user=root");
        }
        let output = install.output().unwrap_or_else(|e| panic!("mariadb-install-db: {e}; tests/run installs it"));
        assert!(output.status.success(), "mariadb-install-db: {}", String::from_utf8_lossy(&output.stderr));
        home
    })
}

/// A server.
pub struct Mariadb {
    server: Server,
    id: u32,
    more: Vec<String>,
}

impl Mariadb {
    /// A server with a binary log; `more` are options as on its command line, such as `--read-only`.
    pub fn start(id: u32, more: &[&str]) -> Self {
        let server = Server::new(home());
        let (from, to) = (home().path().join("data"), server.dir().join("data"));
        let copied = Command::new("cp").arg("-R").arg(from).arg(to).status().unwrap();
        assert!(copied.success());
        let more = more.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { server, id, more };
        server.launch();
        server
    }

    /// The same data, options and port again.
    pub fn restart(&mut self) {
        self.kill();
        self.launch();
    }

    /// Options beside those it was started with, from its next start on.
    pub fn also(&mut self, option: &str) {
        self.more.push(option.to_owned());
    }

    fn launch(&mut self) {
        let dir = self.dir();
        let mut command = Command::new("mariadbd");
        command.arg("--no-defaults");
        if rustix::process::geteuid().is_root() {
            command.arg("--user=root");
        }
        let path = |name: &str| dir.join(name).display().to_string();
        command.args([
            format!("--datadir={}", path("data")),
            format!("--socket={}", self.socket().display()),
            format!("--pid-file={}", path("pid")),
            format!("--tmpdir={}", dir.display()),
            format!("--port={}", self.port()),
            format!("--server-id={}", self.id),
            format!("--report-host=server{}", self.id),
        ]);
        command.args([
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--log-bin=bin",
            "--relay-log=relay",
            "--innodb-buffer-pool-size=16M",
            "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-flush-method=nosync",
            "--sync-binlog=0",
            "--key-buffer-size=1M",
            "--aria-pagecache-buffer-size=1M",
            "--performance-schema=OFF",
            "--slave-net-timeout=5",
        ]);
        command.args(&self.more);
        self.server.run = Some(Run::start(dir, LONG, command, || self.try_sql("SELECT 1").ok()));
    }

    fn socket(&self) -> PathBuf {
        self.dir().join("sock")
    }

    /// Its `server_id`.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What root is told: a line a row, tabs between values, no header.
    pub fn try_sql(&self, sql: &str) -> Result<String, String> {
        self.client(&["--skip-column-names"], sql)
    }

    fn client(&self, more: &[&str], sql: &str) -> Result<String, String> {
        let mut client = Command::new("mariadb");
        client.args(["--no-defaults", "--batch", "--user=root", "--connect-timeout=5"]).args(more);
        client.arg(format!("--socket={}", self.socket().display())).arg("--execute").arg(sql);
        let output = client.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("mariadb: {e}"));
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim_end().to_owned())
        }
    }

    /// The same of what must work.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// A column of `SHOW SLAVE STATUS`, if it is a replica.
    pub fn status(&self, column: &str) -> Option<String> {
        let text = self.client(&["--vertical"], "SHOW SLAVE STATUS").unwrap_or_else(|e| panic!("{e}"));
        let prefix = format!("{column}: ");
        text.lines().find_map(|line| line.trim_start().strip_prefix(&prefix).map(str::to_owned))
    }

    /// Makes it a replica of `primary` from where that is now, `delay` seconds behind.
    pub fn follow(&self, primary: &Mariadb, delay: u32) {
        let account = "CREATE USER IF NOT EXISTS 'follower'@'127.0.0.1' IDENTIFIED BY 'follow'; \
            GRANT REPLICATION SLAVE ON *.* TO 'follower'@'127.0.0.1'";
        primary.sql(account);
        let place = primary.sql("SHOW MASTER STATUS");
        let mut fields = place.split('\t');
        let (file, at) = (fields.next().unwrap(), fields.next().unwrap());
        self.sql(&format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={}, MASTER_USER='follower', MASTER_PASSWORD='follow', \
             MASTER_LOG_FILE='{file}', MASTER_LOG_POS={at}, MASTER_CONNECT_RETRY=1, MASTER_DELAY={delay}; START SLAVE",
            primary.port()
        ));
        eventually(LONG, "the replica runs", || {
            let both = [self.status("Slave_IO_Running"), self.status("Slave_SQL_Running")];
            both.iter().all(|thread| thread.as_deref() == Some("Yes")).then_some(())
        });
    }
}

impl Deref for Mariadb {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for Mariadb {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

/// A primary (1) and a replica of it (2).
pub struct Pair {
    pub primary: Mariadb,
    pub replica: Mariadb,
}

impl Pair {
    /// With a replica `delay` seconds behind.
    pub fn start(delay: u32) -> Self {
        let (primary, replica) = std::thread::scope(|scope| {
            let primary = scope.spawn(|| Mariadb::start(1, &[]));
            let replica = Mariadb::start(2, &["--skip-slave-start"]);
            (primary.join().unwrap(), replica)
        });
        replica.follow(&primary, delay);
        Self { primary, replica }
    }
}

/// A pair that a test binary shares, started by whoever asks first: a replica that is not delayed. Who breaks servers starts
/// its own.
pub fn shared() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| Pair::start(0))
}
