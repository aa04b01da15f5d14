//! What the configuration says of nodes before anything is sent to them: which are production, and which speak TLS, as the
//! benchmark does not.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::control::resolve;
use super::spec::BenchError;
use crate::redis::addr::NodeAddr;

/// A cluster of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name there.
    pub name: String,
    /// Whether it is marked production.
    pub production: bool,
    /// What its `tls` is set to; nothing: `off`.
    pub tls: Option<&'static str>,
    /// Its nodes: those of the configuration, and whatever else is known of it.
    pub nodes: Vec<NodeAddr>,
    /// The `run_id` of each, where it was seen: a server is the same one at whatever address it is reached.
    pub runs: Vec<String>,
}

/// The clusters that a benchmark has to ask about.
#[derive(Debug, Clone, Default)]
pub struct Guard(Vec<Known>);

impl Guard {
    /// Of all clusters there are.
    pub fn new(all: impl IntoIterator<Item = Known>) -> Self {
        Self(all.into_iter().filter(|one| one.production || one.tls.is_some()).collect())
    }

    /// Its nodes by name and by the addresses that these names have now. It waits for the resolver.
    pub(super) fn watch(&self) -> Watch<'_> {
        let mut watch = Watch { clusters: &self.0, named: Vec::new(), at: Vec::new() };
        let mut hosts: BTreeMap<&str, Vec<IpAddr>> = BTreeMap::new();
        for (place, node) in
            self.0.iter().enumerate().flat_map(|(place, one)| one.nodes.iter().map(move |node| (place, node)))
        {
            watch.named.push((node.clone(), place));
            // A name without an address is still known by its name.
            let all = hosts.entry(node.host()).or_insert_with(|| {
                resolve(node).map(|all| all.iter().map(SocketAddr::ip).collect()).unwrap_or_default()
            });
            watch.at.extend(all.iter().map(|ip| (plain(SocketAddr::new(*ip, node.port())), place)));
        }
        watch.named.sort();
        watch.at.sort();
        watch
    }
}

/// The same address in one form: an IPv4 address may be written as one of IPv6, what is connected to no address in
/// particular leads to the own machine, and so does every address that this machine has: a server listens at several of
/// them.
fn plain(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip().to_canonical() {
        ip if ip.is_unspecified() || ip.is_loopback() || is_own(ip) => Ipv4Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}

/// Whether this machine has an address: nothing can be bound to another one. Where the kernel lets anybody bind to anything
/// (`ip_nonlocal_bind`), nobody can tell so, and none but loopback is taken for its own.
fn is_own(ip: IpAddr) -> bool {
    // Addresses for documentation; no machine has them. Source: RFC 5737, RFC 3849.
    let nobodys = match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    };
    let binds = |ip: IpAddr| UdpSocket::bind((ip, 0)).is_ok();
    binds(ip) && !binds(nobodys)
}

/// The nodes of a [`Guard`], by name and by address.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    clusters: &'a [Known],
    named: Vec<(NodeAddr, usize)>,
    at: Vec<(SocketAddr, usize)>,
}

impl Watch<'_> {
    /// Whether nothing is refused.
    pub(super) fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// Clusters that a node is of, by its name and by every address that has.
    fn of(&self, host: &NodeAddr) -> impl Iterator<Item = &Known> {
        let addresses = if self.is_empty() { Vec::new() } else { resolve(host).unwrap_or_default() };
        let named = self.named.iter().filter(|(node, _)| node == host).map(|(_, place)| *place);
        let at =
            self.at.iter().filter(|(at, _)| addresses.iter().any(|one| plain(*one) == *at)).map(|(_, place)| *place);
        let mut places: Vec<usize> = named.chain(at).collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|place| self.clusters.get(place))
    }

    /// Refuses a node that speaks TLS, and one that is production unless that is loaded `anyway`.
    pub(super) fn allow(&self, host: &NodeAddr, anyway: bool) -> Result<(), BenchError> {
        Self::refuse(self.of(host), host, anyway)
    }

    /// Whether the `run_id` of any node is known.
    pub(super) fn knows_runs(&self) -> bool {
        self.clusters.iter().any(|one| !one.runs.is_empty())
    }

    /// The same of a server by its `run_id`: it may be reached by an address that nobody knows.
    pub(super) fn allow_run(&self, host: &NodeAddr, run: &str, anyway: bool) -> Result<(), BenchError> {
        Self::refuse(self.clusters.iter().filter(|one| one.runs.iter().any(|known| known == run)), host, anyway)
    }

    fn refuse<'k>(of: impl Iterator<Item = &'k Known>, host: &NodeAddr, anyway: bool) -> Result<(), BenchError> {
        for one in of {
            // Nothing that could be said anyway helps here.
            if let Some(setting) = one.tls {
                return Err(BenchError::Tls { host: host.clone(), name: one.name.clone(), setting });
            }
            if one.production && !anyway {
                return Err(BenchError::Production { host: host.clone(), name: one.name.clone() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_known_by_every_way_to_write_it() {
        let node = |text: &str| NodeAddr::parse(text, 6379).unwrap();
        let guard = Guard::new([
            Known {
                name: "shop".to_owned(),
                production: true,
                tls: None,
                nodes: vec![node("127.0.0.1:7000")],
                runs: Vec::new(),
            },
            Known {
                name: "lab".to_owned(),
                production: false,
                tls: None,
                nodes: vec![node("127.0.0.1:7001")],
                runs: Vec::new(),
            },
            Known {
                name: "safe".to_owned(),
                production: false,
                tls: Some("required"),
                nodes: vec![node("localhost:7002")],
                runs: Vec::new(),
            },
            Known {
                name: "gone".to_owned(),
                production: true,
                tls: None,
                nodes: vec![node("no.such.host.invalid:7003")],
                runs: Vec::new(),
            },
        ]);
        let watch = guard.watch();
        let told = |text: &str, anyway| watch.allow(&node(text), anyway).map_err(|e| e.to_string());
        for text in
            ["127.0.0.1:7000", "localhost:7000", "[::ffff:127.0.0.1]:7000", "0.0.0.0:7000", "[::1]:7000", "[::]:7000"]
        {
            let why = told(text, false).unwrap_err();
            assert!(why.contains("is marked production in the configuration (shop)"), "{text}: {why}");
            assert_eq!(told(text, true), Ok(()));
        }
        for text in ["127.0.0.1:7001", "10.0.0.1:7000", "localhost:7003"] {
            assert_eq!(told(text, false), Ok(()), "{text}");
        }
        for text in ["localhost:7002", "127.0.0.1:7002"] {
            // Nobody can want it anyway: there is nothing that could be said to it.
            let why = told(text, true).unwrap_err();
            assert!(why.contains("safe, where tls = \"required\" is set; the benchmark speaks no TLS"), "{why}");
        }
        assert!(told("no.such.host.invalid:7003", false).is_err());
        assert!(
            Guard::new([Known {
                name: "x".to_owned(),
                production: false,
                tls: None,
                nodes: Vec::new(),
                runs: Vec::new()
            }])
            .0
            .is_empty()
        );
    }
    #[test]
    fn a_server_is_known_by_its_run_wherever_it_is_reached() {
        let node = |text: &str| NodeAddr::parse(text, 6379).unwrap();
        let known = |production, tls, runs: &[&str]| Known {
            name: "shop".to_owned(),
            production,
            tls,
            nodes: vec![node("10.0.0.1:6379")],
            runs: runs.iter().map(|run| (*run).to_owned()).collect(),
        };
        let guard = Guard::new([known(true, None, &["aa", "bb"])]);
        let watch = guard.watch();
        assert!(watch.knows_runs());
        let other = node("10.9.9.9:6379");
        assert!(watch.allow(&other, false).is_ok(), "by its address nobody knows it");
        let why = watch.allow_run(&other, "bb", false).unwrap_err().to_string();
        assert!(why.starts_with("10.9.9.9:6379 is marked production in the configuration (shop)"), "{why}");
        assert!(watch.allow_run(&other, "bb", true).is_ok());
        assert!(watch.allow_run(&other, "cc", false).is_ok());
        let guard = Guard::new([known(true, Some("required"), &["bb"])]);
        let why = guard.watch().allow_run(&other, "bb", true).unwrap_err().to_string();
        assert!(why.contains("the benchmark speaks no TLS"), "{why}");
        assert!(!Guard::new([known(true, None, &[])]).watch().knows_runs());
    }

    #[test]
    fn the_addresses_of_this_machine_are_its_own() {
        for own in ["127.0.0.1", "127.9.9.9"] {
            assert!(is_own(own.parse().unwrap()), "{own}");
        }
        for other in ["192.0.2.1", "198.51.100.7", "2001:db8::1"] {
            assert!(!is_own(other.parse().unwrap()), "{other}");
        }
        // Nothing is sent: connecting UDP only chooses the address that would be sent from. Without a network there is none.
        let out = UdpSocket::bind("0.0.0.0:0").unwrap();
        if out.connect("192.0.2.1:9").is_ok() {
            let ip = out.local_addr().unwrap().ip();
            assert!(is_own(ip), "{ip}");
            assert_eq!(plain(SocketAddr::new(ip, 7000)), "127.0.0.1:7000".parse().unwrap());
        }
    }
}
