//! Mail over TLS, from the first byte and after STARTTLS, with a certificate of the test's own (made by `openssl`, whose
//! `s_server` speaks TLS here: the conversation goes through its standard input and output).

use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use firn::alert::send::Sender as _;
use firn::alert::send::mail::{MailSender, Settings, Tls};

use crate::kit::{eventually, message};
use crate::mail::settings;
use crate::smtp::{Desk, Smtp};

/// A certificate for `localhost` and its key, in a folder.
fn certificate(dir: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(dir)
        .output()
        .expect("openssl is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

struct TlsDoor {
    child: Child,
    port: u16,
}

impl Drop for TlsDoor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// TLS at a port; what is said inside is the desk's.
fn door(dir: &Path, desk: &Desk, greet: bool) -> TlsDoor {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = Command::new("openssl")
        .args(["s_server", "-quiet", "-accept", &format!("127.0.0.1:{port}"), "-cert", "cert.pem", "-key", "key.pem"])
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut out, mut input) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let desk = desk.clone();
    std::thread::spawn(move || {
        while desk.continued(&mut input, &mut out, greet).is_ok() {
            if desk.mails.lock().unwrap().len() >= 2 {
                return;
            }
        }
    });
    eventually("openssl listens", || {
        // By its table of sockets: a connection would be taken for a client's.
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        table.contains(&format!("0100007F:{port:04X} 00000000:0000 0A")).then_some(())
    });
    TlsDoor { child, port }
}

fn over(tls: Tls, port: u16, ca: Option<&Path>) -> MailSender {
    let server = "localhost".to_owned();
    let settings = Settings { server, tls, ca: ca.map(Path::to_owned), ..settings(port) };
    MailSender::new(settings, "alpha").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_byte_it_trusts_the_certificates_it_is_given_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    certificate(dir.path());
    let ca = dir.path().join("cert.pem");
    let desk = Desk::new();
    let door = door(dir.path(), &desk, true);
    over(Tls::Wrapped, door.port, Some(&ca)).send(&message()).await.unwrap();
    assert_eq!(desk.mails.lock().unwrap()[0].body(), message().text);
    let error = over(Tls::Wrapped, door.port, None).send(&message()).await.unwrap_err();
    assert!(error.certain && error.text.contains("the connection: ") && error.text.contains("certificate"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn starttls_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    certificate(dir.path());
    let ca = dir.path().join("cert.pem");
    let inner = Desk::new();
    let door = door(dir.path(), &inner, false);
    let front = Desk { starttls: true, ..Desk::new() };
    let port = door.port;
    let server = Smtp::serving(front.clone(), move |desk, mut stream| {
        let mut input = stream.try_clone().unwrap();
        if desk.converse(&mut input, &mut stream).is_ok_and(|tls| tls) {
            relay(&stream, &TcpStream::connect(("127.0.0.1", port)).unwrap());
        }
    });
    over(Tls::StartTls, server.port, Some(&ca)).send(&message()).await.unwrap();
    assert_eq!(inner.mails.lock().unwrap().len(), 1);
    assert_eq!(*front.heard.lock().unwrap(), ["EHLO alpha", "STARTTLS"], "nothing else in the open");
    let error = over(Tls::StartTls, server.port, None).send(&message()).await.unwrap_err();
    assert!(error.certain && error.text.contains("STARTTLS: ") && error.text.contains("certificate"), "{error}");
    // A server that has no TLS, or from whose greeting it was taken away, gets nothing.
    let plain = Smtp::start();
    let error = over(Tls::StartTls, plain.port, Some(&ca)).send(&message()).await.unwrap_err();
    assert!(error.certain && error.text.contains("STARTTLS is not supported on this server"), "{error}");
    assert!(plain.mails().is_empty());
}

#[tokio::test]
async fn a_file_of_certificates_that_holds_none_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    for (text, why) in [(None, "No such file"), (Some("hello"), "no BEGIN CERTIFICATE in it")] {
        if let Some(text) = text {
            std::fs::write(&path, text).unwrap();
        }
        let error = over(Tls::Wrapped, 1, Some(&path)).send(&message()).await.unwrap_err();
        let begin = format!("[alert] mail_ca: {} holds no certificates in PEM that can be used: ", path.display());
        assert!(error.text.starts_with(&begin) && error.text.contains(why), "{error}");
    }
}

/// Bytes both ways until one side ends.
fn relay(a: &TcpStream, b: &TcpStream) {
    let (mut from, mut to) = (a.try_clone().unwrap(), b.try_clone().unwrap());
    let there = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut from, mut to) = (b.try_clone().unwrap(), a.try_clone().unwrap());
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
    there.join().unwrap();
}
