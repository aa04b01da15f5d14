//! The worker over a real state and a real SMTP server, with a clock that is moved by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use firn::alert::rules::{CANNOT_SEND, Limits};
use firn::alert::send::command::CommandSender;
use firn::alert::send::mail::MailSender;
use firn::alert::send::ping::Ping;
use firn::alert::{Means, Senders, run};
use firn::base::clock::Hand;
use firn::base::host::ProcessIdentity;
use firn::base::task::{self, JoinHandle};
use firn::base::{Clock, Finding, Severity, Stop, Time};
use firn::store::sqlite::SqliteStore;
use firn::store::{Store, StoreError};
use firn::worker::session::Lease;
use serde_json::Value;

use crate::kit::{eventually, origin};
use crate::mail::settings;
use crate::ping::{Web, at};
use crate::smtp::{Mood, Smtp, Step};

const START: Time = Time::from_secs(1_000_000);
const HOUR: u64 = 3600;

/// A host that sends alerts.
struct Host {
    lease: Lease,
    stop: Stop,
    task: JoinHandle<Result<(), StoreError>>,
}

struct Site {
    dir: tempfile::TempDir,
    clock: Clock,
    hand: Hand,
    store: Arc<dyn Store>,
    senders: Senders,
}

impl Site {
    fn new() -> Self {
        let (clock, hand) = Clock::manual(START);
        // Memory, where there is such a folder: what survives a power cut is not the question here.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let store = Arc::new(SqliteStore::open(&dir.path().join("firn.db"), clock.clone(), true).unwrap());
        Self { dir, clock, hand, store, senders: Senders::default() }
    }

    fn mailing(server: &Smtp) -> Self {
        let mut site = Self::new();
        let sender = MailSender::new(settings(server.port), "alpha").unwrap().within(Duration::from_secs(20));
        site.senders.messages.push(Arc::new(sender));
        site
    }

    /// A command beside it that keeps each message in a file.
    fn and_a_command(mut self) -> (Self, PathBuf) {
        let kept = self.dir.path().join("told");
        std::fs::create_dir(&kept).unwrap();
        let text = "n=$(ls \"$1\" | wc -l); cat > \"$1/.new\" && mv \"$1/.new\" \"$1/$n\"";
        let words = ["-c", text, "sh", kept.to_str().unwrap()].map(str::to_owned);
        self.senders.messages.push(Arc::new(CommandSender::new("/bin/sh".to_owned(), words.into())));
        (self, kept)
    }

    async fn host(&self, name: &str) -> Host {
        let process = ProcessIdentity {
            host: name.to_owned(),
            machine_id: String::new(),
            boot_id: String::new(),
            pid_namespace: String::new(),
            pid: 7,
            pid_start: 1,
        };
        let own = SqliteStore::open(&self.dir.path().join("firn.db"), self.clock.clone(), true).unwrap();
        let store: Arc<dyn Store> = Arc::new(own);
        let long = Duration::from_hours(1000);
        let begun = Lease::begin(Arc::clone(&store), self.clock.clone(), process, "alert".to_owned(), long).await;
        let lease = begun.unwrap().0;
        let hour = Duration::from_hours(1);
        let limits = Limits { least: Severity::Unknown, critical: 4 * hour, other: 24 * hour, digest: hour };
        let (senders, clock) = (self.senders.clone(), self.clock.clone());
        let means = Means { senders, limits, from: origin(), store, clock };
        let stop = Stop::new();
        let task = task::spawn(run(means, lease.clone(), stop.clone()));
        Host { lease, stop, task }
    }

    /// Waits until every loop of `loops` has looked and lies down.
    fn rest(&self, loops: usize) {
        eventually("the worker rests", || (self.hand.sleepers() >= loops).then_some(()));
    }

    async fn set(&self, findings: &[(&'static str, &str, Severity)]) {
        let now = self.store.now().await.unwrap();
        let findings = findings.iter().map(|(rule, object, severity)| {
            Finding::new(rule, *object, *severity, now).value("away").limit("there").next("mount it")
        });
        self.store.notice_round("watch".to_owned(), findings.collect()).await.unwrap();
    }

    /// Lets time pass, a look at a time.
    fn pass(&self, secs: u64, loops: usize) {
        for _ in 0..secs.div_ceil(5) {
            self.rest(loops);
            self.hand.advance(Duration::from_secs(5));
        }
        self.rest(loops);
    }
}

const ROOT: &[(&str, &str, Severity)] = &[("source.root", "ugc", Severity::Critical)];

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_is_mailed_and_so_is_its_end_and_a_restart_tells_neither_again() {
    let server = Smtp::start();
    let site = Site::mailing(&server);
    let host = site.host("alpha").await;
    site.pass(30, 1);
    assert!(server.mails().is_empty());
    site.set(ROOT).await;
    site.pass(10, 1);
    let mail = server.mails().remove(0);
    assert_eq!(mail.header("Subject"), "[firn test] CRITICAL source.root ugc: away");
    let expected = "CRITICAL source.root ugc\n  found    away\n  limit    there\n  since    1970-01-12T13:47:10Z";
    assert!(mail.body().contains(expected) && mail.body().contains("  do       mount it\n"), "{}", mail.body());
    host.stop.stop();
    host.task.await.unwrap().unwrap();
    host.lease.end().await.unwrap();
    let host = site.host("alpha").await;
    site.pass(600, 1);
    assert_eq!(server.mails().len(), 1);
    site.set(&[]).await;
    site.pass(2 * HOUR, 1);
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].header("Subject"), "[firn test] OVER source.root ugc");
    assert!(
        mails[1].body().contains("it no longer holds; told as CRITICAL at 1970-01-12T13:47:"),
        "{}",
        mails[1].body()
    );
    host.stop.stop();
    host.task.await.unwrap().unwrap();
}

/// Up and down at each of the watchman's rounds, for an hour: one mail, and one digest that says how often.
#[tokio::test(flavor = "multi_thread")]
async fn a_finding_that_flaps_for_an_hour_sends_one_mail_and_one_digest() {
    let server = Smtp::start();
    let site = Site::mailing(&server);
    let _host = site.host("alpha").await;
    site.rest(1);
    for poll in 0..720 {
        site.set(if poll % 2 == 0 { ROOT } else { &[] }).await;
        site.pass(5, 1);
    }
    site.pass(3 * HOUR, 1);
    let mails = server.mails();
    assert_eq!(mails.len(), 2, "{mails:#?}");
    assert!(mails[0].header("Subject").contains("CRITICAL source.root ugc"));
    assert!(mails[1].body().contains("  changed  719 times since it was last told\n"), "{}", mails[1].body());
}

/// The server has taken the text and its answer never came: the process that sent it is gone before it could record it.
#[tokio::test(flavor = "multi_thread")]
async fn killed_between_send_and_record_it_sends_one_double_under_the_same_name() {
    let server = Smtp::start();
    let site = Site::mailing(&server);
    server.feels(Mood::Hangs(Step::Text));
    let host = site.host("alpha").await;
    site.rest(1);
    site.set(ROOT).await;
    site.hand.advance(Duration::from_secs(5));
    eventually("the text has been taken", || (server.mails().len() == 1).then_some(()));
    host.task.abort();
    let _ = host.task.await;
    server.feels(Mood::Well);
    // Somebody else takes it up.
    host.lease.end().await.unwrap();
    let again = site.host("beta").await;
    site.pass(2 * HOUR, 1);
    let mails = server.mails();
    assert_eq!(mails.len(), 2, "{mails:#?}");
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    assert_eq!(mails[0].text, mails[1].text, "it is the same mail");
    let told = site.store.told().await.unwrap();
    assert_eq!((told.len(), told[0].1.open, told[0].1.severity), (1, true, Severity::Critical));
    again.stop.stop();
    again.task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hosts_one_sends_and_the_other_takes_over_when_it_ends() {
    let server = Smtp::start();
    let site = Site::mailing(&server);
    let hosts = [site.host("alpha").await, site.host("beta").await];
    site.set(ROOT).await;
    site.pass(300, 2);
    assert_eq!(server.mails().len(), 1);
    let owner = site.store.duty("alert".to_owned()).await.unwrap().unwrap().owner.unwrap();
    let [first, second] = if hosts[0].lease.session == owner {
        hosts
    } else {
        let [a, b] = hosts;
        [b, a]
    };
    first.stop.stop();
    first.task.await.unwrap().unwrap();
    site.set(&[]).await;
    site.pass(2 * HOUR, 1);
    let subjects: Vec<_> = server.mails().iter().map(|mail| mail.header("Subject")).collect();
    assert_eq!(subjects, ["[firn test] CRITICAL source.root ugc: away", "[firn test] OVER source.root ugc"]);
    let owner = site.store.duty("alert".to_owned()).await.unwrap().unwrap().owner;
    assert_eq!(owner, Some(second.lease.session));
}

fn kept(dir: &Path) -> Vec<Value> {
    let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.retain(|name| name != ".new");
    names.sort();
    names.iter().map(|name| serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap()).unwrap()).collect()
}

/// A mail server that refuses: it is a finding, which the command tells; the command misses nothing; and once mail works
/// again it tells what holds then, and the finding is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_cannot_send_is_a_finding_that_another_tells() {
    let server = Smtp::start();
    let (site, dir) = Site::mailing(&server).and_a_command();
    server.feels(Mood::Says(Step::Sender, "451 4.3.2 shutting down".to_owned()));
    let host = site.host("alpha").await;
    site.set(ROOT).await;
    site.pass(15, 2);
    let finding = |rows: Vec<firn::store::NoticeRow>| rows.into_iter().find(|row| row.rule == CANNOT_SEND);
    let found = finding(site.store.notices().await.unwrap()).unwrap();
    assert_eq!((found.object.as_str(), found.severity), ("mail", Severity::Warning));
    assert!(found.value.contains("4.3.2 shutting down"), "{found:?}");
    assert_eq!(
        found.next_step,
        "mend what the reason names, then: firn alert test --sender mail; it goes on by itself"
    );
    // For an hour: then it is critical, and the command, which has told the other finding at once, tells it. It is
    //  tried no more often than every ten minutes.
    site.pass(2 * HOUR, 2);
    assert_eq!(finding(site.store.notices().await.unwrap()).unwrap().severity, Severity::Critical);
    let tries = server.desk.heard.lock().unwrap().iter().filter(|line| line.starts_with("EHLO")).count();
    assert!((12..30).contains(&tries), "{tries}");
    let told = |n: usize| {
        let all = kept(&dir);
        let rules = all[n]["findings"].as_array().unwrap().iter();
        rules.map(|f| format!("{} {} {}", f["change"], f["rule"], f["severity"]).replace('"', "")).collect::<Vec<_>>()
    };
    let mut all: Vec<String> = (0..kept(&dir).len()).flat_map(told).collect();
    all.sort();
    // Whether mail has failed before the command looks first is as may be; it is told once when it is new.
    all.retain(|word| word.starts_with("new "));
    let told_first: Vec<_> = all.iter().map(|word| word.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(told_first, ["new alert.send", "new source.root"]);
    let rows = site.store.told().await.unwrap();
    let last = rows.iter().find(|(sender, row)| sender == "command" && row.rule == CANNOT_SEND).unwrap();
    assert_eq!(last.1.severity, Severity::Critical);
    assert!(server.mails().is_empty());
    server.feels(Mood::Well);
    site.pass(HOUR, 2);
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "{mails:#?}");
    assert_eq!(mails[0].header("Subject"), "[firn test] CRITICAL source.root ugc: away");
    assert!(!mails[0].body().contains(CANNOT_SEND), "it does not tell that it could not tell");
    assert_eq!(finding(site.store.notices().await.unwrap()), None);
    site.pass(HOUR, 2);
    let all: Vec<String> = (0..kept(&dir).len()).flat_map(told).collect();
    assert_eq!(all.iter().filter(|word| *word == "over alert.send CRITICAL").count(), 1, "{all:?}");
    host.stop.stop();
    host.task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_who_is_refused_is_a_finding_until_a_mail_reaches_everybody() {
    let server = Smtp::start();
    let site = Site::mailing(&server);
    server.feels(Mood::Knows("night"));
    let host = site.host("alpha").await;
    site.set(ROOT).await;
    site.pass(30, 1);
    let rows = site.store.notices().await.unwrap();
    let found = rows.iter().find(|row| row.rule == CANNOT_SEND).unwrap();
    assert!(found.value.starts_with("the last message did not reach everybody: "), "{found:?}");
    assert!(found.value.contains("the recipient ops@example.org: "), "{found:?}");
    // Who is reached is told so, and it is not forgotten with the process that sent it.
    host.stop.stop();
    host.task.await.unwrap().unwrap();
    let _host = site.host("beta").await;
    site.pass(HOUR, 1);
    assert!(site.store.notices().await.unwrap().iter().any(|row| row.rule == CANNOT_SEND));
    let told = server.mails().iter().filter(|mail| mail.body().contains(CANNOT_SEND)).count();
    assert_eq!(told, 1, "{:#?}", server.mails());
    server.feels(Mood::Well);
    site.set(&[]).await;
    site.pass(HOUR + 60, 1);
    assert_eq!(site.store.notices().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ping_comes_as_long_as_people_can_be_told() {
    let server = Smtp::start();
    let mut site = Site::mailing(&server);
    let web = Web::answering(Some("200 OK"));
    let place = at(&site.dir, &format!("http://127.0.0.1:{}/secret", web.port));
    site.senders.ping = Some(Arc::new(Ping::new(place, Duration::from_mins(5))));
    let _host = site.host("alpha").await;
    let asked = || web.asked.lock().unwrap().len();
    site.pass(5, 2);
    assert_eq!(asked(), 1, "at once");
    site.pass(HOUR, 2);
    assert!((12..=13).contains(&asked()), "{}", asked());
    // Nobody can be told: who waits for the ping is to raise the alarm.
    server.feels(Mood::Says(Step::Connect, "421 closed".to_owned()));
    site.set(ROOT).await;
    site.pass(60, 2);
    let before = asked();
    site.pass(HOUR, 2);
    assert_eq!(asked(), before);
    server.feels(Mood::Well);
    site.pass(HOUR, 2);
    assert!(asked() > before + 8, "{} after {before}", asked());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sender_it_idles_until_it_is_stopped() {
    let site = Site::new();
    let host = site.host("alpha").await;
    host.stop.stop();
    host.task.await.unwrap().unwrap();
    assert_eq!(site.store.duty("alert".to_owned()).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_it_does_not_wait_for_a_server_that_hangs() {
    let server = Smtp::start();
    let site = Site::mailing(&server);
    server.feels(Mood::Hangs(Step::Recipient));
    let host = site.host("alpha").await;
    site.rest(1);
    site.set(ROOT).await;
    site.hand.advance(Duration::from_secs(5));
    let heard = |word: &str| server.desk.heard.lock().unwrap().iter().any(|line| line.starts_with(word));
    eventually("the server hangs", || heard("RCPT").then_some(()));
    host.stop.stop();
    site.rest(1);
    site.hand.advance(Duration::from_secs(5));
    host.task.await.unwrap().unwrap();
    assert!(site.store.alert_view("mail".to_owned()).await.unwrap().pending.is_some(), "it is sent at the next start");
}
