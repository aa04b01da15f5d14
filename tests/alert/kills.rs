//! `firn run --workers alert` as a process, killed by SIGKILL while it sends: before the server has the text, after it
//! took it, after it said so. The state says sent once, and nobody gets more than one double.

use std::process::{Child, Command, Stdio};

use firn::base::{Clock, Finding, Severity};
use firn::store::Store as _;
use firn::store::sqlite::SqliteStore;
use rusqlite::Connection;

use crate::kit::eventually;
use crate::smtp::{Mail, Mood, Smtp, Step};

/// A state with findings, and a server they are mailed to.
struct Site {
    dir: tempfile::TempDir,
    server: Smtp,
}

/// A sender; killed when dropped.
struct Sender(Child);

impl Sender {
    /// SIGKILL. Nobody waits for it yet: a process that is dead stays dead while its parent looks elsewhere.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        let stat = format!("/proc/{}/stat", self.0.id());
        eventually("it is dead", || {
            std::fs::read_to_string(&stat).unwrap().rsplit_once(") ").unwrap().1.starts_with('Z').then_some(())
        });
    }

    /// SIGTERM; it ends in good order.
    fn end(mut self) {
        let term = Command::new("kill").arg(self.0.id().to_string()).status().unwrap();
        assert!(term.success());
        let status = eventually("it ends", || self.0.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("photos")).unwrap();
        let server = Smtp::start();
        let text = format!(
            r#"
[[source]]
name = "ugc"
path = "photos"
[vault]
path = "vault"
[worker]
lease = "1h"
[alert]
mail_server = "127.0.0.1"
mail_port = {}
mail_tls = "none"
mail_from = "firn@example.org"
mail_to = "ops@example.org"
"#,
            server.port
        );
        std::fs::write(dir.path().join("firn.toml"), text).unwrap();
        Self { dir, server }
    }

    fn start(&self) -> Sender {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
        command.arg("--config").arg(self.dir.path().join("firn.toml")).args(["run", "--workers", "alert", "--quiet"]);
        command.env_remove("FIRN_CONFIG").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Sender(command.spawn().unwrap())
    }

    /// These sources are away: critical, each.
    async fn away(&self, objects: &[&str]) {
        let store = SqliteStore::open(&self.dir.path().join("firn.db"), Clock::system(), true).unwrap();
        let now = store.now().await.unwrap();
        let finding = |object: &&str| {
            let finding = Finding::new("source.root", *object, Severity::Critical, now);
            finding.value("away").limit("there").next("mount it")
        };
        store.notice_round("watch".to_owned(), objects.iter().map(finding).collect()).await.unwrap();
    }

    fn state(&self) -> Connection {
        Connection::open(self.dir.path().join("firn.db")).unwrap()
    }

    fn number(&self, sql: &str) -> i64 {
        self.state().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// How often the state says that something was sent.
    fn sent(&self) -> i64 {
        self.number("SELECT count(*) FROM event WHERE what = 'alert.sent'")
    }

    fn heard(&self, word: &str) -> bool {
        self.server.desk.heard.lock().unwrap().iter().any(|line| line.starts_with(word))
    }

    /// The sender is started again: it sends what it had begun, records it once, and then nothing but what is new. All
    /// mails that came.
    async fn goes_on(&self, mails: usize) -> Vec<Mail> {
        assert_eq!(self.sent(), 0, "nobody has recorded it");
        assert_eq!(self.number("SELECT count(*) FROM sending"), 1, "it was written down before it was sent");
        let again = self.start();
        eventually("it is recorded", || (self.sent() == 1).then_some(()));
        assert_eq!(self.number("SELECT count(*) FROM sending"), 0, "nothing is on its way");
        again.end();
        let first = self.server.mails();
        assert_eq!(first.len(), mails, "{first:#?}");
        assert!(first.iter().all(|mail| mail.text == first[0].text), "it is the same mail: {first:#?}");
        assert!(first.iter().all(|mail| mail.header("Message-ID") == first[0].header("Message-ID")));
        assert_eq!(first[0].header("Subject"), "[firn local] CRITICAL source.root ugc: away");
        // Another start, and something new: that is told, and what was told is not.
        self.away(&["ugc", "avatars"]).await;
        let third = self.start();
        eventually("the other is recorded", || (self.sent() == 2).then_some(()));
        third.end();
        let all = self.server.mails();
        assert_eq!(all.len(), mails + 1, "{all:#?}");
        let last = &all[mails];
        assert_ne!(last.header("Message-ID"), all[0].header("Message-ID"));
        assert_eq!(last.header("Subject"), "[firn local] CRITICAL source.root avatars: away");
        assert!(!last.body().contains("source.root ugc"), "{}", last.body());
        assert_eq!(self.number("SELECT count(*) FROM told WHERE open = 1 AND sender = 'mail'"), 2);
        assert_eq!(self.number("SELECT failures FROM teller WHERE sender = 'mail'"), 0);
        all
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_server_holds_its_answer_back_it_is_sent_twice_at_most_and_recorded_once() {
    let site = Site::new();
    site.away(&["ugc"]).await;
    site.server.feels(Mood::Hangs(Step::Text));
    let mut sender = site.start();
    eventually("the text is taken", || (site.server.mails().len() == 1).then_some(()));
    sender.kill();
    site.server.feels(Mood::Well);
    site.goes_on(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_it_knew_that_the_text_was_taken_and_had_not_recorded_it() {
    let site = Site::new();
    site.away(&["ugc"]).await;
    let gate = site.server.desk.gate.lock().unwrap();
    let mut sender = site.start();
    eventually("the text is taken", || (site.server.mails().len() == 1).then_some(()));
    // The answer comes while the state takes nothing.
    let state = site.state();
    state.execute_batch("BEGIN IMMEDIATE").unwrap();
    drop(gate);
    eventually("the answer is heard", || site.heard("QUIT").then_some(()));
    sender.kill();
    state.execute_batch("ROLLBACK").unwrap();
    drop(state);
    site.goes_on(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_text_and_then_after_it() {
    let site = Site::new();
    site.away(&["ugc"]).await;
    site.server.feels(Mood::Hangs(Step::Data));
    let mut first = site.start();
    eventually("the text is about to be sent", || site.heard("DATA").then_some(()));
    first.kill();
    site.server.feels(Mood::Hangs(Step::Text));
    let mut second = site.start();
    eventually("the text is taken", || (site.server.mails().len() == 1).then_some(()));
    second.kill();
    assert_eq!(site.number("SELECT tries FROM sending"), 2);
    site.server.feels(Mood::Well);
    site.goes_on(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_text_was_taken_it_is_sent_once() {
    for (step, word) in [(Step::Hello, "EHLO"), (Step::Recipient, "RCPT"), (Step::Data, "DATA")] {
        let site = Site::new();
        site.away(&["ugc"]).await;
        site.server.feels(Mood::Hangs(step));
        let mut sender = site.start();
        eventually("the server hangs", || site.heard(word).then_some(()));
        sender.kill();
        assert!(site.server.mails().is_empty(), "{step:?}");
        site.server.feels(Mood::Well);
        site.goes_on(1).await;
    }
}
