//! The dead-man's ping.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firn::alert::send::ping::Ping;
use firn::base::secret::SecretRef;

use crate::smtp::NOBODY;

/// A web server that gives one answer to everybody; nothing: it gives none.
pub struct Web {
    pub port: u16,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    pub fn answering(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut kept: Vec<TcpStream> = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut line = String::new();
                let _ = BufReader::new(stream.try_clone().unwrap()).read_line(&mut line);
                shared.lock().unwrap().push(line.trim_end().to_owned());
                match answer {
                    Some(answer) => {
                        let _ = write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    }
                    None => kept.push(stream),
                }
            }
        });
        Self { port, asked }
    }
}

/// A file that holds the address, as the configuration refers to it.
pub fn at(dir: &tempfile::TempDir, address: &str) -> SecretRef {
    std::fs::write(dir.path().join("ping"), address).unwrap();
    SecretRef::File(dir.path().join("ping"))
}

async fn ping(address: &str) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let ping = Ping::new(at(&dir, address), Duration::from_mins(5)).within(Duration::from_millis(500));
    ping.ping().await.map_err(|e| e.text)
}

#[tokio::test]
async fn it_asks_for_the_address_and_shows_only_its_host() {
    let web = Web::answering(Some("200 OK"));
    ping(&format!("http://127.0.0.1:{}/secret-uuid?x=1\n", web.port)).await.unwrap();
    assert_eq!(*web.asked.lock().unwrap(), ["GET /secret-uuid?x=1 HTTP/1.1"]);
    let (away, silent, gone) = (Web::answering(Some("503 Busy")), Web::answering(None), NOBODY);
    let loops = Web::answering(Some("302 Found\r\nLocation: /secret-round"));
    let garbage = Web::answering(Some("\x1b[2J"));
    for (port, path, told) in [
        (away.port, "", "the server answered with status 503"),
        (silent.port, "", "no answer within 0.5 s"),
        (gone, "", "Connection refused"),
        (loops.port, "", "it was sent on more than 3 times, or to nowhere"),
        (garbage.port, "", "the answer is not HTTP"),
        (away.port, "%%", "the server answered with status 503"),
    ] {
        let error = ping(&format!("http://127.0.0.1:{port}/secret-uuid{path}")).await.unwrap_err();
        let begin = format!("ping of 127.0.0.1:{port}: ");
        assert!(error.starts_with(&begin) && error.contains(told), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_address_is_not_repeated() {
    for address in ["hunter2", "ftp://host/hunter2", "http:///hunter2"] {
        let error = ping(address).await.unwrap_err();
        assert!(error.starts_with("[alert] ping_url: what it points at is no address such as "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let missing = Ping::new(SecretRef::Env("NO_SUCH_VARIABLE_HERE".to_owned()), Duration::from_mins(5));
    let error = missing.ping().await.unwrap_err();
    assert!(
        error.text.starts_with("[alert] ping_url: the environment variable NO_SUCH_VARIABLE_HERE is not set"),
        "{error}"
    );
}
