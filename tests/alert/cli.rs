//! `firn alert test`, `firn findings`, and what `firn config check` says of senders.

use std::process::{Command, Output};

use firn::base::{Clock, Finding, Severity, Time};
use firn::store::Store as _;
use firn::store::sqlite::SqliteStore;
use serde_json::Value;

use crate::smtp::{Mood, Smtp, Step};

struct Home(tempfile::TempDir);

impl Home {
    fn new(alert: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("photos")).unwrap();
        let text =
            format!("[[source]]\nname = \"ugc\"\npath = \"photos\"\n[vault]\npath = \"vault\"\n[alert]\n{alert}\n");
        std::fs::write(dir.path().join("firn.toml"), text).unwrap();
        Self(dir)
    }

    fn mailing(port: u16, more: &str) -> Self {
        Self::new(&format!(
            "mail_server = \"127.0.0.1\"\nmail_port = {port}\nmail_tls = \"none\"\nmail_from = \"firn@example.org\"\nmail_to = \"ops@example.org\"\n{more}"
        ))
    }

    fn firn(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firn"));
        command.arg("--config").arg(self.0.path().join("firn.toml")).args(args);
        for name in ["FIRN_CONFIG", "HTTP_PROXY", "http_proxy"] {
            command.env_remove(name);
        }
        let Output { status, stdout, stderr } = command.output().unwrap();
        (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }
}

#[test]
fn a_test_goes_through_every_sender_and_says_what_came_of_it() {
    let server = Smtp::start();
    let home = Home::mailing(server.port, "command = \"sh -c 'cat > \\\"$0\\\"' got.json\"\n");
    let (code, out, err) = home.firn(&["alert", "test", "--sender", "mail"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "mail     sent\n", ""));
    assert_eq!(server.mails()[0].header("Subject"), "[firn local] test of the sender mail");
    server.feels(Mood::Says(Step::Sender, "550 not from there".to_owned()));
    let home = Home::mailing(server.port, "command = \"true\"\n");
    let (code, out, _) = home.firn(&["alert", "test"]);
    assert_eq!(code, 1);
    let lines: Vec<_> = out.lines().collect();
    assert!(
        lines[0].starts_with("mail     FAILED: mail to 127.0.0.1:") && lines[0].contains("not from there"),
        "{out}"
    );
    assert_eq!(lines[1..], ["command  sent"]);
    assert_eq!(server.mails().len(), 1);
}

#[test]
fn a_sender_that_is_not_there_is_not_taken_for_one_that_works() {
    let home = Home::new("");
    let (code, out, err) = home.firn(&["alert", "test"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err, "firn: no sender is configured; name one in [alert]: mail_server, command or ping_url\n");
    let home = Home::new("command = \"true\"\n");
    let (code, _, err) = home.firn(&["alert", "test", "--sender", "mail"]);
    assert_eq!((code, err.as_str()), (2, "firn: --sender: \"mail\" is not configured; there is command\n"));
}

#[test]
fn what_cannot_be_mailed_is_found_by_the_check() {
    let home = Home::mailing(25, "");
    assert_eq!(home.firn(&["config", "check"]).0, 0);
    let set = ["--set", "alert.mail_server=mx.example.org", "config", "check"];
    let (code, _, err) = home.firn(&set);
    assert_eq!(code, 2);
    assert!(err.contains("[alert] mail_tls is \"none\" and the server mx.example.org is another host"), "{err}");
}

#[tokio::test]
async fn findings_say_what_to_do_and_who_was_told() {
    let home = Home::new("");
    let path = home.0.path().join("firn.db");
    {
        let store = SqliteStore::open(&path, Clock::system(), true).unwrap();
        assert_eq!(home.firn(&["findings"]), (0, "OK: nothing is wrong\n".to_owned(), String::new()));
        let at = Time::from_secs(1_000_000);
        let findings = vec![
            Finding::new("source.root", "ugc\u{1b}", Severity::Critical, at)
                .value("away")
                .limit("there")
                .next("mount it"),
            Finding::new("disk", "staging", Severity::Warning, at).value("full").limit("room").next("make room"),
        ];
        store.notice_round("watch".to_owned(), findings).await.unwrap();
    }
    let (code, out, _) = home.firn(&["findings"]);
    assert_eq!(code, 2);
    let expected =
        "CRITICAL source.root ugc\\x1b\n  found    away\n  limit    there\n  since    1970-01-12T13:46:40Z (";
    assert!(out.starts_with(expected), "{out}");
    assert!(out.contains(")\n  do       mount it\n  told     nobody\nWARNING disk staging\n"), "{out}");
    // What is acknowledged is listed and does not count.
    assert_eq!(home.firn(&["ack", "source.root", "ugc\\x1b"]).0, 0);
    let (code, out, _) = home.firn(&["findings", "--json"]);
    assert_eq!(code, 1);
    let body: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&body["severity"], body["findings"].as_array().unwrap().len()), (&Value::from("WARNING"), 2));
    let first = &body["findings"][0];
    assert_eq!((&first["rule"], &first["next_step"]), (&Value::from("source.root"), &Value::from("mount it")));
    assert!(first["acknowledged_until"].is_string() && first["told"] == Value::Array(Vec::new()), "{first}");
    std::fs::remove_file(path).unwrap();
    assert_eq!(home.firn(&["findings"]).0, 3, "it could not look");
}
