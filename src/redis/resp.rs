//! The protocol: RESP2 and RESP3 replies as they come, requests as they go out.
//!
//! A reader is fed bytes as they arrive and gives values as they become whole. What a server sends is bounded before it is
//! kept: a length beyond [`Bounds`] is refused when it is announced, not when it has arrived.
//! Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>

use std::fmt;

use crate::base::Shown;

/// How much of a server's answer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of one string.
    pub string: usize,
    /// Elements of one array, set, push or map (pairs count twice).
    pub elements: usize,
    /// Bytes of one whole reply.
    pub reply: usize,
    /// How deep arrays lie in each other.
    pub depth: usize,
}

impl Bounds {
    /// For a monitor: `CLUSTER NODES` of a thousand nodes with scattered slots is below 8 MiB.
    pub const MONITOR: Self = Self { string: 16 << 20, elements: 1 << 18, reply: 32 << 20, depth: 16 };
}

/// A reply, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing: a null bulk string, a null array, `_`. That a transaction was not carried out is said by it.
    Null,
    /// A simple string.
    Simple(Vec<u8>),
    /// An error, with its code: `MOVED 1 127.0.0.1:7000`.
    Error(Vec<u8>),
    /// A number.
    Integer(i64),
    /// A bulk or verbatim string (without the three letters of its format).
    Bulk(Vec<u8>),
    /// An array; sets are arrays here, and maps arrays of keys and values in turn.
    Array(Vec<Value>),
    /// What was not asked for (RESP3).
    Push(Vec<Value>),
    /// `#t`, `#f`
    Boolean(bool),
    /// A floating-point number.
    Double(f64),
    /// A number of any size, as it was written.
    Big(Vec<u8>),
}

impl Value {
    /// Its bytes, where it is text of any kind but an error.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(bytes) | Self::Bulk(bytes) | Self::Big(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The same as UTF-8; what is none is replaced.
    pub fn text(&self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// An error's text.
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Error(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    /// A number, written as one or as text.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            other => std::str::from_utf8(other.bytes()?).ok()?.parse().ok(),
        }
    }

    /// Its elements.
    pub fn array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(all) | Self::Push(all) => Some(all),
            _ => None,
        }
    }
}

/// Bytes that are no reply, or one that is too large.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RespError {
    /// It begins like no reply: another service listens there, or it speaks TLS.
    #[error(
        "\"{}\" begins no reply of a redis server; is it one, and is tls set as the server has it?",
        Shown::text(begin)
    )]
    Begin {
        /// The first bytes.
        begin: String,
    },
    /// A line that should hold a number, and does not.
    #[error("\"{}\" is no {what}; the server and firn are out of step", Shown::text(found))]
    Number {
        /// What it should be.
        what: &'static str,
        /// What it is.
        found: String,
    },
    /// More than is kept.
    #[error(
        "a reply announces {what} of {found}, and at most {most} is kept; ask a smaller question, or another server"
    )]
    TooLarge {
        /// What of it.
        what: &'static str,
        /// How much.
        found: u64,
        /// What is possible.
        most: usize,
    },
    /// A string that does not end where it should.
    #[error("a string of {length} bytes does not end with a line break; the server and firn are out of step")]
    End {
        /// Its announced length.
        length: usize,
    },
}

/// Longest line of a number or a length.
const LINE: usize = 64;
/// Longest simple string or error.
const SIMPLE: usize = 64 << 10;
/// Bytes shown of what begins no reply.
const SHOWN: usize = 40;

/// Reads replies out of bytes.
#[derive(Debug)]
pub struct Reader {
    bounds: Bounds,
    kept: Vec<u8>,
    /// What of `kept` has been given out.
    from: usize,
    /// Fewer bytes than these are not looked at again: the reply is not whole.
    needs: usize,
}

/// What is not whole yet: how many bytes it needs at least.
enum Short {
    Needs(usize),
    Wrong(RespError),
}

impl From<RespError> for Short {
    fn from(error: RespError) -> Self {
        Self::Wrong(error)
    }
}

impl Reader {
    /// One that has read nothing.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, kept: Vec::new(), from: 0, needs: 1 }
    }

    /// Takes bytes in.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.from == self.kept.len() {
            self.kept.clear();
            self.from = 0;
        } else if self.from > 64 << 10 {
            self.kept.drain(..self.from);
            self.from = 0;
        }
        self.kept.extend_from_slice(bytes);
    }

    /// Whether nothing waits in it.
    pub fn is_empty(&self) -> bool {
        self.from == self.kept.len()
    }

    /// The next whole reply; nothing: more bytes are needed. After an error it gives no more.
    pub fn read(&mut self) -> Result<Option<Value>, RespError> {
        let rest = &self.kept[self.from..];
        if rest.len() < self.needs {
            return Ok(None);
        }
        let mut at = Cursor { bytes: rest, at: 0, bounds: self.bounds };
        match at.value(0) {
            Ok(value) => {
                self.from += at.at;
                self.needs = 1;
                Ok(Some(value))
            }
            Err(Short::Needs(bytes)) if bytes > self.bounds.reply => {
                Err(RespError::TooLarge { what: "bytes", found: bytes as u64, most: self.bounds.reply })
            }
            Err(Short::Needs(bytes)) => {
                self.needs = bytes;
                Ok(None)
            }
            Err(Short::Wrong(error)) => Err(error),
        }
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    bounds: Bounds,
}

impl<'a> Cursor<'a> {
    /// A line without its end, of at most so many bytes.
    fn line(&mut self, most: usize, what: &'static str) -> Result<&'a [u8], Short> {
        let rest = &self.bytes[self.at..];
        match rest.iter().take(most + 2).position(|byte| *byte == b'\n') {
            Some(end) if end > 0 && rest[end - 1] == b'\r' => {
                self.at += end + 1;
                Ok(&rest[..end - 1])
            }
            Some(end) => Err(RespError::Number { what, found: begin(&rest[..end]) }.into()),
            None if rest.len() > most => Err(RespError::TooLarge { what, found: rest.len() as u64, most }.into()),
            None => Err(Short::Needs(self.bytes.len() + 1)),
        }
    }

    fn number(&mut self, what: &'static str) -> Result<i64, Short> {
        let line = self.line(LINE, what)?;
        let number = std::str::from_utf8(line).ok().and_then(|text| text.parse().ok());
        number.ok_or_else(|| RespError::Number { what, found: begin(line) }.into())
    }

    /// A length; nothing: -1.
    fn length(&mut self, what: &'static str, most: usize) -> Result<Option<usize>, Short> {
        match self.number(what)? {
            -1 => Ok(None),
            number => match usize::try_from(number) {
                Ok(length) if length <= most => Ok(Some(length)),
                Ok(length) => Err(RespError::TooLarge { what, found: length as u64, most }.into()),
                Err(_) => Err(RespError::Number { what, found: number.to_string() }.into()),
            },
        }
    }

    fn string(&mut self) -> Result<Option<&'a [u8]>, Short> {
        let Some(length) = self.length("bytes of a string", self.bounds.string)? else { return Ok(None) };
        let end = self.at + length;
        let Some(found) = self.bytes.get(self.at..end + 2) else { return Err(Short::Needs(end + 2)) };
        let (text, rest) = found.split_at(length);
        if rest != b"\r\n" {
            return Err(RespError::End { length }.into());
        }
        self.at = end + 2;
        Ok(Some(text))
    }

    fn elements(&mut self, depth: usize, each: usize) -> Result<Option<Vec<Value>>, Short> {
        if depth >= self.bounds.depth {
            let found = depth as u64 + 1;
            return Err(RespError::TooLarge { what: "arrays in each other", found, most: self.bounds.depth }.into());
        }
        // Attributes of nothing go deeper, too: what comes after them does.
        let Some(count) = self.length("elements", self.bounds.elements / each)? else { return Ok(None) };
        // What is announced is not yet there: room is made as it comes.
        let mut all = Vec::new();
        for _ in 0..count * each {
            all.push(self.value(depth + 1)?);
        }
        Ok(Some(all))
    }

    fn value(&mut self, depth: usize) -> Result<Value, Short> {
        let Some(kind) = self.bytes.get(self.at) else { return Err(Short::Needs(self.bytes.len() + 1)) };
        let kind = *kind;
        if !b"+-:$*_#,(!=%~>|".contains(&kind) {
            return Err(RespError::Begin { begin: begin(&self.bytes[self.at..]) }.into());
        }
        self.at += 1;
        Ok(match kind {
            b'+' => Value::Simple(self.line(SIMPLE, "simple string")?.to_vec()),
            b'-' => Value::Error(self.line(SIMPLE, "error")?.to_vec()),
            b':' => Value::Integer(self.number("number")?),
            b'$' => self.string()?.map_or(Value::Null, |text| Value::Bulk(text.to_vec())),
            b'!' => self.string()?.map_or(Value::Null, |text| Value::Error(text.to_vec())),
            b'=' => self.string()?.map_or(Value::Null, |text| Value::Bulk(text.get(4..).unwrap_or(text).to_vec())),
            b'*' | b'~' => self.elements(depth, 1)?.map_or(Value::Null, Value::Array),
            b'>' => self.elements(depth, 1)?.map_or(Value::Null, Value::Push),
            b'%' => self.elements(depth, 2)?.map_or(Value::Null, Value::Array),
            // Attributes stand before what they are about, and nobody asked for them.
            b'|' => {
                self.elements(depth, 2)?;
                // A server may not make us go ever deeper by them, either.
                self.value(depth + 1)?
            }
            b'_' => {
                self.line(LINE, "null")?;
                Value::Null
            }
            b'#' => match self.line(LINE, "truth")? {
                b"t" => Value::Boolean(true),
                b"f" => Value::Boolean(false),
                other => return Err(RespError::Number { what: "truth", found: begin(other) }.into()),
            },
            b',' => {
                let line = self.line(LINE, "floating-point number")?;
                let number = std::str::from_utf8(line).ok().and_then(|text| text.parse().ok());
                let wrong = || RespError::Number { what: "floating-point number", found: begin(line) };
                Value::Double(number.ok_or_else(wrong)?)
            }
            _ => Value::Big(self.line(SIMPLE, "number")?.to_vec()),
        })
    }
}

fn begin(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]).into_owned()
}

/// Appends a request: an array of bulk strings, which every server and dtm-redis take.
pub fn request<A: AsRef<[u8]>>(to: &mut Vec<u8>, parts: &[A]) {
    let head = |to: &mut Vec<u8>, kind: u8, number: usize| {
        to.push(kind);
        to.extend_from_slice(number.to_string().as_bytes());
        to.extend_from_slice(b"\r\n");
    };
    head(to, b'*', parts.len());
    for part in parts {
        let part = part.as_ref();
        head(to, b'$', part.len());
        to.extend_from_slice(part);
        to.extend_from_slice(b"\r\n");
    }
}

impl fmt::Display for Value {
    /// As an operator reads it, escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("(nil)"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Simple(bytes) | Self::Error(bytes) | Self::Bulk(bytes) | Self::Big(bytes) => {
                write!(f, "{}", Shown::bytes(bytes))
            }
            Self::Array(all) | Self::Push(all) => {
                f.write_str("[")?;
                for (place, one) in all.iter().enumerate() {
                    if place > 0 {
                        f.write_str(", ")?;
                    }
                    write!(f, "{one}")?;
                }
                f.write_str("]")
            }
        }
    }
}
