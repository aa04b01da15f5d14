//! One connection to one node. What was asked and not answered in time ends the connection: a late answer never answers
//! the next question. Errors are handed on as they were answered; nothing is redirected, nothing tried elsewhere.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::addr::NodeAddr;
use super::resp::{Bounds, Reader, RespError, Value, request};
use super::tls::{Tls, server_name};
use super::trouble::Trouble;
use crate::base::secret::SecretRef;
use crate::base::task;

/// Who asks, and how: the same for every node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user of redis 6 and later; nothing: `default`.
    pub user: Option<String>,
    /// Where the password stands; it is read for every connection. Nothing: nobody logs in.
    pub password: Option<SecretRef>,
    /// How lines are kept from others.
    pub tls: Tls,
    /// A connection is there within this …
    pub connect_within: Duration,
    /// … and a round trip done within this.
    pub answer_within: Duration,
    /// How much of an answer is kept.
    pub bounds: Bounds,
    /// Whether it says who it is (`CLIENT SETNAME`, `CLIENT NO-EVICT`); a dtm-redis session does not know these.
    pub named: bool,
}

impl Default for Account {
    /// Nobody, in the open, with a second for each.
    fn default() -> Self {
        Self {
            user: None,
            password: None,
            tls: Tls::Off,
            connect_within: Duration::from_secs(1),
            answer_within: Duration::from_secs(1),
            bounds: Bounds::MONITOR,
            named: true,
        }
    }
}

/// Questions of one round trip. It may hold a password: it does not show what is in it.
#[derive(Clone, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    count: usize,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Batch {
    /// Of these, each a command with its arguments.
    pub fn of(commands: &[&[&str]]) -> Self {
        let mut batch = Self::default();
        for command in commands {
            batch.push(command);
        }
        batch
    }

    /// And this.
    pub fn push<A: AsRef<[u8]>>(&mut self, command: &[A]) {
        request(&mut self.bytes, command);
        self.count += 1;
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// What is below it.
    fn tcp(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Stream for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// A connection on which nothing is outstanding.
pub struct Conn {
    stream: Box<dyn Stream>,
    bounds: Bounds,
    /// Still to be asked before anything else, together with it: who it is.
    greeting: Option<Greeting>,
}

/// What a connection begins with. It goes out with the first questions: that saves a round trip.
#[derive(Debug, Default)]
struct Greeting {
    batch: Batch,
    /// Whether the first of it logs in. What follows may be refused.
    logs_in: bool,
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conn").field("greeting", &self.greeting).finish_non_exhaustive()
    }
}

/// Bytes read at a time.
const CHUNK: usize = 16 << 10;
/// Messages of a server that nobody asked for, within one round trip.
const PUSHES: usize = 1_000;

impl Conn {
    /// One to the first of these places that takes it. TLS is spoken within `answer_within`: a hung node's kernel takes
    /// connections, too.
    pub async fn open(addr: &NodeAddr, places: &[SocketAddr], account: &Account) -> Result<Self, Trouble> {
        let greeting = greeting(account).await?;
        let stream = connect(places, account.connect_within).await?;
        // It is asked in one piece; a socket without this is as good, if slower.
        let _ = stream.set_nodelay(true);
        let stream: Box<dyn Stream> = match &account.tls {
            Tls::Off => Box::new(stream),
            Tls::On(ways) => {
                let ways = ways.clone();
                let config = blocking(move || ways.config()).await??;
                let name: ServerName<'static> = server_name(addr.host())?;
                let shaken = timeout(account.answer_within, TlsConnector::from(config).connect(name, stream)).await;
                let stream = shaken.map_err(|_| Trouble::Silent(account.answer_within))?;
                Box::new(stream.map_err(|why| of_tls(&why))?)
            }
        };
        Ok(Self { stream, bounds: account.bounds, greeting: Some(greeting) })
    }

    /// Asks, and gives the connection back when it is as good as before. Each question has an answer of its own, errors
    /// among them; dropped before its end it closes the connection.
    pub async fn ask(mut self, batch: &Batch, within: Duration) -> Result<(Vec<Value>, Self), Trouble> {
        let greeting = self.greeting.take().unwrap_or_default();
        let expected = greeting.batch.len() + batch.len();
        let bytes = [greeting.batch.bytes.as_slice(), batch.bytes.as_slice()].concat();
        let mut answers = Vec::with_capacity(expected);
        let round = self.round(&bytes, expected, &mut answers);
        let done = timeout(within, round).await.map_err(|_| Trouble::Silent(within)).flatten();
        if let Err(why) = done {
            return Err(ended(why, &answers));
        }
        let mut first = answers.drain(..greeting.batch.len());
        if let Some(Value::Error(text)) = first.next().filter(|_| greeting.logs_in) {
            return Err(Trouble::of_login(&String::from_utf8_lossy(&text)));
        }
        drop(first);
        Ok((answers, self))
    }

    /// Whether the other side has closed it, as the system of a process that dies does. It asks nobody, and waits for nothing.
    pub fn is_cut(&self) -> bool {
        let mut byte = [0; 1];
        let mut peeked = ReadBuf::new(&mut byte);
        match self.stream.tcp().poll_peek(&mut Context::from_waker(Waker::noop()), &mut peeked) {
            Poll::Ready(Ok(got)) => got == 0,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        }
    }

    async fn round(&mut self, bytes: &[u8], expected: usize, answers: &mut Vec<Value>) -> Result<(), Trouble> {
        // A server that takes no more clients says so and closes; what it said is read even where writing fails.
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        let written = written.await;
        let mut reader = Reader::new(self.bounds);
        let (mut chunk, mut pushes) = (vec![0; CHUNK], 0);
        while answers.len() < expected {
            match reader.read().map_err(of_wire)? {
                Some(Value::Push(_)) if pushes < PUSHES => pushes += 1,
                Some(value) => answers.push(value),
                None => {
                    let got = self.stream.read(&mut chunk).await.map_err(|why| of_io(&why))?;
                    if got == 0 {
                        return Err(Trouble::Closed);
                    }
                    reader.feed(&chunk[..got]);
                }
            }
        }
        written.map_err(|why| of_io(&why))?;
        if reader.is_empty() {
            Ok(())
        } else {
            Err(Trouble::Odd { what: "firn's questions", found: "more than one answer each".to_owned() })
        }
    }
}

/// Why it ended: a server that lets nobody in says why and closes, and what it says stands where an answer should.
fn ended(why: Trouble, answers: &[Value]) -> Trouble {
    match (&why, answers.last()) {
        (Trouble::Closed, Some(Value::Error(text))) => Trouble::of_error(&String::from_utf8_lossy(text)),
        _ => why,
    }
}

/// Work that reads files, off the runtime's threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Trouble> {
    task::blocking(work).await.map_err(|why| Trouble::Own(why.to_string()))
}

async fn greeting(account: &Account) -> Result<Greeting, Trouble> {
    let mut greeting = Greeting::default();
    if let Some(password) = account.password.clone() {
        let secret = blocking(move || password.read()).await?.map_err(|why| Trouble::Own(why.to_string()))?;
        // With a password alone, servers before redis 6 take it, too.
        match account.user.as_deref() {
            Some(user) => greeting.batch.push(&["AUTH", user, secret.reveal()]),
            None => greeting.batch.push(&["AUTH", secret.reveal()]),
        }
        greeting.logs_in = true;
    }
    if account.named {
        greeting.batch.push(&["CLIENT", "SETNAME", "firn"]);
        greeting.batch.push(&["CLIENT", "NO-EVICT", "on"]);
    }
    Ok(greeting)
}

/// The first that takes a connection; each place has its share of the time that is left.
async fn connect(places: &[SocketAddr], within: Duration) -> Result<TcpStream, Trouble> {
    let mut last = Trouble::Own("there is no address to connect to".to_owned());
    let shares = u32::try_from(places.len()).unwrap_or(u32::MAX).max(1);
    for place in places {
        match timeout(within / shares, TcpStream::connect(place)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(why)) => match of_connect(&why, within) {
                // A place that this host cannot try says nothing of one that it has tried.
                Trouble::Own(_) if !matches!(last, Trouble::Own(_)) => {}
                why => last = why,
            },
            Err(_) => last = Trouble::Connect(within),
        }
    }
    Err(last)
}

/// Addresses that are tried of one name.
pub const PLACES: usize = 4;

/// Where a name leads.
pub async fn resolve(addr: NodeAddr) -> Result<Vec<SocketAddr>, Trouble> {
    if let Some(ip) = addr.ip() {
        return Ok(vec![SocketAddr::new(ip, addr.port())]);
    }
    let failed = |why: String| Trouble::Resolve { host: addr.host().to_owned(), why };
    let found = tokio::net::lookup_host((addr.host(), addr.port())).await.map_err(|why| failed(plain(&why)))?;
    let found: Vec<SocketAddr> = found.take(PLACES).collect();
    if found.is_empty() { Err(failed("it has no address".to_owned())) } else { Ok(found) }
}

/// The words of the system without the number behind them.
fn plain(why: &io::Error) -> String {
    let text = why.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_owned()
}

fn of_connect(why: &io::Error, within: Duration) -> Trouble {
    use io::ErrorKind as Kind;
    match why.kind() {
        Kind::ConnectionRefused => Trouble::Refused,
        Kind::TimedOut => Trouble::Connect(within),
        Kind::ConnectionReset | Kind::ConnectionAborted => Trouble::Closed,
        Kind::NetworkUnreachable | Kind::HostUnreachable | Kind::NetworkDown => Trouble::Network(plain(why)),
        // No descriptor, no port, no memory, or a rule of this host's own: that says nothing of the node.
        _ => Trouble::Own(plain(why)),
    }
}

fn of_io(why: &io::Error) -> Trouble {
    use io::ErrorKind as Kind;
    match why.kind() {
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof
        | Kind::NotConnected => Trouble::Closed,
        Kind::InvalidData => Trouble::Tls(plain(why)),
        _ => Trouble::Network(plain(why)),
    }
}

fn of_tls(why: &io::Error) -> Trouble {
    let ended = matches!(why.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset);
    let text = plain(why);
    let mend = if ended || text.contains("corrupt message") {
        "; does the server speak TLS on this port?"
    } else if text.contains("UnknownIssuer") || text.contains("SelfSigned") {
        "; name the authority that signed its certificate as tls_ca"
    } else if text.contains("not valid for name") || text.contains("NotValidForName") {
        "; have the certificate name this address, or check the signer alone (tls = \"signer\")"
    } else {
        ""
    };
    Trouble::Tls(format!("{text}{mend}"))
}

/// A TLS server answers what is no TLS with an alert: 21, and the version 3.x.
fn of_wire(why: RespError) -> Trouble {
    match &why {
        RespError::Begin { begin } if begin.as_bytes().starts_with(&[0x15, 0x03]) => {
            Trouble::Tls("the server speaks TLS on this port, and tls is off here".to_owned())
        }
        _ => Trouble::Wire(why),
    }
}
