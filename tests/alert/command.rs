//! The command: what it gets, and every way in which it fails.

use std::path::Path;
use std::time::Duration;

use firn::alert::send::command::CommandSender;
use firn::alert::send::{SendError, Sender as _, Sent};
use serde_json::Value;

use crate::kit::{eventually, message};

/// A shell, for the tests' own scripts.
fn script(text: &str) -> CommandSender {
    CommandSender::new("/bin/sh".to_owned(), vec!["-c".to_owned(), text.to_owned()])
}

async fn error(text: &str) -> SendError {
    script(text).send(&message()).await.unwrap_err()
}

#[tokio::test]
async fn it_gets_the_message_as_json_and_its_arguments_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (out, args) = (dir.path().join("in.json"), dir.path().join("args"));
    let text = format!("cat > {} && printf '<%s>' \"$@\" > {}", out.display(), args.display());
    let words = ["-c", &text, "sh", "cold storage", "$(id)", ""].map(str::to_owned);
    let sender = CommandSender::new("/bin/sh".to_owned(), words.into());
    assert_eq!(sender.send(&message()).await, Ok(Sent::default()));
    let body: Value = serde_json::from_str(&std::fs::read_to_string(out).unwrap()).unwrap();
    assert_eq!((&body["kind"], &body["id"]), (&Value::from("test"), &Value::from(message().id)));
    assert_eq!(body["environment"], "test");
    assert_eq!(std::fs::read_to_string(args).unwrap(), "<cold storage><$(id)><>");
}

#[tokio::test]
async fn another_exit_code_than_0_is_a_failure_in_its_words() {
    let failed = error("echo \"no route to $(printf '\\033[2J')pager\" >&2; exit 7").await;
    assert_eq!(failed.text, "the command /bin/sh ended with exit code 7; it said: no route to \\x1b[2Jpager");
    assert!(failed.certain);
    let silent = error("exit 1").await;
    assert_eq!(silent.text, "the command /bin/sh ended with exit code 1; it said nothing");
    let much = error("head -c 300000 /dev/zero | tr '\\0' x >&2; exit 1").await;
    assert_eq!(much.text, format!("the command /bin/sh ended with exit code 1; it said: {}", "x".repeat(200)));
    let killed = error("kill -9 $$").await;
    assert_eq!(
        (killed.text.as_str(), killed.certain),
        ("the command /bin/sh was ended by signal 9; it said nothing", false)
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let sender = CommandSender::new("/no/such\u{7}pager".to_owned(), Vec::new());
    let failed = sender.send(&message()).await.unwrap_err();
    assert!(failed.text.starts_with("the command /no/such\\x07pager cannot be started: No such file"), "{failed}");
    assert!(failed.certain);
}

/// It is ended with all it started, and may have passed the message on before.
#[tokio::test]
async fn one_that_takes_too_long_is_killed_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let text = format!("sleep 1000 & echo $! > {}; echo waiting >&2; wait", pid.display());
    let failed = script(&text).within(Duration::from_millis(500)).send(&message()).await.unwrap_err();
    assert_eq!(failed.text, "the command /bin/sh was killed: it took longer than 0.5 s; it said: waiting");
    assert!(!failed.certain);
    let child = std::fs::read_to_string(pid).unwrap();
    let stat = Path::new("/proc").join(child.trim()).join("stat");
    eventually("its child is gone", || match std::fs::read_to_string(&stat) {
        // A zombie that nobody has waited for yet runs no more.
        Ok(text) => text.rsplit_once(") ").unwrap().1.starts_with('Z').then_some(()),
        Err(_) => Some(()),
    });
}

/// A message larger than a pipe, and a program that never reads; one that leaves a child behind which holds its streams.
#[tokio::test]
async fn it_need_not_read_and_may_leave_something_running() {
    let mut large = message();
    large.json = format!("\"{}\"", "x".repeat(1 << 20));
    script("exit 0").send(&large).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let text = format!("sleep 1000 & echo $! > {}; exit 3", pid.display());
    let failed = script(&text).within(Duration::from_secs(50)).send(&large).await.unwrap_err();
    assert_eq!(failed.text, "the command /bin/sh ended with exit code 3; it said nothing");
    let child = std::fs::read_to_string(pid).unwrap();
    assert!(std::process::Command::new("kill").arg(child.trim()).status().unwrap().success(), "it was left alone");
}
