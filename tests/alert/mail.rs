//! Mail: what arrives, and every way in which it does not.

use std::time::Duration;

use firn::alert::message::compose;
use firn::alert::rules::{Limits, decide};
use firn::alert::send::mail::{MailSender, Settings, Tls};
use firn::alert::send::{Sender as _, Sent};
use firn::base::secret::SecretRef;
use firn::base::{Severity, Time};
use firn::store::{AlertView, NoticeRow};

use crate::kit::{message, origin};
use crate::smtp::{Mood, NOBODY, Smtp, Step};

pub fn settings(port: u16) -> Settings {
    Settings {
        server: "127.0.0.1".to_owned(),
        port,
        tls: Tls::Never,
        insecure: false,
        login: None,
        from: "firn@example.org".to_owned(),
        to: vec!["ops@example.org".to_owned(), "night@example.org".to_owned()],
        ca: None,
    }
}

fn sender(port: u16) -> MailSender {
    MailSender::new(settings(port), "alpha").unwrap()
}

#[tokio::test]
async fn a_mail_arrives_and_says_who_what_and_when() {
    let server = Smtp::start();
    let made = message();
    assert_eq!(sender(server.port).send(&made).await, Ok(Sent::default()));
    let mail = server.mails().remove(0);
    assert_eq!(mail.from, "<firn@example.org>");
    assert_eq!(mail.to, ["<ops@example.org>", "<night@example.org>"]);
    assert_eq!(mail.header("From"), "firn <firn@example.org>");
    assert_eq!(mail.header("To"), "ops@example.org, night@example.org");
    assert_eq!(mail.header("Subject"), "[firn test] test of the sender mail");
    assert_eq!(mail.header("Message-ID"), format!("<{}@example.org>", made.id));
    assert_eq!(mail.header("Date"), "Mon, 12 Jan 1970 13:46:40 +0000");
    assert_eq!(mail.header("Content-Type"), "text/plain; charset=utf-8");
    assert_eq!(mail.body(), made.text);
    assert_eq!(server.desk.heard.lock().unwrap()[0], "EHLO alpha");
}

/// What objects are called comes from outside: no header, no address and no end of the text can be made of it.
#[tokio::test]
async fn a_finding_cannot_write_headers_or_end_the_mail() {
    let notice = NoticeRow {
        rule: "source.root".to_owned(),
        object: "ugc\r\nBcc: everybody@example.org".to_owned(),
        scope: String::new(),
        severity: Severity::Critical,
        worst: Severity::Critical,
        value: "é\r\n.\r\nRCPT TO:<x@example.org>".to_owned(),
        limit: ".".to_owned(),
        since: Time::from_secs(0),
        seen_at: Time::from_secs(0),
        next_step: "mount it".to_owned(),
        ack_until: None,
    };
    let now = Time::from_secs(60);
    let (turns, told) = (Vec::new(), Vec::new());
    let view = AlertView { now, notices: vec![notice], turns, told, teller: None, pending: None };
    let hour = Duration::from_hours(1);
    let limits = Limits { least: Severity::Unknown, critical: hour, other: hour, digest: hour };
    let made = compose(&decide("mail", &view, &limits).unwrap(), "mail", &origin(), &view.notices, now);
    let server = Smtp::start();
    sender(server.port).send(&made).await.unwrap();
    let mails = server.mails();
    assert_eq!((mails.len(), mails[0].to.len()), (1, 2));
    let head = mails[0].text.split_once("\r\n\r\n").unwrap().0;
    assert!(!head.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{head}");
    assert!(head.lines().all(|line| line.len() < 998), "{head}");
    let body = mails[0].body();
    assert!(body.contains("  found    é\\x0d\\x0a.\\x0d\\x0aRCPT TO:<x@example.org>\n  limit    .\n"), "{body}");
}

#[tokio::test]
async fn a_refusal_says_at_which_step_and_in_whose_words() {
    let cases = [
        (Step::Connect, "554 not you", "the connection"),
        (Step::Hello, "550 who are you", "the connection"),
        (Step::Sender, "451 4.7.1 later, \x1b[2Jplease", "the sender firn@example.org"),
        (Step::Sender, "550 5.7.1 not from there", "the sender firn@example.org"),
        (Step::Recipient, "450 4.2.0 greylisted", "the recipient ops@example.org"),
        (Step::Recipient, "550 5.1.1 unknown", "the recipient night@example.org"),
        (Step::Data, "452 4.3.1 full", "DATA"),
        (Step::Text, "451 4.3.0 try again", "the text"),
        (Step::Text, "554 5.6.0 looks like spam", "the text"),
    ];
    let server = Smtp::start();
    for (step, reply, place) in cases {
        server.feels(Mood::Says(step, reply.to_owned()));
        let error = sender(server.port).send(&message()).await.unwrap_err();
        let words = reply[4..].replace('\x1b', "\\x1b");
        let begin = format!("mail to 127.0.0.1:{}: ", server.port);
        assert!(error.text.starts_with(&begin), "{step:?}: {error}");
        assert!(error.text.contains(&format!("{place}: ")) && error.text.contains(&words), "{step:?} {reply}: {error}");
        assert!(error.certain, "{step:?}: {error}");
    }
    assert!(server.mails().is_empty());
    server.feels(Mood::Well);
    sender(server.port).send(&message()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_or_closes_is_left_and_only_after_the_text_may_it_have_the_mail() {
    let steps = [Step::Connect, Step::Hello, Step::Sender, Step::Recipient, Step::Data, Step::Text];
    let server = Smtp::start();
    for step in steps {
        server.feels(Mood::Hangs(step));
        let sender = sender(server.port).within(Duration::from_millis(300));
        let error = sender.send(&message()).await.unwrap_err();
        assert!(error.text.ends_with(": no end: it took longer than 0.3 s"), "{step:?}: {error}");
        assert_eq!(error.certain, step != Step::Text, "{step:?}: {error}");
    }
    assert_eq!(server.mails().len(), 1, "the one that hung after the text");
    for step in steps {
        server.feels(Mood::Closes(step));
        let error = sender(server.port).send(&message()).await.unwrap_err();
        assert!(
            error.text.contains("incomplete response") || error.text.contains("network error"),
            "{step:?}: {error}"
        );
        assert_eq!(error.certain, step != Step::Text, "{step:?}: {error}");
    }
    server.feels(Mood::Babbles);
    let error = sender(server.port).send(&message()).await.unwrap_err();
    assert!(error.text.contains("the connection: response error") && error.text.len() < 500, "{error}");
}

#[tokio::test]
async fn a_recipient_who_is_refused_does_not_keep_the_mail_from_the_other() {
    let server = Smtp::start();
    server.feels(Mood::Knows("night"));
    let sent = sender(server.port).send(&message()).await.unwrap();
    let but = sent.but.unwrap();
    assert!(but.contains("the recipient ops@example.org: ") && but.contains("no such person"), "{but}");
    assert_eq!(server.mails()[0].to, ["<night@example.org>"]);
    server.feels(Mood::Knows("nobody"));
    let error = sender(server.port).send(&message()).await.unwrap_err();
    assert!(error.certain && error.text.matches("no such person").count() == 2, "{error}");
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn nobody_listens() {
    let error = sender(NOBODY).send(&message()).await.unwrap_err();
    assert!(error.certain && error.text.contains("the connection: ") && error.text.contains("refused"), "{error}");
}

#[tokio::test]
async fn it_logs_in_with_a_password_that_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pw"), "hunter2\n").unwrap();
    let server = Smtp::start();
    let login = Some(("kim".to_owned(), SecretRef::File(dir.path().join("pw"))));
    let made = MailSender::new(Settings { login, ..settings(server.port) }, "alpha").unwrap();
    made.send(&message()).await.unwrap();
    let heard = server.desk.heard.lock().unwrap().clone();
    let expected = format!("AUTH PLAIN {}", data_encoding::BASE64.encode(b"\0kim\0hunter2"));
    assert!(heard.contains(&expected), "{heard:?}");
    server.feels(Mood::Says(Step::Auth, "535 5.7.8 wrong".to_owned()));
    let error = made.send(&message()).await.unwrap_err();
    assert!(error.certain && error.text.contains("the login: ") && error.text.contains("5.7.8 wrong"), "{error}");
    assert!(!error.text.contains("hunter2") && !error.text.contains("aHVudGVyMg"), "{error}");
    std::fs::remove_file(dir.path().join("pw")).unwrap();
    let error = made.send(&message()).await.unwrap_err();
    assert!(error.certain && error.text.starts_with("[alert] mail_password: cannot read the secret file "), "{error}");
}

#[test]
fn what_cannot_be_mailed_is_refused_before_anything_is_connected_to() {
    let refused = |settings| MailSender::new(settings, "alpha").err().unwrap().to_string();
    let open = Settings { server: "mx.example.org".to_owned(), ..settings(25) };
    assert_eq!(
        refused(open.clone()),
        "[alert] mail_tls is \"none\" and the server mx.example.org is another host; use \"starttls\" or \"tls\", or \"insecure\" to send mail that anybody on the way can read and change"
    );
    assert!(MailSender::new(Settings { insecure: true, ..open }, "alpha").is_ok());
    let wrong = Settings { from: "firn".to_owned(), ..settings(25) };
    assert!(refused(wrong).starts_with("[alert] mail_from: \"firn\" is no mail address ("));
    let wrong = Settings { to: vec!["a@example.org>\r\nDATA".to_owned()], ..settings(25) };
    assert!(refused(wrong).starts_with("[alert] mail_to: \"a@example.org>\\x0d\\x0aDATA\" is no mail address ("));
    assert_eq!(
        refused(Settings { to: Vec::new(), ..settings(25) }),
        "[alert] mail_to names nobody; write one address or more, comma-separated"
    );
}
