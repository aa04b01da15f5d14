//! Where a node is: a host and a port.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// A node's address. The host is a name or an IP address, IPv6 without brackets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeAddr {
    /// Name or IP address.
    host: String,
    /// Port.
    port: u16,
}

impl NodeAddr {
    /// One; nothing: the host is none (empty, too long, with characters that no host has), or the port is 0.
    pub fn new(host: &str, port: u16) -> Option<Self> {
        let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let fine = host.parse::<IpAddr>().is_ok() || (!host.is_empty() && host.chars().all(name));
        (fine && host.len() <= 255 && port > 0).then(|| Self { host: host.to_owned(), port })
    }

    /// `host:port`, `[::1]:port`, `::1:port`; without a port that one.
    pub fn parse(text: &str, port: u16) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (host, after) = rest.split_once(']')?;
            let port = match after.strip_prefix(':') {
                Some(number) => number.parse().ok()?,
                None if after.is_empty() => port,
                None => return None,
            };
            return Self::new(host, port).filter(|_| host.contains(':'));
        }
        if text.parse::<IpAddr>().is_ok() {
            return Self::new(text, port);
        }
        match text.rsplit_once(':') {
            Some((host, number)) => Self::new(host, number.parse().ok()?),
            None => Self::new(text, port),
        }
    }

    /// Name or IP address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its IP address; nothing: it is a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for NodeAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            f.pad(&format!("[{}]:{}", self.host, self.port))
        } else {
            f.pad(&format!("{}:{}", self.host, self.port))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, shown) in [
            ("10.0.0.1:7000", "10.0.0.1:7000"),
            ("10.0.0.1", "10.0.0.1:6379"),
            ("cache-1.example.org:7000", "cache-1.example.org:7000"),
            ("[fd00::1]:7000", "[fd00::1]:7000"),
            ("[fd00::1]", "[fd00::1]:6379"),
            ("fd00::1", "[fd00::1]:6379"),
        ] {
            assert_eq!(NodeAddr::parse(text, 6379).map(|addr| addr.to_string()).as_deref(), Some(shown), "{text}");
        }
        for text in ["", ":7000", "a b:1", "x:0", "x:70000", "[x]:1", "[::1]x", "x\u{1b}[31m:1", "x/y:1"] {
            assert_eq!(NodeAddr::parse(text, 6379), None, "{text}");
        }
    }
}
