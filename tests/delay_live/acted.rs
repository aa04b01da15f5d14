//! A server that is acted: it speaks the protocol of MySQL as far as a probe needs it (the manual's "Client/Server
//! Protocol": the handshake, `COM_QUERY` and text results), and answers what it is told to.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// An answer.
pub enum Answer {
    /// It is done.
    Done,
    /// Columns and rows; nothing: NULL.
    Rows(Vec<String>, Vec<Vec<Option<String>>>),
    /// It is refused: an error's number and text.
    Refused(u16, String),
}

/// What a server says to a statement.
pub type Says = dyn Fn(&str) -> Answer + Send + Sync;

/// Begins to serve on a port of its own, for as long as the process lives.
pub fn serve(version: &str, says: Arc<Says>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, version) = (listener.local_addr().unwrap().port(), version.to_owned());
    std::thread::spawn(move || {
        for (number, stream) in (1..).zip(listener.incoming()) {
            let (says, version) = (Arc::clone(&says), version.clone());
            // One that goes away in the middle of a word is no matter.
            std::thread::spawn(move || stream.and_then(|stream| talk(stream, number, &version, &*says)));
        }
    });
    port
}

/// `LONG_PASSWORD`, `LONG_FLAG`, `PROTOCOL_41`, `TRANSACTIONS`, `SECURE_CONNECTION`, `PLUGIN_AUTH`.
const CAPABILITIES: u32 = 0x1 | 0x4 | 0x200 | 0x2000 | 0x8000 | 0x8_0000;
/// `SERVER_STATUS_AUTOCOMMIT`
const STATUS: [u8; 2] = [2, 0];

fn talk(mut stream: TcpStream, number: u32, version: &str, says: &Says) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let [low0, low1, high0, high1] = CAPABILITIES.to_le_bytes();
    let mut hello = vec![10];
    hello.extend([version.as_bytes(), &[0], &number.to_le_bytes(), b"saltsalt", &[0, low0, low1, 33]].concat());
    hello.extend([&STATUS[..], &[high0, high1, 21], &[0; 10], b"saltsaltsalt\0", b"mysql_native_password\0"].concat());
    stream.write_all(&packet(0, &hello))?;
    // Whoever it is may come in.
    let (sequence, _) = read(&mut stream)?;
    stream.write_all(&packet(sequence + 1, &done()))?;
    loop {
        let (_, command) = read(&mut stream)?;
        match command.split_first() {
            Some((3, sql)) => stream.write_all(&answer(&says(&String::from_utf8_lossy(sql))))?,
            Some((1, _)) | None => return Ok(()),
            Some(_) => stream.write_all(&packet(1, &done()))?,
        }
    }
}

fn read(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 4];
    stream.read_exact(&mut head)?;
    let mut body = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16];
    stream.read_exact(&mut body)?;
    Ok((head[3], body))
}

fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let [a, b, c, ..] = u32::try_from(body.len()).unwrap().to_le_bytes();
    [&[a, b, c, sequence], body].concat()
}

fn done() -> Vec<u8> {
    [&[0, 0, 0], &STATUS[..], &[0, 0]].concat()
}

fn end() -> Vec<u8> {
    [&[0xfe, 0, 0], &STATUS[..]].concat()
}

/// A text with its length before it.
fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut to = if length < 251 { text.len().to_le_bytes()[..1].to_vec() } else { vec![0xfc] };
    if length >= 251 {
        to.extend(length.to_le_bytes());
    }
    to.extend(text.as_bytes());
    to
}

fn column(name: &str) -> Vec<u8> {
    let names = [text("def"), text(""), text(""), text(""), text(name), text(name)].concat();
    // UTF-8, at most 64 KiB, VAR_STRING.
    [&names[..], &[12, 33, 0, 0, 0, 1, 0, 0xfd, 0, 0, 0, 0, 0]].concat()
}

fn row(values: &[Option<String>]) -> Vec<u8> {
    values.iter().flat_map(|value| value.as_ref().map_or_else(|| vec![0xfb], |value| text(value))).collect()
}

fn answer(answer: &Answer) -> Vec<u8> {
    let bodies = match answer {
        Answer::Done => vec![done()],
        Answer::Refused(code, why) => {
            vec![[&[0xff], &code.to_le_bytes()[..], b"#42000", why.as_bytes()].concat()]
        }
        Answer::Rows(columns, rows) => {
            let count = vec![u8::try_from(columns.len()).unwrap()];
            let columns = columns.iter().map(|name| column(name));
            let rows = rows.iter().map(|values| row(values));
            std::iter::once(count).chain(columns).chain([end()]).chain(rows).chain([end()]).collect()
        }
    };
    bodies.iter().zip(1_u8..).flat_map(|(body, sequence)| packet(sequence, body)).collect()
}
