//! The command that would repair something, as an operator types it. firn never carries one out.

use std::path::Path;

use super::addr::NodeAddr;
use super::nodes::NodeId;
use super::tls::{Check, Tls};

/// A word for a shell: quoted, unless nothing in it could mean anything to one.
pub fn quote(word: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | ',' | '+' | '=' | '@' | '%');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// How `redis-cli` reaches the nodes of a cluster: in the open, or by TLS as firn does. Who asks is left to the operator
/// (`--user`, `REDISCLI_AUTH`): firn's own account may do little of this.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cli(String);

impl Cli {
    /// As firn's own lines are. `redis-cli` checks who signed a certificate and never the name in it.
    /// Source: `redis-cli --help` of redis 6 to 8; without `--cacert` it goes by the authorities of the system.
    pub fn new(tls: &Tls) -> Self {
        let Tls::On(ways) = tls else { return Self::default() };
        let file = |option: &str, path: &Path| format!(" {option} {}", quote(&path.to_string_lossy()));
        let mut words = " --tls".to_owned();
        match (ways.check, &ways.authority) {
            (Check::Nothing, _) => words += " --insecure",
            (Check::Name | Check::Signer, Some(authority)) => words += &file("--cacert", authority),
            (Check::Name | Check::Signer, None) => {}
        }
        if let Some(identity) = &ways.identity {
            words += &file("--cert", &identity.certificate);
            words += &file("--key", &identity.key);
        }
        Self(words)
    }

    /// `redis-cli -h HOST -p PORT`
    fn at(&self, to: &NodeAddr) -> String {
        format!("redis-cli{} -h {} -p {}", self.0, quote(to.host()), to.port())
    }

    /// `redis-cli -h HOST -p PORT …`
    pub fn ask(&self, to: &NodeAddr, words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
        format!("{} {}", self.at(to), words.join(" "))
    }

    /// `CLUSTER SETSLOT n STABLE`, for slots from one to another: a command for each.
    pub fn stable(&self, to: &NodeAddr, slots: &[(u16, u16)]) -> String {
        match slots {
            [(from, last)] if from == last => self.ask(to, &["CLUSTER", "SETSLOT", &from.to_string(), "STABLE"]),
            _ => {
                let all: Vec<String> = slots.iter().map(|(from, last)| format!("$(seq {from} {last})")).collect();
                format!("for slot in {}; do {} CLUSTER SETSLOT $slot STABLE; done", all.join(" "), self.at(to))
            }
        }
    }

    /// `CLUSTER MEET`: makes a node known to another.
    pub fn meet(&self, to: &NodeAddr, other: &NodeAddr) -> String {
        self.ask(to, &["CLUSTER", "MEET", other.host(), &other.port().to_string()])
    }

    /// `CLUSTER FORGET` at every node that one knows.
    pub fn forget_everywhere(&self, by: &NodeAddr, id: &NodeId) -> String {
        format!("redis-cli{} --cluster call {} CLUSTER FORGET {id}", self.0, quote(&by.to_string()))
    }

    /// `CLUSTER SETSLOT n NODE id`
    pub fn set_slot(&self, to: &NodeAddr, slot: u16, id: &NodeId) -> String {
        self.ask(to, &["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", id.as_str()])
    }

    /// `CLUSTER FAILOVER`, or with a word such as `TAKEOVER`.
    pub fn failover(&self, to: &NodeAddr, word: Option<&str>) -> String {
        let words: Vec<&str> = ["CLUSTER", "FAILOVER"].into_iter().chain(word).collect();
        self.ask(to, &words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redis::tls::{Identity, TlsWays};

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        assert_eq!(quote("a b'c;$x"), "'a b'\\''c;$x'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("10.0.0.1:7000"), "10.0.0.1:7000");
        let addr = NodeAddr::new("fd00::1", 7000).unwrap();
        let open = Cli::default();
        assert_eq!(
            open.ask(&addr, &["CLIENT", "KILL", "TYPE", "replica"]),
            "redis-cli -h fd00::1 -p 7000 CLIENT KILL TYPE replica"
        );
        assert_eq!(open.stable(&addr, &[(7, 7)]), "redis-cli -h fd00::1 -p 7000 CLUSTER SETSLOT 7 STABLE");
        assert_eq!(
            open.stable(&addr, &[(7, 9), (12, 12)]),
            "for slot in $(seq 7 9) $(seq 12 12); do redis-cli -h fd00::1 -p 7000 CLUSTER SETSLOT $slot STABLE; done"
        );
    }

    #[test]
    fn a_cluster_that_speaks_tls_is_told_so_by_every_command() {
        let ways = TlsWays {
            check: Check::Name,
            authority: Some("/etc/firn/our ca.pem".into()),
            identity: Some(Identity { certificate: "/etc/firn/own.pem".into(), key: "/etc/firn/own.key".into() }),
        };
        let cli = Cli::new(&Tls::On(ways.clone()));
        let addr = NodeAddr::new("10.0.0.1", 7000).unwrap();
        let tls = "--tls --cacert '/etc/firn/our ca.pem' --cert /etc/firn/own.pem --key /etc/firn/own.key";
        assert_eq!(cli.failover(&addr, None), format!("redis-cli {tls} -h 10.0.0.1 -p 7000 CLUSTER FAILOVER"));
        assert!(cli.stable(&addr, &[(7, 9)]).contains(&format!("do redis-cli {tls} -h 10.0.0.1 -p 7000 CLUSTER")));
        let id = NodeId::parse(&"a".repeat(40)).unwrap();
        let forget = cli.forget_everywhere(&addr, &id);
        assert_eq!(forget, format!("redis-cli {tls} --cluster call 10.0.0.1:7000 CLUSTER FORGET {id}"));
        let insecure = TlsWays { check: Check::Nothing, identity: None, ..ways };
        let shown = Cli::new(&Tls::On(insecure)).failover(&addr, Some("FORCE"));
        assert_eq!(shown, "redis-cli --tls --insecure -h 10.0.0.1 -p 7000 CLUSTER FAILOVER FORCE");
        assert_eq!(Cli::new(&Tls::Off), Cli::default());
    }
}
