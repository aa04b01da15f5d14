//! A small SMTP server that does as it is told: takes mail, refuses at any step, hangs, closes half way.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A port at which nobody listens: tcpmux, which is not in use anywhere.
pub const NOBODY: u16 = 1;

/// Where in the conversation something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Connect,
    Hello,
    Auth,
    Sender,
    Recipient,
    Data,
    /// After the text.
    Text,
}

/// How the server is disposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Gives this answer at that step.
    Says(Step, String),
    /// Never answers at that step; a text it has taken.
    Hangs(Step),
    Closes(Step),
    /// Refuses one recipient.
    Knows(&'static str),
    /// Answers without end.
    Babbles,
}

/// A mail that came.
#[derive(Debug, Clone)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// As it came, without the dots that were doubled.
    pub text: String,
}

impl Mail {
    /// A header's value; folded lines are joined.
    #[track_caller]
    pub fn header(&self, name: &str) -> String {
        let head = self.text.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ");
        let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
        found.unwrap_or_else(|| panic!("no {name} in:\n{head}"))
    }

    /// Its text, decoded.
    pub fn body(&self) -> String {
        let body = self.text.split_once("\r\n\r\n").unwrap().1.replace("\r\n", "\n");
        match self.header("Content-Transfer-Encoding").as_str() {
            "7bit" | "8bit" => body,
            "quoted-printable" => quoted_printable(&body),
            "base64" => {
                let packed: String = body.split_whitespace().collect();
                String::from_utf8(data_encoding::BASE64.decode(packed.as_bytes()).unwrap()).unwrap()
            }
            other => panic!("{other}"),
        }
        .replace("\r\n", "\n")
    }
}

fn quoted_printable(text: &str) -> String {
    let joined = text.replace("=\n", "");
    let (mut bytes, mut rest) = (Vec::new(), joined.as_bytes());
    while let Some((first, more)) = rest.split_first() {
        if *first == b'=' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&more[..2]).unwrap(), 16).unwrap());
            rest = &more[2..];
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// What the server and its conversations share.
#[derive(Clone)]
pub struct Desk {
    pub mood: Arc<Mutex<Mood>>,
    pub mails: Arc<Mutex<Vec<Mail>>>,
    /// Lines that clients said.
    pub heard: Arc<Mutex<Vec<String>>>,
    /// Whether it can turn to TLS.
    pub starttls: bool,
    /// While somebody holds it, a text that was taken has no answer.
    pub gate: Arc<Mutex<()>>,
}

impl Desk {
    pub fn new() -> Self {
        let mood = Arc::new(Mutex::new(Mood::Well));
        Self { mood, mails: Arc::default(), heard: Arc::default(), starttls: false, gate: Arc::default() }
    }

    fn mood(&self) -> Mood {
        self.mood.lock().unwrap().clone()
    }

    /// Answers at a step; whether the conversation goes on as usual.
    fn answer(&self, step: Step, usual: &str, out: &mut impl Write) -> std::io::Result<Turn> {
        match self.mood() {
            Mood::Says(at, reply) if at == step => {
                write!(out, "{reply}\r\n")?;
                out.flush()?;
                return Ok(Turn::Refused);
            }
            Mood::Hangs(at) if at == step => return Ok(Turn::Hang),
            Mood::Closes(at) if at == step => return Ok(Turn::Close),
            Mood::Babbles => {
                // Until the other side has had enough.
                while write!(out, "250-{}\r\n", "x".repeat(200)).and_then(|()| out.flush()).is_ok() {}
                return Ok(Turn::Close);
            }
            _ => {}
        }
        write!(out, "{usual}\r\n")?;
        out.flush()?;
        Ok(Turn::On)
    }

    /// One conversation; true when the client asked for TLS and was told to go ahead.
    pub fn converse(&self, input: &mut impl Read, out: &mut impl Write) -> std::io::Result<bool> {
        self.continued(input, out, true)
    }

    /// The same; after TLS has begun there is no greeting.
    pub fn continued(&self, input: &mut impl Read, out: &mut impl Write, greet: bool) -> std::io::Result<bool> {
        // Byte by byte: what follows STARTTLS belongs to TLS.
        let mut input = BufReader::with_capacity(1, input);
        let end = |turn: Turn, input: &mut dyn Read| {
            if turn == Turn::Hang {
                // Until the other side goes.
                let _ = std::io::copy(input, &mut std::io::sink());
            }
            turn == Turn::Hang || turn == Turn::Close
        };
        if greet && end(self.answer(Step::Connect, "220 test ESMTP", out)?, &mut input) {
            return Ok(false);
        }
        let (mut from, mut to) = (String::new(), Vec::new());
        let mut line = String::new();
        loop {
            line.clear();
            if input.read_line(&mut line)? == 0 {
                return Ok(false);
            }
            let said = line.trim_end().to_owned();
            self.heard.lock().unwrap().push(said.clone());
            let word = said.split([' ', ':']).next().unwrap().to_uppercase();
            let turn = match word.as_str() {
                "EHLO" => {
                    let more = if self.starttls && greet { "250-STARTTLS\r\n" } else { "" };
                    self.answer(Step::Hello, &format!("250-test\r\n250-8BITMIME\r\n{more}250 AUTH PLAIN LOGIN"), out)?
                }
                "STARTTLS" => {
                    write!(out, "220 go ahead\r\n")?;
                    out.flush()?;
                    return Ok(true);
                }
                "AUTH" => self.answer(Step::Auth, "235 welcome", out)?,
                "MAIL" => {
                    said[10..].clone_into(&mut from);
                    self.answer(Step::Sender, "250 fine", out)?
                }
                "RCPT" => {
                    let one = said[8..].to_owned();
                    if matches!(self.mood(), Mood::Knows(name) if !one.contains(name)) {
                        write!(out, "550 5.1.1 no such person\r\n")?;
                        out.flush()?;
                        continue;
                    }
                    to.push(one);
                    self.answer(Step::Recipient, "250 fine", out)?
                }
                "DATA" => {
                    let turn = self.answer(Step::Data, "354 go on", out)?;
                    if turn == Turn::On {
                        let text = text(&mut input)?;
                        let refused = matches!(self.mood(), Mood::Says(Step::Text, _) | Mood::Closes(Step::Text));
                        if !refused {
                            self.mails.lock().unwrap().push(Mail { from: from.clone(), to: to.clone(), text });
                        }
                        drop(self.gate.lock().unwrap());
                        self.answer(Step::Text, "250 taken", out)?
                    } else {
                        turn
                    }
                }
                "QUIT" => {
                    write!(out, "221 bye\r\n")?;
                    out.flush()?;
                    return Ok(false);
                }
                _ => {
                    write!(out, "500 what?\r\n")?;
                    out.flush()?;
                    Turn::Refused
                }
            };
            if end(turn, &mut input) {
                return Ok(false);
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    On,
    Refused,
    Hang,
    Close,
}

fn text(input: &mut impl std::io::BufRead) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

/// The server: listens until it is dropped.
pub struct Smtp {
    pub port: u16,
    pub desk: Desk,
    over: Arc<AtomicBool>,
}

impl Smtp {
    pub fn start() -> Self {
        Self::with(Desk::new())
    }

    pub fn with(desk: Desk) -> Self {
        Self::serving(desk, |desk, mut stream| {
            let mut input = stream.try_clone().unwrap();
            let _ = desk.converse(&mut input, &mut stream);
        })
    }

    /// Each connection is handed to `serve`, on a thread of its own.
    pub fn serving(desk: Desk, serve: impl Fn(Desk, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let over = Arc::new(AtomicBool::new(false));
        let (stop, shared, serve) = (Arc::clone(&over), desk.clone(), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (desk, serve) = (shared.clone(), Arc::clone(&serve));
                let stream = stream.unwrap();
                thread::spawn(move || serve(desk, stream));
            }
        });
        Self { port, desk, over }
    }

    pub fn feels(&self, mood: Mood) {
        *self.desk.mood.lock().unwrap() = mood;
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.desk.mails.lock().unwrap().clone()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}
