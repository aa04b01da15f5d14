//! `[redis_limits]`, `[[redis]]`: clusters that are watched, how to get at them, and from where on something is said of them.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use super::delay::keys::joined;
use super::layers::{Section, Settings};
use super::problem::{Origin, Problem};
use super::schema::{Key, Kind, key};
use super::sections::Layers;
use super::validate::{Paths, flag, text};
use super::{Tls, sections};
use crate::base::Shown;
use crate::base::addr::NodeAddr;
use crate::base::cluster_limits::ClusterLimits;
use crate::base::secret::SecretRef;
use crate::base::units::Span;

mod limits;

/// What the nodes are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// Nodes of a redis cluster: one that is known leads to the others.
    Cluster,
    /// Nodes that know nothing of each other.
    Static,
    /// A master and its replicas.
    Replicated,
    /// The same, found through its sentinels.
    Sentinel,
    /// Sessions of dtm-redis.
    Dtm,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// Its name.
    pub name: String,
    /// What its nodes are to each other.
    pub kind: Topology,
    /// Nodes that are asked first; all there are where they do not lead to others.
    pub seeds: Vec<NodeAddr>,
    /// The user; nothing: the server's default one.
    pub user: Option<String>,
    /// Where the password stands; nothing: there is none.
    pub password: Option<SecretRef>,
    /// How lines are kept from others.
    pub tls: Tls,
    /// The certificate authority; nothing: the public ones.
    pub tls_ca: Option<PathBuf>,
    /// What firn shows of itself: certificate and key.
    pub tls_own: Option<(PathBuf, PathBuf)>,
    /// Servers of a dtm-redis's buckets.
    pub buckets: Vec<NodeAddr>,
    /// How often it is looked at.
    pub interval: Duration,
    /// How long a connection may take to come about, and an answer to come.
    pub within: Duration,
    /// What sentinels call the master, where it is found through them.
    pub sentinel_name: String,
    /// What hosts are called that fail together (racks, hypervisors), by their address.
    pub hosts: BTreeMap<String, String>,
    /// Whether the benchmark keeps off it.
    pub production: bool,
    /// From where on something is said of it.
    pub limits: ClusterLimits,
}

/// Most seeds of a cluster.
const SEEDS: usize = 256;
/// The port where none is said.
const PORT: u16 = 6379;

/// The keys of the sections.
pub const KEYS: &[Key] =
    &joined::<{ limits::COUNT * 2 + OWN.len() }>(&[&limits::keys(limits::ALL), OWN, &limits::keys("redis")]);

const OWN: &[Key] = &[
    key("redis", "name", Kind::Name, None, "the cluster's name, for commands and reports"),
    key(
        "redis",
        "kind",
        Kind::Word(&["cluster", "static", "replicated", "sentinel", "dtm"]),
        Some("cluster"),
        "what its nodes are to each other: a redis cluster; nodes by themselves; a master with replicas; the same, found \
         through sentinels; sessions of dtm-redis",
    ),
    key(
        "redis",
        "seeds",
        Kind::Text,
        None,
        "nodes to ask first, HOST:PORT with commas between; of a cluster any, of static nodes all, of sentinels theirs",
    ),
    key(
        "redis",
        "user",
        Kind::Text,
        None,
        "the user that looks (default: the server's); `firn redis acl` says what it needs",
    ),
    key("redis", "password", Kind::Text, None, "where its password stands: env:NAME or file:PATH"),
    key(
        "redis",
        "tls",
        Kind::Word(&["required", "insecure", "off"]),
        Some("off"),
        "how the line is kept from others; insecure: without a check of the certificate; off: in the open",
    ),
    key("redis", "tls_ca", Kind::Path, None, "the certificate authority, PEM (default: the public ones)"),
    key("redis", "tls_cert", Kind::Path, None, "firn's own certificate, PEM, where servers ask for one"),
    key("redis", "tls_key", Kind::Path, None, "its key, PEM"),
    key(
        "redis",
        "buckets",
        Kind::Text,
        None,
        "where kind is dtm: the servers of its buckets, HOST:PORT with commas between",
    ),
    key("redis", "interval", Kind::Span(1, 60), Some("2s"), "how often each node is looked at"),
    key("redis", "within", Kind::Span(1, 30), Some("1s"), "how long a connection may take, and an answer"),
    key(
        "redis",
        "sentinel_name",
        Kind::Text,
        Some("mymaster"),
        "what sentinels call the master, where kind is sentinel",
    ),
    key(
        "redis",
        "hosts",
        Kind::Text,
        None,
        "what fails together, ADDRESS=LABEL with commas between (default: each address by itself)",
    ),
    key("redis", "production", Kind::Flag, Some("true"), "whether `firn bench redis` keeps off it unless told"),
    key("redis", "cache", Kind::Flag, Some("false"), "whether it is a cache: what it evicts is not missed"),
];

/// Reads the sections.
pub(super) fn build(read: &Paths<'_>, settings: &Settings, problems: &mut Vec<Problem>) -> Option<Vec<RedisConfig>> {
    let before = problems.len();
    let empty = Section::new();
    let limits = settings.sections.get(limits::ALL).unwrap_or(&empty);
    let mut told = HashSet::new();
    Layers { list: limits::ALL, origin: &Origin::Default, sections: vec![limits], read }
        .cluster_limits(false, problems, &mut told);
    let mut seen = HashSet::new();
    let mut all = Vec::new();
    for (origin, section) in settings.list("redis") {
        if let Some(name) = text(section, "name")
            && !seen.insert(name.clone())
        {
            let text = format!("found {name:?} a second time; every cluster has a name of its own");
            problems.push(sections::wrong(section, origin, "redis", "name", text));
        }
        let layers = Layers { list: "redis", origin, sections: vec![section, limits], read };
        all.extend(layers.redis(problems, &mut told));
    }
    (problems.len() == before).then_some(all)
}

impl Layers<'_> {
    fn redis(&self, problems: &mut Vec<Problem>, told: &mut HashSet<String>) -> Option<RedisConfig> {
        let name = self.needed("name", problems);
        let buckets = match self.text("buckets") {
            Some(_) => self.parsed("buckets", problems, seeds),
            None => Some(Vec::new()),
        };
        let seeds = self.needed("seeds", problems).and_then(|_| self.parsed("seeds", problems, seeds));
        let password = self.secret("password", problems);
        let hosts = match self.text("hosts") {
            Some(_) => self.parsed("hosts", problems, hosts),
            None => Some(BTreeMap::new()),
        };
        let path = |key| self.read.path(&self.one(key), key);
        let tls_own = match (path("tls_cert"), path("tls_key")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) => {
                problems.push(self.wrong("tls_cert", "found it without tls_key; give both".to_owned()));
                None
            }
            (None, Some(_)) => {
                problems.push(self.wrong("tls_key", "found it without tls_cert; give both".to_owned()));
                None
            }
        };
        let limits = self.cluster_limits(flag(&self.one("cache"), "cache")?, problems, told);
        let kind = match self.text("kind")?.as_str() {
            "static" => Topology::Static,
            "replicated" => Topology::Replicated,
            "sentinel" => Topology::Sentinel,
            "dtm" => Topology::Dtm,
            _ => Topology::Cluster,
        };
        let tls = self.tls()?;
        self.unused(kind, tls, problems);
        let (interval, within) = (self.span("interval")?, self.span("within")?);
        if within > interval {
            let text = format!(
                "found within {} above interval {}; a look ends before the next one is due: lower it, or raise the other",
                Span(within),
                Span(interval)
            );
            problems.push(self.wrong("within", text));
        }
        Some(RedisConfig {
            name: name?,
            kind,
            seeds: seeds?,
            user: self.text("user"),
            password,
            tls,
            tls_ca: self.read.path(&self.one("tls_ca"), "tls_ca"),
            tls_own,
            buckets: buckets?,
            interval,
            within,
            sentinel_name: self.text("sentinel_name")?,
            hosts: hosts?,
            production: flag(&self.one("production"), "production")?,
            limits: limits?,
        })
    }

    /// What is said and would be of no use: whoever wrote it means something else by it.
    fn unused(&self, kind: Topology, tls: Tls, problems: &mut Vec<Problem>) {
        let mut told = |key: &str, beside: bool, text: &str| {
            if self.says(key) && !beside {
                problems.push(self.wrong(key, text.to_owned()));
            }
        };
        told("user", self.says("password"), "found it without password; give both");
        told("buckets", kind == Topology::Dtm, "found it where kind is not dtm; leave it out, or set kind = \"dtm\"");
        let text = "found it where kind is not sentinel; leave it out, or set kind = \"sentinel\"";
        told("sentinel_name", kind == Topology::Sentinel, text);
        // Without a check of the certificate nobody asks who has signed it.
        let text = "found it where tls is not required; leave it out, or set tls = \"required\"";
        told("tls_ca", tls == Tls::Required, text);
        let text = "found it where tls is off; leave it out, or set tls = \"required\"";
        told("tls_cert", tls != Tls::Off, text);
    }
}

/// `10.0.0.1:7000, 10.0.0.2:7000`
fn seeds(text: &str) -> Result<Vec<NodeAddr>, String> {
    let mut all: Vec<NodeAddr> = Vec::new();
    for word in text.split(',').map(str::trim) {
        let Some(addr) = NodeAddr::parse(word, PORT) else {
            return Err(format!(
                "found \"{}\"; allowed is HOST:PORT, an IPv6 address in brackets ([fd00::1]:6379), with commas between",
                Shown::text(word)
            ));
        };
        if all.contains(&addr) {
            return Err(format!("found {addr} a second time; name each node once"));
        }
        if all.len() >= SEEDS {
            return Err(format!("found more than {SEEDS} nodes; a cluster's nodes lead to the others: name a few"));
        }
        all.push(addr);
    }
    Ok(all)
}

/// `10.0.0.1=rack1, 10.0.0.2=rack1`
fn hosts(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut all = BTreeMap::new();
    for word in text.split(',').map(str::trim) {
        let parts = word.split_once('=').map(|(host, label)| (host.trim(), label.trim()));
        let found = parts.and_then(|(host, label)| {
            let addr = NodeAddr::new(host, PORT)?;
            let fine = !label.is_empty() && label.len() <= 64 && !label.chars().any(char::is_control);
            fine.then(|| (addr.host().to_owned(), label.to_owned()))
        });
        let Some((host, label)) = found else {
            return Err(format!("found \"{}\"; allowed is ADDRESS=LABEL with commas between", Shown::text(word)));
        };
        if all.insert(host.clone(), label).is_some() {
            return Err(format!("found {host} a second time; a host has one label"));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, ConfigError};
    use super::*;
    use crate::base::cluster_limits::Hundredths;

    fn parse(text: &str) -> Result<Vec<RedisConfig>, Vec<String>> {
        match Config::parse(Some((Path::new("/c/firn.toml"), text)), &[], &[]) {
            Ok(config) => Ok(config.redis),
            Err(ConfigError::Wrong(problems)) => Err(problems.iter().map(ToString::to_string).collect()),
            Err(other) => panic!("{other}"),
        }
    }

    const ONE: &str = "[[redis]]\nname = \"sessions\"\nseeds = \"10.0.0.1:7000, [fd00::1]:7001, cache-3\"\n";

    #[test]
    fn a_cluster_needs_a_name_and_seeds() {
        assert_eq!(parse("").unwrap(), []);
        let [one] = <[RedisConfig; 1]>::try_from(parse(ONE).unwrap()).unwrap();
        let seeds: Vec<String> = one.seeds.iter().map(ToString::to_string).collect();
        assert_eq!(seeds, ["10.0.0.1:7000", "[fd00::1]:7001", "cache-3:6379"]);
        assert_eq!((one.kind, one.tls, one.interval.as_secs(), one.production), (Topology::Cluster, Tls::Off, 2, true));
        assert_eq!((one.user, one.password, one.hosts.len(), one.limits), (None, None, 0, ClusterLimits::default()));
        let limits = "[redis_limits]\nnode_timeout = \"5s\"\nclients_share = 75\nimbalance = 2.25\nslow = \"5ms\"\n";
        let own = "cache = true\nclients_share = 80\nswapped = \"0.5\"\nsave_age = \"1d\"\n";
        let [one] = <[RedisConfig; 1]>::try_from(parse(&format!("{limits}{ONE}{own}")).unwrap()).unwrap();
        let expected = ClusterLimits {
            node_timeout: Some(Duration::from_secs(5)),
            clients_share: Hundredths(80),
            imbalance: Hundredths(225),
            slow: Duration::from_millis(5),
            swapped: Hundredths(50),
            save_age: Some(Duration::from_hours(24)),
            cache: true,
            ..ClusterLimits::default()
        };
        assert_eq!(one.limits, expected);
        let more = "kind = \"sentinel\"\nsentinel_name = \"main\"\nuser = \"firn\"\npassword = \"file:pw\"\ntls = \"required\"\n\
            hosts = \"10.0.0.1=rack a, cache-3 = rack b\"\nproduction = false\n";
        let [one] = <[RedisConfig; 1]>::try_from(parse(&format!("{ONE}{more}")).unwrap()).unwrap();
        assert_eq!((one.kind, one.sentinel_name.as_str(), one.production), (Topology::Sentinel, "main", false));
        assert_eq!(one.password, Some(SecretRef::File("/c/pw".into())));
        assert_eq!(one.hosts.get("cache-3").map(String::as_str), Some("rack b"));
    }

    #[test]
    fn what_belongs_together_is_taken() {
        let fine = [
            "user = \"firn\"\npassword = \"env:PW\"\n",
            "kind = \"dtm\"\nbuckets = \"a:1\"\n",
            "tls = \"required\"\ntls_ca = \"ca.pem\"\ntls_cert = \"c.pem\"\ntls_key = \"k.pem\"\n",
            "tls = \"insecure\"\ntls_cert = \"c.pem\"\ntls_key = \"k.pem\"\n",
            "interval = \"1s\"\n",
            "within = \"5s\"\ninterval = \"5s\"\n",
        ];
        for text in fine {
            assert_eq!(parse(&format!("{ONE}{text}")).map(|all| all.len()), Ok(1), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_with_what_was_found() {
        let cases = [
            ("", "[[redis]]\nname = \"x\"\n", "1: redis.seeds: it is missing; allowed is text that is not empty"),
            (
                ONE,
                "[[redis]]\nname = \"sessions\"\nseeds = \"a:1\"\n",
                "5: redis.name: found \"sessions\" a second time; every cluster has a name of its own",
            ),
            (
                "",
                "[[redis]]\nname = \"x\"\nseeds = \"a:1, b:0\"\n",
                "3: redis.seeds: found \"b:0\"; allowed is HOST:PORT, an IPv6 address in brackets ([fd00::1]:6379), with commas between",
            ),
            (
                "",
                "[[redis]]\nname = \"x\"\nseeds = \"a:1,a:1\"\n",
                "3: redis.seeds: found a:1 a second time; name each node once",
            ),
            (
                ONE,
                "hosts = \"10.0.0.1\"\n",
                "4: redis.hosts: found \"10.0.0.1\"; allowed is ADDRESS=LABEL with commas between",
            ),
            (
                ONE,
                "imbalance = 0.5\n",
                "4: redis.imbalance: found 0.5; allowed is a number from 1 to 1000, such as 1.5",
            ),
            (
                ONE,
                "lag_warning = \"1m\"\n",
                "4: redis.lag_warning: found lag_warning 1m above lag_critical 30s; the first must not be the longer one: \
                 lower it, or raise the other",
            ),
            (ONE, "tls_key = \"k.pem\"\n", "4: redis.tls_key: found it without tls_cert; give both"),
            (ONE, "user = \"firn\"\n", "4: redis.user: found it without password; give both"),
            (
                ONE,
                "buckets = \"a:1\"\n",
                "4: redis.buckets: found it where kind is not dtm; leave it out, or set kind = \"dtm\"",
            ),
            (
                ONE,
                "sentinel_name = \"main\"\n",
                "4: redis.sentinel_name: found it where kind is not sentinel; leave it out, or set kind = \"sentinel\"",
            ),
            (
                ONE,
                "tls_ca = \"ca.pem\"\n",
                "4: redis.tls_ca: found it where tls is not required; leave it out, or set tls = \"required\"",
            ),
            (
                ONE,
                "tls_ca = \"ca.pem\"\ntls = \"insecure\"\n",
                "4: redis.tls_ca: found it where tls is not required; leave it out, or set tls = \"required\"",
            ),
            (
                ONE,
                "tls_cert = \"c.pem\"\ntls_key = \"k.pem\"\n",
                "4: redis.tls_cert: found it where tls is off; leave it out, or set tls = \"required\"",
            ),
            (
                ONE,
                "within = \"3s\"\n",
                "4: redis.within: found within 3 s above interval 2 s; a look ends before the next one is due: lower it, or \
                 raise the other",
            ),
            (
                ONE,
                "password = \"hunter2\"\n",
                "4: redis.password: a secret is not written into the configuration; write \"env:NAME\" or \"file:PATH\" to say where it stands",
            ),
        ];
        for (before, text, told) in cases {
            assert_eq!(parse(&format!("{before}{text}")).unwrap_err(), [format!("/c/firn.toml:{told}")], "{text}");
        }
    }
}
