//! A plain connection beside the clients: to see that a host answers, for the slots of a cluster, and to remove keys.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use super::spec::Login;
use crate::redis::addr::NodeAddr;
use crate::redis::resp::{Bounds, Reader, Value, request};
use crate::redis::trouble::Trouble;

/// The addresses of a host.
pub(super) fn resolve(addr: &NodeAddr) -> Result<Vec<SocketAddr>, Trouble> {
    let failed = |why: String| Trouble::Resolve { host: addr.host().to_owned(), why };
    let all: Vec<SocketAddr> = match addr.ip() {
        Some(ip) => vec![SocketAddr::new(ip, addr.port())],
        None => (addr.host(), addr.port()).to_socket_addrs().map_err(|e| failed(e.to_string()))?.collect(),
    };
    if all.is_empty() { Err(failed("it has no address".to_owned())) } else { Ok(all) }
}

/// What a failed call says of a node.
pub(super) fn trouble(e: &std::io::Error, waited: Duration) -> Trouble {
    match e.kind() {
        ErrorKind::ConnectionRefused => Trouble::Refused,
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Trouble::Silent(waited),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Trouble::Closed,
        _ => Trouble::Network(e.to_string()),
    }
}

/// The request that logs in.
pub(super) fn auth(login: &Login) -> Vec<u8> {
    let mut bytes = Vec::new();
    match &login.user {
        Some(user) => request(&mut bytes, &["AUTH", user, login.password.reveal()]),
        None => request(&mut bytes, &["AUTH", login.password.reveal()]),
    }
    bytes
}

/// The connection. It blocks, for no longer than it is told.
#[derive(Debug)]
pub(super) struct Control {
    stream: TcpStream,
    reader: Reader,
    patience: Duration,
    /// Where it leads.
    pub(super) to: SocketAddr,
}

impl Control {
    /// Connects and logs in.
    pub(super) fn open(addr: &NodeAddr, login: Option<&Login>, patience: Duration) -> Result<Self, Trouble> {
        let mut last = Trouble::Refused;
        for to in resolve(addr)? {
            match Self::connect(to, patience) {
                Ok(stream) => return Self::begin(stream, to, login, patience),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    /// The same to where a node was found: its name may lead elsewhere by now.
    pub(super) fn at(to: SocketAddr, login: Option<&Login>, patience: Duration) -> Result<Self, Trouble> {
        Self::begin(Self::connect(to, patience)?, to, login, patience)
    }

    fn connect(to: SocketAddr, patience: Duration) -> Result<TcpStream, Trouble> {
        TcpStream::connect_timeout(&to, patience).map_err(|e| match e.kind() {
            ErrorKind::TimedOut => Trouble::Connect(patience),
            _ => trouble(&e, patience),
        })
    }

    fn begin(stream: TcpStream, to: SocketAddr, login: Option<&Login>, patience: Duration) -> Result<Self, Trouble> {
        let set = || -> std::io::Result<()> {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))
        };
        set().map_err(|e| trouble(&e, patience))?;
        let mut control = Self { stream, reader: Reader::new(Bounds::MONITOR), patience, to };
        if let Some(login) = login {
            control.write(&auth(login))?;
            if let Some(text) = control.read()?.error() {
                return Err(Trouble::of_login(&text));
            }
        }
        Ok(control)
    }

    /// Sends bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.stream.write_all(bytes).map_err(|e| trouble(&e, self.patience))
    }

    /// The next reply.
    pub(super) fn read(&mut self) -> Result<Value, Trouble> {
        let mut bytes = [0; 16 << 10];
        loop {
            if let Some(value) = self.reader.read()? {
                return Ok(value);
            }
            match self.stream.read(&mut bytes) {
                Ok(0) => return Err(Trouble::Closed),
                Ok(n) => self.reader.feed(&bytes[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(trouble(&e, self.patience)),
            }
        }
    }

    /// The next reply, which is no error.
    pub(super) fn fine(&mut self) -> Result<Value, Trouble> {
        let value = self.read()?;
        match value.error() {
            Some(text) => Err(Trouble::of_error(&text)),
            None => Ok(value),
        }
    }

    /// Asks one thing.
    pub(super) fn ask<A: AsRef<[u8]>>(&mut self, parts: &[A]) -> Result<Value, Trouble> {
        let mut bytes = Vec::new();
        request(&mut bytes, parts);
        self.write(&bytes)?;
        self.read()
    }
}
