//! `INFO everything` and `CLUSTER INFO`: fields by name. A field that is not there, or is no number, is not known.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Fields kept of one reply.
const FIELDS: usize = 4_096;
/// Bytes kept of one value.
const VALUE: usize = 1_024;

/// Fields of an `INFO` or `CLUSTER INFO` reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Info {
    /// Section by section, in the server's order; `CLUSTER INFO` has one without a name.
    sections: Vec<(String, Vec<(String, String)>)>,
    /// Where a field stands; the first of a name counts.
    places: BTreeMap<String, (usize, usize)>,
}

/// A replica as its master sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attached {
    /// Its address, as it told the master.
    pub ip: String,
    /// Its port; 0: it fell back to plain `SYNC` and never told.
    pub port: u16,
    /// `online`, `wait_bgsave`, `send_bulk`
    pub state: String,
    /// Up to where it has acknowledged.
    pub offset: Option<u64>,
    /// Seconds since its last acknowledgement.
    pub lag: Option<u64>,
}

impl Attached {
    /// Its address as an IP address; nothing: it is a name.
    pub fn address(&self) -> Option<IpAddr> {
        self.ip.parse().ok()
    }
}

impl Info {
    /// Reads a reply; lines that are none are left out.
    pub fn parse(text: &str) -> Self {
        let mut info = Self::default();
        let mut fields = 0;
        for line in text.lines() {
            let line = line.trim_end_matches('\r');
            if let Some(name) = line.strip_prefix("# ") {
                info.sections.push((name.trim().to_owned(), Vec::new()));
                continue;
            }
            let Some((name, value)) = line.split_once(':').filter(|(name, _)| !name.is_empty()) else { continue };
            fields += 1;
            if fields > FIELDS {
                break;
            }
            if info.sections.is_empty() {
                info.sections.push((String::new(), Vec::new()));
            }
            let section = info.sections.len() - 1;
            let kept = &mut info.sections[section].1;
            info.places.entry(name.to_owned()).or_insert((section, kept.len()));
            kept.push((name.to_owned(), cut(value).to_owned()));
        }
        info
    }

    /// Sections with their fields, in the server's order.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &[(String, String)])> {
        self.sections.iter().map(|(name, fields)| (name.as_str(), fields.as_slice()))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// A field.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (section, place) = self.places.get(name)?;
        self.sections.get(*section)?.1.get(*place).map(|(_, value)| value.as_str())
    }

    /// A field as a whole number from zero up.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// A field as a number that may be below zero.
    pub fn signed(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// A field as a number; none that is not finite.
    pub fn float(&self, name: &str) -> Option<f64> {
        self.get(name)?.trim_end_matches('%').parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// A field that is 0 or 1.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        }
    }

    /// Fields that begin so: the rest of their name, and their value.
    pub fn beginning<'a>(&'a self, with: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.sections.iter().flat_map(|(_, fields)| fields);
        all.filter_map(move |(name, value)| Some((name.strip_prefix(with)?, value.as_str())))
    }

    /// A part of a value such as `calls=3,usec=9`.
    pub fn part(value: &str, name: &str) -> Option<String> {
        let mut parts = value.split(',').filter_map(|part| part.split_once('='));
        parts.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }

    /// Replicas that are attached: `slave0:ip=…,port=…,state=online,offset=…,lag=…`.
    pub fn attached(&self) -> Vec<Attached> {
        let digits = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
        let of = |value: &str| {
            Some(Attached {
                ip: Self::part(value, "ip")?,
                port: Self::part(value, "port")?.parse().ok()?,
                state: Self::part(value, "state")?,
                offset: Self::part(value, "offset").and_then(|text| text.parse().ok()),
                lag: Self::part(value, "lag").and_then(|text| text.parse().ok()),
            })
        };
        let all = ["slave", "replica"].into_iter().flat_map(|word| self.beginning(word));
        all.filter(|(rest, _)| digits(rest)).filter_map(|(_, value)| of(value)).collect()
    }

    /// Keys of all databases; nothing: the section was not told. An empty server has no line there.
    pub fn keys(&self) -> Option<u64> {
        self.sections.iter().find(|(name, _)| name == "Keyspace")?;
        let numbers = self.beginning("db").filter(|(rest, _)| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let keys = numbers.filter_map(|(_, value)| Self::part(value, "keys")?.parse::<u64>().ok());
        Some(keys.fold(0, u64::saturating_add))
    }

    /// How often an error was answered: `errorstat_OOM`. An error that never was has no line, where the section is told.
    pub fn errors(&self, code: &str) -> Option<u64> {
        let told = self.sections.iter().any(|(name, _)| name == "Errorstats");
        match self.get(&format!("errorstat_{code}")) {
            Some(value) => Self::part(value, "count")?.parse().ok(),
            None => told.then_some(0),
        }
    }

    /// Name and version of the server: `valkey 8.0.1`, `redis 7.0.15`. Valkey tells the version of redis it is like, too.
    pub fn version(&self) -> Option<String> {
        match (self.get("valkey_version"), self.get("redis_version")) {
            (Some(version), _) => Some(format!("valkey {version}")),
            (None, Some(version)) => Some(format!("redis {version}")),
            (None, None) => None,
        }
    }

    /// Whether it is part of a cluster (`cluster_enabled`, or the mode where that is not told).
    pub fn is_cluster(&self) -> Option<bool> {
        let mode = || self.get("redis_mode").or_else(|| self.get("server_mode")).map(|mode| mode == "cluster");
        self.flag("cluster_enabled").or_else(mode)
    }
}

/// At most so many bytes, at the border of a character.
fn cut(value: &str) -> &str {
    let mut end = value.len().min(VALUE);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:cluster\r\n\r\n# Replication\r\nrole:master\r\n\
        connected_slaves:2\r\nslave0:ip=127.0.0.1,port=19106,state=online,offset=9668699,lag=0\r\n\
        slave1:ip=fd00::7,port=0,state=wait_bgsave,offset=0,lag=77\r\nslave_expires_tracked_keys:0\r\n\
        # Errorstats\r\nerrorstat_ERR:count=12\r\n# Cluster\r\ncluster_enabled:1\r\n# Keyspace\r\n\
        db0:keys=37736,expires=0,avg_ttl=0\r\ndb3:keys=4,expires=0,avg_ttl=0\r\n";

    #[test]
    fn what_is_there_is_read_and_what_is_not_is_not_known() {
        let info = Info::parse(MASTER);
        assert_eq!(
            (info.get("role"), info.number("connected_slaves"), info.number("nothing")),
            (Some("master"), Some(2), None)
        );
        assert_eq!((info.keys(), info.errors("ERR"), info.errors("OOM")), (Some(37_740), Some(12), Some(0)));
        assert_eq!((info.version().as_deref(), info.is_cluster()), (Some("redis 7.0.15"), Some(true)));
        let attached = info.attached();
        assert_eq!(attached.len(), 2);
        assert_eq!((attached[0].port, attached[0].offset, attached[0].lag), (19_106, Some(9_668_699), Some(0)));
        assert_eq!(
            (attached[1].address().is_some(), attached[1].port, attached[1].state.as_str()),
            (true, 0, "wait_bgsave")
        );
        let none = Info::parse("");
        assert_eq!((none.keys(), none.errors("OOM"), none.version(), none.is_cluster()), (None, None, None, None));
    }

    #[test]
    fn a_server_of_the_other_kind_is_told_by_its_own_name() {
        let info = Info::parse(
            "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nserver_mode:cluster\r\n",
        );
        assert_eq!((info.version().as_deref(), info.is_cluster()), (Some("valkey 8.0.1"), Some(true)));
        assert_eq!(Info::parse("# Keyspace\r\n").keys(), Some(0), "it is empty, and says so");
    }

    #[test]
    fn what_is_no_field_is_left_out_and_what_is_long_is_cut() {
        let long = format!("a:{}é\r\n:x\r\nnothing\r\nb:1:2\r\na:second\r\n", "x".repeat(VALUE - 1));
        let info = Info::parse(&long);
        assert_eq!((info.get("a").map(str::len), info.get("b"), info.get("")), (Some(VALUE - 1), Some("1:2"), None));
        let many = (0..10_000).fold(String::new(), |text, n| text + &format!("f{n}:{n}\n"));
        assert_eq!(Info::parse(&many).sections().map(|(_, fields)| fields.len()).sum::<usize>(), FIELDS);
    }
}
