//! Requests that are built once, and the few replies that are expected, read where they lie.
//!
//! A client has one request under way, so what arrives is nearly always one whole reply and nothing else. Those are known
//! by their bytes; everything else goes through [`Reader`](crate::redis::resp::Reader).

use crate::redis::resp::{Value, request};

/// Digits of a key's number: [`super::spec::MOST_KEYS`] has one fewer.
const DIGITS: usize = 8;

/// The name of a key.
pub(super) fn key(prefix: &str, number: u32) -> String {
    format!("{prefix}k{number:0DIGITS$}")
}

/// The name of an account. What stands in braces is what a cluster hashes: the accounts of a bank lie in one slot.
pub(super) fn account(prefix: &str, bank: u32, number: u16) -> String {
    format!("{prefix}{{b{bank:05}}}:a{number:05}")
}

/// What an account holds: its balance, and how often that was changed.
pub(super) fn parse_account(value: &[u8]) -> Option<(i64, u64)> {
    let (balance, changes) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    Some((balance.parse().ok()?, changes.parse().ok()?))
}

/// A command of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Watch,
    Get,
    Multi,
    Set,
    Exec,
    Unwatch,
    Discard,
}

impl Command {
    /// Those of a benchmark's steps, in the order of their histograms.
    pub(super) const STEPS: [Self; 5] = [Self::Watch, Self::Get, Self::Multi, Self::Set, Self::Exec];

    /// Its place among them.
    pub(super) fn step(self) -> Option<usize> {
        match self {
            Self::Watch => Some(0),
            Self::Get => Some(1),
            Self::Multi => Some(2),
            Self::Set => Some(3),
            Self::Exec => Some(4),
            Self::Unwatch | Self::Discard => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Watch => "WATCH",
            Self::Get => "GET",
            Self::Multi => "MULTI",
            Self::Set => "SET",
            Self::Exec => "EXEC",
            Self::Unwatch => "UNWATCH",
            Self::Discard => "DISCARD",
        }
    }
}

/// A request with a key in it, of which the number alone changes.
#[derive(Debug)]
struct Template {
    bytes: Vec<u8>,
    at: usize,
}

impl Template {
    fn new(command: Command, prefix: &str, value: Option<&[u8]>) -> Self {
        let key = key(prefix, 0);
        let mut bytes = Vec::new();
        let name = command.name().as_bytes();
        match value {
            Some(value) => request(&mut bytes, &[name, key.as_bytes(), value]),
            None => request(&mut bytes, &[name, key.as_bytes()]),
        }
        let after = value.map_or(0, |value| value.len() + 2 + format!("${}\r\n", value.len()).len());
        let at = bytes.len() - after - 2 - DIGITS;
        Self { bytes, at }
    }

    fn of(&mut self, mut number: u32) -> &[u8] {
        for digit in self.bytes[self.at..self.at + DIGITS].iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
            number /= 10;
        }
        &self.bytes
    }
}

/// Every request of a run's clients.
#[derive(Debug)]
pub(super) struct Requests {
    prefix: String,
    watch: Template,
    get: Template,
    set: Template,
    /// One that names an account.
    made: Vec<u8>,
}

/// What a client transfers from and to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Side {
    pub(super) account: u16,
    pub(super) balance: i64,
    pub(super) changes: u64,
}

impl Requests {
    pub(super) fn new(prefix: &str, value: usize) -> Self {
        let value: Vec<u8> = b"abcdefghijklmnopqrstuvwxyz0123456789".iter().copied().cycle().take(value).collect();
        Self {
            prefix: prefix.to_owned(),
            watch: Template::new(Command::Watch, prefix, None),
            get: Template::new(Command::Get, prefix, None),
            set: Template::new(Command::Set, prefix, Some(&value)),
            made: Vec::new(),
        }
    }

    /// A request for a key.
    pub(super) fn of_key(&mut self, command: Command, number: u32) -> &[u8] {
        match command {
            Command::Watch => self.watch.of(number),
            Command::Get => self.get.of(number),
            Command::Set => self.set.of(number),
            other => Self::bare(other),
        }
    }

    /// A request for an account of a bank; `SET` writes what stands in `side`.
    pub(super) fn of_account(&mut self, command: Command, bank: u32, side: Side) -> &[u8] {
        if !matches!(command, Command::Watch | Command::Get | Command::Set) {
            return Self::bare(command);
        }
        let key = account(&self.prefix, bank, side.account);
        self.made.clear();
        if command == Command::Set {
            let value = format!("{} {}", side.balance, side.changes);
            request(&mut self.made, &[command.name(), &key, &value]);
        } else {
            request(&mut self.made, &[command.name(), &key]);
        }
        &self.made
    }

    /// A request without a key.
    fn bare(command: Command) -> &'static [u8] {
        match command {
            Command::Multi => b"*1\r\n$5\r\nMULTI\r\n",
            Command::Exec => b"*1\r\n$4\r\nEXEC\r\n",
            Command::Discard => b"*1\r\n$7\r\nDISCARD\r\n",
            _ => b"*1\r\n$7\r\nUNWATCH\r\n",
        }
    }
}

/// What lets the next command be served by a node that a slot is on its way to.
pub(super) const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";

/// A reply, as far as clients care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// `+OK`
    Ok,
    /// `+QUEUED`
    Queued,
    /// Nothing: no such key, or a transaction that was not carried out.
    Nil,
    /// A value.
    Bulk(&'a [u8]),
    /// Replies of a transaction, none of them an error.
    Done(usize),
    /// An error, alone or among the replies of a transaction.
    Error(&'a [u8]),
    /// Something else.
    Odd,
}

impl<'a> Heard<'a> {
    /// One whole reply and no more, if these bytes are one that is expected.
    pub(super) fn lean(bytes: &'a [u8]) -> Option<Self> {
        match bytes {
            b"+OK\r\n" => Some(Self::Ok),
            b"+QUEUED\r\n" => Some(Self::Queued),
            b"*1\r\n+OK\r\n" => Some(Self::Done(1)),
            b"*2\r\n+OK\r\n+OK\r\n" => Some(Self::Done(2)),
            b"*-1\r\n" | b"$-1\r\n" => Some(Self::Nil),
            [b'$', rest @ ..] => Self::bulk(rest),
            _ => None,
        }
    }

    fn bulk(rest: &'a [u8]) -> Option<Self> {
        let line = rest.iter().take(DIGITS).position(|byte| *byte == b'\r')?;
        let mut length = 0;
        for digit in &rest[..line] {
            if !digit.is_ascii_digit() {
                return None;
            }
            length = length * 10 + usize::from(digit - b'0');
        }
        let body = &rest[line..];
        // Both line breaks and what is between them, nothing behind.
        (line > 0 && body.len() == length + 4 && body[1] == b'\n' && body.ends_with(b"\r\n"))
            .then(|| Self::Bulk(&body[2..2 + length]))
    }

    /// The same of a reply that was read by the protocol's rules.
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Nil,
            Value::Simple(text) if text == b"OK" => Self::Ok,
            Value::Simple(text) if text == b"QUEUED" => Self::Queued,
            Value::Bulk(text) => Self::Bulk(text),
            Value::Error(text) => Self::Error(text),
            Value::Array(all) => {
                let error = all.iter().find_map(|one| match one {
                    Value::Error(text) => Some(text),
                    _ => None,
                });
                error.map_or(Self::Done(all.len()), |text| Self::Error(text))
            }
            _ => Self::Odd,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::redis::resp::{Bounds, Reader};

    #[test]
    fn requests_name_their_key() {
        let mut requests = Requests::new("firn-bench:0a:", 3);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text(requests.of_key(Command::Get, 9_998)), "*2\r\n$3\r\nGET\r\n$23\r\nfirn-bench:0a:k00009998\r\n");
        assert_eq!(
            text(requests.of_key(Command::Set, 9_999_999)),
            "*3\r\n$3\r\nSET\r\n$23\r\nfirn-bench:0a:k09999999\r\n$3\r\nabc\r\n"
        );
        assert_eq!(text(requests.of_key(Command::Watch, 7)), "*2\r\n$5\r\nWATCH\r\n$23\r\nfirn-bench:0a:k00000007\r\n");
        assert_eq!(text(requests.of_key(Command::Exec, 7)), "*1\r\n$4\r\nEXEC\r\n");
        let side = Side { account: 3, balance: -5, changes: 17 };
        assert_eq!(
            text(requests.of_account(Command::Set, 2, side)),
            "*3\r\n$3\r\nSET\r\n$29\r\nfirn-bench:0a:{b00002}:a00003\r\n$5\r\n-5 17\r\n"
        );
        assert_eq!(parse_account(b"-5 17"), Some((-5, 17)));
        for odd in [&b"-5"[..], b"5 -1", b" 1", b"x 1", b"1 2 3", b"\xff 1"] {
            assert_eq!(parse_account(odd), None);
        }
    }

    #[test]
    fn steps_have_a_histogram_each() {
        for (place, command) in Command::STEPS.into_iter().enumerate() {
            assert_eq!(command.step(), Some(place));
        }
    }

    #[test]
    fn dtm_redis_says_nil_in_its_own_way() {
        assert_eq!(Heard::lean(b"$-1\r\n"), Some(Heard::Nil));
        assert_eq!(Heard::lean(b"*-1\r\n"), Some(Heard::Nil));
    }

    fn reply() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            Just(b"+OK\r\n".to_vec()),
            Just(b"+QUEUED\r\n".to_vec()),
            Just(b"*-1\r\n".to_vec()),
            Just(b"$-1\r\n".to_vec()),
            Just(b"*1\r\n+OK\r\n".to_vec()),
            Just(b"*2\r\n+OK\r\n+OK\r\n".to_vec()),
            Just(b"*1\r\n-ERR x\r\n".to_vec()),
            Just(b"-MOVED 1 127.0.0.1:7000\r\n".to_vec()),
            Just(b":1\r\n".to_vec()),
            prop::collection::vec(any::<u8>(), 0..200).prop_map(|value| {
                let mut bytes = format!("${}\r\n", value.len()).into_bytes();
                bytes.extend_from_slice(&value);
                bytes.extend_from_slice(b"\r\n");
                bytes
            }),
        ]
    }

    proptest! {
        /// Whatever is read the short way is what the protocol's rules make of it; what is cut or has something behind it
        /// is not read the short way.
        #[test]
        fn the_short_way_and_the_long_one_agree(reply in reply(), cut in any::<prop::sample::Index>(), more in reply()) {
            let mut reader = Reader::new(Bounds::MONITOR);
            reader.feed(&reply);
            let value = reader.read().unwrap().unwrap();
            if let Some(heard) = Heard::lean(&reply) {
                prop_assert_eq!(heard, Heard::of(&value));
            }
            prop_assert_eq!(Heard::lean(&reply[..cut.index(reply.len())]), None);
            let both = [reply.clone(), more].concat();
            prop_assert_eq!(Heard::lean(&both), None);
        }

        #[test]
        fn any_bytes_are_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut bytes = bytes;
            let _ = Heard::lean(&bytes);
            bytes.insert(0, b'$');
            let _ = Heard::lean(&bytes);
        }
    }
}
