//! Servers that are none: a session as dtm-redis has them, and one between clients and a server that forgets to watch.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use firn::redis::resp::{Bounds, Reader, Value};

/// Requests of a connection, one after another; each is answered before the next is looked at.
fn serve(mut stream: TcpStream, mut answer: impl FnMut(&[Vec<u8>]) -> Option<Vec<u8>>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = Reader::new(Bounds::MONITOR);
    let mut chunk = [0; 4096];
    loop {
        while let Ok(Some(value)) = reader.read() {
            let words: Vec<Vec<u8>> =
                value.array().unwrap_or_default().iter().map(|word| word.bytes().unwrap().to_vec()).collect();
            let Some(bytes) = answer(&words) else { return };
            if stream.write_all(&bytes).is_err() {
                return;
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(n) => reader.feed(&chunk[..n]),
        }
    }
}

/// Listens for ever, a thread for each connection; the port.
fn listen<F>(each: F) -> u16
where
    F: Fn(TcpStream) + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let each = Arc::new(each);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let each = Arc::clone(&each);
            std::thread::spawn(move || each(stream));
        }
    });
    port
}

/// A value, and how often it was written.
type Versioned = (Vec<u8>, u64);

/// What sessions of one dtm-redis share.
#[derive(Default)]
pub struct Store {
    keys: Mutex<BTreeMap<Vec<u8>, Versioned>>,
    pub commands: Mutex<BTreeSet<String>>,
    pub aborts: Mutex<u64>,
    pub commits: Mutex<u64>,
}

impl Store {
    pub fn keys(&self) -> usize {
        self.keys.lock().unwrap().len()
    }

    fn version(&self, key: &[u8]) -> u64 {
        self.keys.lock().unwrap().get(key).map_or(0, |(_, version)| *version)
    }

    fn set(&self, key: &[u8], value: &[u8]) {
        let mut keys = self.keys.lock().unwrap();
        let version = keys.get(key).map_or(0, |(_, version)| *version) + 1;
        keys.insert(key.to_vec(), (value.to_vec(), version));
    }
}

/// A session: `GET`, `SET`, `DEL`, `WATCH`, `UNWATCH`, `MULTI`, `EXEC` and nothing else, an aborted `EXEC` answers `$-1`.
/// As it was seen of the real one.
pub fn dtm(store: &Arc<Store>) -> u16 {
    let store = Arc::clone(store);
    listen(move |stream| {
        let mut watched: Vec<(Vec<u8>, u64)> = Vec::new();
        let mut queued: Option<Vec<(Vec<u8>, Vec<u8>)>> = None;
        serve(stream, |words| {
            let name = String::from_utf8(words[0].clone()).unwrap();
            store.commands.lock().unwrap().insert(name.clone());
            let answer: Vec<u8> = match (name.as_str(), &words[1..]) {
                ("GET", [key]) => match store.keys.lock().unwrap().get(key) {
                    None => b"$-1\r\n".to_vec(),
                    Some((value, _)) => {
                        [format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n".as_slice()].concat()
                    }
                },
                ("SET", [key, value]) => {
                    if let Some(queued) = &mut queued {
                        queued.push((key.clone(), value.clone()));
                        b"+QUEUED\r\n".to_vec()
                    } else {
                        store.set(key, value);
                        b"+OK\r\n".to_vec()
                    }
                }
                ("DEL", [key]) => {
                    let was = store.keys.lock().unwrap().remove(key).is_some();
                    format!(":{}\r\n", u8::from(was)).into_bytes()
                }
                ("WATCH", [key]) => {
                    watched.push((key.clone(), store.version(key)));
                    b"+OK\r\n".to_vec()
                }
                ("UNWATCH", []) => {
                    watched.clear();
                    b"+OK\r\n".to_vec()
                }
                ("MULTI", []) => {
                    queued = Some(Vec::new());
                    b"+OK\r\n".to_vec()
                }
                ("EXEC", []) => {
                    // Nothing queued: the real one closes the connection.
                    let writes = queued.take().filter(|writes| !writes.is_empty())?;
                    let mut keys = store.keys.lock().unwrap();
                    let same = |(key, was): &(Vec<u8>, u64)| keys.get(key).map_or(0, |(_, now)| *now) == *was;
                    if watched.drain(..).all(|one| same(&one)) {
                        for (key, value) in &writes {
                            let version = keys.get(key).map_or(0, |(_, version)| *version) + 1;
                            keys.insert(key.clone(), (value.clone(), version));
                        }
                        *store.commits.lock().unwrap() += 1;
                        [format!("*{}\r\n", writes.len()).into_bytes(), b"+OK\r\n".repeat(writes.len())].concat()
                    } else {
                        *store.aborts.lock().unwrap() += 1;
                        b"$-1\r\n".to_vec()
                    }
                }
                _ => format!("-ERR unknown command '{name}'\r\n").into_bytes(),
            };
            Some(answer)
        });
    })
}

fn bytes_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => b"*-1\r\n".to_vec(),
        Value::Simple(text) => [b"+", text.as_slice(), b"\r\n"].concat(),
        Value::Error(text) => [b"-", text.as_slice(), b"\r\n"].concat(),
        Value::Integer(number) => format!(":{number}\r\n").into_bytes(),
        Value::Bulk(text) => [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat(),
        Value::Array(all) => {
            let each: Vec<u8> = all.iter().flat_map(bytes_of).collect();
            [format!("*{}\r\n", all.len()).into_bytes(), each].concat()
        }
        other => panic!("{other}"),
    }
}

/// Stands before a server and answers `WATCH` itself: transactions come through, and watch nothing.
pub fn forgetful(server: u16) -> u16 {
    listen(move |stream| {
        let mut to = crate::support::redis::Talk::at(server);
        serve(stream, |words| {
            if words[0] == b"WATCH" {
                return Some(b"+OK\r\n".to_vec());
            }
            let words: Vec<&str> = words.iter().map(|word| std::str::from_utf8(word).unwrap()).collect();
            Some(bytes_of(&to.ask(&words)))
        });
    })
}

/// Answers everything with the same bytes; where they are none, with nothing at all.
pub fn parrot(bytes: &'static [u8]) -> u16 {
    listen(move |mut stream| {
        let mut chunk = [0; 4096];
        while let Ok(n) = stream.read(&mut chunk) {
            if n == 0 || stream.write_all(bytes).is_err() {
                return;
            }
        }
    })
}

/// Passes everything on to a server until told to cut: then it closes a connection when `EXEC` was sent over it, once for each
/// number that is left, and swallows the answer. The last one is of an `EXEC` that was carried out.
pub fn cutting(server: u16, cuts: &Arc<Mutex<u32>>) -> u16 {
    let cuts = Arc::clone(cuts);
    listen(move |stream| {
        let mut to = crate::support::redis::Talk::at(server);
        serve(stream, |words| {
            let words: Vec<&str> = words.iter().map(|word| std::str::from_utf8(word).unwrap()).collect();
            let answer = to.ask(&words);
            if words[0] == "EXEC" {
                let mut left = cuts.lock().unwrap();
                if *left > 1 || (*left == 1 && answer != Value::Null) {
                    *left -= 1;
                    return None;
                }
            }
            Some(bytes_of(&answer))
        });
    })
}
