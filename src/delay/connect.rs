//! The line to a server. The driver is not safe to cancel: a connection whose statement was given up answers the next one
//! with the answer to that. So a statement takes the connection with it, every statement ends by itself, and only one that
//! was answered gives the connection back: what was given up, or broke, is closed.

mod abandoned;
mod answer;

use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, DriverError, Error, IoError, OptsBuilder, SslOpts};
use tokio::sync::Mutex;

use self::abandoned::Abandoned;
pub use self::answer::{Cut, MOST_VALUE, Table, digest};
use self::answer::{Fault, MOST_PACKET, read};
use crate::base::Shown;
use crate::base::secret::{SecretError, SecretRef};

/// How a line is kept from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// TLS; the certificate is checked against this authority (PEM), or the public ones.
    Required(Option<PathBuf>),
    /// TLS; the certificate is not checked.
    Insecure,
    /// In the open.
    Off,
}

/// A server, and who logs in.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The account.
    pub user: String,
    /// Where its password stands; it is read for every connection. Nothing: it has none.
    pub password: Option<SecretRef>,
    /// How the line is kept from others.
    pub tls: Tls,
    /// Statements that every connection begins with, such as `SET SESSION sql_log_bin=0`.
    pub begin: Vec<String>,
    /// A connection is there within this …
    pub connect_within: Duration,
    /// … and a statement answered within this.
    pub answer_within: Duration,
}

impl Server {
    /// With the usual time-outs: 2 s to connect, 3 s for a statement.
    pub fn new(
        host: impl Into<String>,
        port: u16,
        user: impl Into<String>,
        password: Option<SecretRef>,
        tls: Tls,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            user: user.into(),
            password,
            tls,
            begin: Vec::new(),
            connect_within: Duration::from_secs(2),
            answer_within: Duration::from_secs(3),
        }
    }
}

/// What a server answered, or that it did not.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is no password.
    #[error("no password for {account}: {source}")]
    NoPassword {
        /// The account.
        account: String,
        /// Why.
        source: SecretError,
    },
    /// The certificate authority cannot be read.
    #[error("cannot read tls_ca {}: {source}", Shown::path(.path))]
    NoAuthority {
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nobody answers.
    #[error("{server} does not answer within {within:?}; is it up, and does a firewall let firn's host through?")]
    Silent {
        /// The server.
        server: String,
        /// The limit.
        within: Duration,
    },
    /// It cannot be reached.
    #[error("cannot reach {server}: {why}")]
    Unreachable {
        /// The server.
        server: String,
        /// What the system said.
        why: String,
    },
    /// It speaks no TLS.
    #[error("{server} speaks no TLS; give it a certificate, or set tls = \"off\" where nobody can listen")]
    NoTls {
        /// The server.
        server: String,
    },
    /// Its certificate is not what it should be.
    #[error(
        "no TLS with {server}: {why}; name the authority that signed its certificate as tls_ca, or set tls = \"insecure\""
    )]
    Tls {
        /// The server.
        server: String,
        /// What was wrong.
        why: String,
    },
    /// It lets nobody in, or not this account.
    #[error("{server} refuses {account}: error {code}: {why}{mend}")]
    Refused {
        /// The server.
        server: String,
        /// The account.
        account: String,
        /// Its error.
        code: u16,
        /// Its words.
        why: String,
        /// What to do.
        mend: &'static str,
    },
    /// A statement was refused.
    #[error("{server}: {statement}: error {code}: {why}")]
    Failed {
        /// The server.
        server: String,
        /// Which statement.
        statement: &'static str,
        /// Its error.
        code: u16,
        /// Its words.
        why: String,
    },
    /// A statement was not answered.
    #[error("{server}: {statement} is not answered within {within:?}; the connection was given up")]
    TimedOut {
        /// The server.
        server: String,
        /// Which statement.
        statement: &'static str,
        /// The limit.
        within: Duration,
    },
    /// The connection broke.
    #[error("{server}: {statement}: the connection broke: {why}")]
    Broken {
        /// The server.
        server: String,
        /// Which statement.
        statement: &'static str,
        /// What was wrong.
        why: String,
    },
    /// The answer is too long.
    #[error("{server}: {statement} answers with more than {limit}; it is not read further")]
    TooMuch {
        /// The server.
        server: String,
        /// Which statement.
        statement: &'static str,
        /// How much is read.
        limit: &'static str,
    },
}

impl LinkError {
    /// The server's error number, where a server spoke.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } | Self::Failed { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// Characters that are kept of what a server says.
const MOST_WORDS: usize = 300;

/// The line to a server: a connection when there is one, made anew when there is none. One statement at a time; dropping
/// the future of one gives it up, with its connection.
#[derive(Debug)]
pub struct Link {
    server: Server,
    /// `host:port`, safe to show.
    shown: String,
    /// The account, safe to show.
    account: String,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    conn: Option<Conn>,
    /// A connection whose reading was given up: it may still wait there, and whoever comes each few seconds would pile up.
    abandoned: Option<Abandoned>,
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Work on a connection. Dropped before its end it is taken to a thread outside of the runtime: there the driver closes the
/// socket, where inside it would start a task that waits for the answer, for ever should the server be hung.
struct Held<T: 'static>(Option<Work<T>>);

impl<T: 'static> Drop for Held<T> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            throw(work);
        }
    }
}

impl<T: 'static> Future for Held<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<T> {
        let Some(work) = self.0.as_mut() else { return std::task::Poll::Pending };
        let polled = work.as_mut().poll(cx);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

/// Drops something outside of the runtime. Without a thread to be had it is dropped here.
fn throw(thing: impl Send + 'static) {
    // A handle that is dropped lets its thread go on.
    drop(std::thread::Builder::new().name("firn-hang-up".to_owned()).spawn(move || drop(thing)));
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(conn) = self.idle.get_mut().conn.take() {
            throw(conn);
        }
    }
}

impl Link {
    /// No connection yet.
    pub fn new(server: Server) -> Self {
        let host = if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
        let shown = format!("{}:{}", Shown::text(&host), server.port);
        let account = Shown::text(&server.user).to_string();
        Self { server, shown, account, idle: Mutex::default() }
    }

    /// `host:port`, safe to show.
    pub fn server(&self) -> &str {
        &self.shown
    }

    /// The account's name, safe to show.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Asks something that changes nothing. `name` is what errors call the statement.
    pub async fn ask(&self, name: &'static str, sql: &str) -> Result<Table, LinkError> {
        self.run(name, sql, true).await
    }

    /// Has something done that may be done twice: on a connection that broke meanwhile it is tried once more.
    pub async fn act(&self, name: &'static str, sql: &str) -> Result<(), LinkError> {
        self.run(name, sql, false).await.map(drop)
    }

    /// Says goodbye, if there is a connection.
    pub async fn close(&self) {
        let conn = self.idle.lock().await.conn.take();
        if let Some(conn) = conn {
            let work: Held<mysql_async::Result<()>> = Held(Some(Box::pin(conn.disconnect())));
            // It is closed either way.
            let _ = tokio::time::timeout(Duration::from_millis(500), work).await;
        }
    }

    async fn run(&self, name: &'static str, sql: &str, reads: bool) -> Result<Table, LinkError> {
        let mut idle = self.idle.lock().await;
        let old = idle.conn.take();
        let reused = old.is_some();
        let conn = match old {
            Some(conn) => conn,
            None => self.connect(&mut idle.abandoned).await?,
        };
        match self.once(&mut idle, conn, name, sql, reads).await {
            // A server may close what has been idle for long.
            Err(LinkError::Broken { .. }) if reused => {
                let conn = self.connect(&mut idle.abandoned).await?;
                self.once(&mut idle, conn, name, sql, reads).await
            }
            other => other,
        }
    }

    async fn once(
        &self,
        idle: &mut Idle,
        conn: Conn,
        name: &'static str,
        sql: &str,
        reads: bool,
    ) -> Result<Table, LinkError> {
        let within = self.server.answer_within;
        let sql = sql.to_owned();
        let id = conn.id();
        if reads {
            // Until it has been answered; whoever drops this future leaves it so.
            idle.abandoned = Some(Abandoned { id, statement: sql.clone() });
        }
        let work: Held<(Conn, Result<Table, Fault>)> = Held(Some(Box::pin(async move {
            let mut conn = conn;
            let answer = read(&mut conn, &sql).await;
            (conn, answer)
        })));
        let Ok((conn, answer)) = tokio::time::timeout(within, work).await else {
            return Err(LinkError::TimedOut { server: self.shown.clone(), statement: name, within });
        };
        idle.abandoned = None;
        match answer {
            Ok(table) => {
                idle.conn = Some(conn);
                Ok(table)
            }
            Err(fault) => {
                if let Fault::Driver(Error::Server(e)) = &fault
                    // The server ends the connection with these: shutdown, killed, idle for too long.
                    && !matches!(e.code, 1053 | 1927 | 3169 | 4031)
                {
                    idle.conn = Some(conn);
                } else {
                    throw(conn);
                }
                Err(self.failed(name, fault))
            }
        }
    }

    fn failed(&self, statement: &'static str, fault: Fault) -> LinkError {
        let server = self.shown.clone();
        match fault {
            Fault::TooMuch(limit) => LinkError::TooMuch { server, statement, limit },
            Fault::Driver(Error::Server(e)) if matches!(e.code, 1053 | 1927 | 3169 | 4031) => {
                LinkError::Broken { server, statement, why: format!("error {}: {}", e.code, words(&e.message)) }
            }
            Fault::Driver(Error::Server(e)) => {
                LinkError::Failed { server, statement, code: e.code, why: words(&e.message) }
            }
            Fault::Driver(other) => LinkError::Broken { server, statement, why: words(&other.to_string()) },
        }
    }

    async fn connect(&self, abandoned: &mut Option<Abandoned>) -> Result<Conn, LinkError> {
        let within = self.server.connect_within;
        let opts = self.opts()?;
        let (setup, old) = (self.setup(), abandoned.clone());
        let work: Held<mysql_async::Result<Conn>> = Held(Some(Box::pin(async move {
            let mut conn = Conn::new(opts).await?;
            for statement in setup {
                conn.query_drop(statement).await?;
            }
            // One's own connections may be ended without a privilege.
            if let Some(old) = old {
                old.end(&mut conn).await?;
            }
            Ok(conn)
        })));
        match tokio::time::timeout(within, work).await {
            Err(_) => Err(LinkError::Silent { server: self.shown.clone(), within }),
            Ok(Ok(conn)) => {
                *abandoned = None;
                Ok(conn)
            }
            Ok(Err(error)) => Err(self.refused(error)),
        }
    }

    fn opts(&self) -> Result<OptsBuilder, LinkError> {
        let password = self.server.password.as_ref().map(SecretRef::read).transpose();
        let password = password.map_err(|source| LinkError::NoPassword { account: self.account.clone(), source })?;
        let ssl = match &self.server.tls {
            Tls::Off => None,
            Tls::Required(None) => Some(SslOpts::default()),
            Tls::Required(Some(ca)) => {
                let pem = std::fs::read(ca).map_err(|source| LinkError::NoAuthority { path: ca.clone(), source })?;
                Some(SslOpts::default().with_root_certs(vec![pem.into()]).with_disable_built_in_roots(true))
            }
            Tls::Insecure => {
                Some(SslOpts::default().with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true))
            }
        };
        Ok(OptsBuilder::default()
            .ip_or_hostname(self.server.host.clone())
            .tcp_port(self.server.port)
            .user(Some(self.server.user.clone()))
            .pass(password.as_ref().map(|secret| secret.reveal().to_owned()))
            // A socket that the server names would be another way than the one that was asked for.
            .prefer_socket(false)
            .ssl_opts(ssl)
            .stmt_cache_size(0)
            .max_allowed_packet(Some(MOST_PACKET))
            .wait_timeout(Some(28_800))
            .tcp_keepalive(Some(Duration::from_secs(30))))
    }

    /// Times in UTC; every SELECT sees what is there now, whatever the server's default; and the server itself gives up what
    /// is not waited for any more (MariaDB: any statement; MySQL 5.7.8 and later: a SELECT).
    fn setup(&self) -> Vec<String> {
        let limit = self.server.answer_within.as_secs().saturating_add(1);
        let first = format!(
            "SET SESSION time_zone='+00:00', SESSION autocommit=1 /*M!100101 , SESSION max_statement_time={limit} */ \
             /*!50708 , SESSION max_execution_time={} */",
            limit.saturating_mul(1000)
        );
        std::iter::once(first).chain(self.server.begin.iter().cloned()).collect()
    }

    fn refused(&self, error: Error) -> LinkError {
        let server = self.shown.clone();
        match error {
            Error::Server(e) => LinkError::Refused {
                server,
                account: self.account.clone(),
                code: e.code,
                why: words(&e.message),
                mend: mend(e.code),
            },
            Error::Driver(DriverError::NoClientSslFlagFromServer) => LinkError::NoTls { server },
            Error::Io(IoError::Tls(e)) => LinkError::Tls { server, why: words(&e.to_string()) },
            // What rustls finds in the handshake arrives as an error of the stream.
            Error::Io(IoError::Io(e)) if e.kind() == std::io::ErrorKind::InvalidData => {
                LinkError::Tls { server, why: words(&e.to_string()) }
            }
            Error::Io(IoError::Io(e)) => LinkError::Unreachable { server, why: words(&e.to_string()) },
            other => LinkError::Unreachable { server, why: words(&other.to_string()) },
        }
    }
}

/// What to do about a server that lets nobody in.
fn mend(code: u16) -> &'static str {
    match code {
        1045 | 1698 => "; check the account's password and the host it may come from",
        1130 => "; create the account for firn's host",
        1129 => "; `FLUSH HOSTS` there unblocks this host",
        1040 | 1203 | 1226 => "; too many are connected",
        1820 | 1862 => "; the account's password has expired",
        3118 | 4151 => "; unlock the account",
        3159 => "; the server wants TLS: set tls = \"required\"",
        1227 => {
            "; it may not set what its session needs: for sql_log_bin that is BINLOG ADMIN on MariaDB, \
             SESSION_VARIABLES_ADMIN on MySQL, SUPER on versions before them"
        }
        _ => "",
    }
}

/// What a server said: bounded, safe to show.
pub(super) fn words(text: &str) -> String {
    let mut cut: String = text.chars().take(MOST_WORDS).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    Shown::text(cut.trim()).to_string()
}
