//! Sets of GTIDs, MySQL's (`UUID:1-5:7`, since 8.3 with tags, `UUID:tag:1-5`; MySQL manual, "GTID Sets") and MariaDB's
//! (`domain-server-sequence`; MariaDB manual, "Global Transaction ID").

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::base::Shown;

/// The longest text that is taken for a set: a set of a server with many gaps has some kilobytes.
const LONGEST: usize = 1 << 20;

/// The greatest number of a GTID (MySQL manual: 2^63 − 1 is out of range).
const GREATEST: u64 = (1 << 63) - 2;

/// A text that is no set of GTIDs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GtidError {
    /// Neither spelling.
    #[error(
        "\"{0}\" is no GTID; write UUID:NUMBER as MySQL does (3e11fa47-71ca-11e1-9e33-c80aa9429562:23), or DOMAIN-SERVER-SEQUENCE as MariaDB does (0-1-100)"
    )]
    Shape(String),
    /// A number that is out of range.
    #[error(
        "{found} in a GTID is out of range; numbers go from 1 to {GREATEST}, an interval from its lower to its higher"
    )]
    Number {
        /// As it was written.
        found: String,
    },
    /// Two of one domain: they cannot both be the statement, nor both a position.
    #[error("domain {0} is named twice; give one GTID of a domain")]
    Twice(u32),
    /// None at all.
    #[error("no GTID is given; write one, such as 3e11fa47-71ca-11e1-9e33-c80aa9429562:23 or 0-1-100")]
    Empty,
    /// Too long.
    #[error("a set of GTIDs of {0} bytes is too long; at most {LONGEST} are read")]
    Long(usize),
}

/// Numbers from the first to the last, both in it.
type Interval = (u64, u64);

/// A set of GTIDs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Gtids {
    /// MySQL's: intervals, in order and apart, by server and tag (empty: none).
    MySql(BTreeMap<(Uuid, String), Vec<Interval>>),
    /// MariaDB's: the last of each domain: server and sequence.
    MariaDb(BTreeMap<u32, (u32, u64)>),
}

/// How a set stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// It holds all of the other.
    All,
    /// It holds some of it.
    Some,
    /// It holds none of it.
    None,
    /// It knows nothing of the server (MySQL) or the domain (MariaDB).
    Stranger,
}

fn cut(text: &str) -> String {
    Shown::text(&text.chars().take(80).collect::<String>()).to_string()
}

fn number(text: &str) -> Result<u64, GtidError> {
    let wrong = || GtidError::Number { found: cut(text) };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    text.parse().ok().filter(|number| (1..=GREATEST).contains(number)).ok_or_else(wrong)
}

/// `23` or `23-40`.
fn interval(text: &str) -> Result<Interval, GtidError> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    if first > last { Err(GtidError::Number { found: cut(text) }) } else { Ok((first, last)) }
}

fn is_tag(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn mysql(text: &str) -> Result<Gtids, GtidError> {
    let shape = || GtidError::Shape(cut(text));
    let mut sets: BTreeMap<(Uuid, String), Vec<Interval>> = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let mut words = part.split(':').map(str::trim);
        let server = words.next().filter(|word| word.len() == 36).ok_or_else(shape)?;
        let server = Uuid::try_parse(server).map_err(|_| shape())?;
        let mut tag = String::new();
        let mut found = false;
        for word in words {
            if is_tag(word) {
                tag = word.to_ascii_lowercase();
            } else if word.starts_with(|c: char| c.is_ascii_digit()) {
                sets.entry((server, tag.clone())).or_default().push(interval(word)?);
                found = true;
            } else {
                return Err(shape());
            }
        }
        if !found {
            return Err(shape());
        }
    }
    for intervals in sets.values_mut() {
        intervals.sort_unstable();
        let mut merged: Vec<Interval> = Vec::with_capacity(intervals.len());
        for next in intervals.drain(..) {
            match merged.last_mut() {
                Some(last) if next.0 <= last.1 + 1 => last.1 = last.1.max(next.1),
                _ => merged.push(next),
            }
        }
        *intervals = merged;
    }
    Ok(Gtids::MySql(sets))
}

fn mariadb(text: &str) -> Result<Gtids, GtidError> {
    let mut sets = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let words: Vec<&str> = part.split('-').collect();
        let [domain, server, sequence] = words.as_slice() else { return Err(GtidError::Shape(cut(text))) };
        let small = |text: &str| text.parse::<u32>().map_err(|_| GtidError::Number { found: cut(text) });
        let (domain, server) = (small(domain)?, small(server)?);
        if sets.insert(domain, (server, number(sequence)?)).is_some() {
            return Err(GtidError::Twice(domain));
        }
    }
    Ok(Gtids::MariaDb(sets))
}

impl FromStr for Gtids {
    type Err = GtidError;

    fn from_str(text: &str) -> Result<Self, GtidError> {
        if text.len() > LONGEST {
            return Err(GtidError::Long(text.len()));
        }
        // Every GTID of MySQL has a colon and none of MariaDB's does.
        let set = if text.contains(':') {
            mysql(text)?
        } else if text.trim().is_empty() {
            return Err(GtidError::Empty);
        } else {
            let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-, \t\r\n".contains(&byte));
            if !plain {
                return Err(GtidError::Shape(cut(text)));
            }
            mariadb(text)?
        };
        if set.is_empty() { Err(GtidError::Empty) } else { Ok(set) }
    }
}

impl TryFrom<String> for Gtids {
    type Error = GtidError;

    fn try_from(text: String) -> Result<Self, GtidError> {
        text.parse()
    }
}

impl From<Gtids> for String {
    fn from(set: Gtids) -> Self {
        set.to_string()
    }
}

impl fmt::Display for Gtids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MySql(sets) => {
                for (n, ((server, tag), intervals)) in sets.iter().enumerate() {
                    write!(f, "{}{server}", if n > 0 { "," } else { "" })?;
                    if !tag.is_empty() {
                        write!(f, ":{tag}")?;
                    }
                    for (first, last) in intervals {
                        if first == last { write!(f, ":{first}")? } else { write!(f, ":{first}-{last}")? }
                    }
                }
            }
            Self::MariaDb(sets) => {
                for (n, (domain, (server, sequence))) in sets.iter().enumerate() {
                    write!(f, "{}{domain}-{server}-{sequence}", if n > 0 { "," } else { "" })?;
                }
            }
        }
        Ok(())
    }
}

impl Gtids {
    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::MySql(sets) => sets.is_empty(),
            Self::MariaDb(sets) => sets.is_empty(),
        }
    }

    /// How much of `other` this set, the one a server has applied or received, holds. A position of MariaDB stands for
    /// all of its domain up to it.
    pub fn holds(&self, other: &Gtids) -> Holds {
        match (self, other) {
            (Self::MySql(own), Self::MySql(other)) => {
                let stranger = |server: &Uuid| !own.keys().any(|(known, _)| known == server);
                if other.keys().any(|(server, _)| stranger(server)) {
                    return Holds::Stranger;
                }
                let (mut all, mut some) = (true, false);
                for (key, wanted) in other {
                    let held = own.get(key).map_or(&[][..], Vec::as_slice);
                    for (first, last) in wanted {
                        all &= held.iter().any(|(low, high)| low <= first && last <= high);
                        some |= held.iter().any(|(low, high)| low <= last && first <= high);
                    }
                }
                amount(all, some)
            }
            (Self::MariaDb(own), Self::MariaDb(other)) => {
                let (mut all, mut some) = (true, false);
                for (domain, (_, sequence)) in other {
                    let Some((_, reached)) = own.get(domain) else { return Holds::Stranger };
                    all &= sequence <= reached;
                    some |= sequence <= reached;
                }
                amount(all, some)
            }
            _ => Holds::Stranger,
        }
    }

    /// Those of servers that `other` knows, too (MySQL): what a replica has from its sources, without its own writes.
    #[must_use]
    pub fn only_servers_of(&self, other: &Gtids) -> Gtids {
        match (self, other) {
            (Self::MySql(own), Self::MySql(other)) => {
                let known = |server: &Uuid| other.keys().any(|(theirs, _)| theirs == server);
                let kept = own.iter().filter(|((server, _), _)| known(server));
                Self::MySql(kept.map(|(key, intervals)| (key.clone(), intervals.clone())).collect())
            }
            _ => self.clone(),
        }
    }

    /// The position just before it (MariaDB): where a replica stops that must not apply it. Nothing where it is the
    /// first of its domain.
    pub fn before(&self) -> Option<Gtids> {
        let Self::MariaDb(sets) = self else { return None };
        let earlier = |(domain, (server, sequence)): (&u32, &(u32, u64))| {
            (*sequence > 1).then(|| (*domain, (*server, sequence - 1)))
        };
        sets.iter().map(earlier).collect::<Option<BTreeMap<_, _>>>().map(Self::MariaDb)
    }
}

fn amount(all: bool, some: bool) -> Holds {
    match (all, some) {
        (true, _) => Holds::All,
        (false, true) => Holds::Some,
        (false, false) => Holds::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

    fn set(text: &str) -> Gtids {
        text.parse().unwrap()
    }

    #[test]
    fn both_spellings_are_read_and_written() {
        for (text, shown) in [
            (format!("{A}:5:1-3:4"), format!("{A}:1-5")),
            (format!("{}:1-5,\n{B}:7", A.to_uppercase()), format!("{A}:1-5,{B}:7")),
            (format!("{A}:1-2:Nightly:4-5:9"), format!("{A}:1-2,{A}:nightly:4-5:9")),
            ("0-1-100, 2-7-5".to_owned(), "0-1-100,2-7-5".to_owned()),
        ] {
            assert_eq!(set(&text).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_gtid_is_refused_with_the_reason() {
        for (text, why) in [
            ("", "no GTID is given; write one"),
            (",", "no GTID is given; write one"),
            ("hello", "\"hello\" is no GTID; write UUID:NUMBER"),
            ("0-1", "\"0-1\" is no GTID"),
            ("0-1-100-4", "\"0-1-100-4\" is no GTID"),
            ("0-1-0", "0 in a GTID is out of range; numbers go from 1 to 9223372036854775806"),
            ("4294967296-1-5", "4294967296 in a GTID is out of range"),
            ("0-1-5,0-2-6", "domain 0 is named twice"),
            ("3e11fa47-71ca-11e1-9e33-c80aa9429562", "\"3e11fa47-71ca-11e1-9e33-c80aa9429562\" is no GTID"),
            ("3e11fa47-71ca-11e1-9e33-c80aa9429562:", "\"3e11fa47-71ca-11e1-9e33-c80aa9429562:\" is no GTID"),
            ("3e11fa47-71ca-11e1-9e33-c80aa9429562:5-3", "5-3 in a GTID is out of range"),
            ("3e11fa47-71ca-11e1-9e33-c80aa9429562:1' OR '1", "1' OR '1 in a GTID is out of range"),
            ("nonsense:1", "\"nonsense:1\" is no GTID"),
        ] {
            let said = text.parse::<Gtids>().unwrap_err().to_string();
            assert!(said.starts_with(why), "{text}: {said}");
        }
    }

    #[test]
    fn a_set_holds_all_some_none_or_does_not_know_the_server() {
        let own = set(&format!("{A}:1-10:20-30:nightly:1-2"));
        for (other, holds) in [
            (format!("{A}:5"), Holds::All),
            (format!("{A}:1-10:25"), Holds::All),
            (format!("{A}:9-11"), Holds::Some),
            (format!("{A}:11-19"), Holds::None),
            (format!("{A}:nightly:2"), Holds::All),
            (format!("{A}:weekly:2"), Holds::None),
            (format!("{B}:1"), Holds::Stranger),
            ("0-1-5".to_owned(), Holds::Stranger),
        ] {
            assert_eq!(own.holds(&set(&other)), holds, "{other}");
        }
        let own = set("0-1-100,3-9-7");
        for (other, holds) in [
            ("0-2-100", Holds::All),
            ("0-1-101", Holds::None),
            ("0-1-100,3-9-8", Holds::Some),
            ("5-1-1", Holds::Stranger),
        ] {
            assert_eq!(own.holds(&set(other)), holds, "{other}");
        }
    }

    #[test]
    fn the_place_before_and_the_servers_that_count() {
        assert_eq!(set("0-1-100,3-9-7").before().unwrap().to_string(), "0-1-99,3-9-6");
        assert_eq!(set("0-1-1").before(), None);
        assert_eq!(set(&format!("{A}:5")).before(), None);
        let own = set(&format!("{A}:1-5,{B}:1-9"));
        assert_eq!(own.only_servers_of(&set(&format!("{A}:1-80"))).to_string(), format!("{A}:1-5"));
    }

    proptest! {
        #[test]
        fn holding_is_that_of_sets_of_numbers(
            own in proptest::collection::vec((1u64..60, 0u64..8), 1..8),
            other in proptest::collection::vec((1u64..60, 0u64..8), 1..4),
        ) {
            let text = |intervals: &[(u64, u64)]| {
                let words: Vec<String> = intervals.iter().map(|(low, more)| format!("{low}-{}", low + more)).collect();
                format!("{A}:{}", words.join(":"))
            };
            let numbers = |intervals: &[(u64, u64)]| -> BTreeSet<u64> {
                intervals.iter().flat_map(|(low, more)| *low..=low + more).collect()
            };
            let (a, b) = (numbers(&own), numbers(&other));
            let expected = amount(b.is_subset(&a), !b.is_disjoint(&a));
            prop_assert_eq!(set(&text(&own)).holds(&set(&text(&other))), expected);
            let written = set(&text(&own)).to_string();
            prop_assert_eq!(set(&written).to_string(), written);
        }
    }
}
